//! `cargo xtask test`: everything, in the order from quick to slow.

use std::path::PathBuf;
use std::process::Command;

use crate::servers::Servers;
use crate::{count, interop, packages, parity};

/// Runs a program; an error when it fails.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Result<(), String> {
    command_with(program, arguments, &[])
}

/// The same, with environment variables.
pub(crate) fn command_with(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    eprintln!("+ {program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .status()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} {} failed", arguments.join(" "))) }
}

/// Builds the server and returns its path.
pub(crate) fn build() -> Result<PathBuf, String> {
    command("cargo", &["build", "--quiet", "--package", "olelo"])?;
    in_target("debug/olelo")
}

/// The same, optimized.
pub(crate) fn build_release() -> Result<PathBuf, String> {
    command("cargo", &["build", "--quiet", "--release", "--package", "olelo"])?;
    in_target("release/olelo")
}

/// A file in cargo's folder.
pub(crate) fn in_target(file: &str) -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    std::path::absolute(target.join(file)).map_err(|error| error.to_string())
}

/// All tests.
pub(crate) fn test() -> Result<(), String> {
    packages::install()?;
    command("cargo", &["fmt", "--all", "--check"])?;
    command("cargo", &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    let servers = Servers::start()?;
    let urls = format!("{} {}", servers.mysql("olelo"), servers.postgres("postgres"));
    command_with("cargo", &["test", "--quiet", "--workspace"], &[("OLELO_TEST_DATABASES", &urls)])?;
    drop(servers);
    let binary = build()?;
    let paths = ["tests/scenarios".to_owned(), "tests/interop/stock".to_owned()];
    parity::ours(&binary, &paths, 5)?;
    parity::oracle(&paths, 5)?;
    interop::run(&binary, "")?;
    // Needs a build of its own.
    count::check()
}
