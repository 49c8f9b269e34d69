//! `async_route` and its relatives: the transaction waits, and goes on with another route.

use std::sync::Arc;
use std::time::Duration;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};

use super::task::{Group, TaskRoute};
use super::{Async, seconds};
use crate::tm;

/// Lets the transaction wait, then go on with `route[name]`.
fn go_on_later(cx: &mut RouteCx, me: &Arc<Async>, name: &Str, milliseconds: u64) -> CallResult {
    if cx.find_route(name).is_none() {
        return Err(ScriptError::new(format!("there is no route[{name}]")));
    }
    let suspended = me.tm.suspend(cx)?;
    if suspended != Return::TRUE {
        return Ok(suspended);
    }
    let id = tm::required(cx)?.id();
    let (me_later, name, core) = (me.clone(), name.to_text().into_owned(), cx.core.clone());
    cx.core.spawn(Box::pin(async move {
        // At least until the script that suspended it has ended.
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        if let Err(error) = me_later.tm.resume(id, &name) {
            engine::log!(core.log, Warning, "route[{name}] does not run: {error}");
        }
    }));
    Ok(me.done())
}

/// Lets the request wait for 1 to 100 seconds, and then go on with `route[routename]`, which runs like a failure route:
/// with the request as it was when it began to wait. The script ends here (parameter `return`).
///
/// When the transaction's `fr_timer` is over before, the request fails with 408 and the route does not run.
///
/// Returns the parameter `return`; -1 when there is no such route, or the time is out of range.
#[function(REQUEST | FAILURE)]
pub fn async_route(cx: &mut RouteCx, me: &Arc<Async>, routename: Str, seconds: i64) -> CallResult {
    let time = self::seconds(seconds)?;
    go_on_later(cx, me, &routename, time)
}

/// The same for 1 to 30000 milliseconds; needs the parameter `ms_timer`.
#[function(REQUEST | FAILURE)]
pub fn async_ms_route(cx: &mut RouteCx, me: &Arc<Async>, routename: Str, milliseconds: i64) -> CallResult {
    let time = me.milliseconds(milliseconds)?;
    go_on_later(cx, me, &routename, time)
}

/// Ends the script, and lets the request go on with `route[routename]` at once, outside of the worker. See `async_route`.
/// Needs the core parameter `async_workers` or `async_workers_group`.
#[function(REQUEST | FAILURE)]
pub fn async_task_route(cx: &mut RouteCx, me: &Arc<Async>, routename: TaskRoute) -> CallResult {
    go_on_later(cx, me, &routename.0, 0)
}

/// The same in a group of workers, which must exist.
#[function(REQUEST | FAILURE)]
pub fn async_task_group_route(cx: &mut RouteCx, me: &Arc<Async>, routename: TaskRoute, groupname: Group) -> CallResult {
    me.groups.find(&groupname.0)?;
    go_on_later(cx, me, &routename.0, 0)
}
