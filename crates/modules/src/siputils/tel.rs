//! `tel:` URIs as `sip:` URIs (RFC 3261 section 19.1.6).

use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, Value, function};

use super::arguments::Text;

/// What was a SIP URI before: nothing to do.
const NO_TEL: Return = Return(2);

fn without_separators(number: &[u8]) -> impl Iterator<Item = u8> + '_ {
    number.iter().copied().filter(|byte| !matches!(byte, b'-' | b'.' | b'(' | b')'))
}

/// The text behind `tel:`.
fn number(uri: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = uri.split_at_checked(4)?;
    scheme.eq_ignore_ascii_case(b"tel:").then_some(rest)
}

fn store(cx: &mut RouteCx, user: &[u8], host: &[u8], result: &WritableVariable) -> CallResult {
    if user.is_empty() || host.is_empty() {
        return Err("a SIP URI needs a user and a host".into());
    }
    result.0.set(cx, Value::from([b"sip:", user, b"@", host, b";user=phone"].concat()))?;
    Ok(Return::TRUE)
}

/// Converts a `tel:` URI to a `sip:` URI at `host` and stores it in the variable `result`: `tel:+1-2;Ext=3` becomes
/// `sip:+12;ext=3@host;user=phone`.
///
/// Returns 1 (converted), 2 (it was no `tel:` URI; the variable stays as it is).
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn tel2sip(cx: &mut RouteCx, uri: Text, host: Text, result: WritableVariable) -> CallResult {
    let (uri, host) = (uri.or_empty(), host.or_empty());
    let Some(rest) = number(&uri) else { return Ok(NO_TEL) };
    let end = rest.iter().position(|&byte| byte == b';').unwrap_or(rest.len());
    let mut user: Vec<u8> = without_separators(&rest[..end]).collect();
    user.extend(rest[end..].iter().map(u8::to_ascii_lowercase));
    store(cx, &user, &host, &result)
}

/// Like `tel2sip`, closer to the RFCs: parameters come in the order of RFC 3966 (`ext` and `isub`, `phone-context`, then
/// the others by name), a `phone-context` that is a domain is left out, and one that is a number loses its visual
/// separators.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn tel2sip2(cx: &mut RouteCx, uri: Text, host: Text, result: WritableVariable) -> CallResult {
    let (uri, host) = (uri.or_empty(), host.or_empty());
    let Some(rest) = number(&uri) else { return Ok(NO_TEL) };
    let mut parts = rest.split(|&byte| byte == b';');
    let mut user: Vec<u8> = without_separators(parts.next().unwrap_or_default()).collect();
    let mut params: Vec<Vec<u8>> = parts.filter(|part| !part.is_empty()).map(<[u8]>::to_ascii_lowercase).collect();
    params.retain_mut(|param| match param.strip_prefix(b"phone-context=") {
        Some(context) if context.first() == Some(&b'+') => {
            let number: Vec<u8> = without_separators(context).collect();
            *param = [b"phone-context=", &*number].concat();
            true
        }
        Some(_) => false,
        None => true,
    });
    params.sort_by(|left, right| (rank(left), left).cmp(&(rank(right), right)));
    for param in params {
        user.push(b';');
        user.extend_from_slice(&param);
    }
    store(cx, &user, &host, &result)
}

/// Place of a parameter (RFC 3966 section 3).
fn rank(param: &[u8]) -> u8 {
    let name = param.split(|&byte| byte == b'=').next().unwrap_or_default();
    match name {
        b"ext" | b"isub" => 0,
        b"phone-context" => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_tel_is_converted() {
        assert_eq!(super::number(b"TEL:+1"), Some(&b"+1"[..]));
        assert_eq!(super::number(b"tels:+1"), None);
        assert_eq!(super::number(b"te"), None);
    }
}
