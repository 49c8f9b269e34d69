//! What is accepted, what is refused, and what the tree looks like. The two lists agree with Kamailio 5.6.3, except
//! where a comment says otherwise.

use crate::ast::{
    BinaryOp, Block, ConfigValue, Expr, ExprKind, Item, ItemKind, Label, Mode, RouteBlock, RouteKind, Statement,
    StatementKind, UnaryOp,
};
use crate::{MemoryFiles, Parsed, Source, parse};

fn text(text: &str) -> Parsed {
    parse(&Source::text("test.cfg", text, &MemoryFiles::default()))
}

fn drawn(parsed: &Parsed) -> String {
    let lines = parsed.diagnostics.iter().map(|it| crate::render::concise(it, &parsed.sources));
    lines.collect::<Vec<_>>().join("\n")
}

fn items(source: &str) -> Vec<Item> {
    let parsed = text(source);
    assert!(!parsed.has_errors(), "{source}\n{}", drawn(&parsed));
    parsed.config.items
}

fn item(source: &str) -> ItemKind {
    let mut items = items(source);
    assert_eq!(items.len(), 1, "{source}");
    items.remove(0).kind
}

fn route(source: &str) -> RouteBlock {
    match item(source) {
        ItemKind::Route(route) => route,
        other => panic!("{other:?}"),
    }
}

fn statement(source: &str) -> StatementKind {
    let route = route(&format!("#!KAMAILIO\nrequest_route {{\n{source}\n}}\n"));
    let Block { mut statements, .. } = route.body;
    assert_eq!(statements.len(), 1, "{source}");
    statements.remove(0).kind
}

/// An expression in a compact notation.
fn expression(source: &str) -> String {
    match statement(&format!("$x = {source};")) {
        StatementKind::Expr(Expr { kind: ExprKind::Assign { value, .. }, .. }) => show(&value),
        other => panic!("{other:?}"),
    }
}

fn show(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Int(number) => number.to_string(),
        ExprKind::String(text) => format!("{text:?}"),
        ExprKind::Variable(variable) => format!("${}", variable.name),
        ExprKind::Select(text) => format!("@{text}"),
        ExprKind::Attribute(text) | ExprKind::Operand(text) | ExprKind::Address(text) => text.clone(),
        ExprKind::Word(text) => format!("'{text}"),
        ExprKind::Binary { op, left, right } => format!("({} {op:?} {})", show(left), show(right)),
        ExprKind::Unary { op, operand } => format!("{op:?}({})", show(operand)),
        ExprKind::Assign { target, value } => format!("({} = {})", show(target), show(value)),
        ExprKind::Call(call) => {
            format!("{}({})", call.name.node, call.arguments.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        ExprKind::Myself => "myself".to_owned(),
        ExprKind::Block(block) => format!("{{{}}}", block.statements.len()),
    }
}

fn condition(source: &str) -> String {
    match statement(&format!("if ({source}) exit;")) {
        StatementKind::If { condition, .. } => show(&condition),
        other => panic!("{other:?}"),
    }
}

#[test]
fn accepted_statements() {
    for source in [
        ";",
        "exit;",
        "exit();",
        "exit(1);",
        "exit 5;",
        "exit -1;",
        "drop;",
        "drop(1);",
        "break;",
        "return;",
        "return();",
        "return 1+2;",
        "return (1)+2;",
        "return $var(x) > 3 && 1;",
        "return { f(\"a\"); };",
        "$var(x) = ($var(y) = 1);",
        "$var(x)={ f(\"x\"); };",
        "if (!!f(\"X\")) exit;",
        "if (!!defined $var(x)) exit;",
        "if ! !$var(x) exit;",
        "log(1,\"x\");",
        "f(,\"x\");",
        "f((\"a\"));",
        "if ({ f(\"a\"); }) exit;",
        "if { f(\"a\"); } exit;",
        "switch($rm){ case /\"re\": exit; }",
        "switch($rm){ case \"a\": case \"b\": exit; default: exit; }",
        "switch($rm){ case \"a\": }",
        "switch($rm){ }",
        "switch $rm { case 1: exit; };",
        "switch($rm){ case 1+1: exit; }",
        "switch($rm){ case -1: exit; }",
        "switch($rm){ case (\"a\"): exit; }",
        "switch($rm){ default: exit; case 1: exit; }",
        "if ($var(x)=5 && f(\"x\")) exit;",
        "$var(x) = 1 || 0;",
        "%x = 1;",
        "if ($rm==\"X\") { exit; } else exit;",
        "if ($rm==\"X\") ; else exit;",
        "if ($rm==\"X\") {;} else {exit;};",
        "while(1) break;",
        "if $rm == \"A\" exit;",
        "if !$var(x) { exit; }",
        "if ($rm == \"A\") exit; else if ($rm == \"B\") { exit; } else exit;",
        "route(X);",
        "route(\"X\");",
        "route(1);",
        "route(\"a\"+\"b\");",
        "route($var(x));",
        "setflag(F);",
        "setflag(5);",
        "isflagset(F);",
        "force_rport();",
        "force_rport;",
        "forward();",
        "forward(a.b,5);",
        "forward(uri:host, uri:port);",
        "forward(1.2.3.4, 5060);",
        "forward(\"x\",5);",
        "forward([::1],5);",
        "forward(::1,5);",
        "force_send_socket(udp:1.2.3.4:5060);",
        "force_send_socket(1.2.3.4:5060);",
        "force_send_socket(\"udp:1.2.3.4:5060\");",
        "force_send_socket(udp:a.b:50);",
        "force_send_socket(udp:[::1]:50);",
        "set_advertised_address(a.b);",
        "set_advertised_address(1.2.3.4);",
        "set_advertised_port(5);",
        "udp_mtu_try_proto(TCP);",
        "cfg_select(\"a\",1);",
        "remove_branch();",
        "if (method == \"INVITE\") && $var(x) exit;",
        "if (route(X) == 2) exit;",
        "$xavp(a[0]=>b[1]) = 1;",
        "$var(x)=@msg.header[\"x\"];",
        "$var(x)=@to.tag + @cfg_get.core.x;",
        "f(\"a\");; ;",
        "if loose_route() exit;",
        "if (1) { exit; }; ; ;",
    ] {
        let parsed = text(&format!("#!KAMAILIO\nrequest_route {{\n{source}\n}}\n"));
        assert!(!parsed.has_errors(), "{source}\n{}", drawn(&parsed));
    }
}

#[test]
fn refused_statements() {
    for source in [
        "",
        "exit",
        "if (1) { exit }",
        "f(\"a\")",
        "1+2;",
        "\"x\";",
        "$var(x) = $var(y) = 1;",
        "{ f(\"x\"); }",
        "f(L_INFO,\"x\");",
        "f(\"x\",);",
        "f(,);",
        "f(\"a\",,\"b\");",
        "strip(,1);",
        "$var(x) = \"a\" . \"b\";",
        "switch($rm){ case /\"re\"/: exit; }",
        "switch($rm){ case /\"re\"i: exit; }",
        "switch($rm) case 1: exit;",
        "if (uri==myhost.com) exit;",
        "if (method!=INVITE|ACK) exit;",
        "if ($si==10.0.0.1) exit;",
        "if (10.0.0.1==src_ip) exit;",
        "if ($proto==UDP) exit;",
        "if ($var(x){s.len}) exit;",
        "if ($avp(x)[0]==1) exit;",
        "$var(x)=$ru.y;",
        "($var(x)=1);",
        "!f(\"x\");",
        "f(\"a\") && g(\"b\");",
        "$var(x);",
        "uri;",
        "$var(x) == 1;",
        "(f(\"x\"));",
        "strempty(\"x\");",
        "@msg.x;",
        "if (f(\"a\") && $var(x)=5) exit;",
        "if $var(x)=5 exit;",
        "$(var(x){s.len})=1;",
        "@msg.x = 1;",
        "if (\"INVITE\"==method) exit;",
        "if (INVITE==method) exit;",
        "if (uri) exit;",
        "$var(x)=method;",
        "if ((src_ip)==1.2.3.4) exit;",
        "if (src_ip==1.2.3.400) exit;",
        "route(X+\"b\");",
        "f(X);",
        "forward;",
        "f;",
        "userphone;",
        "f(g(\"x\"));",
        "$var(x)=strlen \"a\";",
        "$var(x) = 5 % 2;",
        "$var(x)=TCP;",
        "$var(x)=LOG_INFO;",
        "if ($rm==\"X\") exit else exit;",
        "if ($rm==\"X\") { } else exit;",
        "switch($rm){ case 1: case \"a\": exit; }",
        "switch($rm){ case $var(x): exit; }",
        "switch($rm){ exit; case 1: exit; }",
        "switch($rm){ case 1: { exit; } }",
        "switch($rm){ case X: exit; }",
        "switch($rm){ case 1: exit; default: exit; default: exit; }",
        "switch($rm){ case 1: exit; case 1: exit; }",
        "switch(method){ case INVITE: exit; }",
        "if (myself) exit;",
        "if (myself==5) exit;",
        "break();",
        "case(1);",
        "if (1) { f(\"a\"); else exit; }",
        "if(is_a) exit;",
        "$avp(x) := 1;",
        "$x += 1;",
        "$x++;",
        "$x = 08;",
        "$x = 0b101;",
        "if ($x !~ \"a\") exit;",
        "$x = $y ? 1 : 2;",
        "$x = +7;",
        "$var(x) = $var(a) $var(b);",
        "$x = ;",
        "if () exit;",
        "f(\"a\"",
        "f(\"a\";",
        "if (1",
        "$x = $rcv(ip);",
        "$x = $(ru;",
        "port(1);",
        "if ($x = 1; exit;",
        "foo = 1;",
    ] {
        let parsed = text(&format!("#!KAMAILIO\nrequest_route {{\n{source}\n}}\n"));
        assert!(parsed.has_errors(), "accepted: {source}");
        let blocks = parsed.config.items.iter().filter(|item| matches!(item.kind, ItemKind::Route(_))).count();
        assert_eq!(blocks, 1, "the block got lost: {source}");
    }
}

#[test]
fn accepted_items() {
    for source in [
        "debug=3;",
        ";",
        "debug=3;;\nfork=no",
        "debug=-3",
        "debug=inet",
        "debug=101b",
        "g.x=5 desc \"t\"",
        "g.x=\"s\" descr \"x\"",
        "g[1].x=5",
        "kemi.onsend_route_callback=\"x\"",
        "log_facility=LOG_LOCAL0",
        "advertised_address=\"1.2.3.4\"",
        "advertised_address=1.2.3.4",
        "advertised_address=a.b.c",
        "tos=IPTOS_LOWDELAY",
        "udp_mtu_try_proto=TCP",
        "mcast=eth0",
        "tcp_source_ipv4=1.2.3.4",
        "flags A:1, B;",
        "flags A:1, B",
        "bool A;",
        "avpflags a,b;",
        "cfgengine \"native\"",
        "cfgengine=\"native\"",
        "modparam(\"tm\",\"fr_timer\",-1)",
        "modparam(\"tm\",\"fr_timer\",yes)",
        "modparam(\"tm\",'fr_timer',5);",
        "modparamx(\"a\",\"b\",$def(X))",
        "loadmodule \"x\"",
        "loadmodule 'x';",
        "loadmodule(\"x\",\"g\")",
        "mpath=\"/a:/b\"",
        "loadpath \"/a/\"",
        "listen=udp:127.0.0.1:5060 advertise \"1.2.3.4\":5060",
        "listen=127.0.0.1:*",
        "listen=*:127.0.0.1:5060",
        "listen=127.0.0.1:5060 127.0.0.1:5061",
        "listen=sctp:(127.0.0.1,127.0.0.2):5060",
        "listen=[::1]",
        "listen=127.0.0.1:5060 advertise a.b:5060 name \"c\" virtual",
        "#!define L udp:127.0.0.1:5060\nlisten=L",
        "#!define L \"127.0.0.1\"\nlisten=udp:L:5060",
        "alias=a.b c.d:5060 udp:e.f:5061",
        "alias=\"a.b\":5060",
        "alias=3com.com",
        "alias=a.3com.com",
        "alias=*:a.b:*",
        "alias=a.b:5060\nalias=c.d",
        "alias=01a.example.com",
        "alias=a.b\nmy.param = 5",
        "alias=a.b\ncustom = 5",
        "coreparam[name]=5",
        "event_route[a:b:c-d_e] { exit; }",
        "event_route[ xhttp : request ] { exit; }",
        "event_route[\"xhttp:request\"] { exit; }",
        "route[\"FOO-BAR x\"] { exit; }",
        "route['A'] { exit; };",
        "failure_route { exit; }",
        "onsend_route[1] { exit; }",
        "branch_route { exit; }",
        "onreply_route[\"A\"] { exit; }",
        "#!subst \"/a/b/\"",
        "#!subst '/a/b/'",
        "#!substdef \"!A!5!g\"\ndebug=A",
        "#!substdefs \"!A!B!g\"\nlog_prefix=A",
        "#!substdef \"!A!5!g\"\n#!substdef \"!A!6!g\"",
        "#!substdef \"!A!B!g\"\n#!substdef \"!C!A!g\"\n#!substdef \"!B!5!\"\ndebug=C",
        "import_file \"/nope\"",
        "!!import_file \"/nope\"",
        "import_file\"/x\"",
        "#!SER",
        "/* a /* b */ c */ debug=1",
        "/* a",
        "#!define X 1\\\n2\ndebug=X",
        "#!define X deb\\\nug\nX=3",
        "#!define X \"a\\\nb\"\nlog_prefix=X",
        "#!define debug 5\ndebug=4",
        "#!define X 3\r\ndebug=X\r\n",
        "#!ifdef X\r\n@@\r\n#!endif\r\n",
    ] {
        let parsed = text(&format!("#!KAMAILIO\n{source}\nrequest_route {{ exit; }}\n"));
        assert!(!parsed.has_errors(), "{source}\n{}", drawn(&parsed));
    }
}

#[test]
fn refused_items() {
    for source in [
        "route[FOO-BAR] { exit; }",
        "route[1a] { exit; }",
        "route[-1] { exit; }",
        "route[log] { exit; }",
        "route[x:y] { exit; }",
        "route[] { exit; }",
        "route(A) { exit; }",
        "route A { exit; }",
        "route[A] { }",
        "route[A b] {exit;}",
        "route[$x] {exit;}",
        "route[A] exit;",
        "route[A][B] { exit; }",
        "event_route { exit; }",
        "event_route[xhttp] { exit; }",
        "request_route[A] { exit; }",
        "reply_route[A] { exit; }",
        "modparam(\"tm\",\"fr_timer\",X)",
        "modparam \"tm\",\"fr_timer\",5",
        "modparam(\"tm\",\"fr_timer\",5+5)",
        "modparam(\"tm\",\"fr_timer\",$var(x))",
        "modparam(\"tm\",\"fr_timer\")",
        "loadmodule X",
        "loadmodule=\"x\"",
        "g.x=foo",
        "g.port=5",
        "listen=127.0.0.1:5060, 127.0.0.1:5061",
        "listen=127.0.0.1:5060/udp",
        "listen=127.0.0.1 name x",
        "listen=127.0.0.1:P",
        "listen=udp:127.0.0.1:99999",
        "alias=a.b, c.d",
        "mpath=/usr",
        "children=4+4",
        "workdir=/tmp",
        "flags A B;",
        "cfgengine native",
        "xlog(\"a\")",
        "if (1) exit;",
        "debug=",
        "debug=08",
        "debug=0b101",
        "debug=0X1f",
        "#!define X\ndebug=X",
        "#!define A-B 1",
        "#!define X 1\n#!define X 2",
        "#!ifdef X\n@@\n",
        "#!endif\n",
        "#!ifdef\n@@\n#!endif\n",
        "#!ifdef X\n@@\n# #!endif\n#!endif\n",
        "!!foo bar",
        "#!defenv NOPE_X_Y",
        "#!subst \"/a/b\"",
        "#!subst \"a\"",
        "#!subst \"/a/b/x\"",
        "#!subst \"/(a/b/\"",
        "#!subst X",
        "#!subst \"/a/b/\" \"/c/d/\"",
        "#!define A 1\n#!substdef \"!A!5!g\"",
        "include_file \"/nope\"",
        "#!import_file '/nope'",
        "import_file \"\"",
        "import_file \"/no pe\"",
        "import_file X",
        "log_prefix=\"a",
        "debug=1a",
        "#!define X X\ndebug=X",
        "#!define X Y\n#!define Y X\ndebug=X",
        "request_route { exit;",
        "}",
        "rout { exit; }",
        "socket = { name=\"x\"; }",
    ] {
        let parsed = text(&format!("#!KAMAILIO\n{source}\nreply_route {{ exit; }}\n"));
        assert!(parsed.has_errors(), "accepted: {source}");
    }
}

#[test]
fn precedence() {
    assert_eq!(expression("1 + 2 * 3 - 4"), "((1 Plus (2 Multiply 3)) Minus 4)");
    assert_eq!(expression("$a == 1 || $b != 2 && $c"), "(($a Equal 1) Or (($b NotEqual 2) And $c))");
    assert_eq!(expression("1 | 2 & 3 ^ 4 << 5 >> 6"), "(1 BitOr (2 BitAnd (3 BitXor (4 ShiftLeft (5 ShiftRight 6)))))");
    assert_eq!(expression("!$a =~ \"b\""), "(Not($a) Match \"b\")");
    assert_eq!(expression("-1 mod ~2"), "(Negate(1) Modulo BitNot(2))");
    assert_eq!(
        expression("not defined $a and (int)$b + (str)5"),
        "(Not(Defined($a)) And (ToInt($b) Plus ToString(5)))"
    );
    assert_eq!(
        expression("strlen(\"a\" + $b) > 1 eq strempty($c)"),
        "((StrLen((\"a\" Plus $b)) Greater 1) StringEqual StrEmpty($c))"
    );
    assert_eq!(expression("selval($a, 1, \"x\") ieq yes"), "(selval($a, 1, \"x\") IntEqual 1)");
    assert_eq!(expression("(1 < 2) ine (3 >= 4)"), "((1 Less 2) IntNotEqual (3 GreaterEqual 4))");
    assert_eq!(expression("{ f(); g(); }"), "{2}");
}

#[test]
fn conditions() {
    assert_eq!(condition("!method==INVITE && proto!=UDP"), "(Not((method Equal 'INVITE)) And (proto NotEqual 'UDP))");
    assert_eq!(condition("1 == method==\"A\""), "(1 Equal (method Equal \"A\"))");
    assert_eq!(
        condition("src_ip==10.0.0.0/8 or dst_ip != 1.2.3.4/255.255.0.0"),
        "((src_ip Equal 10.0.0.0/8) Or (dst_ip NotEqual 1.2.3.4/255.255.0.0))"
    );
    assert_eq!(
        condition("src_ip==[2001:db8::1] || src_ip==fe80::/10"),
        "((src_ip Equal 2001:db8::1) Or (src_ip Equal fe80::/10))"
    );
    assert_eq!(condition("src_ip==my-host.example.com"), "(src_ip Equal 'my-host.example.com)");
    assert_eq!(
        condition("uri==myself || myself==from_uri || src_ip==myself"),
        "(((uri Equal myself) Or (myself Equal from_uri)) Or (src_ip Equal myself))"
    );
    assert_eq!(
        condition("msg:len >= max_len || status=~\"2..\""),
        "((msg:len GreaterEqual max_len) Or (status Match \"2..\"))"
    );
    assert_eq!(condition("af==INET6 && to_af==inet"), "((af Equal 10) And (snd_af Equal 2))");
    assert_eq!(condition("src_port==$sp+1"), "(src_port Equal ($sp Plus 1))");
}

#[test]
fn calls() {
    let call = |source: &str| match statement(source) {
        StatementKind::Expr(expr) => show(&expr),
        other => panic!("{other:?}"),
    };
    assert_eq!(call("route(RELAY);"), "route('RELAY)");
    assert_eq!(call("route(1);"), "route(1)");
    assert_eq!(call("setflag(FLT_ACC);"), "setflag('FLT_ACC)");
    assert_eq!(call("forward(uri:host, 5060);"), "forward(uri:host, 5060)");
    assert_eq!(call("forward(1.2.3.4, uri:port);"), "forward(1.2.3.4, uri:port)");
    assert_eq!(call("forward(a.b.c);"), "forward('a.b.c)");
    assert_eq!(call("force_send_socket(udp:[::1]:5060);"), "force_send_socket('udp:[::1]:5060)");
    assert_eq!(call("set_advertised_address(a-1.b);"), "set_advertised_address('a-1.b)");
    assert_eq!(call("udp_mtu_try_proto(TCP);"), "udp_mtu_try_proto('TCP)");
    assert_eq!(call("xlog(, $var(x) + 1);"), "xlog(\"\", ($var Plus 1))");
    assert!(
        matches!(statement("force_rport;"), StatementKind::Expr(Expr { kind: ExprKind::Call(call), .. }) if !call.parenthesized)
    );
}

#[test]
fn control_flow() {
    let StatementKind::If { otherwise: Some(block), .. } = statement("if (1) f(); else if (2) g(); else h();") else {
        panic!()
    };
    assert!(matches!(&block.statements[0].kind, StatementKind::If { otherwise: Some(_), .. }));
    let source = "switch ($var(x)) { case 1: case 2: f(); break; case /\"a.*\": ; default: exit; }";
    let parsed = text(&format!("route {{ {source} }}"));
    let ItemKind::Route(route) = &parsed.config.items[0].kind else { panic!() };
    let StatementKind::Switch { cases, .. } = &route.body.statements[0].kind else { panic!() };
    let bodies: Vec<usize> = cases.iter().map(|case| case.body.len()).collect();
    assert_eq!(bodies, [0, 2, 1, 1]);
    assert!(matches!(&cases[2].label, Some(Label::Regex(pattern, _)) if pattern.node == "a.*"));
    assert!(cases[3].label.is_none());
    assert!(matches!(
        statement("return(-1);"),
        StatementKind::Return(Some(Expr { kind: ExprKind::Unary { op: UnaryOp::Negate, .. }, .. }))
    ));
    assert!(matches!(statement("exit();"), StatementKind::Exit(None)));
}

#[test]
fn routes() {
    for (source, kind, name) in [
        ("route { exit; }", RouteKind::Request, None),
        ("request_route { exit; }", RouteKind::Request, None),
        ("route[0] { exit; }", RouteKind::Request, None),
        ("route[RELAY] { exit; }", RouteKind::Request, Some("RELAY")),
        ("route[\"a b\"] { exit; }", RouteKind::Request, Some("a b")),
        ("route[12] { exit; }", RouteKind::Request, Some("12")),
        ("reply_route { exit; }", RouteKind::Reply, None),
        ("onreply_route { exit; }", RouteKind::Reply, None),
        ("onreply_route[0] { exit; }", RouteKind::Reply, None),
        ("onreply_route[A] { exit; }", RouteKind::OnReply, Some("A")),
        ("failure_route[A] { exit; }", RouteKind::Failure, Some("A")),
        ("branch_route[1] { exit; }", RouteKind::Branch, Some("1")),
        ("onsend_route { exit; }", RouteKind::OnSend, None),
        ("event_route[ htable : mod-init ] { exit; }", RouteKind::Event, Some("htable:mod-init")),
        ("event_route[tm:branch-failure:my_name] { exit; }", RouteKind::Event, Some("tm:branch-failure:my_name")),
    ] {
        let found = route(source);
        assert_eq!((found.kind, found.name.as_ref().map(|name| name.node.as_str())), (kind, name), "{source}");
    }
}

#[test]
fn parameters() {
    let value = |source: &str| match item(source) {
        ItemKind::CoreParam { value, .. } | ItemKind::CustomParam { value, .. } | ItemKind::ModParam { value, .. } => {
            value.node
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(value("debug = -3"), ConfigValue::Int(-3));
    assert_eq!(value("fork=yes"), ConfigValue::Int(1));
    assert_eq!(value("log_facility=LOG_LOCAL0"), ConfigValue::Word("LOG_LOCAL0".into()));
    assert_eq!(value("advertised_address=1.2.3.4"), ConfigValue::Word("1.2.3.4".into()));
    assert_eq!(value("tcp_source_ipv6=[2001:db8::1]"), ConfigValue::Word("2001:db8::1".into()));
    assert_eq!(value("udp_mtu_try_proto = TCP"), ConfigValue::Word("TCP".into()));
    assert_eq!(value("modparam(\"a|b\", \"c\", \"x\"\n  \"y\")"), ConfigValue::String("xy".into()));
    assert_eq!(value("modparamx(\"a\", \"c\", $def(X))"), ConfigValue::String("$def(X)".into()));
    assert_eq!(value("pstn.gw_ip = \"\" desc \"gateway\""), ConfigValue::String(String::new()));
    assert!(
        matches!(item("kemi.onsend_route_callback=\"x\""), ItemKind::CoreParam { name, .. } if name.node == "kemi.onsend_route_callback")
    );
    assert!(matches!(item("g[1].x=5"), ItemKind::CustomParam { group, .. } if group.node == "g[1]"));
    assert!(
        matches!(item("coreparam[name]=5"), ItemKind::CoreParam { index: Some(index), .. } if index.node == "name")
    );
    assert!(matches!(item("flags A:1, B;"), ItemKind::Flags(flags) if flags.len() == 2));
    assert!(matches!(item("loadmodule(\"x\", \"o\")"), ItemKind::LoadModule { options: Some(_), .. }));
}

#[test]
fn sockets() {
    let ItemKind::Listen(sockets) =
        item("listen=UDP:10.0.0.1:5060 advertise a.b:5070 name \"n\" virtual tls:[::1] eth0:*")
    else {
        panic!()
    };
    let first = &sockets[0];
    assert_eq!((first.address.protocol.as_deref(), first.address.port), (Some("udp"), Some(5060)));
    assert_eq!(first.address.hosts[0].node, "10.0.0.1");
    assert_eq!(first.advertise.as_ref().unwrap().port, Some(5070));
    assert!(first.is_virtual && first.name.as_ref().unwrap().node == "n");
    assert_eq!((sockets[1].address.hosts[0].node.as_str(), sockets[1].address.port), ("::1", None));
    assert_eq!((sockets[2].address.hosts[0].node.as_str(), sockets[2].address.protocol.as_deref()), ("eth0", None));

    let ItemKind::Listen(sockets) = item("listen=sctp:(127.0.0.1, 127.0.0.2):5060") else { panic!() };
    assert_eq!(sockets[0].address.hosts.len(), 2);

    let block = "socket = {\n bind = udp:1.2.3.4:5060;\n advertise = 5.6.7.8;\n name = \"s\"; agname = \"g\";\n workers = 4; virtual = yes; vrf = \"v\";\n}";
    let ItemKind::Listen(sockets) = item(block) else { panic!() };
    let socket = &sockets[0];
    assert_eq!((socket.workers, socket.is_virtual), (Some(4), true));
    assert_eq!(socket.group.as_ref().unwrap().node, "g");

    let ItemKind::Alias(aliases) = item("alias=xn--a.com my-pbx.example.com:5060 \"q\"") else { panic!() };
    let hosts: Vec<&str> = aliases.iter().map(|alias| alias.hosts[0].node.as_str()).collect();
    assert_eq!(hosts, ["xn--a.com", "my-pbx.example.com", "q"]);
}

#[test]
fn defines_and_modes() {
    let parsed =
        text("#!KAMAILIO\n#!define A 1\n#!define B\n#!trydef A 2\n#!redef B x\n#!undef A\nloadmodule \"tm.so\"\n");
    assert_eq!(parsed.config.mode, Mode::Kamailio);
    let get = |name: &str| parsed.config.defines.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone());
    assert_eq!(get("A"), None);
    assert_eq!(get("B"), Some(Some("x".to_owned())));
    assert_eq!(get("MOD_tm"), Some(None));
    assert_eq!(get("KAMAILIO_VERSION"), Some(Some("6000000".to_owned())));
    assert_eq!(text("#!KAMAILIO \n").config.mode, Mode::MaxCompat);
    assert_eq!(text("#!SER\n").config.mode, Mode::Ser);
    let chosen = "#!ifexp KAMAILIO_VERSION >= 5006000 && MOD_tm == 0\ndebug=1\n#!else\n@@\n#!endif\n#!ifndef X\ndebug=2\n#!endif\n";
    assert_eq!(items(chosen).len(), 2);
    assert_eq!(items("#!defexp N 1 + 2\n#!defexps S \"a\" + N\ndebug=N\nlog_prefix=S").len(), 2);
    let environment =
        "#!defenvs P=PATH\nlog_prefix=P\n#!trydefenv NOPE_X_Y\n#!substdef \"!Q!$env(PATH)!g\"\nlog_prefix=\"Q\"";
    assert!(
        matches!(&items(environment)[1].kind, ItemKind::CoreParam { value, .. } if value.node == ConfigValue::String(std::env::var("PATH").unwrap()))
    );
}

#[test]
fn command_line_defines() {
    let files = MemoryFiles::default();
    let source = Source::text("x.cfg", "debug=LEVEL\n#!ifdef FLAG\nfork=no\n#!endif\n", &files)
        .with_defines([("LEVEL".to_owned(), Some("4".to_owned())), ("FLAG".to_owned(), None)]);
    let parsed = parse(&source);
    assert!(parsed.diagnostics.is_empty());
    let ItemKind::CoreParam { value, .. } = &parsed.config.items[0].kind else { panic!() };
    assert_eq!(value.node, ConfigValue::Int(4));
    assert_eq!(parsed.sources.text(value.span), "LEVEL");
    assert_eq!(parsed.sources.expansion(value.span).unwrap().defined, None);
    assert_eq!(parsed.config.items.len(), 2);
}

#[test]
fn includes() {
    let files = MemoryFiles(vec![
        ("conf/routes.cfg".into(), b"route[A] { include_file \"body.cfg\"\n}\n".to_vec()),
        ("conf/body.cfg".into(), b"xlog(\"a\xff\");".to_vec()),
        ("conf/self.cfg".into(), b"include_file \"self.cfg\"\ninclude_file \"self.cfg\"\n".to_vec()),
    ]);
    let parsed = parse(&Source::text(
        "conf/main.cfg",
        "#!include_file \"routes.cfg\"\nimport_file \"none.cfg\"\ndebug=1",
        &files,
    ));
    assert!(parsed.diagnostics.is_empty(), "{}", drawn(&parsed));
    assert_eq!(parsed.config.items.len(), 2);
    assert_eq!(parsed.sources.files.len(), 3);
    let endless = parse(&Source::text("conf/main.cfg", "include_file \"self.cfg\"\n", &files));
    assert!(endless.has_errors());
    let missing = parse(&Source::file("nowhere.cfg", &files));
    assert!(missing.has_errors() && missing.config.items.is_empty());
}

#[test]
fn spans() {
    let source = "#!define N 2\nroute { $var(x) = 1 + N; f(\"a\\n\" \"b\", $hdr(X)); }";
    let parsed = text(source);
    let ItemKind::Route(route) = &parsed.config.items[0].kind else { panic!() };
    let statements = &route.body.statements;
    let text = |statement: &Statement| parsed.sources.text(statement.span).to_owned();
    assert_eq!(text(&statements[0]), "$var(x) = 1 + N");
    assert_eq!(text(&statements[1]), "f(\"a\\n\" \"b\", $hdr(X))");
    let StatementKind::Expr(Expr { kind: ExprKind::Assign { value, .. }, .. }) = &statements[0].kind else { panic!() };
    assert_eq!(parsed.sources.text(value.span), "1 + N");
    let ExprKind::Binary { op: BinaryOp::Plus, right, .. } = &value.kind else { panic!() };
    assert_eq!((parsed.sources.text(right.span), right.span.start), ("2", 11));
    assert_eq!(parsed.sources.text(parsed.sources.surface(right.span)), "N");
    let StatementKind::Expr(Expr { kind: ExprKind::Call(call), .. }) = &statements[1].kind else { panic!() };
    assert_eq!(show(&call.arguments[0]), "\"a\\nb\"");
    let ExprKind::Variable(variable) = &call.arguments[1].kind else { panic!() };
    assert_eq!(parsed.sources.text(variable.inner.as_ref().unwrap().span), "X");
}

#[test]
fn all_mistakes_are_found() {
    let source = "debgu 3\nloadmodul \"x\"\nroute {\n  if ($x == 08) { f(; }\n  g()\n  h(1 2);\n  elif (1) exit;\n}\nrout[A] { $x += 1; }\nfork=no\n";
    let parsed = text(source);
    let lines: Vec<usize> =
        parsed.diagnostics.iter().map(|it| parsed.sources.location(it.labels[0].span).line).collect();
    assert_eq!(lines, [1, 2, 4, 4, 5, 6, 7, 9, 9], "{}", drawn(&parsed));
    assert!(matches!(parsed.config.items.last().unwrap().kind, ItemKind::CoreParam { .. }));
}
