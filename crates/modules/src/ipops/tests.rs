//! What scenarios do not show: mistakes in the configuration, failing name servers, the time to live.

use std::time::Duration;

use testkit::{Bench, Zone};

const LOADS: &str = "loadmodule \"pv\"\nloadmodule \"xlog\"\nloadmodule \"ipops\"\n";

const MESSAGE: &str = "OPTIONS sip:127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\n\
    From: <sip:a@a>;tag=1\nTo: <sip:b@b>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\n";

fn bench(script: &str, zone: &str) -> Result<Bench, String> {
    Bench::with_zone(&format!("{LOADS}request_route {{ {script} }}\n"), crate::MODULES, Zone::parse(zone).unwrap())
}

/// What the script wrote, also after it waited for a name server.
fn log(bench: &Bench) -> Vec<String> {
    let mut lines = bench.receive(MESSAGE).log;
    bench.advance(Duration::from_secs(30));
    lines.extend(bench.log());
    lines.iter().filter_map(|line| line.strip_prefix("ERROR: <script>: ").map(str::to_owned)).collect()
}

#[test]
fn wrong_names() {
    let error = |variable: &str| bench(&format!("xlog(\"{variable}\");"), "").err().unwrap_or_default();
    for wrong in
        ["$dns(a=>nope)", "$dns(a)", "$dns(a=>addr[1)", "$srvquery(a=>target)", "$naptrquery(a=>x[0])", "$HN(x)"]
    {
        assert!(error(wrong).contains("does not exist"), "{wrong}: {}", error(wrong));
    }
    for right in ["$dns(a=>addr)", "$dns(a=>addr[1])", "$srvquery(a=>target[$var(i)])", "$HN(n)", "$ptrquery(a=>type)"]
    {
        assert_eq!(error(right), "", "{right}");
    }
}

#[test]
fn name_servers_that_fail() {
    let script = "dns_query(\"a.slow.example\", \"a\"); xlog(\"$rc\"); srv_query(\"a.bad.example\", \"a\");
        xlog(\"$rc $srvquery(a=>count)\"); naptr_query(\"a.bad.example\", \"a\"); xlog(\"$rc $naptrquery(a=>count)\");
        dns_sys_match_ip(\"a.bad.example\", \"192.0.2.1\"); xlog(\"$rc\"); dns_query(\"a b\", \"a\"); xlog(\"$rc\");";
    let bench = bench(script, "slow.example. TIMEOUT\nbad.example. SERVFAIL").unwrap();
    assert_eq!(log(&bench), ["-4", "-1 0", "-1 0", "-4", "-2"]);
}

#[test]
fn local_time_to_live() {
    let script =
        "dns_set_local_ttl(LOCAL); srv_query(\"_sip._udp.example.com\", \"a\"); xlog(\"$srvquery(a=>port[0])\");";
    let zone = |port: u16| format!("_sip._udp.example.com. 10 SRV 1 1 {port} a.example.com.");
    for (local, after) in [("0", "2"), ("3600", "1")] {
        let bench = bench(&script.replace("LOCAL", local), &zone(1)).unwrap();
        assert_eq!(log(&bench), ["1"]);
        // Half a minute has passed: longer than the record says.
        bench.set_zone(Zone::parse(&zone(2)).unwrap());
        assert_eq!(log(&bench), [after], "{local}");
    }
}

#[test]
fn the_name_of_this_machine() {
    let full = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let name = full.split('.').next().unwrap().to_owned();
    let bench = bench("xlog(\"$HN(n) $HN(f) $HN(i)\");", &format!("{full}. A 192.0.2.77")).unwrap();
    bench.advance(Duration::from_secs(1));
    assert_eq!(log(&bench), [format!("{name} {full} 192.0.2.77")]);
}
