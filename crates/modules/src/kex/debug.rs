//! The log level.

use engine::{CallResult, Return, RouteCx, ScriptError, Value, function};

fn set(cx: &RouteCx, level: i64) -> CallResult {
    let result = cx.core.config.set("core", "debug", Value::Int(level));
    result.map(|()| Return::TRUE).map_err(|error| ScriptError::new(error.to_string()))
}

/// Sets the log level (core parameter `debug`) of the whole server, until `resetdebug()`.
#[function(ANY)]
pub fn setdebug(cx: &mut RouteCx, level: i64) -> CallResult {
    set(cx, level)
}

/// Sets the log level back to that of the configuration.
#[function(ANY)]
pub fn resetdebug(cx: &mut RouteCx) -> CallResult {
    set(cx, cx.core.settings.debug)
}
