//! What of a request is hashed.

use engine::RouteCx;
use sip::{Scheme, Str, Uri};

use crate::core_hash::core_hash;

/// The hash of a URI: of its user, and unless `user_only` its host with a port that is not the usual one.
pub(super) fn of_uri(text: &Str, user_only: bool) -> Option<u32> {
    let uri = Uri::parse(text.clone()).ok()?;
    let user = uri.user().unwrap_or_default();
    let usual = if uri.scheme() == Scheme::Sips { 5061 } else { 5060 };
    let host = match uri.port().filter(|port| *port != usual) {
        Some(port) => [uri.host_bytes(), b":", port.to_string().as_bytes()].concat(),
        None => uri.host_bytes().to_vec(),
    };
    if user.is_empty() && host.is_empty() {
        return None;
    }
    Some(if user_only { core_hash(&[&user]) } else { core_hash(&[&user, &host]) })
}

/// The user name, without its domain, in the credentials of a request: of Proxy-Authorization, else of Authorization.
pub(super) fn username(cx: &RouteCx) -> Option<Str> {
    let proxy = cx.message.proxy_authorization().unwrap_or_default();
    let first = proxy.first().or_else(|| cx.message.authorization().unwrap_or_default().first())?;
    first.username_user().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_uris() {
        let of = |text: &'static str| of_uri(&Str::from_static(text), false);
        assert_eq!(of("sip:alice@server.com"), Some(1_412_806_172));
        assert_eq!(of("sip:alice@server.com:5060;x=y"), Some(1_412_806_172));
        assert_eq!(of("sips:alice@server.com:5061"), Some(1_412_806_172));
        assert_eq!(of("sip:alice@server.com:5080").map(|hash| hash as i32), Some(-1_225_024_114));
        assert_eq!(of_uri(&Str::from_static("sip:alice@server.com"), true), Some(1_834_153_949));
        assert_eq!(of("x"), None);
    }
}
