//! `$cfg(..)`.

use engine::function::routes;
use engine::variable::missing_inner;
use engine::{Code, CompileEnv, Diagnostic, InnerName, RouteCx, Value, variable};
use language::ast::Variable;

/// What to tell of the running operation.
#[derive(Clone, Copy)]
pub enum Place {
    /// Its line.
    Line,
    /// Its file.
    File,
    /// Its route.
    Route,
}

impl InnerName for Place {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        match &*inner.node {
            "line" => Ok(Self::Line),
            "name" | "file" => Ok(Self::File),
            "route" => Ok(Self::Route),
            other => Err(Diagnostic::error(
                Code::UnknownVariable,
                format!("`$cfg({other})` does not exist"),
                inner.span,
                "`line`, `name`, `file` or `route`",
            )),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// Where the script stands: `$cfg(line)`, `$cfg(file)` (also `name`), `$cfg(route)`. The routes without a name are
/// `DEFAULT_ROUTE`, `DEFAULT_ONREPLY` and `DEFAULT_SEND`.
#[variable("cfg")]
pub fn cfg(cx: &RouteCx, place: Place) -> Value {
    let Some((line, file, route)) = cx.location() else { return Value::Null };
    match place {
        Place::Line => line.into(),
        Place::File => file.into(),
        Place::Route if !route.is_empty() => route.into(),
        Place::Route => match cx.kind.0 {
            routes::CORE_ONREPLY => "DEFAULT_ONREPLY",
            routes::ONSEND => "DEFAULT_SEND",
            _ => "DEFAULT_ROUTE",
        }
        .into(),
    }
}
