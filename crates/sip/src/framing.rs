//! Cutting a byte stream into messages and keep-alives (RFC 3261 18.3, 7.5, RFC 5626 4.4.1).

use bytes::{Buf as _, BytesMut};

use crate::{Str, scan};

/// Bounds on what one message may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the first line and the headers.
    pub header: usize,
    /// Bytes of the body.
    pub body: usize,
    /// Header lines.
    pub headers: usize,
    /// Whether a message without Content-Length is taken as one without body (`tcp_accept_no_cl`). HTTP requests
    /// always are.
    pub accept_no_content_length: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header: 64 * 1024, body: 1024 * 1024, headers: 512, accept_no_content_length: false }
    }
}

/// What was found in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole message.
    Message(Str),
    /// Two line ends: the peer asks whether we are there; the answer is one line end (RFC 5626 4.4.1).
    Ping,
    /// One line end: the answer to our ping. Known as such only when what follows it is there, or by
    /// [`Framer::take_pong`].
    Pong,
}

/// Why a stream cannot be read on. The connection has to be closed: there is no telling where the next message starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// The headers are larger than [`Limits::header`].
    #[error("the headers of a message are too large")]
    HeaderTooLarge,
    /// There are more header lines than [`Limits::headers`].
    #[error("a message has too many headers")]
    TooManyHeaders,
    /// Content-Length is larger than [`Limits::body`].
    #[error("the body of a message is too large")]
    BodyTooLarge,
    /// Content-Length is not a number.
    #[error("Content-Length is not a number")]
    BadContentLength,
    /// Two Content-Length headers differ: an attack.
    #[error("a message has two different Content-Length headers")]
    ConflictingContentLength,
    /// There is no Content-Length, and [`Limits::accept_no_content_length`] is off.
    #[error("a message has no Content-Length")]
    NoContentLength,
}

/// Takes a stream in pieces of any size and gives out whole frames.
///
/// After each [`Framer::push`] call [`Framer::next`] until it returns `None`; then what is kept is less than one
/// message of the size the limits allow. Every byte is looked at a bounded number of times.
#[derive(Debug, Default)]
pub struct Framer {
    limits: Limits,
    buffer: BytesMut,
    /// Start of the first header line that is not known to be complete.
    line_start: usize,
    /// How far the search for the end of that line has come.
    searched: usize,
    /// Lines found so far.
    lines: usize,
    /// Length of the whole message, once its headers are complete.
    length: Option<usize>,
    failed: Option<FramingError>,
}

impl Framer {
    /// A framer for a fresh stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes the next bytes of the stream. After an error they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame; `None` when more bytes are needed. After an error there are no more frames.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Frame, FramingError>> {
        if self.failed.is_some() {
            return None;
        }
        if self.length.is_none() {
            if self.searched == 0
                && let Some(keep_alive) = self.keep_alive()?
            {
                return Some(Ok(keep_alive));
            }
            if let Err(error) = self.find_length() {
                self.failed = Some(error);
                self.buffer = BytesMut::new();
                return Some(Err(error));
            }
        }
        let length = self.length.filter(|&length| length <= self.buffer.len())?;
        let message = Str::copy_from(&self.buffer[..length]);
        self.skip(length);
        (self.line_start, self.searched, self.lines, self.length) = (0, 0, 0, None);
        Some(Ok(Frame::Message(message)))
    }

    /// Drops `length` bytes that were buffered. A connection that falls silent behind a whole message keeps no memory for it.
    fn skip(&mut self, length: usize) {
        self.buffer.advance(length);
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Takes a single line end that has nothing after it as [`Frame::Pong`]: for a driver that sees the stream fall
    /// silent. Otherwise it could be the first half of a ping.
    pub fn take_pong(&mut self) -> bool {
        let is_pong = self.buffer[..] == b"\r\n"[..];
        if is_pong {
            self.buffer.clear();
        }
        is_pong
    }

    /// How many bytes wait for the rest of their frame.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The error that ended the stream.
    pub fn error(&self) -> Option<FramingError> {
        self.failed
    }

    /// Takes line ends off the start of the buffer. Outer `None`: more bytes are needed to tell; inner `None`: a
    /// message starts here.
    fn keep_alive(&mut self) -> Option<Option<Frame>> {
        loop {
            let (length, frame) = match &self.buffer[..] {
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return None,
                [b'\r', b'\n', b'\r', b'\n', ..] => (4, Some(Frame::Ping)),
                [b'\r', b'\n', ..] => (2, Some(Frame::Pong)),
                // Stray halves of line ends mean nothing (RFC 3261 7.5).
                [b'\r' | b'\n', ..] => (1, None),
                _ => return Some(None),
            };
            self.skip(length);
            if frame.is_some() {
                return Some(frame);
            }
        }
    }

    /// Looks for the end of the headers from where the last call stopped, and sets the length when it is there.
    fn find_length(&mut self) -> Result<(), FramingError> {
        loop {
            let rest = &self.buffer[self.searched.min(self.buffer.len())..];
            let Some(offset) = memchr::memchr(b'\n', rest) else {
                self.searched = self.buffer.len();
                break;
            };
            let line_end = self.searched + offset + 1;
            if line_end > self.limits.header {
                return Err(FramingError::HeaderTooLarge);
            }
            let is_empty = matches!(&self.buffer[self.line_start..line_end], b"\n" | b"\r\n");
            (self.line_start, self.searched) = (line_end, line_end);
            if is_empty {
                let body = body_length(&self.buffer[..line_end], &self.limits)?;
                self.length = Some(line_end + body);
                return Ok(());
            }
            self.lines += 1;
            // The first line is no header.
            if self.lines > self.limits.headers.saturating_add(1) {
                return Err(FramingError::TooManyHeaders);
            }
        }
        if self.buffer.len() > self.limits.header {
            return Err(FramingError::HeaderTooLarge);
        }
        Ok(())
    }
}

/// The length of the body by the header section `head`.
fn body_length(head: &[u8], limits: &Limits) -> Result<usize, FramingError> {
    let mut lines = Lines { rest: head };
    let is_http = lines.next().is_some_and(|line| memchr::memmem::find(line, b" HTTP/").is_some());
    let mut length: Option<u64> = None;
    for line in lines {
        if !matches!(line.first(), Some(b'c' | b'C' | b'l' | b'L')) {
            continue;
        }
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let name = scan::trim(&line[..colon]);
        if !name.eq_ignore_ascii_case(b"content-length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let digits = scan::trim(&line[colon + 1..]);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(FramingError::BadContentLength);
        }
        // All digits, but too many of them.
        let value = scan::number::<u64>(digits).ok_or(FramingError::BodyTooLarge)?;
        if length.is_some_and(|known| known != value) {
            return Err(FramingError::ConflictingContentLength);
        }
        length = Some(value);
    }
    match length {
        Some(length) => {
            usize::try_from(length).ok().filter(|&length| length <= limits.body).ok_or(FramingError::BodyTooLarge)
        }
        None if is_http || limits.accept_no_content_length => Ok(0),
        None => Err(FramingError::NoContentLength),
    }
}

/// Header lines, folded ones in one piece.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let mut end = 0;
        loop {
            match memchr::memchr(b'\n', &self.rest[end..]) {
                Some(offset) => end += offset + 1,
                None => end = self.rest.len(),
            }
            if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(stream: &[u8], chunk: usize, limits: Limits) -> Vec<Result<Frame, FramingError>> {
        let mut framer = Framer::new(limits);
        let mut frames = Vec::new();
        for piece in stream.chunks(chunk) {
            framer.push(piece);
            while let Some(frame) = framer.next() {
                frames.push(frame);
            }
        }
        frames
    }

    fn all_chunkings(stream: &str, limits: Limits) -> Vec<Result<Frame, FramingError>> {
        let whole = frames(stream.as_bytes(), stream.len().max(1), limits);
        for chunk in 1..stream.len() {
            assert_eq!(frames(stream.as_bytes(), chunk, limits), whole, "chunks of {chunk}");
        }
        whole
    }

    fn message(text: &str) -> Result<Frame, FramingError> {
        Ok(Frame::Message(Str::from(text)))
    }

    #[test]
    fn a_silent_stream_keeps_no_memory() {
        let mut framer = Framer::new(Limits::default());
        framer.push(b"OPTIONS sip:a SIP/2.0\r\nL: 0\r\n\r\nOPT");
        assert!(framer.next().is_some_and(|frame| frame.is_ok()) && framer.next().is_none());
        assert_eq!(framer.buffered(), 3);
        framer.push(b"IONS sip:b SIP/2.0\r\nL: 0\r\n\r\n");
        assert!(framer.next().is_some_and(|frame| frame.is_ok()) && framer.next().is_none());
        assert_eq!(framer.buffer.capacity(), 0);
    }

    #[test]
    fn messages_and_keep_alives() {
        let one = "OPTIONS sip:a SIP/2.0\r\nContent-Length : \r\n 5\r\n\r\nhello";
        let two = "OPTIONS sip:b SIP/2.0\nL:0\nX: y\n\n";
        let stream = format!("\r\n\r\n{one}\r\n{two}\n\r\r\n\r\n\r\n{one}");
        assert_eq!(
            all_chunkings(&stream, Limits::default()),
            [
                Ok(Frame::Ping),
                message(one),
                Ok(Frame::Pong),
                message(two),
                Ok(Frame::Ping),
                Ok(Frame::Pong),
                message(one)
            ]
        );
    }

    #[test]
    fn content_length_rules() {
        let with = |headers: &str| all_chunkings(&format!("A sip:a SIP/2.0\r\n{headers}\r\n"), Limits::default());
        assert_eq!(with("Content-Length: 0\r\nl: 00\r\n").len(), 1);
        assert_eq!(with("Content-Length: 0\r\nl: 1\r\n"), [Err(FramingError::ConflictingContentLength)]);
        assert_eq!(with("Content-Length: -1\r\n"), [Err(FramingError::BadContentLength)]);
        assert_eq!(with("Content-Length:\r\n"), [Err(FramingError::BadContentLength)]);
        assert_eq!(with("Content-Length: 99999999999999999999999\r\n"), [Err(FramingError::BodyTooLarge)]);
        assert_eq!(with("Content-Length: 18446744073709551615\r\n"), [Err(FramingError::BodyTooLarge)]);
        assert_eq!(with("X: y\r\n"), [Err(FramingError::NoContentLength)]);
        let lenient = Limits { accept_no_content_length: true, ..Limits::default() };
        assert_eq!(all_chunkings("A sip:a SIP/2.0\r\n\r\n", lenient).len(), 1);
        assert_eq!(all_chunkings("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Limits::default()).len(), 1);
    }

    #[test]
    fn bounds() {
        let small = Limits { header: 40, body: 4, headers: 2, accept_no_content_length: true };
        let long = format!("A sip:a SIP/2.0\r\nX: {}", "y".repeat(60));
        assert_eq!(all_chunkings(&long, small), [Err(FramingError::HeaderTooLarge)]);
        let many = "A sip:a SIP/2.0\r\na:\r\nb:\r\nc:\r\n\r\n";
        assert_eq!(all_chunkings(many, small), [Err(FramingError::TooManyHeaders)]);
        let body = "A sip:a SIP/2.0\r\nl: 5\r\n\r\nhello";
        assert_eq!(all_chunkings(body, small), [Err(FramingError::BodyTooLarge)]);
        let mut framer = Framer::new(small);
        framer.push(long.as_bytes());
        assert!(framer.next().is_some() && framer.next().is_none());
        framer.push(b"more");
        assert_eq!((framer.buffered(), framer.error()), (0, Some(FramingError::HeaderTooLarge)));
    }

    #[test]
    fn a_lone_pong() {
        let mut framer = Framer::new(Limits::default());
        framer.push(b"\r\n");
        assert_eq!(framer.next(), None);
        assert!(framer.take_pong());
        assert!(!framer.take_pong());
    }
}
