use testkit::Bench;

use crate::tests_support::{OPTIONS, error, script_lines};

const MODULES: &str = "tm sl pv kex xlog dispatcher";

/// A server with a list file; the file lives as long as the folder.
struct Server {
    bench: Bench,
    folder: tempfile::TempDir,
}

impl Server {
    fn new(list: &str, rest: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("list"), list).unwrap();
        let loads: String = MODULES.split_whitespace().map(|name| format!("loadmodule \"{name}.so\"\n")).collect();
        let list = folder.path().join("list").display().to_string();
        let config = format!(
            "debug=2\n{loads}modparam(\"dispatcher\", \"list_file\", \"{list}\")\nmodparam(\"dispatcher\", \"reload_delta\", 0)\n{rest}"
        );
        Ok(Self { bench: Bench::new(&config, crate::MODULES)?, folder })
    }

    fn write(&self, list: &str) {
        std::fs::write(self.folder.path().join("list"), list).unwrap();
    }

    /// What the script logs for a request.
    fn lines(&mut self) -> Vec<String> {
        script_lines(self.bench.receive(OPTIONS).log)
    }
}

fn run(list: &str, params: &str, statements: &str) -> Vec<String> {
    Server::new(list, &format!("{params}\nrequest_route {{\n{statements}\n}}")).unwrap().lines()
}

const FIRST: &str = "$var(r) = ds_select_dst(\"1\", \"8\"); xlog(\"$var(r) $du\\n\");";

#[test]
fn list_file() {
    let list = "# first\n1 sip:192.0.2.1 0 1\n1 sip:192.0.2.2 0 5 a=b # better\n\n2 sip:192.0.2.3\n";
    assert_eq!(run(list, "", FIRST), ["1 sip:192.0.2.2"]);
}

/// A list with a broken line, or none at all, does not take the place of the old one.
#[test]
fn reload_of_a_broken_list() {
    let mut server = Server::new("1 sip:192.0.2.1\n", &format!("request_route {{ {FIRST} }}")).unwrap();
    let reload = |server: &Server| server.bench.rpc("dispatcher.reload", &[]).is_ok();
    assert_eq!(server.lines(), ["1 sip:192.0.2.1"]);
    server.write("1 sip:192.0.2.2\n1\n");
    assert!(!reload(&server));
    let log = server.bench.log();
    assert!(log.iter().any(|line| line.contains("list:2: there is no destination behind the set")), "{log:?}");
    assert_eq!(server.lines(), ["1 sip:192.0.2.1"]);
    std::fs::remove_file(server.folder.path().join("list")).unwrap();
    assert!(!reload(&server));
    assert_eq!(server.lines(), ["1 sip:192.0.2.1"]);
    server.write(
        "1 sip:192.0.2.2\n1 nonsense\n1 sip:192.0.2.3;transport=x 0 9\n1 sip:192.0.2.4 0 9 socket=udp:192.0.2.9:1\n",
    );
    assert!(reload(&server));
    assert_eq!(server.lines(), ["1 sip:192.0.2.2"]);
}

#[test]
fn ds_load_mode_wants_all_destinations() {
    let list = "1 sip:192.0.2.1\n1 nonsense\n";
    let start = |mode: &str| {
        let params = format!("modparam(\"dispatcher\", \"ds_load_mode\", {mode})\nrequest_route {{ exit; }}");
        Server::new(list, &params).err().unwrap_or_default()
    };
    assert_eq!(start("0"), "");
    assert!(start("1").contains("list:2: `nonsense` is no URI"), "{}", start("1"));
}

#[test]
fn groups_are_counted() {
    let list = "1 sip:192.0.2.1\n1 sip:192.0.2.2 1\n1 sip:192.0.2.3\n1 sip:192.0.2.4 2\n";
    let show = "xlog(\"$var(r) $dsg(count) $dsg(active) $dsg(pactive) $dsg(inactive) $dsg(pinactive)\\n\");";
    let script = format!(
        "xlog(\"$dsg(count)\\n\"); $var(r) = ds_dsg_fetch(\"1\"); {show} $var(r) = ds_dsg_fetch(\"2\"); {show}
        $var(r) = ds_dsg_fetch_uri(\"1\", \"sip:192.0.2.2\"); {show} $var(r) = ds_dsg_fetch_uri(\"1\", \"sip:192.0.2.9\"); {show}
        xlog(\"$dsv(code)\\n\");"
    );
    let none = "-1 <null> <null> <null> <null> <null>";
    let some = "1 4 3 75 1 25";
    assert_eq!(run(list, "", &script), ["<null>", some, none, some, none, "<null>"]);
}

#[test]
fn ds_mark_addr_sets_states() {
    let script =
        "$var(r) = ds_mark_addr(\"ip\", \"1\", \"sip:192.0.2.1\"); xlog(\"$var(r)\\n\"); ds_select_dst(\"1\", \"8\");
        xlog(\"$du\\n\"); $var(r) = ds_mark_addr(\"a\", \"1\", \"sip:192.0.2.9\"); xlog(\"$var(r)\\n\");
        $var(r) = ds_mark_addr(\"x\", \"1\", \"sip:192.0.2.1\"); xlog(\"$var(r)\\n\");";
    let list = "1 sip:192.0.2.1 0 9\n1 sip:192.0.2.2\n";
    assert_eq!(run(list, "", script), ["1", "sip:192.0.2.2", "-1", "-1"]);
}

/// Inactive destinations are no branches (in Kamailio 5.6.3 they are).
#[test]
fn parallel_leaves_out_inactive_ones() {
    let list = "1 sip:192.0.2.1 1 9\n1 sip:192.0.2.2 0 8\n1 sip:192.0.2.3 4 7\n1 sip:192.0.2.4 0 6\n";
    let script = "ds_select_dst(\"1\", \"12\"); xlog(\"$du $branch(count) $(branch(dst_uri)[0])\\n\");";
    assert_eq!(run(list, "", script), ["sip:192.0.2.2 1 sip:192.0.2.4"]);
}

#[test]
fn congestion_takes_weight_off() {
    let stats = "modparam(\"dispatcher\", \"ds_ping_latency_stats\", 1)";
    let list = "1 sip:192.0.2.1 0 0 rweight=50;cc=1;latency=5\n";
    assert_eq!(run(list, stats, "ds_select_dst(\"1\", \"11\"); xlog(\"$du\\n\");"), ["sip:192.0.2.1"]);
}

#[test]
fn errors() {
    let param = |name: &str, value: &str| error(MODULES, &format!("modparam(\"dispatcher\", \"{name}\", {value})"));
    for (name, value, wanted) in [
        ("ds_probing_mode", "4", "from 0 to 3"),
        ("ds_probing_threshold", "0", "at least 1"),
        ("ds_ping_reply_codes", "\"codes\"", "neither `code=403` nor `class=4`"),
        ("ds_ping_from", "\"x\"", "this is no URI"),
        ("ds_ping_method", "\"a b\"", "this is no method"),
        ("ds_db_extra_attrs", "\"x\"", "attribute=column"),
        ("setid_pvname", "\"x\"", "must be a variable"),
        ("db_url", "\"x\"", "a database URL looks like"),
        ("event_callback", "\"f\"", "`event_callback`"),
    ] {
        let found = param(name, value);
        assert!(found.contains(wanted), "{name}: {found}");
    }
    let call = |call: &str| error(MODULES, &format!("request_route {{ {call}; }}"));
    assert!(
        call("ds_select_dst(\"1\", \"64\")").contains("overload control"),
        "{}",
        call("ds_select_dst(\"1\", \"64\")")
    );
    assert!(!call("ds_oc_set_attrs(\"1\", \"2\", \"3\", \"4\", \"5\")").is_empty());
    assert!(!call("xlog(\"$dsg(ocrate)\")").is_empty());
}
