//! `olelo ctl COMMAND ..`: what `kamcmd` does.

use std::process::ExitCode;

use crate::arguments::Ctl;

/// Calls a command and prints its answer.
#[allow(clippy::print_stderr)]
pub(crate) fn run(ctl: &Ctl) -> ExitCode {
    let Some((command, arguments)) = ctl.words.split_first() else { return ExitCode::from(2) };
    match control::ctl_client::call_text(&ctl.socket, command, arguments) {
        Ok(text) => {
            say!("{}", text.trim_end_matches('\n'));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
