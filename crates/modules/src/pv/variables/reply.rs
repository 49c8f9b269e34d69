//! Where a reply goes: `$rpl(..)`.

use engine::{RouteCx, Str, Value, variable};
use sip::{HeaderName, Protocol, Rport};

use super::names::inner_name;

/// Where a reply goes by its second Via.
pub(crate) struct ReplyHop {
    host: Str,
    port: u16,
    protocol: Protocol,
}

impl ReplyHop {
    /// `sip:host:port;transport=udp`.
    pub(crate) fn uri(&self) -> Str {
        Str::from(format!("sip:{}:{};transport={}", self.host, self.port, self.protocol))
    }
}

/// The next hop of a reply; `None` in a request, and in a reply that is for us.
pub(crate) fn next_hop(cx: &RouteCx) -> Option<ReplyHop> {
    if cx.message.is_request() {
        return None;
    }
    let via = cx.message.vias().ok()?.get(1)?;
    let protocol = via.transport.protocol()?;
    let host = via.maddr().or_else(|| via.received()).unwrap_or_else(|| via.host.clone());
    let port = match via.rport() {
        Rport::Value(Some(port)) => port,
        _ => via.port_or_default(),
    };
    Some(ReplyHop { host, port, protocol })
}

/// An attribute in `$rpl(name)`.
#[derive(Clone, Copy, Debug)]
pub enum ReplyPart {
    Uri,
    Host,
    Port,
    Protocol,
    ProtocolNumber,
    Vias,
    RecordRoutes,
}

inner_name!(ReplyPart {
    "duri" => Self::Uri,
    "dhost" => Self::Host,
    "dport" => Self::Port,
    "dproto" => Self::Protocol,
    "dprotoid" => Self::ProtocolNumber,
    "cntvia" => Self::Vias,
    "cntrr" => Self::RecordRoutes,
});

/// Where a reply goes: `duri`, `dhost`, `dport`, `dproto` (text), `dprotoid` (number); `cntvia` and `cntrr`: how many
/// Via and Record-Route values it has. `$null` in requests.
#[variable("rpl")]
pub fn rpl(cx: &RouteCx, part: ReplyPart) -> Value {
    if cx.message.is_request() {
        return Value::Null;
    }
    match part {
        ReplyPart::Vias => return cx.message.vias().map_or(0, <[_]>::len).into(),
        ReplyPart::RecordRoutes if !cx.message.has_header(HeaderName::RecordRoute) => return Value::Int(0),
        ReplyPart::RecordRoutes => return cx.message.record_routes().map_or(0, <[_]>::len).into(),
        _ => {}
    }
    let Some(hop) = next_hop(cx) else { return Value::Null };
    match part {
        ReplyPart::Uri => Value::Str(hop.uri()),
        ReplyPart::Host => Value::Str(hop.host),
        ReplyPart::Port => Value::from(hop.port),
        ReplyPart::Protocol => Value::from(hop.protocol.name()),
        ReplyPart::ProtocolNumber => Value::Int(i64::from(hop.protocol.number())),
        ReplyPart::Vias | ReplyPart::RecordRoutes => Value::Null,
    }
}
