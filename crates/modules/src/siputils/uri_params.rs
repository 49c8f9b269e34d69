//! Parameters of the request-URI.

use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::Uri;

fn request_uri(cx: &RouteCx) -> Result<Uri, ScriptError> {
    cx.parsed_request_uri().map_err(|error| ScriptError::new(format!("wrong request-URI: {error}")))
}

/// True when the request-URI has this parameter: without a value, or with just this value. Letters of either case
/// differ.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn uri_param(cx: &mut RouteCx, name: Str, value: Option<Str>) -> CallResult {
    let wanted = value.unwrap_or_default();
    let uri = request_uri(cx)?;
    Ok(uri.iter_params().any(|param| *param.name == *name && *param.value.unwrap_or_default() == *wanted).into())
}

/// True when the request-URI has this parameter, with or without a value.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn uri_param_any(cx: &mut RouteCx, name: Str) -> CallResult {
    Ok(request_uri(cx)?.has_param(&*name).into())
}

/// Adds a parameter, `name` or `name=value`, behind those of the request-URI; one of the same name stays.
#[function(REQUEST)]
pub fn add_uri_param(cx: &mut RouteCx, param: Str) -> CallResult {
    let uri = request_uri(cx)?;
    if param.is_empty() {
        return Ok(Return::TRUE);
    }
    let text = uri.text();
    let headers = uri.headers_text();
    // Before the headers and their question mark.
    let end = if headers.is_empty() { text.len() } else { text.len() - headers.len() - 1 };
    cx.to.set_uri(Str::from([&text[..end], b";", &*param, &text[end..]].concat()));
    Ok(Return::TRUE)
}

/// Stores the value of a parameter of the request-URI in a variable. False when there is no such parameter; letters of
/// either case differ.
#[function(REQUEST | LOCAL)]
pub fn get_uri_param(cx: &mut RouteCx, name: Str, variable: WritableVariable) -> CallResult {
    let uri = request_uri(cx)?;
    let found =
        uri.iter_params().find(|param| *param.name == *name).map(|param| Str::from(param.value.unwrap_or_default()));
    match found {
        Some(value) => {
            variable.0.set(cx, Value::Str(value))?;
            Ok(Return::TRUE)
        }
        None => Ok(Return::FALSE),
    }
}

/// Removes a parameter of the request-URI, of several of that name the last one. True also when there is none.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn uri_param_rm(cx: &mut RouteCx, name: Str) -> CallResult {
    let uri = request_uri(cx)?;
    let text = uri.text();
    let Some(param) = uri.iter_params().filter(|param| param.name.eq_ignore_ascii_case(&name)).last() else {
        return Ok(Return::TRUE);
    };
    let Some(start) = text.offset_of(param.name) else { return Ok(Return::TRUE) };
    let end = start + param.name.len() + param.value.map_or(0, |value| value.len() + 1);
    // With the semicolon before it.
    cx.to.set_uri(Str::from([&text[..start - 1], &text[end..]].concat()));
    Ok(Return::TRUE)
}
