//! Tests with programs that others wrote: sipsak, sipp, kamcmd, baresip.

pub(crate) mod calls;
pub(crate) mod held;
mod server;
mod tutorial;

use std::path::Path;

/// A named test.
type Test = (&'static str, fn(&Path) -> Result<(), String>);

const TESTS: &[Test] = &[
    ("tutorial part 2", tutorial::part_2),
    ("tutorial parts 3 and 4", tutorial::part_4),
    ("RFC 4475", tutorial::torture),
    ("JSON-RPC", tutorial::json_rpc),
    ("IPv6 and advertised addresses", tutorial::addresses),
    ("an unregistered user", calls::unregistered),
    ("calls over UDP", calls::udp),
    ("calls over TCP", calls::tcp),
    ("calls with lost packets", calls::lossy),
];

/// Runs all tests.
pub(crate) fn run(binary: &Path) -> Result<(), String> {
    for (name, test) in TESTS {
        test(binary).map_err(|error| format!("interop: {name}: {error}"))?;
        println!("interop: {name}: passed");
    }
    println!("interop: {} passed", TESTS.len());
    Ok(())
}
