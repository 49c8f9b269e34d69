//! `cargo xtask count`: instructions per message (bench/benches/instructions.rs), and how long a check of a large
//! configuration takes (bench/benches/check.rs).

use std::path::Path;
use std::process::Command;

use crate::packages;
use crate::run::command;

/// The counting tool starts valgrind; its version has to be that of the library.
const RUNNER: &str = "gungraun-runner";
const VERSION: &str = "0.20.0";

/// Runs both benches.
pub(crate) fn run() -> Result<(), String> {
    packages::install_program("/usr/bin/valgrind", "valgrind")?;
    let runner = std::env::current_dir().map_err(|error| error.to_string())?.join("target/tools/bin").join(RUNNER);
    if !runner.exists() {
        command("cargo", &["install", "--quiet", "--version", VERSION, "--root", "target/tools", RUNNER])?;
    }
    command("cargo", &["bench", "-q", "-p", "bench", "--bench", "check"])?;
    instructions(&runner)
}

fn instructions(runner: &Path) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(["bench", "-q", "-p", "bench", "--bench", "instructions"])
        .env("GUNGRAUN_RUNNER", runner)
        .status()
        .map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err("the counting of instructions failed".into()) }
}
