//! Tests with programs that others wrote: sipsak, sipp, kamcmd, baresip.

mod baresip;
pub(crate) mod calls;
mod databases;
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
    ("a phone that is switched off", calls::refused),
    ("baresip calls itself", baresip::calls_itself),
    ("Debian's kamailio.cfg", calls::stock),
    ("registrations outlive the server", crate::registrations::small),
    ("tutorial part 9", databases::part_9),
    ("a slow database", databases::slow_database),
    ("kamctl", databases::kamctl_works),
    ("databases of kamdbctl", databases::kamdbctl_databases),
    ("calls over UDP", calls::udp),
    ("calls over TCP", calls::tcp),
    ("calls with lost packets", calls::lossy),
];

/// Runs the tests with `name` in their name.
pub(crate) fn run(binary: &Path, name: &str) -> Result<(), String> {
    let tests: Vec<_> = TESTS.iter().filter(|(title, _)| title.contains(name)).collect();
    for (title, test) in &tests {
        test(binary).map_err(|error| format!("interop: {title}: {error}"))?;
        println!("interop: {title}: passed");
    }
    println!("interop: {} passed", tests.len());
    if tests.is_empty() { Err(format!("no test has `{name}` in its name")) } else { Ok(()) }
}
