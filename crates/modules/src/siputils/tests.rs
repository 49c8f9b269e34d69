use testkit::{Bench, Sent};

const HEAD: &str = "INVITE sip:bob@127.0.0.1:5060;x=y SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\n";

fn bench(config: &str) -> Bench {
    let modules = "loadmodule \"sl\"\nloadmodule \"siputils\"\nloadmodule \"xlog\"\n";
    Bench::new(&format!("{modules}{config}"), crate::MODULES).unwrap()
}

/// Runs statements on an INVITE with further header lines and sends it on.
fn run(statements: &str, headers: &str) -> Sent {
    bench(&format!("request_route {{ {statements}; forward(\"127.0.0.9\"); }}"))
        .receive(&format!("{HEAD}{headers}Content-Length: 0\n\n"))
}

/// `$rc` after a call.
fn code(call: &str, headers: &str) -> i64 {
    let sent = run(&format!("{call}; xlog(\"$rc\")"), headers);
    sent.log.last().and_then(|line| line.strip_prefix("ERROR: <script>: ")).and_then(|code| code.parse().ok()).unwrap()
}

/// The request-URI after statements.
fn request_uri(statements: &str) -> String {
    let sent = run(statements, "");
    sent.messages[0].split(' ').nth(1).unwrap().to_owned()
}

/// Values seen from Kamailio 5.6.3.
#[test]
fn questions_about_texts() {
    for (call, wanted) in [
        ("is_e164(\"+1234\")", 1),
        ("is_e164(\"+123456789012345\")", 1),
        ("is_e164(\"+1234567890123456\")", -1),
        ("is_e164(\"1234\")", -1),
        ("is_e164(\"+12a4\")", -1),
        ("is_e164(\"$null\")", -1),
        ("is_uri_user_e164(\"sip:+1234@x\")", 1),
        ("is_uri_user_e164(\"<sip:+1234@x>\")", 1),
        ("is_uri_user_e164(\"tel:+1234\")", -1),
        ("is_uri_user_e164(\"abc\")", -1),
        ("is_tel_number(\"+24\")", 1),
        ("is_tel_number(\"++2\")", -2),
        ("is_numeric(\"24\")", 1),
        ("is_numeric(\"+24\")", -2),
        ("is_numeric(\"\")", -2),
        ("is_alphanum(\"ab1\")", 1),
        ("is_alphanum(\"a_\")", -3),
        ("is_alphanum(\"\")", -2),
        ("is_alphanumex(\"a_b c\", \"_ \")", 1),
        ("is_uri(\"sip:a@b;x=1?y=2\")", 1),
        ("is_uri(\"<sip:a@b>\")", -1),
        ("is_uri(\"sip:a@b:99999\")", -1),
        ("cmp_uri(\"sip:a@b\", \"SIP:a@B\")", 1),
        ("cmp_uri(\"sip:a@b\", \"sip:A@b\")", -1),
        ("cmp_uri(\"sip:a@b\", \"sip:a@b:5060\")", -1),
        ("cmp_uri(\"sip:a@b\", \"sip:a@b;transport=udp\")", 1),
        ("cmp_uri(\"sip:a@b;transport=tcp\", \"sip:a@b;transport=udp\")", -1),
        ("cmp_uri(\"sip:a@b;user=phone\", \"sip:a@b\")", -1),
        ("cmp_uri(\"sip:a@b;x=A\", \"sip:a@b;X=a\")", 1),
        ("cmp_uri(\"sip:a@b?h=1\", \"sip:a@b\")", 1),
        ("cmp_uri(\"abc\", \"abc\")", -2),
        ("cmp_aor(\"sip:a:p@b:5060\", \"sips:a@B\")", 1),
        ("cmp_aor(\"tel:1\", \"sip:1@x\")", -1),
        ("cmp_hdr_name(\"From\", \"f\")", 1),
        ("cmp_hdr_name(\"X-A\", \"x-a\")", 1),
        ("cmp_hdr_name(\"X-A\", \"X-B\")", -2),
        ("cmp_hdr_name(\"\", \"\")", -2),
        ("is_gruu(\"sip:a@b;gr=1\")", 1),
        ("is_gruu(\"sip:a@b;gr\")", 2),
        ("is_gruu()", -1),
        ("is_gruu(\"abc\")", -1),
    ] {
        assert_eq!(code(call, ""), wanted, "{call}");
    }
}

#[test]
fn questions_about_the_message() {
    for (call, headers, wanted) in [
        ("has_totag()", "", -1),
        ("is_request()", "", 1),
        ("is_reply()", "", -1),
        ("is_sip()", "", 1),
        ("is_http()", "", -1),
        ("is_first_hop()", "", 1),
        ("is_first_hop()", "Via: SIP/2.0/UDP x\n", -1),
        ("is_supported(\"path\")", "Supported: 100rel, Path\n", 1),
        ("is_supported(\"GRUU\")", "Supported: 100rel\nk: gruu\n", 1),
        ("is_supported(\"timer\")", "", -1),
        ("hdr_date_check(\"10\")", "Date: Thu, 01 Jan 2026 00:00:00 GMT\n", 1),
        ("hdr_date_check(\"10\")", "Date: Wed, 31 Dec 2025 23:59:00 GMT\n", -4),
        ("hdr_date_check(\"10\")", "", -1),
        ("contact_param_check(\"ob\")", "Contact: <sip:a@b>, <sip:c@d;ob>\n", 1),
        ("contact_param_check(\"ob\")", "Contact: <sip:a@b>;ob\n", -1),
    ] {
        assert_eq!(code(call, headers), wanted, "{call} {headers}");
    }
    let unknown = "loadmodule \"sl\"\nloadmodule \"siputils\"\nrequest_route { is_supported(\"foo\"); }";
    assert!(Bench::new(unknown, crate::MODULES).is_err());
}

#[test]
fn first_hop_of_replies() {
    let bench = bench(
        "request_route { exit; } reply_route { is_first_hop(); xlog(\"$rc\"); is_first_hop(\"1\"); xlog(\"$rc\"); drop; }",
    );
    let codes = |route: &str| {
        let reply = format!(
            "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 127.0.0.1\nVia: SIP/2.0/UDP 127.0.0.9\n{route}From: <sip:a@b>;tag=1\n\
             To: <sip:b@c>;tag=2\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n"
        );
        bench.receive(&reply).log.join(" ").replace("ERROR: <script>: ", "")
    };
    assert_eq!(codes(""), "1 1");
    assert_eq!(codes("Record-Route: <sip:127.0.0.1;lr>\n"), "1 1");
    assert_eq!(codes("Record-Route: <sip:1.2.3.4;lr>, <sip:127.0.0.1;lr>\n"), "-1 -1");
    assert_eq!(codes("Record-Route: garbage\n"), "-1 -1");
}

#[test]
fn parameters_of_the_request_uri() {
    for (call, wanted) in [
        ("uri_param(\"x\")", -1),
        ("uri_param(\"x\", \"y\")", 1),
        ("uri_param(\"X\", \"y\")", -1),
        ("uri_param_any(\"X\")", 1),
        ("uri_param_any(\"q\")", -1),
        ("get_uri_param(\"q\", \"$var(a)\")", -1),
        ("add_uri_param(\"lr\"); uri_param(\"lr\")", 1),
        ("seturi(\"garbage\"); uri_param(\"x\")", -1),
    ] {
        assert_eq!(code(call, ""), wanted, "{call}");
    }
    assert_eq!(run("get_uri_param(\"x\", \"$var(a)\"); xlog(\"$var(a)\")", "").log, ["ERROR: <script>: y"]);
    for (statements, uri) in [
        ("add_uri_param(\"nat=yes\")", "sip:bob@127.0.0.1:5060;x=y;nat=yes"),
        ("add_uri_param(\"\")", "sip:bob@127.0.0.1:5060;x=y"),
        ("seturi(\"sip:a@b?h=1\"); add_uri_param(\"n=1\")", "sip:a@b;n=1?h=1"),
        ("seturi(\"sip:a@b;x=1;X=2;y?h=1\"); uri_param_rm(\"x\")", "sip:a@b;x=1;y?h=1"),
        ("uri_param_rm(\"zz\")", "sip:bob@127.0.0.1:5060;x=y"),
        ("seturi(\"tel:1;x=1\"); uri_param_rm(\"x\")", "tel:1"),
    ] {
        assert_eq!(request_uri(statements), uri, "{statements}");
    }
}

#[test]
fn changed_uris() {
    let set = |call: &str| {
        let sent = run(&format!("{call}; xlog(\"$rc $var(u)\")"), "");
        sent.log.last().unwrap().replace("ERROR: <script>: ", "")
    };
    for (call, wanted) in [
        ("$var(u) = \"sip:u:p@h:5060;x\"; set_uri_user(\"$var(u)\", \"new\")", "1 sip:new@h:5060;x"),
        ("$var(u) = \"sip:u@h\"; set_uri_user(\"$var(u)\", \"\")", "1 sip:h"),
        ("$var(u) = \"sip:h;x=1\"; set_uri_user(\"$var(u)\", \"new\")", "1 sip:new@h;x=1"),
        ("$var(u) = \"abc\"; set_uri_user(\"$var(u)\", \"new\")", "-1 abc"),
        ("$var(u) = \"sip:u@h:5060;x\"; set_uri_host(\"$var(u)\", \"new\")", "1 sip:u@new:5060;x"),
        ("$var(u) = \"sip:u@[::1]:5060\"; set_uri_host(\"$var(u)\", \"new\")", "1 sip:u@new:5060"),
        ("$var(u) = \"sip:u@h\"; set_uri_host(\"$var(u)\", \"\")", "-1 sip:u@h"),
        ("tel2sip(\"tel:+(34)-999;Ext=2\", \"foo.com\", \"$var(u)\")", "1 sip:+34999;ext=2@foo.com;user=phone"),
        ("$var(u) = \"-\"; tel2sip(\"sip:a@b\", \"foo.com\", \"$var(u)\")", "2 -"),
        (
            "tel2sip2(\"tel:7-0;z=1;phone-context=a.com;postd=2;isub=3\", \"x\", \"$var(u)\")",
            "1 sip:70;isub=3;postd=2;z=1@x;user=phone",
        ),
        ("tel2sip2(\"tel:7;phone-context=+1-2\", \"x\", \"$var(u)\")", "1 sip:7;phone-context=+12@x;user=phone"),
    ] {
        assert_eq!(set(call), wanted, "{call}");
    }
}

#[test]
fn contacts() {
    let contact = |call: &str, header: &str| {
        let sent = run(call, &format!("{header}\n"));
        let lines: Vec<&str> = sent.messages[0].lines().filter(|line| line.starts_with("Contact:")).collect();
        lines.join("|").replace("Contact: ", "")
    };
    let encode = "contact_param_encode(\"ksu\", \"sip:9.9.9.9;transport=tcp\")";
    assert_eq!(
        contact(encode, "Contact: \"A\" <sip:a@b;x>;q=1, sip:c@d;expires=3\nContact: <sip:e@f>"),
        "\"A\" <sip:9.9.9.9;transport=tcp;ksu=c2lwOmFAYjt4>;q=1, <sip:9.9.9.9;transport=tcp;ksu=c2lwOmNAZA>;expires=3|\
         <sip:9.9.9.9;transport=tcp;ksu=c2lwOmVAZg>"
    );
    assert_eq!(contact(encode, "Contact: *"), "*");
    assert_eq!(
        contact("contact_param_decode(\"ksu\")", "Contact: <sip:p;ksu=c2lwOmFAYg>, <sip:c@d>"),
        "<sip:a@b>, <sip:c@d>"
    );
    assert_eq!(code("contact_param_decode(\"ksu\")", "Contact: <sip:p;ksu=!!>\n"), -1);
    assert_eq!(contact("contact_param_rm(\"x\")", "Contact: <sip:a@b;x=1;y?h=2>;x=3"), "<sip:a@b;y?h=2>;x=3");
    assert_eq!(
        request_uri("seturi(\"sip:p;KSU=c2lwOnhAeTo1MDYw;x=1\"); contact_param_decode_ruri(\"ksu\")"),
        "sip:x@y:5060"
    );
    assert_eq!(request_uri("seturi(\"sip:p;ksu\"); contact_param_decode_ruri(\"ksu\")"), "sip:p;ksu");
    assert_eq!(
        contact("encode_contact(\"p\", \"h\")", "Contact: sip:a@1.2.3.4;expires=3, <sip:[::1]:5070>"),
        "sip:p*a**1.2.3.4**@h;expires=3, <sip:p***[::1]*5070*@h>"
    );
    assert_eq!(
        contact("decode_contact_header()", "Contact: <sip:p*a**1.2.3.4*5070*udp@h>"),
        "<sip:a@1.2.3.4:5070;transport=udp>"
    );
    assert_eq!(code("encode_contact(\"p\", \"h\")", ""), -1);
    assert_eq!(code("decode_contact_header()", "Contact: <sip:a@b>\n"), -26);
    assert_eq!(request_uri("seturi(\"sip:p*a*b*1.2.3.4**@h\"); decode_contact()"), "sip:a:b@1.2.3.4");
}

#[test]
fn options() {
    let bench = bench(
        "modparam(\"siputils\", \"options_support\", \"100rel\")\nrequest_route { options_reply(); xlog(\"$rc\"); }",
    );
    let options = HEAD.replace("INVITE", "OPTIONS");
    let sent = bench.receive(&format!("{}Content-Length: 0\n\n", options.replace("bob@127", "127")));
    let wanted = "CSeq: 1 OPTIONS\nAccept: */*\nAccept-Encoding: \nAccept-Language: en\nSupported: 100rel\nServer: ";
    assert!(sent.messages[0].starts_with("SIP/2.0 200 OK\n") && sent.messages[0].contains(wanted), "{sent:?}");
    let sent = bench.receive(&format!("{options}Content-Length: 0\n\n"));
    assert_eq!((sent.messages.len(), sent.log.last().unwrap().as_str()), (0, "ERROR: <script>: -1"));
}

#[test]
fn charging_vectors() {
    let value = |statements: &str, headers: &str| {
        let sent = run(&format!("{statements}; xlog(\"$pcv(value)|$pcv(genaddr)|$pcv(orig)\")"), headers);
        let lines: Vec<String> =
            sent.messages[0].lines().filter(|line| line.starts_with("P-Ch")).map(str::to_owned).collect();
        (sent.log.last().unwrap().replace("ERROR: <script>: ", ""), lines)
    };
    let header = "P-Charging-Vector: icid-value=1;icid-generated-at=2;orig-ioi=\"h;1\"\n";
    assert_eq!(value("$var(x) = 1", header).0, "1|2|h;1");
    assert_eq!(value("sip_p_charging_vector(\"g\")", header).1, [header.trim_end()]);
    assert_eq!(value("sip_p_charging_vector(\"r\")", header), ("<null>|<null>|<null>".into(), vec![]));
    for action in ["sip_p_charging_vector(\"g\")", "sip_p_charging_vector(\"f\")"] {
        let (shown, lines) = value(action, "");
        assert_eq!(lines.len(), 1, "{lines:?}");
        let icid = shown.split('|').next().unwrap();
        assert_eq!(lines[0], format!("P-Charging-Vector: icid-value={icid}; icid-generated-at=127.0.0.1"));
    }
    let (shown, lines) = value("sip_p_charging_vector(\"f\")", header);
    assert!(!shown.starts_with("1|") && lines.len() == 1, "{lines:?}");
    assert!(value("sip_p_charging_vector(\"g\"); sip_p_charging_vector(\"r\")", "").1.is_empty());
}
