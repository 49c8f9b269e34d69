//! Building a reply to a request (RFC 3261 8.2.6).

use crate::header::{HeaderName, Via};
use crate::{Header, Message, Str, ViaAddition};

/// What a reply is made of. Everything else is copied from the request.
///
/// As in Kamailio the copied lines (Via, From, To, Call-ID, CSeq; Record-Route for 101 to 299; Timestamp for 100)
/// come out as they were written and in the order of the request; then the extra headers, Server, Content-Type,
/// Content-Length.
#[derive(Clone, Debug, Default)]
pub struct ReplyBuilder<'a> {
    /// The code.
    pub status: u16,
    /// The reason text.
    pub reason: &'a [u8],
    /// The tag added to To when it has none and the status is not 100.
    pub to_tag: Option<&'a [u8]>,
    /// Whole header lines with their line ends, after the copied ones.
    pub extra_headers: &'a [Str],
    /// The whole Server header line without its line end, after the extra headers.
    pub server: Option<&'a Str>,
    /// The body and its Content-Type (`None`: the extra headers have it).
    pub body: Option<(&'a [u8], Option<&'a [u8]>)>,
    /// What is added to the first Via.
    pub via_addition: ViaAddition<'a>,
}

impl ReplyBuilder<'_> {
    /// The reply to `request`.
    pub fn build(&self, request: &Message) -> Vec<u8> {
        let extra: usize = self.extra_headers.iter().map(|line| line.len()).sum();
        let body = self.body.map_or(0, |(body, _)| body.len());
        let headers = request.headers_end() - request.headers_start();
        let mut out = Vec::with_capacity(headers + extra + body + 320);
        self.write_status_line(request, &mut out);
        let bytes = request.buffer().as_bytes();
        let mut via_is_next = self.via_addition.received.is_some() || self.via_addition.rport.is_some();
        let tag = self.to_tag.filter(|_| self.status != 100);
        let mut tag = tag.filter(|_| request.to().ok().flatten().is_none_or(|to| to.tag().is_none()));
        // Neighbours that come out as they are, are copied together.
        let mut run = 0..0;
        for header in request.headers() {
            let mut to_tag = None;
            let own = match header.name {
                HeaderName::Via => std::mem::take(&mut via_is_next),
                HeaderName::To => {
                    to_tag = tag.take();
                    to_tag.is_some()
                }
                name if self.copies(name) => false,
                _ => continue,
            };
            let range = header.range();
            if !own && range.end >= 2 && bytes.get(range.end - 2) == Some(&b'\r') {
                if run.end != range.start {
                    out.extend_from_slice(bytes.get(run.clone()).unwrap_or_default());
                    run.start = range.start;
                }
                run.end = range.end;
                continue;
            }
            out.extend_from_slice(bytes.get(std::mem::take(&mut run)).unwrap_or_default());
            match to_tag {
                Some(tag) => write_tagged(request, header, tag, &mut out),
                None if own => self.write_first_via(request, header, &mut out),
                None => write_line(request, header, &mut out),
            }
        }
        out.extend_from_slice(bytes.get(run).unwrap_or_default());
        for line in self.extra_headers {
            out.extend_from_slice(line);
        }
        if let Some(server) = self.server {
            out.extend_from_slice(server);
            out.extend_from_slice(b"\r\n");
        }
        if let Some((_, Some(kind))) = self.body {
            out.extend_from_slice(b"Content-Type: ");
            out.extend_from_slice(kind);
            out.extend_from_slice(b"\r\n");
        }
        if let Some((body, _)) = self.body {
            out.extend_from_slice(b"Content-Length: ");
            out.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
            out.extend_from_slice(b"\r\n\r\n");
            out.extend_from_slice(body);
        } else {
            out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        }
        out
    }

    /// HTTP requests are answered in the version they came in, all others as SIP 2.0.
    fn write_status_line(&self, request: &Message, out: &mut Vec<u8>) {
        let version = request.version();
        let version: &[u8] = if version.starts_with_ignore_case("HTTP/") { version } else { b"SIP/2.0" };
        out.extend_from_slice(version);
        out.push(b' ');
        out.extend_from_slice(itoa::Buffer::new().format(self.status).as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.reason);
        out.extend_from_slice(b"\r\n");
    }

    fn copies(&self, name: HeaderName) -> bool {
        match name {
            HeaderName::Via | HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq => true,
            HeaderName::RecordRoute => self.status > 100 && self.status < 300,
            // RFC 3261 8.2.6.1; Kamailio leaves it out.
            HeaderName::Timestamp => self.status == 100,
            _ => false,
        }
    }

    /// The line of the first Via: `rport` and `received` take the place of those that are there, or come after the
    /// first value.
    fn write_first_via(&self, request: &Message, header: &Header, out: &mut Vec<u8>) {
        let line = line_of(request, header);
        let found = request.via().ok().flatten().and_then(|via| {
            let start = request.buffer().offset_of(&via.text)?;
            Some((via, start.checked_sub(header.start as usize)?))
        });
        let Some((via, start)) = found else { return write_line(request, header, out) };
        let params = start + via.params_start();
        let range_of = |name: &str| via.params.range_of(name).map(|range| params + range.start..params + range.end);
        let end = start + via_params_end(via);
        let mut port = itoa::Buffer::new();
        let rport = self.via_addition.rport.map(|number| {
            let port = port.format(number).as_bytes();
            match range_of("rport") {
                Some(range) => (range, "rport=", port),
                None => (end..end, ";rport=", port),
            }
        });
        let received = self.via_addition.received.map(|address| match range_of("received") {
            Some(range) => (range, "received=", address),
            None => (end..end, ";received=", address),
        });
        let pieces = match (&rport, &received) {
            (Some(rport), Some(received)) if received.0.start < rport.0.start => [Some(received), Some(rport)],
            _ => [rport.as_ref(), received.as_ref()],
        };
        let mut at = 0;
        for (range, name, value) in pieces.into_iter().flatten() {
            out.extend_from_slice(line.get(at..range.start).unwrap_or_default());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value);
            at = range.end;
        }
        out.extend_from_slice(line.get(at..).unwrap_or_default());
        end_line(out);
    }
}

/// A To without tag gets one.
fn write_tagged(request: &Message, header: &Header, tag: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(strip_line_end(line_of(request, header)));
    out.extend_from_slice(b";tag=");
    out.extend_from_slice(tag);
    out.extend_from_slice(b"\r\n");
}

/// Where the parameters of a Via end in its text: before a comment.
fn via_params_end(via: &Via) -> usize {
    let params = via.params_start().max(via.sent_by_end()) + via.params.text().len();
    let end = if via.params.text().is_empty() { via.sent_by_end() } else { params.min(via.text.len()) };
    crate::scan::trim_range(&via.text, 0, end).1
}

fn strip_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn line_of<'a>(request: &'a Message, header: &Header) -> &'a [u8] {
    request.buffer().get(header.range()).unwrap_or_default()
}

fn write_line(request: &Message, header: &Header, out: &mut Vec<u8>) {
    out.extend_from_slice(line_of(request, header));
    end_line(out);
}

/// A line that ended with a bare LF gets a whole line end, so that the reply has one kind only.
fn end_line(out: &mut Vec<u8>) {
    if !out.ends_with(b"\r\n") {
        let end = strip_line_end(out).len();
        out.truncate(end);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:x SIP/2.0\r\nTimestamp: 54\r\ncseq:  7   INVITE\r\n\
        Record-Route: <sip:r1;lr>,\r\n  <sip:r2;lr>\r\nt  :   Bob\r\n <sip:t@b>\r\nX-Foo: bar\r\n\
        v:   SIP/2.0/UDP 10.9.9.9:5099;branch=x;rport;foo=bar, SIP/2.0/TCP second\r\ni: foo\r\n\
        Via: SIP/2.0/TCP third\r\nf:<sip:a@b>;tag=1\r\n\r\n";

    fn reply(text: &str, builder: &ReplyBuilder<'_>) -> String {
        let request = Message::parse(Str::from(text)).unwrap();
        let reply = builder.build(&request);
        Message::parse(Str::from(reply.clone())).unwrap();
        String::from_utf8(reply).unwrap()
    }

    /// The order and spacing seen from Kamailio 5.6.3.
    #[test]
    fn copied_lines() {
        let server = Str::from("Server: test");
        let extra = [Str::from("X-R: 1\r\n")];
        let via_addition = ViaAddition { received: Some(b"127.0.0.1"), rport: Some(7) };
        let builder = ReplyBuilder {
            status: 183,
            reason: b"Sess",
            to_tag: Some(b"tt"),
            extra_headers: &extra,
            server: Some(&server),
            via_addition,
            ..Default::default()
        };
        assert_eq!(
            reply(INVITE, &builder),
            "SIP/2.0 183 Sess\r\ncseq:  7   INVITE\r\nRecord-Route: <sip:r1;lr>,\r\n  <sip:r2;lr>\r\n\
             t  :   Bob\r\n <sip:t@b>;tag=tt\r\n\
             v:   SIP/2.0/UDP 10.9.9.9:5099;branch=x;rport=7;foo=bar;received=127.0.0.1, SIP/2.0/TCP second\r\n\
             i: foo\r\nVia: SIP/2.0/TCP third\r\nf:<sip:a@b>;tag=1\r\nX-R: 1\r\nServer: test\r\n\
             Content-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn by_status() {
        let with =
            |status| reply(INVITE, &ReplyBuilder { status, reason: b"x", to_tag: Some(b"z"), ..Default::default() });
        assert!(with(100).contains("Timestamp: 54") && !with(100).contains(";tag=z") && !with(100).contains("Record"));
        assert!(with(200).contains("Record-Route") && !with(200).contains("Timestamp"));
        assert!(!with(302).contains("Record-Route") && with(404).contains(";tag=z"));
    }

    #[test]
    fn tags_bodies_and_bare_line_ends() {
        let text = "BYE sip:x SIP/2.0\nVia: SIP/2.0/UDP a (c)\nTo: <sip:t>;tag=9\nCSeq: 1 BYE\n\n";
        let builder = ReplyBuilder {
            status: 200,
            reason: b"OK",
            to_tag: Some(b"z"),
            body: Some((b"hello", Some(b"text/plain"))),
            via_addition: ViaAddition { received: Some(b"::1"), rport: None },
            ..Default::default()
        };
        assert_eq!(
            reply(text, &builder),
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;received=::1 (c)\r\nTo: <sip:t>;tag=9\r\nCSeq: 1 BYE\r\n\
             Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
        );
    }

    #[test]
    fn a_received_that_is_there_is_replaced() {
        let text = "BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP a;received=1.1.1.1;rport=1;z\r\nTo: x\r\n\r\n";
        let via_addition = ViaAddition { received: Some(b"9.9.9.9"), rport: Some(9) };
        let printed = reply(text, &ReplyBuilder { status: 200, reason: b"OK", via_addition, ..Default::default() });
        assert!(printed.contains("Via: SIP/2.0/UDP a;received=9.9.9.9;rport=9;z\r\n"));
    }
}
