//! `pike_check_req` and `pike_check_ip`.

use std::net::IpAddr;

use engine::{CallResult, RouteCx, ScriptError, Str, function};

use super::Pike;

/// Counts the message's source address.
///
/// Returns 1; -2 when the address sends too much and did not before, -1 when it still does.
#[function(REQUEST | ONREPLY)]
pub fn pike_check_req(cx: &mut RouteCx, me: &Pike) -> CallResult {
    Ok(me.check(cx.source.ip().to_canonical()))
}

/// Counts an address: `pike_check_ip("$hdr(X-Source)")`. The return codes are those of `pike_check_req`; what is no address
/// is an error.
#[function(REQUEST | ONREPLY)]
pub fn pike_check_ip(_cx: &mut RouteCx, me: &Pike, ipaddr: Str) -> CallResult {
    let text = ipaddr.to_text();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
    let address: IpAddr = bare.parse().map_err(|_| ScriptError::new(format!("`{ipaddr}` is no IP address")))?;
    Ok(me.check(address.to_canonical()))
}
