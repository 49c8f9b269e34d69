//! Files that say who may call whom. A line is `callers : targets`; each side is `ALL`, or regular expressions with commas
//! between them, and may end with `EXCEPT` and further ones. `#` begins a comment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use engine::log::Log;
use engine::posix_regex::{Flags, Regex};
use parking_lot::Mutex;

use super::address_source;
use super::params::PermissionsParams;

/// Regular expressions of one side.
#[derive(Debug)]
enum Set {
    All,
    Any(Vec<Regex>),
}

impl Set {
    fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "ALL" {
            return Ok(Self::All);
        }
        let parts = split(text, |rest| rest.starts_with(',').then_some(1));
        parts.iter().map(|part| pattern(part.trim())).collect::<Result<_, _>>().map(Self::Any)
    }

    fn has(&self, text: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Any(list) => list.iter().any(|regex| regex.is_match(text)),
        }
    }
}

/// One side of a rule.
#[derive(Debug)]
struct Side {
    set: Set,
    except: Option<Set>,
}

impl Side {
    fn parse(text: &str) -> Result<Self, String> {
        let keyword = |rest: &str| {
            let inner = rest.strip_prefix(|c: char| c.is_ascii_whitespace())?.strip_prefix("EXCEPT")?;
            inner.starts_with(|c: char| c.is_ascii_whitespace()).then_some("EXCEPT".len() + 1)
        };
        match split(&format!("{text} "), keyword).as_slice() {
            [set] => Ok(Self { set: Set::parse(set)?, except: None }),
            [set, except] => Ok(Self { set: Set::parse(set)?, except: Some(Set::parse(except)?) }),
            _ => Err("EXCEPT stands twice on one side".into()),
        }
    }

    fn has(&self, text: &[u8]) -> bool {
        self.set.has(text) && !self.except.as_ref().is_some_and(|except| except.has(text))
    }
}

/// A line.
#[derive(Debug)]
struct Rule {
    callers: Side,
    targets: Side,
}

impl Rule {
    /// `None` for an empty line.
    fn parse(line: &str) -> Result<Option<Self>, String> {
        let line = split(line, |rest| rest.starts_with('#').then_some(1)).swap_remove(0).trim();
        if line.is_empty() {
            return Ok(None);
        }
        match split(line, |rest| rest.starts_with(':').then_some(1)).as_slice() {
            [callers, targets] => Ok(Some(Self { callers: Side::parse(callers)?, targets: Side::parse(targets)? })),
            [_] => Err("there is no `:` between two sides".into()),
            _ => Err("there is more than one `:`; an expression with `:` stands between double quotes".into()),
        }
    }
}

/// Cuts a text where `separator` finds one (and says how long it is), except between double quotes.
fn split(text: &str, separator: impl Fn(&str) -> Option<usize>) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut skip) = (0, false, 0);
    for (at, c) in text.char_indices() {
        if at < skip {
            continue;
        }
        if c == '"' {
            quoted = !quoted;
        } else if !quoted && let Some(length) = separator(&text[at..]) {
            parts.push(&text[start..at]);
            start = at + length;
            skip = start;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A regular expression, with or without double quotes.
fn pattern(text: &str) -> Result<Regex, String> {
    let inner = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or("a double quote is missing")?,
        None => text,
    };
    if inner.is_empty() {
        return Err("an expression is missing".into());
    }
    if inner.contains('"') || inner.len() == text.len() && inner.contains(|c: char| c.is_ascii_whitespace()) {
        return Err(format!("`{text}` is no expression: a comma or a double quote is missing"));
    }
    if text == "ALL" {
        return Err("ALL stands alone".into());
    }
    Regex::new(inner.as_bytes(), Flags { ignore_case: true, lines: false })
        .map_err(|error| format!("`{inner}`: {error}"))
}

/// The rules of a file.
#[derive(Debug, Default)]
pub(super) struct Rules {
    list: Vec<Rule>,
    /// The file is there, but could not be read: nobody can say what it allows or denies.
    pub(super) unreadable: bool,
}

impl Rules {
    fn parse(text: &str, mut mistake: impl FnMut(usize, String)) -> Self {
        let mut list = Vec::new();
        for (at, line) in text.lines().enumerate() {
            match Rule::parse(line) {
                Ok(rule) => list.extend(rule),
                Err(problem) => mistake(at + 1, problem),
            }
        }
        Self { list, unreadable: false }
    }

    /// Whether a rule has both.
    fn has(&self, caller: &[u8], target: &[u8]) -> bool {
        self.list.iter().any(|rule| rule.callers.has(caller) && rule.targets.has(target))
    }
}

/// A file that allows and one that denies.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) allow: Arc<Rules>,
    pub(super) deny: Arc<Rules>,
}

impl Pair {
    /// Whether a caller may reach all of these: when one file allows all of them, or the other denies none.
    pub(super) fn allows(&self, caller: &[u8], targets: &[Vec<u8>]) -> bool {
        !self.allow.unreadable
            && !self.deny.unreadable
            && (targets.iter().all(|target| self.allow.has(caller, target))
                || !targets.iter().any(|target| self.deny.has(caller, target)))
    }
}

/// A file that the configuration names: an empty cell until the start.
pub(super) type Slot = Arc<OnceLock<Arc<Rules>>>;

/// All files that the configuration names.
pub(super) struct Files {
    slots: Mutex<HashMap<String, Slot>>,
    /// Where files without a leading `/` stand.
    pub(super) folder: OnceLock<PathBuf>,
    pub(super) default_allow: Option<Slot>,
    pub(super) default_deny: Option<Slot>,
    suffixes: [String; 2],
}

impl Files {
    pub(super) fn new(params: &PermissionsParams) -> Self {
        let mut me = Self {
            slots: Mutex::default(),
            folder: OnceLock::new(),
            default_allow: None,
            default_deny: None,
            suffixes: [params.allow_suffix.clone(), params.deny_suffix.clone()],
        };
        let uses = |bit: i64| params.load_backends & bit != 0;
        me.default_allow = uses(super::params::ALLOW_FILES).then(|| me.slot(&params.default_allow_file));
        me.default_deny = uses(super::params::DENY_FILES).then(|| me.slot(&params.default_deny_file));
        me
    }

    /// The file of a name.
    pub(super) fn slot(&self, name: &str) -> Slot {
        self.slots.lock().entry(name.to_owned()).or_default().clone()
    }

    /// The files of a base name.
    pub(super) fn of_base(&self, base: &str) -> [Slot; 2] {
        self.suffixes.each_ref().map(|suffix| self.slot(&format!("{base}{suffix}")))
    }

    /// The files of a base name, when the configuration names them.
    pub(super) fn known(&self, base: &str) -> Option<[Slot; 2]> {
        let slots = self.slots.lock();
        let [allow, deny] = self.suffixes.each_ref().map(|suffix| slots.get(&format!("{base}{suffix}")).cloned());
        Some([allow?, deny?])
    }

    /// Reads all of them. Lines with mistakes are logged and left out; a missing file is as an empty one.
    pub(super) async fn read(&self, folder: &Path, log: &Arc<Log>) {
        let slots: Vec<(String, Slot)> =
            self.slots.lock().iter().map(|(name, slot)| (name.clone(), slot.clone())).collect();
        for (name, slot) in slots {
            let path = folder.join(&name);
            let shown = path.display();
            let rules = match address_source::read(&path).await {
                Ok(text) => Rules::parse(&text, |line, problem| {
                    engine::log!(log, Error, "permissions: {shown}:{line}: {problem}; the line is left out");
                }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Rules::default(),
                Err(error) => {
                    // A base name may be a folder's, too.
                    if error.kind() != std::io::ErrorKind::IsADirectory {
                        engine::log!(log, Error, "permissions: {shown}: {error}; what needs this file is denied");
                    }
                    Rules { unreadable: true, ..Rules::default() }
                }
            };
            let _ = slot.set(Arc::new(rules));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each target whether the caller `sip:alice@a.com` may reach it; and the lines with mistakes.
    fn allowed(allow: &str, deny: &str, targets: &[&str]) -> (Vec<bool>, Vec<usize>) {
        let mut wrong = Vec::new();
        let mut parse = |text: &str| Arc::new(Rules::parse(text, |line, _| wrong.push(line)));
        let pair = Pair { allow: parse(allow), deny: parse(deny) };
        let may = |target: &&str| pair.allows(b"sip:alice@a.com", &[target.as_bytes().to_vec()]);
        (targets.iter().map(may).collect(), wrong)
    }

    const NOBODY: &str = "ALL : ALL\n";

    #[test]
    fn rules_as_in_kamailio() {
        let allow = "# comment\nALL : \"^sip:361[0-9]*@abc\\.com$\"\n\
            \"^sip:alice@.*$\" , \"^sip:carol\" : \"^sip:bob\" EXCEPT \"^sip:bob2\", \"bob3\"\n";
        let targets = ["sip:361@abc.com", "sip:361x@abc.com", "SIP:BOB@x", "sip:bob2@x", "sip:bob3@x", "sip:zz@x"];
        assert_eq!(allowed(allow, NOBODY, &targets), (vec![true, false, true, false, false, false], vec![]));
        assert_eq!(allowed("ALL EXCEPT \"alice\" : ALL\n", NOBODY, &["x"]).0, [false]);
        assert_eq!(allowed("alice : bob\n", NOBODY, &["sip:bob@x"]).0, [true], "without quotes");
        assert_eq!(allowed("\"alice\":\"b#ob\" # c\n", NOBODY, &["sip:b#ob@x", "b"]).0, [true, false]);
        assert_eq!(allowed("all : all\n", NOBODY, &["sip:bob@x"]), (vec![false], vec![]), "a pattern");
        assert_eq!(allowed("\"alice\" : \"bob\"\n", "", &["sip:bob@x", "sip:z@x"]).0, [true, true], "none is denied");
    }

    #[test]
    fn lines_with_mistakes_are_left_out() {
        for wrong in [
            "\"alice\" \"bob\"",
            "\"alice : bob",
            "\"alice\" : \"bo(b\"",
            "\"alice\" : \"bob\" x",
            "\"alice\" :",
            ": \"bob\"",
            "\"alice\" : \"b\\\"ob\"",
            "\"alice\" : \"bob\" : \"c\"",
            "ALL, \"x\" : ALL",
            "ALL EXCEPT : ALL",
            "\"a\",,\"alice\" : ALL",
            "\"\" : ALL",
            "alice bob : ALL",
            "ALL EXCEPT \"a\" EXCEPT \"b\" : ALL",
        ] {
            assert_eq!(allowed(&format!("\n{wrong}\n"), NOBODY, &["sip:bob@x"]), (vec![false], vec![2]), "{wrong}");
        }
    }

    #[test]
    fn an_unreadable_file_allows_nothing() {
        let broken = Arc::new(Rules { unreadable: true, ..Rules::default() });
        let pair = Pair { allow: Arc::default(), deny: broken };
        assert!(!pair.allows(b"sip:a@b", &[b"sip:c@d".to_vec()]));
    }
}
