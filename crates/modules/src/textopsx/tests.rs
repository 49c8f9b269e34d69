use testkit::{Bench, Sent};

const LISTS: &str = "Foo: a;x=1;y=\"q,z\", b ; x = 2,c\nBar: z\nFoo: d\n";
const CREDENTIALS: &str =
    "Authorization: Digest username=\"a,b\", realm=\"r\",nonce=n , uri=\"sip:x;p=1\"\nX: 1\nauthorization: Basic q=1\n";

fn run(script: &str, headers: &str, body: &str) -> Sent {
    let config = format!(
        "loadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"textopsx\"\n\
         request_route {{ {script} forward(\"127.0.0.9\"); }}\nroute[SEEN] {{ xlog(\"seen $hdr(foo) $ru\"); $var(n) = 5; }}"
    );
    let length = body.replace('\n', "\r\n").len();
    let message = format!(
        "INVITE sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
         From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\n{headers}\
         Content-Length: {length}\n\n{body}"
    );
    Bench::new(&config, crate::MODULES).unwrap().receive(&message)
}

/// What came out between CSeq and Content-Length, and the log.
fn headers(script: &str, received: &str) -> (String, Vec<String>) {
    let sent = run(script, received, "");
    let message = sent.messages.first().cloned().unwrap_or_default();
    let text = message.split_once("CSeq: 1 INVITE\n").map_or("", |(_, rest)| rest);
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("Content-Length:"));
    let text = lines.map(|line| format!("{line}\n")).collect();
    (text, sent.log.iter().map(|line| line.replace("ERROR: <script>: ", "")).collect())
}

/// Results seen from Kamailio 5.6.3.
#[test]
fn values_of_lists() {
    let rest = "\nBar: z\nFoo: d\n";
    for (call, code, want) in [
        (
            "append_hf_value(\"foo\",\"N\")",
            "1",
            "Foo: a;x=1;y=\"q,z\", b ; x = 2,c\nBar: z\nFoo: d\nfoo: N\n".to_owned(),
        ),
        ("append_hf_value(\"foo[1]\",\"N\")", "1", format!("Foo: a;x=1;y=\"q,z\",N, b ; x = 2,c{rest}")),
        ("append_hf_value(\"foo[-1]\",\"N\")", "1", "Foo: a;x=1;y=\"q,z\", b ; x = 2,c\nBar: z\nFoo: d,N\n".into()),
        ("append_hf_value(\"foo[5]\",\"N\")", "1", format!("{LISTS}foo: N\n")),
        ("insert_hf_value(\"foo\",\"N\")", "1", format!("foo: N\n{LISTS}")),
        ("insert_hf_value(\"foo[2]\",\"N\")", "1", format!("Foo: a;x=1;y=\"q,z\",N, b ; x = 2,c{rest}")),
        ("insert_hf_value(\"foo[5]\",\"N\")", "-1", LISTS.into()),
        ("insert_hf_value(\"nope[1]\",\"N\")", "1", format!("{LISTS}nope: N\n")),
        ("remove_hf_value(\"foo\")", "1", format!("Foo:  b ; x = 2,c{rest}")),
        ("remove_hf_value(\"foo[2]\")", "1", format!("Foo: a;x=1;y=\"q,z\",c{rest}")),
        ("remove_hf_value(\"foo[3]\")", "1", format!("Foo: a;x=1;y=\"q,z\", b ; x = 2{rest}")),
        ("remove_hf_value(\"foo[-1]\")", "1", "Foo: a;x=1;y=\"q,z\", b ; x = 2,c\nBar: z\n".into()),
        ("remove_hf_value(\"foo[5]\")", "-1", LISTS.into()),
        ("remove_hf_value(\"foo[*]\")", "1", "Bar: z\n".into()),
        ("remove_hf_value(\"foo[*].x\")", "1", format!("Foo: a;y=\"q,z\", b ,c{rest}")),
        ("remove_hf_value(\"foo[3].x\")", "-1", LISTS.into()),
        ("assign_hf_value(\"foo[2]\",\"N\")", "1", format!("Foo: a;x=1;y=\"q,z\", N,c{rest}")),
        ("assign_hf_value(\"foo\",\"\")", "1", format!("Foo: , b ; x = 2,c{rest}")),
        ("assign_hf_value(\"foo.x\",\"\")", "1", format!("Foo: a;x;y=\"q,z\", b ; x = 2,c{rest}")),
        ("assign_hf_value(\"foo[2].x\",\"9\")", "1", format!("Foo: a;x=1;y=\"q,z\", b ; x=9,c{rest}")),
        ("assign_hf_value(\"foo[3].new\",\"9\")", "1", format!("Foo: a;x=1;y=\"q,z\", b ; x = 2,c;new=9{rest}")),
        ("assign_hf_value(\"nope\",\"9\")", "-1", LISTS.into()),
        ("include_hf_value(\"foo\",\"a\")", "1", format!("Foo: a;x=1;y=\"q,z\", b ; x = 2,c,a{rest}")),
        ("include_hf_value(\"foo\",\"D\")", "1", LISTS.into()),
        ("include_hf_value(\"nope\",\"N\")", "1", format!("{LISTS}nope: N\n")),
        ("exclude_hf_value(\"foo\",\"C\")", "1", format!("Foo: a;x=1;y=\"q,z\", b ; x = 2{rest}")),
        ("exclude_hf_value(\"foo\",\"d\")", "1", "Foo: a;x=1;y=\"q,z\", b ; x = 2,c\nBar: z\n".into()),
        ("hf_value_exists(\"foo\",\"b ; x = 2\")", "1", LISTS.into()),
        ("hf_value_exists(\"foo\",\"b\")", "-1", LISTS.into()),
    ] {
        assert_eq!(headers(&format!("{call}; xlog(\"$rc\");"), LISTS), (want, vec![code.to_owned()]), "{call}");
    }
}

/// Where Kamailio leaves empty headers or stray text behind several edits, the list stays a list.
#[test]
fn several_edits_of_a_list() {
    for (calls, want) in [
        ("remove_hf_value(\"foo[1]\"); remove_hf_value(\"foo[1]\");", "Foo: b,c\n"),
        ("remove_hf_value(\"foo[2]\"); remove_hf_value(\"foo[3]\");", "Foo: a\n"),
        ("remove_hf_value(\"foo[3]\"); remove_hf_value(\"foo[2]\"); remove_hf_value(\"foo[1]\");", ""),
        ("remove_hf_value(\"foo[*]\"); append_hf_value(\"foo[1]\",\"N\");", "foo: N\n"),
        ("remove_hf_value(\"foo[1]\"); append_hf_value(\"foo[1]\",\"N\");", "Foo: b,c\nfoo: N\n"),
        ("assign_hf_value(\"foo[1]\",\"N\"); assign_hf_value(\"foo[1]\",\"O\");", "Foo: O,b,c\n"),
        ("assign_hf_value(\"foo[1]\",\"N\"); remove_hf_value(\"foo[1]\");", "Foo: b,c\n"),
        ("assign_hf_value(\"foo[1]\",\"N\"); remove_hf_value(\"foo[3]\"); remove_hf_value(\"foo[2]\");", "Foo: N\n"),
        ("append_hf_value(\"foo[1]\",\"N\"); assign_hf_value(\"foo[1].p\",\"1\");", "Foo: a;p=1,N,b,c\n"),
        ("insert_hf_value(\"foo[1]\",\"N\"); insert_hf_value(\"foo[1]\",\"O\");", "Foo: N,O,a,b,c\n"),
        ("exclude_hf_value(\"foo\",\"b\"); exclude_hf_value(\"foo\",\"c\");", "Foo: a\n"),
    ] {
        assert_eq!(headers(calls, "Foo: a,b,c\n").0, want, "{calls}");
    }
    assert_eq!(headers("include_hf_value(\"foo\",\"N\");", "Foo:\n").0, "Foo: N\n");
    let address = "Contact: <sip:u@h;x=7,8>;q=1\n";
    assert_eq!(
        headers("append_hf_value(\"m[1]\",\"<sip:n@n>\");", address).0,
        "Contact: <sip:u@h;x=7,8>;q=1,<sip:n@n>\n"
    );
}

/// Results seen from Kamailio 5.6.3.
#[test]
fn credentials() {
    let rest = "\nX: 1\nauthorization: Basic q=1\n";
    let first = "Authorization: Digest username=\"a,b\", realm=\"r\",nonce=n , uri=\"sip:x;p=1\"\n";
    for (call, code, want) in [
        ("remove_hf_value2(\"authorization\")", "1", "X: 1\nauthorization: Basic q=1\n".to_owned()),
        ("remove_hf_value2(\"authorization[3]\")", "-1", CREDENTIALS.into()),
        ("remove_hf_value2(\"authorization[*]\")", "1", "X: 1\n".into()),
        (
            "remove_hf_value2(\"authorization.realm\")",
            "1",
            format!("Authorization: Digest username=\"a,b\",nonce=n , uri=\"sip:x;p=1\"{rest}"),
        ),
        (
            "remove_hf_value2(\"authorization.username\")",
            "1",
            format!("Authorization: Digest  realm=\"r\",nonce=n , uri=\"sip:x;p=1\"{rest}"),
        ),
        ("remove_hf_value2(\"authorization[2].q\")", "1", format!("{first}X: 1\nauthorization: Basic \n")),
        ("remove_hf_value2(\"authorization.none\")", "-1", CREDENTIALS.into()),
        (
            "assign_hf_value2(\"authorization.realm\",\"\\\"x\\\"\")",
            "1",
            format!("Authorization: Digest username=\"a,b\", realm=\"x\",nonce=n , uri=\"sip:x;p=1\"{rest}"),
        ),
        (
            "assign_hf_value2(\"authorization[2].new\",\"1\")",
            "1",
            format!("{first}X: 1\nauthorization: Basic q=1,new=1\n"),
        ),
        ("assign_hf_value2(\"authorization[2]\",\"Z 1\")", "1", format!("{first}X: 1\nauthorization: Z 1\n")),
        ("assign_hf_value2(\"x.y\",\"1\")", "1", format!("{first}X: 1 y=1\nauthorization: Basic q=1\n")),
        ("assign_hf_value2(\"nope\",\"1\")", "-1", CREDENTIALS.into()),
    ] {
        assert_eq!(headers(&format!("{call}; xlog(\"$rc\");"), CREDENTIALS), (want, vec![code.to_owned()]), "{call}");
    }
}

#[test]
fn refused_at_load() {
    for call in [
        "append_hf_value(\"foo.x\",\"N\")",
        "append_hf_value(\"foo[*]\",\"N\")",
        "append_hf_value(\"$rU\",\"N\")",
        "assign_hf_value(\"foo[*]\",\"N\")",
        "hf_value_exists(\"foo[1]\",\"N\")",
        "remove_hf_value(\"foo[1\")",
        "keep_hf(\"(\")",
    ] {
        let config = format!("loadmodule \"textopsx\"\nrequest_route {{ {call}; }}");
        assert!(Bench::new(&config, crate::MODULES).is_err(), "{call}");
    }
}

#[test]
fn header_iterator() {
    let script = "hf_iterator_start(\"i\"); xlog(\"$hfitname(i)\");\n\
        while (hf_iterator_next(\"i\")) {\n\
          if ($hfitname(i) == \"Foo\") {\n\
            xlog(\"$hfitbody(i)\"); hf_iterator_rm(\"i\"); hf_iterator_append(\"i\", \"F1: 1\\r\\n\");\n\
            hf_iterator_append(\"i\", \"F2: 1\\r\\n\"); hf_iterator_insert(\"i\", \"E1: 1\\r\\n\"); xlog(\"$rc\");\n\
          }\n\
          if ($hfitname(i) == \"Bar\") { hf_iterator_insert(\"i\", \"B: 1\\r\\n\"); }\n\
        }\n\
        xlog(\"$rc $hfitname(i)\"); hf_iterator_prev(\"i\"); xlog(\"$rc\");\n\
        hf_iterator_start(\"i\"); hf_iterator_next(\"i\"); hf_iterator_next(\"i\"); hf_iterator_prev(\"i\");\n\
        xlog(\"$hfitname(i)\"); hf_iterator_prev(\"i\"); xlog(\"$rc $hfitname(i)\"); hf_iterator_rm(\"i\"); xlog(\"$rc\");\n\
        hf_iterator_end(\"i\"); xlog(\"$rc $hfitname(i)\"); hf_iterator_next(\"none\"); xlog(\"$rc\");";
    let (out, mut log) = headers(script, "Foo: a\nBar: b\n");
    assert_eq!(out, "E1: 1\nF1: 1\nF2: 1\nB: 1\nBar: b\n");
    log.retain(|line| !line.contains("not started"));
    assert_eq!(log, ["<null>", "a", "1", "-1 <null>", "-1", "Via", "1 <null>", "-1", "1 <null>", "-1"]);
}

#[test]
fn so_many_iterators() {
    let script = "hf_iterator_start(\"a\"); hf_iterator_start(\"b\"); hf_iterator_start(\"c\"); hf_iterator_start(\"d\");\n\
        xlog(\"$rc\"); hf_iterator_start(\"e\"); xlog(\"$rc\"); hf_iterator_end(\"b\"); hf_iterator_start(\"e\"); xlog(\"$rc\");\n\
        hf_iterator_next(\"e\"); msg_apply_changes(); hf_iterator_start(\"e\"); hf_iterator_next(\"e\"); xlog(\"$hfitname(e)\");\n\
        remove_body(); hf_iterator_rm(\"e\"); msg_apply_changes(); xlog(\"$hfitname(e)\"); hf_iterator_next(\"e\"); xlog(\"$rc\");";
    let mut log = headers(script, "").1;
    log.retain(|line| !line.contains("iterator"));
    assert_eq!(log, ["1", "-1", "1", "Via", "<null>", "-1"]);
}

#[test]
fn body_iterator() {
    let script = "bl_iterator_start(\"i\"); while (bl_iterator_next(\"i\")) {\n\
        if ($blitval(i) =~ \"^s\") { bl_iterator_rm(\"i\"); }\n\
        if ($blitval(i) =~ \"^a\") { bl_iterator_append(\"i\", \"A1\\r\\n\"); bl_iterator_insert(\"i\", \"I1\\r\\n\"); }\n\
        if ($blitval(i) == \"last\") { bl_iterator_append(\"i\", \"!\"); xlog(\"$rc\"); } }\n\
        bl_iterator_end(\"i\");";
    let sent = run(script, "", "v=0\ns=x\na=1\nlast");
    let (head, body) = sent.messages[0].split_once("\n\n").unwrap();
    assert_eq!(body, "v=0\nI1\na=1\nA1\nlast!");
    assert!(head.contains("Content-Length: 23"), "{head}");
    assert_eq!(sent.log.len(), 1);
    assert_eq!(
        headers("bl_iterator_start(\"i\"); xlog(\"$rc\"); bl_iterator_next(\"i\"); xlog(\"$rc\");", "").1,
        ["1", "-1"]
    );
}

#[test]
fn set_buffer() {
    let data = "OPTIONS sip:n@127.0.0.1 SIP/2.0\\r\\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bKn\\r\\nFrom: <sip:new@a>;tag=1\\r\\n\
        To: <sip:b@b>\\r\\nCall-ID: 9\\r\\nCSeq: 1 OPTIONS\\r\\nContent-Length: 0\\r\\n\\r\\n";
    let sent =
        run(&format!("$ru = \"sip:z@z\"; msg_set_buffer(\"{data}\"); xlog(\"$rc $rm $ru $fu\");"), "Foo: 1\n", "");
    assert_eq!(sent.log, ["ERROR: <script>: 1 OPTIONS sip:n@127.0.0.1 sip:new@a"]);
    assert!(sent.messages[0].starts_with("OPTIONS sip:n@127.0.0.1 SIP/2.0\n"), "{sent:?}");
    let sent = run("msg_set_buffer(\"garbage\"); xlog(\"on\");", "", "");
    assert!(sent.messages.is_empty() && !sent.log.iter().any(|line| line.ends_with("on")), "{sent:?}");
    let sent = run("msg_set_buffer(\"\"); xlog(\"$rc\");", "", "");
    assert_eq!(sent.log.last().unwrap(), "ERROR: <script>: -1");
}

/// Results seen from Kamailio 5.6.3.
#[test]
fn status_of_a_reply() {
    let reply = |script: &str, status: &str| {
        let config = format!(
            "loadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"textopsx\"\nrequest_route {{ exit; }}\nreply_route {{ {script} }}"
        );
        let message = format!(
            "SIP/2.0 {status}\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bKb\n\
             From: <sip:a@a>;tag=1\nTo: <sip:b@b>;tag=2\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n"
        );
        let sent = Bench::new(&config, crate::MODULES).unwrap().receive(&message);
        let line = sent.messages.first().and_then(|text| text.lines().next()).unwrap_or_default().to_owned();
        (line, sent.log.last().map(|line| line.replace("ERROR: <script>: ", "")).unwrap_or_default())
    };
    for (script, status, line, log) in [
        ("change_reply_status(404, \"Nope $rs\");", "603 Decline", "404 Nope 603", "1 404 Decline"),
        ("change_reply_status(404, \"x\");", "180 Ringing", "180 Ringing", "-1 180 Ringing"),
        ("change_reply_status(200, \"x\");", "486 Busy Here", "486 Busy Here", "-1 486 Busy Here"),
        ("change_reply_status(183, \"x\");", "180 Ringing", "183 x", "1 183 Ringing"),
        ("change_reply_status(700, \"x\");", "603 Decline", "603 Decline", "-1 603 Decline"),
        ("change_reply_status(404, \"\");", "603 Decline", "603 Decline", "-1 603 Decline"),
        ("change_reply_status(300, \"x\"); change_reply_status(301, \"y\");", "603 Decline", "301 y", "1 301 Decline"),
        ("change_reply_status_code(404);", "603 Decline", "404 Decline", "1 404 Decline"),
        ("change_reply_status_code(\"99\");", "603 Decline", "603 Decline", "-1 603 Decline"),
        ("change_reply_status(404, \"a\"); change_reply_status_code(405);", "603 Decline", "405 a", "1 405 Decline"),
    ] {
        let want = (format!("SIP/2.0 {line}"), log.to_owned());
        assert_eq!(reply(&format!("{script} xlog(\"$rc $rs $rr\");"), status), want, "{script} {status}");
    }
}

#[test]
fn whole_message() {
    let sent = run("remove_body(); remove_body(); msg_apply_changes(); xlog(\"[$rb]$rc\");", "", "hello");
    assert_eq!(sent.log, ["ERROR: <script>: []1"]);
    assert!(sent.messages[0].ends_with("Content-Length: 0\n\n"), "{sent:?}");
    let (out, log) =
        headers("keep_hf(\"^foo$|x-\"); xlog(\"$rc $hdr(Bar)\");", "Foo: 1\nBar: 2\nX-Y: 3\nm: <sip:a@b>\n");
    assert_eq!((&*out, &*log), ("Foo: 1\nX-Y: 3\nm: <sip:a@b>\n", &["-1 2".to_owned()][..]));
    assert_eq!(headers("keep_hf();", "Foo: 1\nMax-Forwards: 5\n").0, "Max-Forwards: 5\n");
}
