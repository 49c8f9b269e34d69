//! Tokens to tree, by recursive descent.
//!
//! A rule that fails has reported why and returns [`Failed`]; the caller that can go on skips to a place where that
//! makes sense. Nesting is counted, so no input exhausts the stack.

mod call;
mod condition;
mod expression;
mod item;
mod socket;
mod statement;
mod switch;
mod value;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::ast::{Config, Item};
use crate::diagnostic::{Code, Diagnostic};
use crate::lexer::Lexer;
use crate::preprocess::Define;
use crate::span::{Span, Spanned};
use crate::token::{Kind, Punct, Token};
use crate::{Parsed, Source, keyword};

/// How deep blocks may stand in each other.
const MAX_BLOCKS: u32 = 256;
/// How deep parentheses, calls and signs may, also when blocks as values are between them.
const MAX_PARENTHESES: u32 = 100;
/// How deep the tree may get through long `else if` chains on top of that.
const MAX_CHAIN: u32 = 512;
/// How many operators one expression may have: `a + b + c ..` makes a tree as deep as it is long.
const MAX_OPERATORS: u32 = 500;
/// Text that defines, substitutions and includes may add.
const BUDGET: usize = 64 << 20;

/// The version whose language this is.
const VERSION: (u32, u32, u32) = (6, 0, 0);

/// Help for users of C.
const NO_TERNARY: &str = "there is no `?:`; write `selval(condition, a, b)`";

/// The mistake is reported; the rule has no result.
#[derive(Debug)]
struct Failed;

type Parse<T> = Result<T, Failed>;

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Tokens looked at and not taken yet.
    ahead: VecDeque<Token>,
    /// The last token taken.
    previous: Token,
    /// Kind of the token before `previous`.
    before_previous: Option<Kind>,
    /// Tokens taken so far; a loop that takes none would never end.
    taken: usize,
    /// Mistakes reported so far.
    mistakes: usize,
    /// Open blocks.
    blocks: u32,
    /// Open parentheses, calls and operators.
    parentheses: u32,
    /// Depth that `else if` chains added.
    chain: u32,
    /// Operators of the current outermost expression.
    operators: u32,
    /// Inside an expression.
    in_expression: bool,
    /// Inside the arguments of a call.
    in_arguments: bool,
    /// A missing `}` was reported; the blocks around end silently.
    abandoned: bool,
    /// A statement outside of all blocks was reported; its block's closing brace is not worth another message.
    strayed: bool,
    /// The last string with a line break in it.
    long_string: Option<Span>,
}

pub(crate) fn parse(source: &Source<'_>) -> Parsed {
    let mut lexer = Lexer::new(source.reader, BUDGET);
    predefine(&mut lexer, &source.defines);
    let bytes = match &source.text {
        Some(text) => Ok(text.clone().into_bytes()),
        None => source.reader.read(&source.main),
    };
    let items = match bytes {
        Ok(bytes) => {
            lexer.enter(&source.main, &bytes, Span::default());
            let mut parser = Parser::new(lexer);
            let items = parser.items();
            lexer = parser.lexer;
            items
        }
        Err(error) => {
            // A place for the path in `sources`, although the message has no place in it.
            lexer.sources.add(source.main.display().to_string(), "");
            let message = format!("cannot read `{}`: {}", source.main.display(), crate::diagnostic::reason(&error));
            let mistake = Diagnostic::error(Code::File, message, Span::default(), "");
            lexer.report(Diagnostic { labels: Vec::new(), ..mistake });
            Vec::new()
        }
    };
    if lexer.sources.files.is_empty() {
        lexer.sources.add(source.main.display().to_string(), "");
    }
    let config = Config { items, mode: lexer.mode, defines: lexer.defines.list() };
    Parsed {
        config,
        sources: lexer.sources,
        diagnostics: lexer.diagnostics,
        defined: lexer.defined,
        skipped: lexer.skipped,
    }
}

fn predefine(lexer: &mut Lexer<'_>, given: &[(String, Option<String>)]) {
    let (major, minor, patch) = VERSION;
    let mut set = |name: String, value: Option<String>| lexer.defines.set(name, Define::built_in(value));
    set(format!("KAMAILIO_{major}"), None);
    set(format!("KAMAILIO_{major}_{minor}"), None);
    set(format!("KAMAILIO_{major}_{minor}_{patch}"), None);
    set("KAMAILIO_VERSION".to_owned(), Some((major * 1_000_000 + minor * 1000 + patch).to_string()));
    set("OS_NAME".to_owned(), Some(std::env::consts::OS.to_owned()));
    for (name, value) in given {
        set(name.clone(), value.clone());
    }
}

impl<'a> Parser<'a> {
    fn new(lexer: Lexer<'a>) -> Self {
        let start = Token { kind: Kind::End, text: String::new(), span: Span::default(), hint: None };
        Self {
            lexer,
            ahead: VecDeque::new(),
            previous: start,
            before_previous: None,
            taken: 0,
            mistakes: 0,
            blocks: 0,
            parentheses: 0,
            chain: 0,
            operators: 0,
            in_expression: false,
            in_arguments: false,
            abandoned: false,
            strayed: false,
            long_string: None,
        }
    }

    fn items(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while !self.at_end() {
            self.abandoned = false;
            self.blocks = 0;
            self.parentheses = 0;
            self.chain = 0;
            self.in_expression = false;
            self.in_arguments = false;
            let before = self.taken;
            match self.item() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => {}
                Err(Failed) => self.sync_item(),
            }
            if self.taken == before {
                self.bump();
            }
        }
        if self.lexer.gave_up() {
            // The limit keeps the last message out; say why the list ends.
            let message = "too many errors, the rest of the file was not read";
            let mistake = Diagnostic::error(Code::Syntax, message, Span::default(), "");
            self.lexer.diagnostics.push(Diagnostic { labels: Vec::new(), ..mistake });
        }
        items
    }

    fn at_end(&mut self) -> bool {
        self.peek().kind == Kind::End
    }

    fn peek(&mut self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&mut self, offset: usize) -> &Token {
        while self.ahead.len() <= offset {
            let token = self.lexer.next();
            self.ahead.push_back(token);
        }
        &self.ahead[offset]
    }

    fn bump(&mut self) -> Token {
        let token = self.ahead.pop_front().unwrap_or_else(|| self.lexer.next());
        if token.kind == Kind::String && self.lexer.sources.text(token.span).contains('\n') {
            self.long_string = Some(token.span);
        }
        self.before_previous = Some(self.previous.kind);
        self.previous = token.clone();
        self.taken += 1;
        token
    }

    fn at(&mut self, punct: Punct) -> bool {
        self.peek().is(punct)
    }

    fn at_word(&mut self, word: &str) -> bool {
        self.peek().is_word(word)
    }

    /// Takes the token if it is `punct`.
    fn eat(&mut self, punct: Punct) -> bool {
        let found = self.at(punct);
        if found {
            self.bump();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.bump();
        }
        found
    }

    fn expect(&mut self, punct: Punct, context: &str) -> Parse<Span> {
        if self.at(punct) {
            return Ok(self.bump().span);
        }
        Err(self.unexpected(&format!("`{}`{context}", punct.text())))
    }

    fn expect_string(&mut self, what: &str) -> Parse<Spanned<String>> {
        if self.peek().kind == Kind::String {
            let token = self.bump();
            return Ok(Spanned::new(token.text, token.span));
        }
        let word = (self.peek().kind == Kind::Word).then(|| self.peek().text.clone());
        let mistake = self.unexpected_diagnostic(what);
        Err(self.fail(match word {
            Some(word) if !keyword::is_reserved(&word) => {
                mistake.help(format!("write \"{word}\", or `#!define {word}` if it is meant to be a define"))
            }
            _ => mistake,
        }))
    }

    /// From the start of `first` to the last token taken.
    fn span_from(&self, first: Span) -> Span {
        self.lexer.sources.join(first, self.previous.span)
    }

    fn join(&self, first: Span, last: Span) -> Span {
        self.lexer.sources.join(first, last)
    }

    /// Reports a mistake, unless the last one was at this very place.
    fn report(&mut self, mut mistake: Diagnostic) {
        let place = mistake.labels.first().map(|label| label.span);
        let last = self.lexer.diagnostics.last().and_then(|last| last.labels.first());
        self.mistakes += 1;
        if place.is_some() && last.map(|label| label.span) == place {
            return;
        }
        if let Some(string) = self.long_string
            && place.is_some_and(|place| self.same_line(string, place))
        {
            let quote = Span { end: string.start + 1, ..string };
            mistake = mistake.label(quote, "this string runs over several lines: is its closing quote missing?");
        }
        self.lexer.report(mistake);
    }

    fn fail(&mut self, mistake: Diagnostic) -> Failed {
        self.report(mistake);
        Failed
    }

    /// "expected .., found .." at the next token.
    fn unexpected(&mut self, expected: &str) -> Failed {
        let mistake = self.unexpected_diagnostic(expected);
        self.fail(mistake)
    }

    fn unexpected_diagnostic(&mut self, expected: &str) -> Diagnostic {
        let found = self.peek().clone();
        let message = format!("expected {expected}, found {}", found.describe());
        let mut mistake = Diagnostic::error(Code::Syntax, message, found.span, "not expected here");
        if let Some(hint) = &found.hint {
            mistake = mistake.help(hint);
        }
        match found.kind {
            Kind::BadNumber => number_help(mistake, &found.text),
            Kind::Word
                if self.previous.kind == Kind::Variable
                    && self.previous.text == "$rc"
                    && glued(&self.previous, &found) =>
            {
                let (rest, inner) = (&found.text, if self.peek_at(1).is(Punct::OpenParen) { "(..)" } else { "" });
                mistake.help(format!("`$rc{rest}` is read as `$rc` and `{rest}`; write `$(rc{rest}{inner})`"))
            }
            Kind::Punct(Punct::OpenBracket | Punct::OpenBrace)
                if self.previous.kind == Kind::Variable && glued(&self.previous, &found) =>
            {
                let inside = self.previous.text.trim_start_matches('$');
                let close = if found.is(Punct::OpenBrace) { '}' } else { ']' };
                mistake.help(format!(
                    "an index or transformation needs outer parentheses: `$({inside}{}..{close})`",
                    found.text
                ))
            }
            _ => mistake,
        }
    }

    /// A zero-width place right behind the last token, for what is missing there.
    fn gap(&self) -> Span {
        let span = self.lexer.sources.surface(self.previous.span);
        Span { start: span.end, ..span }
    }

    /// Counts a block or compound statement while `rule` runs.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.blocks >= MAX_BLOCKS {
            return Err(self.too_deep(MAX_BLOCKS));
        }
        self.blocks += 1;
        let result = rule(self);
        self.blocks -= 1;
        result
    }

    /// Counts a level inside of an expression while `rule` runs.
    fn parenthesis<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.parentheses >= MAX_PARENTHESES {
            return Err(self.too_deep(MAX_PARENTHESES));
        }
        self.parentheses += 1;
        let result = rule(self);
        self.parentheses -= 1;
        result
    }

    fn too_deep(&mut self, limit: u32) -> Failed {
        let span = self.peek().span;
        let message = format!("nested more than {limit} levels deep");
        self.fail(Diagnostic::error(Code::Syntax, message, span, "one level too many"))
    }

    /// Skips to where the next top-level item may begin.
    fn sync_item(&mut self) {
        let mut depth = 0_usize;
        loop {
            let next = self.peek().kind;
            match next {
                Kind::End => return,
                Kind::Punct(Punct::OpenBrace) => depth += 1,
                Kind::Punct(Punct::CloseBrace) => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.bump();
                        return;
                    }
                }
                Kind::Punct(Punct::Semicolon) if depth == 0 => {
                    self.bump();
                    return;
                }
                Kind::Word if self.begins_item(depth > 0) || depth == 0 && self.starts_line() => return,
                Kind::Subst(_) => return,
                _ => {}
            }
            self.bump();
        }
    }

    /// Whether the next word can only begin a top-level item.
    fn begins_item(&mut self, in_block: bool) -> bool {
        let next = self.peek();
        if next.kind != Kind::Word {
            return false;
        }
        if keyword::opens_item(&next.text) {
            // `domain` and the like also occur as bare words in blocks.
            return !in_block || !self.peek_at(1).is(Punct::Comma) && !self.peek_at(1).is(Punct::CloseParen);
        }
        if next.text == "route" {
            let behind = self.peek_at(1);
            return behind.is(Punct::OpenBracket) || behind.is(Punct::OpenBrace);
        }
        !in_block && self.starts_line() && self.peek_at(1).is(Punct::Assign)
    }

    /// Whether the next token stands on a later line than the last one.
    fn starts_line(&mut self) -> bool {
        let next = self.peek().span;
        !self.same_line(self.previous.span, next)
    }

    /// Whether `second` begins in the line `first` ends in.
    fn same_line(&self, first: Span, second: Span) -> bool {
        let (first, second) = (self.lexer.sources.surface(first), self.lexer.sources.surface(second));
        let lines = &self.lexer.sources.file(second.file).line_starts;
        let line = |at: u32| lines.partition_point(|&start| start <= at);
        first.file == second.file && line(first.end.saturating_sub(1)) == line(second.start)
    }
}

/// Whether nothing stands between two tokens.
fn glued(first: &Token, second: &Token) -> bool {
    first.span.file == second.span.file
        && first.span.expansion == second.span.expansion
        && first.span.end == second.span.start
}

/// What to write instead of something that begins like a number.
fn number_help(mistake: Diagnostic, text: &str) -> Diagnostic {
    if let Some(bits) = text.strip_prefix("0b").filter(|bits| bits.bytes().all(|bit| matches!(bit, b'0' | b'1'))) {
        return mistake.help(format!("binary numbers end with b: `{bits}b`")).edit(text, format!("{bits}b"));
    }
    if let Some(hex) = text.strip_prefix("0X") {
        let help = format!("hexadecimal numbers begin with a small x: `0x{hex}`");
        return mistake.help(help).edit(text, format!("0x{hex}"));
    }
    if text.bytes().all(|digit| digit.is_ascii_digit()) {
        let plain = text.trim_start_matches('0');
        let help = format!("a leading 0 means octal, which has no digits 8 and 9; write `{plain}`");
        return mistake.help(help).edit(text, plain);
    }
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    if matches!(unit, "s" | "ms" | "sec" | "m" | "min" | "h" | "k" | "K" | "kb" | "KB" | "M" | "MB" | "mb") {
        return mistake.help(format!("numbers have no units; text that begins with a digit is a string: \"{text}\""));
    }
    mistake.help(format!("text that begins with a digit is a string: \"{text}\"")).edit(text, format!("\"{text}\""))
}
