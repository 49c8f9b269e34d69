//! Rules: matched, and applied.

use std::borrow::Cow;

use engine::{Expression, Format, RouteCx, Str};
use fancy_regex::{Regex, RegexBuilder};
use hashbrown::HashMap;

/// How often a regular expression may go back in a text before it is given up.
const MOST_STEPS: usize = 100_000;

/// A row as the table has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) dpid: i64,
    pub(super) priority: i64,
    pub(super) operator: i64,
    pub(super) expression: String,
    pub(super) length: i64,
    pub(super) substituted: String,
    pub(super) replacement: String,
    pub(super) attributes: String,
}

/// A regular expression that is known, or has variables in it.
pub(super) enum Pattern {
    Known(Regex),
    Dynamic(Format),
}

/// A regular expression with a bound on its work.
pub(super) fn regex(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .backtrack_limit(MOST_STEPS)
        .delegate_size_limit(1 << 20)
        .delegate_dfa_size_limit(1 << 20)
        .build()
        .map_err(|error| error.to_string())
}

impl Pattern {
    /// The expression now; without a message one with variables is none.
    fn now(&self, cx: Option<&RouteCx>) -> Result<Cow<'_, Regex>, String> {
        match (self, cx) {
            (Self::Known(regex), _) => Ok(Cow::Borrowed(regex)),
            (Self::Dynamic(format), Some(cx)) => regex(&format.eval(cx).to_text()).map(Cow::Owned),
            (Self::Dynamic(_), None) => Err("it has variables, and there is no message".into()),
        }
    }
}

/// How a rule matches.
pub(super) enum Matching {
    /// The text itself.
    Equal,
    /// A text with variables.
    EqualTo(Format),
    Regex(Pattern),
    Glob,
    GlobOf(Format),
}

/// A part of a replacement.
pub(super) enum Piece {
    Text(String),
    Group(usize),
    Variable(Expression),
}

/// A rule.
pub(super) struct Rule {
    pub(super) row: Row,
    pub(super) matching: Matching,
    pub(super) substituted: Option<Pattern>,
    pub(super) replacement: Vec<Piece>,
}

impl Rule {
    fn fits(&self, text: &str, cx: Option<&RouteCx>) -> Result<bool, String> {
        if self.row.length > 0 && usize::try_from(self.row.length) != Ok(text.len()) {
            return Ok(false);
        }
        let needs_message = || "it has variables, and there is no message".to_owned();
        match &self.matching {
            Matching::Equal => Ok(self.row.expression == text),
            Matching::EqualTo(format) => Ok(*format.eval(cx.ok_or_else(needs_message)?) == *text.as_bytes()),
            Matching::Regex(pattern) => pattern.now(cx)?.is_match(text).map_err(|error| error.to_string()),
            Matching::Glob => Ok(crate::glob::fits(self.row.expression.as_bytes(), text.as_bytes())),
            Matching::GlobOf(format) => {
                Ok(crate::glob::fits(&format.eval(cx.ok_or_else(needs_message)?), text.as_bytes()))
            }
        }
    }

    /// The text that takes the place of `text`.
    pub(super) fn apply(&self, text: &str, cx: Option<&RouteCx>) -> Result<String, String> {
        let regex = self.substituted.as_ref().map(|pattern| pattern.now(cx)).transpose()?;
        let groups = match &regex {
            Some(regex) => {
                let found = regex.captures(text).map_err(|error| error.to_string())?;
                Some(found.ok_or_else(|| format!("`{}` does not match `{text}`", self.row.substituted))?)
            }
            None => None,
        };
        let mut out = String::new();
        for piece in &self.replacement {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(at) => {
                    let group = groups.as_ref().and_then(|groups| groups.get(*at));
                    out.push_str(group.map_or("", |group| group.as_str()));
                }
                Piece::Variable(variable) => {
                    let cx = cx.ok_or("the replacement has variables, and there is no message")?;
                    out.push_str(&variable.eval(cx).to_str().to_text());
                }
            }
        }
        Ok(out)
    }
}

/// The rules of one dialplan.
#[derive(Default)]
pub(super) struct Plan {
    /// In the order in which they are tried.
    pub(super) rules: Vec<Rule>,
    /// The first rules for texts that must be equal; a text may have several, with different lengths.
    equal: HashMap<String, Vec<usize>>,
    /// All others, in order.
    others: Vec<usize>,
}

impl Plan {
    /// Of rules in the order of the table.
    pub(super) fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_by_key(|rule| rule.row.priority);
        let (mut equal, mut others) = (HashMap::<String, Vec<usize>>::new(), Vec::new());
        for (at, rule) in rules.iter().enumerate() {
            match rule.matching {
                Matching::Equal => equal.entry(rule.row.expression.clone()).or_default().push(at),
                _ => others.push(at),
            }
        }
        Self { rules, equal, others }
    }

    /// The first rule that fits. One that cannot be tried is passed over, and told of.
    pub(super) fn find(&self, text: &str, cx: Option<&RouteCx>, mut tell: impl FnMut(&Rule, &str)) -> Option<&Rule> {
        let fits = |at: &usize| self.rules[*at].fits(text, cx).unwrap_or(false);
        let equal = self.equal.get(text).and_then(|places| places.iter().copied().find(fits));
        for at in self.others.iter().copied().take_while(|at| equal.is_none_or(|equal| *at < equal)) {
            match self.rules[at].fits(text, cx) {
                Ok(true) => return Some(&self.rules[at]),
                Ok(false) => {}
                Err(error) => tell(&self.rules[at], &error),
            }
        }
        equal.map(|at| &self.rules[at])
    }
}

/// All dialplans; replaced as a whole.
pub(super) type Plans = HashMap<i64, Plan>;

/// What became of a text.
pub(super) struct Translated {
    /// Empty: the rule has no replacement.
    pub(super) output: Str,
    pub(super) attributes: Str,
}
