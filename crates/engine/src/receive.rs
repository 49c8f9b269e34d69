//! A message arrives: parse, check, run the routes, send on.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use language::ast::RouteKind;
use parking_lot::RwLock;
use sip::{Message, Str};
use transport::{Handler, Outgoing, Received};

use crate::core::Core;
use crate::function::{Routes, routes};
use crate::route_cx::RouteCx;

/// Looks at a message before the script; `false` ends its handling.
pub type Hook = Arc<dyn Fn(&mut RouteCx) -> bool + Send + Sync>;

/// What modules do before and after the script.
#[derive(Default)]
pub struct Hooks {
    /// Before `request_route` (sl takes the ACKs to its replies here).
    pub before_request: RwLock<Vec<Hook>>,
    /// Before `reply_route`; returning `false` means that a transaction took the reply.
    pub before_reply: RwLock<Vec<Hook>>,
    /// After `request_route`, also when the script ended early.
    pub after_request: RwLock<Vec<Hook>>,
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

    fn context(&self, received: Received, data: Str) -> Result<Box<RouteCx>, sip::ParseError> {
        let spare = SPARE.with_borrow_mut(Vec::pop).filter(|cx| Arc::ptr_eq(&cx.core, &self.core));
        match spare {
            Some(mut cx) => {
                cx.reset(received);
                cx.message.reparse(data)?;
                Ok(cx)
            }
            None => Ok(Box::new(RouteCx::new(self.core.clone(), Message::parse(data)?, received))),
        }
    }

    fn handle(&self, received: Received, data: Str, outbox: &mut Vec<Outgoing>) {
        let mut cx = match self.context(received, data) {
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
                return;
            }
        };
        std::mem::swap(&mut cx.outbox, outbox);
        let finished = if cx.message.is_request() { request(cx) } else { reply(cx) };
        if let Some(mut cx) = finished {
            std::mem::swap(&mut cx.outbox, outbox);
            // The received buffer is not kept alive by an idle context.
            cx.message.clear();
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
        let copy = data.clone();
        if catch_unwind(AssertUnwindSafe(|| self.handle(received, data, outbox))).is_err() {
            // A bug in the handling of one message: the log has the panic's text, the sender gets an answer.
            outbox.truncate(before);
            crate::log!(self.core.log, Bug, "the handling of a message from {} failed; answered 500", received.source);
            self.core.counters.error_requests.increment();
            if let Ok(message) = Message::parse(copy)
                && message.is_request()
            {
                let mut cx = RouteCx::new(self.core.clone(), message, received);
                if crate::reply::send_stateless(&mut cx, 500, &Str::from_static("Server Internal Error")).is_ok() {
                    outbox.append(&mut cx.outbox);
                }
            }
        }
    }
}

/// What is wrong with a request that no script needs to see; the code and reason of the answer.
fn fault(message: &Message) -> Option<(u16, &'static str)> {
    if !message.version().eq_ignore_ascii_case(b"SIP/2.0") {
        return Some((505, "Version Not Supported"));
    }
    if !matches!(message.via(), Ok(Some(_))) {
        return Some((400, "Bad Via"));
    }
    if !matches!(message.from(), Ok(Some(_))) {
        return Some((400, "Missing or Bad From"));
    }
    if !matches!(message.to(), Ok(Some(_))) {
        return Some((400, "Missing or Bad To"));
    }
    if message.call_id().is_none_or(|id| id.is_empty()) {
        return Some((400, "Missing Call-ID"));
    }
    match message.cseq() {
        Ok(Some(cseq)) if cseq.method_name == message.method_name() => {}
        Ok(Some(_)) => return Some((400, "CSeq Method Does Not Match")),
        _ => return Some((400, "Missing or Bad CSeq")),
    }
    if message.content_length().is_err() {
        return Some((400, "Bad Content-Length"));
    }
    None
}

fn run_hooks(hooks: &RwLock<Vec<Hook>>, cx: &mut RouteCx) -> bool {
    // Cloning the list would cost more than the short read lock: hooks are added at start only.
    hooks.read().iter().all(|hook| hook(cx))
}

fn request(mut cx: Box<RouteCx>) -> Option<Box<RouteCx>> {
    let core = cx.core.clone();
    core.counters.received_requests.increment();
    cx.kind = Routes(routes::REQUEST);
    if let Some((status, reason)) = fault(&cx.message) {
        core.counters.bad_messages.increment();
        crate::log!(core.log, Warning, "bad request from {}: {reason}", cx.source);
        // Without a Via there is nobody to answer to.
        let _ = crate::reply::send_stateless(&mut cx, status, &Str::from_static(reason));
        return Some(cx);
    }
    if cx.message.method() == sip::Method::Other {
        core.counters.unsupported_methods.increment();
    }
    if !run_hooks(&core.hooks.before_request, &mut cx) {
        return Some(cx);
    }
    let Some(program) = cx.program().cloned() else { return Some(cx) };
    let Some(route) = program.request_route() else {
        crate::log!(core.log, Error, "no request_route: request dropped");
        return Some(cx);
    };
    program.run_message(route, cx, after_request)
}

fn after_request(cx: &mut RouteCx) {
    if cx.dropped {
        cx.core.counters.dropped_requests.increment();
    }
    let core = cx.core.clone();
    run_hooks(&core.hooks.after_request, cx);
}

fn reply(mut cx: Box<RouteCx>) -> Option<Box<RouteCx>> {
    let core = cx.core.clone();
    core.counters.received_replies.increment();
    cx.kind = Routes(routes::CORE_ONREPLY);
    if !matches!(cx.message.via(), Ok(Some(_))) || !matches!(cx.message.cseq(), Ok(Some(_))) {
        core.counters.bad_messages.increment();
        crate::log!(core.log, Warning, "bad reply from {}: no Via or CSeq", cx.source);
        return Some(cx);
    }
    if !run_hooks(&core.hooks.before_reply, &mut cx) {
        return Some(cx);
    }
    let program = cx.program().cloned();
    let route = program.as_ref().and_then(|program| program.route(RouteKind::Reply, ""));
    match (program, route) {
        (Some(program), Some(route)) => program.run_message(route, cx, after_reply),
        _ => {
            after_reply(&mut cx);
            Some(cx)
        }
    }
}

/// A reply that nobody waits for goes on by its second Via.
fn after_reply(cx: &mut RouteCx) {
    if cx.dropped {
        cx.core.counters.dropped_replies.increment();
        return;
    }
    let core = cx.core.clone();
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
