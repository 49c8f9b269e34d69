//! The torture test messages of RFC 4475, each with what is expected of it.
//!
//! `valid` has the messages whose form is sound (RFC 4475 3.1.1, 3.2, 3.3, 3.4), `invalid` those of 3.1.2. Where we
//! accept what the RFC calls invalid, the meaning is clear and Kamailio does so too.

// Helper functions are part of the tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use sip::{Frame, Framer, FramingError, HeaderName, Limits, Message, Method, ParseError, Protocol, Str, Uri, UriError};

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture").join(kind)
}

fn bytes(kind: &str, name: &str) -> Vec<u8> {
    fs::read(folder(kind).join(format!("{name}.dat"))).unwrap()
}

fn parse(kind: &str, name: &str) -> Message {
    Message::parse(Str::from(bytes(kind, name))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn valid(name: &str) -> Message {
    parse("valid", name)
}

fn invalid(name: &str) -> Message {
    parse("invalid", name)
}

/// What the framer makes of the message when it comes over a stream.
fn framed(kind: &str, name: &str) -> Vec<Result<Frame, FramingError>> {
    let mut framer = Framer::new(Limits::default());
    framer.push(&bytes(kind, name));
    std::iter::from_fn(|| framer.next()).collect()
}

/// The headers every message here has are sound.
fn assert_sound(message: &Message) {
    assert!(message.via().unwrap().is_some());
    assert!(!message.vias().unwrap().is_empty());
    let from = message.from().unwrap().unwrap();
    assert!(from.parsed_uri().is_ok(), "{from}");
    let to = message.to().unwrap().unwrap();
    assert!(to.parsed_uri().is_ok(), "{to}");
    assert!(message.call_id().is_some());
    assert!(message.cseq().unwrap().is_some());
    assert!(message.content_length().is_ok());
    assert!(message.max_forwards().is_ok());
    assert!(message.contacts().is_ok());
    if let Some(uri) = message.request_uri() {
        assert!(Uri::parse(uri.clone()).is_ok(), "{uri}");
    }
}

fn assert_length_fits(message: &Message) {
    assert_eq!(message.content_length(), Ok(Some(message.body().len() as u32)));
}

#[test]
fn every_message_is_here() {
    for (kind, count) in [("valid", 30), ("invalid", 19)] {
        let names = fs::read_dir(folder(kind)).unwrap().count();
        assert_eq!(names, count, "{kind}");
    }
}

/// 3.1.1.1: folding, odd spacing, escapes in quotes, compact forms.
#[test]
fn wsinv() {
    let message = valid("wsinv");
    assert_sound(&message);
    assert_length_fits(&message);
    assert_eq!(message.request_uri().unwrap(), &"sip:vivekg@chair-dnrc.example.com;unknownparam");
    assert_eq!(message.to().unwrap().unwrap().tag().unwrap(), "1918181833n");
    let from = message.from().unwrap().unwrap();
    assert_eq!(from.display_name(), r#"J Rosenberg \""#);
    assert_eq!(from.tag().unwrap(), "98asjd8");
    assert_eq!(message.max_forwards(), Ok(Some(68)));
    let cseq = message.cseq().unwrap().unwrap();
    assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
    let vias = message.vias().unwrap();
    let seen: Vec<_> = vias.iter().map(|via| (via.host.to_string(), via.branch().unwrap().to_string())).collect();
    let expected =
        [("192.0.2.2", "390skdjuw"), ("spindle.example.com", "z9hG4bK9ikj8"), ("192.168.255.111", "z9hG4bK30239")];
    assert_eq!(seen, expected.map(|(host, branch)| (host.to_owned(), branch.to_owned())));
    assert_eq!(vias[1].transport.protocol(), Some(Protocol::Tcp));
    assert_eq!(message.subject().unwrap(), "");
    assert_eq!(message.header_body(b"UnknownHeaderWithUnusualValue").unwrap(), ";;,,;;,;");
    let folded = message.header_body(b"newfangledheader").unwrap();
    assert_eq!(folded, "newfangled value\r\n continued newfangled value");
    let route = &message.routes().unwrap()[0];
    assert!(route.parsed_uri().unwrap().is_loose_route());
    let contact = &message.contacts().unwrap().unwrap().list[0];
    assert_eq!(contact.display_name(), r#"Quoted string """#);
    assert_eq!(contact.q(), Some(330));
    assert_eq!(contact.params.get("newparam").unwrap(), "newvalue");
    assert!(contact.params.has("secondparam"));
}

/// 3.1.1.2: every character a token, user or quoted string may hold.
#[test]
fn intmeth() {
    let message = valid("intmeth");
    assert_sound(&message);
    assert_eq!(message.method(), Method::Other);
    assert_eq!(message.method_name(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(message.cseq().unwrap().unwrap().method_name, message.method_name());
    let uri = Uri::parse(message.request_uri().unwrap().clone()).unwrap();
    assert_eq!(uri.host(), "example.com");
    assert_eq!(uri.user().unwrap(), "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
    assert_eq!(uri.password().unwrap(), "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
    assert_eq!(message.via().unwrap().unwrap().branch().unwrap(), "z9hG4bK-.!%66*_+`'~");
    assert_eq!(message.from().unwrap().unwrap().tag().unwrap(), "_token~1'+`*%!-.");
    assert_eq!(message.to().unwrap().unwrap().display, &b"\"BEL:\x07 NUL:\x00 DEL:\x7f\""[..]);
    let extension = message.header_body(b"extensionHeader-!.%*+_`'~").unwrap();
    assert_eq!(extension.to_text(), "\u{feff}大停電");
    assert_eq!(message.max_forwards(), Ok(Some(255)));
}

/// 3.1.1.3: escapes that must not be taken for delimiters.
#[test]
fn esc01() {
    let message = valid("esc01");
    assert_sound(&message);
    assert_length_fits(&message);
    let uri = Uri::parse(message.request_uri().unwrap().clone()).unwrap();
    assert_eq!(uri.user().unwrap(), "sips%3Auser%40example.com");
    let plain = Uri::parse(Str::from("sip:user@example.com")).unwrap();
    assert!(message.to().unwrap().unwrap().parsed_uri().unwrap().equals(&plain));
    let contact = &message.contacts().unwrap().unwrap().list[0];
    let user = contact.parsed_uri().unwrap().user().unwrap();
    assert_eq!(&sip::escape::unescape(&user).unwrap()[..], b"caller");
}

/// 3.1.1.4: escaped nulls are ordinary characters.
#[test]
fn escnull() {
    let message = valid("escnull");
    assert_sound(&message);
    let contacts = message.contacts().unwrap().unwrap();
    let users: Vec<Str> = contacts.list.iter().map(|contact| contact.parsed_uri().unwrap().user().unwrap()).collect();
    assert_eq!(users, ["%00", "%00%00"]);
}

/// 3.1.1.5: a `%` where it escapes nothing: methods, header names and display names are not unescaped.
#[test]
fn esc02() {
    let message = valid("esc02");
    assert_sound(&message);
    assert_eq!((message.method(), message.method_name()), (Method::Other, Str::from("RE%47IST%45R")));
    assert_eq!(message.to().unwrap().unwrap().display, "\"%Z%45\"");
    assert_eq!(message.contacts().unwrap().unwrap().list.len(), 2);
    assert_eq!(message.headers_with_name(b"C%6Fntact").count(), 1);
}

/// 3.1.1.6: no space between display name and `<`.
#[test]
fn lwsdisp() {
    let message = valid("lwsdisp");
    assert_sound(&message);
    assert_eq!(message.from().unwrap().unwrap().display, "caller");
}

/// 3.1.1.7: long values in every place.
#[test]
fn longreq() {
    let message = valid("longreq");
    assert_sound(&message);
    assert_length_fits(&message);
    let vias = message.vias().unwrap();
    assert_eq!(vias.len(), 34);
    assert_eq!(vias[0].host, "sip33.example.com");
    assert_eq!(vias[33].received().unwrap(), "192.0.2.5");
    let to = message.to().unwrap().unwrap();
    assert_eq!(to.parsed_uri().unwrap().params().len(), 3);
    assert_eq!(to.parsed_uri().unwrap().port(), Some(6000));
    assert_eq!(message.from().unwrap().unwrap().params.len(), 3);
}

/// 3.1.1.8: what follows the message in a datagram is not its body; in a stream it is the next message.
#[test]
fn dblreq() {
    let message = valid("dblreq");
    assert_sound(&message);
    assert_eq!(message.method(), Method::Register);
    assert_eq!(message.declared_body(), "");
    assert!(message.body().starts_with(b"INVITE sip:joe"));
    let frames = framed("valid", "dblreq");
    assert_eq!(frames.len(), 2);
    let Ok(Frame::Message(second)) = &frames[1] else { panic!("{frames:?}") };
    assert_eq!(Message::parse(second.clone()).unwrap().method(), Method::Invite);
}

/// 3.1.1.9: a user with parameters of its own.
#[test]
fn semiuri() {
    let message = valid("semiuri");
    assert_sound(&message);
    let uri = Uri::parse(message.request_uri().unwrap().clone()).unwrap();
    assert_eq!(uri.user().unwrap(), "user;par=u%40example.net");
    assert!(uri.params().is_empty());
}

/// 3.1.1.10: known and unknown transports.
#[test]
fn transports() {
    let message = valid("transports");
    assert_sound(&message);
    let names: Vec<Str> = message.vias().unwrap().iter().map(|via| via.transport.name()).collect();
    assert_eq!(names, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

/// 3.1.1.11: a body of several parts, one of them binary.
#[test]
fn mpart01() {
    let message = valid("mpart01");
    assert_sound(&message);
    assert_length_fits(&message);
    let boundary = message.content_type().unwrap().unwrap().boundary().unwrap();
    let parts = sip::multipart::split(&message.body(), &boundary).unwrap();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0].body, "Hello");
    assert!(parts[1].content_type().unwrap().is("application", "octet-stream"));
    assert!(parts[1].body.starts_with(b"\x30\x82") && parts[1].body.ends_with(b"--\x00\xff"));
}

/// 3.1.1.12 and 3.1.1.13: a reason text of any characters, and an empty one.
#[test]
fn reasons() {
    let message = valid("unreason");
    assert_sound(&message);
    assert_eq!(message.status(), Some(200));
    assert_eq!(message.reason().unwrap(), &"= 2**3 * 5**2 но сто девяносто девять - простое");
    let message = valid("noreason");
    assert_sound(&message);
    assert_eq!((message.status(), message.reason().unwrap().len()), (Some(100), 0));
}

/// 3.1.2.1: empty parameters. Kamailio refuses this Via; skipping nothing between separators loses nothing, but a comma
/// ends a value, and nothing is no value.
#[test]
fn badinv01() {
    let message = invalid("badinv01");
    assert_eq!(message.via().unwrap().unwrap().host, "192.0.2.15");
    assert!(message.vias().is_err());
    assert_eq!(message.contacts().unwrap().unwrap().list.len(), 1);
}

/// 3.1.2.2 and 3.1.2.3: lengths that do not fit.
#[test]
fn content_lengths() {
    let message = invalid("clerr");
    assert_eq!(message.content_length(), Ok(Some(9999)));
    assert!(message.body().len() < 9999);
    assert_eq!(framed("invalid", "clerr"), []);
    let message = invalid("ncl");
    assert!(message.content_length().is_err());
    assert_eq!(framed("invalid", "ncl"), [Err(FramingError::BadContentLength)]);
}

/// 3.1.2.4 and 3.1.2.5: numbers that do not fit.
#[test]
fn numbers() {
    let message = invalid("scalar02");
    assert!(message.cseq().is_err() && message.expires().is_err());
    assert_eq!(message.contacts().unwrap().unwrap().list[0].expires(), None);
    let message = invalid("scalarlg");
    assert!(message.cseq().is_err() && message.retry_after().is_err());
    assert_eq!(message.status(), Some(503));
}

/// 3.1.2.6: a quote that does not close.
#[test]
fn quotbal() {
    let message = invalid("quotbal");
    assert!(message.to().is_err());
    assert!(message.from().is_ok() && message.contacts().is_ok());
}

/// 3.1.2.7: brackets around the Request-URI make it no URI.
#[test]
fn ltgtruri() {
    let uri = invalid("ltgtruri").request_uri().unwrap().clone();
    assert_eq!(uri, "<sip:user@example.com>");
    assert!(matches!(Uri::parse(uri), Err(UriError::Malformed { .. })));
}

/// 3.1.2.8 to 3.1.2.10: white space in the request line. At its end it is harmless.
#[test]
fn request_lines() {
    let error = |name: &str| Message::parse(Str::from(bytes("invalid", name))).unwrap_err();
    assert_eq!(error("lwsruri"), ParseError::Version { offset: 29 });
    assert_eq!(error("lwsstart"), ParseError::StartLine { offset: 7 });
    let message = invalid("trws");
    assert_sound(&message);
    assert_eq!(message.version(), &"SIP/2.0");
}

/// 3.1.2.11: headers in the Request-URI are for the server to refuse.
#[test]
fn escruri() {
    let message = invalid("escruri");
    assert_sound(&message);
    let uri = Uri::parse(message.request_uri().unwrap().clone()).unwrap();
    assert_eq!(uri.headers().get("Route").unwrap(), "%3Csip:example.com%3E");
}

/// 3.1.2.12: a Date that is not in GMT is text like any other to us.
#[test]
fn baddate() {
    let message = invalid("baddate");
    assert_sound(&message);
    assert!(message.body_named(HeaderName::Date).unwrap().ends_with(b"EST"));
}

/// 3.1.2.13: a `?` outside of brackets belongs to the header, which has no such thing; it is read as part of the URI.
#[test]
fn regbadct() {
    let message = invalid("regbadct");
    let contact = &message.contacts().unwrap().unwrap().list[0];
    assert!(!contact.bracketed);
    assert_eq!(contact.parsed_uri().unwrap().headers_text(), "Route=%3Csip:sip.example.com%3E");
}

/// 3.1.2.14 and 3.1.2.15: spaces inside of the brackets, and commas in display names without quotes.
#[test]
fn addresses() {
    let message = invalid("badaspec");
    assert_sound(&message);
    assert_eq!(message.to().unwrap().unwrap().uri, "sip:t.watson@example.org");
    let message = invalid("baddn");
    assert_sound(&message);
    assert_eq!(message.from().unwrap().unwrap().display, "Bell, Alexander");
}

/// 3.1.2.16: the version can be told, so that a 505 can be sent.
#[test]
fn badvers() {
    let message = invalid("badvers");
    assert_eq!(message.version(), &"SIP/7.0");
    assert_eq!(message.via().unwrap().unwrap().version(), "7.0");
}

/// 3.1.2.17 and 3.1.2.18: the method of CSeq is another.
#[test]
fn mismatches() {
    for (name, method) in [("mismatch01", Method::Options), ("mismatch02", Method::Other)] {
        let message = invalid(name);
        assert_sound(&message);
        assert_eq!(message.method(), method);
        assert_eq!(message.cseq().unwrap().unwrap().method, Method::Invite);
    }
}

/// 3.1.2.19: a status beyond every number.
#[test]
fn bigcode() {
    let error = Message::parse(Str::from(bytes("invalid", "bigcode"))).unwrap_err();
    assert_eq!(error, ParseError::StartLine { offset: 8 });
}

/// 3.2.1: the cookie alone is no branch of RFC 3261.
#[test]
fn badbranch() {
    let message = valid("badbranch");
    assert_sound(&message);
    assert_eq!(message.via().unwrap().unwrap().rfc3261_branch(), None);
}

/// 3.3.1: no Call-ID, From, To, Max-Forwards.
#[test]
fn insuf() {
    let message = valid("insuf");
    assert_eq!((message.from(), message.to(), message.call_id()), (Ok(None), Ok(None), None));
    assert_eq!(message.max_forwards(), Ok(None));
    assert!(message.cseq().unwrap().is_some());
}

/// 3.3.2 to 3.3.4: schemes nobody knows.
#[test]
fn schemes() {
    for name in ["unkscm", "novelsc"] {
        let uri = valid(name).request_uri().unwrap().clone();
        assert_eq!(Uri::parse(uri).err(), Some(UriError::UnknownScheme), "{name}");
    }
    let message = valid("unksm2");
    assert_eq!(message.to().unwrap().unwrap().parsed_uri().err(), Some(UriError::UnknownScheme));
    assert_eq!(message.from().unwrap().unwrap().uri, "http://www.example.com");
    assert_eq!(message.contacts().unwrap().unwrap().list[0].uri, "name:John_Smith");
}

/// 3.3.5: extensions nobody knows.
#[test]
fn bext01() {
    let message = valid("bext01");
    assert_sound(&message);
    assert!(message.require().unwrap().unwrap().has("nothingSupportsThisEither"));
    assert_eq!(message.proxy_require().unwrap().unwrap().tags.len(), 2);
}

/// 3.3.6 and 3.3.15: a body, and an answer, of a type nobody knows.
#[test]
fn types() {
    let message = valid("invut");
    assert_sound(&message);
    assert_length_fits(&message);
    assert!(message.content_type().unwrap().unwrap().is("application", "unknownformat"));
    let message = valid("sdp01");
    assert_sound(&message);
    let sdp = sip::sdp::Sdp::parse(message.body()).unwrap();
    assert_eq!(sdp.media().len(), 2);
}

/// 3.3.7: an authentication scheme nobody knows.
#[test]
fn regaut01() {
    let message = valid("regaut01");
    assert_sound(&message);
    let credentials = &message.authorization().unwrap()[0];
    assert_eq!(credentials.scheme, "NoOneKnowsThisScheme");
    assert!(!credentials.is_digest());
}

/// 3.3.8 and 3.3.9: headers that may be there once are there twice. The first one counts; two lengths end a stream.
#[test]
fn twice() {
    let message = valid("multi01");
    assert_sound(&message);
    assert_eq!(message.cseq().unwrap().unwrap().number, 5);
    assert_eq!(message.call_id().unwrap(), "multi01.98asdh@192.0.2.1");
    for name in [HeaderName::From, HeaderName::To, HeaderName::CSeq, HeaderName::CallId, HeaderName::MaxForwards] {
        assert_eq!(message.headers_named(name).count(), 2, "{name}");
    }
    let message = valid("mcl01");
    assert_eq!(message.content_length(), Ok(Some(13)));
    assert_eq!(framed("valid", "mcl01"), [Err(FramingError::ConflictingContentLength)]);
}

/// 3.3.10: a reply whose second Via is the broadcast address.
#[test]
fn bcast() {
    let message = valid("bcast");
    assert_sound(&message);
    assert_eq!(message.vias().unwrap()[1].host, "255.255.255.255");
}

/// 3.3.11: the last hop.
#[test]
fn zeromf() {
    assert_eq!(valid("zeromf").max_forwards(), Ok(Some(0)));
}

/// 3.3.12 and 3.3.13: without brackets a parameter belongs to the header, with them to the URI.
#[test]
fn contact_params() {
    let message = valid("cparam01");
    let contact = &message.contacts().unwrap().unwrap().list[0];
    assert!(contact.params.has("unknownparam") && !contact.parsed_uri().unwrap().has_param("unknownparam"));
    let message = valid("cparam02");
    let contact = &message.contacts().unwrap().unwrap().list[0];
    assert!(!contact.params.has("unknownparam") && contact.parsed_uri().unwrap().has_param("unknownparam"));
}

/// 3.3.14: headers escaped in a Contact.
#[test]
fn regescrt() {
    let message = valid("regescrt");
    assert_sound(&message);
    let contact = &message.contacts().unwrap().unwrap().list[0];
    assert_eq!(contact.parsed_uri().unwrap().headers().len(), 1);
}

/// 3.4.1: an INVITE of RFC 2543: no branch, no tag, no Contact, no Max-Forwards, no Content-Length.
#[test]
fn inv2543() {
    let message = valid("inv2543");
    assert_sound(&message);
    assert_eq!(message.via().unwrap().unwrap().branch(), None);
    assert_eq!(message.from().unwrap().unwrap().tag(), None);
    assert_eq!(message.content_length(), Ok(None));
    assert_eq!(message.record_routes().unwrap()[0].parsed_uri().unwrap().maddr().unwrap(), "ss1.example.com");
    assert_eq!(framed("valid", "inv2543"), [Err(FramingError::NoContentLength)]);
}
