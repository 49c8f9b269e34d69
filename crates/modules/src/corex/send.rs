//! Sending messages and data past the usual way.

use engine::forward::{next_hop, resolve, resolve_host, send_request_as_uac};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::{Protocol, Uri};
use transport::resolve::Target;
use transport::{Outgoing, SocketId};

use super::specification::Specification;

/// Puts `data` into the outbox, for the first of the targets that a socket fits.
fn send(cx: &mut RouteCx, targets: &[Target], preferred: Option<SocketId>, data: Str) -> CallResult {
    let core = cx.core.clone();
    let chosen = targets.iter().find_map(|target| {
        core.socket_for(target.protocol, &target.address, preferred).map(|socket| (target, socket.id))
    });
    let Some((target, socket)) = chosen else {
        return Err(ScriptError::new("no local socket of the protocol and address family of the destination"));
    };
    cx.outbox.push(Outgoing::new(socket, target.protocol, target.address, data));
    Ok(Return::TRUE)
}

/// Sends the message as it was received.
async fn send_original(cx: &mut RouteCx, destination: Option<Str>, protocol: Protocol) -> CallResult {
    let core = cx.core.clone();
    let targets = match destination.filter(|destination| !destination.is_empty()) {
        Some(destination) => {
            let text = destination.to_text();
            let parts = Specification::read(&text)?;
            resolve_host(&core, parts.host.as_bytes(), parts.port_number()?, Some(protocol), false).await?
        }
        None => {
            let uri = next_hop(cx);
            let uri = Uri::parse(uri.clone())
                .map_err(|error| ScriptError::new(format!("wrong next hop `{uri}`: {error}")))?;
            resolve_host(&core, uri.host_bytes(), uri.port(), Some(protocol), false).await?
        }
    };
    let (preferred, data) = (cx.to.socket.or(Some(cx.received.socket)), cx.message.buffer().clone());
    send(cx, &targets, preferred, data)
}

/// Sends the message over UDP exactly as it was received, without a Via of ours and without the script's changes: to
/// `host[:port]`, else to `$du` or the request-URI.
#[function(REQUEST | FAILURE)]
pub async fn send_udp(cx: &mut RouteCx, destination: Option<Str>) -> CallResult {
    send_original(cx, destination, Protocol::Udp).await
}

/// The same over TCP.
#[function(REQUEST | FAILURE)]
pub async fn send_tcp(cx: &mut RouteCx, destination: Option<Str>) -> CallResult {
    send_original(cx, destination, Protocol::Tcp).await
}

/// Sends `data` as it is to the address of a SIP URI; its `transport` parameter names the protocol. False when the URI is
/// wrong, does not resolve, or no local socket fits.
#[function(ANY)]
pub async fn send_data(cx: &mut RouteCx, uri: Str, data: Str) -> CallResult {
    let core = cx.core.clone();
    let targets = resolve(&core, &uri).await?;
    send(cx, &targets, None, data)
}

/// Like `send_data`, from the local socket `socket` (`proto:address:port`). When there is no such socket, or it does not
/// fit the destination, another one is used; an empty text leaves the choice to the server.
#[function(ANY)]
pub async fn sendx(cx: &mut RouteCx, uri: Str, socket: Str, data: Str) -> CallResult {
    let core = cx.core.clone();
    let mut preferred = None;
    if !socket.is_empty() {
        preferred = Specification::read(&socket.to_text())?.socket(&core)?.map(|socket| socket.id);
        if preferred.is_none() {
            engine::log!(core.log, Warning, "{}: `{socket}` is no local socket", cx.place());
        }
    }
    let targets = resolve(&core, &uri).await?;
    send(cx, &targets, preferred, data)
}

/// Sends the request on to `uri` with our Via as the only one; `index` is the branch index in it.
async fn forward_as_uac(cx: &mut RouteCx, uri: Str, index: Option<i64>) -> CallResult {
    let index = u32::try_from(index.unwrap_or(0)).map_err(|_| ScriptError::new("the branch index is out of range"))?;
    let core = cx.core.clone();
    let targets = resolve(&core, &uri).await?;
    send_request_as_uac(cx, &targets, index)?;
    Ok(Return::TRUE)
}

/// Sends the request on without keeping state to `$du` or the request-URI, with our Via alone: the Vias that it came with
/// are left out, so its replies end here. For requests that the script has answered itself and that others shall see, too.
/// `bindex` (0 when left out) is the branch index at the end of the `branch` parameter of our Via. False when it is below 0,
/// or the next hop is wrong, does not resolve, or no local socket fits.
#[function(REQUEST)]
pub async fn forward_uac(cx: &mut RouteCx, bindex: Option<i64>) -> CallResult {
    let uri = next_hop(cx);
    forward_as_uac(cx, uri, bindex).await
}

/// Like `forward_uac`, to the address of the SIP URI `vuri`. The request-URI stays as it is.
#[function(REQUEST)]
pub async fn forward_uac_uri(cx: &mut RouteCx, vuri: Str, bindex: Option<i64>) -> CallResult {
    forward_as_uac(cx, vuri, bindex).await
}

/// Sends the received reply on by its second Via, at once. It goes on once more at the end of the route unless the script
/// ends with `drop`.
#[function(CORE_ONREPLY)]
pub async fn forward_reply(cx: &mut RouteCx) -> CallResult {
    engine::forward::forward_reply(cx).await?;
    Ok(Return::TRUE)
}
