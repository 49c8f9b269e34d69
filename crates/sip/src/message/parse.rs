//! The one pass over a received buffer that finds the first line and the header boundaries.

use super::{Header, Message, StartLine, Values};
use crate::header::HeaderName;
use crate::{Method, ParseError, Str, scan};

impl Message {
    pub(super) fn parse_into(&mut self, buffer: Str) -> Result<(), ParseError> {
        self.values = Values::default();
        self.edits.clear();
        self.headers.clear();
        self.seen = 0;
        let skipped = scan::skip_while(&buffer, 0, |byte| matches!(byte, b'\r' | b'\n'));
        self.buffer = if skipped > 0 { buffer.slice(skipped..) } else { buffer };
        if self.buffer.is_empty() {
            return Err(ParseError::Empty);
        }
        if self.buffer.len() >= u32::MAX as usize {
            return Err(ParseError::TooLarge);
        }
        let line_end = memchr::memchr(b'\n', &self.buffer).ok_or(ParseError::StartLine { offset: 0 })?;
        self.start = start_line(&self.buffer, strip_cr(&self.buffer, 0, line_end))?;
        self.headers_start = line_end as u32 + 1;
        self.find_headers(line_end + 1)
    }

    fn find_headers(&mut self, mut at: usize) -> Result<(), ParseError> {
        let bytes = self.buffer.as_bytes();
        loop {
            match bytes.get(at..).unwrap_or_default() {
                [] => return Err(ParseError::NoEndOfHeaders),
                [b'\n', ..] => {
                    self.body_start = at as u32 + 1;
                    return Ok(());
                }
                [b'\r', b'\n', ..] => {
                    self.body_start = at as u32 + 2;
                    return Ok(());
                }
                _ => {}
            }
            let header = header_line(bytes, at)?;
            if self.headers.len() >= Self::MAX_HEADERS {
                return Err(ParseError::TooLarge);
            }
            self.seen |= header.name.bit();
            at = header.end as usize;
            self.headers.push(header);
        }
    }
}

/// The header line (or folded lines) that starts at `start`.
fn header_line(bytes: &[u8], start: usize) -> Result<Header, ParseError> {
    let error = ParseError::HeaderLine { offset: start as u32 };
    let name_end = scan::skip_while(bytes, start, scan::is_token);
    // White space between name and colon is allowed (RFC 3261 7.3.1).
    let colon = scan::skip_while(bytes, name_end, |byte| matches!(byte, b' ' | b'\t'));
    if name_end == start || bytes.get(colon) != Some(&b':') {
        return Err(error);
    }
    let mut end = colon + 1;
    loop {
        match memchr::memchr(b'\n', &bytes[end..]) {
            Some(length) => end += length + 1,
            None => return Err(ParseError::NoEndOfHeaders),
        }
        // A line that starts with white space continues the one before.
        if !matches!(bytes.get(end), Some(b' ' | b'\t')) {
            break;
        }
    }
    let (body_start, trimmed_end) = scan::trim_range(bytes, colon + 1, end);
    let body_end = if trimmed_end == body_start { body_start } else { strip_line_end(bytes, trimmed_end, end) };
    Ok(Header {
        name: HeaderName::from_bytes(&bytes[start..name_end]),
        start: start as u32,
        name_end: name_end as u32,
        body_start: body_start as u32,
        body_end: body_end as u32,
        end: end as u32,
    })
}

/// `end` without the line end before it, but not before `start`. Blanks there stay, as in Kamailio.
fn strip_line_end(bytes: &[u8], start: usize, mut end: usize) -> usize {
    while end > start && matches!(bytes[end - 1], b'\r' | b'\n') {
        end -= 1;
    }
    end
}

fn strip_cr(bytes: &[u8], start: usize, end: usize) -> usize {
    if end > start && bytes[end - 1] == b'\r' { end - 1 } else { end }
}

fn start_line(buffer: &Str, end: usize) -> Result<StartLine, ParseError> {
    let line = &buffer[..end];
    let error = |at: usize| ParseError::StartLine { offset: at as u32 };
    let first_end = memchr::memchr(b' ', line).ok_or_else(|| error(end))?;
    if is_version(&line[..first_end]) {
        return status_line(buffer, first_end, end);
    }
    if first_end == 0 || !line[..first_end].iter().all(|&byte| scan::is_token(byte)) {
        return Err(error(0));
    }
    let uri_start = first_end + 1;
    let uri_end = scan::skip_while(line, uri_start, |byte| !matches!(byte, b' ' | b'\t'));
    // Kamailio, too, takes more than one blank here, but not before the URI.
    let version_start = scan::skip_space(line, uri_end);
    let version_end = scan::trim_range(line, version_start, end).1;
    if uri_start == uri_end {
        return Err(error(uri_start));
    }
    if !is_version(&line[version_start..version_end]) {
        return Err(ParseError::Version { offset: version_start as u32 });
    }
    Ok(StartLine::Request {
        method: Method::from_bytes(&line[..first_end]),
        method_name: buffer.slice(..first_end),
        uri: buffer.slice(uri_start..uri_end),
        version: buffer.slice(version_start..version_end),
    })
}

fn status_line(buffer: &Str, version_end: usize, end: usize) -> Result<StartLine, ParseError> {
    let line = &buffer[..end];
    let code_start = scan::skip_while(line, version_end, |byte| byte == b' ');
    let code_end = scan::skip_while(line, code_start, |byte| byte.is_ascii_digit());
    let status = scan::number::<u16>(&line[code_start..code_end]).filter(|_| code_end - code_start == 3);
    let status = status.filter(|&status| status >= 100 && matches!(line.get(code_end), None | Some(b' ')));
    let Some(status) = status else {
        return Err(ParseError::StartLine { offset: code_start as u32 });
    };
    Ok(StartLine::Reply {
        version: buffer.slice(..version_end),
        status,
        reason: buffer.slice((code_end + 1).min(end)..end),
    })
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
