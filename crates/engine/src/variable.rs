//! Pseudo-variables: descriptors and the compiled form.

use language::ast::{Index as AstIndex, Variable};
use language::diagnostic::{Code, Diagnostic};
use sip::Str;

use crate::compile::CompileEnv;
use crate::expression::{Expression, Format};
use crate::function::ScriptError;
use crate::route_cx::RouteCx;
use crate::value::Value;

/// A compiled variable.
pub trait ScriptVariable: Send + Sync {
    /// Its value now.
    fn get(&self, cx: &RouteCx) -> Value;

    /// Writes it; [`Value::Null`] for `= $null`. Only called when the descriptor says that it is writable.
    fn set(&self, _cx: &mut RouteCx, _value: Value) -> Result<(), ScriptError> {
        Err(ScriptError::new("this variable is read-only"))
    }
}

/// Makes the compiled form of a variable.
pub type CompileVariable = fn(&Variable, &mut CompileEnv<'_>) -> Result<Box<dyn ScriptVariable>, Diagnostic>;

/// A variable's descriptor, made by `#[variable(..)]`.
#[derive(Clone, Copy)]
pub struct VariableDef {
    /// Its name and aliases.
    pub names: &'static [&'static str],
    /// Its documentation.
    pub doc: &'static str,
    /// True when it can be assigned.
    pub writable: bool,
    /// Resolves the inner name and index.
    pub compile: CompileVariable,
}

/// The index in brackets, evaluated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Index {
    /// No brackets.
    #[default]
    None,
    /// `[n]`; negative counts from the end.
    At(i64),
    /// `[*]`.
    All,
}

impl Index {
    /// The element of a list of `len`: no index is the first one.
    #[must_use]
    pub fn position(self, len: usize) -> Option<usize> {
        let at = match self {
            Self::None => 0,
            Self::At(at) if at < 0 => len as i64 + at,
            Self::At(at) => at,
            Self::All => return None,
        };
        usize::try_from(at).ok().filter(|at| *at < len)
    }
}

/// A compiled index.
pub enum IndexSource {
    /// Known at load.
    Constant(Index),
    /// `[$var(i)]`.
    Variable(Expression),
}

impl IndexSource {
    /// Compiles the brackets of a variable.
    pub fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        Ok(match &variable.index {
            None => Self::Constant(Index::None),
            Some(AstIndex::At(at)) => Self::Constant(Index::At(*at)),
            Some(AstIndex::All) => Self::Constant(Index::All),
            Some(AstIndex::Variable(inner)) => Self::Variable(env.variable(inner)?),
        })
    }

    /// Its value now; text that is no number counts as 0.
    #[must_use]
    pub fn eval(&self, cx: &RouteCx) -> Index {
        match self {
            Self::Constant(index) => *index,
            Self::Variable(expression) => Index::At(expression.eval(cx).to_int().unwrap_or(0)),
        }
    }
}

/// A Rust type that the inner name of a variable (`avp` of `$avp(x)`) can become.
pub trait InnerName: Sized {
    /// What is kept in the program.
    type Compiled: Send + Sync + 'static;
    /// Checks the text in parentheses at load.
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic>;
    /// The name now.
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Self;
}

/// The error for a variable that needs `(name)`.
#[must_use]
pub fn missing_inner(variable: &Variable) -> Diagnostic {
    Diagnostic::error(
        Code::UnknownVariable,
        format!("`${0}` needs a name: `${0}(..)`", variable.name),
        variable.span,
        "no name in parentheses",
    )
}

/// A format: `$hdr($var(x))`.
impl InnerName for Str {
    type Compiled = Format;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Format, Diagnostic> {
        let inner =
            variable.inner.as_ref().filter(|inner| !inner.node.is_empty()).ok_or_else(|| missing_inner(variable))?;
        env.format(&inner.node, inner.span)
    }
    fn eval(compiled: &Format, cx: &RouteCx) -> Self {
        compiled.eval(cx)
    }
}

/// Without parentheses: `None`.
impl InnerName for Option<Str> {
    type Compiled = Option<Format>;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        variable.inner.as_ref().map(|inner| env.format(&inner.node, inner.span)).transpose()
    }
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Self {
        compiled.as_ref().map(|format| format.eval(cx))
    }
}

/// Refuses an inner name where there is none to give.
pub fn no_inner(variable: &Variable) -> Result<(), Diagnostic> {
    match &variable.inner {
        Some(inner) => Err(Diagnostic::error(
            Code::UnknownVariable,
            format!("`${}` takes no name in parentheses", variable.name),
            inner.span,
            "unexpected",
        )),
        None => Ok(()),
    }
}

/// Refuses an index where there is only one value.
pub fn no_index(variable: &Variable) -> Result<(), Diagnostic> {
    if variable.index.is_none() {
        return Ok(());
    }
    Err(Diagnostic::error(
        Code::UnknownVariable,
        format!("`${}` takes no index", variable.name),
        variable.span,
        "it has one value only",
    ))
}
