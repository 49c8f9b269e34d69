//! Percent escapes (RFC 3261 19.1.2, 25.1; RFC 3986 2.1).

use std::borrow::Cow;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Whether `byte` may stand unescaped in the user part (`unreserved` and `user-unreserved` of RFC 3261 25.1).
pub const fn is_user_byte(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/')
}

/// Whether `byte` may stand unescaped in a parameter (`unreserved` and `param-unreserved` of RFC 3261 25.1).
pub const fn is_param_byte(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$')
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

/// `text` with every byte that `plain` refuses written as `%XX`.
pub fn escape(text: &[u8], plain: impl Fn(u8) -> bool) -> Cow<'_, [u8]> {
    if text.iter().all(|&byte| plain(byte)) {
        return Cow::Borrowed(text);
    }
    let mut escaped = Vec::with_capacity(text.len() + 16);
    for &byte in text {
        if plain(byte) {
            escaped.push(byte);
        } else {
            escaped.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    Cow::Owned(escaped)
}

/// `text` as it may stand in the user part of a URI.
pub fn escape_user(text: &[u8]) -> Cow<'_, [u8]> {
    escape(text, is_user_byte)
}

/// `text` as it may stand in a parameter of a URI.
pub fn escape_param(text: &[u8]) -> Cow<'_, [u8]> {
    escape(text, is_param_byte)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The byte that the three bytes at the start of `text` stand for, if they are an escape.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    match text {
        [b'%', high, low, ..] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
        _ => None,
    }
}

/// `text` with its escapes resolved; `None` when a `%` is not followed by two hexadecimal digits.
pub fn unescape(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr::memchr(b'%', text).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'%' {
            plain.push(escaped_byte(&text[at..])?);
            at += 3;
        } else {
            plain.push(byte);
            at += 1;
        }
    }
    Some(Cow::Owned(plain))
}

/// `text` with its escapes resolved; what is not a proper escape stays as it is.
pub fn unescape_lossy(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(unescaped_bytes(text).collect())
}

fn unescaped_bytes(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let &byte = text.get(at)?;
        if let Some(plain) = escaped_byte(&text[at..]) {
            at += 3;
            return Some(plain);
        }
        at += 1;
        Some(byte)
    })
}

/// Whether both texts are the same once their escapes are resolved.
pub fn same_unescaped(left: &[u8], right: &[u8]) -> bool {
    left == right || unescaped_bytes(left).eq(unescaped_bytes(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        for escaped in [escape_user(&all), escape_param(&all)] {
            assert_eq!(unescape(&escaped).unwrap(), all);
            assert_eq!(unescape_lossy(&escaped), all);
        }
        assert!(matches!(escape_user(b"alice"), Cow::Borrowed(_)));
        assert_eq!(&escape_user(b"a b@c")[..], b"a%20b%40c");
    }

    #[test]
    fn broken_escapes() {
        for bad in [&b"%"[..], b"%4", b"%4g", b"a%zz"] {
            assert!(unescape(bad).is_none());
            assert_eq!(unescape_lossy(bad), bad);
        }
        assert!(same_unescaped(b"%61lice", b"alic%65"));
        assert!(!same_unescaped(b"Alice", b"alice"));
    }
}
