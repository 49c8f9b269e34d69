//! Digest credentials: `$au`, `$ar`, and the accounting user `$Au`.

use engine::{RouteCx, Str, Value, variable};
use sip::Credentials;

use super::request_uri::user_of;

/// Whom the credentials of a request belong to: kept with the message (`cx.data()`) by the module that checked them.
#[derive(Clone, Debug, Default)]
pub struct AuthenticatedUser {
    /// The user name without a domain; empty: nobody was authenticated.
    pub user: Str,
    /// The realm.
    pub realm: Str,
}

/// The first digest of Proxy-Authorization, else of Authorization.
fn digest(cx: &RouteCx) -> Option<&Credentials> {
    let proxy = cx.message.proxy_authorization().unwrap_or_default();
    let first = proxy.first().or_else(|| cx.message.authorization().unwrap_or_default().first());
    first.filter(|credentials| credentials.is_digest())
}

/// A field; the empty text when the credentials lack it, `$null` when there are none.
fn field(cx: &RouteCx, field: fn(&Credentials) -> Option<Str>) -> Value {
    digest(cx).map(|credentials| field(credentials).unwrap_or_default()).into()
}

/// The user name of the credentials, without its domain.
#[variable("au")]
pub fn au(cx: &RouteCx) -> Value {
    field(cx, Credentials::username_user)
}

/// The domain in the user name of the credentials.
#[variable("ad")]
pub fn ad(cx: &RouteCx) -> Value {
    field(cx, Credentials::username_domain)
}

/// The user name of the credentials as sent.
#[variable("aU")]
pub fn auth_username(cx: &RouteCx) -> Value {
    field(cx, Credentials::username)
}

/// The realm of the credentials.
#[variable("ar")]
pub fn ar(cx: &RouteCx) -> Value {
    field(cx, Credentials::realm)
}

/// The algorithm of the credentials.
#[variable("aa")]
pub fn aa(cx: &RouteCx) -> Value {
    field(cx, Credentials::algorithm)
}

/// The URI of the credentials.
#[variable("adu")]
pub fn adu(cx: &RouteCx) -> Value {
    field(cx, Credentials::uri)
}

/// The nonce of the credentials.
#[variable("adn")]
pub fn adn(cx: &RouteCx) -> Value {
    field(cx, Credentials::nonce)
}

/// The client's nonce of the credentials.
#[variable("adc")]
pub fn adc(cx: &RouteCx) -> Value {
    field(cx, Credentials::cnonce)
}

/// The response of the credentials.
#[variable("adr")]
pub fn adr(cx: &RouteCx) -> Value {
    field(cx, Credentials::response)
}

/// The opaque text of the credentials.
#[variable("ado")]
pub fn ado(cx: &RouteCx) -> Value {
    field(cx, Credentials::opaque)
}

fn authenticated(cx: &RouteCx) -> Option<&AuthenticatedUser> {
    cx.find_data::<AuthenticatedUser>().filter(|known| !known.user.is_empty())
}

/// Who is accounted for: `user@realm` of checked credentials, else `user@host` of From.
#[variable("Au")]
pub fn account(cx: &RouteCx) -> Value {
    if let Some(known) = authenticated(cx) {
        return Value::from([&*known.user, b"@", &*known.realm].concat());
    }
    let Some(uri) = cx.message.from().ok().flatten().and_then(|from| from.parsed_uri().ok()) else {
        return Value::Null;
    };
    Value::from([&*user_of(cx, uri).unwrap_or_default(), b"@", uri.host_bytes()].concat())
}

/// The user name in `$Au`.
#[variable("AU")]
pub fn account_user(cx: &RouteCx) -> Value {
    if let Some(known) = authenticated(cx) {
        return Value::from(&known.user);
    }
    let from = cx.message.from().ok().flatten().and_then(|from| from.parsed_uri().ok());
    from.map(|uri| user_of(cx, uri).unwrap_or_default()).into()
}
