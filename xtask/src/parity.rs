//! Scenarios against real processes: ours, and the installed Kamailio.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::scenario::{self, Program, Surroundings, Verdict};

use crate::servers::Servers;

/// Whose tables a scenario's database has.
const OFFER: engine::load::Offer = engine::load::Offer { modules: modules::MODULES, rpc: control::commands::CORE };

/// How many servers run at once.
const PARALLEL: usize = 4;

/// Against our own binary.
pub(crate) fn ours(binary: &Path, paths: &[String], patience: u64) -> Result<(), String> {
    run(&Program::Olelo(binary.to_owned()), "olelo", paths, patience)
}

/// Against the installed Kamailio.
pub(crate) fn oracle(paths: &[String], patience: u64) -> Result<(), String> {
    let program = Program::kamailio().ok_or("Kamailio is not installed: apt-get install kamailio")?;
    run(&program, "kamailio", paths, patience)
}

fn run(program: &Program, name: &str, paths: &[String], patience: u64) -> Result<(), String> {
    let files: Vec<PathBuf> = scenario::find(paths)?;
    let servers = if files.iter().any(|file| scenario::wants_server(file)) { Some(Servers::start()?) } else { None };
    let databases = servers.iter().flat_map(|servers| [servers.mysql("olelo"), servers.postgres("postgres")]).collect();
    let around = Surroundings { offer: OFFER, patience, databases };
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // On a busy machine a process may be late: what fails is tried twice more.
                    let attempt = || scenario::run_process(file, program, &around);
                    let result = attempt().or_else(|_| attempt()).or_else(|_| attempt());
                    if let Ok(mut results) = results.lock() {
                        results.push((file, result));
                    }
                }
            });
        }
    });
    let results = results.into_inner().map_err(|_| "a thread failed")?;
    let (mut passed, mut differs, mut skipped, mut failed) = (0, 0, 0, 0);
    for (file, result) in &results {
        match result {
            Ok(Verdict::Agrees) => passed += 1,
            Ok(Verdict::Differs(reason)) => {
                differs += 1;
                println!("{}: differs on purpose: {reason}", file.display());
            }
            Ok(Verdict::Skipped(reason)) => {
                skipped += 1;
                println!("{}: skipped: {reason}", file.display());
            }
            Err(error) => {
                failed += 1;
                println!("{}: {error}\n", file.display());
            }
        }
    }
    println!("{name}: {passed} scenarios agree, {differs} differ on purpose, {skipped} skipped, {failed} failed");
    if failed == 0 { Ok(()) } else { Err(format!("{failed} scenarios failed against {name}")) }
}
