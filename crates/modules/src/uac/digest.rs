//! The answer to a challenge: an Authorization or Proxy-Authorization header.

use engine::Str;
use sip::digest::{Algorithm, Protection, ha1, ha1_session, ha2, response};
use sip::header::Challenge;
use sip::{HeaderName, Message};

/// A password, or what is made of it.
#[derive(Clone)]
pub(super) enum Secret {
    /// As typed.
    Password(Str),
    /// `H(user:realm:password)` in hexadecimal digits.
    Ha1(Str),
}

/// User name and password for a realm.
pub(super) struct Login {
    pub(super) username: Str,
    pub(super) secret: Secret,
}

/// What is to be authenticated.
pub(super) struct Target<'a> {
    pub(super) method: &'a [u8],
    pub(super) uri: &'a [u8],
    pub(super) body: &'a [u8],
}

/// Which headers a status has: that of the challenge, and the name of its answer.
pub(super) const fn headers(status: u16) -> Option<(HeaderName, &'static str)> {
    match status {
        401 => Some((HeaderName::WwwAuthenticate, "Authorization")),
        407 => Some((HeaderName::ProxyAuthenticate, "Proxy-Authorization")),
        _ => None,
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// It is no 401 or 407.
    NoChallenge,
    /// No Digest challenge with a known algorithm, a realm and a nonce is in it.
    NotUnderstood,
    /// There is no password for its realm.
    NoLogin,
}

/// The quality of protection that is used; `None`: none, as in RFC 2069.
fn chosen_qop(challenge: &Challenge) -> Option<&'static str> {
    let offered = challenge.qop()?;
    let offers = |wanted: &str| {
        offered.split(|byte| *byte == b',').any(|qop| qop.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
    };
    ["auth", "auth-int"].into_iter().find(|qop| offers(qop))
}

/// The header line with CRLF that answers the first challenge of a reply for which `login` (by realm) knows something.
/// Of several challenges the topmost counts, as RFC 8760 section 2.3 wants it.
pub(super) fn answer(
    reply: &Message,
    status: u16,
    target: &Target<'_>,
    login: impl Fn(&Str) -> Option<Login>,
) -> Result<Vec<u8>, Unanswered> {
    let (name, answer_name) = headers(status).ok_or(Unanswered::NoChallenge)?;
    let mut problem = Unanswered::NotUnderstood;
    for header in reply.headers_named(name) {
        let Some(challenge) = Challenge::parse(reply.body_of(header)).filter(Challenge::is_digest) else { continue };
        let algorithm = match challenge.algorithm() {
            None => Some(Algorithm::Md5),
            Some(name) => Algorithm::from_name(&name),
        };
        let (Some(algorithm), Some(realm), Some(nonce)) = (algorithm, challenge.realm(), challenge.nonce()) else {
            continue;
        };
        let Some(login) = login(&realm) else {
            problem = Unanswered::NoLogin;
            continue;
        };
        let Some(ha1) = first_hash(algorithm, &login, &realm) else {
            problem = Unanswered::NoLogin;
            continue;
        };
        let cnonce = format!("{:016x}", rand::random::<u64>());
        let parts = Parts { algorithm, realm: &realm, nonce: &nonce, cnonce: &cnonce, ha1: &ha1 };
        return Ok(line(answer_name, &challenge, &login.username, target, &parts));
    }
    Err(problem)
}

/// HA1; a given one is good only for the algorithm whose length it has.
fn first_hash(algorithm: Algorithm, login: &Login, realm: &Str) -> Option<Vec<u8>> {
    match &login.secret {
        Secret::Password(password) => Some(ha1(algorithm, &login.username, realm, password).to_vec()),
        Secret::Ha1(digits) => {
            let digits = digits.to_ascii_lowercase();
            (digits.len() == algorithm.hex_len() && digits.iter().all(u8::is_ascii_hexdigit)).then_some(digits)
        }
    }
}

struct Parts<'a> {
    algorithm: Algorithm,
    realm: &'a [u8],
    nonce: &'a [u8],
    cnonce: &'a str,
    ha1: &'a [u8],
}

/// Each request is sent once with a nonce.
const COUNT: &str = "00000001";

fn line(name: &str, challenge: &Challenge, username: &[u8], target: &Target<'_>, parts: &Parts<'_>) -> Vec<u8> {
    let algorithm = parts.algorithm;
    let qop = chosen_qop(challenge);
    let session;
    let first = if algorithm.is_session() {
        session = ha1_session(algorithm, parts.ha1, parts.nonce, parts.cnonce.as_bytes());
        &session[..]
    } else {
        parts.ha1
    };
    let second = ha2(algorithm, target.method, target.uri, (qop == Some("auth-int")).then_some(target.body));
    let protection =
        qop.map(|qop| Protection { qop: qop.as_bytes(), nc: COUNT.as_bytes(), cnonce: parts.cnonce.as_bytes() });
    let response = response(algorithm, first, parts.nonce, protection, &second);
    let mut out = Vec::with_capacity(384);
    let mut add = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    add(&[name.as_bytes(), b": Digest username=\"", &quoted(username), b"\", realm=\"", parts.realm]);
    add(&[b"\", nonce=\"", parts.nonce, b"\", uri=\"", &quoted(target.uri), b"\""]);
    if let Some(opaque) = challenge.opaque() {
        add(&[b", opaque=\"", &opaque, b"\""]);
    }
    match qop {
        Some(qop) => {
            add(&[
                b", qop=",
                qop.as_bytes(),
                b", nc=",
                COUNT.as_bytes(),
                b", cnonce=\"",
                parts.cnonce.as_bytes(),
                b"\"",
            ]);
        }
        None if algorithm.is_session() => add(&[b", cnonce=\"", parts.cnonce.as_bytes(), b"\""]),
        None => {}
    }
    add(&[b", response=\"", &response, b"\", algorithm=", algorithm.name().as_bytes(), b"\r\n"]);
    out
}

/// Text for between double quotes. Realm, nonce and opaque come from there and stay as they are.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        // Whoever set it to more than one line gets a wrong answer, not another header.
        out.push(if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { byte });
    }
    out
}
