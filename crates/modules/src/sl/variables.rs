//! `$ltt(..)`.

use engine::variable::missing_inner;
use engine::{Code, CompileEnv, Diagnostic, InnerName, RouteCx, Str, Value, variable};
use language::ast::Variable;

/// Which tag: that of replies without a transaction.
pub struct Stateless;

impl InnerName for Stateless {
    type Compiled = ();
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<(), Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        match &*inner.node {
            "s" => Ok(()),
            // Without tm there is no transaction whose tag could be meant.
            "x" if !env.modules.is_loaded("tm") => Ok(()),
            "x" | "t" => Err(Diagnostic::error(
                Code::NotYet,
                format!("`$ltt({})` is not supported yet", inner.node),
                inner.span,
                "the To tag of a transaction",
            )),
            other => Err(Diagnostic::error(
                Code::UnknownVariable,
                format!("`$ltt({other})` does not exist"),
                inner.span,
                "`s`, `t` or `x`",
            )),
        }
    }
    fn eval((): &(), _: &RouteCx) -> Self {
        Self
    }
}

/// The To tag that a reply to this message gets: `$ltt(s)` without a transaction; `$ltt(x)` is the same as long as tm
/// is not loaded.
#[variable("ltt")]
pub fn ltt(cx: &RouteCx, _which: Stateless) -> Value {
    Str::copy_from(&engine::reply::stateless_tag(cx)).into()
}
