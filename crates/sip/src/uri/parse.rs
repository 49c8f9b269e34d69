//! Taking a URI apart.

use super::{Part, Scheme, Uri};
use crate::{Str, UriError, scan};

/// Longer URIs are refused: their parts are kept as 16-bit positions.
const MAX_LENGTH: usize = u16::MAX as usize;

fn malformed(at: usize) -> UriError {
    UriError::Malformed { offset: u32::try_from(at).unwrap_or(u32::MAX) }
}

fn part(start: usize, end: usize) -> Part {
    (start as u16, end as u16)
}

pub(super) fn parse(text: Str) -> Result<Uri, UriError> {
    if text.len() > MAX_LENGTH {
        return Err(malformed(MAX_LENGTH));
    }
    let (scheme, at) = scheme(&text)?;
    match scheme {
        Scheme::Sip | Scheme::Sips => parse_sip(text, scheme, at),
        Scheme::Tel | Scheme::Tels => parse_tel(text, scheme, at),
        Scheme::Urn => parse_urn(text, at),
    }
}

fn bare(text: Str, scheme: Scheme) -> Uri {
    let end = text.len() as u16;
    Uri {
        text,
        scheme,
        user: None,
        password: None,
        host: (end, end),
        port_text: None,
        port: None,
        params: (end, end),
        headers: (end, end),
    }
}

/// The scheme and the position after its colon.
fn scheme(bytes: &[u8]) -> Result<(Scheme, usize), UriError> {
    if let [b's' | b'S', b'i' | b'I', b'p' | b'P', b':', ..] = bytes {
        return Ok((Scheme::Sip, 4));
    }
    let end = scan::skip_while(bytes, 0, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if bytes.get(end) != Some(&b':') || !bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        return Err(malformed(end.min(bytes.len())));
    }
    let name = &bytes[..end];
    let scheme = [Scheme::Sip, Scheme::Sips, Scheme::Tel, Scheme::Tels, Scheme::Urn]
        .into_iter()
        .find(|scheme| scheme.name().as_bytes().eq_ignore_ascii_case(name))
        .ok_or(UriError::UnknownScheme)?;
    if scheme == Scheme::Urn {
        let rest = &bytes[end + 1..];
        let known = [&b"service:"[..], b"nena:"]
            .into_iter()
            .any(|kind| rest.len() > kind.len() && rest[..kind.len()].eq_ignore_ascii_case(kind));
        if !known {
            return Err(UriError::UnknownScheme);
        }
    }
    Ok((scheme, end + 1))
}

/// Refuses the first byte that may not stand in user, parameters and headers. Kamailio takes far more than RFC 3261 25.1
/// does; what would break the line or the URI is refused: control characters and `@`.
#[inline]
fn check(bytes: &[u8], start: usize) -> Result<(), UriError> {
    match scan::find_or_control(bytes, start, b'@') {
        bad if bad < bytes.len() => Err(malformed(bad)),
        _ => Ok(()),
    }
}

fn parse_sip(text: Str, scheme: Scheme, start: usize) -> Result<Uri, UriError> {
    let bytes = text.as_bytes();
    // A user may hold `;`, `?` and `/`, a host may not hold `@`: so the first `@` ends the user (RFC 3261 19.1.1).
    let at_sign = scan::find_or_control(bytes, start, b'@');
    let (user, password, host_start) = if at_sign < bytes.len() {
        if bytes[at_sign] != b'@' {
            return Err(malformed(at_sign));
        }
        let before = &bytes[..at_sign];
        let user_end = scan::find_byte(before, start, b':');
        if user_end == start {
            return Err(malformed(start));
        }
        let password = if user_end < at_sign {
            let second = scan::find_byte(before, user_end + 1, b':');
            if second < at_sign {
                return Err(malformed(second));
            }
            Some(part(user_end + 1, at_sign))
        } else {
            None
        };
        (Some(part(start, user_end)), password, at_sign + 1)
    } else {
        (None, None, start)
    };
    let host_end = host_end(bytes, host_start)?;
    let mut at = host_end;
    let (mut port_text, mut port) = (None, None);
    if bytes.get(at) == Some(&b':') {
        let end = scan::skip_while(bytes, at + 1, |byte| byte.is_ascii_digit());
        // Kamailio takes a colon without a port for no port.
        if end > at + 1 {
            port = Some(scan::number::<u16>(&bytes[at + 1..end]).ok_or_else(|| malformed(at + 1))?);
        }
        port_text = Some(part(at + 1, end));
        at = end;
    }
    let question = scan::find_byte(bytes, at, b'?');
    let params = match bytes.get(at) {
        Some(b';') => (at + 1, question),
        Some(b'?') | None => (question, question),
        Some(_) => return Err(malformed(at)),
    };
    let headers = ((question + 1).min(bytes.len()), bytes.len());
    check(bytes, at)?;
    Ok(Uri {
        text,
        scheme,
        user,
        password,
        host: part(host_start, host_end),
        port_text,
        port,
        params: part(params.0, params.1),
        headers: part(headers.0, headers.1),
    })
}

/// The end of a host name, IPv4 address or bracketed IPv6 address.
fn host_end(bytes: &[u8], start: usize) -> Result<usize, UriError> {
    if bytes.get(start) == Some(&b'[') {
        let end = scan::skip_while(bytes, start + 1, |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
        return if end > start + 1 && bytes.get(end) == Some(&b']') { Ok(end + 1) } else { Err(malformed(end)) };
    }
    // Underscores are against the rules for host names (Kamailio refuses them) and common in private networks.
    let end = scan::skip_while(bytes, start, scan::is_host);
    if end == start { Err(malformed(start)) } else { Ok(end) }
}

fn parse_tel(text: Str, scheme: Scheme, start: usize) -> Result<Uri, UriError> {
    let bytes = text.as_bytes();
    let end = memchr::memchr2(b';', b'?', &bytes[start..]).map_or(bytes.len(), |offset| start + offset);
    if end == start {
        return Err(malformed(start));
    }
    // Whether it is a number in the sense of RFC 3966 is not asked: Kamailio takes any text.
    check(bytes, start)?;
    let question = memchr::memchr(b'?', &bytes[end..]).map_or(bytes.len(), |offset| end + offset);
    let params = part((end + 1).min(question), question);
    let headers = part((question + 1).min(bytes.len()), bytes.len());
    let user = Some(part(start, end));
    Ok(Uri { user, params, headers, ..bare(text, scheme) })
}

/// `urn:service:sos`: the kind is the user and the name the host, as in Kamailio.
fn parse_urn(text: Str, start: usize) -> Result<Uri, UriError> {
    check(&text, start)?;
    let colon = memchr::memchr(b':', &text[start..]).map_or(text.len(), |offset| start + offset);
    let host = part((colon + 1).min(text.len()), text.len());
    let user = Some(part(start, colon));
    Ok(Uri { user, host, ..bare(text, Scheme::Urn) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(Str::from(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn all_parts() {
        let it = uri("sips:alice:se%20cret@[2001:db8::1]:5071;transport=TCP;lr;x=?a=b&c=d");
        assert_eq!(it.scheme(), Scheme::Sips);
        assert_eq!(it.user().unwrap(), "alice");
        assert_eq!(it.password().unwrap(), "se%20cret");
        assert_eq!(it.host(), "[2001:db8::1]");
        assert_eq!((it.port(), it.port_text()), (Some(5071), Str::from("5071")));
        assert_eq!(it.params_text(), "transport=TCP;lr;x=");
        assert_eq!(it.headers_text(), "a=b&c=d");
        assert_eq!(it.param("Transport").unwrap(), "TCP");
        assert_eq!(it.headers().get("c").unwrap(), "d");
        assert!(it.is_loose_route());
        assert_eq!(it.param("x").unwrap(), "");
        assert_eq!(it.protocol(), crate::Protocol::Tls);
    }

    #[test]
    fn users_with_odd_characters() {
        assert_eq!(uri("sip:user;par=u%40example.net@example.com").user().unwrap(), "user;par=u%40example.net");
        assert_eq!(uri("sip:+1;a=b?c=d@x").user().unwrap(), "+1;a=b?c=d");
        assert_eq!(uri("sip:x;y").host(), "x");
        assert_eq!(uri("SIP:x:5060?a=b").headers_text(), "a=b");
        assert_eq!(uri("sip:a:@b").password().unwrap(), "");
        assert_eq!(uri("sip:a b@c").user().unwrap(), "a b");
        assert_eq!(uri("sip:a@b;;x y").params_text(), ";x y");
        assert_eq!((uri("sip:a@b:").port(), uri("sip:a@b:").host()), (None, Str::from("b")));
        assert_eq!(uri("sip:a@b?").headers_text(), "");
    }

    #[test]
    fn tel_and_urn() {
        let it = uri("tel:+1-201-555-0123;phone-context=example.com");
        assert_eq!(it.user().unwrap(), "+1-201-555-0123");
        assert_eq!(it.host(), "");
        assert_eq!(it.param("phone-context").unwrap(), "example.com");
        assert_eq!(uri("tel:1?x=y").headers_text(), "x=y");
        let it = uri("urn:service:sos.fire");
        assert_eq!((it.user().unwrap(), it.host()), (Str::from("service"), Str::from("sos.fire")));
    }

    #[test]
    fn malformed() {
        for bad in [
            "",
            "sip",
            "sip:",
            "sip:@b",
            "sip:a@",
            "sip:a@b:x",
            "sip:a@b:70000",
            "sip:a@[::1",
            "sip:a@[]",
            "sip:a@::1",
            "sip:a@b c",
            "sip:a@b@c",
            "sip:a@b;x=a@d",
            "sip:a@b?x=a@d",
            "<sip:a@b>",
            "sip:a@b/c",
            "sip:a@b!c",
            "tel:",
            ":a",
            "5:a",
            "sip:a:b:c@d",
            "sip:a\r\nX: y@b",
            "sip:a@b;x=\0",
            "sip:a@%41",
        ] {
            assert!(matches!(Uri::parse(Str::from(bad)), Err(UriError::Malformed { .. })), "{bad:?}");
        }
        for unknown in ["http://x", "mailto:a@b", "urn:isbn:1", "nobodyKnowsThisScheme:totallyopaquecontent"] {
            assert_eq!(Uri::parse(Str::from(unknown)).err(), Some(UriError::UnknownScheme), "{unknown}");
        }
    }
}
