//! `options_reply`.

use engine::{CallResult, RouteCx, ScriptError, Str, function};
use sip::Method;

use super::Siputils;

/// Answers an OPTIONS request for the server itself (its request-URI has no user) with 200 and what the parameters
/// `options_*` say.
///
/// Returns 1; -1 for another method, a request-URI with a user, and when the reply could not be sent.
#[function(REQUEST)]
pub fn options_reply(cx: &mut RouteCx, me: &Siputils) -> CallResult {
    if cx.message.method() != Method::Options {
        return Err(ScriptError::new("options_reply is for OPTIONS only"));
    }
    let uri = cx.parsed_request_uri().map_err(|error| ScriptError::new(format!("wrong request-URI: {error}")))?;
    if uri.user_bytes().is_some_and(|user| !user.is_empty()) {
        return Err(ScriptError::new("the request-URI has a user: this OPTIONS is not for the server"));
    }
    let params = &me.params;
    let lines = format!(
        "Accept: {}\r\nAccept-Encoding: {}\r\nAccept-Language: {}\r\nSupported: {}\r\n",
        params.options_accept, params.options_accept_encoding, params.options_accept_language, params.options_support
    );
    let queued = cx.reply_headers.len();
    cx.reply_headers.push(Str::from(lines));
    let result = me.sl.reply(cx, 200, &Str::from_static("OK"));
    cx.reply_headers.truncate(queued);
    result
}
