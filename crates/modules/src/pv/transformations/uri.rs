//! `{uri.*}`: parts of a URI. All are `$null` when the text is no URI, and empty when the part is missing.

use engine::{RouteCx, Str, Value, transformation};
use sip::{Protocol, Uri};

use super::super::variables::user_of;
use super::{map, param};

fn part(input: &Value, part: impl FnOnce(&Uri) -> Option<Str>) -> Value {
    map(input, |text| Uri::parse(text.clone()).ok().map(|uri| part(&uri).unwrap_or_default()))
}

/// The user.
#[transformation("uri.user")]
pub(super) fn user(cx: &RouteCx, input: Value) -> Value {
    part(&input, |uri| user_of(cx, uri))
}

/// The host.
#[transformation("uri.host")]
pub(super) fn host(input: Value) -> Value {
    part(&input, |uri| Some(uri.host()))
}

/// The host.
#[transformation("uri.domain")]
pub(super) fn domain(input: Value) -> Value {
    part(&input, |uri| Some(uri.host()))
}

/// The password.
#[transformation("uri.passwd")]
pub(super) fn passwd(input: Value) -> Value {
    part(&input, Uri::password)
}

/// The port, a number; empty when none is written.
#[transformation("uri.port")]
pub(super) fn port(input: Value) -> Value {
    map(&input, |text| {
        let uri = Uri::parse(text.clone()).ok()?;
        let text = uri.port_text();
        // `05060` stays as it is written.
        Some(uri.port().filter(|_| text.first() != Some(&b'0')).map_or(Value::Str(text), Value::from))
    })
}

/// Scheme, user and host: the address of record.
#[transformation("uri.saor")]
pub(super) fn saor(input: Value) -> Value {
    part(&input, |uri| Some(uri.aor()))
}

/// Scheme, user, host, port and transport.
#[transformation("uri.suri")]
pub(super) fn suri(input: Value) -> Value {
    part(&input, |uri| Some(simple(uri, true)))
}

/// Scheme, host, port and transport: where to send to.
#[transformation("uri.duri")]
pub(super) fn duri(input: Value) -> Value {
    part(&input, |uri| Some(simple(uri, false)))
}

/// All parameters. Empty for `tel:`, whose parameters belong to the number.
#[transformation("uri.params")]
pub(super) fn params(input: Value) -> Value {
    part(&input, |uri| Some(sip_params(uri)))
}

/// All headers.
#[transformation("uri.headers")]
pub(super) fn headers(input: Value) -> Value {
    part(&input, |uri| Some(uri.headers_text()))
}

/// The value of the parameter `name`, without quotes. Empty for `tel:`.
#[transformation("uri.param")]
pub(super) fn param(input: Value, name: Str) -> Value {
    part(&input, |uri| param::find(&param::parse(&sip_params(uri), b';')?, &name))
}

/// The URI without the parameter `name`.
#[transformation("uri.rmparam")]
pub(super) fn rmparam(input: Value, name: Str) -> Value {
    part(&input, |uri| Some(uri.without_param(&name)))
}

/// The parameter `transport`.
#[transformation("uri.transport")]
pub(super) fn transport(input: Value) -> Value {
    part(&input, Uri::transport)
}

/// The parameter `ttl`.
#[transformation("uri.ttl")]
pub(super) fn ttl(input: Value) -> Value {
    part(&input, |uri| uri.param("ttl"))
}

/// The parameter `user`.
#[transformation("uri.uparam")]
pub(super) fn uparam(input: Value) -> Value {
    part(&input, |uri| uri.param("user"))
}

/// The parameter `maddr`.
#[transformation("uri.maddr")]
pub(super) fn maddr(input: Value) -> Value {
    part(&input, Uri::maddr)
}

/// The parameter `method`.
#[transformation("uri.method")]
pub(super) fn method(input: Value) -> Value {
    part(&input, |uri| uri.param("method"))
}

/// The value of the parameter `lr`.
#[transformation("uri.lr")]
pub(super) fn lr(input: Value) -> Value {
    part(&input, |uri| uri.param("lr"))
}

/// The value of the parameter `r2`.
#[transformation("uri.r2")]
pub(super) fn r2(input: Value) -> Value {
    part(&input, |uri| uri.param("r2"))
}

/// The scheme as it is written.
#[transformation("uri.scheme")]
pub(super) fn scheme(input: Value) -> Value {
    part(&input, |uri| Some(uri.text().slice(..uri.scheme().name().len())))
}

/// `proto:host:port`, with the default port when none is written; empty when the URI names no known transport.
#[transformation("uri.tosocket")]
pub(super) fn tosocket(input: Value) -> Value {
    part(&input, |uri| {
        let protocol = Protocol::from_name(uri.transport()?)?;
        // Kamailio takes 5060 for all but TLS, also for a sips: URI that names another transport.
        let port = uri.port().unwrap_or(if protocol == Protocol::Tls { 5061 } else { 5060 });
        Some(Str::from([protocol.name().as_bytes(), b":", uri.host_bytes(), format!(":{port}").as_bytes()].concat()))
    })
}

fn sip_params(uri: &Uri) -> Str {
    if uri.scheme().is_tel() { Str::EMPTY } else { uri.params_text() }
}

fn simple(uri: &Uri, with_user: bool) -> Str {
    let mut out = uri.text()[..=uri.scheme().name().len()].to_vec();
    let user = uri.user_bytes().filter(|_| with_user || uri.scheme().is_tel());
    if let Some(user) = user {
        out.extend_from_slice(user);
        if !uri.host_bytes().is_empty() {
            out.push(b'@');
        }
    }
    out.extend_from_slice(uri.host_bytes());
    if uri.port().is_some() {
        out.push(b':');
        out.extend_from_slice(&uri.port_text());
    }
    if let Some(transport) = uri.transport() {
        out.extend_from_slice(b";transport=");
        out.extend_from_slice(&transport);
    }
    Str::from(out)
}
