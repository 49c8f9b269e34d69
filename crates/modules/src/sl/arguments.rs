//! Code and reason of a reply as scripts give them.

use engine::{ArgSource, CompileEnv, Diagnostic, Expression, RouteCx, ScriptError, ScriptType, Str, Value};

/// The value of an argument; a variable alone keeps its null, which a format would print.
fn value(expression: &Expression, cx: &RouteCx) -> Value {
    match expression {
        Expression::Format(format) => {
            format.single().map_or_else(|| Value::Str(format.eval(cx)), |single| single.eval(cx))
        }
        expression => expression.eval(cx),
    }
}

/// The code of a reply; `None` when a variable holds no number.
pub struct Code(pub Option<i64>);

impl ScriptType for Code {
    type Compiled = Expression;
    const KIND: &'static str = "reply code";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        // Constants are checked as numbers.
        i64::compile(arg, env)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(match value(compiled, cx) {
            Value::Null => None,
            value => value.to_int(),
        }))
    }
}

/// The reason of a reply; `None` when a variable holds nothing.
pub struct Reason(pub Option<Str>);

impl ScriptType for Reason {
    type Compiled = Expression;
    const KIND: &'static str = "reason";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        Str::compile(arg, env)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(match value(compiled, cx) {
            Value::Null => None,
            value => Some(value.into_str()),
        }))
    }
}
