//! What all parts of a running server share.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::RwLock;
use sip::{Protocol, Str};
use transport::resolve::Resolver;
use transport::{LocalSocket, Network, Outgoing, SocketId};

use crate::compile::Catalog;
use crate::config_groups::ConfigGroups;
use crate::core_counters::CoreCounters;
use crate::log::{Level, Log};
use crate::module::{BoxFuture, Modules};
use crate::program::Program;
use crate::rpc::RpcTable;
use crate::settings::{LiveSettings, Settings};
use crate::statistics::Statistics;
use crate::value::Value;

/// The version that `core.version` and the Server header name.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One of our own names beside the sockets: `alias=udp:example.com:5060`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alias {
    /// Lower case.
    pub host: String,
    /// `None`: any port.
    pub port: Option<u16>,
    /// `None`: any protocol.
    pub protocol: Option<Protocol>,
}

/// Answers a request in the name of `sl`'s `send_reply` when a transaction exists (set by tm).
pub type StatefulReply = Arc<dyn Fn(&mut crate::RouteCx, u16, &Str) -> Option<crate::CallResult> + Send + Sync>;

/// Looks at the bytes of a message that came in (`true`) or is about to go out, and may put others in their place.
pub type Intercept = Arc<dyn Fn(&Arc<Core>, bool, &Str) -> Option<Str> + Send + Sync>;

/// Whether a host (an IPv6 address without brackets) is ours, beside sockets and aliases.
pub type OwnHosts = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// True when `host` is `domain` or a name below it.
fn is_in_domain(host: &[u8], domain: &[u8]) -> bool {
    let Some(below) = host.len().checked_sub(domain.len()) else { return false };
    host[below..].eq_ignore_ascii_case(domain) && (below == 0 || host[below - 1] == b'.')
}

/// What all parts of a running server share.
pub struct Core {
    /// The core parameters.
    pub settings: Settings,
    /// The log.
    pub log: Arc<Log>,
    /// All statistics.
    pub statistics: Statistics,
    /// The core's own.
    pub counters: CoreCounters,
    /// Values that can change while running.
    pub config: ConfigGroups,
    /// Names of `$var` by slot.
    pub var_names: RwLock<Vec<String>>,
    /// Start values of `$var` by slot (`varset`), set by pv.
    pub var_start: OnceLock<Vec<Value>>,
    /// The program that new messages run on.
    pub program: ArcSwapOption<Program>,
    /// All RPC commands.
    pub rpc: ArcSwap<RpcTable>,
    /// Our names beside the sockets.
    pub aliases: RwLock<Vec<Alias>>,
    /// Domains that are ours with all their sub-domains (`alias_subdomains` of module corex).
    pub alias_domains: RwLock<Vec<Alias>>,
    /// Hosts that a module knows to be ours, at any port (`register_myself` of module domain).
    pub own_hosts: OnceLock<OwnHosts>,
    /// All script names, for formats that are compiled while running.
    pub catalog: OnceLock<Arc<Catalog>>,
    /// `log_prefix`, compiled.
    pub log_prefix: OnceLock<crate::Format>,
    /// What preprocessor lines and the command line define: name and value.
    pub defines: OnceLock<Vec<(String, Option<String>)>>,
    /// The core parameters that can change while running.
    pub live: LiveSettings,
    /// Names to addresses.
    pub resolver: OnceLock<Arc<Resolver>>,
    /// The databases that modules use.
    pub databases: Arc<database::Databases>,
    /// The loaded modules.
    pub modules: OnceLock<Arc<Modules>>,
    /// `send_reply` with a transaction.
    pub stateful_reply: OnceLock<StatefulReply>,
    /// Changes the bytes of all messages (set by corex).
    pub intercept: OnceLock<Intercept>,
    /// What modules do before and after the script.
    pub hooks: crate::receive::Hooks,
    /// Local addresses by destination (`mhomed`).
    routes_out: crate::routes_out::RoutesOut,
    /// Whether scripts are watched.
    pub watch: crate::trace::Watch,
    /// With keys of this run: To tags, branches.
    hasher: RandomState,
    server_line: Option<Str>,
    network: OnceLock<Arc<dyn Network>>,
    runtime: OnceLock<tokio::runtime::Handle>,
    stopping: tokio::sync::watch::Sender<bool>,
    messages: AtomicU32,
    /// Messages that wait outside of a worker.
    pub(crate) waiting: AtomicUsize,
    started: OnceLock<(tokio::time::Instant, i64)>,
}

impl Core {
    /// A core that is not started yet.
    #[must_use]
    pub fn new(settings: Settings, log: Arc<Log>) -> Arc<Self> {
        let statistics = Statistics::default();
        let counters = CoreCounters::new(&statistics);
        let config = ConfigGroups::default();
        let live = LiveSettings::declare(&config, &settings, &log);
        let watch = crate::trace::Watch::new(&settings);
        let databases = Arc::new(databases(&settings, log.clone()));
        let server_line = settings.server_signature.then(|| Str::from([&*settings.server_header, b"\r\n"].concat()));
        Arc::new(Self {
            settings,
            log,
            counters,
            statistics,
            config,
            var_names: RwLock::default(),
            var_start: OnceLock::new(),
            program: ArcSwapOption::empty(),
            rpc: ArcSwap::default(),
            aliases: RwLock::default(),
            alias_domains: RwLock::default(),
            own_hosts: OnceLock::new(),
            catalog: OnceLock::new(),
            log_prefix: OnceLock::new(),
            defines: OnceLock::new(),
            live,
            resolver: OnceLock::new(),
            databases,
            modules: OnceLock::new(),
            stateful_reply: OnceLock::new(),
            intercept: OnceLock::new(),
            hooks: crate::receive::Hooks::default(),
            routes_out: crate::routes_out::RoutesOut::default(),
            watch,
            hasher: RandomState::new(),
            server_line,
            network: OnceLock::new(),
            runtime: OnceLock::new(),
            stopping: tokio::sync::watch::channel(false).0,
            messages: AtomicU32::new(0),
            waiting: AtomicUsize::new(0),
            started: OnceLock::new(),
        })
    }

    /// Connects the core to its runtime, sockets and clock. `unix_now` is the wall clock in seconds; with a paused
    /// runtime (tests) all later times follow the virtual clock.
    pub fn attach(&self, network: Arc<dyn Network>, unix_now: i64) {
        let _ = self.runtime.set(tokio::runtime::Handle::current());
        let _ = self.network.set(network);
        let _ = self.started.set((tokio::time::Instant::now(), unix_now));
    }

    /// The tokio runtime.
    ///
    /// # Panics
    /// Before [`Self::attach`].
    #[must_use]
    pub fn runtime(&self) -> tokio::runtime::Handle {
        match self.runtime.get() {
            Some(runtime) => runtime.clone(),
            None => tokio::runtime::Handle::current(),
        }
    }

    /// Sends a message; a failure is logged and told.
    pub fn send(self: &Arc<Self>, mut outgoing: Outgoing) -> bool {
        let Some(network) = self.network.get() else { return false };
        self.intercept_sends(std::slice::from_mut(&mut outgoing));
        match network.send(outgoing) {
            Ok(()) => true,
            Err(error) => {
                crate::log!(self.log, Error, "{error}");
                false
            }
        }
    }

    /// Sends messages; failures are logged, those of connections go to the hooks `send_failed`.
    pub fn send_all(self: &Arc<Self>, outbox: &mut Vec<Outgoing>) {
        self.intercept_sends(outbox);
        match self.network.get() {
            Some(network) => network.send_all(outbox),
            None => outbox.clear(),
        }
    }

    /// Lets `intercept` change what is about to be sent.
    pub(crate) fn intercept_sends(self: &Arc<Self>, outbox: &mut [Outgoing]) {
        let Some(intercept) = self.intercept.get() else { return };
        for outgoing in outbox {
            if let Some(data) = intercept(self, false, &outgoing.data) {
                outgoing.data = data;
            }
        }
    }

    /// The sockets and connections.
    #[must_use]
    pub fn network(&self) -> Option<&Arc<dyn Network>> {
        self.network.get()
    }

    /// The local sockets.
    #[must_use]
    pub fn sockets(&self) -> &[LocalSocket] {
        self.network.get().map_or(&[], |network| network.sockets())
    }

    /// A local socket.
    #[must_use]
    pub fn socket(&self, id: SocketId) -> Option<&LocalSocket> {
        self.sockets().get(id.0 as usize)
    }

    /// Finds a local socket by `proto:host:port` (protocol and port may be left out).
    #[must_use]
    pub fn find_socket(&self, text: &str) -> Option<SocketId> {
        let (protocol, rest) = match text.split_once(':') {
            Some((name, rest)) if Protocol::from_name(name.as_bytes()).is_some() => {
                (Protocol::from_name(name.as_bytes()), rest)
            }
            _ => (None, text),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && (!host.contains(':') || host.ends_with(']')) => {
                (host, Some(port.parse::<u16>().ok()?))
            }
            _ => (rest, None),
        };
        let address = crate::forward::address_of(host.as_bytes());
        let advertised = |socket: &LocalSocket| {
            socket.advertise.as_ref().is_some_and(|(advertised, _)| advertised.eq_ignore_ascii_case(host))
        };
        let fits = |socket: &&LocalSocket| {
            protocol.is_none_or(|protocol| protocol == socket.protocol)
                && port.is_none_or(|port| port == socket.address.port())
                && (address == Some(socket.address.ip().to_canonical()) || advertised(socket))
        };
        self.sockets().iter().find(fits).map(|socket| socket.id)
    }

    /// The socket to reach a destination: of its protocol and address family; `preferred` if it fits.
    #[must_use]
    pub fn socket_for(
        &self,
        protocol: Protocol,
        destination: &SocketAddr,
        preferred: Option<SocketId>,
    ) -> Option<&LocalSocket> {
        let fits = |socket: &&LocalSocket| {
            socket.protocol == protocol && socket.address.is_ipv4() == destination.ip().to_canonical().is_ipv4()
        };
        preferred
            .and_then(|id| self.socket(id))
            .filter(|socket| fits(socket))
            .or_else(|| self.sockets().iter().find(fits))
    }

    /// The socket that a request leaves from: the one that the script chose, when it fits; with `mhomed` the one that the
    /// kernel's route to the destination names; else the one that the request came to, or the first that fits.
    #[must_use]
    pub fn sending_socket(
        &self,
        protocol: Protocol,
        destination: &SocketAddr,
        chosen: Option<SocketId>,
        received: Option<SocketId>,
    ) -> Option<&LocalSocket> {
        if !self.settings.mhomed {
            return self.socket_for(protocol, destination, chosen.or(received));
        }
        let usual = self.socket_for(protocol, destination, chosen.or(received))?;
        if chosen == Some(usual.id) {
            return Some(usual);
        }
        let Some(local) = self.routes_out.local_address(destination) else { return Some(usual) };
        let of_route = |socket: &&LocalSocket| {
            socket.protocol == protocol && (socket.address.ip().to_canonical() == local || socket.is_wildcard())
        };
        let fits = of_route(&usual) && usual.address.is_ipv4() == local.is_ipv4();
        if fits {
            return Some(usual);
        }
        let same_family = |socket: &&LocalSocket| socket.address.is_ipv4() == local.is_ipv4();
        self.sockets().iter().filter(same_family).find(of_route).or(Some(usual))
    }

    /// True when `host` (an address, bracketed for IPv6, or a name) with this port and protocol is one of our sockets,
    /// advertised addresses or aliases. `None` for port or protocol: any.
    #[must_use]
    pub fn is_myself(&self, host: &[u8], port: Option<u16>, protocol: Option<Protocol>) -> bool {
        let bare = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
        let is_address_of = |socket: &LocalSocket| match crate::forward::ipv4(bare) {
            Some(address) => socket.address.ip() == address,
            None => std::str::from_utf8(bare).is_ok_and(|host| host.parse() == Ok(socket.address.ip())),
        };
        let port_fits = |ours: u16| port.is_none_or(|port| port == ours);
        let protocol_fits = |ours: Protocol| protocol.is_none_or(|protocol| protocol == ours);
        self.sockets().iter().any(|socket| {
            protocol_fits(socket.protocol)
                && (port_fits(socket.address.port()) && is_address_of(socket)
                    || socket.advertise.as_ref().is_some_and(|(advertised, advertised_port)| {
                        advertised.as_bytes().eq_ignore_ascii_case(bare)
                            && port_fits(advertised_port.unwrap_or_else(|| socket.address.port()))
                    }))
        }) || self.aliases.read().iter().any(|alias| {
            alias.host.as_bytes().eq_ignore_ascii_case(bare)
                && alias.port.is_none_or(port_fits)
                && alias.protocol.is_none_or(protocol_fits)
        }) || self.alias_domains.read().iter().any(|alias| {
            is_in_domain(bare, alias.host.as_bytes())
                && alias.port.is_none_or(port_fits)
                && alias.protocol.is_none_or(protocol_fits)
        }) || self.own_hosts.get().is_some_and(|own| own(bare))
    }

    /// A hash of these texts, one after the other, that nobody can foretell: what is made of it (tags, branches) is the same
    /// for each retransmission, and only here.
    #[must_use]
    pub fn keyed_hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hash = self.hasher.build_hasher();
        // One text takes fewer steps than several.
        let mut text = [0; 128];
        // Their lengths keep the parts apart.
        let lengths = parts.iter().fold(0_u64, |lengths, part| lengths << 16 ^ part.len() as u64).to_ne_bytes();
        let mut end = lengths.len();
        text[..end].copy_from_slice(&lengths);
        for part in parts {
            if let Some(place) = text.get_mut(end..end + part.len()) {
                place.copy_from_slice(part);
                end += part.len();
            } else {
                hash.write(&text[..end]);
                hash.write(part);
                end = 0;
            }
        }
        hash.write(&text[..end]);
        hash.finish()
    }

    /// Seconds since 1970, by the server's clock.
    #[must_use]
    pub fn unix_time(&self) -> i64 {
        self.unix_micros() / 1_000_000
    }

    /// Microseconds since 1970, by the server's clock.
    #[must_use]
    pub fn unix_micros(&self) -> i64 {
        match self.started.get() {
            Some((started, unix)) => unix * 1_000_000 + started.elapsed().as_micros() as i64,
            None => jiff::Timestamp::now().as_microsecond(),
        }
    }

    /// When the server was started, in seconds since 1970.
    #[must_use]
    pub fn start_time(&self) -> i64 {
        self.started.get().map_or(0, |(_, unix)| *unix)
    }

    /// Start values of `$var` by slot.
    #[must_use]
    pub fn var_start(&self) -> &[Value] {
        self.var_start.get().map_or(&[], Vec::as_slice)
    }

    /// A number for the next message.
    pub fn next_message_id(&self) -> u32 {
        self.messages.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Lets the numbers of messages begin anew (`dbg.reset_msgid`).
    pub fn reset_message_ids(&self) {
        self.messages.store(0, Ordering::Relaxed);
    }

    /// Runs `task` every `interval` until the server stops.
    pub fn every<F>(self: &Arc<Self>, interval: Duration, mut task: impl FnMut(Arc<Self>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (core, mut stopping) = (self.clone(), self.stopping.subscribe());
        self.runtime().spawn(async move {
            let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(1)));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                tokio::select! {
                    _ = ticks.tick() => task(core.clone()).await,
                    _ = stopping.changed() => return,
                }
            }
        });
    }

    /// Runs a task that ends by itself.
    pub fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.runtime().spawn(task);
    }

    /// Ends the server: timers stop, and whoever waits for [`Self::stopped`] goes on.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits for [`Self::stop`].
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender lives as long as the core.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// The Server header line of replies, with its line end; none with `server_signature=no`.
    #[must_use]
    pub const fn server_line(&self) -> Option<&Str> {
        self.server_line.as_ref()
    }

    /// `arch/os` as in `core.version`.
    #[must_use]
    pub fn platform() -> String {
        format!("{}/{}", std::env::consts::ARCH, std::env::consts::OS)
    }
}

/// The databases with what the core parameters say of them.
fn databases(settings: &Settings, log: Arc<Log>) -> database::Databases {
    let level = Level::from_number(settings.latency_log);
    let mut common = database::Common::new(Some(Box::new(move |event| match event {
        database::Event::Lost(error) => crate::log!(log, Error, "database: {error}"),
        database::Event::Back(url) => crate::log!(log, Notice, "database: connected again to {url}"),
        database::Event::Slow(url, took, statement) => {
            let line = format!("database: {url} took {} us for: {statement}", took.as_micros());
            log.write_for(level, module_path!(), &line);
        }
    })));
    common.version_table.clone_from(&settings.version_table);
    common.latency_limit = settings.latency_limit_db;
    database::Databases::new(common)
}
