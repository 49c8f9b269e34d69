//! Calls of functions, and the functions of the core that take bare words.

use super::{Parse, Parser};
use crate::ast::{Call, Expr, ExprKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::span::Spanned;
use crate::token::{Kind, Punct, Token};

impl Parser<'_> {
    /// A call; at its name.
    pub(super) fn call(&mut self) -> Parse<Expr> {
        self.nested(|parser| {
            let word = parser.bump();
            if keyword::is_reserved(&word.text)
                && !keyword::is_core_function(&word.text)
                && !matches!(word.text.as_str(), "selval" | "route")
            {
                let message = format!("the reserved word `{}` cannot be called", word.text);
                return Err(parser.fail(Diagnostic::error(Code::Syntax, message, word.span, "not a function")));
            }
            if parser.in_arguments {
                let message = format!("`{}` is called inside the arguments of another call", word.text);
                let mistake = Diagnostic::error(Code::Syntax, message, word.span, "calls cannot be nested");
                parser.report(mistake.help("assign the result to a variable first"));
            }
            let parenthesized = parser.at(Punct::OpenParen);
            let arguments = if parenthesized { parser.call_arguments(&word)? } else { Vec::new() };
            let span = parser.span_from(word.span);
            let name = Spanned::new(word.text, word.span);
            Ok(Expr { kind: ExprKind::Call(Call { name, arguments, parenthesized }), span })
        })
    }

    fn call_arguments(&mut self, word: &Token) -> Parse<Vec<Expr>> {
        // `selval` is part of an expression; it may hold calls, and stand in arguments.
        let nests = word.text == "selval";
        let around = self.in_arguments;
        self.in_arguments |= !nests;
        let result = self.arguments(word);
        self.in_arguments = around;
        result
    }

    fn arguments(&mut self, word: &Token) -> Parse<Vec<Expr>> {
        let open = self.bump();
        let mut arguments = Vec::new();
        if self.eat(Punct::CloseParen) {
            return Ok(arguments);
        }
        // An empty first argument is accepted, as Kamailio does; it is the empty string.
        if self.at(Punct::Comma) && !keyword::is_core_function(&word.text) {
            let span = self.gap();
            arguments.push(Expr { kind: ExprKind::String(String::new()), span });
            self.bump();
        }
        loop {
            arguments.push(self.argument(&word.text, arguments.len())?);
            if self.eat(Punct::CloseParen) {
                return Ok(arguments);
            }
            if !self.eat(Punct::Comma) {
                let mistake = self.unexpected_diagnostic("`,` or `)`");
                let mistake = mistake.label(open.span, "the arguments begin here");
                return Err(self.fail(mistake));
            }
        }
    }

    fn argument(&mut self, function: &str, position: usize) -> Parse<Expr> {
        let next = self.peek().clone();
        let alone = self.peek_at(1).is(Punct::CloseParen) || self.peek_at(1).is(Punct::Comma);
        let is_word = next.kind == Kind::Word;
        match function {
            "route" | "setflag" | "resetflag" | "isflagset" | "setavpflag" | "resetavpflag" | "isavpflagset"
                if is_word && alone && keyword::number(&next.text).is_none() =>
            {
                if keyword::is_reserved(&next.text) {
                    self.reserved(&Spanned::new(next.text.clone(), next.span), "a route or flag");
                }
                self.bare(&next)
            }
            "udp_mtu_try_proto" if is_word && alone => self.bare(&next),
            "forward" | "forward_udp" | "forward_tcp" | "forward_tls" | "forward_sctp" if is_word || position == 0 => {
                if matches!(next.text.as_str(), "uri:host" | "uri:port") && is_word {
                    self.bump();
                    return Ok(Expr { kind: ExprKind::Operand(next.text), span: next.span });
                }
                self.address_argument()
            }
            "force_send_socket" if next.kind != Kind::String => {
                let address = self.socket_address("a local address")?;
                let text = address_text(&address);
                Ok(Expr { kind: ExprKind::Word(text), span: address.span })
            }
            "set_advertised_address" => self.address_argument(),
            _ => self.binary(0),
        }
    }

    fn bare(&mut self, token: &Token) -> Parse<Expr> {
        self.bump();
        Ok(Expr { kind: ExprKind::Word(token.text.clone()), span: token.span })
    }

    /// A host name or address without quotes, or any value.
    fn address_argument(&mut self) -> Parse<Expr> {
        let next = self.peek().clone();
        let kind = match next.kind {
            Kind::Ipv6 | Kind::Punct(Punct::OpenBracket) => ExprKind::Address(self.host("an address")?.node),
            Kind::Number(_) if self.peek_at(1).is(Punct::Dot) => {
                let host = self.host("an address")?.node;
                let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
                if is_address { ExprKind::Address(host) } else { ExprKind::Word(host) }
            }
            Kind::Word | Kind::BadNumber if !self.peek_at(1).is(Punct::OpenParen) => {
                ExprKind::Word(self.host("a host name")?.node)
            }
            _ => return self.binary(0),
        };
        Ok(Expr { kind, span: self.span_from(next.span) })
    }
}

/// An address as it is written.
fn address_text(address: &crate::ast::SocketAddress) -> String {
    let bracketed = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let hosts: Vec<String> = address.hosts.iter().map(|host| bracketed(&host.node)).collect();
    let hosts = if hosts.len() == 1 { hosts.concat() } else { format!("({})", hosts.join(",")) };
    let protocol = address.protocol.as_ref().map(|it| format!("{it}:")).unwrap_or_default();
    let port = address.port.map(|it| format!(":{it}")).unwrap_or_default();
    format!("{protocol}{hosts}{port}")
}
