//! From statements to operations, and what is refused.

use super::{Server, mistakes, outcome};

/// The listing without places.
fn listing(routes: &str) -> Vec<String> {
    let program = outcome(routes).loaded.unwrap().program;
    let listing = program.listing();
    listing.lines().map(|line| line.split(';').next().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn conditions_become_jumps() {
    assert_eq!(
        listing("request_route { if (code(1) && !code(2)) note(\"a\"); else note(\"b\"); }"),
        [
            "Request [] (0 temporaries)",
            "0  call",
            "1  test code else 8",
            "2  call",
            "3  test code else 5",
            "4  jump 8",
            "5  code = 1",
            "6  call",
            "7  jump 10",
            "8  code = 1",
            "9  call",
            "10  return",
        ]
    );
}

#[test]
fn calls_in_expressions_become_temporaries() {
    assert_eq!(
        listing("request_route { $var(x) = $var(y) + fast(1) * 2; } route[A] { setflag(1); if (isflagset(1)) exit; }"),
        [
            "Request [] (2 temporaries)",
            "0  t0 = value",
            "1  call, may wait",
            "2  t1 = code",
            "3  assign",
            "4  return",
            "Request [A] (0 temporaries)",
            "5  call (keeps $rc)",
            "6  call (clears $rc)",
            "7  test code else 11",
            "8  code = 1",
            "9  exit",
            "10  jump 12",
            "11  code = 1",
            "12  return",
        ]
    );
}

#[test]
fn loops_and_switches() {
    assert_eq!(
        listing(
            "request_route { while ($var(i) < 3) { if ($var(i) == 2) break; } switch ($var(i)) { case 1: exit; default: drop; } }"
        ),
        [
            "Request [] (3 temporaries)",
            "0  t0 = value",
            "1  t1 = value",
            "2  test else 12",
            "3  loop guard else 12",
            "4  test >0 else 9",
            "5  code = 1",
            "6  code = 0",
            "7  jump 13",
            "8  jump 10",
            "9  code = 1",
            "10  t1 = exact code",
            "11  jump 2",
            "12  code = t1",
            "13  t2 = value",
            "14  test >0 else 16",
            "15  jump 18",
            "16  code = 1",
            "17  jump 19",
            "18  exit",
            "19  drop",
            "20  return",
        ]
    );
}

#[test]
fn arguments_are_checked_at_load() {
    for (call, wanted) in [
        ("code(\"12\");", ""),
        ("code(\"0x1F\");", ""),
        ("code($var(x));", ""),
        ("code(\"$var(x)\");", ""),
        ("code(\"twelve\");", "this argument must be a number"),
        ("code();", "takes 1 argument, 0 given"),
        ("code(1, 2);", "takes 1 argument, 2 given"),
        ("cod(1);", "unknown function `cod`"),
        ("note(\"$nope\");", "unknown variable `$nope`"),
        ("note(\"$var(x\");", "this is not a variable"),
        ("matches(\"a\", \"[\");", "wrong regular expression"),
        ("matches(\"a\", $var(x));", "must be constant"),
        ("substitute(\"a\", \"/a/b\", \"$var(x)\");", "the third delimiter is missing"),
        ("substitute(\"a\", \"/a/b/q\", \"$var(x)\");", "unknown flag `q`"),
        ("substitute(\"a\", \"/a/b/\", \"$p(x)\");", "read-only"),
        ("substitute(\"a\", \"/a/b/\", \"x\");", "must be a variable"),
        ("flag(31);", ""),
        ("flag(32);", "out of range"),
        ("setflag(ACC);", ""),
        ("setflag(BCC);", "`BCC` is no flag"),
        ("route(NOPE);", "route `NOPE` is not defined"),
        ("t_relay();", "needs module `tm`"),
    ] {
        let found = mistakes(&format!("flags ACC:3;\nrequest_route {{ {call} }}"));
        match wanted {
            "" => assert!(found.is_empty(), "{call}: {found:?}"),
            wanted => assert!(found.iter().any(|mistake| mistake.contains(wanted)), "{call}: {found:?}"),
        }
    }
    let found = mistakes("request_route { exit; } onsend_route { code(1); }");
    assert!(found.iter().any(|mistake| mistake.contains("cannot be used in an onsend_route")), "{found:?}");
}

#[test]
fn all_mistakes_of_a_text_have_their_place() {
    // The escape at the end makes the text shorter than what is written.
    let found = mistakes("#!KAMAILIO\nrequest_route { note(\"a $nope b $p(x) $nada\\n\"); }");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().any(|it| it.starts_with("t.cfg:4:25:") && it.contains("`$nope`")), "{found:?}");
    assert!(found.iter().any(|it| it.starts_with("t.cfg:4:39:") && it.contains("`$nada`")), "{found:?}");
    // Behind an escape only the text as a whole has a place.
    let found = mistakes("#!KAMAILIO\nrequest_route { note(\"\\n$nope\"); }");
    assert!(found.len() == 1 && found[0].starts_with("t.cfg:4:22:"), "{found:?}");
    let found = mistakes("#!KAMAILIO\nrequest_route { note(\"a 5$ b\\n\"); }");
    assert!(found.len() == 1 && found[0].starts_with("t.cfg:4:26:"), "{found:?}");
}

#[test]
fn core_parameters() {
    for (line, wanted) in [
        ("debug=3", ""),
        ("log_facility=LOG_LOCAL3", ""),
        ("log_facility=LOG_NOWHERE", "wrong value for core parameter"),
        ("max_branches=40", "wrong value for core parameter"),
        ("port=70000", "wrong value"),
        ("children=\"many\"", "wrong value"),
        ("shm_mem_size=64", "no meaning here"),
        ("enable_sctp=0", ""),
        ("enable_sctp=1", "not supported yet"),
        ("enable_tls=0", ""),
        ("enable_tls=1", "this value of core parameter `enable_tls` is not supported yet"),
        ("use_dst_blocklist=1", "not supported yet"),
        ("dst_blocklist_expire=30", "no meaning here"),
        ("tls_max_connections=100", "no meaning here"),
        ("kemi.request_route_callback=\"x\"", "no meaning here"),
        ("log_engine_type=\"udp\"", "not supported yet"),
        ("tcp_syncnt=200", "wrong value"),
        ("tcp_syncnt=3", ""),
        ("own.limit=5\nown[1].limit=6", ""),
        ("own[1].limit=6", "cannot be set: Group or variable not found"),
        ("own.limit=5\nown[1].limit=\"six\"", "the value has the wrong type"),
        ("own.limit=5\nown[one].limit=6", "cannot be set: there is no such instance"),
        ("core[1].debug=6", "cannot be set: this group cannot have instances"),
        ("childern=4", "unknown core parameter"),
    ] {
        let found = mistakes(&format!("{line}\nrequest_route {{ exit; }}"));
        match wanted {
            "" => assert!(found.is_empty(), "{line}: {found:?}"),
            wanted => assert!(found.iter().any(|mistake| mistake.contains(wanted)), "{line}: {found:?}"),
        }
    }
}

#[test]
fn formats() {
    for (text, wanted) in [
        ("", ""),
        ("plain $$ text", "plain $ text"),
        ("$p(null)", "<null>"),
        ("[$p(null)]", "[<null>]"),
        ("$p(5)+$p(a)", "5+a"),
        ("a$(p(x))b", "axb"),
    ] {
        let lines = Server::new(&format!("request_route {{ note(\"{text}\"); }}")).log();
        assert_eq!(lines, [wanted], "{text}");
    }
}

#[test]
fn substitutions() {
    for (text, command, wanted) in [
        ("sip:123@x", "/^sip:([0-9]+)@/tel:\\1;/", "1 tel:123;x"),
        ("aXbxc", "/x/-/ig", "2 a-b-c"),
        ("aXbxc", "/x/-/", "1 aXb-c"),
        ("a/b", "|/|_|", "1 a_b"),
        ("abc", "/b/<\\0$p(v)>/", "1 a<bv>c"),
        ("ab", "/(a)(z)?/\\1\\2./", "1 a.b"),
        ("aaa", "/b/x/", "-1 unset"),
        ("abc", "/b*/-/g", "-1 unset"),
    ] {
        let config = format!(
            "request_route {{ $var(r) = \"unset\"; substitute(\"{text}\", '{command}', \"$var(r)\"); note(\"$rc $var(r)\"); }}"
        );
        assert_eq!(Server::new(&config).log().last().unwrap(), wanted, "{command}");
    }
}

#[test]
fn event_routes_that_nothing_runs() {
    let of_event = |config: &str| -> Vec<String> {
        let found = mistakes(&format!("{config} {{ exit; }}\nrequest_route {{ exit; }}"));
        found.into_iter().filter(|mistake| mistake.contains("event_route")).collect()
    };
    let never = "warning[E0110]: event_route[xhttp:request] never runs: module `xhttp` is not loaded";
    assert!(of_event("event_route[xhttp:request]")[0].ends_with(never));
    // A module that does not exist here yet is loaded nevertheless.
    let loaded = of_event("loadmodule \"xhttp.so\"\nevent_route[xhttp:request]");
    assert!(loaded[0].ends_with("error[E0301]: event_route[xhttp:request] is not supported yet"), "{loaded:?}");
    for start in ["", "loadmodule \"xhttp.so\"\n"] {
        let outcome = outcome(&format!("{start}event_route[xhttp:requst] {{ exit; }}\nrequest_route {{ exit; }}"));
        let found = outcome.diagnostics.iter().find(|it| it.code == crate::Code::UnknownEventRoute);
        assert_eq!(found.map(|it| &*it.help[0]), Some("did you mean `xhttp:request`?"));
    }
}
