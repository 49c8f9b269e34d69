//! Whether two URIs mean the same (RFC 3261 19.1.4, RFC 3966 4).

use super::{Scheme, Uri, escape, split_params};
use crate::header::Param;

/// Parameters that make a difference even when only one of the URIs has them. RFC 3261 19.1.4 names the first four in
/// its text and `transport` in its examples.
const DECISIVE: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

/// URIs with more parameters or headers are equal only when their texts are: looking each one up among so many others
/// would be a way to keep a server busy.
const MAX_COMPARED: usize = 64;

impl Uri {
    /// Whether both URIs are equivalent by RFC 3261 19.1.4. Other than `==` on texts this is no equivalence relation
    /// in the strict sense: parameters only one side has are ignored, so it is not transitive.
    pub fn equals(&self, other: &Self) -> bool {
        if self.text == other.text {
            return true;
        }
        if self.scheme != other.scheme || self.has_too_many_params() || other.has_too_many_params() {
            return false;
        }
        match self.scheme {
            Scheme::Sip | Scheme::Sips => self.equals_sip(other),
            Scheme::Tel | Scheme::Tels => self.equals_tel(other),
            Scheme::Urn => self.text.eq_ignore_case(&other.text),
        }
    }

    fn has_too_many_params(&self) -> bool {
        self.iter_params().nth(MAX_COMPARED).is_some()
            || split_params(self.bytes(self.headers), b'&').nth(MAX_COMPARED).is_some()
    }

    fn equals_sip(&self, other: &Self) -> bool {
        let same = |left: Option<&[u8]>, right: Option<&[u8]>| match (left, right) {
            (Some(left), Some(right)) => escape::same_unescaped(left, right),
            (left, right) => left.is_none() && right.is_none(),
        };
        same(self.user_bytes(), other.user_bytes())
            && same(self.password.map(|part| self.bytes(part)), other.password.map(|part| other.bytes(part)))
            && self.host_bytes().eq_ignore_ascii_case(other.host_bytes())
            && self.port == other.port
            && self.params_match(other)
            && other.params_match(self)
            && self.headers_match(other)
            && other.headers_match(self)
    }

    /// Whether nothing in our parameters speaks against `other`.
    fn params_match(&self, other: &Self) -> bool {
        self.iter_params().all(|param| match other.find_param(param.name) {
            Some(found) => same_value(param, found),
            None => !DECISIVE.iter().any(|name| name.eq_ignore_ascii_case(param.name)),
        })
    }

    /// Headers are never ignored.
    fn headers_match(&self, other: &Self) -> bool {
        split_params(self.bytes(self.headers), b'&').all(|header| {
            split_params(other.bytes(other.headers), b'&')
                .any(|found| found.name.eq_ignore_ascii_case(header.name) && same_value(header, found))
        })
    }

    fn equals_tel(&self, other: &Self) -> bool {
        // Visual separators do not count (RFC 3966 4).
        let digits = |uri: &'_ Self| -> Vec<u8> {
            let number = uri.user_bytes().unwrap_or_default().iter();
            number.filter(|byte| !matches!(byte, b'-' | b'.' | b'(' | b')')).map(u8::to_ascii_lowercase).collect()
        };
        let all_in = |left: &Self, right: &Self| {
            left.iter_params().all(|param| right.find_param(param.name).is_some_and(|found| same_value(param, found)))
        };
        digits(self) == digits(other) && all_in(self, other) && all_in(other, self)
    }
}

fn same_value(left: Param<'_>, right: Param<'_>) -> bool {
    match (left.value, right.value) {
        (Some(left), Some(right)) => {
            left.eq_ignore_ascii_case(right)
                || escape::unescape_lossy(left).eq_ignore_ascii_case(&escape::unescape_lossy(right))
        }
        (left, right) => left.unwrap_or_default().is_empty() && right.unwrap_or_default().is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Str, Uri};

    fn equal(left: &str, right: &str) -> bool {
        let parse = |text: &str| Uri::parse(Str::from(text)).unwrap();
        let (left, right) = (parse(left), parse(right));
        assert_eq!(left.equals(&right), right.equals(&left));
        left.equals(&right)
    }

    /// The examples of RFC 3261 19.1.4.
    #[test]
    fn rfc3261_examples() {
        for (left, right) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:a@b;y;y=1", "sip:a@b;y;y=1"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert!(equal(left, right), "{left} {right}");
        }
        for (left, right) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ] {
            assert!(!equal(left, right), "{left} {right}");
        }
    }

    #[test]
    fn very_many_params() {
        let many = format!("sip:a@b{}", ";x".repeat(20_000));
        assert!(equal(&many, &many));
        assert!(!equal(&many, &format!("{many};x")));
    }

    #[test]
    fn tel_numbers() {
        assert!(equal("tel:+1-201-555-0123", "tel:+1(201)5550123"));
        assert!(!equal("tel:7042;phone-context=a.com", "tel:7042;phone-context=b.com"));
        assert!(!equal("tel:7042;phone-context=a.com", "tel:7042"));
        assert!(equal("urn:service:SOS", "urn:service:sos"));
    }
}
