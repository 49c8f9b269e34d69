//! The Via that goes on top of a request that is sent on.

use sip::Protocol;
use transport::LocalSocket;

use crate::forward::sent_by;
use crate::route_cx::RouteCx;
use crate::value::Value;
use crate::xavp::{Xlist, Xvalue};

/// The bytes that a token may have beside letters and digits (RFC 3261 section 25.1), and those of an IPv6 address.
const TOKEN: &[u8] = b"-.!%*_+`'~[]:";

/// Its value: `SIP/2.0/UDP 10.0.0.1:5070;branch=..`.
pub(crate) fn value(cx: &RouteCx, socket: &LocalSocket, protocol: Protocol, branch: &[u8]) -> Vec<u8> {
    let settings = &cx.core.settings;
    let (mut host, mut port) = sent_by(cx, socket);
    let mut with_port = settings.advertised_port.is_some();
    if cx.send.via_fields
        && let Some(fields) = list(cx, &settings.xavp_via_fields)
    {
        if let Some(address) = field(fields, b"address").filter(|address| is_token(address.as_bytes())) {
            host = address.into_bytes().into();
        }
        if let Some(number) = field(fields, b"port").and_then(|number| number.parse().ok()).filter(|port| *port != 0) {
            (port, with_port) = (number, true);
        }
    }
    let mut via = Vec::with_capacity(48 + host.len() + branch.len());
    via.extend_from_slice(b"SIP/2.0/");
    via.extend_from_slice(protocol.via_name().as_bytes());
    via.push(b' ');
    via.extend_from_slice(&host);
    if port != protocol.default_port() || with_port {
        via.push(b':');
        sip::write::decimal(&mut via, port);
    }
    via.extend_from_slice(b";branch=");
    via.extend_from_slice(branch);
    if cx.send.local_rport || settings.local_rport {
        via.extend_from_slice(b";rport");
    }
    if cx.send.via_srvid && settings.server_id != 0 {
        via.extend_from_slice(b";srvid=");
        sip::write::decimal(&mut via, settings.server_id);
    }
    if cx.send.via_params
        && let Some(fields) = list(cx, &settings.xavp_via_params)
    {
        fields.items.iter().for_each(|(name, value)| push_parameter(&mut via, name, value));
    }
    via
}

/// The fields of the newest XAVP of a name.
fn list<'c>(cx: &'c RouteCx, name: &str) -> Option<&'c Xlist> {
    match cx.xavps.xavp.get(name.as_bytes(), 0, false)? {
        Xvalue::List(fields) if !name.is_empty() => Some(fields),
        _ => None,
    }
}

fn field(fields: &Xlist, name: &[u8]) -> Option<String> {
    match fields.get(name, 0, false)? {
        Xvalue::Simple(value) => Some(value.to_str().to_text().into_owned()),
        Xvalue::List(_) => None,
    }
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || TOKEN.contains(byte))
}

/// Values that are no token go into quotes; a name that is none, or a line end, cannot stand in a Via at all.
fn push_parameter(via: &mut Vec<u8>, name: &[u8], value: &Xvalue) {
    let Xvalue::Simple(value) = value else { return };
    let text = match value {
        Value::Null => return,
        value => value.to_str().to_text().into_owned(),
    };
    if !is_token(name) || text.bytes().any(|byte| byte.is_ascii_control()) {
        return;
    }
    via.push(b';');
    via.extend_from_slice(name);
    if text.is_empty() {
        return;
    }
    via.push(b'=');
    let is_quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    if is_token(text.as_bytes()) || is_quoted && !text[1..text.len() - 1].contains(['"', '\\']) {
        via.extend_from_slice(text.as_bytes());
    } else {
        via.push(b'"');
        for byte in text.bytes() {
            if matches!(byte, b'"' | b'\\') {
                via.push(b'\\');
            }
            via.push(byte);
        }
        via.push(b'"');
    }
}
