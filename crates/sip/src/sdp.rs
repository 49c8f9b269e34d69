//! Session descriptions (RFC 4566) as lines that can be looked at, and edited where they stand.
//!
//! Nothing is normalised: a line is its letter and the range of its value in the body. To change one, queue an edit of
//! `message.body_start() + range` (for a part of a multipart body add [`Str::offset_of`] the part).

use std::ops::Range;

use crate::{Str, scan};

/// More media sections are not looked at.
pub const MAX_MEDIA: usize = 64;
/// More lines are not looked at.
pub const MAX_LINES: usize = 4096;

/// A session description: the lines of the session, then those of each media section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sdp {
    text: Str,
    lines: Vec<Line>,
    session_lines: usize,
    media: Vec<Media>,
}

/// One line, as ranges of the description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The letter before the `=`.
    pub kind: u8,
    /// Where the line starts.
    pub start: usize,
    /// Where its value starts.
    pub value_start: usize,
    /// Where its value ends, without the line end.
    pub value_end: usize,
    /// Where the next line starts.
    pub end: usize,
}

/// A media section: its `m=` line taken apart, and where its lines are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// The kind: `audio`, `video`, `image` ..
    pub kind: Str,
    /// The port; 0 means refused or held back.
    pub port: u16,
    /// How many consecutive ports there are, when the line says so (`49170/2`).
    pub port_count: Option<u16>,
    /// The transport: `RTP/AVP`.
    pub protocol: Str,
    /// The formats as written, white space between them.
    pub formats: Str,
    /// Its lines in [`Sdp::lines`], the `m=` line first.
    pub lines: Range<usize>,
}

/// A `c=` line (RFC 4566 5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The kind of network: `IN`.
    pub network: Str,
    /// The kind of address: `IP4` or `IP6`.
    pub address_type: Str,
    /// The address without `/ttl`.
    pub address: Str,
}

/// The `o=` line (RFC 4566 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The user, `-` when there is none.
    pub username: Str,
    /// The session's number.
    pub session_id: Str,
    /// The version of the description.
    pub session_version: Str,
    /// Where it was made.
    pub connection: Connection,
}

/// An `a=` line (RFC 4566 5.13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The value after the colon.
    pub value: Option<&'a [u8]>,
    /// The whole line.
    pub line: &'a Line,
}

impl Line {
    /// The range of the whole line with its line end.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The range of the value.
    pub fn value_range(&self) -> Range<usize> {
        self.value_start..self.value_end
    }
}

impl Media {
    /// The formats one by one: payload types of RTP.
    pub fn format_list(&self) -> impl Iterator<Item = &[u8]> {
        words(&self.formats)
    }
}

impl Sdp {
    /// Reads a description. `None` when it is none: the first line is not `v=`, a line is not `letter=`, or an `m=`
    /// line has not the form of RFC 4566 5.14. Lines may end with LF alone; empty lines are skipped.
    pub fn parse(text: Str) -> Option<Self> {
        let mut sdp = Self { text, ..Self::default() };
        let mut at = 0;
        while at < sdp.text.len() && sdp.lines.len() < MAX_LINES {
            let length = memchr::memchr(b'\n', &sdp.text[at..]).map_or(sdp.text.len() - at, |offset| offset + 1);
            let end = at + length;
            let value_end = scan::trim_range(&sdp.text, at, end).1;
            if value_end > at {
                let kind = match &sdp.text[at..value_end] {
                    [kind, b'=', ..] if kind.is_ascii_alphabetic() => *kind,
                    _ => return None,
                };
                sdp.add(Line { kind, start: at, value_start: at + 2, value_end: value_end.max(at + 2), end })?;
            }
            at = end;
        }
        (sdp.lines.first()?.kind == b'v').then_some(sdp)
    }

    fn add(&mut self, line: Line) -> Option<()> {
        let index = self.lines.len();
        if line.kind == b'm' {
            if self.media.len() >= MAX_MEDIA {
                return None;
            }
            let media = self.media_of(&line, index)?;
            self.media.push(media);
        } else if let Some(media) = self.media.last_mut() {
            media.lines.end = index + 1;
        } else {
            self.session_lines = index + 1;
        }
        self.lines.push(line);
        Some(())
    }

    fn media_of(&self, line: &Line, index: usize) -> Option<Media> {
        let value = self.value(line);
        let mut rest = words(&value);
        let (kind, port, protocol) = (rest.next()?, rest.next()?, rest.next()?);
        let formats = rest.next().and_then(|first| value.offset_of(first)).map_or(Str::EMPTY, |at| value.slice(at..));
        let slash = memchr::memchr(b'/', port);
        let port_count = match slash {
            Some(at) => Some(scan::number(&port[at + 1..])?),
            None => None,
        };
        Some(Media {
            kind: value.slice_ref(kind),
            port: scan::number(&port[..slash.unwrap_or(port.len())])?,
            port_count,
            protocol: value.slice_ref(protocol),
            formats,
            lines: index..index + 1,
        })
    }

    /// The description as it was given.
    pub fn text(&self) -> &Str {
        &self.text
    }

    /// All lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The lines before the first media section.
    pub fn session_lines(&self) -> &[Line] {
        self.lines.get(..self.session_lines).unwrap_or_default()
    }

    /// The media sections.
    pub fn media(&self) -> &[Media] {
        &self.media
    }

    /// The lines of a media section, its `m=` line first.
    pub fn media_lines(&self, media: &Media) -> &[Line] {
        self.lines.get(media.lines.clone()).unwrap_or_default()
    }

    /// The value of a line.
    pub fn value(&self, line: &Line) -> Str {
        self.text.slice(line.value_range())
    }

    /// The first line of that letter among `lines`.
    pub fn find<'a>(&self, lines: &'a [Line], kind: u8) -> Option<&'a Line> {
        lines.iter().find(|line| line.kind == kind)
    }

    /// The attributes among `lines`.
    pub fn attributes<'a>(&'a self, lines: &'a [Line]) -> impl Iterator<Item = Attribute<'a>> {
        lines.iter().filter(|line| line.kind == b'a').map(|line| {
            let text = self.text.get(line.value_range()).unwrap_or_default();
            match memchr::memchr(b':', text) {
                Some(at) => Attribute { name: &text[..at], value: Some(&text[at + 1..]), line },
                None => Attribute { name: text, value: None, line },
            }
        })
    }

    /// The connection among `lines`: of the session or of a media section.
    pub fn connection(&self, lines: &[Line]) -> Option<Connection> {
        connection(&self.value(self.find(lines, b'c')?))
    }

    /// The connection that applies to a media section: its own or that of the session.
    pub fn media_connection(&self, media: &Media) -> Option<Connection> {
        self.connection(self.media_lines(media)).or_else(|| self.connection(self.session_lines()))
    }

    /// The origin of the session.
    pub fn origin(&self) -> Option<Origin> {
        let value = self.value(self.find(self.session_lines(), b'o')?);
        let mut rest = words(&value);
        let (username, session_id, session_version) = (rest.next()?, rest.next()?, rest.next()?);
        let connection = connection(&value.slice(value.offset_of(rest.next()?)?..))?;
        Some(Origin {
            username: value.slice_ref(username),
            session_id: value.slice_ref(session_id),
            session_version: value.slice_ref(session_version),
            connection,
        })
    }

    /// The direction among `lines`: `sendrecv`, `sendonly`, `recvonly` or `inactive`, when it is written.
    pub fn direction(&self, lines: &[Line]) -> Option<&'static str> {
        const DIRECTIONS: [&str; 4] = ["sendrecv", "sendonly", "recvonly", "inactive"];
        self.attributes(lines)
            .find_map(|attribute| DIRECTIONS.into_iter().find(|name| name.as_bytes() == attribute.name))
    }

    /// The range of the address in a `c=` or `o=` line, for an edit.
    pub fn address_range(&self, line: &Line) -> Option<Range<usize>> {
        let value = self.value(line);
        let address = match line.kind {
            b'c' => connection(&value)?.address,
            b'o' => self.origin()?.connection.address,
            _ => return None,
        };
        let start = self.text.offset_of(&address)?;
        Some(start..start + address.len())
    }
}

fn connection(value: &Str) -> Option<Connection> {
    let mut rest = words(value);
    let (network, address_type, address) = (rest.next()?, rest.next()?, rest.next()?);
    let end = memchr::memchr(b'/', address).unwrap_or(address.len());
    Some(Connection {
        network: value.slice_ref(network),
        address_type: value.slice_ref(address_type),
        address: value.slice_ref(&address[..end]),
    })
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| scan::is_space(*byte)).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=alice 2890844526 1 IN IP4 host.example.com\r\ns=\r\nc=IN IP4 224.2.1.1/127\r\nt=0 0\r\n\
        a=recvonly\r\nm=audio 49170/2 RTP/AVP 0  8 97\r\na=rtpmap:97 iLBC/8000\r\na=sendonly\r\n\
        m=video 0 RTP/SAVPF 31\nc=IN IP6 2001:db8::1\n\nm=application 9 TCP/X\r\n";

    #[test]
    fn sections() {
        let sdp = Sdp::parse(Str::from(OFFER)).unwrap();
        assert_eq!(sdp.session_lines().len(), 6);
        let [audio, video, application] = sdp.media() else { panic!("three sections") };
        assert_eq!((audio.port, audio.port_count), (49170, Some(2)));
        assert_eq!(audio.kind, "audio");
        assert_eq!(audio.protocol, "RTP/AVP");
        assert_eq!(audio.format_list().collect::<Vec<_>>(), [&b"0"[..], b"8", b"97"]);
        assert_eq!(sdp.media_connection(audio).unwrap().address, "224.2.1.1");
        assert_eq!(sdp.media_connection(video).unwrap().address, "2001:db8::1");
        assert_eq!((video.port, application.formats.len()), (0, 0));
        assert_eq!(sdp.direction(sdp.media_lines(audio)), Some("sendonly"));
        assert_eq!(sdp.direction(sdp.session_lines()), Some("recvonly"));
        let map = sdp.attributes(sdp.media_lines(audio)).next().unwrap();
        assert_eq!((map.name, map.value), (&b"rtpmap"[..], Some(&b"97 iLBC/8000"[..])));
        let origin = sdp.origin().unwrap();
        assert_eq!(origin.username, "alice");
        assert_eq!(origin.connection.address, "host.example.com");
        assert_eq!(sdp.value(&sdp.lines()[2]), "");
    }

    #[test]
    fn ranges_for_edits() {
        let sdp = Sdp::parse(Str::from(OFFER)).unwrap();
        for (kind, address) in [(b'c', "224.2.1.1"), (b'o', "host.example.com")] {
            let line = sdp.find(sdp.session_lines(), kind).unwrap();
            assert_eq!(&OFFER[sdp.address_range(line).unwrap()], address);
        }
        let rebuilt: String = sdp.lines().iter().map(|line| &OFFER[line.range()]).collect();
        assert_eq!(rebuilt, OFFER.replace("\n\n", "\n"));
    }

    #[test]
    fn malformed() {
        for bad in
            ["", "hello", "o=x\r\n", "v=0\r\nbad\r\n", "v=0\r\nm=audio\r\n", "v=0\r\nm=audio x RTP/AVP 0\r\n", "=\r\n"]
        {
            assert!(Sdp::parse(Str::from(bad)).is_none(), "{bad}");
        }
        let many = format!("v=0\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(MAX_MEDIA + 1));
        assert!(Sdp::parse(Str::from(many)).is_none());
    }
}
