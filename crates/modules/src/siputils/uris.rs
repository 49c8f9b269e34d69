//! Comparing and changing URIs.

use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::{HeaderName, Uri};

use super::arguments::Text;

/// What is no URI or header name.
const MALFORMED: Return = Return(-2);

/// True when the text is a URI.
#[function(ANY)]
pub fn is_uri(_cx: &mut RouteCx, uri: Text) -> CallResult {
    Ok(Uri::parse(uri.or_empty()).is_ok().into())
}

/// True when two URIs are equal. As in Kamailio, `transport` makes a difference only when both have it, escapes and
/// headers are not looked at, and a port differs from none. -2 when one is no URI.
#[function(ANY)]
pub fn cmp_uri(_cx: &mut RouteCx, first: Str, second: Str) -> CallResult {
    Ok(match (Uri::parse(first), Uri::parse(second)) {
        (Ok(first), Ok(second)) => same_uri(&first, &second).into(),
        _ => MALFORMED,
    })
}

/// Parameters that must be in both URIs or in none.
const DECISIVE: [&[u8]; 4] = [b"user", b"ttl", b"method", b"maddr"];

fn same_uri(first: &Uri, second: &Uri) -> bool {
    let params_agree = |first: &Uri, second: &Uri| {
        first.iter_params().all(|param| match second.find_param(param.name) {
            Some(other) => param.value.unwrap_or_default().eq_ignore_ascii_case(other.value.unwrap_or_default()),
            None => !DECISIVE.iter().any(|name| name.eq_ignore_ascii_case(param.name)),
        })
    };
    first.scheme() == second.scheme()
        && same_address(first, second)
        && first.password() == second.password()
        && first.port_text() == second.port_text()
        && params_agree(first, second)
        && params_agree(second, first)
}

/// User and host.
fn same_address(first: &Uri, second: &Uri) -> bool {
    first.user_bytes().unwrap_or_default() == second.user_bytes().unwrap_or_default()
        && first.host_bytes().eq_ignore_ascii_case(second.host_bytes())
}

/// True when two URIs have the same user and host. -2 when one is no URI.
#[function(ANY)]
pub fn cmp_aor(_cx: &mut RouteCx, first: Str, second: Str) -> CallResult {
    Ok(match (Uri::parse(first), Uri::parse(second)) {
        (Ok(first), Ok(second)) => same_address(&first, &second).into(),
        _ => MALFORMED,
    })
}

/// True when two texts name the same header: `f` and `From`. -2 when they do not.
#[function(ANY)]
pub fn cmp_hdr_name(_cx: &mut RouteCx, first: Str, second: Str) -> CallResult {
    let same = match HeaderName::from_bytes(&first) {
        HeaderName::Other => !first.is_empty() && first.eq_ignore_case(&second),
        known => known == HeaderName::from_bytes(&second),
    };
    Ok(if same { Return::TRUE } else { MALFORMED })
}

/// The text of the URI in a variable, and the position behind the colon of its scheme.
fn uri_in(cx: &RouteCx, variable: &WritableVariable) -> Result<(Str, usize), ScriptError> {
    let text = match variable.0.get(cx) {
        Value::Null => Str::EMPTY,
        value => value.into_str(),
    };
    match text.iter().position(|&byte| byte == b':') {
        Some(colon) => Ok((text, colon + 1)),
        None => Err(ScriptError::new(format!("`{text}` is no URI"))),
    }
}

/// Where the host starts: behind the `@` if there is one.
fn host_start(text: &[u8], start: usize) -> usize {
    text[start..].iter().position(|&byte| byte == b'@').map_or(start, |at| start + at + 1)
}

/// Replaces the user of the URI in a variable, a password goes with the old one; an empty text removes it.
#[function(ANY)]
pub fn set_uri_user(cx: &mut RouteCx, uri: WritableVariable, user: Text) -> CallResult {
    let user = user.0.ok_or("the user has no value ($null)")?;
    let (text, start) = uri_in(cx, &uri)?;
    let host = host_start(&text, start);
    let separator: &[u8] = if user.is_empty() { b"" } else { b"@" };
    uri.0.set(cx, Value::from([&text[..start], &user, separator, &text[host..]].concat()))?;
    Ok(Return::TRUE)
}

/// Replaces the host of the URI in a variable.
#[function(ANY)]
pub fn set_uri_host(cx: &mut RouteCx, uri: WritableVariable, host: Text) -> CallResult {
    let host = host.0.filter(|host| !host.is_empty()).ok_or("the host of a URI cannot be empty")?;
    let (text, start) = uri_in(cx, &uri)?;
    let start = host_start(&text, start);
    let rest = &text[start..];
    let from = if rest.first() == Some(&b'[') { rest.iter().position(|&byte| byte == b']').unwrap_or(0) } else { 0 };
    let end = rest[from..]
        .iter()
        .position(|byte| matches!(byte, b':' | b';' | b'?' | b'>'))
        .map_or(rest.len(), |at| from + at);
    uri.0.set(cx, Value::from([&text[..start], &host, &rest[end..]].concat()))?;
    Ok(Return::TRUE)
}
