//! Accounting at once.

use engine::script_type::required;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, ScriptError, ScriptType, Str, function,
};

use super::Acc;
use super::record::{Record, Sinks};

/// What the script says about the request: `404 Not Found`, or any text.
pub struct Comment(Str);

impl ScriptType for Comment {
    type Compiled = Expression;
    const KIND: &'static str = "comment";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let arg = required(arg)?;
        let expression = env.text(arg)?;
        if expression.constant().is_some_and(|value| value.to_str().is_empty()) {
            return Err(arg.error("the comment is empty", "a code and a text: `404 Not Found`"));
        }
        Ok(expression)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.eval(cx).into_str()))
    }
}

impl Comment {
    /// The code, when there is one, and the text.
    fn split(&self) -> (Str, Str) {
        let text = &self.0;
        match text.get(..3) {
            Some(code) if code.iter().all(u8::is_ascii_digit) => {
                let blanks = text[3..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                (text.slice(..3), text.slice(3 + blanks..))
            }
            _ => (Str::EMPTY, text.clone()),
        }
    }
}

impl Comment {
    fn record(&self, cx: &RouteCx) -> Record {
        let mut record = Record::of("request accounted", cx);
        (record.code, record.reason) = self.split();
        record
    }
}

/// Writes a record of the message to the log at once, whatever its flags. Three digits at the start of the comment
/// become the code of the record, the rest its reason; without them the code is empty.
///
/// Returns 1.
#[function(ANY)]
pub fn acc_log_request(cx: &mut RouteCx, me: &Acc, comment: Comment) -> CallResult {
    me.write(cx, &comment.record(cx), Sinks { log: true, db: false }, "");
    Ok(Return::TRUE)
}

/// Writes a record of the message into a table of the database, whatever its flags. The comment is that of
/// `acc_log_request`. The record is written soon after; a database that is away gets it when it is back.
///
/// Returns 1; false without `db_url`, or when `table` is no name of a table.
#[function(ANY)]
pub fn acc_db_request(cx: &mut RouteCx, me: &Acc, comment: Comment, table: Str) -> CallResult {
    account(cx, me, &comment, &table, false)
}

/// Writes a record of the message to the log, and into a table when there is a database: `acc_log_request` and
/// `acc_db_request` in one.
///
/// Returns 1; false when `table` is no name of a table.
#[function(ANY)]
pub fn acc_request(cx: &mut RouteCx, me: &Acc, comment: Comment, table: Str) -> CallResult {
    if me.store.is_none() {
        me.write(cx, &comment.record(cx), Sinks { log: true, db: false }, "");
        return Ok(Return::TRUE);
    }
    account(cx, me, &comment, &table, true)
}

fn account(cx: &RouteCx, me: &Acc, comment: &Comment, table: &Str, log: bool) -> CallResult {
    let table = table.to_text();
    if me.store.is_none() || !database::is_name(&table) {
        return Err(ScriptError::new(format!("no accounting into `{table}`: is `db_url` set, and is this a table?")));
    }
    me.write(cx, &comment.record(cx), Sinks { log, db: true }, &table);
    Ok(Return::TRUE)
}
