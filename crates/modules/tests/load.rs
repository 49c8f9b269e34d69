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

#[test]
fn selects() {
    let with = |select: &str| format!("{SL}loadmodule \"pv.so\"\nrequest_route {{ $var(x) = @{select}; }}");
    check(&with("from.uri.usr"), &["E0105", "select `@from.uri.usr` does not exist: there is no `usr`"]);
    check(&with("form.uri"), &["E0105", "there is no `form`"]);
    check(&with("via[1].branch.x"), &["E0105", "nothing can stand behind `branch`"]);
    check(&with("msg.header"), &["no mistake"]);
    check(&with("authorization.username"), &["E0105", "is not complete"]);
    check(&with("tls.peer.subject.cn"), &["no mistake"]);
    check(&with("tls.peer.subject.xx"), &["E0105"]);
    check(
        &format!("{SL}loadmodule \"pv.so\"\nrequest_route {{ xlog(\"$sel(via.hots)\"); }}"),
        &["E0105", "there is no `hots`"],
    );
}

#[test]
fn attributes_and_flags_of_avps() {
    let with = |statement: &str| format!("#!ALL\nloadmodule \"pv.so\"\navpflags a;\nrequest_route {{ {statement} }}");
    check(&with("$f.x = 1; setavpflag($f.x, \"a\");"), &["no mistake"]);
    check(&with("setavpflag($f.x, \"b\");"), &["E0103", "`b` is no flag of AVPs"]);
    check(&with("$fd.x = 1;"), &["read-only"]);
    check(&with("if ($g.x == 1) exit;"), &["no mistake"]);
    check(&with("if (isavpflagset($ru, \"a\")) exit;"), &["no mistake"]);
}

#[test]
fn values_that_are_evaluated_at_load() {
    let modparamx = |module: &str, name: &str, value: &str| {
        format!(
            "#!define LIMIT 7\nloadmodule \"maxfwd.so\"\nloadmodule \"pv.so\"\nloadmodule \"xlog.so\"\n\
             modparamx(\"{module}\", \"{name}\", \"{value}\")\nrequest_route {{ exit; }}"
        )
    };
    check(&modparamx("maxfwd", "max_limit", "$def(LIMIT)"), &["no mistake"]);
    check(&modparamx("maxfwd", "max_limit", "x$def(LIMIT)"), &["takes a number, and the value is `x7`"]);
    check(&modparamx("xlog", "prefix", "$ru"), &["`$ru` has no value while the configuration is loaded"]);
    check(&modparamx("xlog", "prefx", "$def(LIMIT)"), &["has no parameter `prefx`"]);
    let loadmodulex =
        |name: &str| format!("#!define NAME xlog\nloadmodulex \"{name}\"\nrequest_route {{ xlog(\"x\"); }}");
    check(&loadmodulex("$def(NAME).so"), &["no mistake"]);
    check(&loadmodulex("$def(NAMES).so"), &["`NAMES` is not defined"]);
    check(&loadmodulex("$ru.so"), &["has no value"]);
}

#[test]
fn evaluated_values_arrive() {
    let config = "debug=0\n#!define WORD hello\nloadmodule \"pv.so\"\nloadmodule \"xlog.so\"\n\
        modparamx(\"xlog\", \"prefix\", \"$def(WORD)-$(def(WORD){s.len})> \")\nrequest_route { xlog(\"x\"); }";
    let message = "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\nFrom: <sip:a@a>;tag=1\n\
        To: <sip:b@b>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";
    assert_eq!(Bench::new(config, MODULES).unwrap().receive(message).log, ["ERROR: hello-5> x"]);
}

#[test]
fn order_of_modules() {
    // What has to be there is there, in whichever order the lines stand.
    let late = "loadmodule \"siputils.so\"\nloadmodule \"rr.so\"\nloadmodule \"sl.so\"\nloadmodule \"pv.so\"\n\
                modparam(\"rr\", \"custom_user_avp\", \"$avp(who)\")\nrequest_route { record_route(); }";
    check(late, &["no mistake"]);
    check("loadmodule \"siputils.so\"\nrequest_route { exit; }", &["E0208", "module `siputils` needs module `sl`"]);
    let early = "loadmodule \"tmx.so\"\nloadmodule \"sl.so\"\nloadmodule \"tm.so\"\nrequest_route { exit; }";
    check(early, &["E0208", "module `tmx` needs module `tm`"]);
}

#[test]
fn what_follows_from_a_mistake_is_not_told() {
    let config = "loadmodule \"sl.so\"\nloadmodule \"usrloc.so\"\nloadmodule \"registrar.so\"\n\
                  modparam(\"usrloc\", \"db_mode\", 2)\nmodparam(\"nathelper|registrar\", \"default_expires\", 60)\n\
                  request_route { save(\"location\"); }";
    let found = mistakes(config);
    assert!(found.contains("error[") && !found.contains("E0208"), "{found}");
    let missing = "loadmodule \"xmpp.so\"\nmodparam(\"xmpp|uac\", \"x\", 60)\nrequest_route { exit; }";
    let found = mistakes(missing);
    assert!(found.contains("E0301") && !found.contains("E0207"), "{found}");
}
