//! Each value was seen from Kamailio 5.6.3, unless a comment says otherwise.

use testkit::Bench;

/// Runs `$(var(x){transformation})` for each input; checks the texts.
fn check(transformation: &str, cases: &[(&str, &str)]) {
    let quote = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        text.replace('\r', "\\r").replace('\n', "\\n").replace('\t', "\\t")
    };
    let mut config = String::from("loadmodule \"pv\"\nloadmodule \"xlog\"\nrequest_route {\n");
    for (input, _) in cases {
        config.push_str(&format!(
            "$var(x) = \"{}\";\nxlog(\"[$(var(x){{{}}})]\");\n",
            quote(input),
            quote(transformation)
        ));
    }
    config.push_str("}\n");
    let bench = Bench::new(&config, crate::MODULES).unwrap_or_else(|error| panic!("{transformation}: {error}"));
    let log = bench.receive(OPTIONS).log;
    let wanted: Vec<String> = cases.iter().map(|(_, want)| format!("ERROR: <script>: [{want}]")).collect();
    assert_eq!(log, wanted, "{transformation}");
}

fn all(table: &[(&str, &[(&str, &str)])]) {
    for (transformation, cases) in table {
        check(transformation, cases);
    }
}

const OPTIONS: &str = "OPTIONS sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
    From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";

#[test]
fn whole_texts() {
    all(&[
        ("s.len", &[("abc", "3"), ("", "0")]),
        ("s.int", &[("42", "42"), ("42abc", ""), ("-7", "-7"), ("", ""), (" 5", "")]),
        ("s.numeric", &[("(040)1234/567-89", "040123456789"), ("x", "")]),
        ("s.tolower", &[("AbÜ", "abÜ")]),
        ("s.toupper", &[("Ab1", "AB1")]),
        ("s.trim", &[("\r\n\t a \r\n", "a"), ("a b", "a b"), ("  ", "")]),
        ("s.rtrim", &[(" a \r\n", " a")]),
        ("s.ltrim", &[(" \ta ", "a ")]),
        ("s.rmws", &[(" a \t b\tc ", "abc")]),
        ("s.unquote", &[("\"q\"", "q"), ("'q'", "q"), ("\"", "\""), ("\"\"", ""), ("\"a", "\"a"), ("\"a'", "\"a'")]),
        ("s.unbracket", &[("<b>", "b"), ("[b]", "b"), ("{b}", "b"), ("(b)", "b"), ("<b]", "<b]"), ("<", "<")]),
        ("s.replace,b,XX", &[("abcb", "aXXcXX"), ("x", "x")]),
        ("s.replace,b,", &[("abc", "ac")]),
        ("s.replace,aa,a", &[("aaaaa", "aaa")]),
        ("s.rm,bc", &[("abcd", "ad")]),
        ("s.rm,", &[("abcd", "abcd")]),
        // These are not in 5.6.3 (or broken there); the documentation of 6.x.
        ("s.rmhdws", &[("a\r\n\t b\n c\nd", "a b c\nd")]),
        ("s.rmhlws", &[("a\r\n\t b\n c", "abc")]),
        ("s.fmtlines,4,2", &[("abcdefghi", "abcd\r\n  efgh\r\n  i"), ("", "")]),
        ("s.fmtlinet,0,2", &[("abc", "")]),
    ]);
}

#[test]
fn parts_of_texts() {
    all(&[
        ("s.substr,0,3", &[("abcdef", "abc"), ("", "")]),
        ("s.substr,2,0", &[("abcdef", "cdef")]),
        ("s.substr,-3,2", &[("abcdef", "de"), ("ab", "")]),
        ("s.substr,6,0", &[("abcdef", ""), ("abcdefg", "g")]),
        ("s.substr,2,100", &[("abcdef", "cdef")]),
        ("s.substr, 1 , 2 ", &[("42abc", "2a")]),
        ("s.substr,$(var(x){s.len}),2", &[("0123456789", "")]),
        ("s.substr,$(var(x){s.substr,3,1}{s.int}),2", &[("0123456789", "34")]),
        // A text in place of a number.
        ("s.substr,$(var(x){s.substr,3,1}),2", &[("0123456789", "")]),
        ("s.select,1,,", &[("a,b,,d", "b"), ("a", "")]),
        ("s.select,-1,,", &[("a,b,,d", "d")]),
        ("s.select,-4,,", &[("a,b,,d", "a")]),
        ("s.select,-5,,", &[("a,b,,d", "")]),
        ("s.select,1,\\s", &[("12 34\t56", "34")]),
        ("s.selectsw,2", &[("12 34\t56", "56")]),
        ("s.strip,2", &[("abc", "c"), ("a", "")]),
        ("s.strip,-1", &[("abc", "abc")]),
        ("s.striptail,2", &[("abc", "a"), ("a", "")]),
        ("s.stripto,bX", &[("AbBcabC", "bBcabC"), ("x", "")]),
        ("s.before,b", &[("AbBcabC", "A"), ("x", "x")]),
        ("s.after,b", &[("AbBcabC", "BcabC"), ("x", "")]),
        ("s.rbefore,b", &[("AbBcabC", "AbBca"), ("x", "x")]),
        ("s.rafter,,", &[("a,b,c", "c"), ("x", "")]),
        ("s.count,,", &[("a,b,c", "2"), ("", "0")]),
        ("s.charat,1", &[("abc", "b"), ("a", "")]),
        ("s.byteat,1", &[("abc", "98"), ("a", "")]),
        ("s.prefixes", &[("123", "1,12,123"), ("", "")]),
        ("s.prefixes,2", &[("123", "1,12")]),
        ("s.prefixes.quoted,2", &[("123", "'1','12'")]),
    ]);
}

#[test]
fn escapes() {
    all(&[
        ("s.escape.common", &[("it's \"q\" \\ x", "it\\'s \\\"q\\\" \\\\ x")]),
        ("s.unescape.common", &[("it\\'s \\\"q\\\" \\\\ \\n", "it's \"q\" \\ \\n"), ("end\\", "end\\")]),
        ("s.escape.crlf", &[("a\r\nb", "a\\r\\nb")]),
        ("s.unescape.crlf", &[("a\\r\\nb\\x", "a\r\nb\\x")]),
        ("s.escape.user", &[("a b@c;d=e?f&g/h+i:j", "a%20b%40c;d=e?f&g%2fh+i%3aj")]),
        ("s.unescape.user", &[("a%20b", "a b"), ("%2", ""), ("%zz", ""), ("%0d", "")]),
        ("s.escape.param", &[("[a b]@c;d=e?f&g/h+i:j", "[a%20b]%40c%3bd%3de%3ff&g/h+i:j")]),
        ("s.unescape.param", &[("%41", "A"), ("%00", "")]),
        ("s.escape.csv", &[("a \"q\"", "\"a \"\"q\"\"\""), ("", "\"\"")]),
        ("s.urlencode.param", &[("a b&c+'~", "a%20b%26c%2b%27~")]),
        ("s.urldecode.param", &[("a%20b+c%2B", "a b c+")]),
    ]);
}

#[test]
fn encodings() {
    all(&[
        ("s.encode.hexa", &[("Hello", "48656c6c6f")]),
        ("s.decode.hexa", &[("6869", "hi"), ("686", "h"), ("68zz", ""), ("", "")]),
        ("s.encode.7bit", &[("Hello World", "C8329BFD065DDF723619"), ("a%20b%2", "E1920C262EC900")]),
        ("s.decode.7bit", &[("C8329BFD065DDF723619", "Hello World"), ("E1920C262EC900", "a%20b%2"), ("61", "a")]),
        ("s.encode.base58", &[("Hello World", "JxF12TrwUP45BMd"), ("42", "4yP"), ("", "")]),
        ("s.decode.base58", &[("JxF12TrwUP45BMd", "Hello World"), ("0OIl", "")]),
        ("s.encode.base64", &[("Hello World", "SGVsbG8gV29ybGQ=")]),
        ("s.decode.base64", &[("aGVsbG8=", "hello"), ("aGVsbG8", "")]),
        ("s.encode.base64t", &[("Hello World", "SGVsbG8gV29ybGQ")]),
        ("s.decode.base64t", &[("aGVsbG8", "hello"), ("aGVsbG8=", "hello")]),
        ("s.encode.base64url", &[("???>>>", "Pz8_Pj4-")]),
        ("s.decode.base64url", &[("Pz8_Pj4-", "???>>>"), ("aGVsbG8", "hello")]),
        ("s.decode.base64urlt", &[("aGVsbG8", "hello"), ("a b", "")]),
    ]);
}

#[test]
fn hashes_and_time() {
    all(&[
        ("s.md5", &[("Hello World", "b10a8db164e0754105b7a99be72e3fe5")]),
        ("s.sha1", &[("abc", "a9993e364706816aba3e25717850c26c9cd0d89d")]),
        ("s.sha256", &[("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]),
        ("s.sha3", &[("abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532")]),
        ("s.sha3,100", &[("abc", "")]),
        ("s.keccak,256", &[("", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")]),
        ("s.crc32", &[("123456789", "3421780262")]),
        ("s.corehash", &[("Hello World", "2764307758"), ("42", "12987"), ("", "0"), ("aaaaa", "1834902183")]),
        ("s.corehash,10", &[("Hello World", "8"), ("42", "9")]),
        ("s.corehash,-5", &[("aaaaa", "1834902178")]),
        ("s.ftime,%Y", &[("1000000000", "2001"), ("x", "")]),
        ("s.ftime,%%", &[("7", "%")]),
        ("s.ftime,", &[("7", "")]),
    ]);
}

#[test]
fn uris() {
    const FULL: &str = "sip:al%40ice:pw@[2001:db8::1]:5070;transport=tcp;lr;ttl=5;user=phone;maddr=1.2.3.4;method=INVITE;r2=on;x=?h=1&g=2";
    all(&[
        ("uri.user", &[(FULL, "al%40ice"), ("sip:b.com", ""), ("tel:+123;a=b", "+123"), ("garbage", ""), ("", "")]),
        ("uri.host", &[(FULL, "[2001:db8::1]"), ("tel:1", ""), ("urn:service:sos", "sos")]),
        ("uri.domain", &[("SIP:A@B.COM;Transport=TCP", "B.COM")]),
        ("uri.passwd", &[(FULL, "pw"), ("sip:a@b", "")]),
        ("uri.port", &[(FULL, "5070"), ("sip:a@b", "")]),
        ("uri.headers", &[(FULL, "h=1&g=2")]),
        ("uri.params", &[("sip:a@b;lr;x=1?h=1", "lr;x=1"), ("tel:+1;a=b", "")]),
        ("uri.param,x", &[("sip:a@b;lr;X=1", "1"), ("sip:a@b;lr", ""), ("sip:a@b;x=\"y;z\"", "y;z")]),
        ("uri.rmparam,lr", &[("sip:a@b;lr;x=1?h=1", "sip:a@b;x=1?h=1")]),
        ("uri.transport", &[(FULL, "tcp"), ("sip:a@b", "")]),
        ("uri.ttl", &[(FULL, "5")]),
        ("uri.uparam", &[(FULL, "phone")]),
        ("uri.maddr", &[(FULL, "1.2.3.4")]),
        ("uri.method", &[(FULL, "INVITE")]),
        ("uri.lr", &[(FULL, ""), ("sip:a@b;lr=on", "on")]),
        ("uri.r2", &[(FULL, "on")]),
        ("uri.scheme", &[("SIP:a@b", "SIP"), ("tel:1", "tel"), ("x", "")]),
        ("uri.tosocket", &[(FULL, "tcp:[2001:db8::1]:5070"), ("sips:a@b;transport=UDP", "udp:b:5060"), ("sip:b", "")]),
        // Broken in 5.6.3; the examples of the documentation.
        ("uri.saor", &[("sip:alice@server.com:5060;nat=yes;transport=tcp;line=xyz", "sip:alice@server.com")]),
        ("uri.suri", &[("sip:alice@server.com:5060;nat=yes;transport=tcp", "sip:alice@server.com:5060;transport=tcp")]),
        ("uri.duri", &[("sip:alice@server.com:5060;nat=yes;transport=tcp", "sip:server.com:5060;transport=tcp")]),
    ]);
}

#[test]
fn parameter_lists() {
    const LIST: &str = "a=1;b=2;c;d=\"x;y\";e=";
    all(&[
        ("param.value,a", &[(LIST, "1"), ("a=1;a=2;A=3", "3"), ("a=1,b=2", "1"), ("a=1&b=2", "1&b=2"), ("a = 1", "1")]),
        (
            "param.value,b",
            &[(LIST, "2"), ("a=1;b=x y", ""), ("a=\"q\"x;b=2", ""), ("a='q;r';b=2", "2"), ("a=;b=2", "")],
        ),
        ("param.value,d", &[(LIST, "x;y")]),
        ("param.value,b,&", &[("a=1&b=2", "2")]),
        ("param.in,c", &[(LIST, "1"), ("a", "0"), ("", "")]),
        ("param.valueat,-4", &[(LIST, "2")]),
        ("param.valueat,9", &[(LIST, "")]),
        ("param.name,1", &[(LIST, "b"), (";a=1", "a"), ("a; b", "b")]),
        (
            "param.count",
            &[
                (LIST, "5"),
                (";a=1", "2"),
                ("a=1;", "1"),
                ("a;;b", "3"),
                ("a;;", ""),
                (";", ""),
                (" a", ""),
                ("=1", "1"),
                ("a==b", "1"),
                ("a,b;c", "1"),
                ("", ""),
            ],
        ),
    ]);
}

#[test]
fn addresses() {
    const FULL: &str = "\"Alice A\" <sip:alice@a.com;lr>;tag=1;x=y";
    all(&[
        ("nameaddr.uri", &[(FULL, "sip:alice@a.com;lr"), ("garbage", "garbage"), ("\"x\" <sip:a", ""), ("", "")]),
        ("nameaddr.name", &[(FULL, "\"Alice A\" "), ("Bob Q  <sip:b@b>", "Bob Q  "), ("sip:c@c", "")]),
        ("nameaddr.len", &[(FULL, "30"), ("sip:c@c.com;tag=3", "17"), ("\"A <x>\" <sip:b>", "15")]),
        ("tobody.uri", &[(FULL, "sip:alice@a.com;lr"), ("sip:c@c.com;tag=3", "sip:c@c.com"), ("garbage", "")]),
        ("tobody.tag", &[(FULL, "1"), ("<sip:d@d>", ""), ("<sip:a@b>, <sip:c@d>", "")]),
        ("tobody.user", &[(FULL, "alice"), ("<sip:d>", "")]),
        ("tobody.host", &[(FULL, "a.com")]),
        ("tobody.params", &[(FULL, "tag=1;x=y"), ("<sip:d@d>", ""), ("sip:c@c.com;tag=3", "tag=3")]),
        ("tobody.display", &[(FULL, "\"Alice A\""), ("Bob Q  <sip:b@b>", "Bob Q")]),
        (
            "urialias.encode",
            &[
                ("sip:a@1.2.3.4:5070;transport=tcp", "1.2.3.4~5070~2"),
                ("sip:x@[::1]:5080", "[::1]~5080~1"),
                ("sip:a@1.2.3.4;transport=tls", "1.2.3.4~5061~3"),
                ("garbage", ""),
            ],
        ),
        (
            "urialias.decode",
            &[
                ("1.2.3.4~5070~2", "sip:1.2.3.4:5070;transport=tcp"),
                ("[::1]~5070~1", "sip:[::1]:5070"),
                ("1.2.3.4~5070", ""),
                ("x y~1~1", ""),
            ],
        ),
    ]);
}

#[test]
fn lines() {
    all(&[
        ("line.count", &[("one\r\ntwo\r\n\r\nfour", "4"), ("a\nb\n", "2"), ("", ""), ("x", "1"), ("\n", "1")]),
        ("line.at,1", &[("one\r\ntwo: 2\r\n", "two: 2"), ("x", "")]),
        ("line.at,-1", &[("a\nb\n", "b"), ("x", "x")]),
        ("line.sw,two", &[("one\r\ntwo: 2\r\n", "two: 2"), ("Two", "")]),
        ("line.sw,", &[("one\r\ntwo", "one")]),
    ]);
}

/// The documentation of 6.x; these classes are not in 5.6.3.
#[test]
fn values_and_digits() {
    all(&[
        ("val.json", &[("\"name\"\t\\", "\\\"name\\\"\\t\\\\")]),
        ("val.jsonqe", &[("a", "\"a\"")]),
        ("val.ne", &[("a", "a")]),
        ("num.fdigit", &[("123", "0")]),
        ("s.len}{num.fdigit", &[("123456789012", "1")]),
        ("s.len}{num.ldigit", &[("123456789012", "2")]),
        ("s.int}{val.n0", &[("x", "0"), ("5", "5")]),
        ("s.int}{val.jsonqe", &[("x", "\"\""), ("5", "5")]),
        ("s.int}{s.len", &[("x", "")]),
    ]);
}

#[test]
fn mistakes_are_found_at_load() {
    for wrong in [
        "s.substr,2,-1",
        "s.substr,x,2",
        "s.substr,1",
        "s.len,1",
        "s.strip",
        "s.replace,4",
        "s.rm",
        "s.select,1,ab",
        "s.select,1,",
        "s.select,1",
        "s.select,0,$var(x)",
        "s.ftime",
        "s.prefixes,x",
        "uri.user,x",
        "uri.param",
        "uri.nope",
        "param.value",
        "param.value,a,xy",
        "param.value,a,,",
        "line.at,x",
        "line.count,1",
    ] {
        let config =
            format!("loadmodule \"pv\"\nloadmodule \"xlog\"\nrequest_route {{ xlog(\"$(var(x){{{wrong}}})\"); }}\n");
        assert!(Bench::new(&config, crate::MODULES).is_err(), "{wrong}");
    }
}
