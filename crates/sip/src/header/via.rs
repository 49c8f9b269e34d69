//! Via (RFC 3261 20.42): the path a request took and its replies go back.

use std::fmt;

use smallvec::SmallVec;

use crate::header::Params;
use crate::{Protocol, Str, scan};

/// A part of the text: start and end.
type Part = (u32, u32);

fn part((start, end): (usize, usize)) -> Part {
    (start as u32, end as u32)
}

/// One value of a Via header: `SIP/2.0/UDP host:port;branch=z9hG4bK..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The whole value as written, without white space at its ends.
    pub text: Str,
    /// The transport, when it is one we know.
    pub transport: Transport,
    /// Where replies go: a name or an address, an IPv6 address with its brackets.
    pub host: Str,
    /// The port, when it is named.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params,
    protocol_name: Part,
    version: Part,
    comment: Option<Part>,
    /// Where host and port end in `text`.
    sent_by_end: u32,
    /// Where the text of `params` starts in `text`.
    params_start: u32,
}

/// The transport a Via names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One this server speaks.
    Known(Protocol),
    /// Any other token.
    Other(Str),
}

impl Transport {
    /// The protocol, when this server speaks it.
    pub fn protocol(&self) -> Option<Protocol> {
        match self {
            Self::Known(protocol) => Some(*protocol),
            Self::Other(_) => None,
        }
    }

    /// The name: `UDP`.
    pub fn name(&self) -> Str {
        match self {
            Self::Known(protocol) => Str::from_static(protocol.via_name()),
            Self::Other(name) => name.clone(),
        }
    }
}

/// The `rport` parameter (RFC 3581).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rport {
    /// Not there.
    Absent,
    /// There without a value: the sender asks for the source port.
    Empty,
    /// The source port, filled in by a server; `None` when the value is no port.
    Value(Option<u16>),
}

impl Via {
    /// Parses one value. `None` when malformed.
    pub fn parse(text: Str) -> Option<Self> {
        let text = text.into_trimmed();
        let bytes = text.as_bytes();
        if bytes.len() >= u32::MAX as usize {
            return None;
        }
        let (protocol_name, version, at) = if bytes.starts_with(b"SIP/2.0/") {
            ((0, 3), (4, 7), scan::skip_space(bytes, 8))
        } else {
            let (protocol_name, at) = token(bytes, 0)?;
            let at = slash(bytes, at)?;
            let (version, at) = token(bytes, at)?;
            (protocol_name, version, slash(bytes, at)?)
        };
        let (transport, at) = token(bytes, at)?;
        // The host must be set off from the transport.
        if !bytes.get(at).is_some_and(|&byte| scan::is_space(byte)) {
            return None;
        }
        let host_start = scan::skip_space(bytes, at);
        let host_end = host_end(bytes, host_start)?;
        let mut sent_by_end = host_end;
        let mut at = scan::skip_space(bytes, host_end);
        let mut port = None;
        if bytes.get(at) == Some(&b':') {
            let start = scan::skip_space(bytes, at + 1);
            at = scan::skip_while(bytes, start, |byte| byte.is_ascii_digit());
            port = Some(scan::number::<u16>(&bytes[start..at])?);
            sent_by_end = at;
            at = scan::skip_space(bytes, at);
        }
        let (params_end, comment) = comment(bytes, at)?;
        if at < params_end && bytes[at] != b';' {
            return None;
        }
        let params = Params::parse(text.part(at, params_end))?;
        let transport = match Protocol::from_name(&bytes[transport.0..transport.1]) {
            Some(protocol) => Transport::Known(protocol),
            None => Transport::Other(text.part(transport.0, transport.1)),
        };
        Some(Self {
            protocol_name: part(protocol_name),
            version: part(version),
            transport,
            host: text.part(host_start, host_end),
            port,
            params,
            comment: comment.map(part),
            sent_by_end: sent_by_end as u32,
            params_start: at as u32,
            text,
        })
    }

    /// Parses every value of a comma separated list onto the end of `list`. A header without any is malformed: whether
    /// it counts as the first Via would be a matter of taste.
    pub(crate) fn parse_list(text: Str, list: &mut SmallVec<[Self; 1]>) -> Option<()> {
        if scan::find_byte(&text, 0, b',') == text.len() {
            list.push(Self::parse(text)?);
            return Some(());
        }
        let before = list.len();
        for (start, end) in split(&text) {
            list.push(Self::parse(text.part(start, end))?);
        }
        (list.len() > before).then_some(())
    }

    /// Parses the first value of a comma separated list.
    pub(crate) fn parse_first(text: Str) -> Option<Self> {
        let comma = scan::find_byte(&text, 0, b',');
        if comma == text.len() {
            return Self::parse(text);
        }
        let before = text.get(..comma).unwrap_or_default();
        let (start, end) = scan::trim_range(before, 0, comma);
        let is_plain = start < end && scan::find_any(before, start, [b'"', b'(', b'(']) == comma;
        let (start, end) = if is_plain { (start, end) } else { split(&text).next()? };
        Self::parse(text.part(start, end))
    }

    /// Where the second value of a comma separated list starts, when the first one ends at `first_end`.
    pub(crate) fn second_value_start(text: &[u8], first_end: usize) -> Option<usize> {
        let start = scan::skip_while(text, first_end, |byte| byte == b',' || scan::is_space(byte));
        (start < text.len()).then_some(start)
    }

    fn part(&self, part: Part) -> Str {
        self.text.part(part.0 as usize, part.1 as usize)
    }

    /// The protocol: `SIP`.
    pub fn protocol_name(&self) -> Str {
        self.part(self.protocol_name)
    }

    /// The version: `2.0`.
    pub fn version(&self) -> Str {
        self.part(self.version)
    }

    /// The text in parentheses at the end, without them (RFC 2543; Kamailio still reads it).
    pub fn comment(&self) -> Option<Str> {
        self.comment.map(|part| self.part(part))
    }

    /// Where host and port end in [`Via::text`].
    pub(crate) fn sent_by_end(&self) -> usize {
        self.sent_by_end as usize
    }

    /// Where the text of the parameters starts in [`Via::text`].
    pub(crate) fn params_start(&self) -> usize {
        self.params_start as usize
    }

    /// The transaction's name at the sender (RFC 3261 8.1.1.7).
    pub fn branch(&self) -> Option<Str> {
        self.params.get("branch")
    }

    /// The branch, if it begins with the magic cookie of RFC 3261 8.1.1.7: then no other transaction has it.
    pub fn rfc3261_branch(&self) -> Option<&[u8]> {
        let branch = self.params.find("branch")?.value?;
        let begin = branch.get(..7)?;
        let is_magic = begin == b"z9hG4bK" || begin.eq_ignore_ascii_case(b"z9hG4bK");
        (branch.len() > 7 && is_magic).then_some(branch)
    }

    /// Where the request really came from (RFC 3261 18.2.1).
    pub fn received(&self) -> Option<Str> {
        self.params.get("received")
    }

    /// The port it came from, or the wish to learn it (RFC 3581).
    pub fn rport(&self) -> Rport {
        match self.params.find("rport") {
            None => Rport::Absent,
            Some(param) => match param.value {
                None | Some([]) => Rport::Empty,
                Some(value) => Rport::Value(scan::number(value)),
            },
        }
    }

    /// Kamailio's own parameter `i`: the stream the request came by.
    pub fn i(&self) -> Option<Str> {
        self.params.get("i")
    }

    /// Whether the sender offers its connection for requests to it (RFC 5923).
    pub fn alias(&self) -> bool {
        self.params.has("alias")
    }

    /// The address to send replies to instead of the host (RFC 3261 18.2.2).
    pub fn maddr(&self) -> Option<Str> {
        self.params.get("maddr")
    }

    /// The port, or the default of the transport.
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or_else(|| self.transport.protocol().map_or(5060, Protocol::default_port))
    }
}

/// The values of a Via header. Parentheses hold comments, in which commas count for nothing.
fn split(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            let mut depth = 0_usize;
            loop {
                if depth == 0 {
                    // A closing parenthesis changes nothing here.
                    at = scan::find_any(bytes, at, [b',', b'"', b'(']);
                }
                let Some(&byte) = bytes.get(at) else { break };
                match byte {
                    b',' if depth == 0 => break,
                    b'"' if depth == 0 => at = scan::quoted_end(bytes, at).unwrap_or(bytes.len()),
                    b'(' => (depth, at) = (depth + 1, at + 1),
                    b')' => (depth, at) = (depth.saturating_sub(1), at + 1),
                    _ => at += 1,
                }
            }
            let range = scan::trim_range(bytes, start, at);
            at += 1;
            if range.0 < range.1 {
                return Some(range);
            }
        }
        None
    })
}

/// A token and the position after it.
fn token(bytes: &[u8], from: usize) -> Option<((usize, usize), usize)> {
    let end = scan::skip_while(bytes, from, scan::is_token);
    (end > from).then_some(((from, end), end))
}

/// The position after a slash with white space allowed on both sides.
fn slash(bytes: &[u8], from: usize) -> Option<usize> {
    let at = scan::skip_space(bytes, from);
    (bytes.get(at) == Some(&b'/')).then(|| scan::skip_space(bytes, at + 1))
}

/// The end of a host name, IPv4 address or bracketed IPv6 address.
fn host_end(bytes: &[u8], from: usize) -> Option<usize> {
    if bytes.get(from) == Some(&b'[') {
        let close = from + memchr::memchr(b']', &bytes[from..])?;
        let inner = &bytes[from + 1..close];
        let sound =
            !inner.is_empty() && inner.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
        return sound.then_some(close + 1);
    }
    let end = scan::skip_while(bytes, from, scan::is_host);
    (end > from).then_some(end)
}

/// Where the parameters end, and the comment after them.
fn comment(bytes: &[u8], from: usize) -> Option<(usize, Option<(usize, usize)>)> {
    if bytes.last() != Some(&b')') {
        return Some((bytes.len(), None));
    }
    let open = scan::find_byte(bytes, from, b'(');
    (open < bytes.len()).then(|| (open, Some((open + 1, bytes.len() - 1))))
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Via> {
        Via::parse(Str::from(text))
    }

    #[test]
    fn ordinary() {
        let via = parse("SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK77;rport;received=192.0.2.7;i=3;alias").unwrap();
        assert_eq!((&via.protocol_name()[..], &via.version()[..]), (&b"SIP"[..], &b"2.0"[..]));
        assert_eq!(via.transport, Transport::Known(Protocol::Udp));
        assert_eq!(via.host, "192.0.2.1");
        assert_eq!(via.port, Some(5062));
        assert_eq!(via.branch().unwrap(), "z9hG4bK77");
        assert_eq!(via.rfc3261_branch().unwrap(), b"z9hG4bK77");
        assert_eq!(via.rport(), Rport::Empty);
        assert_eq!(via.received().unwrap(), "192.0.2.7");
        assert_eq!(via.i().unwrap(), "3");
        assert!(via.alias());
    }

    #[test]
    fn odd_but_valid() {
        let via = parse("SIP / 2.0\r\n /TCP [2001:db8::9] : 5070 ;branch=x;rport=6000 (a, comment)").unwrap();
        assert_eq!(via.host, "[2001:db8::9]");
        assert_eq!(via.port, Some(5070));
        assert_eq!(via.rport(), Rport::Value(Some(6000)));
        assert_eq!(via.comment().unwrap(), "a, comment");
        let via = parse("SIP/2.0/UNKNOWN t54.example.com").unwrap();
        assert_eq!(via.transport, Transport::Other(Str::from("UNKNOWN")));
        assert_eq!(via.port_or_default(), 5060);
        assert_eq!(parse("SIP/2.0/TLS a;rport=x").unwrap().rport(), Rport::Value(None));
    }

    #[test]
    fn lists() {
        let mut list = SmallVec::new();
        let text = Str::from("SIP/2.0/UDP a;branch=\"x,y\" (c,d), SIP/2.0/TCP b:1");
        assert!(Via::parse_list(text.clone(), &mut list).is_some());
        assert_eq!(list.len(), 2);
        assert_eq!(list[1].host, "b");
        assert_eq!(Via::parse_first(text).unwrap(), list[0]);
        let empty = Str::from(" , ");
        assert!(Via::parse_list(empty.clone(), &mut list).is_none() && Via::parse_first(empty).is_none());
    }

    #[test]
    fn malformed() {
        for bad in [
            "",
            "SIP",
            "SIP/2.0",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/2.0/UDP;branch=x",
            "SIP/2.0/UDP a:",
            "SIP/2.0/UDP a:x",
            "SIP/2.0/UDP a:99999",
            "SIP/2.0/UDP a b",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP a;=",
            "SIP 2.0 UDP a",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
