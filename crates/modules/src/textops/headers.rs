//! Adding headers.
//!
//! Several texts at one place come out in the order of the calls, whichever function put them there. A text is taken as
//! it is: without CRLF at its end the next line sticks to it.

use engine::{CallResult, Return, RouteCx, Str, function};

use super::arguments::{HeaderArg, filled};

/// Appends `text` as a header: behind all headers, or behind the last header `name`. `text` must end with CRLF
/// (`\r\n`). When there is no header `name`, it goes behind all.
///
/// Returns 1; -1 when `text` is empty.
#[function(ANY)]
pub fn append_hf(cx: &mut RouteCx, text: Str, name: Option<HeaderArg>) -> CallResult {
    filled(&text, "the header")?;
    let message = &mut cx.message;
    let anchor = name.and_then(|name| message.headers_with_name(&name.0).next_back().map(|header| header.end as usize));
    let at = anchor.unwrap_or_else(|| message.headers_end());
    message.edits_mut().insert_before(at, text);
    Ok(Return::TRUE)
}

/// Inserts `text` as a header: before all headers, or before the first header `name`. `text` must end with CRLF
/// (`\r\n`). When there is no header `name`, it goes before all.
///
/// Returns 1; -1 when `text` is empty.
#[function(ANY)]
pub fn insert_hf(cx: &mut RouteCx, text: Str, name: Option<HeaderArg>) -> CallResult {
    filled(&text, "the header")?;
    let message = &mut cx.message;
    let anchor = name.and_then(|name| message.headers_with_name(&name.0).next().map(|header| header.start as usize));
    let at = anchor.unwrap_or_else(|| message.headers_start());
    message.edits_mut().insert_before(at, text);
    Ok(Return::TRUE)
}

/// Appends a header made of `prefix`, the received request-URI and `suffix`: `append_urihf("CC-Diversion: ", "\r\n")`.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn append_urihf(cx: &mut RouteCx, prefix: Str, suffix: Str) -> CallResult {
    let Some(uri) = cx.message.request_uri() else { return Ok(Return::FALSE) };
    let text = Str::from([&*prefix, &**uri, &*suffix].concat());
    let at = cx.message.headers_end();
    cx.message.edits_mut().insert_before(at, text);
    Ok(Return::TRUE)
}

/// Adds a `Date` header with the present time to the message, behind its first header.
#[function(ANY)]
pub fn append_time_to_request(cx: &mut RouteCx) -> CallResult {
    let line = date_line(cx);
    let at = cx.message.headers().first().map_or(cx.message.headers_start(), |header| header.end as usize);
    cx.message.edits_mut().insert_before(at, line);
    Ok(Return::TRUE)
}

/// `Date: Sun, 22 Nov 2026 03:04:21 GMT` (RFC 3261 section 20.17).
pub(super) fn date_line(cx: &RouteCx) -> Str {
    let now = jiff::Timestamp::from_second(cx.core.unix_time()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Str::from(format!("Date: {}\r\n", now.strftime("%a, %d %b %Y %H:%M:%S GMT")))
}
