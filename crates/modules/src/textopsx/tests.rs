//! Each result was seen from Kamailio 5.6.3, unless a comment says otherwise.

use testkit::Bench;

const INVITE: &str = "INVITE sip:bob@127.0.0.1:5060 SIP/2.0\n\
    Via: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bKabc\n\
    Max-Forwards: 70\n\
    From: \"Alice A\" <sip:alice@a.com>;tag=1\n\
    To: <sip:bob@b.com>\n\
    Call-ID: cid@h\n\
    CSeq: 1 INVITE\n\
    Supported: a, b,c\n\
    X-P: <sip:a@b>;x=1, <sip:c@d;z>;y=2\n\
    Supported: d\n\
    X-Q: \"a,b\", c\n\
    k: e\n\
    X-E: \n\
    X-S: v;a=1;b=\"2;3\";c\n\
    Authorization: Digest username=\"u\", realm=\"r,r\",nonce=\"n\"\n\
    Authorization: Basic x=1\n\
    Content-Type: text/plain\n\
    Content-Length: 14\n\none\ntwo\n\nlast";

const REPLY: &str = "SIP/2.0 180 Ringing\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bKabc\n\
    From: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: q\nCSeq: 1 INVITE\nContent-Length: 0\n\n";

fn bench(script: &str) -> Bench {
    let config = format!(
        "loadmodule \"sl\"\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"textops\"\nloadmodule \"textopsx\"\n{script}\n"
    );
    Bench::new(&config, crate::MODULES).unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// What `xlog` wrote for the request.
fn log(script: &str) -> Vec<String> {
    let lines = bench(&format!("request_route {{\n{script}\n}}")).receive(INVITE).log;
    lines.into_iter().filter_map(|line| Some(line.strip_prefix("ERROR: <script>: ")?.to_owned())).collect()
}

/// The headers that a script changed: what is there now and was not before.
fn changed(script: &str) -> (String, String) {
    let lines = log(&format!("{script} xlog(\"$rc\"); msg_apply_changes(); xlog(\"$mb\");"));
    let after = lines.last().cloned().unwrap_or_default().replace("\r\n", "\n");
    let new: Vec<&str> = after.split('\n').filter(|line| !INVITE.split('\n').any(|old| old == *line)).collect();
    let gone = INVITE.split('\n').filter(|old| !after.split('\n').any(|line| line == *old)).count();
    (lines[lines.len() - 2].clone(), format!("{}/{gone}", new.join("|")))
}

fn all(table: &[(&str, &str, &str)]) {
    for (script, code, wanted) in table {
        let (found_code, found) = changed(script);
        assert_eq!((found_code.as_str(), found.as_str()), (*code, *wanted), "{script}");
    }
}

#[test]
fn values_of_lists() {
    all(&[
        (r#"remove_hf_value("Supported");"#, "1", "Supported:  b,c/1"),
        (r#"remove_hf_value("Supported[2]");"#, "1", "Supported: a,c/1"),
        (r#"remove_hf_value("Supported[3]");"#, "1", "Supported: a, b/1"),
        (r#"remove_hf_value("Supported[4]");"#, "1", "/1"),
        (r#"remove_hf_value("Supported[-1]");"#, "1", "/1"),
        (r#"remove_hf_value("Supported[*]");"#, "1", "/3"),
        (r#"remove_hf_value("Supported[9]");"#, "-1", "/0"),
        (r#"remove_hf_value("Supported[-9]");"#, "-1", "/0"),
        (r#"remove_hf_value("Supported[1]"); remove_hf_value("Supported[2]");"#, "1", "Supported: c/1"),
        (r#"remove_hf_value("X-P.x");"#, "1", "X-P: <sip:a@b>, <sip:c@d;z>;y=2/1"),
        (r#"remove_hf_value("X-P[2].z");"#, "-1", "/0"),
        (r#"remove_hf_value("X-P[*].y");"#, "1", "X-P: <sip:a@b>;x=1, <sip:c@d;z>/1"),
        (r#"remove_hf_value("X-P[2]");"#, "1", "X-P: <sip:a@b>;x=1/1"),
        (r#"remove_hf_value("X-S.b");"#, "1", "X-S: v;a=1;c/1"),
        (r#"remove_hf_value("From.tag");"#, "1", "From: \"Alice A\" <sip:alice@a.com>/1"),
        (r#"assign_hf_value("Supported", "new");"#, "1", "Supported: new, b,c/1"),
        (r#"assign_hf_value("Supported[4]", "new");"#, "1", "Supported: new/1"),
        (r#"assign_hf_value("Supported[7]", "new");"#, "-1", "/0"),
        (r#"assign_hf_value("X-P.x", "5");"#, "1", "X-P: <sip:a@b>;x=5, <sip:c@d;z>;y=2/1"),
        (r#"assign_hf_value("X-P[*].z", "9");"#, "1", "X-P: <sip:a@b>;x=1;z=9, <sip:c@d;z>;y=2;z=9/1"),
        (r#"assign_hf_value("X-P.lr", "");"#, "1", "X-P: <sip:a@b>;x=1;lr, <sip:c@d;z>;y=2/1"),
        (r#"assign_hf_value("X-S.b", "9");"#, "1", "X-S: v;a=1;b=9;c/1"),
        (r#"assign_hf_value("X-S.c", "new");"#, "1", "X-S: v;a=1;b=\"2;3\";c=new/1"),
        (r#"assign_hf_value("X-S.a", "");"#, "1", "X-S: v;a;b=\"2;3\";c/1"),
        (r#"assign_hf_value("X-E", "new");"#, "1", "X-E: new/1"),
        (r#"assign_hf_value("From.tag", "5");"#, "1", "From: \"Alice A\" <sip:alice@a.com>;tag=5/1"),
        (r#"append_hf_value("Supported", "new");"#, "1", "Supported: new/0"),
        (
            r#"append_hf_value("Supported[1]", "q1"); append_hf_value("Supported[1]", "q2");"#,
            "1",
            "Supported: a,q1,q2, b,c/1",
        ),
        (r#"append_hf_value("Supported[-1]", "n");"#, "1", "k: e,n/1"),
        (r#"append_hf_value("Supported[0]", "n");"#, "1", "k: e,n/1"),
        (r#"append_hf_value("Supported[9]", "n");"#, "1", "Supported: n/0"),
        (r#"append_hf_value("Nope[1]", "n");"#, "1", "Nope: n/0"),
        (r#"insert_hf_value("Supported", "n");"#, "1", "Supported: n/0"),
        (r#"insert_hf_value("Supported[0]", "n");"#, "1", "Supported: n,a, b,c/1"),
        (r#"insert_hf_value("X-P[2]", "n");"#, "1", "X-P: <sip:a@b>;x=1,n, <sip:c@d;z>;y=2/1"),
        (r#"insert_hf_value("Supported[9]", "n");"#, "-1", "/0"),
        (r#"insert_hf_value("Nope[1]", "n");"#, "1", "Nope: n/0"),
        (
            r#"include_hf_value("Supported", "q1"); include_hf_value("Supported", "q2");"#,
            "1",
            "Supported: a, b,c,q1,q2/1",
        ),
        (r#"include_hf_value("k", "B");"#, "1", "/0"),
        (r#"include_hf_value("Nope", "b");"#, "1", "Nope: b/0"),
        (r#"exclude_hf_value("Supported", "B");"#, "1", "Supported: a,c/1"),
        (r#"exclude_hf_value("Supported", "d");"#, "1", "/1"),
        (r#"exclude_hf_value("Supported", "zz");"#, "1", "/0"),
        (r#"exclude_hf_value("X-Q", "c");"#, "1", "X-Q: \"a,b\"/1"),
        (
            r#"exclude_hf_value("Supported", "a"); exclude_hf_value("Supported", "b"); exclude_hf_value("Supported", "c");"#,
            "1",
            "Supported: /1",
        ),
        (r#"hf_value_exists("Supported", "E");"#, "1", "/0"),
        (r#"hf_value_exists("Supported", "z");"#, "-1", "/0"),
        (r#"hf_value_exists("X-P", "<sip:a@b>");"#, "-1", "/0"),
        (r#"hf_value_exists("x_p", "<sip:a@b>;x=1");"#, "1", "/0"),
    ]);
}

#[test]
fn parameters_of_credentials() {
    all(&[
        (r#"remove_hf_value2("Authorization.realm");"#, "1", "Authorization: Digest username=\"u\",nonce=\"n\"/1"),
        (r#"remove_hf_value2("Authorization.username");"#, "1", "Authorization: Digest  realm=\"r,r\",nonce=\"n\"/1"),
        (r#"remove_hf_value2("Authorization.nonce");"#, "1", "Authorization: Digest username=\"u\", realm=\"r,r\"/1"),
        (r#"remove_hf_value2("Authorization[2].x");"#, "1", "Authorization: Basic /1"),
        (r#"remove_hf_value2("Authorization[2]");"#, "1", "/1"),
        (r#"remove_hf_value2("Authorization[*]");"#, "1", "/2"),
        (r#"remove_hf_value2("Authorization.nope");"#, "-1", "/0"),
        (
            r#"assign_hf_value2("Authorization.nonce", "\"q\"");"#,
            "1",
            "Authorization: Digest username=\"u\", realm=\"r,r\",nonce=\"q\"/1",
        ),
        (r#"assign_hf_value2("Authorization[2].new", "z");"#, "1", "Authorization: Basic x=1,new=z/1"),
        (r#"assign_hf_value2("Authorization[2].new", "");"#, "1", "Authorization: Basic x=1,new/1"),
        (r#"assign_hf_value2("Authorization[2]", "Foo");"#, "1", "Authorization: Foo/1"),
        (r#"assign_hf_value2("Nope.q", "1");"#, "-1", "/0"),
    ]);
}

#[test]
fn kept_headers() {
    all(&[
        // Kamailio returns -1, whatever was removed.
        (r#"keep_hf("^(X-|k$|Auth)");"#, "1", "/2"),
        (r#"keep_hf();"#, "1", "/9"),
        (r#"keep_hf("."); remove_hf("X-E");"#, "1", "/1"),
    ]);
}

#[test]
fn applied_changes() {
    let script = r#"$ru = "sip:new@x"; append_hf("Z: 1\r\n"); xlog("$hdr(Z)"); msg_apply_changes(); xlog("$rc $hdr(Z) $ru");
        replace("CSeq: 1 INVITE", "CSeq 1"); msg_apply_changes(); xlog("$rc $hdr(CSeq)");"#;
    assert_eq!(log(script), ["<null>", "1 1 sip:new@x", "-1 1 INVITE"]);
    let message = "OPTIONS sip:x@y SIP/2.0\\r\\nVia: SIP/2.0/UDP 1.2.3.4\\r\\nCSeq: 1 OPTIONS\\r\\n\\r\\n";
    let script = format!(
        "$ru = \"sip:new@x\"; remove_hf(\"Via\"); msg_set_buffer(\"{message}\"); xlog(\"$rc $rm $ru\"); msg_set_buffer(\"garbage\"); xlog(\"$rc $rm\");\n\
         msg_set_buffer(\"SIP/2.0 200 OK\\r\\n\\r\\n\"); xlog(\"$rc $rm\"); msg_apply_changes(); xlog(\"$hdr(Via)\");"
    );
    assert_eq!(log(&script), ["1 OPTIONS sip:x@y", "-1 OPTIONS", "-1 OPTIONS", "SIP/2.0/UDP 1.2.3.4"]);
}

#[test]
fn iterators_over_headers() {
    let script = r#"hf_iterator_start("i"); xlog("[$hfitname(i)]"); while (hf_iterator_next("i")) {
            if ($hfitname(i) == "X-S") { hf_iterator_insert("i", "Q1: 1\r\n"); hf_iterator_append("i", "Q2: 2\r\n"); hf_iterator_rm("i"); xlog("$rc $hfitbody(i)"); }
            if ($hfitname(i) == "X-E") hf_iterator_append("i", "R: 1\r\n");
        }
        xlog("[$hfitname(i)]"); hf_iterator_next("i"); xlog("$rc"); hf_iterator_prev("i"); xlog("$rc");
        hf_iterator_start("i"); hf_iterator_next("i"); hf_iterator_next("i"); hf_iterator_prev("i"); xlog("$rc $hfitname(i)"); hf_iterator_prev("i"); xlog("$rc [$hfitname(i)]");
        hf_iterator_rm("i"); xlog("$rc"); hf_iterator_end("i"); xlog("$rc [$hfitname(i)]"); hf_iterator_end("nope"); xlog("$rc");
        msg_apply_changes(); xlog("$hdr(Q1)$hdr(Q2)$hdr(R)[$hdr(X-S)]");"#;
    assert_eq!(
        log(script),
        [
            "[<null>]",
            "1 v;a=1;b=\"2;3\";c",
            "[<null>]",
            "-1",
            "-1",
            "1 Via",
            "1 [<null>]",
            "-1",
            "1 [<null>]",
            "-1",
            "121[<null>]"
        ]
    );
    let script = r#"hf_iterator_start("a"); hf_iterator_start("b"); hf_iterator_start("c"); hf_iterator_start("d"); xlog("$rc"); hf_iterator_start("e"); xlog("$rc");
        hf_iterator_next("a"); hf_iterator_start("a"); xlog("$rc [$hfitname(a)]"); hf_iterator_end("b"); hf_iterator_start("e"); xlog("$rc");"#;
    assert_eq!(log(script), ["1", "-1", "1 [<null>]", "1"]);
}

#[test]
fn iterators_over_lines() {
    let script = r#"bl_iterator_start("i"); while (bl_iterator_next("i")) {
            xlog("[$blitval(i)]");
            if ($blitval(i) =~ "two") { bl_iterator_rm("i"); bl_iterator_append("i", "APP\r\n"); bl_iterator_insert("i", "INS\r\n"); }
        }
        xlog("$rc [$blitval(i)]"); bl_iterator_next("q"); xlog("$rc"); msg_apply_changes(); xlog("$rb $hdr(Content-Length)");"#;
    assert_eq!(
        log(script),
        [
            "[one\r\n]",
            "[two\r\n]",
            "[\r\n]",
            "[last]",
            "-1 [<null>]",
            "-1",
            // The order of the two texts is that of their places: before and behind the line.
            "one\r\nINS\r\nAPP\r\n\r\nlast 21"
        ]
    );
}

#[test]
fn codes_of_replies() {
    for (reply, script, wanted) in [
        (
            "180 Ringing",
            r#"change_reply_status("183", "Session Progress"); xlog("$rc $rs");"#,
            "1 183|SIP/2.0 183 Session Progress",
        ),
        ("180 Ringing", r#"change_reply_status("200", "OK"); xlog("$rc $rs");"#, "-1 180|SIP/2.0 180 Ringing"),
        ("180 Ringing", r#"change_reply_status("199", ""); xlog("$rc $rs");"#, "-1 180|SIP/2.0 180 Ringing"),
        ("180 Ringing", r#"change_reply_status("99", "x"); xlog("$rc $rs");"#, "-1 180|SIP/2.0 180 Ringing"),
        ("180 Ringing", r#"change_reply_status("$rs", "New $rr"); xlog("$rc $rs");"#, "1 180|SIP/2.0 180 New Ringing"),
        // In 5.6.3 both reasons stick together.
        (
            "180 Ringing",
            r#"change_reply_status(181, "A"); change_reply_status_code("182"); xlog("$rc $rs");"#,
            "1 182|SIP/2.0 182 A",
        ),
        ("180 Ringing", r#"change_reply_status_code("181"); xlog("$rc");"#, "1|SIP/2.0 181 Ringing"),
        (
            "180 Ringing",
            r#"change_reply_status("183", "P"); msg_apply_changes(); xlog("$rs $rr");"#,
            "183 P|SIP/2.0 183 P",
        ),
        ("404 Not Found", r#"change_reply_status("503", "X"); xlog("$rc");"#, "1|SIP/2.0 503 X"),
        ("404 Not Found", r#"change_reply_status("200", "X"); xlog("$rc");"#, "-1|SIP/2.0 404 Not Found"),
        ("404 Not Found", r#"change_reply_status("700", "X"); xlog("$rc");"#, "-1|SIP/2.0 404 Not Found"),
        (
            "404 Not Found",
            r#"append_hf("X: 1\r\n"); if (is_method("INVITE")) xlog("invite");"#,
            "invite|SIP/2.0 404 Not Found",
        ),
    ] {
        let bench = bench(&format!("request_route {{ exit; }}\nreply_route {{ {script} }}"));
        let sent = bench.receive(&REPLY.replace("180 Ringing", reply));
        let logged: Vec<&str> = sent.log.iter().filter_map(|line| line.strip_prefix("ERROR: <script>: ")).collect();
        let line = sent.messages[0].lines().next().unwrap_or_default();
        assert_eq!(format!("{}|{line}", logged.join(" ")), wanted, "{script}");
    }
}

#[test]
fn mistakes_are_found_at_load() {
    for wrong in [
        r#"remove_hf_value("Supported[0][1]")"#,
        r#"remove_hf_value("Supported[x]")"#,
        r#"remove_hf_value("")"#,
        r#"remove_hf_value("A.b c")"#,
        r#"keep_hf("(")"#,
        r#"change_reply_status("183", "x")"#,
    ] {
        let config = format!(
            "loadmodule \"pv\"\nloadmodule \"textops\"\nloadmodule \"textopsx\"\nrequest_route {{ {wrong}; }}\n"
        );
        assert!(Bench::new(&config, crate::MODULES).is_err(), "{wrong}");
    }
}
