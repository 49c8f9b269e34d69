//! `{sock.*}`: parts of `proto:host:port`.

use engine::{Value, transformation};

use super::specification::Specification;

/// What `take` makes of the parts; the empty text when the input is malformed.
fn part(input: &Value, take: impl Fn(&Specification<'_>) -> String) -> Value {
    if input.is_null() {
        return Value::Null;
    }
    let text = input.to_str();
    Specification::parse(&text.to_text()).map_or_else(String::new, |parts| take(&parts)).into()
}

/// The host of `proto:host:port`.
#[transformation("sock.host")]
pub fn host(input: Value) -> Value {
    part(&input, |parts| parts.host.to_owned())
}

/// The port of `proto:host:port`; empty when there is none.
#[transformation("sock.port")]
pub fn port(input: Value) -> Value {
    part(&input, |parts| parts.port.unwrap_or_default().to_owned())
}

/// The protocol of `proto:host:port`; empty when there is none.
#[transformation("sock.proto")]
pub fn proto(input: Value) -> Value {
    part(&input, |parts| parts.protocol.unwrap_or_default().to_owned())
}

/// The SIP URI of `proto:host:port`: `sip:host:port;transport=proto`.
#[transformation("sock.touri")]
pub fn to_uri(input: Value) -> Value {
    part(&input, |parts| {
        let port = parts.port.map_or_else(String::new, |port| format!(":{port}"));
        let transport = parts.protocol.map_or_else(String::new, |protocol| format!(";transport={protocol}"));
        format!("sip:{}{port}{transport}", parts.host)
    })
}
