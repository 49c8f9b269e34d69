//! `olelo test SCENARIO.md ..`.

use std::process::ExitCode;

use crate::arguments::Test;
use crate::offer::OFFER;

/// Runs scenarios in memory, on virtual time.
#[allow(clippy::print_stderr)]
pub(crate) fn run(test: &Test) -> ExitCode {
    let files = match testkit::scenario::find(&test.paths) {
        Ok(files) if !files.is_empty() => files,
        Ok(_) => {
            eprintln!("olelo: no scenarios found");
            return ExitCode::from(2);
        }
        Err(error) => {
            eprintln!("olelo: {error}");
            return ExitCode::from(2);
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        match testkit::scenario::run_in_memory(&file, &OFFER) {
            Ok(()) => passed += 1,
            Err(error) => {
                failed += 1;
                say!("{}: {error}", file.display());
            }
        }
    }
    say!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
