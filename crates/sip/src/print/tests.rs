use super::*;
use crate::edit::{Dynamic, Endpoint, Queued};
use crate::{Method, Protocol};

const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
    To: <sip:bob@biloxi.com>\r\n\
    Via: SIP/2.0/UDP pc33:5070 ;branch=z9hG4bK776;rport;x\r\n\
    Via: SIP/2.0/TLS c\r\n\
    CSeq: 1 INVITE\r\n\
    Content-Length:  4\r\n\r\nbody";

fn invite() -> Message {
    Message::parse(Str::from(INVITE)).unwrap()
}

fn print(message: &Message, options: &PrintOptions<'_>) -> String {
    let printed = message.print(options);
    assert_eq!(printed.len(), printed.capacity());
    String::from_utf8(printed).unwrap()
}

fn header_end(message: &Message, name: HeaderName) -> usize {
    message.header(name).unwrap().end as usize
}

#[test]
fn without_edits_nothing_changes() {
    assert_eq!(print(&invite(), &PrintOptions::default()), INVITE);
    let options = PrintOptions { content_length: ContentLength::Required, ..Default::default() };
    assert_eq!(print(&invite(), &options), INVITE);
}

/// The order seen from Kamailio for append_hf and insert_hf with and without an anchor, and of the new Via.
#[test]
fn order_of_inserts() {
    let mut message = invite();
    let (first, end) = (message.headers()[1].start as usize, message.headers_end());
    let edits = message.edits_mut();
    edits.insert_before(end, "A1: 1\r\n");
    edits.insert_before(first, "I1: 1\r\n");
    edits.insert_before(end, "A2: 1\r\n");
    edits.insert_before(first, "I2: 1\r\n");
    edits.insert_after(first, "After: 1\r\n");
    edits.insert_first(first, "F1: 1\r\n");
    edits.insert_first(first, "F2: 1\r\n");
    let options = PrintOptions { add_via: Some(b"SIP/2.0/UDP me"), ..Default::default() };
    let printed = print(&message, &options);
    let order: Vec<&str> = printed.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        order[1..],
        ["To", "F2", "F1", "I1", "I2", "After", "Via", "Via", "Via", "CSeq", "Content-Length", "A1", "A2", "", "body"]
    );
    assert!(printed.contains("After: 1\r\nVia: SIP/2.0/UDP me\r\nVia: SIP/2.0/UDP pc33"));
}

/// The same when the length of the body changes, so that a Content-Length comes in between.
#[test]
fn the_newest_is_first_with_a_new_content_length_too() {
    let mut message = invite();
    let (first, body) = (message.headers()[1].start as usize, message.body_start());
    let edits = message.edits_mut();
    edits.insert_first(first, "F1: 1\r\n");
    edits.insert_first(first, "F2: 1\r\n");
    edits.insert_before(body, "some ");
    let printed = print(&message, &PrintOptions::default());
    assert!(printed.contains("F2: 1\r\nF1: 1\r\nVia"), "{printed}");
    assert!(printed.contains("Content-Length:  9\r\n"), "{printed}");
}

/// What is inserted into a deleted range survives, as in Kamailio: `subst_hf` and `remove_hf` of one header.
#[test]
fn overlapping_edits() {
    let mut message = invite();
    let header = *message.header(HeaderName::To).unwrap();
    let edits = message.edits_mut();
    edits.replace(header.body_start as usize..header.body_start as usize + 4, "baz");
    edits.delete(header.range());
    edits.delete(header.start as usize + 2..header.end as usize + 3);
    edits.insert_before(header.end as usize, "B: 1\r\n");
    assert!(print(&message, &PrintOptions::default()).contains("SIP/2.0\r\nbazB: 1\r\n: SIP/2.0/UDP pc33"));
}

#[test]
fn request_uri_and_layers() {
    let mut message = invite();
    let end = header_end(&message, HeaderName::CSeq);
    let mut branch = Edits::new();
    branch.insert_before(end, "Branch: 1\r\n");
    message.edits_mut().insert_before(end, "Main: 1\r\n");
    let layers = [&branch];
    let options = PrintOptions { request_uri: Some(b"sip:x"), layers: &layers, ..Default::default() };
    let printed = print(&message, &options);
    assert!(printed.starts_with("INVITE sip:x SIP/2.0\r\n"));
    assert!(printed.contains("CSeq: 1 INVITE\r\nMain: 1\r\nBranch: 1\r\n"));
    assert!(!print(&message, &PrintOptions::default()).contains("Branch"));
}

#[test]
fn body_and_content_length() {
    let mut message = invite();
    let body = message.body_start();
    message.edits_mut().replace(body..body + 4, "a longer body");
    assert!(print(&message, &PrintOptions::default()).ends_with("Content-Length:  13\r\n\r\na longer body"));
    let keep = PrintOptions { content_length: ContentLength::Keep, ..Default::default() };
    assert!(print(&message, &keep).ends_with("Content-Length:  4\r\n\r\na longer body"));
    let header = *message.header(HeaderName::ContentLength).unwrap();
    message.edits_mut().delete(header.range());
    assert!(print(&message, &PrintOptions::default()).ends_with("INVITE\r\n\r\na longer body"));
    let required = PrintOptions { content_length: ContentLength::Required, ..Default::default() };
    assert!(print(&message, &required).ends_with("INVITE\r\nContent-Length: 13\r\n\r\na longer body"));
}

#[test]
fn a_deletion_may_cross_into_the_body() {
    let mut message = invite();
    let body = message.body_start();
    message.edits_mut().replace(body - 2..body + 2, "\r\nB");
    message.edits_mut().insert_before(INVITE.len(), "!");
    assert!(print(&message, &PrintOptions::default()).ends_with("Content-Length:  3\r\n\r\nBdy!"));
}

fn with_via(via: &str, received: Option<&str>, rport: Option<u16>) -> String {
    let text = format!("OPTIONS sip:x SIP/2.0\r\nVia: {via}\r\n\r\n");
    let message = Message::parse(Str::from(text)).unwrap();
    let via_addition = ViaAddition { received: received.map(str::as_bytes), rport };
    let printed = print(&message, &PrintOptions { via_addition, ..Default::default() });
    printed.lines().nth(1).unwrap()["Via: ".len()..].to_owned()
}

/// Every line was seen from Kamailio 5.6.3, but for the last two.
#[test]
fn received_and_rport() {
    for (via, rport, expected) in [
        ("SIP/2.0/UDP a:9;branch=x", None, "SIP/2.0/UDP a:9;received=1.2.3.4;branch=x"),
        ("SIP/2.0/UDP a:9;branch=x", Some(7), "SIP/2.0/UDP a:9;rport=7;received=1.2.3.4;branch=x"),
        ("SIP/2.0/UDP a;branch=x;rport;foo=bar", Some(7), "SIP/2.0/UDP a;received=1.2.3.4;branch=x;rport=7;foo=bar"),
        ("SIP/2.0/UDP a;rport=77;foo", Some(7), "SIP/2.0/UDP a;received=1.2.3.4;rport=7;foo"),
        ("SIP/2.0/UDP a;rport=;foo", Some(7), "SIP/2.0/UDP a;received=1.2.3.4;rport=7;foo"),
        ("SIP/2.0/UDP a;branch=x;received=1.1.1.1;foo", Some(7), "SIP/2.0/UDP a;branch=x;rport=7;received=1.2.3.4;foo"),
        ("SIP/2.0/UDP a;rport;received=1;foo", Some(7), "SIP/2.0/UDP a;rport=7;received=1.2.3.4;foo"),
        ("SIP/2.0/UDP a;rport;x, SIP/2.0/TCP b", Some(7), "SIP/2.0/UDP a;received=1.2.3.4;rport=7;x, SIP/2.0/TCP b"),
        ("SIP/2.0/UDP a", Some(7), "SIP/2.0/UDP a;rport=7;received=1.2.3.4"),
        ("SIP / 2.0/UDP [::1] : 5 ; x (c)", Some(7), "SIP / 2.0/UDP [::1] : 5;rport=7;received=1.2.3.4 ; x (c)"),
        ("nonsense", Some(7), "nonsense"),
    ] {
        assert_eq!(with_via(via, Some("1.2.3.4"), rport), expected, "{via}");
    }
    assert_eq!(with_via("SIP/2.0/UDP a;rport", None, Some(7)), "SIP/2.0/UDP a;rport=7");
}

#[test]
fn first_via_goes_away() {
    let options = PrintOptions { remove_first_via: true, ..Default::default() };
    assert!(print(&invite(), &options).contains("biloxi.com>\r\nVia: SIP/2.0/TLS c\r\nCSeq"));
    let text = "SIP/2.0 200 OK\r\nv:  SIP/2.0/UDP a (x,y) ,\r\n SIP/2.0/UDP b\r\nCSeq: 1 BYE\r\n\r\n";
    let reply = Message::parse(Str::from(text)).unwrap();
    assert_eq!(print(&reply, &options), "SIP/2.0 200 OK\r\nv:  SIP/2.0/UDP b\r\nCSeq: 1 BYE\r\n\r\n");
}

/// A Via that an edit took away gets no parameters, which would be left over as text without a header.
#[test]
fn nothing_is_added_to_a_deleted_via() {
    let mut message = invite();
    let vias: Vec<_> = message.headers_named(HeaderName::Via).map(|header| header.range()).collect();
    for range in vias {
        message.edits_mut().delete(range);
    }
    let via_addition = ViaAddition { received: Some(b"1.2.3.4"), rport: Some(7) };
    let printed =
        print(&message, &PrintOptions { via_addition, add_via: Some(b"SIP/2.0/UDP o"), ..Default::default() });
    assert!(!printed.contains("received=1.2.3.4") && !printed.contains("rport=7"), "{printed}");
    assert_eq!(printed.matches("Via:").count(), 1, "{printed}");
}

#[test]
fn dynamic_pieces_and_apply() {
    let mut message = invite();
    let at = message.headers_start();
    let insert = vec!["Record-Route: <sip:".into(), Dynamic::SentAll.into(), Insert::from(";lr>\r\n")];
    message.edits_mut().insert_before(at, insert);
    let sent =
        Endpoint { protocol: Protocol::Tcp, address: Str::from("192.0.2.1"), port: 5080, socket: 0, name: Str::EMPTY };
    let addresses = Addresses { received: Some(sent), sent: None };
    message.apply_edits(&PrintOptions { addresses: Some(&addresses), ..Default::default() }).unwrap();
    assert!(message.edits().is_empty());
    assert_eq!(message.record_routes().unwrap()[0].uri, "sip:192.0.2.1:5080;transport=tcp;lr");
    assert_eq!(message.method(), Method::Invite);
    message.edits_mut().delete(0..9999);
    assert!(message.apply_edits(&PrintOptions::default()).is_err());
    assert_eq!(message.method(), Method::Invite);
}

/// Parameters come out in each Record-Route, also those of a branch, and survive applied edits.
#[test]
fn parameters_of_record_route() {
    let mut message = invite();
    let at = message.headers_start();
    message.edits_mut().add_route_param(Str::from(";a=1"));
    let mark = message.edits().mark();
    let params = |queued| Insert::RouteParams(queued);
    let insert =
        vec!["R: ".into(), params(Queued::Before(mark)), ";lr".into(), params(Queued::After(mark)), "\r\n".into()];
    message.edits_mut().insert_before(at, insert.clone());
    message.edits_mut().insert_before(at, vec!["S: ".into(), params(Queued::All), Insert::from("\r\n")]);
    message.edits_mut().add_route_param(Str::from(";b=2"));
    let mut branch = message.edits().clone();
    branch.clear();
    branch.add_route_param(Str::from(";c=3"));
    let layers = [&branch];
    let printed = print(&message, &PrintOptions { layers: &layers, ..Default::default() });
    assert!(printed.contains("SIP/2.0\r\nR: ;a=1;lr;b=2;c=3\r\nS: ;a=1;b=2;c=3\r\nTo: "), "{printed}");
    assert!(message.edits().has_record_route() && message.edits_mut().remove_record_route());
    assert!(!message.edits().has_record_route() && !message.edits_mut().remove_record_route());
    message.apply_edits(&PrintOptions::default()).unwrap();
    assert_eq!(print(&message, &PrintOptions::default()), INVITE);
    message.edits_mut().insert_before(at, vec!["S: ".into(), params(Queued::All), Insert::from("\r\n")]);
    assert!(print(&message, &PrintOptions::default()).contains("S: ;a=1;b=2\r\n"));
    // Also after the start line became longer.
    message
        .apply_edits(&PrintOptions { request_uri: Some(b"sip:somebody@else.example"), ..Default::default() })
        .unwrap();
    assert!(!message.header_section().starts_with(b"S:") && message.edits().has_record_route());
    let printed = print(&message, &PrintOptions::default());
    assert!(printed.starts_with("INVITE sip:somebody@else.example SIP/2.0\r\nS: ;a=1;b=2\r\nTo: "), "{printed}");
}
