use testkit::Bench;

use super::TransactionId;
use super::table::{branch_parameter, parse_branch};
use crate::MODULES;

#[test]
fn a_branch_parameter_is_read_back() {
    let id = TransactionId { index: 0xbeef, label: 0x7fff_fffe };
    let text = branch_parameter(id, 11);
    assert_eq!(text, b"z9hG4bKbeef.7ffffffe.b");
    assert_eq!(parse_branch(&text), Some((id, 11)));
}

#[test]
fn other_branch_parameters_are_not_ours() {
    for text in
        ["", "z9hG4bK", "z9hG4bKabc", "z9hG4bK1.2", "z9hG4bK1.2.3.4", "z9hG4bK10000.1.0", "z9hG4bKx.y.z", "1.2.3"]
    {
        assert_eq!(parse_branch(text.as_bytes()), None, "{text}");
    }
    assert_eq!(parse_branch(&[0xff, 0xfe]), None);
}

const RELAY: &str = r#"
loadmodule "sl.so"
loadmodule "tm.so"
request_route {
    if (method == "ACK") { t_check_trans(); exit; }
    t_relay_to_udp("127.0.0.9", "5060");
}
"#;

fn invite(via: &str, cseq: &str) -> String {
    format!(
        "INVITE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061{via}\nMax-Forwards: 70\n\
         From: <sip:alice@example.com>;tag=a\nTo: <sip:bob@example.com>\nCall-ID: x@test\nCSeq: {cseq}\nContent-Length: 0\n\n"
    )
}

/// The first lines of what was sent.
fn first_lines(bench: &Bench, message: &str) -> Vec<String> {
    let sent = bench.receive(message).messages;
    sent.iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect()
}

const TRYING: &str = "SIP/2.0 100 trying -- your call is important to us";
const SENT: &str = "INVITE sip:bob@example.com SIP/2.0";

#[test]
fn a_retransmission_is_absorbed_and_another_branch_is_not() {
    let bench = Bench::new(RELAY, MODULES).unwrap();
    let first = invite(";branch=z9hG4bK1", "1 INVITE");
    assert_eq!(first_lines(&bench, &first), [TRYING, SENT]);
    assert_eq!(first_lines(&bench, &first), [TRYING]);
    // A spiral: the same call comes with another branch, for which nothing is known.
    assert_eq!(first_lines(&bench, &invite(";branch=z9hG4bK2", "1 INVITE")), [TRYING, SENT]);
}

#[test]
fn requests_without_the_magic_branch_match_as_rfc_2543_says() {
    let bench = Bench::new(RELAY, MODULES).unwrap();
    let first = invite("", "1 INVITE");
    assert_eq!(first_lines(&bench, &first), [TRYING, SENT]);
    assert_eq!(first_lines(&bench, &first), [TRYING]);
    // The whole Via counts.
    assert_eq!(first_lines(&bench, &invite(";branch=7", "1 INVITE")), [TRYING, SENT]);
    assert_eq!(first_lines(&bench, &invite(";branch=7", "1 INVITE")), [TRYING]);
    assert_eq!(first_lines(&bench, &invite("", "2 INVITE")), [TRYING, SENT]);
}

#[test]
fn nothing_is_left_of_a_call_that_nobody_answers() {
    let bench = Bench::new(RELAY, MODULES).unwrap();
    bench.receive(&invite(";branch=z9hG4bK1", "1 INVITE"));
    let in_use = || {
        let core = &bench.loaded().core;
        core.statistics.find(Some("tmx"), "inuse_transactions").map(|statistic| statistic.value())
    };
    assert_eq!(in_use(), Some(1));
    bench.advance(std::time::Duration::from_secs(31));
    assert_eq!(in_use(), Some(1), "the 408 waits for its ACK");
    bench.receive(&invite(";branch=z9hG4bK1", "1 ACK").replace("INVITE sip", "ACK sip"));
    bench.advance(std::time::Duration::from_secs(6));
    assert_eq!(in_use(), Some(0));
}
