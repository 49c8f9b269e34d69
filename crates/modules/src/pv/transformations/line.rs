//! `{line.*}`: the lines of a text, which end with LF or CRLF.

use engine::{Str, Value, transformation};

use super::{Rest, map};

/// How many lines there are, as a text; `$null` for an empty text.
#[transformation("line.count")]
pub(super) fn count(input: Value) -> Value {
    map(&input, |text| (!text.is_empty()).then(|| lines(text).count().to_string()))
}

/// The line at `index` without its end; a negative index counts from the last one. Empty when there is none.
#[transformation("line.at")]
pub(super) fn at(input: Value, index: i64) -> Value {
    map(&input, |text| {
        let found = match usize::try_from(index) {
            Ok(index) => lines(text).nth(index),
            Err(_) => lines(text).rev().nth(usize::try_from(-(index + 1)).unwrap_or(usize::MAX)),
        };
        Some(found.map_or(Str::EMPTY, |line| text.slice_ref(line)))
    })
}

/// The first line that starts with `match`, without its end. Empty when there is none.
#[transformation("line.sw")]
pub(super) fn sw(input: Value, r#match: Rest) -> Value {
    map(&input, |text| {
        let found = lines(text).find(|line| line.starts_with(&r#match.0));
        Some(found.map_or(Str::EMPTY, |line| text.slice_ref(line)))
    })
}

/// A line end at the end of the text begins no further line.
fn lines(text: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}
