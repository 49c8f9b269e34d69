//! Calls of functions, and the functions of the core that take bare words.

use super::{Failed, Parse, Parser};
use crate::ast::{Call, Expr, ExprKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::span::{Span, Spanned};
use crate::token::{Kind, Punct, Token};

impl Parser<'_> {
    /// A call; at its name.
    pub(super) fn call(&mut self) -> Parse<Expr> {
        self.parenthesis(Self::called)
    }

    fn called(&mut self) -> Parse<Expr> {
        let word = self.bump();
        self.check_called(&word)?;
        let parenthesized = self.at(Punct::OpenParen);
        let arguments = if parenthesized { self.call_arguments(&word.text)? } else { Vec::new() };
        let span = self.span_from(word.span);
        let name = Spanned::new(word.text, word.span);
        Ok(Expr { kind: ExprKind::Call(Call { name, arguments, parenthesized }), span })
    }

    fn check_called(&mut self, word: &Token) -> Parse<()> {
        if keyword::is_reserved(&word.text)
            && !keyword::is_core_function(&word.text)
            && !matches!(word.text.as_str(), "selval" | "route")
        {
            let message = format!("the reserved word `{}` cannot be called", word.text);
            return Err(self.fail(Diagnostic::error(Code::Syntax, message, word.span, "not a function")));
        }
        if self.in_arguments {
            let message = format!("`{}` is called inside the arguments of another call", word.text);
            let mistake = Diagnostic::error(Code::Syntax, message, word.span, "calls cannot be nested");
            self.report(mistake.help("assign the result to a variable first"));
        }
        Ok(())
    }

    fn call_arguments(&mut self, function: &str) -> Parse<Vec<Expr>> {
        // `selval` is part of an expression; it may hold calls, and stand in arguments.
        let nests = function == "selval";
        let around = self.in_arguments;
        self.in_arguments |= !nests;
        let result = self.arguments(function);
        self.in_arguments = around;
        result
    }

    fn arguments(&mut self, function: &str) -> Parse<Vec<Expr>> {
        let open = self.bump().span;
        let mut arguments = Vec::new();
        if self.at(Punct::CloseParen) {
            if matches!(function, "route" | "setflag" | "resetflag" | "isflagset") {
                return Err(self.unexpected("the name of a route or flag"));
            }
            self.bump();
            return Ok(arguments);
        }
        // An empty first argument is accepted, as Kamailio does; it is the empty string.
        if self.at(Punct::Comma) && !keyword::is_core_function(function) {
            let span = self.gap();
            arguments.push(Expr { kind: ExprKind::String(String::new()), span });
            self.bump();
        }
        loop {
            let argument = self.argument(function, arguments.len())?;
            arguments.push(argument);
            if self.eat(Punct::CloseParen) {
                return Ok(arguments);
            }
            if !self.eat(Punct::Comma) {
                return Err(self.unclosed_arguments(open));
            }
        }
    }

    fn unclosed_arguments(&mut self, open: Span) -> Failed {
        let mistake = self.unexpected_diagnostic("`,` or `)`");
        self.fail(mistake.label(open, "the arguments begin here"))
    }

    fn argument(&mut self, function: &str, position: usize) -> Parse<Expr> {
        match self.bare_argument(function, position) {
            Some(argument) => argument,
            None => self.binary(0),
        }
    }

    /// A word or address without quotes, for the functions that take one; `None`: any value follows.
    fn bare_argument(&mut self, function: &str, position: usize) -> Option<Parse<Expr>> {
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
                Some(self.bare(&next))
            }
            "udp_mtu_try_proto" if is_word && alone => Some(self.bare(&next)),
            "forward" | "forward_udp" | "forward_tcp" | "forward_tls" | "forward_sctp" if is_word || position == 0 => {
                if matches!(next.text.as_str(), "uri:host" | "uri:port") && is_word {
                    self.bump();
                    return Some(Ok(Expr { kind: ExprKind::Operand(next.text), span: next.span }));
                }
                self.address_argument()
            }
            "force_send_socket" if next.kind != Kind::String => {
                let address = self.socket_address("a local address");
                Some(address.map(|it| Expr { kind: ExprKind::Word(address_text(&it)), span: it.span }))
            }
            "set_advertised_address" => self.address_argument(),
            _ => None,
        }
    }

    fn bare(&mut self, token: &Token) -> Parse<Expr> {
        self.bump();
        Ok(Expr { kind: ExprKind::Word(token.text.clone()), span: token.span })
    }

    /// A host name or address without quotes.
    fn address_argument(&mut self) -> Option<Parse<Expr>> {
        let next = self.peek().kind;
        let bare = match next {
            Kind::Ipv6 | Kind::BadNumber | Kind::Punct(Punct::OpenBracket) => true,
            Kind::Number(_) => self.peek_at(1).is(Punct::Dot),
            Kind::Word => !self.peek_at(1).is(Punct::OpenParen),
            _ => false,
        };
        bare.then(|| {
            let host = self.host("a host name or address")?;
            let is_address = host.node.parse::<std::net::IpAddr>().is_ok();
            let kind = if is_address { ExprKind::Address(host.node) } else { ExprKind::Word(host.node) };
            Ok(Expr { kind, span: host.span })
        })
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
