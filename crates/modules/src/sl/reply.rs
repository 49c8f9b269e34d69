//! `sl_send_reply` and its relatives.

use engine::reply::one_line;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Method;

use super::arguments::{Code, Reason};
use super::{Sl, redirect, run_event};

/// Kamailio's text for an error without a better code.
const ERROR: &str = "I'm terribly sorry, server error occurred (1/SL)";

impl Sl {
    /// Answers the request: through its transaction when there is one, else without. For other modules.
    pub fn reply(&self, cx: &mut RouteCx, code: u16, reason: &Str) -> CallResult {
        if self.params.bind_tm
            && let Some(stateful) = cx.core.stateful_reply.get().cloned()
            && let Some(result) = stateful(cx, code, reason)
        {
            return result;
        }
        self.send(cx, code, reason)
    }

    /// Answers the request without its transaction. For other modules.
    pub fn reply_stateless(&self, cx: &mut RouteCx, code: u16, reason: &Str) -> CallResult {
        self.send(cx, code, reason)
    }

    /// Sends a reply without a transaction; the branches become contacts of a 3xx one.
    fn send(&self, cx: &mut RouteCx, code: u16, reason: &Str) -> CallResult {
        // Nobody waits for an answer to an ACK, and there is none to a reply.
        if cx.message.is_reply() || cx.message.method() == Method::Ack {
            return Ok(Return::FALSE);
        }
        let queued = cx.reply_headers.len();
        if (300..400).contains(&code) {
            cx.reply_headers.extend(redirect::contacts(cx, self.params.rich_redirect));
        }
        let result = engine::reply::send_stateless(cx, code, reason);
        cx.reply_headers.truncate(queued);
        match result {
            Ok(()) => {
                self.counters.count(code);
                run_event(cx, "sl:local-response");
                Ok(Return::TRUE)
            }
            Err(error) => {
                self.counters.failures.increment();
                Err(error)
            }
        }
    }

    /// The code and reason to send.
    fn status(&self, code: &Code, reason: Reason) -> (u16, Str) {
        let code = code.0.and_then(|code| u16::try_from(code).ok()).filter(|code| (100..1000).contains(code));
        let reason = reason.0.unwrap_or_else(|| self.params.default_reason.clone());
        (code.unwrap_or(self.params.default_code), one_line(reason))
    }
}

/// Answers the request without a transaction: `sl_send_reply("404", "Not Found")`. A 3xx reply gets the changed
/// request-URI and the branches as contacts.
///
/// Returns 1; -1 when the reply could not be sent, and for an ACK.
#[function(REQUEST)]
pub fn sl_send_reply(cx: &mut RouteCx, me: &Sl, code: Code, reason: Reason) -> CallResult {
    let (code, reason) = me.status(&code, reason);
    me.send(cx, code, &reason)
}

/// The same as `sl_send_reply`.
#[function(REQUEST)]
pub fn sl_reply(cx: &mut RouteCx, me: &Sl, code: Code, reason: Reason) -> CallResult {
    let (code, reason) = me.status(&code, reason);
    me.send(cx, code, &reason)
}

/// Answers the request: through its transaction when there is one, else without.
///
/// Returns 1; -1 when the reply could not be sent, and in a reply route without a transaction.
#[function(REQUEST | ONREPLY | FAILURE)]
pub fn send_reply(cx: &mut RouteCx, me: &Sl, code: Code, reason: Reason) -> CallResult {
    let (code, reason) = me.status(&code, reason);
    me.reply(cx, code, &reason)
}

/// Like `send_reply`. `mode` is a sum: 1 sends only over a connection that is open (`set_reply_no_connect`), 2 closes
/// it afterwards (`set_reply_close`).
#[function(REQUEST | ONREPLY | FAILURE)]
pub fn send_reply_mode(cx: &mut RouteCx, me: &Sl, code: Code, reason: Reason, mode: i64) -> CallResult {
    if mode & 1 != 0 {
        cx.send.reply_no_connect = true;
    }
    if mode & 2 != 0 {
        cx.send.reply_close = true;
    }
    let (code, reason) = me.status(&code, reason);
    me.reply(cx, code, &reason)
}

/// What the function that failed last would answer, else 500.
fn error(cx: &RouteCx) -> (u16, Str) {
    let last = cx.find_data::<engine::reply::LastFailure>().and_then(|failure| failure.0.clone());
    last.unwrap_or_else(|| (500, Str::from_static(ERROR)))
}

/// Answers without a transaction because something failed: 478 behind a `t_relay()` that could not resolve a name, 500
/// because of an internal error.
#[function(REQUEST)]
pub fn sl_reply_error(cx: &mut RouteCx, me: &Sl) -> CallResult {
    me.counters.sent_errors.increment();
    let (status, reason) = error(cx);
    me.send(cx, status, &reason)
}

/// The same through the transaction when there is one.
#[function(REQUEST | ONREPLY | FAILURE)]
pub fn send_reply_error(cx: &mut RouteCx, me: &Sl) -> CallResult {
    me.counters.sent_errors.increment();
    let (status, reason) = error(cx);
    me.reply(cx, status, &reason)
}

/// Sends the received reply on by its second Via, at once, with another code of the same class and another reason if
/// given (an empty text leaves what was received). The reply goes on once more at the end of the route unless the
/// script ends with `drop`.
///
/// Returns 1; -1 when the code is of another class or the reply could not be sent.
#[function(ONREPLY)]
pub async fn sl_forward_reply(cx: &mut RouteCx, code: Option<Str>, reason: Option<Str>) -> CallResult {
    let filled = |text: Option<Str>| text.filter(|text| !text.is_empty());
    let (code, reason) = (filled(code), filled(reason).map(one_line));
    if code.is_none() && reason.is_none() {
        engine::forward::forward_reply(cx).await?;
        return Ok(Return::TRUE);
    }
    let line = status_line(cx, code.as_ref(), reason.as_ref())?;
    let range = 0..cx.message.start_line_text().len();
    let edit = cx.message.edits_mut().replace(range, line);
    let result = engine::forward::forward_reply(cx).await;
    // The script and the core go on with the reply as it was received.
    cx.message.edits_mut().remove(edit);
    result.map(|()| Return::TRUE)
}

/// The first line of the received reply with another code or reason.
fn status_line(cx: &RouteCx, code: Option<&Str>, reason: Option<&Str>) -> Result<Str, ScriptError> {
    let old = cx.message.status().ok_or_else(|| ScriptError::new("this is no reply"))?;
    let status = match code {
        Some(code) => code.parse_int().ok_or_else(|| ScriptError::new(format!("`{code}` is no reply code")))?,
        None => i64::from(old),
    };
    if status / 100 != i64::from(old / 100) {
        return Err(ScriptError::new(format!("the class of the reply cannot be changed: {old} to {status}")));
    }
    let reason = reason.or(cx.message.reason()).cloned().unwrap_or_default();
    Ok(Str::from([&**cx.message.version(), format!(" {status} ").as_bytes(), &*reason].concat()))
}
