//! POSIX extended regular expressions, as `regcomp` of the C library understands them, on top of the `regex` crate:
//! the pattern is translated. Where the span of a match counts, the leftmost-longest match is found as POSIX demands.
//!
//! Differences that remain: inside the match groups follow the `regex` crate in rare patterns; back references in
//! patterns are refused.

use std::ops::Range;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::OnceLock;

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::pool::Pool;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

/// Why a pattern is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct RegexError(String);

/// How a pattern is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flags {
    /// Ignore case.
    pub ignore_case: bool,
    /// `REG_NEWLINE`: `^` and `$` match at line ends, `.` and `[^a]` do not match them.
    pub lines: bool,
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Regex {
    regex: regex::bytes::Regex,
    translated: String,
    flags: Flags,
    /// Built when a span is asked for the first time: most patterns are only tested.
    spans: OnceLock<Option<Box<Spans>>>,
}

/// What finds spans.
#[derive(Debug)]
struct Spans {
    /// Finds the longest match from a given start.
    longest: DFA,
    /// What `longest` works with: costs more to make than most searches.
    caches: Pool<Cache, Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>>,
    /// Matches a whole text: for groups of a match that is longer than the one `regex` found.
    whole: regex::bytes::Regex,
}

impl Regex {
    /// As `=~` does: without case, `.` matches everything.
    pub fn extended(pattern: &[u8]) -> Result<Self, RegexError> {
        Self::new(pattern, Flags { ignore_case: true, lines: false })
    }

    /// As textops does: without case, `^` and `$` match at lines.
    pub fn lines(pattern: &[u8]) -> Result<Self, RegexError> {
        Self::new(pattern, Flags { ignore_case: true, lines: true })
    }

    /// As `case /"re":` does: `i` ignores case, `s` is the default of regcomp without `REG_NEWLINE`.
    pub fn with_flags(pattern: &[u8], flags: &str) -> Result<Self, RegexError> {
        Self::new(pattern, Flags { ignore_case: flags.contains('i'), lines: false })
    }

    /// Compiles a pattern.
    pub fn new(pattern: &[u8], flags: Flags) -> Result<Self, RegexError> {
        let text = std::str::from_utf8(pattern).map_err(|_| RegexError("the pattern is no UTF-8".into()))?;
        let translated = translate(text, flags.lines)?;
        let explain = |error: regex::Error| {
            RegexError(error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
        };
        let regex = build(&translated, flags).map_err(explain)?;
        Ok(Self { regex, translated, flags, spans: OnceLock::new() })
    }

    fn spans(&self) -> Option<&Spans> {
        let build_spans = || {
            let config = syntax::Config::new()
                .unicode(false)
                .utf8(false)
                .case_insensitive(self.flags.ignore_case)
                .multi_line(self.flags.lines)
                .dot_matches_new_line(!self.flags.lines);
            let longest = DFA::builder()
                .syntax(config)
                .thompson(regex_automata::nfa::thompson::Config::new().utf8(false))
                .configure(DFA::config().match_kind(MatchKind::All))
                .build(&self.translated)
                .ok()?;
            let whole = build(&format!(r"\A(?:{})\z", self.translated), self.flags).ok()?;
            let for_caches = longest.clone();
            let caches: Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe> =
                Box::new(move || for_caches.create_cache());
            Some(Box::new(Spans { longest, caches: Pool::new(caches), whole }))
        };
        self.spans.get_or_init(build_spans).as_deref()
    }

    /// True when the pattern matches somewhere.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// The leftmost-longest match at or behind `from`.
    #[must_use]
    pub fn find_at(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let found = self.regex.find_at(text, from)?;
        // A pattern too large for the automaton keeps the match that `regex` prefers.
        let Some(spans) = self.spans() else { return Some(found.range()) };
        let mut cache = spans.caches.get();
        let input = Input::new(text).range(found.start()..).anchored(Anchored::Yes);
        let end = match spans.longest.try_search_fwd(&mut cache, &input) {
            Ok(Some(half)) => half.offset().max(found.end()),
            _ => found.end(),
        };
        Some(found.start()..end)
    }

    /// The match at or behind `from` with its groups; group 0 is the whole.
    #[must_use]
    pub fn captures_at(&self, text: &[u8], from: usize) -> Option<Vec<Option<Range<usize>>>> {
        let span = self.find_at(text, from)?;
        let captures = self.regex.captures_at(text, from)?;
        let groups = |captures: &regex::bytes::Captures<'_>, base: usize| {
            captures.iter().map(|group| group.map(|group| group.start() + base..group.end() + base)).collect::<Vec<_>>()
        };
        if captures.get(0).is_some_and(|whole| whole.range() == span) {
            return Some(groups(&captures, 0));
        }
        match self.spans().and_then(|spans| spans.whole.captures(&text[span.clone()])) {
            Some(captures) => Some(groups(&captures, span.start)),
            None => {
                let mut all = groups(&captures, 0);
                all[0] = Some(span);
                Some(all)
            }
        }
    }
}

fn build(pattern: &str, flags: Flags) -> Result<regex::bytes::Regex, regex::Error> {
    regex::bytes::RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.lines)
        .dot_matches_new_line(!flags.lines)
        .size_limit(1 << 20)
        .build()
}

/// Translates the syntax of POSIX ERE (with glibc's extensions) into that of the `regex` crate.
fn translate(pattern: &str, lines: bool) -> Result<String, RegexError> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.char_indices().peekable();
    // Where the last atom starts in `out`; `None` where a quantifier has nothing to repeat.
    let mut atom: Option<usize> = None;
    let mut quantified = false;
    let mut groups: Vec<usize> = Vec::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let Some((_, escaped)) = chars.next() else { return Err(RegexError("trailing backslash".into())) };
                atom = Some(out.len());
                quantified = false;
                match escaped {
                    'w' | 'W' | 's' | 'S' | 'b' | 'B' => out.extend(['\\', escaped]),
                    '<' => out.push_str(r"\b{start}"),
                    '>' => out.push_str(r"\b{end}"),
                    '`' => out.push_str(r"\A"),
                    '\'' => out.push_str(r"\z"),
                    '1'..='9' => return Err(RegexError(format!("back reference \\{escaped} is not supported"))),
                    _ => push_literal(&mut out, escaped),
                }
            }
            '[' => {
                atom = Some(out.len());
                quantified = false;
                bracket(&mut chars, &mut out, lines)?;
            }
            '(' => {
                if chars.peek().is_some_and(|(_, next)| *next == '?') {
                    return Err(RegexError("nothing to repeat after (".into()));
                }
                groups.push(out.len());
                out.push('(');
                atom = None;
                quantified = false;
            }
            ')' => match groups.pop() {
                Some(start) => {
                    out.push(')');
                    atom = Some(start);
                    quantified = false;
                }
                // As in POSIX, a lone `)` is a literal.
                None => {
                    atom = Some(out.len());
                    out.push_str(r"\)");
                }
            },
            '*' | '+' | '?' => match atom {
                Some(start) => {
                    if quantified {
                        out.insert_str(start, "(?:");
                        out.push(')');
                    }
                    out.push(c);
                    quantified = true;
                }
                None if c == '*' => {
                    atom = Some(out.len());
                    out.push_str(r"\*");
                }
                None => return Err(RegexError(format!("nothing to repeat before {c}"))),
            },
            '{' => match (interval(&pattern[at..]), atom) {
                (Some(length), Some(start)) => {
                    if quantified {
                        out.insert_str(start, "(?:");
                        out.push(')');
                    }
                    let text = &pattern[at..at + length];
                    out.push_str(&if text.starts_with("{,") { text.replacen("{,", "{0,", 1) } else { text.to_owned() });
                    for _ in 1..length {
                        chars.next();
                    }
                    quantified = true;
                }
                _ => {
                    atom = Some(out.len());
                    out.push_str(r"\{");
                    quantified = false;
                }
            },
            '|' => {
                out.push('|');
                atom = None;
                quantified = false;
            }
            '^' | '$' => {
                // `*` behind an anchor is a literal star in POSIX.
                out.push_str(match (c, lines) {
                    ('$', false) => r"\z",
                    ('^', false) => r"\A",
                    ('$', true) => "$",
                    _ => "^",
                });
                atom = None;
                quantified = false;
            }
            '.' => {
                atom = Some(out.len());
                out.push('.');
                quantified = false;
            }
            _ => {
                atom = Some(out.len());
                push_literal(&mut out, c);
                quantified = false;
            }
        }
    }
    if groups.is_empty() { Ok(out) } else { Err(RegexError("a ( is not closed".into())) }
}

fn push_literal(out: &mut String, c: char) {
    // `\<` and `\>` are the ends of a word in the `regex` crate, never the characters.
    if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
        out.push('\\');
    }
    out.push(c);
}

/// The length of `{n}`, `{n,}`, `{n,m}`, `{,m}` at the start of the text.
fn interval(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let inner = &text[1..end];
    let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
    let digits = |part: &str| part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(least) && digits(most) && !(least.is_empty() && most.is_empty())).then_some(end + 1)
}

/// A bracket expression, behind its `[`. A backslash is a literal in it.
fn bracket(
    chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>,
    out: &mut String,
    lines: bool,
) -> Result<(), RegexError> {
    let unclosed = || RegexError("a [ is not closed".into());
    out.push('[');
    if chars.next_if(|(_, c)| *c == '^').is_some() {
        out.push('^');
        if lines {
            out.push_str(r"\n");
        }
    }
    let start = out.len();
    if chars.next_if(|(_, c)| *c == ']').is_some() {
        out.push_str(r"\]");
    }
    loop {
        let (_, c) = chars.next().ok_or_else(unclosed)?;
        match c {
            ']' => break,
            '[' => match chars.peek().map(|(_, next)| *next) {
                Some(':') => {
                    chars.next();
                    let mut name = String::new();
                    loop {
                        let (_, c) = chars.next().ok_or_else(unclosed)?;
                        if c == ':' && chars.next_if(|(_, c)| *c == ']').is_some() {
                            break;
                        }
                        name.push(c);
                    }
                    if ![
                        "alpha", "digit", "alnum", "upper", "lower", "space", "blank", "punct", "print", "graph",
                        "cntrl", "xdigit",
                    ]
                    .contains(&&*name)
                    {
                        return Err(RegexError(format!("unknown character class [:{name}:]")));
                    }
                    out.push_str(&format!("[:{name}:]"));
                }
                Some('.' | '=') => return Err(RegexError("collating symbols are not supported".into())),
                _ => out.push_str(r"\["),
            },
            '-' => {
                // A range, unless it stands first or last.
                let first = out.len() == start || chars.peek().is_some_and(|(_, next)| *next == ']');
                if first {
                    out.push_str(r"\-");
                } else {
                    out.push('-');
                    let (_, end) = chars.next().ok_or_else(unclosed)?;
                    push_literal(out, end);
                }
            }
            _ => push_literal(out, c),
        }
    }
    out.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Regex::extended(pattern.as_bytes()).unwrap().is_match(text.as_bytes())
    }

    #[test]
    fn syntax_of_posix() {
        assert!(matches("^sip:[0-9]+@", "SIP:123@x"));
        assert!(!matches(r"\d", "5"), "no \\d in POSIX");
        assert!(matches(r"\d", "d"));
        assert!(matches(r"[\.]", "\\"), "a backslash is literal in brackets");
        assert!(matches("a{2}", "aa"));
        assert!(matches("{x", "{x"));
        assert!(matches("[]a]", "]"));
        assert!(matches("[^]a]", "b"));
        assert!(matches("[[:digit:]-]", "-"));
        assert!(matches(r"a\+b", "a+b"));
        assert!(matches("(a+)?b$", "b"));
        assert!(matches("a+?b", "b"), "a second quantifier repeats the first");
        assert!(matches("a.b", "a\nb"));
        assert!(matches("[+--]$", "-"), "a range may end with a hyphen");
        assert!(!matches("^[!--a]$", "b") && matches("^[!--a]$", ",") && matches("^[!--a]$", "a"));
        assert!(matches("[&&~~]", "~") && !matches("[&&~~]", "x"));
        assert!(matches("a)", "a)"), "a lone ) is literal");
        assert!(matches("<a>", "<a>") && !matches("<a>", "a") && matches("^[^>]+<", "a<") && matches("[<>]$", ">"));
        assert!(matches(r"\<a\>", "a b") && !matches(r"a\>", "ab"), "ends of a word");
        assert!(matches("*a", "*a"), "a leading * is literal");
        assert!(matches("^[^[:space:]]+$", "ab") && !matches("^[^[:space:]]+$", "a b"));
        assert!(Regex::extended(b"(a").is_err());
        assert!(Regex::extended(b"+a").is_err());
        assert!(Regex::extended(br"(a)\1").is_err(), "back references");
        assert!(Regex::extended("(".repeat(10_000).as_bytes()).is_err());
        assert!(Regex::extended(format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000)).as_bytes()).is_err());
        assert!(Regex::extended("a{999}{999}{999}".as_bytes()).is_err(), "too large");
        assert!(Regex::extended(b"[a").is_err());
    }

    #[test]
    fn longest_of_the_leftmost() {
        for (pattern, text, want) in [
            ("#|#!", "x#!y", 1..3),
            ("a*(ab)*", "aab", 0..3),
            ("sip|sips", "sips:", 0..4),
            ("foo|foobar|foobarbaz", "foobarbaz", 0..9),
            ("(a|ab)(c|bcd)(d*)", "abcd", 0..4),
            ("x*", "yx", 0..0),
            ("a|ab|abc", "xabcd", 1..4),
            ("[0-9]{2,}", "a1234", 1..5),
        ] {
            assert_eq!(
                Regex::extended(pattern.as_bytes()).unwrap().find_at(text.as_bytes(), 0),
                Some(want),
                "{pattern}"
            );
        }
    }

    #[test]
    fn lines_are_matched_one_by_one() {
        let regex = Regex::lines(b"^b.$").unwrap();
        assert_eq!(regex.find_at(b"a\nbc\nd", 0), Some(2..4));
        assert!(!regex.is_match(b"b\n"));
    }
}
