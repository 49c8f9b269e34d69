//! The argument of `is_direction` and the name in `$rdir(..)`.

use engine::variable::missing_inner;
use engine::{ArgSource, Code, CompileEnv, Diagnostic, InnerName, RouteCx, ScriptError, ScriptType};
use language::ast::Variable;

use super::{Direction, Rr};

/// `upstream` or `downstream`, letters of either case.
impl ScriptType for Direction {
    type Compiled = Self;
    const KIND: &'static str = "direction";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let text = arg.constant("`upstream` or `downstream`")?;
        if !env.module::<Rr>(arg.span())?.params.append_fromtag {
            return Err(arg.error(
                "is_direction() needs parameter `append_fromtag` of module rr",
                "the direction is known by the From tag in our Record-Route",
            ));
        }
        [Self::Downstream, Self::Upstream]
            .into_iter()
            .find(|direction| direction.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| arg.error(format!("`{text}` is no direction"), "`upstream` or `downstream`"))
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(*compiled)
    }
}

/// What `$rdir(..)` shows of the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// 1 or 2.
    Id,
    /// `downstream` or `upstream`.
    Name,
}

impl InnerName for Shown {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        match &*inner.node {
            "id" => Ok(Self::Id),
            "name" => Ok(Self::Name),
            other => Err(Diagnostic::error(
                Code::UnknownVariable,
                format!("`$rdir({other})` does not exist"),
                inner.span,
                "`id` or `name`",
            )),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}
