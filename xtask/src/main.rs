//! Build tasks: `cargo xtask test`, `parity`, `docs`.
//!
//! The house rules (layers, generated docs) are tests in `tidy.rs` and run with `cargo test`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

mod bench;
mod corpus;
mod count;
mod docs;
mod fuzz;
mod guided;
mod interop;
mod packages;
mod parity;
mod registrations;
mod run;
mod servers;
#[cfg(test)]
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build tasks.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what the tests need, and runs them all: unit, scenarios, interop, parity, lints.
    Test,
    /// Runs the scenarios against the installed Kamailio.
    Parity {
        /// Scenario files or folders.
        #[arg(default_value = "tests/scenarios")]
        paths: Vec<String>,
        /// Scenarios that let more seconds pass are skipped.
        #[arg(long, default_value_t = 5)]
        patience: u64,
    },
    /// Runs the scenarios against our own binary over loopback.
    Scenarios {
        /// Scenario files or folders.
        #[arg(default_value = "tests/scenarios")]
        paths: Vec<String>,
        /// Scenarios that let more seconds pass are skipped.
        #[arg(long, default_value_t = 5)]
        patience: u64,
    },
    /// Runs the tests with programs that others wrote: sipsak, sipp, kamcmd, baresip.
    Interop {
        /// Only tests with this in their name.
        #[arg(default_value = "")]
        name: String,
        /// The program; a debug build is made when this is left out.
        #[arg(long)]
        binary: Option<PathBuf>,
    },
    /// Sends calls of sipp through the server, over UDP and TCP, and once more with 5 % loss.
    Calls {
        /// Calls each time.
        #[arg(long, default_value_t = 30_000)]
        calls: u32,
        /// Calls per second.
        #[arg(long, default_value_t = 300)]
        rate: u32,
        /// The program; a release build.
        #[arg(long, default_value = "target/release/olelo")]
        binary: PathBuf,
    },
    /// Holds 10,000 calls for a minute, twice, and draws the server's memory: docs/held_calls.svg.
    Held {
        /// Calls at a time.
        #[arg(long, default_value_t = 10_000)]
        calls: u32,
        /// The program; a release build.
        #[arg(long, default_value = "target/release/olelo")]
        binary: PathBuf,
    },
    /// Registers users, kills the server in the middle, and looks whether what it acknowledged is there after the next start.
    Registrations {
        /// The database; a temporary SQLite file when this is left out. Its tables are created.
        #[arg(long)]
        url: Option<String>,
        /// Users.
        #[arg(long, default_value_t = 100_000)]
        count: usize,
        /// `db_mode` of module usrloc: 1 or 2.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
        mode: u8,
        /// Seconds between two writings with mode 2.
        #[arg(long, default_value_t = 2)]
        interval: u64,
        /// Requests that are under way at a time.
        #[arg(long, default_value_t = 200)]
        window: usize,
        /// The program; a release build.
        #[arg(long, default_value = "target/release/olelo")]
        binary: PathBuf,
    },
    /// Compares `olelo check` with `kamailio -c` on every configuration below a folder.
    Corpus {
        /// The folder.
        folder: PathBuf,
        /// One JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Runs every fuzz target for some seconds.
    Fuzz {
        /// Seconds per target.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Counts instructions per message, and measures the check of a large configuration.
    Count {
        /// Only the instructions; fails when a message needs 5 % more than bench/instructions.json says.
        #[arg(long)]
        check: bool,
        /// Only the instructions; writes them to bench/instructions.json.
        #[arg(long, conflicts_with = "check")]
        record: bool,
    },
    /// Builds the release binary with a profile of what it does under load: target/guided/olelo.
    Guided,
    /// Measures this server beside others, with sipp over loopback: CPU time, rate, latency, memory.
    Bench(bench::Arguments),
    /// Writes docs/reference.
    Docs,
}

/// The repository's folder.
fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    if let Err(error) = std::env::set_current_dir(root()) {
        eprintln!("xtask: {error}");
        return ExitCode::FAILURE;
    }
    let result = match task {
        Task::Test => run::test(),
        Task::Parity { paths, patience } => parity::oracle(&paths, patience),
        Task::Scenarios { paths, patience } => run::build().and_then(|binary| parity::ours(&binary, &paths, patience)),
        Task::Interop { name, binary } => {
            binary.map_or_else(run::build, Ok).and_then(|binary| interop::run(&binary, &name))
        }
        Task::Calls { calls, rate, binary } => interop::calls::all(&binary, calls, rate),
        Task::Held { calls, binary } => interop::held::run(
            &binary,
            &interop::calls::Load { calls, rate: 300, hold: 60_000, ..interop::calls::Load::SMALL },
        ),
        Task::Registrations { url, count, mode, interval, window, binary } => {
            registrations::run(&binary, &registrations::Load { url, count, mode, interval, window })
        }
        Task::Corpus { folder, json } => run::build().and_then(|binary| corpus::run(&binary, &folder, json)),
        Task::Fuzz { seconds } => fuzz::run(seconds),
        Task::Count { check: true, .. } => count::check(),
        Task::Count { record: true, .. } => count::record(),
        Task::Count { .. } => count::run(),
        Task::Guided => guided::build().map(|program| println!("{}", program.display())),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Docs => docs::write(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
