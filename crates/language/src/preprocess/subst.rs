//! `#!subst`, `#!substdef`, `#!substdefs`: text replacement in strings, variables and include names.

use regex::{Regex, RegexBuilder};

use super::define::{Define, quote};
use crate::diagnostic::{Code, Diagnostic};
use crate::lexer::Lexer;
use crate::reader::Origin;
use crate::span::Span;
use crate::token::Subst;

/// How many rules there may be; every string is tried against all of them.
const MAX_RULES: usize = 512;
/// Bytes of one rule as written, and of its pattern: long patterns match slowly.
const MAX_RULE: usize = 1 << 13;
const MAX_WRITTEN_PATTERN: usize = 512;
/// Compiled size of one pattern.
const MAX_PATTERN: usize = 1 << 20;
/// Bytes a token may always grow to; longer ones may become three times as long.
const MAX_TEXT: usize = 1 << 16;

/// The rules in the order they were given.
#[derive(Default)]
pub(crate) struct Rules(Vec<Rule>);

struct Rule {
    pattern: Regex,
    replacement: Vec<Piece>,
    all: bool,
}

enum Piece {
    Text(String),
    Group(usize),
}

/// `/pattern/replacement/flags`, split.
struct Parts<'a> {
    pattern: &'a str,
    replacement: &'a str,
    flags: &'a str,
    delimiter: char,
}

impl Lexer<'_> {
    /// Applies all rules to the text of a token.
    pub(crate) fn substitute(&mut self, mut text: String, span: Span) -> String {
        if self.rules.0.is_empty() {
            return text;
        }
        let largest = MAX_TEXT.max(3 * text.len());
        let rules = std::mem::take(&mut self.rules);
        for rule in &rules.0 {
            if !rule.pattern.is_match(&text) {
                continue;
            }
            let limit = self.budget.min(largest);
            match rule.apply(&text, limit) {
                Some(changed) if self.spend(changed.len(), span) => text = changed,
                Some(_) => break,
                None => {
                    let enough = self.budget + 1;
                    self.spend(enough, span);
                    break;
                }
            }
        }
        self.rules = rules;
        text
    }

    /// Obeys a `#!subst` directive whose string is `text`.
    pub(crate) fn add_rule(&mut self, kind: Subst, text: &str, span: Span) {
        let made = split(text).and_then(|parts| {
            let replacement = self.evaluated(parts.replacement, span);
            let rule = Rule::new(&parts, &replacement)?;
            Ok((rule, parts.pattern.to_owned(), replacement))
        });
        let (rule, pattern, replacement) = match made {
            Ok(made) => made,
            Err(reason) => {
                let message = format!("wrong substitution: {reason}");
                let mistake = Diagnostic::error(Code::Preprocessor, message, span, "");
                self.report(mistake.help("it is written \"/pattern/replacement/flags\", with any delimiter"));
                return;
            }
        };
        if self.rules.0.len() >= MAX_RULES {
            let message = format!("more than {MAX_RULES} substitutions");
            self.report(Diagnostic::error(Code::Preprocessor, message, span, ""));
            return;
        }
        self.rules.0.push(rule);
        let value = match kind {
            Subst::Plain => return,
            Subst::Define => replacement,
            Subst::DefineQuoted => quote(&replacement),
        };
        let value = Some(value).filter(|value| !value.is_empty()).map(Into::into);
        let define = Define { value, origin: Origin::Directive(span), defined: Some(span) };
        self.add_define(pattern, define, false, span);
    }

    /// The replacement with `$env(X)` and `$def(X)` replaced by their values. What has none is empty, as in Kamailio.
    fn evaluated(&mut self, text: &str, span: Span) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            if let Some(after) = rest.strip_prefix("$$") {
                out.push('$');
                rest = after;
                continue;
            }
            let call = rest[1..].split_once('(').and_then(|(name, tail)| Some((name, tail.split_once(')')?)));
            let value = match call {
                Some(("env", (name, _))) => self.files.environment(name),
                Some(("def" | "defs", (name, _))) => self.defined_text(name),
                Some(("defn", (name, _))) => Some(self.defined_text(name).unwrap_or_else(|| "0".to_owned())),
                _ => {
                    // Any other dollar is text: prices, shell variables and the like occur in replacements.
                    out.push('$');
                    rest = &rest[1..];
                    continue;
                }
            };
            let Some((name, (inner, tail))) = call else { break };
            if value.is_none() {
                let message = format!("`${name}({inner})` has no value");
                self.report(Diagnostic::warning(Code::Preprocessor, message, span, "replaced by nothing"));
            }
            out.push_str(&value.unwrap_or_default());
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn defined_text(&self, name: &str) -> Option<String> {
        self.defines.get(name)?.value.as_deref().map(str::to_owned)
    }
}

fn split(text: &str) -> Result<Parts<'_>, String> {
    let delimiter = text.chars().next().ok_or("it is empty")?;
    if text.len() > MAX_RULE {
        return Err("it is too long".to_owned());
    }
    if delimiter == '\\' || text.len() < 3 {
        return Err(
            if delimiter == '\\' { "a backslash cannot be the delimiter" } else { "it is too short" }.to_owned()
        );
    }
    let rest = &text[delimiter.len_utf8()..];
    let first = unescaped(rest, delimiter).ok_or_else(|| format!("the second `{delimiter}` is missing"))?;
    let (pattern, rest) = (&rest[..first], &rest[first + delimiter.len_utf8()..]);
    let second = unescaped(rest, delimiter).ok_or_else(|| format!("the third `{delimiter}` is missing"))?;
    if pattern.len() > MAX_WRITTEN_PATTERN {
        return Err(format!("the pattern has more than {MAX_WRITTEN_PATTERN} bytes"));
    }
    let (replacement, flags) = (&rest[..second], &rest[second + delimiter.len_utf8()..]);
    Ok(Parts { pattern, replacement, flags, delimiter })
}

/// The first delimiter that has no backslash before it.
fn unescaped(text: &str, delimiter: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, found)| {
        let hit = found == delimiter && !escaped;
        escaped = found == '\\' && !escaped;
        hit.then_some(at)
    })
}

impl Rule {
    fn new(parts: &Parts<'_>, replacement: &str) -> Result<Self, String> {
        if let Some(flag) = parts.flags.chars().find(|flag| !matches!(flag, 'i' | 's' | 'g')) {
            return Err(format!("unknown flag `{flag}`"));
        }
        let one_line = parts.flags.contains('s');
        let pattern = RegexBuilder::new(&super::posix::translate(parts.pattern)?)
            .case_insensitive(parts.flags.contains('i'))
            .multi_line(!one_line)
            .dot_matches_new_line(one_line)
            .size_limit(MAX_PATTERN)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
                other => {
                    let text = other.to_string();
                    let reason = text.lines().last().unwrap_or("the pattern is wrong");
                    reason.trim_start_matches("error: ").to_owned()
                }
            })?;
        let replacement = pieces(replacement, parts.delimiter);
        let highest = replacement.iter().map(|piece| if let Piece::Group(group) = piece { *group } else { 0 }).max();
        if highest.unwrap_or_default() >= pattern.captures_len() {
            return Err(format!("the replacement uses `\\{}`", highest.unwrap_or_default())
                + ", and the pattern has fewer groups");
        }
        Ok(Self { pattern, replacement, all: parts.flags.contains('g') })
    }

    /// The changed text; `None` when it would be longer than `limit`.
    fn apply(&self, text: &str, limit: usize) -> Option<String> {
        let mut out = String::new();
        let mut done = 0;
        for found in self.pattern.captures_iter(text).take(if self.all { usize::MAX } else { 1 }) {
            let whole = found.get(0)?;
            out.push_str(&text[done..whole.start()]);
            done = whole.end();
            for piece in &self.replacement {
                match piece {
                    Piece::Text(text) => out.push_str(text),
                    Piece::Group(group) => out.push_str(found.get(*group).map_or("", |it| it.as_str())),
                }
            }
            if out.len() > limit {
                return None;
            }
        }
        out.push_str(&text[done..]);
        Some(out)
    }
}

fn pieces(text: &str, delimiter: char) -> Vec<Piece> {
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut chars = text.chars();
    while let Some(found) = chars.next() {
        if found != '\\' {
            plain.push(found);
            continue;
        }
        match chars.next() {
            Some(digit @ '0'..='9') => {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Group(digit as usize - '0' as usize));
            }
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('\\') | None => plain.push('\\'),
            Some(other) if other == delimiter => plain.push(other),
            Some(other) => plain.extend(['\\', other]),
        }
    }
    pieces.push(Piece::Text(plain));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(rule: &str, text: &str) -> String {
        let parts = split(rule).unwrap();
        Rule::new(&parts, parts.replacement).unwrap().apply(text, 1000).unwrap()
    }

    #[test]
    fn rules() {
        assert_eq!(apply("/a/b/", "aa"), "ba");
        assert_eq!(apply("/a/b/g", "aAa"), "bAb");
        assert_eq!(apply("/A/b/gi", "aAa"), "bbb");
        assert_eq!(apply("!(x+)@(y)!\\2-\\1\\0!", "..xx@y.."), "..y-xxxx@y..");
        assert_eq!(apply("/a\\/b/c\\/d/", "a/b"), "c/d");
        assert_eq!(apply("/^b/c/", "a\nb"), "a\nc");
        for wrong in ["", "/a", "/a/b", "/a/b/x", "/(a/b/", "\\a\\b\\", "/a/\\1/"] {
            let made = split(wrong).and_then(|parts| Rule::new(&parts, parts.replacement));
            assert!(made.is_err(), "{wrong}");
        }
    }
}
