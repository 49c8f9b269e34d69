//! Bodies of one part.

use engine::{CallResult, Return, RouteCx, Str, function};
use sip::{EditId, HeaderName, Insert};

use super::arguments::{Mime, filled, unhex};

/// True when the message has a body: a Content-Length above 0 and as much text. With `mime` (`application/sdp`) its
/// Content-Type must be that; parameters of it do not count.
#[function(ANY)]
pub fn has_body(cx: &mut RouteCx, mime: Option<Mime>) -> CallResult {
    let message = &cx.message;
    let length = message.content_length().ok().flatten().unwrap_or(0);
    if length == 0 || message.body().is_empty() {
        return Ok(Return::FALSE);
    }
    let Some(mime) = mime else { return Ok(Return::TRUE) };
    let same = |kind: &sip::ContentType| kind.main.eq_ignore_case(&mime.0) && kind.sub.eq_ignore_case(&mime.1);
    Ok(message.content_type().ok().flatten().is_some_and(same).into())
}

/// Gives the message this body and content type. Content-Length follows; a Content-Type that changes goes to the end of
/// the headers.
///
/// Returns 1; -1 when an argument is empty.
#[function(ANY)]
pub fn set_body(cx: &mut RouteCx, body: Str, content_type: Str) -> CallResult {
    set(cx, body, &content_type)
}

/// Like `set_body`, with the body in hexadecimal digits; white space between them does not count.
#[function(ANY)]
pub fn set_body_hex(cx: &mut RouteCx, body: Str, content_type: Str) -> CallResult {
    set(cx, unhex(&body)?, &content_type)
}

fn set(cx: &mut RouteCx, body: Str, kind: &Str) -> CallResult {
    filled(&body, "the body")?;
    filled(kind, "the content type")?;
    put(cx, body, kind, b"");
    Ok(Return::TRUE)
}

/// Queues body and type; `more` are further header lines.
pub(super) fn put(cx: &mut RouteCx, body: Str, kind: &[u8], more: &[u8]) {
    forget(cx);
    let message = &mut cx.message;
    let (headers_end, body_start, end) = (message.headers_end(), message.body_start(), message.buffer().len());
    let length = body.len();
    message.edits_mut().replace(body_start..end, body);
    let kept = |message: &sip::Message, name: HeaderName| {
        let mut headers = message.headers_named(name).filter(|header| !message.edits().deletes(header.range()));
        headers.next().copied()
    };
    let same = kept(message, HeaderName::ContentType).is_some_and(|header| message.body_of(&header).trim() == *kind);
    let mut lines = Vec::new();
    // The printer sets a Content-Length that is there; a missing one is added.
    if kept(message, HeaderName::ContentLength).is_none() {
        lines.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
    }
    if !same {
        let old: Vec<_> = message.headers_named(HeaderName::ContentType).map(sip::Header::range).collect();
        for range in old {
            message.edits_mut().delete(range);
        }
        lines.extend_from_slice(b"Content-Type: ");
        lines.extend_from_slice(kind);
        lines.extend_from_slice(b"\r\n");
    }
    lines.extend_from_slice(more);
    if !lines.is_empty() {
        message.edits_mut().insert_before(headers_end, lines);
    }
}

/// Takes back what was queued before: all changes of the body, and appended lines about it.
fn forget(cx: &mut RouteCx) {
    let message = &mut cx.message;
    let (headers_end, body_start) = (message.headers_end(), message.body_start());
    let about_body = |insert: &Insert| match insert {
        Insert::Text(text) => {
            ["Content-Length:", "Content-Type:", "Mime-Version:"].iter().any(|name| text.starts_with_ignore_case(name))
        }
        _ => false,
    };
    let is_old = |edit: &&sip::Edit| {
        let start = edit.start as usize;
        start >= body_start || (start == headers_end && edit.start == edit.end && about_body(&edit.insert))
    };
    let old: Vec<EditId> = message.edits().iter().filter(is_old).map(sip::Edit::id).collect();
    for id in old {
        message.edits_mut().remove(id);
    }
}
