//! The code and reason of a reply that is sent on.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};

use super::list;

/// Where code and reason stand in the status line. The reason has its blank with it.
fn places(cx: &RouteCx) -> Result<(usize, std::ops::Range<usize>), ScriptError> {
    if !cx.message.is_reply() {
        return Err(ScriptError::new("this is no reply"));
    }
    let line = cx.message.buffer().slice(..cx.message.headers_start());
    let end = line.len() - line.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let version = cx.message.version().len();
    let blanks = line.iter().skip(version).take_while(|byte| **byte == b' ').count();
    let code = version + blanks;
    if code + 3 > end {
        return Err(ScriptError::new("this is no reply"));
    }
    Ok((code, code + 3..end))
}

/// Writes the code: at once, for `$rs` and the transaction see it. Queued edits stay right, as the length stays.
fn set_code(cx: &mut RouteCx, code: i64) -> Result<(), ScriptError> {
    let (at, _) = places(cx)?;
    let old = i64::from(cx.message.status().unwrap_or_default());
    if !(100..700).contains(&code) {
        return Err(ScriptError::new(format!("{code} is no reply code")));
    }
    if (code < 300 || old < 300) && code / 100 != old / 100 {
        return Err(ScriptError::new(format!(
            "the class of provisional and positive replies cannot be changed: {old} to {code}"
        )));
    }
    let mut bytes = cx.message.buffer().to_vec();
    bytes.get_mut(at..at + 3).ok_or("this is no reply")?.copy_from_slice(code.to_string().as_bytes());
    let edits = std::mem::take(cx.message.edits_mut());
    cx.message.reparse(Str::from(bytes)).map_err(|error| ScriptError::new(error.to_string()))?;
    *cx.message.edits_mut() = edits;
    Ok(())
}

/// Changes code and reason of the reply. Only negative replies can become others; 1xx and 2xx keep their class. The code
/// is changed at once (`$rs`), the reason is queued.
///
/// Returns 1; -1 when the code is not from 100 to 699 or of a class that is not possible, and for an empty reason.
#[function(ONREPLY)]
pub(super) fn change_reply_status(cx: &mut RouteCx, code: i64, reason: Str) -> CallResult {
    if reason.is_empty() {
        return Err(ScriptError::new("the reason is empty"));
    }
    set_code(cx, code)?;
    let (_, range) = places(cx)?;
    // A line end inside of a reason would begin a header of its own.
    let line: Vec<u8> = std::iter::once(b' ')
        .chain(reason.iter().map(|&byte| if byte.is_ascii_control() { b' ' } else { byte }))
        .collect();
    if range.is_empty() {
        cx.message.edits_mut().insert_before(range.start, line);
        return Ok(Return::TRUE);
    }
    Ok(list::replace(cx.message.edits_mut(), range, Str::from(line)).into())
}

/// Changes the code of the reply at once; the reason stays. Only negative replies can become others; 1xx and 2xx keep
/// their class.
///
/// Returns 1; -1 when the code is not from 100 to 699 or of a class that is not possible.
#[function(ONREPLY)]
pub(super) fn change_reply_status_code(cx: &mut RouteCx, vcode: i64) -> CallResult {
    set_code(cx, vcode)?;
    Ok(Return::TRUE)
}
