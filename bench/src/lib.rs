//! What the benches measure with: messages and configurations of our own.
//!
//! `cargo xtask count` counts instructions (`benches/instructions.rs`, valgrind); `cargo bench -p bench --bench check`
//! measures how long `olelo check` takes for a large file; `cargo xtask bench` measures whole servers (`beside/`).

pub mod play;

use std::fmt::Write as _;

/// An INVITE as a phone sends it behind one proxy.
pub const INVITE: &str = "INVITE sip:bob@example.com:5060;transport=udp SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds;rport\r\n\
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKnashds8;received=203.0.113.5\r\n\
Max-Forwards: 69\r\n\
Record-Route: <sip:192.0.2.10;lr;ftag=1928301774>\r\n\
From: \"Alice\" <sip:alice@example.org>;tag=1928301774\r\n\
To: \"Bob\" <sip:bob@example.com>\r\n\
Call-ID: a84b4c76e66710@pc33.example.org\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:alice@198.51.100.7:5062>\r\n\
User-Agent: ExamplePhone/1.2.3\r\n\
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 4\r\n\
\r\n\
v=0\n";

/// The modules that all configurations here load.
const HEAD: &str = "#!KAMAILIO\ndebug=-1\nloadmodule \"sl.so\"\nloadmodule \"pv.so\"\nloadmodule \"textops.so\"\n\
loadmodule \"siputils.so\"\nloadmodule \"maxfwd.so\"\nloadmodule \"xlog.so\"\n";

/// A configuration with this body of `request_route`.
#[must_use]
pub fn configuration(body: &str) -> String {
    format!("{HEAD}request_route {{\n{body}\n\tdrop;\n}}\n")
}

/// Thirty statements of the usual kind: tests of method, user and flags, assignments, texts put together.
pub const THIRTY: &str = r#"
	if (!is_method("INVITE|OPTIONS")) exit;
	if (has_totag()) exit;
	$var(user) = $rU;
	$var(domain) = $rd;
	$var(key) = $var(user) + "@" + $var(domain);
	if ($var(key) == "nobody@nowhere.invalid") exit;
	$avp(caller) = $fU;
	$avp(count) = 1;
	$avp(count) = $avp(count) + 1;
	setflag(1);
	setflag(2);
	if (isflagset(2)) $var(flagged) = 1;
	if (isflagset(3)) $var(flagged) = 2;
	if ($rP == "tcp") setflag(5);
	if (src_ip == 192.0.2.0/24) setflag(6);
	if ($si == "203.0.113.9") exit;
	if ($(var(user){s.len}) > 20) exit;
	$var(short) = $(var(user){s.substr,0,2});
	if ($var(short) == "00") exit;
	switch ($rm) { case "REGISTER": exit; case "INVITE": $var(kind) = 1; break; default: $var(kind) = 2; }
	if ($var(kind) == 1 && $hdr(Max-Forwards) > 0) setflag(7);
	if ($ua == "BadPhone") exit;
	if (is_present_hf("Proxy-Authorization")) setflag(8);
	$var(i) = 0;
	$var(i) = $var(i) + 5;
	$var(i) = $var(i) * 3 - 1;
	if ($var(i) != 14) exit;
	$xavp(call=>from) = $fu;
	$var(again) = $xavp(call=>from);
	if ($var(again) == "") exit;
"#;

/// Changes of the request-URI, each read back.
pub const REQUEST_URI: &str = r#"
	$rU = "4930123456";
	$rd = "gateway.example.net";
	if ($ru == "") exit;
	$rp = 5080;
	$var(uri) = $ru;
	$ru = "sip:" + $rU + "@" + $rd;
	$rU = $(rU{s.strip,2});
	$var(uri) = $ru;
"#;

/// One regular expression.
pub const REGEX: &str = "\n\tif ($rU =~ \"^(\\+49|0049|0)[1-9][0-9]{2,}$\") exit;\n";

/// A configuration of at least this many lines: routes with conditions, formats, regular expressions and a switch each.
#[must_use]
pub fn large(lines: usize) -> String {
    let mut routes = String::new();
    let mut calls = String::new();
    let mut count = 0;
    while HEAD.lines().count() + calls.lines().count() + routes.lines().count() + 3 < lines {
        count += 1;
        let _ = writeln!(calls, "\troute(R{count});");
        let _ = write!(
            routes,
            r#"
# Route number {count}.
route[R{count}] {{
	if (is_method("INVITE|SUBSCRIBE") && !has_totag()) {{
		$var(a{count}) = $rU + "@" + $rd;
		$avp(x{count}) = $(var(a{count}){{s.len}});
		if ($avp(x{count}) > 10 && $ua =~ "^(foo|bar)[0-9]+$") {{
			xlog("L_INFO", "$ci: $fu -> $ru via $si:$sp {count}\n");
			setflag(7);
		}} else if ($rU =~ "^00[1-9]") {{
			$rU = "+" + $(rU{{s.substr,2,0}});
		}} else {{
			append_hf("X-Route: {count}\r\n");
		}}
	}}
	switch ($rm) {{
		case "REGISTER":
			$var(n{count}) = {count} * 2 + $var(n{count});
			break;
		default:
			$var(n{count}) = 0;
	}}
	return $var(n{count}) - 1;
}}
"#
        );
    }
    format!("{HEAD}request_route {{\n{calls}\tsl_send_reply(\"404\", \"Not Found\");\n}}\n{routes}")
}
