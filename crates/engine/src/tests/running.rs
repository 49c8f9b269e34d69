//! Routes, loops, waiting, events.

use super::{Server, from, options, start_lines};
use sip::Protocol;

fn log(config: &str) -> Vec<String> {
    Server::new(config).log()
}

#[test]
fn routes_return_exit_and_drop() {
    for (routes, wanted) in [
        ("request_route { route(A); note(\"$rc\"); } route[A] { return; }", "1"),
        ("request_route { route(A); note(\"$rc\"); } route[A] { return -5; note(\"no\"); }", "-5"),
        ("request_route { route(A); note(\"$rc\"); } route[A] { code(-3); }", "-3"),
        ("request_route { route(A); note(\"no\"); } route[A] { return 0; }", ""),
        ("request_route { route(A); note(\"no\"); } route[A] { route(B); } route[B] { exit; }", ""),
        ("request_route { route(A); note(\"no\"); } route[A] { route(B); } route[B] { drop; }", ""),
        ("request_route { route(A); note(\"no\"); } route[A] { if (code(0)) exit; note(\"no\"); }", ""),
        ("request_route { route(A); note(\"$rc\"); } route[A] { break; note(\"no\"); }", "0"),
        ("request_route { if (route(A)) note(\"t\"); else note(\"f\"); } route[A] { return -1; }", "f"),
        ("request_route { $var(n) = \"A\"; route($var(n)); } route[A] { note(\"here\"); }", "here"),
        ("request_route { code(-4); setflag(1); note(\"$rc\"); }", "-4"),
        ("request_route { code(-4); if (isflagset(1)) exit; note(\"$rc\"); }", "0"),
        ("request_route { code(-4); $var(x) = 1; note(\"$rc\"); }", "-4"),
        ("request_route { note(\"$rc\"); }", "0"),
    ] {
        assert_eq!(log(routes).join("|"), wanted, "{routes}");
    }
}

#[test]
fn a_missing_route_is_logged_and_the_script_goes_on() {
    for name in ["$p(null)", "$p(NOPE)", "$var(empty)"] {
        let lines = log(&format!("request_route {{ $var(empty) = \"\"; code(-1); route({name}); note(\"$rc\"); }}"));
        assert!(lines[0].contains("not found"), "{lines:?}");
        assert_eq!(lines[1], "-1");
    }
}

#[test]
fn recursion_and_loops_have_limits() {
    let lines = log(
        "request_route { $var(d) = 0; route(A); note(\"$var(d) $rc\"); } route[A] { $var(d) = $var(d) + 1; route(A); }",
    );
    assert!(lines[0].contains("max_recursive_level"), "{lines:?}");
    assert_eq!(lines[1], "255 -1");
    let lines = log("max_while_loops=7\nrequest_route { while (1) $var(i) = $var(i) + 1; note(\"$var(i)\"); }");
    assert!(lines[0].contains("max_while_loops"), "{lines:?}");
    assert_eq!(lines[1], "7");
    let lines =
        log("max_while_loops=0\nrequest_route { while ($var(i) < 5000) $var(i) = $var(i) + 1; note(\"$var(i)\"); }");
    assert_eq!(lines, ["5000"]);
}

#[test]
fn switch_compares_by_the_type_of_the_label() {
    for (on, cases, wanted) in [
        ("$p(2)", "case 1: note(\"1\"); case 2: note(\"2\"); case 3: note(\"3\"); break; default: note(\"d\");", "2|3"),
        ("$p(b)", "case \"a\": note(\"a\"); break; case \"b\": note(\"b\");", "b"),
        ("$p(bob)", "case /\"^a\": note(\"a\"); break; case /\"o.$\": note(\"o\");", "o"),
        ("$p(null)", "case 0: note(\"0\"); break; default: note(\"d\");", "0"),
        ("$p(abc)", "case 0: note(\"0\"); break; default: note(\"d\");", "t.cfg:3:17: `abc` is no number|d"),
        ("$p(9)", "default: note(\"d\"); case 1: note(\"1\"); break; case 2: note(\"2\");", "d|1"),
        ("route(A)", "case 1: note(\"true\"); break; default: note(\"d\");", "true"),
    ] {
        let lines = log(&format!("request_route {{ switch ({on}) {{ {cases} }} }} route[A] {{ return 5; }}"));
        assert_eq!(lines.join("|"), wanted, "{on} {cases}");
    }
}

#[test]
fn a_message_that_waits_keeps_its_place() {
    let config =
        "request_route { $var(i) = 0; while ($var(i) < 3) { route(A); $var(i) = $var(i) + 1; } note(\"end $var(i)\"); }
        route[A] { if (slow(1) && route(B) == 1) note(\"$var(i) $rc\"); }
        route[B] { fast(1); slow(2); }";
    assert_eq!(log(config), ["0 2", "1 2", "2 2", "end 3"]);
}

#[test]
fn what_was_sent_before_does_not_wait() {
    let server = Server::new("request_route { send(\"100\"); never(); send(\"200\"); }");
    assert_eq!(start_lines(&server.receive(&options(""))), ["100"]);
    let server = Server::new("request_route { send(\"100\"); slow(1); send(\"180\"); fast(1); send(\"200\"); }");
    assert_eq!(start_lines(&server.receive(&options(""))), ["100", "180", "200"]);
    // Without a wait the worker sends everything with its batch.
    let server = Server::new("request_route { send(\"100\"); fast(1); send(\"200\"); }");
    let (by_worker, others) = server.receive_all(from(Protocol::Udp, "127.0.0.2:5061"), &options(""));
    assert_eq!(start_lines(&by_worker), ["100", "200"]);
    assert!(others.is_empty());
}

#[test]
fn a_bug_is_answered_500() {
    for call in ["boom()", "slow_boom()"] {
        let server = Server::new(&format!("request_route {{ {call}; }}"));
        assert_eq!(start_lines(&server.receive(&options(""))), ["SIP/2.0 500 Server Internal Error"], "{call}");
        assert!(server.take_log().iter().any(|line| line.starts_with("BUG: ")));
        assert_eq!(server.loaded.core.counters.error_requests.get(), 1);
        // And the next message is handled.
        assert_eq!(server.receive(&options("")).len(), 1);
    }
}

#[test]
fn event_routes_run_inside() {
    let lines = log("request_route { code(-1); event(); note(\"$rc after\"); }
        event_route[probe:event] { route(A); } route[A] { fast(7); note(\"inside $rc\"); exit; }");
    assert_eq!(lines, ["inside 7", "1 after"]);
    let lines = log("request_route { event(); note(\"after\"); } event_route[probe:event] { slow(1); note(\"no\"); }");
    assert!(lines[0].contains("has to wait"), "{lines:?}");
    assert_eq!(lines[1], "after");
    let lines = log("request_route { event(); note(\"after\"); } event_route[probe:event] { event(); }");
    assert!(lines[0].contains("without end"), "{lines:?}");
    assert_eq!(lines[1], "after");
}
