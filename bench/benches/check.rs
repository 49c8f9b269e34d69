//! How long `olelo check` takes for a configuration of 3,000 lines: parse, load, compile, lints.
//!
//! `cargo bench -p bench --bench check`
#![allow(clippy::print_stdout, reason = "a bench prints its numbers")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::load::{Offer, load};
use engine::log::{Log, Sink};
use language::{MemoryFiles, Source};

/// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const LINES: usize = 3000;
const RUNS: usize = 50;

fn main() {
    let text = bench::large(LINES);
    let offer = Offer { modules: modules::MODULES, rpc: &[] };
    let files = MemoryFiles::default();
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let source = Source::text("large.cfg", text.as_str(), &files);
            let outcome = load(&source, &offer, Arc::new(Log::new(-5, Sink::Stderr)), |_| {});
            assert!(!outcome.has_errors(), "the configuration has mistakes: {:#?}", outcome.diagnostics.first());
            start.elapsed()
        })
        .collect();
    // The first one also builds the tables of names.
    let first = times[0];
    times.sort();
    println!(
        "check of {} lines: median {:.1} ms, {:.1} to {:.1} ms in {RUNS} runs (the first: {:.1} ms)",
        text.lines().count(),
        milliseconds(times[RUNS / 2]),
        milliseconds(times[0]),
        milliseconds(times[RUNS - 1]),
        milliseconds(first),
    );
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
