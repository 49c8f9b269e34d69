//! Mistakes in a configuration as data. Drawing them is in [`crate::render`].

use crate::span::Span;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The server starts; the user should look.
    Warning,
    /// The server refuses to start.
    Error,
}

/// One mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Stable number.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// One sentence without a full stop: what is wrong.
    pub message: String,
    /// Places; the first is the primary one. Empty for mistakes without a place (a missing main file).
    pub labels: Vec<Label>,
    /// What to do; shown as `help:`.
    pub help: Vec<String>,
    /// A change of the text that would put it right.
    pub edit: Option<Box<Edit>>,
}

/// A suggested change: `old` becomes `new` inside of a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// Where to look for `old`.
    pub span: Span,
    /// What is there now; the suggestion is dropped when it does not stand there exactly once (it came out of a
    /// define). Empty: `new` is put in where the place begins.
    pub old: String,
    /// What should be there; empty: nothing.
    pub new: String,
}

/// A place with an optional text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: Code, message: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: vec![Label { span, text: text.into() }],
            help: Vec::new(),
            edit: None,
        }
    }

    /// A warning at a place.
    pub fn warning(code: Code, message: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, span, text) }
    }

    /// Adds a further place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a help line.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Suggests to write `new` instead of `old` at the primary place.
    #[must_use]
    pub fn edit(mut self, old: impl Into<String>, new: impl Into<String>) -> Self {
        if let Some(label) = self.labels.first() {
            self.edit = Some(Box::new(Edit { span: label.span, old: old.into(), new: new.into() }));
        }
        self
    }

    /// Adds "did you mean `x`?" when `candidates` has a name close to `name`.
    #[must_use]
    pub fn did_you_mean<'a>(self, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(name, candidates) {
            Some(candidate) => {
                let text = format!("did you mean `{candidate}`?");
                self.help(text).edit(name, candidate)
            }
            None => self,
        }
    }
}

/// The candidate with the smallest edit distance to `name`, if that is at most a third of its length (at least 1).
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let limit = (length / 3).max(1);
    let lower: Vec<char> = name.to_lowercase().chars().collect();
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit && length <= LONGEST_NAME)
        .map(|candidate| {
            let other: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
            (edit_distance(&lower, &other, limit), candidate)
        })
        .filter(|(distance, candidate)| *distance <= limit && *candidate != name)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Why a file could not be read, in words.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "this user may not read it".into(),
        _ => error.to_string(),
    }
}

/// Longer names are no misspelt ones, and comparing them takes long.
const LONGEST_NAME: usize = 64;

/// Damerau-Levenshtein distance (neighbouring swaps count one), or some number above `limit`.
fn edit_distance(a: &[char], b: &[char], limit: usize) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i);
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        // Only a swap reaches back to the row before the last.
        if row.iter().chain(&last).all(|distance| *distance > limit) {
            return limit + 1;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

impl Code {
    /// Whether it is a remark of [`crate::check`]: the server starts, and does perhaps something else than meant.
    #[must_use]
    pub fn is_lint(self) -> bool {
        self.number().starts_with("W04")
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal,)+) => {
        /// Stable numbers of all mistakes; a number that was released is never used for something else.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }
        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
            /// `E0101`.
            #[must_use] pub const fn number(self) -> &'static str { match self { $(Self::$name => $number),+ } }
            /// What it means, in a sentence.
            #[must_use] pub fn summary(self) -> String {
                let lines: &[&str] = match self { $(Self::$name => &[$($doc),+]),+ };
                lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
            }
            /// Its page: what it means, a configuration that has the mistake, and a right one.
            #[must_use] pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("../../../docs/errors/", $number, ".md"))),+
                }
            }
        }
    };
}

codes! {
    /// The text is not what the grammar allows at this place.
    Syntax = "E0001",
    /// A string, comment or bracket is opened and never closed.
    Unterminated = "E0002",
    /// A `#!` directive is wrong: a name is missing, defined twice, or not defined.
    Preprocessor = "E0003",
    /// `#!ifdef`, `#!else` and `#!endif` do not match.
    UnbalancedIf = "E0004",
    /// A file cannot be read.
    File = "E0005",
    /// A number is no number, or out of range.
    Number = "E0006",
    /// A `$` variable is written wrongly.
    VariableSyntax = "E0007",
    /// No loaded module and not the core has a function of this name.
    UnknownFunction = "E0101",
    /// The function exists, with another number of arguments.
    ArgumentCount = "E0102",
    /// An argument is not what the function needs.
    Argument = "E0103",
    /// The function cannot be used in this kind of route.
    RouteKind = "E0104",
    /// No such pseudo-variable.
    UnknownVariable = "E0105",
    /// The variable cannot be written, or not this way.
    NotWritable = "E0106",
    /// No such transformation, or wrong arguments for it.
    Transformation = "E0107",
    /// A route that is called or armed does not exist.
    UnknownRoute = "E0108",
    /// Two routes have the same name.
    DuplicateRoute = "E0109",
    /// No such event_route.
    UnknownEventRoute = "E0110",
    /// A regular expression is wrong.
    Regex = "E0111",
    /// No such core parameter.
    UnknownCoreParam = "E0201",
    /// The value of a core parameter is wrong.
    CoreParamValue = "E0202",
    /// No such module.
    UnknownModule = "E0203",
    /// The module is loaded twice.
    DuplicateModule = "E0204",
    /// The module has no such parameter.
    UnknownParam = "E0205",
    /// The value of a module parameter is wrong.
    ParamValue = "E0206",
    /// `modparam` names no loaded module.
    NoModuleForParam = "E0207",
    /// A module that another one needs is not loaded before it.
    MissingDependency = "E0208",
    /// A local address is wrong or cannot be used.
    Listen = "E0209",
    /// A database URL whose driver is not loaded.
    DatabaseDriver = "E0210",
    /// Kamailio has this; Olelo does not have it yet.
    NotYet = "E0301",
    /// Kamailio had this and has it no longer.
    Removed = "W0302",
    /// Accepted, and has no meaning here.
    NoMeaning = "W0303",
    /// A hash table that no `htable` parameter declares.
    UndeclaredTable = "E0113",
    /// Two values are compared or joined that have no common type.
    Type = "E0112",
    /// A statement that never runs.
    Unreachable = "W0401",
    /// A request can end without reply, relay or `drop`.
    EndsSilently = "W0402",
    /// Requests of anybody to anywhere are sent on.
    OpenRelay = "W0403",
    /// A route that nothing calls.
    RouteNeverCalled = "W0404",
    /// The script ends behind a relay whose failure nobody notices.
    RelayResultIgnored = "W0405",
    /// An assignment stands where a comparison is meant.
    AssignmentInCondition = "W0406",
    /// A variable, AVP or XAVP field is read and never written.
    NeverWritten = "W0407",
    /// A module parameter is set twice, and the second value replaces the first.
    DuplicateParam = "W0408",
    /// What stands in a condition can return 0, which ends the script.
    ZeroInCondition = "W0409",
    /// A define that nothing uses.
    UnusedDefine = "W0410",
    /// A header is removed by one of its spellings only.
    HeaderSpelling = "W0411",
    /// A password or key in a file that everybody can read.
    Secret = "W0412",
    /// A reply function that does something else in this kind of route than meant.
    ReplyInWrongRoute = "W0413",
    /// A location table is looked up that nothing fills.
    LocationTable = "W0414",
    /// The dispatcher has no such algorithm.
    DispatcherAlgorithm = "W0415",
}
