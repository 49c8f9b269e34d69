//! `log(level, text)` and `error(..)`.

use sip::Str;

use crate::function::{CallResult, Return};
use crate::log::Level;
use crate::route_cx::RouteCx;
use crate::script_type::{ArgSource, Constant, ScriptType};
use crate::{CompileEnv, Diagnostic, ScriptError};
use macros::function;

/// The level or, when it stands alone, the text.
pub struct LevelOrText(Str);

impl ScriptType for LevelOrText {
    type Compiled = Str;
    const KIND: &'static str = "level or text";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Str, Diagnostic> {
        Constant::compile(arg, env)
    }
    fn eval(compiled: &Str, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// Writes a constant text to the log: `log("text")` at level 4 (debug), or `log(level, "text")`.
#[function(ANY)]
pub fn log(cx: &mut RouteCx, level: LevelOrText, text: Option<Constant>) -> CallResult {
    let (level, text) = match text {
        Some(text) => (level.0.parse_int().unwrap_or(4), text.0),
        None => (4, level.0),
    };
    cx.core.log.write(Level::from_number(level), &format!("<script>: {text}"));
    Ok(Return::TRUE)
}

/// Writes `error(text, text)` to the log as an error.
#[function(ANY)]
pub fn error(cx: &mut RouteCx, first: Constant, second: Constant) -> CallResult {
    crate::log!(cx.core.log, Notice, "<script>: error({}, {})", first.0, second.0);
    Ok(Return::TRUE)
}
