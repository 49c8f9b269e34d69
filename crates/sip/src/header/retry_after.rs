//! Retry-After (RFC 3261 20.33): when to try again.

use std::fmt;

use crate::header::Params;
use crate::{Str, scan};

/// `18000 (in a meeting);duration=3600`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// Seconds to wait.
    pub seconds: u32,
    /// The comment, without its parentheses.
    pub comment: Option<Str>,
    /// The parameters.
    pub params: Params,
}

impl RetryAfter {
    /// Parses the value of a Retry-After header. `None` when malformed.
    pub fn parse(text: Str) -> Option<Self> {
        let text = text.trim();
        let digits = scan::skip_while(&text, 0, |byte| byte.is_ascii_digit());
        let mut at = scan::skip_space(&text, digits);
        let mut comment = None;
        if text.get(at) == Some(&b'(') {
            let close = at + memchr::memrchr(b')', &text[at..])?;
            comment = Some(text.slice(at + 1..close));
            at = scan::skip_space(&text, close + 1);
        }
        if text.get(at).is_some_and(|&byte| byte != b';') {
            return None;
        }
        Some(Self { seconds: scan::number(&text[..digits])?, comment, params: Params::parse(text.slice(at..))? })
    }

    /// How many seconds the called party will then be reachable.
    pub fn duration(&self) -> Option<u32> {
        self.params.number("duration")
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        if let Some(comment) = &self.comment {
            write!(f, " ({comment})")?;
        }
        write!(f, "{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after() {
        let value = RetryAfter::parse(Str::from("18000 (in a meeting);duration=3600")).unwrap();
        assert_eq!((value.seconds, value.duration()), (18_000, Some(3600)));
        assert_eq!(value.comment.as_ref().unwrap(), "in a meeting");
        assert_eq!(value.to_string(), "18000 (in a meeting);duration=3600");
        assert_eq!(RetryAfter::parse(Str::from("5")).unwrap().seconds, 5);
        for bad in ["", "x", "5 (", "5 x", "99999999999"] {
            assert!(RetryAfter::parse(Str::from(bad)).is_none(), "{bad}");
        }
    }
}
