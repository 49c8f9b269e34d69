//! Blocks and statements.

use std::collections::HashMap;

use super::{Failed, MAX_CHAIN, Parse, Parser, glued};
use crate::ast::{Block, Case, Expr, ExprKind, Label, Statement, StatementKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::span::{Span, Spanned};
use crate::token::{Kind, Punct, Token};

/// Words that other languages write for `else if`.
const ELSE_IF: [&str; 3] = ["elif", "elseif", "elsif"];

impl Parser<'_> {
    /// `{ .. }`; at the opening brace.
    pub(super) fn block(&mut self) -> Parse<Block> {
        self.nested(|parser| {
            let open = parser.bump();
            let mistakes = parser.mistakes;
            let statements = parser.statements(false)?;
            if parser.eat(Punct::CloseBrace) {
                let span = parser.span_from(open.span);
                if statements.is_empty() && parser.mistakes == mistakes {
                    let mistake = Diagnostic::error(Code::Syntax, "this block is empty", span, "no statement in it");
                    parser.report(mistake.help("a block needs a statement; a lone `;` will do"));
                }
                return Ok(Block { statements, span });
            }
            if !parser.abandoned {
                parser.abandoned = true;
                let next = parser.peek().clone();
                let text = format!("{} comes before the closing `}}`", next.describe());
                let message = "this block is never closed";
                let mistake = Diagnostic::error(Code::Unterminated, message, open.span, "opened here");
                parser.report(mistake.label(next.span, text));
            }
            let span = parser.span_from(open.span);
            Ok(Block { statements, span })
        })
    }

    /// Statements up to `}`, or up to the next label of a `switch`.
    fn statements(&mut self, in_case: bool) -> Parse<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            if self.at(Punct::CloseBrace) || self.at_end() || self.abandoned {
                return Ok(statements);
            }
            if in_case && (self.at_word("case") || self.at_word("default")) {
                return Ok(statements);
            }
            if self.begins_item(true) && self.starts_line() {
                return Ok(statements); // the block is not closed; its opener says so
            }
            let before = self.taken;
            match self.statement() {
                Ok(statement) => statements.push(statement),
                Err(Failed) => {
                    self.sync_statement();
                    if self.taken == before {
                        self.bump();
                    }
                }
            }
        }
    }

    /// One statement with its semicolon.
    pub(super) fn statement(&mut self) -> Parse<Statement> {
        let first = self.peek().clone();
        let kind = match first.kind {
            Kind::Punct(Punct::Semicolon) => {
                self.bump();
                return Ok(Statement { kind: StatementKind::Empty, span: first.span });
            }
            Kind::Punct(Punct::OpenBrace) => {
                let block = self.block()?;
                let mistake = Diagnostic::error(Code::Syntax, "a block cannot stand alone", first.span, "opened here");
                self.report(mistake.help("a block belongs to `if`, `else`, `while` or a route"));
                StatementKind::Block(block)
            }
            Kind::Word => match first.text.as_str() {
                "if" => return self.nested(Self::if_statement),
                "while" => self.nested(Self::while_statement)?,
                "switch" => self.nested(Self::switch_statement)?,
                "else" => return self.lone_else(),
                word if ELSE_IF.contains(&word) && !self.peek_at(1).is(Punct::Assign) => {
                    return self.misspelt_else_if(&first);
                }
                "case" | "default" => {
                    let message = format!("`{}` outside of a `switch`", first.text);
                    return Err(self.fail(Diagnostic::error(
                        Code::Syntax,
                        message,
                        first.span,
                        "no `switch` is open here",
                    )));
                }
                _ => {
                    let kind = self.simple_statement(&first)?;
                    let span = self.span_from(first.span);
                    self.semicolon()?;
                    return Ok(Statement { kind, span });
                }
            },
            _ => {
                let kind = self.simple_statement(&first)?;
                let span = self.span_from(first.span);
                self.semicolon()?;
                return Ok(Statement { kind, span });
            }
        };
        let span = self.span_from(first.span);
        Ok(Statement { kind, span })
    }

    /// A statement that needs a semicolon.
    fn simple_statement(&mut self, first: &Token) -> Parse<StatementKind> {
        match first.kind {
            Kind::Variable | Kind::Attribute | Kind::Select => self.assignment().map(StatementKind::Expr),
            Kind::Word => match first.text.as_str() {
                "break" => {
                    self.bump();
                    Ok(StatementKind::Break)
                }
                "return" => self.optional_value().map(StatementKind::Return),
                "exit" => self.optional_value().map(StatementKind::Exit),
                "drop" => self.optional_value().map(StatementKind::Drop),
                _ => self.call_statement(first),
            },
            _ => Err(self.unexpected("a statement")),
        }
    }

    fn call_statement(&mut self, first: &Token) -> Parse<StatementKind> {
        let called = self.peek_at(1).is(Punct::OpenParen);
        let is_value = keyword::operand(&first.text).is_some()
            || matches!(first.text.as_str(), "myself" | "strlen" | "strempty" | "selval" | "defined" | "not");
        if is_value {
            return Err(self.no_statement(first));
        }
        if called || keyword::is_bare_function(&first.text) {
            return self.outermost(Self::call).map(|expr| StatementKind::Expr(expr));
        }
        let next = self.peek_at(1).clone();
        let message = format!("expected a statement, found {}", first.describe());
        let mut mistake = Diagnostic::error(Code::Syntax, message, first.span, "neither a call nor an assignment");
        if next.is(Punct::Assign) {
            mistake = mistake.help(format!("variables begin with a dollar: `$var({})`", first.text));
        } else if !keyword::is_reserved(&first.text) || keyword::is_core_function(&first.text) {
            mistake = mistake.help(format!("a call has parentheses: `{}()`", first.text));
        }
        if let Some(name) = &first.vanished {
            mistake = mistake.help(format!("`{name}` is defined without a value, so it stands for nothing here"));
        }
        Err(self.fail(mistake))
    }

    fn no_statement(&mut self, first: &Token) -> Failed {
        let message = format!("`{}` is a value and no statement", first.text);
        let mistake = Diagnostic::error(Code::Syntax, message, first.span, "expected a call or an assignment");
        self.fail(mistake)
    }

    /// Behind `return`, `exit`, `drop`.
    fn optional_value(&mut self) -> Parse<Option<Expr>> {
        self.bump();
        if self.at(Punct::Semicolon) || self.at(Punct::CloseBrace) || self.at_end() {
            return Ok(None);
        }
        if self.at(Punct::OpenParen) && self.peek_at(1).is(Punct::CloseParen) {
            self.bump();
            self.bump();
            return Ok(None);
        }
        if self.starts_line() && !self.starts_value() {
            return Ok(None); // the semicolon is missing, which the caller says
        }
        self.expression().map(Some)
    }

    fn starts_value(&mut self) -> bool {
        let next = self.peek();
        match next.kind {
            Kind::Word => keyword::number(&next.text).is_some(),
            Kind::Variable => !self.peek_at(1).is(Punct::Assign),
            Kind::Punct(punct) => matches!(punct, Punct::OpenParen | Punct::Minus | Punct::Not | Punct::Tilde),
            _ => true,
        }
    }

    fn assignment(&mut self) -> Parse<Expr> {
        self.outermost(|parser| {
            let target = parser.target()?;
            let operator = parser.peek().clone();
            match operator.kind {
                Kind::Punct(Punct::Assign) => {
                    parser.bump();
                }
                Kind::Punct(Punct::PlusAssign | Punct::MinusAssign | Punct::ColonAssign) => {
                    parser.bump();
                    parser.wrong_assignment(&target, &operator);
                }
                Kind::Punct(Punct::Plus | Punct::Minus)
                    if parser.peek_at(1).kind == operator.kind && glued(&operator, &parser.peek_at(1).clone()) =>
                {
                    let sign = operator.text.repeat(2);
                    let name = parser.lexer.sources.text(target.span).to_owned();
                    let mistake = parser.unexpected_diagnostic("`=`");
                    let help = format!("there is no `{sign}`; write `{name} = {name} {} 1`", operator.text);
                    return Err(parser.fail(mistake.help(help)));
                }
                Kind::Punct(Punct::Equal) => {
                    let mistake = parser.unexpected_diagnostic("`=`");
                    return Err(parser.fail(mistake.help("`==` compares; an assignment has one `=`")));
                }
                _ => {
                    let mistake = parser.unexpected_diagnostic("`=`");
                    return Err(parser.fail(mistake));
                }
            }
            parser.check_target(&target);
            let value = parser.binary(0)?;
            if parser.at(Punct::Assign) {
                let mistake = parser.unexpected_diagnostic("`;`");
                return Err(parser.fail(mistake.help("put the inner assignment in parentheses: `$x = ($y = 1)`")));
            }
            let span = parser.join(target.span, value.span);
            Ok(Expr { kind: ExprKind::Assign { target: Box::new(target), value: Box::new(value) }, span })
        })
    }

    fn wrong_assignment(&mut self, target: &Expr, operator: &Token) {
        let message = format!("there is no operator `{}`", operator.text);
        let mut mistake = Diagnostic::error(Code::Syntax, message, operator.span, "only `=` assigns");
        let name = self.lexer.sources.text(target.span);
        mistake = match operator.text.as_str() {
            ":=" => mistake.help(format!("write `{name} = ..`; `$(name[*])` replaces all values of an AVP")),
            other => {
                let sign = other.trim_end_matches('=');
                mistake.help(format!("write `{name} = {name} {sign} ..`"))
            }
        };
        self.report(mistake);
    }

    /// The semicolon behind a statement; a forgotten one is reported and forgiven.
    fn semicolon(&mut self) -> Parse<()> {
        if self.eat(Punct::Semicolon) {
            return Ok(());
        }
        if self.at(Punct::CloseBrace) || self.at_end() || self.starts_line() || self.peek().kind == Kind::Word {
            let next = self.peek().kind;
            let operator = matches!(next, Kind::Punct(punct) if punct != Punct::CloseBrace);
            if !operator && !self.at_infix() {
                let gap = self.gap();
                let mistake = Diagnostic::error(Code::Syntax, "missing `;`", gap, "expected `;` here");
                self.report(mistake);
                return Ok(());
            }
        }
        let mistake = self.unexpected_diagnostic("`;`");
        let mistake = match self.at_infix() {
            true => mistake.help("a statement is one call or one assignment; use `if` to combine calls"),
            false => mistake,
        };
        Err(self.fail(mistake))
    }

    /// `if`, with all its `else if`.
    fn if_statement(&mut self) -> Parse<Statement> {
        let mut arms: Vec<(Span, Expr, Block)> = Vec::new();
        let mut otherwise = None;
        let chain = self.chain;
        loop {
            let start = self.bump().span;
            let condition = self.condition(start)?;
            let then = self.body()?;
            arms.push((start, condition, then));
            let next = self.peek().clone();
            if next.kind == Kind::Word && ELSE_IF.contains(&next.text.as_str()) {
                self.report_else_if(&next);
            } else if !self.at_word("else") {
                break;
            } else if self.peek_at(1).is_word("if") {
                self.bump();
            } else {
                self.bump();
                otherwise = Some(self.body()?);
                break;
            }
            self.chain += 1;
            if self.chain > MAX_CHAIN {
                let span = self.peek().span;
                let message = format!("more than {MAX_CHAIN} `else if`");
                self.chain = chain;
                return Err(self.fail(Diagnostic::error(Code::Syntax, message, span, "one too many")));
            }
        }
        self.chain = chain;
        let last = self.previous.span;
        let mut result: Option<Statement> = None;
        for (start, condition, then) in arms.into_iter().rev() {
            if let Some(inner) = result.take() {
                let span = inner.span;
                otherwise = Some(Block { statements: vec![inner], span });
            }
            let kind = StatementKind::If { condition, then, otherwise: otherwise.take() };
            result = Some(Statement { kind, span: self.join(start, last) });
        }
        result.ok_or(Failed)
    }

    fn report_else_if(&mut self, found: &Token) {
        let message = format!("there is no `{}`", found.text);
        let mistake = Diagnostic::error(Code::Syntax, message, found.span, "not a word of the language");
        self.report(mistake.help("write `else if`"));
    }

    /// `elif` where no `if` is open.
    fn misspelt_else_if(&mut self, first: &Token) -> Parse<Statement> {
        self.report_else_if(first);
        self.nested(Self::if_statement)
    }

    /// `else` where no `if` is open.
    fn lone_else(&mut self) -> Parse<Statement> {
        let word = self.bump();
        let mut mistake = Diagnostic::error(Code::Syntax, "`else` without `if`", word.span, "no `if` before it");
        if self.before_previous == Some(Kind::Punct(Punct::Semicolon)) {
            mistake = mistake.help("the `;` before it ended the `if`; remove it");
        }
        self.report(mistake);
        self.nested(Self::statement)
    }

    /// The expression behind `if` and `while`. When it is wrong, reading goes on at the body.
    fn condition(&mut self, start: Span) -> Parse<Expr> {
        let result = self.expression();
        let expr = match result {
            Ok(expr) if self.at(Punct::Assign) => {
                let mistake = self.unexpected_diagnostic("a statement or `{`");
                let mistake = mistake.help("`==` compares; an assignment needs parentheses around it");
                self.report(mistake);
                Err(expr)
            }
            Ok(expr) if self.at_word("then") => {
                let token = self.bump();
                let mistake = Diagnostic::error(Code::Syntax, "there is no `then`", token.span, "remove it");
                self.report(mistake);
                return Ok(expr);
            }
            Ok(expr) if self.at(Punct::CloseParen) => {
                self.unexpected("a statement or `{`");
                Err(expr)
            }
            Ok(expr) => return Ok(expr),
            Err(Failed) => Err(Expr { kind: ExprKind::Int(1), span: start }),
        };
        let (Ok(expr) | Err(expr)) = expr;
        // On to the body: a mistake in the condition must not hide those in the block.
        loop {
            let next = self.peek();
            match next.kind {
                Kind::Punct(Punct::OpenBrace) => return Ok(expr),
                Kind::End | Kind::Punct(Punct::Semicolon | Punct::CloseBrace) => return Err(Failed),
                _ => {}
            }
            if self.begins_item(true) && self.starts_line() {
                return Err(Failed);
            }
            self.bump();
        }
    }

    /// The body of `if`, `else`, `while`: a block or one statement.
    fn body(&mut self) -> Parse<Block> {
        if self.at(Punct::OpenBrace) {
            return self.block();
        }
        if self.at(Punct::CloseBrace) || self.at_end() {
            return Err(self.unexpected("a statement or `{`"));
        }
        let statement = self.nested(Self::statement)?;
        Ok(Block { span: statement.span, statements: vec![statement] })
    }

    fn while_statement(&mut self) -> Parse<StatementKind> {
        let start = self.bump().span;
        let condition = self.condition(start)?;
        let body = self.body()?;
        Ok(StatementKind::While { condition, body })
    }

    fn switch_statement(&mut self) -> Parse<StatementKind> {
        self.bump();
        let on = self.expression()?;
        let open = self.expect(Punct::OpenBrace, " after the value of `switch`")?;
        let mut cases = Vec::new();
        let mut seen = Labels::default();
        while !self.eat(Punct::CloseBrace) {
            if self.abandoned {
                break;
            }
            let first = self.peek().clone();
            let label = if self.eat_word("default") {
                None
            } else if self.eat_word("case") {
                Some(self.label()?)
            } else if self.at_end() || self.begins_item(true) {
                self.abandoned = true;
                let message = "this `switch` is never closed";
                self.report(Diagnostic::error(Code::Unterminated, message, open, "opened here"));
                break;
            } else {
                let failed = self.unexpected("`case`, `default` or `}`");
                self.skip_switch();
                return Err(failed);
            };
            if !self.eat(Punct::Colon) {
                let gap = self.gap();
                let mistake = Diagnostic::error(Code::Syntax, "missing `:` after the label", gap, "expected `:` here");
                self.report(mistake);
            }
            let span = self.span_from(first.span);
            self.check_label(label.as_ref(), span, &mut seen);
            let body = self.statements(true)?;
            cases.push(Case { label, body, span });
        }
        Ok(StatementKind::Switch { on, cases })
    }

    /// Skips the rest of a `switch`, its brace included.
    fn skip_switch(&mut self) {
        let mut depth = 1_usize;
        while depth > 0 && !self.at_end() && !self.begins_item(true) {
            match self.bump().kind {
                Kind::Punct(Punct::OpenBrace) => depth += 1,
                Kind::Punct(Punct::CloseBrace) => depth -= 1,
                _ => {}
            }
        }
    }

    fn label(&mut self) -> Parse<Label> {
        if self.eat(Punct::Slash) {
            let pattern = self.expect_string("a regular expression in quotes after `case /`")?;
            return Ok(Label::Regex(Spanned::new(pattern.node, pattern.span), String::new()));
        }
        if self.peek().kind == Kind::Word
            && self.peek_at(1).is(Punct::Colon)
            && !keyword::is_reserved(&self.peek().text)
        {
            let word = self.bump();
            let message = format!("expected a constant after `case`, found `{}`", word.text);
            let mistake = Diagnostic::error(Code::Syntax, message, word.span, "neither a number nor a string");
            self.report(mistake.help(format!("write \"{0}\", or `#!define {0}` first", word.text)));
            return Ok(Label::Value(Expr { kind: ExprKind::String(word.text), span: word.span }));
        }
        let value = self.expression()?;
        if !is_constant(&value) {
            let mistake =
                Diagnostic::error(Code::Syntax, "a label must be constant", value.span, "known only at run time");
            self.report(mistake.help("use `if` and `else if` to compare with variables"));
        }
        Ok(Label::Value(value))
    }

    /// Reports a label that is there already, and labels of different types.
    fn check_label(&mut self, label: Option<&Label>, span: Span, seen: &mut Labels) {
        let (key, is_text) = match label {
            None => ("default".to_owned(), None),
            Some(Label::Regex(..)) => (String::new(), Some(true)),
            Some(Label::Value(Expr { kind: ExprKind::Int(number), .. })) => (number.to_string(), Some(false)),
            Some(Label::Value(Expr { kind: ExprKind::String(text), .. })) => (format!("\"{text}\""), Some(true)),
            Some(Label::Value(_)) => return,
        };
        if !key.is_empty()
            && let Some(&first) = seen.places.get(&key)
        {
            let message = format!("the label {key} occurs twice");
            let mistake = Diagnostic::error(Code::Syntax, message, span, "never reached");
            self.report(mistake.label(first, "first here"));
            return;
        }
        seen.places.insert(key, span);
        let Some(is_text) = is_text else { return };
        match seen.first {
            None => seen.first = Some((is_text, span)),
            Some((other, first)) if other != is_text => {
                let mistake = Diagnostic::error(
                    Code::Type,
                    "labels of numbers and strings in one `switch`",
                    span,
                    "another type",
                );
                self.report(mistake.label(first, "than this one"));
            }
            Some(_) => {}
        }
    }

    /// Skips to where the next statement may begin.
    fn sync_statement(&mut self) {
        let mut depth = 0_usize;
        loop {
            let next = self.peek().kind;
            match next {
                Kind::End => return,
                Kind::Punct(Punct::OpenBrace) => depth += 1,
                Kind::Punct(Punct::CloseBrace) if depth == 0 => return,
                Kind::Punct(Punct::CloseBrace) => {
                    depth -= 1;
                    if depth == 0 {
                        self.bump();
                        return;
                    }
                }
                Kind::Punct(Punct::Semicolon) if depth == 0 => {
                    self.bump();
                    return;
                }
                Kind::Word if self.begins_item(true) && self.starts_line() => return,
                Kind::Word
                    if depth == 0
                        && ["if", "while", "switch", "return", "exit", "drop", "break", "case", "default"]
                            .iter()
                            .any(|word| self.at_word(word))
                        && self.starts_line() =>
                {
                    return;
                }
                _ => {}
            }
            self.bump();
        }
    }
}

/// Labels of a `switch` so far.
#[derive(Default)]
struct Labels {
    places: HashMap<String, Span>,
    /// Whether the first one is text, and where it stands.
    first: Option<(bool, Span)>,
}

fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Int(_) | ExprKind::String(_) => true,
        ExprKind::Unary { operand, .. } => is_constant(operand),
        ExprKind::Binary { left, right, .. } => is_constant(left) && is_constant(right),
        _ => false,
    }
}
