use engine::RpcValue;
use testkit::Bench;

const INVITE: &str = "INVITE sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n";

fn bench(config: &str) -> Bench {
    Bench::new(&format!("loadmodule \"kex\"\nloadmodule \"xlog\"\n{config}"), crate::MODULES).unwrap()
}

/// `$rc` after each call.
fn codes(calls: &[&str]) -> String {
    let body: String = calls.iter().map(|call| format!("{call}; xlog(\"$rc\"); ")).collect();
    let log = bench(&format!("request_route {{ {body} }}")).receive(INVITE).log;
    let codes: Vec<&str> = log.iter().filter_map(|line| line.strip_prefix("ERROR: <script>: ")).collect();
    codes.join(" ")
}

#[test]
fn flags() {
    let calls = ["setsflag(31)", "issflagset(\"31\")", "issflagset(0)", "resetsflag(31)", "issflagset(31)"];
    assert_eq!(codes(&calls), "1 1 -1 1 -1");
    let calls = ["setbflag(1)", "isbflagset(1, 0)", "isbflagset(1, 1)", "setbflag(2, 1)", "isbflagset(1, -1)", "resetbflag(1)", "isbflagset(1)"];
    assert_eq!(codes(&calls), "1 1 -1 -1 -1 1 -1");
}

#[test]
fn next_hop() {
    let calls = ["isdsturiset()", "setdsturi(\"sip:1.2.3.4:5070\")", "isdsturiset()", "resetdsturi()", "isdsturiset()", "setdsturi(\"abc\")"];
    assert_eq!(codes(&calls), "-1 1 1 1 -1 -1");
}

#[test]
fn own_names() {
    for (uri, wanted) in [
        ("sip:127.0.0.1", "1"),
        ("sip:x@127.0.0.1:5060", "1"),
        ("sip:127.0.0.1:5061", "-1"),
        ("127.0.0.1", "1"),
        ("127.0.0.1:5060", "-1"),
        ("udp:127.0.0.1:5060", "-1"),
        ("sip:127.0.0.1;transport=tcp", "1"),
        ("sip:127.0.0.1;transport=tls", "-1"),
        ("sips:127.0.0.1:5060", "1"),
        ("tel:123", "-1"),
        ("", "-1"),
        ("<sip:127.0.0.1>", "-1"),
    ] {
        assert_eq!(codes(&[&format!("is_myself(\"{uri}\")")]), wanted, "{uri}");
    }
    assert_eq!(codes(&["is_myhost(\"127.0.0.1\")", "is_myhost(\"other\")"]), "1 -1");
}

#[test]
fn log_level_and_texts() {
    let log = bench("debug=1\nrequest_route { setdebug(3); xdbg(\"a\"); setdebug(-1); xwarn(\"b\"); resetdebug(); xnotice(\"c\"); xinfo(\"d\"); }")
        .receive(INVITE)
        .log;
    assert_eq!(log, ["DEBUG: <script>: a", "NOTICE: <script>: c"]);
    let log = bench("request_route { pv_printf(\"$var(x)\", \"a $rc\"); avp_printf(\"$var(y)\", \"b\"); xlog(\"$var(x) $var(y)\"); }");
    assert_eq!(log.receive(INVITE).log, ["ERROR: <script>: a 1 b"]);
}

#[test]
fn ids_differ() {
    let log = bench("request_route { xlog(\"$sruid\"); xlog(\"$sruid\"); }").receive(INVITE).log;
    assert!(log[0].contains("srid-") && log[0] != log[1], "{log:?}");
}

#[test]
fn statistics_of_messages() {
    let bench = bench("request_route { exit; } reply_route { drop; }");
    bench.receive(INVITE);
    for (code, method) in [("180", "INVITE"), ("401", "REGISTER"), ("699", "INFO")] {
        bench.receive(&format!(
            "SIP/2.0 {code} x\nVia: SIP/2.0/UDP 127.0.0.1\nFrom: <sip:a@b>;tag=1\nTo: <sip:b@c>;tag=2\nCall-ID: 1\nCSeq: 1 {method}\nContent-Length: 0\n\n"
        ));
    }
    let answer = bench.rpc("stats.get_statistics", &["core:".into()]).unwrap();
    let lines: Vec<String> = answer.iter().filter_map(RpcValue::to_text).filter(|line| !line.ends_with("= 0")).collect();
    let wanted = [
        "core:drop_replies = 3",
        "core:rcv_replies = 3",
        "core:rcv_replies_18x = 1",
        "core:rcv_replies_1xx = 1",
        "core:rcv_replies_1xx_invite = 1",
        "core:rcv_replies_401 = 1",
        "core:rcv_replies_4xx = 1",
        "core:rcv_replies_4xx_reg = 1",
        "core:rcv_replies_6xx = 1",
        "core:rcv_requests = 1",
        "core:rcv_requests_invite = 1",
    ];
    assert_eq!(lines, wanted);
    let used = bench.rpc("stats.get_statistics", &["used_size".into()]).unwrap();
    assert!(used[0].to_text().unwrap().starts_with("shmem:used_size = "));
}

#[test]
fn memory_of_processes() {
    let bench = bench("request_route { exit; }");
    assert_eq!(bench.rpc("pkg.stats", &["index".into(), 0.into()]).unwrap().len(), 1);
    assert_eq!(bench.rpc("pkg.stats", &["pid".into(), 1.into()]).unwrap_err().to_string(), "500 No such pid");
    assert_eq!(bench.rpc("pkg.stats", &["foo".into(), 1.into()]).unwrap_err().reason, "Invalid filter type");
}
