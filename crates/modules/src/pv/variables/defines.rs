//! The configuration's `#!define`s: `$def(NAME)`.

use engine::{CompileEnv, Diagnostic, InnerName, RouteCx, Str, Value, variable};
use language::ast::Variable;

/// The value of a define; `None`: there is no such define.
pub struct Define(Option<Str>);

impl InnerName for Define {
    type Compiled = Option<Str>;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Option<Str>, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| engine::variable::missing_inner(variable))?;
        let defines = env.core.defines.get().map_or(&[][..], |defines| &defines[..]);
        let found = defines.iter().rev().find(|(name, _)| *name == inner.node.trim());
        Ok(found.map(|(_, value)| Str::from(value.as_deref().unwrap_or_default())))
    }
    fn eval(compiled: &Option<Str>, _: &RouteCx) -> Self {
        Self(compiled.clone())
    }
}

/// The value of a `#!define` as written, quotes included; empty when it has none, `$null` when it is not defined.
#[variable("def")]
pub fn def(_cx: &RouteCx, define: Define) -> Value {
    define.0.into()
}

/// The value of a `#!define` as a number; a text that is none stays a text. 0 when it is not defined.
#[variable("defn")]
pub fn defn(_cx: &RouteCx, define: Define) -> Value {
    match define.0 {
        None => Value::Int(0),
        Some(text) => text.parse_int().map_or(Value::Str(text), Value::Int),
    }
}

/// What stands between the quotes of `"text"` or `'text'`.
fn inside_quotes(text: &Str) -> Option<Str> {
    match **text {
        [first @ (b'"' | b'\''), .., last] if first == last => Some(text.slice(1..text.len() - 1)),
        _ => None,
    }
}

/// The value of a `#!define` without the quotes around it, if it has any.
#[variable("defv")]
pub fn defv(_cx: &RouteCx, define: Define) -> Value {
    define.0.map(|text| inside_quotes(&text).unwrap_or(text)).into()
}

/// What stands between the quotes of a `#!define`; `$null` when its value is not quoted.
#[variable("defs")]
pub fn defs(_cx: &RouteCx, define: Define) -> Value {
    define.0.and_then(|text| inside_quotes(&text)).into()
}
