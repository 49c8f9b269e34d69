//! `uac_auth()`: the request goes once more with the answer to the challenge that it got.

use engine::params::ParamKind;
use engine::{CallResult, Diagnostic, ParamSource, ParamType, Return, RouteCx, ScriptError, Str, Value, function};
use sip::Message;

use super::Uac;
use super::digest::{Login, Secret, Target, Unanswered, answer};
use crate::tm::Current;

/// One `credential`.
#[derive(Clone, Default)]
pub struct Credential {
    username: Str,
    realm: Str,
    password: Str,
}

impl ParamType for Credential {
    const KIND: ParamKind = ParamKind::String;

    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let mut text = String::new();
        text.assign(source)?;
        let mut parts = text.splitn(3, ':').map(str::trim);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(username), Some(realm), Some(password))
                if !username.is_empty() && !realm.is_empty() && !password.is_empty() =>
            {
                *self = Self { username: username.into(), realm: realm.into(), password: password.into() };
                Ok(())
            }
            // The text is a secret: it is not repeated.
            _ => Err(source.error("a credential is written `username:realm:password`", "a part is missing")),
        }
    }
}

impl Uac {
    /// User name and password for a realm: of the variables, else of the parameters.
    fn login(&self, cx: &RouteCx, realm: &Str, is_ha1: bool) -> Option<Login> {
        let secret = |text: Str| if is_ha1 { Secret::Ha1(text) } else { Secret::Password(text) };
        let text = |value: Value| match value {
            Value::Null => None,
            value => Some(value.into_str()).filter(|text| !text.is_empty()),
        };
        if let Some(variables) = &self.auth
            && let (Some(username), Some(password)) =
                (text(variables.username.eval(cx)), text(variables.password.eval(cx)))
            && text(variables.realm.eval(cx)).is_none_or(|wanted| wanted == *realm)
        {
            return Some(Login { username, secret: secret(password) });
        }
        self.params
            .credential
            .iter()
            .find(|known| known.realm == *realm)
            .map(|known| Login { username: known.username.clone(), secret: secret(known.password.clone()) })
    }

    fn auth(&self, cx: &mut RouteCx, mode: i64) -> CallResult {
        let no_transaction = || ScriptError::new("only for requests that were relayed and got a reply");
        let current = cx.find_data::<Current>().ok_or_else(no_transaction)?;
        let (transaction, branch) = current.transaction.clone().zip(current.branch).ok_or_else(no_transaction)?;
        let (status, reply, sent, to, saved_next_hop) = {
            let state = transaction.lock();
            let seen = state.machine.branches().get(branch).ok_or_else(no_transaction)?;
            let at = state.branches.get(branch).ok_or_else(no_transaction)?;
            let reply = at.reply.as_ref().filter(|_| !seen.faked()).map(|kept| kept.received.clone());
            (seen.status(), reply, at.request.clone(), at.to.clone(), state.request.to.destination.clone())
        };
        let no_challenge = || ScriptError::new(format!("a reply {status} that is no challenge"));
        let reply = reply.and_then(|text| Message::parse(text).ok()).ok_or_else(no_challenge)?;
        let body = Message::parse(sent).map(|sent| sent.body()).unwrap_or_default();
        let method = cx.message.method_name();
        let target = Target { method: &method, uri: &to.uri, body: &body };
        let header = match answer(&reply, status, &target, |realm| self.login(cx, realm, mode != 0)) {
            Ok(header) => header,
            Err(Unanswered::NoLogin) => return Ok(Return::FALSE),
            Err(Unanswered::NoChallenge) => return Err(no_challenge()),
            Err(Unanswered::NotUnderstood) => {
                return Err(ScriptError::new(format!("no challenge in the reply {status} can be answered")));
            }
        };
        let end = cx.message.headers_end();
        cx.message.edits_mut().insert_after(end, header);
        // The answer is good for the URI of the branch that was challenged, which a branch route may have set. A next hop
        // that the script has just chosen stays.
        if cx.to.destination == saved_next_hop {
            let flags = cx.to.flags;
            cx.to.set_first(engine::Branch { flags, ..to });
        } else {
            cx.to.set_uri(to.uri);
        }
        Ok(Return::TRUE)
    }
}

/// Adds the answer to the challenge (401 or 407) that the request got, and makes the challenged URI the request-URI again:
/// `t_relay()` then sends the request once more. User name and password come from the variables of `auth_realm_avp`,
/// `auth_username_avp` and `auth_password_avp`, else from `credential`. With `mode` 1 the password is an HA1. The
/// algorithms are MD5, SHA-256 and their `-sess` forms. The CSeq stays as it was, which some servers refuse.
///
/// Returns 1; -1 when there is no challenge, or no password for its realm.
#[function(REQUEST | FAILURE | EVENT)]
pub fn uac_auth(cx: &mut RouteCx, me: &Uac, mode: Option<i64>) -> CallResult {
    me.auth(cx, mode.unwrap_or(0))
}

/// The same as `uac_auth(mode)`.
#[function(REQUEST | FAILURE | EVENT)]
pub fn uac_auth_mode(cx: &mut RouteCx, me: &Uac, mode: i64) -> CallResult {
    me.auth(cx, mode)
}
