//! `olelo -v`.

use std::process::ExitCode;

use engine::core::VERSION;

/// Prints the version.
pub(crate) fn run() -> ExitCode {
    say!("version: olelo {VERSION} ({})", engine::Core::platform());
    ExitCode::SUCCESS
}
