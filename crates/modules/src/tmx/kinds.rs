//! In which kind of route the script is: for `route[X]` that several kinds call.

use engine::function::routes;
use engine::{CallResult, RouteCx, Routes, function};

/// True in a branch route, and in what it calls.
#[function(ANY)]
pub fn t_is_branch_route(cx: &mut RouteCx) -> CallResult {
    Ok((cx.kind.0 == routes::BRANCH).into())
}

/// True in a failure route, in a route that `t_continue` runs, and in what they call.
#[function(ANY)]
pub fn t_is_failure_route(cx: &mut RouteCx) -> CallResult {
    Ok((cx.kind.0 == routes::FAILURE).into())
}

/// True in `reply_route` and `onreply_route[X]`, and in what they call.
#[function(ANY)]
pub fn t_is_reply_route(cx: &mut RouteCx) -> CallResult {
    Ok(cx.kind.intersects(Routes(routes::ONREPLY)).into())
}

/// True in the request route, and in what it calls.
#[function(ANY)]
pub fn t_is_request_route(cx: &mut RouteCx) -> CallResult {
    Ok((cx.kind.0 == routes::REQUEST).into())
}
