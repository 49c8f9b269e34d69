//! Own requests for scripts and RPC: `t_uac_send`, `tm.t_uac_start` and its relatives.

use std::sync::Arc;

use engine::{
    CallResult, Core, Return, RouteCx, RpcArguments, RpcFault, RpcResult, RpcValue, ScriptError, Str, function, rpc,
};
use sip::Message;
use transport::SocketId;

use super::Tm;
use super::local::LocalRequest;

/// `.` and the empty text mean "not given".
fn given(text: &Str) -> Option<Str> {
    Some(text.clone()).filter(|text| !text.is_empty() && *text != ".")
}

/// A request from what a caller gives: From, To, Call-ID and CSeq are taken out of `headers`.
fn request(
    core: &Core,
    method: &Str,
    uri: &Str,
    next_hop: &Str,
    socket: &Str,
    headers: &Str,
    body: &Str,
) -> Result<LocalRequest, String> {
    if sip::Uri::parse(uri.clone()).is_err() {
        return Err(format!("Invalid request uri \"{uri}\""));
    }
    let next_hop = given(next_hop);
    if let Some(uri) = next_hop.as_ref().filter(|uri| sip::Uri::parse((*uri).clone()).is_err()) {
        return Err(format!("Invalid next-hop uri \"{uri}\""));
    }
    let socket = match given(socket) {
        Some(text) => Some(find_socket(core, &text)?),
        None => None,
    };
    let mut lines = headers.to_vec();
    if !lines.is_empty() && !lines.ends_with(b"\n") {
        lines.extend_from_slice(b"\r\n");
    }
    let text = [b"OPTIONS sip:a SIP/2.0\r\n", &*lines, b"\r\n"].concat();
    let parsed = Message::parse(Str::from(text)).map_err(|_| "Invalid headers".to_owned())?;
    let body_of = |name| parsed.body_named(name);
    let from = body_of(sip::HeaderName::From).ok_or("From header missing")?;
    let to = body_of(sip::HeaderName::To).ok_or("To header missing")?;
    let cseq = match body_of(sip::HeaderName::CSeq) {
        Some(text) => {
            let digits: Vec<u8> = text.iter().copied().take_while(u8::is_ascii_digit).collect();
            Str::from(digits).parse_int().and_then(|number| u32::try_from(number).ok()).ok_or("Invalid CSeq")?
        }
        None => 1,
    };
    if !body.is_empty() && body_of(sip::HeaderName::ContentType).is_none() {
        return Err("Content-Type missing".to_owned());
    }
    let mut rest = Vec::new();
    for header in parsed.headers() {
        use sip::HeaderName::{CSeq, CallId, ContentLength, From, To, Via};
        if !matches!(header.name, From | To | CallId | CSeq | Via | ContentLength) {
            rest.extend_from_slice(&parsed.raw_of(header));
        }
    }
    Ok(LocalRequest {
        method: method.clone(),
        uri: uri.clone(),
        from,
        to,
        call_id: parsed.call_id().filter(|id| !id.is_empty()),
        cseq,
        headers: Str::from(rest),
        body: body.clone(),
        next_hop,
        socket,
        ..LocalRequest::default()
    })
}

fn find_socket(core: &Core, text: &Str) -> Result<SocketId, String> {
    core.find_socket(&text.to_text()).ok_or_else(|| format!("Invalid local socket \"{text}\""))
}

/// Sends a request of our own with a transaction: `headers` are whole lines with their line ends and hold From and To;
/// `nexthop` and `socket` may be empty or `.`; a body needs a Content-Type among the headers. The script does not wait
/// for a reply.
///
/// Returns 1; -1 when the request cannot be built or sent.
#[function(ANY)]
pub async fn t_uac_send(
    cx: &mut RouteCx,
    me: &Arc<Tm>,
    method: Str,
    ruri: Str,
    nexthop: Str,
    socket: Str,
    headers: Str,
    body: Str,
) -> CallResult {
    let request = request(&cx.core, &method, &ruri, &nexthop, &socket, &headers, &body).map_err(ScriptError::new)?;
    me.send_request(request, None).await?;
    Ok(Return::TRUE)
}

/// Hexadecimal digits as bytes: the body of the `_hex` commands.
fn from_hex(text: &Str) -> Result<Str, RpcFault> {
    let fault = || RpcFault::new(400, "the body must be hexadecimal digits");
    if !text.len().is_multiple_of(2) {
        return Err(fault());
    }
    let digits = text.to_text();
    let bytes: Option<Vec<u8>> = (0..text.len() / 2)
        .map(|at| digits.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    bytes.map(Str::from).ok_or_else(fault)
}

/// How a command goes on after sending.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    No,
    /// For the final reply.
    Yes,
}

async fn run(tm: Arc<Tm>, mut given: RpcArguments, wait: Wait, hex: bool, without_ack: bool) -> RpcResult {
    let mut next = || given.take::<String>().map(Str::from);
    let (method, uri, next_hop, socket, headers) = (next()?, next()?, next()?, next()?, next()?);
    let body = given.take::<Option<String>>()?.map(Str::from).unwrap_or_default();
    let body = if hex { from_hex(&body)? } else { body };
    let mut request = self::request(tm.core(), &method, &uri, &next_hop, &socket, &headers, &body)
        .map_err(|text| RpcFault::new(400, text))?;
    request.without_ack = without_ack;
    let failed = |error: ScriptError| RpcFault::new(500, error.message);
    if wait == Wait::No {
        tm.send_request(request, None).await.map_err(failed)?;
        return Ok(Vec::new());
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    let completed = Box::new(move |status: u16, reply: Option<Str>| {
        // Whoever asked may have gone.
        let _ = tell.send((status, reply));
    });
    tm.send_request(request, Some(completed)).await.map_err(failed)?;
    let (status, reply) = told.await.map_err(|_| RpcFault::new(500, "the transaction ended without a reply"))?;
    let reason = reply
        .and_then(|text| Message::parse(text).ok())
        .and_then(|reply| reply.reason().cloned())
        .unwrap_or_else(|| Str::from_static("Request Timeout"));
    Ok(vec![RpcValue::Struct(vec![
        ("code".to_owned(), i64::from(status).into()),
        ("text".to_owned(), (&reason).into()),
    ])])
}

/// Sends a request: method, request-URI, next hop, socket, headers (whole lines, with From and To), body. `.` stands for
/// no next hop and no socket. Does not wait for the reply.
#[rpc("tm.t_uac_start")]
pub async fn start(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::No, false, false).await
}

/// Like `tm.t_uac_start`, with the body in hexadecimal digits.
#[rpc("tm.t_uac_start_hex")]
pub async fn start_hex(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::No, true, false).await
}

/// Like `tm.t_uac_start`; a 2xx to an INVITE is not acknowledged.
#[rpc("tm.t_uac_start_noack")]
pub async fn start_noack(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::No, false, true).await
}

/// Like `tm.t_uac_start_hex`; a 2xx to an INVITE is not acknowledged.
#[rpc("tm.t_uac_start_noack_hex")]
pub async fn start_noack_hex(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::No, true, true).await
}

/// Like `tm.t_uac_start`, and answers with code and reason of the final reply.
#[rpc("tm.t_uac_wait")]
pub async fn wait(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::Yes, false, false).await
}

/// Like `tm.t_uac_wait`, with the body in hexadecimal digits.
#[rpc("tm.t_uac_wait_hex")]
pub async fn wait_hex(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::Yes, true, false).await
}

/// Like `tm.t_uac_wait`; a 2xx to an INVITE is not acknowledged.
#[rpc("tm.t_uac_wait_noack")]
pub async fn wait_noack(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::Yes, false, true).await
}

/// Like `tm.t_uac_wait_hex`; a 2xx to an INVITE is not acknowledged.
#[rpc("tm.t_uac_wait_noack_hex")]
pub async fn wait_noack_hex(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::Yes, true, true).await
}

/// The same as `tm.t_uac_wait`: no command blocks anything but its caller.
#[rpc("tm.t_uac_wait_block")]
pub async fn wait_block(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::Yes, false, false).await
}

/// The same as `tm.t_uac_wait_hex`.
#[rpc("tm.t_uac_wait_block_hex")]
pub async fn wait_block_hex(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::Yes, true, false).await
}

/// The same as `tm.t_uac_wait_noack`.
#[rpc("tm.t_uac_wait_block_noack")]
pub async fn wait_block_noack(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::Yes, false, true).await
}

/// The same as `tm.t_uac_wait_noack_hex`.
#[rpc("tm.t_uac_wait_block_noack_hex")]
pub async fn wait_block_noack_hex(me: Arc<Tm>, arguments: RpcArguments) -> RpcResult {
    run(me, arguments, Wait::Yes, true, true).await
}
