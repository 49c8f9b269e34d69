//! Small steps over bytes that the parsers share. Positions are clamped, so nothing here can panic.

use crate::Str;
use crate::block::{self, Block};

/// Whether `byte` is white space inside a header value: space, tab, or part of a folded line end.
pub const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether `byte` may be in a token (RFC 3261 25.1).
#[inline]
pub fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// A table, because every byte of every header name goes through it.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        byte += 1;
    }
    table
};

/// The first position at or after `from` that fits; the length when there is none.
#[inline]
fn find(bytes: &[u8], from: usize, fits: impl Fn(Block) -> Block) -> usize {
    let (chunks, tail) = bytes.get(from..).unwrap_or_default().as_chunks();
    let mut at = from;
    for &chunk in chunks {
        let found = fits(Block::of(chunk)).bits();
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += chunk.len();
    }
    if tail.is_empty() {
        return bytes.len();
    }
    let found = match bytes.last_chunk() {
        Some(&last) => fits(Block::of(last)).bits() >> (block::LENGTH - tail.len()),
        None => fits(Block::of_short(tail)).bits(),
    };
    // The first that fits may be in the zeros behind the end.
    bytes.len().min(at + found.trailing_zeros() as usize)
}

/// All positions that fit, in order: each byte is compared once, however close together they are.
pub(crate) struct Positions<'a, F> {
    bytes: &'a [u8],
    fits: F,
    chunks: std::slice::Iter<'a, [u8; block::LENGTH]>,
    tail: usize,
    /// Where the next block starts.
    next: usize,
    /// What fits in the block before that and was not handed out yet.
    bits: u32,
}

impl<'a, F: Fn(Block) -> Block> Positions<'a, F> {
    /// Those at or after `from`.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], from: usize, fits: F) -> Self {
        let (chunks, tail) = bytes.get(from..).unwrap_or_default().as_chunks();
        Self { bytes, fits, chunks: chunks.iter(), tail: tail.len(), next: from, bits: 0 }
    }

    /// The bits of the bytes behind the last whole block; each time that it is called none are left.
    #[inline]
    fn take_tail(&mut self) -> u32 {
        let length = std::mem::take(&mut self.tail);
        let (before, tail) = self.bytes.split_at(self.bytes.len() - length);
        if before.is_empty() || self.bytes.len() < block::LENGTH {
            return (self.fits)(Block::of_short(tail)).bits() & ((1 << length) - 1);
        }
        self.bytes.last_chunk().map_or(0, |&last| (self.fits)(Block::of(last)).bits() >> (block::LENGTH - length))
    }
}

impl<F: Fn(Block) -> Block> Iterator for Positions<'_, F> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            self.bits = match self.chunks.next() {
                Some(&chunk) => (self.fits)(Block::of(chunk)).bits(),
                None if self.tail == 0 => return None,
                None => self.take_tail(),
            };
            self.next += block::LENGTH;
        }
        let place = self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(self.next - block::LENGTH + place)
    }
}

/// The first position of `byte` at or after `from`; the length when there is none. Made for short texts. One copy for all
/// callers: every message comes by many of them once, and they would fill the instruction cache.
#[inline(never)]
pub(crate) fn find_byte(bytes: &[u8], from: usize, byte: u8) -> usize {
    find(bytes, from, |block| block.equal(byte))
}

/// The first position of `stop` or of a byte up to the space (0 to 32) at or after `from`; the length when there is none.
#[inline]
pub(crate) fn find_or_blank(bytes: &[u8], from: usize, stop: u8) -> usize {
    find(bytes, from, |block| block.equal(stop).or(block.at_most(b' ')))
}

/// The first position of any of three bytes or of a byte up to the space (0 to 32) at or after `from`; the length when there
/// is none.
#[inline]
pub(crate) fn find_any_or_blank(bytes: &[u8], from: usize, any: [u8; 3]) -> usize {
    let [a, b, c] = any;
    find(bytes, from, |block| block.equal(a).or(block.equal(b)).or(block.equal(c)).or(block.at_most(b' ')))
}

/// The first position of `one`, a control character or DEL at or after `from`; the length when there is none.
#[inline(never)]
pub(crate) fn find_or_control(bytes: &[u8], from: usize, one: u8) -> usize {
    find(bytes, from, |block| block.equal(one).or(block.equal(0x7f)).or(block.at_most(b' ' - 1)))
}

/// The first position of any of three bytes at or after `from`; the length when there is none.
#[inline]
pub(crate) fn find_any(bytes: &[u8], from: usize, any: [u8; 3]) -> usize {
    find(bytes, from, |block| block.equal(any[0]).or(block.equal(any[1])).or(block.equal(any[2])))
}

/// The position after the next line feed at or after `from`.
#[inline]
pub(crate) fn after_line_feed(bytes: &[u8], from: usize) -> Option<usize> {
    line_length(bytes.get(from..)?).map(|length| from + length)
}

/// How long the line at the start of `bytes` is, with its line feed; `None` when there is none.
#[inline]
pub(crate) fn line_length(bytes: &[u8]) -> Option<usize> {
    let found = find(bytes, 0, |block| block.equal(b'\n'));
    (found < bytes.len()).then_some(found + 1)
}

/// Whether `byte` may be in a host name or an IPv4 address. Underscores are against the rules for host names and common
/// in practice.
#[inline]
pub(crate) fn is_host(byte: u8) -> bool {
    HOST[usize::from(byte)]
}

static HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        byte += 1;
    }
    table
};

/// The first position at or after `from` that is not white space.
#[inline]
pub fn skip_space(bytes: &[u8], from: usize) -> usize {
    // Mostly there is none.
    if bytes.get(from).is_none_or(|&byte| byte > b' ') { from } else { skip_spaces(bytes, from) }
}

#[inline(never)]
fn skip_spaces(bytes: &[u8], from: usize) -> usize {
    skip_while(bytes, from, is_space)
}

/// The first position at or after `from` whose byte is not `wanted`.
#[inline]
pub fn skip_while(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len())
}

/// `start..end` of `bytes` without white space at either end; when there is nothing else, an empty range at `start`.
#[inline]
pub fn trim_range(bytes: &[u8], start: usize, end: usize) -> (usize, usize) {
    let mut end = end.min(bytes.len());
    let mut start = start.min(end);
    while end > start && is_space(bytes[end - 1]) {
        end -= 1;
    }
    while start < end && is_space(bytes[start]) {
        start += 1;
    }
    (start, end)
}

/// `bytes` without white space at either end.
#[inline]
pub fn trim(bytes: &[u8]) -> &[u8] {
    let (start, end) = trim_range(bytes, 0, bytes.len());
    &bytes[start..end]
}

/// The position after the quoted string that opens at `from` (which must hold `"`); `None` when it does not close.
/// A backslash takes the meaning of the byte after it (RFC 3261 25.1 `quoted-string`).
pub fn quoted_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// A decimal number of digits only; `None` when empty, too large or anything else.
#[inline]
pub fn number<T: TryFrom<u64>>(bytes: &[u8]) -> Option<T> {
    let value = if bytes.len() < 20 { few_digits(bytes)? } else { many_digits(bytes)? };
    T::try_from(value).ok()
}

/// Of up to 19 digits, which always fit.
#[inline]
fn few_digits(bytes: &[u8]) -> Option<u64> {
    let mut value: u64 = 0;
    for &byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    (!bytes.is_empty()).then_some(value)
}

/// Of 20 digits, which may fit.
#[cold]
fn many_digits(bytes: &[u8]) -> Option<u64> {
    let (first, last) = bytes.split_at_checked(19)?;
    let &[last] = last else { return None };
    few_digits(first)?.checked_mul(10)?.checked_add(few_digits(&[last])?)
}

/// Where the next `separator` is at or after `from`, outside quoted strings and `<...>`; the length when there is none.
/// An unclosed quote or bracket runs to the end.
pub fn find_outside(bytes: &[u8], from: usize, separator: u8) -> usize {
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            _ if byte == separator => return at,
            b'"' => at = quoted_end(bytes, at).unwrap_or(bytes.len()),
            b'<' => match find_byte(bytes, at, b'>') {
                end if end < bytes.len() => at = end + 1,
                _ => return bytes.len(),
            },
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The values of a comma separated header as trimmed ranges; empty ones are left out (RFC 3261 7.3.1).
pub fn split_commas(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let end = find_outside(bytes, at, b',');
            let (start, trimmed_end) = trim_range(bytes, at, end);
            at = end + 1;
            if start < trimmed_end {
                return Some((start, trimmed_end));
            }
        }
        None
    })
}

/// Calls `each` with the values of a comma separated header, as [`split_commas`] finds them, until it answers `None`.
#[inline]
pub(crate) fn for_each_value(text: Str, mut each: impl FnMut(Str) -> Option<()>) -> Option<()> {
    if find_byte(&text, 0, b',') == text.len() {
        let value = text.into_trimmed();
        return if value.is_empty() { Some(()) } else { each(value) };
    }
    for (start, end) in split_commas(&text) {
        each(text.part(start, end))?;
    }
    Some(())
}

/// The value of the first Call-ID header (`Call-ID:` or `i:`) of a message that was not parsed yet: a cheap look at the
/// line starts of the header section, for who must know which call a message belongs to before anything else.
pub fn call_id(message: &[u8]) -> Option<&[u8]> {
    // Empty lines may stand before the start line (RFC 3261 7.5).
    let start = skip_while(message, 0, |byte| matches!(byte, b'\r' | b'\n'));
    let mut line_feeds = Positions::new(message, start, |block| block.equal(b'\n'));
    loop {
        let at = line_feeds.next()? + 1;
        let name_length = match message.get(at)? {
            b'c' | b'C' if is_call_id(message.get(at..at + 7)?) => 7,
            b'i' | b'I' => 1,
            b'\n' => return None,
            b'\r' if message.get(at + 1) == Some(&b'\n') => return None,
            _ => continue,
        };
        let line = message.get(at..)?;
        let colon = skip_while(line, name_length, |byte| matches!(byte, b' ' | b'\t'));
        if line.get(colon) == Some(&b':') {
            return Some(trim(header_value(&line[colon + 1..])));
        }
    }
}

/// Whether seven bytes are `call-id` in letters of either case.
fn is_call_id(name: &[u8]) -> bool {
    const CALL_ID: u64 = u64::from_le_bytes(*b"call-id\0");
    // What makes letters lower-case, at their places.
    const FOLD: u64 = u64::from_le_bytes([0x20, 0x20, 0x20, 0x20, 0, 0x20, 0x20, 0]);
    let &[a, b, c, d, e, f, g] = name else { return false };
    u64::from_le_bytes([a, b, c, d, e, f, g, 0]) | FOLD == CALL_ID
}

/// A header's value up to the end of its line; a line that starts with white space belongs to the one before.
fn header_value(rest: &[u8]) -> &[u8] {
    let mut end = 0;
    while let Some(after) = after_line_feed(rest, end) {
        end = after;
        if !matches!(rest.get(end), Some(b' ' | b'\t')) {
            return &rest[..end];
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_one_byte_after_the_other() {
        let text: Vec<u8> = (0..100_usize).map(|at| if at % 7 == 3 || at % 16 == 15 { b'\n' } else { b'x' }).collect();
        for end in 0..text.len() {
            for from in 0..=end {
                let expected: Vec<usize> = (from..end).filter(|&at| text[at] == b'\n').collect();
                let found = Positions::new(&text[..end], from, |block| block.equal(b'\n'));
                assert_eq!(found.collect::<Vec<_>>(), expected, "{from}..{end}");
            }
        }
        let blanks = |text: &'static [u8]| Positions::new(text, 0, |block| block.at_most(b' ')).collect::<Vec<_>>();
        assert_eq!(blanks(b"a b"), [1]);
        assert_eq!(Positions::new(b"x", 2, |block| block.equal(b'x')).next(), None);
    }

    #[test]
    fn numbers_are_strict() {
        assert_eq!(number::<u16>(b"5060"), Some(5060));
        assert_eq!(number::<u16>(b"65536"), None);
        assert_eq!(number::<u32>(b""), None);
        assert_eq!(number::<u32>(b"1x"), None);
        assert_eq!(number::<u64>(b"9999999999999999999"), Some(9_999_999_999_999_999_999));
        assert_eq!(number::<u64>(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number::<u64>(b"18446744073709551616"), None);
        assert_eq!(number::<u64>(b"1844674407370955161x"), None);
        assert_eq!(number::<u64>(b"99999999999999999999"), None);
        assert_eq!(number::<u64>(b"000000000000000000001"), None);
    }

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        let value = br#"<sip:a,b@c>, "x, \" y" <sip:d> ,, e"#;
        let parts: Vec<&[u8]> = split_commas(value).map(|(start, end)| &value[start..end]).collect();
        assert_eq!(parts, [&b"<sip:a,b@c>"[..], br#""x, \" y" <sip:d>"#, b"e"]);
        assert_eq!(find_outside(b"\"unclosed, x", 0, b','), 12);
        assert_eq!(quoted_end(b"\"a\\", 0), None);
    }

    #[test]
    fn the_call_of_a_message_is_found_without_parsing_it() {
        let start = "INVITE sip:Call-ID:x@h SIP/2.0\r\n";
        for (text, expected) in [
            ("Via: v\r\nCall-ID: a@b\r\nCSeq: 1 INVITE\r\n\r\n", Some("a@b")),
            ("cALL-iD \t:  a b \r\n\r\n", Some("a b")),
            ("Identity: x\r\nCall-Info: y\r\nI:z\r\nCall-ID: later\r\n\r\n", Some("z")),
            ("X: 1\nCall-ID: lf\n\n", Some("lf")),
            ("Call-ID:\r\n\tfolded\r\n two\r\nCSeq: 1\r\n\r\n", Some("folded\r\n two")),
            ("Call-ID:\r\nCSeq: 1\r\n\r\n", Some("")),
            ("Call-ID: cut", Some("cut")),
            ("Call-ID", None),
            ("Subject: x\r\n\r\nCall-ID: body\r\n", None),
            ("Subject: x\n\nCall-ID: body\r\n", None),
            ("", None),
        ] {
            let message = format!("{start}{text}");
            assert_eq!(call_id(message.as_bytes()), expected.map(str::as_bytes), "{text:?}");
            assert_eq!(call_id(format!("\r\n\r\n{message}").as_bytes()), expected.map(str::as_bytes));
        }
        assert_eq!(call_id(b""), None);
        assert_eq!(call_id(b"\r\n\r\n"), None);
        assert_eq!(call_id(b"Call-ID: the start line is no header"), None);
    }
}
