//! What scenarios do not show.

use std::time::Duration;

use testkit::Bench;

use crate::tests_support::{OPTIONS, error, log, script_lines};

const MODULES: &str = "pv xlog cfgutils";

#[test]
fn mistakes() {
    let param = |name: &str, value: &str| error("cfgutils", &format!("modparam(\"cfgutils\", \"{name}\", {value})"));
    assert!(param("initial_probability", "101").contains("from 0 to 100"));
    assert!(param("lock_set_size", "32").contains("from 0 to 31"));
    assert!(param("hash_file", "\"/nowhere/x\"").contains("hash_file"));
    for statement in ["rand_set_prob(\"101\")", "set_gflag(32)", "sleep(\"x\")"] {
        let found = error("cfgutils", &format!("request_route {{ {statement}; }}"));
        assert!(found.contains("E0"), "{statement}: {found}");
    }
}

#[test]
fn out_of_range() {
    let statements = "$var(p) = 101; rand_set_prob(\"$var(p)\"); xlog(\"$rc\"); $var(p) = 32; set_gflag(\"$var(p)\"); xlog(\"$rc\");
        $var(p) = -1; sleep(\"$var(p)\"); xlog(\"$rc\"); core_hash(\"a\", \"b\", 31); xlog(\"$rc\"); core_hash(\"a\", \"b\", \"-3\"); xlog(\"$rc\");";
    assert_eq!(log(MODULES, "", statements), ["-1", "-1", "-1", "-1", "2"]);
}

#[test]
fn routes_in_expressions() {
    let globals = "route[T] { return 3; } route[F] { return -2; } route[E] { xlog(\"E\"); exit; } route[R] { route_if_exists(\"R\"); }";
    let statements = "if (route_if_exists(\"T\") && !route_if_exists(\"F\")) xlog(\"both $rc\");
        if (route_if_exists(\"NOPE\") || check_route_exists(\"T\")) xlog(\"one\");
        $var(x) = \"T\"; if (route_if_exists(\"$var(x)\")) { xlog(\"named\"); }
        route_if_exists(\"R\"); xlog(\"back\"); route_if_exists(\"E\"); xlog(\"not seen\");";
    assert_eq!(log(MODULES, globals, statements), ["both -2", "one", "named", "back", "E"]);
}

fn bench(statements: &str) -> Bench {
    let config = format!(
        "debug=2\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"cfgutils\"\nmodparam(\"cfgutils\", \"lock_set_size\", 2)
        reply_route {{ trylock(\"r\"); xlog(\"$rc\"); }}
        request_route {{ {statements} }}"
    );
    Bench::new(&config, crate::MODULES).unwrap()
}

fn texts(lines: Vec<String>) -> String {
    script_lines(lines).join(" ")
}

#[test]
fn a_message_waits_for_the_lock() {
    let bench =
        bench("xlog(\"$cs begin\"); lock(\"k\"); xlog(\"$cs in $rc\"); sleep(2); unlock(\"k\"); xlog(\"$cs out\");");
    let message = |number: &str| OPTIONS.replace("CSeq: 1", &format!("CSeq: {number}"));
    assert_eq!(texts(bench.receive(&message("1")).log), "1 begin 1 in 1");
    assert_eq!(texts(bench.receive(&message("2")).log), "2 begin");
    bench.advance(Duration::from_millis(2100));
    assert_eq!(texts(bench.log()), "1 out 2 in 1");
    bench.advance(Duration::from_millis(2100));
    assert_eq!(texts(bench.log()), "2 out");
}

#[test]
fn waiting_ends() {
    let bench = bench("lock(\"k\"); xlog(\"$rc\"); sleep(20);");
    assert_eq!(texts(bench.receive(OPTIONS).log), "1");
    assert_eq!(texts(bench.receive(OPTIONS).log), "");
    bench.advance(Duration::from_secs(11));
    assert_eq!(texts(bench.log()), "-1");
}

#[test]
fn a_forgotten_lock_is_given_back() {
    let bench = bench(
        "lock(\"k\"); xlog(\"$rc\"); lock(\"k\"); xlog(\"$rc\"); trylock(\"k\", \"2\"); xlog(\"$rc\"); if ($rm == \"INFO\") exit;",
    );
    for _ in 0..2 {
        let lines = bench.receive(OPTIONS).log;
        assert!(lines.iter().any(|line| line.contains("without unlock() of k")), "{lines:?}");
        assert_eq!(texts(lines), "1 -1 1");
    }
    let reply = "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
        From: <sip:a@a>;tag=1\nTo: <sip:b@b>;tag=2\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";
    // The context of a finished reply is kept for the next message: its locks are not.
    for _ in 0..2 {
        assert_eq!(texts(bench.receive(reply).log), "1");
    }
    let trying = "trylock(\"r\"); xlog(\"$rc\");";
    let bench = self::bench(trying);
    assert_eq!(texts(bench.receive(reply).log), "1");
    assert_eq!(texts(bench.receive(OPTIONS).log), "1");
}
