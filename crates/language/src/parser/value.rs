//! Constants on the right of parameters.

use super::{Parse, Parser};
use crate::ast::ConfigValue;
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::span::Spanned;
use crate::token::{Kind, Punct};

impl Parser<'_> {
    /// The value of the parameter `what`.
    pub(super) fn config_value(&mut self, what: &str) -> Parse<Spanned<ConfigValue>> {
        let next = self.peek().clone();
        let value = match next.kind {
            Kind::String => {
                self.bump();
                Spanned::new(ConfigValue::String(next.text), next.span)
            }
            Kind::Number(_) if self.peek_at(1).is(Punct::Dot) => self.word_value(what)?,
            Kind::Number(_) | Kind::BadNumber | Kind::Punct(Punct::Minus) => {
                self.number_value(&format!("a value for {what}"))?
            }
            Kind::Word if keyword::number(&next.text).is_some() => self.number_value(&format!("a value for {what}"))?,
            Kind::Word if self.peek_at(1).is(Punct::Assign) && self.starts_line() => {
                let gap = self.gap();
                let message = format!("the value of {what} is missing");
                let mut mistake = Diagnostic::error(Code::Syntax, message, gap, "expected a value here");
                if let Some(hint) = &next.hint {
                    mistake = mistake.help(hint);
                }
                return Err(self.fail(mistake));
            }
            Kind::Word if is_command(&next.text) => {
                return Err(self.unexpected(&format!("a value for {what}")));
            }
            Kind::Word | Kind::Ipv6 | Kind::Punct(Punct::OpenBracket) => self.word_value(what)?,
            Kind::Punct(Punct::Slash) => {
                let mistake = self.unexpected_diagnostic(&format!("a value for {what}"));
                return Err(self.fail(mistake.help("paths stand in quotes: \"/tmp\"")));
            }
            _ => return Err(self.unexpected(&format!("a value for {what}"))),
        };
        self.check_end_of_value(what)?;
        Ok(value)
    }

    /// Something may follow a value only if it begins the next item.
    fn check_end_of_value(&mut self, what: &str) -> Parse<()> {
        let next = self.peek().clone();
        let continues = match next.kind {
            Kind::Punct(punct) => !matches!(punct, Punct::Semicolon | Punct::CloseBrace),
            Kind::String | Kind::Variable | Kind::Number(_) | Kind::BadNumber => !self.starts_line(),
            _ => false,
        };
        if !continues {
            return Ok(());
        }
        let message = format!("unexpected {} after the value of {what}", next.describe());
        let mut mistake = Diagnostic::error(Code::Syntax, message, next.span, "a parameter takes one constant");
        if next.is(Punct::Dot) || next.is(Punct::Minus) || next.is(Punct::Slash) || next.is(Punct::Colon) {
            mistake = mistake.help("write text with other characters than letters and digits in quotes");
        }
        Err(self.fail(mistake))
    }

    /// A number, also negative or a word like `yes`.
    pub(super) fn number_value(&mut self, what: &str) -> Parse<Spanned<ConfigValue>> {
        let next = self.peek().clone();
        if next.is(Punct::Minus)
            && let Kind::Number(number) = self.peek_at(1).kind
        {
            self.bump();
            self.bump();
            return Ok(Spanned::new(ConfigValue::Int(-number), self.span_from(next.span)));
        }
        let number = match next.kind {
            Kind::Number(number) => number,
            Kind::Word if keyword::number(&next.text).is_some() => keyword::number(&next.text).unwrap_or_default(),
            Kind::BadNumber => return Err(self.not_a_number()),
            _ => return Err(self.unexpected(what)),
        };
        self.bump();
        Ok(Spanned::new(ConfigValue::Int(number), next.span))
    }

    /// A bare word, host name or address.
    fn word_value(&mut self, what: &str) -> Parse<Spanned<ConfigValue>> {
        let host = self.host(&format!("a value for {what}"))?;
        Ok(Spanned::new(ConfigValue::Word(host.node), host.span))
    }
}

/// Whether the word is a reserved one that is no value: those are lower case; `TLSv1` and `TCP` are values.
fn is_command(word: &str) -> bool {
    keyword::is_reserved(word)
        && keyword::protocol(word).is_none()
        && word.bytes().all(|byte| !byte.is_ascii_uppercase())
        && !word.starts_with("tls")
        && !word.starts_with("ssl")
}
