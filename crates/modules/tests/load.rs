//! Mistakes in a configuration are found when it is loaded, with the right code and words.

use modules::MODULES;
use testkit::Bench;

fn mistakes(config: &str) -> String {
    match Bench::new(config, MODULES) {
        Ok(_) => String::from("no mistake"),
        Err(text) => text,
    }
}

#[track_caller]
fn check(config: &str, wanted: &[&str]) {
    let found = mistakes(config);
    for wanted in wanted {
        assert!(found.contains(wanted), "expected `{wanted}` in:\n{found}");
    }
}

const SL: &str = "loadmodule \"sl.so\"\nloadmodule \"xlog.so\"\n";

#[test]
fn names() {
    check(
        &format!("{SL}request_route {{ sl_sendreply(\"404\", \"x\"); }}"),
        &["test.cfg:4:17: error[E0101]", "unknown function `sl_sendreply`"],
    );
    check("request_route { sl_send_reply(\"404\", \"x\"); }", &["E0101", "needs module `sl`"]);
    check(&format!("{SL}request_route {{ xlog(\"$zz\"); }}"), &["E0105", "unknown variable `$zz`"]);
    check(
        &format!("{SL}request_route {{ route(NOPE); }}\nroute[NOPF] {{ exit; }}"),
        &["E0108", "route `NOPE` is not defined"],
    );
    check(&format!("{SL}route[A] {{ exit; }}\nroute[A] {{ exit; }}\nrequest_route {{ exit; }}"), &["E0109"]);
    check("loadmodule \"registrr.so\"\nrequest_route { exit; }", &["E0203", "unknown module `registrr`"]);
    check("loadmodule \"presence.so\"\nrequest_route { exit; }", &["E0301", "module `presence` is not supported yet"]);
    check("debgu=3\nrequest_route { exit; }", &["E0201", "unknown core parameter `debgu`"]);
    check("rt_prio_x=3\nrequest_route { exit; }", &["E0201"]);
    check("udp4_raw=1\nrequest_route { exit; }", &["E0301", "core parameter `udp4_raw` is not supported yet"]);
    check("udp4_raw=0\nrequest_route { exit; }", &["no mistake"]);
}

#[test]
fn arguments_and_places() {
    check(&format!("{SL}request_route {{ sl_send_reply(\"404\"); }}"), &["E0102", "takes 2 arguments, 1 given"]);
    check(&format!("{SL}request_route {{ sl_send_reply(\"abc\", \"x\"); }}"), &["E0103"]);
    check(&format!("{SL}onreply_route[X] {{ sl_send_reply(\"404\", \"x\"); }}\nrequest_route {{ exit; }}"), &["E0104"]);
    check("request_route { setflag(32); }", &["E0103", "flag 32 is out of range"]);
    check("flags ACC:3;\nrequest_route { setflag(ACC); if (isflagset(ACD)) exit; }", &["E0103", "`ACD` is no flag"]);
    check("request_route { if ($rU =~ \"(a\") exit; }", &["error["]);
    check(&format!("{SL}request_route {{ if (method =~ \"(a\") exit; }}"), &["E0111"]);
}

#[test]
fn module_parameters() {
    check(
        "loadmodule \"maxfwd.so\"\nmodparam(\"maxfwd\", \"max_limt\", 5)\nrequest_route { exit; }",
        &["E0205", "has no parameter `max_limt`"],
    );
    check(
        "loadmodule \"maxfwd.so\"\nmodparam(\"maxfwd\", \"max_limit\", \"5\")\nrequest_route { exit; }",
        &["E0206", "wrong type for parameter `max_limit`"],
    );
    check(
        "loadmodule \"maxfwd.so\"\nmodparam(\"maxfwd\", \"max_limit\", -5)\nrequest_route { exit; }",
        &["E0206", "must not be negative"],
    );
    check("modparam(\"maxfwd\", \"max_limit\", 5)\nrequest_route { exit; }", &["E0207"]);
    check("loadmodule \"sl\"\nloadmodule \"sl.so\"\nrequest_route { exit; }", &["E0204", "loaded twice"]);
    check(
        "loadmodule \"maxfwd.so\"\nmodparam(\"max.*|sl\", \"max_limit\", 5)\nrequest_route { exit; }",
        &["no mistake"],
    );
}

#[test]
fn all_mistakes_are_reported_in_one_run() {
    let found = mistakes("debgu=1\nloadmodule \"registrr.so\"\nrequest_route { nofunction(); route(X); }");
    for code in ["E0201", "E0203", "E0101", "E0108"] {
        assert!(found.contains(code), "{code} in:\n{found}");
    }
}
