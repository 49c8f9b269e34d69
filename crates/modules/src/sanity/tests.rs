use testkit::Bench;

const MESSAGE: &str = "INVITE sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.2:5061>\n\
    X: 1\nContent-Length: 5\n\nhello";
const DIGEST: &str =
    "Digest username=\"a\",realm=\"r\",nonce=\"n\",uri=\"sip:x\",response=\"00000000000000000000000000000000\"";

fn bench(params: &str, body: &str) -> Bench {
    let modules = "loadmodule \"sl\"\nloadmodule \"sanity\"\nloadmodule \"xlog\"\n";
    Bench::new(&format!("{modules}{params}\nrequest_route {{ {body} xlog(\"$rc\"); }}"), crate::MODULES).unwrap()
}

const GOES_ON: &str = "modparam(\"sanity\", \"autodrop\", 0)";

/// The first line of the reply and `$rc`.
fn check(checks: &str, message: &str) -> (String, String) {
    let sent = bench(GOES_ON, &format!("sanity_check(\"{checks}\", \"15\");")).receive(message);
    let line = sent.messages.first().and_then(|reply| reply.lines().next()).unwrap_or_default();
    (line.replace("SIP/2.0 ", ""), sent.log.join(" ").replace("ERROR: <script>: ", ""))
}

/// Codes and texts seen from Kamailio 5.6.3 (the scheme excepted).
#[test]
fn faults() {
    let auth = |change: &str, to: &str| format!("Authorization: {}", DIGEST.replace(change, to));
    for (checks, from, to, reason) in [
        ("2", "sip:bob@127.0.0.1", "http://x", "416 Unsupported URI Scheme"),
        ("2", "sip:bob@127.0.0.1", "garbage", "400 Bad Request URI"),
        ("2", "sip:bob@127.0.0.1", "sip:a@b:999999", "400 Bad Request URI"),
        ("128", "Length: 5", "Length: 3", "400 Content-Length mis-match"),
        ("128", "Length: 5", "Length: 9", "400 Content-Length mis-match"),
        ("256", "X: 1", "Expires: abc", "400 Expires value is illegal"),
        ("256", "X: 1", "Expires: -1", "400 Expires value is illegal"),
        ("256", "X: 1", "Expires: ", "400 Bad Expires Header"),
        ("512", "X: 1", "Proxy-Require: foo, bar", "420 Bad Proxy Require Extension"),
        ("512", "X: 1", "Proxy-Require: ", "400 Bad Proxy Require Header"),
        ("1024", "<sip:alice@a.example>", "<garbage>", "400 Invalid From Header"),
        ("1024", "<sip:bob@b.example>", "<http://x>", "400 Ivalid To Header"),
        ("1024", "<sip:alice@127.0.0.2:5061>", "<garbage>", "400 Bad Contact URI"),
        ("4096", "<sip:bob@b.example>", "<sip:bob@b.example>;tag=1;tag=2", "400 Many To Tag Params"),
        ("4096", ";tag=1", ";tag=1;tag=2", "400 Many From Tag Params"),
        ("2048", "X: 1", &auth("username=\"a\",", ""), "400 Bad Auth Credentials"),
        ("2048", "X: 1", &auth("nonce=\"n\",", ""), "400 Bad Auth Credentials"),
        ("2048", "X: 1", &auth("uri=", "qop=auth,uri="), "400 Bad Auth Credentials"),
        ("2048", "X: 1", "Authorization: Digest username", "400 Bad Auth Header"),
        ("8192", "X: 1", &auth("\"a\"", "\"\"").replace("Auth", "Proxy-Auth"), "400 Auth Empty User"),
        ("2048", "X: 1", "Authorization: Basic abc", ""),
    ] {
        let message = MESSAGE.replacen(from, to, 1);
        assert_eq!(check(checks, &message), (reason.to_owned(), "-1".to_owned()), "{checks} {to}");
    }
}

#[test]
fn what_is_well_formed() {
    let digest = format!("Authorization: {DIGEST}");
    for (checks, from, to) in [
        ("32767", "X: 1", "X: 2"),
        ("2", "sip:bob@127.0.0.1", "tel:+123"),
        ("256", "X: 1", "Expires: 4294967296"),
        ("1024", "<sip:alice@127.0.0.2:5061>", "*"),
        ("2048", "X: 1", &digest),
        ("8192", "X: 1", "Authorization: Bearer abc"),
        ("128", "Content-Length: 5\n", ""),
        ("24", "X: 1", "X: 2"),
    ] {
        assert_eq!(check(checks, &MESSAGE.replacen(from, to, 1)), (String::new(), "1".to_owned()), "{checks} {to}");
    }
}

#[test]
fn arguments_have_a_range() {
    let broken = MESSAGE.replace("X: 1", "Expires: abc");
    for checks in ["0", "70000", "-1"] {
        let (reply, log) = check(checks, &broken);
        assert!(reply.is_empty() && log.ends_with(" -1"), "{checks}: {log}");
    }
}

#[test]
fn the_script_ends_after_a_fault() {
    let sent = bench("", "sanity_check();").receive(&MESSAGE.replace("X: 1", "Proxy-Require: foo"));
    assert!(sent.messages[0].contains("\nUnsupported: foo\nServer: "), "{sent:?}");
    assert!(sent.log.is_empty());
}

#[test]
fn reply_on_demand() {
    let params = format!(
        "{GOES_ON}\nmodparam(\"sanity\", \"noreply\", 1)\nmodparam(\"sanity\", \"proxy_require\", \" foo , path\")"
    );
    let bench = bench(&params, "sanity_check(); sanity_reply();");
    let line = |header: &str| {
        let sent = bench.receive(&MESSAGE.replace("X: 1", header));
        (sent.messages.len(), sent.messages[0].lines().next().unwrap().to_owned())
    };
    assert_eq!(line("Expires: abc"), (1, "SIP/2.0 400 Expires value is illegal".to_owned()));
    assert_eq!(line("Proxy-Require: foo, path"), (1, "SIP/2.0 500 Server Sanity Failure".to_owned()));
}

#[test]
fn an_ack_gets_no_reply() {
    let sent = bench(GOES_ON, "sanity_check(\"256\");")
        .receive(&MESSAGE.replace("INVITE", "ACK").replace("X: 1", "Expires: abc"));
    assert_eq!((sent.messages.len(), sent.log.len()), (0, 1));
}
