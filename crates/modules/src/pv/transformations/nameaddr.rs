//! `{nameaddr.*}`: `"Name" <uri>`.

use engine::{Str, Value, transformation};

use super::map;

/// The URI; the whole text when there are no angle brackets. `$null` when a bracket or quote does not close.
#[transformation("nameaddr.uri")]
pub(super) fn uri(input: Value) -> Value {
    map(&input, |text| split(text).map(|parts| parts.uri))
}

/// The display name as it is written: with its quotes and the blanks before the `<`.
#[transformation("nameaddr.name")]
pub(super) fn name(input: Value) -> Value {
    map(&input, |text| split(text).map(|parts| parts.name))
}

/// The length of name and address up to the `>`.
#[transformation("nameaddr.len")]
pub(super) fn len(input: Value) -> Value {
    map(&input, |text| split(text).map(|parts| parts.length))
}

struct Parts {
    name: Str,
    uri: Str,
    length: usize,
}

fn split(text: &Str) -> Option<Parts> {
    if text.is_empty() {
        return None;
    }
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = sip::scan::quoted_end(text, at)?,
            b'<' => {
                let close = at + memchr::memchr(b'>', &text[at..])?;
                return Some(Parts { name: text.slice(..at), uri: text.slice(at + 1..close), length: close + 1 });
            }
            _ => at += 1,
        }
    }
    Some(Parts { name: Str::EMPTY, uri: text.clone(), length: text.len() })
}
