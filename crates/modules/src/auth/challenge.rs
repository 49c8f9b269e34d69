//! Challenges: the header, and the replies 401 and 407 with it.

use engine::{CallResult, Return, RouteCx, ScriptError, Str};
use sip::digest::Algorithm;

use super::Auth;
use super::check::HeaderKind;
use super::nonce::Offered;
use crate::tm::Current;

/// Which qualities of protection a challenge offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qop {
    None,
    Auth,
    AuthInt,
    Both,
}

impl Qop {
    pub(super) const fn text(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Auth => Some("auth"),
            Self::AuthInt => Some("auth-int"),
            Self::Both => Some("auth,auth-int"),
        }
    }

    /// Of parameter `qop`.
    pub(super) fn of_param(text: &[u8]) -> Self {
        match text {
            b"auth" => Self::Auth,
            b"auth-int" => Self::AuthInt,
            b"auth,auth-int" => Self::Both,
            _ => Self::None,
        }
    }
}

/// What a challenge says.
#[derive(Clone, Debug)]
pub(super) struct Challenge {
    pub(super) kind: HeaderKind,
    pub(super) realm: Str,
    pub(super) qop: Qop,
    pub(super) stale: bool,
    /// One header for each; empty: ours.
    pub(super) algorithms: Vec<Algorithm>,
}

impl Auth {
    /// The name of the header with the challenge.
    pub(super) const fn challenge_header(&self, kind: HeaderKind) -> &Str {
        match kind {
            HeaderKind::Authorization => &self.params.www_challenge_header,
            HeaderKind::ProxyAuthorization => &self.params.proxy_challenge_header,
        }
    }

    /// The header lines of a challenge, with CRLF; each with a new nonce.
    pub(super) fn challenge_lines(&self, cx: &RouteCx, challenge: &Challenge) -> Result<Vec<Str>, ScriptError> {
        let realm = self.strip_realm(&challenge.realm);
        check_realm(&realm)?;
        let name = self.challenge_header(challenge.kind);
        let line = |algorithm: Algorithm, named: bool| {
            let nonce = self.nonces.make(cx, Offered::of(&[algorithm]));
            let (qop_is, qop, qop_ends) = challenge.qop.text().map_or(("", "", ""), |qop| (", qop=\"", qop, "\""));
            let stale = if challenge.stale { ", stale=true" } else { "" };
            let (algorithm_is, algorithm) = if named { (", algorithm=", algorithm.name()) } else { ("", "") };
            let pieces: [&[u8]; 13] = [
                name,
                b": Digest realm=\"",
                &realm,
                b"\", nonce=\"",
                nonce.as_bytes(),
                b"\"",
                qop_is.as_bytes(),
                qop.as_bytes(),
                qop_ends.as_bytes(),
                stale.as_bytes(),
                algorithm_is.as_bytes(),
                algorithm.as_bytes(),
                b"\r\n",
            ];
            Str::from(pieces.concat())
        };
        if challenge.algorithms.is_empty() {
            // MD5 that nobody asked for is not named: old clients do not know the field.
            let named = self.named_algorithm(cx);
            return Ok(vec![line(named.unwrap_or_default(), named.is_some())]);
        }
        Ok(challenge.algorithms.iter().map(|&algorithm| line(algorithm, true)).collect())
    }

    /// Answers with header lines: through the transaction when there is one, unless parameter `force_stateless_reply`
    /// says otherwise.
    pub(super) fn answer(&self, cx: &mut RouteCx, status: u16, reason: &'static str, lines: Vec<Str>) -> CallResult {
        let reason = Str::from_static(reason);
        if cx.message.is_reply() {
            let transaction = cx.find_data::<Current>().and_then(|current| current.transaction.clone());
            let transaction = transaction.ok_or_else(|| ScriptError::new("there is no request to answer"))?;
            return Ok(transaction.answer(status, &reason, None, lines, None).into());
        }
        let queued = cx.reply_headers.len();
        cx.reply_headers.extend(lines);
        let result = if self.params.force_stateless_reply {
            self.sl.reply_stateless(cx, status, &reason)
        } else {
            self.sl.reply(cx, status, &reason)
        };
        cx.reply_headers.truncate(queued);
        result
    }

    /// 401 or 407 with a challenge. When that cannot be made: 500, unless `quiet`.
    pub(super) fn challenge(&self, cx: &mut RouteCx, challenge: &Challenge, quiet: bool) -> CallResult {
        let (status, reason) = status_of(challenge.kind);
        match self.challenge_lines(cx, challenge) {
            Ok(lines) => self.answer(cx, status, reason, lines),
            Err(error) => {
                if !quiet {
                    self.answer(cx, 500, "Internal Server Error", Vec::new())?;
                }
                engine::log!(cx.core.log, Error, "{}: {error}", cx.place());
                Ok(Return::FALSE)
            }
        }
    }
}

/// The reply that carries a challenge.
pub(super) const fn status_of(kind: HeaderKind) -> (u16, &'static str) {
    match kind {
        HeaderKind::Authorization => (401, "Unauthorized"),
        HeaderKind::ProxyAuthorization => (407, "Proxy Authentication Required"),
    }
}

/// A realm that can stand between double quotes on one line.
pub(super) fn check_realm(realm: &Str) -> Result<(), ScriptError> {
    if realm.is_empty() {
        return Err(ScriptError::new("the realm is empty"));
    }
    if realm.iter().any(|byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0)) {
        return Err(ScriptError::new("the realm has a character that cannot stand in a challenge"));
    }
    Ok(())
}
