//! What the scenarios in `tests/scenarios/pv` cannot show: mistakes found at load, times, lines in the log.

use testkit::Bench;

const MESSAGE: &str = "OPTIONS sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";

fn config(script: &str) -> String {
    format!("loadmodule \"pv\"\nloadmodule \"xlog\"\n{script}")
}

/// The lines that a route writes.
fn lines(body: &str) -> Vec<String> {
    let bench = Bench::new(&config(&format!("request_route {{ {body} }}")), crate::MODULES).unwrap();
    let lines = bench.receive(MESSAGE).log;
    lines.iter().map(|line| line.split_once(": ").map_or("", |(_, text)| text).to_owned()).collect()
}

fn one(expression: &str) -> String {
    let lines = lines(&format!("xlog(\"{expression}\");"));
    lines.first().and_then(|line| line.strip_prefix("<script>: ")).unwrap_or_default().to_owned()
}

/// `coreparam[iuid]` names the instance; an index that no parameter has is a mistake.
#[test]
fn name_of_the_instance() {
    let with =
        |line: &str| Bench::new(&config(&format!("{line}\nrequest_route {{ xlog(\"$iuid\"); }}")), crate::MODULES);
    for (line, wanted) in [
        ("coreparam[iuid] = \"node-a\"", "node-a"),
        ("coreparam[\"iuid\"] = node_b", "node_b"),
        ("coreparam[iuid] = 7", "7"),
        ("coreparam[timer_sanity_check] = 1\ncoreparam[random_engine] = \"fast\"", "<null>"),
    ] {
        let log = with(line).unwrap().receive(MESSAGE).log;
        assert!(log.iter().any(|entry| entry.ends_with(&format!(": {wanted}"))), "{line}: {log:?}");
    }
    assert!(with("coreparam[iuidx] = \"a\"").is_err());
    assert!(with("children[iuid] = \"a\"").is_err());
}

#[test]
fn mistakes_found_at_load() {
    for wrong in [
        "$branch(nothing)",
        "$time(local)",
        "$msg",
        "$avp(x:y)",
        "$avp(i:x)",
        "$xavp(a[)",
        "$xavp(a[x])",
        "$xavp(a=>b=>c)",
        "$(xavp(a)[0])",
        "$xavu(a[0])",
        "$Mf(77)",
        "$cnt($ru)",
        "$timef()",
        "$ccp(no.such)",
        "$ru(x)",
        "$msgbuf(x)",
    ] {
        let text = config(&format!("request_route {{ xlog(\"{wrong}\"); }}"));
        assert!(Bench::new(&text, crate::MODULES).is_err(), "{wrong}");
    }
    for wrong in ["shvset\", \"x\"", "shvset\", \"x=5\"", "varset\", \"x=i:y\"", "avp_aliases\", \"a\""] {
        let text = config(&format!("modparam(\"pv\", \"{wrong})\nrequest_route {{ drop; }}"));
        assert!(Bench::new(&text, crate::MODULES).is_err(), "{wrong}");
    }
    for wrong in ["$rm = \"x\";", "pv_unset(\"$rm\");", "$via0(host) = \"x\";"] {
        let text = config(&format!("request_route {{ {wrong} }}"));
        assert!(Bench::new(&text, crate::MODULES).is_err(), "{wrong}");
    }
}

#[test]
fn times_are_those_of_the_servers_clock() {
    // The bench starts on Thursday, 2026-01-01 00:00:00 UTC.
    assert_eq!(one("$Tb $utimef(%Y-%m-%d %H:%M)"), "1767225600 2026-01-01 00:00");
    assert_eq!(one("$utime(year) $utime(mon) $utime(mday) $utime(hour)"), "2026 1 1 0");
    assert_eq!(one("$utime(wday) $utime(yday) $utime(isdst)"), "5 1 0");
    let bench = Bench::new(&config("request_route { xlog(\"$TS $Ts $TV(sn) $TV(Sn)\"); }"), crate::MODULES).unwrap();
    bench.advance(std::time::Duration::from_millis(2500));
    let log = bench.receive(MESSAGE).log;
    assert!(log[0].contains("1767225602 1767225602 1767225602 1767225602.5"), "{log:?}");
}

#[test]
fn characters_and_positions() {
    assert_eq!(one("$msgbuf(0)$msgbuf(2)|$msgbuf(99999)"), "OT|<null>");
    let written =
        lines("$msgbuf(0) = \"X\"; xlog(\"$rm\"); $msgbuf(99999) = \"X\"; $var(i) = 1; xlog(\"$msgbuf($var(i))\");");
    assert_eq!(written[0], "<script>: XPTIONS");
    assert!(written[1].contains("no position 99999"), "{written:?}");
    assert_eq!(written[2], "<script>: P");
}

#[test]
fn edits_outlive_a_written_character() {
    let lines = lines("$fu = \"sip:new@x\"; $msgbuf(0) = \"X\"; xlog(\"$(mbu{line.sw,From})\");");
    assert_eq!(lines, ["<script>: From: <sip:new@x>;tag=1"]);
}

#[test]
fn custom_parameters() {
    let text = config(
        "pstn.gw = \"10.0.0.1\" desc \"gateway\"\npstn.limit = 5 desc \"calls\"\n\
         request_route { $ccp(pstn.limit) = $ccp(pstn.limit) + 1; $ccp(pstn.limit) = \"x\"; xlog(\"$ccp(pstn.gw) $ccp(pstn.limit)\"); }",
    );
    let log = Bench::new(&text, crate::MODULES).unwrap().receive(MESSAGE).log;
    assert!(log[0].contains("wrong type"), "{log:?}");
    assert_eq!(log[1], "ERROR: <script>: 10.0.0.1 6");
}

#[test]
fn printed_xavps() {
    let text =
        config("debug=2\nrequest_route { $xavp(a=>x) = 1; $xavp(b) = \"t\"; pv_xavp_print(); pv_xavu_print(); }");
    let log = Bench::new(&text, crate::MODULES).unwrap().receive(MESSAGE).log;
    let shown: Vec<&str> = log.iter().filter_map(|line| line.strip_prefix("INFO: ")).collect();
    let expected = [
        "+++++ start XAVP list (level=0)",
        "     *** (l:0) XAVP name: b",
        "     XAVP value (str): t",
        "     *** (l:0) XAVP name: a",
        "+++++ start XAVP list (level=1)",
        "     *** (l:1) XAVP name: x",
        "     XAVP value (int): 1",
        "----- end XAVP list (level=1)",
        "----- end XAVP list (level=0)",
        "+++++ start XAVU list (level=0)",
        "----- end XAVU list (level=0)",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn branches_are_bounded() {
    let lines = lines("while (1) { $br = \"sip:a@b\"; } xlog(\"$branch(count)\");");
    assert!(lines.iter().any(|line| line.contains("max_branches")), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("<script>: 11"));
}

#[test]
fn authenticated_user_is_accounted_for() {
    let bench = Bench::new(&config("request_route { drop; }"), crate::MODULES).unwrap();
    let core = bench.loaded().core.clone();
    let mut cx = engine::RouteCx::faked(core.clone());
    cx.data::<super::AuthenticatedUser>().user = engine::Str::from("alice");
    cx.data::<super::AuthenticatedUser>().realm = engine::Str::from("a.example");
    let modules = core.modules.get().unwrap();
    let catalog = core.catalog.get().unwrap();
    let span = language::span::Span::default();
    let format = engine::CompileEnv::new(&core, modules, catalog).format("$Au $AU", span).unwrap();
    assert_eq!(format.eval(&cx), "alice@a.example alice");
}

#[test]
fn version_and_process() {
    assert_eq!(one("$version(num)"), engine::core::VERSION);
    assert!(one("$version(full)").starts_with("olelo "));
    assert_eq!(one("$pp"), std::process::id().to_string());
    assert_eq!(one("$conid $stat(rcv_requests) $stat(none)"), "<null> 1 <null>");
}

#[test]
fn defines() {
    let text = config(
        "#!define A \"quoted a\"\n#!define B 7\n#!define C\n#!define D bare word\n\
         request_route { xlog(\"$def(A)|$def(B)|$def(C)|$def(D)|$def(X)\"); xlog(\"$defn(B)|$defn(D)|$defn(X)|$defv(A)|$defs(A)|$defs(D)\"); }\n",
    );
    let log = Bench::new(&text, crate::MODULES).unwrap().receive(MESSAGE).log;
    assert_eq!(log[0], "ERROR: <script>: \"quoted a\"|7||bare word|<null>");
    assert_eq!(log[1], "ERROR: <script>: 7|bare word|0|quoted a|quoted a|<null>");
}
