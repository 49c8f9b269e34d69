//! A message arrives: parse, check, run the routes, send on.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use language::ast::RouteKind;
use sip::{Message, Method, Protocol, Str};
use transport::{CloseReason, ConnectionInfo, Handler, Outgoing, Received, SendFailure};

use crate::core::Core;
use crate::function::{Routes, routes};
use crate::listeners::Listeners;
use crate::module::BoxFuture;
use crate::program::{Next, Program};
use crate::route_cx::RouteCx;

/// A datagram shorter than any message: keeps an address translation open (RFC 5626 section 3.5.1 and the like).
const MIN_DATAGRAM: usize = 20;

/// How many messages may wait at a time for a database or a name; further ones are answered 503.
const MAX_WAITING: usize = 20_000;

/// Looks at a message before the script; `false` ends its handling.
pub type Hook = Arc<dyn Fn(&mut RouteCx) -> bool + Send + Sync>;

/// What became of a reply that was shown to the transactions.
pub enum Taken {
    /// It belongs to none.
    No(Box<RouteCx>),
    /// It belongs to one, which does this.
    Yes(Next),
}

/// Takes a reply that belongs to a transaction.
pub type TakeReply = Arc<dyn Fn(Box<RouteCx>) -> Taken + Send + Sync>;

/// Hears of a message that was accepted for sending and could not be sent after all.
pub type SendFailed = Arc<dyn Fn(&SendFailure) + Send + Sync>;

/// Hears of a connection that was closed.
pub type ConnectionClosed = Arc<dyn Fn(&ConnectionInfo, CloseReason) + Send + Sync>;

/// Runs once when the server has started.
pub type AfterStart = Arc<dyn Fn(Arc<Core>) -> BoxFuture<'static, ()> + Send + Sync>;

/// What modules do before and after the script: added at start, and read for each message without a lock.
#[derive(Default)]
pub struct Hooks {
    /// After all modules have started, before the first message.
    pub after_start: Listeners<AfterStart>,
    /// Before `request_route` (sl takes the ACKs to its replies here).
    pub before_request: Listeners<Hook>,
    /// Before `reply_route`; returning `false` means that the reply is taken.
    pub before_reply: Listeners<Hook>,
    /// After `reply_route`: the transactions (set by tm).
    pub take_reply: OnceLock<TakeReply>,
    /// A message could not be sent.
    pub send_failed: Listeners<SendFailed>,
    /// A connection was closed.
    pub connection_closed: Listeners<ConnectionClosed>,
    /// After `request_route`, also when the script ended early.
    pub after_request: Listeners<Hook>,
}

/// Receives messages for a server. The borders to `transport`.
pub struct Engine {
    core: Arc<Core>,
}

thread_local! {
    /// Contexts of finished messages: their memory serves the next ones.
    #[allow(clippy::vec_box, reason = "a context is large and moves between tasks")]
    static SPARE: RefCell<Vec<Box<RouteCx>>> = const { RefCell::new(Vec::new()) };
}

impl Engine {
    /// For a core.
    #[must_use]
    pub const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    fn context(
        &self,
        received: Received,
        data: Str,
        program: &Option<Arc<Program>>,
    ) -> Result<Box<RouteCx>, sip::ParseError> {
        let spare = SPARE.with_borrow_mut(Vec::pop).filter(|cx| Arc::ptr_eq(&cx.core, &self.core));
        match spare {
            Some(mut cx) => {
                cx.reset(received, program);
                cx.message.reparse(data)?;
                Ok(cx)
            }
            None => {
                let message = Message::parse(data)?;
                Ok(Box::new(RouteCx::with_program(self.core.clone(), message, received, program.clone())))
            }
        }
    }

    /// Runs an event route on the bytes that arrived, of which nothing is parsed; `false`: the script dropped them.
    fn on_bytes(&self, event: &str, received: Received, data: &Str, outbox: &mut Vec<Outgoing>) -> bool {
        let Some(program) = self.core.program.load_full() else { return true };
        let Some(route) = program.route(RouteKind::Event, event) else { return true };
        let mut cx = RouteCx::faked(self.core.clone());
        cx.received = received;
        cx.source = received.source;
        cx.raw = Some(data.clone());
        program.run_nested(route, &mut cx);
        outbox.append(&mut cx.outbox);
        !cx.dropped
    }

    fn handle(&self, received: Received, data: &Str, outbox: &mut Vec<Outgoing>) {
        let changed = self.core.intercept.get().and_then(|intercept| intercept(&self.core, true, data));
        let data = changed.as_ref().unwrap_or(data);
        if self.core.settings.received_route_mode && !self.on_bytes("core:msg-received", received, data, outbox) {
            return;
        }
        // Held while the message is handled: counting one more owner costs as much as many an instruction.
        let program = self.core.program.load();
        let mut cx = match self.context(received, data.clone(), &program) {
            Ok(cx) => cx,
            Err(error) => {
                self.core.counters.bad_messages.increment();
                crate::log!(
                    self.core.log,
                    Error,
                    "message from {}:{} dropped: {error}",
                    received.protocol.name(),
                    received.source
                );
                self.on_bytes("core:receive-parse-error", received, data, outbox);
                return;
            }
        };
        cx.outbox.clear();
        let finish = if cx.message.is_request() { request } else { reply };
        let finished = finish(&self.core, program.as_ref(), cx);
        if let Some(mut cx) = finished {
            outbox.append(&mut cx.outbox);
            // The received buffer is not kept alive by an idle context, nor what modules hold for the message (locks).
            cx.message.clear();
            cx.clear_data();
            SPARE.with_borrow_mut(|spare| {
                if spare.len() < 4 {
                    spare.push(cx);
                }
            });
        }
    }
}

impl Handler for Engine {
    fn receive(&self, received: Received, data: Str, outbox: &mut Vec<Outgoing>) {
        if received.protocol == Protocol::Udp && data.len() < MIN_DATAGRAM {
            crate::log!(self.core.log, Debug, "{} bytes from {}: a keepalive", data.len(), received.source);
            return;
        }
        if data.len() > self.core.settings.msg_recv_max_size {
            self.core.counters.bad_messages.increment();
            crate::log!(
                self.core.log,
                Error,
                "message of {} bytes from {} dropped: longer than msg_recv_max_size",
                data.len(),
                received.source
            );
            return;
        }
        let before = outbox.len();
        if catch_unwind(AssertUnwindSafe(|| self.handle(received, &data, outbox))).is_err() {
            Arrival { core: self.core.clone(), received, text: data }.failed(outbox);
        }
        if self.core.intercept.get().is_some() {
            let sends = outbox.get_mut(before..).unwrap_or_default();
            if catch_unwind(AssertUnwindSafe(|| self.core.intercept_sends(sends))).is_err() {
                crate::log!(self.core.log, Bug, "looking at what goes out failed; it goes out as it is");
            }
        }
    }

    fn connection_closed(&self, connection: &ConnectionInfo, reason: CloseReason) {
        self.core.hooks.connection_closed.iter().for_each(|hook| hook(connection, reason));
    }

    fn send_failed(&self, failure: SendFailure) {
        crate::log!(
            self.core.log,
            Debug,
            "not sent to {}:{}: {}",
            failure.protocol.name(),
            failure.destination,
            failure.error
        );
        self.core.hooks.send_failed.iter().for_each(|hook| hook(&failure));
    }
}

/// A message as it arrived: to answer it when its handling is lost.
pub struct Arrival {
    core: Arc<Core>,
    received: Received,
    text: Str,
}

impl Arrival {
    pub(crate) fn of(cx: &RouteCx) -> Self {
        Self { core: cx.core.clone(), received: cx.received, text: cx.message.buffer().clone() }
    }

    /// A bug in the handling of one message: the log has the panic's text, the sender gets an answer.
    fn failed(&self, outbox: &mut Vec<Outgoing>) {
        crate::log!(self.core.log, Bug, "the handling of a message from {} failed; answered 500", self.received.source);
        self.refuse(500, "Server Internal Error", outbox);
    }

    fn refuse(&self, status: u16, reason: &'static str, outbox: &mut Vec<Outgoing>) {
        let Ok(message) = Message::parse(self.text.clone()) else { return };
        if !message.is_request() {
            self.core.counters.error_replies.increment();
            return;
        }
        self.core.counters.error_requests.increment();
        let mut cx = RouteCx::new(self.core.clone(), message, self.received);
        if crate::reply::send_stateless(&mut cx, status, &Str::from_static(reason)).is_ok() {
            outbox.append(&mut cx.outbox);
        }
    }

    /// Lets the rest of a message's handling, which waits, run as a task of its own.
    fn finish_later(self, mut rest: BoxFuture<'static, Box<RouteCx>>) {
        let core = self.core.clone();
        let mut outbox = Vec::new();
        if core.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            core.waiting.fetch_sub(1, Ordering::Relaxed);
            crate::log!(core.log, Error, "{MAX_WAITING} messages wait already: a further one was refused");
            self.refuse(503, "Service Unavailable", &mut outbox);
            core.send_all(&mut outbox);
            return;
        }
        tokio::spawn(async move {
            let caught = std::future::poll_fn(move |context| {
                match catch_unwind(AssertUnwindSafe(|| rest.as_mut().poll(context))) {
                    Ok(poll) => poll.map(Some),
                    Err(_) => Poll::Ready(None),
                }
            });
            match caught.await {
                Some(cx) => cx.flush(),
                None => {
                    self.failed(&mut outbox);
                    self.core.send_all(&mut outbox);
                }
            }
            core.waiting.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

impl Core {
    /// Runs something that scripts may make wait: on the spot as far as it goes, the rest as a task of its own. What it
    /// belongs to (a transaction) bounds how many there are. The caller runs inside the runtime, as workers do.
    pub fn go(self: &Arc<Self>, mut future: BoxFuture<'static, ()>) {
        let core = self.clone();
        let mut step =
            move |context: &mut Context<'_>| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
                Ok(poll) => poll,
                Err(_) => {
                    crate::log!(core.log, Bug, "the handling of an event failed");
                    Poll::Ready(())
                }
            };
        if step(&mut Context::from_waker(Waker::noop())).is_pending() {
            tokio::spawn(std::future::poll_fn(step));
        }
    }
}

/// Goes on with a message's handling without leaving the worker; when it has to wait, the rest runs as a task of its
/// own and `None` is returned.
pub(crate) fn poll_here(arrival: Arrival, mut rest: BoxFuture<'static, Box<RouteCx>>) -> Option<Box<RouteCx>> {
    // Many waiting functions find their answer at once (a cache): then the message stays here.
    match rest.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(cx) => Some(cx),
        Poll::Pending => {
            arrival.finish_later(rest);
            None
        }
    }
}

/// Why a request is refused without any script.
struct Fault {
    status: u16,
    reason: &'static str,
    /// Not malformed, but not there.
    missing: bool,
}

/// What is wrong with a request that no script needs to see.
fn fault(message: &Message) -> Option<Fault> {
    let header =
        |is_there: bool, is_good: bool, reason| (!is_good).then_some(Fault { status: 400, reason, missing: !is_there });
    let version = message.version();
    if **version != *b"SIP/2.0" && !version.eq_ignore_case(b"SIP/2.0") {
        return Some(Fault { status: 505, reason: "Version Not Supported", missing: false });
    }
    let via = message.via();
    let from = message.from();
    let to = message.to();
    let call_id = message.call_id_bytes().is_some();
    let cseq = message.cseq();
    header(!matches!(via, Ok(None)), matches!(via, Ok(Some(_))), "Bad Via")
        .or_else(|| header(!matches!(from, Ok(None)), matches!(from, Ok(Some(_))), "Missing or Bad From"))
        .or_else(|| header(!matches!(to, Ok(None)), matches!(to, Ok(Some(_))), "Missing or Bad To"))
        .or_else(|| header(false, call_id, "Missing Call-ID"))
        .or_else(|| header(!matches!(cseq, Ok(None)), matches!(cseq, Ok(Some(_))), "Missing or Bad CSeq"))
        .or_else(|| {
            let fits = matches!(cseq, Ok(Some(cseq)) if cseq.method == message.method()
                && (cseq.method != Method::Other || cseq.method_name == message.method_name()));
            header(true, fits, "CSeq Method Does Not Match")
        })
        .or_else(|| header(true, message.content_length().is_ok(), "Bad Content-Length"))
}

fn run_hooks(hooks: &Listeners<Hook>, cx: &mut RouteCx) -> bool {
    hooks.iter().all(|hook| hook(cx))
}

fn request(core: &Arc<Core>, program: Option<&Arc<Program>>, mut cx: Box<RouteCx>) -> Option<Box<RouteCx>> {
    cx.kind = Routes(routes::REQUEST);
    if let Some(Fault { status, reason, missing }) = fault(&cx.message) {
        let counter = if missing { &core.counters.error_requests } else { &core.counters.bad_messages };
        counter.increment();
        crate::log!(core.log, Warning, "bad request from {}: {reason}", cx.source);
        // Without a Via there is nobody to answer to.
        let _ = crate::reply::send_stateless(&mut cx, status, &Str::from_static(reason));
        return Some(cx);
    }
    core.counters.received_requests.increment();
    if cx.message.method() == Method::Other {
        core.counters.unsupported_methods.increment();
    }
    if core.settings.tcp_accept_aliases {
        follow_alias(&cx);
    }
    if !pre_routing(&mut cx) || !run_hooks(&core.hooks.before_request, &mut cx) {
        core.counters.dropped_requests.increment();
        return Some(cx);
    }
    let Some(program) = program else { return Some(cx) };
    let Some(route) = program.request_route() else {
        crate::log!(core.log, Error, "no request_route: request dropped");
        return Some(cx);
    };
    cx.began = core.watch.route_begins(&cx);
    program.run_message(core, route, cx, after_request)
}

/// Runs `event_route[core:pre-routing]`; `false`: the script dropped the message. Neither `exit` nor `return 0` does.
fn pre_routing(cx: &mut RouteCx) -> bool {
    let found = cx.program().and_then(|program| program.pre_routing.map(|route| (program.clone(), route)));
    let Some((program, route)) = found else { return true };
    program.run_nested(route, cx);
    !std::mem::take(&mut cx.dropped)
}

/// `tcp_accept_aliases`: a Via with `alias` offers the connection for messages to its port (RFC 5923).
fn follow_alias(cx: &RouteCx) {
    if let (Some(connection), Some(network), Ok(Some(via))) =
        (cx.received.connection, cx.core.network(), cx.message.via())
        && via.alias()
    {
        network.add_alias(connection, via.port_or_default());
    }
}

fn after_request(core: &Arc<Core>, mut cx: Box<RouteCx>) -> Next {
    core.watch.route_ended(&mut cx, "request-route");
    run_hooks(&core.hooks.after_request, &mut cx);
    Next::Done(cx)
}

fn reply(core: &Arc<Core>, program: Option<&Arc<Program>>, mut cx: Box<RouteCx>) -> Option<Box<RouteCx>> {
    cx.kind = Routes(routes::CORE_ONREPLY);
    match (cx.message.via(), cx.message.cseq()) {
        (Ok(Some(_)), Ok(Some(_))) => {}
        (Ok(None), _) | (_, Ok(None)) => {
            core.counters.error_replies.increment();
            crate::log!(core.log, Warning, "bad reply from {}: no Via or CSeq", cx.source);
            return Some(cx);
        }
        _ => {
            core.counters.bad_messages.increment();
            crate::log!(core.log, Warning, "bad reply from {}: wrong Via or CSeq", cx.source);
            return Some(cx);
        }
    }
    core.counters.received_replies.increment();
    if !pre_routing(&mut cx) {
        core.counters.dropped_replies.increment();
        return Some(cx);
    }
    if !run_hooks(&core.hooks.before_reply, &mut cx) {
        return Some(cx);
    }
    match program.and_then(|program| Some((program, program.reply?))) {
        Some((program, route)) => {
            cx.began = core.watch.route_begins(&cx);
            program.run_message(core, route, cx, after_reply)
        }
        None => after_reply(core, cx).go_here(),
    }
}

/// Gives a reply to its transaction; one that nobody waits for goes on by its second Via.
fn after_reply(core: &Arc<Core>, mut cx: Box<RouteCx>) -> Next {
    if cx.began.is_some() {
        core.watch.route_ended(&mut cx, "reply-route");
    }
    // `return 0` in `reply_route` drops the reply as `drop` does; `exit` does not.
    if cx.dropped || cx.last_code == 0 {
        core.counters.dropped_replies.increment();
        return Next::Done(cx);
    }
    let taken = match core.hooks.take_reply.get() {
        Some(take) => take(cx),
        None => Taken::No(cx),
    };
    match taken {
        Taken::Yes(next) => next,
        Taken::No(mut cx) => {
            pass_reply(&mut cx);
            Next::Done(cx)
        }
    }
}

/// Sends a reply on by its second Via.
fn pass_reply(cx: &mut RouteCx) {
    let core = cx.core.clone();
    if matches!(cx.message.vias(), Ok([_])) {
        // It was for us, and nobody waits for it (any more).
        crate::log!(core.log, Debug, "reply from {} has no second Via: dropped", cx.source);
        return;
    }
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let result = {
        let mut forwarding = std::pin::pin!(crate::forward::forward_reply(cx));
        forwarding.as_mut().poll(&mut context)
    };
    match result {
        std::task::Poll::Ready(Ok(())) => {}
        std::task::Poll::Ready(Err(error)) => {
            core.counters.error_replies.increment();
            crate::log!(core.log, Warning, "reply from {} dropped: {error}", cx.source);
        }
        // RFC 3261 section 18.2.2: the Via of a proxy holds an address; a name would need a query that nobody waits for.
        std::task::Poll::Pending => {
            core.counters.error_replies.increment();
            crate::log!(
                core.log,
                Warning,
                "reply from {} dropped: its second Via has a host name that is not cached",
                cx.source
            );
        }
    }
}
