//! The engine's own tests: whole configurations in memory, with a module of a few made-up functions.

mod compiling;
mod expressions;
mod receiving;
mod running;
mod sending;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use sip::{Protocol, Str};
use transport::{Handler as _, LocalSocket, Network, Outgoing, Received, SendError, SocketId};

use crate::load::{Loaded, Offer, Outcome, load};
use crate::log::Log;
use crate::module::ModuleDef;
use crate::receive::Engine;
use crate::script_type::{Flag, Regex, Substitution, WritableVariable};
use crate::{CallResult, Return, RouteCx, Value, function, variable};

/// Writes a text to the log.
#[function(ANY)]
pub fn note(cx: &mut RouteCx, text: Str) -> CallResult {
    cx.core.log.write(crate::log::Level::Error, &text.to_text());
    Ok(Return::TRUE)
}

/// Returns its argument.
#[function(REQUEST)]
pub fn code(_cx: &mut RouteCx, number: i64) -> CallResult {
    Ok(Return(number as i32))
}

/// Returns its argument without waiting, though it might.
#[function(ANY)]
pub async fn fast(_cx: &mut RouteCx, number: i64) -> CallResult {
    Ok(Return(number as i32))
}

/// Returns its argument after a wait.
#[function(ANY)]
pub async fn slow(_cx: &mut RouteCx, number: i64) -> CallResult {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    Ok(Return(number as i32))
}

/// Never returns.
#[function(ANY)]
pub async fn never(_cx: &mut RouteCx) -> CallResult {
    std::future::pending().await
}

/// Fails as a bug does.
#[function(ANY)]
pub fn boom(_cx: &mut RouteCx) -> CallResult {
    panic!("a bug")
}

/// The same after a wait.
#[function(ANY)]
pub async fn slow_boom(_cx: &mut RouteCx) -> CallResult {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    panic!("a bug after a wait")
}

/// Puts a text into the outbox.
#[function(ANY)]
pub fn send(cx: &mut RouteCx, text: Str) -> CallResult {
    let data = Str::copy_from(&text);
    cx.outbox.push(Outgoing::reply_to(&cx.received, data));
    Ok(Return::TRUE)
}

/// Answers the request.
#[function(ANY)]
pub fn answer(cx: &mut RouteCx, status: i64, reason: Str) -> CallResult {
    crate::reply::send_stateless(cx, status as u16, &reason)?;
    Ok(Return::TRUE)
}

/// Runs `event_route[probe:event]`.
#[function(ANY)]
pub fn event(cx: &mut RouteCx) -> CallResult {
    let program = cx.program().cloned().ok_or("no program")?;
    let route = program.route(language::ast::RouteKind::Event, "probe:event").ok_or("no event route")?;
    program.run_nested(route, cx);
    Ok(Return::TRUE)
}

/// True when the text matches.
#[function(ANY)]
pub fn matches(_cx: &mut RouteCx, text: Str, regex: Regex) -> CallResult {
    Ok(regex.0.is_match(&text).into())
}

/// Stores the substituted text in a variable.
#[function(ANY)]
pub fn substitute(cx: &mut RouteCx, text: Str, command: Substitution, target: WritableVariable) -> CallResult {
    let Some((changed, count)) = command.0.apply(&text, cx) else { return Ok(Return::FALSE) };
    target.0.set(cx, Value::Str(changed))?;
    Ok(Return(count as i32))
}

/// Returns the flag's number plus one.
#[function(ANY)]
pub fn flag(_cx: &mut RouteCx, flag: Flag) -> CallResult {
    Ok(Return(i32::from(flag.0) + 1))
}

/// Values for expressions: `$p(null)`, `$p(12)` is a number, everything else the text itself.
#[variable("p")]
pub fn p(_cx: &RouteCx, name: Str) -> Value {
    match name.parse_int() {
        _ if name == "null" => Value::Null,
        Some(number) => Value::Int(number),
        None => Value::Str(name),
    }
}

const PROBE: ModuleDef = ModuleDef {
    name: "maxfwd",
    summary: "For tests, under the name of a module that the engine knows.",
    functions: &[ANSWER, BOOM, CODE, EVENT, FAST, FLAG, MATCHES, NEVER, NOTE, SEND, SLOW, SLOW_BOOM, SUBSTITUTE],
    variables: &[P],
    event_routes: &["probe:event"],
    ..ModuleDef::EMPTY
};

/// The sockets of the tests; keeps what is sent outside of a worker.
#[derive(Default)]
struct Wire {
    sockets: Vec<LocalSocket>,
    sent: Mutex<Vec<Outgoing>>,
}

impl Network for Wire {
    fn send(&self, outgoing: Outgoing) -> Result<(), SendError> {
        self.sent.lock().push(outgoing);
        Ok(())
    }
    fn sockets(&self) -> &[LocalSocket] {
        &self.sockets
    }
}

/// A server in memory.
struct Server {
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    loaded: Loaded,
    wire: Arc<Wire>,
}

fn outcome(config: &str) -> Outcome {
    let text = format!("#!KAMAILIO\nloadmodule \"maxfwd.so\"\n{config}");
    let files = language::MemoryFiles::default();
    let source = language::Source::text(Path::new("t.cfg"), &text, &files);
    load(&source, &Offer { modules: &[&PROBE], rpc: &[] }, Arc::new(Log::memory(0)), |_| {})
}

/// The mistakes in a configuration, one line each.
fn mistakes(config: &str) -> Vec<String> {
    let outcome = outcome(config);
    // Whether a request gets an answer is not what these configurations are about.
    let mistakes = outcome.diagnostics.iter().filter(|diagnostic| !diagnostic.code.is_lint());
    mistakes.map(|diagnostic| language::render::concise(diagnostic, &outcome.sources)).collect()
}

impl Server {
    fn new(config: &str) -> Self {
        let Some(loaded) = outcome(config).loaded else { panic!("{}", mistakes(config).join("\n")) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let socket = |id, protocol, address: &str| {
            LocalSocket::new(SocketId(id), protocol, address.parse().unwrap(), None, None)
        };
        let sockets = vec![
            socket(0, Protocol::Udp, "127.0.0.1:5060"),
            socket(1, Protocol::Tcp, "127.0.0.1:5060"),
            socket(2, Protocol::Udp, "[::1]:5060"),
        ];
        let wire = Arc::new(Wire { sockets, sent: Mutex::default() });
        runtime.block_on(async {
            loaded.core.attach(wire.clone(), 1_767_225_600);
            loaded.start().await.unwrap();
        });
        Self { runtime, engine: Engine::new(loaded.core.clone()), loaded, wire }
    }

    /// Receives a message in the middle of a batch; what the worker sends, and what was sent meanwhile.
    fn receive_all(&self, received: Received, message: &str) -> (Vec<Outgoing>, Vec<Outgoing>) {
        let data = Str::from(message.replace('\n', "\r\n"));
        let earlier = Outgoing::reply_to(&received, Str::from_static("earlier"));
        let mut outbox = vec![earlier];
        self.runtime.block_on(async {
            self.engine.receive(received, data, &mut outbox);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        });
        // What other messages of the batch send is never lost, and never waits.
        assert_eq!(outbox.remove(0).data, "earlier");
        (outbox, std::mem::take(&mut self.wire.sent.lock()))
    }

    /// Receives a message from 127.0.0.2:5061; everything that is sent.
    fn receive(&self, message: &str) -> Vec<Outgoing> {
        let (mut sent, mut later) = self.receive_all(from(Protocol::Udp, "127.0.0.2:5061"), message);
        sent.append(&mut later);
        sent
    }

    /// Runs the script for an OPTIONS; its log.
    fn log(&self) -> Vec<String> {
        self.receive(&options(""));
        self.take_log()
    }

    fn take_log(&self) -> Vec<String> {
        let lines = self.loaded.core.log.take_lines();
        lines.iter().map(|line| line.strip_prefix("ERROR: ").unwrap_or(line).to_owned()).collect()
    }
}

fn from(protocol: Protocol, source: &str) -> Received {
    let source: SocketAddr = source.parse().unwrap();
    let socket = if protocol.is_stream() { 1 } else { 0 };
    Received {
        socket: SocketId(if source.is_ipv6() { 2 } else { socket }),
        protocol,
        source,
        destination: SocketAddr::from(([127, 0, 0, 1], 5060)),
        connection: None,
    }
}

/// An OPTIONS with further header lines.
fn options(extra: &str) -> String {
    format!(
        "OPTIONS sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\nFrom: <sip:a@x>;tag=1\n\
         To: <sip:b@x>\nCall-ID: c\nCSeq: 1 OPTIONS\n{extra}Content-Length: 0\n\n"
    )
}

/// The start lines of messages.
fn start_lines(sent: &[Outgoing]) -> Vec<String> {
    sent.iter()
        .map(|outgoing| String::from_utf8_lossy(&outgoing.data).lines().next().unwrap_or_default().into())
        .collect()
}

/// The body of a header of a message.
fn header(outgoing: &Outgoing, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(&outgoing.data).into_owned();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
}
