//! The memory of the process, where Kamailio shows that of its pools.

use engine::statistics::Statistics;

/// A line of a file such as `/proc/self/status`, in bytes; 0 when there is none.
fn bytes(file: &str, name: &str) -> i64 {
    let value = || {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<i64>().ok()
    };
    value().unwrap_or(0) * 1024
}

/// What the process uses now.
pub(crate) fn used() -> i64 {
    bytes("/proc/self/status", "VmRSS")
}

/// The most it used.
pub(crate) fn most_used() -> i64 {
    bytes("/proc/self/status", "VmHWM")
}

/// What the machine has.
pub(crate) fn total() -> i64 {
    bytes("/proc/meminfo", "MemTotal")
}

/// What the machine could give.
pub(crate) fn free() -> i64 {
    bytes("/proc/meminfo", "MemAvailable")
}

/// Declares the group `shmem`, which monitoring reads.
pub(super) fn declare(statistics: &Statistics) {
    let computed = |name, doc, compute: fn() -> i64| statistics.computed("shmem", name, doc, compute);
    computed("free_size", "memory that the machine could give, in bytes", free);
    computed("max_used_size", "the most memory that the process used, in bytes", most_used);
    computed("real_used_size", "memory that the process uses, in bytes", used);
    computed("total_size", "memory of the machine, in bytes", total);
    computed("used_size", "memory that the process uses, in bytes", used);
}
