//! How keys and values are compared: the operators of `$shtcn`, `sht_match_name` and their relatives.

use std::sync::Arc;

use engine::posix_regex::Regex;
use engine::{ArgSource, CompileEnv, Diagnostic, Expression, RouteCx, ScriptError, ScriptType, Str, Value};
use hashbrown::HashMap;
use parking_lot::Mutex;

/// So many patterns are kept compiled.
const MAX_PATTERNS: usize = 100;

/// Longer patterns are compiled anew each time.
const MAX_KEPT: usize = 256;

/// Patterns that were used: they come out of texts with variables.
#[derive(Default)]
pub struct Patterns(Mutex<HashMap<Str, Arc<Regex>>>);

impl Patterns {
    /// Compiles a pattern: POSIX extended, without case.
    pub(super) fn get(&self, pattern: &[u8]) -> Result<Arc<Regex>, ScriptError> {
        if let Some(regex) = self.0.lock().get(pattern) {
            return Ok(regex.clone());
        }
        let regex = Regex::extended(pattern).map(Arc::new).map_err(|error| {
            ScriptError::new(format!("wrong regular expression `{}`: {error}", String::from_utf8_lossy(pattern)))
        })?;
        if pattern.len() <= MAX_KEPT {
            let mut kept = self.0.lock();
            if kept.len() >= MAX_PATTERNS {
                kept.clear();
            }
            kept.insert(Str::copy_from(pattern), regex.clone());
        }
        Ok(regex)
    }
}

/// An operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// `eq`.
    Equal,
    /// `ne`.
    NotEqual,
    /// `re`.
    Regex,
    /// `sw`.
    StartsWith,
    /// `ew`.
    EndsWith,
    /// `in`.
    Includes,
}

const OPERATORS: &[(&str, Operator)] = &[
    ("eq", Operator::Equal),
    ("ne", Operator::NotEqual),
    ("re", Operator::Regex),
    ("sw", Operator::StartsWith),
    ("ew", Operator::EndsWith),
    ("in", Operator::Includes),
];

/// What a text is compared with.
pub enum Matcher<'a> {
    /// Everything fits.
    All,
    /// A pattern.
    Regex(Arc<Regex>),
    /// A text and how it is compared.
    Text(Operator, &'a [u8]),
    /// Only a number that is this one.
    Number(i64),
}

impl<'a> Matcher<'a> {
    /// Of the arguments of a function.
    pub(super) fn new(operator: Operator, text: &'a [u8], patterns: &Patterns) -> Result<Self, ScriptError> {
        Ok(match operator {
            Operator::Regex => Self::Regex(patterns.get(text)?),
            _ => Self::Text(operator, text),
        })
    }

    /// Of the expression in `$shtcn(table=>..)`: an operator of two characters, or a pattern. `None`: nothing fits.
    pub(super) fn of_expression(text: &'a [u8], patterns: &Patterns) -> Result<Option<Self>, ScriptError> {
        if text.is_empty() {
            return Ok(None);
        }
        let (operator, rest) = text.split_at(text.len().min(2));
        Ok(Some(match operator {
            b"**" if rest.is_empty() => Self::All,
            b"~~" => Self::Regex(patterns.get(rest)?),
            b"~%" => Self::Text(Operator::EndsWith, rest),
            b"%~" => Self::Text(Operator::StartsWith, rest),
            b"==" => Self::Text(Operator::Equal, rest),
            b"eq" => match std::str::from_utf8(rest).ok().and_then(|rest| rest.parse().ok()) {
                Some(number) => Self::Number(number),
                None => return Ok(None),
            },
            _ => Self::Regex(patterns.get(text)?),
        }))
    }

    /// Whether a key fits.
    pub(super) fn fits_key(&self, key: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Regex(regex) => regex.is_match(key),
            Self::Text(Operator::Equal, text) => key == *text,
            Self::Text(Operator::NotEqual, text) => key != *text,
            Self::Text(Operator::StartsWith, text) => key.starts_with(text),
            Self::Text(Operator::EndsWith, text) => key.ends_with(text),
            Self::Text(Operator::Includes, text) => memchr::memmem::find(key, text).is_some(),
            Self::Text(Operator::Regex, _) | Self::Number(_) => false,
        }
    }

    /// Whether a value fits: only texts do, but for a number that is looked for as one.
    pub(super) fn fits_value(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::All, _) => true,
            (Self::Number(number), value) => *value == Value::Int(*number),
            (_, Value::Str(text)) => self.fits_key(text),
            _ => false,
        }
    }
}

/// An operator as an argument of a function that looks for items.
pub struct MatchOperator(pub Operator);

/// An operator as an argument of a function that removes items: it knows neither `eq` nor `ne`.
pub struct RemoveOperator(pub Operator);

fn find(name: &[u8], removes: bool) -> Result<Operator, ScriptError> {
    let found = OPERATORS.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, operator)| *operator);
    found
        .filter(|operator| !removes || !matches!(operator, Operator::Equal | Operator::NotEqual))
        .ok_or_else(|| ScriptError::new(format!("`{}` is no operator of this function", String::from_utf8_lossy(name))))
}

fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>, removes: bool) -> Result<Expression, Diagnostic> {
    let arg = engine::script_type::required(arg)?;
    let expression = env.text(arg)?;
    if let Some(value) = expression.constant() {
        let all = OPERATORS[if removes { 2 } else { 0 }..].iter().map(|(name, _)| *name);
        let list = all.clone().collect::<Vec<_>>().join(", ");
        find(&value.to_str(), removes)
            .map_err(|error| arg.error(error.message, list).did_you_mean(&value.to_str().to_text(), all))?;
    }
    Ok(expression)
}

fn eval(compiled: &Expression, cx: &RouteCx, removes: bool) -> Result<Operator, ScriptError> {
    let value = compiled.try_eval(cx).map_err(|error| ScriptError::new(error.0))?;
    find(&value.to_str(), removes)
}

impl ScriptType for MatchOperator {
    type Compiled = Expression;
    const KIND: &'static str = "operator (eq, ne, re, sw, ew, in)";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        compile(arg, env, false)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        eval(compiled, cx, false).map(Self)
    }
}

impl ScriptType for RemoveOperator {
    type Compiled = Expression;
    const KIND: &'static str = "operator (re, sw, ew, in)";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        compile(arg, env, true)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        eval(compiled, cx, true).map(Self)
    }
}
