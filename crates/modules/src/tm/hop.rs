//! Requests that concern only the next hop: CANCEL and the ACK to a negative reply (RFC 3261 sections 9.1 and 17.1.1.3).

use engine::Str;
use sip::{HeaderName, Message};

/// What such a request takes from elsewhere than the INVITE.
pub(crate) struct Parts<'a> {
    pub(crate) method: &'a str,
    /// The To header of the reply, for an ACK.
    pub(crate) to: Option<&'a [u8]>,
    /// Whole lines to add: Reason.
    pub(crate) headers: &'a [u8],
    /// Fields whose names begin with this are copied: `ac_extra_hdrs`.
    pub(crate) copied_prefix: &'a [u8],
}

/// Makes it from the INVITE as it was sent; `None` when that cannot be parsed, which would be a bug of ours.
pub(crate) fn build(invite: &Str, parts: &Parts<'_>) -> Option<Str> {
    let invite = Message::parse(invite.clone()).ok()?;
    let cseq = invite.cseq().ok().flatten()?.number;
    let via = invite.via().ok().flatten()?.text.clone();
    let mut out = Vec::with_capacity(512);
    let mut line = |name: &str, body: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n");
    };
    line(parts.method, &[b" ", &**invite.request_uri()?, b" SIP/2.0"].concat());
    line("Via: ", &via);
    for header in invite.headers() {
        let name = invite.name_of(header);
        match header.name {
            HeaderName::From => line("From: ", &invite.body_of(header)),
            HeaderName::To => line("To: ", parts.to.unwrap_or(&invite.body_of(header))),
            HeaderName::CallId => line("Call-ID: ", &invite.body_of(header)),
            HeaderName::Route => line("Route: ", &invite.body_of(header)),
            HeaderName::CSeq => line("CSeq: ", format!("{cseq} {}", parts.method).as_bytes()),
            HeaderName::MaxForwards => line("Max-Forwards: ", &invite.body_of(header)),
            _ if !parts.copied_prefix.is_empty() && name.starts_with_ignore_case(parts.copied_prefix) => {
                line(&format!("{name}: "), &invite.body_of(header));
            }
            _ => {}
        }
    }
    out.extend_from_slice(parts.headers);
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    Some(Str::from(out))
}
