//! Whether a URI or host is ours.

use engine::{CallResult, RouteCx, Str, Value, function};
use sip::{Protocol, Uri};

/// True when a URI or host is one of our sockets, advertised addresses, aliases or alias domains. A port or `transport`
/// in the URI must be ours too; without one any fits. Text that is no `sip:` or `sips:` URI is taken for a bare host.
/// False for what is neither, and for `$null`.
#[function(ANY)]
pub fn is_myself(cx: &mut RouteCx, uri: Value) -> CallResult {
    let text = uri.to_str();
    Ok(is_ours(cx, &text).into())
}

fn is_ours(cx: &RouteCx, text: &Str) -> bool {
    let is_sip = text.starts_with_ignore_case("sip:") || text.starts_with_ignore_case("sips:");
    if !is_sip {
        return !text.is_empty() && cx.core.is_myself(text, None, None);
    }
    Uri::parse(text.clone()).is_ok_and(|uri| {
        let protocol = uri.transport().and_then(Protocol::from_name);
        cx.core.is_myself(uri.host_bytes(), uri.port(), protocol)
    })
}

/// True when a host name or address, without port, is one of ours; the ports of sockets and aliases do not matter.
#[function(ANY)]
pub fn is_myhost(cx: &mut RouteCx, host: Value) -> CallResult {
    let host = host.to_str();
    Ok((!host.is_empty() && cx.core.is_myself(&host, None, None)).into())
}
