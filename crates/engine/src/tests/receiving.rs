//! What happens before the script, and what is counted.

use std::net::IpAddr;

use super::{Server, from, header, options, start_lines};
use crate::forward::address_of;
use sip::Protocol;

#[test]
fn requests_that_no_script_sees() {
    let server = Server::new("request_route { answer(200, \"OK\"); }");
    let counters = &server.loaded.core.counters;
    let good = options("");
    let cases = [
        ("SIP/2.0 200 OK", good.clone(), [1, 0, 0]),
        ("SIP/2.0 200 OK", good.replace(" SIP/2.0\nVia", " sip/2.0\nVia"), [1, 0, 0]),
        ("SIP/2.0 505 Version Not Supported", good.replace(" SIP/2.0\nVia", " SIP/7.0\nVia"), [0, 1, 0]),
        ("SIP/2.0 400 Missing or Bad From", good.replace("From", "X-From"), [0, 0, 1]),
        ("SIP/2.0 400 Missing or Bad From", good.replace("<sip:a@x>", "\"a <sip:a@x>"), [0, 1, 0]),
        ("SIP/2.0 400 Missing or Bad To", good.replace("To: ", "X-To: "), [0, 0, 1]),
        ("SIP/2.0 400 Missing Call-ID", good.replace("Call-ID", "X-Call-ID"), [0, 0, 1]),
        ("SIP/2.0 400 Missing or Bad CSeq", good.replace("CSeq", "X-CSeq"), [0, 0, 1]),
        ("SIP/2.0 400 Missing or Bad CSeq", good.replace("CSeq: 1", "CSeq: one"), [0, 1, 0]),
        ("SIP/2.0 400 CSeq Method Does Not Match", good.replace("1 OPTIONS", "1 INVITE"), [0, 1, 0]),
        ("SIP/2.0 400 Bad Content-Length", good.replace("Length: 0", "Length: -1"), [0, 1, 0]),
        ("", good.replace("Via", "X-Via"), [0, 0, 1]),
        ("", good.replace("SIP/2.0/UDP", "SIP 2.0 UDP"), [0, 1, 0]),
        ("", good.replace("OPTIONS", "ACK").replace("CSeq: 1", "CSeq: x"), [0, 1, 0]),
        ("", "nonsense that is long enough\n\n".into(), [0, 1, 0]),
        ("", "\n\n".into(), [0, 0, 0]),
        ("", String::new(), [0, 0, 0]),
    ];
    for (wanted, message, counted) in cases {
        let before = [&counters.received_requests, &counters.bad_messages, &counters.error_requests];
        let values = before.map(crate::statistics::Counter::get);
        assert_eq!(start_lines(&server.receive(&message)).join("|"), wanted, "{message}");
        let after = [&counters.received_requests, &counters.bad_messages, &counters.error_requests];
        let added: Vec<i64> = after.iter().zip(values).map(|(counter, old)| counter.get() - old).collect();
        assert_eq!(added, counted, "{message}");
    }
}

#[test]
fn replies_go_where_the_via_says() {
    let server =
        Server::new("request_route { if ($p(no) == $ru) exit; answer(200, \"OK\"); }".replace("$ru", "\"\"").as_str());
    let message = |via: &str| options("").replace("SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1", via);
    for (protocol, source, via, destination, shown) in [
        (Protocol::Udp, "10.0.0.1:7000", "SIP/2.0/UDP 10.0.0.1", "10.0.0.1:5060", "SIP/2.0/UDP 10.0.0.1"),
        (Protocol::Udp, "10.0.0.1:7000", "SIP/2.0/UDP 10.0.0.1:99", "10.0.0.1:99", "SIP/2.0/UDP 10.0.0.1:99"),
        (
            Protocol::Udp,
            "10.0.0.1:7000",
            "SIP/2.0/UDP 10.0.0.1:99;rport",
            "10.0.0.1:7000",
            "SIP/2.0/UDP 10.0.0.1:99;rport=7000;received=10.0.0.1",
        ),
        (
            Protocol::Udp,
            "10.0.0.1:7000",
            "SIP/2.0/UDP a.b:99;received=1.2.3.4",
            "10.0.0.1:99",
            "SIP/2.0/UDP a.b:99;received=10.0.0.1",
        ),
        (
            Protocol::Udp,
            "10.0.0.1:7000",
            "SIP/2.0/UDP 10.0.0.1;received=1.2.3.4",
            "10.0.0.1:5060",
            "SIP/2.0/UDP 10.0.0.1;received=10.0.0.1",
        ),
        (
            Protocol::Udp,
            "[2001:db8::1]:7000",
            "SIP/2.0/UDP [2001:DB8::1]",
            "[2001:db8::1]:5060",
            "SIP/2.0/UDP [2001:DB8::1]",
        ),
        (
            Protocol::Udp,
            "[2001:db8::1]:7000",
            "SIP/2.0/UDP [2001:db8::2];rport",
            "[2001:db8::1]:7000",
            "SIP/2.0/UDP [2001:db8::2];rport=7000;received=2001:db8::1",
        ),
        // Where a new connection goes when that of the request is gone.
        (Protocol::Tcp, "10.0.0.1:7000", "SIP/2.0/TCP 10.0.0.1", "10.0.0.1:5060", "SIP/2.0/TCP 10.0.0.1"),
        (
            Protocol::Tcp,
            "10.0.0.1:7000",
            "SIP/2.0/TCP a.b:99;rport",
            "10.0.0.1:99",
            "SIP/2.0/TCP a.b:99;rport=7000;received=10.0.0.1",
        ),
    ] {
        let (sent, _) = server.receive_all(from(protocol, source), &message(via));
        assert_eq!(sent.len(), 1, "{via}");
        assert_eq!(sent[0].destination.to_string(), destination, "{via}");
        assert_eq!(sent[0].protocol, protocol);
        assert_eq!(header(&sent[0], "Via").as_deref(), Some(shown), "{via}");
    }
}

#[test]
fn replies_are_counted_and_sent_on() {
    let server = Server::new("request_route { exit; } reply_route { if ($p(1) == 2) drop; }");
    let counters = &server.loaded.core.counters;
    let reply = |vias: &str, rest: &str| {
        format!(
            "SIP/2.0 200 OK\n{vias}From: <sip:a@x>;tag=1\nTo: <sip:b@x>;tag=2\nCall-ID: c\n{rest}Content-Length: 0\n\n"
        )
    };
    let ours = "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKo\n";
    for (via, destination) in [
        ("SIP/2.0/UDP 10.0.0.9", "10.0.0.9:5060"),
        ("SIP/2.0/UDP 10.0.0.9:99;received=10.0.0.8", "10.0.0.8:99"),
        ("SIP/2.0/UDP 10.0.0.9:99;received=10.0.0.8;rport=77", "10.0.0.8:77"),
        ("SIP/2.0/TCP 10.0.0.9", "10.0.0.9:5060"),
        ("SIP/2.0/UDP [2001:db8::1]:99", "[2001:db8::1]:99"),
    ] {
        let sent = server.receive(&reply(&format!("{ours}Via: {via}\n"), "CSeq: 1 OPTIONS\n"));
        assert_eq!(sent[0].destination.to_string(), destination, "{via}");
        assert_eq!(header(&sent[0], "Via").as_deref(), Some(via));
    }
    assert_eq!((counters.received_replies.get(), counters.forwarded_replies.get()), (5, 5));
    // For us, without a transaction: nothing to do, no error.
    assert!(server.receive(&reply(ours, "CSeq: 1 OPTIONS\n")).is_empty());
    assert_eq!((counters.received_replies.get(), counters.error_replies.get()), (6, 0));
    // What cannot be sent on.
    assert!(server.receive(&reply(&format!("{ours}Via: SIP/2.0/SCTP a\n"), "CSeq: 1 OPTIONS\n")).is_empty());
    assert!(server.receive(&reply(&format!("{ours}{ours}"), "")).is_empty());
    assert_eq!((counters.received_replies.get(), counters.error_replies.get()), (7, 2));
}

#[test]
fn addresses_are_those_that_the_standard_library_reads() {
    let parts = ["", "0", "1", "00", "01", "9", "99", "100", "255", "256", "999", "1000", "1a", "4294967297"];
    for first in parts {
        for second in parts {
            for text in [
                format!("{first}.{second}.3.4"),
                format!("1.2.{first}.{second}"),
                format!("1.2.3.4.{first}"),
                format!("{first}.{second}"),
                format!("1.2.3.{first}{second}"),
            ] {
                assert_eq!(address_of(text.as_bytes()), text.parse().ok(), "{text}");
            }
        }
    }
    for text in ["::1", "2001:db8::2", "::ffff:10.0.0.1", "1:2", "example.com", "1.2.3.4:5", "1.2.3.4 "] {
        let expected = text.parse().ok().map(|address: IpAddr| address.to_canonical());
        assert_eq!(address_of(text.as_bytes()), expected, "{text}");
        assert_eq!(address_of(format!("[{text}]").as_bytes()), expected, "{text}");
    }
}
