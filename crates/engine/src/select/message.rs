//! `@msg.*`.

use sip::Str;

use super::{Part, Read, Wrong, end, only, uri};
use crate::route_cx::RouteCx;

const MSG: &[&str] = &["first_line", "len", "flags", "type", "header", "h", "body", "id", "request", "response"];
const REQUEST: &[&str] = &["method", "uri", "version"];
const RESPONSE: &[&str] = &["status", "reason", "version"];

/// The method of a request.
pub(super) fn method(cx: &RouteCx) -> Option<Str> {
    cx.message.is_request().then(|| cx.message.method_name())
}

fn when(is_there: bool, cx: &RouteCx) -> Option<Str> {
    is_there.then(|| cx.message.buffer().clone())
}

/// The whole message, or a part of it.
pub(super) fn msg(rest: &[Part]) -> Result<Read, Wrong> {
    let Some((part, rest)) = rest.split_first() else { return Ok(Box::new(|cx| when(true, cx))) };
    let Part::Name(part) = part else { return Err(Wrong::Missing("a header is `msg.header[\"name\"]`")) };
    match part.as_str() {
        "first_line" => end(rest, part, |cx| Some(cx.message.start_line_text())),
        "len" => end(rest, part, |cx| number(cx.message.buffer().len())),
        "flags" => end(rest, part, |cx| number(cx.flags)),
        "type" => end(rest, part, |cx| number(if cx.message.is_request() { 1 } else { 2 })),
        "id" if rest.is_empty() => Ok(Box::new(|cx| number(cx.id))),
        "id" => match only(rest, "hex")?.as_str() {
            "hex" => Ok(Box::new(|cx| Some(Str::from(format!("{:08x}", cx.id))))),
            other => Err(Wrong::Name(other.to_owned(), &["hex"])),
        },
        "header" | "h" if rest.is_empty() => Ok(Box::new(|cx| Some(cx.message.header_section()))),
        "header" | "h" => header(rest),
        "body" if rest.is_empty() => Ok(Box::new(|cx| Some(cx.message.body()))),
        "body" => match only(rest, "sdp")?.as_str() {
            "sdp" => Ok(Box::new(sdp)),
            other => Err(Wrong::Name(other.to_owned(), &["sdp"])),
        },
        "request" => request(rest),
        "response" => response(rest),
        _ => Err(Wrong::Name(part.clone(), MSG)),
    }
}

fn number(number: impl ToString) -> Option<Str> {
    Some(Str::from(number.to_string()))
}

/// The body, when it is a session description.
fn sdp(cx: &RouteCx) -> Option<Str> {
    let content_type = cx.message.content_type().ok().flatten()?;
    let is_sdp = content_type.main.eq_ignore_case("application") && content_type.sub.eq_ignore_case("sdp");
    is_sdp.then(|| cx.message.body())
}

/// `msg.header["X-Name"]`, `msg.header.x_name`: the first header of the name.
fn header(rest: &[Part]) -> Result<Read, Wrong> {
    let (name, rest) = match rest {
        [Part::Key(name), rest @ ..] => (name.clone(), rest),
        [Part::Name(name), rest @ ..] => (name.replace('_', "-"), rest),
        _ => return Err(Wrong::Missing("the header's name: `[\"X-Name\"]`")),
    };
    match rest {
        [] | [Part::Index(1)] => Ok(Box::new(move |cx| cx.message.header_body(name.as_bytes()))),
        _ => Err(Wrong::Behind(name)),
    }
}

fn request(rest: &[Part]) -> Result<Read, Wrong> {
    let Some((part, rest)) = rest.split_first() else { return Ok(Box::new(|cx| when(cx.message.is_request(), cx))) };
    let Part::Name(part) = part else { return Err(Wrong::Missing("`method` or `uri`")) };
    match part.as_str() {
        "method" => end(rest, part, method),
        "uri" => uri(rest, |cx| cx.message.request_uri().cloned()),
        "version" => end(rest, part, |cx| cx.message.is_request().then(|| cx.message.version().clone())),
        _ => Err(Wrong::Name(part.clone(), REQUEST)),
    }
}

fn response(rest: &[Part]) -> Result<Read, Wrong> {
    let Some((part, rest)) = rest.split_first() else { return Ok(Box::new(|cx| when(cx.message.is_reply(), cx))) };
    let Part::Name(part) = part else { return Err(Wrong::Missing("`status` or `reason`")) };
    match part.as_str() {
        "status" => end(rest, part, |cx| number(cx.message.status()?)),
        "reason" => end(rest, part, |cx| cx.message.reason().cloned()),
        "version" => end(rest, part, |cx| cx.message.is_reply().then(|| cx.message.version().clone())),
        _ => Err(Wrong::Name(part.clone(), RESPONSE)),
    }
}
