//! `sql_query`, `sql_xquery`, `sql_pvquery`, `sql_query_async`, `sql_result_free`.

use std::sync::Arc;

use database::Outcome;
use engine::script_type::required;
use engine::xavp::{Xlist, Xvalue};
use engine::{
    ArgSource, CallResult, Code, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, ScriptVariable, Str,
    Value, function,
};

use super::result::{Results, script_value};
use super::{Connection, Sqlops};

/// A query that yields more cells than this is an error: a message must not fill the memory.
const MOST_CELLS: usize = 1 << 20;

/// There are no rows.
const EMPTY: Return = Return(2);
/// There are rows, and nobody wanted them.
const UNUSED: Return = Return(3);

/// The name of a connection: known at load.
pub(super) struct ConnectionName(Arc<Connection>);

impl ScriptType for ConnectionName {
    type Compiled = Arc<Connection>;
    const KIND: &'static str = "connection";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        env.module::<Sqlops>(arg.span())?.find(&arg.constant("the name of a connection")?, arg.span())
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// The name of a result.
pub(super) struct ResultName(Arc<str>);

impl ScriptType for ResultName {
    type Compiled = Arc<str>;
    const KIND: &'static str = "result";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let name = arg.constant("the name of a result")?;
        env.module::<Sqlops>(arg.span())?.declare(&name).map_err(|message| arg.error(message, "one too many"))?;
        Ok(Arc::from(name))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// Variables, separated by `;` or `,`.
#[derive(Clone)]
pub(super) struct Targets(Arc<[Target]>);

/// A variable that takes a column.
pub(super) struct Target {
    variable: Box<dyn ScriptVariable>,
    /// An AVP is not taken away by `NULL`.
    is_avp: bool,
}

impl ScriptType for Targets {
    type Compiled = Arc<[Target]>;
    const KIND: &'static str = "variables";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = arg.constant("variables, separated by `;`")?;
        let mut targets = Vec::new();
        for text in split(&text) {
            let expr =
                language::ast::Expr { kind: language::ast::ExprKind::String(text.to_owned()), ..arg.expr.clone() };
            let variable = env.variable_argument(&ArgSource { expr: &expr }, true)?;
            targets.push(Target { variable, is_avp: text.starts_with("$avp(") || text.starts_with("$(avp(") });
        }
        if targets.is_empty() { Err(arg.error("there is no variable here", "no variable")) } else { Ok(targets.into()) }
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// At `;` and `,` outside of parentheses.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth <= 0 && (c == ';' || c == ',')
    })
    .map(str::trim)
    .filter(|text| !text.is_empty())
}

impl Sqlops {
    /// One statement; what it says is kept with the message.
    async fn ask(&self, cx: &mut RouteCx, connection: &Connection, query: &Str) -> Result<Outcome, ScriptError> {
        let shown = || {
            let start = &query[..query.len().min(self.params.log_buf_size)];
            format!("connection `{}`, statement `{}`", connection.name, String::from_utf8_lossy(start))
        };
        let text = statement(connection, query).map_err(|error| ScriptError::new(format!("{}: {error}", shown())))?;
        let outcome = connection.database.raw(&text).await;
        let outcome = outcome.map_err(|error| ScriptError::new(format!("{}: {error}", shown())))?;
        if outcome.rows.rows.len().saturating_mul(outcome.rows.columns.len()) > MOST_CELLS {
            return Err(ScriptError::new(format!("{}: more than {MOST_CELLS} cells", shown())));
        }
        cx.data::<Results>().set_affected(&connection.name, outcome.affected);
        Ok(outcome)
    }
}

/// The text of a query, checked.
fn statement(connection: &Connection, query: &Str) -> Result<String, &'static str> {
    if query.trim_ascii().is_empty() {
        return Err("it is empty");
    }
    super::guard(connection.database.url().scheme, query)?;
    let text = String::from_utf8_lossy(query);
    // A NUL would be the end of the statement for some servers, and a mistake for others.
    Ok(text.replace('\0', "\u{fffd}"))
}

/// Asks a database. The rows are kept as `result`, with the message, for `$dbr(result=>..)`; without `result` they are
/// dropped. The message waits, the worker does not. A text that comes out of a message must be written with
/// `{sql.val.str}` (it puts the quotes around it) or, in MySQL, as `'$(fU{s.escape.common})'`: otherwise its sender
/// writes a part of the statement. More than one statement is refused.
///
/// Returns 1 (there are rows), 2 (there are none), 3 (there are rows, but no `result`), -1 (the database refused or
/// did not answer; the log says why).
#[function(ANY)]
pub(super) async fn sql_query(
    cx: &mut RouteCx,
    me: &Sqlops,
    connection: ConnectionName,
    query: Str,
    result: Option<ResultName>,
) -> CallResult {
    if let Some(name) = &result {
        cx.data::<Results>().set(&name.0, None);
    }
    let outcome = me.ask(cx, &connection.0, &query).await?;
    let is_empty = outcome.rows.rows.is_empty();
    let code = match (&result, is_empty) {
        (_, true) => EMPTY,
        (Some(_), false) => Return::TRUE,
        (None, false) => UNUSED,
    };
    if let Some(name) = result {
        cx.data::<Results>().set(&name.0, Some(outcome.rows));
    }
    Ok(code)
}

/// Asks a database; every row becomes a value of the XAVP `result`, its columns fields of it: `$xavp(result=>column)`
/// is the first row, `$xavp(result[1]=>column)` the second. Rows of an earlier query stand behind them. Texts of
/// messages as with `sql_query`.
///
/// Returns 1 (there are rows), 2 (there are none), -1 (error).
#[function(ANY)]
pub(super) async fn sql_xquery(
    cx: &mut RouteCx,
    me: &Sqlops,
    connection: ConnectionName,
    query: Str,
    result: Str,
) -> CallResult {
    if result.is_empty() {
        return Err("an XAVP needs a name".into());
    }
    let rows = me.ask(cx, &connection.0, &query).await?.rows;
    let names: Vec<Str> = rows.columns.iter().map(|name| Str::from(name.as_str())).collect();
    let row = |cells: &Vec<database::Value>| {
        let fields = names.iter().zip(cells).map(|(name, cell)| (name.clone(), script_value(cell)));
        let items = fields.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, Xvalue::Simple(value)));
        (result.clone(), Xvalue::List(Xlist { items: items.collect() }))
    };
    let list = &mut cx.xavps.xavp.items;
    list.splice(0..0, rows.rows.iter().map(row));
    Ok(if rows.rows.is_empty() { EMPTY } else { Return::TRUE })
}

/// Asks a database; the columns go into variables: `"$var(a);$avp(b)"`. Every row assigns them, the last row first, so
/// that `$var` has what the first row says and `$avp` a value per row. `NULL` leaves an AVP as it is. Texts of
/// messages as with `sql_query`.
///
/// Returns 1 (there are rows), 2 (there are none), -1 (error; also: more columns than variables).
#[function(ANY)]
pub(super) async fn sql_pvquery(
    cx: &mut RouteCx,
    me: &Sqlops,
    connection: ConnectionName,
    query: Str,
    result: Targets,
) -> CallResult {
    let rows = me.ask(cx, &connection.0, &query).await?.rows;
    if rows.columns.len() > result.0.len() {
        let (columns, variables) = (rows.columns.len(), result.0.len());
        return Err(ScriptError::new(format!("{columns} columns, but {variables} variables")));
    }
    for row in rows.rows.iter().rev() {
        for (target, cell) in result.0.iter().zip(row) {
            let value = script_value(cell);
            if !(value == Value::Null && target.is_avp) {
                target.variable.set(cx, value)?;
            }
        }
    }
    Ok(if rows.rows.is_empty() { EMPTY } else { Return::TRUE })
}

/// Hands a statement to a database without waiting for it; what it yields is not seen. The statements of a connection
/// are carried out one after the other, in order; those that fail are logged. Texts of messages as with `sql_query`.
///
/// Returns 1 (taken), -1 (10,000 statements wait already).
#[function(ANY)]
pub(super) fn sql_query_async(_cx: &mut RouteCx, connection: ConnectionName, query: Str) -> CallResult {
    let connection = connection.0;
    let text = statement(&connection, &query)?;
    connection.queue.put(text)?;
    Ok(Return::TRUE)
}

/// Forgets the rows of a result. They go with the message anyway. Returns 1.
#[function(ANY)]
pub(super) fn sql_result_free(cx: &mut RouteCx, result: ResultName) -> CallResult {
    cx.data::<Results>().set(&result.0, None);
    Ok(Return::TRUE)
}

/// The error for a name that is nothing.
pub(super) fn wrong_name(message: String, span: language::span::Span, label: &str) -> Diagnostic {
    Diagnostic::error(Code::UnknownVariable, message, span, label)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lists_of_variables() {
        let parts = |text| super::split(text).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parts("$var(a); $(avp(b)[*]),$xavp(x[0]=>y);"), ["$var(a)", "$(avp(b)[*])", "$xavp(x[0]=>y)"]);
        assert_eq!(parts("$sht(a=>x,y;z)"), ["$sht(a=>x,y;z)"]);
        assert!(parts(" ; ").is_empty());
    }
}
