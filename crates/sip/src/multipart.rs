//! Bodies of several parts (RFC 2046 5.1, RFC 5621).

use crate::header::{ContentType, HeaderName};
use crate::{Str, scan};

/// More parts are not looked at.
pub const MAX_PARTS: usize = 64;
/// More header lines of one part are not looked at.
pub const MAX_HEADERS: usize = 64;

/// One part of a multipart body. All texts are slices of the body, so [`Str::offset_of`] tells where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The part from after the line of its boundary to before the line end that belongs to the next boundary.
    pub text: Str,
    /// The headers of the part.
    pub headers: Vec<PartHeader>,
    /// The body of the part.
    pub body: Str,
}

/// A header of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHeader {
    /// The name, when it is one we know.
    pub name: HeaderName,
    /// The name as written.
    pub name_text: Str,
    /// The value without white space at its ends.
    pub body: Str,
}

impl Part {
    /// The value of the first header of that name.
    pub fn header(&self, name: HeaderName) -> Option<&Str> {
        self.headers.iter().find(|header| header.name == name).map(|header| &header.body)
    }

    /// The type of the part; `None` when it is missing or malformed (`text/plain` is meant then).
    pub fn content_type(&self) -> Option<ContentType> {
        ContentType::parse(self.header(HeaderName::ContentType)?.clone())
    }
}

/// The parts of `body` between lines that begin with `--` and `boundary`. `None` when there is no such line. A body
/// that ends without the closing line ends its last part.
pub fn split(body: &Str, boundary: &[u8]) -> Option<Vec<Part>> {
    if boundary.is_empty() {
        return None;
    }
    let mut delimiter = Vec::with_capacity(boundary.len() + 2);
    delimiter.extend_from_slice(b"--");
    delimiter.extend_from_slice(boundary);
    let mut parts = Vec::new();
    let mut open: Option<usize> = None;
    let finder = memchr::memmem::Finder::new(&delimiter);
    let mut from = 0;
    let mut seen = false;
    while let Some(offset) = finder.find(body.get(from..).unwrap_or_default()) {
        let at = from + offset;
        let after = at + delimiter.len();
        from = after;
        let Some((line_end, is_last)) = delimiter_line(body, at, after) else { continue };
        seen = true;
        if let Some(start) = open.take() {
            parts.push(part(body, start, line_end_before(body, start, at)));
        }
        if is_last || parts.len() >= MAX_PARTS {
            return Some(parts);
        }
        open = Some(line_end);
        // The next delimiter may start at once: its line end belongs to this line.
        from = line_end;
    }
    if let Some(start) = open {
        parts.push(part(body, start, body.len()));
    }
    seen.then_some(parts)
}

/// Whether the delimiter found at `at..after` is a line: where the line ends, and whether it is the closing one.
fn delimiter_line(body: &[u8], at: usize, after: usize) -> Option<(usize, bool)> {
    if at > 0 && body.get(at - 1) != Some(&b'\n') {
        return None;
    }
    let is_last = body.get(after..).is_some_and(|rest| rest.starts_with(b"--"));
    let blanks = if is_last { after + 2 } else { after };
    let end = scan::skip_while(body, blanks, |byte| matches!(byte, b' ' | b'\t' | b'\r'));
    match body.get(end) {
        Some(b'\n') => Some((end + 1, is_last)),
        None => Some((end, is_last)),
        Some(_) if is_last => Some((end, true)),
        Some(_) => None,
    }
}

/// `at` without the line end before it, which belongs to the delimiter.
fn line_end_before(body: &[u8], start: usize, at: usize) -> usize {
    let text = body.get(start..at).unwrap_or_default();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    start + text.strip_suffix(b"\r").unwrap_or(text).len()
}

fn part(body: &Str, start: usize, end: usize) -> Part {
    let text = body.slice(start..end);
    let mut headers = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match &text[at..] {
            [b'\n', ..] => {
                at += 1;
                break;
            }
            [b'\r', b'\n', ..] => {
                at += 2;
                break;
            }
            _ => {}
        }
        let mut line_end = at;
        loop {
            match memchr::memchr(b'\n', &text[line_end..]) {
                Some(offset) => line_end += offset + 1,
                None => line_end = text.len(),
            }
            if !matches!(text.get(line_end), Some(b' ' | b'\t')) {
                break;
            }
        }
        if let Some(colon) = memchr::memchr(b':', &text[at..line_end]) {
            let name_text = text.slice(at..at + colon).trim();
            if headers.len() < MAX_HEADERS {
                let body = text.slice(at + colon + 1..line_end).trim();
                headers.push(PartHeader { name: HeaderName::from_bytes(&name_text), name_text, body });
            }
        }
        at = line_end;
    }
    Part { body: text.slice(at..), headers, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts() {
        let body = Str::from(
            "preamble\r\n--b1\r\nContent-Type: application/sdp\r\nX-Long: a\r\n b\r\n\r\nv=0\r\n--b1x\r\n\r\n--b1  \r\n\r\nplain\r\n--b1--\r\nrest",
        );
        let parts = split(&body, b"b1").unwrap();
        assert_eq!(parts.len(), 2);
        assert!(parts[0].content_type().unwrap().is_sdp());
        assert_eq!(parts[0].headers[1].body, "a\r\n b");
        assert_eq!(parts[0].body, "v=0\r\n--b1x\r\n");
        assert_eq!(parts[1].body, "plain");
        assert_eq!(parts[1].content_type(), None);
        assert_eq!(body.offset_of(&parts[1].body), body.windows(5).position(|window| window == b"plain"));
    }

    #[test]
    fn odd_bodies() {
        assert!(split(&Str::from("no boundary"), b"b1").is_none());
        assert!(split(&Str::from("--b1\r\n\r\nx"), b"").is_none());
        let parts = split(&Str::from("--b\n\nopen end"), b"b").unwrap();
        assert_eq!(parts[0].body, "open end");
        assert_eq!(split(&Str::from("--b--"), b"b").unwrap(), []);
        assert_eq!(split(&Str::from("--b\n--b\n--b--"), b"b").unwrap().len(), 2);
        assert_eq!(split(&Str::from("--b\nA: b\n--b--"), b"b").unwrap()[0].headers.len(), 1);
        let many = Str::from("--b\r\n".repeat(1000));
        assert_eq!(split(&many, b"b").unwrap().len(), MAX_PARTS);
    }
}
