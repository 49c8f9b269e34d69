//! Content-Type (RFC 3261 20.15): what the body is.

use std::fmt;

use crate::header::Params;
use crate::{Str, scan};

/// `application/sdp;charset=utf-8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// The type: `application`.
    pub main: Str,
    /// The subtype: `sdp`.
    pub sub: Str,
    /// The parameters.
    pub params: Params,
}

impl ContentType {
    /// Parses the value of a Content-Type header. `None` when malformed.
    pub fn parse(text: Str) -> Option<Self> {
        let text = text.trim();
        let main_end = scan::skip_while(&text, 0, scan::is_token);
        let slash = scan::skip_space(&text, main_end);
        if main_end == 0 || text.get(slash) != Some(&b'/') {
            return None;
        }
        let start = scan::skip_space(&text, slash + 1);
        let end = scan::skip_while(&text, start, scan::is_token);
        let rest = scan::skip_space(&text, end);
        if start == end || text.get(rest).is_some_and(|&byte| byte != b';') {
            return None;
        }
        Some(Self {
            main: text.slice(..main_end),
            sub: text.slice(start..end),
            params: Params::parse(text.slice(rest..))?,
        })
    }

    /// Whether this is `main/sub`, letters of either case.
    pub fn is(&self, main: &str, sub: &str) -> bool {
        self.main.eq_ignore_case(main) && self.sub.eq_ignore_case(sub)
    }

    /// Whether the body is a session description (RFC 4566).
    pub fn is_sdp(&self) -> bool {
        self.is("application", "sdp")
    }

    /// Whether the body has several parts (RFC 2046 5.1).
    pub fn is_multipart(&self) -> bool {
        self.main.eq_ignore_case("multipart")
    }

    /// What separates the parts of a multipart body, quotes removed.
    pub fn boundary(&self) -> Option<Str> {
        self.params.get("boundary").filter(|boundary| !boundary.is_empty())
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.main, self.sub, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_type() {
        let kind = ContentType::parse(Str::from("Application / SDP ; charset=x")).unwrap();
        assert!(kind.is_sdp() && !kind.is_multipart());
        let kind = ContentType::parse(Str::from("multipart/mixed;boundary=\"a b\"")).unwrap();
        assert!(kind.is_multipart());
        assert_eq!(kind.boundary().unwrap(), "a b");
        for bad in ["", "text", "text/", "/plain", "text/plain x", "text/plain;a=\""] {
            assert!(ContentType::parse(Str::from(bad)).is_none(), "{bad}");
        }
    }
}
