//! Authorization, Proxy-Authorization (answers) and WWW-Authenticate, Proxy-Authenticate (challenges):
//! RFC 3261 20.7, 20.27, 20.28, 20.44, RFC 7616, RFC 8760.

use std::fmt;

use crate::header::Params;
use crate::{Str, scan};

/// What a client sends to prove who it is: `Digest username="..", ..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The scheme as written: `Digest`.
    pub scheme: Str,
    /// The fields; of another scheme than Digest and Bearer they may be missing.
    pub params: Params,
    /// All after the scheme, as written.
    pub rest: Str,
}

/// What a server sends to ask for credentials: `Digest realm="..", nonce=".."`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme as written: `Digest`.
    pub scheme: Str,
    /// The fields.
    pub params: Params,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $method:ident = $name:literal;)*) => {
        $($(#[$doc])*
        pub fn $method(&self) -> Option<Str> {
            self.params.get($name)
        })*
    };
}

impl Credentials {
    /// Parses the value of an Authorization or Proxy-Authorization header. `None` when malformed.
    pub fn parse(text: Str) -> Option<Self> {
        let (scheme, rest) = split_scheme(&text)?;
        let params = match Params::parse_separated(rest.clone(), b',') {
            Some(params) => params,
            // `Basic QWxhZGRpbjo=` and the like have no fields.
            None if !scheme.eq_ignore_case("Digest") => Params::new(),
            None => return None,
        };
        Some(Self { scheme, params, rest })
    }

    /// Whether the scheme is Digest.
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_case("Digest")
    }

    fields! {
        /// The user, as written (it may be `user@domain`).
        username = "username";
        /// The realm the credentials are for.
        realm = "realm";
        /// The server's nonce.
        nonce = "nonce";
        /// The URI the client hashed.
        uri = "uri";
        /// The hash.
        response = "response";
        /// The algorithm; MD5 when missing.
        algorithm = "algorithm";
        /// The client's nonce.
        cnonce = "cnonce";
        /// The server's opaque text, returned.
        opaque = "opaque";
        /// The quality of protection chosen: `auth` or `auth-int`.
        qop = "qop";
        /// The nonce count, eight hexadecimal digits.
        nc = "nc";
        /// The synchronisation token of AKA (RFC 3310).
        auts = "auts";
    }

    /// The part of the user name before its `@`, or all of it.
    pub fn username_user(&self) -> Option<Str> {
        let name = self.username()?;
        Some(match memchr::memchr(b'@', &name) {
            Some(at) => name.slice(..at),
            None => name,
        })
    }

    /// The part of the user name after its `@`.
    pub fn username_domain(&self) -> Option<Str> {
        let name = self.username()?;
        memchr::memchr(b'@', &name).map(|at| name.slice(at + 1..))
    }

    /// The nonce count as a number.
    pub fn nonce_count(&self) -> Option<u32> {
        let digits = self.nc()?;
        let digits = digits.as_utf8().filter(|text| !text.is_empty() && !text.starts_with('+'))?;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Whether every field that RFC 3261 22.4 wants of a Digest answer is there.
    pub fn is_complete(&self) -> bool {
        self.is_digest()
            && ["username", "realm", "nonce", "uri", "response"].into_iter().all(|name| self.params.has(name))
            && (!self.params.has("qop") || (self.params.has("cnonce") && self.params.has("nc")))
    }
}

impl Challenge {
    /// Parses the value of a WWW-Authenticate or Proxy-Authenticate header. `None` when malformed.
    pub fn parse(text: Str) -> Option<Self> {
        let (scheme, rest) = split_scheme(&text)?;
        Some(Self { scheme, params: Params::parse_separated(rest, b',')? })
    }

    /// Whether the scheme is Digest.
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_case("Digest")
    }

    fields! {
        /// The realm credentials are wanted for.
        realm = "realm";
        /// The nonce.
        nonce = "nonce";
        /// The algorithm; MD5 when missing.
        algorithm = "algorithm";
        /// Text to be returned as it is.
        opaque = "opaque";
        /// The qualities of protection on offer: `auth,auth-int`.
        qop = "qop";
        /// The URIs the credentials are good for.
        domain = "domain";
    }

    /// Whether the last answer was right but its nonce too old.
    pub fn stale(&self) -> bool {
        self.params.find("stale").and_then(|param| param.value).is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
    }
}

fn split_scheme(text: &Str) -> Option<(Str, Str)> {
    let text = text.trim();
    let end = scan::skip_while(&text, 0, scan::is_token);
    if end == 0 || text.get(end).is_some_and(|&byte| !scan::is_space(byte)) {
        return None;
    }
    Some((text.slice(..end), text.slice(scan::skip_space(&text, end)..)))
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scheme, self.rest)
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scheme, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_answer() {
        let text = "Digest username=\"bob@b.org\", realm=\"a,b\",\r\n nonce=\"84a4=\" ,uri=\"sip:x\", qop=auth, nc=0000000a, \
                    cnonce=\"0a\", response=\"6629\", opaque=\"\"";
        let credentials = Credentials::parse(Str::from(text)).unwrap();
        assert!(credentials.is_digest() && credentials.is_complete());
        assert_eq!(credentials.username().unwrap(), "bob@b.org");
        assert_eq!(credentials.username_user().unwrap(), "bob");
        assert_eq!(credentials.username_domain().unwrap(), "b.org");
        assert_eq!(credentials.realm().unwrap(), "a,b");
        assert_eq!(credentials.nonce_count(), Some(10));
        assert_eq!(credentials.opaque().unwrap(), "");
        assert_eq!(credentials.algorithm(), None);
    }

    #[test]
    fn other_schemes_and_errors() {
        assert!(Credentials::parse(Str::from("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")).is_some());
        assert!(Credentials::parse(Str::from("")).is_none());
        assert!(Credentials::parse(Str::from("Digest username=\"x")).is_none());
        let challenge =
            Challenge::parse(Str::from("Digest realm=\"a\", nonce=\"n\", qop=\"auth,auth-int\", stale=TRUE"));
        let challenge = challenge.unwrap();
        assert_eq!(challenge.qop().unwrap(), "auth,auth-int");
        assert!(challenge.stale());
    }
}
