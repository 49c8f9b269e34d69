//! `sanity_check`, `sanity_reply`.

use std::ops::RangeInclusive;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Method;

use super::Sanity;
use super::checks::{Fault, Wanted, run};

/// What `msg_checks` may be.
pub(super) const MESSAGE_CHECKS: RangeInclusive<i64> = 1..=32767;
/// What `uri_checks` may be.
pub(super) const URI_CHECKS: RangeInclusive<i64> = 1..=15;

/// The last fault of the message, for `sanity_reply`.
#[derive(Default)]
struct LastFault(Option<Fault>);

impl Sanity {
    fn reply(&self, cx: &mut RouteCx, fault: &Fault) {
        if fault.silent || cx.message.is_reply() || cx.message.method() == Method::Ack {
            return;
        }
        let queued = cx.reply_headers.len();
        if let Some(extension) = &fault.unsupported {
            cx.reply_headers.push(Str::from(format!("Unsupported: {extension}\r\n")));
        }
        let result = self.sl.reply(cx, fault.code, &Str::from_static(fault.reason));
        cx.reply_headers.truncate(queued);
        if let Err(error) = result {
            engine::log!(cx.core.log, Warning, "{}: {} {} not sent: {error}", cx.place(), fault.code, fault.reason);
        }
    }
}

fn in_range(value: i64, range: &RangeInclusive<i64>, name: &str) -> Result<i64, ScriptError> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(ScriptError::new(format!("{name} must be from {} to {}, not {value}", range.start(), range.end())))
}

/// Checks the message: `msg_checks` says what (default: parameter `default_checks`), `uri_checks` which URIs check 1024
/// looks at (default: parameter `uri_checks`). A fault is answered with its own code and text unless `noreply` is set.
///
/// Returns 1 (well-formed); after a fault the script ends, or, with `autodrop` 0, -1.
#[function(REQUEST | ONREPLY)]
pub fn sanity_check(cx: &mut RouteCx, me: &Sanity, msg_checks: Option<i64>, uri_checks: Option<i64>) -> CallResult {
    let wanted = Wanted {
        checks: in_range(msg_checks.unwrap_or(me.params.default_checks), &MESSAGE_CHECKS, "msg_checks")?,
        uris: in_range(uri_checks.unwrap_or(me.params.uri_checks), &URI_CHECKS, "uri_checks")?,
        extensions: &me.extensions,
    };
    let Err(fault) = run(cx, &wanted) else { return Ok(Return::TRUE) };
    engine::log!(cx.core.log, Notice, "message from {} is not well-formed: {}", cx.source, fault.reason);
    if me.params.noreply {
        cx.data::<LastFault>().0 = Some(fault);
    } else {
        me.reply(cx, &fault);
    }
    Ok(if me.params.autodrop { Return::STOP } else { Return::FALSE })
}

/// With parameter `noreply` 1, answers the last fault that `sanity_check` found; `500 Server Sanity Failure` when it
/// found none. Without the parameter it does nothing.
///
/// Returns 1.
#[function(REQUEST | ONREPLY)]
pub fn sanity_reply(cx: &mut RouteCx, me: &Sanity) -> CallResult {
    if me.params.noreply {
        let fault = cx.data::<LastFault>().0.clone();
        me.reply(cx, &fault.unwrap_or(const { Fault::new(500, "Server Sanity Failure") }));
    }
    Ok(Return::TRUE)
}
