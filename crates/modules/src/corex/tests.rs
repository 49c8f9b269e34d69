use std::time::Duration;

use engine::RpcValue;
use testkit::{Bench, Sent};

const INVITE: &str = "INVITE sip:bob@127.0.0.1:5060;x=y SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n";
const REPLY: &str = "SIP/2.0 180 R\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK0\n\
    Via: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\nFrom: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>;tag=2\n\
    Call-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n";

fn bench(globals: &str, routes: &str) -> Bench {
    let modules = "loadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"kex\"\nloadmodule \"corex\"\n";
    Bench::new(&format!("debug=0\n{modules}{globals}\n{routes}"), crate::MODULES).unwrap()
}

fn run(globals: &str, statements: &str) -> Sent {
    bench(globals, &format!("request_route {{\n{statements}\n}}")).receive(INVITE)
}

/// What xlog wrote, without level and prefix.
fn texts(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter_map(|line| line.split_once("<script>: ").map(|(_, text)| text.to_owned())).collect()
}

fn log(globals: &str, statements: &str) -> Vec<String> {
    texts(run(globals, statements).log)
}

/// `$rc` after each call.
fn codes(calls: &[&str]) -> String {
    let statements: Vec<String> = calls.iter().map(|call| format!("{call}; xlog(\"$rc\");")).collect();
    log("", &statements.join("\n")).join(" ")
}

/// As seen from Kamailio 5.6.3.
#[test]
fn branches() {
    const SHOW: &str = "xlog(\"$rc $(branch(uri)[-1])|$(branch(dst_uri)[-1])|$(branch(q)[-1])|$(branch(flags)[-1])|$(branch(send_socket)[-1])|$du|$fs\");";
    let statements = format!(
        "append_branch(); {SHOW} $du = \"sip:5.5.5.5\"; $fs = \"udp:127.0.0.1:5060\"; setbflag(2); append_branch(\"sip:b2@2.2.2.2\"); {SHOW}
         append_branch(\"\", \"0.25\"); {SHOW} append_branch(\"sip:b3@3.3.3.3\", \"\"); {SHOW} append_branch(\"garbage\"); {SHOW}"
    );
    let wanted = [
        "1 sip:bob@127.0.0.1:5060;x=y|<null>|<null>|0|<null>|<null>|<null>",
        "1 sip:b2@2.2.2.2|sip:5.5.5.5|<null>|4|udp:127.0.0.1:5060|sip:5.5.5.5|udp:127.0.0.1:5060",
        "1 sip:bob@127.0.0.1:5060;x=y|sip:5.5.5.5|250|4|udp:127.0.0.1:5060|<null>|<null>",
        "1 sip:b3@3.3.3.3|<null>|<null>|0|<null>|<null>|<null>",
        "1 garbage|<null>|<null>|0|<null>|<null>|<null>",
    ];
    assert_eq!(log("", &statements), wanted);
    assert_eq!(codes(&["append_branch(\"sip:a@b\", \"abc\")", "append_branch(\"sip:a@b\", \"1.5\")"]), "-1 -1");
    let many =
        log("max_branches=3", "append_branch(); append_branch(); append_branch(); xlog(\"$rc $branch(count)\");");
    assert_eq!(many, ["-1 2"]);
}

#[test]
fn extended_and_internal_flags() {
    let calls = ["setxflag(40)", "isxflagset(40)", "isxflagset(8)", "resetxflag(\"40\")", "isxflagset(40)"];
    assert_eq!(codes(&calls), "1 1 -1 1 -1");
    assert_eq!(codes(&["setxflag(63)", "isxflagset(63)", "$var(f) = 64; setxflag(\"$var(f)\")"]), "1 1 -1");
    let name = "\"USE_UAC_FROM\"";
    let calls: Vec<String> =
        ["is_set", "set", "is_set", "reset", "is_set"].iter().map(|verb| format!("msg_iflag_{verb}({name})")).collect();
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    assert_eq!(codes(&calls), "-2 1 1 1 -2");
    assert_eq!(codes(&["msg_iflag_set(\"NOPE\")", "is_faked_msg()"]), "-1 -1");
}

#[test]
fn sockets() {
    assert_eq!(
        log("", "set_send_socket(\"udp:127.0.0.1:5060\"); xlog(\"$rc $fs\"); set_send_socket(\"1.1.1.1\"); xlog(\"$rc $fs\");
            set_send_socket(\"tcp:127.0.0.1\"); xlog(\"$rc $fs\"); set_send_socket(\"abc:x:y\"); xlog(\"$rc\"); set_send_socket(\"\"); xlog(\"$rc\");"),
        ["1 udp:127.0.0.1:5060", "1 udp:127.0.0.1:5060", "1 tcp:127.0.0.1:5060", "-1", "-1"]
    );
    assert_eq!(
        log(
            "",
            "set_recv_socket(\"tcp:127.0.0.1:5060\"); xlog(\"$rc $pr $Ri $Rp\"); set_recv_socket_name(\"zz\"); xlog(\"$rc $pr\");"
        ),
        ["1 tcp 127.0.0.1 5060", "1 tcp"]
    );
    assert_eq!(codes(&["is_socket_name(\"s1\")", "set_send_socket_name(\"s1\")"]), "-1 1");
}

#[test]
fn source_address() {
    let statements = "set_source_address(\"1.2.3.4:5099\"); xlog(\"$rc $si $sp\"); set_source_address(\"1.2.3.5\"); xlog(\"$rc $si $sp\");
        set_source_address(\"1.2.3.4:99999\"); xlog(\"$rc $si\"); set_source_address(\"\"); xlog(\"$rc $si\"); set_source_address(\"[::2]:5\"); xlog(\"$rc $sp\");";
    assert_eq!(log("", statements), ["1 1.2.3.4 5099", "1 1.2.3.5 0", "-1 1.2.3.5", "-1 1.2.3.5", "1 5"]);
}

#[test]
fn sending() {
    let sent = run(
        "",
        "$ru = \"sip:x@127.0.0.9\"; send_udp(\"127.0.0.3:5070\"); send_tcp(); $du = \"sip:127.0.0.4;transport=tcp\"; send_udp(\"\");",
    );
    assert!(sent.messages.iter().all(|message| message == INVITE), "{sent:?}");
    let ways: Vec<String> =
        sent.raw.iter().map(|outgoing| format!("{} {}", outgoing.protocol, outgoing.destination)).collect();
    assert_eq!(ways, ["udp 127.0.0.3:5070", "tcp 127.0.0.9:5060", "udp 127.0.0.4:5060"]);
    let sent = run("", "send_data(\"sip:127.0.0.3:5070\", \"hello $rm\"); sendx(\"sip:127.0.0.3;transport=tcp\", \"tcp:127.0.0.1\", \"x\");
        sendx(\"sip:127.0.0.3\", \"udp:9.9.9.9\", \"y\"); xlog(\"$rc\"); sendx(\"sip:127.0.0.3\", \"zz:x:y:\", \"z\"); xlog(\"$rc\"); send_data(\"garbage\", \"z\"); xlog(\"$rc\");");
    assert_eq!(sent.messages, ["hello INVITE", "x", "y"]);
    assert_eq!(texts(sent.log), ["1", "-1", "-1"]);
}

#[test]
fn a_reply_goes_on_at_once_and_again_at_the_end() {
    let bench = bench("", "request_route { exit; } reply_route { forward_reply(); xlog(\"$rc $cfg(route)\"); }");
    let sent = bench.receive(REPLY);
    assert_eq!((sent.messages.len(), texts(sent.log)), (2, vec!["1 DEFAULT_ONREPLY".to_owned()]));
}

/// Only our Via goes out, whatever Vias came; the message itself keeps them for the reply and for `forward()`.
#[test]
fn a_request_goes_on_with_our_via_alone() {
    let two = INVITE
        .replace("From:", "v: SIP/2.0/UDP 127.0.0.7;branch=z9hG4bK2, SIP/2.0/UDP 127.0.0.8\nVia: SIP/2.0/UDP i\nFrom:");
    let statements = "$du = \"sip:127.0.0.3:5070\"; force_rport(); forward_uac(); xlog(\"$rc\");
        $var(i) = 7; forward_uac_uri(\"sip:127.0.0.4;transport=tcp\", \"$var(i)\"); xlog(\"$rc\");
        forward_uac(\"-1\"); xlog(\"$rc\"); forward_uac_uri(\"garbage\"); xlog(\"$rc\"); forward();";
    let bench = bench("", &format!("request_route {{\n{statements}\n}}"));
    let sent = bench.receive(&two);
    let ways: Vec<String> =
        sent.raw.iter().map(|outgoing| format!("{} {}", outgoing.protocol, outgoing.destination)).collect();
    assert_eq!(ways, ["udp 127.0.0.3:5070", "tcp 127.0.0.4:5060", "udp 127.0.0.3:5070"]);
    assert_eq!(texts(sent.log), ["1", "1", "-1", "-1"]);
    let vias = |message: &str| -> Vec<String> {
        let is_via = |line: &&str| line.starts_with("Via:") || line.starts_with("v:") || line.contains("received");
        message.lines().filter(is_via).map(str::to_owned).collect()
    };
    let (first, second) = (vias(&sent.messages[0]), vias(&sent.messages[1]));
    assert_eq!((first.len(), second.len(), vias(&sent.messages[2]).len()), (1, 1, 4), "{:?}", sent.messages);
    assert!(first[0].starts_with("Via: SIP/2.0/UDP 127.0.0.1") && first[0].ends_with(".0"), "{first:?}");
    assert!(second[0].starts_with("Via: SIP/2.0/TCP 127.0.0.1") && second[0].ends_with(".7"), "{second:?}");
    assert!(sent.messages[0].starts_with("INVITE sip:bob@127.0.0.1:5060;x=y SIP/2.0"));
    // The same for each retransmission.
    assert_eq!(vias(&bench.receive(&two).messages[0]), first);
}

#[test]
fn files() {
    let folder = std::env::temp_dir().join(format!("olelo-corex-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("text").display().to_string();
    let statements = format!(
        "request_route {{ file_write(\"{file}\", \"line one\"); file_write(\"{file}\", \"two $rm\"); xlog(\"$rc\"); file_read(\"{file}\", \"$var(t)\"); xlog(\"$rc $var(t)\");
         file_read(\"{file}.not\", \"$var(t)\"); xlog(\"$rc\"); file_write(\"/nonexistent/x\", \"a\"); xlog(\"$rc\"); file_read(\"/dev/zero\", \"$var(t)\"); xlog(\"$rc\"); }}"
    );
    let bench = bench("", &statements);
    let mut lines = bench.receive(INVITE).log;
    bench.advance(Duration::from_secs(1));
    lines.extend(bench.log());
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(texts(lines), ["1", "1 two INVITE", "-1", "-1", "-1"]);
}

#[test]
fn parts_of_sockets() {
    for (text, parts) in [
        ("udp:1.2.3.4:5061", "1.2.3.4|5061|udp|sip:1.2.3.4:5061;transport=udp"),
        ("TLS:1.2.3.4", "1.2.3.4||TLS|sip:1.2.3.4;transport=TLS"),
        ("1.2.3.4:77", "1.2.3.4|77||sip:1.2.3.4:77"),
        ("udp:[::1]:5061", "[::1]|5061|udp|sip:[::1]:5061;transport=udp"),
        ("[::1]", "[::1]|||sip:[::1]"),
        ("host.a", "host.a|||sip:host.a"),
        ("garbage:x", "|||"),
        ("a:b:c", "|||"),
        ("udp:", "|||"),
        ("", "|||"),
    ] {
        let statements = format!(
            "$var(s) = \"{text}\"; xlog(\"$(var(s){{sock.host}})|$(var(s){{sock.port}})|$(var(s){{sock.proto}})|$(var(s){{sock.touri}})\");"
        );
        assert_eq!(log("", &statements), [parts], "{text}");
    }
}

#[test]
fn place_in_the_script() {
    let lines = texts(
        bench("", "request_route {\nxlog(\"$cfg(line) $cfg(route)\"); route(A);\nxlog(\"$cfg(route)\"); }\nroute[A] { xlog(\"$cfg(route) $cfg(file)\"); }")
            .receive(INVITE)
            .log,
    );
    assert_eq!(lines[0], "9 DEFAULT_ROUTE");
    assert!(lines[1].starts_with("A ") && lines[1].ends_with("test.cfg"), "{lines:?}");
    assert_eq!(lines[2], "DEFAULT_ROUTE");
    let modules = "loadmodule \"xlog\"\nloadmodule \"corex\"\n";
    assert!(Bench::new(&format!("{modules}request_route {{ xlog(\"$cfg(x)\"); }}"), crate::MODULES).is_err());
}

#[test]
fn domains_with_their_subdomains() {
    let globals = "modparam(\"corex\", \"alias_subdomains\", \"udp:sub.example.org:5060\")\n\
        modparam(\"corex\", \"alias_subdomains\", \"Sub2.example.org\")";
    for (uri, expected) in [
        ("sip:u@a.sub.example.org", "1"),
        ("sip:u@sub.example.org:5060", "1"),
        ("sip:u@a.sub.example.org:77", "-1"),
        ("sip:u@a.sub.example.org;transport=tcp", "-1"),
        ("sip:u@A.b.SUB2.example.org:77", "1"),
        ("sip:u@zsub2.example.org", "-1"),
        ("sip:u@example.org", "-1"),
    ] {
        assert_eq!(log(globals, &format!("is_myself(\"{uri}\"); xlog(\"$rc\");")), [expected], "{uri}");
        let statements = format!("$ru = \"{uri}\"; if (uri == myself) xlog(\"1\"); else xlog(\"-1\");");
        assert_eq!(log(globals, &statements), [expected], "{uri}");
    }
    let config = "loadmodule \"corex\"\nmodparam(\"corex\", \"alias_subdomains\", \"a:b\")\nrequest_route { exit; }";
    assert!(Bench::new(config, crate::MODULES).is_err());
}

#[test]
fn commands() {
    let bench = bench("alias=udp:a.example:5070\nalias=b.example", "request_route { exit; }");
    let alias = |protocol: &str, host: &str, port: i64| {
        RpcValue::structure([("PROTO", protocol.into()), ("ADDR", host.into()), ("PORT", port.into())])
    };
    let aliases = bench.rpc("corex.list_aliases", &[]).unwrap();
    assert_eq!(aliases, [alias("udp", "a.example", 5070), alias("*", "b.example", 0)]);
    assert_eq!(bench.rpc("corex.list_sockets", &[]).unwrap().len(), 2);
    let shown = |text: &[(&str, i64)]| {
        let members = text.iter().map(|(name, value)| ((*name).to_owned(), RpcValue::Int(*value))).collect();
        vec![RpcValue::Struct(members)]
    };
    assert_eq!(bench.rpc("corex.debug", &[]).unwrap(), shown(&[("debug", 0)]));
    assert_eq!(bench.rpc("corex.debug", &[RpcValue::Int(3)]).unwrap(), shown(&[("old", 0), ("new", 3)]));
}
