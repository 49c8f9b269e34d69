//! What stands in a cell of a table.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `NULL`
    #[default]
    Null,
    /// A whole number of any width.
    Int(i64),
    /// A number with a fraction; decimals too.
    Double(f64),
    /// Text. What is no UTF-8 was replaced.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// A date with a time of day, as seconds since 1970. Servers keep it as local time, as Kamailio does.
    Time(i64),
}

impl Value {
    /// Text out of a message: bytes that are no UTF-8, and NUL (PostgreSQL refuses it), become U+FFFD.
    #[must_use]
    pub fn text(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self::Text(if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.into_owned() })
    }

    /// Text, or `NULL` when there is none.
    #[must_use]
    pub fn text_or_null(bytes: Option<impl AsRef<[u8]>>) -> Self {
        bytes.map_or(Self::Null, |bytes| Self::text(bytes.as_ref()))
    }

    /// True for `NULL`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The number in the cell; text counts when it is a number.
    #[must_use]
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) | Self::Time(number) => Some(*number),
            Self::Double(number) if number.is_finite() => Some(*number as i64),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Double(_) | Self::Blob(_) => None,
        }
    }

    /// The number in the cell; text counts when it is a number.
    #[must_use]
    pub fn to_double(&self) -> Option<f64> {
        match self {
            Self::Double(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => self.to_int().map(|number| number as f64),
        }
    }

    /// Seconds since 1970: of a date, of a number, of text in the form `2026-11-22 10:00:00`.
    #[must_use]
    pub fn to_time(&self) -> Option<i64> {
        match self {
            Self::Text(text) => parse_civil(text),
            _ => self.to_int(),
        }
    }

    /// The cell as text; `None` for `NULL`.
    #[must_use]
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::Int(number) => Some(Cow::Owned(number.to_string())),
            Self::Double(number) => Some(Cow::Owned(number.to_string())),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Blob(bytes) => Some(String::from_utf8_lossy(bytes)),
            Self::Time(seconds) => Some(Cow::Owned(civil_text(*seconds))),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text.as_bytes())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text.as_bytes())
    }
}

/// The local date and time of a moment.
pub(crate) fn civil(seconds: i64) -> DateTime {
    let timestamp = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(TimeZone::system()).datetime()
}

/// The moment of a local date and time.
pub(crate) fn from_civil(civil: DateTime) -> Option<i64> {
    TimeZone::system().to_timestamp(civil).ok().map(jiff::Timestamp::as_second)
}

/// `2026-11-22 10:00:00`, local time.
#[must_use]
pub fn civil_text(seconds: i64) -> String {
    civil(seconds).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The other direction of [`civil_text`]; fractions of a second are dropped.
#[must_use]
pub fn parse_civil(text: &str) -> Option<i64> {
    text.trim().parse::<DateTime>().ok().and_then(from_civil)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_there_and_back() {
        let text = civil_text(1_900_000_000);
        assert_eq!(parse_civil(&text), Some(1_900_000_000));
        assert_eq!(Value::Text(text).to_time(), Some(1_900_000_000));
        assert_eq!(parse_civil("yesterday"), None);
    }

    #[test]
    fn bytes_become_text_that_every_server_takes() {
        assert_eq!(Value::text(b"a\0b\xff"), Value::Text("a\u{fffd}b\u{fffd}".into()));
    }
}
