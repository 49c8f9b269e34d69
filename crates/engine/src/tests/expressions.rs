//! Values of expressions.

use super::{Server, mistakes};

/// Evaluates expressions at run time; the variables keep the compiler from computing them.
fn values(cases: &[(&str, &str)]) {
    let mut config = String::from("request_route {\n");
    for (expression, _) in cases {
        config.push_str(&format!("$var(r) = \"unset\"; $var(r) = {expression}; note(\"$var(r)\");\n"));
    }
    config.push('}');
    let log = Server::new(&config).log();
    let values: Vec<&String> = log.iter().filter(|line| !line.contains("t.cfg:")).collect();
    assert_eq!(values.len(), cases.len(), "{log:#?}");
    for ((expression, wanted), value) in cases.iter().zip(values) {
        assert_eq!(value, wanted, "{expression}");
    }
}

#[test]
fn the_left_side_decides_the_type() {
    values(&[
        ("$p(7) + \"5\"", "12"),
        ("$p(x) + 1 + 2", "x12"),
        ("$p(null) + 5", "5"),
        ("$p(null) + \"x\"", "x"),
        ("$p(null) + $p(null)", ""),
        ("$p(5) == \"05\"", "1"),
        ("$p(05) == 5", "1"),
        ("$p(a) == $p(null)", "0"),
        ("$p(null) == \"\"", "1"),
        ("$p(null) == 0", "1"),
        ("$p(null) == $null", "1"),
        ("$p(0) == $null", "0"),
        ("$p(null) != $null", "0"),
        ("$p(5) + $p(abc)", "unset"),
        ("$p(a) eq \"a\"", "1"),
        ("$p(a) ne \"a\"", "0"),
    ]);
}

#[test]
fn arithmetic_does_not_overflow() {
    values(&[
        ("$p(9223372036854775807) + 1", "-9223372036854775808"),
        ("$p(9223372036854775807) * 2", "-2"),
        ("$p(-7) / 2", "-3"),
        ("$p(-7) mod 3", "-1"),
        ("$p(7) / $p(0)", "unset"),
        ("$p(7) mod $p(0)", "unset"),
        ("$p(-9223372036854775808) / $p(-1)", "unset"),
        ("$p(1) << 4", "16"),
        ("$p(1) << 64", "1"),
        ("$p(1) << $p(-1)", "-9223372036854775808"),
        ("-$p(-9223372036854775808)", "-9223372036854775808"),
        ("~$p(5)", "-6"),
        ("$p(6) & 3 | 8", "10"),
        ("$p(2) + 3 * 4", "14"),
    ]);
}

#[test]
fn conditions_and_matches() {
    values(&[
        ("$p(1) && $p(-1)", "1"),
        ("$p(0) || $p(null)", "0"),
        ("!$p(2)", "0"),
        ("$p(sip:bob@x) =~ \"^SIP:BO.@\"", "1"),
        ("$p(null) =~ \".*\"", "1"),
        ("$p(null) =~ \"x\"", "0"),
        ("$p(0) == \"\"", "0"),
        ("$p(null) == \"\"", "1"),
        ("$p(12) =~ \"^12$\"", "1"),
        ("defined $p(null)", "0"),
        ("defined $p(x)", "1"),
        ("strlen($p(abc))", "3"),
        ("strempty($p(null))", "1"),
        ("(int)$p(12) + 1", "13"),
        ("(str)$p(12) + 1", "121"),
        ("$p(3) > 2 && 2 >= $p(2) && 1 < $p(2) && $p(1) <= 1", "1"),
    ]);
}

#[test]
fn calls_inside_of_expressions() {
    values(&[
        ("1 + 2 * code(5)", "3"),
        ("code(-5) + 10", "10"),
        ("code(1) && !code(-1)", "1"),
        ("code(-1) || slow(3)", "1"),
        ("slow(1) + fast(1) + code(1)", "3"),
        ("selval(code(1), slow(3), 7) + 1", "2"),
        ("selval($p(0), $p(a), $p(b)) + 1", "b1"),
        ("1 + ($var(u) = 8)", "2"),
    ]);
}

#[test]
fn a_text_does_not_grow_without_end() {
    let server = Server::new(
        "request_route { $var(t) = \"0123456789abcdef\"; while (1) { $var(t) = $p(x) + $var(t) + $var(t); } note(\"end\"); }",
    );
    let log = server.log();
    assert!(log.iter().any(|line| line.contains("more than 1048576 bytes")), "{:?}", log.first());
    assert_eq!(log.last().unwrap(), "end");
}

#[test]
fn mistakes_that_show_at_load() {
    for (expression, wanted) in [
        ("$var(x) = 1 + \"a\";", "cannot be added"),
        ("$var(x) = $p(a) =~ \"(\";", "wrong regular expression"),
        ("$p(a) = 1;", "read-only"),
        ("$var(x) = \"a\" * 2;", "a number is needed"),
        ("$var(x) = selval(1, 2);", "three arguments"),
        ("$var(x) = $(rc[0]);", "takes no index"),
        ("if (src_ip == myhost.example) exit;", "host name"),
        ("switch (1) { case 1: exit; case 1: exit; }", "stands twice"),
    ] {
        let found = mistakes(&format!("request_route {{ {expression} }}"));
        assert!(found.iter().any(|mistake| mistake.contains(wanted)), "{expression}: {found:?}");
    }
}
