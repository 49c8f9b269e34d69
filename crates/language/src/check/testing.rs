//! For the tests of lints.

use super::check;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::SourceMap;
use crate::{MemoryFiles, Source, parse};

fn diagnostics(code: Code, text: &str) -> (Vec<Diagnostic>, SourceMap) {
    let files = MemoryFiles::default();
    let parsed = parse(&Source::text("kamailio.cfg", text, &files));
    assert_eq!(parsed.diagnostics, [], "{text}");
    let found = check(&parsed, &files).into_iter().filter(|diagnostic| diagnostic.code == code).collect();
    (found, parsed.sources)
}

/// Line and label of each mistake of a code.
pub(super) fn found(code: Code, text: &str) -> Vec<(usize, String)> {
    let (found, sources) = diagnostics(code, text);
    let primary = found.into_iter().filter_map(|diagnostic| diagnostic.labels.into_iter().next());
    primary.map(|label| (sources.location(label.span).line, label.text)).collect()
}

/// What is underlined for each mistake of a code.
pub(super) fn texts(code: Code, text: &str) -> Vec<String> {
    let (found, sources) = diagnostics(code, text);
    let primary = found.into_iter().filter_map(|diagnostic| diagnostic.labels.into_iter().next());
    primary.map(|label| sources.text(label.span).to_owned()).collect()
}

/// The suggested changes for a code.
pub(super) fn edits(code: Code, text: &str) -> Vec<(String, String)> {
    let (found, _) = diagnostics(code, text);
    found.into_iter().filter_map(|it| it.edit).map(|edit| (edit.old, edit.new)).collect()
}
