//! Which routes run later: `t_on_failure("NAME")` and its relatives.

use engine::program::RouteId;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use language::ast::RouteKind;

use super::Current;
use super::create::current;
use super::transaction::Options;

/// Changes what the script has set: of the message's transaction, or of the one that it will have.
pub(crate) fn change<T>(cx: &mut RouteCx, change: impl FnOnce(&mut Options) -> T) -> T {
    match current(cx) {
        Some(transaction) => change(&mut transaction.lock().options),
        None => change(&mut cx.data::<Current>().options),
    }
}

/// The route of that name; `0` and the empty name mean none. One that does not exist is only logged: as in Kamailio it
/// counts as an empty one, and takes the place of the one that was set before.
fn route(cx: &RouteCx, kind: RouteKind, name: &Str) -> Option<RouteId> {
    if name.is_empty() || *name == "0" {
        return None;
    }
    let found = cx.program().and_then(|program| program.route(kind, &name.to_text()));
    if found.is_none() {
        engine::log!(cx.core.log, Error, "{}: there is no route of this kind named `{name}`", cx.place());
    }
    found
}

/// Lets `failure_route[route]` run when all branches have failed, before the reply goes back: it may send the request
/// elsewhere or answer. It holds for the branches that are sent from then on; when they have different ones, that of the
/// branch with the best reply runs. For branches that are sent there it has to be set again. `"0"` sets none.
#[function(REQUEST | FAILURE | BRANCH | TM_ONREPLY | EVENT)]
pub fn t_on_failure(cx: &mut RouteCx, route: Str) -> CallResult {
    let route = self::route(cx, RouteKind::Failure, &route);
    change(cx, |options| options.on_failure = route);
    Ok(Return::TRUE)
}

/// Lets `event_route[tm:branch-failure:name]` run for each branch that fails, of those that are sent from now on, before
/// it is known whether all have failed. For branches that are sent in that route, or in a failure route, it has to be
/// set there again. `"0"` sets none.
#[function(REQUEST | FAILURE | BRANCH | TM_ONREPLY | EVENT)]
pub fn t_on_branch_failure(cx: &mut RouteCx, name: Str) -> CallResult {
    let name = if name.is_empty() || name == "0" { name } else { Str::from(format!("tm:branch-failure:{name}")) };
    let route = route(cx, RouteKind::Event, &name);
    change(cx, |options| options.on_branch_failure = route);
    Ok(Return::TRUE)
}

/// Lets `onreply_route[route]` run for each reply to the branches that are sent from then on; in a branch route that branch
/// is the first. `"0"` sets none.
#[function(REQUEST | FAILURE | BRANCH | TM_ONREPLY | EVENT)]
pub fn t_on_reply(cx: &mut RouteCx, route: Str) -> CallResult {
    let route = self::route(cx, RouteKind::OnReply, &route);
    change(cx, |options| options.on_reply = route);
    Ok(Return::TRUE)
}

/// Lets `branch_route[route]` run for each branch before it is sent. `"0"` sets none.
#[function(REQUEST | FAILURE | EVENT)]
pub fn t_on_branch(cx: &mut RouteCx, route: Str) -> CallResult {
    let route = self::route(cx, RouteKind::Branch, &route);
    change(cx, |options| options.on_branch = route);
    Ok(Return::TRUE)
}

/// True when a route was set: `target` is `failure_route`, `branch_route`, `branch_failure_route` or `onreply_route`.
#[function(ANY)]
pub fn t_is_set(cx: &mut RouteCx, target: Str) -> CallResult {
    let is_set = change(cx, |options| match &*target {
        b"failure_route" => Ok(options.on_failure.is_some()),
        b"branch_route" => Ok(options.on_branch.is_some()),
        b"branch_failure_route" => Ok(options.on_branch_failure.is_some()),
        b"onreply_route" => Ok(options.on_reply.is_some()),
        _ => Err(()),
    });
    match is_set {
        Ok(is_set) => Ok(is_set.into()),
        Err(()) => Err(ScriptError::new(format!("`{target}` is no kind of route that can be set"))),
    }
}
