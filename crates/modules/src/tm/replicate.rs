//! `t_replicate` and its relatives: a copy of the request for another server.

use std::sync::Arc;

use engine::{CallResult, RouteCx, ScriptError, Str, function};
use sip::Protocol;

use super::Tm;
use super::relay::{Proxy, RelayFlags, relay};
use super::relay_functions::{parse_host_port, proxy};

const FLAGS: RelayFlags = RelayFlags { no_100: true, no_failure_reply: true, no_failover: false, no_replies: true };

/// Sends a copy of the request to a SIP URI, or to a host and port over the protocol it came by; without arguments to
/// `$du` or the request-URI. Its replies go nowhere and no route sees them: the script answers the request itself.
///
/// Returns what `t_relay` does.
#[function(REQUEST)]
pub async fn t_replicate(cx: &mut RouteCx, me: &Arc<Tm>, target: Option<Str>, port: Option<Str>) -> CallResult {
    let target = target.filter(|target| !target.is_empty());
    match (target, port) {
        (Some(uri), None) if uri.contains(&b':') => {
            sip::Uri::parse(uri.clone()).map_err(|error| ScriptError::new(format!("`{uri}`: {error}")))?;
            let before = cx.to.destination.replace(uri);
            let result = relay(cx, me, Proxy::default(), FLAGS).await;
            cx.to.destination = before;
            result
        }
        (target, port) => relay(cx, me, proxy(target, port, None)?, FLAGS).await,
    }
}

/// `t_replicate` over UDP.
#[function(REQUEST)]
pub async fn t_replicate_udp(cx: &mut RouteCx, me: &Arc<Tm>, host: Str, port: Str) -> CallResult {
    relay(cx, me, proxy(Some(host), Some(port), Some(Protocol::Udp))?, FLAGS).await
}

/// `t_replicate` over TCP.
#[function(REQUEST)]
pub async fn t_replicate_tcp(cx: &mut RouteCx, me: &Arc<Tm>, host: Str, port: Str) -> CallResult {
    relay(cx, me, proxy(Some(host), Some(port), Some(Protocol::Tcp))?, FLAGS).await
}

/// `t_replicate` over TLS.
#[function(REQUEST)]
pub async fn t_replicate_tls(cx: &mut RouteCx, me: &Arc<Tm>, host: Str, port: Str) -> CallResult {
    relay(cx, me, proxy(Some(host), Some(port), Some(Protocol::Tls))?, FLAGS).await
}

/// `t_replicate` over the protocol `protocol` (`udp`, `tcp`, `tls`) to `host:port`.
#[function(REQUEST)]
pub async fn t_replicate_to(cx: &mut RouteCx, me: &Arc<Tm>, protocol: Str, address: Str) -> CallResult {
    let protocol = Protocol::from_name(&protocol)
        .ok_or_else(|| ScriptError::new(format!("`{protocol}` is no transport protocol")))?;
    relay(cx, me, parse_host_port(&address, Some(protocol))?, FLAGS).await
}
