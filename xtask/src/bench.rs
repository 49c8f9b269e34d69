//! `cargo xtask bench`: this server beside others, by `bench/beside/bench.py`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::packages;
use crate::run::{build_release, command};

/// The usual opponent: Kamailio with its fast allocator. The receive buffer holds what arrives while a virtual machine waits
/// for its processor; ours gets the same.
const KAMAILIO: &str = "kamailio-fm=kamailio -DD -E -f {cfg} -m 2048 -M 32 -b 4194304 -x fm -X fm -w {rundir} -Y {rundir} \
                        -P {rundir}/pid";

/// Measures, and makes load.
pub(crate) const SCRIPT: &str = "bench/beside/bench.py";

/// What is measured, and how.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Workloads: A OPTIONS, B REGISTER, C REGISTER with digest, D calls, D0 calls to a fixed place, DLG calls with module
    /// dialog, E calls through /etc/kamailio/kamailio.cfg, L OPTIONS answered after lookup.
    #[arg(short, long, value_delimiter = ',')]
    workload: Vec<String>,
    /// What to measure.
    #[arg(long, value_enum, default_value_t = What::Run)]
    what: What,
    /// An opponent: COMMAND or NAME=COMMAND, with {cfg} and {rundir}; it must stay in the foreground. Can be repeated.
    /// Left out: Kamailio with its fast allocator.
    #[arg(long, value_name = "COMMAND")]
    beside: Vec<String>,
    /// No opponent.
    #[arg(long, conflicts_with = "beside")]
    alone: bool,
    /// The program; a release build is made when this is left out.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Over TCP.
    #[arg(long)]
    tcp: bool,
    /// Restarts of each server.
    #[arg(long)]
    runs: Option<u32>,
    /// run, contacts: samples of each server in each run.
    #[arg(long)]
    cycles: Option<u32>,
    /// run, contacts: seconds of load in each sample.
    #[arg(long)]
    slice: Option<f64>,
    /// Units per second; maxrate: the first one that is tried; latency: the load meanwhile, half of what the first
    /// opponent carries when this is left out.
    #[arg(long)]
    rate: Option<u32>,
    /// maxrate: seconds at each rate; latency: seconds of probes.
    #[arg(long)]
    secs: Option<f64>,
    /// CPUs of the servers and of sipp: 0/1.
    #[arg(long)]
    pin: Option<String>,
    /// Keeps the CPUs awake by loops that take only idle time.
    #[arg(long)]
    spin: bool,
    /// The first port; others are taken up to 105 above it.
    #[arg(long)]
    port: Option<u16>,
    /// Each sample is appended to this file, a JSON object a line.
    #[arg(long)]
    json: Option<PathBuf>,
    /// contacts: draws the table into this file, as SVG.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Further arguments of bench/beside/bench.py.
    #[arg(last = true)]
    more: Vec<String>,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// CPU time per unit at a fixed rate.
    Run,
    /// The highest rate.
    Maxrate,
    /// The highest rate from one address and port, and from one for each call.
    Peers,
    /// The time that an INVITE takes through the server.
    Latency,
    /// Memory at rest, per contact, per ringing INVITE.
    Mem,
    /// CPU time per REGISTER and per lookup, with 1,000 to 1,000,000 contacts.
    Contacts,
    /// Instructions per unit in user space, of whole servers (valgrind).
    Instr,
    /// The highest rate of sipp to sipp.
    Sippmax,
}

/// Installs what the script needs for load.
pub(crate) fn install_load() -> Result<(), String> {
    packages::install_program("/usr/bin/python3", "python3")?;
    packages::install_program("/usr/bin/sipp", "sip-tester")
}

/// Runs the script.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let mut opponents = arguments.beside.iter().map(|text| named(text)).collect::<Result<Vec<_>, _>>()?;
    if opponents.is_empty() && !arguments.alone {
        opponents.push(KAMAILIO.into());
    }
    install_load()?;
    if arguments.what == What::Instr {
        packages::install_program("/usr/bin/valgrind", "valgrind")?;
    }
    if opponents.iter().any(|opponent| opponent.contains("=kamailio ")) {
        packages::install_program("/usr/sbin/kamailio", "kamailio")?;
    }
    let what = arguments.what.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let mut line = vec![SCRIPT.to_owned(), what];
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            line.extend([name.to_owned(), value]);
        }
    };
    for opponent in opponents {
        option("-s", Some(opponent));
    }
    if arguments.what != What::Sippmax {
        let binary = arguments.binary.clone().map_or_else(build_release, Ok)?;
        option("-s", Some(ours(&binary)?));
    }
    option("-w", (!arguments.workload.is_empty()).then(|| arguments.workload.join(",")));
    option("--runs", arguments.runs.map(|it| it.to_string()));
    option("--cycles", arguments.cycles.map(|it| it.to_string()));
    option("--slice", arguments.slice.map(|it| it.to_string()));
    option("--rate", arguments.rate.map(|it| it.to_string()));
    option("--secs", arguments.secs.map(|it| it.to_string()));
    option("--pin", arguments.pin.clone());
    option("--port", arguments.port.map(|it| it.to_string()));
    option("--json", arguments.json.as_ref().map(|path| path.to_string_lossy().into_owned()));
    option("--plot", arguments.plot.as_ref().map(|path| path.to_string_lossy().into_owned()));
    line.extend(arguments.tcp.then(|| "--tcp".to_owned()));
    line.extend(arguments.spin.then(|| "--spin".to_owned()));
    line.extend(arguments.more.iter().cloned());
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    command("python3", &line)
}

/// Our server as the script takes it.
fn ours(binary: &Path) -> Result<String, String> {
    let path = binary.canonicalize().map_err(|error| format!("{}: {error}", binary.display()))?;
    let path = path.to_str().filter(|path| !path.contains([' ', '\'', '"', '\\']));
    let path = path.ok_or_else(|| format!("{}: the path has a blank or a quotation mark", binary.display()))?;
    Ok(format!("ours={path} -f {{cfg}} -DD -E -b 4194304"))
}

/// An opponent with a name: that of its program when none is given.
fn named(text: &str) -> Result<String, String> {
    let program = |command: &str| {
        let program = command.split_whitespace().next().and_then(|program| Path::new(program).file_name());
        program.map(|name| name.to_string_lossy().into_owned())
    };
    let is_name = |name: &str| !name.is_empty() && !name.contains(['/', ' ', '{']);
    let (name, command) = match text.split_once('=').filter(|(name, _)| is_name(name)) {
        Some((name, command)) => (name.to_owned(), command),
        None => (program(text).ok_or("--beside: the command is empty")?, text),
    };
    if !command.contains("{cfg}") {
        return Err(format!("--beside: `{command}` has no {{cfg}}, where the configuration's path is put"));
    }
    Ok(format!("{name}={command}"))
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn an_opponent_is_named_by_its_program() {
        assert_eq!(named("/usr/sbin/kamailio -f {cfg}").as_deref(), Ok("kamailio=/usr/sbin/kamailio -f {cfg}"));
        assert_eq!(named("old=x/olelo -f {cfg}").as_deref(), Ok("old=x/olelo -f {cfg}"));
        assert_eq!(named("olelo -f {cfg} -A X=1").as_deref(), Ok("olelo=olelo -f {cfg} -A X=1"));
        assert!(named("kamailio -DD").is_err());
        assert!(named("").is_err());
    }
}
