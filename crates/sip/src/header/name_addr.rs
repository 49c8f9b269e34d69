//! Addresses with a name and parameters: From, To, Contact, Route, Path, Refer-To and their kin (RFC 3261 20.10,
//! 25.1 `name-addr` / `addr-spec`).

use std::cell::OnceCell;
use std::fmt;

use smallvec::SmallVec;

use crate::header::Params;
use crate::{Str, Uri, UriError, scan};

/// `"Display" <uri>;params`, or `uri;params` where the parameters belong to the header and not to the URI
/// (RFC 3261 20.10).
#[derive(Clone, Default)]
pub struct NameAddr {
    /// The whole value as written, without white space at its ends.
    pub text: Str,
    /// The display name as written, quotes included; empty when there is none.
    pub display: Str,
    /// The URI, without angle brackets.
    pub uri: Str,
    /// The parameters of the header (after the `>`).
    pub params: Params,
    /// Whether the URI stands in angle brackets.
    pub bracketed: bool,
    parsed: OnceCell<Result<Uri, UriError>>,
}

impl NameAddr {
    /// Parses one address. `None` when malformed: no URI, a bracket or quote that does not close, or broken parameters.
    /// A display name may hold commas without quotes, as Kamailio lets it. The URI itself is not looked at, see [`NameAddr::parsed_uri`].
    pub fn parse(text: Str) -> Option<Self> {
        let text = text.into_trimmed();
        let bytes = text.as_bytes();
        let (display, open) = display(bytes)?;
        let (uri, rest, bracketed) = match open {
            Some(open) => {
                let close = scan::find_byte(bytes, open, b'>');
                if close == bytes.len() {
                    return None;
                }
                (scan::trim_range(bytes, open + 1, close), close + 1, true)
            }
            None => {
                let end = scan::find_byte(bytes, 0, b';');
                (scan::trim_range(bytes, 0, end), end, false)
            }
        };
        let after = scan::skip_space(bytes, rest);
        let is_list_or_text = bytes.get(after).is_some_and(|&byte| byte != b';');
        let bad_bare_uri =
            !bracketed && bytes[uri.0..uri.1].iter().any(|&byte| scan::is_space(byte) || matches!(byte, b',' | b'"'));
        if uri.0 == uri.1 || is_list_or_text || bad_bare_uri {
            return None;
        }
        let params = Params::parse(text.part(after, bytes.len()))?;
        // `<sip:a>;tag=1,<sip:b>` is a list where one address is due.
        if !params.is_empty()
            && scan::find_byte(bytes, after, b',') < bytes.len()
            && params.iter().any(|param| param.name.contains(&b',') || is_list(&params, param.value))
        {
            return None;
        }
        Some(Self {
            display: text.part(display.0, display.1),
            uri: text.part(uri.0, uri.1),
            params,
            bracketed,
            parsed: OnceCell::new(),
            text,
        })
    }

    /// Parses every value of a comma separated list onto the end of `list`.
    pub(crate) fn parse_list(text: Str, list: &mut SmallVec<[Self; 1]>) -> Option<()> {
        scan::for_each_value(text, |value| {
            list.push(Self::parse(value)?);
            Some(())
        })
    }

    /// The display name without quotes around it and with its `\` escapes resolved; shared when there are none.
    pub fn display_name(&self) -> Str {
        unquote(&self.display)
    }

    /// The `tag` parameter (RFC 3261 19.3); `None` when missing or empty. Of several the last counts, as in Kamailio.
    pub fn tag(&self) -> Option<Str> {
        self.tag_bytes().map(|tag| self.text.slice_ref(tag))
    }

    /// The `tag` parameter as bytes: no reference is counted. See [`NameAddr::tag`].
    pub fn tag_bytes(&self) -> Option<&[u8]> {
        self.params.find_last(b"tag")?.value.filter(|tag| !tag.is_empty())
    }

    /// The URI taken apart; kept after the first call.
    pub fn parsed_uri(&self) -> Result<&Uri, UriError> {
        self.parsed.get_or_init(|| Uri::parse(self.uri.clone())).as_ref().map_err(|&error| error)
    }
}

/// The range of the display name, and where the `<` of a name-addr is: outside of quotes. Outer `None`: a quote does not
/// close, or the display name is neither one quoted string nor a row of words.
#[inline]
fn display(bytes: &[u8]) -> Option<((usize, usize), Option<usize>)> {
    match bytes.first() {
        Some(b'<') => return Some(((0, 0), Some(0))),
        Some(b'"') => {
            let end = scan::quoted_end(bytes, 0)?;
            let open = scan::skip_space(bytes, end);
            if bytes.get(open) == Some(&b'<') {
                return Some(((0, end), Some(open)));
            }
        }
        _ => {}
    }
    let Some(open) = find_bracket(bytes)? else { return Some(((0, 0), None)) };
    let (start, end) = scan::trim_range(bytes, 0, open);
    display_is_sound(&bytes[start..end]).then_some(((start, end), Some(open)))
}

/// Where the `<` of a name-addr is: outside of quotes. Outer `None`: a quote does not close.
fn find_bracket(bytes: &[u8]) -> Option<Option<usize>> {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'<' => return Some(Some(at)),
            b'"' => at = scan::quoted_end(bytes, at)?,
            // `sip:a@b;x="<"`: parameters of a bare URI may not hide a bracket.
            b';' => return Some(None),
            _ => at += 1,
        }
    }
    Some(None)
}

/// A display name is one quoted string or a row of words.
fn display_is_sound(display: &[u8]) -> bool {
    match display.first() {
        Some(b'"') => scan::quoted_end(display, 0) == Some(display.len()),
        _ => !display.iter().any(|byte| matches!(byte, b'"' | b'>')),
    }
}

/// Whether a value holds a comma without being quoted.
fn is_list(params: &Params, value: Option<&[u8]>) -> bool {
    let Some(value) = value.filter(|value| value.contains(&b',')) else { return false };
    let start = params.text().offset_of(value).unwrap_or(0);
    start == 0 || params.text().get(start - 1) != Some(&b'"')
}

/// `text` without double quotes around it and with `\x` turned into `x`.
pub(crate) fn unquote(text: &Str) -> Str {
    let inner = match text.as_bytes() {
        [b'"', .., b'"'] => text.slice(1..text.len() - 1),
        _ => return text.clone(),
    };
    if !inner.contains(&b'\\') {
        return inner;
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        if byte == b'\\' {
            plain.extend(bytes.next());
        } else {
            plain.push(byte);
        }
    }
    Str::from(plain)
}

impl PartialEq for NameAddr {
    fn eq(&self, other: &Self) -> bool {
        self.display == other.display && self.uri == other.uri && self.params == other.params
    }
}

impl Eq for NameAddr {}

impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameAddr")
            .field("display", &self.display)
            .field("uri", &self.uri)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<NameAddr> {
        NameAddr::parse(Str::from(text))
    }

    #[test]
    fn forms() {
        let full = parse("\"A. \\\"G\\\" Bell\" <sip:agb@bell.com;lr>;tag=a48s;x").unwrap();
        assert_eq!(full.display, "\"A. \\\"G\\\" Bell\"");
        assert_eq!(full.display_name(), "A. \"G\" Bell");
        assert_eq!(full.uri, "sip:agb@bell.com;lr");
        assert_eq!(full.tag().unwrap(), "a48s");
        assert!(full.params.has("x"));
        assert_eq!(full.parsed_uri().unwrap().host(), "bell.com");

        let words = parse("Anonymous Caller <sip:c8oqz84zk7z@privacy.org> ; tag=hyh8").unwrap();
        assert_eq!(words.display, "Anonymous Caller");
        assert_eq!(words.tag().unwrap(), "hyh8");

        let bare = parse("sip:+12125551212@phone2net.com;tag=887s").unwrap();
        assert_eq!(bare.display, "");
        assert_eq!(bare.uri, "sip:+12125551212@phone2net.com");
        assert_eq!(bare.tag().unwrap(), "887s");
        assert!(!bare.bracketed);

        let folded = parse("Bob\r\n <sip:b@x>\r\n\t;tag=1").unwrap();
        assert_eq!(folded.uri, "sip:b@x");
        assert_eq!(folded.tag().unwrap(), "1");
        assert_eq!(parse("<sip:a@b>;tag=").unwrap().tag(), None);
        assert_eq!(parse("<sip:a@b>;tag=1;TAG=2").unwrap().tag().unwrap(), "2");
        assert_eq!(parse("<sip:a@b>;x=\"a,b\";tag=\"q\"").unwrap().tag().unwrap(), "q");
        assert_eq!(parse("Bell, A <sip:a@b>").unwrap().display, "Bell, A");
    }

    #[test]
    fn malformed() {
        for bad in [
            "",
            "<>",
            "Bob",
            "\"Bob <sip:a@b>",
            "<sip:a@b",
            "<sip:a@b>;tag=\"x",
            "<sip:a@b> x",
            "<sip:a@b>, <sip:c@d>",
            "\"a\" b <sip:a@b>",
            "sip:a@b, sip:c@d",
            "<sip:a@b>;tag=1,<sip:c@d>;tag=2",
            "<sip:a@b>;x,y",
            "<sip:a@b>;tag=1 (comment)",
            "sip:a b@c",
        ] {
            // A lone word is taken for a URI; it fails when the URI is parsed.
            let parsed = parse(bad);
            assert!(parsed.is_none() || parsed.is_some_and(|it| it.parsed_uri().is_err()), "{bad}");
        }
    }
}
