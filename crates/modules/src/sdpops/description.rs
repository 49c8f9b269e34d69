//! The session description of a message.

use std::ops::Range;

use engine::{RouteCx, ScriptError, Str};
use sip::Message;
use sip::multipart::split;
use sip::sdp::{Line, Media, Sdp};

/// Why there is no description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is no body.
    Body,
    /// The body is no description and has none as a part, or it cannot be understood.
    Sdp,
}

impl Missing {
    /// -1, silently without a body, else with an error in the log.
    pub(super) fn result<T>(self, without: T) -> Result<T, ScriptError> {
        match self {
            Self::Body => Ok(without),
            Self::Sdp => Err(ScriptError::new("the body has no session description that can be understood")),
        }
    }
}

/// A description and where it stands.
pub(super) struct Description {
    pub(super) sdp: Sdp,
    /// Where it starts in the message's buffer.
    start: usize,
}

/// The text of the description, or of what should be one, and where it starts in the buffer.
fn text(message: &Message) -> Result<(Str, usize), Missing> {
    let body = message.declared_body();
    if body.is_empty() {
        return Err(Missing::Body);
    }
    let kind = message.content_type().ok().flatten().ok_or(Missing::Sdp)?;
    let start = message.body_start();
    if kind.is_sdp() {
        return Ok((body, start));
    }
    let boundary = kind.boundary().filter(|_| kind.is_multipart()).ok_or(Missing::Sdp)?;
    let parts = split(&body, &boundary).unwrap_or_default();
    let is_sdp = |part: &&sip::multipart::Part| part.content_type().is_some_and(|kind| kind.is_sdp());
    let part = parts.iter().find(is_sdp).ok_or(Missing::Sdp)?;
    let at = body.offset_of(&part.body).ok_or(Missing::Sdp)?;
    // The line end before the boundary ends the last line of the description, too.
    let end = at + part.body.len();
    let rest = body.get(end..).unwrap_or_default();
    let line_end = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
    Ok((body.slice(at..end + line_end), start + at))
}

/// The description of a message. It has at least one media section, and each has an address, be it that of the session.
pub(super) fn find(cx: &RouteCx) -> Result<Description, Missing> {
    let (text, start) = text(&cx.message)?;
    let sdp = Sdp::parse(text).ok_or(Missing::Sdp)?;
    let usable = !sdp.media().is_empty() && sdp.media().iter().all(|media| sdp.media_connection(media).is_some());
    if usable { Ok(Description { sdp, start }) } else { Err(Missing::Sdp) }
}

/// Whether a media section is of the wanted kind: of any, when none is given.
pub(super) fn is_kind(media: &Media, wanted: Option<&Str>) -> bool {
    wanted.is_none_or(|wanted| media.kind.eq_ignore_case(wanted))
}

impl Description {
    /// A range of the description in the buffer.
    pub(super) fn in_buffer(&self, range: Range<usize>) -> Range<usize> {
        self.start + range.start..self.start + range.end
    }

    /// Queues the deletion of a range of the description.
    pub(super) fn delete(&self, cx: &mut RouteCx, range: Range<usize>) {
        let range = self.in_buffer(range);
        if !range.is_empty() && !cx.message.edits().deletes(range.clone()) {
            cx.message.edits_mut().delete(range);
        }
    }

    /// A line without its line end.
    pub(super) fn line(&self, line: &Line) -> Str {
        self.sdp.text().slice(line.start..line.value_end)
    }

    /// The range of all lines of a media section.
    pub(super) fn section(&self, media: &Media) -> Range<usize> {
        match self.sdp.media_lines(media) {
            [first, .., last] => first.start..last.end,
            [line] => line.range(),
            [] => 0..0,
        }
    }
}
