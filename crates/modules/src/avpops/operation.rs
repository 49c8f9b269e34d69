//! `avp_op`.

use std::sync::Arc;

use engine::script_type::required;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Value, function,
};

use super::argument::{Avp, Operand, flags, parts};
use super::lists::text;

/// `$avp(from)/$avp(to)`
pub(super) struct Pair(Arc<(Avp, Option<Avp>)>);

impl ScriptType for Pair {
    type Compiled = Arc<(Avp, Option<Avp>)>;
    const KIND: &'static str = "AVPs";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "`$avp(from)/$avp(to)`")?;
        Ok(Arc::new(match parts(&text)[..] {
            [from] => (Avp::compile(from, arg, env)?, None),
            [from, to] => (Avp::compile(from, arg, env)?, Some(Avp::compile(to, arg, env)?)),
            _ => return Err(arg.error(format!("`{text}` has too many parts"), "expected `$avp(from)/$avp(to)`")),
        }))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

const OPERATORS: [&str; 9] = ["add", "sub", "mul", "div", "mod", "and", "or", "xor", "not"];

/// A compiled second argument.
pub(super) struct Compiled {
    operator: &'static str,
    operand: Operand,
    delete: bool,
}

/// `operator/value/flags`
pub(super) struct Operation(Arc<Compiled>);

impl ScriptType for Operation {
    type Compiled = Arc<Compiled>;
    const KIND: &'static str = "operation";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "`operator/value/flags`")?;
        let (name, value, letters) = match parts(&text)[..] {
            [name, value] => (name, value, ""),
            [name, value, letters] => (name, value, letters),
            _ => return Err(arg.error(format!("`{text}` is no operation"), "expected `operator/value/flags`")),
        };
        let operator = OPERATORS
            .into_iter()
            .find(|known| name.trim().eq_ignore_ascii_case(known))
            .ok_or_else(|| arg.error(format!("`{name}` is no operator"), "unknown").did_you_mean(name, OPERATORS))?;
        // All values are computed anyway, as Kamailio does with and without `g`.
        let [_, delete] = flags(letters, ['g', 'd'], arg)?;
        let operand = Operand::compile(value, arg, env)?;
        if let Operand::Constant(value @ (Value::Str(_) | Value::Null)) = &operand {
            return Err(arg.error(format!("`{}` is no number", value.to_str()), "write `i:5`"));
        }
        Ok(Arc::new(Compiled { operator, operand, delete }))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// `None`: a division by zero.
fn compute(operator: &str, value: i64, with: i64) -> Option<i64> {
    Some(match operator {
        "add" => value.wrapping_add(with),
        "sub" => value.wrapping_sub(with),
        "mul" => value.wrapping_mul(with),
        "div" if with == 0 => return None,
        "mod" if with == 0 => return None,
        "div" => value.wrapping_div(with),
        "mod" => value.wrapping_rem(with),
        "and" => value & with,
        "or" => value | with,
        "xor" => value ^ with,
        _ => !with,
    })
}

/// Computes with all numbers of an AVP: `avp_op("$avp(a)/$avp(b)", "add/i:5")` puts the results on top of `b`, or of
/// `a` when `b` is not given. The operators: `add`, `sub`, `mul`, `div`, `mod`, `and`, `or`, `xor`, `not` (of the
/// operand). The operand: `i:5`, `i:0x1f` or a variable. With the flag `d` the numbers that were computed with go; `g`
/// has no further meaning. Texts are passed over. A division by zero yields 0 and is logged.
///
/// Returns 1; -1 when there is no number in it, or the operand is no number.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) fn avp_op(cx: &mut RouteCx, name: Pair, op_value: Operation) -> CallResult {
    let (source, target) = &*name.0;
    let from = source.key(cx)?;
    let to = target.as_ref().map_or_else(|| Ok(from.clone()), |target| target.key(cx))?;
    let values: Vec<Value> = cx.avps.values(&from).cloned().collect();
    if values.is_empty() {
        return Ok(Return::FALSE);
    }
    let operand = match &op_value.0.operand {
        Operand::Constant(value) => value.clone(),
        Operand::Variable(source) => source.values(cx, false)?.into_iter().next().unwrap_or_default(),
        Operand::Pattern(_) => Value::Null,
    };
    let Value::Int(operand) = operand else { return Err("the operand is no number".into()) };
    let mut texts = Vec::new();
    let mut results = Vec::new();
    for value in values {
        match value {
            Value::Int(number) => results.push(compute(op_value.0.operator, number, operand).unwrap_or_else(|| {
                engine::log!(cx.core.log, Error, "{}: division by zero", cx.place());
                0
            })),
            text => texts.push(text),
        }
    }
    if results.is_empty() {
        return Ok(Return::FALSE);
    }
    if op_value.0.delete {
        cx.avps.remove_all(&from);
        for text in texts.into_iter().rev() {
            cx.avps.push(&from, text);
        }
    }
    for result in results {
        cx.avps.push(&to, Value::Int(result));
    }
    Ok(Return::TRUE)
}
