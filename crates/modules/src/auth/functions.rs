//! The script functions.

use engine::script_type::WritableVariable;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, ScriptError, ScriptType, Str, Value,
    function,
};
use sip::digest::Algorithm;
use sip::{Credentials, HeaderName, Method, Uri};

use super::Auth;
use super::challenge::{Challenge, Qop};
use super::check::{Authorized, CheckOptions, Failure, HeaderKind, PreAuth, Secret};
use super::params::server_algorithm;

/// `auth_algorithm()`: the hash for this message.
#[derive(Default)]
pub(super) struct OwnAlgorithm(pub(super) Option<Algorithm>);

/// Algorithms for challenges: `SHA-256`, `SHA-256,MD5`.
pub struct Algorithms(Vec<Algorithm>);

impl ScriptType for Algorithms {
    type Compiled = Expression;
    const KIND: &'static str = "algorithms";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let compiled = Str::compile(arg, env)?;
        if let (Some(arg), Some(Value::Str(text))) = (arg, compiled.constant())
            && let Err(error) = Self::parse(text)
        {
            return Err(arg.error(error.message, "`MD5`, `SHA-256` or both with a comma between them"));
        }
        Ok(compiled)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        Self::parse(&Str::eval(compiled, cx)?)
    }
}

impl Algorithms {
    fn parse(text: &Str) -> Result<Self, ScriptError> {
        let text = text.to_text();
        let mut list = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let known = server_algorithm(name);
            let algorithm =
                known.ok_or_else(|| ScriptError::new(format!("`{name}` is no algorithm that is supported")))?;
            if !list.contains(&algorithm) {
                list.push(algorithm);
            }
        }
        Ok(Self(list))
    }
}

/// The flags of challenges: 1 auth, 2 auth-int, 4 no 500, 16 stale.
fn challenge_of(kind: HeaderKind, realm: Str, flags: i64, algorithms: Option<Algorithms>) -> Challenge {
    // As in Kamailio 2 counts more than 1.
    let qop = match flags {
        flags if flags & 2 != 0 => Qop::AuthInt,
        flags if flags & 1 != 0 => Qop::Auth,
        _ => Qop::None,
    };
    let algorithms = algorithms.map(|list| list.0).unwrap_or_default();
    Challenge { kind, realm, qop, stale: flags & 16 != 0, algorithms }
}

fn challenge(
    cx: &mut RouteCx,
    me: &Auth,
    kind: HeaderKind,
    realm: Str,
    flags: i64,
    algorithms: Option<Algorithms>,
) -> CallResult {
    me.challenge(cx, &challenge_of(kind, realm, flags, algorithms), flags & 4 != 0)
}

/// Answers 401 with a challenge for `realm`. `flags` is a sum: 1 with qop=auth, 2 with qop=auth-int, 4 no reply 500
/// when the challenge cannot be made, 16 with stale=true. `algorithms`: one challenge for each of these
/// (`SHA-256,MD5`) instead of parameter `algorithm`.
///
/// Returns 1; -1 when the realm is empty, and for requests that are not answered.
#[function(REQUEST | FAILURE | ONREPLY)]
pub fn www_challenge(
    cx: &mut RouteCx,
    me: &Auth,
    realm: Str,
    flags: i64,
    algorithms: Option<Algorithms>,
) -> CallResult {
    challenge(cx, me, HeaderKind::Authorization, realm, flags, algorithms)
}

/// Answers 407 with a challenge for `realm`. The arguments are those of `www_challenge`.
#[function(REQUEST | FAILURE | ONREPLY)]
pub fn proxy_challenge(
    cx: &mut RouteCx,
    me: &Auth,
    realm: Str,
    flags: i64,
    algorithms: Option<Algorithms>,
) -> CallResult {
    challenge(cx, me, HeaderKind::ProxyAuthorization, realm, flags, algorithms)
}

/// `www_challenge` for a REGISTER, `proxy_challenge` for other requests.
#[function(REQUEST | FAILURE | ONREPLY)]
pub fn auth_challenge(
    cx: &mut RouteCx,
    me: &Auth,
    realm: Str,
    flags: i64,
    algorithms: Option<Algorithms>,
) -> CallResult {
    challenge(cx, me, HeaderKind::of_method(cx.message.method()), realm, flags, algorithms)
}

/// Writes the header line of a challenge (`WWW-Authenticate: ..` with its line end) into the variable. `flags` are
/// those of `www_challenge`.
#[function(REQUEST)]
pub fn auth_get_www_authenticate(
    cx: &mut RouteCx,
    me: &Auth,
    realm: Str,
    flags: i64,
    target: WritableVariable,
) -> CallResult {
    let lines = me.challenge_lines(cx, &challenge_of(HeaderKind::Authorization, realm, flags, None))?;
    target.0.set(cx, Value::from(lines.concat()))?;
    Ok(Return::TRUE)
}

/// Takes the credentials that were right away from the message, so that the next server does not see them.
///
/// Returns 1; -1 when there are none.
#[function(REQUEST)]
pub fn consume_credentials(cx: &mut RouteCx) -> CallResult {
    let authorized = std::mem::take(&mut cx.data::<Authorized>().0);
    let mut ranges = Vec::new();
    for (kind, body) in authorized {
        let found = cx.message.headers_named(kind.name()).find(|header| cx.message.body_of(header) == body);
        ranges.extend(found.map(sip::Header::range));
    }
    let found = !ranges.is_empty();
    for range in ranges {
        if !cx.message.edits().deletes(range.clone()) {
            cx.message.edits_mut().delete(range);
        }
    }
    Ok(found.into())
}

/// True when the request has an Authorization or Proxy-Authorization for the realm.
#[function(REQUEST)]
pub fn has_credentials(cx: &mut RouteCx, me: &Auth, realm: Str) -> CallResult {
    let realm = me.strip_realm(&realm);
    let found = [HeaderName::Authorization, HeaderName::ProxyAuthorization].into_iter().any(|name| {
        cx.message.headers_named(name).any(|header| {
            let credentials = Credentials::parse(cx.message.body_of(header)).filter(Credentials::is_digest);
            credentials.and_then(|it| it.realm()).is_some_and(|named| named.eq_ignore_case(&realm))
        })
    });
    Ok(found.into())
}

/// The hash (`MD5`, `SHA-256`) of challenges and checks from here on, for this message; the empty text: that of
/// parameter `algorithm`.
#[function(REQUEST)]
pub fn auth_algorithm(cx: &mut RouteCx, algorithm: Algorithms) -> CallResult {
    match *algorithm.0 {
        [] => cx.data::<OwnAlgorithm>().0 = None,
        [algorithm] => cx.data::<OwnAlgorithm>().0 = Some(algorithm),
        _ => return Err(ScriptError::new("one algorithm, not several")),
    }
    Ok(Return::TRUE)
}

/// Where a password is wanted, and what happens when it is wrong.
struct Check {
    kind: HeaderKind,
    realm: Str,
    password: Str,
    flags: i64,
    method: Option<Str>,
    /// The user must be the one that the request names.
    identity: bool,
}

impl Auth {
    fn check_password(&self, cx: &mut RouteCx, check: Check) -> CallResult {
        let Check { kind, realm, password, flags, method, identity } = check;
        if realm.is_empty() {
            return Err(ScriptError::new("the realm is empty"));
        }
        let secret = if flags & 1 != 0 { Secret::Ha1(password) } else { Secret::Password(password) };
        let outcome = match self.pre_auth(cx, kind, &realm) {
            Ok(PreAuth::Exempt) => return Ok(Return::TRUE),
            Ok(PreAuth::Answer(answer)) => {
                let options = CheckOptions { method, keep_count: flags & 32 != 0 };
                self.check_response(cx, answer, &secret, options)
            }
            Err(failure) => Err(failure),
        };
        let outcome = match outcome {
            Ok(proof) if identity && !is_own_identity(cx, &proof.answer.user, self.params.use_domain) => {
                Err(Failure::UserMismatch)
            }
            outcome => outcome,
        };
        match outcome {
            Ok(proof) => {
                self.post_auth(cx, proof);
                Ok(Return::TRUE)
            }
            Err(failure) => {
                self.offer(cx, kind, realm, flags)?;
                Ok(failure.into())
            }
        }
    }

    /// Flags 2, 4 and 8: a challenge for the script, in an AVP.
    fn offer(&self, cx: &mut RouteCx, kind: HeaderKind, realm: Str, flags: i64) -> Result<(), ScriptError> {
        let qop = match flags {
            flags if flags & 8 != 0 => Qop::AuthInt,
            flags if flags & 4 != 0 => Qop::Auth,
            flags if flags & 2 != 0 => Qop::None,
            _ => return Ok(()),
        };
        let lines =
            self.challenge_lines(cx, &Challenge { kind, realm, qop, stale: flags & 16 != 0, algorithms: Vec::new() })?;
        cx.avps.remove_all(&self.attribute);
        cx.avps.push(&self.attribute, Value::from(lines.concat()));
        Ok(())
    }
}

/// Whether a user is the one that the request names: in From; for a REGISTER the same in To; for a PUBLISH the same
/// in To and the request-URI. With `domains` those three must have the same host, too.
#[must_use]
pub fn is_own_identity(cx: &RouteCx, user: &Str, domains: bool) -> bool {
    let message = &cx.message;
    let Some(from) = message.from().ok().flatten().and_then(|from| from.parsed_uri().ok()) else { return false };
    let is_same = |other: &Uri| {
        other.user_bytes() == from.user_bytes()
            && (!domains || other.host_bytes().eq_ignore_ascii_case(from.host_bytes()))
    };
    let to = || message.to().ok().flatten().and_then(|to| to.parsed_uri().ok()).is_some_and(is_same);
    let target = || message.request_uri().is_some_and(|uri| Uri::parse(uri.clone()).is_ok_and(|uri| is_same(&uri)));
    from.user_bytes() == Some(&**user)
        && match message.method() {
            Method::Register => to(),
            Method::Publish => to() && target(),
            _ => true,
        }
}

/// Checks Authorization for `realm` against a password. `flags` is a sum: 1 `password` is an HA1; 2, 4, 8 when it is
/// wrong the AVP of `challenge_attr` gets a challenge without qop, with qop=auth, with qop=auth-int; 16 with
/// stale=true; 32 a wrong response does not use up its nonce count. `method`: what the client hashed instead of the
/// request's method.
///
/// Returns 1 when the response is right, and for ACK, CANCEL and PRACK; -1 error; -2 wrong password; -4 the nonce is
/// too old, or for another message; -5 no credentials for the realm; -6 the nonce was used before (`one_time_nonce`).
#[function(REQUEST)]
pub fn pv_www_authenticate(
    cx: &mut RouteCx,
    me: &Auth,
    realm: Str,
    password: Str,
    flags: i64,
    method: Option<Str>,
) -> CallResult {
    me.check_password(cx, Check { kind: HeaderKind::Authorization, realm, password, flags, method, identity: false })
}

/// The same as `pv_www_authenticate` without `method`.
#[function(REQUEST)]
pub fn pv_www_authorize(cx: &mut RouteCx, me: &Auth, realm: Str, password: Str, flags: i64) -> CallResult {
    me.check_password(
        cx,
        Check { kind: HeaderKind::Authorization, realm, password, flags, method: None, identity: false },
    )
}

/// Checks Proxy-Authorization for `realm` against a password, as `pv_www_authenticate` does.
#[function(REQUEST)]
pub fn pv_proxy_authenticate(cx: &mut RouteCx, me: &Auth, realm: Str, password: Str, flags: i64) -> CallResult {
    me.check_password(
        cx,
        Check { kind: HeaderKind::ProxyAuthorization, realm, password, flags, method: None, identity: false },
    )
}

/// The same as `pv_proxy_authenticate`.
#[function(REQUEST)]
pub fn pv_proxy_authorize(cx: &mut RouteCx, me: &Auth, realm: Str, password: Str, flags: i64) -> CallResult {
    me.check_password(
        cx,
        Check { kind: HeaderKind::ProxyAuthorization, realm, password, flags, method: None, identity: false },
    )
}

/// `pv_www_authenticate` for a REGISTER, `pv_proxy_authenticate` for other requests. With `checks` 1 the user of the
/// credentials must be that of From; To (REGISTER, PUBLISH) and the request-URI (PUBLISH) must have the same user, with
/// `use_domain` at the same domain.
///
/// Returns what they return, or -8: another user.
#[function(REQUEST)]
pub fn pv_auth_check(cx: &mut RouteCx, me: &Auth, realm: Str, password: Str, flags: i64, checks: i64) -> CallResult {
    let kind = HeaderKind::of_method(cx.message.method());
    me.check_password(cx, Check { kind, realm, password, flags, method: None, identity: checks & 1 != 0 })
}
