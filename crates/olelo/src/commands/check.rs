//! `olelo check FILE` and `olelo -c -f FILE`.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use engine::load::{Outcome, load};
use engine::log::{Log, Sink};
use language::check::Model;
use language::diagnostic::{Diagnostic, Severity};
use language::{FileSystem, Source, render};

use crate::arguments::{Arguments, Check, define};
use crate::offer::OFFER;
use crate::report::Report;

/// What works otherwise than in Kamailio, for the report.
const DIFFERENCES: &str = include_str!("../../../../docs/differences.md");

/// Loads a file without starting anything.
pub(crate) fn load_file(file: &str, defines: &[String]) -> Outcome {
    let source = Source::file(file, &FileSystem).with_defines(defines.iter().map(|text| define(text)));
    load(&source, &OFFER, Arc::new(Log::new(-5, Sink::Stderr)), |_| {})
}

/// Draws mistakes on stderr; what does not keep the server from starting is only counted: lints, and parameters that
/// have no meaning here.
#[allow(clippy::print_stderr)]
pub(crate) fn show(outcome: &Outcome) {
    let color = std::io::stderr().is_terminal();
    let is_remark = |code: engine::Code| code == engine::Code::NoMeaning || code.is_lint();
    let shown = |diagnostic: &&Diagnostic| !is_remark(diagnostic.code);
    let mistakes: Vec<Diagnostic> = outcome.diagnostics.iter().filter(shown).cloned().collect();
    for diagnostic in render::grouped(&mistakes, &outcome.sources) {
        eprintln!("{}", render::full(&diagnostic, &outcome.sources, color));
    }
    let remarks = outcome.diagnostics.iter().filter(|diagnostic| is_remark(diagnostic.code)).count();
    if remarks > 0 {
        eprintln!("note: {remarks} remarks on this configuration: `olelo check` lists them");
    }
}

fn exit_code(outcome: &Outcome, deny_warnings: bool) -> ExitCode {
    let warnings = outcome.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Warning);
    if outcome.has_errors() { ExitCode::from(2) } else { ExitCode::from(u8::from(deny_warnings && warnings)) }
}

/// `olelo check`.
#[allow(clippy::print_stderr)]
pub(crate) fn run(check: &Check, _: &Arguments) -> ExitCode {
    if check.report {
        return report(check);
    }
    let mut outcome = load_file(&check.file, &check.defines);
    if check.strict {
        let removed = outcome.diagnostics.iter_mut().filter(|diagnostic| diagnostic.code == engine::Code::Removed);
        removed.for_each(|diagnostic| diagnostic.severity = Severity::Error);
    }
    // By place: what belongs to one line stands together, whoever found it.
    let (sources, all) = (outcome.sources.clone(), &mut outcome.diagnostics);
    all.sort_by_key(|diagnostic| {
        diagnostic.labels.first().map(|label| sources.surface(label.span)).map(|span| (span.file, span.start))
    });
    let color = std::io::stdout().is_terminal();
    if check.format == "sarif" {
        say!("{}", render::sarif(&outcome.diagnostics, &outcome.sources));
    }
    match &*check.format {
        "sarif" => {}
        "concise" | "json" => {
            let draw = if check.format == "json" { render::json } else { render::concise };
            outcome.diagnostics.iter().for_each(|diagnostic| say!("{}", draw(diagnostic, &outcome.sources)));
        }
        _ => {
            for diagnostic in render::grouped(&outcome.diagnostics, &outcome.sources) {
                say!("{}", render::full(&diagnostic, &outcome.sources, color));
            }
        }
    }
    if let (Some("program"), Some(loaded)) = (check.emit.as_deref(), &outcome.loaded) {
        say!("{}", loaded.program.listing().trim_end());
    }
    let count = |severity| outcome.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    eprintln!("{}: {} errors, {} warnings", check.file, count(Severity::Error), count(Severity::Warning));
    let missing = outcome.diagnostics.iter().any(|diagnostic| diagnostic.code == engine::Code::NotYet);
    if missing && check.format == "full" {
        eprintln!("`olelo check --report {}` lists what Olelo does not have yet, by module", check.file);
    }
    exit_code(&outcome, check.deny_warnings)
}

/// `olelo check --report`: the exit code says whether the file could be read.
#[allow(clippy::print_stderr)]
fn report(check: &Check) -> ExitCode {
    let source = Source::file(&check.file, &FileSystem).with_defines(check.defines.iter().map(|text| define(text)));
    let parsed = language::parse(&source);
    for mistake in parsed.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
        eprintln!("{}", render::concise(mistake, &parsed.sources));
    }
    let report = Report::new(&Model::new(&parsed), &OFFER, DIFFERENCES);
    let text = if check.format == "json" { report.json(&parsed.sources) } else { report.text(&parsed.sources) };
    say!("{}", text.trim_end());
    ExitCode::from(if parsed.has_errors() { 2 } else { 0 })
}

/// `olelo -c -f FILE`: Kamailio's texts and exit codes.
#[allow(clippy::print_stderr)]
pub(crate) fn run_as_kamailio(arguments: &Arguments) -> ExitCode {
    let file = arguments.file.as_deref().unwrap_or("/etc/kamailio/kamailio.cfg");
    let outcome = load_file(file, &arguments.defines);
    show(&outcome);
    if outcome.has_errors() {
        eprintln!("config file not ok: {file}");
        return ExitCode::FAILURE;
    }
    eprintln!("config file ok, exiting...");
    ExitCode::SUCCESS
}
