//! Running the server: load, bind, drop privileges, start, wait for a signal, stop.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use engine::Core;
use engine::load::{Loaded, load};
use engine::log::{Level, Log, Sink};
use engine::receive::Engine;
use engine::settings::Settings;
use language::{FileSystem, MemoryFiles, ReadFile, Source};
use sip::Protocol;
use transport::resolve::Resolver;
use transport::{Counter, Network as _, Options, Severity, Statistics, TcpOptions, Transport, UdpOptions};

use crate::arguments::{Arguments, define};
use crate::commands::check;
use crate::listen;
use crate::offer::OFFER;
use crate::state;

/// What runs without `-f`.
const DEFAULT: &str = include_str!("../../../etc/olelo.cfg");

/// What it calls the address of its database.
const DATABASE: &str = "DBURL";

/// Tells a background process that it is one; its parent waits for the line `ready`.
const BACKGROUND: &str = "OLELO_BACKGROUND";

/// Serves until a signal.
#[allow(clippy::print_stderr)]
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let background = std::env::var_os(BACKGROUND).is_some();
    if arguments.file.is_some() && arguments.foreground == 0 && !background {
        return start_in_background();
    }
    match serve(arguments, background) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_empty() {
                eprintln!("olelo: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Starts this program again as a process of its own session, and waits until it serves or fails.
#[allow(clippy::print_stderr)]
fn start_in_background() -> ExitCode {
    let started = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .args(std::env::args_os().skip(1))
            .env(BACKGROUND, "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
    });
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            eprintln!("olelo: cannot start in the background: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ready = child.stdout.take().and_then(|out| BufReader::new(out).lines().next());
    match ready {
        Some(Ok(line)) if line == "ready" => ExitCode::SUCCESS,
        _ => {
            let _ = child.wait();
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments, background: bool) -> Result<(), String> {
    let (loaded, settings) = load_configuration(arguments)?;
    if let Some(directory) = arguments.working_directory.as_ref().or(settings.workdir.as_ref()) {
        std::env::set_current_dir(directory).map_err(|error| format!("cannot change to {directory}: {error}"))?;
    }
    let log = loaded.core.log.clone();
    choose_sink(&log, &settings, arguments, background);
    let for_options = arguments.without_meaning.given();
    if !for_options.is_empty() {
        engine::log!(log, Notice, "options without meaning here, accepted: {}", for_options.join(" "));
    }
    let lines =
        if arguments.listen.is_empty() { loaded.listen.clone() } else { listen::from_command_line(&arguments.listen)? };
    let listens = listen::sockets(&lines, &settings)?;
    {
        let mut aliases = loaded.core.aliases.write();
        aliases.extend(engine::load::aliases(&listen::aliases_from_command_line(&arguments.alias)?));
        aliases.extend(listen::automatic_aliases(&listens, &settings));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("olelo")
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let transport =
        Arc::new(Transport::bind(&listens, &options(&settings, arguments, log)).map_err(|error| error.to_string())?);
    if background {
        nix::unistd::setsid().map_err(|error| format!("cannot leave the session: {error}"))?;
    }
    write_pid_files(arguments)?;
    drop_privileges(&settings)?;
    let result = runtime.block_on(run_until_signal(&loaded, &transport, arguments, background));
    // Tasks that still wait for a peer are not waited for.
    runtime.shutdown_timeout(Duration::from_millis(500));
    if let Some(file) = &arguments.pid_file {
        let _ = std::fs::remove_file(file);
    }
    result
}

fn load_configuration(arguments: &Arguments) -> Result<(Loaded, Settings), String> {
    let (files, memory) = (FileSystem, MemoryFiles::default());
    let source = match &arguments.file {
        Some(file) => Source::file(file, &files as &dyn ReadFile),
        None => Source::text(Path::new("olelo.cfg"), DEFAULT, &memory),
    };
    let own = own_database(arguments)?.map(|url| (DATABASE.to_owned(), Some(format!("\"{url}\""))));
    let source = source.with_defines(arguments.defines.iter().map(|text| define(text)).chain(own));
    let log = Arc::new(Log::new(0, Sink::Stderr));
    let outcome = load(&source, &OFFER, log, |settings| adjust(settings, arguments));
    check::show(&outcome);
    let loaded = outcome.loaded.ok_or_else(|| "the configuration has errors: not started".to_owned())?;
    let settings = loaded.core.settings.clone();
    Ok((loaded, settings))
}

/// The database of the default configuration, when that runs, unless the command line names another one.
fn own_database(arguments: &Arguments) -> Result<Option<String>, String> {
    let named = arguments.defines.iter().any(|text| define(text).0 == DATABASE);
    if arguments.file.is_some() || named { Ok(None) } else { state::url().map(Some) }
}

/// Command line options win over the file.
fn adjust(settings: &mut Settings, arguments: &Arguments) {
    if let Some(level) = arguments.debug {
        settings.debug = level;
    } else if arguments.debug_more > 0 {
        settings.debug = i64::from(arguments.debug_more);
    }
    if let Some(children) = arguments.children {
        settings.children = children as i64;
    }
    if arguments.no_tcp {
        settings.disable_tcp = true;
    }
    if let Some(server_id) = arguments.server_id {
        settings.server_id = server_id;
    }
    if let Some(iuid) = &arguments.iuid {
        settings.iuid = Some(iuid.as_str().into());
    }
    if let Some(mode) = &arguments.auto_aliases {
        settings.auto_aliases = matches!(mode.as_str(), "yes" | "on" | "1");
    }
    if arguments.user.is_some() {
        settings.user.clone_from(&arguments.user);
    }
    if arguments.group.is_some() {
        settings.group.clone_from(&arguments.group);
    }
    if let Some(directory) = &arguments.runtime_directory {
        settings.rundir.clone_from(directory);
    }
    if let Some(bytes) = arguments.receive_buffer {
        settings.maxbuffer = bytes;
    }
}

fn choose_sink(log: &Log, settings: &Settings, arguments: &Arguments, background: bool) {
    log.set_syslog(settings.log_facility, settings.log_name.as_deref().unwrap_or("olelo"));
    let to_stderr = arguments.log_to_stderr || settings.log_stderror || arguments.file.is_none();
    if (!to_stderr || background)
        && let Some(sink) = Log::syslog_sink()
    {
        log.set_sink(sink);
    }
}

fn options(settings: &Settings, arguments: &Arguments, log: Arc<Log>) -> Options {
    // Kamailio's `children` counts processes; threads beyond the cores only cost memory.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = match arguments.children.unwrap_or(usize::try_from(settings.children).unwrap_or(0)) {
        0 => cores,
        count => count.min(cores),
    };
    let defaults = Options::default();
    Options {
        udp: UdpOptions {
            workers,
            max_buffer: settings.maxbuffer,
            pmtu_discovery: settings.pmtu_discovery,
            ..defaults.udp
        },
        tcp: TcpOptions {
            max_connections: settings.tcp_max_connections,
            max_connections_per_address: settings.tcp_accept_iplimit,
            lifetime: settings.tcp_connection_lifetime,
            connect_timeout: settings.tcp_connect_timeout,
            send_timeout: settings.tcp_send_timeout,
            connection_queue_max: settings.tcp_conn_wq_max,
            queue_max: settings.tcp_wq_max,
            no_connect: settings.tcp_no_connect,
            message_timeout: settings.tcp_msg_read_timeout,
            accept_unique: settings.tcp_accept_unique,
            reuse_port: settings.tcp_reuse_port,
            keepalive: settings.tcp_keepalive,
            keepalive_idle: settings.tcp_keepidle,
            keepalive_interval: settings.tcp_keepintvl,
            keepalive_count: settings.tcp_keepcnt,
            delayed_ack: settings.tcp_delayed_ack,
            linger2: settings.tcp_linger2,
            syn_count: settings.tcp_syncnt,
            defer_accept: settings.tcp_defer_accept,
            crlf_pong: settings.tcp_crlf_ping,
            backlog: u32::try_from(settings.tcp_listen_backlog).unwrap_or(1024),
            limits: sip::Limits { accept_no_content_length: settings.tcp_accept_no_cl, ..defaults.tcp.limits },
            ..defaults.tcp
        },
        tos: Some(settings.tos),
        free_bind: settings.ip_free_bind,
        log: Arc::new(move |severity, text| {
            let level = match severity {
                Severity::Bug => Level::Bug,
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
                Severity::Debug => Level::Debug,
            };
            log.write(level, text);
        }),
    }
}

fn write_pid_files(arguments: &Arguments) -> Result<(), String> {
    let write = |file: &Option<String>, number: i32| match file {
        Some(file) => {
            std::fs::write(file, format!("{number}\n")).map_err(|error| format!("cannot write {file}: {error}"))
        }
        None => Ok(()),
    };
    write(&arguments.pid_file, std::process::id() as i32)?;
    write(&arguments.group_file, nix::unistd::getpgrp().as_raw())
}

/// Changes to the configured group and user; sockets with low ports are open by now.
fn drop_privileges(settings: &Settings) -> Result<(), String> {
    use nix::unistd::{Group, User, setgid, setgroups, setuid};
    if let Some(name) = &settings.group {
        let number = name.parse().ok().map(nix::unistd::Gid::from_raw);
        let gid = number
            .or_else(|| Group::from_name(name).ok().flatten().map(|group| group.gid))
            .ok_or_else(|| format!("no group `{name}`"))?;
        setgroups(&[gid])
            .and_then(|()| setgid(gid))
            .map_err(|error| format!("cannot change to group `{name}`: {error}"))?;
    }
    if let Some(name) = &settings.user {
        let number = name.parse().ok().map(nix::unistd::Uid::from_raw);
        let uid = number
            .or_else(|| User::from_name(name).ok().flatten().map(|user| user.uid))
            .ok_or_else(|| format!("no user `{name}`"))?;
        setuid(uid).map_err(|error| format!("cannot change to user `{name}`: {error}"))?;
    }
    Ok(())
}

async fn run_until_signal(
    loaded: &Loaded,
    transport: &Arc<Transport>,
    arguments: &Arguments,
    background: bool,
) -> Result<(), String> {
    let core = &loaded.core;
    core.attach(transport.clone(), jiff::Timestamp::now().as_second());
    attach_resolver(core, transport);
    declare_statistics(core, transport);
    let database = own_database(arguments)?;
    if let Some(url) = &database {
        state::open(url).await?.close().await;
    }
    loaded.start().await?;
    transport
        .start(Arc::new(Engine::new(core.clone())), &tokio::runtime::Handle::current())
        .map_err(|error| format!("cannot start the sockets: {error}"))?;
    announce(core, transport, arguments, background);
    wait_for_signal(core).await?;
    transport.stop();
    loaded.stop().await;
    Ok(())
}

fn attach_resolver(core: &Core, transport: &Transport) {
    match Resolver::new(engine::names::resolve_options(&core.settings, transport.sockets())) {
        Ok(resolver) => {
            let _ = core.resolver.set(Arc::new(resolver));
        }
        Err(error) => engine::log!(core.log, Error, "names cannot be resolved: {error}"),
    }
}

/// The statistics of group `tcp`, by Kamailio's names.
fn declare_statistics(core: &Core, transport: &Arc<Transport>) {
    type Read = fn(&Statistics) -> &Counter;
    let counters: [(&str, &str, Read); 9] = [
        ("con_reset", "connections reset by the peer", |all| &all.tcp_reset),
        ("con_timeout", "connections closed because they were idle", |all| &all.tcp_idle_closed),
        ("connect_failed", "connections that could not be opened", |all| &all.tcp_connect_failed),
        ("connect_success", "connections opened to a peer", |all| &all.tcp_connected),
        ("current_opened_connections", "connections open or opening", |all| &all.tcp_connections),
        ("current_write_queue_size", "bytes queued for writing", |all| &all.tcp_queued),
        ("local_reject", "connections refused because of a limit", |all| &all.tcp_refused),
        ("passive_open", "connections accepted", |all| &all.tcp_accepted),
        ("send_timeout", "connections closed because the peer took nothing", |all| &all.tcp_send_timeouts),
    ];
    let value = |counter: &Counter| i64::try_from(counter.get()).unwrap_or(i64::MAX);
    for (name, doc, read) in counters {
        let transport = transport.clone();
        core.statistics.computed("tcp", name, doc, move || value(read(transport.statistics())));
    }
    let of = transport.clone();
    core.statistics.computed("tcp", "established", "connections opened or accepted", move || {
        value(&of.statistics().tcp_connected) + value(&of.statistics().tcp_accepted)
    });
    let of = transport.clone();
    core.statistics.computed("tcp", "sendq_full", "messages refused because a write queue was full", move || {
        value(&of.statistics().tcp_queue_full)
    });
}

/// Says what the server listens on; with the default configuration also what to do next.
fn announce(core: &Core, transport: &Transport, arguments: &Arguments, background: bool) {
    if background {
        say!("ready");
        let _ = std::io::stdout().flush();
        return;
    }
    say!("Listening on");
    for socket in transport.sockets() {
        let advertised = socket.advertise.as_ref().map_or_else(String::new, |(host, port)| {
            format!(" advertise {host}{}", port.map_or_else(String::new, |port| format!(":{port}")))
        });
        say!("             {}: {}{advertised}", socket.protocol.name(), socket.address);
    }
    say!("Aliases:");
    for alias in core.aliases.read().iter() {
        let protocol = alias.protocol.map_or("*", Protocol::name);
        say!(
            "             {protocol}: {}:{}",
            alias.host,
            alias.port.map_or_else(|| "*".to_owned(), |port| port.to_string())
        );
    }
    if arguments.file.is_none() {
        let here = transport
            .sockets()
            .first()
            .map_or_else(|| "127.0.0.1:5060".to_owned(), |socket| socket.address.to_string());
        let kept = own_database(arguments).ok().flatten().unwrap_or_else(|| "the database of DBURL".to_owned());
        let kept = kept.trim_start_matches("sqlite://");
        say!(
            "\nThis is the default configuration (etc/olelo.cfg): a registrar and proxy for phones in private networks.\n\
             1. Point two phones at {here}, users 106 and 108, any password; they register.\n\
             2. See them:        olelo location\n\
             3. Call 108 from 106.\n\
             4. Set a password:  olelo user add 106      From now on 106 needs it; with `olelo -A WITH_AUTH` everybody does.\n\
             Users and contacts are kept in {kept}.\n\
             With your own file: olelo -f kamailio.cfg -DD -E      Check it first: olelo check kamailio.cfg"
        );
    }
    let _ = std::io::stdout().flush();
}

async fn wait_for_signal(core: &Core) -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| format!("cannot wait for signals: {error}"));
    let (mut terminate, mut interrupt, mut hangup) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = core.stopped() => break,
            // Kamailio goes on, too: the terminal is gone, the server is not.
            _ = hangup.recv() => engine::log!(core.log, Notice, "hangup: nothing to do"),
        }
    }
    engine::log!(core.log, Notice, "stopping");
    Ok(())
}
