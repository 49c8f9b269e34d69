//! `{s.*}` that look at a text as a whole or change letters in it.

use engine::{Str, Value, transformation};

use super::{Rest, map};

/// The number of bytes.
#[transformation("s.len")]
pub(super) fn len(input: Value) -> Value {
    map(&input, |text| Some(text.len()))
}

/// The number that the text is; `$null` when it is none.
#[transformation("s.int")]
pub(super) fn int(input: Value) -> Value {
    map(&input, Str::parse_int)
}

/// The number that the text is; `$null` when it is none.
#[transformation("s.intv")]
pub(super) fn intv(input: Value) -> Value {
    map(&input, Str::parse_int)
}

/// Only the digits.
#[transformation("s.numeric")]
pub(super) fn numeric(input: Value) -> Value {
    map(&input, |text| Some(keep(text, |byte| byte.is_ascii_digit())))
}

/// ASCII letters in lower case.
#[transformation("s.tolower")]
pub(super) fn tolower(input: Value) -> Value {
    map(&input, |text| Some(text.to_ascii_lowercase()))
}

/// ASCII letters in upper case.
#[transformation("s.toupper")]
pub(super) fn toupper(input: Value) -> Value {
    map(&input, |text| Some(text.to_ascii_uppercase()))
}

/// Without blanks, tabs and line ends at both ends.
#[transformation("s.trim")]
pub(super) fn trim(input: Value) -> Value {
    map(&input, |text| Some(text.trim()))
}

/// Without blanks, tabs and line ends at the end.
#[transformation("s.rtrim")]
pub(super) fn rtrim(input: Value) -> Value {
    map(&input, |text| {
        let end = text.iter().rposition(|byte| !is_space(*byte)).map_or(0, |at| at + 1);
        Some(text.slice(..end))
    })
}

/// Without blanks, tabs and line ends at the start.
#[transformation("s.ltrim")]
pub(super) fn ltrim(input: Value) -> Value {
    map(&input, |text| {
        let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
        Some(text.slice(start..))
    })
}

/// Without any blank, tab or line end.
#[transformation("s.rmws")]
pub(super) fn rmws(input: Value) -> Value {
    map(&input, |text| Some(keep(text, |byte| !is_space(byte))))
}

/// Folds of a header undone: each line end with the white space behind it becomes one blank.
#[transformation("s.rmhdws")]
pub(super) fn rmhdws(input: Value) -> Value {
    map(&input, |text| Some(unfold(text, b" ")))
}

/// Folds of a header removed: each line end with the white space behind it goes away.
#[transformation("s.rmhlws")]
pub(super) fn rmhlws(input: Value) -> Value {
    map(&input, |text| Some(unfold(text, b"")))
}

/// Without a pair of double or single quotes around it.
#[transformation("s.unquote")]
pub(super) fn unquote(input: Value) -> Value {
    map(&input, |text| Some(without_ends(text, |pair| matches!(pair, (b'"', b'"') | (b'\'', b'\'')))))
}

/// Without a pair of `()`, `[]`, `{}` or `<>` around it.
#[transformation("s.unbracket")]
pub(super) fn unbracket(input: Value) -> Value {
    let is_pair = |pair| matches!(pair, (b'(', b')') | (b'[', b']') | (b'{', b'}') | (b'<', b'>'));
    map(&input, |text| Some(without_ends(text, is_pair)))
}

/// Every `match` replaced by `replacement`. Both can be variables.
#[transformation("s.replace")]
pub(super) fn replace(input: Value, r#match: Str, replacement: Rest) -> Value {
    map(&input, |text| Some(replace_all(text, &r#match, &replacement.0)))
}

/// Every `match` removed.
#[transformation("s.rm")]
pub(super) fn rm(input: Value, r#match: Rest) -> Value {
    map(&input, |text| Some(replace_all(text, &r#match.0, b"")))
}

/// Lines of `width` characters; each but the first begins with `indent` blanks, each but the last ends with CRLF.
#[transformation("s.fmtlines")]
pub(super) fn fmtlines(input: Value, width: i64, indent: i64) -> Value {
    map(&input, |text| wrapped(text, width, indent, b' '))
}

/// Like `{s.fmtlines}`, with tabs in place of blanks.
#[transformation("s.fmtlinet")]
pub(super) fn fmtlinet(input: Value, width: i64, indent: i64) -> Value {
    map(&input, |text| wrapped(text, width, indent, b'\t'))
}

/// What Kamailio takes for white space.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn keep(text: &[u8], wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    text.iter().copied().filter(|byte| wanted(*byte)).collect()
}

fn without_ends(text: &Str, is_pair: impl Fn((u8, u8)) -> bool) -> Str {
    match **text {
        [first, .., last] if is_pair((first, last)) => text.slice(1..text.len() - 1),
        _ => text.clone(),
    }
}

fn unfold(text: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let end = match &text[at..] {
            [b'\r', b'\n', b' ' | b'\t', ..] => at + 2,
            [b'\r' | b'\n', b' ' | b'\t', ..] => at + 1,
            _ => {
                out.push(text[at]);
                at += 1;
                continue;
            }
        };
        at = sip::scan::skip_while(text, end, |byte| matches!(byte, b' ' | b'\t'));
        out.extend_from_slice(by);
    }
    out
}

fn replace_all(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    if from.is_empty() {
        return text.to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for found in memchr::memmem::find_iter(text, from) {
        out.extend_from_slice(&text[at..found]);
        out.extend_from_slice(to);
        at = found + from.len();
    }
    out.extend_from_slice(&text[at..]);
    out
}

/// A line longer than this makes no sense; it bounds what a small text can grow to.
const MAX_INDENT: usize = 256;

fn wrapped(text: &[u8], width: i64, indent: i64, pad: u8) -> Option<Vec<u8>> {
    let width = usize::try_from(width).ok().filter(|width| *width > 0)?;
    let indent = usize::try_from(indent).ok().filter(|indent| *indent <= MAX_INDENT)?;
    let mut out = Vec::with_capacity(text.len() + (text.len() / width) * (indent + 2));
    for (at, line) in text.chunks(width).enumerate() {
        if at > 0 {
            out.extend_from_slice(b"\r\n");
            out.resize(out.len() + indent, pad);
        }
        out.extend_from_slice(line);
    }
    Some(out)
}
