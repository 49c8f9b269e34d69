//! Iterators over the lines of the session description.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function, variable};

use super::description::find;
use crate::textopsx::iterators::{Walk, Walks, append, insert, remove};

/// The iterators of a message.
#[derive(Default)]
struct SdpWalks(Walks);

fn walk<'a>(cx: &'a mut RouteCx, name: &Str) -> Result<&'a mut Walk, ScriptError> {
    let buffer = cx.message.buffer().clone();
    cx.data::<SdpWalks>().0.find(name, &buffer)
}

/// Starts an iterator over the lines of the session description; it stands before the first one. Up to 4 can be in use,
/// with different names. One of the same name starts again.
///
/// Returns 1; -1 when there are too many or there is no session description.
#[function(ANY)]
pub fn sdp_iterator_start(cx: &mut RouteCx, iname: Str) -> CallResult {
    let description = match find(cx) {
        Ok(description) => description,
        Err(missing) => return missing.result(Return::FALSE),
    };
    let lines = description.sdp.lines().iter().map(|line| description.in_buffer(line.range())).collect();
    let buffer = cx.message.buffer().clone();
    cx.data::<SdpWalks>().0.start(iname, buffer, lines)?;
    Ok(Return::TRUE)
}

/// Ends an iterator.
///
/// Returns 1; -1 when it was never started.
#[function(ANY)]
pub fn sdp_iterator_end(cx: &mut RouteCx, iname: Str) -> CallResult {
    cx.data::<SdpWalks>().0.end(&iname)
}

/// Goes to the next line; after the start to the first one. `$sdpitval(iname)` shows it.
///
/// Returns 1; -1 when there is none left.
#[function(ANY)]
pub fn sdp_iterator_next(cx: &mut RouteCx, iname: Str) -> CallResult {
    Ok(walk(cx, &iname)?.next().into())
}

/// Takes away the line that the iterator stands on.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub fn sdp_iterator_rm(cx: &mut RouteCx, iname: Str) -> CallResult {
    let entry = walk(cx, &iname)?.current();
    Ok(remove(cx, entry))
}

/// Adds text (with `\r\n`) behind the line that the iterator stands on.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub fn sdp_iterator_append(cx: &mut RouteCx, iname: Str, text: Str) -> CallResult {
    let entry = walk(cx, &iname)?.current();
    Ok(append(cx, entry, text))
}

/// Adds text (with `\r\n`) before the line that the iterator stands on.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub fn sdp_iterator_insert(cx: &mut RouteCx, iname: Str, text: Str) -> CallResult {
    let entry = walk(cx, &iname)?.current();
    Ok(insert(cx, entry, text))
}

/// The line, with its line end, that the iterator in parentheses stands on; `$null` when it stands on none.
#[variable("sdpitval")]
pub fn sdpitval(cx: &RouteCx, iname: Str) -> Value {
    let walk = cx.find_data::<SdpWalks>().and_then(|walks| walks.0.get(&iname));
    let walk = walk.filter(|walk| walk.is_on(cx.message.buffer()));
    walk.and_then(Walk::current).map(|range| cx.message.buffer().slice(range)).into()
}
