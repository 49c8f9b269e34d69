//! The one pass over a received buffer that finds the first line and the header boundaries.

use super::{Header, Message, StartLine};
use crate::header::{HeaderName, NameSet};
use crate::{Method, ParseError, Str, scan};

impl Message {
    pub(super) fn parse_into(&mut self, buffer: Str) -> Result<(), ParseError> {
        self.values.clear();
        self.edits.clear();
        self.headers.clear();
        self.seen = NameSet::default();
        let skipped = scan::skip_while(&buffer, 0, |byte| matches!(byte, b'\r' | b'\n'));
        self.buffer = if skipped > 0 { buffer.slice(skipped..) } else { buffer };
        if self.buffer.is_empty() {
            return Err(ParseError::Empty);
        }
        if self.buffer.len() >= u32::MAX as usize {
            return Err(ParseError::TooLarge);
        }
        let headers_start = scan::after_line_feed(&self.buffer, 0).ok_or(ParseError::StartLine { offset: 0 })?;
        self.start = start_line(&self.buffer, strip_cr(&self.buffer, 0, headers_start - 1))?;
        self.headers_start = headers_start as u32;
        self.find_headers(headers_start)
    }

    fn find_headers(&mut self, mut at: usize) -> Result<(), ParseError> {
        let bytes = self.buffer.as_bytes();
        let mut seen = NameSet::default();
        let result = loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let header = match plain_line(rest, at) {
                Some(header) => header,
                None => match rest {
                    [] => break Err(ParseError::NoEndOfHeaders),
                    [b'\n', ..] => break Ok(at + 1),
                    [b'\r', b'\n', ..] => break Ok(at + 2),
                    _ => match header_line(bytes, at) {
                        Ok(header) => header,
                        Err(error) => break Err(error),
                    },
                },
            };
            if self.headers.len() >= Self::MAX_HEADERS {
                break Err(ParseError::TooLarge);
            }
            seen.insert(header.name);
            at = header.end as usize;
            self.headers.push(header);
        };
        self.seen = seen;
        self.body_start = result? as u32;
        Ok(())
    }
}

/// The header line that `rest` begins with, `start` bytes into the message, if it looks as nearly all do: a known name, a
/// colon, one blank, the value, CR LF, and no line after it that continues it. Else [`header_line`] has to look.
#[inline(always)]
fn plain_line(rest: &[u8], start: usize) -> Option<Header> {
    let (name, length) = HeaderName::before_colon(rest)?;
    let value = rest.get(length + 2..)?;
    if rest.get(length + 1) != Some(&b' ') || value.first().is_none_or(|&first| first <= b' ') {
        return None;
    }
    let line = scan::line_length(value)?;
    let [before, b'\r', b'\n'] = value.get(line.checked_sub(3)?..line)? else { return None };
    if *before == b'\r' || matches!(value.get(line), Some(b' ' | b'\t')) {
        return None;
    }
    let body = start + length + 2;
    Some(Header {
        name,
        start: start as u32,
        name_end: (start + length) as u32,
        body_start: body as u32,
        body_end: (body + line - 2) as u32,
        end: (body + line) as u32,
    })
}

/// The header line (or folded lines) that starts at `start`.
#[inline(never)]
fn header_line(bytes: &[u8], start: usize) -> Result<Header, ParseError> {
    let (name, name_end, colon) = match HeaderName::before_colon(bytes.get(start..).unwrap_or_default()) {
        Some((name, length)) => (name, start + length, start + length),
        None => other_name(bytes, start)?,
    };
    let mut end = scan::after_line_feed(bytes, colon + 1).ok_or(ParseError::NoEndOfHeaders)?;
    // A line that starts with white space continues the one before.
    while matches!(bytes.get(end), Some(b' ' | b'\t')) {
        end = scan::after_line_feed(bytes, end).ok_or(ParseError::NoEndOfHeaders)?;
    }
    let mut body_start = colon + 1;
    while body_start < end && bytes.get(body_start).is_some_and(|&byte| scan::is_space(byte)) {
        body_start += 1;
    }
    let body_end = if body_start < end {
        strip_line_end(bytes, body_start, end)
    } else {
        body_start = colon + 1;
        body_start
    };
    Ok(Header {
        name,
        start: start as u32,
        name_end: name_end as u32,
        body_start: body_start as u32,
        body_end: body_end as u32,
        end: end as u32,
    })
}

/// The name of the header line at `start` in any form, where it ends, and where the colon is.
#[inline(never)]
fn other_name(bytes: &[u8], start: usize) -> Result<(HeaderName, usize, usize), ParseError> {
    let name_end = scan::skip_while(bytes, start, scan::is_token);
    // White space between name and colon is allowed (RFC 3261 7.3.1).
    let colon = scan::skip_while(bytes, name_end, |byte| matches!(byte, b' ' | b'\t'));
    if name_end == start || bytes.get(colon) != Some(&b':') {
        return Err(ParseError::HeaderLine { offset: start as u32 });
    }
    let name = bytes.get(start..name_end).unwrap_or_default();
    Ok((HeaderName::from_bytes(name), name_end, colon))
}

/// `end` without the line end before it, but not before `start`. Blanks there stay, as in Kamailio.
#[inline]
fn strip_line_end(bytes: &[u8], start: usize, mut end: usize) -> usize {
    while end > start && matches!(bytes.get(end - 1), Some(b'\r' | b'\n')) {
        end -= 1;
    }
    end
}

fn strip_cr(bytes: &[u8], start: usize, end: usize) -> usize {
    if end > start && bytes.get(end - 1) == Some(&b'\r') { end - 1 } else { end }
}

fn start_line(buffer: &Str, end: usize) -> Result<StartLine, ParseError> {
    let line = buffer.get(..end).unwrap_or_default();
    let error = |at: usize| ParseError::StartLine { offset: at as u32 };
    let first_end = scan::find_byte(line, 0, b' ');
    if first_end == end {
        return Err(error(end));
    }
    let first = line.get(..first_end).unwrap_or_default();
    if is_version(first) {
        return status_line(buffer, line, first_end);
    }
    let method = Method::from_bytes(first);
    if first_end == 0 || (method == Method::Other && !first.iter().all(|&byte| scan::is_token(byte))) {
        return Err(error(0));
    }
    let uri_start = first_end + 1;
    let uri_end = end_of_uri(line, uri_start);
    if uri_start == uri_end {
        return Err(error(uri_start));
    }
    let version = if line.get(uri_end..) == Some(b" SIP/2.0") {
        SIP_2_0
    } else {
        // Kamailio, too, takes more than one blank here, but not before the URI.
        let version_start = scan::skip_space(line, uri_end);
        let version_end = scan::trim_range(line, version_start, end).1;
        if !is_version(&line[version_start..version_end]) {
            return Err(ParseError::Version { offset: version_start as u32 });
        }
        buffer.slice(version_start..version_end)
    };
    Ok(StartLine::Request {
        method,
        method_name: match method {
            Method::Other => buffer.slice(..first_end),
            known => Str::from_static(known.name()),
        },
        uri: buffer.slice(uri_start..uri_end),
        version,
    })
}

/// What nearly every message says of its version; it need not be counted as a part of the message.
const SIP_2_0: Str = Str::from_static("SIP/2.0");

fn end_of_uri(line: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        at = scan::find_or_blank(line, at, b' ');
        match line.get(at) {
            None | Some(b' ' | b'\t') => return at,
            Some(_) => at += 1,
        }
    }
}

fn status_line(buffer: &Str, line: &[u8], version_end: usize) -> Result<StartLine, ParseError> {
    let code_start = scan::skip_while(line, version_end, |byte| byte == b' ');
    let code_end = scan::skip_while(line, code_start, |byte| byte.is_ascii_digit());
    let status = scan::number::<u16>(&line[code_start..code_end]).filter(|_| code_end - code_start == 3);
    let status = status.filter(|&status| status >= 100 && matches!(line.get(code_end), None | Some(b' ')));
    let Some(status) = status else {
        return Err(ParseError::StartLine { offset: code_start as u32 });
    };
    let version = if line.starts_with(b"SIP/2.0 ") { SIP_2_0 } else { buffer.slice(..version_end) };
    Ok(StartLine::Reply { version, status, reason: buffer.slice((code_end + 1).min(line.len())..line.len()) })
}

/// Whether `text` is `SIP/` or `HTTP/` and digits with a dot. Which versions are served is not decided here.
fn is_version(text: &[u8]) -> bool {
    let number = match text {
        [b'S' | b's', b'I' | b'i', b'P' | b'p', b'/', rest @ ..] => rest,
        [b'H' | b'h', b'T' | b't', b'T' | b't', b'P' | b'p', b'/', rest @ ..] => rest,
        _ => return false,
    };
    !number.is_empty() && number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}
