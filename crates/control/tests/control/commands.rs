//! The commands on a core without sockets. The expected texts are Kamailio's.

use std::sync::Arc;

use control::ctl_client::print;
use control::{binrpc, commands};
use engine::core::Core;
use engine::log::Log;
use engine::rpc::{RpcCommand, RpcTable};
use engine::settings::Settings;
use engine::{Modules, RpcValue, Value};

use crate::common::in_runtime;

fn core() -> Arc<Core> {
    let core = Core::new(Settings::default(), Arc::new(Log::memory(0)));
    let mut modules = Modules::default();
    modules.add_object(core.clone());
    let mut table = RpcTable::default();
    for def in commands::CORE
        .iter()
        .copied()
        .chain([commands::statistics::COMMANDS, commands::COUNTERS, commands::CFG_RPC])
        .flatten()
    {
        let handler = (def.bind)(&modules).unwrap_or_else(|| panic!("{} is not bound", def.name));
        assert!(!def.doc.trim().is_empty(), "{}", def.name);
        let command = RpcCommand { doc: def.doc.into(), returns_array: def.returns_array, handler };
        let earlier = table.commands.insert(def.name.into(), command);
        assert!(earlier.is_none(), "{} is there twice", def.name);
    }
    core.rpc.store(Arc::new(table));
    core
}

/// What kamcmd prints for a command line; words are typed as it types them.
fn ask(core: &Arc<Core>, line: &str) -> String {
    let mut words = line.split(' ');
    let name = words.next().unwrap();
    let arguments: Vec<RpcValue> = words.map(control::ctl_client::typed).collect();
    let table = core.rpc.load_full();
    match in_runtime(table.call(name, arguments)) {
        Ok(values) => {
            let packet = binrpc::encode_answer(binrpc::Cookie::new(1), &Ok(values));
            let head = binrpc::decode_head(&packet, binrpc::Limits::REPLY).unwrap().unwrap();
            print(&binrpc::decode_body(&packet[head.head_length..], binrpc::Limits::REPLY).unwrap())
        }
        Err(fault) => format!("error: {} - {}", fault.code, fault.reason),
    }
}

#[test]
fn about_the_program() {
    let core = core();
    assert!(ask(&core, "core.version").starts_with("olelo "));
    assert!(ask(&core, "core.uptime").contains("\tuptime: "));
    assert!(ask(&core, "core.runinfo").contains("\tname: olelo\n"));
    assert!(ask(&core, "core.info").starts_with("{\n\tversion: olelo "));
    assert_eq!(ask(&core, "core.modules"), "");
    assert_eq!(ask(&core, "core.echo a 5 s:7"), "a\n5\n7\n");
    assert_eq!(ask(&core, "core.printi 5"), "5\n");
    let fault = "error: 400 - error at parameter 0: expected integer type but record doesn't match type";
    assert_eq!(ask(&core, "core.printi abc"), fault);
    assert_eq!(ask(&core, "core.prints a b"), "a\nb\n");
}

#[test]
fn about_the_process() {
    let core = core();
    let own = std::env::current_dir().unwrap();
    assert_eq!(ask(&core, "core.pwd"), format!("{}\n", own.display()));
    assert!(ask(&core, "core.ps").lines().count() >= 2);
    assert!(ask(&core, "core.psx").starts_with(&format!("{{\n\tIDX: 0\n\tPID: {}\n\tDSC: ", std::process::id())));
    assert!(ask(&core, "core.psa").contains("\tdescription: "));
    assert_eq!(ask(&core, "core.shmmem xx"), "error: 500 - bad param, (use b|k|m|g)");
    let memory = ask(&core, "core.shmmem kb");
    for name in ["total", "free", "used", "real_used", "max_used", "fragments"] {
        assert!(memory.contains(&format!("\t{name}: ")), "{memory}");
    }
    assert_eq!(ask(&core, "core.kill 0"), "");
    assert_eq!(ask(&core, "core.kill 1000"), "error: 400 - no such signal");
}

#[test]
fn about_the_network() {
    let core = core();
    assert_eq!(ask(&core, "core.sockets_list"), "{\n}\n");
    core.aliases.write().push(engine::core::Alias { host: "example.com".into(), port: None, protocol: None });
    let expected = "{\n\tmyself_callbacks: no\n\taliases: {\n\t\talias: {\n\t\t\tproto: *\n\t\t\taddress: \
                    example.com\n\t\t\tport: *\n\t\t}\n\t}\n}\n";
    assert_eq!(ask(&core, "core.aliases_list"), expected);
    assert_eq!(ask(&core, "core.tcp_list"), "");
    assert!(ask(&core, "core.tcp_options").contains("\tconn_wq_max: 32768\n"));
    assert!(ask(&core, "core.tcp_info").contains("\tmax_connections: 2048\n"));
}

#[test]
fn about_the_commands() {
    let core = core();
    assert!(ask(&core, "system.listMethods").contains("core.uptime\ncore.version\n"));
    assert_eq!(ask(&core, "system.methodHelp core.uptime"), "Returns uptime of SIP server.\n");
    assert_eq!(ask(&core, "system.methodHelp nosuch"), "error: 400 - command not found");
    assert_eq!(ask(&core, "system.methodHelp"), "error: 400 - Method Name Expected");
    assert_eq!(ask(&core, "system.methodSignature core.echo"), "error: 500 - Not Implemented Yet");
}

#[test]
fn changing_values() {
    let core = core();
    core.config.declare("tm", "default_reason", "default reason", Value::Str("Server Error".into()), None, None);
    core.config.declare("tm", "blst_503", "503 blocklist", Value::Int(0), Some((0, 1)), None);
    assert_eq!(ask(&core, "cfg.list tm"), "tm: default_reason\ntm: blst_503\n");
    assert_eq!(ask(&core, "cfg.list nosuch"), "");
    assert_eq!(ask(&core, "cfg.get tm"), "{\n\tdefault_reason: Server Error\n\tblst_503: 0\n}\n");
    assert_eq!(ask(&core, "cfg.get nosuch"), "{\n}\n");
    assert_eq!(ask(&core, "cfg.get"), "error: 500 - Failed to get the parameters");
    assert_eq!(ask(&core, "cfg.get tm nosuch"), "error: 400 - Failed to get the variable");
    let refused = "error: 400 - Failed to set the variable";
    for (line, expected) in [
        ("cfg.set_now_int tm blst_503 1", ""),
        ("cfg.set_now_int tm blst_503 7", refused),
        ("cfg.set_now_int tm nosuch 3", refused),
        ("cfg.set_now_int nosuch blst_503 3", refused),
        ("cfg.set_now_string tm blst_503 abc", refused),
        ("cfg.set tm blst_503 abc", refused),
        ("cfg.seti tm blst_503 0", ""),
        ("cfg.set tm blst_503 1", ""),
        ("cfg.set_now_string tm default_reason xyz", ""),
        (
            "cfg.sets tm default_reason 4",
            "error: 400 - error at parameter 2: expected string type but record doesn't match type",
        ),
        ("cfg.set_now_int tm", "error: 400 - error at parameter 1: expected string type but end of packet encountered"),
        (
            "cfg.set_now_int tm blst_503 abc",
            "error: 400 - error at parameter 2: expected integer type but record doesn't match type",
        ),
        ("cfg.get tm default_reason", "xyz\n"),
        ("cfg.set tm default_reason 5", ""),
        ("cfg.get tm default_reason", "5\n"),
        ("cfg.get tm blst_503", "1\n"),
        ("cfg.help tm blst_503", "503 blocklist\n(parameter type is integer)\n"),
        ("cfg.help tm nosuch", "error: 400 - Failed to get the variable description"),
        ("cfg.reset tm", ""),
        ("cfg.get tm blst_503", "0\n"),
    ] {
        assert_eq!(ask(&core, line), expected, "{line}");
    }
}

#[test]
fn prepared_changes() {
    let core = core();
    core.config.declare("pstn", "gateway", "gateway", Value::Str("1.2.3.4".into()), None, None);
    core.config.declare("pstn", "count", "number", Value::Int(5), None, None);
    let diff = "{\n\tgroup name: pstn\n\tvariable name: count\n\told value: 5\n\tnew value: 9\n}\n";
    for (line, expected) in [
        ("cfg.diff", ""),
        ("cfg.set_delayed_int pstn count 9", ""),
        ("cfg.diff", diff),
        ("cfg.get pstn count", "5\n"),
        ("cfg.commit", ""),
        ("cfg.diff", ""),
        ("cfg.get pstn count", "9\n"),
        ("cfg.set_delayed_string pstn gateway x", ""),
        ("cfg.rollback", ""),
        ("cfg.commit", ""),
        ("cfg.get pstn gateway", "1.2.3.4\n"),
        ("cfg.set_delayed nope count 9", "error: 400 - Failed to set the variable"),
        (
            "cfg.set_delayed_int pstn count",
            "error: 400 - error at parameter 2: expected integer type but end of packet encountered",
        ),
    ] {
        assert_eq!(ask(&core, line), expected, "{line}");
    }
}

#[test]
fn values_of_the_core() {
    let core = core();
    for (line, expected) in [
        (
            "cfg.list core",
            "core: debug\ncore: log_facility\ncore: dns_try_ipv6\ncore: dns_try_naptr\ncore: max_while_loops\ncore: force_rport\n",
        ),
        ("cfg.get tcp connection_lifetime", "120\n"),
        // Shown, and fixed while the server runs.
        ("cfg.seti tcp connection_lifetime 60", "error: 400 - Failed to set the variable"),
        ("cfg.get tcp connection_lifetime", "120\n"),
        ("cfg.get core log_facility", "LOG_DAEMON\n"),
        ("cfg.sets core log_facility LOG_LOCAL3", ""),
        ("cfg.seti core debug 3", ""),
        ("cfg.seti core max_while_loops 7", ""),
        ("cfg.seti core force_rport 2", "error: 400 - Failed to set the variable"),
    ] {
        assert_eq!(ask(&core, line), expected, "{line}");
    }
    assert_eq!((core.log.facility(), core.log.level(), core.live.max_while_loops.get()), (19, 3, 7));
}

#[test]
fn what_was_defined() {
    let core = core();
    assert_eq!(ask(&core, "core.ppdefines"), "");
    core.defines.set(vec![("WITH_X".into(), None), ("TEXT".into(), Some("\"a b\"".into()))]).unwrap();
    assert_eq!(ask(&core, "core.ppdefines"), "WITH_X\nTEXT\n");
    let full = "{\n\tname: WITH_X\n\ttype: 0\n\tvalue: none\n}\n{\n\tname: TEXT\n\ttype: 0\n\tvalue: \"a b\"\n}\n";
    assert_eq!(ask(&core, "core.ppdefines_full"), full);
}

#[test]
fn the_cache_of_names() {
    let core = core();
    assert_eq!(ask(&core, "dns.view"), "error: 500 - dns cache support disabled");
    // A server that never answers: only the cache is asked here.
    let options = transport::resolve::ResolveOptions {
        servers: vec!["127.0.0.1:9".parse().unwrap()],
        ..transport::resolve::ResolveOptions::default()
    };
    let resolver = transport::resolve::Resolver::new(options).unwrap();
    assert!(core.resolver.set(Arc::new(resolver)).is_ok());
    let head = |name: &str, kind: &str| {
        format!(
            "{{\n\tname: {name}\n\ttype: {kind}\n\tpermanent: no\n\texpires: 60\n\tnegative_entry: no\n\trecords: {{\n"
        )
    };
    let tail = "\t\t\trr_permanent: no\n\t\t\trr_expires: 60\n\t\t}\n\t}\n}\n";
    let address =
        |name, kind, ip: &str| format!("{}\t\t{{\n\t\t\trr_idx: 0\n\t\t\trr_ip: {ip}\n{tail}", head(name, kind));
    let service = format!(
        "{}\t\t{{\n\t\t\trr_idx: 0\n\t\t\trr_name: foo.test\n\t\t\trr_port: 5060\n\t\t\trr_priority: 1\n\t\t\trr_weight: 2\n{tail}",
        head("_sip._udp.foo.test", "SRV")
    );
    for (line, expected) in [
        ("dns.set_server_state 0", String::new()),
        ("dns.get_server_state", "0\n".into()),
        ("dns.lookup a foo.test", "error: 400 - Not found".into()),
        ("dns.add_a foo.test 60 1.2.3.4 0", String::new()),
        ("dns.lookup a foo.test", address("foo.test", "A", "1.2.3.4")),
        ("dns.lookup A FOO.test.", address("foo.test", "A", "1.2.3.4")),
        ("dns.view", address("foo.test", "A", "1.2.3.4")),
        ("dns.add_srv _sip._udp.foo.test 60 1 2 5060 foo.test 0", String::new()),
        ("dns.lookup srv _sip._udp.foo.test", service),
        ("dns.delete_a foo.test", String::new()),
        ("dns.delete_a foo.test", "error: 400 - Not found".into()),
        ("dns.delete_all", "{\n\tstatus: ok\n}\n".into()),
        ("dns.view", String::new()),
        ("dns.add_aaaa foo.test 60 ::1 0", String::new()),
        ("dns.lookup aaaa foo.test", address("foo.test", "AAAA", "::1")),
        ("dns.lookup xx foo.test", "error: 400 - Invalid type".into()),
        ("dns.add_a foo.test 60 1.2.3.400 0", "error: 400 - Invalid address".into()),
        ("dns.add_a foo.test -60 1.2.3.4 0", "error: 400 - wrong ttl".into()),
        ("dns.add_a foo.test 60 1.2.3.4 1", "error: 400 - flags are not supported".into()),
        ("dns.add_srv foo.test 60 1 2 70000 foo.test 0", "error: 400 - a number is out of range".into()),
    ] {
        assert_eq!(ask(&core, line), expected, "{line}");
    }
}

#[test]
fn counting() {
    let core = core();
    let replies = core.statistics.counter("sl", "sent_replies", "replies sent");
    core.statistics.counter("sl", "1xx_replies", "provisional replies");
    core.statistics.computed("shmem", "used_size", "bytes", || 77);
    replies.add(5);
    for (line, expected) in [
        ("cnt.list_groups", "core\nshmem\nsl\n"),
        ("cnt.var_list sl", "1xx_replies\nsent_replies\n"),
        ("cnt.var_list xx", ""),
        ("cnt.get_vars sl", "{\n\t1xx_replies: 0\n\tsent_replies: 5\n}\n"),
        ("cnt.grp_get_all xx", "{\n}\n"),
        ("cnt.get sl sent_replies", "5\n"),
        ("cnt.get shmem used_size", "77\n"),
        ("cnt.get sl nosuch", "error: 400 - non-existent counter sl.nosuch\n"),
        ("cnt.help sl sent_replies", "replies sent\n"),
        ("cnt.reset sl", "error: 400 - error at parameter 1: expected string type but end of packet encountered"),
        ("stats.get_statistics sl:", "sl:1xx_replies = 0\nsl:sent_replies = 5\n"),
        ("stats.get_statistics sl", ""),
        ("stats.get_statistics sl:sent_replies", ""),
        ("stats.get_statistics sent_replies used_size", "sl:sent_replies = 5\nshmem:used_size = 77\n"),
        ("stats.get_statistics", "error: 400 - Please provide which stats to retrieve"),
        ("stats.fetch sl:", "{\n\tsl.1xx_replies: 0\n\tsl.sent_replies: 5\n}\n"),
        ("stats.fetch sl.sent_replies", "{\n\tsl.sent_replies: 5\n}\n"),
        ("stats.fetchn sl:sent_replies", "{\n\tsl.sent_replies: 5\n}\n"),
        ("stats.fetch nosuch", "{\n}\n"),
        ("stats.clear_statistics sl:", "sl:1xx_replies = 0\nsl:sent_replies = 5\n"),
        ("cnt.get sl sent_replies", "0\n"),
        ("stats.reset_statistics", "error: 400 - Please provide stats name"),
        ("stats.reset_statistics used_size", ""),
        ("cnt.get shmem used_size", "77\n"),
    ] {
        assert_eq!(ask(&core, line), expected, "{line}");
    }
    replies.increment();
    ask(&core, "cnt.reset sl sent_replies");
    assert_eq!(replies.get(), 0);
    assert!(ask(&core, "stats.get_statistics all").starts_with("core:bad_URIs_rcvd = 0\n"));
}
