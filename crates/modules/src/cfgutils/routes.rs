//! Routes that may or may not be there.

use engine::{CallResult, Return, RouteCx, Str, function};

/// Runs `route[route]` if the configuration has it.
///
/// Returns what the route returns; -1 when there is none.
#[function(ANY)]
pub fn route_if_exists(cx: &mut RouteCx, route: Str) -> CallResult {
    match cx.find_route(&route) {
        Some(route) => cx.call_route(route),
        None => Ok(Return::FALSE),
    }
}

/// True when the configuration has `route[route]`.
#[function(ANY)]
pub fn check_route_exists(cx: &mut RouteCx, route: Str) -> CallResult {
    Ok(cx.find_route(&route).is_some().into())
}
