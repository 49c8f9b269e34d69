//! The next hop, the server's own names, the log level, formatted texts.

use engine::script_type::{Constant, WritableVariable};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::{Protocol, Uri};

/// Sets the URI of the next hop (`$du`); a constant text.
#[function(ANY)]
pub fn setdsturi(cx: &mut RouteCx, uri: Constant) -> CallResult {
    Uri::parse(uri.0.clone()).map_err(|error| ScriptError::new(format!("wrong next hop `{}`: {error}", uri.0)))?;
    cx.to.destination = Some(uri.0);
    Ok(Return::TRUE)
}

/// Forgets the URI of the next hop: the request goes to its request-URI.
#[function(ANY)]
pub fn resetdsturi(cx: &mut RouteCx) -> CallResult {
    cx.to.destination = None;
    Ok(Return::TRUE)
}

/// True when a URI of the next hop is set.
#[function(ANY)]
pub fn isdsturiset(cx: &mut RouteCx) -> CallResult {
    Ok(cx.to.destination.is_some().into())
}

/// True when a URI, an address or a host name is one of the server's own. A port or transport in the URI must be right;
/// without them any will do.
#[function(ANY)]
pub fn is_myself(cx: &mut RouteCx, uri: Str) -> CallResult {
    let Ok(uri) = Uri::parse(uri.clone()) else {
        return Ok(cx.core.is_myself(&uri, None, None).into());
    };
    if !uri.scheme().is_sip() {
        return Ok(Return::FALSE);
    }
    let protocol = match uri.transport() {
        Some(name) => match Protocol::from_name(&name) {
            Some(protocol) => Some(protocol),
            None => return Ok(Return::FALSE),
        },
        None => None,
    };
    Ok(cx.core.is_myself(uri.host_bytes(), uri.port(), protocol).into())
}

/// True when an address or a host name is one of the server's own, whatever port and protocol.
#[function(ANY)]
pub fn is_myhost(cx: &mut RouteCx, host: Str) -> CallResult {
    Ok(cx.core.is_myself(&host, None, None).into())
}

/// Sets the log level: from -5 (alerts only) to 3 (debug). It is that of the whole server (in Kamailio that of one
/// process) until `resetdebug`.
#[function(ANY)]
pub fn setdebug(cx: &mut RouteCx, level: i64) -> CallResult {
    cx.core.log.set_level(level);
    Ok(Return::TRUE)
}

/// Sets the log level back to the value of the core parameter `debug`.
#[function(ANY)]
pub fn resetdebug(cx: &mut RouteCx) -> CallResult {
    // `cfg.set core debug` may have changed it since the start.
    let live = cx.core.config.find("core", "debug").and_then(|variable| variable.value.read().to_int());
    cx.core.log.set_level(live.unwrap_or(cx.core.settings.debug));
    Ok(Return::TRUE)
}

/// Writes a text, its variables replaced (null prints as `<null>`), into a variable.
#[function(ANY)]
pub fn pv_printf(cx: &mut RouteCx, variable: WritableVariable, text: Str) -> CallResult {
    variable.0.set(cx, Value::Str(text))?;
    Ok(Return::TRUE)
}

/// The same as `pv_printf`.
#[function(ANY)]
pub fn avp_printf(cx: &mut RouteCx, variable: WritableVariable, text: Str) -> CallResult {
    variable.0.set(cx, Value::Str(text))?;
    Ok(Return::TRUE)
}
