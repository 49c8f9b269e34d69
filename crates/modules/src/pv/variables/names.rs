//! Inner names from a fixed list: `port` in `$via0(port)`.

use engine::{Code, Diagnostic, variable};
use language::ast::Variable;

/// The entry of `table` that the inner name of a variable names, or an error that lists what there is.
pub(crate) fn choose<T: Copy>(variable: &Variable, table: &[(&'static str, T)]) -> Result<T, Diagnostic> {
    let inner = variable.inner.as_ref().ok_or_else(|| variable::missing_inner(variable))?;
    let names = || table.iter().map(|(name, _)| *name);
    table.iter().find(|(name, _)| *name == inner.node).map(|(_, value)| *value).ok_or_else(|| {
        Diagnostic::error(
            Code::UnknownVariable,
            format!("`${}` has nothing called `{}`", variable.name, inner.node),
            inner.span,
            "unknown name",
        )
        .did_you_mean(&inner.node, names())
        .help(format!("names: {}", names().collect::<Vec<_>>().join(", ")))
    })
}

/// Makes a type whose values are chosen by inner name at load.
macro_rules! inner_name {
    ($type:ty { $($name:literal => $value:expr,)+ }) => {
        impl ::engine::InnerName for $type {
            type Compiled = Self;
            fn compile(
                variable: &::language::ast::Variable,
                _: &mut ::engine::CompileEnv<'_>,
            ) -> Result<Self, ::engine::Diagnostic> {
                $crate::pv::variables::names::choose(variable, &[$(($name, $value)),+])
            }
            fn eval(compiled: &Self, _: &::engine::RouteCx) -> Self {
                *compiled
            }
        }
    };
}
pub(crate) use inner_name;
