//! Queued changes applied, the whole message replaced, the body removed.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Message;

/// Applies all queued changes: the script sees the message as it would be sent. A changed request-URI becomes the received
/// one.
///
/// Returns 1; -1 when the changes made something of the message that is none (it stays as it was then).
#[function(REQUEST | ONREPLY)]
pub fn msg_apply_changes(cx: &mut RouteCx) -> CallResult {
    cx.apply_changes().map_err(|error| format!("the changes spoil the message: {error}"))?;
    Ok(Return::TRUE)
}

/// Puts `text` in place of the message: a request for a request, a reply for a reply. Queued changes and a changed
/// request-URI are forgotten.
///
/// Returns 1; -1 when `text` is no such message.
#[function(REQUEST | ONREPLY)]
pub fn msg_set_buffer(cx: &mut RouteCx, text: Str) -> CallResult {
    let message = Message::parse(text).map_err(|error| format!("the text is no message: {error}"))?;
    if message.is_request() != cx.message.is_request() {
        return Err(ScriptError::new("a request cannot take the place of a reply, nor a reply that of a request"));
    }
    cx.message = message;
    cx.to.new_uri = None;
    Ok(Return::TRUE)
}

/// Removes the body. Content-Length becomes 0; the Content-Type stays.
#[function(ANY)]
pub fn remove_body(cx: &mut RouteCx) -> CallResult {
    crate::textops::remove_body(cx);
    Ok(Return::TRUE)
}
