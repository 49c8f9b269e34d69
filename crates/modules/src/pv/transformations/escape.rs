//! `{s.escape.*}`, `{s.unescape.*}`, `{s.urlencode.param}`, `{s.urldecode.param}`.

use engine::{Value, transformation};
use sip::escape;

use super::map;

/// Quotes, backslash and NUL with a backslash before them.
#[transformation("s.escape.common")]
pub(super) fn common(input: Value) -> Value {
    map(&input, |text| {
        let mut out = Vec::with_capacity(text.len() + 8);
        for byte in text.iter() {
            match byte {
                b'\'' | b'"' | b'\\' => out.extend([b'\\', *byte]),
                0 => out.extend(b"\\0"),
                _ => out.push(*byte),
            }
        }
        Some(out)
    })
}

/// The reverse of `{s.escape.common}`; other backslashes stay.
#[transformation("s.unescape.common")]
pub(super) fn uncommon(input: Value) -> Value {
    map(&input, |text| {
        let plain = |escaped: u8| match escaped {
            b'\'' | b'"' | b'\\' => Some(escaped),
            b'0' => Some(0),
            _ => None,
        };
        Some(unescape(text, plain))
    })
}

/// CR and LF as `\r` and `\n`.
#[transformation("s.escape.crlf")]
pub(super) fn crlf(input: Value) -> Value {
    map(&input, |text| {
        let mut out = Vec::with_capacity(text.len() + 8);
        for byte in text.iter() {
            match byte {
                b'\r' => out.extend(b"\\r"),
                b'\n' => out.extend(b"\\n"),
                _ => out.push(*byte),
            }
        }
        Some(out)
    })
}

/// The reverse of `{s.escape.crlf}`.
#[transformation("s.unescape.crlf")]
pub(super) fn uncrlf(input: Value) -> Value {
    map(&input, |text| {
        let plain = |escaped: u8| match escaped {
            b'r' => Some(b'\r'),
            b'n' => Some(b'\n'),
            _ => None,
        };
        Some(unescape(text, plain))
    })
}

/// As it may stand in the user part of a SIP URI: the rest as `%xx`.
#[transformation("s.escape.user")]
pub(super) fn user(input: Value) -> Value {
    // Kamailio escapes the slash too, which RFC 3261 does not ask for.
    map(&input, |text| Some(percent(text, |byte| byte != b'/' && escape::is_user_byte(byte))))
}

/// `%xx` of a user part resolved; `$null` when an escape is broken or stands for a control character.
#[transformation("s.unescape.user")]
pub(super) fn unuser(input: Value) -> Value {
    map(&input, |text| unpercent(text))
}

/// As it may stand in a parameter of a SIP URI: the rest as `%xx`.
#[transformation("s.escape.param")]
pub(super) fn param(input: Value) -> Value {
    map(&input, |text| Some(percent(text, escape::is_param_byte)))
}

/// `%xx` of a parameter resolved; `$null` when an escape is broken or stands for a control character.
#[transformation("s.unescape.param")]
pub(super) fn unparam(input: Value) -> Value {
    map(&input, |text| unpercent(text))
}

/// As a field of a CSV file (RFC 4180): in double quotes, those inside doubled.
#[transformation("s.escape.csv")]
pub(super) fn csv(input: Value) -> Value {
    map(&input, |text| {
        let mut out = Vec::with_capacity(text.len() + 4);
        out.push(b'"');
        for byte in text.iter() {
            if *byte == b'"' {
                out.push(b'"');
            }
            out.push(*byte);
        }
        out.push(b'"');
        Some(out)
    })
}

/// As the value of a parameter in an HTTP URL.
#[transformation("s.urlencode.param")]
pub(super) fn urlencode(input: Value) -> Value {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    map(&input, |text| Some(percent(text, plain)))
}

/// The value of a parameter of an HTTP URL: `%xx` resolved, `+` is a blank. A broken escape stays as it is.
#[transformation("s.urldecode.param")]
pub(super) fn urldecode(input: Value) -> Value {
    map(&input, |text| {
        let blanks: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        Some(escape::unescape_lossy(&blanks).into_owned())
    })
}

/// A backslash and a character that `plain` knows become what that says.
fn unescape(text: &[u8], plain: impl Fn(u8) -> Option<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let escaped = if text[at] == b'\\' { text.get(at + 1).and_then(|next| plain(*next)) } else { None };
        out.push(escaped.unwrap_or(text[at]));
        at += if escaped.is_some() { 2 } else { 1 };
    }
    out
}

/// `%xx`, in lower case as Kamailio writes it.
fn percent(text: &[u8], plain: impl Fn(u8) -> bool) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut out = Vec::with_capacity(text.len() + 16);
    for byte in text {
        if plain(*byte) {
            out.push(*byte);
        } else {
            out.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    out
}

/// Escaped control characters would let a URI bring line ends into headers.
fn unpercent(text: &[u8]) -> Option<Vec<u8>> {
    let controls = |text: &[u8]| text.iter().filter(|byte| byte.is_ascii_control()).count();
    let plain = escape::unescape(text)?;
    (controls(&plain) == controls(text)).then(|| plain.into_owned())
}
