//! The workloads of `beside/` with a server in memory: the same configurations, and the messages of the same scenarios of
//! sipp, of which this knows the keywords that they use. Both ends are played here.
//!
//! `counted_message` and `counted_time` are what a count of instructions is about: what the ends do is outside.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use engine::load::{Loaded, Offer, load};
use engine::log::{Log, Sink};
use engine::receive::Engine;
use sip::digest::{Algorithm, Protection, ha1, ha2, response};
use sip::{Protocol, Str};
use testkit::VirtualNetwork;
use tokio::runtime::Runtime;
use transport::{Handler as _, Network as _, Outgoing, Received, SocketId};

const HOST: &str = "127.0.0.1";
const PORT: u16 = 5060;
const CALLER_PORT: u16 = 5171;
const CALLEE_PORT: u16 = 5172;

/// The virtual clock starts here: 2026-01-01 00:00:00 UTC.
const START: i64 = 1_767_225_600;

/// `beside/cfg/kamailio/A.cfg`: OPTIONS, answered without state.
const OPTIONS: &str = include_str!("../beside/cfg/kamailio/A.cfg");
/// `beside/cfg/kamailio/B.cfg`: a registrar.
const REGISTRAR: &str = include_str!("../beside/cfg/kamailio/B.cfg");
/// `beside/cfg/kamailio/C.cfg`: a registrar that wants a password.
const REGISTRAR_DIGEST: &str = include_str!("../beside/cfg/kamailio/C.cfg");
/// `beside/cfg/kamailio/D.cfg`: a proxy that finds the callee among its contacts and stays in the call.
const PROXY: &str = include_str!("../beside/cfg/kamailio/D.cfg");

/// The scenarios' messages.
const SIPP_OPTIONS: &str = include_str!("../beside/sipp/options.xml");
const SIPP_REGISTER: &str = include_str!("../beside/sipp/register.xml");
const SIPP_DIGEST: &str = include_str!("../beside/sipp/register_auth.xml");
const SIPP_CALLER: &str = include_str!("../beside/sipp/uac.xml");
const SIPP_CALLEE: &str = include_str!("../beside/sipp/uas.xml");

/// Where the caller is.
pub const CALLER: SocketAddr = address(CALLER_PORT);

/// A started server in memory: `testkit::Bench` without what tests want to know of each message.
pub struct Server {
    runtime: Runtime,
    engine: Engine,
    network: Arc<VirtualNetwork>,
    /// Modules and their tasks live in it.
    _loaded: Loaded,
}

impl Server {
    /// Starts a configuration; the marks of those in `beside/cfg/kamailio` are filled in.
    ///
    /// # Panics
    /// When it has a mistake.
    #[must_use]
    pub fn new(config: &str) -> Self {
        let text = config
            .replace("@HOST@", HOST)
            .replace("@PORT@", &PORT.to_string())
            .replace("@UAS_PORT@", &CALLEE_PORT.to_string())
            .replace("@WORKERS@", "2");
        let files = language::MemoryFiles::default();
        let source = language::Source::text("bench.cfg", &*text, &files);
        let offer = Offer { modules: modules::MODULES, rpc: &[] };
        let outcome = load(&source, &offer, Arc::new(Log::new(-5, Sink::Stderr)), |_| {});
        assert!(!outcome.has_errors(), "the configuration has mistakes: {:#?}", outcome.diagnostics);
        let loaded = outcome.loaded.expect("a configuration without mistakes is loaded");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime can be made");
        let network = Arc::new(VirtualNetwork::loopback(PORT));
        let started = runtime.block_on(async {
            loaded.core.attach(network.clone(), START);
            loaded.start().await
        });
        started.expect("the modules start");
        Self { runtime, engine: Engine::new(loaded.core.clone()), network, _loaded: loaded }
    }

    /// Receives a message over UDP; what is sent because of it.
    pub fn receive(&self, source: SocketAddr, message: Str) -> Vec<Outgoing> {
        let received = Received {
            socket: SocketId(0),
            protocol: Protocol::Udp,
            source,
            destination: address(PORT),
            connection: None,
        };
        self.runtime.block_on(async {
            let mut outbox = Vec::new();
            self.engine.receive(received, message, &mut outbox);
            self.network.send_all(&mut outbox);
            // Tasks that this message woke.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        });
        self.network.take()
    }

    /// Lets the virtual clock go on.
    fn pass(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }
}

const fn address(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// A message in the server, counted.
#[inline(never)]
#[must_use]
pub fn counted_message(server: &Server, source: SocketAddr, message: Str) -> Vec<Outgoing> {
    black_box(server.receive(source, black_box(message)))
}

/// What the server does while time passes, counted.
#[inline(never)]
fn counted_time(server: &Server, time: Duration) {
    server.pass(black_box(time));
    black_box(());
}

/// How many units of a workload are counted: what happens now and then (the allocator gets new memory) is spread over
/// them. `xtask/src/count.rs` divides by it.
pub const UNITS: u32 = 16;

/// One unit of a workload.
type Unit = fn(&mut Player);

/// Plays units of a workload with a server.
pub struct Player {
    server: Server,
    workload: Workload,
    counted: bool,
    /// How many units were played so far.
    played: u32,
}

impl Player {
    /// Starts the server, registers the users, and plays some units, so that nothing is done for the first time when it
    /// is counted.
    ///
    /// # Panics
    /// When the server does not answer as it should.
    #[must_use]
    pub fn new(workload: Workload) -> Self {
        let server = Server::new(workload.config);
        let mut player = Self { server, workload, counted: false, played: 0 };
        for user in 0..workload.users {
            player.registers(user, 1);
        }
        player.units();
        player
    }

    /// Plays [`UNITS`] units; the server's instructions are counted.
    ///
    /// # Panics
    /// When the server does not answer as it should.
    #[must_use]
    pub fn play(mut self) -> Self {
        self.counted = true;
        self.units();
        self
    }

    fn units(&mut self) {
        for _ in 0..UNITS {
            (self.workload.unit)(self);
        }
        if !self.workload.rest.is_zero() {
            self.pass(self.workload.rest);
        }
    }

    /// The message at `index` of a scenario goes in. What comes out must have these first lines, each at its port; the last
    /// message.
    fn send(&self, scenario: &str, index: usize, values: &Values<'_>, expected: &[(u16, &str)]) -> String {
        let text = message(scenario, index, values);
        let (source, data) = (address(values.port), Str::from(&*text));
        let sent =
            if self.counted { counted_message(&self.server, source, data) } else { self.server.receive(source, data) };
        let sent: Vec<(u16, String)> = sent
            .iter()
            .map(|outgoing| (outgoing.destination.port(), String::from_utf8_lossy(&outgoing.data).into_owned()))
            .collect();
        let is = sent.len() == expected.len()
            && sent.iter().zip(expected).all(|(sent, wanted)| sent.0 == wanted.0 && sent.1.starts_with(wanted.1));
        assert!(is, "expected {expected:?}, sent {sent:#?} after\n{text}");
        sent.into_iter().next_back().unwrap_or_default().1
    }

    fn pass(&self, time: Duration) {
        if self.counted {
            counted_time(&self.server, time);
        } else {
            self.server.pass(time);
        }
    }

    /// The number of the next unit.
    const fn next(&mut self) -> u32 {
        self.played += 1;
        self.played
    }

    fn registers(&self, user: u32, cseq: u32) {
        let call = format!("reg{user}");
        let values = Values { call: &call, user, cseq, ..Values::caller() };
        self.send(SIPP_REGISTER, 0, &values, &[(CALLER_PORT, "SIP/2.0 200 ")]);
    }

    /// Workload A: OPTIONS and its 200.
    fn options(&mut self) {
        let call = format!("options{}", self.next());
        let values = Values { call: &call, ..Values::caller() };
        self.send(SIPP_OPTIONS, 0, &values, &[(CALLER_PORT, "SIP/2.0 200 ")]);
    }

    /// Workload B: REGISTER of a known contact.
    fn register(&mut self) {
        let cseq = 10 + self.next();
        self.registers(7, cseq);
    }

    /// Workload C: REGISTER, 401, REGISTER with the digest, 200.
    fn register_digest(&mut self) {
        let cseq = 2 * self.next();
        let values = Values { call: "reg7", user: 7, cseq, ..Values::caller() };
        let refused = self.send(SIPP_DIGEST, 0, &values, &[(CALLER_PORT, "SIP/2.0 401 ")]);
        let credentials = credentials(&user_name(values.user), &refused);
        let values = Values { cseq: cseq + 1, credentials: &credentials, ..values };
        self.send(SIPP_DIGEST, 1, &values, &[(CALLER_PORT, "SIP/2.0 200 ")]);
    }

    /// Workload D: INVITE, 100, 180, 200, ACK, BYE, 200.
    fn call(&mut self) {
        let call = format!("call{}", self.next());
        let caller = Values { call: &call, user: 7, ..Values::caller() };
        let callee = Values { port: CALLEE_PORT, ..caller };
        let sent = [(CALLER_PORT, "SIP/2.0 100 "), (CALLEE_PORT, "INVITE ")];
        let invite = self.send(SIPP_CALLER, 0, &caller, &sent);
        let callee = Values { last: &invite, ..callee };
        self.send(SIPP_CALLEE, 0, &callee, &[(CALLER_PORT, "SIP/2.0 180 ")]);
        let answered = self.send(SIPP_CALLEE, 1, &callee, &[(CALLER_PORT, "SIP/2.0 200 ")]);
        let caller = Values { last: &answered, ..caller };
        self.send(SIPP_CALLER, 1, &caller, &[(CALLEE_PORT, "ACK ")]);
        let bye = self.send(SIPP_CALLER, 2, &Values { cseq: 2, ..caller }, &[(CALLEE_PORT, "BYE ")]);
        self.send(SIPP_CALLEE, 2, &Values { last: &bye, ..callee }, &[(CALLER_PORT, "SIP/2.0 200 ")]);
    }
}

/// What a scenario's keywords stand for.
#[derive(Clone, Copy)]
struct Values<'a> {
    /// Of the end that sends.
    port: u16,
    call: &'a str,
    user: u32,
    cseq: u32,
    credentials: &'a str,
    /// The message that this end got last.
    last: &'a str,
}

impl Values<'_> {
    const fn caller() -> Self {
        Self { port: CALLER_PORT, call: "", user: 0, cseq: 1, credentials: "", last: "" }
    }

    /// The lines of these headers in the last message.
    fn headers(&self, name: &str) -> String {
        let lines = self.last.lines().take_while(|line| !line.is_empty());
        lines.filter(|line| line.starts_with(name)).collect::<Vec<_>>().join("\n")
    }
}

fn user_name(number: u32) -> String {
    format!("u{number:06}")
}

/// A message of a scenario, the first one is 0.
fn message(scenario: &str, index: usize, values: &Values<'_>) -> String {
    let text = scenario.split("<![CDATA[\n").nth(index + 1).and_then(|rest| rest.split("]]>").next());
    let mut rest = text.expect("the scenario has as many messages");
    let mut out = String::new();
    while let Some((before, (keyword, after))) =
        rest.split_once('[').and_then(|(before, rest)| Some((before, rest.split_once(']')?)))
    {
        out.push_str(before);
        out.push_str(&value(keyword, index, values));
        rest = after;
    }
    out.push_str(rest);
    // Keywords may leave empty lines among the headers.
    let (head, body) = out.split_once("\n\n").unwrap_or((&out, ""));
    let body = body.replace('\n', "\r\n");
    let mut head = head.replace("LENGTH", &body.len().to_string()).replace('\n', "\r\n");
    head.push_str("\r\n\r\n");
    head + &body
}

fn value(keyword: &str, index: usize, values: &Values<'_>) -> String {
    match keyword {
        "remote_ip" | "local_ip" | "media_ip" => HOST.into(),
        "local_ip_type" | "media_ip_type" => "4".into(),
        "remote_port" => PORT.to_string(),
        "local_port" => values.port.to_string(),
        "uas_port" => CALLEE_PORT.to_string(),
        "transport" => "UDP".into(),
        "proto" => "udp".into(),
        "branch" => format!("z9hG4bK-{}-{}-{index}", values.call, values.cseq),
        "pid" => "4242".into(),
        "call_number" => values.call.into(),
        "call_id" => format!("{}@{HOST}", values.call),
        "cseq" => values.cseq.to_string(),
        "field0" => user_name(values.user),
        "field1" => values.credentials.into(),
        // Known when the message is put together.
        "len" => "LENGTH".into(),
        "next_url" => {
            let contact = values.headers("Contact: ");
            contact.trim_start_matches("Contact: <").split('>').next().unwrap_or_default().into()
        }
        // One proxy: there is nothing to turn round.
        "routes" => values.headers("Record-Route: ").replace("Record-Route: ", "Route: "),
        "peer_tag_param" => {
            let to = values.headers("To: ");
            to.find(";tag=").map_or_else(String::new, |at| to[at..].to_owned())
        }
        other => match other.strip_prefix("last_") {
            Some(name) => values.headers(&format!("{name} ")),
            None => panic!("unknown keyword [{other}]"),
        },
    }
}

/// The header that answers a challenge with `qop="auth"`, as that of workload C is.
fn credentials(user: &str, refused: &str) -> String {
    let nonce = refused.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let (realm, uri, cnonce, nc) = ("bench", format!("sip:{HOST}:{PORT}"), "6b8b4567", "00000001");
    let secret = ha1(Algorithm::Md5, user.as_bytes(), realm.as_bytes(), format!("pw-{user}").as_bytes());
    let request = ha2(Algorithm::Md5, b"REGISTER", uri.as_bytes(), None);
    let protection = Protection { qop: b"auth", nc: nc.as_bytes(), cnonce: cnonce.as_bytes() };
    let response = response(Algorithm::Md5, &secret, nonce.as_bytes(), Some(protection), &request);
    format!(
        "Authorization: Digest username=\"{user}\",realm=\"{realm}\",cnonce=\"{cnonce}\",nc={nc},qop=auth,\
         uri=\"{uri}\",nonce=\"{nonce}\",response=\"{}\",algorithm=MD5",
        response.as_text()
    )
}

/// A configuration, how many users are registered before, what is played, and how long time goes on behind all units.
#[derive(Clone, Copy)]
pub struct Workload {
    config: &'static str,
    users: u32,
    unit: Unit,
    rest: Duration,
}

impl Workload {
    /// Workload A.
    pub const OPTIONS: Self = Self { config: OPTIONS, users: 0, unit: Player::options, rest: Duration::ZERO };
    /// Workload B.
    pub const REGISTER: Self = Self { config: REGISTRAR, users: 100, unit: Player::register, rest: Duration::ZERO };
    /// Workload C.
    pub const REGISTER_DIGEST: Self =
        Self { config: REGISTRAR_DIGEST, users: 0, unit: Player::register_digest, rest: Duration::ZERO };
    /// Workload D. The rest is `wt_timer` and a little more: the end of the transactions.
    pub const CALL: Self = Self { config: PROXY, users: 100, unit: Player::call, rest: Duration::from_millis(5500) };
}

#[cfg(test)]
mod tests {
    use super::{Player, Workload};

    #[test]
    fn every_workload_plays() {
        for workload in [Workload::OPTIONS, Workload::REGISTER, Workload::REGISTER_DIGEST, Workload::CALL] {
            let _ = Player::new(workload).play();
        }
    }
}
