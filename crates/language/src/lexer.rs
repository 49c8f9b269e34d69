//! Text to tokens. Directives are obeyed on the way ([`crate::preprocess`]), so the parser never sees them, except
//! `#!subst`, which is a statement of the grammar.

mod strings;

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use crate::ReadFile;
use crate::ast::Mode;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::keyword;
use crate::preprocess::{Condition, Defines, Outcome, Rules};
use crate::reader::{Mark, Reader};
use crate::span::{FileId, SourceMap, Span, Spanned};
use crate::token::{Kind, Punct, Token};
use crate::variable::is_name;

/// After so many errors reading stops: the rest would only repeat them.
const MAX_ERRORS: usize = 100;
/// Warnings beyond this are dropped.
const MAX_DIAGNOSTICS: usize = 1000;

/// Longest index of a select or attribute; bounds the search for its end.
const MAX_BRACKET: usize = 512;

pub(crate) struct Lexer<'a> {
    pub(crate) reader: Reader,
    pub(crate) files: &'a dyn ReadFile,
    pub(crate) sources: SourceMap,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) mode: Mode,
    pub(crate) defines: Defines,
    pub(crate) conditions: Vec<Condition>,
    /// Each `#!endif` that closed nothing.
    pub(crate) lone_endifs: Vec<Span>,
    /// The last `#!endif` was the end of a text, without a line break.
    pub(crate) last_endif_cut: bool,
    pub(crate) rules: Rules,
    /// Files already in `sources`.
    pub(crate) known_files: HashMap<PathBuf, FileId>,
    /// Includes so far.
    pub(crate) includes: usize,
    /// Bytes that defines, `#!subst` and includes may still add.
    pub(crate) budget: usize,
    /// A `#!endif` or `#!else` that is a comment because of the text behind it.
    pub(crate) commented_out: Option<Span>,
    /// Names that the files define, in order.
    pub(crate) defined: Vec<Spanned<String>>,
    /// Text that conditions left out.
    pub(crate) skipped: Vec<Span>,
    /// For the next token.
    hint: Option<String>,
    errors: usize,
    /// The longest-standing suspect when a quote is missing: the first string with a line break in it.
    first_long_string: Option<Span>,
    /// Where the last token ended.
    last: Span,
    ended: bool,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(files: &'a dyn ReadFile, budget: usize) -> Self {
        Self {
            reader: Reader::default(),
            files,
            sources: SourceMap::default(),
            diagnostics: Vec::new(),
            mode: Mode::default(),
            defines: Defines::default(),
            conditions: Vec::new(),
            lone_endifs: Vec::new(),
            last_endif_cut: false,
            rules: Rules::default(),
            known_files: HashMap::new(),
            includes: 0,
            budget,
            commented_out: None,
            defined: Vec::new(),
            skipped: Vec::new(),
            hint: None,
            errors: 0,
            first_long_string: None,
            last: Span::default(),
            ended: false,
        }
    }

    /// Notes a mistake; too many end the reading.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.errors += 1;
        }
        if self.errors > MAX_ERRORS {
            self.ended = true; // no complaints about open ends
            self.reader.stop();
        } else if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether reading stopped before the end.
    pub(crate) fn gave_up(&self) -> bool {
        self.errors > MAX_ERRORS
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Token {
        loop {
            self.reader.skip_blanks();
            let mark = self.reader.mark();
            let Some(byte) = self.reader.peek() else {
                if self.reader.leave_file() {
                    continue;
                }
                return self.end(mark);
            };
            let token = match byte {
                b'#' => {
                    match self.directive(mark) {
                        Outcome::None => self.line_comment(),
                        Outcome::Done => {}
                        Outcome::Token(subst) => return self.token(Kind::Subst(subst), String::new(), mark),
                    }
                    None
                }
                b'!' if self.reader.rest().starts_with(b"!!") => match self.directive(mark) {
                    Outcome::None => self.punct(mark),
                    Outcome::Done => None,
                    Outcome::Token(subst) => return self.token(Kind::Subst(subst), String::new(), mark),
                },
                b'/' if self.reader.rest().starts_with(b"//") => {
                    self.line_comment();
                    None
                }
                b'/' if self.reader.rest().starts_with(b"/*") => {
                    self.block_comment(mark);
                    None
                }
                b'"' => Some(self.double_quoted(mark)),
                b'\'' => Some(self.single_quoted(mark)),
                b'$' => self.variable(mark),
                b'@' => self.select(mark),
                _ => self.plain(byte, mark),
            };
            if let Some(token) = token {
                return token;
            }
        }
    }

    fn plain(&mut self, byte: u8, mark: Mark) -> Option<Token> {
        if (byte.is_ascii_hexdigit() || byte == b':')
            && let Some(length) = ipv6(self.reader.rest())
        {
            self.reader.skip(length);
            let text = self.reader.taken(length).to_owned();
            return Some(self.token(Kind::Ipv6, text, mark));
        }
        match byte {
            b'0'..=b'9' => Some(self.number(mark)),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(mark),
            b'%' if self.reader.rest().get(1).is_some_and(|&next| is_name(next)) => {
                let length = 1 + attribute_length(&self.reader.rest()[1..]);
                self.reader.skip(length);
                let text = self.reader.taken(length).to_owned();
                Some(self.token(Kind::Attribute, text, mark))
            }
            _ => self.punct(mark),
        }
    }

    pub(crate) fn token(&mut self, kind: Kind, text: String, mark: Mark) -> Token {
        let span = self.reader.span_from(mark);
        self.last = span;
        Token { kind, text, span, hint: self.hint.take() }
    }

    fn end(&mut self, mark: Mark) -> Token {
        if !self.ended {
            self.ended = true;
            self.check_conditions();
            let span = self.reader.span_from(mark);
            self.last = Span { start: span.end, ..span };
        }
        let span = Span { start: self.last.end, ..self.last };
        Token { kind: Kind::End, text: String::new(), span, hint: self.hint.take() }
    }

    /// Replaces a defined name by its value; false when the name stands for itself.
    fn expand(&mut self, name: &str, mark: Mark) -> bool {
        let Some(define) = self.defines.get(name).cloned() else { return false };
        let used = self.reader.span_from(mark);
        let (mut at, mut depth) = (used, 0);
        while let Some(expansion) = self.sources.expansion(at) {
            depth += 1;
            if expansion.name == name {
                let message = format!("the define `{name}` expands to itself");
                self.report(Diagnostic::error(Code::Preprocessor, message, used, "used again inside its own value"));
                return false;
            }
            at = expansion.used;
        }
        let Some(value) = &define.value else {
            self.hint = Some(format!("`{name}` is defined without a value, so it stands for nothing here"));
            return true;
        };
        if !self.spend(value.len() + depth + 16, used) {
            return true;
        }
        let defined = define.defined;
        self.sources.expansions.push(crate::span::Expansion { name: name.to_owned(), used, defined });
        let index = self.sources.expansions.len() as u32;
        self.reader.push_expansion(value.clone(), define.origin.clone(), index, used);
        true
    }

    /// Takes from the budget of generated text; at its end reading stops.
    pub(crate) fn spend(&mut self, bytes: usize, span: Span) -> bool {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                self.budget = left;
                true
            }
            None => {
                let message = "defines, substitutions and includes produce too much text";
                self.report(Diagnostic::error(Code::Preprocessor, message, span, "reading stops here"));
                self.ended = true;
                self.reader.stop();
                false
            }
        }
    }

    fn line_comment(&mut self) {
        let begun = self.reader.mark().span();
        let mut hides = false;
        // The comment in a define's value goes on in the line the define is used in.
        while self.reader.peek().is_some_and(|byte| byte != b'\n') {
            let inside = self.reader.mark().span().expansion == begun.expansion;
            let text = self.reader.take_while(|byte| byte != b'\n');
            hides |= !inside && !text.trim().is_empty();
        }
        if hides && let Some(expansion) = self.sources.expansion(begun) {
            let name = &expansion.name;
            self.hint = Some(format!("the value of `{name}` ends with a comment, which hides the rest of its line"));
        }
    }

    fn block_comment(&mut self, mark: Mark) {
        let open = self.reader.span_ahead(2);
        self.reader.skip(2);
        let mut depth = 1;
        while let Some(byte) = self.reader.peek() {
            let step = match byte {
                b'*' if self.reader.rest().starts_with(b"*/") => {
                    depth -= 1;
                    2
                }
                b'/' if self.reader.rest().starts_with(b"/*") => {
                    depth += 1;
                    2
                }
                _ => 1,
            };
            self.reader.skip(step);
            if depth == 0 {
                return;
            }
            self.reader.take_while(|byte| byte != b'*' && byte != b'/');
        }
        let _ = mark;
        let message = "this comment is never closed";
        self.report(
            Diagnostic::warning(Code::Unterminated, message, open, "everything from here on is comment")
                .help("comments nest: every `/*` inside needs its own `*/`"),
        );
    }

    fn punct(&mut self, mark: Mark) -> Option<Token> {
        if let Some(punct) = Punct::longest(self.reader.rest()) {
            self.reader.skip(punct.text().len());
            return Some(self.token(Kind::Punct(punct), punct.text().to_owned(), mark));
        }
        let lead = self.reader.peek()?;
        let length = match lead {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xFF => 4,
            _ => 1,
        };
        self.reader.skip(length);
        let found = self.reader.taken(length).chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
        let span = self.reader.span_from(mark);
        let shown = if found.is_control() { found.escape_debug().to_string() } else { found.to_string() };
        let message = format!("unexpected character `{shown}`");
        // As in Kamailio, a stray byte (a byte order mark, a blank of a word processor) is passed over.
        let mut mistake = Diagnostic::warning(Code::Syntax, message, span, "has no meaning here: ignored");
        if matches!(found, '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2018}' | '\u{2019}' | '`') {
            mistake = mistake.help("strings stand in straight quotes: \"text\"");
        }
        self.report(mistake);
        None
    }

    fn word(&mut self, mark: Mark) -> Option<Token> {
        let text = self.reader.take_while(is_name).to_owned();
        if text == "include_file" || text == "import_file" {
            self.include(&text, mark);
            return None;
        }
        let property: &[&str] = match text.as_str() {
            "msg" => &[":len"],
            "uri" => &[":host", ":port"],
            _ => &[],
        };
        let rest = self.reader.rest();
        let found = property
            .iter()
            .find(|it| rest.starts_with(it.as_bytes()) && !rest.get(it.len()).is_some_and(|&next| is_name(next)));
        if let Some(property) = found {
            self.reader.skip(property.len());
            return Some(self.token(Kind::Word, format!("{text}{property}"), mark));
        }
        if !keyword::is_reserved(&text) && self.expand(&text, mark) {
            return None;
        }
        Some(self.token(Kind::Word, text, mark))
    }

    fn number(&mut self, mark: Mark) -> Token {
        let text = self.reader.take_while(is_name).to_owned();
        let kind = match number(&text) {
            Ok(Some(value)) => Kind::Number(value),
            Ok(None) => Kind::BadNumber,
            Err(largest) => {
                let span = self.reader.span_from(mark);
                let message = format!("the number `{}` is too large", crate::token::shorten(&text));
                self.report(Diagnostic::warning(Code::Number, message, span, "taken as the largest possible number"));
                Kind::Number(largest)
            }
        };
        self.token(kind, text, mark)
    }

    fn variable(&mut self, mark: Mark) -> Option<Token> {
        let line = self.reader.rest();
        let special = [&b"$retcode"[..], b"$rc", b"$?"].into_iter().find(|it| line.starts_with(it));
        let name = 1 + line[1..].iter().take_while(|&&byte| is_name(byte)).count();
        let length = match line.get(name) {
            _ if special.is_some() => special.map(<[u8]>::len),
            Some(b'(') => closing_paren(line, name).map(|close| close + 1),
            _ => Some(name),
        };
        let Some(length) = length else {
            // A semicolon more likely ends the statement than belongs to the variable.
            let open = line.iter().position(|&byte| byte == b'\n' || byte == b';').unwrap_or(line.len());
            let span = self.reader.span_ahead(open);
            self.reader.skip(open);
            let message = "this variable is never closed";
            self.report(
                Diagnostic::error(Code::VariableSyntax, message, span, "a `)` is missing in this line")
                    .help("every `(` inside counts, also in quotes"),
            );
            return Some(self.token(Kind::Variable, "$null".to_owned(), mark));
        };
        let attribute = self.mode != Mode::Kamailio && length == name && is_attribute(line, name);
        let length = if attribute { 1 + attribute_length(&line[1..]) } else { length };
        self.reader.skip(length);
        let text = self.reader.taken(length).to_owned();
        if attribute {
            return Some(self.token(Kind::Attribute, text, mark));
        }
        let span = self.reader.span_from(mark);
        let text = self.substitute(text, span);
        Some(self.token(Kind::Variable, text, mark))
    }

    fn select(&mut self, mark: Mark) -> Option<Token> {
        let rest = &self.reader.rest()[1..];
        let mut at = rest.iter().take_while(|&&byte| is_name(byte)).count();
        if at == 0 {
            self.reader.skip(1);
            let span = self.reader.span_from(mark);
            let message = "expected the name of a select after `@`";
            self.report(Diagnostic::error(Code::Syntax, message, span, "as in `@msg.header`"));
            return None;
        }
        loop {
            match rest.get(at) {
                Some(b'.') => {
                    let blanks = rest[at + 1..].iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
                    let name = rest[at + 1 + blanks..].iter().take_while(|&&byte| is_name(byte)).count();
                    if name == 0 {
                        break;
                    }
                    at += 1 + blanks + name;
                }
                Some(b'[') => match closing_bracket(&rest[at..]) {
                    Some(close) => at += close + 1,
                    None => break,
                },
                _ => break,
            }
        }
        self.reader.skip(at + 1);
        let text = self.reader.taken(at).to_owned();
        Some(self.token(Kind::Select, text, mark))
    }

    /// The text between the brackets of an `event_route[..]`; the position is behind `[`, and at `]` afterwards.
    pub(crate) fn event_name(&mut self) -> (String, Span) {
        self.reader.skip_blanks();
        let mark = self.reader.mark();
        let text = self.reader.take_while(|byte| !matches!(byte, b']' | b'{' | b'}' | b'"' | b'\'' | b';' | b'#'));
        let text = text.to_owned();
        let mut span = self.reader.span_from(mark);
        span.end = span.start + text.trim_end().len() as u32;
        (text.split_whitespace().collect(), span)
    }
}

/// A number's value: `Ok(None)`: it is none; `Err`: too large.
fn number(text: &str) -> Result<Option<i64>, i64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x', hex @ ..] if !hex.is_empty() && hex.iter().all(u8::is_ascii_hexdigit) => (&text[2..], 16),
        [bits @ .., b'b'] if !bits.is_empty() && bits.iter().all(|bit| matches!(bit, b'0' | b'1')) => {
            (&text[..text.len() - 1], 2)
        }
        [b'0', octal @ ..] if !octal.is_empty() && octal.iter().all(|digit| (b'0'..=b'7').contains(digit)) => (text, 8),
        [b'0'] => (text, 10),
        [first, ..] if *first != b'0' && text.bytes().all(|digit| digit.is_ascii_digit()) => (text, 10),
        _ => return Ok(None),
    };
    i64::from_str_radix(digits, radix).map(Some).map_err(|_| i64::MAX)
}

/// The length of the IPv6 address that `text` begins with.
fn ipv6(text: &[u8]) -> Option<usize> {
    let run = text.iter().take(48).take_while(|&&byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')).count();
    let run = std::str::from_utf8(&text[..run]).ok()?;
    if run.bytes().filter(|&byte| byte == b':').count() < 2 || text.get(run.len()).is_some_and(|&next| is_name(next)) {
        return None;
    }
    [run, run.strip_suffix(':').unwrap_or(run)]
        .into_iter()
        .find(|candidate| candidate.parse::<Ipv6Addr>().is_ok())
        .map(str::len)
}

/// The `)` for the `(` at `open`, on the same line.
fn closing_paren(text: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.iter().enumerate().skip(open) {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The `]` of a select's `["x"]`, on the same line and not far away.
fn closing_bracket(text: &[u8]) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in text.iter().enumerate().take(MAX_BRACKET) {
        match byte {
            b'"' => quoted = !quoted,
            b']' if !quoted => return Some(at),
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// Whether `$name` is an attribute of SER: `$f.x` or `$x[i]`.
fn is_attribute(line: &[u8], name: usize) -> bool {
    const TRACKS: [&[u8]; 9] = [b"f", b"t", b"fr", b"tr", b"fu", b"tu", b"fd", b"td", b"g"];
    match line.get(name) {
        Some(b'.') => TRACKS.contains(&&line[1..name]) && line.get(name + 1).is_some_and(|&next| is_name(next)),
        Some(b'[') => name > 1,
        _ => false,
    }
}

/// The length of `name`, `track.name`, `name[index]`.
fn attribute_length(text: &[u8]) -> usize {
    let name = |from: usize| text[from..].iter().take_while(|&&byte| is_name(byte)).count();
    let mut at = name(0);
    if text.get(at) == Some(&b'.') && name(at + 1) > 0 {
        at += 1 + name(at + 1);
    }
    if text.get(at) == Some(&b'[')
        && let Some(close) = closing_bracket(&text[at..])
    {
        at += close + 1;
    }
    at
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::MemoryFiles;

    pub(super) fn tokens(text: &str) -> Vec<(Kind, String)> {
        let files = MemoryFiles::default();
        let mut lexer = Lexer::new(&files, 1 << 20);
        let file = lexer.sources.add("x", text);
        lexer.reader.push_file(file, text.into());
        let mut found = Vec::new();
        loop {
            let token = lexer.next();
            if token.kind == Kind::End {
                return found;
            }
            found.push((token.kind, token.text));
        }
    }

    #[test]
    fn numbers() {
        for (text, value) in [("0", 0), ("10", 10), ("010", 8), ("0x1F", 31), ("101b", 5), ("1b", 1)] {
            assert_eq!(tokens(text), [(Kind::Number(value), text.to_owned())]);
        }
        for text in ["08", "0b101", "0x", "0X1", "1a", "5_0"] {
            assert_eq!(tokens(text), [(Kind::BadNumber, text.to_owned())]);
        }
        assert_eq!(tokens("99999999999999999999")[0].0, Kind::Number(i64::MAX));
    }

    #[test]
    fn addresses() {
        assert_eq!(tokens("fe80::1/10")[0], (Kind::Ipv6, "fe80::1".to_owned()));
        assert_eq!(tokens("[::1]:5060")[1], (Kind::Ipv6, "::1".to_owned()));
        assert_eq!(tokens("udp:a.b:5060").len(), 7);
        assert_eq!(tokens("case 1:")[1].0, Kind::Number(1));
    }

    #[test]
    fn variables() {
        let variable = |text: &str| {
            let found = tokens(text);
            assert_eq!(found[0].0, Kind::Variable, "{text}");
            found[0].1.clone()
        };
        assert_eq!(variable("#!KAMAILIO\n$ru.x"), "$ru");
        assert_eq!(variable("$hdr(a(b))x"), "$hdr(a(b))");
        assert_eq!(variable("$(avp(x)[1]{s.len}) "), "$(avp(x)[1]{s.len})");
        assert_eq!(variable("$rcv(ip)"), "$rc");
        assert_eq!(variable("$retcodes"), "$retcode");
        assert_eq!(variable("$? "), "$?");
        assert_eq!(tokens("$f.x=1")[0], (Kind::Attribute, "$f.x".to_owned()));
        assert_eq!(tokens("$x[1]")[0], (Kind::Attribute, "$x[1]".to_owned()));
        assert_eq!(tokens("%g.x")[0], (Kind::Attribute, "%g.x".to_owned()));
        assert_eq!(tokens("@msg.header[\"a]\"].x,")[0], (Kind::Select, "msg.header[\"a]\"].x".to_owned()));
    }

    #[test]
    fn comments() {
        assert!(tokens("# a\n// b\n/* c /* d */ e */ # #!foo\n##!define A").is_empty());
        assert_eq!(tokens("a!!b").len(), 4);
        let commented = "#!define X 5 # c\nf(X); g\n)";
        assert_eq!(tokens(commented).iter().map(|it| it.1.as_str()).collect::<Vec<_>>(), ["f", "(", "5", ")"]);
    }
}
