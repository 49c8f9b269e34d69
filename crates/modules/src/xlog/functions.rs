//! `xlog` and its relatives.

use engine::log::Level;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, ScriptError, ScriptType, Str, function,
};

use super::Xlog;

/// A format that is evaluated only when its line will be written.
pub struct Lazy(std::sync::Arc<Expression>);

impl ScriptType for Lazy {
    type Compiled = std::sync::Arc<Expression>;
    const KIND: &'static str = "format";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        Str::compile(arg, env).map(std::sync::Arc::new)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// A log level: `L_ERR`, a number, or a variable that holds one. A text may stand in its place when it is alone.
pub struct LevelOrText(std::sync::Arc<Expression>);

impl ScriptType for LevelOrText {
    type Compiled = std::sync::Arc<Expression>;
    const KIND: &'static str = "level";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        Str::compile(arg, env).map(std::sync::Arc::new)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

fn level(cx: &RouteCx, expression: &Expression) -> Result<Level, ScriptError> {
    let text = expression.eval(cx).to_str();
    // As Kamailio does, the third letter of the name decides.
    Ok(match &*text {
        b"L_ALERT" => Level::Alert,
        b"L_BUG" => Level::Bug,
        b"L_CRIT" => Level::Critical,
        b"L_ERR" => Level::Error,
        b"L_WARN" => Level::Warning,
        b"L_NOTICE" => Level::Notice,
        b"L_INFO" => Level::Info,
        b"L_DBG" => Level::Debug,
        _ => match text.parse_int() {
            Some(number) => Level::from_number(number),
            None => return Err(ScriptError::new(format!("`{text}` is no log level (L_ERR, L_INFO ..)"))),
        },
    })
}

fn line(cx: &RouteCx, me: &Xlog, at: Level, facility: Option<u8>, long: bool, text: &Expression) -> CallResult {
    if me.enabled(cx, at) {
        me.write(cx, at, facility, long, &text.eval(cx).to_str());
    }
    Ok(Return::TRUE)
}

fn log(
    cx: &RouteCx,
    me: &Xlog,
    long: bool,
    first: &Expression,
    second: Option<&Expression>,
    third: Option<&Expression>,
) -> CallResult {
    match (second, third) {
        (None, _) => line(cx, me, Level::Error, None, long, first),
        (Some(text), None) => line(cx, me, level(cx, first)?, None, long, text),
        (Some(at), Some(text)) => {
            let name = first.eval(cx).to_str();
            let facility = engine::settings::facility_number(&name.to_text());
            let facility = facility.ok_or_else(|| ScriptError::new(format!("`{name}` is no syslog facility")))?;
            line(cx, me, level(cx, at)?, Some(facility), long, text)
        }
    }
}

/// Writes a line: `xlog("text")` as an error, `xlog("L_INFO", "text")`, `xlog("LOG_LOCAL3", "L_INFO", "text")`.
/// Variables in the text are replaced; null prints as `<null>`.
#[function(ANY)]
pub fn xlog(cx: &mut RouteCx, me: &Xlog, level: LevelOrText, text: Option<Lazy>, third: Option<Lazy>) -> CallResult {
    log(cx, me, false, &level.0, text.as_ref().map(|text| &*text.0), third.as_ref().map(|text| &*text.0))
}

/// Like `xlog`, with file, line and route name.
#[function(ANY)]
pub fn xlogl(cx: &mut RouteCx, me: &Xlog, level: LevelOrText, text: Option<Lazy>, third: Option<Lazy>) -> CallResult {
    log(cx, me, true, &level.0, text.as_ref().map(|text| &*text.0), third.as_ref().map(|text| &*text.0))
}

/// Like `xlog(level, text)`, for the methods of parameter `methods_filter` only.
#[function(ANY)]
pub fn xlogm(cx: &mut RouteCx, me: &Xlog, level: LevelOrText, text: Lazy) -> CallResult {
    if me.params.methods_filter & i64::from(cx.message.method().id()) == 0 {
        return Ok(Return::TRUE);
    }
    log(cx, me, false, &level.0, Some(&text.0), None)
}

/// Writes a debug line with file, line and route name.
#[function(ANY)]
pub fn xdbgl(cx: &mut RouteCx, me: &Xlog, text: Lazy) -> CallResult {
    line(cx, me, Level::Debug, None, true, &text.0)
}

macro_rules! levels {
    ($($name:ident $level:ident $doc:literal;)+) => {$(
        #[doc = $doc]
        #[function(ANY)]
        pub fn $name(cx: &mut RouteCx, me: &Xlog, text: Lazy) -> CallResult {
            line(cx, me, Level::$level, None, false, &text.0)
        }
    )+};
}

levels! {
    xalert Alert "Writes a line at level alert.";
    xbug Bug "Writes a line at level bug.";
    xcrit Critical "Writes a line at level critical.";
    xerr Error "Writes a line at level error.";
    xwarn Warning "Writes a line at level warning.";
    xnotice Notice "Writes a line at level notice.";
    xinfo Info "Writes a line at level info.";
    xdbg Debug "Writes a line at level debug.";
}
