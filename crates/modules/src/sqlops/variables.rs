//! `$dbr`, `$sqlrows`.

use std::sync::Arc;

use engine::{CompileEnv, Diagnostic, Expression, InnerName, RouteCx, Value, variable};
use language::ast::Variable;

use super::functions::wrong_name;
use super::result::{Results, script_value};
use super::{Connection, Sqlops};

/// What of a result.
pub(super) enum Part {
    Rows,
    Columns,
    Name(Number),
    Cell(Number, Number),
}

/// A number, perhaps in a variable.
pub(super) enum Number {
    Constant(usize),
    Variable(Expression),
}

impl Number {
    fn compile(text: &str, variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let text = text.trim();
        if text.starts_with('$') {
            return env.variable_text(text, variable.span).map(Self::Variable);
        }
        let wrong =
            || wrong_name(format!("`{text}` is no row or column"), variable.span, "numbers from 0, or variables");
        text.parse().map(Self::Constant).map_err(|_| wrong())
    }

    fn eval(&self, cx: &RouteCx) -> Option<usize> {
        match self {
            Self::Constant(number) => Some(*number),
            Self::Variable(expression) => usize::try_from(expression.eval(cx).to_int()?).ok(),
        }
    }
}

/// `result=>part`, resolved.
#[derive(Clone)]
pub(super) struct ResultPart(Arc<(String, Part)>);

impl InnerName for ResultPart {
    type Compiled = Arc<(String, Part)>;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        const HELP: &str = "write `$dbr(result=>rows)`, `cols`, `colname[0]` or `[0,0]`";
        let inner = variable.inner.as_ref().ok_or_else(|| engine::variable::missing_inner(variable))?;
        let wrong = |message: String| wrong_name(message, inner.span, HELP);
        let (name, part) = inner.node.split_once("=>").ok_or_else(|| wrong(format!("`{}` has no `=>`", inner.node)))?;
        let (name, part) = (name.trim(), part.trim());
        if name.is_empty() {
            return Err(wrong("the name of a result is missing".into()));
        }
        let module = env.module::<Sqlops>(variable.span)?;
        module.declare(name).map_err(wrong)?;
        let inside = |text: &str| text.trim().strip_prefix('[')?.strip_suffix(']').map(str::to_owned);
        let part = match part {
            "rows" => Part::Rows,
            "cols" => Part::Columns,
            _ => match (part.strip_prefix("colname").and_then(inside), inside(part).as_deref().and_then(comma)) {
                (Some(number), _) => Part::Name(Number::compile(&number, variable, env)?),
                (None, Some((row, column))) => {
                    Part::Cell(Number::compile(row, variable, env)?, Number::compile(column, variable, env)?)
                }
                (None, None) => return Err(wrong(format!("a result has no `{part}`"))),
            },
        };
        Ok(Arc::new((name.to_owned(), part)))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Self {
        Self(compiled.clone())
    }
}

/// At the comma outside of parentheses.
fn comma(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    let at = text.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0 && c == ','
    })?;
    Some((&text[..at], &text[at + 1..]))
}

/// `$dbr(result=>rows)`: how many rows `sql_query` kept as `result`, 0 when there is no such result; `=>cols` how many
/// columns; `=>colname[n]` the name of a column; `=>[row,column]` a cell, both numbers from 0 or variables. Dates are
/// seconds since 1970, numbers with a fraction are text; `NULL` and what is not there are `$null`.
#[variable("dbr")]
pub(super) fn dbr(cx: &RouteCx, part: ResultPart) -> Value {
    let (name, part) = &*part.0;
    let rows = cx.find_data::<Results>().and_then(|results| results.get(name));
    match part {
        Part::Rows => rows.map_or(0, |rows| rows.rows.len()).into(),
        Part::Columns => rows.map_or(0, |rows| rows.columns.len()).into(),
        Part::Name(at) => {
            let name = at.eval(cx).and_then(|at| rows?.columns.get(at));
            name.map(String::as_str).into()
        }
        Part::Cell(row, column) => {
            let place = row.eval(cx).zip(column.eval(cx));
            place.and_then(|(row, column)| rows?.rows.get(row)?.get(column)).map_or(Value::Null, script_value)
        }
    }
}

/// The name of a connection.
#[derive(Clone)]
pub(super) struct OfConnection(Arc<Connection>);

impl InnerName for OfConnection {
    type Compiled = Arc<Connection>;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| engine::variable::missing_inner(variable))?;
        env.module::<Sqlops>(variable.span)?.find(inner.node.trim(), inner.span)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Self {
        Self(compiled.clone())
    }
}

/// `$sqlrows(connection)`: how many rows the last statement of this message changed in that connection; `$null` before
/// the first one.
#[variable("sqlrows")]
pub(super) fn sqlrows(cx: &RouteCx, connection: OfConnection) -> Value {
    let affected = cx.find_data::<Results>().and_then(|results| results.affected(&connection.0.name));
    affected.map(|count| i64::try_from(count).unwrap_or(i64::MAX)).into()
}
