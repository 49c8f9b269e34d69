//! The variables of the core itself; all others are in module `pv`.

use crate::compile::CompileEnv;
use crate::expression::Expression;
use crate::route_cx::RouteCx;
use crate::value::Value;
use crate::variable::{InnerName, ScriptVariable, VariableDef, missing_inner, no_index};
use language::ast::Variable;
use language::diagnostic::Diagnostic;
use macros::variable;

/// The value of what is not set; assigning it removes a value.
#[variable("null")]
pub fn null(_cx: &RouteCx) -> Value {
    Value::Null
}

/// The name that `coreparam[iuid]` or the command line option `--iuid` gave this instance; null without one.
#[variable("iuid")]
pub fn iuid(cx: &RouteCx) -> Value {
    cx.core.settings.iuid.clone().map_or(Value::Null, Value::from)
}

/// What the last function or route returned.
#[variable("rc", "retcode", "?")]
pub fn rc(cx: &RouteCx) -> Value {
    Value::from(cx.return_code)
}

/// The name in `$sel(name)`, compiled.
pub struct SelectName(Value);

impl InnerName for SelectName {
    type Compiled = Expression;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        crate::select::compile(inner.node.trim_start_matches('@'), inner.span, env)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Self {
        Self(compiled.eval(cx))
    }
}

/// The value of a select: `$sel(cfg_get.group.name)`.
#[variable("sel")]
pub fn sel(_cx: &RouteCx, select: SelectName) -> Value {
    select.0
}

/// A variable of the message's handling; 0 before it is set.
pub const VAR: VariableDef = VariableDef {
    names: &["var", "vz"],
    doc: "A variable of the message's handling: a number or a text; 0 before it is set.",
    writable: true,
    compile: |variable, env| {
        no_index(variable)?;
        let inner =
            variable.inner.as_ref().filter(|inner| !inner.node.is_empty()).ok_or_else(|| missing_inner(variable))?;
        let slot = env.slot(&inner.node);
        let variable: Box<dyn ScriptVariable> = Box::new(crate::compile::SlotVariable(slot));
        Ok(variable)
    },
};
