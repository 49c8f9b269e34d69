//! `xlog` and its relatives.

use std::sync::Arc;

use engine::log::Level;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, ScriptError, ScriptType, Str, Value,
    function,
};

use super::Xlog;

/// A format that is evaluated only when its line will be written.
pub struct Lazy(Arc<Expression>);

impl ScriptType for Lazy {
    type Compiled = Arc<Expression>;
    const KIND: &'static str = "format";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        Str::compile(arg, env).map(Arc::new)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// A log level: `L_ERR`, or a variable that holds a number.
pub struct LogLevel(Level);

impl ScriptType for LogLevel {
    type Compiled = Expression;
    const KIND: &'static str = "log level";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let expression = env.text(arg)?;
        if let Some(value) = expression.constant() {
            level_value(value).map_err(|error| arg.error(error.message, "L_ERR, L_INFO .., or a variable"))?;
        }
        Ok(expression)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        let value = match compiled {
            // A variable alone may hold a number; as a text it would be looked at as a name.
            Expression::Format(format) => format.single().map_or_else(|| compiled.eval(cx), |single| single.eval(cx)),
            _ => compiled.eval(cx),
        };
        level_value(&value).map(Self)
    }
}

/// The level that a value stands for. Of a name, as in Kamailio, the third letter decides.
fn level_value(value: &Value) -> Result<Level, ScriptError> {
    let text = match value {
        Value::Int(number) => return Ok(Level::from_number(*number)),
        Value::Null => return Err(ScriptError::new("a log level has no value ($null)")),
        Value::Str(text) => text,
    };
    Ok(match text.get(2) {
        Some(b'A') => Level::Alert,
        Some(b'B') => Level::Bug,
        Some(b'C') => Level::Critical,
        Some(b'E') => Level::Error,
        Some(b'W') => Level::Warning,
        Some(b'N') => Level::Notice,
        Some(b'I') => Level::Info,
        Some(b'D') => Level::Debug,
        _ => return Err(ScriptError::new(format!("`{text}` is no log level"))),
    })
}

/// A syslog facility: `LOG_LOCAL3`.
pub struct Facility(u8);

impl ScriptType for Facility {
    type Compiled = u8;
    const KIND: &'static str = "syslog facility";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<u8, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let name = arg.constant("a syslog facility")?;
        engine::settings::facility_number(&name)
            .ok_or_else(|| arg.error(format!("`{name}` is no syslog facility"), "LOG_DAEMON, LOG_LOCAL0 .."))
    }
    fn eval(compiled: &u8, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(*compiled))
    }
}

fn line(cx: &RouteCx, me: &Xlog, at: Level, facility: Option<Facility>, place: bool, text: &Lazy) -> CallResult {
    if me.enabled(cx, at) {
        me.write(cx, at, facility.map(|facility| facility.0), place, &text.0.eval(cx).into_str())?;
    }
    Ok(Return::TRUE)
}

/// Writes a line as an error: `xlog("text")`. Variables in the text are replaced; null prints as `<null>`.
///
/// Returns 1, also when the level is off; -1 when the text is too long (`buf_size`) or the level is none.
#[function(ANY)]
pub fn xlog(cx: &mut RouteCx, me: &Xlog, text: Lazy) -> CallResult {
    line(cx, me, Level::Error, None, false, &text)
}

/// Writes a line: `xlog("L_INFO", "text")`; the level may be a variable that holds its number.
#[function(ANY, name = "xlog")]
pub fn xlog_level(cx: &mut RouteCx, me: &Xlog, level: LogLevel, text: Lazy) -> CallResult {
    line(cx, me, level.0, None, false, &text)
}

/// Writes a line to another syslog facility: `xlog("LOG_LOCAL3", "L_INFO", "text")`.
#[function(ANY, name = "xlog")]
pub fn xlog_facility(cx: &mut RouteCx, me: &Xlog, facility: Facility, level: LogLevel, text: Lazy) -> CallResult {
    line(cx, me, level.0, Some(facility), false, &text)
}

/// Like `xlog("text")`, with the number of the line in the script (and the file, see `long_format`) in front.
#[function(ANY)]
pub fn xlogl(cx: &mut RouteCx, me: &Xlog, text: Lazy) -> CallResult {
    line(cx, me, Level::Error, None, true, &text)
}

/// Like `xlog(level, text)`, with the number of the line in the script in front.
#[function(ANY, name = "xlogl")]
pub fn xlogl_level(cx: &mut RouteCx, me: &Xlog, level: LogLevel, text: Lazy) -> CallResult {
    line(cx, me, level.0, None, true, &text)
}

/// Like `xlog(facility, level, text)`, with the number of the line in the script in front.
#[function(ANY, name = "xlogl")]
pub fn xlogl_facility(cx: &mut RouteCx, me: &Xlog, facility: Facility, level: LogLevel, text: Lazy) -> CallResult {
    line(cx, me, level.0, Some(facility), true, &text)
}

/// Like `xlog(level, text)`, but not for messages of the methods in parameter `methods_filter`.
#[function(ANY)]
pub fn xlogm(cx: &mut RouteCx, me: &Xlog, level: LogLevel, text: Lazy) -> CallResult {
    if me.filtered(cx) {
        return Ok(Return::TRUE);
    }
    line(cx, me, level.0, None, false, &text)
}

/// Writes a debug line with the number of the line in the script in front.
#[function(ANY)]
pub fn xdbgl(cx: &mut RouteCx, me: &Xlog, text: Lazy) -> CallResult {
    line(cx, me, Level::Debug, None, true, &text)
}

macro_rules! levels {
    ($($name:ident $level:ident $doc:literal;)+) => {$(
        #[doc = $doc]
        #[function(ANY)]
        pub fn $name(cx: &mut RouteCx, me: &Xlog, text: Lazy) -> CallResult {
            line(cx, me, Level::$level, None, false, &text)
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
