//! `forward()` and its relatives: the request goes on without a transaction.

use sip::{Protocol, Str, Uri};

use crate::forward::{next_hop, resolve, resolve_host, send_request};
use crate::function::{CallResult, Return, ScriptError};
use crate::route_cx::RouteCx;
use macros::function;

/// Where `forward(host, port)` goes; `uri:host` and `uri:port` are those of the request-URI.
async fn forward_to(cx: &mut RouteCx, host: Option<Str>, port: Option<Str>, protocol: Option<Protocol>) -> CallResult {
    if !cx.message.is_request() {
        return Err(ScriptError::new("only requests can be forwarded"));
    }
    let core = cx.core.clone();
    let request_uri = cx.request_uri();
    let uri =
        || Uri::parse(request_uri.clone()).map_err(|error| ScriptError::new(format!("wrong request-URI: {error}")));
    let targets = match host {
        None if protocol.is_none() => {
            let next_hop = next_hop(cx);
            resolve(&core, &next_hop).await?
        }
        None => {
            let (host, port) = uri().map(|uri| (uri.host(), uri.port()))?;
            resolve_host(&core, &host, port, protocol, false).await?
        }
        Some(host) => {
            let host = if host == "uri:host" { uri()?.host() } else { host };
            let port = match port {
                Some(port) if port == "uri:port" => uri()?.port(),
                Some(port) => {
                    let number = port.parse_int().and_then(|port| u16::try_from(port).ok());
                    Some(number.ok_or_else(|| ScriptError::new(format!("`{port}` is no port")))?)
                }
                None => None,
            };
            let protocol = protocol.or(Some(cx.received.protocol));
            resolve_host(&core, &host, port, protocol, false).await?
        }
    };
    send_request(cx, &targets)?;
    Ok(Return::TRUE)
}

/// Sends the request on without keeping state: to `$du` or the request-URI, or to the given host and port.
#[function(REQUEST | FAILURE)]
pub async fn forward(cx: &mut RouteCx, host: Option<Str>, port: Option<Str>) -> CallResult {
    forward_to(cx, host, port, None).await
}

/// The same over UDP.
#[function(REQUEST | FAILURE)]
pub async fn forward_udp(cx: &mut RouteCx, host: Option<Str>, port: Option<Str>) -> CallResult {
    forward_to(cx, host, port, Some(Protocol::Udp)).await
}

/// The same over TCP.
#[function(REQUEST | FAILURE)]
pub async fn forward_tcp(cx: &mut RouteCx, host: Option<Str>, port: Option<Str>) -> CallResult {
    forward_to(cx, host, port, Some(Protocol::Tcp)).await
}

/// The same over TLS. False when no socket speaks TLS.
#[function(REQUEST | FAILURE)]
pub async fn forward_tls(cx: &mut RouteCx, host: Option<Str>, port: Option<Str>) -> CallResult {
    forward_to(cx, host, port, Some(Protocol::Tls)).await
}
