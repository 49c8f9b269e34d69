//! Headers: `$hdr(..)`, `$ct`, `$ua`, `$ai`, `$expires(..)`.

use engine::{Index, RouteCx, Str, Value, variable};
use sip::{ContactValue, HeaderName, NameAddr, Uri, scan};

use super::names::inner_name;
use super::request_uri::{host, user_of};

/// The value of `list` at an index; `[*]` joins all with a comma and no blank.
fn at(list: &[Str], index: Index) -> Value {
    match index {
        Index::All if list.is_empty() => Value::Null,
        Index::All => Value::from(list.join(&b","[..])),
        _ => index.position(list.len()).map(|at| list[at].clone()).into(),
    }
}

fn bodies(cx: &RouteCx, name: &[u8]) -> Vec<Str> {
    if name == b"*" {
        return cx.message.headers().iter().map(|header| cx.message.body_of(header)).collect();
    }
    cx.message.headers_with_name(name).map(|header| cx.message.body_of(header)).collect()
}

/// The value of a header; `[n]` the n-th one of that name (the first is 0, negative counts from the end), `[*]` all,
/// joined with commas. `*` stands for any name. Folded lines keep their line ends.
#[variable("hdr")]
pub fn hdr(cx: &RouteCx, name: Str, index: Index) -> Value {
    match index {
        Index::None | Index::At(0) if &*name != b"*" => cx.message.header_body(&name).into(),
        _ => at(&bodies(cx, &name), index),
    }
}

/// How many headers of a name there are.
#[variable("hdrc")]
pub fn hdrc(cx: &RouteCx, name: Str) -> Value {
    if &*name == b"*" {
        return cx.message.headers().len().into();
    }
    cx.message.headers_with_name(&name).count().into()
}

/// The values of a header, those of lists one by one.
fn values(cx: &RouteCx, name: &[u8]) -> Vec<Str> {
    let is_list = matches!(
        HeaderName::from_bytes(name),
        HeaderName::Contact
            | HeaderName::RecordRoute
            | HeaderName::Route
            | HeaderName::Via
            | HeaderName::Diversion
            | HeaderName::PAssertedIdentity
            | HeaderName::PPreferredIdentity
    );
    let bodies = bodies(cx, name);
    if !is_list {
        return bodies;
    }
    let split =
        |body: &Str| -> Vec<Str> { scan::split_commas(body).map(|(start, end)| body.slice(start..end)).collect() };
    bodies.iter().flat_map(split).collect()
}

/// The n-th value of a header whose lines hold comma separated lists: Contact, Record-Route, Route, Via, Diversion,
/// P-Asserted-Identity, P-Preferred-Identity. Of other headers the same as `$hdr(name)`.
#[variable("hfl")]
pub fn hfl(cx: &RouteCx, name: Str, index: Index) -> Value {
    at(&values(cx, &name), index)
}

/// How many values `$hfl(name)` has.
#[variable("hflc")]
pub fn hflc(cx: &RouteCx, name: Str) -> Value {
    values(cx, &name).len().into()
}

/// Call-ID.
#[variable("ci")]
pub fn ci(cx: &RouteCx) -> Value {
    cx.message.call_id().into()
}

/// The number in CSeq, as a text.
#[variable("cs")]
pub fn cs(cx: &RouteCx) -> Value {
    cx.message.cseq().ok().flatten().map(|cseq| cseq.number.to_string()).into()
}

/// CSeq: number and method.
#[variable("csb")]
pub fn csb(cx: &RouteCx) -> Value {
    cx.message.body_named(HeaderName::CSeq).into()
}

/// The first Contact header.
#[variable("ct")]
pub fn ct(cx: &RouteCx) -> Value {
    cx.message.body_named(HeaderName::Contact).into()
}

/// 1 when Contact is `*`, else 0.
#[variable("cts")]
pub fn cts(cx: &RouteCx) -> Value {
    let star = cx.message.contacts().ok().flatten().is_some_and(|contacts| contacts.star);
    Value::Int(i64::from(star))
}

/// The URI of the first Contact.
#[variable("ctu")]
pub fn ctu(cx: &RouteCx) -> Value {
    let first = cx.message.contacts().ok().flatten().and_then(|contacts| contacts.list.first());
    first.map(|contact| contact.uri.clone()).into()
}

/// Content-Type.
#[variable("cT")]
pub fn content_type(cx: &RouteCx) -> Value {
    cx.message.body_named(HeaderName::ContentType).into()
}

/// The number in Content-Length.
#[variable("cl")]
pub fn cl(cx: &RouteCx) -> Value {
    cx.message.content_length().ok().flatten().into()
}

/// User-Agent.
#[variable("ua")]
pub fn ua(cx: &RouteCx) -> Value {
    cx.message.user_agent().into()
}

fn address(list: Result<&[NameAddr], sip::HeaderError>, index: Index) -> Option<&NameAddr> {
    let list = list.ok()?;
    list.get(index.position(list.len())?)
}

/// The URI of P-Asserted-Identity (RFC 3325); `[n]` the n-th one.
#[variable("ai")]
pub fn ai(cx: &RouteCx, index: Index) -> Value {
    address(cx.message.p_asserted_identity(), index).map(|address| address.uri.clone()).into()
}

fn preferred(cx: &RouteCx, index: Index) -> Option<&NameAddr> {
    address(cx.message.p_preferred_identity(), index)
}

fn preferred_part(cx: &RouteCx, index: Index, part: impl FnOnce(&Uri) -> Option<Str>) -> Value {
    preferred(cx, index).and_then(|address| part(address.parsed_uri().ok()?)).into()
}

/// The URI of P-Preferred-Identity (RFC 3325); `[n]` the n-th one.
#[variable("pu")]
pub fn pu(cx: &RouteCx, index: Index) -> Value {
    preferred(cx, index).map(|address| address.uri.clone()).into()
}

/// The user of P-Preferred-Identity; `[n]` of the n-th one.
#[variable("pU")]
pub fn pu_user(cx: &RouteCx, index: Index) -> Value {
    preferred_part(cx, index, |uri| user_of(cx, uri))
}

/// The host of P-Preferred-Identity; `[n]` of the n-th one.
#[variable("pd")]
pub fn pd(cx: &RouteCx, index: Index) -> Value {
    preferred_part(cx, index, host)
}

/// The display name of P-Preferred-Identity as written; `[n]` of the n-th one.
#[variable("pn")]
pub fn pn(cx: &RouteCx, index: Index) -> Value {
    preferred(cx, index).map(|address| address.display.clone()).filter(|display| !display.is_empty()).into()
}

/// The URI of Remote-Party-ID.
#[variable("re")]
pub fn re(cx: &RouteCx) -> Value {
    cx.message.remote_party_id().ok().flatten().map(|address| address.uri.clone()).into()
}

/// The URI of Refer-To.
#[variable("rt")]
pub fn rt(cx: &RouteCx) -> Value {
    cx.message.refer_to().ok().flatten().map(|address| address.uri.clone()).into()
}

fn diversion(cx: &RouteCx, param: &str) -> Value {
    cx.message.diversion().ok().and_then(|list| list.first()?.params.get(param)).into()
}

/// The URI of the newest Diversion (RFC 5806).
#[variable("di")]
pub fn di(cx: &RouteCx) -> Value {
    cx.message.diversion().ok().and_then(|list| list.first()).map(|address| address.uri.clone()).into()
}

/// The `reason` of the newest Diversion.
#[variable("dir")]
pub fn dir(cx: &RouteCx) -> Value {
    diversion(cx, "reason")
}

/// The `privacy` of the newest Diversion.
#[variable("dip")]
pub fn dip(cx: &RouteCx) -> Value {
    diversion(cx, "privacy")
}

/// The `counter` of the newest Diversion, as a text.
#[variable("dic")]
pub fn dic(cx: &RouteCx) -> Value {
    diversion(cx, "counter")
}

/// Which end of the range.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    Least,
    Most,
}

inner_name!(Bound {
    "min" => Self::Least,
    "max" => Self::Most,
});

/// The smallest (`min`) or largest (`max`) number of seconds that the contacts ask for. A contact without `expires` has
/// that of the Expires header. `$null` when there is neither.
#[variable("expires")]
pub fn expires(cx: &RouteCx, bound: Bound) -> Value {
    let header = cx.message.expires().ok().flatten();
    let contacts = cx.message.contacts().ok().flatten().map_or(&[][..], |contacts| &contacts.list[..]);
    let asked = |contact: &ContactValue| contact.expires().or(header);
    let all = contacts.iter().filter_map(asked);
    let found = match bound {
        Bound::Least => all.min(),
        Bound::Most => all.max(),
    };
    found.or(header.filter(|_| contacts.is_empty())).into()
}
