//! Kamailio's hash of one or two texts: which destination a caller gets must not change with the server.

use engine::RouteCx;
use sip::{Scheme, Str, Uri};

/// Two texts after each other (the second one may be missing).
pub(super) fn hash(first: &[u8], second: Option<&[u8]>) -> u32 {
    let mut sum = add(0, first);
    if let Some(second) = second {
        sum = add(sum, second);
    }
    sum.wrapping_add(sum >> 11).wrapping_add(sum >> 13).wrapping_add(sum >> 23)
}

fn add(sum: u32, text: &[u8]) -> u32 {
    let word = |bytes: &[u8]| bytes.iter().fold(0_u32, |word, &byte| word << 8 | u32::from(byte));
    let mix = |word: u32| word ^ (word >> 3);
    let chunks = text.chunks_exact(4);
    let rest = mix(word(chunks.remainder()));
    chunks.fold(sum, |sum, chunk| sum.wrapping_add(mix(word(chunk)))).wrapping_add(rest)
}

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
    Some(hash(&user, Some(&host).filter(|_| !user_only).map(Vec::as_slice)))
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

    /// Numbers that `dispatcher.hash` of Kamailio 5.6.3 shows.
    #[test]
    fn hash_is_kamailios() {
        assert_eq!(hash(b"a", None), 109);
        assert_eq!(hash(b"ab", None), 27998);
        assert_eq!(hash(b"alice", None), 1_834_153_949);
        assert_eq!(hash(b"abcdefgh", None) as i32, -684_034_020);
        assert_eq!(hash(b"alice", Some(b"server.com")), 1_412_806_172);
        assert_eq!(hash(b"alice", Some(b"server.com:5080")) as i32, -1_225_024_114);
    }

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
