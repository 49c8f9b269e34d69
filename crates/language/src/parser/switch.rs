//! `switch` and its labels.

use std::collections::HashMap;

use super::{Parse, Parser};
use crate::ast::{Case, Expr, ExprKind, Label, StatementKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::span::{Span, Spanned};
use crate::token::{Kind, Punct};

impl Parser<'_> {
    /// `switch`; at its keyword.
    pub(super) fn switch_statement(&mut self) -> Parse<StatementKind> {
        self.bump();
        let on = self.expression()?;
        let open = self.expect(Punct::OpenBrace, " after the value of `switch`")?;
        let mut cases = Vec::new();
        let mut seen = Labels::default();
        while !self.eat(Punct::CloseBrace) && !self.abandoned {
            if self.at_end() || self.begins_item(true) {
                self.unclosed_block(open, "this `switch` is never closed");
                break;
            }
            let (label, span) = self.case_label(&mut seen)?;
            let body = self.statements(true)?;
            cases.push(Case { label, body, span });
        }
        Ok(StatementKind::Switch { on, cases })
    }

    /// `case X:` or `default:`.
    fn case_label(&mut self, seen: &mut Labels) -> Parse<(Option<Label>, Span)> {
        let first = self.peek().span;
        let label = if self.eat_word("default") {
            None
        } else if self.eat_word("case") {
            Some(self.label()?)
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
        let span = self.span_from(first);
        self.check_label(label.as_ref(), span, seen);
        Ok((label, span))
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
            return Ok(Label::Value(Expr { kind: ExprKind::Word(word.text), span: word.span }));
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
