//! Flags of AVPs: `avpflags a, b;` names them, `setavpflag($f.x, "a")` sets one.

use language::ast::ExprKind;
use sip::Str;

use crate::compile::Attribute;
use crate::function::{CallResult, Return};
use crate::route_cx::RouteCx;
use crate::script_type::{ArgSource, ScriptType, required};
use crate::{CompileEnv, Diagnostic, ScriptError};
use macros::function;

/// The AVP that an argument names: `$f.x`, `"$f.x"`, `$x`, `$avp(x)` or `"x"`.
pub struct AvpArgument(Option<Str>);

impl ScriptType for AvpArgument {
    type Compiled = Attribute;
    const KIND: &'static str = "AVP";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Attribute, Diagnostic> {
        let arg = required(arg)?;
        match &arg.expr.kind {
            ExprKind::Attribute(text) | ExprKind::String(text) => Attribute::parse(text, arg.span()),
            ExprKind::Variable(variable) if variable.transformations.is_empty() && variable.index.is_none() => {
                let name = match (&*variable.name, &variable.inner) {
                    ("avp", Some(inner)) if !inner.node.contains('$') => inner.node.trim_start_matches("s:"),
                    (name, None) => name,
                    _ => return Err(arg.error("this argument must name an AVP", "write `$avp(name)`")),
                };
                Attribute::parse(&format!("fr.{name}"), arg.span())
            }
            _ => Err(arg.error("this argument must name an AVP", "write `$f.name` or `$avp(name)`")),
        }
    }
    fn eval(compiled: &Attribute, cx: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.key_now(cx)))
    }
}

/// A name of `avpflags`.
pub struct AvpFlag(u8);

impl ScriptType for AvpFlag {
    type Compiled = u8;
    const KIND: &'static str = "flag of AVPs";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<u8, Diagnostic> {
        let arg = required(arg)?;
        env.avp_flag(&arg.constant("a name of `avpflags`")?, arg.span())
    }
    fn eval(compiled: &u8, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(*compiled))
    }
}

/// Changes the flags of the AVP; false when there is none.
fn change(cx: &mut RouteCx, avp: AvpArgument, change: impl FnOnce(u32) -> u32) -> CallResult {
    let Some((key, flags)) = avp.0.and_then(|key| cx.avps.flags(&key).map(|flags| (key, flags))) else {
        return Ok(Return::FALSE);
    };
    cx.avps.set_flags(&key, change(flags));
    Ok(Return::TRUE)
}

/// Sets a flag of an AVP. False when there is no such AVP.
#[function(ANY)]
pub fn setavpflag(cx: &mut RouteCx, avp: AvpArgument, flag: AvpFlag) -> CallResult {
    change(cx, avp, |flags| flags | 1 << flag.0)
}

/// Clears a flag of an AVP. False when there is no such AVP.
#[function(ANY)]
pub fn resetavpflag(cx: &mut RouteCx, avp: AvpArgument, flag: AvpFlag) -> CallResult {
    change(cx, avp, |flags| flags & !(1 << flag.0))
}

/// True when the AVP is there and has the flag.
#[function(ANY)]
pub fn isavpflagset(cx: &mut RouteCx, avp: AvpArgument, flag: AvpFlag) -> CallResult {
    let flags = avp.0.and_then(|key| cx.avps.flags(&key));
    Ok(flags.is_some_and(|flags| flags & 1 << flag.0 != 0).into())
}
