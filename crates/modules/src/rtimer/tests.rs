use std::time::Duration;

use testkit::Bench;

use crate::tests_support::{error, script_lines};

fn lines(params: &[(&str, &str)]) -> String {
    let line = |(name, value): &(&str, &str)| match value.parse::<u32>() {
        Ok(number) => format!("modparam(\"rtimer\", \"{name}\", {number})\n"),
        Err(_) => format!("modparam(\"rtimer\", \"{name}\", \"{value}\")\n"),
    };
    params.iter().map(line).collect()
}

#[test]
fn mistakes() {
    for (params, expected) in [
        (vec![("timer", "interval=4")], "needs a name"),
        (vec![("timer", "name=;interval=4")], "needs a name"),
        (vec![("timer", "name=a;interval=x")], "`x` is no interval"),
        (vec![("timer", "name=a;interval=-1")], "`-1` is no interval"),
        (vec![("timer", "name=a;mode=x")], "`x` is no mode"),
        (vec![("timer", "name=a;mode=100000")], "is no mode"),
        (vec![("timer", "name=a;intervall=3")], "no field `intervall`"),
        (vec![("timer", "name=a"), ("timer", "name=a")], "defined twice"),
        (vec![("exec", "timer=a;route=A"), ("timer", "name=a")], "no timer `a`"),
        (vec![("timer", "name=a"), ("exec", "timer=b;route=A")], "no timer `b`"),
        (vec![("timer", "name=a"), ("exec", "timer=a")], "names no route"),
        (vec![("timer", "name=a"), ("exec", "route=A")], "no timer ``"),
        (vec![("default_interval", "0")], "above 0"),
    ] {
        let found = error("rtimer", &lines(&params));
        assert!(found.contains(expected), "{params:?}: {found}");
    }
    assert_eq!(error("rtimer", &lines(&[("timer", "name=a;interval=0;mode=0;"), ("exec", "timer=a;route=NOPE;")])), "");
}

fn run(params: &[(&str, &str)], routes: &str, time: Duration) -> Vec<String> {
    let config = format!(
        "debug=2\nloadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"cfgutils\"\nloadmodule \"rtimer\"\n{}{routes}\nrequest_route {{ exit; }}",
        lines(params)
    );
    let bench = Bench::new(&config, crate::MODULES).unwrap();
    bench.advance(time);
    script_lines(bench.log())
}

#[test]
fn intervals() {
    let params = [
        ("default_interval", "3"),
        ("timer", "name=a;interval=2"),
        ("timer", "name=b"),
        ("timer", "name=c;interval=1500000u;mode=4"),
        ("exec", "timer=a;route=A"),
        ("exec", "timer=b;route=B"),
        ("exec", "timer=c;route=C"),
    ];
    let routes = "route[A] { xlog(\"A $TS\"); } route[B] { xlog(\"B $TS\"); drop; } route[C] { xlog(\"C\"); exit; }";
    let mut lines = run(&params, routes, Duration::from_millis(4100));
    lines.sort();
    assert_eq!(lines, ["A 1767225602", "A 1767225604", "B 1767225603", "C", "C"]);
}

#[test]
fn several_routes_and_workers() {
    let params = [
        ("timer", "name=a;interval=1;mode=2"),
        ("exec", "timer=a;route=A"),
        ("exec", "timer=a;route=NOPE"),
        ("exec", "timer=a;route=B"),
    ];
    let routes = "route[A] { xlog(\"A $rtimer_worker $rm $si\"); } route[B] { xlog(\"B $rtimer_worker\"); drop; }";
    let lines = run(&params, routes, Duration::from_millis(1100));
    let of_worker =
        |worker: &str| lines.iter().filter(|line| line[1..].starts_with(worker)).cloned().collect::<Vec<_>>();
    assert_eq!(of_worker(" 0"), ["B 0", "A 0 OPTIONS 127.0.0.1"]);
    assert_eq!(of_worker(" 1"), ["B 1", "A 1 OPTIONS 127.0.0.1"]);
}

#[test]
fn a_slow_route_delays_its_timer_only() {
    let params = [
        ("timer", "name=a;interval=1"),
        ("timer", "name=b;interval=1"),
        ("exec", "timer=a;route=A"),
        ("exec", "timer=b;route=B"),
    ];
    let routes = "route[A] { xlog(\"A\"); sleep(3); } route[B] { xlog(\"B\"); }";
    let lines = run(&params, routes, Duration::from_millis(3900));
    assert_eq!(lines.iter().filter(|line| *line == "A").count(), 1);
    assert_eq!(lines.iter().filter(|line| *line == "B").count(), 3);
}
