//! One SIP message: the received buffer, where its headers are, and the values parsed so far.

mod parse;
mod values;

use std::fmt;

use crate::edit::Edits;
use crate::header::{HeaderName, NameSet};
use crate::{Method, ParseError, Str};
use values::Values;

/// A request or a reply as it was received (or as it became by applied edits), with queued edits.
///
/// Getters of two styles: those of headers that can be malformed answer `Result<Option<&T>, HeaderError>` (`Ok(None)`:
/// the header is missing; lists answer an empty slice), those that cannot answer `Option<T>`. What a getter parsed is
/// kept. Queued edits are not visible to any getter until [`Message::apply_edits`].
#[derive(Clone, Default)]
pub struct Message {
    buffer: Str,
    start: StartLine,
    headers: Vec<Header>,
    headers_start: u32,
    body_start: u32,
    /// Set of the names in `headers`.
    seen: NameSet,
    values: Values,
    edits: Edits,
}

/// The first line (RFC 3261 7.1, 7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// `INVITE sip:bob@biloxi.com SIP/2.0`
    Request {
        /// The method.
        method: Method,
        /// The method as written.
        method_name: Str,
        /// The request-URI as written.
        uri: Str,
        /// `SIP/2.0`, as written. Only `SIP/` or `HTTP/` at its start is checked.
        version: Str,
    },
    /// `SIP/2.0 200 OK`
    Reply {
        /// `SIP/2.0`, as written.
        version: Str,
        /// The code, 100 to 999.
        status: u16,
        /// The text; may be empty.
        reason: Str,
    },
}

impl Default for StartLine {
    fn default() -> Self {
        Self::Reply { version: Str::EMPTY, status: 0, reason: Str::EMPTY }
    }
}

/// A header line: its name and where it stands in the buffer. Offsets count from the start of [`Message::buffer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name; of [`HeaderName::Other`] the text is had by [`Message::name_of`].
    pub name: HeaderName,
    /// Where the line starts.
    pub start: u32,
    /// Where its name ends.
    pub name_end: u32,
    /// Where the value starts, white space skipped.
    pub body_start: u32,
    /// Where the value ends: before the line end. Blanks at the end are part of the value, as in Kamailio.
    pub body_end: u32,
    /// Where the next line starts: after the line end (the last one, if folded).
    pub end: u32,
}

impl Header {
    /// The range of the whole line with its line end.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The range of the value: without white space at its start and without the line end.
    pub fn body_range(&self) -> std::ops::Range<usize> {
        self.body_start as usize..self.body_end as usize
    }

    /// The range of the name.
    pub fn name_range(&self) -> std::ops::Range<usize> {
        self.start as usize..self.name_end as usize
    }
}

impl Message {
    /// More header lines are refused.
    pub const MAX_HEADERS: usize = 2048;

    /// Parses a message: its first line and the bounds of its headers. Values are not looked at. Line ends before the
    /// first line are skipped and do not become part of [`Message::buffer`].
    ///
    /// # Errors
    ///
    /// When the first line or a header line has not the form RFC 3261 7 asks for, or the headers do not end.
    pub fn parse(buffer: Str) -> Result<Self, ParseError> {
        let mut message = Self::default();
        message.reparse(buffer)?;
        Ok(message)
    }

    /// Parses `buffer` in place of what this message was, in the memory it already has. Queued edits are dropped.
    ///
    /// # Errors
    ///
    /// As [`Message::parse`]; the message is empty then.
    pub fn reparse(&mut self, buffer: Str) -> Result<(), ParseError> {
        let result = self.parse_into(buffer);
        if result.is_err() {
            self.clear();
        }
        result
    }

    /// Forgets everything but the memory used.
    pub fn clear(&mut self) {
        self.buffer = Str::EMPTY;
        self.start = StartLine::default();
        self.headers.clear();
        self.headers_start = 0;
        self.body_start = 0;
        self.seen = NameSet::default();
        self.values.clear();
        self.edits.clear();
    }

    /// The whole message as received.
    pub fn buffer(&self) -> &Str {
        &self.buffer
    }

    /// The first line.
    pub fn start_line(&self) -> &StartLine {
        &self.start
    }

    /// Whether this is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// Whether this is a reply.
    pub fn is_reply(&self) -> bool {
        !self.is_request()
    }

    /// The method: of a reply that of its CSeq, [`Method::Other`] when that is missing or malformed.
    pub fn method(&self) -> Method {
        match &self.start {
            StartLine::Request { method, .. } => *method,
            StartLine::Reply { .. } => self.cseq().ok().flatten().map_or(Method::Other, |cseq| cseq.method),
        }
    }

    /// The method as written: of a reply that of its CSeq, empty when that is missing or malformed.
    pub fn method_name(&self) -> Str {
        match &self.start {
            StartLine::Request { method_name, .. } => method_name.clone(),
            StartLine::Reply { .. } => {
                self.cseq().ok().flatten().map(|cseq| cseq.method_name.clone()).unwrap_or_default()
            }
        }
    }

    /// The request-URI as received; `None` for a reply.
    pub fn request_uri(&self) -> Option<&Str> {
        match &self.start {
            StartLine::Request { uri, .. } => Some(uri),
            StartLine::Reply { .. } => None,
        }
    }

    /// The code of a reply; `None` for a request.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            StartLine::Request { .. } => None,
            StartLine::Reply { status, .. } => Some(status),
        }
    }

    /// Lets [`Message::status`] show another code of a reply. The first line itself is changed by an edit.
    pub fn set_status(&mut self, new: u16) {
        if let StartLine::Reply { status, .. } = &mut self.start {
            *status = new;
        }
    }

    /// The reason text of a reply; `None` for a request.
    pub fn reason(&self) -> Option<&Str> {
        match &self.start {
            StartLine::Request { .. } => None,
            StartLine::Reply { reason, .. } => Some(reason),
        }
    }

    /// The protocol version as written: `SIP/2.0`.
    pub fn version(&self) -> &Str {
        match &self.start {
            StartLine::Request { version, .. } | StartLine::Reply { version, .. } => version,
        }
    }

    /// The first line as written, without its line end.
    pub fn start_line_text(&self) -> Str {
        self.buffer.slice(..self.headers_start as usize).trim()
    }

    /// The header lines in order.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// The first header of that name. Use [`Message::headers_with_name`] for names that are [`HeaderName::Other`].
    pub fn header(&self, name: HeaderName) -> Option<&Header> {
        if !self.has_header(name) {
            return None;
        }
        self.headers.iter().find(|header| header.name == name)
    }

    /// Whether there is a header of that name.
    pub fn has_header(&self, name: HeaderName) -> bool {
        self.seen.contains(name)
    }

    /// All headers of that name in order.
    pub fn headers_named(&self, name: HeaderName) -> impl DoubleEndedIterator<Item = &Header> {
        let all: &[Header] = if self.has_header(name) { &self.headers } else { &[] };
        all.iter().filter(move |header| header.name == name)
    }

    /// All headers called `name` in order: letters of either case, and compact forms equal the long ones.
    pub fn headers_with_name<'a>(&'a self, name: &'a [u8]) -> impl DoubleEndedIterator<Item = &'a Header> {
        let known = HeaderName::from_bytes(name);
        self.headers_named(known)
            .filter(move |header| known != HeaderName::Other || self.bytes_of_name(header).eq_ignore_ascii_case(name))
    }

    /// The value of the first header called `name`, see [`Message::headers_with_name`].
    pub fn header_body(&self, name: &[u8]) -> Option<Str> {
        let header = self.headers_with_name(name).next()?;
        Some(self.body_of(header))
    }

    fn bytes_of_name(&self, header: &Header) -> &[u8] {
        self.buffer.get(header.name_range()).unwrap_or_default()
    }

    /// The name of a header as written.
    pub fn name_of(&self, header: &Header) -> Str {
        self.buffer.slice(header.name_range())
    }

    /// The value of a header without white space at its start and without the line end; line ends of folded lines and
    /// blanks at the end are kept, as in Kamailio.
    pub fn body_of(&self, header: &Header) -> Str {
        self.buffer.slice(header.body_range())
    }

    /// The whole line of a header with its line end.
    pub fn raw_of(&self, header: &Header) -> Str {
        self.buffer.slice(header.range())
    }

    /// The value of the first header of that name; `None` when it is missing.
    pub fn body_named(&self, name: HeaderName) -> Option<Str> {
        self.header(name).map(|header| self.body_of(header))
    }

    /// Where the first header line starts.
    pub fn headers_start(&self) -> usize {
        self.headers_start as usize
    }

    /// Where the headers end: the start of the empty line. Headers are appended here.
    pub fn headers_end(&self) -> usize {
        self.headers.last().map_or(self.headers_start, |header| header.end) as usize
    }

    /// All header lines, without the first line and without the empty line.
    pub fn header_section(&self) -> Str {
        self.buffer.slice(self.headers_start()..self.headers_end())
    }

    /// Where the body starts: after the empty line.
    pub fn body_start(&self) -> usize {
        self.body_start as usize
    }

    /// The body: all that was received after the empty line. What goes beyond Content-Length in a datagram is part of
    /// it; see [`Message::declared_body`].
    pub fn body(&self) -> Str {
        self.buffer.slice(self.body_start()..)
    }

    /// The body cut to Content-Length when it is longer (RFC 3261 18.3).
    pub fn declared_body(&self) -> Str {
        let body = self.body();
        match self.content_length() {
            Ok(Some(length)) => body.slice(..length as usize),
            _ => body,
        }
    }

    /// The queued edits.
    pub fn edits(&self) -> &Edits {
        &self.edits
    }

    /// The queued edits, to add to them.
    pub fn edits_mut(&mut self) -> &mut Edits {
        &mut self.edits
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("start", &self.start)
            .field("headers", &self.headers.len())
            .field("body", &self.body().len())
            .field("edits", &self.edits)
            .finish_non_exhaustive()
    }
}

/// Shows the message as received, edits not applied.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.buffer, f)
    }
}

/// Messages are equal when their bytes are; queued edits do not count.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.buffer == other.buffer
    }
}

impl Eq for Message {}

#[cfg(test)]
mod tests;
