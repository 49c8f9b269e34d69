//! What scenarios do not show.

use std::time::Duration;

use testkit::Bench;

use crate::tests_support::{OPTIONS, error, script_lines};

const LOADS: &str = "loadmodule \"sl\"\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"tm\"\nloadmodule \"tmx\"
    loadmodule \"async\"\nmodparam(\"async\", \"ms_timer\", 1)\nloadmodule \"cfgutils\"\n";

fn bench(globals: &str, statements: &str) -> Bench {
    let config = format!(
        "debug=2\n{globals}\n{LOADS}route[R] {{ xlog(\"R\"); send_reply(\"404\", \"R\"); }}
        route[D] {{ xlog(\"$async(data) $async(gname)\"); sleep(1); xlog(\"end\"); }}
        request_route {{ {statements} }}"
    );
    Bench::new(&config, crate::MODULES).unwrap()
}

fn texts(lines: Vec<String>) -> Vec<String> {
    script_lines(lines)
}

#[test]
fn mistakes() {
    let of = |globals: &str, statement: &str| {
        error("sl tm tmx async", &format!("{globals}\nroute[R] {{ exit; }}\nrequest_route {{ {statement}; }}"))
    };
    assert!(of("", "async_task_route(\"R\")").contains("no workers for tasks"));
    assert!(of("", "async_task_data(\"R\", \"x\")").contains("no workers for tasks"));
    assert!(of("async_workers=1", "async_task_group_route(\"R\", \"x\")").contains("no group of workers `x`"));
    for group in ["workers=4", "name=a;workers=x", "name=a;workers=0", "name=a;worker=3"] {
        let found = of(&format!("async_workers_group=\"{group}\""), "exit");
        assert!(found.contains("wrong value for core parameter `async_workers_group`"), "{group}: {found}");
    }
    assert!(of("", "$du = $async(foo)").contains("`$async` has no `foo`"));
    assert_eq!(of("async_workers_group=\"name=a;workers=4;nonblock=0;usleep=0\"", "async_task_route(\"R\")"), "");
    assert!(error("sl tm async", "").contains("needs module `tmx`"));
}

#[test]
fn out_of_range() {
    let statements = "async_sleep(0); xlog(\"$rc\"); async_sleep(101); xlog(\"$rc\"); async_route(\"R\", 0); xlog(\"$rc\");
        async_ms_sleep(30001); xlog(\"$rc\"); async_ms_route(\"R\", \"-1\"); xlog(\"$rc\"); async_route(\"NOPE\", 1); xlog(\"$rc\");";
    let lines = texts(bench("", statements).receive(OPTIONS).log);
    assert_eq!(lines, ["-1"; 6]);
}

#[test]
fn a_group_runs_as_many_tasks_as_it_has_workers() {
    let statements =
        "async_task_data(\"D\", \"1\"); async_task_data(\"D\", \"2\"); async_task_group_data(\"D\", \"g\", \"3\");
        async_task_group_data(\"D\", \"g\", \"4\"); xlog(\"[$async(data)]\");";
    let bench = bench("async_workers=1\nasync_workers_group=\"name=g;workers=2\"", statements);
    let lines = texts(bench.receive(OPTIONS).log);
    assert_eq!(lines, ["[<null>]", "1 default", "3 g", "4 g"]);
    bench.advance(Duration::from_millis(1100));
    assert_eq!(texts(bench.log()), ["end", "end", "end", "2 default"]);
}

#[test]
fn a_retransmission_does_not_run_the_script_again() {
    let bench = bench("", "xlog(\"begin\"); async_sleep(2); xlog(\"slept\"); send_reply(\"200\", \"OK\");");
    assert_eq!(texts(bench.receive(OPTIONS).log), ["begin"]);
    let again = bench.receive(OPTIONS);
    assert_eq!(texts(again.log), ["begin"]);
    assert!(again.messages.is_empty());
    bench.advance(Duration::from_millis(2100));
    assert_eq!(texts(bench.log()), ["slept"]);
    assert!(bench.receive(OPTIONS).messages[0].starts_with("SIP/2.0 200 OK"));
}

#[test]
fn an_invite_is_answered_100_at_once() {
    let globals = "route[S] { async_ms_sleep(500); xlog(\"in S\"); }";
    let bench = self::bench(globals, "route(S); xlog(\"behind S\"); send_reply(\"486\", \"Busy\");");
    let sent = bench.receive(&OPTIONS.replace("OPTIONS", "INVITE"));
    assert!(sent.messages[0].starts_with("SIP/2.0 100 "), "{sent:?}");
    bench.advance(Duration::from_millis(600));
    assert_eq!(texts(bench.log()), ["in S", "behind S"]);
}
