//! Arguments that name tables.

use engine::{ArgSource, CompileEnv, Diagnostic, Expression, RouteCx, ScriptError, ScriptType, Str, Value};

use super::AuthDb;

/// The name of a table; it may come from a variable.
#[derive(Clone, Debug)]
pub struct TableName(pub String);

impl TableName {
    fn of(text: &Str) -> Result<Self, ScriptError> {
        let name = text.to_text().into_owned();
        if database::is_name(&name) { Ok(Self(name)) } else { Err(format!("`{name}` is no name of a table").into()) }
    }
}

impl ScriptType for TableName {
    type Compiled = Expression;
    const KIND: &'static str = "table";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let compiled = Str::compile(arg, env)?;
        if let (Some(arg), Some(Value::Str(text))) = (arg, compiled.constant())
            && let Err(error) = Self::of(text)
        {
            return Err(arg.error(error.message, "letters, digits, `_`, `$` and `-`"));
        }
        Ok(compiled)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        Self::of(&Str::eval(compiled, cx)?)
    }
}

/// The same; a constant one is among the tables whose layout is checked at the start.
#[derive(Clone, Debug)]
pub struct CheckedTable(pub TableName);

impl ScriptType for CheckedTable {
    type Compiled = Expression;
    const KIND: &'static str = "table";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let compiled = TableName::compile(arg, env)?;
        if let (Some(arg), Some(Value::Str(text))) = (arg, compiled.constant()) {
            env.module::<AuthDb>(arg.span())?.checked.lock().insert(text.to_text().into_owned());
        }
        Ok(compiled)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        TableName::eval(compiled, cx).map(Self)
    }
}

/// A text that is not empty when it is known at load.
#[derive(Clone, Debug)]
pub struct NotEmpty(pub Str);

impl ScriptType for NotEmpty {
    type Compiled = Expression;
    const KIND: &'static str = "string";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let compiled = Str::compile(arg, env)?;
        match (arg, compiled.constant()) {
            (Some(arg), Some(Value::Str(text))) if text.is_empty() => {
                Err(arg.error("this argument must not be empty", "empty"))
            }
            _ => Ok(compiled),
        }
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        let text = Str::eval(compiled, cx)?;
        if text.is_empty() { Err(ScriptError::new("an argument is empty")) } else { Ok(Self(text)) }
    }
}
