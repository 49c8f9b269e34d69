//! Parameters: `;name=value` lists of headers and URIs (RFC 3261 7.3.1, 25.1 `generic-param`).

use std::fmt;

use smallvec::SmallVec;

use crate::Str;
use crate::scan;

/// A list of parameters, each a name with or without a value. Positions in one shared text; nothing is copied.
#[derive(Clone, Default)]
pub struct Params {
    text: Str,
    list: SmallVec<[Entry; 4]>,
}

#[derive(Clone, Copy)]
struct Entry {
    name: (u32, u32),
    /// Start is `NONE` when there is no `=`.
    value: (u32, u32),
}

const NONE: u32 = u32::MAX;

/// Where a name ends: before the separator, `=`, a quote or white space.
#[inline]
fn end_of_name(bytes: &[u8], start: usize, separator: u8) -> usize {
    let mut at = start;
    loop {
        at = scan::find_any_or_blank(bytes, at, [separator, b'=', b'"']);
        match bytes.get(at) {
            Some(&byte) if byte < b' ' && !scan::is_space(byte) => at += 1,
            _ => return at,
        }
    }
}

/// Where an unquoted value ends: before the separator or white space.
#[inline]
fn end_of_value(bytes: &[u8], start: usize, separator: u8) -> usize {
    let mut at = start;
    loop {
        at = scan::find_or_blank(bytes, at, separator);
        match bytes.get(at) {
            Some(&byte) if byte != separator && !scan::is_space(byte) => at += 1,
            _ => return at,
        }
    }
}

/// One parameter as bytes of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The name as written.
    pub name: &'a [u8],
    /// The value without quotes, `None` when there is no `=`. Escapes inside a quoted value stay as they are.
    pub value: Option<&'a [u8]>,
}

impl Params {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses a list that is separated by `separator`; a separator at the start is skipped. `None` when malformed: a
    /// name is missing before `=`, a quoted value does not close, or white space is inside of a name or value.
    pub fn parse_separated(text: Str, separator: u8) -> Option<Self> {
        let mut params = Self { text, list: SmallVec::new() };
        params.fill(separator)?;
        Some(params)
    }

    /// Parses a `;` list as it follows a header value: `;tag=1;lr`.
    #[inline]
    pub fn parse(text: Str) -> Option<Self> {
        let mut params = Self { text, list: SmallVec::new() };
        if !params.text.is_empty() {
            params.fill_semicolons()?;
        }
        Some(params)
    }

    /// Splits at every `separator` and at the first `=` of each piece: URIs know neither quotes nor white space. Empty
    /// pieces are left out. Nothing is malformed.
    pub fn split(text: Str, separator: u8) -> Self {
        let mut list = SmallVec::new();
        let mut start = 0;
        for piece in text.split(|&byte| byte == separator) {
            let end = start + piece.len();
            let equals = memchr::memchr(b'=', piece).map(|at| start + at);
            let value = equals.map_or((NONE, NONE), |at| (at as u32 + 1, end as u32));
            if !piece.is_empty() {
                list.push(Entry { name: (start as u32, equals.unwrap_or(end) as u32), value });
            }
            start = end + 1;
        }
        Self { text, list }
    }

    #[inline(never)]
    fn fill_semicolons(&mut self) -> Option<()> {
        if self.fill_plain() {
            return Some(());
        }
        self.list.clear();
        self.fill(b';')
    }

    /// A `;` list without quotes, white space and empty places, as nearly all are; `false`: it is another one.
    #[inline(always)]
    fn fill_plain(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        if bytes.len() >= NONE as usize {
            return false;
        }
        let mut start = usize::from(bytes.first() == Some(&b';'));
        let mut stops = scan::Positions::new(bytes, start, |block| {
            block.equal(b';').or(block.equal(b'=')).or(block.equal(b'"')).or(block.at_most(b' '))
        });
        loop {
            let mut stop = stops.next().unwrap_or(bytes.len());
            let name = (start as u32, stop as u32);
            let mut value = (NONE, NONE);
            if stop == start {
                return false;
            }
            if bytes.get(stop) == Some(&b'=') {
                let value_start = stop + 1;
                while bytes.get(stop) == Some(&b'=') {
                    stop = stops.next().unwrap_or(bytes.len());
                }
                value = (value_start as u32, stop as u32);
            }
            if bytes.get(stop).is_some_and(|&byte| byte != b';') {
                return false;
            }
            self.list.push(Entry { name, value });
            if stop == bytes.len() {
                return true;
            }
            start = stop + 1;
        }
    }

    #[inline(never)]
    fn fill(&mut self, separator: u8) -> Option<()> {
        let bytes = self.text.as_bytes();
        if bytes.len() >= NONE as usize {
            return None;
        }
        let byte_at = |at: usize| bytes.get(at).copied();
        let is_end = |at: usize| byte_at(at).is_none_or(|byte| byte == separator);
        let mut at = 0;
        loop {
            while byte_at(at).is_some_and(|byte| byte == separator || scan::is_space(byte)) {
                at += 1;
            }
            if at >= bytes.len() {
                return Some(());
            }
            let name_start = at;
            at = end_of_name(bytes, at, separator);
            let name = (name_start, at);
            if name_start == at {
                return None;
            }
            at = scan::skip_space(bytes, at);
            let mut value = (NONE as usize, NONE as usize);
            if byte_at(at) == Some(b'=') {
                at = scan::skip_space(bytes, at + 1);
                if byte_at(at) == Some(b'"') {
                    let end = scan::quoted_end(bytes, at)?;
                    value = (at + 1, end - 1);
                    at = end;
                } else {
                    let start = at;
                    at = end_of_value(bytes, at, separator);
                    value = (start, at);
                }
                at = scan::skip_space(bytes, at);
            }
            if !is_end(at) {
                return None;
            }
            self.list.push(Entry { name: (name.0 as u32, name.1 as u32), value: (value.0 as u32, value.1 as u32) });
        }
    }

    /// The list as written.
    pub fn text(&self) -> &Str {
        &self.text
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many parameters there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    fn bytes(&self, range: (u32, u32)) -> &[u8] {
        self.text.get(range.0 as usize..range.1 as usize).unwrap_or_default()
    }

    fn entry(&self, entry: &Entry) -> Param<'_> {
        let value = (entry.value.0 != NONE).then(|| self.bytes(entry.value));
        Param { name: self.bytes(entry.name), value }
    }

    /// Whether `entry` is called `name`. Most that are not differ in length or in the first letter.
    #[inline]
    fn is_called(&self, entry: &Entry, name: &[u8]) -> bool {
        let own = self.bytes(entry.name);
        let letter = |text: &[u8]| text.first().map(u8::to_ascii_lowercase);
        own.len() == name.len() && letter(own) == letter(name) && (own == name || own.eq_ignore_ascii_case(name))
    }

    /// The first entry called `name`.
    fn find_entry(&self, name: &[u8]) -> Option<&Entry> {
        self.list.iter().find(|entry| self.is_called(entry, name))
    }

    /// The last parameter called `name` (letters of either case).
    pub(crate) fn find_last(&self, name: &[u8]) -> Option<Param<'_>> {
        self.list.iter().rev().find(|entry| self.is_called(entry, name)).map(|entry| self.entry(entry))
    }

    /// The parameters in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Param<'_>> {
        self.list.iter().map(|entry| self.entry(entry))
    }

    /// The first parameter called `name` (letters of either case).
    pub fn find(&self, name: impl AsRef<[u8]>) -> Option<Param<'_>> {
        self.find_entry(name.as_ref()).map(|entry| self.entry(entry))
    }

    /// The value of the parameter called `name` (letters of either case), without quotes; the empty text when it has
    /// no value; `None` when it is missing.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<Str> {
        self.find(name).map(|param| self.text.slice_ref(param.value.unwrap_or_default()))
    }

    /// Whether there is a parameter called `name` (letters of either case).
    pub fn has(&self, name: impl AsRef<[u8]>) -> bool {
        self.find(name).is_some()
    }

    /// A decimal value of the parameter called `name`.
    pub fn number(&self, name: impl AsRef<[u8]>) -> Option<u32> {
        scan::number(self.find(name)?.value?)
    }

    /// The range of the whole parameter `name` inside [`Params::text`]: from its name to the end of its value, quotes
    /// included, without the separator before it.
    pub fn range_of(&self, name: impl AsRef<[u8]>) -> Option<std::ops::Range<usize>> {
        let entry = self.find_entry(name.as_ref())?;
        let mut end = if entry.value.0 == NONE { entry.name.1 } else { entry.value.1 } as usize;
        let quoted =
            entry.value.0 != NONE && entry.value.0 > 0 && self.text.get(entry.value.0 as usize - 1) == Some(&b'"');
        if quoted {
            end += 1;
        }
        Some(entry.name.0 as usize..end)
    }
}

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Params {}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|param| {
                let value = param.value.map(|value| value.escape_ascii().to_string());
                (param.name.escape_ascii().to_string(), value)
            }))
            .finish()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Params> {
        Params::parse(Str::from(text))
    }

    #[test]
    fn names_values_and_quotes() {
        let params = parse(";tag=1928;lr ; Q = 0.5;name=\"a;b\\\"c\";e=").unwrap();
        assert_eq!(params.len(), 5);
        assert_eq!(params.get("TAG").unwrap(), "1928");
        assert_eq!(params.get("lr").unwrap(), "");
        assert_eq!(params.find("lr").unwrap().value, None);
        assert_eq!(params.get("q").unwrap(), "0.5");
        assert_eq!(params.get("name").unwrap(), "a;b\\\"c");
        assert_eq!(params.find("e").unwrap().value, Some(&b""[..]));
        assert_eq!(params.get("x"), None);
        assert_eq!(params.range_of("name"), Some(23..36));
        assert_eq!(params.number("tag"), Some(1928));
    }

    #[test]
    fn plain_lists_are_read_as_others_are() {
        let parts = ["", "a", "bc=", "d=e=f", "g=h", "=i", "j k", "l=\"m\"", "n=o\"p", "\u{1}q", "r=\u{1}"];
        for first in parts {
            for second in parts {
                for text in [format!("{first};{second}"), format!(";{first};{second};"), first.to_string()] {
                    let text = Str::from(text);
                    assert_eq!(Params::parse(text.clone()), Params::parse_separated(text.clone(), b';'), "{text}");
                }
            }
        }
    }

    #[test]
    fn lenient_and_strict() {
        assert_eq!(parse("").unwrap().len(), 0);
        assert_eq!(parse(";;a;").unwrap().len(), 1);
        let split = Params::split(Str::from(";a=b c;;d=\"e;f=g=h"), b';');
        assert_eq!(split.len(), 3);
        assert_eq!(split.get("a").unwrap(), "b c");
        assert_eq!(split.get("d").unwrap(), "\"e");
        assert_eq!(split.get("f").unwrap(), "g=h");
        for bad in [";=x", ";a=\"b", ";a=\"b\"c", ";a b", ";a\"x\"", ";a=b c"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
