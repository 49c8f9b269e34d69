//! `keep_hf`.

use engine::script_type::Regex;
use engine::{CallResult, Return, RouteCx, function};
use sip::{Header, HeaderName};

/// What a message cannot do without.
const KEPT: [HeaderName; 11] = [
    HeaderName::CSeq,
    HeaderName::CallId,
    HeaderName::Contact,
    HeaderName::ContentLength,
    HeaderName::ContentType,
    HeaderName::From,
    HeaderName::MaxForwards,
    HeaderName::RecordRoute,
    HeaderName::Route,
    HeaderName::To,
    HeaderName::Via,
];

/// Removes all headers whose name does not match the regular expression (without case); without one all. These stay in any
/// case: Via, From, To, Call-ID, CSeq, Content-Length, Content-Type, Max-Forwards, Contact, Route, Record-Route.
#[function(ANY)]
pub fn keep_hf(cx: &mut RouteCx, pattern: Option<Regex>) -> CallResult {
    let message = &cx.message;
    let goes = |header: &&Header| {
        !KEPT.contains(&header.name)
            && !pattern.as_ref().is_some_and(|pattern| pattern.0.is_match(&message.name_of(header)))
            && !message.edits().deletes(header.range())
    };
    let ranges: Vec<_> = message.headers().iter().filter(goes).map(Header::range).collect();
    for range in ranges {
        cx.message.edits_mut().delete(range);
    }
    Ok(Return::TRUE)
}
