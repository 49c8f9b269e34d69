//! What is accepted and what is refused. Kamailio 5.6.3 says the same, except for what is newer.

use super::{drawn, text};
use crate::ast::ItemKind;

#[rustfmt::skip]
const ACCEPTED_STATEMENTS: &[&str] = &[
    ";", "exit;", "exit();", "exit(1);", "exit 5;", "exit -1;", "drop;", "drop(1);", "break;", "return;", "return();",
    "return 1+2;", "return (1)+2;", "return $var(x) > 3 && 1;", "return { f(\"a\"); };", "$var(x) = ($var(y) = 1);",
    "$var(x)={ f(\"x\"); };", "if (!!f(\"X\")) exit;", "if (!!defined $var(x)) exit;", "if ! !$var(x) exit;",
    "log(1,\"x\");", "f(,\"x\");", "f((\"a\"));", "if ({ f(\"a\"); }) exit;", "if { f(\"a\"); } exit;",
    "switch($rm){ case /\"re\": exit; }", "switch($rm){ case \"a\": case \"b\": exit; default: exit; }",
    "switch($rm){ case \"a\": }", "switch($rm){ }", "switch $rm { case 1: exit; };", "switch($rm){ case 1+1: exit; }",
    "switch($rm){ case -1: exit; }", "switch($rm){ case (\"a\"): exit; }",
    "switch($rm){ default: exit; case 1: exit; }", "if ($var(x)=5 && f(\"x\")) exit;", "$var(x) = 1 || 0;", "%x = 1;",
    "if ($rm==\"X\") { exit; } else exit;", "if ($rm==\"X\") ; else exit;", "if ($rm==\"X\") {;} else {exit;};",
    "while(1) break;", "if $rm == \"A\" exit;", "if !$var(x) { exit; }",
    "if ($rm == \"A\") exit; else if ($rm == \"B\") { exit; } else exit;", "route(X);", "route(\"X\");", "route(1);",
    "route(\"a\"+\"b\");", "route($var(x));", "setflag(F);", "setflag(5);", "isflagset(F);", "force_rport();",
    "force_rport;", "forward();", "forward(a.b,5);", "forward(uri:host, uri:port);", "forward(1.2.3.4, 5060);",
    "forward(\"x\",5);", "forward([::1],5);", "forward(::1,5);", "force_send_socket(udp:1.2.3.4:5060);",
    "force_send_socket(1.2.3.4:5060);", "force_send_socket(\"udp:1.2.3.4:5060\");", "force_send_socket(udp:a.b:50);",
    "force_send_socket(udp:[::1]:50);", "set_advertised_address(a.b);", "set_advertised_address(1.2.3.4);",
    "set_advertised_port(5);", "udp_mtu_try_proto(TCP);", "cfg_select(\"a\",1);", "remove_branch();",
    "if (method == \"INVITE\") && $var(x) exit;", "if (route(X) == 2) exit;", "$xavp(a[0]=>b[1]) = 1;",
    "$var(x)=@msg.header[\"x\"];", "$var(x)=@to.tag + @cfg_get.core.x;", "f(\"a\");; ;", "if loose_route() exit;",
    "if (1) { exit; }; ; ;",
];

#[rustfmt::skip]
const REFUSED_STATEMENTS: &[&str] = &[
    "", "exit", "if (1) { exit }", "f(\"a\")", "1+2;", "\"x\";", "$var(x) = $var(y) = 1;", "{ f(\"x\"); }",
    "f(L_INFO,\"x\");", "f(\"x\",);", "f(,);", "f(\"a\",,\"b\");", "strip(,1);", "$var(x) = \"a\" . \"b\";",
    "switch($rm){ case /\"re\"/: exit; }", "switch($rm){ case /\"re\"i: exit; }", "switch($rm) case 1: exit;",
    "if (uri==myhost.com) exit;", "if (method!=INVITE|ACK) exit;", "if ($si==10.0.0.1) exit;",
    "if (10.0.0.1==src_ip) exit;", "if ($proto==UDP) exit;", "if ($var(x){s.len}) exit;", "if ($avp(x)[0]==1) exit;",
    "$var(x)=$ru.y;", "($var(x)=1);", "!f(\"x\");", "f(\"a\") && g(\"b\");", "$var(x);", "uri;", "$var(x) == 1;",
    "(f(\"x\"));", "strempty(\"x\");", "@msg.x;", "if (f(\"a\") && $var(x)=5) exit;", "if $var(x)=5 exit;",
    "$(var(x){s.len})=1;", "@msg.x = 1;", "if (\"INVITE\"==method) exit;", "if (INVITE==method) exit;",
    "if (uri) exit;", "$var(x)=method;", "if ((src_ip)==1.2.3.4) exit;", "if (src_ip==1.2.3.400) exit;",
    "route(X+\"b\");", "route();", "setflag();", "if (uri==urn) exit;", "if (proto==foo) exit;", "if (src_ip==10.0.0.0/33) exit;", "f(X);", "forward;", "f;", "userphone;", "f(g(\"x\"));", "$var(x)=strlen \"a\";",
    "$var(x) = 5 % 2;", "$var(x)=TCP;", "$var(x)=LOG_INFO;", "if ($rm==\"X\") exit else exit;",
    "if ($rm==\"X\") { } else exit;", "switch($rm){ case 1: case \"a\": exit; }",
    "switch($rm){ case $var(x): exit; }", "switch($rm){ exit; case 1: exit; }", "switch($rm){ case 1: { exit; } }",
    "switch($rm){ case X: exit; }", "switch($rm){ case 1: exit; default: exit; default: exit; }",
    "switch($rm){ case 1: exit; case 1: exit; }", "switch(method){ case INVITE: exit; }", "if (myself) exit;",
    "if (myself==5) exit;", "break();", "case(1);", "if (1) { f(\"a\"); else exit; }", "if(is_a) exit;",
    "$avp(x) := 1;", "$x += 1;", "$x++;", "$x = 08;", "$x = 0b101;", "if ($x !~ \"a\") exit;", "$x = $y ? 1 : 2;",
    "$x = +7;", "$var(x) = $var(a) $var(b);", "$x = ;", "if () exit;", "f(\"a\"", "f(\"a\";", "if (1",
    "$x = $rcv(ip);", "$x = $(ru;", "port(1);", "if ($x = 1; exit;", "foo = 1;",
];

#[rustfmt::skip]
const ACCEPTED_ITEMS: &[&str] = &[
    "debug=3;", ";", "debug=3;;\nfork=no", "debug=-3", "debug=inet", "debug=101b", "g.x=5 desc \"t\"",
    "g.x=\"s\" descr \"x\"", "g[1].x=5", "kemi.onsend_route_callback=\"x\"", "log_facility=LOG_LOCAL0",
    "advertised_address=\"1.2.3.4\"", "advertised_address=1.2.3.4", "advertised_address=a.b.c", "tos=IPTOS_LOWDELAY",
    "udp_mtu_try_proto=TCP", "mcast=eth0", "tcp_source_ipv4=1.2.3.4", "flags A:1, B;", "flags A:1, B", "bool A;",
    "avpflags a,b;", "cfgengine \"native\"", "cfgengine=\"native\"", "modparam(\"tm\",\"fr_timer\",-1)",
    "modparam(\"tm\",\"fr_timer\",yes)", "modparam(\"tm\",'fr_timer',5);", "modparamx(\"a\",\"b\",$def(X))",
    "loadmodule \"x\"", "loadmodule 'x';", "loadmodule(\"x\",\"g\")", "mpath=\"/a:/b\"", "loadpath \"/a/\"",
    "listen=udp:127.0.0.1:5060 advertise \"1.2.3.4\":5060", "listen=127.0.0.1:*", "listen=*:127.0.0.1:5060",
    "listen=127.0.0.1:5060 127.0.0.1:5061", "listen=sctp:(127.0.0.1,127.0.0.2):5060", "listen=[::1]",
    "listen=127.0.0.1:5060 advertise a.b:5060 name \"c\" virtual", "#!define L udp:127.0.0.1:5060\nlisten=L",
    "#!define L \"127.0.0.1\"\nlisten=udp:L:5060", "alias=a.b c.d:5060 udp:e.f:5061", "alias=\"a.b\":5060",
    "alias=3com.com", "alias=a.3com.com", "alias=*:a.b:*", "alias=a.b:5060\nalias=c.d", "alias=01a.example.com",
    "alias=a.b\nmy.param = 5", "alias=a.b\ncustom = 5", "coreparam[name]=5", "event_route[a:b:c-d_e] { exit; }",
    "event_route[ xhttp : request ] { exit; }", "event_route[\"xhttp:request\"] { exit; }",
    "route[\"FOO-BAR x\"] { exit; }", "route['A'] { exit; };", "failure_route { exit; }", "onsend_route[1] { exit; }",
    "branch_route { exit; }", "onreply_route[\"A\"] { exit; }", "#!subst \"/a/b/\"", "#!subst '/a/b/'",
    "#!substdef \"!A!5!g\"\ndebug=A", "#!substdefs \"!A!B!g\"\nlog_prefix=A",
    "#!substdef \"!A!5!g\"\n#!substdef \"!A!6!g\"",
    "#!substdef \"!A!B!g\"\n#!substdef \"!C!A!g\"\n#!substdef \"!B!5!\"\ndebug=C", "import_file \"/nope\"",
    "!!import_file \"/nope\"", "import_file\"/x\"", "#!SER", "/* a /* b */ c */ debug=1", "/* a",
    "#!define X 1\\\n2\ndebug=X", "#!define X deb\\\nug\nX=3", "#!define X \"a\\\nb\"\nlog_prefix=X",
    "#!define debug 5\ndebug=4", "#!define X 3\r\ndebug=X\r\n",
    "\u{feff}debug=1\n\u{1}\u{a0}debug=2\n", "#!endif\n#!ifdef X\n@@\n", "#!ifdef X\r\n@@\r\n#!endif\r\n",
];

#[rustfmt::skip]
const REFUSED_ITEMS: &[&str] = &[
    "route[FOO-BAR] { exit; }", "route[1a] { exit; }", "route[-1] { exit; }", "route[log] { exit; }",
    "route[x:y] { exit; }", "route[] { exit; }", "route(A) { exit; }", "route A { exit; }", "route[A] { }",
    "route[A b] {exit;}", "route[$x] {exit;}", "route[A] exit;", "route[A][B] { exit; }", "event_route { exit; }",
    "event_route[xhttp] { exit; }", "request_route[A] { exit; }", "reply_route[A] { exit; }",
    "modparam(\"tm\",\"fr_timer\",X)", "modparam \"tm\",\"fr_timer\",5", "modparam(\"tm\",\"fr_timer\",5+5)",
    "modparam(\"tm\",\"fr_timer\",$var(x))", "modparam(\"tm\",\"fr_timer\")", "loadmodule X", "loadmodule=\"x\"",
    "g.x=foo", "g.port=5", "listen=127.0.0.1:5060, 127.0.0.1:5061", "listen=127.0.0.1:5060/udp",
    "listen=127.0.0.1 name x", "listen=127.0.0.1:P", "listen=udp:127.0.0.1:99999", "alias=a.b, c.d", "mpath=/usr",
    "children=4+4", "workdir=/tmp", "flags A B;", "cfgengine native", "xlog(\"a\")", "if (1) exit;", "debug=",
    "debug=08", "debug=0b101", "debug=0X1f", "#!define X\ndebug=X", "#!define A-B 1", "#!define X 1\n#!define X 2",
    "#!ifdef X\n@@\n", "#!endif\n", "#!endif\n#!endif\n#!ifdef X\n", "#!ifdef X\n#!endif\n#!endif\n\n", "#!ifdef\n@@\n#!endif\n", "#!ifdef X\n@@\n# #!endif\n#!endif\n", "!!foo bar",
    "#!defenv NOPE_X_Y", "#!subst \"/a/b\"", "#!subst \"a\"", "#!subst \"/a/b/x\"", "#!subst \"/(a/b/\"", "#!subst X",
    "#!subst \"/a/b/\" \"/c/d/\"", "#!define A 1\n#!substdef \"!A!5!g\"", "include_file \"/nope\"",
    "#!import_file '/nope'", "import_file \"\"", "import_file \"/no pe\"", "import_file X", "log_prefix=\"a",
    "debug=1a", "#!define X X\ndebug=X", "#!define X Y\n#!define Y X\ndebug=X", "request_route { exit;", "}",
    "rout { exit; }", "socket = { name=\"x\"; }",
];

#[test]
fn accepted_statements() {
    for source in ACCEPTED_STATEMENTS {
        let parsed = text(&format!("#!KAMAILIO\nrequest_route {{\n{source}\n}}\n"));
        assert!(!parsed.has_errors(), "{source}\n{}", drawn(&parsed));
    }
}

#[test]
fn refused_statements() {
    for source in REFUSED_STATEMENTS {
        let parsed = text(&format!("#!KAMAILIO\nrequest_route {{\n{source}\n}}\n"));
        assert!(parsed.has_errors(), "accepted: {source}");
        let blocks = parsed.config.items.iter().filter(|item| matches!(item.kind, ItemKind::Route(_))).count();
        assert_eq!(blocks, 1, "the block got lost: {source}");
    }
}

#[test]
fn accepted_items() {
    for source in ACCEPTED_ITEMS {
        let parsed = text(&format!("#!KAMAILIO\n{source}\nrequest_route {{ exit; }}\n"));
        assert!(!parsed.has_errors(), "{source}\n{}", drawn(&parsed));
    }
}

#[test]
fn refused_items() {
    for source in REFUSED_ITEMS {
        let parsed = text(&format!("#!KAMAILIO\n{source}\nreply_route {{ exit; }}\n"));
        assert!(parsed.has_errors(), "accepted: {source}");
    }
}
