//! The Record-Route parameters `vsf` and `vst`: from one URI and the parameter's value follows the other one. The format
//! is Kamailio's, so that dialogs that began there go on here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::Str;

/// Longest value that is looked at.
const MAX_LENGTH: usize = 2048;

/// The bytes of one URI combined with those of the other, the shorter one filled up with zeros, and with the password as
/// often as it fits.
fn combine(left: &[u8], right: &[u8], password: &[u8]) -> Vec<u8> {
    let at = |text: &[u8], place: usize| text.get(place).copied().unwrap_or(0);
    let mixed = |place: usize| if password.is_empty() { 0 } else { password[place % password.len()] };
    (0..left.len().max(right.len())).map(|place| at(left, place) ^ at(right, place) ^ mixed(place)).collect()
}

/// The parameter's value for two URIs.
pub(super) fn encode(old: &[u8], new: &[u8], password: &[u8]) -> String {
    // `=` is not allowed in a value.
    STANDARD.encode(combine(old, new, password)).replace('=', "-")
}

/// Why there is no other URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The value is not of our making.
    Value,
    /// The URI is not one of the two: an endpoint or another server changed it.
    Uri,
}

/// The other URI.
pub(super) fn decode(value: &[u8], current: &[u8], password: &[u8]) -> Result<Str, Unreadable> {
    if value.len() > MAX_LENGTH {
        return Err(Unreadable::Value);
    }
    let text: Vec<u8> = value.iter().map(|byte| if *byte == b'-' { b'=' } else { *byte }).collect();
    let stored = STANDARD.decode(text).map_err(|_| Unreadable::Value)?;
    if stored.len() < current.len() {
        return Err(Unreadable::Uri);
    }
    let mut other = combine(&stored, current, password);
    while other.last() == Some(&0) {
        other.pop();
    }
    let plain = |byte: &u8| *byte > b' ' && *byte != 0x7f && !matches!(byte, b'<' | b'>' | b'"');
    if other.is_empty() || !other.iter().all(plain) {
        return Err(Unreadable::Uri);
    }
    Ok(Str::from(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Kamailio 5.6.3 writes.
    #[test]
    fn values_of_kamailio() {
        for (old, new, password, value) in [
            ("sip:alice@a.com", "sip:bob@b.com", "", "AAAAAAMDCyMHbgJBDm9t"),
            ("sip:a@b", "sip:alice.long.name@a.com", "", "AAAAAAAsC2NlLmxvbmcubmFtZUBhLmNvbQ--"),
            ("sip:aq@b", "sip:aO@b", "", "AAAAAAA+AAA-"),
            ("sip:aq@b", "sip:aN@b", "", "AAAAAAA/AAA-"),
            ("sip:alice@a.com", "sip:bob@b.com", "secret", "c2VjcmZ3eEZkHGc1fQoO"),
            ("sip:a@b", "sip:alice.long.name@a.com", "secret", "c2VjcmVYeAYGXAkbHQJNHAQZFiUCXAYbHg--"),
            ("sip:b@x", "sip:b@x", "secret", "c2VjcmV0cw--"),
        ] {
            let (old, new, password) = (old.as_bytes(), new.as_bytes(), password.as_bytes());
            assert_eq!(encode(old, new, password), value);
            assert_eq!(decode(value.as_bytes(), new, password).unwrap(), Str::copy_from(old));
            assert_eq!(decode(value.as_bytes(), old, password).unwrap(), Str::copy_from(new));
        }
    }

    #[test]
    fn others() {
        assert_eq!(decode(b"!!", b"sip:a@b", b""), Err(Unreadable::Value));
        assert_eq!(decode(b"AAAA", b"sip:a@b", b""), Err(Unreadable::Uri));
        assert_eq!(decode(b"AAAAAAMDCyMHbgJBDm9t", b"sip:x@y", b""), Err(Unreadable::Uri));
        assert_eq!(decode(b"", b"", b""), Err(Unreadable::Uri));
        assert_eq!(decode(&[b'A'; 4000], b"sip:x@y", b""), Err(Unreadable::Value));
    }
}
