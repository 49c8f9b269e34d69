//! What the tree looks like.

mod lists;

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
    let unset = text("#!substdef \"!Q!a$env(NOPE_X_Y)b!g\"\nlog_prefix=\"Q\"");
    assert!(!unset.has_errors() && unset.diagnostics.len() == 1);
    let ItemKind::CoreParam { value, .. } = &unset.config.items[0].kind else { panic!() };
    assert_eq!(value.node, ConfigValue::String("ab".to_owned()));
    // The last directive has no line break: for Kamailio it is no directive, and the count is even.
    assert_eq!(items("#!ifdef X\n@@\n#!endif\n#!endif\ndebug=1\n#!ifdef Y\n#!endif").len(), 1);
    assert!(text("#!endif\n#!endif\n#!ifdef Y\n#!endif").has_errors());
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
