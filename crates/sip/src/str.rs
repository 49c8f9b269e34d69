//! Text as SIP has it: a counted slice of bytes that need not be UTF-8.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Bound, Deref, RangeBounds};

use arc_slice::ArcSlice;
use arc_slice::layout::ArcLayout;

/// A counted slice of bytes: usually a piece of a received message, shared with it and not copied.
///
/// SIP text is UTF-8 by RFC 3261 7.1, but what arrives need not be; so this is bytes, with conversions to text that
/// never fail. Cloning and slicing count a reference and copy nothing.
#[derive(Clone)]
pub struct Str(Bytes);

/// Bytes behind their counter in one piece of memory, or bytes of the program.
type Bytes = ArcSlice<[u8], ArcLayout<false, true>>;

impl Str {
    /// The empty text.
    pub const EMPTY: Self = Self(Bytes::from_static(b""));

    /// Text that is part of the program; costs nothing.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// A copy of `bytes` in memory of its own.
    pub fn copy_from(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::EMPTY;
        }
        Self(Bytes::from_slice(bytes))
    }

    /// A decimal number.
    pub fn decimal(number: impl itoa::Integer) -> Self {
        Self::copy_from(itoa::Buffer::new().format(number).as_bytes())
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The part in `range`, shared with this text. A range beyond the end is cut to what exists.
    #[inline]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let start = match range.start_bound() {
            Bound::Included(&at) => at,
            Bound::Excluded(&at) => at.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&at) => at.saturating_add(1),
            Bound::Excluded(&at) => at,
            Bound::Unbounded => self.len(),
        };
        self.part(start, end)
    }

    /// `part` as a text shared with this one; `part` should be a sub-slice of this text (anything else is copied).
    pub fn slice_ref(&self, part: &[u8]) -> Self {
        if part.is_empty() {
            return Self::EMPTY;
        }
        match self.offset_of(part) {
            Some(start) => self.part(start, start + part.len()),
            None => Self::copy_from(part),
        }
    }

    /// Where `part` starts inside this text, when it is a sub-slice of the same memory (not merely equal bytes).
    #[inline]
    pub fn offset_of(&self, part: &[u8]) -> Option<usize> {
        let start = (part.as_ptr() as usize).checked_sub(self.as_ptr() as usize)?;
        (start.checked_add(part.len())? <= self.len()).then_some(start)
    }

    /// As text; bytes that are not UTF-8 become U+FFFD.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self)
    }

    /// As text, when the bytes are UTF-8.
    pub fn as_utf8(&self) -> Option<&str> {
        std::str::from_utf8(self).ok()
    }

    /// Equal when ASCII letters of either case count as the same.
    pub fn eq_ignore_case(&self, other: impl AsRef<[u8]>) -> bool {
        self.as_bytes().eq_ignore_ascii_case(other.as_ref())
    }

    /// Whether this text begins with `prefix`, ASCII letters of either case counting as the same.
    pub fn starts_with_ignore_case(&self, prefix: impl AsRef<[u8]>) -> bool {
        let prefix = prefix.as_ref();
        self.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }

    /// Without white space (space, tab, CR, LF) at either end; shared.
    pub fn trim(&self) -> Self {
        let range = crate::scan::trim_range(self, 0, self.len());
        self.slice(range.0..range.1)
    }

    /// As [`Str::trim`], for a text that is not needed any more: mostly there is nothing to trim, and nothing to count.
    #[inline]
    pub(crate) fn into_trimmed(self) -> Self {
        let (start, end) = crate::scan::trim_range(&self, 0, self.len());
        if end - start == self.len() { self } else { self.slice(start..end) }
    }

    /// The part from `start` to `end`, see [`Str::slice`].
    #[inline]
    pub(crate) fn part(&self, start: usize, end: usize) -> Self {
        let end = end.min(self.len());
        if start >= end {
            return Self::EMPTY;
        }
        Self(self.0.subslice(start..end))
    }

    /// The whole text as a decimal number with an optional sign; `None` when it is anything else or does not fit.
    pub fn parse_int(&self) -> Option<i64> {
        let (negative, digits) = match self.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, &self[..]),
        };
        if digits.is_empty() {
            return None;
        }
        let mut value: i64 = 0;
        for &byte in digits {
            let digit = i64::from(byte.wrapping_sub(b'0'));
            if digit > 9 {
                return None;
            }
            value = value.checked_mul(10)?;
            value = if negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
        }
        Some(value)
    }
}

impl Deref for Str {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Str {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self::copy_from(text.as_bytes())
    }
}

impl From<&[u8]> for Str {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Str {
    fn from(bytes: &[u8; N]) -> Self {
        Self::copy_from(bytes)
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self::copy_from(text.as_bytes())
    }
}

impl From<Vec<u8>> for Str {
    fn from(bytes: Vec<u8>) -> Self {
        Self::copy_from(&bytes)
    }
}

impl From<Cow<'_, str>> for Str {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::from(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

impl Default for Str {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_text())
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<String> for Str {
    fn eq(&self, other: &String) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<[u8]> for Str {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes() == other
    }
}

impl PartialEq<&[u8]> for Str {
    fn eq(&self, other: &&[u8]) -> bool {
        self.as_bytes() == *other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Str {
    fn eq(&self, other: &&[u8; N]) -> bool {
        self.as_bytes() == *other
    }
}

impl PartialEq<Str> for str {
    fn eq(&self, other: &Str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<Str> for &str {
    fn eq(&self, other: &Str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

/// Collects the pieces of a new [`Str`].
#[derive(Debug, Default)]
pub(crate) struct StrBuilder(Vec<u8>);

impl StrBuilder {
    /// An empty builder with room for `size` bytes.
    pub(crate) fn with_capacity(size: usize) -> Self {
        Self(Vec::with_capacity(size))
    }

    /// Adds `piece` at the end.
    pub(crate) fn push(&mut self, piece: impl AsRef<[u8]>) -> &mut Self {
        self.0.extend_from_slice(piece.as_ref());
        self
    }

    /// Adds a decimal number at the end.
    pub(crate) fn push_number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self
    }

    /// The text collected.
    pub(crate) fn build(self) -> Str {
        Str::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn slices_share_and_never_panic() {
        let text = Str::from("INVITE sip:a@b");
        let part = text.slice(7..10);
        assert_eq!(part, "sip");
        assert_eq!(text.offset_of(&part), Some(7));
        assert_eq!(text.slice(12..99), "@b");
        assert_eq!(text.slice(50..60), "");
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = text.slice(9..3);
        assert_eq!(reversed, "");
        assert_eq!(text.slice_ref(&text[7..]).offset_of(&text[7..]), Some(0));
        assert_eq!(text.slice_ref(b"other"), "other");
    }

    #[test]
    fn numbers() {
        assert_eq!(Str::from("42").parse_int(), Some(42));
        assert_eq!(Str::from("-7").parse_int(), Some(-7));
        assert_eq!(Str::from("9223372036854775807").parse_int(), Some(i64::MAX));
        assert_eq!(Str::from("-9223372036854775808").parse_int(), Some(i64::MIN));
        for bad in ["", "-", "4 2", "42abc", "9223372036854775808"] {
            assert_eq!(Str::from(bad).parse_int(), None, "{bad}");
        }
    }

    #[test]
    fn text_forms() {
        let text = Str::from(&b" a\xff\r\n"[..]);
        assert_eq!(text.trim().to_text(), "a\u{fffd}");
        assert_eq!(format!("{text:?}"), r#"" a\xff\r\n""#);
        assert_eq!(format!("{:>4}", Str::from("ab")), "  ab");
        assert!(Str::from("InViTe").eq_ignore_case("INVITE"));
        assert!(Str::from("SIP:x").starts_with_ignore_case(b"sip:"));
    }

    #[test]
    fn keys_of_maps_are_found_by_slice() {
        let map = HashMap::from([(Str::from("k"), 1)]);
        assert_eq!(map.get(&b"k"[..]), Some(&1));
    }
}
