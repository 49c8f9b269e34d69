//! Headers in the form of Authorization: a word and parameters with commas between them.

use std::ops::Range;

use engine::{CallResult, RouteCx, Str, function};
use sip::{Header, scan};

use super::lists::{Place, assignment};

fn headers(cx: &RouteCx, place: &Place) -> Vec<Header> {
    let all: Vec<Header> = cx.message.headers_with_name(&place.name).copied().collect();
    all[place.which.places(all.len())].to_vec()
}

/// A parameter, as ranges of the header's value.
struct Param {
    name: Range<usize>,
    whole: Range<usize>,
    /// The commas around it.
    comma_before: Option<usize>,
    comma_behind: Option<usize>,
}

fn find(body: &[u8], name: &[u8]) -> Option<Param> {
    // Behind the word (`Digest`).
    let mut at = scan::skip_while(body, 0, |byte| !scan::is_space(byte));
    let mut comma_before = None;
    while at < body.len() {
        let end = scan::find_outside(body, at, b',');
        let (start, param_end) = scan::trim_range(body, at, end);
        let equals = memchr::memchr(b'=', &body[start..param_end]).map_or(param_end, |equals| start + equals);
        let (name_start, name_end) = scan::trim_range(body, start, equals);
        let comma_behind = (end < body.len()).then_some(end);
        if body[name_start..name_end].eq_ignore_ascii_case(name) {
            return Some(Param { name: name_start..name_end, whole: start..param_end, comma_before, comma_behind });
        }
        comma_before = comma_behind;
        at = end + 1;
    }
    None
}

/// Removes a header, or a parameter of it: `Authorization` the first one, `Authorization[2]`, `Authorization[*]` all,
/// `Authorization.realm`. -1 when there is nothing to remove.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn remove_hf_value2(cx: &mut RouteCx, place: Place) -> CallResult {
    let mut any = false;
    for header in headers(cx, &place) {
        let Some(name) = &place.param else {
            cx.message.edits_mut().delete(header.range());
            any = true;
            continue;
        };
        let Some(param) = find(&cx.message.body_of(&header), name) else { continue };
        let range = match (param.comma_before, param.comma_behind) {
            (Some(comma), _) => comma..param.whole.end,
            (None, Some(comma)) => param.whole.start..comma + 1,
            (None, None) => param.whole,
        };
        let start = header.body_range().start;
        cx.message.edits_mut().delete(start + range.start..start + range.end);
        any = true;
    }
    Ok(any.into())
}

/// Replaces the value of a header, or of a parameter of it: `Authorization` the first one, `Authorization[2]`,
/// `Authorization[*].realm`. A missing parameter is added; with an empty value it has no equal sign. -1 when there is no
/// such header.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn assign_hf_value2(cx: &mut RouteCx, place: Place, value: Str) -> CallResult {
    let headers = headers(cx, &place);
    for header in &headers {
        let start = header.body_range().start;
        let Some(name) = &place.param else {
            cx.message.edits_mut().replace(header.body_range(), value.clone());
            continue;
        };
        let body = cx.message.body_of(header);
        match find(&body, name) {
            Some(param) => {
                let range = start + param.name.end..start + param.whole.end;
                cx.message.edits_mut().replace(range, assignment(&value));
            }
            None => {
                let end = scan::trim_range(&body, 0, body.len()).1;
                let text = [b",", &**name, &*assignment(&value)].concat();
                cx.message.edits_mut().insert_before(start + end, text);
            }
        }
    }
    Ok((!headers.is_empty()).into())
}
