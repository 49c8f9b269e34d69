use engine::RpcValue;
use testkit::Bench;

const OPTIONS: &str = "OPTIONS sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\
    Contact: <sip:alice@127.0.0.2>\nContent-Length: 0\n\n";

fn bench(globals: &str, routes: &str) -> Bench {
    let modules = "loadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"textops\"\nloadmodule \"debugger\"\n";
    Bench::new(&format!("debug=0\n{modules}{globals}\n{routes}"), crate::MODULES).unwrap()
}

/// The log without the prefix of xlog and the name of the file.
fn log(globals: &str, routes: &str) -> Vec<String> {
    let bench = bench(globals, routes);
    bench.receive(OPTIONS).log
}

const SCRIPT: &str = "request_route {
  $var(x) = 1 + 1;
  if ($var(x) == 2 && is_method(\"OPTIONS\")) {
    route(A);
  }
  $avp(a) = \"t\";
  while ($var(x) < 3) { $var(x) = 3; }
  switch ($var(x)) { case 3: setflag(1); break; }
  drop;
}
route[A] {
  is_method(\"INVITE\");
  return 1;
}";

#[test]
fn the_trace_shows_what_runs_and_its_result() {
    let mut trace: Vec<String> =
        log("modparam(\"debugger\", \"cfgtrace\", 1)\nmodparam(\"debugger\", \"cfgtrace_format\", 1)", SCRIPT);
    for line in &mut trace {
        // The number of the line depends on what the bench puts in front.
        let number = line.split(" l=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        *line = line.replace(&format!(" l={number}"), "").replace("ERROR: *** cfgtrace: request_route=", "");
    }
    assert_eq!(
        trace,
        [
            "[DEFAULT_ROUTE] n=assign",
            "[DEFAULT_ROUTE] n=assign r=1",
            "[DEFAULT_ROUTE] n=if",
            "[DEFAULT_ROUTE] n=if r=1",
            "[DEFAULT_ROUTE] n=is_method",
            "[DEFAULT_ROUTE] n=is_method r=1",
            "[DEFAULT_ROUTE] n=route",
            "[A] n=is_method",
            "[A] n=is_method r=-1",
            "[A] n=return",
            "[A] n=return r=1",
            "[DEFAULT_ROUTE] n=assign",
            "[DEFAULT_ROUTE] n=assign r=1",
            "[DEFAULT_ROUTE] n=while",
            "[DEFAULT_ROUTE] n=while r=1",
            "[DEFAULT_ROUTE] n=assign",
            "[DEFAULT_ROUTE] n=assign r=1",
            "[DEFAULT_ROUTE] n=while",
            "[DEFAULT_ROUTE] n=while r=0",
            "[DEFAULT_ROUTE] n=case",
            "[DEFAULT_ROUTE] n=case r=1",
            "[DEFAULT_ROUTE] n=setflag",
            "[DEFAULT_ROUTE] n=setflag r=1",
            "[DEFAULT_ROUTE] n=drop",
        ]
    );
}

#[test]
fn lines_name_their_place() {
    let trace = log("modparam(\"debugger\", \"cfgtrace\", 1)", "request_route {\n  $var(x) = 1;\n\n  $var(x) = 2;\n}");
    let line = |at: usize| trace[at].split(" l=").nth(1).unwrap().split(' ').next().unwrap().parse::<u32>().unwrap();
    assert_eq!(line(2), line(0) + 2);
    assert!(trace[0].contains(" c=["), "{}", trace[0]);
}

#[test]
fn the_trace_may_look_otherwise() {
    let globals = "modparam(\"debugger\", \"cfgtrace\", 1)\nmodparam(\"debugger\", \"log_level_name\", \"exec\")\n\
        modparam(\"debugger\", \"log_prefix\", \"here:\")\nmodparam(\"debugger\", \"log_assign\", 1)";
    let trace = log(globals, "request_route { $var(x) = \"a\" + 1; }");
    assert!(trace[0].starts_with("exec: here: request_route=[DEFAULT_ROUTE] c=["), "{trace:?}");
    assert!(trace[1].ends_with(" n=assign v=\"a1\" r=1"), "{trace:?}");
    let quiet = log("modparam(\"debugger\", \"cfgtrace\", 1)\nmodparam(\"debugger\", \"log_level\", 2)", SCRIPT);
    assert!(quiet.is_empty(), "{quiet:?}");
}

#[test]
fn log_level_3_traces_too() {
    let of = |level: i64| {
        let config = format!("debug={level}\nloadmodule \"pv\"\nrequest_route {{ $var(x) = 1; exit; }}");
        let lines = Bench::new(&config, crate::MODULES).unwrap().receive(OPTIONS).log;
        lines.into_iter().filter(|line| line.contains("cfgtrace")).count()
    };
    assert_eq!(of(2), 0);
    assert_eq!(of(3), 3, "assign, its result, and exit");
}

#[test]
fn the_trace_is_switched_while_running() {
    let bench = bench("", "request_route { exit; }");
    assert!(bench.receive(OPTIONS).log.is_empty());
    assert_eq!(bench.rpc("dbg.trace", &["on".into()]), Ok(vec!["200 ok".into()]));
    assert_eq!(bench.receive(OPTIONS).log.len(), 1);
    assert!(bench.rpc("dbg.trace", &["maybe".into()]).is_err());
    bench.rpc("dbg.trace", &["off".into()]).unwrap();
    assert!(bench.receive(OPTIONS).log.is_empty());
}

#[test]
fn modules_have_levels_of_their_own() {
    let globals = "modparam(\"debugger\", \"mod_hash_size\", 4)\nmodparam(\"debugger\", \"mod_level_mode\", 1)\n\
        modparam(\"debugger\", \"mod_level\", \"xlog=2\")";
    let bench = bench(globals, "request_route { xlog(\"L_INFO\", \"seen\"); xlog(\"L_DBG\", \"not\"); }");
    assert_eq!(bench.receive(OPTIONS).log, ["INFO: <script>: seen"]);
    bench.rpc("dbg.set_mod_level", &["xlog".into(), 3.into()]).unwrap();
    assert_eq!(bench.receive(OPTIONS).log.len(), 2);
    let level = bench.rpc("dbg.get_mod_level", &["xlog".into()]).unwrap();
    assert_eq!(level, [RpcValue::Int(3)]);
    bench.rpc("dbg.mod_level", &["xlog".into(), (-1).into()]).unwrap();
    assert!(bench.receive(OPTIONS).log.is_empty());
}

#[test]
fn levels_need_mod_hash_size() {
    let bench = bench("", "request_route { exit; }");
    assert!(bench.rpc("dbg.mod_level", &["xlog".into(), 3.into()]).is_err());
    assert!(bench.rpc("dbg.reset_msgid", &[]).is_err());
}

/// The form of Kamailio 5.6.3; its order is by chance.
#[test]
fn variables_are_dumped_as_json() {
    let statements = "$var(x) = 1; $avp(a) = \"o\\\"ne\"; $avp(a) = 2; $xavp(x=>a) = \"bye\"; $xavp(x[0]=>b) = 3;";
    let dump = |mask: &str| {
        let lines = log("", &format!("request_route {{ {statements} dbg_pv_dump({mask}); }}"));
        lines.concat()
    };
    assert_eq!(
        dump("14, \"L_ERR\""),
        r#"ERROR: {"$var(x)":1,"$avp(a)":[2,"o\"ne"],"$xavp(x)":[{"b":[3],"a":["bye"]}]}"#
    );
    assert_eq!(dump("4, -1"), r#"ERROR: {"$var(x)":1}"#);
    let others = dump("16, \"L_ERR\"");
    assert!(others.contains(r#""$rm":"OPTIONS""#) && !others.contains("$du"), "{others}");
    assert!(dump("17, \"L_ERR\"").contains(r#""$du":null"#));
    assert!(dump("32").contains("mask"), "out of range");
    assert_eq!(dump(""), "", "level L_DBG");
}

#[test]
fn the_message_is_shown_with_its_edits() {
    let shown =
        log("", "request_route { append_hf(\"P-Hint: my\\r\\n\"); remove_hf(\"Contact\"); dbg_sip_msg(\"L_ERR\"); }");
    let text = shown.concat().replace('\r', "");
    assert!(text.contains("CONFIG LINE "), "{text}");
    assert!(text.contains("Content-Length: 0\nP-Hint: my\n"), "{text}");
    assert!(
        text.contains(
            "header diffs -------------------------------\n- Contact: <sip:alice@127.0.0.2>\nP-Hint: my\n---"
        )
    );
}

#[test]
fn breakpoints_are_refused() {
    let config = |value: i64| {
        format!("loadmodule \"debugger\"\nmodparam(\"debugger\", \"breakpoint\", {value})\nrequest_route {{ exit; }}")
    };
    assert!(Bench::new(&config(0), crate::MODULES).is_ok());
    assert!(Bench::new(&config(1), crate::MODULES).is_err());
}

#[test]
fn what_takes_too_long_is_told() {
    // The program's own time, not the virtual one: 1 microsecond is not enough for a hundred turns.
    let config = "debug=0\nlatency_limit_cfg=1\nlatency_limit_action=1\nlatency_log=-1\nloadmodule \"pv\"\n\
        loadmodule \"textops\"\nrequest_route { $var(i) = 0; while ($var(i) < 90) { $var(i) = $var(i) + 1; } \
        search(\"(a|b)*c\"); }";
    let log = Bench::new(config, crate::MODULES).unwrap().receive(OPTIONS).log;
    assert!(log.iter().any(|line| line.starts_with("ERROR: alert - request-route took too long [")), "{log:?}");
}
