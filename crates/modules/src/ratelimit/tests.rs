//! Mistakes, and what the log says; the rest is in the scenarios.

use testkit::Bench;

use crate::tests_support::{OPTIONS, error};

#[test]
fn mistakes() {
    for (name, value, expected) in [
        ("pipe", "32:RED:2", "no number of a pipe"),
        ("pipe", "x:RED:2", "no number of a pipe"),
        ("pipe", "1:FOO:2", "no algorithm `FOO`"),
        ("pipe", "1:RED:-2", "no limit"),
        ("pipe", "1:RED", "number:algorithm:limit"),
        ("queue", "x:*", "no number of a pipe"),
        ("queue", "1", "pipe:method"),
        ("queue", "1:", "pipe:method"),
    ] {
        let found = error("ratelimit", &format!("modparam(\"ratelimit\", \"{name}\", \"{value}\")"));
        assert!(found.contains(expected), "{value}: {found}");
    }
    assert!(error("ratelimit", "modparam(\"ratelimit\", \"timer_interval\", 0)").contains("above 0"));
    let queues = "modparam(\"ratelimit\", \"queue\", \"1:*\")\n".repeat(33);
    assert!(error("ratelimit", &queues).contains("32 queues"));
}

#[test]
fn decisions_in_the_log() {
    let config = "debug=2\nloadmodule \"ratelimit\"\nmodparam(\"ratelimit\", \"pipe\", \"3:TAILDROP:0\")
        request_route { rl_check(3); }";
    let bench = Bench::new(config, crate::MODULES).unwrap();
    assert!(bench.receive(OPTIONS).log.is_empty());
    bench.rpc("rl.set_dbg", &[1.into()]).unwrap();
    let lines = bench.receive(OPTIONS).log;
    assert!(lines.len() == 1 && lines[0].starts_with("WARNING: ") && lines[0].contains("pipe 3: 2 of 0"), "{lines:?}");
}
