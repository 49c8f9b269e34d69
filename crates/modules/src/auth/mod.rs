//! Module `auth`: digest authentication (RFC 7616, RFC 8760): challenges, and checks of the answers to them.
//!
//! Start reading at `check.rs`: the three steps of a check, which module `auth_db` and others use with passwords of
//! their own, too. `functions.rs` has the script functions, `challenge.rs` makes the replies 401 and 407, `nonce.rs`
//! the nonces. `aka.rs` is AKAv1-MD5 for phones with a USIM, on top of `milenage.rs`. Passwords, HA1s and the secret
//! are never logged; hashes are compared in constant time; what is remembered of nonces is bounded.

mod aka;
mod challenge;
pub mod check;
mod functions;
pub mod milenage;
mod nonce;
mod params;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::{BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params, Str};

use crate::sl::Sl;
use nonce::Nonces;

pub use check::{Answer, CheckOptions, Failure, HeaderKind, PreAuth, Proof, Secret};
pub use functions::is_own_identity;
pub use params::AuthParams;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "auth",
    summary: "Digest authentication: challenges, and checks of the answers.",
    needs: &["sl"],
    params: AuthParams::DEFS,
    functions: &[
        aka::AKA_CHALLENGE,
        aka::AKA_CHECK,
        functions::AUTH_ALGORITHM,
        functions::AUTH_CHALLENGE,
        functions::AUTH_GET_WWW_AUTHENTICATE,
        functions::CONSUME_CREDENTIALS,
        functions::HAS_CREDENTIALS,
        functions::PROXY_CHALLENGE,
        functions::PV_AUTH_CHECK,
        functions::PV_PROXY_AUTHENTICATE,
        functions::PV_PROXY_AUTHORIZE,
        functions::PV_WWW_AUTHENTICATE,
        functions::PV_WWW_AUTHORIZE,
        functions::WWW_CHALLENGE,
    ],
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Auth {
    params: AuthParams,
    nonces: Nonces,
    /// The AVP of `challenge_attr`.
    attribute: Str,
    aka: aka::Aka,
    sl: Arc<Sl>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: AuthParams = creating.params()?;
    params.check(creating)?;
    let Some(sl) = creating.modules.get::<Sl>() else {
        let text = "module `auth` needs module `sl`";
        return Err(Diagnostic::error(Code::MissingDependency, text, creating.span, "loaded without it"));
    };
    let nonces = Nonces::new(params.secret.0.as_deref(), params.nonce_options());
    let attribute = params.attribute().unwrap_or_default();
    Ok(Arc::new(Auth { params, nonces, attribute, aka: aka::Aka::default(), sl }))
}

impl Module for Auth {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        self.nonces.start(core.unix_time());
        Box::pin(async { Ok(()) })
    }
}
