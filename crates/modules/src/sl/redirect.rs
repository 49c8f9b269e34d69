//! The contacts of a redirection.

use engine::{RouteCx, Str};

/// `rich_redirect`: the flags of the branch.
const FLAGS: i64 = 1;
/// `rich_redirect`: its path.
const PATH: i64 = 2;

/// One address that the caller is sent to.
struct Contact<'a> {
    uri: &'a Str,
    q: Option<i32>,
    flags: u32,
    path: Option<&'a Str>,
}

/// The Contact header line of a redirection: the changed request-URI and the further branches.
pub(crate) fn contacts(cx: &RouteCx, rich: i64) -> Option<Str> {
    let to = &cx.to;
    let first = to.new_uri.as_ref().map(|uri| Contact { uri, q: to.q, flags: to.flags, path: to.path.as_ref() });
    let others = to.branches.iter().map(|branch| Contact {
        uri: &branch.uri,
        q: branch.q,
        flags: branch.flags,
        path: branch.path.as_ref(),
    });
    let mut line = b"Contact: ".to_vec();
    let empty = line.len();
    for contact in first.into_iter().chain(others) {
        if line.len() > empty {
            line.extend_from_slice(b", ");
        }
        append(&mut line, &contact, rich);
    }
    if line.len() == empty {
        return None;
    }
    line.extend_from_slice(b"\r\n");
    Some(Str::from(line))
}

fn append(line: &mut Vec<u8>, contact: &Contact<'_>, rich: i64) {
    line.push(b'<');
    line.extend_from_slice(contact.uri);
    if let Some(path) = contact.path.filter(|path| rich & PATH != 0 && !path.is_empty()) {
        line.push(if contact.uri.contains(&b'?') { b'&' } else { b'?' });
        line.extend_from_slice(b"Route=");
        escape(line, path);
    }
    line.push(b'>');
    if let Some(q) = contact.q {
        let text = format!(";q={}.{:03}", q / 1000, q % 1000);
        line.extend_from_slice(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
    }
    if rich & FLAGS != 0 && contact.flags != 0 {
        line.extend_from_slice(format!(";flags={}", contact.flags).as_bytes());
    }
}

/// Escapes what may not stand in a URI's header (RFC 3261 section 25.1 `hvalue`), in lower case as Kamailio does.
fn escape(line: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        let plain = byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/?:+$".contains(&byte);
        if plain {
            line.push(byte);
        } else {
            line.extend_from_slice(format!("%{byte:02x}").as_bytes());
        }
    }
}
