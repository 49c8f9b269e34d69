//! Answering a request without keeping state (RFC 3261 section 8.2.7).

use sip::{Method, ReplyBuilder, Rport, Str};
use smallvec::SmallVec;
use transport::Outgoing;

use crate::forward::SourceInVia;
use crate::function::ScriptError;
use crate::route_cx::RouteCx;

/// How many bytes [`stateless_tag`] has.
pub const STATELESS_TAG_LENGTH: usize = 16;

/// The To tag of our stateless replies to a request: the same for each retransmission, and for the ACK to the reply. A
/// branch as RFC 3261 section 8.1.1.7 has it is the transaction's alone; an older one may be that of any request.
#[must_use]
pub fn stateless_tag(cx: &RouteCx) -> [u8; STATELESS_TAG_LENGTH] {
    let message = &cx.message;
    let via = message.via().ok().flatten();
    let host: &[u8] = via.map_or(b"", |via| &via.host);
    let hash = if let Some(branch) = via.and_then(sip::Via::rfc3261_branch) {
        cx.core.keyed_hash(&[branch, host])
    } else {
        let branch = via.and_then(sip::Via::branch).unwrap_or_default();
        let call_id = message.call_id().unwrap_or_default();
        let from_tag = message.from().ok().flatten().and_then(sip::NameAddr::tag).unwrap_or_default();
        let number = message.cseq().ok().flatten().map_or(0, |cseq| cseq.number);
        cx.core.keyed_hash(&[&call_id, &number.to_le_bytes(), &from_tag, &branch, host])
    };
    sip::write::all_hex_digits(hash)
}

/// Sends a reply to the request. The queued reply headers (`append_to_reply`) and body go with it and are kept.
pub fn send_stateless(cx: &mut RouteCx, status: u16, reason: &Str) -> Result<(), ScriptError> {
    if cx.message.method() == Method::Ack {
        return Err(ScriptError::new("an ACK is never answered"));
    }
    let tag = stateless_tag(cx);
    let data = build(cx, status, reason, Some(&tag))?;
    let destination = destination(cx);
    cx.outbox.push(Outgoing {
        destination,
        no_connect: cx.send.reply_no_connect,
        close_after: cx.send.reply_close,
        ..Outgoing::reply_to(&cx.received, data)
    });
    Ok(())
}

/// What a function that failed would answer: `sl_reply_error` sends it.
#[derive(Clone, Debug, Default)]
pub struct LastFailure(pub Option<(u16, Str)>);

/// Where replies to the request go: the source address; its port with `rport`, else that of the Via (RFC 3581). Over
/// TCP this is where a new connection goes when that of the request is gone (RFC 3261 section 18.2.2).
#[must_use]
pub fn destination(cx: &RouteCx) -> std::net::SocketAddr {
    let mut address = cx.source;
    let to_source_port = cx.send.force_rport || cx.core.live.force_rport.get() != 0;
    if let Ok(Some(via)) = cx.message.via()
        && (cx.received.protocol.is_stream() || via.rport() == Rport::Absent && !to_source_port)
    {
        address.set_port(via.port_or_default());
        if cx.core.settings.reply_to_via
            && let Some(host) = crate::forward::address_of(&via.host)
        {
            address.set_ip(host);
        }
    }
    address
}

/// A reason on one line: a line end in it would begin a header of its own.
#[must_use]
pub fn one_line(reason: Str) -> Str {
    if !reason.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return reason;
    }
    Str::from(reason.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect::<Vec<u8>>())
}

/// A reply's bytes.
pub fn build(cx: &RouteCx, status: u16, reason: &Str, tag: Option<&[u8]>) -> Result<Str, ScriptError> {
    let source = match cx.message.via() {
        Ok(Some(via)) => SourceInVia::of(cx, via),
        _ => return Err(ScriptError::new("the request has no Via to answer to")),
    };
    let mut extra = SmallVec::<[Str; 4]>::from(&cx.reply_headers[..]);
    // Ahead of Server, as Kamailio has it.
    if let Some((_, kind)) = cx.reply_body.as_ref().filter(|(_, kind)| !kind.is_empty()) {
        extra.push(Str::from([b"Content-Type: ", &**kind, b"\r\n"].concat()));
    }
    extra.extend(cx.core.server_line().cloned());
    if cx.core.settings.sip_warning {
        extra.push(warning(cx));
    }
    let body = cx.reply_body.as_ref().map(|(body, _)| (&**body, None));
    let builder = ReplyBuilder {
        status,
        reason,
        to_tag: tag,
        extra_headers: &extra,
        body,
        via_addition: source.addition(),
        ..ReplyBuilder::default()
    };
    Ok(Str::from(builder.build(&cx.message)))
}

/// `sip_warning`: what the server saw, for debugging.
fn warning(cx: &RouteCx) -> Str {
    let local = cx.received.destination;
    Str::from(format!(
        "Warning: 392 {local} \"Noisy feedback tells: pid={} req_src_ip={} req_src_port={} in_uri={} out_uri={} via_cnt=={}\"\r\n",
        std::process::id(),
        cx.source.ip(),
        cx.source.port(),
        cx.message.request_uri().map_or_else(String::new, ToString::to_string),
        cx.request_uri(),
        cx.message.vias().map_or(0, <[_]>::len),
    ))
}
