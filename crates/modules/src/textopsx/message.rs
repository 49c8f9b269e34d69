//! Functions that work on the whole message, its body, or all its headers.

use engine::script_type::Regex;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::{HeaderName, Message};

/// Headers that `keep_hf` never takes away.
const KEPT: &[HeaderName] = &[
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::ContentLength,
    HeaderName::ContentType,
    HeaderName::MaxForwards,
    HeaderName::Contact,
    HeaderName::Route,
    HeaderName::RecordRoute,
];

/// Ends the script and the message: what it was made into is no message.
fn give_up(cx: &mut RouteCx, error: &str) -> CallResult {
    engine::log!(cx.core.log, Error, "{}: this is no message, the script ends: {error}", cx.place());
    cx.dropped = true;
    Ok(Return::STOP)
}

/// Applies all queued changes: from then on the script sees them, and a changed request-URI is the received one.
///
/// Returns 1. When the changes made something of the message that is none (a header line without a colon), the script
/// ends and the message goes nowhere.
#[function(REQUEST | ONREPLY)]
pub(super) fn msg_apply_changes(cx: &mut RouteCx) -> CallResult {
    match cx.apply_changes() {
        Ok(()) => Ok(Return::TRUE),
        Err(error) => give_up(cx, &error),
    }
}

/// Puts another message in the place of this one: `data` is a whole request, or a whole reply in a reply route, with
/// CRLF at its line ends. Queued changes and a changed request-URI are dropped.
///
/// Returns 1; -1 for an empty text, and for a request in the place of a reply or a reply in that of a request. When the
/// text is no message, the script ends and the message goes nowhere.
#[function(REQUEST | ONREPLY)]
pub(super) fn msg_set_buffer(cx: &mut RouteCx, data: Str) -> CallResult {
    if data.is_empty() {
        return Err(ScriptError::new("the new message is empty"));
    }
    let message = match Message::parse(data) {
        Ok(message) => message,
        Err(error) => return give_up(cx, &error.to_string()),
    };
    if message.is_request() != cx.message.is_request() {
        return Err(ScriptError::new("a request cannot become a reply, nor a reply a request"));
    }
    cx.message = message;
    cx.to.new_uri = None;
    Ok(Return::TRUE)
}

/// Takes the body away; Content-Length becomes 0, Content-Type stays.
///
/// Returns 1, also without a body.
#[function(ANY)]
pub(super) fn remove_body(cx: &mut RouteCx) -> CallResult {
    let range = cx.message.body_start()..cx.message.buffer().len();
    if !range.is_empty() && !cx.message.edits().deletes(range.clone()) {
        cx.message.edits_mut().delete(range);
    }
    Ok(Return::TRUE)
}

/// Takes away all headers whose names do not match `regexp` (all when it is missing), except Via, From, To, Call-ID,
/// CSeq, Content-Length, Content-Type, Max-Forwards, Contact, Route and Record-Route.
///
/// Returns -1, as Kamailio does: do not use it as a condition.
#[function(ANY)]
pub(super) fn keep_hf(cx: &mut RouteCx, regexp: Option<Regex>) -> CallResult {
    let goes = |name: &Str| regexp.as_ref().is_none_or(|regexp| !regexp.0.is_match(name));
    let ranges: Vec<_> = cx
        .message
        .headers()
        .iter()
        .filter(|header| !KEPT.contains(&header.name) && goes(&cx.message.name_of(header)))
        .map(sip::Header::range)
        .filter(|range| !cx.message.edits().deletes(range.clone()))
        .collect();
    for range in ranges {
        cx.message.edits_mut().delete(range);
    }
    Ok(Return::FALSE)
}
