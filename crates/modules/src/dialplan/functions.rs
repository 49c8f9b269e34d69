//! `dp_translate`, `dp_replace`, `dp_match`, `dp_reload`.

use std::sync::Arc;

use engine::function::routes;
use engine::script_type::WritableVariable;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, Routes, ScriptError, ScriptType,
    ScriptVariable, Str, Value, function, log,
};

use super::rules::Translated;
use super::{Dialplan, Failure};

/// Where a text comes from and the result goes.
pub(super) struct Compiled {
    source: Expression,
    target: Option<Box<dyn ScriptVariable>>,
}

/// `$avp(in)/$avp(out)`
pub(super) struct InOut(Arc<Compiled>);

/// Splits at the slash outside of parentheses.
fn split(text: &str) -> (&str, Option<&str>) {
    let mut depth = 0_i32;
    let slash = text.find(|c| {
        depth += i32::from(c == '(' || c == '{') - i32::from(c == ')' || c == '}');
        depth == 0 && c == '/'
    });
    slash.map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])))
}

impl ScriptType for InOut {
    type Compiled = Arc<Compiled>;
    const KIND: &'static str = "variables";
    const OPTIONAL: bool = true;
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let Some(arg) = arg else {
            let kind = language::ast::ExprKind::String("$rU/$rU".into());
            let expr = language::ast::Expr { kind, span: language::span::Span::default() };
            return in_out("$rU/$rU", &ArgSource { expr: &expr }, env).map(Arc::new);
        };
        let text = arg.constant("`$in/$out`, in quotes")?;
        in_out(&text, arg, env).map(Arc::new)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

fn in_out(text: &str, arg: &ArgSource<'_>, env: &mut CompileEnv<'_>) -> Result<Compiled, Diagnostic> {
    // Old names of the request-URI and its user.
    let plain = |text: &str| match text.trim() {
        "$ruri.user" | "ruri.user" => "$rU".to_owned(),
        "$ruri" | "ruri" => "$ru".to_owned(),
        text => text.to_owned(),
    };
    let (source, target) = split(text);
    let source = plain(source);
    if !source.starts_with('$') {
        return Err(arg.error(format!("`{source}` is no variable"), "expected `$in/$out`"));
    }
    let source = env.variable_text(&source, arg.span())?;
    let target = match target {
        None => None,
        Some(target) => {
            let kind = language::ast::ExprKind::String(plain(target));
            let expr = language::ast::Expr { kind, span: arg.span() };
            Some(env.variable_argument(&ArgSource { expr: &expr }, true)?)
        }
    };
    Ok(Compiled { source, target })
}

impl Dialplan {
    /// Looks for a rule, and says what it yields.
    fn run(&self, cx: &mut RouteCx, dpid: i64, text: &[u8]) -> Result<Result<Translated, Return>, ScriptError> {
        let translated = match self.translate(dpid, text, Some(cx)) {
            Ok(translated) => translated,
            Err(Failure::NoPlan) => return Ok(Err(Return(-2))),
            Err(Failure::NoRule) => return Ok(Err(Return::FALSE)),
            Err(Failure::Wrong(message)) => return Err(ScriptError::new(format!("dialplan {dpid}: {message}"))),
        };
        if let Some(variable) = &self.attributes {
            variable.set(cx, Value::Str(translated.attributes.clone()))?;
        }
        Ok(Ok(translated))
    }

    /// Writes a result. In a failure route a new request-URI is a new branch.
    fn write(&self, cx: &mut RouteCx, target: &dyn ScriptVariable, output: Str) -> Result<(), ScriptError> {
        if output.is_empty() {
            return Ok(());
        }
        let before = cx.request_uri();
        target.set(cx, Value::Str(output))?;
        let is_new = cx.request_uri() != before;
        if is_new && self.params.append_branch && cx.kind.intersects(Routes(routes::FAILURE)) {
            let most = usize::try_from(cx.core.settings.max_branches - 1).unwrap_or(0);
            if cx.to.branches.len() >= most {
                return Err("there are `max_branches` branches already".into());
            }
            let branch = cx.to.first(cx.request_uri());
            cx.to.branches.push(branch);
        }
        Ok(())
    }
}

/// Translates a text by the rules of a dialplan: `dp_translate("100", "$avp(in)/$avp(out)")`. Without the second
/// variable it is only matched; without both it is the user of the request-URI that is translated. The attributes of
/// the rule go into `attrs_pvar`.
///
/// Returns 1; -1 when no rule fits or the one that does cannot be applied; -2 when there is no such dialplan.
#[function(ANY)]
pub(super) fn dp_translate(cx: &mut RouteCx, me: &Dialplan, id: i64, vars: InOut) -> CallResult {
    let value = vars.0.source.eval(cx);
    if value.is_null() {
        return Err("the text has no value ($null)".into());
    }
    match me.run(cx, id, &value.to_str())? {
        Ok(translated) => {
            if let Some(target) = &vars.0.target {
                me.write(cx, &**target, translated.output)?;
            }
            Ok(Return::TRUE)
        }
        Err(code) => Ok(code),
    }
}

/// Translates a text by the rules of a dialplan: `dp_replace("100", "+49$rU", "$var(out)")`. Returns as `dp_translate`.
#[function(ANY)]
pub(super) fn dp_replace(
    cx: &mut RouteCx,
    me: &Dialplan,
    dpid: i64,
    inval: Str,
    outvar: WritableVariable,
) -> CallResult {
    match me.run(cx, dpid, &inval)? {
        Ok(translated) => {
            me.write(cx, &*outvar.0, translated.output)?;
            Ok(Return::TRUE)
        }
        Err(code) => Ok(code),
    }
}

/// Matches a text by the rules of a dialplan; what comes of it are the attributes of the rule in `attrs_pvar`. Returns
/// as `dp_translate`.
#[function(ANY)]
pub(super) fn dp_match(cx: &mut RouteCx, me: &Dialplan, dpid: i64, inval: Str) -> CallResult {
    Ok(me.run(cx, dpid, &inval)?.map_or_else(|code| code, |_| Return::TRUE))
}

/// Reads the rules from the database anew. Rows that cannot be used are logged and left out. Returns 1; -1 when the
/// last reload was less than `reload_delta` seconds ago, or the database did not answer: then the rules stay as they
/// were.
#[function(ANY)]
pub(super) async fn dp_reload(cx: &mut RouteCx, me: &Dialplan) -> CallResult {
    let result = me.reload().await;
    if let Err(error) = &result {
        log!(cx.core.log, Error, "{}: dp_reload: {error}", cx.place());
    }
    Ok(result.is_ok().into())
}
