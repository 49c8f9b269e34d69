//! Answering through a transaction.

use std::sync::Arc;

use engine::{CallResult, Return, RouteCx, Routes, ScriptError, Str, function};
use language::ast::RouteKind;
use sip::Method;

use super::create::{BAD_URI, Created, current, new_transaction, required};
use super::step::Step;
use super::table::RequestKey;
use super::transaction::Transaction;
use super::{Current, Tm, cancel};
use crate::sl::arguments::{Code, Reason};
use crate::sl::redirect;

/// The code and reason to send.
fn status(tm: &Tm, code: &Code, reason: Reason) -> (u16, Str) {
    let code = code.0.and_then(|code| u16::try_from(code).ok()).filter(|code| (100..700).contains(code));
    let reason = reason.0.map_or_else(|| tm.params.default_reason.clone(), engine::reply::one_line);
    (code.unwrap_or_else(|| tm.live.default_code.get() as u16), reason)
}

/// Sends a reply to the transaction's request. `cx` is a script on the request, or on a reply to it.
fn send(cx: &mut RouteCx, transaction: &Arc<Transaction>, code: u16, reason: &Str) -> CallResult {
    let tm = transaction.tm.clone();
    let now = tm.now();
    let mut step = Step::default();
    let sent = {
        let mut state = transaction.lock();
        if current(cx).is_some_and(|own| Arc::ptr_eq(&own, transaction)) {
            state.note(cx);
        }
        if state.machine.is_final() {
            false
        } else if cx.message.is_request() {
            // The message itself: the script's reply headers and body go with it.
            let queued = cx.reply_headers.len();
            if (300..400).contains(&code) {
                cx.reply_headers.extend(redirect::contacts(cx, tm.params.rich_redirect));
            }
            let text = engine::reply::build(cx, code, reason, Some(&transaction.own_tag()));
            cx.reply_headers.truncate(queued);
            let text = text?;
            tm.counters.generated.increment();
            transaction.send_up(&mut state, now, code, reason.clone(), None, text, &mut step);
            true
        } else {
            transaction.reply_here(&mut state, now, code, reason, &mut step);
            true
        }
    };
    step.finish(transaction, Some(&mut cx.outbox));
    transaction.failed(std::mem::take(&mut step.failed));
    if sent {
        local_response_route(cx, transaction);
        Ok(Return::TRUE)
    } else {
        Err(ScriptError::new("the request has been answered finally already"))
    }
}

/// Runs `event_route[tm:local-response]` on a reply that was just sent.
fn local_response_route(cx: &mut RouteCx, transaction: &Arc<Transaction>) {
    let Some(program) = cx.program().cloned() else { return };
    let Some(route) = program.route(RouteKind::Event, "tm:local-response") else { return };
    // A reply that is sent there does not run it once more.
    if cx.data::<Current>().is_local_response {
        return;
    }
    let Some(text) = transaction.lock().reply.clone() else { return };
    let Ok(message) = sip::Message::parse(text) else { return };
    let mut event = RouteCx::new(cx.core.clone(), message, cx.received);
    *event.data::<Current>() =
        Current { transaction: Some(transaction.clone()), is_local_response: true, ..Current::default() };
    event.kind = Routes(engine::function::routes::EVENT);
    std::mem::swap(&mut event.avps, &mut cx.avps);
    std::mem::swap(&mut event.xavps, &mut cx.xavps);
    program.run_nested(route, &mut event);
    std::mem::swap(&mut event.avps, &mut cx.avps);
    std::mem::swap(&mut event.xavps, &mut cx.xavps);
    cx.outbox.append(&mut event.outbox);
}

impl Transaction {
    /// Answers the request from elsewhere than its script. `tag`: the To tag in place of our own; `headers`: whole lines.
    /// False when it was answered finally before.
    pub fn answer(
        self: &Arc<Self>,
        code: u16,
        reason: &Str,
        tag: Option<String>,
        headers: Vec<Str>,
        body: Option<Str>,
    ) -> bool {
        let mut step = Step::default();
        {
            let mut state = self.lock();
            if state.machine.is_final() || state.machine.is_local() {
                return false;
            }
            let Some(mut cx) = self.context(&mut state) else { return false };
            cx.reply_headers = headers;
            cx.reply_body = body.map(|body| (body, Str::EMPTY));
            let tag = tag.map_or_else(|| self.own_tag(), String::into_bytes);
            let Ok(text) = engine::reply::build(&cx, code, reason, Some(&tag)) else { return false };
            self.tm.counters.generated.increment();
            self.send_up(&mut state, self.tm.now(), code, reason.clone(), None, text, &mut step);
        }
        step.finish(self, None);
        self.failed(std::mem::take(&mut step.failed));
        true
    }
}

/// `send_reply` of module sl, when there is a transaction; `None`: there is none.
pub(crate) fn in_transaction(tm: &Arc<Tm>, cx: &mut RouteCx, code: u16, reason: &Str) -> Option<CallResult> {
    let transaction = match current(cx) {
        Some(transaction) => Some(transaction),
        None if cx.message.is_request() && cx.message.method() != Method::Ack => {
            let key = RequestKey::to_find(cx, &tm.table)?;
            tm.table.find_request(&key, &tm.matching())
        }
        None => None,
    };
    transaction.map(|transaction| send(cx, &transaction, code, reason))
}

/// Makes the transaction of the request. A request that came before is absorbed: its reply is sent again, and the
/// script ends.
///
/// Returns 1; 0, which ends the script, for a retransmission; -10 when the transaction exists already; -400 when the
/// request-URI is none.
#[function(REQUEST)]
pub fn t_newtran(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    new_transaction(cx, me)
}

/// Answers the request through its transaction, which `t_newtran()` made. A code that is none becomes `default_code`.
/// A 3xx reply gets the changed request-URI and the branches as contacts. A final reply cancels all branches.
///
/// Returns 1; -1 without transaction, and when it was answered finally before.
#[function(REQUEST | FAILURE | ONREPLY | EVENT)]
pub fn t_reply(cx: &mut RouteCx, me: &Arc<Tm>, code: Code, reason: Reason) -> CallResult {
    let transaction = required(cx)?;
    let (code, reason) = status(me, &code, reason);
    send(cx, &transaction, code, &reason)
}

/// Like `t_reply`; makes the transaction if there is none.
#[function(REQUEST | FAILURE | ONREPLY | EVENT)]
pub fn t_send_reply(cx: &mut RouteCx, me: &Arc<Tm>, code: Code, reason: Reason) -> CallResult {
    let transaction = match current(cx) {
        Some(transaction) => transaction,
        None => match me.create(cx)? {
            Created::New(transaction) => transaction,
            Created::Known => return Ok(Return::STOP),
            Created::Ack => return Ok(Return::FALSE),
            Created::BadUri => return Ok(BAD_URI),
        },
    };
    let (code, reason) = status(me, &code, reason);
    send(cx, &transaction, code, &reason)
}

/// Answers 500 because of an internal error.
#[function(REQUEST | FAILURE | ONREPLY | EVENT)]
pub fn t_reply_error(cx: &mut RouteCx) -> CallResult {
    let transaction = required(cx)?;
    send(cx, &transaction, 500, &Str::from_static("I'm terribly sorry, server error occurred (1/TM)"))
}

/// Sends the last reply of the request's transaction once more. False when there is none.
#[function(REQUEST)]
pub fn t_retransmit_reply(cx: &mut RouteCx) -> CallResult {
    let Some(transaction) = current(cx) else { return Ok(Return::FALSE) };
    let state = transaction.lock();
    let replied = state.reply.is_some();
    transaction.resend_reply(&state, &mut cx.outbox);
    Ok(replied.into())
}

/// Ends the transaction, after the time for what comes late. True also when there is none.
#[function(REQUEST)]
pub fn t_release(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    if let Some(transaction) = current(cx) {
        cancel::release(me, &transaction);
    }
    Ok(Return::TRUE)
}
