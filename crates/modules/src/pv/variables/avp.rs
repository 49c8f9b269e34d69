//! `$avp(..)`: stacks of values that live with the message.

use engine::{CompileEnv, Diagnostic, Expression, Index, InnerName, RouteCx, ScriptError, Str, Value, variable};
use language::ast::Variable;

use super::super::Pv;

/// The key of an AVP that is named by a number (`$avp(i:5)`).
pub fn numbered_avp(number: i64) -> Str {
    Str::from(format!("i:{number}"))
}

/// The name in `$avp(name)`; `None`: a variable that has no value.
pub struct AvpName(pub Option<Str>);

/// A compiled name.
pub enum AvpKey {
    /// Known at load.
    Constant(Str),
    /// `$avp($var(x))`: a text names by text, a number by number.
    Variable(Expression),
}

impl InnerName for AvpName {
    type Compiled = AvpKey;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<AvpKey, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| engine::variable::missing_inner(variable))?;
        let text = inner.node.trim();
        let wrong = |message: String| {
            Diagnostic::error(engine::Code::UnknownVariable, message, inner.span, "write `name`, `s:name` or `i:5`")
        };
        if text.starts_with('$') {
            return env.variable_text(text, inner.span).map(AvpKey::Variable);
        }
        let key = match text.split_once(':') {
            Some(("s" | "S", name)) => Str::from(name),
            Some(("i" | "I", number)) => {
                numbered_avp(number.parse().map_err(|_| wrong(format!("`{number}` is no AVP number")))?)
            }
            Some((class, _)) => return Err(wrong(format!("`{class}` is no kind of AVP"))),
            None => match env.module::<Pv>(variable.span)?.aliases.get(text) {
                Some(key) => key.clone(),
                None => Str::from(text),
            },
        };
        if key.is_empty() { Err(wrong("an AVP needs a name".into())) } else { Ok(AvpKey::Constant(key)) }
    }
    fn eval(compiled: &AvpKey, cx: &RouteCx) -> Self {
        Self(match compiled {
            AvpKey::Constant(key) => Some(key.clone()),
            AvpKey::Variable(expression) => match expression.eval(cx) {
                Value::Null => None,
                Value::Int(number) => Some(numbered_avp(number)),
                Value::Str(name) => Some(name).filter(|name| !name.is_empty()),
            },
        })
    }
}

/// The newest value of an AVP; `[n]` an older one (1 is the one before), `[-1]` the oldest, `[*]` all, joined with a comma
/// and a blank. Assigning adds a value on top, to `[*]` it replaces all; `$null` takes the newest away, of `[*]` all. The
/// name is a text (`x` or `s:x`), a number (`i:5`), an alias (parameter `avp_aliases`) or a variable.
#[variable("avp", set = set_avp)]
pub fn avp(cx: &RouteCx, name: AvpName, index: Index) -> Value {
    let Some(key) = name.0 else { return Value::Null };
    if index != Index::All {
        return cx.avps.at(&key, index);
    }
    let mut joined = Vec::new();
    let mut some = false;
    for value in cx.avps.values(&key) {
        some = true;
        // Nothing separates empty values at the start, as in Kamailio.
        if !joined.is_empty() {
            joined.extend_from_slice(b", ");
        }
        value.append_to(&mut joined);
    }
    if some { joined.into() } else { Value::Null }
}

fn set_avp(cx: &mut RouteCx, name: AvpName, index: Index, value: Value) -> Result<(), ScriptError> {
    let key = name.0.ok_or_else(|| ScriptError::new("the variable that names the AVP has no value"))?;
    if index == Index::All {
        cx.avps.remove_all(&key);
    } else if value.is_null() {
        // Kamailio takes the newest away whatever the index is.
        cx.avps.pop(&key);
    }
    if !value.is_null() {
        cx.avps.push(&key, value);
    }
    Ok(())
}
