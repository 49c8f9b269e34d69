//! `cargo xtask fuzz`: every target for a while.

use std::process::Command;

use crate::run::command;

/// Runs all fuzz targets.
pub(crate) fn run(seconds: u64) -> Result<(), String> {
    if !Command::new("cargo").args(["fuzz", "--version"]).output().is_ok_and(|output| output.status.success()) {
        command("cargo", &["install", "--quiet", "--locked", "cargo-fuzz"])?;
    }
    for entry in std::fs::read_dir("fuzz/fuzz_targets").map_err(|error| error.to_string())?.flatten() {
        let file = entry.path();
        let Some(target) = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .filter(|_| file.extension().is_some_and(|extension| extension == "rs"))
        else {
            continue;
        };
        println!("fuzzing {target} for {seconds} s");
        // The sanitizer needs unstable compiler flags.
        let status = Command::new("cargo")
            .args(["fuzz", "run", target, "--", &format!("-max_total_time={seconds}"), "-timeout=10"])
            .env("RUSTC_BOOTSTRAP", "1")
            .status()
            .map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("fuzz target {target} found something"));
        }
    }
    Ok(())
}
