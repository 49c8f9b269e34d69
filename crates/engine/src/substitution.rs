//! `sed`-like commands: `/regex/replacement/flags`.

use std::ops::Range;

use language::diagnostic::{Code, Diagnostic};
use language::span::Span;
use sip::Str;

use crate::compile::CompileEnv;
use crate::expression::Expression;
use crate::posix_regex::{Flags, Regex};
use crate::route_cx::RouteCx;
use crate::script_type::wrong_regex;

/// A compiled command.
pub struct Substitution {
    regex: Regex,
    replacement: Vec<Piece>,
    global: bool,
}

enum Piece {
    Text(Vec<u8>),
    Group(usize),
    Variable(Expression),
}

impl Substitution {
    /// Parses `/regex/replacement/flags`; any character may be the delimiter. Flags: `i` without case, `g` all matches,
    /// `s` no special meaning of line ends. In the replacement `\0` to `\9` are groups, `$x` variables.
    pub fn parse(text: &str, span: Span, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let wrong = |message: &str| {
            let message = format!("wrong substitution: {message}");
            Diagnostic::error(Code::Argument, message, span, "expected `/regex/replacement/flags`")
        };
        let mut chars = text.chars();
        let delimiter = chars.next().ok_or_else(|| wrong("it is empty"))?;
        let rest = chars.as_str();
        let first = unescaped(rest, delimiter).ok_or_else(|| wrong("the second delimiter is missing"))?;
        let (pattern, rest) = (&rest[..first], &rest[first + delimiter.len_utf8()..]);
        let second = unescaped(rest, delimiter).ok_or_else(|| wrong("the third delimiter is missing"))?;
        let (replacement, flags) = (&rest[..second], &rest[second + delimiter.len_utf8()..]);
        if let Some(unknown) = flags.chars().find(|flag| !"igs".contains(*flag)) {
            return Err(wrong(&format!("unknown flag `{unknown}`")));
        }
        let flags_of = Flags { ignore_case: flags.contains('i'), lines: !flags.contains('s') };
        let regex = Regex::new(pattern.as_bytes(), flags_of).map_err(|error| wrong_regex(&error, span))?;
        Ok(Self { regex, replacement: pieces(replacement, span, env)?, global: flags.contains('g') })
    }

    /// All matches (one without `g`) with what replaces them; none when one of them is empty: Kamailio refuses that.
    #[must_use]
    pub fn matches(&self, text: &[u8], cx: &RouteCx) -> Vec<(Range<usize>, Vec<u8>)> {
        let mut found = Vec::new();
        let mut from = 0;
        while from <= text.len() {
            let Some(groups) = self.regex.captures_at(text, from) else { break };
            let Some(whole) = groups.first().cloned().flatten() else { break };
            if whole.is_empty() {
                crate::log!(cx.core.log, Error, "{}: a substitution that matches nothing is not done", cx.place());
                return Vec::new();
            }
            from = whole.end;
            found.push((whole, self.replacement(text, &groups, cx)));
            if !self.global {
                break;
            }
        }
        found
    }

    /// The text with its matches replaced, and how many there were; `None` without a match.
    #[must_use]
    pub fn apply(&self, text: &[u8], cx: &RouteCx) -> Option<(Str, usize)> {
        let found = self.matches(text, cx);
        if found.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(text.len());
        let mut from = 0;
        for (range, replacement) in &found {
            out.extend_from_slice(&text[from..range.start]);
            out.extend_from_slice(replacement);
            from = range.end;
        }
        out.extend_from_slice(&text[from..]);
        Some((Str::from(out), found.len()))
    }

    fn replacement(&self, text: &[u8], groups: &[Option<Range<usize>>], cx: &RouteCx) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.replacement {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Group(at) => {
                    if let Some(range) = groups.get(*at).cloned().flatten() {
                        out.extend_from_slice(&text[range]);
                    }
                }
                Piece::Variable(expression) => out.extend_from_slice(&expression.eval(cx).to_str()),
            }
        }
        out
    }
}

/// Where a delimiter stands that has no backslash before it.
fn unescaped(text: &str, delimiter: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == delimiter {
            return Some(at);
        }
    }
    None
}

fn pieces(text: &str, span: Span, env: &mut CompileEnv<'_>) -> Result<Vec<Piece>, Diagnostic> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '\\' => {
                let escaped = rest[1..].chars().next();
                length += escaped.map_or(0, char::len_utf8);
                match escaped {
                    Some(digit @ '0'..='9') => {
                        if !literal.is_empty() {
                            pieces.push(Piece::Text(std::mem::take(&mut literal)));
                        }
                        pieces.push(Piece::Group(digit as usize - '0' as usize));
                    }
                    Some('n') => literal.push(b'\n'),
                    Some('r') => literal.push(b'\r'),
                    Some('t') => literal.push(b'\t'),
                    Some(other) => literal.extend_from_slice(other.to_string().as_bytes()),
                    None => literal.push(b'\\'),
                }
            }
            '$' if rest.len() > 1 => {
                let taken = variable_length(rest);
                if taken > 1 {
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Variable(env.variable_text(&rest[..taken], span)?));
                    length = taken;
                } else {
                    literal.push(b'$');
                }
            }
            _ => literal.extend_from_slice(&rest.as_bytes()[..length]),
        }
        rest = &rest[length..];
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

/// The length of the variable at the start of the text: `$x`, `$x(..)`, `$(..)`; 1 for a lone dollar.
fn variable_length(text: &str) -> usize {
    let name = text[1..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let open = 1 + name;
    if text.as_bytes().get(open) != Some(&b'(') {
        return open;
    }
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    1
}
