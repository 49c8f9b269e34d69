//! Expressions: operators by strength, values, casts, parentheses.

use super::{Failed, MAX_OPERATORS, NO_TERNARY, Parse, Parser, glued, number_help};
use crate::ast::{BinaryOp, Expr, ExprKind, UnaryOp, Variable};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::span::Span;
use crate::token::{Kind, Punct, Token};
use crate::variable::{is_name, parse_variable};

impl Parser<'_> {
    /// A whole expression; an assignment only inside parentheses.
    pub(super) fn expression(&mut self) -> Parse<Expr> {
        self.outermost(|parser| parser.binary(0))
    }

    /// Runs a rule of expressions; the outermost one starts counting operators anew.
    pub(super) fn outermost<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.in_expression {
            return rule(self);
        }
        self.in_expression = true;
        self.operators = 0;
        let result = rule(self);
        self.in_expression = false;
        self.in_arguments = false;
        result
    }

    /// Whether an operator follows.
    pub(super) fn at_infix(&mut self) -> bool {
        infix(self.peek()).is_some()
    }

    /// Operators stronger than `weakest`.
    pub(super) fn binary(&mut self, weakest: u8) -> Parse<Expr> {
        let mut left = self.unary()?;
        while let Some((op, strength)) = self.next_operator() {
            if strength <= weakest {
                break;
            }
            self.take_operator()?;
            let right = self.parenthesis(|parser| parser.binary(strength))?;
            left = self.combined(op, left, right);
        }
        Ok(left)
    }

    pub(super) fn combined(&self, op: BinaryOp, left: Expr, right: Expr) -> Expr {
        let span = self.join(left.span, right.span);
        Expr { kind: ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, span }
    }

    /// The comparison at the next token, with its strength.
    pub(super) fn next_comparison(&mut self) -> Option<(BinaryOp, u8)> {
        self.next_operator().filter(|(op, _)| is_comparison(*op))
    }

    /// The operator at the next token with its strength, also one that the language does not have.
    fn next_operator(&mut self) -> Option<(BinaryOp, u8)> {
        let token = self.peek();
        match token.kind {
            Kind::Punct(Punct::Percent) => Some((BinaryOp::Modulo, MULTIPLICATION)),
            Kind::Punct(Punct::Dot) => Some((BinaryOp::Concat, ADDITION)),
            Kind::Punct(Punct::Not) => self.at_not_match().then_some((BinaryOp::Match, EQUALITY)),
            _ => infix(token),
        }
    }

    /// `!~`
    fn at_not_match(&mut self) -> bool {
        self.peek_at(1).is(Punct::Tilde) && glued(&self.ahead[0], &self.ahead[1])
    }

    /// Takes an operator and counts it; one that the language does not have is reported.
    pub(super) fn take_operator(&mut self) -> Parse<()> {
        let token = self.bump();
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            let message = format!("more than {MAX_OPERATORS} operators in one expression");
            return Err(self.fail(Diagnostic::error(Code::Syntax, message, token.span, "one too many")));
        }
        let (message, help) = match token.kind {
            Kind::Punct(Punct::Not) => {
                self.bump();
                ("there is no operator `!~`", "write `!($x =~ \"..\")`")
            }
            Kind::Punct(Punct::Percent) => ("there is no operator `%`", "the remainder is `$x mod $y`"),
            Kind::Punct(Punct::Dot) => ("there is no operator `.`", "`+` joins strings"),
            _ => return Ok(()),
        };
        let span = self.span_from(token.span);
        let mistake = Diagnostic::error(Code::Syntax, message, span, "not an operator of the language");
        self.report(mistake.help(help));
        // `$rU.x` means one thing; a second message about `x` would not help.
        if token.is(Punct::Dot) && self.peek().kind == Kind::Word { Err(Failed) } else { Ok(()) }
    }

    fn unary(&mut self) -> Parse<Expr> {
        match self.unary_operator() {
            Some((op, tokens)) => self.parenthesis(|parser| parser.signed(op, tokens)),
            None if self.at(Punct::OpenParen) => self.parenthesis(Self::parenthesized),
            None => self.primary(),
        }
    }

    /// The operator at the next token, and of how many tokens it is.
    fn unary_operator(&mut self) -> Option<(UnaryOp, usize)> {
        let token = self.peek();
        match token.kind {
            Kind::Punct(Punct::Not) => Some((UnaryOp::Not, 1)),
            Kind::Punct(Punct::Minus) => Some((UnaryOp::Negate, 1)),
            Kind::Punct(Punct::Tilde) => Some((UnaryOp::BitNot, 1)),
            Kind::Punct(Punct::OpenParen) => self.cast().map(|op| (op, 3)),
            Kind::Word if token.text == "not" => Some((UnaryOp::Not, 1)),
            Kind::Word if token.text == "defined" => Some((UnaryOp::Defined, 1)),
            _ => None,
        }
    }

    fn signed(&mut self, op: UnaryOp, tokens: usize) -> Parse<Expr> {
        let first = self.peek().span;
        for _ in 0..tokens {
            self.bump();
        }
        let operand = self.unary()?;
        Ok(self.wrapped(op, first, operand))
    }

    fn wrapped(&self, op: UnaryOp, first: Span, operand: Expr) -> Expr {
        let span = self.join(first, self.previous.span);
        Expr { kind: ExprKind::Unary { op, operand: Box::new(operand) }, span }
    }

    /// `(int)` or `(str)` at the next token.
    fn cast(&mut self) -> Option<UnaryOp> {
        if !self.peek_at(2).is(Punct::CloseParen) {
            return None;
        }
        match self.peek_at(1) {
            token if token.is_word("int") => Some(UnaryOp::ToInt),
            token if token.is_word("str") => Some(UnaryOp::ToString),
            _ => None,
        }
    }

    /// `(..)`, where an assignment may stand.
    fn parenthesized(&mut self) -> Parse<Expr> {
        let open = self.bump().span;
        let mut inner = self.binary(0)?;
        if self.at(Punct::Assign) {
            inner = self.inner_assignment(inner)?;
        }
        if !self.eat(Punct::CloseParen) {
            return Err(self.unclosed(open));
        }
        inner.span = self.span_from(open);
        Ok(inner)
    }

    fn unclosed(&mut self, open: Span) -> Failed {
        let mut mistake = self.unexpected_diagnostic("`)`");
        let found = self.peek().clone();
        if found.is(Punct::Question) {
            mistake = mistake.help(NO_TERNARY);
        } else if [Punct::ColonAssign, Punct::PlusAssign].into_iter().any(|it| found.is(it)) {
            mistake = mistake.help("only `=` assigns");
        }
        let mistake = mistake.label(open, "opened here");
        self.fail(mistake)
    }

    fn inner_assignment(&mut self, target: Expr) -> Parse<Expr> {
        if !matches!(target.kind, ExprKind::Variable(_) | ExprKind::Attribute(_)) {
            let mistake = self.unexpected_diagnostic("`)`");
            return Err(self.fail(mistake.help("only a variable can be assigned to; `==` compares")));
        }
        self.bump();
        self.check_target(&target);
        self.assigned(target)
    }

    /// The value behind `=`.
    pub(super) fn assigned(&mut self, target: Expr) -> Parse<Expr> {
        let value = self.binary(0)?;
        let span = self.join(target.span, value.span);
        Ok(Expr { kind: ExprKind::Assign { target: Box::new(target), value: Box::new(value) }, span })
    }

    /// The left side of an assignment; at a variable, attribute or select.
    pub(super) fn target(&mut self) -> Parse<Expr> {
        if self.peek().kind == Kind::Select {
            let token = self.bump();
            let message = format!("`@{}` cannot be assigned to", token.text);
            self.report(Diagnostic::error(Code::NotWritable, message, token.span, "selects only read"));
            return Err(Failed);
        }
        self.primary()
    }

    pub(super) fn check_target(&mut self, target: &Expr) {
        if let ExprKind::Variable(variable) = &target.kind
            && let Some(first) = variable.transformations.first()
        {
            let message = "a variable with a transformation cannot be assigned to";
            self.report(Diagnostic::error(Code::NotWritable, message, first.span, "remove it"));
        }
    }

    /// A value.
    fn primary(&mut self) -> Parse<Expr> {
        match self.peek().kind {
            Kind::Punct(Punct::OpenBrace) => self.block_value(),
            Kind::Word => self.word(),
            _ => self.literal(),
        }
    }

    fn literal(&mut self) -> Parse<Expr> {
        let token = self.peek();
        let span = token.span;
        let kind = match token.kind {
            Kind::Number(number) => {
                let token = self.bump();
                if self.at(Punct::Dot) && glued(&token, &self.ahead[0]) {
                    return Err(self.unquoted_address(&token));
                }
                ExprKind::Int(number)
            }
            Kind::String => ExprKind::String(self.bump().text),
            Kind::Variable => {
                let token = self.bump();
                ExprKind::Variable(self.variable(&token))
            }
            Kind::Select => ExprKind::Select(self.bump().text),
            Kind::Attribute => ExprKind::Attribute(self.bump().text),
            Kind::Ipv6 => {
                let token = self.bump();
                return Err(self.unquoted_address(&token));
            }
            Kind::BadNumber => return Err(self.not_a_number()),
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Expr { kind, span })
    }

    /// Reports and takes what begins like a number.
    pub(super) fn not_a_number(&mut self) -> Failed {
        let token = self.bump();
        let message = format!("`{}` is not a number", token.text);
        let mistake = Diagnostic::error(Code::Number, message, token.span, "expected a number");
        self.fail(number_help(mistake, &token.text))
    }

    /// `{ .. }` as a value: statements in it are no part of the arguments around.
    fn block_value(&mut self) -> Parse<Expr> {
        let in_arguments = std::mem::replace(&mut self.in_arguments, false);
        let block = self.parenthesis(Self::block);
        self.in_arguments = in_arguments;
        block.map(|block| Expr { span: block.span, kind: ExprKind::Block(block) })
    }

    fn unquoted_address(&mut self, first: &Token) -> Failed {
        let message = "an address or number with dots must be quoted here";
        let mistake = Diagnostic::error(Code::Syntax, message, first.span, "begins here");
        self.fail(mistake.help("unquoted addresses may stand behind `src_ip ==` and the like only"))
    }

    fn word(&mut self) -> Parse<Expr> {
        let called = self.peek_at(1).is(Punct::OpenParen);
        let token = self.peek();
        let (text, span) = (token.text.as_str(), token.span);
        if let Some(number) = keyword::number(text) {
            self.bump();
            return Ok(Expr { kind: ExprKind::Int(number), span });
        }
        match text {
            "strlen" => self.parenthesis(|parser| parser.measured(UnaryOp::StrLen)),
            "strempty" => self.parenthesis(|parser| parser.measured(UnaryOp::StrEmpty)),
            _ if text == "myself" || keyword::operand(text).is_some() => self.property(),
            _ if called || keyword::is_bare_function(text) => self.call(),
            _ => Err(self.bare_word()),
        }
    }

    fn bare_word(&mut self) -> Failed {
        let token = self.peek().clone();
        let message = format!("expected a value, found {}", token.describe());
        let mut mistake =
            Diagnostic::error(Code::Syntax, message, token.span, "neither a variable, a string nor a call");
        if !keyword::is_reserved(&token.text) {
            mistake =
                mistake.help(format!("write \"{0}\", `{0}()` or `$var({0})`, or `#!define {0}` first", token.text));
        } else if keyword::protocol(&token.text).is_some() || token.text == "myself" {
            mistake =
                mistake.help(format!("write \"{}\"", token.text)).edit(&*token.text, format!("\"{}\"", token.text));
        }
        if let Some(hint) = &token.hint {
            mistake = mistake.help(hint);
        }
        self.fail(mistake)
    }

    /// `strlen(x)`, `strempty(x)`.
    fn measured(&mut self, op: UnaryOp) -> Parse<Expr> {
        let word = self.bump().span;
        self.expect(Punct::OpenParen, " and a value in parentheses")?;
        let operand = self.binary(0)?;
        self.expect(Punct::CloseParen, " after the value")?;
        Ok(self.wrapped(op, word, operand))
    }

    /// The variable of a token; a wrong one is reported, and replaced by one with the same name.
    fn variable(&mut self, token: &Token) -> Variable {
        match parse_variable(&token.text, token.span) {
            Ok(variable) => variable,
            Err(mistake) => {
                self.report(mistake);
                let name: String = token
                    .text
                    .bytes()
                    .skip_while(|&byte| !is_name(byte))
                    .take_while(|&byte| is_name(byte))
                    .map(char::from)
                    .collect();
                Variable { name, inner: None, index: None, transformations: Vec::new(), span: token.span }
            }
        }
    }
}

const EQUALITY: u8 = 8;
const ADDITION: u8 = 10;
const MULTIPLICATION: u8 = 11;

/// The binary operator a token is, and its strength.
fn infix(token: &Token) -> Option<(BinaryOp, u8)> {
    use BinaryOp as Op;
    Some(match token.kind {
        Kind::Punct(punct) => match punct {
            Punct::OrOr => (Op::Or, 1),
            Punct::AndAnd => (Op::And, 2),
            Punct::Or => (Op::BitOr, 3),
            Punct::And => (Op::BitAnd, 4),
            Punct::Xor => (Op::BitXor, 5),
            Punct::ShiftLeft => (Op::ShiftLeft, 6),
            Punct::ShiftRight => (Op::ShiftRight, 7),
            Punct::Equal => (Op::Equal, EQUALITY),
            Punct::NotEqual => (Op::NotEqual, EQUALITY),
            Punct::Match => (Op::Match, EQUALITY),
            Punct::Greater => (Op::Greater, 9),
            Punct::Less => (Op::Less, 9),
            Punct::GreaterEqual => (Op::GreaterEqual, 9),
            Punct::LessEqual => (Op::LessEqual, 9),
            Punct::Plus => (Op::Plus, ADDITION),
            Punct::Minus => (Op::Minus, ADDITION),
            Punct::Star => (Op::Multiply, MULTIPLICATION),
            Punct::Slash => (Op::Divide, MULTIPLICATION),
            _ => return None,
        },
        Kind::Word => match token.text.as_str() {
            "or" => (Op::Or, 1),
            "and" => (Op::And, 2),
            "eq" => (Op::StringEqual, EQUALITY),
            "ne" => (Op::StringNotEqual, EQUALITY),
            "ieq" => (Op::IntEqual, EQUALITY),
            "ine" => (Op::IntNotEqual, EQUALITY),
            "mod" => (Op::Modulo, MULTIPLICATION),
            _ => return None,
        },
        _ => return None,
    })
}

const fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp as Op;
    matches!(
        op,
        Op::Equal
            | Op::NotEqual
            | Op::Match
            | Op::StringEqual
            | Op::StringNotEqual
            | Op::IntEqual
            | Op::IntNotEqual
            | Op::Greater
            | Op::Less
            | Op::GreaterEqual
            | Op::LessEqual
    )
}
