//! `t_relay` and its relatives.

use std::sync::Arc;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::{Method, Protocol};

use super::create::{current, required};
use super::relay::{Proxy, RelayFlags, finish, relay, save, send_branches};
use super::{Tm, cancel};

fn port(port: Option<Str>) -> Result<Option<u16>, ScriptError> {
    let Some(port) = port.filter(|port| !port.is_empty()) else { return Ok(None) };
    let number = port.parse_int().and_then(|port| u16::try_from(port).ok());
    number.map(Some).ok_or_else(|| ScriptError::new(format!("`{port}` is no port")))
}

pub(super) fn proxy(host: Option<Str>, text: Option<Str>, protocol: Option<Protocol>) -> Result<Proxy, ScriptError> {
    Ok(Proxy { host: host.filter(|host| !host.is_empty()), port: port(text)?, protocol })
}

/// Sends the request on with a transaction: to `$du`, the request-URI and all branches at once, or to the given host and
/// port over the protocol it came by. Makes the transaction, answers an INVITE 100 (`auto_inv_100`), runs the branch
/// route for each branch. An ACK is sent on without transaction. A CANCEL cancels the branches of its INVITE and is
/// answered 200.
///
/// Returns 1, also for a retransmission, which is absorbed; -478 when a name cannot be resolved, -7 without a socket
/// for the destination, -6 when the branch route dropped all branches, -1 for other errors. When it fails the request is
/// answered at the end of the script unless the script does it.
#[function(REQUEST | FAILURE | EVENT)]
pub async fn t_relay(cx: &mut RouteCx, me: &Arc<Tm>, host: Option<Str>, port: Option<Str>) -> CallResult {
    relay(cx, me, proxy(host, port, None)?, RelayFlags::default()).await
}

/// `t_relay` over UDP: to an address and port, or where the URI says.
#[function(REQUEST | FAILURE | EVENT)]
pub async fn t_relay_to_udp(cx: &mut RouteCx, me: &Arc<Tm>, host: Option<Str>, port: Option<Str>) -> CallResult {
    relay(cx, me, proxy(host, port, Some(Protocol::Udp))?, RelayFlags::default()).await
}

/// `t_relay` over TCP.
#[function(REQUEST | FAILURE | EVENT)]
pub async fn t_relay_to_tcp(cx: &mut RouteCx, me: &Arc<Tm>, host: Option<Str>, port: Option<Str>) -> CallResult {
    relay(cx, me, proxy(host, port, Some(Protocol::Tcp))?, RelayFlags::default()).await
}

/// `t_relay` over TLS.
#[function(REQUEST | FAILURE | EVENT)]
pub async fn t_relay_to_tls(cx: &mut RouteCx, me: &Arc<Tm>, host: Option<Str>, port: Option<Str>) -> CallResult {
    relay(cx, me, proxy(host, port, Some(Protocol::Tls))?, RelayFlags::default()).await
}

/// `t_relay` to `proxy` (`udp:192.0.2.1:5060`; protocol and port may be left out). `flags` is a sum: 1 no 100 is sent, 2
/// no reply is sent when it fails, 4 no further address is tried. With one argument that is a number it is the flags.
#[function(REQUEST | FAILURE)]
pub async fn t_relay_to(cx: &mut RouteCx, me: &Arc<Tm>, target: Option<Str>, flags: Option<Str>) -> CallResult {
    let number = |text: &Str| {
        text.strip_prefix(b"0x")
            .map_or_else(|| text.parse_int(), |digits| i64::from_str_radix(&String::from_utf8_lossy(digits), 16).ok())
    };
    let (target, flags) = match (target, flags) {
        (Some(only), None) if number(&only).is_some() => (None, Some(only)),
        both => both,
    };
    let bits = match &flags {
        Some(text) => number(text).ok_or_else(|| ScriptError::new(format!("`{text}` are no flags")))?,
        None => 0,
    };
    let flags = RelayFlags {
        no_100: bits & 1 != 0,
        no_failure_reply: bits & 2 != 0,
        no_failover: bits & 4 != 0,
        no_replies: false,
    };
    let proxy = match target.filter(|target| !target.is_empty()) {
        Some(target) => parse_proxy(&target)?,
        None => Proxy::default(),
    };
    relay(cx, me, proxy, flags).await
}

/// `[proto:]host[:port]`.
fn parse_proxy(text: &Str) -> Result<Proxy, ScriptError> {
    let (protocol, rest) = match text.iter().position(|byte| *byte == b':') {
        Some(colon) => match Protocol::from_name(&text[..colon]) {
            Some(protocol) => (Some(protocol), text.slice(colon + 1..)),
            None => (None, text.clone()),
        },
        None => (None, text.clone()),
    };
    parse_host_port(&rest, protocol)
}

/// `host[:port]`.
pub(super) fn parse_host_port(text: &Str, protocol: Option<Protocol>) -> Result<Proxy, ScriptError> {
    let colon = text.iter().rposition(|byte| *byte == b':').filter(|at| !text[*at..].contains(&b']'));
    match colon {
        Some(colon) => proxy(Some(text.slice(..colon)), Some(text.slice(colon + 1..)), protocol),
        None => proxy(Some(text.clone()), None, protocol),
    }
}

/// Sends the request on within its transaction, which `t_newtran()` made.
async fn forward(cx: &mut RouteCx, tm: &Arc<Tm>, proxy: Proxy) -> CallResult {
    if cx.message.method() == Method::Ack {
        return Err(ScriptError::new("an ACK has no transaction"));
    }
    let transaction = required(cx)?;
    let outcome = send_branches(cx, tm, &transaction, &proxy).await;
    finish(cx, outcome, RelayFlags::default())
}

/// Sends a request that is no ACK on within its transaction, to an address and port. Kamailio has it for internal use;
/// scripts use `t_relay`.
#[function(REQUEST)]
pub async fn t_forward_nonack(cx: &mut RouteCx, me: &Arc<Tm>, ip: Str, port: Str) -> CallResult {
    forward(cx, me, proxy(Some(ip), Some(port), None)?).await
}

/// The same over UDP.
#[function(REQUEST)]
pub async fn t_forward_nonack_udp(cx: &mut RouteCx, me: &Arc<Tm>, ip: Str, port: Str) -> CallResult {
    forward(cx, me, proxy(Some(ip), Some(port), Some(Protocol::Udp))?).await
}

/// The same over TCP.
#[function(REQUEST)]
pub async fn t_forward_nonack_tcp(cx: &mut RouteCx, me: &Arc<Tm>, ip: Str, port: Str) -> CallResult {
    forward(cx, me, proxy(Some(ip), Some(port), Some(Protocol::Tcp))?).await
}

/// The same over TLS.
#[function(REQUEST)]
pub async fn t_forward_nonack_tls(cx: &mut RouteCx, me: &Arc<Tm>, ip: Str, port: Str) -> CallResult {
    forward(cx, me, proxy(Some(ip), Some(port), Some(Protocol::Tls))?).await
}

/// The same to where the request-URI says.
#[function(REQUEST)]
pub async fn t_forward_nonack_uri(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    forward(cx, me, Proxy::default()).await
}

/// For a CANCEL whose INVITE is known: cancels its branches, answers 200, and ends the script. True when the INVITE is
/// not known, and for other requests.
#[function(REQUEST)]
pub async fn t_relay_cancel(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    if cx.message.method() != Method::Cancel || cancel::find_invite(cx, me).is_none() {
        return Ok(Return::TRUE);
    }
    relay(cx, me, Proxy::default(), RelayFlags::default()).await?;
    Ok(Return::STOP)
}

/// Keeps the edits made so far for branches of the failure route; later ones are for the branches sent now only.
/// `t_newtran()` must have made the transaction. Without it the first `t_relay` does this.
#[function(REQUEST)]
pub fn t_save_lumps(cx: &mut RouteCx) -> CallResult {
    let Some(transaction) = current(cx) else {
        return Err(ScriptError::new("no transaction was made: t_newtran() comes before"));
    };
    save(&mut transaction.lock(), cx);
    Ok(Return::TRUE)
}
