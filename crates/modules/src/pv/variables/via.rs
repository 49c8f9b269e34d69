//! Via: `$via0(..)` the first, `$via1(..)` the second, `$viaZ(..)` the last.

use engine::{RouteCx, Value, variable};
use sip::Via;

use super::names::inner_name;

/// An attribute of a Via.
#[derive(Clone, Copy, Debug)]
pub enum ViaPart {
    Host,
    Port,
    Protocol,
    ProtocolNumber,
    Branch,
    Rport,
    Received,
    Params,
    /// A parameter of overload control (RFC 7339).
    Param(&'static str),
}

inner_name!(ViaPart {
    "host" => Self::Host,
    "port" => Self::Port,
    "proto" => Self::Protocol,
    "protoid" => Self::ProtocolNumber,
    "branch" => Self::Branch,
    "rport" => Self::Rport,
    "received" => Self::Received,
    "params" => Self::Params,
    "oc" => Self::Param("oc"),
    "ocalgo" => Self::Param("oc-algo"),
    "oc-algo" => Self::Param("oc-algo"),
    "ocvalidity" => Self::Param("oc-validity"),
    "oc-validity" => Self::Param("oc-validity"),
    "ocseq" => Self::Param("oc-seq"),
    "oc-seq" => Self::Param("oc-seq"),
});

fn read(via: Option<&Via>, part: ViaPart) -> Value {
    let Some(via) = via else { return Value::Null };
    let param = |name: &str| Value::from(via.params.get(name).filter(|value| !value.is_empty()));
    match part {
        ViaPart::Host => via.host.clone().into(),
        ViaPart::Port => via.port_or_default().into(),
        ViaPart::Protocol => via.transport.name().into(),
        ViaPart::ProtocolNumber => {
            Value::Int(via.transport.protocol().map_or(0, |protocol| i64::from(protocol.number())))
        }
        ViaPart::Branch => param("branch"),
        ViaPart::Rport => param("rport"),
        ViaPart::Received => param("received"),
        ViaPart::Params => via.params.text().into(),
        ViaPart::Param(name) => param(name),
    }
}

/// An attribute of the first Via: `host`, `port`, `proto` (`UDP`), `protoid` (as `$prid`), `branch`, `rport`, `received`,
/// `params`, `oc`, `oc-algo`, `oc-validity`, `oc-seq`.
#[variable("via0")]
pub fn via0(cx: &RouteCx, part: ViaPart) -> Value {
    read(cx.message.via().ok().flatten(), part)
}

/// An attribute of the second Via; the names are those of `$via0(..)`.
#[variable("via1")]
pub fn via1(cx: &RouteCx, part: ViaPart) -> Value {
    read(cx.message.vias().ok().and_then(|vias| vias.get(1)), part)
}

/// An attribute of the last Via: that of the request's sender. The names are those of `$via0(..)`.
#[variable("viaZ")]
pub fn viaz(cx: &RouteCx, part: ViaPart) -> Value {
    read(cx.message.vias().ok().and_then(|vias| vias.last()), part)
}
