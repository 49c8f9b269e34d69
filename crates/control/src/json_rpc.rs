//! JSON-RPC 2.0 as module jsonrpcs answers it; how the texts travel is the business of [`crate::fifo`],
//! [`crate::datagram`] and the HTTP server.
//!
//! Found by asking Kamailio 5.6.3. Where it gives an empty result or none at all to what is no proper request, the
//! errors of the JSON-RPC specification are given instead.

use engine::rpc::RpcTable;
use engine::{RpcFault, RpcValue};
use serde_json::Value;

use crate::json_text::{JsonWriter, Member};

/// The longest request taken.
pub const MAX_REQUEST: usize = 256 * 1024;

/// How many requests may come in one list.
const MAX_BATCH: usize = 100;

/// How deep arguments may be nested: as in [`crate::binrpc`].
const MAX_DEPTH: usize = crate::binrpc::MAX_DEPTH;

/// What success is called.
const OK: &str = "OK";

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonAnswer {
    /// The JSON text.
    pub text: String,
    /// 200, or the fault's code: for HTTP.
    pub code: i32,
    /// `OK`, or the fault's text.
    pub reason: String,
    /// Where the client of a FIFO waits for it.
    pub reply_name: Option<String>,
}

/// Runs a request, or a list of requests. `pretty` indents the answer (`pretty_format`).
pub async fn answer(table: &RpcTable, request: &[u8], pretty: bool) -> JsonAnswer {
    let parsed = if request.len() > MAX_REQUEST { None } else { serde_json::from_slice(request).ok() };
    match parsed {
        Some(request) => answer_value(table, &request, pretty).await,
        None => {
            let fault = RpcFault::new(-32700, "Parse error");
            let text = error_text(&fault, Some("null"), pretty);
            JsonAnswer { text, code: 400, reason: fault.reason, reply_name: None }
        }
    }
}

/// The same for JSON that was parsed already.
pub async fn answer_value(table: &RpcTable, request: &Value, pretty: bool) -> JsonAnswer {
    match request {
        Value::Array(requests) if (1..=MAX_BATCH).contains(&requests.len()) => {
            let mut texts = Vec::with_capacity(requests.len());
            for request in requests {
                texts.push(answer_one(table, request, pretty).await.text);
            }
            JsonAnswer { text: format!("[{}]", texts.join(", ")), code: 200, reason: OK.to_owned(), reply_name: None }
        }
        request => answer_one(table, request, pretty).await,
    }
}

async fn answer_one(table: &RpcTable, request: &Value, pretty: bool) -> JsonAnswer {
    // Numbers and texts come back as they are written; without an id there is an answer too, as in Kamailio.
    let id = request.get("id").map(|id| match id {
        Value::Number(_) | Value::String(_) => id.to_string(),
        _ => "null".to_owned(),
    });
    let id = id.as_deref();
    let reply_name = request.get("reply_name").and_then(Value::as_str).map(str::to_owned);
    match run(table, request).await {
        Ok((values, returns_array)) => {
            let text = result_text(&values, returns_array, id, pretty);
            JsonAnswer { text, code: 200, reason: OK.to_owned(), reply_name }
        }
        Err(fault) => {
            let text = error_text(&fault, id, pretty);
            JsonAnswer { text, code: if fault.code < 0 { 400 } else { fault.code }, reason: fault.reason, reply_name }
        }
    }
}

async fn run(table: &RpcTable, request: &Value) -> Result<(Vec<RpcValue>, bool), RpcFault> {
    let invalid = || RpcFault::new(-32600, "Invalid Request");
    let (Some("2.0"), Some(method)) =
        (request.get("jsonrpc").and_then(Value::as_str), request.get("method").and_then(Value::as_str))
    else {
        return Err(invalid());
    };
    let arguments = match request.get("params") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().map(|item| argument(item, MAX_DEPTH)).collect(),
        // Kamailio takes the values in their order and forgets the names.
        Some(Value::Object(members)) => members.values().map(|item| argument(item, MAX_DEPTH)).collect(),
        Some(_) => return Err(RpcFault::new(-32602, "Invalid params")),
    };
    let Some(command) = table.commands.get(method) else {
        return Err(RpcFault::new(500, "Method Not Found"));
    };
    let returns_array = command.returns_array;
    table.call(method, arguments).await.map(|values| (values, returns_array))
}

/// A JSON value as an argument.
fn argument(value: &Value, depth: usize) -> RpcValue {
    match value {
        Value::Null => RpcValue::Null,
        Value::Bool(yes) => RpcValue::Int(i64::from(*yes)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => RpcValue::Int(number),
            None => RpcValue::Double(number.as_f64().unwrap_or(0.0)),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(_) | Value::Object(_) if depth == 0 => RpcValue::Null,
        Value::Array(items) => RpcValue::Array(items.iter().map(|item| argument(item, depth - 1)).collect()),
        Value::Object(members) => {
            RpcValue::Struct(members.iter().map(|(name, member)| (name.clone(), argument(member, depth - 1))).collect())
        }
    }
}

/// One value stands for itself, several are a list, none is an empty object; a command that is known to answer lists
/// always does.
fn result_text(values: &[RpcValue], returns_array: bool, id: Option<&str>, pretty: bool) -> String {
    let result = match values {
        _ if returns_array => Member::List(values),
        [] => Member::Object(&[]),
        [value] => Member::Value(value),
        _ => Member::List(values),
    };
    envelope("result", result, id, pretty)
}

fn error_text(fault: &RpcFault, id: Option<&str>, pretty: bool) -> String {
    let members = [("code", RpcValue::from(fault.code)), ("message", RpcValue::from(fault.reason.as_str()))];
    envelope("error", Member::Object(&members), id, pretty)
}

fn envelope(name: &str, member: Member<'_>, id: Option<&str>, pretty: bool) -> String {
    let mut members = vec![("jsonrpc", Member::Raw("\"2.0\"")), (name, member)];
    if let Some(id) = id {
        members.push(("id", Member::Raw(id)));
    }
    let mut writer = JsonWriter::new(pretty);
    writer.object(0, members.into_iter());
    writer.into_text()
}

#[cfg(test)]
mod tests;
