//! All expectations were seen from Kamailio 5.6.3 unless it is said otherwise.

use std::sync::Arc;

use engine::Str;
use parking_lot::Mutex;
use testkit::{Bench, Sent};

use super::{Direction, Rr};

const OURS: &str = "sip:127.0.0.1";

fn bench(params: &str, script: &str) -> Bench {
    let loads: String =
        ["sl", "pv", "xlog", "textopsx", "rr"].iter().map(|module| format!("loadmodule \"{module}\"\n")).collect();
    let params: String = params.split_terminator(' ').map(|param| format!("modparam(\"rr\", {param})\n")).collect();
    Bench::new(&format!("{loads}{params}request_route {{ {script} }}"), crate::MODULES).unwrap()
}

fn message(uri: &str, headers: &str, to_tag: &str) -> String {
    format!(
        "INVITE {uri} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n{headers}Max-Forwards: 70\n\
         From: <sip:alice@a.example>;tag=ft\nTo: <sip:bob@b.example>{to_tag}\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n"
    )
}

fn initial() -> String {
    message("sip:bob@127.0.0.9", "", "")
}

/// A request within a dialog with these Route values, each in its own header.
fn within(uri: &str, routes: &[&str]) -> String {
    message(uri, &routes.iter().map(|route| format!("Route: {route}\n")).collect::<String>(), ";tag=tt")
}

/// The values of the headers called `name` in what was sent.
fn values(sent: &Sent, name: &str) -> Vec<String> {
    let lines = sent.messages.last().map(|message| message.lines().collect::<Vec<_>>()).unwrap_or_default();
    let prefix = format!("{name}: ");
    lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
}

fn log(sent: &Sent) -> Vec<String> {
    let script = sent.log.iter().filter_map(|line| line.strip_prefix("ERROR: <script>: "));
    script.map(str::to_owned).collect()
}

/// What `record` adds to the initial request that is sent on over UDP.
fn recorded(params: &str, record: &str) -> Vec<String> {
    let sent = bench(params, &format!("{record} forward(\"127.0.0.9\");")).receive(&initial());
    values(&sent, "Record-Route")
}

/// The same over TCP.
fn recorded_tcp(params: &str, record: &str) -> Vec<String> {
    let script = format!("{record} $du = \"sip:127.0.0.9;transport=tcp\"; forward();");
    values(&bench(params, &script).receive(&initial()), "Record-Route")
}

#[test]
fn record_route() {
    for (params, call, expected) in [
        ("", "record_route();", "<sip:127.0.0.1;lr;ftag=ft>"),
        ("", "record_route(\";x=$rU\");", "<sip:127.0.0.1;lr;ftag=ft;x=bob>"),
        ("", "record_route(); record_route();", "<sip:127.0.0.1;lr;ftag=ft>"),
        ("\"enable_full_lr\",1 \"append_fromtag\",0", "record_route();", "<sip:127.0.0.1;lr=on>"),
        ("", "$ru = \"sips:x@y\"; record_route();", "<sips:127.0.0.1;lr;ftag=ft>"),
        ("\"ignore_sips\",1", "$ru = \"sips:x@y\"; record_route();", "<sip:127.0.0.1;lr;ftag=ft>"),
        ("\"add_username\",1", "$ru = \"sip:carol@x\"; record_route();", "<sip:bob@127.0.0.1;lr;ftag=ft>"),
        ("\"custom_user_avp\",\"$avp(u)\"", "$avp(u) = \"mo\"; record_route();", "<sip:127.0.0.1;lr;ftag=ft>"),
        (
            "\"add_username\",1 \"custom_user_avp\",\"$avp(u)\"",
            "$avp(u) = \"mo\"; record_route();",
            "<sip:mo@127.0.0.1;lr;ftag=ft>",
        ),
        (
            "\"add_username\",1 \"custom_user_avp\",\"$avp(u)\"",
            "$avp(u) = \"\"; record_route();",
            "<sip:bob@127.0.0.1;lr;ftag=ft>",
        ),
        // Kamailio breaks the header.
        (
            "\"add_username\",1 \"custom_user_avp\",\"$avp(u)\"",
            "$avp(u) = \"a>b\"; record_route();",
            "<sip:a%3Eb@127.0.0.1;lr;ftag=ft>",
        ),
        (
            "",
            "add_rr_param(\";a=1\"); record_route(\";s=t\"); add_rr_param(\";c=3\");",
            "<sip:127.0.0.1;lr;ftag=ft;s=t;a=1;c=3>",
        ),
    ] {
        assert_eq!(recorded(params, call), [expected], "{params} {call}");
    }
    assert_eq!(recorded("", "add_rr_param(\";a=1\");"), [""; 0]);
    assert_eq!(recorded("", "record_route(); remove_record_route(); record_route();"), [""; 0]);
    assert_eq!(
        recorded("", "add_rr_param(\";a=1\"); remove_record_route(); record_route();"),
        ["<sip:127.0.0.1;lr;ftag=ft;a=1>"]
    );
}

#[test]
fn two_record_routes() {
    let outer = "<sip:127.0.0.1;transport=tcp;r2=on;lr;ftag=ft;k=v>";
    let inner = "<sip:127.0.0.1;r2=on;lr;ftag=ft;k=v>";
    assert_eq!(recorded_tcp("", "record_route(); add_rr_param(\";k=v\");"), [outer, inner]);
    assert_eq!(recorded_tcp("\"enable_double_rr\",0", "record_route();"), ["<sip:127.0.0.1;lr;ftag=ft>"]);
    let both = "<sip:127.0.0.1;r2=on;lr;ftag=ft>";
    assert_eq!(recorded("\"enable_double_rr\",2", "record_route();"), [both, both]);
    // set_advertised_address is for the side the request goes to.
    assert_eq!(
        recorded_tcp("", "set_advertised_address(\"8.8.8.8\"); set_advertised_port(99); record_route();"),
        ["<sip:8.8.8.8:99;transport=tcp;r2=on;lr;ftag=ft>", both]
    );
}

#[test]
fn given_addresses() {
    let preset = "record_route_preset(\"1.2.3.4:5090\");";
    assert_eq!(recorded("", preset), ["<sip:1.2.3.4:5090;ftag=ft;lr>"]);
    assert_eq!(
        recorded("", &format!("add_rr_param(\";a=1\"); {preset} add_rr_param(\";b=2\");")),
        ["<sip:1.2.3.4:5090;ftag=ft;a=1;lr;b=2>"]
    );
    assert_eq!(
        recorded_tcp("", "record_route_preset(\"1.2.3.4\", \"4.3.2.1;transport=tcp\"); add_rr_param(\";z=1\");"),
        ["<sip:1.2.3.4;ftag=ft;lr;z=1>", "<sip:4.3.2.1;transport=tcp;ftag=ft;lr;z=1>"]
    );
    let advertised = "record_route_advertised_address(\"5.5.5.5:55\");";
    assert_eq!(
        recorded("", &format!("add_rr_param(\";a=1\"); {advertised} record_route();")),
        ["<sip:5.5.5.5:55;ftag=ft;lr;a=1>"]
    );
    assert_eq!(
        recorded_tcp("", advertised),
        ["<sip:5.5.5.5:55;transport=tcp;r2=on;ftag=ft;lr>", "<sip:5.5.5.5:55;transport=udp;r2=on;ftag=ft;lr>"]
    );
    assert_eq!(recorded_tcp("\"enable_double_rr\",0", advertised), ["<sip:5.5.5.5:55;transport=udp;ftag=ft;lr>"]);
    let both = "<sip:5.5.5.5:55;transport=udp;r2=on;ftag=ft;lr>";
    assert_eq!(recorded("\"enable_double_rr\",2", advertised), [both, both]);
    // Kamailio leaves parts of the header behind.
    assert_eq!(recorded("", "record_route_preset(\"1.1.1.1\", \"2.2.2.2\"); remove_record_route();"), [""; 0]);
}

/// Kamailio sends broken headers in these cases.
#[test]
fn what_would_break_the_header_is_refused() {
    for call in [
        "record_route_preset(\"\")",
        "record_route_preset(\"1.1.1.1\", \"\")",
        "record_route_advertised_address(\"\")",
        "record_route(\";a=b>\")",
        "add_rr_param(\";a=b\\r\\nX: y\")",
    ] {
        let sent = bench("", &format!("{call}; xlog(\"$rc\"); forward(\"127.0.0.9\");")).receive(&initial());
        assert_eq!((log(&sent).join(" "), values(&sent, "Record-Route").len()), ("-1".to_owned(), 0), "{call}");
    }
}

/// Kamailio refuses `msg_apply_changes()` after `record_route()`; here the Record-Route stays queued.
#[test]
fn order_and_applied_edits() {
    let script = "xlog(\"$hdr(Record-Route)\"); record_route(); msg_apply_changes(); xlog(\"$rc $hdr(Record-Route)\"); remove_record_route(); forward(\"127.0.0.9\");";
    let sent = bench("", script).receive(&initial());
    assert_eq!(
        (log(&sent), values(&sent, "Record-Route").len()),
        (vec!["<null>".to_owned(), "1 <null>".to_owned()], 0)
    );
    let script = "add_rr_param(\";p=q\"); msg_apply_changes(); xlog(\"$rc\"); record_route(); forward(\"127.0.0.9\");";
    let applied = "record_route(); $ru = \"sip:carol@somewhere.else\"; msg_apply_changes(); forward(\"127.0.0.9\");";
    let sent = bench("", applied).receive(&initial());
    assert!(sent.messages[0].contains("SIP/2.0\nRecord-Route: <sip:127.0.0.1;lr;ftag=ft>\nVia: "), "{sent:?}");
    let existing = message("sip:bob@127.0.0.9", "X: 1\nRecord-Route: <sip:1.1.1.1;lr>\n", "");
    let sent = bench("", script).receive(&existing);
    assert_eq!(values(&sent, "Record-Route"), ["<sip:127.0.0.1;lr;ftag=ft;p=q>", "<sip:1.1.1.1;lr>"]);
    assert!(sent.messages[0].lines().nth(1).unwrap().starts_with("Record-Route"), "{sent:?}");
}

/// Return code, request-URI, `$du`; check of `ftag=ft`, next hop from Route; the Route headers sent.
fn routed(params: &str, call: &str, message: &str) -> (String, Vec<String>) {
    let script = format!(
        "{call}; xlog(\"$rc $ru $du\"); check_route_param(\"ftag=ft\"); xlog(\"$rc\"); rr_next_hop_route(); xlog(\"$rc\"); forward(\"127.0.0.9\");"
    );
    let sent = bench(params, &script).receive(message);
    (log(&sent).join(" "), values(&sent, "Route"))
}

const BOB: &str = "sip:bob@127.0.0.9";
const NEXT: &str = "<sip:1.2.3.4;lr>";
const STRICT: &str = "<sip:6.6.6.6:5070;x=y>";
const OWN: &str = "<sip:127.0.0.1;lr;ftag=ft>";

#[test]
fn loose_route_from_a_loose_router() {
    let list = "<sip:127.0.0.1;lr;ftag=ft>, <sip:1.2.3.4;lr> ,<sip:2.2.2.2;lr>";
    let two = "<sip:127.0.0.1;r2=on;lr;ftag=ft>";
    let foreign_ftag = "<sip:127.0.0.1;lr;ftag=fu>";
    let cases: &[(&[&str], &str, &[&str])] = &[
        (&[], "-1 R <null> -1 -1", &[]),
        (&[OWN], "1 R <null> 1 -1", &[]),
        (&[OWN, NEXT], "1 R sip:1.2.3.4;lr 1 1", &[NEXT]),
        (&[list], "1 R sip:1.2.3.4;lr 1 1", &["<sip:1.2.3.4;lr> ,<sip:2.2.2.2;lr>"]),
        (&[OWN, STRICT, NEXT], "1 sip:6.6.6.6:5070;x=y <null> 1 1", &[NEXT, "<sip:bob@127.0.0.9>"]),
        (&[NEXT], "1 R sip:1.2.3.4;lr -1 -1", &[NEXT]),
        (&[STRICT], "1 sip:6.6.6.6:5070;x=y <null> -1 -1", &["<sip:bob@127.0.0.9>"]),
        (&[two, two], "1 R <null> 1 -1", &[]),
        (&[two, two, NEXT], "1 R sip:1.2.3.4;lr 1 1", &[NEXT]),
        (&[two, NEXT], "1 R <null> 1 -1", &[]),
        (&[OWN, foreign_ftag, NEXT], "1 R sip:127.0.0.1;lr;ftag=fu 1 1", &[foreign_ftag, NEXT]),
        (&["<sip:carol@127.0.0.1;lr;ftag=ft>"], "1 R <null> 1 -1", &[]),
        (&["<sip:127.0.0.1;transport=tcp;LR;FTAG=FT>"], "1 R <null> 1 -1", &[]),
        (
            &["\"Me, too\" <sip:127.0.0.1;lr;ftag=ft>;a=b , <sip:1.2.3.4;lr>;c=d"],
            "1 R sip:1.2.3.4;lr 1 1",
            &["<sip:1.2.3.4;lr>;c=d"],
        ),
        (&["<sip:127.0.0.1;lr"], "-1 R <null> -1 -1", &["<sip:127.0.0.1;lr"]),
        (&["sip:127.0.0.1;lr;ftag=ft"], "-1 R <null> -1 -1", &["sip:127.0.0.1;lr;ftag=ft"]),
        (&["<foo>"], "-1 R <null> -1 -1", &["<foo>"]),
        (&[OWN, "<foo>"], "-1 R <null> 1 -1", &["<foo>"]),
        (&[OWN, "foo"], "-1 R <null> 1 -1", &["foo"]),
        (&[OWN, "<tel:+1>"], "1 tel:+1 <null> 1 1", &["<sip:bob@127.0.0.9>"]),
    ];
    for (routes, expected, left) in cases {
        let result = routed("", "loose_route()", &within(BOB, routes));
        let expected = expected.replace('R', BOB);
        assert_eq!(
            (result.0.as_str(), result.1),
            (expected.as_str(), left.iter().map(|&it| it.to_owned()).collect()),
            "{routes:?}"
        );
    }
}

#[test]
fn loose_route_of_initial_requests() {
    for (routes, expected) in [(vec![OWN], "-3 R <null> 1 -1"), (vec![OWN, NEXT], "1 R sip:1.2.3.4;lr 1 1")] {
        let message = within(BOB, &routes).replace(";tag=tt", "");
        assert_eq!(routed("", "loose_route()", &message).0, expected.replace('R', BOB), "{routes:?}");
        let code = if routes.len() == 1 { "1" } else { "-1" };
        assert!(routed("", "loose_route_preloaded()", &message).0.starts_with(&format!("{code} ")), "{routes:?}");
    }
    assert!(routed("", "loose_route_preloaded()", &within(BOB, &[OWN])).0.starts_with("-1 "));
    // No strict router before us: the request-URI is what the caller wants.
    let result = routed("", "loose_route()", &within(OURS, &[NEXT]).replace(";tag=tt", ""));
    assert_eq!(result, ("1 sip:127.0.0.1 sip:1.2.3.4;lr -1 -1".to_owned(), vec![NEXT.to_owned()]));
}

#[test]
fn loose_route_from_a_strict_router() {
    let ours = "sip:127.0.0.1;lr;ftag=ft";
    let target = "<sip:bob@5.5.5.5>";
    let double = "<sip:127.0.0.1;r2=on;lr>";
    let foreign = "<sip:9.9.9.9;r2=on;lr>";
    let cases: &[(&str, &[&str], &str, &[&str])] = &[
        (ours, &[target], "1 sip:bob@5.5.5.5 <null> 1 -1", &[]),
        (ours, &[NEXT, target], "1 sip:bob@5.5.5.5 sip:1.2.3.4;lr 1 -1", &[NEXT]),
        (ours, &["<sip:6.6.6.6>", target], "1 sip:6.6.6.6 <null> 1 -1", &[target]),
        (ours, &[OWN, target], "1 sip:bob@5.5.5.5 sip:127.0.0.1;lr;ftag=ft 1 -1", &[OWN]),
        (
            ours,
            &["<sip:1.2.3.4;lr>, <sip:7.7.7.7;lr> , <sip:bob@5.5.5.5>"],
            "1 sip:bob@5.5.5.5 sip:1.2.3.4;lr 1 -1",
            &["<sip:1.2.3.4;lr>, <sip:7.7.7.7;lr>"],
        ),
        (OURS, &[NEXT], "1 sip:1.2.3.4;lr sip:1.2.3.4;lr -1 -1", &[]),
        ("sip:bob@127.0.0.1", &[NEXT], "1 sip:1.2.3.4;lr sip:1.2.3.4;lr -1 -1", &[]),
        (OURS, &[double, target], "1 sip:bob@5.5.5.5 <null> -1 -1", &[]),
        (OURS, &[double, NEXT, target], "1 sip:bob@5.5.5.5 sip:1.2.3.4;lr -1 -1", &[NEXT]),
        (OURS, &[foreign, NEXT, target], "1 sip:bob@5.5.5.5 sip:9.9.9.9;r2=on;lr -1 -1", &[foreign, NEXT]),
        (OURS, &[double], "-1 sip:127.0.0.1 <null> -1 -1", &[]),
    ];
    for (uri, routes, expected, left) in cases {
        let result = routed("", "loose_route()", &within(uri, routes));
        assert_eq!(
            (result.0.as_str(), result.1),
            (*expected, left.iter().map(|&it| it.to_owned()).collect()),
            "{uri} {routes:?}"
        );
    }
    let stays = ("1 sip:127.0.0.1 sip:1.2.3.4;lr -1 -1".to_owned(), vec![NEXT.to_owned()]);
    assert_eq!(routed("", "loose_route_mode(\"1\")", &within(OURS, &[NEXT])), stays);
    assert_eq!(routed("\"loose_route_mode\",1", "loose_route()", &within(OURS, &[NEXT])), stays);
    // As newer documentation has it; 5.6.3 takes any mode for 1.
    assert_eq!(routed("", "loose_route_mode(2)", &within(OURS, &[NEXT])).0, "1 sip:1.2.3.4;lr sip:1.2.3.4;lr -1 -1");
}

#[test]
fn sending_socket() {
    let double = "<sip:127.0.0.1;r2=on;lr>";
    let tcp = "<sip:127.0.0.1;transport=tcp;r2=on;lr>";
    let foreign = "<sip:9.9.9.9;r2=on;lr>";
    for (params, routes, expected, warnings) in [
        ("", vec![double, tcp], "tcp:127.0.0.1:5060", 0),
        ("", vec![tcp, double], "udp:127.0.0.1:5060", 0),
        ("", vec![double, foreign], "<null>", 1),
        ("\"enable_socket_mismatch_warning\",0", vec![double, foreign], "<null>", 0),
        ("\"enable_double_rr\",0", vec![double, tcp], "<null>", 0),
        ("", vec![OWN], "<null>", 0),
        ("\"force_send_socket\",1", vec![OWN], "udp:127.0.0.1:5060", 0),
        ("\"force_send_socket\",1", vec![NEXT], "<null>", 0),
        ("\"sockname_mode\",1", vec![double, "<sip:127.0.0.1;sn=nix;r2=on;lr>"], "udp:127.0.0.1:5060", 0),
    ] {
        let sent = bench(params, "loose_route(); xlog(\"$fs\");").receive(&within(BOB, &routes));
        assert_eq!(log(&sent), [expected], "{params} {routes:?}");
        assert_eq!(sent.log.iter().filter(|line| line.contains("no socket fits")).count(), warnings, "{sent:?}");
    }
}

#[test]
fn direction_of_requests() {
    let script = "is_direction(\"Downstream\"); xlog(\"$rc $rdir(id) $rdir(name) $fti $tti\"); loose_route();
        is_direction(\"upstream\"); xlog(\"$rc $rdir(id) $fti\"); msg_apply_changes(); is_direction(\"upstream\"); xlog(\"$rc $route_uri\");
        check_route_param(\"ftag\"); xlog(\"$rc\"); record_route(); forward(\"127.0.0.9\");";
    let bench = bench("", script);
    for (route, to, expected, recorded) in [
        (OWN, ";tag=tt", ["1 1 downstream ft tt", "-1 1 ft", "-1 <null>", "-1"], "<sip:127.0.0.1;lr;ftag=ft>"),
        (
            "<sip:127.0.0.1;lr;ftag=tt>",
            ";tag=tt",
            ["-1 2 upstream tt ft", "1 2 tt", "1 <null>", "-1"],
            "<sip:127.0.0.1;lr;ftag=tt>",
        ),
        (
            "<sip:127.0.0.1;lr;ftag=tt>",
            "",
            ["-1 2 upstream <null> ft", "1 2 <null>", "1 <null>", "-1"],
            "<sip:127.0.0.1;lr>",
        ),
        (
            "<sip:127.0.0.1;lr;ftag>",
            ";tag=tt",
            ["1 1 downstream ft tt", "-1 1 ft", "-1 <null>", "-1"],
            "<sip:127.0.0.1;lr;ftag=ft>",
        ),
        (
            "<sip:127.0.0.1;lr;ftag=zz>",
            ";tag=tt",
            ["-1 2 upstream tt ft", "1 2 tt", "1 <null>", "-1"],
            "<sip:127.0.0.1;lr;ftag=tt>",
        ),
    ] {
        let sent = bench.receive(&message(BOB, &format!("Route: {route}\n"), to));
        assert_eq!(log(&sent), expected, "{route}");
        assert_eq!(values(&sent, "Record-Route"), [recorded], "{route}");
    }
    let sent = bench.receive(&within(BOB, &["<sip:1.2.3.4;lr;ftag=tt>"]));
    assert_eq!(log(&sent)[0], "1 1 downstream ft tt");
}

#[test]
fn parameters_of_our_route() {
    for (expression, expected) in
        [("^;lr", "1"), ("^lr", "-1"), ("x=y$", "1"), ("h=v", "-1"), ("hp", "-1"), ("(lr|foo);f", "1")]
    {
        let script = format!("loose_route(); check_route_param(\"{expression}\"); xlog(\"$rc\");");
        let sent = bench("", &script).receive(&within(BOB, &["<sip:u@127.0.0.1;lr;ftag=ft;x=Y?h=v>;hp=1"]));
        assert_eq!(log(&sent), [expected], "{expression}");
    }
}

#[test]
fn mistakes_in_the_configuration() {
    let load = |params: &str, script: &str| {
        let config = format!("loadmodule \"rr\"\nloadmodule \"pv\"\nloadmodule \"xlog\"\n{params}\n{script}");
        Bench::new(&config, crate::MODULES).err().unwrap_or_default()
    };
    let request = |script: &str| format!("request_route {{ {script} }}");
    assert!(load("", &request("is_direction(\"sideways\");")).contains("no direction"));
    assert!(
        load("modparam(\"rr\", \"append_fromtag\", 0)", &request("is_direction(\"upstream\");"))
            .contains("append_fromtag")
    );
    assert!(load("", &request("xlog(\"$rdir(foo)\");")).contains("rdir(foo)"));
    assert!(load("", &request("check_route_param(\"((\");")).contains("regular expression"));
    assert!(!load("modparam(\"rr\", \"custom_user_avp\", \"u\")", &request("exit;")).is_empty());
    assert!(!load("", "onreply_route[x] { record_route(); } request_route { exit; }").is_empty());
}

#[test]
fn for_other_modules() {
    let bench = bench("", "loose_route(); record_route(); forward(\"127.0.0.9\");");
    let core = bench.loaded().core.clone();
    let rr = core.modules.get().unwrap().get::<Rr>().unwrap();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let (list, module) = (seen.clone(), rr.clone());
    rr.on_loose_route(Arc::new(move |cx, params| {
        assert_eq!(module.route_params(cx).as_ref(), Some(params));
        let upstream = module.direction(cx) == Direction::Upstream;
        list.lock().push(format!("{params} {upstream} {:?}", module.route_param(cx, b"VSF").unwrap_or_default()));
        module.add_param(cx, Str::from(";cb=1")).unwrap();
        assert!(module.add_param(cx, Str::from(";cb=<")).is_err());
    }));
    let sent = bench.receive(&within(BOB, &["<sip:127.0.0.1;lr;ftag=tt;vsf=a-b>", NEXT]));
    assert_eq!(*seen.lock(), [";lr;ftag=tt;vsf=a-b true \"a-b\""]);
    assert_eq!(values(&sent, "Record-Route"), ["<sip:127.0.0.1;lr;ftag=tt;cb=1>"]);
    bench.receive(&within(BOB, &[NEXT]));
    bench.receive(&within(BOB, &[OWN, "<foo>"]));
    assert_eq!(seen.lock().len(), 1);
}

/// Sockets as no test network has them: IPv6, all addresses, TLS on a public address with a name.
fn with_sockets(run: impl FnOnce(&mut engine::RouteCx)) {
    use transport::{LocalSocket, Received, SocketId};
    let socket = |id, protocol, address: &str, advertise: Option<(&str, Option<u16>)>, name: &str| {
        let advertise = advertise.map(|(host, port)| (host.to_owned(), port));
        let name = Some(name.to_owned()).filter(|name| !name.is_empty());
        LocalSocket::new(SocketId(id), protocol, address.parse().unwrap(), advertise, name)
    };
    let sockets = vec![
        socket(0, sip::Protocol::Udp, "[::1]:5060", None, ""),
        socket(1, sip::Protocol::Udp, "0.0.0.0:5080", None, ""),
        socket(2, sip::Protocol::Tls, "192.0.2.1:5061", Some(("public.example", Some(5062))), "tls"),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let core = engine::Core::new(engine::settings::Settings::default(), Arc::new(engine::log::Log::memory(0)));
    runtime.block_on(async { core.attach(Arc::new(testkit::VirtualNetwork::new(sockets)), 0) });
    let text = within(BOB, &[]).replace('\n', "\r\n");
    let received = Received {
        socket: SocketId(1),
        protocol: sip::Protocol::Udp,
        source: "192.0.2.9:5060".parse().unwrap(),
        destination: "192.0.2.2:5080".parse().unwrap(),
        connection: None,
    };
    run(&mut engine::RouteCx::new(core, sip::Message::parse(Str::from(text)).unwrap(), received));
}

#[test]
fn sockets_of_all_kinds() {
    use super::ours::{is_ours, received_by, socket_of};
    with_sockets(|cx| {
        let uri = |text: &str| sip::Uri::parse(Str::from(text)).unwrap();
        for (text, ours, socket) in [
            ("sip:[::1];lr", true, Some(0)),
            ("sip:[::1]:5060;lr", true, Some(0)),
            ("sip:[::1]:5061;lr", false, None),
            ("sip:192.0.2.2:5080;lr", true, Some(1)),
            ("sip:192.0.2.3:5080;lr", false, None),
            ("sips:192.0.2.1;lr", true, Some(2)),
            ("sip:192.0.2.1:5061;transport=tls;lr", true, Some(2)),
            ("sip:Public.Example:5062;transport=tls;lr", true, Some(2)),
            ("sip:public.example;transport=tls;lr", false, None),
            ("sip:nowhere;sn=tls;lr", false, Some(2)),
            ("tel:+1", false, None),
        ] {
            let uri = uri(text);
            assert_eq!((is_ours(cx, &uri), socket_of(cx, &uri, true).map(|id| id.0)), (ours, socket), "{text}");
        }
        assert_eq!(socket_of(cx, &uri("sip:nowhere;sn=tls;lr"), false), None);
        for (socket, expected) in [(0, "[::1]"), (1, "192.0.2.2:5080"), (2, "public.example:5062;transport=tls")] {
            cx.received.socket = transport::SocketId(socket);
            assert_eq!(received_by(cx).unwrap(), expected.as_bytes());
        }
    });
}

/// From IPv4 to TLS with the names of the sockets, as seen with named sockets.
#[test]
fn names_of_sockets() {
    with_sockets(|cx| {
        let rr = Rr {
            params: super::RrParams { sockname_mode: true, ..Default::default() },
            custom_user: None,
            callbacks: engine::Listeners::default(),
        };
        super::record::record_route(cx, &rr, None).unwrap();
        let addresses = engine::forward::addresses(cx, cx.core.socket(transport::SocketId(2)));
        let options = sip::PrintOptions { addresses: Some(&addresses), ..Default::default() };
        let printed = String::from_utf8(cx.message.print(&options)).unwrap();
        let lines: Vec<&str> = printed.lines().filter(|line| line.starts_with("Record-Route")).collect();
        let outer = "Record-Route: <sip:public.example:5062;transport=tls;sn=tls;r2=on;lr;ftag=ft>";
        assert_eq!(lines, [outer, "Record-Route: <sip:192.0.2.2:5080;r2=on;lr;ftag=ft>"]);
    });
}

/// A second Record-Route in each branch, as tm prints branches: what belongs to a branch is a layer of edits.
#[test]
fn record_route_in_branch_routes() {
    with_sockets(|cx| {
        let rr = Rr { params: super::RrParams::default(), custom_user: None, callbacks: engine::Listeners::default() };
        rr.add_param(cx, Str::from(";m=1")).unwrap();
        cx.kind = engine::Routes(engine::function::routes::BRANCH);
        let base = cx.message.edits().mark();
        for branch in ["0", "1"] {
            super::record::record_route(cx, &rr, Some(Str::from(format!(";b={branch}")))).unwrap();
            assert!(super::record::record_route(cx, &rr, None).is_err());
            rr.add_param(cx, Str::from(format!(";c={branch}"))).unwrap();
            let layer = cx.message.edits_mut().split_off(base);
            let options = sip::PrintOptions { layers: &[&layer], ..Default::default() };
            let printed = String::from_utf8(cx.message.print(&options)).unwrap();
            let expected = format!("Record-Route: <sip:192.0.2.2:5080;lr;ftag=ft;b={branch};m=1;c={branch}>\r\n");
            assert!(printed.contains(&expected), "{printed}");
        }
        cx.kind = engine::Routes(engine::function::routes::FAILURE);
        super::record::record_route(cx, &rr, None).unwrap();
        let truncated = cx.message.edits().mark();
        cx.message.edits_mut().truncate(truncated);
        super::record::remove_record_route(cx).unwrap();
        assert!(super::record::record_route(cx, &rr, None).is_err());
    });
}
