//! `{s.*}` that take a part of a text.

use engine::transformation::Maybe;
use engine::{CompileEnv, Diagnostic, RouteCx, Str, TransformArg, TransformArgs, Value, transformation};

use super::{Rest, map};

/// A length: 0 stands for all, a negative one is refused.
pub(super) struct Length(i64);

impl TransformArg for Length {
    type Compiled = Maybe<i64>;
    const KIND: &'static str = "length";
    fn compile(args: &mut TransformArgs<'_>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        match i64::compile(args, env)? {
            Maybe::Constant(length) if length < 0 => Err(args.error(format!("the length {length} is negative"))),
            compiled => Ok(compiled),
        }
    }
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Option<Self> {
        i64::eval(compiled, cx).map(Self)
    }
}

/// What stands between fields.
#[derive(Clone, Copy)]
pub(super) enum Separator {
    Byte(u8),
    Spaces,
}

impl Separator {
    const fn matches(self, byte: u8) -> bool {
        match self {
            Self::Byte(separator) => byte == separator,
            Self::Spaces => matches!(byte, b' ' | b'\t' | b'\r' | b'\n'),
        }
    }
}

impl TransformArg for Separator {
    type Compiled = Self;
    const KIND: &'static str = "separator";
    fn compile(args: &mut TransformArgs<'_>, _: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let text = args.rest().unwrap_or_default();
        Ok(match text.as_bytes() {
            [byte] => Self::Byte(*byte),
            b"\\\\" => Self::Byte(b'\\'),
            b"\\t" => Self::Byte(b'\t'),
            b"\\n" => Self::Byte(b'\n'),
            b"\\r" => Self::Byte(b'\r'),
            b"\\w" => Self::Byte(b' '),
            b"\\s" => Self::Spaces,
            _ => return Err(args.error(format!("the separator must be one character, not `{text}`"))),
        })
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Option<Self> {
        Some(*compiled)
    }
}

/// `length` bytes (0: all) from `offset` on; a negative offset counts from the end. `$null` when the offset is outside.
#[transformation("s.substr")]
pub(super) fn substr(input: Value, offset: i64, length: Length) -> Value {
    map(&input, |text| {
        let start = position(offset, text.len())?;
        let end = match usize::try_from(length.0).ok()? {
            0 => text.len(),
            length => start.saturating_add(length),
        };
        Some(text.slice(start..end))
    })
}

/// The field `index` between separators; a negative index counts from the end. The separator is one character or
/// `\\`, `\t`, `\n`, `\r`, `\w` (blank), `\s` (any white space).
#[transformation("s.select")]
pub(super) fn select(input: Value, index: i64, separator: Separator) -> Value {
    map(&input, |text| Some(field(text, index, separator)))
}

/// The field `index` between characters of white space.
#[transformation("s.selectsw")]
pub(super) fn selectsw(input: Value, index: i64) -> Value {
    map(&input, |text| Some(field(text, index, Separator::Spaces)))
}

/// The field `index` between characters of white space.
#[transformation("s.selectws")]
pub(super) fn selectws(input: Value, index: i64) -> Value {
    map(&input, |text| Some(field(text, index, Separator::Spaces)))
}

/// Without the first `length` bytes.
#[transformation("s.strip")]
pub(super) fn strip(input: Value, length: i64) -> Value {
    map(&input, |text| Some(text.slice(usize::try_from(length).unwrap_or(0)..)))
}

/// Without the last `length` bytes.
#[transformation("s.striptail")]
pub(super) fn striptail(input: Value, length: i64) -> Value {
    map(&input, |text| Some(text.slice(..text.len().saturating_sub(usize::try_from(length).unwrap_or(0)))))
}

/// From the first `character` on; empty when it is not there.
#[transformation("s.stripto")]
pub(super) fn stripto(input: Value, character: Rest) -> Value {
    map(&input, |text| Some(find(text, &character, false).map_or(Str::EMPTY, |at| text.slice(at..))))
}

/// What is before the first `character`; all when it is not there.
#[transformation("s.before")]
pub(super) fn before(input: Value, character: Rest) -> Value {
    map(&input, |text| Some(find(text, &character, false).map_or_else(|| text.clone(), |at| text.slice(..at))))
}

/// What is behind the first `character`; empty when it is not there.
#[transformation("s.after")]
pub(super) fn after(input: Value, character: Rest) -> Value {
    map(&input, |text| Some(find(text, &character, false).map_or(Str::EMPTY, |at| text.slice(at + 1..))))
}

/// What is before the last `character`; all when it is not there.
#[transformation("s.rbefore")]
pub(super) fn rbefore(input: Value, character: Rest) -> Value {
    map(&input, |text| Some(find(text, &character, true).map_or_else(|| text.clone(), |at| text.slice(..at))))
}

/// What is behind the last `character`; empty when it is not there.
#[transformation("s.rafter")]
pub(super) fn rafter(input: Value, character: Rest) -> Value {
    map(&input, |text| Some(find(text, &character, true).map_or(Str::EMPTY, |at| text.slice(at + 1..))))
}

/// How often `character` occurs.
#[transformation("s.count")]
pub(super) fn count(input: Value, character: Rest) -> Value {
    map(&input, |text| {
        let wanted = character.0.first();
        Some(wanted.map_or(0, |wanted| text.iter().filter(|byte| *byte == wanted).count()))
    })
}

/// The character at `position` (the first: 0); `$null` when there is none.
#[transformation("s.charat")]
pub(super) fn charat(input: Value, position: i64) -> Value {
    map(&input, |text| {
        let at = usize::try_from(position).ok().filter(|at| *at < text.len())?;
        Some(text.slice(at..=at))
    })
}

/// The number of the byte at `position` (the first: 0); `$null` when there is none.
#[transformation("s.byteat")]
pub(super) fn byteat(input: Value, position: i64) -> Value {
    map(&input, |text| text.get(usize::try_from(position).ok()?).map(|byte| i64::from(*byte)))
}

/// All prefixes with commas between them, the shortest first; none longer than `length`.
#[transformation("s.prefixes")]
pub(super) fn prefixes(input: Value, length: Option<i64>) -> Value {
    map(&input, |text| prefix_list(text, length, b""))
}

/// Like `{s.prefixes}`, each in single quotes.
#[transformation("s.prefixes.quoted")]
pub(super) fn prefixes_quoted(input: Value, length: Option<i64>) -> Value {
    map(&input, |text| prefix_list(text, length, b"'"))
}

/// Where an index points; `None` outside.
fn position(at: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let at = if at < 0 { length.checked_add(at)? } else { at };
    usize::try_from(at).ok().filter(|_| at < length)
}

fn field(text: &Str, index: i64, separator: Separator) -> Str {
    let fields = || text.split(move |byte| separator.matches(*byte));
    let found = match usize::try_from(index) {
        Ok(index) => fields().nth(index),
        // -1 is the last.
        Err(_) => fields().rev().nth(usize::try_from(-(index + 1)).unwrap_or(usize::MAX)),
    };
    found.map_or(Str::EMPTY, |field| text.slice_ref(field))
}

/// Only the first character counts, as in Kamailio.
fn find(text: &[u8], character: &Rest, from_end: bool) -> Option<usize> {
    let wanted = *character.0.first()?;
    if from_end { memchr::memrchr(wanted, text) } else { memchr::memchr(wanted, text) }
}

/// The list grows with the square of the length; a longer one is no phone number.
const MAX_PREFIX: usize = 256;

fn prefix_list(text: &[u8], length: Option<i64>, quote: &[u8]) -> Option<Vec<u8>> {
    let length = length.and_then(|length| usize::try_from(length).ok()).filter(|length| *length > 0);
    let length = length.unwrap_or(text.len()).min(text.len());
    if length > MAX_PREFIX {
        return None;
    }
    let mut out = Vec::with_capacity(length * (length + 1 + 2 * quote.len() + 2) / 2);
    for end in 1..=length {
        if end > 1 {
            out.push(b',');
        }
        out.extend_from_slice(quote);
        out.extend_from_slice(&text[..end]);
        out.extend_from_slice(quote);
    }
    Some(out)
}
