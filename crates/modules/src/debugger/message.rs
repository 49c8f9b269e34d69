//! `dbg_sip_msg`: the message as it would be sent now.

use engine::log::Level;
use engine::{CallResult, Return, RouteCx, ScriptError, Value, function};
use sip::{Message, PrintOptions, Str};

use super::level_of;

/// The header lines of a message, folded ones whole.
fn headers(message: &Message) -> Vec<Str> {
    message.headers().iter().map(|header| message.raw_of(header).trim()).collect()
}

/// Lines of `old` that `new` lacks with `- ` in front, then those of `new` that `old` lacks.
fn differences(old: &[Str], new: &[Str], out: &mut Vec<u8>) {
    let lacks = |of: &[Str], line: &Str, seen: usize| of.iter().filter(|other| *other == line).count() < seen;
    for (mark, lines, others) in [(&b"- "[..], old, new), (&b""[..], new, old)] {
        for (at, line) in lines.iter().enumerate() {
            let seen = lines[..=at].iter().filter(|other| *other == line).count();
            if lacks(others, line, seen) {
                out.extend_from_slice(mark);
                out.extend_from_slice(line);
                out.push(b'\n');
            }
        }
    }
}

fn show(cx: &RouteCx) -> Result<String, ScriptError> {
    let addresses = engine::forward::addresses(cx, cx.core.socket(cx.received.socket));
    let options =
        PrintOptions { request_uri: cx.to.new_uri.as_deref(), addresses: Some(&addresses), ..PrintOptions::default() };
    let printed = Str::from(cx.message.print(&options));
    let changed = Message::parse(printed.clone()).map_err(|error| ScriptError::new(error.to_string()))?;
    let line = cx.location().map_or(0, |(line, ..)| line);
    let mut out = format!(
        "CONFIG LINE {line}\n------------------------- START OF SIP message debug --------------------------\n"
    )
    .into_bytes();
    out.extend_from_slice(&printed);
    out.extend_from_slice(b"\n------------------------------ SIP header diffs -------------------------------\n");
    differences(&headers(&cx.message), &headers(&changed), &mut out);
    out.extend_from_slice(b"------------------------------- SIP body diffs --------------------------------\n");
    let lines = |message: &Message| -> Vec<Str> {
        let body = message.body();
        body.split(|byte| *byte == b'\n').map(|line| body.slice_ref(line).trim()).collect()
    };
    differences(&lines(&cx.message), &lines(&changed), &mut out);
    out.extend_from_slice(b"-------------------------- END OF SIP message debug ---------------------------\n");
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Logs the message as it would be sent now, with the queued edits applied, and which header lines and lines of the
/// body differ from what arrived: `- ` stands before what is gone. `level`: `L_ERR`, or a number; default: `L_DBG`.
/// `facility`: syslog's, `LOG_LOCAL0`. The message itself does not change.
#[function(ANY)]
pub fn dbg_sip_msg(cx: &mut RouteCx, level: Option<Value>, facility: Option<Str>) -> CallResult {
    let level = level.as_ref().map_or(Ok(Level::Debug), level_of)?;
    let facility = match facility {
        Some(name) => Some(
            engine::settings::facility_number(&name.to_text())
                .ok_or_else(|| ScriptError::new(format!("`{name}` is no syslog facility")))?,
        ),
        None => None,
    };
    if cx.core.log.enabled_for(level, module_path!()) {
        cx.core.log.write_as(level, module_path!(), facility, &show(cx)?);
    }
    Ok(Return::TRUE)
}
