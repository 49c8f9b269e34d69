//! Digest authentication (RFC 7616, RFC 8760): the hashes, without keeping of nonces.

use std::fmt;
use std::ops::Deref;

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::header::Credentials;
use crate::scan;

/// The hash and whether the session form is used (RFC 7616 3.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `MD5`, also when none is named.
    #[default]
    Md5,
    /// `MD5-sess`
    Md5Sess,
    /// `SHA-256`
    Sha256,
    /// `SHA-256-sess`
    Sha256Sess,
}

impl Algorithm {
    /// The name: `SHA-256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
        }
    }

    /// The algorithm of that name, letters of either case.
    pub fn from_name(name: impl AsRef<[u8]>) -> Option<Self> {
        let name = name.as_ref();
        [Self::Md5, Self::Md5Sess, Self::Sha256, Self::Sha256Sess]
            .into_iter()
            .find(|algorithm| algorithm.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether HA1 depends on nonce and cnonce.
    pub const fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess)
    }

    /// How many hexadecimal digits a hash has.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Md5 | Self::Md5Sess => 32,
            Self::Sha256 | Self::Sha256Sess => 64,
        }
    }
}

/// A hash as lower case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex {
    digits: [u8; 64],
    length: u8,
}

impl Hex {
    fn new(hash: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hash) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self { digits, length: (hash.len() * 2).min(64) as u8 }
    }

    /// From hexadecimal digits of either case; `None` when there are other characters, or not as many as a hash has.
    pub fn from_digits(text: &[u8]) -> Option<Self> {
        if !matches!(text.len(), 32 | 64) || !text.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut digits = [0; 64];
        digits[..text.len()].copy_from_slice(text);
        digits.make_ascii_lowercase();
        Some(Self { digits, length: text.len() as u8 })
    }

    /// The digits as text.
    pub fn as_text(&self) -> &str {
        std::str::from_utf8(self).unwrap_or_default()
    }
}

impl Deref for Hex {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_text())
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_text())
    }
}

/// The hash of `parts` with colons between them.
pub fn hash(algorithm: Algorithm, parts: &[&[u8]]) -> Hex {
    let text = parts.join(&b':');
    match algorithm {
        Algorithm::Md5 | Algorithm::Md5Sess => Hex::new(&Md5::digest(text)),
        Algorithm::Sha256 | Algorithm::Sha256Sess => Hex::new(&Sha256::digest(text)),
    }
}

/// `H(username:realm:password)`: what a server may store instead of the password (RFC 7616 3.4.2).
pub fn ha1(algorithm: Algorithm, username: &[u8], realm: &[u8], password: &[u8]) -> Hex {
    hash(algorithm, &[username, realm, password])
}

/// HA1 of the `-sess` algorithms: `H(HA1:nonce:cnonce)` (RFC 7616 3.4.2).
pub fn ha1_session(algorithm: Algorithm, ha1: &[u8], nonce: &[u8], cnonce: &[u8]) -> Hex {
    hash(algorithm, &[ha1, nonce, cnonce])
}

/// `H(method:uri)`, with `body` for auth-int `H(method:uri:H(body))` (RFC 7616 3.4.3).
pub fn ha2(algorithm: Algorithm, method: &[u8], uri: &[u8], body: Option<&[u8]>) -> Hex {
    match body {
        None => hash(algorithm, &[method, uri]),
        Some(body) => hash(algorithm, &[method, uri, &hash(algorithm, &[body])]),
    }
}

/// The fields that come in when a quality of protection was chosen.
#[derive(Clone, Copy, Debug)]
pub struct Protection<'a> {
    /// `auth` or `auth-int`, as sent.
    pub qop: &'a [u8],
    /// The nonce count as sent.
    pub nc: &'a [u8],
    /// The client's nonce.
    pub cnonce: &'a [u8],
}

/// The response a client has to send (RFC 7616 3.4.1; without protection RFC 2069's form). For `-sess` algorithms
/// `ha1` is that of [`ha1_session`].
pub fn response(algorithm: Algorithm, ha1: &[u8], nonce: &[u8], protection: Option<Protection<'_>>, ha2: &[u8]) -> Hex {
    match protection {
        None => hash(algorithm, &[ha1, nonce, ha2]),
        Some(it) => hash(algorithm, &[ha1, nonce, it.nc, it.cnonce, it.qop, ha2]),
    }
}

/// The response `credentials` ought to hold, from `H(username:realm:password)`, the method of the request and its body
/// (used for auth-int only). `None` when fields are missing or the algorithm or qop is not known.
pub fn expected_response(credentials: &Credentials, ha1: &[u8], method: &[u8], body: &[u8]) -> Option<Hex> {
    let algorithm = match credentials.algorithm() {
        Some(name) => Algorithm::from_name(name)?,
        None => Algorithm::Md5,
    };
    let nonce = credentials.nonce()?;
    let (qop, nc, cnonce) = (credentials.qop(), credentials.nc(), credentials.cnonce());
    let session;
    let ha1 = if algorithm.is_session() {
        session = ha1_session(algorithm, ha1, &nonce, cnonce.as_deref()?);
        &session[..]
    } else {
        ha1
    };
    let qop = qop.filter(|qop| !qop.is_empty());
    let protection = match &qop {
        None => None,
        Some(qop) => Some(Protection { qop, nc: nc.as_deref()?, cnonce: cnonce.as_deref()? }),
    };
    let body = match &qop {
        Some(qop) if qop.eq_ignore_case("auth-int") => Some(body),
        Some(qop) if !qop.eq_ignore_case("auth") => return None,
        _ => None,
    };
    let ha2 = ha2(algorithm, method, &credentials.uri()?, body);
    Some(response(algorithm, ha1, &nonce, protection, &ha2))
}

/// Whether the response in `credentials` is right; compared in constant time. Arguments as of [`expected_response`].
pub fn is_right(credentials: &Credentials, ha1: &[u8], method: &[u8], body: &[u8]) -> bool {
    let Some(expected) = expected_response(credentials, ha1, method, body) else { return false };
    credentials
        .response()
        .is_some_and(|response| constant_time_eq(&scan::trim(&response).to_ascii_lowercase(), &expected))
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let difference = left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Str;

    /// RFC 2617 3.5.
    #[test]
    fn rfc2617_example() {
        let ha1 = ha1(Algorithm::Md5, b"Mufasa", b"testrealm@host.com", b"Circle Of Life");
        let ha2 = ha2(Algorithm::Md5, b"GET", b"/dir/index.html", None);
        let protection = Protection { qop: b"auth", nc: b"00000001", cnonce: b"0a4f113b" };
        let nonce = b"dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let response = response(Algorithm::Md5, &ha1, nonce, Some(protection), &ha2);
        assert_eq!(response.as_text(), "6629fae49393a05397450978507c4ef1");
    }

    /// RFC 7616 3.9.1.
    #[test]
    fn rfc7616_example() {
        let text = "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm=SHA-256, \
            nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
            cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, \
            response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", \
            opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let credentials = Credentials::parse(Str::from(text)).unwrap();
        let ha1 = ha1(Algorithm::Sha256, b"Mufasa", b"http-auth@example.org", b"Circle of Life");
        assert!(is_right(&credentials, &ha1, b"GET", b""));
        assert!(!is_right(&credentials, &ha1, b"POST", b""));
        let md5 = text.replace("SHA-256", "MD5").replace(
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            "8CA523F5E9506FED4657C9700EEBDBEC",
        );
        let credentials = Credentials::parse(Str::from(md5)).unwrap();
        let ha1 = super::ha1(Algorithm::Md5, b"Mufasa", b"http-auth@example.org", b"Circle of Life");
        assert!(is_right(&credentials, &ha1, b"GET", b""));
    }

    #[test]
    fn session_and_integrity() {
        let credentials = |rest: &str| {
            let text = format!("Digest username=u, realm=r, nonce=n, uri=\"sip:x\", cnonce=c, nc=00000001, {rest}");
            Credentials::parse(Str::from(text)).unwrap()
        };
        let plain = ha1(Algorithm::Sha256, b"u", b"r", b"p");
        let session = ha1_session(Algorithm::Sha256Sess, &plain, b"n", b"c");
        let integrity = hash(Algorithm::Sha256, &[b"INVITE", b"sip:x", &hash(Algorithm::Sha256, &[b"body"])]);
        let parts: [&[u8]; 6] = [&session, b"n", b"00000001", b"c", b"auth-int", &integrity];
        let it = credentials("qop=auth-int, algorithm=sha-256-SESS");
        let expected = expected_response(&it, &plain, b"INVITE", b"body").unwrap();
        assert_eq!(expected, hash(Algorithm::Sha256, &parts));
        assert!(expected_response(&credentials("algorithm=AKAv1-MD5"), &plain, b"INVITE", b"").is_none());
        assert!(expected_response(&credentials("qop=other"), &plain, b"INVITE", b"").is_none());
        // RFC 2069: without qop the counters do not count.
        let old = expected_response(&credentials("x=y"), b"h", b"M", b"").unwrap();
        assert_eq!(old, hash(Algorithm::Md5, &[b"h", b"n", &hash(Algorithm::Md5, &[b"M", b"sip:x"])]));
    }

    #[test]
    fn hashes_from_digits() {
        let hash = ha1(Algorithm::Md5, b"u", b"r", b"p");
        assert_eq!(Hex::from_digits(hash.as_text().to_ascii_uppercase().as_bytes()), Some(hash));
        assert_eq!(Hex::from_digits(&hash[1..]), None);
        assert_eq!(Hex::from_digits(&[b'g'; 32]), None);
    }

    #[test]
    fn comparing() {
        assert!(constant_time_eq(b"abc", b"abc"));
        assert!(!constant_time_eq(b"abc", b"abd") && !constant_time_eq(b"abc", b"ab"));
    }
}
