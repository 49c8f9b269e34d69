//! CSeq (RFC 3261 20.16): the place of a request in its dialog.

use std::fmt;

use crate::{Method, Str, scan};

/// `4711 INVITE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// The sequence number. RFC 3261 8.1.1.5 wants it below 2^31, which is not checked here.
    pub number: u32,
    /// The method.
    pub method: Method,
    /// The method as written.
    pub method_name: Str,
}

impl CSeq {
    /// Parses the value of a CSeq header. `None` when malformed.
    pub fn parse(text: impl AsRef<[u8]>) -> Option<Self> {
        let bytes = scan::trim(text.as_ref());
        let digits = scan::skip_while(bytes, 0, |byte| byte.is_ascii_digit());
        let start = scan::skip_space(bytes, digits);
        let name = bytes.get(start..).unwrap_or_default();
        if start == digits || name.is_empty() {
            return None;
        }
        let method = Method::from_bytes(name);
        let method_name = match method {
            Method::Other if scan::skip_while(name, 0, scan::is_token) < name.len() => return None,
            Method::Other => Str::copy_from(name),
            known => Str::from_static(known.name()),
        };
        Some(Self { number: scan::number(&bytes[..digits])?, method, method_name })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cseq() {
        let cseq = CSeq::parse(" 0009\r\n  INVITE ").unwrap();
        assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
        assert_eq!(cseq.to_string(), "9 INVITE");
        assert_eq!(CSeq::parse("1 NEWMETHOD").unwrap().method, Method::Other);
        assert_eq!(CSeq::parse("4294967295 ACK").unwrap().number, u32::MAX);
        for bad in ["", "1", "INVITE", "1INVITE", "4294967296 INVITE", "-1 INVITE", "1 INVITE x", "1 IN/VITE"] {
            assert!(CSeq::parse(bad).is_none(), "{bad}");
        }
    }
}
