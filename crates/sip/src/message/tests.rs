use super::*;
use crate::header::Rport;

const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
    v: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds;rport, SIP/2.0/TCP b\r\n\
    Via : SIP/2.0/TLS c\r\n\
    To: Bob <sip:bob@biloxi.com>\r\n\
    From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n\
    Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n\
    CSeq: 314159 INVITE\r\n\
    Max-Forwards: 70\r\n\
    X-Long: one\r\n  two \r\n\
    Empty:\r\n\
    m: <sip:alice@pc33>, <sip:2>\r\nContact: <sip:3>\r\n\
    Route: <sip:p1;lr>,<sip:p2;lr>\r\n\
    Allow: INVITE,ACK\r\nAllow: BYE\r\n\
    x-LONG: three\r\n\
    Content-Length: 4\r\n\r\nbodyrest";

fn invite() -> Message {
    Message::parse(Str::from(INVITE)).unwrap()
}

#[test]
fn headers_and_getters() {
    let message = invite();
    assert!(message.is_request());
    assert_eq!(message.method(), Method::Invite);
    assert_eq!(message.request_uri().unwrap(), &"sip:bob@biloxi.com");
    assert_eq!(message.start_line_text(), "INVITE sip:bob@biloxi.com SIP/2.0");
    let via = message.via().unwrap().unwrap();
    assert_eq!(via.branch().unwrap(), "z9hG4bK776asdhds");
    assert_eq!(via.rport(), Rport::Empty);
    let hosts: Vec<Str> = message.vias().unwrap().iter().map(|via| via.host.clone()).collect();
    assert_eq!(hosts, ["pc33.atlanta.com", "b", "c"]);
    assert_eq!(message.from().unwrap().unwrap().tag().unwrap(), "1928301774");
    assert_eq!(message.to().unwrap().unwrap().tag(), None);
    assert_eq!(message.cseq().unwrap().unwrap().number, 314_159);
    assert_eq!(message.max_forwards(), Ok(Some(70)));
    assert_eq!(message.expires(), Ok(None));
    assert_eq!(message.contacts().unwrap().unwrap().list.len(), 3);
    assert_eq!(message.routes().unwrap().len(), 2);
    assert_eq!(message.paths().unwrap().len(), 0);
    assert_eq!(message.allow().unwrap().unwrap().mask.count_ones(), 3);
    assert_eq!(message.body(), "bodyrest");
    assert_eq!(message.declared_body(), "body");
}

#[test]
fn names_and_bodies() {
    let message = invite();
    let long: Vec<Str> = message.headers_with_name(b"X-LONG").map(|header| message.body_of(header)).collect();
    assert_eq!(long, ["one\r\n  two ", "three"]);
    assert_eq!(message.header_body(b"Empty").unwrap(), "");
    assert_eq!(message.header_body(b"None"), None);
    let vias: Vec<Str> = message.headers_with_name(b"VIA").map(|header| message.name_of(header)).collect();
    assert_eq!(vias, ["v", "Via"]);
    assert_eq!(message.headers_with_name(b"V").count(), 2);
    assert_eq!(message.raw_of(&message.headers()[1]), "Via : SIP/2.0/TLS c\r\n");
    assert!(message.header_section().ends_with(b"Content-Length: 4\r\n"));
    assert_eq!(message.body_start(), INVITE.len() - 8);
    assert_eq!(message.headers_end(), INVITE.len() - 10);
}

#[test]
fn replies() {
    let reply = Message::parse(Str::from("\r\n\r\nSIP/2.0 180 Ring ing\nCSeq: 1 INVITE\n\n")).unwrap();
    assert_eq!((reply.status(), reply.method()), (Some(180), Method::Invite));
    assert_eq!(reply.reason().unwrap(), &"Ring ing");
    assert_eq!(reply.buffer().first(), Some(&b'S'));
    let reply = Message::parse(Str::from("SIP/2.0 100\r\n\r\n")).unwrap();
    assert_eq!(reply.reason().unwrap(), &"");
    assert_eq!(reply.method(), Method::Other);
}

#[test]
fn malformed_values_do_not_hurt_the_rest() {
    let text = "OPTIONS sip:x SIP/2.0\r\nCSeq: x\r\nVia: y\r\nExpires: 1 2\r\nTo: <sip:a>\r\n\r\n";
    let message = Message::parse(Str::from(text)).unwrap();
    assert_eq!(message.cseq(), Err(crate::HeaderError::new(HeaderName::CSeq)));
    assert!(message.via().is_err() && message.vias().is_err() && message.expires().is_err());
    assert!(message.to().is_ok_and(|to| to.is_some()));
}

#[test]
fn refused() {
    use ParseError as E;
    for (text, error) in [
        ("", E::Empty),
        ("\r\n\r\n", E::Empty),
        ("INVITE", E::StartLine { offset: 0 }),
        ("INVITE\r\n\r\n", E::StartLine { offset: 6 }),
        ("INVITE sip:x\r\n\r\n", E::Version { offset: 12 }),
        ("INVITE sip:x HTCPCP/1.0\r\n\r\n", E::Version { offset: 13 }),
        ("INVITE  sip:x SIP/2.0\r\n\r\n", E::StartLine { offset: 7 }),
        ("A sip:x SIP/2.0\r\nT@: x\r\n\r\n", E::HeaderLine { offset: 17 }),
        ("IN(VITE sip:x SIP/2.0\r\n\r\n", E::StartLine { offset: 0 }),
        ("SIP/2.0 20 OK\r\n\r\n", E::StartLine { offset: 8 }),
        ("SIP/2.0 4294967301 better\r\n\r\n", E::StartLine { offset: 8 }),
        ("SIP/2.0 2000\r\n\r\n", E::StartLine { offset: 8 }),
        ("A sip:x SIP/2.0\r\n", E::NoEndOfHeaders),
        ("A sip:x SIP/2.0\r\nTo: x", E::NoEndOfHeaders),
        ("A sip:x SIP/2.0\r\nTo: x\r\n", E::NoEndOfHeaders),
        ("A sip:x SIP/2.0\r\nTo x\r\n\r\n", E::HeaderLine { offset: 17 }),
        ("A sip:x SIP/2.0\r\n: x\r\n\r\n", E::HeaderLine { offset: 17 }),
        ("A sip:x SIP/2.0\r\n To: x\r\n\r\n", E::HeaderLine { offset: 17 }),
    ] {
        assert_eq!(Message::parse(Str::from(text)).err(), Some(error), "{text:?}");
    }
    let many = format!("A sip:x SIP/2.0\r\n{}\r\n", "a:\r\n".repeat(Message::MAX_HEADERS + 1));
    assert_eq!(Message::parse(Str::from(many)).err(), Some(E::TooLarge));
}

#[test]
fn reparse_forgets_everything() {
    let mut message = invite();
    assert!(message.from().unwrap().is_some());
    message.edits_mut().delete(0..5);
    message.reparse(Str::from("SIP/2.0 200 OK\r\nTo: <sip:a@b>;tag=1\r\n\r\n")).unwrap();
    assert_eq!(message.from(), Ok(None));
    assert!(message.edits().is_empty());
    assert_eq!(message.headers().len(), 1);
    assert!(message.reparse(Str::from("x")).is_err());
    assert!(message.buffer().is_empty() && message.headers().is_empty());
}
