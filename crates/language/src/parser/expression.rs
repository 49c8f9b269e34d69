//! Expressions: operators by strength, values, casts, parentheses.

use super::{Failed, MAX_OPERATORS, Parse, Parser, glued, number_help};
use crate::ast::{BinaryOp, Expr, ExprKind, UnaryOp, Variable};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
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
        loop {
            let token = self.peek().clone();
            let Some((op, strength)) = self.operator(&token) else { return Ok(left) };
            if strength <= weakest {
                return Ok(left);
            }
            self.operators += 1;
            if self.operators > MAX_OPERATORS {
                let message = format!("more than {MAX_OPERATORS} operators in one expression");
                return Err(self.fail(Diagnostic::error(Code::Syntax, message, token.span, "one too many")));
            }
            self.take_operator();
            let right = self.nested(|parser| parser.binary(strength))?;
            let span = self.join(left.span, right.span);
            left = Expr { kind: ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, span };
        }
    }

    /// The comparison at the next token, with its strength.
    pub(super) fn next_comparison(&mut self) -> Option<(BinaryOp, u8)> {
        let token = self.peek().clone();
        self.operator(&token).filter(|(op, _)| is_comparison(*op))
    }

    /// The operator at the next token, also one that the language does not have.
    fn operator(&mut self, token: &Token) -> Option<(BinaryOp, u8)> {
        if token.is(Punct::Not) && self.peek_at(1).is(Punct::Tilde) && glued(token, &self.peek_at(1).clone()) {
            return Some((BinaryOp::Match, EQUALITY));
        }
        infix(token).or(match token.kind {
            Kind::Punct(Punct::Percent) => Some((BinaryOp::Modulo, MULTIPLICATION)),
            Kind::Punct(Punct::Dot) => Some((BinaryOp::Concat, ADDITION)),
            _ => None,
        })
    }

    /// Takes an operator; one that the language does not have is reported.
    pub(super) fn take_operator(&mut self) {
        let token = self.bump();
        let (message, help) = match token.kind {
            Kind::Punct(Punct::Not) => {
                self.bump();
                ("there is no operator `!~`", "write `!($x =~ \"..\")`")
            }
            Kind::Punct(Punct::Percent) => ("there is no operator `%`", "the remainder is `$x mod $y`"),
            Kind::Punct(Punct::Dot) => ("there is no operator `.`", "`+` joins strings"),
            _ => return,
        };
        let span = self.span_from(token.span);
        let mistake = Diagnostic::error(Code::Syntax, message, span, "not an operator of the language");
        self.report(mistake.help(help));
    }

    fn unary(&mut self) -> Parse<Expr> {
        let token = self.peek();
        let op = match token.kind {
            Kind::Punct(Punct::Not) => UnaryOp::Not,
            Kind::Punct(Punct::Minus) => UnaryOp::Negate,
            Kind::Punct(Punct::Tilde) => UnaryOp::BitNot,
            Kind::Word => match token.text.as_str() {
                "not" => UnaryOp::Not,
                "defined" => UnaryOp::Defined,
                _ => return self.primary(),
            },
            Kind::Punct(Punct::OpenParen) => match self.cast() {
                Some(op) => op,
                None => return self.parenthesized(),
            },
            _ => return self.primary(),
        };
        let first = self.bump();
        if matches!(op, UnaryOp::ToInt | UnaryOp::ToString) {
            self.bump();
            self.bump();
        }
        let operand = self.nested(Self::unary)?;
        let span = self.join(first.span, operand.span);
        Ok(Expr { kind: ExprKind::Unary { op, operand: Box::new(operand) }, span })
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
        self.nested(|parser| {
            let open = parser.bump();
            let mut inner = parser.binary(0)?;
            if parser.at(Punct::Assign) {
                inner = parser.inner_assignment(inner)?;
            }
            if !parser.at(Punct::CloseParen) {
                return Err(parser.unclosed(&open));
            }
            parser.bump();
            inner.span = parser.span_from(open.span);
            Ok(inner)
        })
    }

    fn unclosed(&mut self, open: &Token) -> Failed {
        let mut mistake = self.unexpected_diagnostic("`)`");
        let found = self.peek().clone();
        if found.is(Punct::Question) {
            mistake = mistake.help("there is no `?:`; write `selval(condition, a, b)`");
        } else if [Punct::ColonAssign, Punct::PlusAssign].into_iter().any(|it| found.is(it)) {
            mistake = mistake.help("only `=` assigns");
        }
        let mistake = mistake.label(open.span, "opened here");
        self.fail(mistake)
    }

    fn inner_assignment(&mut self, target: Expr) -> Parse<Expr> {
        if !matches!(target.kind, ExprKind::Variable(_) | ExprKind::Attribute(_)) {
            let mistake = self.unexpected_diagnostic("`)`");
            return Err(self.fail(mistake.help("only a variable can be assigned to; `==` compares")));
        }
        self.bump();
        self.check_target(&target);
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
        let token = self.peek();
        let span = token.span;
        match token.kind {
            Kind::Number(number) => {
                let token = self.bump();
                if self.at(Punct::Dot) && glued(&token, &self.peek_at(0).clone()) {
                    return Err(self.unquoted_address(&token));
                }
                Ok(Expr { kind: ExprKind::Int(number), span })
            }
            Kind::String => Ok(Expr { kind: ExprKind::String(self.bump().text), span }),
            Kind::Variable => {
                let token = self.bump();
                Ok(Expr { kind: ExprKind::Variable(self.variable(&token)), span })
            }
            Kind::Select => Ok(Expr { kind: ExprKind::Select(self.bump().text), span }),
            Kind::Attribute => Ok(Expr { kind: ExprKind::Attribute(self.bump().text), span }),
            Kind::Punct(Punct::OpenBrace) => {
                let block = self.block_value()?;
                Ok(Expr { span: block.span, kind: ExprKind::Block(block) })
            }
            Kind::Word => self.word(),
            Kind::Ipv6 => {
                let token = self.bump();
                Err(self.unquoted_address(&token))
            }
            Kind::BadNumber => {
                let token = self.bump();
                let message = format!("`{}` is not a number", token.text);
                let mistake = Diagnostic::error(Code::Number, message, span, "expected a number");
                Err(self.fail(mistake.help(number_help(&token.text))))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    /// `{ .. }` as a value: statements in it are no part of the arguments around.
    fn block_value(&mut self) -> Parse<crate::ast::Block> {
        let in_arguments = std::mem::replace(&mut self.in_arguments, false);
        let block = self.block();
        self.in_arguments = in_arguments;
        block
    }

    fn unquoted_address(&mut self, first: &Token) -> Failed {
        let message = "an address or number with dots must be quoted here";
        let mistake = Diagnostic::error(Code::Syntax, message, first.span, "begins here");
        self.fail(mistake.help("unquoted addresses may stand behind `src_ip ==` and the like only"))
    }

    fn word(&mut self) -> Parse<Expr> {
        let token = self.peek().clone();
        let text = token.text.as_str();
        if let Some(number) = keyword::number(text) {
            self.bump();
            return Ok(Expr { kind: ExprKind::Int(number), span: token.span });
        }
        match text {
            "strlen" => return self.measured(UnaryOp::StrLen),
            "strempty" => return self.measured(UnaryOp::StrEmpty),
            "elif" | "then" => return Err(self.unexpected("a value")),
            _ => {}
        }
        if text == "myself" || keyword::operand(text).is_some() {
            return self.property(&token);
        }
        if self.peek_at(1).is(Punct::OpenParen) || keyword::is_bare_function(text) {
            return self.call();
        }
        Err(self.bare_word(&token))
    }

    fn bare_word(&mut self, token: &Token) -> Failed {
        let message = format!("expected a value, found {}", token.describe());
        let mut mistake =
            Diagnostic::error(Code::Syntax, message, token.span, "neither a variable, a string nor a call");
        if !keyword::is_reserved(&token.text) {
            mistake =
                mistake.help(format!("write \"{0}\", `{0}()` or `$var({0})`, or `#!define {0}` first", token.text));
        } else if keyword::protocol(&token.text).is_some() || token.text == "myself" {
            mistake = mistake.help(format!("write \"{}\"", token.text));
        }
        if let Some(name) = &token.vanished {
            mistake = mistake.help(format!("`{name}` is defined without a value, so it stands for nothing here"));
        }
        self.fail(mistake)
    }

    /// `strlen(x)`, `strempty(x)`.
    fn measured(&mut self, op: UnaryOp) -> Parse<Expr> {
        self.nested(|parser| {
            let word = parser.bump();
            parser.expect(Punct::OpenParen, &format!(" after `{}`", word.text))?;
            let operand = parser.binary(0)?;
            parser.expect(Punct::CloseParen, " after the value")?;
            let span = parser.span_from(word.span);
            Ok(Expr { kind: ExprKind::Unary { op, operand: Box::new(operand) }, span })
        })
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
