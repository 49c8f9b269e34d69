//! Draws mistakes for people and machines. The only place that knows the drawing library.

use std::collections::HashMap;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};
use serde_json::{Map, Value, json};

use crate::diagnostic::{Code, Diagnostic, Label, Severity};
use crate::span::{FileId, SourceMap, Span};

/// How many expansions around a place are shown.
const MAX_EXPANSIONS: usize = 8;
/// Longer excerpts, and ones with a longer line, are cut down to what is around the primary label.
const MAX_EXCERPT: usize = 1 << 16;
const MAX_LINE: usize = 1000;
/// What is left on each side of a cut.
const WINDOW: usize = 120;

/// Draws a mistake with the source underlined, the defines it came through, and its help.
#[must_use]
pub fn full(diagnostic: &Diagnostic, sources: &SourceMap, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(plain(&diagnostic.message)).id(diagnostic.code.number());
    let excerpts = excerpts(&diagnostic.labels, sources);
    let notes = expansions(diagnostic, sources);
    let mut main = Group::with_title(title);
    for excerpt in &excerpts {
        main = excerpt.draw(main);
    }
    for (text, excerpt) in &notes {
        main = excerpt.draw(main.element(Level::NOTE.message(text.as_str())));
    }
    for help in &diagnostic.help {
        main = main.element(Level::HELP.message(plain(help)));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let change = change(diagnostic, sources);
    let suggestion = change.as_ref().map(|change| change.draw());
    let groups: Vec<Group<'_>> = std::iter::once(main).chain(suggestion).collect();
    let drawn = renderer.decor_style(DecorStyle::Ascii).render(&groups);
    if excerpts.iter().chain(notes.iter().map(|(_, excerpt)| excerpt)).any(|excerpt| excerpt.column.is_some()) {
        return without_empty_paths(&drawn);
    }
    drawn
}

/// For people: what is said of a name is said once, at its first place, with the lines of the others. Errors of the
/// language are each their own, and so is everything in the forms for programs.
#[must_use]
pub fn grouped(diagnostics: &[Diagnostic], sources: &SourceMap) -> Vec<Diagnostic> {
    let of_names = [Code::NotYet, Code::UnknownFunction, Code::UnknownVariable, Code::NoMeaning, Code::Removed];
    let mut out: Vec<(Diagnostic, Vec<Span>)> = Vec::new();
    let mut seen: HashMap<(Code, Severity, &str), usize> = HashMap::new();
    for diagnostic in diagnostics {
        let key = (diagnostic.code, diagnostic.severity, diagnostic.message.as_str());
        let place = diagnostic.labels.first().map(|label| label.span);
        match (seen.get(&key), place) {
            (Some(&at), Some(place)) => out[at].1.push(place),
            _ => {
                if of_names.contains(&diagnostic.code) && place.is_some() {
                    seen.insert(key, out.len());
                }
                out.push((diagnostic.clone(), Vec::new()));
            }
        }
    }
    let with_others = |(diagnostic, others): (Diagnostic, Vec<Span>)| match others.len() {
        0 => diagnostic,
        count => {
            let first = diagnostic.labels.first().map(|label| label.span.file);
            let text = format!("and {count} more: {}", lines(&others, first, sources));
            diagnostic.help(text)
        }
    };
    out.into_iter().map(with_others).collect()
}

/// How many lines are named before `..`.
const MAX_LINES: usize = 12;

/// `line 5`, `lines 5, 9`; with the file where it is not `file`.
fn lines(spans: &[Span], file: Option<FileId>, sources: &SourceMap) -> String {
    let mut places: Vec<String> = Vec::new();
    for span in spans {
        let place = sources.location(*span);
        let other = Some(span.file) != file;
        let text = if other { format!("{}:{}", place.file, place.line) } else { place.line.to_string() };
        if places.last() != Some(&text) {
            places.push(text);
        }
    }
    let word = if places.len() == 1 { "line" } else { "lines" };
    if places.len() > MAX_LINES {
        places.truncate(MAX_LINES);
        places.push("..".to_owned());
    }
    format!("{word} {}", places.join(", "))
}

/// A suggested edit with the line it changes.
struct Change<'a> {
    file: &'a str,
    line: &'a str,
    number: usize,
    /// What is replaced, in `line`.
    range: Range<usize>,
    new: &'a str,
}

impl Change<'_> {
    fn draw(&self) -> Group<'_> {
        let patch = Patch::new(self.range.clone(), self.new);
        let snippet = Snippet::source(self.line).path(self.file).line_start(self.number).patch(patch);
        Group::with_title(Level::HELP.secondary_title("with this change:")).element(snippet)
    }
}

/// The range of a suggested edit in its file, when what it replaces stands there.
fn edit_range(diagnostic: &Diagnostic, sources: &SourceMap) -> Option<Range<usize>> {
    let edit = diagnostic.edit.as_ref().filter(|edit| edit.span.expansion == 0)?;
    let text = sources.text(edit.span);
    let at = text.find(&edit.old)?;
    let once = text.rfind(&edit.old) == Some(at) || edit.old.is_empty();
    let start = edit.span.start as usize + at;
    once.then(|| start..start + edit.old.len())
}

fn change<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Option<Change<'a>> {
    let edit = diagnostic.edit.as_ref()?;
    let range = edit_range(diagnostic, sources)?;
    let source = sources.file(edit.span.file);
    let text = source.text.as_str();
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let stop = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at);
    if stop - start > MAX_LINE {
        return None;
    }
    let number = source.line_starts.partition_point(|&line| line as usize <= start);
    let range = range.start - start..range.end - start;
    Some(Change { file: &source.name, line: &text[start..stop], number, range, new: &edit.new })
}

/// Drops the `:::` that the library draws before an excerpt whose place is given separately.
fn without_empty_paths(drawn: &str) -> String {
    let is_empty = |line: &&str| line.contains(":::") && line.trim_end_matches("\u{1b}[0m").trim_end().ends_with(":::");
    drawn.lines().filter(|line| !is_empty(line)).collect::<Vec<_>>().join("\n")
}

/// `file:line:column: error[E0101]: message`.
#[must_use]
pub fn concise(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let severity = severity(diagnostic.severity);
    let head = format!("{severity}[{}]: {}", diagnostic.code.number(), plain(&diagnostic.message));
    match diagnostic.labels.first() {
        Some(label) => format!("{}: {head}", sources.location(label.span)),
        None => head,
    }
}

/// One JSON object.
#[must_use]
pub fn json(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let labels: Vec<Value> = diagnostic
        .labels
        .iter()
        .map(|label| {
            let mut object = place(label.span, sources);
            object.insert("text".to_owned(), json!(label.text));
            let chain: Vec<Value> = chain(label.span, sources)
                .map(|(name, used, defined)| {
                    let mut object = place(used, sources);
                    object.insert("name".to_owned(), json!(name));
                    object.insert("defined".to_owned(), defined.map_or(Value::Null, |it| place(it, sources).into()));
                    object.into()
                })
                .collect();
            if !chain.is_empty() {
                object.insert("expansions".to_owned(), chain.into());
            }
            object.into()
        })
        .collect();
    let edit = diagnostic.edit.as_ref().zip(edit_range(diagnostic, sources)).map(|(edit, range)| {
        let span = Span { start: range.start as u32, end: range.end as u32, ..edit.span };
        let mut object = place(span, sources);
        object.insert("new".to_owned(), json!(edit.new));
        Value::from(object)
    });
    json!({
        "code": diagnostic.code.number(),
        "severity": severity(diagnostic.severity),
        "message": diagnostic.message,
        "labels": labels,
        "help": diagnostic.help,
        "edit": edit,
    })
    .to_string()
}

/// All mistakes as one SARIF 2.1.0 document, which code hosts and editors show beside the lines.
#[must_use]
pub fn sarif(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut codes: Vec<Code> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| {
            json!({
                "id": code.number(),
                "shortDescription": { "text": code.summary() },
                "fullDescription": { "text": introduction(code.page()) },
                "help": { "text": code.page(), "markdown": code.page() },
            })
        })
        .collect();
    let results: Vec<Value> = diagnostics.iter().map(|diagnostic| sarif_result(diagnostic, sources)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "olelo", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
    .to_string()
}

/// The first paragraph of a page: what is wrong and why it matters.
fn introduction(page: &str) -> &str {
    page.split("\n\n").nth(1).unwrap_or(page).trim()
}

/// A file's name as the format wants it: a reference without blanks and the like.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~+:@".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn sarif_result(diagnostic: &Diagnostic, sources: &SourceMap) -> Value {
    let location = |span: Span| json!({ "artifactLocation": { "uri": uri(&sources.file(span.file).name) }, "region": sarif_region(span, sources) });
    let places: Vec<Value> = diagnostic
        .labels
        .iter()
        .map(|label| json!({ "physicalLocation": location(label.span), "message": { "text": plain(&label.text) } }))
        .collect();
    let (first, related) = places.split_at(places.len().min(1));
    let mut text = vec![plain(&diagnostic.message)];
    text.extend(diagnostic.help.iter().map(|help| plain(help)));
    let fixes: Vec<Value> = diagnostic
        .edit
        .iter()
        .zip(edit_range(diagnostic, sources))
        .map(|(edit, range)| {
            let span = Span { start: range.start as u32, end: range.end as u32, ..edit.span };
            json!({ "artifactChanges": [{
                "artifactLocation": { "uri": uri(&sources.file(span.file).name) },
                "replacements": [{
                    "deletedRegion": sarif_region(span, sources),
                    "insertedContent": { "text": edit.new },
                }],
            }] })
        })
        .collect();
    json!({
        "ruleId": diagnostic.code.number(),
        "level": severity(diagnostic.severity),
        "message": { "text": text.join("\n") },
        "locations": first,
        "relatedLocations": related,
        "fixes": fixes,
    })
}

/// Lines and columns of a span, in UTF-16 units as the format wants them.
fn sarif_region(span: Span, sources: &SourceMap) -> Value {
    let text = sources.file(span.file).text.as_str();
    let range = clamp(text, span);
    let column = |at: usize| {
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        text[start..at].encode_utf16().count() + 1
    };
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    json!({
        "startLine": line(range.start),
        "startColumn": column(range.start),
        "endLine": line(range.end),
        "endColumn": column(range.end),
    })
}

fn place(span: Span, sources: &SourceMap) -> Map<String, Value> {
    let start = sources.location(span);
    let end = sources.location(Span { start: span.end, ..span });
    let mut object = Map::new();
    object.insert("file".to_owned(), json!(start.file));
    object.insert("line".to_owned(), json!(start.line));
    object.insert("column".to_owned(), json!(start.column));
    object.insert("end_line".to_owned(), json!(end.line));
    object.insert("end_column".to_owned(), json!(end.column));
    object
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A message without control characters, which could come from the file and disturb a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// The defines a place came through, innermost first: name, use, definition.
fn chain(span: Span, sources: &SourceMap) -> impl Iterator<Item = (&str, Span, Option<Span>)> {
    let mut at = span;
    std::iter::from_fn(move || {
        let expansion = sources.expansion(at)?;
        at = expansion.used;
        Some((expansion.name.as_str(), expansion.used, expansion.defined))
    })
}

fn expansions<'a>(diagnostic: &Diagnostic, sources: &'a SourceMap) -> Vec<(String, Excerpt<'a>)> {
    let Some(primary) = diagnostic.labels.first() else { return Vec::new() };
    chain(primary.span, sources)
        .take(MAX_EXPANSIONS)
        .map(|(name, used, defined)| {
            let text = match defined {
                Some(defined) => format!("in this expansion of `{name}`, defined at {}", sources.location(defined)),
                None => format!("in this expansion of `{name}`, defined outside of the configuration"),
            };
            (text, Excerpt::new(used, String::new(), sources))
        })
        .collect()
}

/// Marked lines of one file.
struct Excerpt<'a> {
    file: &'a str,
    text: &'a str,
    /// Number of the first line of `text`.
    first_line: usize,
    /// Column of the primary label when `text` does not begin at the start of its line.
    column: Option<usize>,
    marks: Vec<(Range<usize>, String)>,
}

impl<'a> Excerpt<'a> {
    fn new(span: Span, label: String, sources: &'a SourceMap) -> Self {
        Self::of(span.file, &[(span, label)], sources)
    }

    /// The lines of `file` that hold all the labels.
    fn of(file: FileId, labels: &[(Span, String)], sources: &'a SourceMap) -> Self {
        let source = sources.file(file);
        let text = source.text.as_str();
        let mut ranges: Vec<(Range<usize>, String)> =
            labels.iter().map(|(span, label)| (clamp(text, *span), plain(label))).collect();
        let start = ranges.iter().map(|(range, _)| range.start).min().unwrap_or_default();
        let end = ranges.iter().map(|(range, _)| range.end).max().unwrap_or_default();
        let line = source.line_starts.partition_point(|&line| line as usize <= start).saturating_sub(1);
        let offset = source.line_starts.get(line).map_or(0, |&line| line as usize);
        let stop = text[end..].find('\n').map_or(text.len(), |at| end + at);
        if stop - offset > MAX_EXCERPT || text[offset..stop].lines().any(|line| line.len() > MAX_LINE) {
            ranges.truncate(1);
            return Self::cut(&source.name, text, &source.line_starts, ranges);
        }
        let marks =
            ranges.into_iter().map(|(range, label)| (range.start - offset..range.end - offset, label)).collect();
        Excerpt { file: &source.name, text: &text[offset..stop], first_line: line + 1, column: None, marks }
    }

    /// The surroundings of the only label.
    fn cut(file: &'a str, text: &'a str, lines: &[u32], marks: Vec<(Range<usize>, String)>) -> Self {
        let mark = marks.first().map(|(range, _)| range.clone()).unwrap_or_default();
        let line = lines.partition_point(|&line| line as usize <= mark.start).saturating_sub(1);
        let line_start = lines.get(line).map_or(0, |&line| line as usize);
        let mut start = mark.start.saturating_sub(WINDOW).max(line_start);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let line_end = text[mark.start..].find('\n').map_or(text.len(), |at| mark.start + at);
        let mut stop = (mark.start + WINDOW).min(line_end);
        while !text.is_char_boundary(stop) {
            stop -= 1;
        }
        let marks = marks
            .into_iter()
            .map(|(range, label)| {
                (range.start - start..range.end.clamp(range.start, stop.max(range.start)) - start, label)
            })
            .collect();
        let column = text[line_start..mark.start].chars().count() + 1;
        Excerpt { file, text: &text[start..stop], first_line: line + 1, column: Some(column), marks }
    }

    fn draw<'b>(&'b self, group: Group<'b>) -> Group<'b> {
        match self.column {
            Some(column) => {
                group.element(Origin::path(self.file).line(self.first_line).char_column(column)).element(self.snippet())
            }
            None => group.element(self.snippet().path(self.file)),
        }
    }

    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        let mut snippet = Snippet::source(self.text).line_start(self.first_line);
        for (index, (range, label)) in self.marks.iter().enumerate() {
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let mark = kind.span(range.clone());
            snippet = snippet.annotation(if label.is_empty() { mark } else { mark.label(label.as_str()) });
        }
        snippet
    }
}

/// One excerpt per file; the primary label's first.
fn excerpts<'a>(labels: &[Label], sources: &'a SourceMap) -> Vec<Excerpt<'a>> {
    let mut files: Vec<(FileId, Vec<(Span, String)>)> = Vec::new();
    for label in labels {
        let entry = (label.span, label.text.clone());
        match files.iter_mut().find(|(file, _)| *file == label.span.file) {
            Some((_, entries)) => entries.push(entry),
            None => files.push((label.span.file, vec![entry])),
        }
    }
    files.iter().map(|(file, entries)| Excerpt::of(*file, entries, sources)).collect()
}

/// A span as a range inside of the text, at character boundaries.
fn clamp(text: &str, span: Span) -> Range<usize> {
    let boundary = |at: u32, up: bool| {
        let mut at = (at as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at = if up { at + 1 } else { at - 1 };
        }
        at
    };
    let start = boundary(span.start, false);
    start..boundary(span.end, true).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::{MemoryFiles, Source, parse};

    #[test]
    fn all_forms() {
        let text = "#!define LEVEL 0b1\ndebug=LEVEL\n";
        let parsed = parse(&Source::text("a.cfg", text, &MemoryFiles::default()));
        let mistake = &parsed.diagnostics[0];
        assert_eq!(concise(mistake, &parsed.sources), "a.cfg:1:16: error[E0006]: `0b1` is not a number");
        let full = full(mistake, &parsed.sources, false);
        assert!(full.contains("in this expansion of `LEVEL`, defined at a.cfg:1:16"), "{full}");
        let object: Value = serde_json::from_str(&json(mistake, &parsed.sources)).unwrap();
        assert_eq!(object["code"], "E0006");
        assert_eq!(object["labels"][0]["column"], 16);
        assert_eq!(object["labels"][0]["expansions"][0]["line"], 2);
        let pathless =
            Diagnostic { labels: Vec::new(), ..Diagnostic::warning(Code::File, "x\u{1b}y", Span::default(), "") };
        assert_eq!(concise(&pathless, &parsed.sources), "warning[E0005]: x\u{fffd}y");
        assert!(super::full(&pathless, &parsed.sources, true).contains("E0005"));
    }

    #[test]
    fn a_name_is_reported_once_with_its_lines() {
        let mut sources = SourceMap::default();
        let file = sources.add("a.cfg", "f();\ng(); f(); f();\nf();\n");
        let other = sources.add("b.cfg", "f();\n");
        let at = |file, start| Span { file, start, end: start + 1, expansion: 0 };
        let missing = |span, name: &str| Diagnostic::error(Code::NotYet, format!("no `{name}`"), span, "");
        let all = [
            missing(at(file, 0), "f"),
            missing(at(file, 5), "g"),
            missing(at(file, 10), "f"),
            missing(at(file, 15), "f"),
            missing(at(file, 20), "f"),
            missing(at(other, 0), "f"),
        ];
        let grouped = grouped(&all, &sources);
        assert_eq!(grouped.iter().map(|it| it.message.as_str()).collect::<Vec<_>>(), ["no `f`", "no `g`"]);
        assert_eq!((grouped[0].help.join(";"), grouped[1].help.len()), ("and 4 more: lines 2, 3, b.cfg:1".into(), 0));
        let syntax = |start| Diagnostic::error(Code::Syntax, "expected `;`", at(file, start), "");
        assert_eq!(super::grouped(&[syntax(0), syntax(5)], &sources).len(), 2);
        let many: Vec<Diagnostic> = (0..40).map(|_| missing(at(file, 0), "f")).collect();
        assert_eq!(super::grouped(&many, &sources)[0].help, ["and 39 more: line 1"]);
    }

    #[test]
    fn odd_places() {
        let mut sources = SourceMap::default();
        let file = sources.add("é.cfg", format!("é{}\nx", "é".repeat(5000)));
        let empty = sources.add("empty.cfg", "");
        for (start, end) in
            [(0, 0), (1, 3), (1, 1), (5000, 9000), (0, 99_999), (10_002, 10_003), (10_003, 10_003), (99_999, 3)]
        {
            for file in [file, empty] {
                let span = Span { file, start, end, expansion: 0 };
                let mistake = Diagnostic::error(Code::Syntax, "m", span, "t").label(Span { file: empty, ..span }, "u");
                assert!(full(&mistake, &sources, false).len() < 2000);
                assert!(!concise(&mistake, &sources).is_empty() && !json(&mistake, &sources).is_empty());
            }
        }
    }
}
