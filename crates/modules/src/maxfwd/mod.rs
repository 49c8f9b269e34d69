//! Module `maxfwd`: counts Max-Forwards down (RFC 3261 section 16.3).

use std::sync::Arc;

use engine::config_groups::LiveInt;
use engine::{CallResult, Creating, Diagnostic, Module, ModuleDef, Params, Return, RouteCx, Str, function};
use sip::HeaderName;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "maxfwd",
    summary: "Counts Max-Forwards down and finds loops.",
    params: MaxfwdParams::DEFS,
    functions: &[IS_MAXFWD_LT, MAXFWD_AT_LEAST, MAXFWD_PROCESS, MF_LOWLIMIT, MF_PROCESS_MAXFWD_HEADER, PROCESS_MAXFWD],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `maxfwd`.
#[derive(Params)]
pub struct MaxfwdParams {
    /// The largest value that a request keeps; larger ones are cut to it (1 to 255).
    #[param(default = 70)]
    pub max_limit: i64,
}

/// The started module.
pub struct Maxfwd {
    max_limit: LiveInt,
}

impl Module for Maxfwd {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: MaxfwdParams = creating.params()?;
    if !(1..=255).contains(&params.max_limit) {
        return Err(Diagnostic::error(
            engine::Code::ParamValue,
            "`max_limit` must be from 1 to 255",
            creating.span_of("max_limit"),
            "out of range",
        ));
    }
    let max_limit =
        creating.core.config.declare_int("maxfwd", "max_limit", "Max. hops", params.max_limit, Some((0, 255)));
    Ok(Arc::new(Maxfwd { max_limit }))
}

/// Counts the header down, or adds it. Returns 1 (counted), 2 (added), -1 (it was 0), -2 (malformed).
fn process(cx: &mut RouteCx, me: &Maxfwd, default: i64) -> CallResult {
    let default = if default > 0 { default } else { 10 };
    let value = match cx.message.max_forwards() {
        Ok(value) => value,
        Err(_) => return Ok(Return(-2)),
    };
    match value {
        None => {
            let at = cx.message.headers_start();
            let line = format!("Max-Forwards: {}\r\n", default.min(me.max_limit.get()));
            cx.message.edits_mut().insert_before(at, Str::from(line));
            Ok(Return(2))
        }
        Some(0) => Ok(Return::FALSE),
        Some(value) => {
            // A value above the limit is cut to it and not counted, as Kamailio does.
            let limit = me.max_limit.get();
            let next = if i64::from(value) > limit { limit } else { i64::from(value) - 1 };
            if let Some(range) = cx.message.header(HeaderName::MaxForwards).map(sip::Header::body_range) {
                cx.message.edits_mut().replace(range, Str::from(next.to_string()));
            }
            Ok(Return::TRUE)
        }
    }
}

/// -1: Max-Forwards is not below `limit`; 1: it is; -2: missing or malformed.
fn below(cx: &RouteCx, limit: i64) -> CallResult {
    Ok(match cx.message.max_forwards() {
        Ok(Some(value)) => (i64::from(value) < limit).into(),
        _ => Return(-2),
    })
}

/// Counts Max-Forwards down, or adds it with the value `max_value` (at most `max_limit`) when it is missing.
///
/// Returns 1 (counted down), 2 (added), -1 (it is 0: answer 483), -2 (malformed).
#[function(REQUEST)]
pub fn mf_process_maxfwd_header(cx: &mut RouteCx, me: &Maxfwd, max_value: i64) -> CallResult {
    process(cx, me, max_value)
}

/// The same as `mf_process_maxfwd_header`.
#[function(REQUEST)]
pub fn process_maxfwd(cx: &mut RouteCx, me: &Maxfwd, max_value: i64) -> CallResult {
    process(cx, me, max_value)
}

/// The same as `mf_process_maxfwd_header`.
#[function(REQUEST)]
pub fn maxfwd_process(cx: &mut RouteCx, me: &Maxfwd, max_value: i64) -> CallResult {
    process(cx, me, max_value)
}

/// True when Max-Forwards is below `max_value`; -2 when it is missing or malformed.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn is_maxfwd_lt(cx: &mut RouteCx, max_value: i64) -> CallResult {
    below(cx, max_value)
}

/// The same as `is_maxfwd_lt`.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn mf_lowlimit(cx: &mut RouteCx, max_value: i64) -> CallResult {
    below(cx, max_value)
}

/// True when Max-Forwards is at least `max_value`.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn maxfwd_at_least(cx: &mut RouteCx, max_value: i64) -> CallResult {
    below(cx, max_value)
}
