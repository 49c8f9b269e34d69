//! `olelo explain [CODE ..]`.

use std::process::ExitCode;

use engine::Code;

use crate::arguments::Explain;

/// Prints what codes mean; without one: all codes, each with a sentence.
#[allow(clippy::print_stderr)]
pub(crate) fn run(explain: &Explain) -> ExitCode {
    if explain.codes.is_empty() {
        list();
        return ExitCode::SUCCESS;
    }
    let mut unknown = false;
    for (at, written) in explain.codes.iter().enumerate() {
        match Code::ALL.iter().find(|code| code.number().eq_ignore_ascii_case(written)) {
            Some(code) => say!("{}{}", if at == 0 { "" } else { "\n" }, code.page().trim_end()),
            None => {
                unknown = true;
                eprintln!("olelo: there is no code `{written}`; `olelo explain` lists all");
            }
        }
    }
    if unknown { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// All codes by number.
fn list() {
    let mut codes = Code::ALL.to_vec();
    codes.sort_unstable_by_key(|code| code.number());
    for code in codes {
        say!("{}  {}", code.number(), code.summary().replace('\n', " "));
    }
}
