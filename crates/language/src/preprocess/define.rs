//! `#!define` and its kin: the table of defined names.

use std::collections::HashMap;
use std::rc::Rc;

use crate::diagnostic::{Code, Diagnostic};
use crate::lexer::Lexer;
use crate::reader::{Mark, Origin};
use crate::span::{Span, Spanned};

/// How many names a configuration may define.
const MAX_DEFINES: usize = 512;

/// One defined name.
#[derive(Clone, Debug)]
pub(crate) struct Define {
    /// `None`: defined without a value, which stands for nothing.
    pub(crate) value: Option<Rc<str>>,
    pub(crate) origin: Origin,
    /// Where the value stands, or the directive when there is none; `None` for the command line and built-in names.
    pub(crate) defined: Option<Span>,
}

impl Define {
    /// A define that no file has.
    pub(crate) fn built_in(value: Option<String>) -> Self {
        Self { value: value.filter(|value| !value.is_empty()).map(Into::into), origin: Origin::Nowhere, defined: None }
    }
}

/// All defined names in the order they were defined.
#[derive(Default)]
pub(crate) struct Defines {
    order: Vec<String>,
    map: HashMap<String, Define>,
    /// Those the files made; built-in ones do not count against the limit.
    counted: usize,
}

impl Defines {
    pub(crate) fn get(&self, name: &str) -> Option<&Define> {
        self.map.get(name)
    }

    pub(crate) fn set(&mut self, name: impl Into<String>, define: Define) {
        let name = name.into();
        if self.map.insert(name.clone(), define).is_none() {
            self.order.push(name);
        }
    }

    fn remove(&mut self, name: &str) -> bool {
        let found = self.map.remove(name).is_some();
        if found {
            self.order.retain(|it| it != name);
        }
        found
    }

    /// Names and values.
    pub(crate) fn list(&self) -> Vec<(String, Option<String>)> {
        let value = |name: &String| self.map.get(name).and_then(|it| it.value.as_deref()).map(str::to_owned);
        self.order.iter().map(|name| (name.clone(), value(name))).collect()
    }
}

/// The rest of a line, continuation lines joined.
pub(crate) struct Line {
    pub(crate) value: String,
    pub(crate) origin: Origin,
    pub(crate) span: Span,
}

impl Lexer<'_> {
    /// Reads up to the end of the line; a backslash before it continues the line.
    pub(crate) fn rest_of_line(&mut self) -> Line {
        let mark = self.reader.mark();
        let mut value = String::new();
        let mut pieces = Vec::new();
        loop {
            pieces.push((value.len() as u32, self.reader.offset()));
            let part = self.reader.take_while(|byte| byte != b'\n');
            let kept = part.strip_suffix("\\\r").or_else(|| part.strip_suffix('\\'));
            value.push_str(kept.unwrap_or(part));
            if kept.is_none() || self.reader.peek() != Some(b'\n') {
                break;
            }
            self.reader.skip(1);
        }
        let mut span = self.reader.span_from(mark);
        let trimmed = value.trim_end().len();
        if pieces.len() == 1 {
            span.end = span.end.min(span.start + trimmed as u32);
        }
        value.truncate(trimmed);
        let origin = self.reader.origin(&pieces, span);
        Line { value, origin, span }
    }

    /// `#!define` .. `#!trydefenvs`; the position is behind the word.
    pub(crate) fn define_directive(&mut self, word: &str, mark: Mark) {
        let name = self.directive_name(word, mark);
        let named = self.reader.span_from(mark);
        let Some(name) = name else {
            self.rest_of_line();
            return;
        };
        if word.contains("undef") {
            if !self.defines.remove(&name) && word.starts_with("undef") {
                let message = format!("`{name}` is not defined");
                let mistake = Diagnostic::warning(Code::Preprocessor, message, named, "nothing to undefine");
                self.report(mistake.help("`#!tryundef` says nothing then"));
            }
            return;
        }
        if word.contains("defenv") {
            self.define_environment(word, &name, mark);
            return;
        }
        self.skip_line_blanks();
        let line = self.rest_of_line();
        let define = if word.starts_with("defexp") {
            let Some(value) = self.computed(&line, word == "defexps", mark) else { return };
            Define { value: Some(value.into()), origin: Origin::Directive(line.span), defined: Some(line.span) }
        } else if line.value.is_empty() {
            Define { value: None, origin: Origin::Directive(named), defined: Some(named) }
        } else {
            Define { value: Some(line.value.into()), origin: line.origin, defined: Some(line.span) }
        };
        if word.starts_with("try") && self.defines.get(&name).is_some() {
            return;
        }
        self.add_define(name, define, word.starts_with("redef"), named);
    }

    /// Enters a name into the table, with the checks that every way of defining has.
    pub(crate) fn add_define(&mut self, name: String, define: Define, replace: bool, span: Span) {
        if let Some(old) = self.defines.get(&name) {
            if !replace {
                let first = old.defined;
                let message = format!("`{name}` is already defined");
                let mut mistake = Diagnostic::error(Code::Preprocessor, message, span, "defined again");
                if let Some(first) = first {
                    mistake = mistake.label(first, "first defined here");
                }
                let help = "`#!redefine` replaces the value, `#!trydef` keeps the first one";
                self.report(mistake.help(help));
                return;
            }
        } else {
            if self.defines.counted >= MAX_DEFINES {
                let message = format!("more than {MAX_DEFINES} defines");
                self.report(Diagnostic::error(Code::Preprocessor, message, span, ""));
                return;
            }
            self.defines.counted += 1;
        }
        self.defined.push(Spanned::new(name.clone(), span));
        self.defines.set(name, define);
    }

    fn computed(&mut self, line: &Line, quoted: bool, mark: Mark) -> Option<String> {
        match super::expression::evaluate(&line.value, &self.defines) {
            Ok(value) if quoted => Some(quote(&value.text())),
            Ok(value) => Some(value.text()),
            Err(reason) => {
                let span = self.reader.span_from(mark);
                let message = format!("wrong expression in `#!defexp`: {reason}");
                self.report(Diagnostic::error(Code::Preprocessor, message, span, ""));
                None
            }
        }
    }

    /// `NAME` or `ID=NAME`.
    fn define_environment(&mut self, word: &str, name: &str, mark: Mark) {
        let mut variable = name.to_owned();
        if self.reader.peek() == Some(b'=') {
            self.reader.skip(1);
            variable = self.reader.take_while(|byte| !byte.is_ascii_whitespace()).to_owned();
        }
        let span = self.reader.span_from(mark);
        match self.files.environment(&variable) {
            Some(value) => {
                let value = if word.ends_with('s') { quote(&value) } else { value };
                let origin = Origin::Directive(span);
                let value = Some(value).filter(|value| !value.is_empty()).map(Into::into);
                self.add_define(name.to_owned(), Define { value, origin, defined: Some(span) }, false, span);
            }
            None if word.starts_with("try") => {}
            None => {
                let message = format!("the environment has no variable `{variable}`");
                let mistake = Diagnostic::error(Code::Preprocessor, message, span, "");
                self.report(mistake.help("`#!trydefenv` leaves the name undefined then"));
            }
        }
    }
}

/// A value as a string token.
pub(crate) fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
