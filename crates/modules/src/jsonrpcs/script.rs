//! `jsonrpc_exec` and `$jsonrpl(..)`.

use engine::{CallResult, Diagnostic, Return, RouteCx, Str, Value, function, variable};
use engine::{Code, CompileEnv, InnerName};
use language::ast::Variable;

use super::Jsonrpcs;

/// The answer to the last command of this message.
#[derive(Default)]
struct Answer {
    code: i32,
    reason: Str,
    body: Str,
}

/// Runs an RPC command given as a JSON-RPC document; the answer is in `$jsonrpl(body)`.
///
/// Returns 1 when the command was run (also when it answered an error), -1 when the document is no JSON-RPC request.
#[function(ANY)]
pub async fn jsonrpc_exec(cx: &mut RouteCx, me: &Jsonrpcs, document: Str) -> CallResult {
    let table = cx.core.rpc.load_full();
    let answer = control::json_rpc::answer(&table, &document, me.pretty).await;
    let malformed = answer.code == 400 && answer.text.contains("-32700");
    let stored = cx.data::<Answer>();
    stored.code = answer.code;
    stored.reason = Str::from(answer.reason);
    stored.body = Str::from(answer.text);
    Ok(if malformed { Return::FALSE } else { Return::TRUE })
}

/// What `$jsonrpl(..)` reads.
#[derive(Clone, Copy)]
pub enum Part {
    /// `code`.
    Code,
    /// `text`.
    Text,
    /// `body`.
    Body,
}

impl InnerName for Part {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        match variable.inner.as_ref().map(|inner| &*inner.node) {
            Some("code") => Ok(Self::Code),
            Some("text") => Ok(Self::Text),
            Some("body") => Ok(Self::Body),
            _ => Err(Diagnostic::error(
                Code::UnknownVariable,
                "`$jsonrpl` has code, text and body",
                variable.span,
                "write `$jsonrpl(body)`",
            )),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// The answer of the last `jsonrpc_exec`: its `code` (200: success), `text` (`OK` or the fault) and `body`.
#[variable("jsonrpl")]
pub fn jsonrpl(cx: &RouteCx, part: Part) -> Value {
    let Some(answer) = cx.find_data::<Answer>() else { return Value::Null };
    match part {
        Part::Code => Value::from(answer.code),
        Part::Text => Value::from(&answer.reason),
        Part::Body => Value::from(&answer.body),
    }
}
