//! `via_param_rm`.

use engine::{CallResult, Index, Return, RouteCx, ScriptError, Str, function};

/// Removes the parameter `name` from one of the Via values: `index` 0 is the first, -1 the last. -1 when it is not
/// there.
#[function(ANY)]
pub fn via_param_rm(cx: &mut RouteCx, name: Str, index: i64) -> CallResult {
    let vias = cx.message.vias().map_err(|error| ScriptError::new(error.to_string()))?;
    let Some(at) = Index::At(index).position(vias.len()) else { return Ok(Return::FALSE) };
    let via = &vias[at];
    let (Some(range), Some(start)) = (via.params.range_of(&name), cx.message.buffer().offset_of(via.params.text()))
    else {
        return Ok(Return::FALSE);
    };
    // With the semicolon before it and the white space between.
    let before = &via.params.text()[..range.start];
    let from = before.iter().rposition(|byte| *byte == b';').unwrap_or(range.start);
    cx.message.edits_mut().delete(start + from..start + range.end);
    Ok(Return::TRUE)
}
