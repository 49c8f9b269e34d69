//! Properties of the message and what they are compared with: `method == INVITE`, `src_ip == 10.0.0.0/8`.

use super::{Parse, Parser};
use crate::ast::{Expr, ExprKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::token::{Kind, Punct, Token};

impl Parser<'_> {
    /// A property or `myself` and its comparison. The two are one value, so `!method == INVITE` negates the comparison.
    pub(super) fn property(&mut self, first: &Token) -> Parse<Expr> {
        let left = self.operand();
        let Some((op, strength)) = self.next_comparison() else {
            let message = format!("`{}` must stand on the left of a comparison", first.text);
            let mistake = Diagnostic::error(Code::Syntax, message, first.span, "no comparison follows");
            return Err(self.fail(mistake.help("variables can be used anywhere: `$rm`, `$ru`, `$si` ..")));
        };
        self.take_operator();
        let right = self.nested(|parser| match &left.kind {
            ExprKind::Operand(name) => parser.compared_with(name, strength),
            _ if parser.next_operand().is_some() => Ok(parser.operand()),
            _ => Err(parser.unexpected("a property of the message such as `uri` or `src_ip`")),
        })?;
        let span = self.join(left.span, right.span);
        Ok(Expr { kind: ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, span })
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
        let token = self.peek().clone();
        match token.kind {
            Kind::Number(_) | Kind::Ipv6 | Kind::Punct(Punct::OpenBracket) if is_address => self.network(),
            Kind::Word => {
                let is_value = keyword::number(&token.text).is_some()
                    || matches!(token.text.as_str(), "strlen" | "strempty" | "selval" | "not" | "defined")
                    || self.peek_at(1).is(Punct::OpenParen);
                if token.text == "max_len" || token.text == "myself" {
                    return Ok(self.operand());
                }
                if is_value {
                    return self.binary(strength);
                }
                if is_address {
                    let host = self.host("a host name")?;
                    return Ok(Expr { kind: ExprKind::Word(host.node), span: host.span });
                }
                if keyword::is_reserved(&token.text) && keyword::protocol(&token.text).is_none() {
                    return self.binary(strength);
                }
                self.bump();
                Ok(Expr { kind: ExprKind::Word(token.text), span: token.span })
            }
            _ => self.binary(strength),
        }
    }

    /// `1.2.3.4`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `2001:db8::/32`.
    fn network(&mut self) -> Parse<Expr> {
        let address = self.host("an IP address")?;
        let mut text = address.node;
        if self.eat(Punct::Slash) {
            text.push('/');
            text.push_str(&self.host("the bits of a network after `/`")?.node);
        }
        Ok(Expr { kind: ExprKind::Address(text), span: self.span_from(address.span) })
    }
}
