//! Types of arguments that several functions take.

use engine::posix_regex::{Flags, Regex};
use engine::script_type::required;
use engine::{ArgSource, CompileEnv, Diagnostic, RouteCx, ScriptError, ScriptType, Str};
use sip::{Header, Message};

/// The name of a header, known at load; long and compact forms are the same.
pub(super) struct HeaderArg(pub(super) Str);

impl ScriptType for HeaderArg {
    type Compiled = Str;
    const KIND: &'static str = "header name";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Str, Diagnostic> {
        let arg = required(arg)?;
        let name = arg.constant("the name of a header")?;
        if name.is_empty() || !name.bytes().all(sip::scan::is_token) {
            return Err(arg.error(format!("`{name}` is no header name"), "letters, digits, `-` .."));
        }
        Ok(Str::from(name))
    }
    fn eval(compiled: &Str, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// Which of several headers: `a` all, `f` the first, `l` the last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    All,
    First,
    Last,
}

impl ScriptType for Which {
    type Compiled = Self;
    const KIND: &'static str = "a, f or l";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = required(arg)?;
        match arg.constant("`a`, `f` or `l`")?.as_str() {
            "a" | "A" => Ok(Self::All),
            "f" | "F" => Ok(Self::First),
            "l" | "L" => Ok(Self::Last),
            _ => Err(arg.error("this argument must be `a` (all), `f` (first) or `l` (last)", "unknown")),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(*compiled)
    }
}

impl Which {
    /// These headers of a message.
    pub(super) fn headers(self, message: &Message, name: &[u8]) -> Vec<Header> {
        let mut all = message.headers_with_name(name).copied();
        match self {
            Self::All => all.collect(),
            Self::First => all.next().into_iter().collect(),
            Self::Last => all.next_back().into_iter().collect(),
        }
    }
}

/// A `main/sub` type, known at load.
pub(super) struct Mime(pub(super) Str, pub(super) Str);

impl ScriptType for Mime {
    type Compiled = (Str, Str);
    const KIND: &'static str = "content type";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = arg.constant("a content type such as application/sdp")?;
        match text.split_once('/') {
            Some((main, sub)) if !main.is_empty() && !sub.is_empty() => Ok((Str::from(main), Str::from(sub))),
            _ => Err(arg.error(format!("`{text}` is no content type"), "such as application/sdp")),
        }
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.0.clone(), compiled.1.clone()))
    }
}

/// A regular expression that is known only now, with the rules of the constant ones.
pub(super) fn regex(pattern: &Str) -> Result<Regex, ScriptError> {
    Regex::lines(pattern).map_err(|error| ScriptError::new(format!("wrong regular expression `{pattern}`: {error}")))
}

/// The same with the difference of upper and lower case.
pub(super) fn regex_with_case(pattern: &Str) -> Result<Regex, ScriptError> {
    Regex::new(pattern, Flags { ignore_case: false, lines: false })
        .map_err(|error| ScriptError::new(format!("wrong regular expression `{pattern}`: {error}")))
}

/// What pairs of hexadecimal digits with white space between them stand for.
pub(super) fn unhex(text: &Str) -> Result<Str, ScriptError> {
    let digits: Option<Vec<u8>> = text
        .iter()
        .filter(|byte| !sip::scan::is_space(**byte))
        .map(|byte| char::from(*byte).to_digit(16).map(|digit| digit as u8))
        .collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(Str::from(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<u8>>()))
        }
        _ => Err(ScriptError::new("the body is not written in pairs of hexadecimal digits")),
    }
}

/// An error for an argument that must not be empty.
pub(super) fn filled(text: &Str, what: &str) -> Result<(), ScriptError> {
    if text.is_empty() { Err(ScriptError::new(format!("{what} is empty"))) } else { Ok(()) }
}
