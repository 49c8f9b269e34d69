//! RAck (RFC 3262 7.2): which provisional reply a PRACK confirms.

use std::fmt;

use crate::header::CSeq;
use crate::{Method, Str, scan};

/// `776656 1 INVITE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The RSeq number of the provisional reply.
    pub rseq: u32,
    /// The CSeq number of the request that was answered.
    pub cseq: u32,
    /// The method of the request that was answered.
    pub method: Method,
    /// The method as written.
    pub method_name: Str,
}

impl RAck {
    /// Parses the value of a RAck header. `None` when malformed.
    pub fn parse(text: Str) -> Option<Self> {
        let text = text.trim();
        let digits = scan::skip_while(&text, 0, |byte| byte.is_ascii_digit());
        let rest = scan::skip_space(&text, digits);
        if rest == digits {
            return None;
        }
        let CSeq { number, method, method_name } = CSeq::parse(text.slice(rest..))?;
        Some(Self { rseq: scan::number(&text[..digits])?, cseq: number, method, method_name })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rack() {
        let rack = RAck::parse(Str::from("776656 1 INVITE")).unwrap();
        assert_eq!((rack.rseq, rack.cseq, rack.method), (776_656, 1, Method::Invite));
        assert_eq!(rack.to_string(), "776656 1 INVITE");
        for bad in ["", "1", "1 INVITE", "a 1 INVITE", "1 2"] {
            assert!(RAck::parse(Str::from(bad)).is_none(), "{bad}");
        }
    }
}
