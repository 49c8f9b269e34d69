use testkit::{Bench, Sent};

const INVITE: &str = "INVITE sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\nMax-Forwards: 70\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n";
const REPLY: &str = "SIP/2.0 408 Timeout\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK0\n\
    Via: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\nFrom: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>;tag=2\n\
    Call-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n";

fn bench(config: &str) -> Bench {
    let modules = "loadmodule \"sl\"\nloadmodule \"xlog\"\n";
    Bench::new(&format!("{modules}{config}"), crate::MODULES).unwrap()
}

/// What the script `statements` sends for an INVITE.
fn invite(statements: &str) -> Sent {
    bench(&format!("request_route {{ {statements} }}")).receive(INVITE)
}

fn first_line(sent: &Sent) -> &str {
    sent.messages.first().and_then(|message| message.lines().next()).unwrap_or_default()
}

#[test]
fn reply_and_its_ack() {
    let bench = bench(
        "request_route { xlog(\"got it\\n\"); if (method == \"INVITE\") { sl_reply(\"480\", \"Temporarily Unavailable\"); exit; } xlog(\"again\"); }\n\
         event_route[sl:filtered-ack] { xlog(\"ack taken\"); }",
    );
    let sent = bench.receive(INVITE);
    assert_eq!(sent.messages.len(), 1, "{sent:?}");
    assert!(sent.messages[0].starts_with("SIP/2.0 480 Temporarily Unavailable\n"), "{sent:?}");
    let to = sent.messages[0].lines().find(|line| line.starts_with("To:")).unwrap().to_owned();
    let ack = INVITE.replace("INVITE", "ACK").replace("To: <sip:bob@b.example>", &to);
    let sent = bench.receive(&ack);
    assert_eq!((sent.messages.len(), sent.log), (0, vec!["ERROR: <script>: ack taken".to_owned()]));
    assert_eq!(bench.receive(&ack.replace("z9hG4bK1", "z9hG4bK2")).log[0], "ERROR: <script>: got it");
}

#[test]
fn codes_and_reasons() {
    for (call, line) in [
        ("sl_send_reply(\"404\", \"\")", "SIP/2.0 404 "),
        ("sl_send_reply(404, \"No $var(n)\")", "SIP/2.0 404 No 0"),
        ("sl_send_reply(\"99\", \"x\")", "SIP/2.0 500 x"),
        ("sl_send_reply(\"700\", \"x\")", "SIP/2.0 700 x"),
        ("$var(c) = \"abc\"; sl_send_reply(\"$var(c)\", \"x\")", "SIP/2.0 500 x"),
        ("$var(c) = 486; sl_send_reply(\"$var(c)\", \"x\")", "SIP/2.0 486 x"),
        ("sl_send_reply(\"404\", \"$null\")", "SIP/2.0 404 Internal Server Error"),
        ("sl_send_reply(\"404\", \"a\\r\\nX-I: 1\")", "SIP/2.0 404 a  X-I: 1"),
        ("sl_reply_error()", "SIP/2.0 500 I'm terribly sorry, server error occurred (1/SL)"),
        ("send_reply_mode(\"480\", \"x\", \"3\")", "SIP/2.0 480 x"),
    ] {
        let sent = invite(&format!("{call};"));
        assert_eq!(first_line(&sent), line, "{call}: {sent:?}");
    }
    assert!(Bench::new("loadmodule \"sl\"\nrequest_route { sl_send_reply(\"abc\", \"x\"); }", crate::MODULES).is_err());
    assert!(invite("send_reply_mode(\"480\", \"x\", \"3\");").raw[0].close_after);
}

#[test]
fn an_ack_is_not_answered() {
    let bench = bench("request_route { sl_send_reply(\"404\", \"x\"); xlog(\"$rc\"); }");
    let sent = bench.receive(&INVITE.replace("INVITE", "ACK"));
    assert_eq!((sent.messages.len(), sent.log), (0, vec!["ERROR: <script>: -1".to_owned()]));
}

#[test]
fn statistics_count_a_code_or_its_class() {
    let bench = bench(
        "request_route { sl_send_reply(\"404\", \"x\"); sl_send_reply(\"486\", \"x\"); sl_send_reply(\"180\", \"x\"); }",
    );
    bench.receive(INVITE);
    let answer = format!("{:?}", bench.rpc("sl.stats", &[]).unwrap());
    assert!(answer.contains("(\"404\", Int(1))") && answer.contains("(\"4xx\", Int(1))"), "{answer}");
    assert!(!answer.contains("1xx"), "{answer}");
    let names: Vec<&str> = answer.split("(\"").skip(1).filter_map(|part| part.split('"').next()).collect();
    assert_eq!(names.join(" "), "200 202 2xx 300 301 302 3xx 400 401 403 404 407 408 483 4xx 500 5xx 6xx xxx");
}

#[test]
fn a_reply_goes_on_at_once_and_again_at_the_end() {
    let bench = bench(
        "request_route { exit; } reply_route { sl_forward_reply(\"404\", \"nf\"); xlog(\"$rc\"); sl_forward_reply(\"200\", \"x\"); xlog(\"$rc\"); }",
    );
    let sent = bench.receive(REPLY);
    let lines: Vec<&str> = sent.messages.iter().filter_map(|message| message.lines().next()).collect();
    assert_eq!(lines, ["SIP/2.0 404 nf", "SIP/2.0 408 Timeout"]);
    assert_eq!(sent.log[0], "ERROR: <script>: 1");
    assert_eq!(sent.log[2], "ERROR: <script>: -1", "{:?}", sent.log);
}

#[test]
fn tag_variable() {
    let sent = invite("xlog(\"$ltt(s) $ltt(x)\"); sl_send_reply(\"404\", \"x\");");
    let tag = sent.messages[0].split(";tag=").nth(2).and_then(|rest| rest.lines().next()).unwrap();
    assert_eq!(sent.log, [format!("ERROR: <script>: {tag} {tag}")]);
}

#[test]
fn each_transaction_has_a_tag_of_its_own() {
    let bench = bench("request_route { sl_send_reply(\"404\", \"x\"); }");
    let tag = |request: &str| bench.receive(request).messages[0].split(";tag=").nth(2).unwrap()[..16].to_owned();
    let first = tag(INVITE);
    assert_eq!(tag(INVITE), first, "a retransmission");
    assert_ne!(tag(&INVITE.replace("z9hG4bK1", "z9hG4bK2")), first);
    assert_ne!(tag(&INVITE.replace("127.0.0.2", "127.0.0.3")), first, "another sender may make the same branch");
    // A branch from before RFC 3261, or none, may be that of another call, too.
    for old in [INVITE.replace("z9hG4bK1", "1"), INVITE.replace(";branch=z9hG4bK1", "")] {
        let first = tag(&old);
        assert_eq!(tag(&old), first);
        assert_ne!(tag(&old.replace("Call-ID: 1", "Call-ID: 2")), first);
        assert_ne!(tag(&old.replace("CSeq: 1", "CSeq: 2")), first);
    }
}
