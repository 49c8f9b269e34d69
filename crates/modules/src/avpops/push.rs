//! `avp_pushto`.

use std::sync::Arc;

use engine::script_type::required;
use engine::{
    ArgSource, Branch, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, ScriptVariable,
    Value, function,
};
use sip::Uri;

use super::argument::{Source, flags};
use super::lists::{name_and_flags, text};

/// Where a value goes.
pub(super) enum Compiled {
    /// `$ru`, its user, its domain.
    Uri(Box<dyn ScriptVariable>),
    /// `$du`
    Hop(Box<dyn ScriptVariable>),
    /// `$br`
    Branch,
}

/// `$ru`, `$ru/username`, `$ru/domain`, `$du`, `$br`
pub(super) struct Destination(Arc<Compiled>);

impl ScriptType for Destination {
    type Compiled = Arc<Compiled>;
    const KIND: &'static str = "part of a request";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "`$ru`, `$ru/username`, `$ru/domain`, `$du` or `$br`")?;
        let name = match text.trim() {
            "$ru" => "$ru",
            "$ru/username" => "$rU",
            "$ru/domain" => "$rd",
            "$du" => "$du",
            "$br" => return Ok(Arc::new(Compiled::Branch)),
            other => {
                let message = format!("nothing can be pushed to `{other}`");
                return Err(arg.error(message, "`$ru`, `$ru/username`, `$ru/domain`, `$du` or `$br`"));
            }
        };
        let expr = language::ast::Expr { kind: language::ast::ExprKind::String(name.into()), ..arg.expr.clone() };
        let variable = env.variable_argument(&ArgSource { expr: &expr }, true)?;
        Ok(Arc::new(if name == "$du" { Compiled::Hop(variable) } else { Compiled::Uri(variable) }))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// `$avp(name)/g`
pub(super) struct Pushed(Arc<(Source, bool)>);

impl ScriptType for Pushed {
    type Compiled = Arc<(Source, bool)>;
    const KIND: &'static str = "variable with flags";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "a variable and flags")?;
        let (name, letters) = name_and_flags(&text, arg)?;
        let [all] = flags(letters, ['g'], arg)?;
        Ok(Arc::new((Source::compile(name, arg, env)?, all)))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// Puts the newest value of an AVP, or another variable, into the request: `$ru` is the request-URI, `$ru/username` and
/// `$ru/domain` parts of it, `$du` the next hop, `$br` a further branch. With the flag `g` all values: each
/// becomes a branch, the oldest one the request-URI.
///
/// Returns 1; -1 when there is no value or it does not fit there.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) fn avp_pushto(cx: &mut RouteCx, destination: Destination, name: Pushed) -> CallResult {
    let (source, all) = &*name.0;
    let values = source.values(cx, *all)?;
    if values.is_empty() {
        return Ok(Return::FALSE);
    }
    for (at, value) in values.into_iter().enumerate() {
        let text = value.to_str();
        match &*destination.0 {
            Compiled::Hop(variable) => variable.set(cx, Value::Str(text))?,
            Compiled::Uri(variable) => {
                if at > 0 {
                    let branch = cx.to.first(cx.request_uri());
                    add_branch(cx, branch)?;
                }
                variable.set(cx, Value::Str(text))?;
            }
            Compiled::Branch => {
                Uri::parse(text.clone()).map_err(|_| ScriptError::new(format!("`{text}` is no URI")))?;
                add_branch(cx, Branch { uri: text, ..Branch::default() })?;
            }
        }
    }
    Ok(Return::TRUE)
}

fn add_branch(cx: &mut RouteCx, branch: Branch) -> Result<(), ScriptError> {
    let most = usize::try_from(cx.core.settings.max_branches - 1).unwrap_or(0);
    if cx.to.branches.len() >= most {
        return Err("there are `max_branches` branches already".into());
    }
    cx.to.branches.push(branch);
    Ok(())
}
