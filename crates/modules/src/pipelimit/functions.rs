//! `pl_check`, `pl_active`, `pl_drop`.

use engine::{CallResult, FunctionDef, Return, RouteCx, ScriptError, Str, function};
use rand::RngExt as _;

use super::Pipelimit;
use super::pipes::Verdict;
use crate::ratelimit::pipe::Algorithm;

fn check(cx: &RouteCx, me: &Pipelimit, name: &Str) -> CallResult {
    Ok(Return(match me.pipes.pass(name) {
        Verdict::NoPipe => {
            engine::log!(cx.core.log, Error, "{}: there is no pipe `{name}`", cx.place());
            -2
        }
        Verdict::Full => -1,
        Verdict::Passes => 1,
        Verdict::NoLimit => 2,
    }))
}

/// Counts the message in a pipe.
///
/// Returns 1 when it may pass, 2 when the pipe's algorithm is NOP; -1 when the pipe lets no further one pass, -2 when
/// there is no such pipe.
#[function(ANY)]
pub fn pl_check(cx: &mut RouteCx, me: &Pipelimit, name: Str) -> CallResult {
    check(cx, me, &name)
}

/// The same, making the pipe if there is none, with an algorithm (TAILDROP, RED, NETWORK, FEEDBACK, NOP) and a limit for
/// each `timer_interval`. If there is one, its algorithm stays, and its limit is set when `limit` is above 0.
///
/// -2 when the pipe cannot be made: the algorithm is unknown, the limit negative, or there are too many pipes.
#[function(ANY)]
pub fn pl_check_limit(cx: &mut RouteCx, me: &Pipelimit, name: Str, algorithm: Str, limit: i64) -> CallResult {
    let make = || {
        let algorithm = Algorithm::from_name(&algorithm)
            .ok_or_else(|| ScriptError::new(format!("there is no algorithm `{algorithm}`")))?;
        let limit = u32::try_from(limit).map_err(|_| ScriptError::new(format!("{limit} is no limit")))?;
        me.pipes.add(&name, algorithm, limit)
    };
    if let Err(error) = make() {
        engine::log!(cx.core.log, Error, "{}: {error}", cx.place());
        return Ok(Return(-2));
    }
    check(cx, me, &name)
}

/// `pl_check` with three arguments: two are not allowed.
pub const PL_CHECK_WITH_LIMIT: FunctionDef = FunctionDef { name: "pl_check", ..PL_CHECK_LIMIT };

/// True when there is a pipe of that name.
#[function(ANY)]
pub fn pl_active(_cx: &mut RouteCx, me: &Pipelimit, name: Str) -> CallResult {
    Ok(me.pipes.with(&name, |_| ()).is_some().into())
}

/// Answers the request with `reply_code` and `reply_reason`. With one argument the reply has `Retry-After` with that
/// number of seconds, with two a random number from the first to the second.
///
/// Returns 1; -1 when the reply could not be sent.
#[function(REQUEST | FAILURE | BRANCH | ONSEND)]
pub fn pl_drop(cx: &mut RouteCx, me: &Pipelimit, min: Option<i64>, max: Option<i64>) -> CallResult {
    let seconds = match (min, max) {
        (None, _) => None,
        (Some(seconds), None) => Some(seconds),
        (Some(min), Some(max)) if min <= max => Some(rand::rng().random_range(min..=max)),
        (Some(min), Some(max)) => return Err(ScriptError::new(format!("pl_drop(): {min} is above {max}"))),
    };
    if seconds.is_some_and(i64::is_negative) {
        return Err(ScriptError::new("pl_drop(): a time is negative"));
    }
    let queued = cx.reply_headers.len();
    cx.reply_headers.extend(seconds.map(|seconds| Str::from(format!("Retry-After: {seconds}\r\n"))));
    let code = u16::try_from(me.reply_code.get()).unwrap_or(503);
    let result = me.sl.reply(cx, code, &me.reason());
    cx.reply_headers.truncate(queued);
    result
}
