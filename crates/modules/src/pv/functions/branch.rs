//! The static branch, and the next hop from an XAVP.

use engine::xavp::Xvalue;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};

use super::super::static_branch::{self, StaticBranch};

fn filled(cx: &RouteCx) -> Option<engine::Branch> {
    cx.find_data::<StaticBranch>().map(|branch| branch.0.clone()).filter(|branch| !branch.uri.is_empty())
}

/// Forgets the static branch (`$sbranch(..)`).
#[function(REQUEST | FAILURE | BRANCH)]
pub fn sbranch_reset(cx: &mut RouteCx) -> CallResult {
    *cx.data::<StaticBranch>() = StaticBranch::default();
    Ok(Return::TRUE)
}

/// Adds the static branch (`$sbranch(..)`) to the branches. False when it has no URI or there are `max_branches`.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn sbranch_append(cx: &mut RouteCx) -> CallResult {
    let Some(branch) = filled(cx) else { return Ok(Return::FALSE) };
    static_branch::append(cx, branch)?;
    Ok(Return::TRUE)
}

/// Makes the static branch (`$sbranch(..)`) the request-URI, with next hop, path, socket, flags and the rest. False when
/// it has no URI.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn sbranch_set_ruri(cx: &mut RouteCx) -> CallResult {
    let Some(branch) = filled(cx) else { return Ok(Return::FALSE) };
    cx.to.set_first(branch);
    Ok(Return::TRUE)
}

/// Takes the next hop from the newest `$xavp(name)`: its `uri` becomes the request-URI, `dsturi` the next hop, `socket`
/// the socket to send from; what is missing stays. False when there is none, or no such socket.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn xavp_push_dst(cx: &mut RouteCx, name: Str) -> CallResult {
    let Some(Xvalue::List(list)) = cx.xavps.xavp.get(&name, 0, false) else { return Ok(Return::FALSE) };
    let text = |field: &[u8]| match list.get(field, 0, false) {
        Some(Xvalue::Simple(value)) => value.as_str().filter(|text| !text.is_empty()).cloned(),
        _ => None,
    };
    let (uri, destination, socket) = (text(b"uri"), text(b"dsturi"), text(b"socket"));
    let socket = match socket {
        Some(text) => Some(
            cx.core
                .find_socket(&text.to_text())
                .ok_or_else(|| ScriptError::new(format!("`{text}` is no local socket")))?,
        ),
        None => None,
    };
    cx.to.new_uri = uri.or_else(|| cx.to.new_uri.take());
    cx.to.destination = destination.or_else(|| cx.to.destination.take());
    cx.to.socket = socket.or(cx.to.socket);
    cx.to.is_new = true;
    Ok(Return::TRUE)
}
