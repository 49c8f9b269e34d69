//! Contacts packed into the user of another URI: `sip:prefix*user*password*host*port*transport@proxy`.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Uri;

use super::Siputils;
use super::contact_params::change_contacts;

/// Why a URI could not be unpacked, as Kamailio numbers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Failure(i32);

const NO_SCHEME: Failure = Failure(-22);
const NO_USER: Failure = Failure(-23);
const TOO_MANY_PARTS: Failure = Failure(-24);
const TOO_FEW_PARTS: Failure = Failure(-26);

fn pack(uri: &Uri, prefix: &[u8], host: &[u8], separator: u8) -> Vec<u8> {
    let (user, password) = (uri.user().unwrap_or_default(), uri.password().unwrap_or_default());
    let (old_host, port, transport) = (uri.host(), uri.port_text(), uri.transport().unwrap_or_default());
    let parts: [&[u8]; 6] = [prefix, &user, &password, &old_host, &port, &transport];
    let user = parts.join(&separator);
    [uri.scheme().name().as_bytes(), b":", &user, b"@", host].concat()
}

fn unpack(text: &[u8], separator: u8) -> Result<Vec<u8>, Failure> {
    let colon = text.iter().position(|&byte| byte == b':').ok_or(NO_SCHEME)?;
    let at = text[colon..].iter().position(|&byte| byte == b'@').map(|at| at + colon).ok_or(NO_USER)?;
    let mut parts = text[colon + 1..at].split(|&byte| byte == separator);
    let mut next = || parts.next().ok_or(TOO_FEW_PARTS);
    let _prefix = next()?;
    let (user, password, host, port, transport) = (next()?, next()?, next()?, next()?, next()?);
    if parts.next().is_some() {
        return Err(TOO_MANY_PARTS);
    }
    let mut uri = text[..=colon].to_vec();
    let mut add = |before: &[u8], part: &[u8], after: &[u8]| {
        if !part.is_empty() {
            uri.extend_from_slice(before);
            uri.extend_from_slice(part);
            uri.extend_from_slice(after);
        }
    };
    match (user, password) {
        ([], _) => {}
        (user, []) => add(b"", user, b"@"),
        (user, password) => {
            add(b"", user, b":");
            add(b"", password, b"@");
        }
    }
    add(b"", host, b"");
    add(b":", port, b"");
    add(b";transport=", transport, b"");
    let rest = text[at..].iter().position(|byte| matches!(byte, b';' | b'?')).map_or(text.len(), |rest| at + rest);
    uri.extend_from_slice(&text[rest..]);
    Ok(uri)
}

/// Packs the URI of each contact into the user of a URI at `host`: `sip:alice@1.2.3.4:5070` becomes
/// `sip:prefix*alice**1.2.3.4*5070*@host`. Parameters but `transport` are lost. The separator is parameter
/// `contact_flds_separator`.
///
/// Returns 1; -1 without a Contact header, or when it is malformed.
#[function(REQUEST | ONREPLY)]
pub fn encode_contact(cx: &mut RouteCx, me: &Siputils, prefix: Str, host: Str) -> CallResult {
    if !cx.message.has_header(sip::HeaderName::Contact) {
        return Err(ScriptError::new("the message has no Contact"));
    }
    change_contacts(cx, &mut |text, _| {
        let uri =
            Uri::parse(text.clone()).map_err(|error| ScriptError::new(format!("wrong contact `{text}`: {error}")))?;
        Ok(Some(pack(&uri, &prefix, &host, me.separator)))
    })
}

/// Unpacks the request-URI that `encode_contact` made.
///
/// Returns 1; below 0 when it is no such URI: -22 without a scheme, -23 without a user, -24 with too many parts, -26 with
/// too few.
#[function(REQUEST)]
pub fn decode_contact(cx: &mut RouteCx, me: &Siputils) -> CallResult {
    match unpack(&cx.request_uri(), me.separator) {
        Ok(uri) => {
            cx.to.set_uri(Str::from(uri));
            Ok(Return::TRUE)
        }
        Err(failure) => Ok(Return(failure.0)),
    }
}

/// Unpacks the URIs of the contacts that `encode_contact` made.
///
/// Returns 1; -1 without a Contact header; -22, -23, -24 or -26, see `decode_contact`, when one is no such URI.
#[function(REQUEST | FAILURE | ONREPLY)]
pub fn decode_contact_header(cx: &mut RouteCx, me: &Siputils) -> CallResult {
    if !cx.message.has_header(sip::HeaderName::Contact) {
        return Err(ScriptError::new("the message has no Contact"));
    }
    let mut failure = None;
    let result = change_contacts(cx, &mut |uri, _| match unpack(uri, me.separator) {
        Ok(uri) => Ok(Some(uri)),
        Err(why) => {
            failure = Some(why);
            Err(ScriptError::new(format!("`{uri}` is no encoded contact")))
        }
    });
    failure.map_or(result, |failure| Ok(Return(failure.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (plain, packed) in [
            ("sip:alice:pw@1.2.3.4:5070;transport=tcp", "sip:p*alice*pw*1.2.3.4*5070*tcp@h"),
            ("sip:alice@1.2.3.4", "sip:p*alice**1.2.3.4**@h"),
            ("sip:1.2.3.4", "sip:p***1.2.3.4**@h"),
            ("sips:a@[::1]:5061", "sips:p*a**[::1]*5061*@h"),
        ] {
            let uri = Uri::parse(Str::from(plain)).unwrap();
            assert_eq!(pack(&uri, b"p", b"h", b'*'), packed.as_bytes());
            assert_eq!(unpack(packed.as_bytes(), b'*').unwrap(), plain.as_bytes());
        }
        assert_eq!(unpack(b"sip:p*a**h*1*@h;x=1", b'*').unwrap(), b"sip:a@h:1;x=1");
    }

    #[test]
    fn failures() {
        for (text, failure) in [
            ("garbage", NO_SCHEME),
            ("sip:h", NO_USER),
            ("sip:alice@h", TOO_FEW_PARTS),
            ("sip:p*a**h*1*udp*x@h", TOO_MANY_PARTS),
        ] {
            assert_eq!(unpack(text.as_bytes(), b'*'), Err(failure));
        }
    }
}
