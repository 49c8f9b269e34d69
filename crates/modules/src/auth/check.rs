//! Checking credentials, in three steps so that whoever knows the passwords can fetch one between them, also over an
//! `await`: nothing here borrows from the message.
//!
//! ```ignore
//! let answer = match auth.pre_auth(cx, HeaderKind::Authorization, &realm) {
//!     Ok(PreAuth::Exempt) => return Ok(Return::TRUE),
//!     Ok(PreAuth::Answer(answer)) => answer,
//!     Err(failure) => return Ok(failure.into()),
//! };
//! let Some(ha1) = database.ha1(&answer.user, &realm).await else { return Ok(Failure::UnknownUser.into()) };
//! let proof = match auth.check_response(cx, answer, &Secret::Ha1(ha1), CheckOptions::default()) {
//!     Ok(proof) => proof,
//!     Err(failure) => return Ok(failure.into()),
//! };
//! auth.post_auth(cx, proof);
//! Ok(Return::TRUE)
//! ```
//!
//! Each step that fails says which code the script function returns.

use engine::{Return, RouteCx, Str};
use sip::digest::{self, Algorithm, Hex, Protection, constant_time_eq};
use sip::{Credentials, HeaderName, Method};

use super::Auth;
use super::nonce::{NonceError, Offered, Serial};
use crate::pv::AuthenticatedUser;

/// Which header credentials stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderKind {
    /// Authorization: for registrars and other servers (401).
    Authorization,
    /// Proxy-Authorization (407).
    ProxyAuthorization,
}

impl HeaderKind {
    /// What `auth_check` and `auth_challenge` use for a request: Authorization for REGISTER, else Proxy-Authorization.
    #[must_use]
    pub fn of_method(method: Method) -> Self {
        if method == Method::Register { Self::Authorization } else { Self::ProxyAuthorization }
    }

    /// The header's name.
    #[must_use]
    pub const fn name(self) -> HeaderName {
        match self {
            Self::Authorization => HeaderName::Authorization,
            Self::ProxyAuthorization => HeaderName::ProxyAuthorization,
        }
    }
}

/// Why credentials do not count: what the script function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// -1: credentials that are not understood, a nonce that is not ours, and all other errors.
    Error,
    /// -2: the response is wrong, so is the password.
    WrongPassword,
    /// -3: there is no such user. For modules that know users.
    UnknownUser,
    /// -4: the nonce is too old, or it was made for another message (`auth_checks_..`), or its count did not grow
    /// (`nonce_count`): the client shall be challenged again with `stale=true`.
    StaleNonce,
    /// -5: there are no credentials for the realm.
    NoCredentials,
    /// -6: the nonce was used before (`one_time_nonce`).
    NonceReused,
    /// -8: the user of the credentials is another one than that of From, To or the request-URI.
    UserMismatch,
}

impl Failure {
    /// The code.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Error => -1,
            Self::WrongPassword => -2,
            Self::UnknownUser => -3,
            Self::StaleNonce => -4,
            Self::NoCredentials => -5,
            Self::NonceReused => -6,
            Self::UserMismatch => -8,
        }
    }
}

impl From<Failure> for Return {
    fn from(failure: Failure) -> Self {
        Self(failure.code())
    }
}

/// What is known about a user. It must never be logged, so it cannot be printed.
#[derive(Clone)]
pub enum Secret {
    /// The password.
    Password(Str),
    /// `H(user:realm:password)` in hexadecimal digits of either case, made with [`Answer::algorithm`].
    Ha1(Str),
}

/// What the first step found.
pub enum PreAuth {
    /// ACK, CANCEL and PRACK cannot be challenged: they count as authenticated.
    Exempt,
    /// Credentials for the realm with a nonce that is good.
    Answer(Box<Answer>),
}

/// Credentials for the realm with a nonce that is good; the response is not checked yet.
pub struct Answer {
    /// The user name as sent; it may be `user@domain`.
    pub username: Str,
    /// The user name before its `@`.
    pub user: Str,
    /// The user name behind its `@`.
    pub domain: Option<Str>,
    /// The realm that was asked for, without `realm_prefix` when that is set (see [`Auth::strip_realm`]).
    pub realm: Str,
    /// The algorithm of the response: an HA1 must be made with it (its session form has the same one).
    pub algorithm: Algorithm,
    /// The credentials as sent.
    pub credentials: Credentials,
    pub(super) nonce: Str,
    uri: Str,
    response: Str,
    pub(super) header: HeaderKind,
    pub(super) body: Str,
    pub(super) protection: Option<Counted>,
    pub(super) integrity: bool,
    pub(super) serial: Option<Serial>,
}

/// qop, nc and cnonce as sent.
#[derive(Clone)]
pub(super) struct Counted {
    pub(super) qop: Str,
    pub(super) nc: Str,
    pub(super) cnonce: Str,
    pub(super) count: u32,
}

/// How a response is checked.
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// The method that the client hashed, when it is not that of the request.
    pub method: Option<Str>,
    /// A wrong response does not use up its nonce count.
    pub keep_count: bool,
}

/// The response is right: for [`Auth::post_auth`].
pub struct Proof {
    /// The credentials.
    pub answer: Box<Answer>,
    ha1: Hex,
}

impl Answer {
    /// Understands credentials; `Err`: fields are missing or wrong.
    pub(super) fn new(header: HeaderKind, body: Str, credentials: Credentials, realm: Str) -> Result<Self, Failure> {
        // Each field is looked for once; the realm is there, because it was compared.
        let (Some(username), Some(nonce), Some(uri), Some(response)) =
            (credentials.username(), credentials.nonce(), credentials.uri(), credentials.response())
        else {
            return Err(Failure::Error);
        };
        if username.is_empty() {
            return Err(Failure::Error);
        }
        let (mut protection, mut integrity) = (None, false);
        if let Some(qop) = credentials.qop() {
            let (Some(nc), Some(cnonce)) = (credentials.nc(), credentials.cnonce()) else {
                return Err(Failure::Error);
            };
            integrity = qop.eq_ignore_case("auth-int");
            if integrity || qop.eq_ignore_case("auth") {
                let count = credentials.nonce_count().filter(|_| nc.len() == 8).ok_or(Failure::Error)?;
                protection = Some(Counted { qop, nc, cnonce, count });
            } else if !qop.is_empty() {
                return Err(Failure::Error);
            }
        }
        let (user, domain) = match memchr::memchr(b'@', &username) {
            Some(at) => (username.slice(..at), Some(username.slice(at + 1..))),
            None => (username.clone(), None),
        };
        let algorithm = Algorithm::default();
        Ok(Self {
            username,
            user,
            domain,
            realm,
            algorithm,
            credentials,
            nonce,
            uri,
            response,
            header,
            body,
            protection,
            integrity,
            serial: None,
        })
    }

    /// Whether a response was made with this HA1, which for `-sess` algorithms is the first one.
    pub(super) fn is_right(&self, algorithm: Algorithm, ha1: &[u8], method: &[u8], body: &[u8]) -> bool {
        let session;
        let ha1 = if algorithm.is_session() {
            let Some(cnonce) = self.credentials.cnonce() else { return false };
            session = digest::ha1_session(algorithm, ha1, &self.nonce, &cnonce);
            &session[..]
        } else {
            ha1
        };
        let ha2 = digest::ha2(algorithm, method, &self.uri, self.integrity.then_some(body));
        let expected = digest::response(algorithm, ha1, &self.nonce, self.protection(), &ha2);
        constant_time_eq(&self.response.trim().to_ascii_lowercase(), &expected)
    }

    fn protection(&self) -> Option<Protection<'_>> {
        self.protection.as_ref().map(|it| Protection { qop: &it.qop, nc: &it.nc, cnonce: &it.cnonce })
    }
}

/// Headers of this message whose credentials were right, as their values: `consume_credentials` takes them away.
#[derive(Default)]
pub(super) struct Authorized(pub(super) Vec<(HeaderKind, Str)>);

impl Auth {
    /// Looks for credentials for `realm` and checks everything that can be checked without the password: their fields
    /// and their nonce (made here, not expired, made for this message, not used before).
    ///
    /// # Errors
    /// The code to return: -5 without credentials for the realm, -4 and -6 for the nonce, -1 for the rest.
    pub fn pre_auth(&self, cx: &mut RouteCx, kind: HeaderKind, realm: &Str) -> Result<PreAuth, Failure> {
        if matches!(cx.message.method(), Method::Ack | Method::Cancel | Method::Prack) {
            return Ok(PreAuth::Exempt);
        }
        let mut answer = self.find(cx, kind, realm)?;
        let count = answer.protection.as_ref().map(|it| it.count);
        let outcome = self.nonces.check(cx, &answer.nonce, count);
        let known = outcome.map_err(|error| match error {
            NonceError::Foreign => Failure::Error,
            NonceError::Stale => Failure::StaleNonce,
            NonceError::Reused => Failure::NonceReused,
        })?;
        answer.serial = Some(known.serial);
        answer.algorithm = self.chosen_algorithm(cx, &answer.credentials, known.offered).ok_or(Failure::Error)?;
        Ok(PreAuth::Answer(Box::new(answer)))
    }

    /// Complete credentials for a realm; the nonce is not looked at.
    pub(super) fn find(&self, cx: &RouteCx, kind: HeaderKind, realm: &Str) -> Result<Answer, Failure> {
        let realm = self.strip_realm(realm);
        for header in cx.message.headers_named(kind.name()) {
            let body = cx.message.body_of(header);
            let Some(credentials) = Credentials::parse(body.clone()) else {
                engine::log!(cx.core.log, Info, "{}: credentials that cannot be understood", cx.place());
                return Err(Failure::Error);
            };
            if credentials.is_digest() && credentials.realm().is_some_and(|named| named.eq_ignore_case(&realm)) {
                return Answer::new(kind, body, credentials, realm);
            }
        }
        Err(Failure::NoCredentials)
    }

    /// Checks the response against what is known about the user.
    ///
    /// # Errors
    /// The code to return: -2 when the response is wrong, -4 when another request with this nonce count was quicker.
    pub fn check_response(
        &self,
        cx: &RouteCx,
        answer: Box<Answer>,
        secret: &Secret,
        options: CheckOptions,
    ) -> Result<Proof, Failure> {
        let algorithm = answer.algorithm;
        let ha1 = match secret {
            Secret::Password(password) => Some(digest::ha1(algorithm, &answer.username, &answer.realm, password)),
            Secret::Ha1(digits) => Hex::from_digits(digits).filter(|ha1| ha1.len() == algorithm.hex_len()),
        };
        let method = options.method.unwrap_or_else(|| cx.message.method_name());
        let found = ha1.filter(|ha1| answer.is_right(algorithm, ha1, &method, &cx.message.body()));
        if found.is_some() || !options.keep_count {
            let count = answer.protection.as_ref().map(|it| it.count);
            if let (Some(serial), Some(count)) = (answer.serial, count) {
                let claimed = self.nonces.claim_count(serial, count);
                if found.is_some() && !claimed {
                    return Err(Failure::StaleNonce);
                }
            }
        }
        let ha1 = found.ok_or(Failure::WrongPassword)?;
        Ok(Proof { answer, ha1 })
    }

    /// Marks the credentials as authorized: `consume_credentials`, `$Au` and `Authentication-Info` (with
    /// `add_authinfo_hdr`) know of them.
    pub fn post_auth(&self, cx: &mut RouteCx, proof: Proof) {
        self.accept(cx, &proof.answer, &proof.ha1);
    }

    pub(super) fn accept(&self, cx: &mut RouteCx, answer: &Answer, ha1: &Hex) {
        if self.params.add_authinfo_hdr {
            let line = self.authentication_info(cx, answer, ha1);
            cx.reply_headers.push(line);
        }
        let realm = answer.domain.clone().unwrap_or_else(|| answer.realm.clone());
        *cx.data::<AuthenticatedUser>() = AuthenticatedUser { user: answer.user.clone(), realm };
        let authorized = &mut cx.data::<Authorized>().0;
        let entry = (answer.header, answer.body.clone());
        if !authorized.contains(&entry) {
            authorized.push(entry);
        }
    }

    /// RFC 7616 section 3.5: the server knows the password, too.
    fn authentication_info(&self, cx: &RouteCx, answer: &Answer, ha1: &Hex) -> Str {
        let algorithm = answer.algorithm;
        let (nonce, uri) = (&answer.nonce, &answer.uri);
        let next = self.params.one_time_nonce.then(|| self.nonces.make(cx, Offered::of(&[algorithm])));
        let next = next.unwrap_or_else(|| nonce.to_string());
        let session;
        let first = match answer.credentials.cnonce() {
            Some(cnonce) if algorithm.is_session() => {
                session = digest::ha1_session(algorithm, ha1, nonce, &cnonce);
                &session
            }
            _ => ha1,
        };
        // The body of the reply is not known yet; without one the hash of nothing is right for auth-int.
        let ha2 = digest::ha2(algorithm, b"", uri, answer.integrity.then_some(b""));
        let proof = digest::response(algorithm, first, nonce, answer.protection(), &ha2);
        let mut line = format!("Authentication-Info: nextnonce=\"{next}\"");
        match &answer.protection {
            Some(Counted { qop, nc, cnonce, .. }) => {
                line.push_str(&format!(", qop={qop}, rspauth=\"{proof}\", cnonce=\"{cnonce}\", nc={nc}\r\n"))
            }
            None => line.push_str(&format!(", rspauth=\"{proof}\"\r\n")),
        }
        Str::from(line)
    }

    /// The realm without the prefix of parameter `realm_prefix`.
    #[must_use]
    pub fn strip_realm(&self, realm: &Str) -> Str {
        let prefix = &self.params.realm_prefix;
        if !prefix.is_empty() && realm.starts_with_ignore_case(prefix) {
            realm.slice(prefix.len()..)
        } else {
            realm.clone()
        }
    }

    /// The hash in use for this message: `auth_algorithm()`, else parameter `algorithm`.
    #[must_use]
    pub fn algorithm(&self, cx: &RouteCx) -> Algorithm {
        self.named_algorithm(cx).unwrap_or_default()
    }

    /// The same; `None` when nobody chose one.
    pub(super) fn named_algorithm(&self, cx: &RouteCx) -> Option<Algorithm> {
        let own = cx.find_data::<super::functions::OwnAlgorithm>().and_then(|own| own.0);
        own.or(self.params.algorithm.0)
    }

    /// The algorithm of a response: one that the challenge offered, or its session form. A client that names none uses
    /// ours.
    fn chosen_algorithm(&self, cx: &RouteCx, credentials: &Credentials, offered: Offered) -> Option<Algorithm> {
        let chosen = match credentials.algorithm() {
            Some(named) => Algorithm::from_name(&named)?,
            None => self.algorithm(cx),
        };
        offered.has(chosen).then_some(chosen)
    }
}
