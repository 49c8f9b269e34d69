//! Tests of the module as scripts see it.

use std::time::Duration;

use testkit::{Bench, Zone};

fn options(id: &str) -> String {
    format!(
        "OPTIONS sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK{id}\n\
         From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n"
    )
}

const HEAD: &str = "loadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"htable\"\n\
                    modparam(\"htable\", \"htable\", \"x=>size=4;\")\n";

fn script(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.strip_prefix("ERROR: <script>: ")).collect()
}

/// The script's lines for one message.
fn run(body: &str) -> Vec<String> {
    let bench = Bench::new(&format!("{HEAD}request_route {{ {body} }}"), crate::MODULES).unwrap();
    script(&bench.receive(&options("1")).log).into_iter().map(str::to_owned).collect()
}

/// A message holds a lock while it waits for a name; it gives it back only by its end.
fn held_while_waiting(settings: &str) -> (Bench, Vec<String>) {
    let config = format!(
        "{settings}{HEAD}request_route {{ sht_lock(\"x=>k\"); xlog(\"$ci $rc\"); if ($ci == \"1\") \
         forward(\"slow.example.com\"); xlog(\"end $ci\"); }}"
    );
    let zone = Zone::parse("slow.example.com. TIMEOUT").unwrap();
    let bench = Bench::with_zone(&config, crate::MODULES, zone).unwrap();
    let mut log = bench.receive(&options("1")).log;
    log.extend(bench.receive(&options("2")).log);
    (bench, log)
}

#[test]
fn another_message_waits_for_the_lock() {
    let (bench, log) = held_while_waiting("dns_retr_time=1\ndns_retr_no=1\n");
    assert_eq!(script(&log), ["1 1"], "the second one waits");
    bench.advance(Duration::from_secs(9));
    assert_eq!(script(&bench.log()), ["end 1", "2 1", "end 2"]);
}

#[test]
fn nobody_waits_for_ever() {
    let (bench, _) = held_while_waiting("dns_retr_time=60\ndns_retr_no=1\n");
    bench.advance(Duration::from_secs(11));
    let log = bench.log();
    assert_eq!(script(&log), ["2 -1", "end 2"]);
    assert!(log.iter().any(|line| line.contains("`k` is locked for more than 10 seconds")), "{log:?}");
}

#[test]
fn the_end_of_a_message_unlocks() {
    let config = format!(
        "{HEAD}request_route {{ sht_lock(\"x=>k\"); xlog(\"$rc\"); }}\nreply_route {{ sht_lock(\"x=>k\"); xlog(\"$rc\"); drop; }}"
    );
    let bench = Bench::new(&config, crate::MODULES).unwrap();
    let reply = options("3").replace("OPTIONS sip:bob@127.0.0.1 SIP/2.0", "SIP/2.0 200 OK");
    for message in [options("1"), options("2"), reply.clone(), reply, options("4")] {
        assert_eq!(script(&bench.receive(&message).log), ["1"], "{message}");
    }
}

#[test]
fn what_is_over_is_not_there() {
    let config = format!(
        "{HEAD}modparam(\"htable\", \"htable\", \"e=>size=4;autoexpire=2;\")\n\
         modparam(\"htable\", \"htable\", \"i=>size=4;autoexpire=2;initval=5;\")\nmodparam(\"htable\", \"timer_interval\", 10)\n\
         event_route[htable:expired:e] {{ xlog(\"over $shtrecord(key) $shtrecord(value)\"); }}\n\
         request_route {{ if ($ci == \"1\") {{ $sht(e=>k) = \"v\"; $sht(i=>k) = 100; }}\n\
         sht_iterator_start(\"w\", \"e\"); while (sht_iterator_next(\"w\")) xlog(\"item $shtitkey(w)\");\n\
         sht_match_name(\"e\", \"eq\", \"k\"); xlog(\"$rc $sht(e=>k) $shtex(e=>k) $shtcn(e=>**) $sht(i=>k) $shtinc(i=>k)\"); }}"
    );
    let bench = Bench::new(&config, crate::MODULES).unwrap();
    assert_eq!(script(&bench.receive(&options("1")).log), ["item k", "1 v 2 1 100 101"]);
    bench.advance(Duration::from_millis(2500));
    assert_eq!(script(&bench.receive(&options("2")).log), ["item k", "1 v 0 1 101 102"], "the last second");
    bench.advance(Duration::from_secs(3));
    assert_eq!(script(&bench.receive(&options("3")).log), ["-1 <null> 0 0 5 6"], "it begins anew with initval");
    bench.advance(Duration::from_secs(5));
    assert_eq!(script(&bench.log()), ["over k v"], "the timer tells of it");
}

/// What Kamailio 5.6.3 has not, or does otherwise.
#[test]
fn newer_functions() {
    let log = run("$sht(x=>n) = 5; $sht(x=>t) = \"text\"; $sht(x=>big) = 99999999999;\n\
         sht_inc(\"x\", \"n\"); xlog(\"$rc\"); sht_dec(\"x\", \"n\"); xlog(\"$rc\"); sht_dec(\"x\", \"t\"); xlog(\"$rc\");\n\
         sht_inc(\"x\", \"none\"); xlog(\"$rc\"); sht_is_null(\"x\", \"none\"); xlog(\"$rc\"); sht_is_null(\"x\", \"n\");\n\
         xlog(\"$rc $shtinc(x=>big)\"); sht_setxi(\"x\", \"s\", \"7\", \"0\"); xlog(\"$rc $shtinc(x=>s)\");\n\
         sht_match_name(\"x\", \"ew\", \"ig\"); xlog(\"$rc\"); sht_match_str_value(\"x\", \"in\", \"ex\"); xlog(\"$rc\");\n\
         sht_rm_name(\"x\", \"ew\", \"g\"); sht_rm_value(\"x\", \"in\", \"ex\"); xlog(\"$shtcn(x=>**)\");\n\
         sht_inc(\"x\", \"big\"); $sht(x=>z) = 1; sht_dec(\"x\", \"z\"); xlog(\"never\");");
    assert_eq!(log, ["6", "5", "-255", "-255", "1", "-1 100000000000", "1 8", "1", "1", "2"]);
}

#[test]
fn failures_are_told() {
    let config = format!(
        "{HEAD}request_route {{ $sht(nope=>k) = 1; $sht(x=>k) = 1; $shtex(x=>k) = \"abc\"; xlog(\"$shtcn(x=>a[)\");\n\
         $var(i) = \"abc\"; sht_setxi(\"x\", \"k\", \"$var(i)\", \"0\"); xlog(\"$rc\"); sht_print(); }}"
    );
    let bench = Bench::new(&config, crate::MODULES).unwrap();
    let log = bench.receive(&options("1")).log;
    assert_eq!(script(&log), ["0", "-1"]);
    for text in
        ["no hash table `nope`", "seconds must be a number", "wrong regular expression `a[`", "`abc`", "[6] k: int 1"]
    {
        assert!(log.iter().any(|line| line.contains(text)), "{text}: {log:?}");
    }
}

#[test]
fn mistakes_are_found_at_load() {
    for (text, code) in [
        ("modparam(\"htable\", \"htable\", \"a=>foo=1;\")", "a hash table has no attribute `foo`"),
        ("modparam(\"htable\", \"htable\", \"x=>size=2\")", "hash table `x` is declared twice"),
        ("modparam(\"htable\", \"enable_dmq\", 1)", "`enable_dmq` of module `htable` is not supported yet"),
        ("modparam(\"htable\", \"event_callback\", \"f\")", "`event_callback` of module `htable` is not supported yet"),
        ("modparam(\"htable\", \"timer_interval\", 0)", "at least 1 second"),
        ("modparam(\"htable\", \"db_url\", \"sqlite:///x\")", "db_sqlite"),
        ("modparam(\"htable\", \"key_name_column\", \"a b\")", "is no name of a table or column"),
        ("route[A] { xlog(\"$sht(x)\"); }", "names no item of a hash table"),
        ("route[A] { xlog(\"$sht(x=>$nope)\"); }", "unknown variable `$nope`"),
        ("route[A] { xlog(\"$shtrecord(foo)\"); }", "no field `foo`"),
        ("route[A] { sht_lock(\"x\"); }", "names no item of a hash table"),
        ("route[A] { sht_rm_name(\"x\", \"eq\", \"a\"); }", "`eq` is no operator"),
        ("route[A] { sht_match_name(\"x\", \"rex\", \"a\"); }", "`rex` is no operator"),
        ("route[A] { sht_setxi(\"x\", \"k\", \"abc\", \"0\"); }", "must be a number"),
        ("route[A] { $shtinc(x=>k) = 1; }", "read-only"),
    ] {
        let config = format!("{HEAD}{text}\nrequest_route {{ exit; }}");
        let mistakes = Bench::new(&config, crate::MODULES).err().unwrap_or_default();
        assert!(mistakes.contains(code), "{text}: {mistakes}");
    }
    let fine = format!("{HEAD}modparam(\"htable\", \"enable_dmq\", 0)\nrequest_route {{ exit; }}");
    assert!(Bench::new(&fine, crate::MODULES).is_ok());
}

#[test]
fn an_iterator_goes_on_while_items_come_and_go() {
    // The keys `d` and `D` share a slot.
    let log = run("$sht(x=>d) = 1; $sht(x=>D) = 2; $sht(x=>a) = 3; $sht(x=>c) = 4;\n\
         sht_iterator_start(\"i\", \"x\"); sht_iterator_next(\"i\"); xlog(\"$shtitkey(i)\");\n\
         $sht(x=>d) = $null; $sht(x=>D) = $null; $sht(x=>a) = $null; $sht(x=>b) = 5; xlog(\"$shtitval(i)\");\n\
         while (sht_iterator_next(\"i\")) xlog(\"$shtitkey(i)\"); xlog(\"$rc\");");
    assert_eq!(log, ["d", "<null>", "b", "c", "-1"]);
}
