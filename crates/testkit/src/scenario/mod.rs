//! Scenarios: Markdown files with a configuration, messages in and out, log lines, elapsed time and RPC calls.
//!
//! The same file runs in memory on virtual time ([`run_in_memory`]), against a real process of ours and against the
//! installed Kamailio ([`run_process`]). The format is described in docs/scenarios.md.

mod digest;
mod expect;
mod memory;
mod names;
mod parse;
mod process;
mod run;
mod store;

use std::path::{Path, PathBuf};

use engine::load::Offer;

pub use parse::{Scenario, Step, parse};
pub use process::Program;

/// All scenario files in the given files and folders, sorted.
///
/// # Errors
/// When a path cannot be read.
pub fn find(paths: &[impl AsRef<Path>]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for path in paths {
        collect(path.as_ref(), &mut found).map_err(|error| format!("{}: {error}", path.as_ref().display()))?;
    }
    found.sort();
    Ok(found)
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?.path();
            if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "md") {
                collect(&entry, found)?;
            }
        }
    } else {
        std::fs::metadata(path)?;
        found.push(path.to_owned());
    }
    Ok(())
}

fn read(file: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    parse(&text)
}

/// Runs a scenario in memory, on virtual time.
///
/// # Errors
/// What went otherwise than the scenario says, with the line of the block.
pub fn run_in_memory(file: &Path, offer: &Offer) -> Result<(), String> {
    let scenario = read(file)?;
    let mut target = memory::Memory::start(&scenario, offer)?;
    run::run(&scenario, &mut target)
}

/// How a run against a real process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As the scenario says.
    Agrees,
    /// Otherwise, as the scenario's `Parity: differs` line says.
    Differs(String),
    /// Not run: the reason.
    Skipped(String),
}

/// What a run against a real process needs beside the program.
#[derive(Clone)]
pub struct Surroundings {
    /// Whose tables a scenario's database has.
    pub offer: Offer,
    /// Scenarios that let more seconds pass are skipped.
    pub patience: u64,
    /// URLs of databases on servers that scenarios with a line `Database:` may use.
    pub databases: Vec<String>,
}

/// True when a scenario wants a database server.
#[must_use]
pub fn wants_server(file: &Path) -> bool {
    read(file).is_ok_and(|scenario| scenario.server.is_some())
}

/// Runs a scenario against a real process over loopback. Scenarios that want more patience are skipped.
///
/// # Errors
/// What went otherwise than the scenario says.
pub fn run_process(file: &Path, program: &Program, around: &Surroundings) -> Result<Verdict, String> {
    let scenario = read(file)?;
    let seconds: u64 =
        scenario.steps.iter().map(|step| if let Step::Time { seconds, .. } = step { *seconds } else { 0 }).sum();
    if seconds > around.patience {
        return Ok(Verdict::Skipped(format!("lets {seconds} s pass")));
    }
    if let Some(differs) = scenario.parity.as_ref().filter(|_| program.is_oracle()) {
        return Ok(Verdict::Differs(differs.clone()));
    }
    let names = match scenario.dns.as_ref().map(|_| names::Names::prepare()).transpose() {
        Ok(names) => names,
        Err(reason) => return Ok(Verdict::Skipped(reason)),
    };
    let mut target = process::Process::start(&scenario, program, names, around)?;
    run::run(&scenario, &mut target).map_err(|error| format!("{error}\n{}", target.recent_log()))?;
    Ok(Verdict::Agrees)
}
