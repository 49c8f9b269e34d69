//! `rl_check` and `rl_check_pipe`.

use engine::{CallResult, Return, RouteCx, ScriptError, function};

use super::Ratelimit;

fn check(cx: &RouteCx, me: &Ratelimit, number: i64) -> CallResult {
    let passes = usize::try_from(number).ok().and_then(|number| me.pass(&cx.core, number));
    passes.map(Into::into).ok_or_else(|| ScriptError::new(format!("there is no pipe {number}")))
}

/// Counts the message in the pipe of its method's queue, or in the pipe with that number.
///
/// Returns 1, also when the queue's pipe does not exist; -1 when the pipe lets no further one pass, when no queue takes the
/// method, and when there is no pipe with that number.
#[function(ANY)]
pub fn rl_check(cx: &mut RouteCx, me: &Ratelimit, pvar: Option<i64>) -> CallResult {
    if let Some(number) = pvar {
        return check(cx, me, number);
    }
    let method = cx.message.method_name();
    let pipe = {
        let state = me.state.lock();
        let fits = state.queues.iter().find(|queue| queue.method == "*" || queue.method == method);
        fits.map(|queue| queue.pipe)
    };
    match pipe {
        Some(pipe) => Ok(me.pass(&cx.core, pipe).map_or_else(
            || {
                // As in Kamailio a queue without a pipe limits nothing.
                engine::log!(cx.core.log, Error, "{}: there is no pipe {pipe} for {method}", cx.place());
                Return::TRUE
            },
            Into::into,
        )),
        None => Err(ScriptError::new(format!("no queue takes the method {method}"))),
    }
}

/// Counts the message in the pipe with that number. See `rl_check`.
#[function(ANY)]
pub fn rl_check_pipe(cx: &mut RouteCx, me: &Ratelimit, pipe_no: i64) -> CallResult {
    check(cx, me, pipe_no)
}
