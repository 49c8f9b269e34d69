//! `forward()` and the request it sends.

use super::{Server, header, options, start_lines};

#[test]
fn the_next_hop() {
    for (script, wanted) in [
        ("forward(\"10.0.0.7\", 99);", "10.0.0.7:99"),
        ("rewritehostport(\"10.0.0.8:77\"); forward();", "10.0.0.8:77"),
        ("rewritehost(\"[2001:db8::1]\"); forward();", "[2001:db8::1]:5060"),
        ("rewritehost(\"10.0.0.8\"); forward_tcp(\"10.0.0.7\", 99);", "10.0.0.7:99"),
    ] {
        let sent = Server::new(&format!("request_route {{ {script} }}")).receive(&options(""));
        assert_eq!(sent.len(), 1, "{script}");
        assert_eq!(sent[0].destination.to_string(), wanted, "{script}");
    }
}

#[test]
fn nothing_is_sent_when_it_cannot_be() {
    for (script, wanted) in [
        ("forward(\"a.example\", 99);", "no resolver"),
        ("rewritehostport(\"10.0.0.8:x\"); exit;", "wrong port"),
        ("seturi(\"sip:a@10.0.0.8;transport=xyz\"); forward();", "unknown transport"),
        ("seturi(\"nonsense\"); forward();", "wrong next hop"),
        ("seturi(\"sip:a\\r\\nX-Evil: 1@10.0.0.8\"); forward(\"10.0.0.7\", 99);", "line end"),
    ] {
        let server = Server::new(&format!("request_route {{ {script} }}"));
        assert!(server.receive(&options("")).is_empty(), "{script}");
        let log = server.take_log();
        assert!(log[0].contains(wanted), "{script}: {log:?}");
    }
}

#[test]
fn onsend_route_may_drop() {
    let config = |end: &str| {
        format!("request_route {{ forward(\"10.0.0.7\", 99); note(\"$rc\"); }} onsend_route {{ note(\"out\"); {end} }}")
    };
    let server = Server::new(&config("exit;"));
    assert_eq!(start_lines(&server.receive(&options(""))), ["OPTIONS sip:bob@127.0.0.1 SIP/2.0"]);
    let server = Server::new(&config("drop;"));
    assert!(server.receive(&options("")).is_empty());
    assert_eq!(server.take_log(), ["out", "0"]);
}

#[test]
fn our_via_is_the_same_for_a_retransmission() {
    let server = Server::new("request_route { forward(\"10.0.0.7\", 99); }");
    let branch = |message: &str| header(&server.receive(message)[0], "Via").unwrap();
    let first = branch(&options(""));
    assert_eq!(branch(&options("")), first);
    assert_ne!(branch(&options("").replace("z9hG4bK1", "z9hG4bK2")), first);
    assert!(first.starts_with("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK"), "{first}");
}
