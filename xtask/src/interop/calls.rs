//! Calls by sipp through the server: 106 calls 108, record-routed, over UDP and TCP, also where packets are lost.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::server::{Server, check, text};

/// How many calls, how fast, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Calls.
    pub(crate) calls: u32,
    /// Calls per second.
    pub(crate) rate: u32,
    /// How long each is held, in milliseconds.
    pub(crate) hold: u32,
    /// Over TCP instead of UDP.
    pub(crate) tcp: bool,
    /// Nothing may be sent twice: for a release build on a machine that does nothing else.
    pub(crate) strict: bool,
}

impl Load {
    /// What a debug build on a small machine carries besides two sipp.
    pub(crate) const SMALL: Self = Self { calls: 2000, rate: 100, hold: 200, tcp: false, strict: false };
}

/// A sipp that answers calls until it is dropped.
pub(super) struct Callee {
    child: Child,
    port: u16,
}

impl Callee {
    fn start(load: &Load, network: &Network) -> Result<Self, String> {
        Self::start_at("127.0.0.1", load, network)
    }

    /// At another address, over UDP.
    pub(super) fn at(address: &str) -> Result<Self, String> {
        Self::start_at(address, &Load::SMALL, &Network::ours())
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    fn start_at(address: &str, load: &Load, network: &Network) -> Result<Self, String> {
        let port = free_port()?;
        let child = network
            .command("sipp")
            .args(["-sf", "tests/interop/call_uas.xml", "-i", address, "-nostdin", "-t"])
            .arg(if load.tcp { "t1" } else { "u1" })
            .args(["-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run sipp: {error}"))?;
        // It has no sign of being ready.
        std::thread::sleep(Duration::from_millis(500));
        Ok(Self { child, port })
    }
}

impl Drop for Callee {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where programs run: here, or in a network of their own that loses packets.
pub(super) struct Network {
    keeper: Option<Child>,
}

impl Network {
    /// The network of this machine.
    pub(super) const fn ours() -> Self {
        Self { keeper: None }
    }

    /// A network namespace whose loopback loses that share of all UDP packets; `None` where this is not allowed.
    fn lossy(percent: u32) -> Option<Self> {
        let keeper = Command::new("unshare").args(["-n", "sleep", "3600"]).stderr(Stdio::null()).spawn().ok()?;
        let network = Self { keeper: Some(keeper) };
        std::thread::sleep(Duration::from_millis(100));
        let rule = format!("add rule inet loss input meta l4proto udp numgen random mod 100 < {percent} drop");
        let works = [
            "ip link set lo up",
            "nft add table inet loss",
            "nft add chain inet loss input { type filter hook input priority 0 ; }",
            &format!("nft {rule}"),
        ]
        .iter()
        .all(|line| {
            let mut words = line.split(' ');
            let program = words.next().unwrap_or_default();
            let status = network.command(program).args(words).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        });
        works.then_some(network)
    }

    /// Something there accepts connections.
    pub(super) fn connects(&self, address: std::net::SocketAddr) -> bool {
        if self.keeper.is_none() {
            return std::net::TcpStream::connect(address).is_ok();
        }
        let script = format!("exec 3<>/dev/tcp/{}/{}", address.ip(), address.port());
        let status = self.command("bash").args(["-c", &script]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// A command that runs there.
    pub(super) fn command(&self, program: &str) -> Command {
        match &self.keeper {
            None => Command::new(program),
            Some(keeper) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net=/proc/{}/ns/net", keeper.id())).arg(program);
                command
            }
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
    }
}

fn free_port() -> Result<u16, String> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    Ok(socket.local_addr().map_err(|error| error.to_string())?.port())
}

/// What sipp counted: the last line of its statistics.
struct Counted {
    successful: u64,
    failed: u64,
    retransmissions: u64,
}

fn counted(file: &Path) -> Result<Counted, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let names: Vec<&str> = text.lines().next().unwrap_or_default().split(';').collect();
    let last: Vec<&str> = text.lines().last().unwrap_or_default().split(';').collect();
    let number = |name: &str| {
        let at = names.iter().position(|known| *known == name);
        at.and_then(|at| last.get(at)?.parse().ok()).ok_or_else(|| format!("sipp's statistics have no {name}"))
    };
    Ok(Counted {
        successful: number("SuccessfulCall(C)")?,
        failed: number("FailedCall(C)")?,
        retransmissions: number("Retransmissions(C)")?,
    })
}

/// Calls on a network: all of them succeed.
fn run_on(binary: &Path, config: &str, load: &Load, network: &Network) -> Result<(), String> {
    let server = Server::start_on(binary, config, &[], network)?;
    let _callee = callee(&server, load, network)?;
    let retransmissions = call(&server, load, network)?;
    if load.strict && network.keeper.is_none() {
        check("retransmissions", retransmissions == 0, || format!("{retransmissions}\n{}", server.log()))?;
    }
    let counters = server.kamcmd(&["stats.get_statistics", "tmx:"])?;
    let answered = format!("tmx:2xx_transactions = {}", 2 * load.calls);
    check("tm's statistics", counters.contains(&answered), || counters.clone())
}

/// 108 registers a contact.
fn register(server: &Server, contact: &str, network: &Network) -> Result<(), String> {
    let registered = network
        .command("sipp")
        .args(["-sf", "tests/interop/register_callee.xml", "-m", "1", "-nostdin", "-timeout", "30"])
        .args(["-i", "127.0.0.1", "-p", &free_port()?.to_string(), "-key", "contact", contact])
        .arg(server.address.to_string())
        .output()
        .map_err(|error| format!("cannot run sipp: {error}"))?;
    check("108 registers", registered.status.success(), || text(&registered))
}

/// 108, registered and ready to answer.
pub(super) fn callee(server: &Server, load: &Load, network: &Network) -> Result<Callee, String> {
    let callee = Callee::start(load, network)?;
    let transport = if load.tcp { ";transport=tcp" } else { "" };
    register(server, &format!("sip:108@127.0.0.1:{}{transport}", callee.port), network)?;
    Ok(callee)
}

/// Calls 108 through a running server; all calls succeed. How many messages sipp sent again.
pub(super) fn call(server: &Server, load: &Load, network: &Network) -> Result<u64, String> {
    let statistics: PathBuf = server.folder.join("calls.csv");
    let lossy = network.keeper.is_some();
    let deadline = load.calls / load.rate + load.hold / 1000 + 60;
    let caller = network
        .command("timeout")
        .arg(deadline.to_string())
        .args(["sipp", "-sf", "tests/interop/call_uac.xml", "-i", "127.0.0.1", "-nostdin"])
        .args(["-t", if load.tcp { "t1" } else { "u1" }, "-p", &free_port()?.to_string()])
        .args(["-m", &load.calls.to_string(), "-r", &load.rate.to_string(), "-d", &load.hold.to_string()])
        .args(["-l", "15000", "-trace_stat", "-fd", "1", "-stf"])
        .arg(&statistics)
        .arg(server.address.to_string())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run sipp: {error}"))?;
    let counted = counted(&statistics).map_err(|error| format!("{error}\n{}", text(&caller)))?;
    println!(
        "  {} calls succeeded, {} failed, {} retransmissions{}",
        counted.successful,
        counted.failed,
        counted.retransmissions,
        if lossy { " (5 % of the packets were lost)" } else { "" }
    );
    check("calls", counted.failed == 0 && counted.successful == u64::from(load.calls), || {
        format!("{}\n{}", text(&caller), server.log())
    })?;
    Ok(counted.retransmissions)
}

pub(super) const CONFIG: &str = "tests/interop/calls.cfg";

/// Calls over UDP or TCP.
fn run(binary: &Path, load: &Load) -> Result<(), String> {
    run_on(binary, CONFIG, load, &Network::ours())
}

/// Calls over UDP where one packet of twenty is lost.
fn run_lossy(binary: &Path, load: &Load) -> Result<(), String> {
    match Network::lossy(5) {
        // Each call is held until a lost ACK was certainly sent again.
        Some(network) => run_on(binary, CONFIG, &Load { hold: load.hold.max(8000), ..*load }, &network),
        None => {
            println!("  skipped: no network namespace with packet filter here");
            Ok(())
        }
    }
}

/// All three ways.
pub(crate) fn all(binary: &Path, calls: u32, rate: u32) -> Result<(), String> {
    let load = Load { calls, rate, strict: true, ..Load::SMALL };
    run(binary, &load)?;
    run(binary, &Load { tcp: true, ..load })?;
    run_lossy(binary, &load)
}

pub(super) fn udp(binary: &Path) -> Result<(), String> {
    run(binary, &Load::SMALL)
}

pub(super) fn tcp(binary: &Path) -> Result<(), String> {
    run(binary, &Load { tcp: true, ..Load::SMALL })
}

pub(super) fn lossy(binary: &Path) -> Result<(), String> {
    run_lossy(binary, &Load { calls: 1000, ..Load::SMALL })
}

/// The configuration of Debian's package, as it is: it starts, carries calls, and writes an accounting line for each INVITE
/// and each BYE.
pub(super) fn stock(binary: &Path) -> Result<(), String> {
    let load = Load { calls: 200, ..Load::SMALL };
    let server = Server::start(binary, "/etc/kamailio/kamailio.cfg")?;
    let network = Network::ours();
    let _callee = callee(&server, &load, &network)?;
    call(&server, &load, &network)?;
    let log = server.log();
    let lines = log.lines().filter(|line| line.contains("ACC: transaction answered")).count();
    check("accounting lines", lines == 2 * load.calls as usize, || format!("{lines} lines\n{log}"))
}

/// An INVITE from 106 to a user: the first final reply, if it comes within some seconds.
fn invite(server: &Server, user: &str) -> Result<String, String> {
    let error = |error: std::io::Error| error.to_string();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").map_err(error)?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).map_err(error)?;
    let me = socket.local_addr().map_err(error)?;
    let uri = format!("sip:{user}@{}", server.address);
    let request = format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bKx\r\nFrom: <sip:106@127.0.0.1>;tag=1\r\n\
         To: <{uri}>\r\nCall-ID: {me}\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(request.as_bytes(), server.address).map_err(error)?;
    loop {
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).map_err(|error| format!("no final reply to {user}: {error}"))?;
        let reply = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if !reply.starts_with("SIP/2.0 1") {
            return Ok(reply);
        }
    }
}

/// The unregistered user gives 404.
pub(super) fn unregistered(binary: &Path) -> Result<(), String> {
    let server = Server::start(binary, CONFIG)?;
    let reply = invite(&server, "109")?;
    check("404", reply.starts_with("SIP/2.0 404 User not Registered"), || reply.clone())
}

/// A phone that is switched off: its machine refuses the datagrams, and the call fails long before `fr_timer`.
pub(super) fn refused(binary: &Path) -> Result<(), String> {
    let server = Server::start(binary, CONFIG)?;
    register(&server, &format!("sip:108@127.0.0.1:{}", free_port()?), &Network::ours())?;
    let reply = invite(&server, "108")?;
    check("408", reply.starts_with("SIP/2.0 408"), || reply.clone())
}
