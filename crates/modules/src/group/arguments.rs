//! The argument that says which user is meant.

use std::sync::Arc;

use engine::script_type::VariableName;
use engine::variable::ScriptVariable;
use engine::{ArgSource, CompileEnv, Diagnostic, RouteCx, ScriptError, ScriptType, Str};
use sip::Uri;

use crate::pv::AuthenticatedUser;

/// Which user: `Request-URI`, `To`, `From`, `Credentials`, or an AVP with a URI.
#[derive(Clone)]
pub enum Subject {
    /// The request-URI.
    RequestUri,
    /// The URI in To.
    To,
    /// The URI in From.
    From,
    /// Whose credentials were right.
    Credentials,
    /// The URI in an AVP.
    Avp(Arc<dyn ScriptVariable>),
}

impl ScriptType for Subject {
    type Compiled = Self;
    const KIND: &'static str = "user";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let text = arg.literal();
        Ok(match text.as_deref() {
            Some(text) if text.eq_ignore_ascii_case("Request-URI") => Self::RequestUri,
            Some(text) if text.eq_ignore_ascii_case("To") => Self::To,
            Some(text) if text.eq_ignore_ascii_case("From") => Self::From,
            Some(text) if text.eq_ignore_ascii_case("Credentials") => Self::Credentials,
            Some(text) if !text.trim_start().starts_with("$avp(") => {
                let label = "`Request-URI`, `To`, `From`, `Credentials` or `$avp(name)`";
                return Err(arg.error(format!("`{text}` says of no user who is meant"), label));
            }
            _ => Self::Avp(VariableName::compile(Some(arg), env)?),
        })
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(compiled.clone())
    }
}

/// A user.
pub(super) struct User {
    pub(super) name: Str,
    pub(super) domain: Str,
}

impl Subject {
    /// The user; `None`: the URI has none.
    pub(super) fn user(&self, cx: &RouteCx) -> Result<Option<User>, ScriptError> {
        let uri = match self {
            Self::RequestUri => Some(cx.request_uri()),
            Self::To => cx.message.to().ok().flatten().map(|to| to.uri.clone()),
            Self::From => cx.message.from().ok().flatten().map(|from| from.uri.clone()),
            Self::Avp(variable) => variable.get(cx).as_str().cloned(),
            Self::Credentials => {
                let known = cx.find_data::<AuthenticatedUser>().filter(|known| !known.user.is_empty());
                let known = known.ok_or_else(|| ScriptError::new("nobody's credentials were checked"))?;
                return Ok(Some(User { name: known.user.clone(), domain: known.realm.clone() }));
            }
        };
        let uri = uri.ok_or_else(|| ScriptError::new("there is no URI of a user"))?;
        let uri = Uri::parse(uri.clone()).map_err(|_| ScriptError::new(format!("`{uri}` is no URI")))?;
        Ok(uri.user().filter(|user| !user.is_empty()).map(|name| User { name, domain: uri.host() }))
    }
}
