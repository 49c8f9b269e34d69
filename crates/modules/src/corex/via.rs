//! What our Via says beside address and branch.

use engine::{CallResult, Return, RouteCx, function};

/// 1: our Via gets the parameter `srvid` with the `server_id`, when that is not 0; 0: it does not.
#[function(ANY)]
pub fn via_add_srvid(cx: &mut RouteCx, on: i64) -> CallResult {
    cx.send.via_srvid = on != 0;
    Ok(Return::TRUE)
}

/// 1: our Via gets the fields of the XAVP that core parameter `xavp_via_params` names as parameters, the newest first;
/// 0: it does not. A value that is no token goes into quotes.
#[function(ANY)]
pub fn via_add_xavp_params(cx: &mut RouteCx, on: i64) -> CallResult {
    cx.send.via_params = on != 0;
    Ok(Return::TRUE)
}

/// 1: our Via names the address and port in the fields `address` and `port` of the XAVP that core parameter
/// `xavp_via_fields` names; 0: those of the socket.
#[function(ANY)]
pub fn via_use_xavp_fields(cx: &mut RouteCx, on: i64) -> CallResult {
    cx.send.via_fields = on != 0;
    Ok(Return::TRUE)
}
