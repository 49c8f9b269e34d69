use testkit::Bench;

const OPTIONS: &str = "OPTIONS sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";

/// The log lines of a script, without level and prefix.
fn log(globals: &str, statements: &str) -> Vec<String> {
    let modules = "loadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"kex\"\n";
    let config = format!("debug=2\n{globals}\n{modules}request_route {{\n{statements}\n}}");
    let lines = Bench::new(&config, crate::MODULES).unwrap().receive(OPTIONS).log;
    lines.into_iter().filter_map(|line| line.split_once("<script>: ").map(|(_, text)| text.to_owned())).collect()
}

/// `xlog("$rc")` after each call.
fn codes(globals: &str, calls: &[&str]) -> Vec<String> {
    let statements: Vec<String> = calls.iter().map(|call| format!("{call}; xlog(\"$rc\");")).collect();
    log(globals, &statements.join("\n"))
}

/// Codes seen from Kamailio 5.6.3.
#[test]
fn script_flags() {
    let calls =
        ["setsflag(3)", "issflagset(3)", "resetsflag(\"3\")", "issflagset(3)", "$var(f) = 40; setsflag(\"$var(f)\")"];
    assert_eq!(codes("", &calls), ["1", "1", "1", "-1", "-1"]);
    assert_eq!(codes("", &["setsflag(7); resetflag(7)", "issflagset(7)"])[1], "1");
}

#[test]
fn branch_flags() {
    let calls = [
        "setbflag(7)",
        "isbflagset(7)",
        "isbflagset(7, 0)",
        "isbflagset(\"7\", \"1\")",
        "setbflag(7, 1)",
        "setbflag(8, \"-1\")",
        "resetbflag(7)",
        "isbflagset(7)",
        "resetbflag(7, 5)",
    ];
    assert_eq!(codes("", &calls), ["1", "1", "1", "-1", "-1", "-1", "1", "-1", "-1"]);
    assert_eq!(codes("flags NAT:6", &["setbflag(\"NAT\")", "isbflagset(6)"]), ["1", "1"]);
}

#[test]
fn next_hop() {
    let statements =
        "isdsturiset(); xlog(\"$rc\"); setdsturi(\"sip:9.9.9.9:$sp\"); xlog(\"$du\"); isdsturiset(); xlog(\"$rc\");
        setdsturi(\"\"); xlog(\"$du\"); setdsturi(\"x\"); resetdsturi(); xlog(\"$rc $du\");";
    assert_eq!(log("", statements), ["-1", "sip:9.9.9.9:5061", "1", "<null>", "1 <null>"]);
}

#[test]
fn our_names() {
    let globals = "alias=ali.example.com\nalias=udp:ali2.example.com:5099";
    for (name, expected) in [
        ("$ru", "1"),
        ("sip:127.0.0.1:9", "-1"),
        ("sip:x@127.0.0.1:5060", "1"),
        ("127.0.0.1", "1"),
        ("127.0.0.1:5060", "-1"),
        ("sip:ali.example.com:77", "1"),
        ("ALI2.example.com", "1"),
        ("sip:ali2.example.com", "1"),
        ("sip:ali2.example.com:5060", "-1"),
        ("sips:127.0.0.1", "1"),
        ("sip:127.0.0.1;transport=tls", "-1"),
        ("<sip:127.0.0.1>", "-1"),
        ("tel:123", "-1"),
        ("sip:", "-1"),
        ("", "-1"),
        ("$null", "-1"),
        ("x.example", "-1"),
    ] {
        assert_eq!(codes(globals, &[&format!("is_myself(\"{name}\")")]), [expected], "{name}");
    }
    for (name, expected) in [("127.0.0.1", "1"), ("ali2.example.com", "1"), ("127.0.0.1:5060", "-1"), ("", "-1")] {
        assert_eq!(codes(globals, &[&format!("is_myhost(\"{name}\")")]), [expected], "{name}");
    }
}

#[test]
fn log_level() {
    let statements = "xlog(\"L_DBG\", \"a\"); setdebug(3); xlog(\"L_DBG\", \"b\"); setdebug(-3); xlog(\"c\"); resetdebug(); xlog(\"$rc\");
        xlog(\"L_DBG\", \"d\");";
    assert_eq!(log("", statements), ["b", "1"]);
}

#[test]
fn printing() {
    let statements = "avp_printf(\"$avp(x)\", \"a $rU b\"); avp_printf(\"$avp(x)\", \"2nd\"); xlog(\"$(avp(x)[0])|$(avp(x)[1])\");
        pv_printf(\"$var(x)\", \"$avp(nope)\"); xlog(\"[$var(x)]\"); pv_printf(\"$ru\", \"sip:n@1.1.1.1\"); xlog(\"$ru\");";
    assert_eq!(log("", statements), ["2nd|a bob b", "[<null>]", "sip:n@1.1.1.1"]);
}

#[test]
fn unique_ids() {
    let lines = log("server_id=7", "xlog(\"$sruid\"); xlog(\"$sruid\");");
    assert!(lines[0].starts_with("srid-7-") && lines[0].ends_with("-1"), "{lines:?}");
    assert!(lines[1].ends_with("-2"), "{lines:?}");
}
