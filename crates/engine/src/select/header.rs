//! Headers: `@from.uri.user`, `@via[2].received`, `@hf_value["X-Name"]`.

use sip::header::{Credentials, NameAddr, Params, Via};
use sip::{HeaderName, Str};

use super::{FIRST, Part, Read, Wrong, end, only, uri};
use crate::route_cx::RouteCx;

/// Finds an address in a message.
type Find = fn(&RouteCx) -> Option<NameAddr>;

const ADDRESS: &[&str] = &["name", "uri", "tag", "params"];
const CONTACT: &[&str] = &["name", "uri", "params", "q", "expires", "methods", "received", "instance"];
const VIA: &[&str] =
    &["name", "version", "transport", "host", "port", "comment", "branch", "received", "rport", "i", "alias", "params"];
const CREDENTIALS: &[&str] =
    &["username", "realm", "nonce", "uri", "response", "algorithm", "qop", "cnonce", "nc", "opaque"];
const VALUE: &[&str] = &["name", "uri", "nameaddr", "param", "params", "p"];

/// The selects whose first name is that of a header.
pub(super) fn read(first: &str, rest: &[Part]) -> Result<Read, Wrong> {
    match first {
        "from" | "f" => address(rest, HeaderName::From, |cx| cx.message.from().ok().flatten().cloned()),
        "to" | "t" => address(rest, HeaderName::To, |cx| cx.message.to().ok().flatten().cloned()),
        "contact" | "m" => address(rest, HeaderName::Contact, |cx| {
            Some(cx.message.contacts().ok().flatten()?.list.first()?.address.clone())
        }),
        "refer_to" => address(rest, HeaderName::ReferTo, |cx| cx.message.refer_to().ok().flatten().cloned()),
        "rpid" => address(rest, HeaderName::RemotePartyId, |cx| cx.message.remote_party_id().ok().flatten().cloned()),
        "record_route" | "rr" => {
            address(rest, HeaderName::RecordRoute, |cx| cx.message.record_routes().ok()?.first().cloned())
        }
        "via" | "v" => via(rest),
        "cseq" => cseq(rest),
        "call_id" => whole(rest, first, "Call-ID"),
        "max_forwards" => whole(rest, first, "Max-Forwards"),
        "expires" => whole(rest, first, "Expires"),
        "content_length" => whole(rest, first, "Content-Length"),
        "content_type" => whole(rest, first, "Content-Type"),
        "event" => end(rest, first, |cx| {
            let event = cx.message.header_body(b"Event")?;
            let end = event.iter().position(|byte| *byte == b';').unwrap_or(event.len());
            Some(event.slice(..end).trim())
        }),
        "user_agent" => whole(rest, first, "User-Agent"),
        "subject" => whole(rest, first, "Subject"),
        "organization" => whole(rest, first, "Organization"),
        "priority" => whole(rest, first, "Priority"),
        "session_expires" => whole(rest, first, "Session-Expires"),
        "min_se" => whole(rest, first, "Min-SE"),
        "date" => whole(rest, first, "Date"),
        "identity" => whole(rest, first, "Identity"),
        "identity_info" => whole(rest, first, "Identity-Info"),
        "sip_if_match" => whole(rest, first, "SIP-If-Match"),
        "authorization" => credentials(rest, |cx| cx.message.authorization().ok().map(<[Credentials]>::to_vec)),
        "proxy_authorization" => {
            credentials(rest, |cx| cx.message.proxy_authorization().ok().map(<[Credentials]>::to_vec))
        }
        "hf_value" => value(rest),
        "hf_value2" => value2(rest),
        "hf_value_exists" => exists(rest),
        _ => Err(Wrong::Name(first.to_owned(), FIRST)),
    }
}

/// The body of the first header of a name.
fn whole(rest: &[Part], first: &str, name: &'static str) -> Result<Read, Wrong> {
    end(rest, first, move |cx| cx.message.header_body(name.as_bytes()))
}

/// An address header: the whole body, or `.name`, `.uri..`, `.params.x`; the further ones of From, To and Contact.
fn address(rest: &[Part], header: HeaderName, find: Find) -> Result<Read, Wrong> {
    let Some((part, rest)) = rest.split_first() else {
        return Ok(Box::new(move |cx| cx.message.body_named(header)));
    };
    let is_contact = header == HeaderName::Contact;
    let known = if is_contact { CONTACT } else { ADDRESS };
    let Part::Name(part) = part else { return Err(Wrong::Missing("`uri`, `name` or `params`")) };
    let param = |name: &'static str| end(rest, part, move |cx| find(cx)?.params.get(name));
    match part.as_str() {
        "name" => end(rest, part, move |cx| Some(find(cx)?.display).filter(|name| !name.is_empty())),
        "uri" => uri(rest, move |cx| find(cx).map(|address| address.uri)),
        "tag" if !is_contact => param("tag"),
        "q" if is_contact => param("q"),
        "expires" if is_contact => param("expires"),
        "methods" if is_contact => param("methods"),
        "received" if is_contact => param("received"),
        "instance" if is_contact => param("+sip.instance"),
        "params" => {
            let name = only(rest, "the parameter's name")?;
            Ok(Box::new(move |cx| find(cx)?.params.get(&name)))
        }
        _ => Err(Wrong::Name(part.clone(), known)),
    }
}

/// `@via`, `@via[2]`, `@via[-1].branch`. Without an index: the first.
fn via(rest: &[Part]) -> Result<Read, Wrong> {
    let (index, rest) = match rest {
        [Part::Index(index), rest @ ..] => (*index, rest),
        _ => (1, rest),
    };
    let find = move |cx: &RouteCx| -> Option<Via> {
        let vias = cx.message.vias().ok()?;
        vias.get(position(index, vias.len())?).cloned()
    };
    let Some((part, rest)) = rest.split_first() else { return Ok(Box::new(move |cx| Some(find(cx)?.text))) };
    let Part::Name(part) = part else { return Err(Wrong::Missing("`host`, `branch` ..")) };
    let param = |name: &'static str| end(rest, part, move |cx| find(cx)?.params.get(name));
    match part.as_str() {
        "name" => end(rest, part, move |cx| Some(find(cx)?.protocol_name())),
        "version" => end(rest, part, move |cx| Some(find(cx)?.version())),
        "transport" => end(rest, part, move |cx| Some(find(cx)?.transport.name())),
        "host" => end(rest, part, move |cx| Some(find(cx)?.host)),
        "port" => end(rest, part, move |cx| Some(Str::from(find(cx)?.port?.to_string()))),
        "comment" => end(rest, part, move |cx| find(cx)?.comment()),
        "branch" => param("branch"),
        "received" => param("received"),
        "rport" => param("rport"),
        "i" => param("i"),
        "alias" => param("alias"),
        "params" => {
            let name = only(rest, "the parameter's name")?;
            Ok(Box::new(move |cx| find(cx)?.params.get(&name)))
        }
        _ => Err(Wrong::Name(part.clone(), VIA)),
    }
}

/// From 1 for the first, -1 for the last.
fn position(index: i64, count: usize) -> Option<usize> {
    match index {
        0 => None,
        1.. => usize::try_from(index - 1).ok(),
        _ => count.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

fn cseq(rest: &[Part]) -> Result<Read, Wrong> {
    if rest.is_empty() {
        return Ok(Box::new(|cx| cx.message.body_named(HeaderName::CSeq)));
    }
    let parsed = |cx: &RouteCx| cx.message.cseq().ok().flatten().cloned();
    match only(rest, "`num` or `method`")?.as_str() {
        "num" => Ok(Box::new(move |cx| Some(Str::from(parsed(cx)?.number.to_string())))),
        "method" => Ok(Box::new(move |cx| Some(parsed(cx)?.method_name))),
        other => Err(Wrong::Name(other.to_owned(), &["num", "method"])),
    }
}

/// `authorization["realm"].username`: the credentials for a realm.
fn credentials(rest: &[Part], all: fn(&RouteCx) -> Option<Vec<Credentials>>) -> Result<Read, Wrong> {
    let [Part::Key(realm), rest @ ..] = rest else {
        return Err(Wrong::Missing("the realm: `[\"example.com\"]`"));
    };
    let realm = realm.clone();
    let find =
        move |cx: &RouteCx| all(cx)?.into_iter().find(|one| one.realm().is_some_and(|its| its == realm.as_str()));
    let Some((part, rest)) = rest.split_first() else {
        return Ok(Box::new(move |cx| Some(Str::from(find(cx)?.to_string()))));
    };
    let Part::Name(part) = part else { return Err(Wrong::Missing("`username`, `nonce` ..")) };
    match part.as_str() {
        "username" => match rest {
            [] => Ok(Box::new(move |cx| find(cx)?.username())),
            [Part::Name(half)] if half == "user" => Ok(Box::new(move |cx| find(cx)?.username_user())),
            [Part::Name(half)] if half == "domain" => Ok(Box::new(move |cx| find(cx)?.username_domain())),
            [Part::Name(half), ..] => Err(Wrong::Name(half.clone(), &["user", "domain"])),
            _ => Err(Wrong::Behind(part.clone())),
        },
        "realm" => end(rest, part, move |cx| find(cx)?.realm()),
        "nonce" => end(rest, part, move |cx| find(cx)?.nonce()),
        "uri" => end(rest, part, move |cx| find(cx)?.uri()),
        "response" => end(rest, part, move |cx| find(cx)?.response()),
        "algorithm" => end(rest, part, move |cx| find(cx)?.algorithm()),
        "qop" => end(rest, part, move |cx| find(cx)?.qop()),
        "cnonce" => end(rest, part, move |cx| find(cx)?.cnonce()),
        "nc" => end(rest, part, move |cx| find(cx)?.nc()),
        "opaque" => end(rest, part, move |cx| find(cx)?.opaque()),
        _ => Err(Wrong::Name(part.clone(), CREDENTIALS)),
    }
}

/// The name of a header in `hf_value.x_name` or `hf_value["X-Name"]`.
fn header_name(rest: &[Part]) -> Result<(String, &[Part]), Wrong> {
    match rest {
        [Part::Name(name), rest @ ..] => Ok((name.replace('_', "-"), rest)),
        [Part::Key(name), rest @ ..] => Ok((name.clone(), rest)),
        _ => Err(Wrong::Missing("the header's name: `[\"X-Name\"]` or `.x_name`")),
    }
}

/// The values of all headers of a name, cut at commas outside of quotes and angle brackets.
fn values(cx: &RouteCx, name: &str) -> Vec<Str> {
    let mut found = Vec::new();
    for header in cx.message.headers_with_name(name.as_bytes()) {
        let body = cx.message.body_of(header);
        let (mut quoted, mut bracket, mut start) = (false, false, 0);
        for (at, byte) in body.iter().enumerate() {
            match byte {
                b'"' if at == 0 || body[at - 1] != b'\\' => quoted = !quoted,
                b'<' if !quoted => bracket = true,
                b'>' if !quoted => bracket = false,
                b',' if !quoted && !bracket => {
                    found.push(body.slice(start..at).trim());
                    start = at + 1;
                }
                _ => {}
            }
        }
        found.push(body.slice(start..).trim());
    }
    found
}

/// `hf_value["X-Name"]`: all values, joined with a comma; `[1]`, `[-1]`: one of them; then `.uri`, `.name` and
/// `.param.x` of a value that is an address or has parameters. `[0]` is the first as well.
fn value(rest: &[Part]) -> Result<Read, Wrong> {
    let (name, rest) = header_name(rest)?;
    let (index, rest) = match rest {
        [Part::Index(0), rest @ ..] => (Some(1), rest),
        [Part::Index(index), rest @ ..] => (Some(*index), rest),
        _ => (None, rest),
    };
    let wanted = move |cx: &RouteCx| -> Vec<Str> {
        let all = values(cx, &name);
        match index {
            None => all,
            Some(index) => position(index, all.len()).and_then(|at| all.get(at).cloned()).into_iter().collect(),
        }
    };
    let Some((part, rest)) = rest.split_first() else { return Ok(Box::new(move |cx| joined(&wanted(cx)))) };
    let Part::Name(part) = part else { return Err(Wrong::Missing("`uri`, `name` or `param`")) };
    let first = move |cx: &RouteCx| wanted(cx).into_iter().next();
    let parsed = |value: Str| NameAddr::parse(value);
    match (part.as_str(), rest) {
        ("*", []) => Ok(Box::new(move |cx| first(cx))),
        ("name", []) => Ok(Box::new(move |cx| Some(unquoted(&parsed(first(cx)?)?.display)))),
        ("uri" | "nameaddr", []) => Ok(Box::new(move |cx| Some(parsed(first(cx)?)?.uri))),
        ("uri", _) => uri(rest, move |cx| Some(parsed(first(cx)?)?.uri)),
        ("nameaddr", [Part::Name(part), rest @ ..]) if part == "uri" => {
            uri(rest, move |cx| Some(parsed(first(cx)?)?.uri))
        }
        ("nameaddr", [Part::Name(part)]) if part == "name" => Ok(Box::new(move |cx| Some(parsed(first(cx)?)?.display))),
        ("param" | "params" | "p", _) => {
            let name = only(rest, "the parameter's name")?;
            Ok(Box::new(move |cx| params_of(&first(cx)?)?.get(&name)))
        }
        ("name", _) => Err(Wrong::Behind(part.clone())),
        _ => Err(Wrong::Name(part.clone(), VALUE)),
    }
}

/// The same of the first value, where it is a list of parameters: `.params.x`.
fn value2(rest: &[Part]) -> Result<Read, Wrong> {
    let (name, rest) = header_name(rest)?;
    let (index, rest) = match rest {
        [Part::Index(index), rest @ ..] => (*index, rest),
        _ => (1, rest),
    };
    let one = move |cx: &RouteCx| -> Option<Str> {
        let all = values(cx, &name);
        all.get(position(index, all.len())?).cloned()
    };
    match rest {
        [] => Ok(Box::new(one)),
        [Part::Name(part), rest @ ..] if matches!(part.as_str(), "params" | "param" | "p") => {
            let name = only(rest, "the parameter's name")?;
            Ok(Box::new(move |cx| params_of(&one(cx)?)?.get(&name)))
        }
        [Part::Name(part), ..] => Err(Wrong::Name(part.clone(), &["params", "param", "p"])),
        _ => Err(Wrong::Missing("`params.x`")),
    }
}

/// `hf_value_exists.supported.path`: `1` when one of the header's values is this, else `0`.
fn exists(rest: &[Part]) -> Result<Read, Wrong> {
    let (name, rest) = header_name(rest)?;
    let wanted = only(rest, "the value to look for")?;
    Ok(Box::new(move |cx| {
        let found = values(cx, &name).iter().any(|value| *value == wanted.as_str());
        Some(Str::from_static(if found { "1" } else { "0" }))
    }))
}

fn joined(values: &[Str]) -> Option<Str> {
    let (first, more) = values.split_first()?;
    let mut text = first.to_vec();
    for value in more {
        text.push(b',');
        text.extend_from_slice(value);
    }
    Some(Str::from(text))
}

/// The parameters behind the first `;` of a value, or behind the `>` of an address.
fn params_of(value: &Str) -> Option<Params> {
    let start = value.iter().position(|byte| *byte == b'>').unwrap_or(0);
    let at = start + value[start..].iter().position(|byte| *byte == b';')?;
    Params::parse(value.slice(at..))
}

/// A display name without its quotes.
fn unquoted(name: &Str) -> Str {
    let bare = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\""));
    bare.map_or_else(|| name.clone(), |bare| name.slice_ref(bare))
}
