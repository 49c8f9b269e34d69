//! The next hop, `$du`.

use engine::{CallResult, Return, RouteCx, Str, function};

/// Sets the next hop, like `$du = uri`; the empty text removes it. Whether it is a URI shows when the request is sent.
#[function(ANY)]
pub fn setdsturi(cx: &mut RouteCx, uri: Str) -> CallResult {
    cx.to.set_destination(Some(uri).filter(|uri| !uri.is_empty()));
    Ok(Return::TRUE)
}

/// Removes the next hop: the request goes to its request-URI.
#[function(ANY)]
pub fn resetdsturi(cx: &mut RouteCx) -> CallResult {
    cx.to.destination = None;
    Ok(Return::TRUE)
}

/// True when a next hop is set.
#[function(ANY)]
pub fn isdsturiset(cx: &mut RouteCx) -> CallResult {
    Ok(cx.to.destination.is_some().into())
}
