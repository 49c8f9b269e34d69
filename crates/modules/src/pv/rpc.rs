//! RPC commands of module `pv`.

use std::sync::Arc;

use engine::{RpcArguments, RpcFault, RpcResult, RpcValue, Str, Value, rpc};

use super::Pv;

fn describe(name: &Str, value: &Value) -> RpcValue {
    let (kind, value) = match value {
        Value::Int(number) => ("int", RpcValue::Int(*number)),
        other => ("string", RpcValue::from(&other.to_str())),
    };
    RpcValue::structure([("name", name.into()), ("type", kind.into()), ("value", value)])
}

fn not_found() -> RpcFault {
    RpcFault::new(404, "Variable not found")
}

/// The value of a shared variable `$shv(name)`; without a name all of them.
#[rpc("pv.shvGet")]
pub async fn shv_get(me: Arc<Pv>, name: Option<String>) -> RpcResult {
    match name {
        Some(name) => {
            let name = Str::from(name);
            let variable = me.shared.find(&name).ok_or_else(not_found)?;
            let value = variable.read().clone();
            Ok(vec![describe(&name, &value)])
        }
        None => {
            let all = me.shared.all();
            let items = all.iter().map(|(name, value)| ("shv".to_owned(), describe(name, value))).collect();
            Ok(vec![RpcValue::structure([("items", RpcValue::Struct(items))])])
        }
    }
}

/// Sets a shared variable: `pv.shvSet name int 5`, `pv.shvSet name str text`. The variable must be known: used in the
/// script or set by `shvset`.
#[rpc("pv.shvSet")]
pub async fn shv_set(me: Arc<Pv>, mut arguments: RpcArguments) -> RpcResult {
    let fault = |text: &str| RpcFault::new(500, text);
    let mut missing = |what: &str| {
        arguments.take::<RpcValue>().map_err(|_| fault(&format!("Missing {what} (Parameters: varname type value)")))
    };
    let name = missing("parameter name")?.to_text().unwrap_or_default();
    let variable = me.shared.find(name.as_bytes()).ok_or_else(not_found)?;
    let kind = missing("parameter type")?.to_text().unwrap_or_default();
    let value = match &*kind {
        "int" => {
            let value = missing("integer parameter value")?;
            let number = match value {
                RpcValue::Int(number) => Some(number),
                other => other.to_text().and_then(|text| text.trim().parse().ok()),
            };
            let wrong = || fault("Missing integer parameter value (Parameters: varname type value)");
            Value::Int(number.ok_or_else(wrong)?)
        }
        "str" | "string" => match missing("parameter value")? {
            RpcValue::Text(text) => Value::from(text),
            other => Value::from(other.to_text().unwrap_or_default()),
        },
        _ => return Err(fault("Unknown parameter type (Types: int or str)")),
    };
    *variable.write() = value;
    Ok(vec![RpcValue::from("Ok. Variable set to new value.")])
}
