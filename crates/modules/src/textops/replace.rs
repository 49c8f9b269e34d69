//! Replacing what a regular expression or a text matches. The first line of the message is never touched.

use std::ops::Range;

use engine::posix_regex::Regex as Pattern;
use engine::script_type::{Constant, Regex};
use engine::{CallResult, Return, RouteCx, Str, function};

use engine::script_type::WholeRegex;

/// Which part of the message.
#[derive(Clone, Copy)]
enum Region {
    HeadersAndBody,
    Headers,
    Body,
}

impl Region {
    fn range(self, cx: &RouteCx) -> Range<usize> {
        let message = &cx.message;
        match self {
            Self::HeadersAndBody => message.headers_start()..message.buffer().len(),
            Self::Headers => message.headers_start()..message.headers_end(),
            Self::Body => message.body_start()..message.buffer().len(),
        }
    }
}

fn by_regex(cx: &mut RouteCx, pattern: &Pattern, region: Region, all: bool, text: &Str) -> CallResult {
    let range = region.range(cx);
    let part = cx.message.buffer().slice(range.clone());
    let (mut from, mut found) = (0, false);
    while let Some(place) = pattern.find_at(&part, from) {
        if place.is_empty() {
            // Nothing to replace; one byte on, or it would be found for ever.
            from = place.end + 1;
            if from > part.len() {
                break;
            }
            continue;
        }
        from = place.end;
        found = true;
        cx.message.edits_mut().replace(range.start + place.start..range.start + place.end, text.clone());
        if !all {
            break;
        }
    }
    Ok(found.into())
}

fn by_text(cx: &mut RouteCx, wanted: &Str, region: Region, mode: &Str, text: &Str) -> CallResult {
    if wanted.is_empty() {
        return Ok(Return::FALSE);
    }
    let first_only = matches!(mode.first(), Some(b'f' | b'F'));
    let range = region.range(cx);
    let part = cx.message.buffer().slice(range.clone());
    for at in memchr::memmem::find_iter(&part, wanted).take(if first_only { 1 } else { usize::MAX }) {
        let start = range.start + at;
        cx.message.edits_mut().replace(start..start + wanted.len(), text.clone());
    }
    Ok(Return::TRUE)
}

/// Replaces the first match of the regular expression in headers and body by `text`. -1 when nothing matches.
#[function(ANY)]
pub fn replace(cx: &mut RouteCx, pattern: Regex, text: Constant) -> CallResult {
    by_regex(cx, &pattern.0, Region::HeadersAndBody, false, &text.0)
}

/// Replaces all matches of the regular expression in headers and body by `text`. -1 when nothing matches.
#[function(ANY)]
pub fn replace_all(cx: &mut RouteCx, pattern: Regex, text: Constant) -> CallResult {
    by_regex(cx, &pattern.0, Region::HeadersAndBody, true, &text.0)
}

/// Replaces the first match of the regular expression in the headers by `text`. -1 when nothing matches.
#[function(ANY)]
pub fn replace_hdrs(cx: &mut RouteCx, pattern: Regex, text: Constant) -> CallResult {
    by_regex(cx, &pattern.0, Region::Headers, false, &text.0)
}

/// Replaces the first match of the regular expression in the body by `text`. -1 when nothing matches.
#[function(ANY)]
pub fn replace_body(cx: &mut RouteCx, pattern: Regex, text: Constant) -> CallResult {
    by_regex(cx, &pattern.0, Region::Body, false, &text.0)
}

/// Replaces all matches of the regular expression in the body by `text`, line by line. -1 when nothing matches.
#[function(ANY)]
pub fn replace_body_all(cx: &mut RouteCx, pattern: Regex, text: Constant) -> CallResult {
    by_regex(cx, &pattern.0, Region::Body, true, &text.0)
}

/// Like `replace_body_all`, but the whole body is one line for the regular expression: `^.+$` matches all of it.
#[function(ANY)]
pub fn replace_body_atonce(cx: &mut RouteCx, pattern: WholeRegex, text: Constant) -> CallResult {
    by_regex(cx, &pattern.0, Region::Body, true, &text.0)
}

/// Replaces `wanted` in headers and body by `text`: the first one (`mode` `f`) or all (`a`). -1 when `wanted` is empty.
#[function(ANY)]
pub fn replace_str(cx: &mut RouteCx, wanted: Str, text: Str, mode: Str) -> CallResult {
    by_text(cx, &wanted, Region::HeadersAndBody, &mode, &text)
}

/// Replaces `wanted` in the headers by `text`: the first one (`mode` `f`) or all (`a`). -1 when `wanted` is empty.
#[function(ANY)]
pub fn replace_hdrs_str(cx: &mut RouteCx, wanted: Str, text: Str, mode: Str) -> CallResult {
    by_text(cx, &wanted, Region::Headers, &mode, &text)
}

/// Replaces `wanted` in the body by `text`: the first one (`mode` `f`) or all (`a`). -1 when `wanted` is empty.
#[function(ANY)]
pub fn replace_body_str(cx: &mut RouteCx, wanted: Str, text: Str, mode: Str) -> CallResult {
    by_text(cx, &wanted, Region::Body, &mode, &text)
}
