//! `olelo -v`.

use std::process::ExitCode;

use engine::core::VERSION;

/// Prints the version.
#[allow(clippy::print_stdout)]
pub(crate) fn run() -> ExitCode {
    println!("version: olelo {VERSION} ({})", engine::Core::platform());
    ExitCode::SUCCESS
}
