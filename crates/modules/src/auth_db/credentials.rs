//! `load_credentials`: what else is read from a user's row.

use std::sync::Arc;

use database::Value as Cell;
use engine::script_type::WritableVariable;
use engine::variable::ScriptVariable;
use engine::{ArgSource, CompileEnv, Creating, Diagnostic, RouteCx, ScriptError, ScriptType, Str, Value};
use language::ast::{Expr, ExprKind};

/// A column and where its value goes.
pub(super) struct Credential {
    pub(super) column: String,
    target: Target,
}

enum Target {
    /// The AVP with the column's name.
    Avp(Str),
    Variable(Arc<dyn ScriptVariable>),
}

/// `$avp(i:1)=rpid;email_address`
pub(super) fn compile(text: &str, creating: &Creating<'_>) -> Result<Vec<Credential>, Diagnostic> {
    let span = creating.span_of("load_credentials");
    let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
    let mut list = Vec::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (variable, column) = match part.rsplit_once('=') {
            Some((variable, column)) => (Some(variable.trim()), column.trim()),
            None => (None, part),
        };
        if !database::is_name(column) {
            let message = format!("`{column}` is no name of a column");
            return Err(Diagnostic::error(engine::Code::ParamValue, message, span, "`variable=column` or `column`"));
        }
        let target = match variable {
            None => Target::Avp(Str::from(column)),
            Some(variable) => {
                let expr = Expr { kind: ExprKind::String(variable.to_owned()), span };
                Target::Variable(WritableVariable::compile(Some(&ArgSource { expr: &expr }), &mut env)?)
            }
        };
        list.push(Credential { column: column.to_owned(), target });
    }
    Ok(list)
}

/// Sets the variables from the cells of a row.
pub(super) fn set(cx: &mut RouteCx, credentials: &[Credential], cells: &[Cell]) -> Result<(), ScriptError> {
    for (credential, cell) in credentials.iter().zip(cells) {
        let value = match cell {
            Cell::Null => continue,
            Cell::Int(number) => Value::Int(*number),
            Cell::Blob(bytes) => Value::from(bytes.clone()),
            other => match other.to_text() {
                Some(text) => Value::from(text.to_string()),
                None => continue,
            },
        };
        match &credential.target {
            Target::Avp(name) => cx.avps.push(name, value),
            Target::Variable(variable) => variable.set(cx, value)?,
        }
    }
    Ok(())
}
