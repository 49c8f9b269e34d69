//! `table=>key` in parentheses of variables and arguments of functions.

use std::sync::Arc;

use engine::variable::missing_inner;
use engine::{
    ArgSource, Code, CompileEnv, Diagnostic, Expression, Format, RouteCx, ScriptError, ScriptType, Str, Value,
};
use language::ast::Variable;
use language::span::Span;

use super::Htable;
use super::definition::trim;
use super::table::Table;

/// A place in a table.
pub struct Place {
    /// The module.
    pub me: Arc<Htable>,
    /// The table's name as it is written.
    name: Str,
    table: Option<Arc<Table>>,
    key: Format,
}

impl Place {
    /// Of a variable: `$sht(table=>key)`.
    pub(super) fn of_variable(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        engine::variable::no_index(variable)?;
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        Self::parse(&inner.node, inner.span, env)
    }

    fn parse(text: &str, span: Span, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let Some(arrow) = text.find("=>") else {
            let message = format!("`{text}` names no item of a hash table");
            return Err(Diagnostic::error(Code::Argument, message, span, "it is written `table=>key`"));
        };
        let me = env.module::<Htable>(span)?;
        let name = &text[trim(text, 0..arrow)];
        let key = env.format(&text[arrow + 2..], span.part(text, arrow + 2..text.len()))?;
        // A table that is not declared is a remark of the checks, as Kamailio starts with it.
        Ok(Self { table: me.table(name.as_bytes()).cloned(), name: Str::from(name), me, key })
    }

    /// The table, if it is declared.
    #[must_use]
    pub const fn table(&self) -> Option<&Arc<Table>> {
        self.table.as_ref()
    }

    /// The table, or an error for the log.
    pub(super) fn declared(&self) -> Result<&Arc<Table>, ScriptError> {
        self.table.as_ref().ok_or_else(|| no_table(&self.name))
    }

    /// Shows the key without allocating when it is short.
    pub(super) fn with_key<R>(&self, cx: &RouteCx, look: impl FnOnce(&[u8]) -> R) -> R {
        self.key.with_text(cx, look)
    }
}

/// The error for a table that no parameter declares.
pub(super) fn no_table(name: &Str) -> ScriptError {
    ScriptError::new(format!("no hash table `{name}` is declared"))
}

/// A place as an argument of a function; its text must be constant but for variables in the key.
#[derive(Clone)]
pub struct PlaceArg(pub Arc<Place>);

impl ScriptType for PlaceArg {
    type Compiled = Arc<Place>;
    const KIND: &'static str = "hash table=>key";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let text = arg.constant("`table=>key`")?;
        Place::parse(&text, arg.span(), env).map(Arc::new)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// The name of a table as an argument; it may contain variables.
#[derive(Clone)]
pub struct TableArg(pub Arc<Table>);

/// A table's name, looked up once when it is constant.
pub enum TableSource {
    /// It is known at load.
    Known(Result<Arc<Table>, ScriptError>),
    /// It is looked up per call.
    Evaluated(Expression, Arc<Htable>),
}

impl ScriptType for TableArg {
    type Compiled = TableSource;
    const KIND: &'static str = "hash table";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let me = env.module::<Htable>(arg.span())?;
        let expression = env.text(arg)?;
        Ok(match expression.constant() {
            Some(Value::Null) => return Err(arg.error("this argument names a hash table", "not $null")),
            Some(name) => TableSource::Known(me.find(&name.to_str()).cloned()),
            None => TableSource::Evaluated(expression, me),
        })
    }
    fn eval(compiled: &Self::Compiled, cx: &RouteCx) -> Result<Self, ScriptError> {
        match compiled {
            TableSource::Known(table) => table.clone().map(Self),
            TableSource::Evaluated(expression, me) => {
                let name = expression.try_eval(cx).map_err(|error| ScriptError::new(error.0))?;
                me.find(&name.to_str()).cloned().map(Self)
            }
        }
    }
}
