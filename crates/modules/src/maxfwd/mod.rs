//! Module `maxfwd`: counts Max-Forwards down (RFC 3261 section 16.3).

use std::sync::Arc;

use engine::config_groups::LiveInt;
use engine::{
    CallResult, Creating, Diagnostic, Module, ModuleDef, Params, Return, RouteCx, ScriptError, Str, function,
};
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
    /// The largest value that a request keeps; larger ones are cut to it and not counted.
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
    if params.max_limit < 0 {
        return Err(Diagnostic::error(
            engine::Code::ParamValue,
            "`max_limit` must not be negative",
            creating.span_of("max_limit"),
            "out of range",
        ));
    }
    let max_limit =
        creating.core.config.declare_int("maxfwd", "max_limit", "Max. hops", params.max_limit, Some((0, 255)));
    Ok(Arc::new(Maxfwd { max_limit }))
}

/// The header's value: `None` when it is missing, `Err` when malformed. An empty one counts as 0, as in Kamailio.
fn value(cx: &RouteCx) -> Result<Option<u32>, ()> {
    match cx.message.max_forwards() {
        Ok(value) => Ok(value),
        Err(_) => {
            let body = cx.message.body_named(HeaderName::MaxForwards).unwrap_or_default();
            if body.trim().is_empty() { Ok(Some(0)) } else { Err(()) }
        }
    }
}

/// Counts the header down, or adds it. Returns 1 (counted), 2 (added), -1 (it was 0), -2 (malformed).
fn process(cx: &mut RouteCx, me: &Maxfwd, default: i64) -> CallResult {
    match value(cx) {
        Err(()) => Ok(Return(-2)),
        Ok(None) => {
            let default = u32::try_from(default)
                .map_err(|_| ScriptError::new(format!("Max-Forwards cannot be added with the value {default}")))?;
            let at = cx.message.headers_start();
            cx.message.edits_mut().insert_before(at, Str::from(format!("Max-Forwards: {default}\r\n")));
            Ok(Return(2))
        }
        Ok(Some(0)) => Ok(Return::FALSE),
        Ok(Some(value)) => {
            // A value above the limit is cut to it and not counted, as Kamailio does.
            let limit = me.max_limit.get();
            let next = if i64::from(value) > limit { limit } else { i64::from(value) - 1 };
            if let Some(range) = cx.message.header(HeaderName::MaxForwards).map(sip::Header::body_range) {
                // Blanks behind the number stay.
                let digits = cx.message.buffer().get(range.clone()).map_or(0, |body| sip::scan::trim(body).len());
                cx.message.edits_mut().replace(range.start..range.start + digits, Str::decimal(next));
            }
            Ok(Return::TRUE)
        }
    }
}

/// 1: Max-Forwards is below `limit`; -1: it is not; -2: missing; -3: malformed.
fn below(cx: &RouteCx, limit: i64) -> CallResult {
    Ok(match value(cx) {
        Ok(Some(value)) => (i64::from(value) < limit).into(),
        Ok(None) => Return(-2),
        Err(()) => Return(-3),
    })
}

/// Counts Max-Forwards down, or adds it with the value `max_value` when it is missing.
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

/// Compares Max-Forwards with a number.
///
/// Returns 1 (it is below `max_value`), -1 (it is not), -2 (missing), -3 (malformed).
#[function(REQUEST | FAILURE | BRANCH)]
pub fn is_maxfwd_lt(cx: &mut RouteCx, max_value: i64) -> CallResult {
    below(cx, max_value)
}

/// The same as `is_maxfwd_lt`.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn mf_lowlimit(cx: &mut RouteCx, max_value: i64) -> CallResult {
    below(cx, max_value)
}

/// The same as `is_maxfwd_lt`: true when Max-Forwards is below `max_value`, other than the name says (as in Kamailio).
#[function(REQUEST | FAILURE | BRANCH)]
pub fn maxfwd_at_least(cx: &mut RouteCx, max_value: i64) -> CallResult {
    below(cx, max_value)
}

#[cfg(test)]
mod tests {
    use testkit::{Bench, Sent};

    fn run(call: &str, header: &str) -> Sent {
        let config = format!(
            "loadmodule \"maxfwd\"\nloadmodule \"xlog\"\nrequest_route {{ {call}; xlog(\"$rc\"); forward(\"127.0.0.9\"); }}"
        );
        let message = format!(
            "INVITE sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n{header}\
             From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n"
        );
        Bench::new(&config, crate::MODULES).unwrap().receive(&message)
    }

    /// Codes and headers seen from Kamailio 5.6.3.
    #[test]
    fn as_kamailio_does() {
        for (call, header, code, line) in [
            ("mf_process_maxfwd_header(\"10\")", "", "2", "Max-Forwards: 10\n"),
            ("mf_process_maxfwd_header(\"100\")", "", "2", "Max-Forwards: 100\n"),
            ("mf_process_maxfwd_header(\"0\")", "", "2", "Max-Forwards: 0\n"),
            ("process_maxfwd(\"10\")", "Max-Forwards: 70\n", "1", "Max-Forwards: 69\n"),
            ("maxfwd_process(\"10\")", "Max-Forwards: 10\n", "1", "Max-Forwards: 9\n"),
            ("process_maxfwd(\"10\")", "Max-Forwards: 300\n", "1", "Max-Forwards: 70\n"),
            ("process_maxfwd(\"10\")", "Max-Forwards: 5 \n", "1", "Max-Forwards: 4 \n"),
            ("process_maxfwd(\"10\")", "Max-Forwards: 007\n", "1", "Max-Forwards: 6\n"),
            ("process_maxfwd(\"10\")", "Max-Forwards: 0\n", "-1", "Max-Forwards: 0\n"),
            ("process_maxfwd(\"10\")", "Max-Forwards: \n", "-1", "Max-Forwards: \n"),
            ("process_maxfwd(\"10\")", "Max-Forwards: abc\n", "-2", "Max-Forwards: abc\n"),
            ("is_maxfwd_lt(\"10\")", "Max-Forwards: 9\n", "1", "Max-Forwards: 9\n"),
            ("mf_lowlimit(\"10\")", "Max-Forwards: 10\n", "-1", "Max-Forwards: 10\n"),
            ("maxfwd_at_least(\"10\")", "Max-Forwards: 9\n", "1", "Max-Forwards: 9\n"),
            ("is_maxfwd_lt(\"10\")", "", "-2", ""),
            ("is_maxfwd_lt(\"10\")", "Max-Forwards: 5x\n", "-3", "Max-Forwards: 5x\n"),
        ] {
            let sent = run(call, header);
            assert_eq!(sent.log, [format!("ERROR: <script>: {code}")], "{call} {header}");
            assert!(sent.messages[0].contains(line), "{call} {header}: {sent:?}");
        }
    }
}
