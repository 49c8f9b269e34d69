//! Bodies of several parts (RFC 2046).

use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::HeaderName;
use sip::multipart::{Part, split};

use super::arguments::{Mime, filled, unhex};
use super::body::put;

/// What stands between the parts when the script does not say.
const BOUNDARY: &[u8] = b"unique-boundary-1";

/// Body and boundary of a message whose body has several parts.
fn parts(cx: &RouteCx) -> Option<(Str, Str, Vec<Part>)> {
    let kind = cx.message.content_type().ok()?.filter(|kind| kind.is_multipart())?;
    let boundary = kind.boundary()?;
    let body = cx.message.body();
    let parts = split(&body, &boundary)?;
    Some((body, boundary, parts))
}

fn is(part: &Part, mime: &Mime) -> bool {
    part.content_type().is_some_and(|kind| kind.main.eq_ignore_case(&mime.0) && kind.sub.eq_ignore_case(&mime.1))
}

/// Where the line that starts at or before `at` starts.
fn line_start(body: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &body[..at.min(body.len())]).map_or(0, |newline| newline + 1)
}

/// Where the line behind the one at `at` starts.
fn next_line(body: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', body.get(at..).unwrap_or_default()).map_or(body.len(), |newline| at + newline + 1)
}

/// Where the text of a part ends: before the line of the next boundary, its own line end included.
fn part_end(body: &Str, part: &Part) -> usize {
    let end = body.offset_of(&part.text).unwrap_or(0) + part.text.len();
    next_line(body, end)
}

/// Makes the body one of several parts: of `text` and its `content_type`, or of the present body when `text` is missing or
/// empty (its type is that of the message then). The boundary is `unique-boundary-1` unless given.
///
/// Returns 1; -1 when there is no body to begin with.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn set_body_multipart(
    cx: &mut RouteCx,
    text: Option<Str>,
    content_type: Option<Str>,
    boundary: Option<Str>,
) -> CallResult {
    let boundary = boundary.filter(|boundary| !boundary.is_empty()).unwrap_or_else(|| Str::from(BOUNDARY));
    convert(cx, text.unwrap_or_default(), content_type.unwrap_or_default(), &boundary)
}

fn convert(cx: &mut RouteCx, text: Str, kind: Str, boundary: &[u8]) -> CallResult {
    // Quotes or line ends would let it out of its parameter (RFC 2046 section 5.1.1 allows fewer bytes still).
    if boundary.iter().any(|byte| byte.is_ascii_control() || matches!(byte, b'"' | b'\\')) {
        return Err(ScriptError::new("this is no boundary"));
    }
    let text = if text.is_empty() { cx.message.body() } else { text };
    if text.is_empty() {
        return Ok(Return::FALSE);
    }
    let kind = if kind.is_empty() {
        let present = cx.message.body_named(HeaderName::ContentType);
        present.ok_or_else(|| ScriptError::new("the body has no content type"))?
    } else {
        kind
    };
    let mut body = Vec::with_capacity(text.len() + kind.len() + 2 * boundary.len() + 40);
    write_part(&mut body, boundary, &kind, None, &text);
    body.extend_from_slice(&[b"--", boundary, b"--\r\n"].concat());
    let whole = [b"multipart/mixed;boundary=\"", boundary, b"\""].concat();
    put(cx, Str::from(body), &whole, b"Mime-Version: 1.0\r\n");
    Ok(Return::TRUE)
}

/// A part with the line of its boundary.
fn write_part(out: &mut Vec<u8>, boundary: &[u8], kind: &[u8], disposition: Option<&[u8]>, text: &[u8]) {
    for piece in [b"--", boundary, b"\r\nContent-Type: ", kind, b"\r\n"] {
        out.extend_from_slice(piece);
    }
    if let Some(disposition) = disposition.filter(|disposition| !disposition.is_empty()) {
        for piece in [b"Content-Disposition: ", disposition, b"\r\n"] {
            out.extend_from_slice(piece);
        }
    }
    for piece in [b"\r\n", text, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}

fn append(cx: &mut RouteCx, text: &Str, kind: &Str, disposition: Option<&Str>) -> CallResult {
    filled(text, "the part")?;
    filled(kind, "the content type")?;
    let Some((body, boundary, list)) = parts(cx) else {
        return Err(ScriptError::new("the body has not several parts"));
    };
    let closing = [b"--", &*boundary, b"--"].concat();
    let after = list.last().map_or(0, |part| part_end(&body, part));
    let rest = body.get(after..).unwrap_or_default();
    let mut out = Vec::new();
    let (at, closed) = if rest.starts_with(&closing) {
        (after, true)
    } else {
        // The closing line is missing: it comes with the part.
        (body.len(), false)
    };
    if !closed && !body.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    write_part(&mut out, &boundary, kind, disposition.map(|text| &**text), text);
    if !closed {
        out.extend_from_slice(&[b"--", &*boundary, b"--\r\n"].concat());
    }
    let start = cx.message.body_start();
    cx.message.edits_mut().insert_before(start + at, out);
    Ok(Return::TRUE)
}

/// Adds a part to a body of several parts. Further headers of the part may follow the content type behind `\r\n`.
///
/// Returns 1; -1 when the body has not several parts, or text or type is empty.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn append_body_part(
    cx: &mut RouteCx,
    text: Str,
    content_type: Str,
    content_disposition: Option<Str>,
) -> CallResult {
    append(cx, &text, &content_type, content_disposition.as_ref())
}

/// Like `append_body_part`, with the text in hexadecimal digits; white space between them does not count.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn append_body_part_hex(
    cx: &mut RouteCx,
    text: Str,
    content_type: Str,
    content_disposition: Option<Str>,
) -> CallResult {
    append(cx, &unhex(&text)?, &content_type, content_disposition.as_ref())
}

/// The first part of a type: from its Content-Type line to its end, and where the line behind Content-Type starts.
fn find(cx: &RouteCx, mime: &Mime) -> Option<(Str, Part, std::ops::Range<usize>, usize)> {
    let (body, _, list) = parts(cx)?;
    let part = list.into_iter().find(|part| is(part, mime))?;
    let value = part.header(HeaderName::ContentType)?;
    let at = body.offset_of(value)?;
    let (start, after) = (line_start(&body, at), next_line(&body, at + value.len()));
    let end = body.offset_of(&part.text)? + part.text.len();
    // The line end before the boundary belongs to what is shown.
    let end = next_line(&body, end).max(after);
    Some((body, part, start..end, after))
}

/// Writes the first part of this type to the variable `result`: what follows its Content-Type line, so further headers
/// of the part and the empty line too. A body that has one part only and this type is taken whole.
///
/// Returns 1; -1 when there is no such part.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn get_body_part(cx: &mut RouteCx, content_type: Mime, result: WritableVariable) -> CallResult {
    let text = match find(cx, &content_type) {
        Some((body, _, range, after)) => body.slice(after..range.end),
        None => {
            let kind = cx.message.content_type().ok().flatten();
            let same = kind.is_some_and(|kind| {
                kind.main.eq_ignore_case(&content_type.0) && kind.sub.eq_ignore_case(&content_type.1)
            });
            if !same || cx.message.body().is_empty() {
                return Ok(Return::FALSE);
            }
            cx.message.body()
        }
    };
    result.0.set(cx, Value::Str(text))?;
    Ok(Return::TRUE)
}

/// Writes the first part of this type with its headers and the line of the next boundary to the variable `result`.
///
/// Returns 1; -1 when there is no such part.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn get_body_part_raw(cx: &mut RouteCx, content_type: Mime, result: WritableVariable) -> CallResult {
    let Some((body, _, range, _)) = find(cx, &content_type) else { return Ok(Return::FALSE) };
    let text = body.slice(range.start..next_line(&body, range.end));
    result.0.set(cx, Value::Str(text))?;
    Ok(Return::TRUE)
}

/// Removes the first part of this type. -1 when there is no such part.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn remove_body_part(cx: &mut RouteCx, content_type: Mime) -> CallResult {
    let Some((body, part, range, _)) = find(cx, &content_type) else { return Ok(Return::FALSE) };
    let Some(text) = body.offset_of(&part.text) else { return Ok(Return::FALSE) };
    // With the line of the boundary before it.
    let delimiter = line_start(&body, text.saturating_sub(1));
    let start = cx.message.body_start();
    cx.message.edits_mut().delete(start + delimiter..start + range.end);
    Ok(Return::TRUE)
}

/// Leaves nothing of the body but the content of the first part of this type. The script must set the new Content-Type
/// itself. -1 when there is no such part.
#[function(ANY)]
pub fn filter_body(cx: &mut RouteCx, content_type: Mime) -> CallResult {
    let Some((body, part, ..)) = find(cx, &content_type) else { return Ok(Return::FALSE) };
    let Some(at) = body.offset_of(&part.body) else { return Ok(Return::FALSE) };
    let (start, end) = (cx.message.body_start(), cx.message.buffer().len());
    let edits = cx.message.edits_mut();
    edits.delete(start..start + at);
    edits.delete(start + at + part.body.len()..end);
    Ok(Return::TRUE)
}
