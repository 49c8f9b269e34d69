//! `$` variables and format strings: `$ru`, `$hdr(X-Id)`, `$(avp(x)[$var(i)]{s.substr,0,3})`, `"call from $fu\n"`.
//!
//! Names are not checked here; `engine` knows which exist.

use crate::ast::{FormatPiece, Index, Transformation, Variable};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::{Span, Spanned};

/// How deep variables may stand inside variables (`$(avp(x)[$(var(i)[..])])`).
const MAX_NESTING: usize = 32;

/// Parses one whole variable such as `$ru` or `$(hdr(X-Id)[1]{s.len})`.
///
/// `base` is where `text` stands. When it is as long as `text` (or two bytes longer: a string with its quotes), parts
/// get exact spans; otherwise (escapes, joined strings, `#!subst`) all parts have `base`.
///
/// # Errors
/// A mistake in the spelling, also text behind the variable.
pub fn parse_variable(text: &str, base: Span) -> Result<Variable, Diagnostic> {
    let mut scanner = Scanner::new(text, Origin::new(text, base), 0);
    let variable = scanner.variable()?;
    if scanner.at < text.len() {
        let rest = &text[scanner.at..];
        let mistake = scanner.mistake(scanner.at..text.len(), format!("`{rest}` does not belong to a variable"));
        let wrapped = rest.starts_with(['[', '{']) && !text.starts_with("$(");
        return Err(if wrapped {
            mistake.help(format!("write `$({})`: an index or transformation needs the outer parentheses", &text[1..]))
        } else {
            mistake
        });
    }
    Ok(variable)
}

/// Parses a format string as `xlog` takes: text with variables in it; `$$` is a dollar.
///
/// In a format string a dot belongs to the name, so `$rU.x` is a variable `rU.x`; `$(rU).x` is what people mean.
/// For `base` see [`parse_variable`].
///
/// # Errors
/// A `$` that starts no variable, or one that is not closed.
pub fn parse_format(text: &str, base: Span) -> Result<Vec<FormatPiece>, Diagnostic> {
    let mut scanner = Scanner::new(text, Origin::new(text, base), 0);
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    while let Some(dollar) = text[scanner.at..].find('$').map(|offset| scanner.at + offset) {
        plain.push_str(&text[scanner.at..dollar]);
        scanner.at = dollar;
        if text[dollar..].starts_with("$$") {
            plain.push('$');
            scanner.at += 2;
            continue;
        }
        let variable = scanner.variable()?;
        if !plain.is_empty() {
            pieces.push(FormatPiece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(FormatPiece::Variable(variable));
    }
    plain.push_str(&text[scanner.at..]);
    if !plain.is_empty() {
        pieces.push(FormatPiece::Text(plain));
    }
    Ok(pieces)
}

/// Splits the arguments of a transformation at the commas that are not inside a nested variable.
///
/// `0,$(var(n){s.substr,0,1})` gives two; the empty text gives one empty argument. Blanks are kept.
#[must_use]
pub fn split_arguments(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut arguments, mut start, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'$' => {
                at += 1;
                while at < bytes.len() && is_name(bytes[at]) {
                    at += 1;
                }
                if bytes.get(at) == Some(&b'(') {
                    at = matching(bytes, at, b'(', b')').map_or(bytes.len(), |close| close + 1);
                }
            }
            b',' => {
                arguments.push(&text[start..at]);
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    arguments.push(&text[start..]);
    arguments
}

/// Bytes of a variable's name.
pub(crate) const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The position of the bracket that closes the one at `open`.
fn matching(bytes: &[u8], open: usize, opening: u8, closing: u8) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, &byte) in bytes.iter().enumerate().skip(open) {
        if byte == opening {
            depth += 1;
        } else if byte == closing {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// How offsets in a text become spans.
#[derive(Clone, Copy)]
struct Origin {
    base: Span,
    /// Offset of the text's first byte in the file; `None`: no exact positions.
    start: Option<u32>,
}

impl Origin {
    fn new(text: &str, base: Span) -> Self {
        let length = (base.end.saturating_sub(base.start)) as usize;
        let start = match length.checked_sub(text.len()) {
            Some(0) => Some(base.start),
            Some(2) => Some(base.start + 1), // the quotes
            _ => None,
        };
        Self { base, start }
    }

    fn span(self, from: usize, to: usize) -> Span {
        match self.start {
            Some(start) => Span { start: start + from as u32, end: start + to as u32, ..self.base },
            None => self.base,
        }
    }

    /// The origin of the part that starts at `from`.
    fn part(self, from: usize) -> Self {
        Self { start: self.start.map(|start| start + from as u32), ..self }
    }
}

struct Scanner<'a> {
    text: &'a str,
    origin: Origin,
    at: usize,
    nesting: usize,
}

impl<'a> Scanner<'a> {
    const fn new(text: &'a str, origin: Origin, nesting: usize) -> Self {
        Self { text, origin, at: 0, nesting }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn mistake(&self, range: std::ops::Range<usize>, text: impl Into<String>) -> Diagnostic {
        let span = self.origin.span(range.start, range.end);
        Diagnostic::error(Code::VariableSyntax, "this is not a variable", span, text)
    }

    /// A variable whose `$` is at the current position.
    fn variable(&mut self) -> Result<Variable, Diagnostic> {
        let start = self.at;
        if self.peek() != Some(b'$') {
            return Err(self.mistake(start..self.text.len(), "a variable begins with `$`"));
        }
        if self.nesting >= MAX_NESTING {
            return Err(self.mistake(start..self.text.len(), "variables are nested too deeply"));
        }
        self.at += 1;
        let outer = (self.peek() == Some(b'(')).then_some(self.at);
        if outer.is_some() {
            self.at += 1;
        }
        let name = self.name(start)?;
        let inner = self.inner(start)?;
        let mut variable =
            Variable { name, inner, index: None, transformations: Vec::new(), span: self.origin.span(start, self.at) };
        if let Some(open) = outer {
            variable.index = self.index()?;
            while self.peek() == Some(b'{') {
                let transformation = self.transformation()?;
                variable.transformations.push(transformation);
            }
            self.close(start, open)?;
            variable.span = self.origin.span(start, self.at);
        }
        Ok(variable)
    }

    /// The `)` of `$(..)`.
    fn close(&mut self, start: usize, open: usize) -> Result<(), Diagnostic> {
        match self.peek() {
            Some(b')') => {
                self.at += 1;
                Ok(())
            }
            None => Err(self.mistake(open..open + 1, "this parenthesis is never closed")),
            Some(_) => {
                let found = self.text[self.at..].chars().next().unwrap_or_default();
                let place = self.at..self.at + found.len_utf8();
                let what = &self.text[start..self.at];
                Err(self.mistake(place, format!("expected `)`, `[` or `{{` after `{what}`, found `{found}`")))
            }
        }
    }

    fn name(&mut self, start: usize) -> Result<String, Diagnostic> {
        let from = self.at;
        if self.peek() == Some(b'?') {
            self.at += 1;
            return Ok("?".to_owned());
        }
        while self.peek().is_some_and(|byte| is_name(byte) || byte == b'.') {
            self.at += 1;
        }
        if from == self.at {
            let end = self.text[self.at..].chars().next().map_or(self.at, |next| self.at + next.len_utf8());
            let mistake = self.mistake(start..end, "expected the name of a variable after `$`");
            return Err(mistake.help("a dollar sign as text is written `$$`"));
        }
        Ok(self.text[from..self.at].to_owned())
    }

    /// `(..)` behind the name.
    fn inner(&mut self, start: usize) -> Result<Option<Spanned<String>>, Diagnostic> {
        if self.peek() != Some(b'(') {
            return Ok(None);
        }
        let Some(close) = matching(self.text.as_bytes(), self.at, b'(', b')') else {
            let what = &self.text[start..self.at];
            return Err(self.mistake(start..self.at + 1, format!("the parenthesis of `{what}(` is never closed")));
        };
        let span = self.origin.span(self.at + 1, close);
        let inner = self.text[self.at + 1..close].to_owned();
        self.at = close + 1;
        Ok(Some(Spanned::new(inner, span)))
    }

    /// `[..]`.
    fn index(&mut self) -> Result<Option<Index>, Diagnostic> {
        if self.peek() != Some(b'[') {
            return Ok(None);
        }
        let Some(close) = matching(self.text.as_bytes(), self.at, b'[', b']') else {
            return Err(self.mistake(self.at..self.at + 1, "this bracket is never closed"));
        };
        let (from, text) = (self.at + 1, &self.text[self.at + 1..close]);
        self.at = close + 1;
        if text == "*" {
            return Ok(Some(Index::All));
        }
        if let Ok(number) = text.parse::<i64>() {
            return Ok(Some(Index::At(number)));
        }
        if text.starts_with('$') {
            let mut nested = Scanner::new(text, self.origin.part(from), self.nesting + 1);
            let variable = nested.variable()?;
            if nested.at == text.len() {
                return Ok(Some(Index::Variable(Box::new(variable))));
            }
        }
        Err(self.mistake(from..close, "an index is a number, `*` or a variable"))
    }

    /// `{class.name,arguments}`.
    fn transformation(&mut self) -> Result<Transformation, Diagnostic> {
        let open = self.at;
        let Some(close) = closing_brace(self.text.as_bytes(), open) else {
            return Err(self.mistake(open..open + 1, "this brace is never closed"));
        };
        let body = &self.text[open + 1..close];
        let (path, arguments) = match body.find(',') {
            Some(comma) => {
                let span = self.origin.span(open + 2 + comma, close);
                (&body[..comma], Some(Spanned::new(body[comma + 1..].to_owned(), span)))
            }
            None => (body, None),
        };
        let named =
            path.trim_matches(' ').split_once('.').filter(|(class, name)| !class.is_empty() && !name.is_empty());
        let Some((class, name)) = named else {
            let mistake = self.mistake(open..close + 1, "expected `{class.name}`, as in `{s.len}`");
            return Err(Diagnostic {
                code: Code::Transformation,
                message: "this is not a transformation".into(),
                ..mistake
            });
        };
        self.at = close + 1;
        let span = self.origin.span(open, self.at);
        Ok(Transformation { class: class.to_owned(), name: name.to_owned(), arguments, span })
    }
}

/// The brace that closes the one at `open`; braces of nested variables and of `a{2}` count, those inside nested
/// parentheses of a variable do not end it.
fn closing_brace(bytes: &[u8], open: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, open);
    while at < bytes.len() {
        match bytes[at] {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            b'$' if bytes.get(at + 1) == Some(&b'(') => at = matching(bytes, at + 1, b'(', b')').unwrap_or(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(length: usize) -> Span {
        Span { start: 100, end: 100 + length as u32, ..Span::default() }
    }

    fn one(text: &str) -> Variable {
        parse_variable(text, span(text.len())).unwrap()
    }

    #[test]
    fn plain_and_inner() {
        assert_eq!(one("$ru").name, "ru");
        let hdr = one("$hdr($var(n))");
        assert_eq!((hdr.name.as_str(), hdr.inner.as_ref().unwrap().node.as_str()), ("hdr", "$var(n)"));
        assert_eq!(hdr.inner.unwrap().span, Span { start: 105, end: 112, ..Span::default() });
        assert_eq!(one("$sht(a=>$var(b))").inner.unwrap().node, "a=>$var(b)");
        assert_eq!(one("$xavp(a[0]=>b[1])").inner.unwrap().node, "a[0]=>b[1]");
        assert_eq!(one("$?").name, "?");
        assert_eq!(one("$T_branch_idx").name, "T_branch_idx");
    }

    #[test]
    fn index_and_transformations() {
        let it = one("$(avp(x)[$var(i)]{s.substr,0,$var(n)}{s.len})");
        assert!(matches!(it.index, Some(Index::Variable(ref inner)) if inner.name == "var" && inner.span.start == 109));
        assert_eq!(it.transformations.len(), 2);
        let first = &it.transformations[0];
        assert_eq!((first.class.as_str(), first.name.as_str()), ("s", "substr"));
        assert_eq!(first.arguments.as_ref().unwrap().node, "0,$var(n)");
        assert_eq!(it.transformations[1].arguments, None);
        assert_eq!(one("$(avp(x)[-1])").index, Some(Index::At(-1)));
        assert_eq!(one("$(hdr(h)[*])").index, Some(Index::All));
        assert_eq!(one("$(ru{s.encode.hexa})").transformations[0].name, "encode.hexa");
        assert_eq!(one("$(ru{re.subst,/a{2}/b,c/})").transformations[0].arguments.as_ref().unwrap().node, "/a{2}/b,c/");
        assert_eq!(one("$(ru{s.select,1,$(var(s){s.len})})").transformations[0].name, "select");
    }

    #[test]
    fn mistakes() {
        for text in [
            "$",
            "$-",
            "ru",
            "$(ru",
            "$(ru{s.len)",
            "$(ru{slen})",
            "$(avp(x)[a])",
            "$var(x",
            "$(ru {s.len})",
            "$( ru)",
            "$ru{s.len}",
            "$(ru)x",
        ] {
            assert!(parse_variable(text, span(text.len())).is_err(), "{text}");
        }
        let deep = format!("{}$ru{}", "$(avp(x)[".repeat(5000), "])".repeat(5000));
        assert!(parse_variable(&deep, span(deep.len())).is_err());
    }

    #[test]
    fn formats() {
        let pieces = parse_format("from $fu: $$5 $(rU).x\n", span(22)).unwrap();
        let texts: Vec<String> = pieces
            .iter()
            .map(|piece| match piece {
                FormatPiece::Text(text) => text.clone(),
                FormatPiece::Variable(variable) => format!("<{}>", variable.name),
            })
            .collect();
        assert_eq!(texts, ["from ", "<fu>", ": $5 ", "<rU>", ".x\n"]);
        assert!(matches!(&pieces[1], FormatPiece::Variable(v) if v.span.start == 105 && v.span.end == 108));
        let quoted = parse_format("$fu", span(5)).unwrap();
        assert!(matches!(&quoted[0], FormatPiece::Variable(v) if v.span.start == 101));
        let inexact = parse_format("a $fu", span(9)).unwrap();
        assert!(matches!(&inexact[1], FormatPiece::Variable(v) if v.span == span(9)));
        assert!(matches!(&parse_format("$rU.x", span(5)).unwrap()[0], FormatPiece::Variable(v) if v.name == "rU.x"));
        for text in ["a$", "$ ", "$(ru", "$ru $", "é$é"] {
            assert!(parse_format(text, span(text.len())).is_err(), "{text}");
        }
        assert_eq!(parse_format("", span(0)).unwrap(), []);
    }

    #[test]
    fn arguments() {
        assert_eq!(split_arguments("0,$(var(n){s.substr,0,1})"), ["0", "$(var(n){s.substr,0,1})"]);
        assert_eq!(split_arguments("1,,"), ["1", "", ""]);
        assert_eq!(split_arguments(""), [""]);
        assert_eq!(split_arguments("$hdr(a,b),(,x"), ["$hdr(a,b)", "(", "x"]);
    }
}
