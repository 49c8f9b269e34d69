//! Properties of the message and what they are compared with: `method == INVITE`, `src_ip == 10.0.0.0/8`.

use std::net::IpAddr;

use super::{Failed, Parse, Parser};
use crate::ast::{Expr, ExprKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::token::{Kind, Punct};

impl Parser<'_> {
    /// A property or `myself` and its comparison. The two are one value, so `!method == INVITE` negates the comparison.
    pub(super) fn property(&mut self) -> Parse<Expr> {
        let left = self.operand();
        let Some((op, strength)) = self.next_comparison() else { return Err(self.not_compared()) };
        self.take_operator()?;
        let right = self.parenthesis(|parser| parser.right_side(&left, strength))?;
        Ok(self.combined(op, left, right))
    }

    fn right_side(&mut self, left: &Expr, strength: u8) -> Parse<Expr> {
        match &left.kind {
            ExprKind::Operand(name) => self.compared_with(name, strength),
            _ if self.next_operand().is_some() => Ok(self.operand()),
            _ => Err(self.unexpected("a property of the message such as `uri` or `src_ip`")),
        }
    }

    /// A property, just taken, without a comparison.
    fn not_compared(&mut self) -> Failed {
        let first = self.previous.clone();
        let message = format!("`{}` must stand on the left of a comparison", first.text);
        let mistake = Diagnostic::error(Code::Syntax, message, first.span, "no comparison follows");
        let help = match first.text.as_str() {
            "myself" => "as in `uri == myself`",
            _ => "variables can be used anywhere: `$rm`, `$ru`, `$si` ..",
        };
        self.fail(mistake.help(help))
    }

    fn next_operand(&mut self) -> Option<&'static str> {
        let token = self.peek();
        if token.kind == Kind::Word { keyword::operand(&token.text) } else { None }
    }

    /// The property or `myself` at the next token.
    fn operand(&mut self) -> Expr {
        let name = self.next_operand();
        let span = self.bump().span;
        Expr { kind: name.map_or(ExprKind::Myself, |name| ExprKind::Operand(name.to_owned())), span }
    }

    /// What the property `left` is compared with; bare words and addresses are allowed here.
    fn compared_with(&mut self, left: &str, strength: u8) -> Parse<Expr> {
        let is_address = matches!(left, "src_ip" | "dst_ip" | "snd_ip" | "to_ip");
        let called = self.peek_at(1).is(Punct::OpenParen);
        let token = self.peek();
        let text = token.text.as_str();
        match token.kind {
            Kind::Number(_) | Kind::Ipv6 | Kind::Punct(Punct::OpenBracket) if is_address => self.network(),
            Kind::Word if matches!(text, "max_len" | "myself") => Ok(self.operand()),
            Kind::Word if called || is_value(text) => self.binary(strength),
            Kind::Word if is_address => {
                let host = self.host("a host name")?;
                Ok(Expr { kind: ExprKind::Word(host.node), span: host.span })
            }
            Kind::Word if left == "method" || keyword::protocol(text).is_some() && left.ends_with("proto") => {
                let token = self.bump();
                Ok(Expr { kind: ExprKind::Word(token.text), span: token.span })
            }
            _ => self.binary(strength),
        }
    }

    /// `1.2.3.4`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `2001:db8::/32`.
    fn network(&mut self) -> Parse<Expr> {
        let address = self.host("an IP address")?;
        let parsed = address.node.parse::<IpAddr>().ok();
        let mut text = address.node;
        let mut fits = true;
        if self.eat(Punct::Slash) {
            let mask = self.host("the bits of a network after `/`")?.node;
            let bits = if parsed.is_some_and(|it| it.is_ipv6()) { 128 } else { 32 };
            fits = mask.parse::<u8>().is_ok_and(|it| it <= bits) || mask.parse::<IpAddr>().is_ok();
            text.push('/');
            text.push_str(&mask);
        }
        let span = self.span_from(address.span);
        if parsed.is_none() || !fits {
            let message = format!("`{text}` is not an IP address or network");
            let reason = if fits { "write host names in quotes" } else { "the mask is wrong" };
            return Err(self.fail(Diagnostic::error(Code::Syntax, message, span, reason)));
        }
        Ok(Expr { kind: ExprKind::Address(text), span })
    }
}

/// Whether a word behind a comparison is a value and not a name.
fn is_value(word: &str) -> bool {
    keyword::number(word).is_some() || keyword::is_reserved(word) && keyword::protocol(word).is_none()
}
