//! Each result was seen from Kamailio 5.6.3, unless a comment says otherwise.

use testkit::Bench;

const INVITE: &str = "INVITE sip:bob@127.0.0.1:5060;x=y SIP/2.0\n\
    Via: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bKabc\n\
    Max-Forwards: 70\n\
    From: \"Alice A\" <sip:alice@a.com>;tag=1\n\
    To: <sip:bob@b.com>\n\
    Call-ID: cid@h\n\
    CSeq: 1 INVITE\n\
    X-A: one\n\
    User-Agent: test\n\
    X-A : two\n\
    x-b: 1,2\n 3\n\
    Content-Type: text/plain\n\
    Content-Length: 5\n\nhello";

fn bench(script: &str) -> Bench {
    let config = format!(
        "loadmodule \"sl\"\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"textops\"\nloadmodule \"textopsx\"\n\
         request_route {{\n{script}\n}}\n"
    );
    Bench::new(&config, crate::MODULES).unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// What `xlog` wrote.
fn log(script: &str, message: &str) -> Vec<String> {
    let lines = bench(script).receive(message).log;
    lines.into_iter().map(|line| line.trim_start_matches("ERROR: <script>: ").to_owned()).collect()
}

/// The return codes of calls.
fn codes(calls: &[(&str, i32)]) {
    let script: String = calls.iter().map(|(call, _)| format!("{call}; xlog(\"$rc\");\n")).collect();
    let lines = bench(&script).receive(INVITE).log;
    let found: Vec<String> =
        lines.into_iter().filter_map(|line| Some(line.strip_prefix("ERROR: <script>: ")?.to_owned())).collect();
    let shown: Vec<(&str, String)> = calls.iter().map(|(call, _)| *call).zip(found).collect();
    let wanted: Vec<(&str, String)> = calls.iter().map(|(call, code)| (*call, code.to_string())).collect();
    assert_eq!(shown, wanted);
}

/// The message after a script and `msg_apply_changes()`, as lines that were removed (`-`) and added (`+`).
fn changes_of(script: &str, message: &str) -> String {
    let lines = log(&format!("{script}\nif (!msg_apply_changes()) xlog(\"failed\"); xlog(\"$mb|\");"), message);
    let after = lines.last().cloned().unwrap_or_default().replace("\r\n", "\n");
    let after = after.strip_suffix('|').unwrap_or(&after);
    let (old, new): (Vec<&str>, Vec<&str>) = (message.split('\n').collect(), after.split('\n').collect());
    // The longest common subsequence tells what changed.
    let mut table = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            table[i][j] = if old[i] == new[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && table[i + 1][j] >= table[i][j + 1]) {
            out.push_str(&format!("-{}|", old[i]));
            i += 1;
        } else {
            out.push_str(&format!("+{}|", new[j]));
            j += 1;
        }
    }
    out
}

fn changes(table: &[(&str, &str)]) {
    for (script, wanted) in table {
        assert_eq!(changes_of(script, INVITE), *wanted, "{script}");
    }
}

/// Where a text stands after a script: the lines around it.
fn around(script: &str, text: &str) -> String {
    let lines = log(&format!("{script} msg_apply_changes(); xlog(\"$mb\");"), INVITE);
    let after = lines.last().cloned().unwrap_or_default().replace("\r\n", "\n");
    let lines: Vec<&str> = after.split('\n').map(|line| line.split(':').next().unwrap_or("")).collect();
    let at = lines.iter().position(|line| line.starts_with(text)).unwrap_or_else(|| panic!("{after}"));
    lines[at.saturating_sub(1)..lines.len().min(at + 4)].join(" ")
}

#[test]
fn order_of_added_headers() {
    for (script, text, wanted) in [
        (r#"append_hf("A1: 1\r\n"); append_hf("A2: 2\r\n");"#, "A1", "Content-Length A1 A2  hello"),
        (r#"insert_hf("I1: 1\r\n"); insert_hf("I2: 2\r\n");"#, "I1", "INVITE sip I1 I2 Via Max-Forwards"),
        (r#"append_hf("A1: 1\r\n", "X-A"); append_hf("A2: 1\r\n", "X-A");"#, "A1", "X-A  A1 A2 x-b  3"),
        (r#"insert_hf("I1: 1\r\n", "x-a");"#, "I1", "CSeq I1 X-A User-Agent X-A "),
        (r#"append_hf("A1: 1\r\n", "Nope");"#, "A1", "Content-Length A1  hello"),
        (r#"insert_hf("I1: 1\r\n", "Nope");"#, "I1", "INVITE sip I1 Via Max-Forwards From"),
        (r#"insert_hf("Q1: 1\r\n", "i");"#, "Q1", "To Q1 Call-ID CSeq X-A"),
        (
            r#"insert_hf("Q1: 1\r\n", "CSeq"); append_hf("Q2: 1\r\n", "Call-ID"); insert_hf("Q3: 1\r\n", "CSeq");"#,
            "Q1",
            "Call-ID Q1 Q2 Q3 CSeq",
        ),
        (r#"append_time_to_request();"#, "Date", "Via Date Max-Forwards From To"),
    ] {
        assert_eq!(around(script, text), wanted, "{script}");
    }
}

#[test]
fn headers_added_and_removed() {
    changes(&[
        (r#"append_hf("A1: 1"); append_hf("A2: 2\r\n");"#, "+A1: 1A2: 2|"),
        (r#"remove_hf("X-A");"#, "-X-A: one|-X-A : two|"),
        (r#"remove_hf("X-A"); append_hf("X-A: new\r\n");"#, "-X-A: one|-X-A : two|+X-A: new|"),
        (r#"append_hf("A1: 1\r\n", "X-A"); remove_hf("X-A");"#, "-X-A: one|-X-A : two|+A1: 1|"),
        (r#"remove_hf("X-A"); remove_hf("x-a"); remove_hf_pv("X-A");"#, "-X-A: one|-X-A : two|"),
        (
            r#"remove_hf("f"); remove_hf("MAX-forwards");"#,
            "-Max-Forwards: 70|-From: \"Alice A\" <sip:alice@a.com>;tag=1|",
        ),
        (r#"remove_hf_re("^x-");"#, "-X-A: one|-X-A : two|-x-b: 1,2|- 3|"),
        (r#"$var(p) = "b$"; remove_hf_re_pv("^x.$var(p)");"#, "-x-b: 1,2|- 3|"),
        (r#"remove_hf_exp("^(X-|User)", "^X-B");"#, "-X-A: one|-User-Agent: test|-X-A : two|"),
        (r#"remove_hf_exp_pv("^X-", "^X-A");"#, "-x-b: 1,2|- 3|"),
        (r#"remove_hf_idx("X-A", "0");"#, "-X-A: one|"),
        (r#"remove_hf_idx("X-A", "-1");"#, "-X-A : two|"),
        (r#"remove_hf_match("X-A", "in", "tw");"#, "-X-A : two|"),
        (r#"remove_hf_match("X-A", "eq", "one");"#, "-X-A: one|"),
        (r#"remove_hf_match("X-A", "ne", "one");"#, "-X-A : two|"),
        (r#"remove_hf_match("X-A", "re", "^O");"#, "-X-A: one|"),
        (
            r#"$ru = "sip:new@x"; append_urihf("CC: ", "\r\n"); $ru = "sip:bob@127.0.0.1:5060;x=y";"#,
            "+CC: sip:bob@127.0.0.1:5060;x=y|",
        ),
    ]);
    codes(&[
        (r#"append_hf("")"#, -1),
        (r#"remove_hf("Nope")"#, -1),
        (r#"remove_hf("X-A")"#, 1),
        (r#"remove_hf("X-A")"#, 1),
        (r#"is_present_hf("X-A")"#, 1),
        (r#"append_hf("X-N: 1\r\n")"#, 1),
        (r#"is_present_hf("X-N")"#, -1),
        (r#"is_present_hf("i")"#, 1),
        (r#"is_present_hf_pv("")"#, -1),
        (r#"is_present_hf_re("^x-B")"#, 1),
        (r#"is_present_hf_re_pv("^$rm")"#, -1),
        (r#"remove_hf_idx("X-A", "7")"#, 2),
        (r#"remove_hf_re("^nope")"#, -1),
        (r#"remove_hf_re_pv("(")"#, -1),
    ]);
}

#[test]
fn methods() {
    codes(&[
        (r#"is_method("INVITE")"#, 1),
        (r#"is_method("invite")"#, 1),
        (r#"is_method("ACK|INVITE")"#, 1),
        (r#"is_method("INVITE, ACK")"#, 1),
        (r#"is_method("ACK|BYE")"#, -1),
        (r#"is_method("FOO")"#, -1),
    ]);
    let foo = INVITE.replace("INVITE", "FOO");
    assert_eq!(log(r#"if (is_method("foo")) xlog("yes"); if (is_method("INVITE|ACK")) xlog("no");"#, &foo), ["yes"]);
}

#[test]
fn searches() {
    codes(&[
        (r#"search("HELLO")"#, 1),
        (r#"search("^INVITE sip")"#, 1),
        (r#"search("INVITE.*hello")"#, -1),
        (r#"search_body("^h")"#, 1),
        (r#"search_body("From")"#, -1),
        (r#"search_hf("From", "^.alice", "a")"#, 1),
        (r#"search_hf("X-A", "two", "a")"#, 1),
        (r#"search_hf("X-A", "two", "f")"#, -1),
        (r#"search_hf("X-A", "two", "l")"#, 1),
        (r#"search_hf("Nope", "x", "a")"#, -1),
        (r#"search_str("abc", "B")"#, 1),
        (r#"search_str("abc", "z")"#, -1),
        (r#"search_str("", "x")"#, -2),
        (r#"regex_substring("abc123", "([a-z]+)([0-9]+)", 1, 2, "$var(o)")"#, 1),
        (r#"regex_substring("abc123", "([a-z]+)([0-9]+)", 2, 2, "$var(o)")"#, -1),
        (r#"regex_substring("ABC", "[a-z]", 0, 1, "$var(o)")"#, -2),
    ]);
    let script =
        r#"regex_substring("___ abc123def ___", "([a-z]*)([0-9]+)([a-z]*)", 1, 3, "$var(o)"); xlog("$var(o)");"#;
    assert_eq!(log(script, INVITE), ["abc"]);
    changes(&[
        (r#"search_append("test", "QQ");"#, "-User-Agent: test|+User-Agent: testQQ|"),
        (r#"search_append("INVITE", "X");"#, "-CSeq: 1 INVITE|+CSeq: 1 INVITEX|"),
        (r#"search_append_body("ell", "QQ");"#, "-Content-Length: 5|+Content-Length: 7|-hello|+hellQQo|"),
    ]);
}

#[test]
fn replacements() {
    changes(&[
        (r#"replace("TEST", "x$rm");"#, "-User-Agent: test|+User-Agent: x$rm|"),
        (r#"replace("INVITE", "X");"#, "-CSeq: 1 INVITE|+CSeq: 1 X|"),
        (r#"replace_all("X-[ab]", "Y");"#, "-X-A: one|+Y: one|-X-A : two|-x-b: 1,2|+Y : two|+Y: 1,2|"),
        (r#"replace_body("l", "L");"#, "-hello|+heLlo|"),
        (r#"replace_body_all("l", "LL");"#, "-Content-Length: 5|+Content-Length: 7|-hello|+heLLLLo|"),
        (r#"replace_body_atonce("^.+$", "");"#, "-Content-Length: 5|+Content-Length: 0|-hello|+|"),
        (r#"replace_hdrs("one", "1");"#, "-X-A: one|+X-A: 1|"),
        (r#"replace_hdrs_str("X-A", "Q", "f");"#, "-X-A: one|+Q: one|"),
        (r#"replace_str("lo", "$rm", "a");"#, "-Content-Length: 5|+Content-Length: 9|-hello|+helINVITE|"),
        (r#"replace_body_str("l", "", "a");"#, "-Content-Length: 5|+Content-Length: 3|-hello|+heo|"),
        (r#"replace("test", "1"); replace("test", "2");"#, "-User-Agent: test|+User-Agent: 12|"),
        (r#"replace("User-Agent: test\r\n", "");"#, "-User-Agent: test|"),
    ]);
    codes(&[
        (r#"replace("zzz", "y")"#, -1),
        (r#"replace_hdrs("hello", "1")"#, -1),
        (r#"replace_str("zzz", "y", "a")"#, 1),
        (r#"replace_body("x*", "y")"#, -1),
    ]);
}

#[test]
fn substitutions() {
    changes(&[
        (r#"subst("/test/TT/");"#, "-User-Agent: test|+User-Agent: TT|"),
        (r#"subst("/one/$rm-\\0/");"#, "-X-A: one|+X-A: INVITE-one|"),
        (r#"subst("/^Call-ID:.*\r\n/Call-ID: q\r\n/");"#, "-Call-ID: cid@h|+Call-ID: q|"),
        (r#"subst("/INVITE/X/");"#, "-CSeq: 1 INVITE|+CSeq: 1 X|"),
        (r#"subst_body("/l/L/g");"#, "-hello|+heLLo|"),
        (r#"subst_hf("X-A", "/o/0/", "a");"#, "-X-A: one|+X-A: 0ne|-X-A : two|+X-A : tw0|"),
        (r#"subst_hf("X-A", "/o/0/g", "l");"#, "-X-A : two|+X-A : tw0|"),
        (
            r#"subst_hf("f", "/Alice/Bob/", "a");"#,
            "-From: \"Alice A\" <sip:alice@a.com>;tag=1|+From: \"Bob A\" <sip:alice@a.com>;tag=1|",
        ),
        (r#"subst("/test/1/"); subst("/test/2/");"#, "-User-Agent: test|+User-Agent: 12|"),
    ]);
    codes(&[
        (r#"subst("/zz/x/")"#, -1),
        (r#"subst_hf("X-A", "/$/,x/", "a")"#, -1),
        (r#"subst_hf("Nope", "/z/0/", "a")"#, -1),
        (r#"subst_user("/zz/x/")"#, -1),
        (r#"subst_uri("/zz/x/")"#, -1),
    ]);
    let script = r#"subst_user("/b/x/g"); xlog("$ru"); subst_uri("/xox/alice/"); xlog("$ru"); subst_user("/^.*$//"); xlog("$ru");
        subst_v("abc", "/B/X/i", "$var(o)"); xlog("$var(o)");
        xlog("$(var(o){re.subst,/([a-z])/<\\1>/g}) $(var(o){re.subst,/zz/y/}) $(var(o){re.subst,#x#$rm#i})");"#;
    assert_eq!(
        log(script, INVITE),
        [
            "sip:xox@127.0.0.1:5060;x=y",
            "sip:alice@127.0.0.1:5060;x=y",
            "sip:127.0.0.1:5060;x=y",
            "aXc",
            "<a>X<c> aXc aINVITEc"
        ]
    );
}

#[test]
fn bodies() {
    changes(&[
        (
            r#"set_body("new body", "text/html");"#,
            "-Content-Type: text/plain|-Content-Length: 5|+Content-Length: 8|+Content-Type: text/html|-hello|+new body|",
        ),
        (r#"set_body("12345", "text/plain");"#, "-hello|+12345|"),
        (
            r#"append_hf("N: 1\r\n"); set_body("x", "a/b"); append_hf("M: 1\r\n");"#,
            "-Content-Type: text/plain|-Content-Length: 5|+Content-Length: 1|+N: 1|+Content-Type: a/b|+M: 1|-hello|+x|",
        ),
        // Kamailio keeps the first Content-Type beside the second.
        (
            r#"set_body("x", "a/b"); set_body("yy", "c/d");"#,
            "-Content-Type: text/plain|-Content-Length: 5|+Content-Length: 2|+Content-Type: c/d|-hello|+yy|",
        ),
        (
            r#"replace_body("hello", "x"); set_body("long", "text/plain");"#,
            "-Content-Length: 5|+Content-Length: 4|-hello|+long|",
        ),
        (r#"remove_body();"#, "-Content-Length: 5|+Content-Length: 0|-hello|+|"),
        (r#"set_body_hex("41 42", "text/plain");"#, "-Content-Length: 5|+Content-Length: 2|-hello|+AB|"),
    ]);
    codes(&[
        (r#"set_body("", "a/b")"#, -1),
        (r#"set_body("a", "")"#, -1),
        (r#"set_body_hex("4", "a/b")"#, -1),
        (r#"has_body()"#, 1),
        (r#"has_body("TEXT/plain")"#, 1),
        (r#"has_body("text/html")"#, -1),
        (r#"has_body("text/*")"#, -1),
        (r#"is_audio_on_hold()"#, -1),
    ]);
    // In 5.6.3 the old body follows the new one.
    let without_length = INVITE.replace("Content-Length: 5\n", "");
    assert_eq!(changes_of(r#"set_body("new", "text/plain");"#, &without_length), "+Content-Length: 3|-hello|+new|");
    assert_eq!(log("if (!has_body()) xlog(\"none\");", &without_length), ["none"]);
}

const PARTS: &str = "--bnd\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=x\r\n--bnd\r\nContent-Type: application/isup;v=1\r\n\
    Content-Disposition: signal\r\n\r\nISUP\r\n--bnd--\r\n";

fn multipart(kind: &str, body: &str) -> String {
    let length = body.replace("\r\n", "\n").replace('\n', "\r\n").len();
    INVITE.replace("text/plain\nContent-Length: 5\n\nhello", &format!("{kind}\nContent-Length: {length}\n\n{body}"))
}

/// The body after a script.
fn body_after(script: &str, message: &str) -> String {
    let lines = log(&format!("{script} msg_apply_changes(); xlog(\"$rb|\");"), message);
    lines.last().cloned().unwrap_or_default().trim_end_matches('|').to_owned()
}

#[test]
fn several_parts() {
    let message = multipart("multipart/mixed;boundary=bnd", PARTS);
    let script = r#"get_body_part("application/SDP", "$var(o)"); xlog("$rc [$var(o)]"); get_body_part_raw("application/sdp", "$var(o)"); xlog("[$var(o)]");
        get_body_part("application/isup", "$var(o)"); xlog("[$var(o)]"); get_body_part("a/b", "$var(o)"); xlog("$rc");"#;
    assert_eq!(
        log(script, &message),
        [
            "1 [\r\nv=0\r\ns=x\r\n]",
            "[Content-Type: application/sdp\r\n\r\nv=0\r\ns=x\r\n--bnd\r\n]",
            "[Content-Disposition: signal\r\n\r\nISUP\r\n]",
            "-1"
        ]
    );
    for (script, wanted) in [
        (r#"remove_body_part("application/sdp");"#, PARTS["--bnd\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=x\r\n".len()..].to_owned()),
        (r#"remove_body_part("application/isup");"#, "--bnd\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=x\r\n--bnd--\r\n".to_owned()),
        (r#"filter_body("application/sdp");"#, "v=0\r\ns=x".to_owned()),
        (r#"filter_body("application/isup");"#, "ISUP".to_owned()),
        (
            r#"append_body_part("1", "t/a"); append_body_part("2", "t/b\r\nX-H: 1", "sig"); append_body_part_hex("41 42", "t/c");"#,
            PARTS.replace(
                "--bnd--",
                "--bnd\r\nContent-Type: t/a\r\n\r\n1\r\n--bnd\r\nContent-Type: t/b\r\nX-H: 1\r\nContent-Disposition: sig\r\n\r\n2\r\n\
                 --bnd\r\nContent-Type: t/c\r\n\r\nAB\r\n--bnd--",
            ),
        ),
    ] {
        assert_eq!(body_after(script, &message), wanted, "{script}");
    }
    // Kamailio writes the last two hyphens when it sends.
    assert_eq!(
        body_after("set_body_multipart();", INVITE),
        "--unique-boundary-1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--unique-boundary-1--\r\n"
    );
    let script = r#"set_body_multipart("txt", "text/x", "dlm"); msg_apply_changes(); append_body_part("a", "t/b");"#;
    assert_eq!(
        body_after(script, INVITE),
        "--dlm\r\nContent-Type: text/x\r\n\r\ntxt\r\n--dlm\r\nContent-Type: t/b\r\n\r\na\r\n--dlm--\r\n"
    );
    let script = r#"set_body_multipart(); msg_apply_changes(); xlog("$hdr(Content-Type) $hdr(MIME-Version) $hdr(Content-Length)");"#;
    assert_eq!(log(script, INVITE), ["multipart/mixed;boundary=\"unique-boundary-1\" 1.0 79"]);
    codes(&[
        (r#"append_body_part("a", "t/b")"#, -1),
        (r#"remove_body_part("text/plain")"#, -1),
        (r#"filter_body("text/plain")"#, -1),
        (r#"get_body_part("text/plain", "$var(o)")"#, 1),
        (r#"append_body_part_hex("zz", "t/b")"#, -1),
    ]);
}

#[test]
fn replies() {
    let script = r#"append_to_reply("X-R: 1\r\n"); set_reply_body("body", "text/x"); append_time(); append_to_reply(""); sl_send_reply("200", "OK");"#;
    let sent = bench(script).receive(INVITE);
    let (_, tail) = sent.messages[0].split_once("X-R: 1\n").unwrap();
    assert!(tail.starts_with("Content-Type: text/x\nDate: Thu, 01 Jan 2026 00:00:00 GMT\n"), "{tail}");
    assert!(tail.ends_with("Content-Length: 4\n\nbody"), "{tail}");
    // In 5.6.3 there are two types then, and the first body.
    let script = r#"set_reply_body("a", "t/x"); set_reply_body_hex("42 42", "t/y"); sl_send_reply("200", "OK");"#;
    let reply = &bench(script).receive(INVITE).messages[0];
    assert!(!reply.contains("t/x") && reply.contains("Content-Type: t/y") && reply.ends_with("\n\nBB"), "{reply}");
}

#[test]
fn texts() {
    codes(&[
        (r#"cmp_str("a", "a")"#, 1),
        (r#"cmp_str("a", "A")"#, -1),
        (r#"cmp_str("a", "ab")"#, -2),
        (r#"cmp_istr("a", "A")"#, 1),
        (r#"starts_with("abc", "ab")"#, 1),
        (r#"starts_with("abc", "AB")"#, -1),
        (r#"starts_with("", "")"#, 1),
        (r#"ends_with("abc", "bc")"#, 1),
        (r#"ends_with("c", "bc")"#, -1),
        (r#"str_find("abc", "b")"#, 2),
        (r#"str_find("abc", "z")"#, -1),
        (r#"str_find("abc", "")"#, 4),
        (r#"str_find("", "a")"#, -1),
        (r#"str_ifind("aBc", "b")"#, 2),
        (r#"str_any_in("abc", "xyzb")"#, 1),
        (r#"str_any_in("abc", "xyz")"#, -1),
        (r#"str_all_in("abc", "ca")"#, 1),
        (r#"str_all_in("abc", "cd")"#, -1),
        (r#"in_list("b", "a, b", ",")"#, 1),
        (r#"in_list("B", "a,b", ",")"#, -1),
        (r#"in_list("a b", "x, a b ,c", ",")"#, 1),
        (r#"in_list("c", "a b c", " ")"#, 1),
        (r#"in_list("", "a,b", ",")"#, -1),
        (r#"in_list("a", "", ",")"#, -1),
        (r#"in_list_prefix("12345", "99,123", ",")"#, 1),
        (r#"in_list_prefix("1", "12", ",")"#, -1),
    ]);
}

#[test]
fn privacy_and_hold() {
    for (header, yes) in [
        ("id", "id"),
        ("header; id", "header id"),
        ("ID", "id"),
        ("id,header", ""),
        ("session;critical", "session critical"),
        ("bogus;id", ""),
    ] {
        let script: String = ["header", "session", "user", "none", "critical", "id"]
            .map(|value| format!("if (is_privacy(\"{value}\")) xlog(\"{value}\");\n"))
            .concat();
        let message = INVITE.replace("User-Agent: test", &format!("Privacy: {header}"));
        assert_eq!(log(&script, &message).join(" "), yes, "{header}");
    }
    for (address, session, media, code) in [
        ("1.2.3.4", "", "", -1),
        ("0.0.0.0", "", "", 1),
        ("1.2.3.4", "", "a=sendonly\n", 2),
        ("1.2.3.4", "a=inactive\n", "a=sendrecv\n", 2),
        ("1.2.3.4", "", "a=recvonly\n", -1),
        ("1.2.3.4", "", "c=IN IP4 0.0.0.0\n", 1),
        ("0.0.0.0", "", "c=IN IP4 1.2.3.4\n", -1),
        ("0.0.0.0", "", "a=sendonly\n", 2),
        ("1.2.3.4", "", "m=video 1 RTP/AVP 9\na=sendonly\n", -1),
        ("1.2.3.4", "", "a=sendrecv\nm=audio 1 RTP/AVP 9\na=sendonly\n", 2),
    ] {
        let body = format!(
            "v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nc=IN IP4 {address}\nt=0 0\n{session}m=audio 1000 RTP/AVP 0\n{media}"
        );
        let message = multipart("application/sdp", &body);
        assert_eq!(log("is_audio_on_hold(); xlog(\"$rc\");", &message), [code.to_string()], "{body}");
    }
}

/// Not in 5.6.3.
#[test]
fn via_parameters() {
    let message = INVITE.replace(
        ";branch=z9hG4bKabc",
        ";p1=\"a;b\";branch=z9hG4bKabc\nVia: SIP/2.0/UDP b;branch=2;p1 , SIP/2.0/TCP c;p1=3",
    );
    for (call, wanted) in [
        (
            r#"via_param_rm("p1", 0);"#,
            "-Via: SIP/2.0/UDP 127.0.0.2:5061;p1=\"a;b\";branch=z9hG4bKabc|+Via: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bKabc|",
        ),
        (
            r#"via_param_rm("p1", 1);"#,
            "-Via: SIP/2.0/UDP b;branch=2;p1 , SIP/2.0/TCP c;p1=3|+Via: SIP/2.0/UDP b;branch=2 , SIP/2.0/TCP c;p1=3|",
        ),
        (
            r#"via_param_rm("P1", -1);"#,
            "-Via: SIP/2.0/UDP b;branch=2;p1 , SIP/2.0/TCP c;p1=3|+Via: SIP/2.0/UDP b;branch=2;p1 , SIP/2.0/TCP c|",
        ),
        (r#"via_param_rm("nope", 0);"#, ""),
        (r#"via_param_rm("p1", 7);"#, ""),
    ] {
        assert_eq!(changes_of(call, &message), wanted, "{call}");
    }
}

#[test]
fn mistakes_are_found_at_load() {
    for wrong in [
        r#"is_present_hf("")"#,
        r#"is_present_hf("$var(h)")"#,
        r#"remove_hf("a b")"#,
        r#"is_method("$rm")"#,
        r#"is_method("")"#,
        r#"in_list("a", "a;b", ";,")"#,
        r#"is_privacy("bogus")"#,
        r#"search("(")"#,
        r#"subst("/a/b")"#,
        r#"subst_hf("X", "/a/b/", "x")"#,
        r#"has_body("text")"#,
        r#"remove_hf_match("X", "gt", "1")"#,
    ] {
        let config = format!("loadmodule \"pv\"\nloadmodule \"textops\"\nrequest_route {{ {wrong}; }}\n");
        assert!(Bench::new(&config, crate::MODULES).is_err(), "{wrong}");
    }
}
