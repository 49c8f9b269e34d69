//! Accounting at once.

use engine::script_type::required;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, ScriptError, ScriptType, Str, function,
};

use super::Acc;
use super::record::Record;

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
        Ok(Self(compiled.eval(cx).to_str()))
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

fn account(cx: &RouteCx, me: &Acc, comment: &Comment) -> CallResult {
    let mut record = Record::of("request accounted", cx);
    (record.code, record.reason) = comment.split();
    me.write(cx, &record);
    Ok(Return::TRUE)
}

/// Writes a record of the message to the log at once, whatever its flags. Three digits at the start of the comment
/// become the code of the record, the rest its reason; without them the code is empty.
///
/// Returns 1.
#[function(ANY)]
pub fn acc_log_request(cx: &mut RouteCx, me: &Acc, comment: Comment) -> CallResult {
    account(cx, me, &comment)
}

/// Writes a record of the message at once, like `acc_log_request`. The table is for the record in a database; as no
/// database can be set (`db_url`), the record goes to the log only.
///
/// Returns 1.
#[function(ANY)]
pub fn acc_request(cx: &mut RouteCx, me: &Acc, comment: Comment, table: Str) -> CallResult {
    // Evaluated as the script wants it; there is no database that has it.
    let _ = table;
    account(cx, me, &comment)
}
