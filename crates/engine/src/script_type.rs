//! Rust types that a function's argument can become.
//!
//! `compile` runs once, at load (Kamailio's fixup): constants are decoded, mistakes are shown with their place. `eval`
//! runs per call and yields a small owned value, so that the function may change the message.

use std::sync::Arc;

use language::ast::{Expr, ExprKind};
use language::diagnostic::{Code, Diagnostic};
use language::span::Span;
use sip::Str;

use crate::compile::CompileEnv;
use crate::expression::Expression;
use crate::function::ScriptError;
use crate::posix_regex;
use crate::route_cx::RouteCx;
use crate::value::Value;
use crate::variable::ScriptVariable;

/// An argument as written.
#[derive(Clone, Copy)]
pub struct ArgSource<'a> {
    /// Its expression.
    pub expr: &'a Expr,
}

impl ArgSource<'_> {
    /// Its place.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.expr.span
    }

    /// The text of a string, or a number or bare word as text.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        match &self.expr.kind {
            ExprKind::String(text) | ExprKind::Word(text) | ExprKind::Address(text) => Some(text.clone()),
            ExprKind::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// An error at the argument.
    #[must_use]
    pub fn error(&self, message: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Code::Argument, message, self.span(), label)
    }

    /// The text of a constant argument, or an error that says what is wanted.
    pub fn constant(&self, wanted: &str) -> Result<String, Diagnostic> {
        self.literal()
            .ok_or_else(|| self.error(format!("this argument must be constant: {wanted}"), "not known at load"))
    }
}

/// The error for a regular expression that cannot be compiled.
#[must_use]
pub fn wrong_regex(error: &posix_regex::RegexError, span: Span) -> Diagnostic {
    let reason = error.to_string();
    let diagnostic =
        Diagnostic::error(Code::Regex, format!("wrong regular expression: {reason}"), span, "cannot be compiled");
    match ['(', '[', '+', '?'].into_iter().find(|c| reason.ends_with(*c) || reason.contains(&format!(" {c} "))) {
        Some(c) => diagnostic.help(format!("a `{c}` that stands for itself is written `[{c}]`")),
        None => diagnostic,
    }
}

/// A Rust type that an argument can become.
pub trait ScriptType: Sized {
    /// What is kept in the program.
    type Compiled: Send + Sync + 'static;
    /// What it is called in messages and docs.
    const KIND: &'static str;
    /// May be left out.
    const OPTIONAL: bool = false;
    /// Checks the argument at load.
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic>;
    /// Its value now.
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Result<Self, ScriptError>;
}

/// The argument, which the arity check has seen to be there.
pub fn required<'a, 'b>(arg: Option<&'a ArgSource<'b>>) -> Result<&'a ArgSource<'b>, Diagnostic> {
    arg.ok_or_else(|| Diagnostic::error(Code::ArgumentCount, "an argument is missing", Span::default(), ""))
}

/// A string; variables in it are replaced.
impl ScriptType for Str {
    type Compiled = Expression;
    const KIND: &'static str = "string";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        env.text(required(arg)?)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        match compiled.try_eval(cx).map_err(|error| ScriptError::new(error.0))? {
            Value::Null => Err(ScriptError::new("an argument has no value ($null)")),
            value => Ok(value.into_str()),
        }
    }
}

/// A number: constant, text that is one, or a variable that holds one.
impl ScriptType for i64 {
    type Compiled = Expression;
    const KIND: &'static str = "number";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let arg = required(arg)?;
        let expression = env.text(arg)?;
        match expression.constant() {
            Some(Value::Int(_)) => Ok(expression),
            Some(Value::Null) => Err(arg.error("this argument must be a number, not $null", "no number")),
            Some(value) => {
                let text = value.to_str().to_text().into_owned();
                match parse_number(&text) {
                    Some(number) => Ok(Expression::Constant(Value::Int(number))),
                    None => Err(arg.error(format!("this argument must be a number, not `{text}`"), "no number")),
                }
            }
            None => Ok(expression),
        }
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        let value = compiled.try_eval(cx).map_err(|error| ScriptError::new(error.0))?;
        match &value {
            Value::Null => Err(ScriptError::new("an argument has no value ($null)")),
            Value::Int(number) => Ok(*number),
            Value::Str(text) => {
                parse_number(&text.to_text()).ok_or_else(|| ScriptError::new(format!("`{text}` is no number")))
            }
        }
    }
}

/// Decimal, or hexadecimal with `0x`.
fn parse_number(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A number or a string; `$null` is allowed.
impl ScriptType for Value {
    type Compiled = Expression;
    const KIND: &'static str = "value";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        env.text(required(arg)?)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        compiled.try_eval(cx).map_err(|error| ScriptError::new(error.0))
    }
}

/// May be left out.
impl<T: ScriptType> ScriptType for Option<T> {
    type Compiled = Option<T::Compiled>;
    const KIND: &'static str = T::KIND;
    const OPTIONAL: bool = true;
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        arg.map(|arg| T::compile(Some(arg), env)).transpose()
    }
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Result<Self, ScriptError> {
        compiled.as_ref().map(|compiled| T::eval(compiled, cx)).transpose()
    }
}

/// A string that is taken as it is written; nothing is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant(pub Str);

impl ScriptType for Constant {
    type Compiled = Str;
    const KIND: &'static str = "constant string";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Str, Diagnostic> {
        Ok(Str::from(required(arg)?.constant("a string without variables")?))
    }
    fn eval(compiled: &Str, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// A POSIX extended regular expression, without case; `^` and `$` match at lines (as textops does).
#[derive(Clone)]
pub struct Regex(pub Arc<posix_regex::Regex>);

impl ScriptType for Regex {
    type Compiled = Arc<posix_regex::Regex>;
    const KIND: &'static str = "regular expression";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = arg.constant("a regular expression")?;
        posix_regex::Regex::lines(text.as_bytes()).map(Arc::new).map_err(|error| wrong_regex(&error, arg.span()))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// A `sed`-like command: `/regex/replacement/flags` with `$` variables in the replacement.
#[derive(Clone)]
pub struct Substitution(pub Arc<crate::substitution::Substitution>);

impl ScriptType for Substitution {
    type Compiled = Arc<crate::substitution::Substitution>;
    const KIND: &'static str = "substitution";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = arg.constant("a substitution `/regex/replacement/flags`")?;
        crate::substitution::Substitution::parse(&text, arg.span(), env).map(Arc::new)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// The name of a variable that the function reads or writes itself: `"$var(x)"`.
#[derive(Clone)]
pub struct VariableName(pub Arc<dyn ScriptVariable>);

impl ScriptType for VariableName {
    type Compiled = Arc<dyn ScriptVariable>;
    const KIND: &'static str = "variable";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        env.variable_argument(required(arg)?, false).map(Arc::from)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// The name of a variable that the function writes.
#[derive(Clone)]
pub struct WritableVariable(pub Arc<dyn ScriptVariable>);

impl ScriptType for WritableVariable {
    type Compiled = Arc<dyn ScriptVariable>;
    const KIND: &'static str = "writable variable";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        env.variable_argument(required(arg)?, true).map(Arc::from)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// The number or name of a flag: 0 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(pub u8);

impl ScriptType for Flag {
    type Compiled = Expression;
    const KIND: &'static str = "flag";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let arg = required(arg)?;
        if let Some(text) = arg.literal()
            && !text.contains('$')
        {
            return env.flag(&text, arg.span()).map(|flag| Expression::Constant(Value::Int(i64::from(flag))));
        }
        env.text(arg)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        let number = i64::eval(compiled, cx)?;
        u8::try_from(number)
            .ok()
            .filter(|flag| *flag < 32)
            .map(Self)
            .ok_or_else(|| format!("flag {number} is not from 0 to 31").into())
    }
}

/// A regular expression without case that sees a text as one line: `^` and `$` are its ends, `.` matches line ends.
pub struct WholeRegex(pub Arc<posix_regex::Regex>);

impl ScriptType for WholeRegex {
    type Compiled = Arc<posix_regex::Regex>;
    const KIND: &'static str = "regular expression";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = arg.constant("a regular expression")?;
        posix_regex::Regex::extended(text.as_bytes()).map(Arc::new).map_err(|error| wrong_regex(&error, arg.span()))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}
