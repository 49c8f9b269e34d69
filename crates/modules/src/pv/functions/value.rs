//! Functions on the value of a variable: `pv_isset`, `is_int`, `typeof`, `pv_evalx`.

use std::sync::Arc;

use engine::script_type::{VariableName, WritableVariable, required};
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, ScriptVariable, Str,
    Value, function,
};
use language::ast::ExprKind;

/// True when a variable is not `$null`.
#[function(ANY)]
pub fn pv_isset(cx: &mut RouteCx, variable: VariableName) -> CallResult {
    Ok((!variable.0.get(cx).is_null()).into())
}

/// Sets a variable to `$null`: removes an AVP, clears `$du`. False when the variable cannot be `$null` (`$ru`).
#[function(ANY)]
pub fn pv_unset(cx: &mut RouteCx, variable: WritableVariable) -> CallResult {
    variable.0.set(cx, Value::Null)?;
    Ok(Return::TRUE)
}

/// A variable, and whether it is a text that stands for a number.
pub struct NumberVariable {
    variable: Arc<dyn ScriptVariable>,
    digits: bool,
}

impl ScriptType for NumberVariable {
    type Compiled = (Arc<dyn ScriptVariable>, bool);
    const KIND: &'static str = "variable";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        // Ports of URIs are texts in a format and numbers for this test.
        let digits = match &required(arg)?.expr.kind {
            ExprKind::Variable(variable) => matches!(&*variable.name, "rp" | "op" | "dp"),
            ExprKind::String(text) => matches!(text.trim(), "$rp" | "$op" | "$dp"),
            _ => false,
        };
        Ok((VariableName::compile(arg, env)?, digits))
    }
    fn eval((variable, digits): &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self { variable: variable.clone(), digits: *digits })
    }
}

/// True when a variable holds a number; a text of digits is none, but for the ports `$rp`, `$op`, `$dp`.
#[function(ANY)]
pub fn is_int(cx: &mut RouteCx, variable: NumberVariable) -> CallResult {
    Ok(match variable.variable.get(cx) {
        Value::Int(_) => true,
        Value::Str(text) => variable.digits && text.parse_int().is_some(),
        Value::Null => false,
    }
    .into())
}

/// True when a variable holds a value of this type: `int`, `str` or `null`.
#[function(ANY, name = "typeof")]
pub fn type_of(cx: &mut RouteCx, variable: VariableName, kind: Str) -> CallResult {
    let is = match variable.0.get(cx) {
        Value::Int(_) => "int",
        Value::Str(_) => "str",
        Value::Null => "null",
    };
    Ok((kind == is).into())
}

/// True when a variable holds a text that is not empty; a number is no text.
#[function(ANY)]
pub fn not_empty(cx: &mut RouteCx, variable: VariableName) -> CallResult {
    Ok(matches!(variable.0.get(cx), Value::Str(text) if !text.is_empty()).into())
}

/// Evaluates a text twice, so that variables in the values of its variables are replaced too, and stores the result.
/// False when the text of the first turn names an unknown variable. Never give it what a caller sent: they could read
/// any variable.
#[function(ANY)]
pub fn pv_evalx(cx: &mut RouteCx, target: WritableVariable, text: Str) -> CallResult {
    let core = cx.core.clone();
    let (Some(modules), Some(catalog)) = (core.modules.get(), core.catalog.get()) else {
        return Err(ScriptError::new("the server is not started yet"));
    };
    let format = CompileEnv::new(&core, modules, catalog).format(&text.to_text(), cx.span);
    let value = format.map_err(|diagnostic| ScriptError::new(diagnostic.message))?.eval(cx);
    target.0.set(cx, Value::Str(value))?;
    Ok(Return::TRUE)
}
