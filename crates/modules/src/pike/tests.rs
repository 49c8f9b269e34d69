//! What scenarios do not show: mistakes, and addresses that the script names.

use testkit::Bench;

use crate::tests_support::{error, log};

#[test]
fn parameters() {
    for (name, value) in [("sampling_time_unit", "0"), ("reqs_density_per_unit", "0"), ("remove_latency", "-1")] {
        let error = error("pike", &format!("modparam(\"pike\", \"{name}\", {value})"));
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn addresses() {
    let config = "modparam(\"pike\", \"reqs_density_per_unit\", 1)";
    let statements = "pike_check_ip(\"::1\"); xlog(\"$rc\"); pike_check_ip(\"[2001:db8::1]\"); xlog(\"$rc\");
        pike_check_ip(\"example.org\"); xlog(\"$rc\"); pike_check_ip(\"$avp(x)\"); xlog(\"$rc\");
        $var(n) = 0; while ($var(n) < 4) { $var(n) = $var(n) + 1; pike_check_ip(\"1.2.3.4\"); }
        pike_check_ip(\"::ffff:1.2.3.4\"); xlog(\"$rc\"); pike_check_ip(\"1.2.3.4\"); xlog(\"$rc\");";
    assert_eq!(log("pv xlog pike", config, statements), ["1", "1", "-1", "-1", "-2", "-1"]);
}

#[test]
fn log_lines() {
    let config = "debug=2\nloadmodule \"pike\"\nmodparam(\"pike\", \"reqs_density_per_unit\", 1)
        modparam(\"pike\", \"pike_log_level\", -1)\nrequest_route { pike_check_req(); }";
    let bench = Bench::new(config, crate::MODULES).unwrap();
    let lines: Vec<String> = (0..5).flat_map(|_| bench.receive(crate::tests_support::OPTIONS).log).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("ERROR: ") && lines[0].ends_with("PIKE - BLOCKing ip 127.0.0.2"), "{lines:?}");
    bench.advance(std::time::Duration::from_secs(5));
    let lines = bench.log();
    assert!(lines.len() == 1 && lines[0].contains("UNBLOCKing ip 127.0.0.2"), "{lines:?}");
}
