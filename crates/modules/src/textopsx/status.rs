//! Another code for a reply that is sent on.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::{Edit, EditId, Insert};

/// The edits of the first line so far, and the reason that they set.
fn earlier(cx: &RouteCx) -> (Vec<EditId>, Option<Str>) {
    let of_first_line = |edit: &&Edit| edit.start == 0 && edit.end > 0;
    let edits: Vec<&Edit> = cx.message.edits().iter().filter(of_first_line).collect();
    let reason = edits.last().and_then(|edit| match &edit.insert {
        // `SIP/2.0 404 Not Found`
        Insert::Text(line) => line.splitn(3, |byte| *byte == b' ').nth(2).map(|reason| line.slice_ref(reason)),
        _ => None,
    });
    (edits.iter().map(|edit| edit.id()).collect(), reason)
}

fn change(cx: &mut RouteCx, code: i64, reason: Option<&Str>) -> CallResult {
    let old = cx.message.status().ok_or("this is no reply")?;
    let code = match u16::try_from(code) {
        Ok(code @ 100..=699) => code,
        _ => return Err(ScriptError::new(format!("{code} is no reply code"))),
    };
    if code / 100 != old / 100 && (code < 300 || old < 300) {
        return Err(ScriptError::new(format!(
            "the class of a provisional or positive reply cannot be changed: {old} to {code}"
        )));
    }
    let (ids, changed) = earlier(cx);
    for id in ids {
        cx.message.edits_mut().remove(id);
    }
    let received = || cx.message.reason().cloned().unwrap_or_default();
    let reason = reason.cloned().or(changed).unwrap_or_else(received);
    let line = [&**cx.message.version(), format!(" {code} ").as_bytes(), &*reason].concat();
    let length = cx.message.start_line_text().len();
    cx.message.edits_mut().replace(0..length, line);
    cx.message.set_status(code);
    Ok(Return::TRUE)
}

/// Gives the reply another code and reason before it is sent on; `$rs` shows the new code at once. Among 3xx to 6xx any
/// code will do, else it must be of the same class.
///
/// Returns 1; -1 when the code is wrong, or the reason is empty.
#[function(ONREPLY)]
pub fn change_reply_status(cx: &mut RouteCx, code: i64, reason: Str) -> CallResult {
    // A line end in it would begin another header.
    if reason.is_empty() || reason.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Err(ScriptError::new("the reason is empty or has several lines"));
    }
    change(cx, code, Some(&reason))
}

/// Gives the reply another code, as `change_reply_status` does; the reason stays.
#[function(ONREPLY)]
pub fn change_reply_status_code(cx: &mut RouteCx, code: i64) -> CallResult {
    change(cx, code, None)
}
