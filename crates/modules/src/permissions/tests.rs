use std::path::PathBuf;

use engine::RpcValue;
use testkit::Bench;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("olelo-permissions-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for (name, text) in files {
            std::fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }

    fn bench(&self, globals: &str, statements: &str) -> Result<Bench, String> {
        let folder = self.0.display().to_string();
        let text = format!(
            "debug=0\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"kex\"\nloadmodule \"corex\"\n\
             loadmodule \"db_text\"\nloadmodule \"permissions\"\n{globals}\nrequest_route {{\n{statements}\n}}"
        );
        Bench::new(&text.replace("DIR", &folder), crate::MODULES)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn request(method: &str, uri: &str, from: &str, contacts: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\nFrom: {from};tag=1\n\
         To: <sip:alice@a.com>\nCall-ID: 1\nCSeq: 1 {method}\n{contacts}Content-Length: 0\n\n"
    )
}

/// What xlog wrote, without level and prefix.
fn texts(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter_map(|line| line.split_once("<script>: ").map(|(_, text)| text.to_owned())).collect()
}

const ROUTING: &str = "
    allow_routing(); xlog(\"default $rc\");
    allow_routing(\"DIR/b\"); xlog(\"base $rc\");
    allow_routing(\"DIR/o.allow\", \"DIR/o.deny\"); xlog(\"files $rc\");
    allow_routing(\"DIR/missing\"); xlog(\"missing $rc\");
    append_branch(\"sip:zed@b.com\"); allow_routing(\"DIR/o.allow\", \"DIR/o.deny\"); xlog(\"branch $rc\");
    allow_uri(\"DIR/o\", \"$ru\"); xlog(\"uri $rc\");
    $var(u) = \"sip:zed@x\"; allow_uri(\"DIR/o\", \"$var(u)\"); xlog(\"zed $rc\");
    allow_uri(\"DIR/o\", \"$avp(none)\"); xlog(\"null $rc\");";

const DEFAULTS: &str = "modparam(\"permissions\", \"default_allow_file\", \"DIR/d.allow\")
    modparam(\"permissions\", \"default_deny_file\", \"DIR/d.deny\")";

/// As seen from Kamailio 5.6.3.
#[test]
fn files_say_who_may_call_whom() {
    let files = [
        ("d.allow", "\"alice\" : \"bob\"\n"),
        ("d.deny", "ALL : ALL\n"),
        ("b.allow", "\"^sip:alice@a.com:5070;p=1$\" : \"^sip:bob@b.com$\"\n"),
        ("b.deny", "ALL : ALL\n"),
        ("o.allow", "\"alice@a\" : \"bob@b.com\"\n\"carol\":\"bob\"\n"),
        ("o.deny", "ALL:\"zed\"\n"),
    ];
    let folder = Folder::new("routing", &files);
    let bench = folder.bench(DEFAULTS, ROUTING).unwrap();
    let send = |from: &str, uri: &str| texts(bench.receive(&request("OPTIONS", uri, from, "")).log).join(", ");
    assert_eq!(
        send("<sip:alice@a.com:5070;p=1>", "sip:bob@b.com:5080;x=1"),
        "default 1, base 1, files 1, missing 1, branch -1, uri 1, zed -1, null -1"
    );
    assert_eq!(
        send("<sip:carol@a.com>", "sip:bob@b.com"),
        "default -1, base -1, files 1, missing 1, branch -1, uri 1, zed -1, null -1"
    );
    let test = |base: &str, uri: &str| {
        let arguments = [format!("{}/{base}", folder.0.display()), "sip:alice@a.com".into(), uri.into()];
        let answer = bench.rpc("permissions.testUri", &arguments.map(RpcValue::from)).unwrap();
        answer[0].to_text().unwrap()
    };
    assert_eq!(
        [test("o", "sip:bob@b.com"), test("o", "sip:zed@b.com"), test("q", "x")],
        ["Allowed", "Denied", "Denied"]
    );
}

#[test]
fn files_say_who_may_register_what() {
    let files = [("r.allow", "ALL : \"^sip:alice@127.0.0.1$\"\n"), ("r.deny", "ALL : ALL\n")];
    let port = [("p.allow", "ALL : \"^sip:alice@127.0.0.1:5060$\"\n"), ("p.deny", "ALL : ALL\n")];
    let folder = Folder::new("register", &[files, port].concat());
    let statements = "allow_register(\"DIR/r\"); xlog(\"$rc\");
        allow_register(\"DIR/r.allow\", \"DIR/r.deny\"); xlog(\"$rc\");
        allow_register_include_port(\"DIR/p\"); xlog(\"$rc\");";
    let bench = folder.bench("", statements).unwrap();
    let send = |contacts: &str| {
        texts(bench.receive(&request("REGISTER", "sip:b.com", "<sip:alice@a.com>", contacts)).log).join(" ")
    };
    assert_eq!(send(""), "1 1 1");
    assert_eq!(send("Contact: *\n"), "1 1 1");
    assert_eq!(send("Contact: <sip:alice@127.0.0.1;transport=tcp>;q=1\n"), "1 1 -1");
    assert_eq!(send("Contact: <sip:alice@127.0.0.1:5060>\n"), "1 1 1");
    assert_eq!(send("Contact: <sip:alice@127.0.0.1:5070>\n"), "1 1 -1");
    assert_eq!(send("Contact: <sip:alice@127.0.0.1>, <sip:alice@1.2.3.4>\n"), "-1 -1 -1");
    assert_eq!(send("Contact: <tel:123>\n"), "-1 -1 -1");
}

#[test]
fn a_file_of_addresses() {
    let text = "1 127.0.0.2 32 0 tag1 # phone\nx 1.2.3.4\n2 192.168.2.0 24 5060 t;a=b\n4 host.example.com\n";
    let folder = Folder::new("addresses", &[("list", text), ("wrong", "\n1 1.2.3.4 99\n")]);
    let globals = "modparam(\"permissions\", \"address_file\", \"DIR/list\")
        modparam(\"permissions\", \"reload_delta\", 0)\nmodparam(\"permissions\", \"peer_tag_avp\", \"$avp(t)\")";
    let statements = "allow_source_address(); xlog(\"$rc $avp(t)\"); $avp(t) = $null;
        allow_address(2, \"192.168.2.9\", 5060); xlog(\"$rc $avp(t)\");
        allow_address(\"4\", \"host.example.com\", \"1\"); xlog(\"$rc\"); allow_trusted(); xlog(\"$rc\");";
    let bench = folder.bench(globals, statements).unwrap();
    assert!(bench.log().iter().any(|line| line.contains("list:2: ")), "a line that is left out is named");
    let message = request("OPTIONS", "sip:b.com", "<sip:alice@a.com>", "");
    assert_eq!(texts(bench.receive(&message).log), ["1 tag1", "1 t;a=b", "1", "-1"]);
    std::fs::write(folder.0.join("list"), "2 10.0.0.0/8\n1 ::1 129\n").unwrap();
    assert!(bench.rpc("permissions.addressReload", &[]).is_err());
    assert_eq!(texts(bench.receive(&message).log), ["1 tag1", "1 t;a=b", "1", "-1"], "the old table stays");
    std::fs::write(folder.0.join("list"), "3 10.0.0.0\n").unwrap();
    bench.rpc("permissions.addressReload", &[]).unwrap();
    assert_eq!(texts(bench.receive(&message).log), ["-1 <null>", "-1 <null>", "-1", "-1"]);
    let wrong = folder.bench(&globals.replace("DIR/list", "DIR/wrong"), "exit;").err().unwrap();
    assert!(wrong.contains("wrong:2: `99`"), "{wrong}");
}

#[test]
fn mistakes_in_the_configuration() {
    let folder =
        Folder::new("mistakes", &[("version", "table_name(string) table_version(int)\ntrusted:5\naddress:6\n")]);
    let error = |globals: &str, statements: &str| folder.bench(globals, statements).err().unwrap_or_default();
    let wrong = error("modparam(\"permissions\", \"peer_tag_avp\", \"tag\")", "exit;");
    assert!(wrong.contains("peer_tag_avp"), "{wrong}");
    let wrong = error("modparam(\"permissions\", \"subnet_match_mode\", 2)", "exit;");
    assert!(wrong.contains("subnet_match_mode"), "{wrong}");
    let wrong = error("modparam(\"permissions\", \"load_backends\", 3)", "allow_routing(\"x\");");
    assert!(wrong.contains("load_backends"), "{wrong}");
    let wrong = error("modparam(\"permissions\", \"db_url\", \"text://DIR\")", "exit;");
    assert!(wrong.contains("`trusted`") && wrong.contains("version 5"), "{wrong}");
}
