//! Local addresses: `listen=`, `alias=`, `socket = {..}`, and the unquoted addresses of some core functions.

use super::{Failed, Parse, Parser};
use crate::ast::{ConfigValue, Socket, SocketAddress};
use crate::diagnostic::{Code, Diagnostic};
use crate::keyword;
use crate::span::Spanned;
use crate::token::{Kind, Punct};

/// Most tokens of a host name; what is longer is none.
const MAX_HOST_TOKENS: usize = 128;

impl Parser<'_> {
    /// The addresses of one `listen=`.
    pub(super) fn listen_addresses(&mut self) -> Parse<Vec<Socket>> {
        let mut sockets = Vec::new();
        loop {
            let mut socket = Socket {
                address: self.socket_address("an address to listen on")?,
                advertise: None,
                name: None,
                group: None,
                workers: None,
                is_virtual: false,
                vrf: None,
            };
            loop {
                if self.eat_word("advertise") || self.eat_word("ADVERTISE") {
                    socket.advertise = Some(self.socket_address("the address to advertise")?);
                } else if self.eat_word("name") || self.eat_word("NAME") {
                    socket.name = Some(self.expect_string("the name of the socket in quotes")?);
                } else if self.eat_word("virtual") {
                    socket.is_virtual = true;
                } else {
                    break;
                }
            }
            sockets.push(socket);
            if !self.another_address()? {
                return Ok(sockets);
            }
        }
    }

    /// The addresses of one `alias=`.
    pub(super) fn alias_addresses(&mut self) -> Parse<Vec<SocketAddress>> {
        let mut addresses = Vec::new();
        loop {
            addresses.push(self.socket_address("a host name")?);
            if !self.another_address()? {
                return Ok(addresses);
            }
        }
    }

    /// Whether an address follows, and not the next item.
    fn another_address(&mut self) -> Parse<bool> {
        let next = self.peek().clone();
        match next.kind {
            Kind::Punct(Punct::Comma) => {
                let mistake = Diagnostic::error(Code::Listen, "unexpected `,` in a list of addresses", next.span, "");
                self.report(mistake.help("several addresses are separated by blanks").edit(",", ""));
                self.bump();
                Ok(true)
            }
            Kind::Punct(Punct::Slash | Punct::Minus | Punct::Colon | Punct::Dot) => {
                Err(self.unexpected("the end of the address"))
            }
            Kind::String | Kind::Number(_) | Kind::BadNumber | Kind::Ipv6 => Ok(true),
            Kind::Punct(punct) => Ok(matches!(punct, Punct::OpenParen | Punct::OpenBracket | Punct::Star)),
            Kind::Word if keyword::is_reserved(&next.text) => {
                Ok(keyword::protocol(&next.text).is_some() && self.peek_at(1).is(Punct::Colon))
            }
            Kind::Word => Ok(!self.word_begins_item()),
            _ => Ok(false),
        }
    }

    /// Whether the word begins `name =`, `group.name =` or something else that is no host.
    fn word_begins_item(&mut self) -> bool {
        let mut at = 0;
        while at < MAX_HOST_TOKENS && (self.peek_at(at + 1).is(Punct::Dot) || self.peek_at(at + 1).is(Punct::Minus)) {
            at += 2;
        }
        let behind = self.peek_at(at + 1);
        [Punct::Assign, Punct::OpenBracket, Punct::OpenParen, Punct::OpenBrace].into_iter().any(|it| behind.is(it))
            || behind.kind == Kind::String && at == 0
    }

    /// `[proto:]host[:port]`.
    pub(super) fn socket_address(&mut self, what: &str) -> Parse<SocketAddress> {
        let first = self.peek().clone();
        let mut protocol = None;
        let names_protocol =
            first.is(Punct::Star) || first.kind == Kind::Word && keyword::protocol(&first.text).is_some();
        if names_protocol && self.peek_at(1).is(Punct::Colon) {
            protocol = keyword::protocol(&first.text).map(str::to_owned);
            self.bump();
            self.bump();
        }
        let hosts = if self.eat(Punct::OpenParen) {
            let mut hosts = vec![self.host(what)?];
            while self.eat(Punct::Comma) {
                hosts.push(self.host(what)?);
            }
            self.expect(Punct::CloseParen, " after the addresses")?;
            hosts
        } else {
            vec![self.host(what)?]
        };
        let port = if self.eat(Punct::Colon) { self.port()? } else { None };
        Ok(SocketAddress { protocol, hosts, port, span: self.span_from(first.span) })
    }

    fn port(&mut self) -> Parse<Option<u16>> {
        if self.eat(Punct::Star) {
            return Ok(None);
        }
        let Kind::Number(number) = self.peek().kind else {
            return Err(self.unexpected("a port after `:`"));
        };
        let token = self.bump();
        match u16::try_from(number) {
            Ok(port) => Ok(Some(port)),
            Err(_) => {
                let message = format!("`{}` is not a port", token.text);
                self.report(Diagnostic::error(Code::Listen, message, token.span, "ports go up to 65535"));
                Ok(None)
            }
        }
    }

    /// A host name, interface, address or string.
    pub(super) fn host(&mut self, what: &str) -> Parse<Spanned<String>> {
        let first = self.peek().clone();
        match first.kind {
            Kind::String | Kind::Ipv6 | Kind::Punct(Punct::Star) => {
                self.bump();
                return Ok(Spanned::new(first.text, first.span));
            }
            Kind::Punct(Punct::OpenBracket) => {
                self.bump();
                if self.peek().kind != Kind::Ipv6 {
                    return Err(self.unexpected("an IPv6 address after `[`"));
                }
                let address = self.bump().text;
                self.expect(Punct::CloseBracket, " after the IPv6 address")?;
                return Ok(Spanned::new(address, self.span_from(first.span)));
            }
            Kind::Word if keyword::opens_item(&first.text) => return Err(self.unexpected(what)),
            Kind::Word | Kind::Number(_) | Kind::BadNumber => {}
            _ => return Err(self.unexpected(what)),
        }
        let mut text = self.bump().text;
        for _ in 0..MAX_HOST_TOKENS {
            let separator = self.peek().clone();
            let behind = self.peek_at(1);
            let part = matches!(behind.kind, Kind::Word | Kind::Number(_) | Kind::BadNumber)
                || behind.is(Punct::Minus) && separator.is(Punct::Minus);
            if !part || !(separator.is(Punct::Dot) || separator.is(Punct::Minus)) {
                break;
            }
            self.bump();
            text.push_str(&separator.text);
            if !self.at(Punct::Minus) {
                text.push_str(&self.bump().text);
            }
        }
        if matches!(first.kind, Kind::Number(_))
            && text.contains('.')
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            self.check_ipv4(&text, first.span)?;
        }
        Ok(Spanned::new(text, self.span_from(first.span)))
    }

    fn check_ipv4(&mut self, text: &str, first: crate::span::Span) -> Parse<()> {
        let parts: Vec<&str> = text.split('.').collect();
        if parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok()) {
            return Ok(());
        }
        let span = self.span_from(first);
        let message = format!("`{text}` is not an IP address");
        let reason = if parts.len() == 4 { "every part goes up to 255" } else { "expected four numbers" };
        self.report(Diagnostic::error(Code::Listen, message, span, reason));
        Err(Failed)
    }

    /// The block of `socket = {..}`; at the brace.
    pub(super) fn socket_block(&mut self) -> Parse<Socket> {
        let open = self.bump();
        let (mut address, mut is_virtual, mut workers) = (None, false, None);
        let (mut advertise, mut name, mut group, mut vrf) = (None, None, None, None);
        while !self.eat(Punct::CloseBrace) {
            if self.eat(Punct::Semicolon) {
                continue;
            }
            let attribute = self.peek().clone();
            let known = ["bind", "advertise", "name", "agname", "workers", "virtual", "vrf"];
            if attribute.kind != Kind::Word {
                return Err(self.unexpected("an attribute of the socket or `}`"));
            }
            self.bump();
            self.expect(Punct::Assign, &format!(" after `{}`", attribute.text))?;
            match attribute.text.to_ascii_lowercase().as_str() {
                "bind" => address = Some(self.socket_address("the address to listen on")?),
                "advertise" => advertise = Some(self.socket_address("the address to advertise")?),
                "name" => name = Some(self.expect_string("a name in quotes")?),
                "agname" => group = Some(self.expect_string("a name in quotes")?),
                "vrf" => vrf = Some(self.expect_string("a name in quotes")?),
                "workers" => workers = Some(self.socket_number()?),
                "virtual" => is_virtual = self.socket_number()? != 0,
                other => {
                    let message = format!("a socket has no attribute `{other}`");
                    let mistake = Diagnostic::error(Code::Listen, message, attribute.span, "unknown attribute");
                    self.report(mistake.did_you_mean(other, known));
                    self.config_value("the attribute")?;
                }
            }
            if !self.at(Punct::Semicolon) && !self.at(Punct::CloseBrace) {
                return Err(self.unexpected("`;` after the attribute"));
            }
        }
        match address {
            Some(address) => Ok(Socket { address, advertise, name, group, workers, is_virtual, vrf }),
            None => {
                let span = self.span_from(open.span);
                let message = "this socket has no address";
                let mistake = Diagnostic::error(Code::Listen, message, span, "`bind` is missing");
                Err(self.fail(mistake.help("as in `bind = udp:1.2.3.4:5060;`")))
            }
        }
    }

    fn socket_number(&mut self) -> Parse<i64> {
        match self.number_value("a number")?.node {
            ConfigValue::Int(number) => Ok(number),
            _ => Err(Failed),
        }
    }
}
