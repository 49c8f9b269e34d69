//! Blocks and statements.

use super::{Failed, MAX_CHAIN, NO_TERNARY, Parse, Parser, glued};
use crate::ast::{Block, Expr, ExprKind, Statement, StatementKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::span::Span;
use crate::token::{Kind, Punct, Token};

/// Words that other languages write for `else if`.
const ELSE_IF: [&str; 3] = ["elif", "elseif", "elsif"];

impl Parser<'_> {
    /// `{ .. }`; at the opening brace.
    pub(super) fn block(&mut self) -> Parse<Block> {
        self.nested(|parser| {
            let open = parser.bump().span;
            let mistakes = parser.mistakes;
            let statements = parser.statements(false)?;
            if parser.eat(Punct::CloseBrace) {
                if statements.is_empty() && parser.mistakes == mistakes {
                    parser.empty_block(open);
                }
            } else {
                parser.unclosed_block(open, "this block is never closed");
            }
            Ok(Block { statements, span: parser.span_from(open) })
        })
    }

    fn empty_block(&mut self, open: Span) {
        let span = self.span_from(open);
        let mistake = Diagnostic::error(Code::Syntax, "this block is empty", span, "no statement in it");
        self.report(mistake.help("a block needs a statement; a lone `;` will do"));
    }

    /// Reports the innermost block that is open where something else begins; those around it stay silent.
    pub(super) fn unclosed_block(&mut self, open: Span, message: &str) {
        if std::mem::replace(&mut self.abandoned, true) {
            return;
        }
        let next = self.peek().clone();
        let text = format!("{} comes before the closing `}}`", next.describe());
        let mistake = Diagnostic::error(Code::Unterminated, message, open, "opened here");
        self.report(mistake.label(next.span, text));
    }

    /// Statements up to `}`, or up to the next label of a `switch`.
    pub(super) fn statements(&mut self, in_case: bool) -> Parse<Vec<Statement>> {
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
        match self.compound() {
            Compound::If => self.nested(Self::if_statement),
            Compound::While => self.spanned(|parser| parser.nested(Self::while_statement)),
            // Two levels: its statements stand one deeper than its labels.
            Compound::Switch => self.spanned(|parser| parser.nested(|parser| parser.nested(Self::switch_statement))),
            Compound::Empty => self.spanned(|parser| {
                parser.bump();
                Ok(StatementKind::Empty)
            }),
            Compound::Block => self.lone_block(),
            Compound::Else => self.lone_else(),
            Compound::ElseIf => self.misspelt_else_if(),
            Compound::None => {
                let statement = self.spanned(Self::simple_statement)?;
                self.semicolon()?;
                Ok(statement)
            }
        }
    }

    fn spanned(&mut self, rule: impl FnOnce(&mut Self) -> Parse<StatementKind>) -> Parse<Statement> {
        let first = self.peek().span;
        let kind = rule(self)?;
        Ok(Statement { kind, span: self.span_from(first) })
    }

    /// What kind of statement begins at the next token.
    fn compound(&mut self) -> Compound {
        let token = self.peek();
        match token.kind {
            Kind::Punct(Punct::Semicolon) => Compound::Empty,
            Kind::Punct(Punct::OpenBrace) => Compound::Block,
            Kind::Word => match token.text.as_str() {
                "if" => Compound::If,
                "while" => Compound::While,
                "switch" => Compound::Switch,
                "else" => Compound::Else,
                word if ELSE_IF.contains(&word) => Compound::ElseIf,
                _ => Compound::None,
            },
            _ => Compound::None,
        }
    }

    /// `{ .. }` that belongs to nothing.
    fn lone_block(&mut self) -> Parse<Statement> {
        let first = self.peek().span;
        let block = self.block()?;
        let mistake = Diagnostic::error(Code::Syntax, "a block cannot stand alone", first, "opened here");
        self.report(mistake.help("a block belongs to `if`, `else`, `while` or a route"));
        Ok(Statement { span: block.span, kind: StatementKind::Block(block) })
    }

    /// A statement that needs a semicolon.
    fn simple_statement(&mut self) -> Parse<StatementKind> {
        match self.peek().kind {
            Kind::Variable | Kind::Attribute | Kind::Select => {
                self.outermost(Self::assignment).map(StatementKind::Expr)
            }
            Kind::Word => match self.peek().text.as_str() {
                "break" => {
                    self.bump();
                    Ok(StatementKind::Break)
                }
                "return" => self.optional_value().map(StatementKind::Return),
                "exit" => self.optional_value().map(StatementKind::Exit),
                "drop" => self.optional_value().map(StatementKind::Drop),
                "case" | "default" => Err(self.lone_case()),
                _ => self.call_statement(),
            },
            _ => Err(self.unexpected("a statement")),
        }
    }

    fn lone_case(&mut self) -> Failed {
        let word = self.peek().clone();
        let message = format!("`{}` outside of a `switch`", word.text);
        self.fail(Diagnostic::error(Code::Syntax, message, word.span, "no `switch` is open here"))
    }

    fn call_statement(&mut self) -> Parse<StatementKind> {
        let word = self.peek().text.as_str();
        let is_value = keyword::operand(word).is_some()
            || matches!(word, "myself" | "strlen" | "strempty" | "selval" | "defined" | "not");
        let is_bare = keyword::is_bare_function(word);
        if is_value {
            return Err(self.no_statement());
        }
        if is_bare || self.peek_at(1).is(Punct::OpenParen) {
            return self.outermost(Self::call).map(StatementKind::Expr);
        }
        Err(self.bare_statement())
    }

    /// A word that is no statement.
    fn bare_statement(&mut self) -> Failed {
        let first = self.peek().clone();
        let message = format!("expected a statement, found {}", first.describe());
        let mut mistake = Diagnostic::error(Code::Syntax, message, first.span, "neither a call nor an assignment");
        if self.peek_at(1).is(Punct::Assign) {
            mistake = mistake.help(format!("variables begin with a dollar: `$var({})`", first.text));
        } else if !keyword::is_reserved(&first.text) || keyword::is_core_function(&first.text) {
            mistake = mistake
                .help(format!("a call has parentheses: `{}()`", first.text))
                .edit(&*first.text, format!("{}()", first.text));
        }
        if let Some(hint) = &first.hint {
            mistake = mistake.help(hint);
        }
        self.fail(mistake)
    }

    fn no_statement(&mut self) -> Failed {
        let first = self.peek().clone();
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
        let target = self.target()?;
        self.assignment_operator(&target)?;
        let assignment = self.assigned(target)?;
        if self.at(Punct::Assign) {
            let mistake = self.unexpected_diagnostic("`;`");
            return Err(self.fail(mistake.help("put the inner assignment in parentheses: `$x = ($y = 1)`")));
        }
        Ok(assignment)
    }

    /// Takes `=`; operators of other languages are reported, and taken for it.
    fn assignment_operator(&mut self, target: &Expr) -> Parse<()> {
        self.check_target(target);
        let operator = self.peek().kind;
        match operator {
            Kind::Punct(Punct::Assign) => {
                self.bump();
                Ok(())
            }
            Kind::Punct(Punct::PlusAssign | Punct::MinusAssign | Punct::ColonAssign) => {
                let operator = self.bump();
                self.wrong_assignment(target, &operator);
                Ok(())
            }
            Kind::Punct(sign @ (Punct::Plus | Punct::Minus)) if self.peek_at(1).is(sign) => {
                let name = self.lexer.sources.text(target.span).to_owned();
                let sign = sign.text();
                let mistake = self.unexpected_diagnostic("`=`");
                let help = format!("there is no `{sign}{sign}`; write `{name} = {name} {sign} 1`");
                Err(self.fail(mistake.help(help)))
            }
            Kind::Punct(Punct::Equal) => {
                let mistake = self.unexpected_diagnostic("`=`");
                Err(self.fail(mistake.help("`==` compares; an assignment has one `=`").edit("==", "=")))
            }
            _ => Err(self.unexpected("`=`")),
        }
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
        let next = self.peek().clone();
        let ends = match next.kind {
            Kind::End | Kind::Punct(Punct::CloseBrace) => true,
            Kind::Word => !self.at_infix() && !glued(&self.previous, &next),
            Kind::Punct(_) => false,
            _ => self.starts_line(),
        };
        if ends {
            let gap = self.gap();
            let mut mistake = Diagnostic::error(Code::Syntax, "missing `;`", gap, "expected `;` here").edit("", ";");
            if let Some(hint) = next.hint {
                mistake = mistake.help(hint);
            }
            self.report(mistake);
            return Ok(());
        }
        let mut mistake = self.unexpected_diagnostic("`;`");
        if next.is(Punct::Question) {
            mistake = mistake.help(NO_TERNARY);
        } else if self.at_infix() {
            mistake = mistake.help("a statement is one call or one assignment; use `if` to combine calls");
        }
        Err(self.fail(mistake))
    }

    /// `if`, with all its `else if`.
    fn if_statement(&mut self) -> Parse<Statement> {
        let chain = self.chain;
        let result = self.if_chain();
        self.chain = chain;
        result
    }

    fn if_chain(&mut self) -> Parse<Statement> {
        let mut arms = vec![self.arm()?];
        let mut otherwise = None;
        loop {
            match self.next_arm() {
                Arm::ElseIf => arms.push(self.arm()?),
                Arm::Else => {
                    otherwise = Some(self.body()?);
                    break;
                }
                Arm::None => break,
            }
            self.chain += 1;
            if self.chain > MAX_CHAIN {
                return Err(self.too_long());
            }
        }
        Ok(self.folded(arms, otherwise))
    }

    fn too_long(&mut self) -> Failed {
        let span = self.peek().span;
        let message = format!("more than {MAX_CHAIN} `else if`");
        self.fail(Diagnostic::error(Code::Syntax, message, span, "one too many"))
    }

    /// From `if` to the end of its body.
    fn arm(&mut self) -> Parse<(Span, Expr, Block)> {
        let start = self.bump().span;
        let condition = self.condition(start)?;
        let body = self.body()?;
        Ok((start, condition, body))
    }

    /// Takes `else`, unless it is part of `else if`.
    fn next_arm(&mut self) -> Arm {
        let next = self.peek();
        if next.kind == Kind::Word && ELSE_IF.contains(&next.text.as_str()) {
            self.report_else_if();
            return Arm::ElseIf;
        }
        if !self.eat_word("else") {
            return Arm::None;
        }
        if self.at_word("if") { Arm::ElseIf } else { Arm::Else }
    }

    fn folded(&self, arms: Vec<(Span, Expr, Block)>, mut otherwise: Option<Block>) -> Statement {
        let last = self.previous.span;
        let mut result = Statement { kind: StatementKind::Empty, span: last };
        for (index, (start, condition, then)) in arms.into_iter().rev().enumerate() {
            if index > 0 {
                let span = result.span;
                otherwise = Some(Block { statements: vec![result], span });
            }
            let kind = StatementKind::If { condition, then, otherwise: otherwise.take() };
            result = Statement { kind, span: self.join(start, last) };
        }
        result
    }

    fn report_else_if(&mut self) {
        let found = self.peek().clone();
        let message = format!("there is no `{}`", found.text);
        let mistake = Diagnostic::error(Code::Syntax, message, found.span, "not a word of the language");
        self.report(mistake.help("write `else if`").edit(&*found.text, "else if"));
    }

    /// `elif` where no `if` is open.
    fn misspelt_else_if(&mut self) -> Parse<Statement> {
        self.report_else_if();
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
        let body = self.nested(Self::body)?;
        Ok(Statement { span: body.span, kind: StatementKind::Block(body) })
    }

    /// The expression behind `if` and `while`. When it is wrong, reading goes on at the body.
    fn condition(&mut self, start: Span) -> Parse<Expr> {
        let result = self.expression();
        if result.is_ok() && self.ends_well() {
            return result;
        }
        self.skip_to_body()?;
        Ok(result.unwrap_or(Expr { kind: ExprKind::Int(1), span: start }))
    }

    /// Whether a body may follow the condition just read.
    fn ends_well(&mut self) -> bool {
        if self.at(Punct::Assign) {
            let mistake = self.unexpected_diagnostic("a statement or `{`");
            self.report(mistake.help("`==` compares; an assignment needs parentheses around it"));
            return false;
        }
        if self.at(Punct::CloseParen) {
            self.unexpected("a statement or `{`");
            return false;
        }
        if self.at_word("then") {
            let span = self.bump().span;
            self.report(Diagnostic::error(Code::Syntax, "there is no `then`", span, "remove it"));
        }
        true
    }

    /// A mistake in a condition must not hide those in the block.
    fn skip_to_body(&mut self) -> Parse<()> {
        loop {
            let next = self.peek().kind;
            match next {
                Kind::Punct(Punct::OpenBrace) => return Ok(()),
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

/// How a statement begins.
enum Compound {
    If,
    While,
    Switch,
    Empty,
    Block,
    Else,
    ElseIf,
    /// None of these.
    None,
}

/// What follows the body of an `if`.
enum Arm {
    ElseIf,
    Else,
    None,
}
