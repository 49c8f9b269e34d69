//! Tests of `save`, `lookup` and the rest over whole configurations.

use std::sync::Arc;
use std::time::Duration;

use engine::RpcValue;
use parking_lot::Mutex;
use testkit::Bench;

const ROUTE: &str = "request_route { if (method == \"REGISTER\") { save(\"location\"); xlog(\"rc $rc\"); exit; }\n\
    lookup(\"location\"); xlog(\"rc $rc $ru $du\"); exit; }";

fn bench(params: &str, route: &str) -> Bench {
    let modules =
        "loadmodule \"sl\"\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"usrloc\"\nloadmodule \"registrar\"";
    Bench::new(&format!("{modules}\n{params}\n{route}"), crate::MODULES).unwrap()
}

/// A REGISTER for bob with these further header lines.
fn register(call: &str, cseq: u32, lines: &str) -> String {
    format!(
        "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK{call}{cseq}\nFrom: <sip:bob@example.com>;tag=t\n\
         To: <sip:bob@example.com>\nCall-ID: {call}\nCSeq: {cseq} REGISTER\n{lines}Content-Length: 0\n\n"
    )
}

fn options(uri: &str) -> String {
    format!(
        "OPTIONS {uri} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bKo\nFrom: <sip:a@b>;tag=t\nTo: <{uri}>\nCall-ID: o\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n"
    )
}

/// Status line and the header lines that the registrar added, joined by `|`; then the script's lines.
fn run(bench: &Bench, message: &str) -> String {
    let sent = bench.receive(message);
    let mut parts = Vec::new();
    for reply in &sent.messages {
        let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:", "Server:", "Content-Length:"];
        parts.extend(
            reply
                .lines()
                .filter(|line| !line.is_empty() && !copied.iter().any(|name| line.starts_with(name)))
                .map(str::to_owned),
        );
    }
    parts.extend(sent.log.iter().map(|line| line.trim_start_matches("ERROR: <script>: ").to_owned()));
    parts.join("|").replace("SIP/2.0 ", "")
}

#[test]
fn life_of_a_binding() {
    let bench = bench("", ROUTE);
    let one = "Contact: <sip:bob@1.2.3.4>\n";
    assert_eq!(run(&bench, &register("q", 1, "")), "200 OK|rc 4");
    assert_eq!(run(&bench, &register("a", 1, one)), "200 OK|Contact: <sip:bob@1.2.3.4>;expires=3600|rc 1");
    assert_eq!(run(&bench, &register("a", 1, one)), "200 OK|Contact: <sip:bob@1.2.3.4>;expires=3600|rc 1");
    assert_eq!(
        run(&bench, &register("a", 0, one)),
        "400 Bad Request|Contact: <sip:bob@1.2.3.4>;expires=3600|P-Registrar-Error: Invalid CSeq number|rc -1"
    );
    assert_eq!(
        run(&bench, &register("a", 2, "Contact: <sip:bob@1.2.3.4>\nExpires: 100\n")),
        "200 OK|Contact: <sip:bob@1.2.3.4>;expires=100|rc 2"
    );
    assert_eq!(run(&bench, &options("sip:bob@x")), "rc 1 sip:bob@1.2.3.4 <null>");
    assert_eq!(run(&bench, &options("sip:%42OB@x")), "rc 1 sip:bob@1.2.3.4 <null>");
    bench.advance(Duration::from_secs(101));
    assert_eq!(run(&bench, &options("sip:bob@x")), "rc -1 sip:bob@x <null>");
    assert_eq!(
        run(&bench, &register("b", 1, "Contact: <sip:b@1>;expires=60\n")),
        "200 OK|Contact: <sip:b@1>;expires=60|rc 1"
    );
    assert_eq!(run(&bench, &register("b", 2, "Contact: <sip:b@1>;expires=0\n")), "200 OK|rc 3");
    run(&bench, &register("c", 1, one));
    assert_eq!(run(&bench, &register("d", 1, "Contact: *\nExpires: 0\n")), "200 OK|rc 3");
    assert_eq!(run(&bench, &register("q", 2, "")), "200 OK|rc 4");
}

#[test]
fn wrong_requests() {
    let bench = bench("", ROUTE);
    let error = |lines: &str| {
        run(&bench, &register("x", 1, lines)).replace("400 Bad Request|P-Registrar-Error: ", "").replace("|rc -1", "")
    };
    assert_eq!(error("Contact: *\n"), "* used in contact and expires is not zero");
    assert_eq!(error("Contact: *\nExpires: 5\n"), "* used in contact and expires is not zero");
    for mixed in ["Contact: *\nContact: <sip:a@b>\nExpires: 0\n", "Contact: <sip:a@b>, *\nExpires: 0\n"] {
        assert_eq!(error(mixed), "* used in contact and more than 1 contact");
    }
    assert_eq!(error("Contact: <sip:a@1>, <sip:b@1>;q=7\n"), "Invalid q param in contact");
    assert_eq!(error("Contact: \"abc <sip:x@y>\n"), "Contact parse error");
    assert_eq!(error(&format!("Contact: <sip:{}@x>\n", "a".repeat(600))), "Contact/received too long");
    assert_eq!(error("Contact: <sip:a@1>;+sip.instance=\"<x>\";reg-id=0\n"), "Invalid reg-id param in contact");
    // Nothing of all that was stored: a request is carried out whole or not at all.
    assert_eq!(run(&bench, &register("q", 1, "")), "200 OK|rc 4");
    let long =
        register("l", 1, "Contact: <sip:a@1>\n").replace("To: <sip:bob", &format!("To: <sip:{}", "b".repeat(300)));
    assert_eq!(run(&bench, &long), "500 Server Internal Error|P-Registrar-Error: Address Of Record too long|rc -1");
}

#[test]
fn one_request_is_one_step() {
    let bench = bench("", ROUTE);
    run(&bench, &register("p", 5, "Contact: <sip:a@1>\n"));
    run(&bench, &register("p", 9, "Contact: <sip:b@1>\n"));
    let mixed = run(&bench, &register("p", 7, "Contact: <sip:a@1>;expires=0, <sip:b@1>, <sip:c@1>\n"));
    assert!(
        mixed.contains("Invalid CSeq number") && mixed.contains("<sip:a@1>;expires=3600, <sip:b@1>;expires=3600"),
        "{mixed}"
    );
    let all = run(
        &bench,
        &register("p", 10, "Contact: <sip:a@1>;expires=0, <sip:b@1>;q=.3, <sip:z@1>;q=1, <sip:z@1>;q=0.5\n"),
    );
    assert_eq!(all, "200 OK|Contact: <sip:z@1>;q=0.5;expires=3600, <sip:b@1>;q=0.3;expires=3600|rc 1");
}

#[test]
fn times_and_limits() {
    let params = "modparam(\"registrar\", \"min_expires\", 100)\nmodparam(\"registrar\", \"min_expires_mode\", 1)\nmodparam(\"registrar\", \"max_expires\", 1000)\n\
        modparam(\"registrar\", \"default_expires\", 500)\nmodparam(\"registrar\", \"default_q\", 700)\nmodparam(\"registrar\", \"max_contacts\", 2)\nmodparam(\"registrar\", \"retry_after\", 30)\n\
        modparam(\"registrar\", \"append_branches\", 0)";
    let bench = bench(params, ROUTE);
    // Another Call-ID for each.
    let lines = |text: &str| run(&bench, &register(&text.replace(|it: char| !it.is_alphanumeric(), ""), 1, text));
    assert_eq!(lines("Contact: <sip:a@1>\n"), "200 OK|Contact: <sip:a@1>;q=0.7;expires=500|rc 1");
    assert_eq!(
        lines("Contact: <sip:a@1>;expires=7\n"),
        "423 Interval Too Brief|Contact: <sip:a@1>;q=0.7;expires=500|Min-Expires: 100|P-Registrar-Error: Interval too brief|rc -1"
    );
    assert_eq!(lines("Contact: <sip:a@1>\nExpires: 4294967295\n"), "200 OK|Contact: <sip:a@1>;q=0.7;expires=1000|rc 2");
    assert_eq!(
        lines("Contact: <sip:b@1>;q=1\n"),
        "200 OK|Contact: <sip:b@1>;q=1;expires=500, <sip:a@1>;q=0.7;expires=1000|rc 1"
    );
    assert_eq!(
        lines("Contact: <sip:c@1>\n"),
        "503 Service Unavailable|Contact: <sip:b@1>;q=1;expires=500, <sip:a@1>;q=0.7;expires=1000|P-Registrar-Error: Too many registered contacts|Retry-After: 30|rc -2"
    );
    assert!(lines("Contact: <sip:c@1>, <sip:b@1>;expires=0\n").ends_with("rc 3"));
    assert_eq!(run(&bench, &options("sip:bob@x")), "rc 1 sip:a@1 <null>");
    bench.loaded().core.config.set("registrar", "max_contacts", 3.into()).unwrap();
    assert!(lines("Contact: <sip:d@1>\n").ends_with("rc 1"));
}

#[test]
fn path() {
    let params = |mode| {
        format!(
            "modparam(\"registrar\", \"use_path\", 1)\nmodparam(\"registrar\", \"path_mode\", {mode})\nmodparam(\"registrar\", \"path_use_received\", 1)\nmodparam(\"usrloc\", \"nat_bflag\", 6)"
        )
    };
    let lines = "Path: <sip:1.1.1.1;lr;received=sip:9.9.9.9:99>,<sip:2.2.2.2;lr>\nPath: <sip:3.3.3.3;lr>\nContact: <sip:bob@1.2.3.4>\n";
    let path = "Path: <sip:1.1.1.1;lr;received=sip:9.9.9.9:99>,<sip:2.2.2.2;lr>,<sip:3.3.3.3;lr>";
    let contact = "Contact: <sip:bob@1.2.3.4>;expires=3600;received=\"sip:9.9.9.9:99\"";
    let strict = bench(&params(2), ROUTE);
    assert_eq!(
        run(&strict, &register("a", 1, lines)),
        format!(
            "420 Bad Extension|Unsupported: path|{path}|P-Registrar-Error: No support for found Path indicated|rc -1"
        )
    );
    let supported = format!("Supported: path\n{lines}");
    assert_eq!(run(&strict, &register("a", 2, &supported)), format!("200 OK|{contact}|{path}|rc 1"));
    assert_eq!(run(&strict, &options("sip:bob@x")), "rc 1 sip:bob@1.2.3.4 sip:1.1.1.1;lr;received=sip:9.9.9.9:99");
    let lazy = bench(&params(1), ROUTE);
    assert_eq!(run(&lazy, &register("a", 1, lines)), format!("200 OK|{contact}|rc 1"));
    let off = bench(&params(0), ROUTE);
    assert_eq!(run(&off, &register("a", 1, &supported)), format!("200 OK|{contact}|rc 1"));
    for bad in ["Path: foo\n", "Path: <sip:1.1.1.1>\n"] {
        let answer = run(&off, &register("b", 1, &format!("{bad}Contact: <sip:b@1>\n")));
        assert!(answer.starts_with("400 Bad Request|") && answer.contains("Path parse error"), "{answer}");
    }
}

const DEVICE: &str = ";+sip.instance=\"<urn:uuid:1>\"";

#[test]
fn outbound() {
    let config = |mode: u8| {
        let timer = if mode == 0 { 0 } else { 25 };
        bench(
            &format!(
                "modparam(\"registrar\", \"outbound_mode\", {mode})\nmodparam(\"registrar\", \"flow_timer\", {timer})"
            ),
            ROUTE,
        )
    };
    let contact = |host: &str, flow: u8| format!("Contact: <sip:x@{host};ob>;reg-id={flow}{DEVICE}\n");
    let shown = |host: &str, flow: u8| format!("<sip:x@{host};ob>;expires=3600{DEVICE};reg-id={flow}");
    let off = config(0);
    assert_eq!(
        run(&off, &register("a", 1, &format!("Require: outbound\n{}", contact("1", 1)))),
        "420 Bad Extension|Unsupported: outbound|P-Registrar-Error: No support for Outbound on server|rc -1"
    );
    assert_eq!(run(&off, &register("b", 1, &contact("1", 1))), format!("200 OK|Contact: {}|rc 1", shown("1", 1)));
    assert_eq!(run(&off, &register("c", 1, &contact("2", 1))), format!("200 OK|Contact: {}|rc 2", shown("2", 1)));
    let both = format!("200 OK|Contact: {}, {}|rc 1", shown("2", 1), shown("3", 2));
    assert_eq!(run(&off, &register("d", 1, &contact("3", 2))), both);
    let on = config(1);
    assert_eq!(
        run(&on, &register("a", 1, &format!("Supported: outbound\n{}", contact("1", 1)))),
        format!("200 OK|Contact: {}|Supported: outbound|Require: outbound|Flow-Timer: 25|rc 1", shown("1", 1))
    );
    let second = "Via: SIP/2.0/UDP 7.7.7.7;branch=z9hG4bKx\n";
    assert_eq!(
        run(&on, &register("b", 1, &format!("{second}Supported: outbound\n{}", contact("1", 1)))),
        "439 First Hop Lacks Outbound Support|P-Registrar-Error: No support for Outbound on edge proxy|rc -1"
    );
    let edge = format!("{second}Path: <sip:5.5.5.5;lr;ob>\nSupported: outbound\n{}", contact("1", 1));
    assert!(run(&on, &register("c", 1, &edge)).starts_with("200 OK"));
    assert_eq!(
        run(&config(2), &register("a", 1, &contact("1", 1))),
        "421 Extension Required|Require: outbound|Supported: outbound|P-Registrar-Error: No support for Outbound indicated|rc -1"
    );
}

#[test]
fn gruu() {
    let bench = bench("", ROUTE);
    let answer = run(&bench, &register("a", 1, &format!("Supported: gruu\nContact: <sip:x@1.1.1.1>{DEVICE}\n")));
    let (start, rest) = answer.split_once(";temp-gruu=\"").unwrap();
    assert_eq!(start, "200 OK|Contact: <sip:x@1.1.1.1>;expires=3600;pub-gruu=\"sip:bob@example.com;gr=urn:uuid:1\"");
    let (temporary, end) = rest.split_once('"').unwrap();
    assert_eq!(end, format!("{DEVICE}|rc 1"));
    assert!(temporary.starts_with("sip:uloc-") && temporary.ends_with("@example.com;gr"), "{temporary}");
    run(&bench, &register("b", 1, "Contact: <sip:y@2.2.2.2>;q=1\n"));
    assert_eq!(run(&bench, &options("sip:bob@x")), "rc 1 sip:y@2.2.2.2 <null>");
    assert_eq!(run(&bench, &options("sip:bob@x;gr=urn:uuid:1")), "rc 1 sip:x@1.1.1.1 <null>");
    assert_eq!(run(&bench, &options(temporary)), "rc 1 sip:x@1.1.1.1 <null>");
    assert_eq!(run(&bench, &options("sip:bob@x;gr=urn:uuid:2")), "rc -1 sip:bob@x;gr=urn:uuid:2 <null>");
    assert!(run(&bench, &options("sip:bob@x;gr")).contains("rc -3"));
    let same = run(&bench, &register("c", 1, &format!("Contact: <sip:x@3.3.3.3>{DEVICE}\n")));
    assert!(same.contains("<sip:x@3.3.3.3>;expires=3600;+sip.instance") && same.ends_with("rc 2"), "{same}");
}

#[test]
fn lookup_makes_branches() {
    let route = "request_route { if (method == \"REGISTER\") { save(\"location\"); exit; }\n\
        if ($rU == \"set\") { lookup_to_dset(\"location\", \"sip:bob@x\"); }\n\
        else if ($rU == \"several\") { lookup_branches(\"location\"); }\n\
        else lookup(\"location\");\n xlog(\"rc $rc $ru\"); exit; }";
    let bench = bench("modparam(\"registrar\", \"method_filtering\", 1)", route);
    let branches = Arc::new(Mutex::new(Vec::new()));
    let seen = branches.clone();
    let hooks = &bench.loaded().core.hooks;
    hooks.before_request.push(Arc::new(|cx| {
        if cx.request_uri().starts_with(b"sip:several") {
            let uris = ["sip:bob@y", "sip:nobody@y"];
            cx.to.branches.extend(uris.map(|uri| engine::Branch { uri: uri.into(), ..engine::Branch::default() }));
        }
        true
    }));
    hooks.after_request.push(Arc::new(move |cx| {
        *seen.lock() = cx.to.branches.iter().map(|branch| branch.uri.to_string()).collect();
        true
    }));
    run(&bench, &register("a", 1, "Contact: <sip:1@1>;q=0.1, <sip:2@1>;q=0.9;methods=\"INVITE\", <sip:3@1>\n"));
    assert_eq!(run(&bench, &options("sip:bob@x")), "rc 1 sip:1@1");
    assert_eq!(*branches.lock(), ["sip:3@1"]);
    assert_eq!(run(&bench, &options("sip:bob@x").replace("OPTIONS", "INVITE")), "rc 1 sip:2@1");
    run(&bench, &register("b", 1, "Contact: *\nExpires: 0\n"));
    run(&bench, &register("c", 1, "Contact: <sip:2@1>;q=0.9;methods=\"INVITE\"\n"));
    assert_eq!(run(&bench, &options("sip:bob@x")), "rc -2 sip:bob@x");
    assert_eq!(run(&bench, &options("sip:set@x").replace("OPTIONS", "INVITE")), "rc 1 sip:set@x");
    assert_eq!(*branches.lock(), ["sip:2@1"]);
    assert_eq!(run(&bench, &options("sip:several@x").replace("OPTIONS", "INVITE")), "rc 1 sip:several@x");
    assert_eq!(*branches.lock(), ["sip:2@1", "sip:nobody@y"]);
}

#[test]
fn flags_of_save() {
    let route = "request_route {\n\
        if (method != \"REGISTER\") { lookup(\"location\"); xlog(\"rc $rc $ru\"); exit; }\n\
        switch ($cs) { case 1: save(\"location\", \"2\"); xlog(\"rc $rc\"); exit;\n\
        case 2: save(\"location\", \"0x02\"); reg_send_reply(); xlog(\"rc $rc\"); exit;\n\
        case 3: save(\"location\", \"0x12\"); sl_send_reply(\"202\", \"Fine\"); exit;\n\
        case 4: save(\"location\", \"4\"); xlog(\"rc $rc\"); exit;\n\
        case 5: save(\"location\", \"0\", \"sip:carl@x\"); xlog(\"rc $rc\"); exit;\n\
        case 6: save(\"location\", \"0\", \"bad\"); xlog(\"rc $rc\"); exit;\n\
        case 7: reg_send_reply(); xlog(\"rc $rc\"); exit; } }";
    let bench = bench("", &route.replace("$cs", "$(hdr(CSeq){s.select,0, }{s.int})"));
    let contact = |uri: &str| format!("Contact: <{uri}>\n");
    assert_eq!(run(&bench, &register("a", 1, &contact("sip:1@1"))), "rc 1");
    assert_eq!(
        run(&bench, &register("a", 2, &contact("sip:2@1"))),
        "200 OK|Contact: <sip:1@1>;expires=3600, <sip:2@1>;expires=3600|rc 1"
    );
    assert!(run(&bench, &register("a", 3, &contact("sip:3@1"))).starts_with("202 Fine|Contact: <sip:1@1>"));
    assert_eq!(run(&bench, &register("a", 4, &contact("sip:4@1"))), "200 OK|Contact: <sip:4@1>;expires=3600|rc 1");
    assert_eq!(run(&bench, &register("a", 5, &contact("sip:5@1"))), "200 OK|Contact: <sip:5@1>;expires=3600|rc 1");
    assert_eq!(run(&bench, &options("sip:carl@x")), "rc 1 sip:5@1");
    assert_eq!(
        run(&bench, &register("a", 6, &contact("sip:6@1"))),
        "400 Bad Request|P-Registrar-Error: Error while parsing AOR|rc -1"
    );
    assert!(run(&bench, &register("a", 7, "")).ends_with("rc -1"));
}

#[test]
fn questions_and_profiles() {
    let route = "request_route { if (method == \"REGISTER\") { save(\"location\"); exit; }\n\
        reg_fetch_contacts(\"location\", \"$ru\", \"p\"); xlog(\"$rc $ulc(p=>aor) $ulc(p=>count) $(ulc(p=>addr)[1]) $ulc(p=>q) $ulc(p=>aorhash) [$ulc(p=>path)] $ulc(p=>instance) $ulc(p=>socket) $ulc(x=>aor)\");\n\
        registered(\"location\"); xlog(\"$rc\"); registered(\"location\", \"sip:no@x\"); xlog(\"$rc\");\n\
        reg_from_user(\"location\", \"$ru\", \"0\"); xlog(\"$rc\"); reg_from_user(\"location\", \"$ru\", \"3\"); xlog(\"$rc\");\n\
        unregister(\"location\", \"$ru\", \"none\"); xlog(\"$rc\"); unregister(\"location\", \"$ru\", \"$ulc(p=>ruid)\"); xlog(\"$rc\");\n\
        reg_free_contacts(\"p\"); unregister(\"location\", \"$ru\"); xlog(\"$rc $ulc(p=>count)\"); registered(\"location\"); xlog(\"$rc\"); exit; }\n\
        event_route[usrloc:contact-expired] { xlog(\"expired $ulc(exp=>aor) $ulc(exp=>addr) $ulc(exp=>domain)\"); }";
    let bench = bench("modparam(\"usrloc\", \"timer_interval\", 5)", route);
    run(&bench, &register("a", 1, "Contact: <sip:1@127.0.0.2:5061>;q=0.5, <sip:2@1>\n"));
    assert_eq!(
        run(&bench, &options("sip:bob@x")),
        "1 bob 2 sip:2@1 500 7222211 [] <null> udp:127.0.0.1:5060 <null>|1|-1|1|1|-3|1|1 <null>|-1"
    );
    run(&bench, &register("b", 1, "Contact: <sip:1@1>;expires=60\n"));
    bench.advance(Duration::from_secs(70));
    assert_eq!(bench.log(), ["ERROR: <script>: expired bob sip:1@1 location"]);
    let found = bench.rpc("ul.lookup", &[RpcValue::from("location"), RpcValue::from("bob")]);
    assert_eq!(found.unwrap_err().to_string(), "500 AOR not found in location table");
}

#[test]
fn load_errors() {
    let modules = "loadmodule \"sl\"\nloadmodule \"usrloc\"\nloadmodule \"registrar\"";
    let error = |text: &str| Bench::new(&format!("{modules}\n{text}"), crate::MODULES).err().unwrap();
    assert!(error("request_route { save(\"location\", \"abc\"); }").contains("flags of save"));
    assert!(error("request_route { $var(x) = $ulc(p=>adr); }").contains("no attribute `adr`"));
    assert!(error("modparam(\"registrar\", \"path_mode\", 5)\nrequest_route { exit; }").contains("path_mode"));
    assert!(error("modparam(\"registrar\", \"flow_timer\", 5)\nrequest_route { exit; }").contains("outbound_mode"));
}
