//! `olelo explain CODE`.

use std::process::ExitCode;

use engine::Code;

use crate::arguments::Explain;

/// Prints what a code means.
#[allow(clippy::print_stderr)]
pub(crate) fn run(explain: &Explain) -> ExitCode {
    match Code::ALL.iter().find(|code| code.number().eq_ignore_ascii_case(&explain.code)) {
        Some(code) => {
            say!("{}", code.page().trim_end());
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("olelo: there is no code `{}`", explain.code);
            ExitCode::from(2)
        }
    }
}
