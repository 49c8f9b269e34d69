//! The migration report: what of a configuration exists here, works otherwise than in Kamailio, or is missing.
//!
//! `olelo check --report FILE` prints it. What differs is read from `docs/differences.md`, so that it is said in one place:
//! a sentence there that names a function, parameter or variable in backticks is shown with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use engine::functions::CORE;
use engine::load::Offer;
use engine::settings::Settings;
use engine::{Code, ModuleDef};
use language::ast::{ItemKind, RouteKind};
use language::check::{Access, Model};
use language::known::{self, State};
use language::span::{SourceMap, Span};
use serde_json::json;

/// What kind of thing an entry is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// `loadmodule`.
    Module,
    /// A core parameter.
    CoreParameter,
    /// `modparam`.
    Parameter,
    /// A function.
    Function,
    /// A pseudo-variable.
    Variable,
    /// A transformation.
    Transformation,
    /// `event_route`.
    EventRoute,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Module,
        Self::CoreParameter,
        Self::Parameter,
        Self::Function,
        Self::Variable,
        Self::Transformation,
        Self::EventRoute,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::CoreParameter => "core parameter",
            Self::Parameter => "parameter",
            Self::Function => "function",
            Self::Variable => "variable",
            Self::Transformation => "transformation",
            Self::EventRoute => "event_route",
        }
    }
}

/// How it stands with one thing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Kamailio has it, this server does not have it yet.
    Missing,
    /// Neither has it: a spelling mistake, or a module that is not loaded.
    Unknown,
    /// Kamailio removed it.
    Removed,
    /// It is here, and works otherwise in some respect.
    Different(String),
    /// It is here.
    Here,
}

impl Verdict {
    const ALL: [&'static str; 5] = ["missing", "unknown", "removed", "different", "here"];

    const fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Removed => "removed",
            Self::Different(_) => "different",
            Self::Here => "here",
        }
    }
}

/// One thing that the configuration uses.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its name: `t_relay`, `$rU`, `{s.len}`.
    pub(crate) name: String,
    /// The module that has it; empty for modules, `core` for the core.
    pub(crate) module: String,
    /// How it stands with it.
    pub(crate) verdict: Verdict,
    /// Where it is used.
    pub(crate) places: Vec<Span>,
}

impl Entry {
    /// The module that it belongs to, or is.
    fn owner(&self) -> &str {
        if self.kind == Kind::Module { &self.name } else { &self.module }
    }
}

/// The report on one configuration.
pub(crate) struct Report {
    /// Everything that it uses, by kind and name.
    pub(crate) entries: Vec<Entry>,
}

impl Report {
    /// Makes the report. `differences` is the text of `docs/differences.md`.
    pub(crate) fn new(model: &Model<'_>, offer: &Offer, differences: &str) -> Self {
        let loaded: Vec<&str> = model.modules.iter().map(|name| name.node).collect();
        let defs = offer.modules.iter().copied().filter(|def| loaded.contains(&def.name)).chain([&CORE]).collect();
        let mut making = Making { offer, defs, loaded, notes: Notes::of(differences), entries: BTreeMap::new() };
        making.collect(model);
        Self { entries: making.entries.into_values().collect() }
    }

    /// For people: a summary, then what needs attention, with line numbers.
    pub(crate) fn text(&self, sources: &SourceMap) -> String {
        let mut out = String::new();
        for kind in Kind::ALL {
            let of_kind: Vec<&Entry> = self.entries.iter().filter(|entry| entry.kind == kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            let counts: Vec<String> = Verdict::ALL
                .iter()
                .rev()
                .map(|verdict| (verdict, of_kind.iter().filter(|entry| entry.verdict.name() == *verdict).count()))
                .filter(|(_, count)| *count > 0)
                .map(|(verdict, count)| format!("{count} {verdict}"))
                .collect();
            let _ = writeln!(out, "{:18}{:4}: {}", format!("{}s", kind.name()), of_kind.len(), counts.join(", "));
        }
        for verdict in Verdict::ALL.into_iter().filter(|verdict| *verdict != "here") {
            let mut entries: Vec<&Entry> =
                self.entries.iter().filter(|entry| entry.verdict.name() == verdict).collect();
            if entries.is_empty() {
                continue;
            }
            let _ = writeln!(out, "\n{verdict}:");
            // What belongs to a module stands below it.
            entries.sort_by_key(|entry| (entry.owner(), entry.kind));
            let of_listed = |entry: &Entry| {
                let listed = |other: &&Entry| other.kind == Kind::Module && other.name == entry.module;
                entries.iter().any(listed)
            };
            for entry in &entries {
                let (indent, of) = match of_listed(entry) {
                    true => (4, String::new()),
                    false if entry.module.is_empty() => (2, String::new()),
                    false => (2, format!(" ({})", entry.module)),
                };
                let name = format!("{:indent$}{} {}{of}", "", entry.kind.name(), entry.name);
                wrapped(&mut out, &format!("{name:COLUMN$}"), COLUMN, &places(&entry.places, sources));
                if let Verdict::Different(note) = &entry.verdict {
                    let start = " ".repeat(indent + 4);
                    wrapped(&mut out, &start, start.len(), note);
                }
            }
        }
        self.here(&mut out);
        out
    }

    /// What needs no attention, by name only.
    fn here(&self, out: &mut String) {
        let here = |kind| {
            let of_kind = self.entries.iter().filter(move |entry| entry.kind == kind && entry.verdict == Verdict::Here);
            of_kind.map(|entry| entry.name.as_str()).collect::<Vec<_>>()
        };
        if Kind::ALL.into_iter().any(|kind| !here(kind).is_empty()) {
            let _ = writeln!(out, "\nhere:");
        }
        for kind in Kind::ALL {
            let mut names = here(kind);
            names.dedup();
            if !names.is_empty() {
                wrapped(out, &format!("  {:18}", format!("{}s", kind.name())), 20, &names.join(", "));
            }
        }
    }

    /// For programs: one JSON object.
    pub(crate) fn json(&self, sources: &SourceMap) -> String {
        let entries: Vec<serde_json::Value> = self
            .entries
            .iter()
            .map(|entry| {
                let places: Vec<serde_json::Value> = entry
                    .places
                    .iter()
                    .map(|span| sources.location(*span))
                    .map(|place| json!({ "file": place.file, "line": place.line }))
                    .collect();
                let note = match &entry.verdict {
                    Verdict::Different(note) => note.as_str(),
                    _ => "",
                };
                json!({
                    "kind": entry.kind.name(),
                    "name": entry.name,
                    "module": entry.module,
                    "verdict": entry.verdict.name(),
                    "note": note,
                    "places": places,
                })
            })
            .collect();
        json!({ "entries": entries }).to_string()
    }
}

/// Lines of the report are not longer, if their words allow it.
const WIDTH: usize = 120;
/// Where the places begin.
const COLUMN: usize = 53;

/// Writes `start` and the words of `text`, with `indent` blanks before each further line.
fn wrapped(out: &mut String, start: &str, indent: usize, text: &str) {
    let mut line = start.to_owned();
    let mut is_first = true;
    for word in text.split(' ') {
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(indent);
            is_first = true;
        }
        // A name that reaches into the column of the places.
        if !is_first || !(line.ends_with(' ') || line.is_empty()) {
            line.push(' ');
        }
        line.push_str(word);
        is_first = false;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

/// `line 5`, `lines 5, 9`, or `a.cfg:5, 9, b.cfg:9` when there are several files.
fn places(spans: &[Span], sources: &SourceMap) -> String {
    let one_file = sources.files.len() == 1;
    let mut places: Vec<String> = Vec::new();
    let mut last: Option<(&str, usize)> = None;
    for span in spans {
        let place = sources.location(*span);
        if last == Some((place.file, place.line)) {
            continue;
        }
        let same_file = one_file || last.is_some_and(|(file, _)| file == place.file);
        places.push(if same_file { place.line.to_string() } else { format!("{}:{}", place.file, place.line) });
        last = Some((place.file, place.line));
    }
    let word = match (one_file, places.len()) {
        (false, _) => "",
        (true, 1) => "line ",
        (true, _) => "lines ",
    };
    format!("{word}{}", places.join(", "))
}

struct Making<'a> {
    offer: &'a Offer,
    /// The loaded modules that exist here, and the core.
    defs: Vec<&'static ModuleDef>,
    loaded: Vec<&'a str>,
    notes: Notes<'a>,
    entries: BTreeMap<(Kind, String, String), Entry>,
}

impl Making<'_> {
    fn add(&mut self, kind: Kind, name: &str, module: &str, verdict: Verdict, span: Span) {
        let verdict = match verdict {
            Verdict::Here => self.notes.on(name, module).map_or(Verdict::Here, Verdict::Different),
            other => other,
        };
        let key = (kind, name.to_owned(), module.to_owned());
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            kind,
            name: name.to_owned(),
            module: module.to_owned(),
            verdict,
            places: Vec::new(),
        });
        entry.places.push(span);
    }

    fn collect(&mut self, model: &Model<'_>) {
        for module in &model.modules {
            let verdict = self.module(module.node);
            self.add(Kind::Module, module.node, "", verdict, module.span);
        }
        for param in &model.params {
            let modules = param.modules.node.trim_matches(['^', '(', ')', '$']).to_owned();
            for module in modules.split('|') {
                let verdict = self.param(module, &param.name.node);
                self.add(Kind::Parameter, &param.name.node, module, verdict, param.name.span);
            }
        }
        for item in &model.config.items {
            match &item.kind {
                ItemKind::CoreParam { name, index, value } => {
                    let verdict = match Settings::default().apply_item(name, index.as_ref(), value) {
                        Ok(None) => Verdict::Here,
                        Ok(Some(_)) => Verdict::Different("accepted, has no meaning here".into()),
                        Err(error) if error.code == Code::NotYet => Verdict::Missing,
                        Err(error) if error.code == Code::UnknownCoreParam => Verdict::Unknown,
                        Err(_) => Verdict::Here,
                    };
                    let whole = index.as_ref().map(|index| format!("{}[{}]", name.node, index.node));
                    self.add(Kind::CoreParameter, whole.as_ref().unwrap_or(&name.node), "core", verdict, name.span);
                }
                ItemKind::Route(block) if block.kind == RouteKind::Event => {
                    if let Some(name) = &block.name {
                        let (module, verdict) = self.event_route(&name.node);
                        self.add(Kind::EventRoute, &name.node, module, verdict, name.span);
                    }
                }
                _ => {}
            }
        }
        for site in model.calls.iter().filter(|site| site.name() != "route") {
            let (module, verdict) = self.function(site.name());
            self.add(Kind::Function, site.name(), module, verdict, site.call.name.span);
        }
        self.variables(model);
    }

    fn variables(&mut self, model: &Model<'_>) {
        for used in &model.variables {
            let variable = &used.variable;
            let owner = self.owner(|def| def.variables.iter().any(|it| it.names.contains(&&*variable.name)));
            let (module, verdict) = self.verdict(owner, known::variable(&variable.name));
            // What is unknown in a text is text.
            if verdict != Verdict::Unknown || matches!(used.access, Access::Read | Access::Write) {
                self.add(Kind::Variable, &format!("${}", variable.name), module, verdict, variable.span);
            }
            for step in &variable.transformations {
                let name =
                    if step.name.is_empty() { step.class.clone() } else { format!("{}.{}", step.class, step.name) };
                let owner = self.owner(|def| def.transformations.iter().any(|it| it.name == name));
                let (module, verdict) = self.verdict(owner, known::transformation(&name));
                self.add(Kind::Transformation, &format!("{{{name}}}"), module, verdict, step.span);
            }
        }
    }

    fn module(&self, name: &str) -> Verdict {
        match known::module(name) {
            _ if self.offer.modules.iter().any(|def| def.name == name) => Verdict::Here,
            Some(module) if module.state == State::Current => Verdict::Missing,
            Some(_) => Verdict::Removed,
            None => Verdict::Unknown,
        }
    }

    fn param(&self, module: &str, name: &str) -> Verdict {
        let here = self.offer.modules.iter().find(|def| def.name == module);
        let has = here.is_some_and(|def| def.params.iter().any(|param| param.name == name));
        match known::param(module, name) {
            _ if has => Verdict::Here,
            Some(param) if param.state == State::Current => Verdict::Missing,
            Some(_) => Verdict::Removed,
            None => Verdict::Unknown,
        }
    }

    fn function(&self, name: &str) -> (&'static str, Verdict) {
        let modules: Vec<&'static str> = known::function(name).iter().map(|function| function.module).collect();
        self.verdict(self.owner(|def| def.functions.iter().any(|it| it.name == name)), &modules)
    }

    fn event_route(&self, name: &str) -> (&'static str, Verdict) {
        let fits = |known: &str| match known.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => known == name,
        };
        let known = known::event_routes().find(|(known, _)| match known.split_once('<') {
            Some((prefix, _)) => name.starts_with(prefix),
            None => *known == name,
        });
        let owner = self.owner(|def| def.event_routes.iter().any(|known| fits(known)));
        match (owner, known) {
            (Some(module), _) => (module, Verdict::Here),
            (None, Some((_, module))) => (module, Verdict::Missing),
            (None, None) => ("", Verdict::Unknown),
        }
    }

    fn owner(&self, has: impl Fn(&ModuleDef) -> bool) -> Option<&'static str> {
        self.defs.iter().find(|def| has(def)).map(|def| def.name)
    }

    /// By the module here that has it, or those of Kamailio.
    fn verdict(&self, owner: Option<&'static str>, known: &[&'static str]) -> (&'static str, Verdict) {
        let loaded = known.iter().find(|module| **module == "core" || self.loaded.contains(*module));
        match (owner, loaded.or(known.first())) {
            (Some(module), _) => (module, Verdict::Here),
            (None, Some(module)) => (module, if loaded.is_some() { Verdict::Missing } else { Verdict::Unknown }),
            (None, None) => ("", Verdict::Unknown),
        }
    }
}

/// Sentences about differences.
struct Notes<'a> {
    /// The module at the start of the bullet (empty: none), and a sentence of it.
    sentences: Vec<(&'a str, String)>,
}

impl<'a> Notes<'a> {
    /// Reads the bullets of a Markdown text: `- ` begins one, indented lines go on. `- `module`: ..` is about a module.
    fn of(text: &'a str) -> Self {
        let mut sentences: Vec<(&str, String)> = Vec::new();
        for bullet in text.split("\n- ").skip(1) {
            let bullet = bullet.split("\n\n").next().unwrap_or_default();
            let about = bullet.strip_prefix('`').and_then(|rest| rest.split_once("`: "));
            let (module, body) = about.filter(|(name, _)| known::module(name).is_some()).unwrap_or(("", bullet));
            let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
            let parts = body.split("; ").flat_map(|part| part.split(". "));
            for part in parts.map(|part| part.trim_end_matches('.')) {
                // Alone it would say nothing.
                match sentences.last_mut().filter(|_| part.contains("the latter")) {
                    Some((_, before)) => *before = format!("{before}; {part}"),
                    None => sentences.push((module, part.to_owned())),
                }
            }
        }
        Self { sentences }
    }

    /// The sentences that name something of a module; those about a module for the module itself.
    fn on(&self, name: &str, module: &str) -> Option<String> {
        let names = |sentence: &str| {
            sentence.split('`').skip(1).step_by(2).any(|quoted| {
                quoted == name || quoted.strip_prefix(name).is_some_and(|rest| rest.starts_with(['(', '=', ' ', '[']))
            })
        };
        let found: Vec<&str> = self
            .sentences
            .iter()
            .filter(|(about, sentence)| match module {
                "" => *about == name,
                _ => (about.is_empty() || *about == module) && names(sentence),
            })
            .map(|(_, sentence)| sentence.as_str())
            .collect();
        (!found.is_empty()).then(|| found.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use language::{MemoryFiles, Source, parse};

    use super::*;

    const DIFFERENCES: &str = "# D\n\n- Something about `log(level)` here. And more.\n- `pv`: one thing; `$rU` is\n  \
                               another.\n\n## Next\n\n- `nothing`.\n";

    fn report(text: &str) -> (Report, SourceMap) {
        static OFFER: Offer = Offer { modules: &[], rpc: &[] };
        let parsed = parse(&Source::text("a.cfg", text, &MemoryFiles::default()));
        let report = Report::new(&Model::new(&parsed), &OFFER, DIFFERENCES);
        (report, parsed.sources)
    }

    #[test]
    fn everything_has_a_verdict_and_its_lines() {
        let text = "loadmodule \"tm.so\"\nloadmodule \"mi_fifo.so\"\nmodparam(\"tm\", \"fr_timer\", 5)\ndebug=2\nshm_mem_size=64\n\
                    request_route {\nlog(1, \"x\");\nt_relay();\n$var(x) = 1;\nt_relay(); nonsense();\n}\n";
        let (report, sources) = report(text);
        let verdict = |name: &str| {
            let entry = report.entries.iter().find(|entry| entry.name == name).expect(name);
            (entry.verdict.name(), places(&entry.places, &sources))
        };
        assert_eq!(verdict("tm"), ("missing", "line 1".into()));
        assert_eq!(verdict("mi_fifo"), ("removed", "line 2".into()));
        assert_eq!(verdict("fr_timer"), ("missing", "line 3".into()));
        assert_eq!(verdict("debug"), ("here", "line 4".into()));
        assert_eq!(verdict("log"), ("different", "line 7".into()));
        assert_eq!(verdict("t_relay"), ("missing", "lines 8, 10".into()));
        assert_eq!(verdict("nonsense"), ("unknown", "line 10".into()));
        let shown = report.text(&sources);
        assert!(shown.contains("Something about `log(level)` here\n") && !shown.contains("And more"), "{shown}");
        let parsed: serde_json::Value = serde_json::from_str(&report.json(&sources)).expect("json");
        assert_eq!(parsed["entries"][0]["kind"], "module");
    }

    #[test]
    fn notes_belong_to_a_module_or_to_a_name() {
        let notes = Notes::of(DIFFERENCES);
        assert_eq!(notes.on("pv", "").as_deref(), Some("one thing; `$rU` is another"));
        assert_eq!(notes.on("$rU", "pv").as_deref(), Some("`$rU` is another"));
        assert_eq!(notes.on("$rU", "tm"), None);
        assert_eq!(notes.on("$r", "pv"), None);
    }
}
