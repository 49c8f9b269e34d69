//! What the next replies of this server to the request carry.

use engine::{CallResult, Return, RouteCx, Str, function};

use super::arguments::{filled, unhex};
use super::headers::date_line;

/// Adds `text` as a header to the replies that this server makes. It must end with CRLF (`\r\n`). It stays for all
/// further replies to the request.
///
/// Returns 1; -1 when `text` is empty.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn append_to_reply(cx: &mut RouteCx, text: Str) -> CallResult {
    filled(&text, "the header")?;
    cx.reply_headers.push(text);
    Ok(Return::TRUE)
}

/// Adds a `Date` header with the present time to the replies that this server makes.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn append_time(cx: &mut RouteCx) -> CallResult {
    let line = date_line(cx);
    cx.reply_headers.push(line);
    Ok(Return::TRUE)
}

fn set(cx: &mut RouteCx, body: Str, kind: &Str) -> CallResult {
    filled(&body, "the body")?;
    filled(kind, "the content type")?;
    // A second body takes the place of the first, and so does its type.
    if cx.reply_body.is_some() {
        cx.reply_headers.retain(|line| !line.starts_with_ignore_case("Content-Type:"));
    }
    // Kamailio puts the type where the call stands among other appended headers.
    cx.reply_headers.push(Str::from([b"Content-Type: ", &**kind, b"\r\n"].concat()));
    cx.reply_body = Some((body, Str::EMPTY));
    Ok(Return::TRUE)
}

/// Gives the replies that this server makes a body of this content type. -1 when one of both is empty.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn set_reply_body(cx: &mut RouteCx, body: Str, content_type: Str) -> CallResult {
    set(cx, body, &content_type)
}

/// Like `set_reply_body`, with the body in hexadecimal digits; white space between them does not count.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn set_reply_body_hex(cx: &mut RouteCx, body: Str, content_type: Str) -> CallResult {
    set(cx, unhex(&body)?, &content_type)
}
