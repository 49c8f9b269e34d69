//! Variables of the script: `$vn(..)`, `$shv(..)`, `$_s(..)`.

use engine::{Code, CompileEnv, Diagnostic, Format, InnerName, RouteCx, ScriptError, Str, Value, variable};
use language::ast::Variable;

use super::super::Pv;
use super::super::shared::SharedVariable;

/// 1.
#[variable("true")]
pub fn r#true(_cx: &RouteCx) -> Value {
    Value::Int(1)
}

/// A text with the variables in it replaced: `$_s(sip:$rU@$fd)`.
#[variable("_s")]
pub fn evaluated(_cx: &RouteCx, text: Str) -> Value {
    text.into()
}

/// The values of `$vn`.
#[derive(Default)]
struct NullVariables(Vec<(Str, Value)>);

/// A variable of the message's handling; `$null` before it is set.
#[variable("vn", set = set_vn)]
pub fn vn(cx: &RouteCx, name: Str) -> Value {
    let values = cx.find_data::<NullVariables>();
    values.and_then(|values| values.0.iter().find(|(known, _)| *known == name)).map(|(_, value)| value.clone()).into()
}

fn set_vn(cx: &mut RouteCx, name: Str, value: Value) -> Result<(), ScriptError> {
    let values = &mut cx.data::<NullVariables>().0;
    match values.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => values.push((name, value)),
    }
    Ok(())
}

/// The variable in `$shv(name)`; `None`: there are too many.
pub struct SharedName(Option<SharedVariable>);

/// A compiled name.
pub enum SharedSource {
    /// Known at load.
    Constant(SharedVariable),
    /// `$shv($var(x))`.
    Variable(std::sync::Arc<Pv>, Format),
}

impl InnerName for SharedName {
    type Compiled = SharedSource;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<SharedSource, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| engine::variable::missing_inner(variable))?;
        let (format, me) = (env.format(&inner.node, inner.span)?, env.module::<Pv>(variable.span)?);
        match format.constant() {
            None => Ok(SharedSource::Variable(me, format)),
            Some(name) => me.shared.named(&name).map(SharedSource::Constant).ok_or_else(|| {
                Diagnostic::error(Code::UnknownVariable, "too many shared variables", inner.span, "here")
            }),
        }
    }
    fn eval(compiled: &SharedSource, cx: &RouteCx) -> Self {
        Self(match compiled {
            SharedSource::Constant(variable) => Some(variable.clone()),
            SharedSource::Variable(me, format) => me.shared.named(&format.eval(cx)),
        })
    }
}

/// A variable that all messages share; 0 before it is set. See parameter `shvset` and the RPC commands `pv.shvGet` and
/// `pv.shvSet`.
#[variable("shv", set = set_shv)]
pub fn shv(_cx: &RouteCx, name: SharedName) -> Value {
    name.0.map_or(Value::Null, |variable| variable.read().clone())
}

fn set_shv(_cx: &mut RouteCx, name: SharedName, value: Value) -> Result<(), ScriptError> {
    let variable = name.0.ok_or_else(|| ScriptError::new("too many shared variables"))?;
    // `= $null` leaves the empty text, as in Kamailio.
    *variable.write() = if value.is_null() { Value::from("") } else { value };
    Ok(())
}

/// Adds one to a shared variable and yields the sum; a text counts as 0.
#[variable("shvinc")]
pub fn shvinc(_cx: &RouteCx, name: SharedName) -> Value {
    let Some(variable) = name.0 else { return Value::Null };
    let mut value = variable.write();
    let sum = match *value {
        Value::Int(number) => number.wrapping_add(1),
        _ => 1,
    };
    *value = Value::Int(sum);
    Value::Int(sum)
}
