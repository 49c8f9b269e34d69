//! The checks. Codes and texts are Kamailio's.

use engine::{RouteCx, Str};
use sip::{HeaderName, Message, NameAddr, UriError};

/// What is wrong with a message: the reply to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: u16,
    pub(super) reason: &'static str,
    /// The extension for the Unsupported header.
    pub(super) unsupported: Option<Str>,
    /// Kamailio sends no reply for this one.
    pub(super) silent: bool,
}

impl Fault {
    pub(super) const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason, unsupported: None, silent: false }
    }

    pub(super) const fn bad_request(reason: &'static str) -> Self {
        Self::new(400, reason)
    }
}

/// The result of a check.
pub(super) type Checked = Result<(), Fault>;

/// A check: it looks at the message.
type Check = fn(&RouteCx, &Wanted<'_>) -> Checked;

/// `sanity_check`: its bits and checks, in the order in which they run. 8 and 16 do nothing, as in Kamailio.
const CHECKS: [(i64, Check); 13] = [
    (16384, |cx, _| first_via(&cx.message)),
    (1, |cx, _| version(&cx.message)),
    (2, |cx, _| scheme(cx)),
    (4, |cx, _| required_headers(&cx.message)),
    (32, |cx, _| cseq_method(&cx.message)),
    (64, |cx, _| cseq_number(&cx.message)),
    (128, |cx, _| content_length(&cx.message)),
    (256, |cx, _| expires(&cx.message)),
    (512, |cx, wanted| proxy_require(&cx.message, wanted.extensions)),
    (1024, |cx, wanted| uris(cx, wanted.uris)),
    (2048, |cx, _| super::credentials::digest_only(&cx.message)),
    (4096, |cx, _| repeated_tags(&cx.message)),
    (8192, |cx, _| super::credentials::any_scheme(&cx.message)),
];

/// What to look at.
pub(super) struct Wanted<'a> {
    pub(super) checks: i64,
    pub(super) uris: i64,
    pub(super) extensions: &'a [Str],
}

/// Runs the wanted checks up to the first fault.
pub(super) fn run(cx: &RouteCx, wanted: &Wanted<'_>) -> Checked {
    CHECKS.iter().filter(|(bit, _)| wanted.checks & bit != 0).try_for_each(|(_, check)| check(cx, wanted))
}

fn first_via(message: &Message) -> Checked {
    match message.via() {
        Ok(Some(via)) if !via.host.is_empty() => Ok(()),
        Ok(Some(_)) | Err(_) => Err(Fault::bad_request("Bad Via Header")),
        Ok(None) => Err(Fault::bad_request("Missing Via Header")),
    }
}

fn version(message: &Message) -> Checked {
    if message.version().eq_ignore_case("SIP/2.0") { Ok(()) } else { Err(Fault::new(505, "Version Not Supported")) }
}

/// RFC 3261 section 16.3 wants 416 where Kamailio answers 400.
fn scheme(cx: &RouteCx) -> Checked {
    if cx.message.is_reply() {
        return Ok(());
    }
    match cx.parsed_request_uri() {
        Ok(_) => Ok(()),
        Err(UriError::UnknownScheme) => Err(Fault::new(416, "Unsupported URI Scheme")),
        Err(UriError::Malformed { .. }) => Err(Fault::bad_request("Bad Request URI")),
    }
}

fn required_headers(message: &Message) -> Checked {
    let names = [HeaderName::To, HeaderName::From, HeaderName::CSeq, HeaderName::CallId, HeaderName::Via];
    if names.into_iter().all(|name| message.has_header(name)) {
        return Ok(());
    }
    Err(Fault::bad_request("Missing Required Header in Request"))
}

fn cseq_method(message: &Message) -> Checked {
    match message.cseq() {
        Ok(Some(cseq)) if message.is_reply() || cseq.method_name == message.method_name() => Ok(()),
        Ok(Some(_)) => Err(Fault::bad_request("CSeq method does not match request method")),
        Ok(None) | Err(_) => Ok(()),
    }
}

fn cseq_number(message: &Message) -> Checked {
    match message.cseq() {
        Ok(_) => Ok(()),
        Err(_) => Err(Fault::bad_request("CSeq number is illegal")),
    }
}

fn content_length(message: &Message) -> Checked {
    match message.content_length() {
        Ok(None) => Ok(()),
        Ok(Some(length)) if length as usize == message.body().len() => Ok(()),
        Ok(Some(_)) | Err(_) => Err(Fault::bad_request("Content-Length mis-match")),
    }
}

/// Digits only; that they fit into 32 bits is not asked, as in Kamailio.
fn expires(message: &Message) -> Checked {
    let Some(text) = message.body_named(HeaderName::Expires).map(|text| text.trim()) else { return Ok(()) };
    if text.is_empty() {
        return Err(Fault::bad_request("Bad Expires Header"));
    }
    if text.iter().all(u8::is_ascii_digit) { Ok(()) } else { Err(Fault::bad_request("Expires value is illegal")) }
}

fn proxy_require(message: &Message, extensions: &[Str]) -> Checked {
    let malformed = || Err(Fault::bad_request("Bad Proxy Require Header"));
    match message.proxy_require() {
        Ok(None) => Ok(()),
        Err(_) => malformed(),
        Ok(Some(tags)) if tags.tags.is_empty() => malformed(),
        Ok(Some(tags)) => match tags.iter().find(|tag| !extensions.iter().any(|known| known.eq_ignore_case(tag))) {
            None => Ok(()),
            Some(tag) => {
                Err(Fault { unsupported: Some(tag.clone()), ..Fault::new(420, "Bad Proxy Require Extension") })
            }
        },
    }
}

fn uris(cx: &RouteCx, wanted: i64) -> Checked {
    let message = &cx.message;
    let fails = |bit: i64, check: &dyn Fn() -> bool| wanted & bit != 0 && !check();
    let is_uri = |address: &NameAddr| address.parsed_uri().is_ok();
    if fails(1, &|| message.is_reply() || cx.parsed_request_uri().is_ok()) {
        return Err(Fault::bad_request("Bad Request URI"));
    }
    if fails(2, &|| matches!(message.from(), Ok(Some(from)) if is_uri(from))) {
        return Err(Fault::bad_request("Invalid From Header"));
    }
    if fails(4, &|| matches!(message.to(), Ok(Some(to)) if is_uri(to))) {
        // Kamailio's spelling.
        return Err(Fault::bad_request("Ivalid To Header"));
    }
    let contacts = || match message.contacts() {
        Ok(None) => true,
        Ok(Some(contacts)) => contacts.list.iter().all(|contact| is_uri(contact)),
        Err(_) => false,
    };
    if fails(8, &contacts) { Err(Fault::bad_request("Bad Contact URI")) } else { Ok(()) }
}

fn repeated_tags(message: &Message) -> Checked {
    let repeated =
        |address: &NameAddr| address.params.iter().filter(|param| param.name.eq_ignore_ascii_case(b"tag")).count() > 1;
    if matches!(message.to(), Ok(Some(to)) if repeated(to)) {
        return Err(Fault::bad_request("Many To Tag Params"));
    }
    if matches!(message.from(), Ok(Some(from)) if repeated(from)) {
        return Err(Fault::bad_request("Many From Tag Params"));
    }
    Ok(())
}
