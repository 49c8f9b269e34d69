//! The request-URI, the received one, and the next hop: `$ru`, `$rU`, `$ou`, `$du`, `$nh(..)`.

use engine::{RouteCx, ScriptError, Str, Value, variable};
use sip::Uri;

use super::names::inner_name;
use super::reply;

/// The request-URI as the script made it; `None` in a reply and when it is no URI.
pub(crate) fn request_uri(cx: &RouteCx) -> Option<Uri> {
    if cx.message.is_request() { cx.parsed_request_uri().ok() } else { None }
}

fn original_uri(cx: &RouteCx) -> Option<Uri> {
    cx.message.request_uri().and_then(|uri| Uri::parse(uri.clone()).ok())
}

fn destination(cx: &RouteCx) -> Option<Uri> {
    cx.to.destination.clone().and_then(|uri| Uri::parse(uri).ok())
}

/// The user with its parameters; `None` when it is empty.
pub(crate) fn user(uri: &Uri) -> Option<Str> {
    uri.user().filter(|user| !user.is_empty())
}

/// True for `sip:number@host;user=phone`, which counts as a telephone number unless core parameter `phone2tel` is off.
fn is_phone(cx: &RouteCx, uri: &Uri) -> bool {
    cx.core.settings.phone2tel
        && uri.scheme().is_sip()
        && uri.find_param("user").is_some_and(|param| param.value == Some(b"phone"))
}

/// The user as scripts see it: the parameters of a telephone number (`sip:+1;x=y@host;user=phone`) do not belong to it.
pub(crate) fn user_of(cx: &RouteCx, uri: &Uri) -> Option<Str> {
    let user = user(uri)?;
    match user.iter().position(|byte| *byte == b';') {
        Some(end @ 1..) if is_phone(cx, uri) => Some(user.slice(..end)),
        _ => Some(user),
    }
}

pub(crate) fn host(uri: &Uri) -> Option<Str> {
    Some(uri.host()).filter(|host| !host.is_empty())
}

/// The port as written; 5060 when there is none, whatever the scheme is.
fn port(uri: &Uri) -> Option<Str> {
    Some(uri.port_text()).filter(|port| !port.is_empty()).or_else(|| Some(Str::from_static("5060")))
}

/// The `transport` parameter as written; `UDP` when there is none, whatever the scheme is.
fn transport(uri: &Uri) -> Option<Str> {
    uri.transport().filter(|name| !name.is_empty()).or_else(|| Some(Str::from_static("UDP")))
}

fn user_length(cx: &RouteCx, uri: &Uri) -> usize {
    user_of(cx, uri).map_or(0, |user| user.len())
}

fn part(uri: Option<Uri>, part: impl FnOnce(&Uri) -> Option<Str>) -> Value {
    uri.as_ref().and_then(part).into()
}

/// The request-URI. Assigning replaces it; a text that is no URI makes all reads `$null`.
#[variable("ru", "ruri", set = set_ru)]
pub fn ru(cx: &RouteCx) -> Value {
    part(request_uri(cx), |uri| Some(uri.text().clone()))
}

fn set_ru(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    let Value::Str(uri) = value else { return Err(ScriptError::new("the request-URI must be a text")) };
    only_request(cx)?;
    cx.to.set_uri(uri);
    Ok(())
}

fn only_request(cx: &RouteCx) -> Result<(), ScriptError> {
    if cx.message.is_request() { Ok(()) } else { Err(ScriptError::new("a reply has no request-URI")) }
}

fn change(cx: &mut RouteCx, change: impl FnOnce(&Uri) -> Result<Str, ScriptError>) -> Result<(), ScriptError> {
    let uri = request_uri(cx).ok_or_else(|| ScriptError::new("the request-URI is no URI: it cannot be changed"))?;
    cx.to.set_uri(change(&uri)?);
    Ok(())
}

/// The user of the request-URI (of `tel:` the number). Assigning the empty text or `$null` removes it.
#[variable("rU", "ruri.user", set = set_ru_user)]
pub fn ru_user(cx: &RouteCx) -> Value {
    part(request_uri(cx), |uri| user_of(cx, uri))
}

fn set_ru_user(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    let user = match value {
        Value::Null => None,
        Value::Str(user) => Some(user).filter(|user| !user.is_empty()),
        Value::Int(_) => return Err(ScriptError::new("the user of the request-URI must be a text")),
    };
    let phone = request_uri(cx).is_some_and(|uri| is_phone(cx, &uri));
    change(cx, |uri| {
        let old = uri.user_bytes().unwrap_or_default();
        Ok(match (&user, memchr::memchr(b';', old)) {
            // The parameters of a telephone number stay.
            (Some(user), Some(end)) if phone => uri.with_user(Some(&[&**user, &old[end..]].concat())),
            _ => uri.with_user(user.as_deref()),
        })
    })
}

/// The host of the request-URI; an IPv6 address has its brackets. Assigning keeps the port.
#[variable("rd", "ruri.domain", set = set_rd)]
pub fn rd(cx: &RouteCx) -> Value {
    part(request_uri(cx), host)
}

/// `text` with the part that `part` is a slice of replaced.
fn splice(text: &Str, part: &Str, new: &[u8]) -> Option<Str> {
    let start = text.offset_of(part)?;
    Some(Str::from([&text[..start], new, &text[start + part.len()..]].concat()))
}

fn set_rd(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    let Value::Str(host) = value else { return Err(ScriptError::new("the host of the request-URI must be a text")) };
    // An empty host is put in as well, as Kamailio does: the request must not go on to the old one.
    change(cx, |uri| match splice(uri.text(), &uri.host(), &host) {
        Some(changed) if uri.scheme().is_sip() => Ok(changed),
        _ => Ok(uri.with_host(&host)),
    })
}

/// The port of the request-URI as a text; `5060` when there is none. Assigning the empty text or `$null` removes it.
#[variable("rp", set = set_rp)]
pub fn rp(cx: &RouteCx) -> Value {
    part(request_uri(cx), port)
}

fn set_rp(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    let port = value.to_str();
    change(cx, |uri| {
        if uri.scheme().is_tel() {
            return Err(ScriptError::new("a tel: URI has no port"));
        }
        if port.is_empty() {
            return Ok(uri.with_port(None));
        }
        // Not checked, as in Kamailio: with a wrong port the request-URI is no URI, and nothing is sent to the old one.
        Ok(uri.with_host_port(&[&*uri.host(), b":", &*port].concat(), None))
    })
}

/// The `transport` parameter of the request-URI as written; `UDP` when there is none.
#[variable("rP")]
pub fn rp_transport(cx: &RouteCx) -> Value {
    part(request_uri(cx), transport)
}

/// The scheme of the request-URI: `sip`, `sips`, `tel`, `tels`, `urn`; `tel` also with `user=phone`, unless core parameter
/// `phone2tel` is off.
#[variable("rz")]
pub fn rz(cx: &RouteCx) -> Value {
    part(request_uri(cx), |uri| Some(Str::from_static(if is_phone(cx, uri) { "tel" } else { uri.scheme().name() })))
}

/// The length of the request-URI.
#[variable("rul")]
pub fn rul(cx: &RouteCx) -> Value {
    request_uri(cx).map(|uri| uri.text().len()).into()
}

/// The length of the user of the request-URI.
#[variable("rUl")]
pub fn rul_user(cx: &RouteCx) -> Value {
    request_uri(cx).map(|uri| user_length(cx, &uri)).into()
}

/// The request-URI as it was received; `$null` when it is no URI.
#[variable("ou", "ouri")]
pub fn ou(cx: &RouteCx) -> Value {
    part(original_uri(cx), |uri| Some(uri.text().clone()))
}

/// The user of the received request-URI.
#[variable("oU")]
pub fn ou_user(cx: &RouteCx) -> Value {
    part(original_uri(cx), |uri| user_of(cx, uri))
}

/// The host of the received request-URI.
#[variable("od")]
pub fn od(cx: &RouteCx) -> Value {
    part(original_uri(cx), host)
}

/// The port of the received request-URI; `5060` when there is none.
#[variable("op")]
pub fn op(cx: &RouteCx) -> Value {
    part(original_uri(cx), port)
}

/// The `transport` parameter of the received request-URI; `UDP` when there is none.
#[variable("oP")]
pub fn op_transport(cx: &RouteCx) -> Value {
    part(original_uri(cx), transport)
}

/// The length of the user of the received request-URI.
#[variable("oUl")]
pub fn oul_user(cx: &RouteCx) -> Value {
    original_uri(cx).map(|uri| user_length(cx, &uri)).into()
}

/// The next hop, when it is not the request-URI. Assigning `$null` or the empty text removes it.
#[variable("du", "duri", set = set_du)]
pub fn du(cx: &RouteCx) -> Value {
    cx.to.destination.clone().into()
}

fn set_du(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    cx.to.set_destination(match value {
        Value::Null => None,
        Value::Str(uri) => Some(uri).filter(|uri| !uri.is_empty()),
        Value::Int(_) => return Err(ScriptError::new("the next hop must be a text")),
    });
    Ok(())
}

/// The host of `$du`.
#[variable("dd")]
pub fn dd(cx: &RouteCx) -> Value {
    part(destination(cx), host)
}

/// The port of `$du`; `5060` when there is none.
#[variable("dp")]
pub fn dp(cx: &RouteCx) -> Value {
    part(destination(cx), port)
}

/// The `transport` parameter of `$du`; `UDP` when there is none.
#[variable("dP")]
pub fn dp_transport(cx: &RouteCx) -> Value {
    part(destination(cx), transport)
}

/// A part of the next hop.
#[derive(Clone, Copy, Debug)]
pub enum HopPart {
    Uri,
    User,
    Host,
    Port,
    Transport,
    IpVersion,
}

inner_name!(HopPart {
    "u" => Self::Uri,
    "U" => Self::User,
    "d" => Self::Host,
    "p" => Self::Port,
    "P" => Self::Transport,
    "i" => Self::IpVersion,
});

/// The next hop: `$du`, else the request-URI; of a reply what its second Via says. `u` all of it, `U` user, `d` host,
/// `p` port, `P` transport, `i` the version of an IP address (4, 6; 0: a name).
#[variable("nh")]
pub fn nh(cx: &RouteCx, what: HopPart) -> Value {
    let text = match cx.message.is_request() {
        true => engine::forward::next_hop(cx),
        false => match reply::next_hop(cx) {
            Some(hop) => hop.uri(),
            None => return Value::Null,
        },
    };
    if matches!(what, HopPart::Uri) {
        return Value::Str(text);
    }
    let Ok(uri) = Uri::parse(text) else { return Value::Null };
    match what {
        HopPart::Uri => Value::Null,
        HopPart::User => user_of(cx, &uri).into(),
        HopPart::Host => host(&uri).into(),
        HopPart::Port => port(&uri).into(),
        HopPart::Transport => transport(&uri).into(),
        HopPart::IpVersion => Value::Int(match engine::forward::address_of(uri.host_bytes()) {
            Some(address) if address.is_ipv4() => 4,
            Some(_) => 6,
            None => 0,
        }),
    }
}
