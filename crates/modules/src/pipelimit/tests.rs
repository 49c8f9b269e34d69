//! Mistakes, and what scenarios cannot show because the installed Kamailio lacks it.

use std::time::Duration;

use engine::RpcValue;
use testkit::Bench;

use crate::tests_support::{OPTIONS, error, log, script_lines};

#[test]
fn mistakes() {
    for (name, value) in [("timer_interval", 0), ("reply_code", 200), ("reply_code", 700), ("clean_unused", -1)] {
        let found = error("sl pipelimit", &format!("modparam(\"pipelimit\", \"{name}\", {value})"));
        assert!(found.contains(name), "{found}");
    }
    assert!(error("pipelimit", "").contains("needs module `sl`"));
    assert!(!error("sl pipelimit", "modparam(\"pipelimit\", \"plp_table_name\", \"a b\")").is_empty());
    let two = error("sl pipelimit", "request_route { pl_check(\"a\", \"RED\"); }");
    assert!(two.contains("pl_check"), "{two}");
}

#[test]
fn wrong_arguments() {
    let statements = "pl_check(\"\", \"RED\", 9); xlog(\"$rc\"); pl_check(\"x\", \"RED\", \"-1\"); xlog(\"$rc\");
        pl_drop(5, 3); xlog(\"$rc\"); pl_drop(\"-1\"); xlog(\"$rc\"); pl_check(\"n\", \"NETWORK\", 1000); xlog(\"$rc\");";
    assert_eq!(log("sl pv xlog pipelimit", "", statements), ["-2", "-2", "-1", "-1", "1"]);
}

#[test]
fn pipes_come_and_go() {
    let config = "debug=2\nloadmodule \"sl\"\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"pipelimit\"
        modparam(\"pipelimit\", \"clean_unused\", 3)
        request_route { pl_check(\"a\", \"TAILDROP\", 1); xlog(\"$rc\"); }";
    let bench = Bench::new(config, crate::MODULES).unwrap();
    let code = || script_lines(bench.receive(OPTIONS).log).join(" ");
    let text = |text: &str| RpcValue::from(text);
    assert_eq!([code(), code()], ["1", "-1"]);
    bench.rpc("pl.reset_pipe", &[text("a")]).unwrap();
    assert_eq!([code(), code()], ["1", "-1"]);
    bench.rpc("pl.rm_pipe", &[text("a")]).unwrap();
    assert_eq!(bench.rpc("pl.rm_pipe", &[text("a")]).unwrap_err().reason, "Unknown pipe id a");
    assert_eq!([code(), code()], ["1", "-1"]);
    assert_eq!(bench.rpc("pl.list", &[]).unwrap().len(), 1);
    bench.advance(Duration::from_secs(41));
    assert!(bench.rpc("pl.list", &[]).unwrap().is_empty());
}

#[test]
fn pipes_of_the_database() {
    let folder = std::env::temp_dir().join(format!("olelo-pipelimit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("version", "table_name(string) table_version(int)\npl_pipes:1\n");
    write(
        "pl_pipes",
        "id(int,auto) pipeid(string) algorithm(string) plimit(int)\n1:a:TAILDROP:1\n2:b:RED:7\n3:c:taildrop:0\n",
    );
    let config = format!(
        "debug=2\nloadmodule \"db_text\"\nloadmodule \"sl\"\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"pipelimit\"
        modparam(\"pipelimit\", \"db_url\", \"text://{}\")
        request_route {{ pl_check(\"a\"); xlog(\"$rc\"); pl_check(\"b\"); xlog(\"$rc\"); pl_check(\"c\"); xlog(\"$rc\"); pl_check(\"d\"); xlog(\"$rc\"); }}",
        folder.display()
    );
    let bench = Bench::new(&config, crate::MODULES).unwrap();
    assert_eq!(script_lines(bench.receive(OPTIONS).log), ["1", "1", "-1", "-2"]);
    write("pl_pipes", "id(int,auto) pipeid(string) algorithm(string) plimit(int)\n1:a:FOO:1\n");
    let error = Bench::new(&config, crate::MODULES).err().unwrap();
    assert!(error.contains("the pipe `a` is wrong"), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
}
