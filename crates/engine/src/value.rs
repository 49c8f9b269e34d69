//! What a variable holds and an expression yields.

use sip::Str;

/// A script value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Value {
    /// `$null`: not set.
    #[default]
    Null,
    /// A number.
    Int(i64),
    /// Text; bytes, not necessarily UTF-8.
    Str(Str),
}

impl Value {
    /// The text of the value; numbers in decimal, null as the empty string.
    #[must_use]
    pub fn to_str(&self) -> Str {
        match self {
            Self::Null => Str::default(),
            Self::Int(number) => int_to_str(*number),
            Self::Str(text) => text.clone(),
        }
    }

    /// [`Self::to_str`] of a value that is not needed any more.
    #[must_use]
    pub fn into_str(self) -> Str {
        match self {
            Self::Str(text) => text,
            other => other.to_str(),
        }
    }

    /// The number: null is 0, text must be a whole decimal number (blanks around it are no part of one).
    #[must_use]
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Self::Null => Some(0),
            Self::Int(number) => Some(*number),
            Self::Str(text) => text.parse_int(),
        }
    }

    /// Appends the text of the value; null prints as `<null>`, as in a format string.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"<null>"),
            Self::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Str(text) => out.extend_from_slice(text),
        }
    }

    /// True for `$null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, when it is one.
    #[must_use]
    pub const fn as_str(&self) -> Option<&Str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }
}

/// A number in decimal.
#[must_use]
pub fn int_to_str(number: i64) -> Str {
    Str::decimal(number)
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Int(number as i64)
    }
}
impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::Str(text)
    }
}
impl From<&Str> for Value {
    fn from(text: &Str) -> Self {
        Self::Str(text.clone())
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(Str::from(text))
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(Str::from(text))
    }
}
impl From<Vec<u8>> for Value {
    fn from(text: Vec<u8>) -> Self {
        Self::Str(Str::from(text))
    }
}
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
