//! From and To as edits see them: where name and URI stand, and how to put others there.

use engine::{RouteCx, ScriptError, Str};
use sip::{Message, NameAddr};

/// From or To.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    From,
    To,
}

impl Field {
    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::From => "From",
            Self::To => "To",
        }
    }

    /// The other one.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::From => Self::To,
            Self::To => Self::From,
        }
    }

    fn of(self, message: &Message) -> Option<&NameAddr> {
        match self {
            Self::From => message.from(),
            Self::To => message.to(),
        }
        .ok()
        .flatten()
    }
}

/// A From or To header of a message.
#[derive(Debug)]
pub(super) struct Place {
    /// The name as written, without the blanks behind it.
    pub(super) display: Str,
    pub(super) uri: Str,
    /// Name and URI, with the angle brackets: all but the parameters.
    pub(super) whole: Str,
    bracketed: bool,
    /// Where `whole` starts in the message.
    start: usize,
    /// Where the URI starts in the message.
    uri_start: usize,
}

impl Place {
    pub(super) fn find(message: &Message, field: Field) -> Result<Self, ScriptError> {
        let wrong = || ScriptError::new(format!("the {} header is missing or malformed", field.name()));
        let header = field.of(message).ok_or_else(wrong)?;
        let buffer = message.buffer();
        let start = buffer.offset_of(&header.text).ok_or_else(wrong)?;
        let uri_start = buffer.offset_of(&header.uri).ok_or_else(wrong)?;
        let uri_end = uri_start + header.uri.len();
        let end = if header.bracketed {
            uri_end + memchr::memchr(b'>', buffer.get(uri_end..).unwrap_or_default()).ok_or_else(wrong)? + 1
        } else {
            uri_end
        };
        Ok(Self {
            display: header.display.clone(),
            uri: header.uri.clone(),
            whole: buffer.slice(start..end),
            bracketed: header.bracketed,
            start,
            uri_start,
        })
    }

    /// An edit is queued for the URI already.
    pub(super) fn is_edited(&self, cx: &RouteCx) -> bool {
        cx.message.edits().touches(self.uri_start..self.uri_start + self.uri.len())
    }

    /// Puts another URI there.
    pub(super) fn set_uri(&self, cx: &mut RouteCx, uri: &Str) {
        self.set(cx, None, Some(uri));
    }

    /// Puts `whole` of another header there.
    pub(super) fn set_whole(&self, cx: &mut RouteCx, whole: Str) {
        cx.message.edits_mut().replace(self.start..self.start + self.whole.len(), whole);
    }

    /// Puts another name and URI there; an empty name takes the name away.
    pub(super) fn set(&self, cx: &mut RouteCx, display: Option<&Str>, uri: Option<&Str>) {
        let edits = cx.message.edits_mut();
        let uri_range = self.uri_start..self.uri_start + self.uri.len();
        if !self.bracketed {
            let new = uri.unwrap_or(&self.uri);
            let name = display.filter(|name| !name.is_empty());
            // RFC 3261 section 20.10: without brackets the parameters would be those of the header.
            if name.is_some() || new.iter().any(|byte| matches!(byte, b';' | b',' | b'?')) {
                let name = name.map_or_else(Vec::new, |name| [&**name, b" "].concat());
                edits.replace(uri_range, [&*name, b"<", &**new, b">"].concat());
            } else if let Some(new) = uri {
                edits.replace(uri_range, new.clone());
            }
            return;
        }
        if let Some(name) = display {
            let old = self.start..self.start + self.display.len();
            if self.display.is_empty() {
                if !name.is_empty() {
                    edits.insert_before(self.start, [&**name, b" "].concat());
                }
            } else {
                edits.replace(old, name.clone());
            }
        }
        if let Some(new) = uri {
            edits.replace(uri_range, new.clone());
        }
    }
}

/// Refuses a name or URI that would break the header.
pub(super) fn check(display: Option<&Str>, uri: &Str) -> Result<(), ScriptError> {
    let display = display.cloned().unwrap_or_default();
    let one_line = display.iter().chain(uri.iter()).all(|byte| !matches!(byte, b'\r' | b'\n' | 0));
    let text = Str::from([&*display, b" <", &**uri, b">;tag=1"].concat());
    let fits = |parsed: NameAddr| parsed.bracketed && parsed.uri == *uri && parsed.display == display.trim();
    if one_line && NameAddr::parse(text).is_some_and(fits) {
        return Ok(());
    }
    let shown = if display.is_empty() { uri.to_text() } else { display.to_text() };
    Err(ScriptError::new(format!("`{}` cannot stand in a From or To header", shown.escape_debug())))
}

/// Whether a text can be name and URI of a header.
pub(super) fn is_whole(text: &Str) -> bool {
    text.iter().all(|byte| !matches!(byte, b'\r' | b'\n' | 0))
        && NameAddr::parse(text.clone()).is_some_and(|parsed| parsed.params.is_empty())
}
