//! Top-level items: parameters, modules, routing blocks.

use super::{Failed, Parse, Parser};
use crate::ast::{ConfigValue, Item, ItemKind, RouteBlock, RouteKind};
use crate::diagnostic::{Code, Diagnostic, closest};
use crate::keyword;
use crate::preprocess::Define;
use crate::span::Spanned;
use crate::token::{Kind, Punct, Subst, Token};

/// Words that begin a top-level item, for "did you mean".
const ITEM_WORDS: &[&str] = &[
    "route",
    "request_route",
    "reply_route",
    "onreply_route",
    "failure_route",
    "branch_route",
    "onsend_route",
    "event_route",
    "loadmodule",
    "loadmodulex",
    "loadpath",
    "mpath",
    "modparam",
    "modparamx",
    "cfgengine",
    "flags",
    "avpflags",
];

/// Name and number of a flag.
type Flag = (Spanned<String>, Option<Spanned<i64>>);

/// Those of them that have parentheses.
const CALLED_WORDS: &[&str] = &["modparam", "modparamx", "loadmodule"];

impl Parser<'_> {
    /// One item; `None` for what leaves no trace in the tree.
    pub(super) fn item(&mut self) -> Parse<Option<Item>> {
        let first = self.peek().clone();
        let kind = match first.kind {
            Kind::Punct(Punct::Semicolon) => {
                self.bump();
                return Ok(None);
            }
            Kind::Subst(kind) => return self.subst(kind).map(|()| None),
            Kind::Word => self.worded_item(&first)?,
            Kind::Punct(Punct::CloseBrace) => {
                self.bump();
                if !std::mem::take(&mut self.strayed) {
                    let mistake = Diagnostic::error(Code::Syntax, "unmatched `}`", first.span, "no block is open here");
                    self.report(mistake.help("a block before this ends too early, or a `{` is missing"));
                }
                return Ok(None);
            }
            _ => return Err(self.not_an_item()),
        };
        let span = self.span_from(first.span);
        Ok(kind.map(|kind| Item { kind, span }))
    }

    fn worded_item(&mut self, first: &Token) -> Parse<Option<ItemKind>> {
        if is_statement(&first.text) || first.text == "route" && self.peek_at(1).is(Punct::OpenParen) {
            return self.stray_statement(first);
        }
        Ok(Some(match first.text.as_str() {
            "route" | "request_route" | "reply_route" | "onreply_route" | "failure_route" | "branch_route"
            | "onsend_route" | "event_route" => self.route_block()?,
            "loadmodule" | "loadmodulex" => self.load_module()?,
            "loadpath" | "mpath" => {
                self.bump();
                self.eat(Punct::Assign);
                ItemKind::LoadPath(self.expect_string("a path in quotes")?)
            }
            "cfgengine" => {
                self.bump();
                self.eat(Punct::Assign);
                ItemKind::CfgEngine(self.expect_string("the name of an engine in quotes, as \"native\"")?)
            }
            "modparam" | "modparamx" => self.mod_param()?,
            "flags" | "bool" => ItemKind::Flags(self.flags()?),
            "avpflags" => ItemKind::AvpFlags(self.flags()?.into_iter().map(|(name, _)| name).collect()),
            "listen" => {
                self.bump();
                self.expect(Punct::Assign, " after `listen`")?;
                ItemKind::Listen(self.listen_addresses()?)
            }
            "alias" | "domain" => {
                self.bump();
                self.expect(Punct::Assign, " after `alias`")?;
                ItemKind::Alias(self.alias_addresses()?)
            }
            "socket" if self.peek_at(1).is(Punct::Assign) && self.peek_at(2).is(Punct::OpenBrace) => {
                self.bump();
                self.bump();
                ItemKind::Listen(vec![self.socket_block()?])
            }
            _ => return self.parameter(),
        }))
    }

    fn subst(&mut self, kind: Subst) -> Parse<()> {
        self.bump();
        let rule = self.expect_string("a string \"/pattern/replacement/flags\"")?;
        self.lexer.add_rule(kind, &rule.node, rule.span);
        Ok(())
    }

    /// `name = value`, `group.name = value`, `group[1].name = value`, `coreparam[x] = value`.
    fn parameter(&mut self) -> Parse<Option<ItemKind>> {
        let word = self.bump();
        let name = Spanned::new(word.text.clone(), word.span);
        let next = self.peek().kind;
        match next {
            Kind::Punct(Punct::Assign) => {
                self.bump();
                let value = self.config_value(&format!("`{}`", name.node))?;
                Ok(Some(ItemKind::CoreParam { name, index: None, value }))
            }
            Kind::Punct(Punct::Dot) => self.custom_parameter(name).map(Some),
            Kind::Punct(Punct::OpenBracket) if !self.names_route(&word) => self.indexed_parameter(name).map(Some),
            Kind::Punct(Punct::OpenParen) if closest(&word.text, CALLED_WORDS.iter().copied()).is_none() => {
                self.stray_call(&word)
            }
            _ => self.misspelt_item(&word),
        }
    }

    fn names_route(&mut self, word: &Token) -> bool {
        let closing = (1..=4).find(|&at| self.peek_at(at).is(Punct::CloseBracket));
        closing.is_some_and(|at| self.peek_at(at + 1).is(Punct::OpenBrace)) || word.text.contains("route")
    }

    fn indexed_parameter(&mut self, name: Spanned<String>) -> Parse<ItemKind> {
        self.bump();
        let index = match self.peek().kind {
            Kind::Word => {
                let token = self.bump();
                Spanned::new(token.text, token.span)
            }
            _ => self.block_name("a name")?,
        };
        self.expect(Punct::CloseBracket, " after the index")?;
        if self.at(Punct::Dot) {
            let group = format!("{}[{}]", name.node, index.node);
            let span = self.span_from(name.span);
            return self.custom_parameter(Spanned::new(group, span));
        }
        self.expect(Punct::Assign, " after the parameter")?;
        let value = self.config_value(&format!("`{}[{}]`", name.node, index.node))?;
        Ok(ItemKind::CoreParam { name, index: Some(index), value })
    }

    /// Behind the group; at the dot.
    fn custom_parameter(&mut self, group: Spanned<String>) -> Parse<ItemKind> {
        let is_kemi = group.node == "kemi";
        if keyword::is_reserved(&group.node) && !is_kemi {
            self.reserved(&group, "a group of parameters");
        }
        self.bump();
        if self.peek().kind != Kind::Word {
            return Err(self.unexpected(&format!("the name of a parameter after `{}.`", group.node)));
        }
        let word = self.bump();
        let name = Spanned::new(word.text, word.span);
        if keyword::is_reserved(&name.node) {
            self.reserved(&name, "a parameter");
        }
        let whole = format!("{}.{}", group.node, name.node);
        self.expect(Punct::Assign, &format!(" after `{whole}`"))?;
        let value = self.config_value(&format!("`{whole}`"))?;
        if is_kemi {
            let span = self.join(group.span, name.span);
            return Ok(ItemKind::CoreParam { name: Spanned::new(whole, span), index: None, value });
        }
        if let ConfigValue::Word(word) = &value.node {
            let message = format!("expected a number or string as value of `{whole}`, found `{word}`");
            let mistake = Diagnostic::error(Code::Syntax, message, value.span, "neither a number nor a string");
            self.report(mistake.help(format!("write \"{word}\"")));
        }
        let described = ["desc", "descr", "description"].into_iter().any(|word| self.eat_word(word));
        let description = if described { Some(self.expect_string("a description in quotes")?.node) } else { None };
        Ok(ItemKind::CustomParam { group, name, value, description })
    }

    pub(super) fn reserved(&mut self, name: &Spanned<String>, what: &str) {
        let message = format!("`{}` is a reserved word and cannot name {what}", name.node);
        let mistake = Diagnostic::error(Code::Syntax, message, name.span, "reserved by the language");
        self.report(mistake.help("choose another name"));
    }

    fn load_module(&mut self) -> Parse<ItemKind> {
        let evaluated = self.bump().text == "loadmodulex";
        let (name, options) = if self.eat(Punct::OpenParen) {
            let name = self.expect_string("the name of a module in quotes")?;
            let options = if self.eat(Punct::Comma) { Some(self.expect_string("options in quotes")?) } else { None };
            self.expect(Punct::CloseParen, " after the module")?;
            (name, options)
        } else {
            (self.expect_string("the name of a module in quotes")?, None)
        };
        let base = name.node.rsplit('/').next().unwrap_or_default();
        let base = base.strip_suffix(".so").unwrap_or(base);
        self.lexer.defines.set(format!("MOD_{base}"), Define::built_in(None));
        Ok(ItemKind::LoadModule { name, options, evaluated })
    }

    fn mod_param(&mut self) -> Parse<ItemKind> {
        let word = self.bump().text;
        let evaluated = word == "modparamx";
        self.expect(Punct::OpenParen, &format!(" after `{word}`"))?;
        let modules = self.expect_string("the name of a module in quotes")?;
        self.expect(Punct::Comma, " after the module")?;
        let name = self.expect_string("the name of a parameter in quotes")?;
        self.expect(Punct::Comma, " after the parameter")?;
        let value = if evaluated && self.peek().kind == Kind::Variable {
            let token = self.bump();
            Spanned::new(ConfigValue::String(token.text), token.span)
        } else {
            self.mod_param_value(&name.node)?
        };
        self.expect(Punct::CloseParen, " after the value")?;
        Ok(ItemKind::ModParam { modules, name, value, evaluated })
    }

    fn mod_param_value(&mut self, name: &str) -> Parse<Spanned<ConfigValue>> {
        let next = self.peek().clone();
        match next.kind {
            Kind::String => {
                self.bump();
                Ok(Spanned::new(ConfigValue::String(next.text), next.span))
            }
            Kind::Word if keyword::number(&next.text).is_none() => {
                let mistake = self.unexpected_diagnostic(&format!("a number or string as value of `{name}`"));
                Err(self.fail(mistake.help(format!("write \"{0}\", or `#!define {0}` first", next.text))))
            }
            Kind::Variable => {
                let mistake = self.unexpected_diagnostic(&format!("a number or string as value of `{name}`"));
                Err(self.fail(mistake.help("`modparamx` takes a variable, and evaluates it at start")))
            }
            _ => self.number_value(&format!("a number or string as value of `{name}`")),
        }
    }

    /// `flags A:1, B;`
    fn flags(&mut self) -> Parse<Vec<Flag>> {
        let word = self.bump().text;
        let mut flags = Vec::new();
        loop {
            if self.peek().kind != Kind::Word && self.peek().kind != Kind::String {
                return Err(self.unexpected(&format!("the name of a flag after `{word}`")));
            }
            let token = self.bump();
            let name = Spanned::new(token.text, token.span);
            if token.kind == Kind::Word && keyword::is_reserved(&name.node) {
                self.reserved(&name, "a flag");
            }
            let number = if self.eat(Punct::Colon) {
                let value = self.number_value("the number of the flag")?;
                let ConfigValue::Int(number) = value.node else { return Err(Failed) };
                Some(Spanned::new(number, value.span))
            } else {
                None
            };
            flags.push((name, number));
            if !self.eat(Punct::Comma) {
                return Ok(flags);
            }
        }
    }

    fn route_block(&mut self) -> Parse<ItemKind> {
        self.strayed = false;
        let word = self.bump();
        let name = self.route_name(&word)?;
        let kind = match (word.text.as_str(), &name) {
            ("reply_route", _) | ("onreply_route", None) => RouteKind::Reply,
            ("onreply_route", Some(_)) => RouteKind::OnReply,
            ("failure_route", _) => RouteKind::Failure,
            ("branch_route", _) => RouteKind::Branch,
            ("onsend_route", _) => RouteKind::OnSend,
            ("event_route", _) => RouteKind::Event,
            _ => RouteKind::Request,
        };
        let header = self.span_from(word.span);
        if !self.at(Punct::OpenBrace) {
            return Err(self.unexpected("`{` to open the block"));
        }
        let body = self.block()?;
        Ok(ItemKind::Route(RouteBlock { kind, name, body, header }))
    }

    /// `[name]` of a block; the block 0 is the unnamed one.
    fn route_name(&mut self, word: &Token) -> Parse<Option<Spanned<String>>> {
        let is_event = word.text == "event_route";
        if !self.at(Punct::OpenBracket) {
            if is_event {
                return Err(self.unexpected("`[` and the name of an event, as in `event_route[xhttp:request]`"));
            }
            return Ok(None);
        }
        let open = self.bump();
        if matches!(word.text.as_str(), "request_route" | "reply_route") {
            let message = format!("`{}` has no name", word.text);
            let mistake = Diagnostic::error(Code::Syntax, message, open.span, "no name allowed here");
            let help = if word.text == "request_route" { "`route[NAME]`" } else { "`onreply_route[NAME]`" };
            self.report(mistake.help(format!("a block with a name is {help}")));
        }
        let name = if is_event { self.event_name()? } else { self.block_name("the name of a route")? };
        self.expect(Punct::CloseBracket, " after the name")?;
        Ok(Some(name).filter(|name| is_event || name.node != "0"))
    }

    /// A word, number or string.
    fn block_name(&mut self, what: &str) -> Parse<Spanned<String>> {
        let token = self.peek().clone();
        let text = match token.kind {
            Kind::Word if !keyword::is_reserved(&token.text) => token.text,
            Kind::Word => {
                self.reserved(&Spanned::new(token.text.clone(), token.span), "a route");
                token.text
            }
            Kind::Number(number) => number.to_string(),
            Kind::String => token.text,
            _ => return Err(self.unexpected(what)),
        };
        self.bump();
        if self.at(Punct::Minus) || self.at(Punct::Colon) || self.at(Punct::Dot) {
            let mistake = self.unexpected_diagnostic("`]`");
            let help = "a route's name is one word, or a string: `route[\"any-name\"]`";
            return Err(self.fail(mistake.help(help)));
        }
        Ok(Spanned::new(text, token.span))
    }

    /// `module:event[:more]`, also in quotes.
    fn event_name(&mut self) -> Parse<Spanned<String>> {
        // The lexer has a rule of its own for these names, so nothing may have been read ahead.
        if !self.ahead.is_empty() {
            return self.block_name("the name of an event");
        }
        let (text, span) = self.lexer.event_name();
        if text.is_empty() {
            return self.expect_string("the name of an event, as `xhttp:request`");
        }
        if !is_event_name(&text) {
            let message = format!("`{text}` is not the name of an event");
            let mistake = Diagnostic::error(Code::Syntax, message, span, "expected a name like `xhttp:request`");
            self.report(mistake);
        }
        Ok(Spanned::new(text, span))
    }

    /// A statement outside of all blocks: read for its own mistakes, and left out of the tree.
    fn stray_statement(&mut self, first: &Token) -> Parse<Option<ItemKind>> {
        self.report_stray(first);
        self.statement()?;
        Ok(None)
    }

    /// A call outside of all blocks; behind its name.
    fn stray_call(&mut self, name: &Token) -> Parse<Option<ItemKind>> {
        self.report_stray(name);
        self.ahead.push_front(name.clone());
        self.statement()?;
        Ok(None)
    }

    fn report_stray(&mut self, first: &Token) {
        if !std::mem::replace(&mut self.strayed, true) {
            let message = format!("`{}` can stand only inside of a routing block", first.text);
            let mistake = Diagnostic::error(Code::Syntax, message, first.span, "no block is open here");
            self.report(mistake.help("a block before this ends too early, or a `{` is missing"));
        }
    }

    fn not_an_item(&mut self) -> Failed {
        self.unexpected("a parameter, `loadmodule`, `modparam` or a routing block")
    }

    /// A word that begins nothing, already taken.
    fn misspelt_item(&mut self, word: &Token) -> Parse<Option<ItemKind>> {
        let next = self.peek().clone();
        let candidates: &[&str] = match next.kind {
            Kind::String => &["loadmodule", "loadmodulex", "loadpath", "mpath", "cfgengine"],
            Kind::Punct(Punct::OpenParen) => CALLED_WORDS,
            Kind::Punct(Punct::OpenBrace | Punct::OpenBracket) => ITEM_WORDS.get(..8).unwrap_or_default(),
            _ => ITEM_WORDS,
        };
        let guess = closest(&word.text, candidates.iter().copied());
        let message = match next.kind {
            _ if keyword::is_reserved(&word.text) => format!("`{}` cannot stand here", word.text),
            _ => format!("`{}` begins no parameter and no block", word.text),
        };
        let text = format!("followed by {}", next.describe());
        let mut mistake = Diagnostic::error(Code::Syntax, message, word.span, text);
        if let Some(guess) = guess {
            mistake = mistake.help(format!("did you mean `{guess}`?")).edit(&*word.text, guess);
        } else if matches!(next.kind, Kind::Word | Kind::Number(_) | Kind::String) {
            mistake = mistake.help(format!("parameters are written `{} = value`", word.text));
        }
        if let Some(hint) = &word.hint {
            mistake = mistake.help(hint);
        }
        self.report(mistake);
        let is_route = guess.is_some_and(|guess| guess.ends_with("route"));
        if is_route && (next.is(Punct::OpenBrace) || next.is(Punct::OpenBracket)) {
            // The body is worth reading; whoever it belongs to.
            if next.is(Punct::OpenBracket) {
                while !self.at(Punct::OpenBrace) && !self.at_end() && !self.at(Punct::Semicolon) {
                    self.bump();
                }
            }
            if self.at(Punct::OpenBrace) {
                self.block()?;
            }
            return Ok(None);
        }
        Err(Failed)
    }
}

/// Whether the word begins a statement and never an item.
fn is_statement(word: &str) -> bool {
    matches!(word, "if" | "else" | "while" | "switch" | "exit" | "drop" | "return" | "break")
}

/// `letter[letters digits -]*`, then one or more `:letter[letters digits _ -]*`.
fn is_event_name(text: &str) -> bool {
    let mut parts = 0;
    let valid = text.split(':').all(|part| {
        parts += 1;
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    valid && parts >= 2
}
