//! Memory in the log, and the end of the server.

use engine::{CallResult, Return, RouteCx, function};

use crate::kex::memory;

fn show(cx: &RouteCx) -> CallResult {
    let (used, most, free) = (memory::used(), memory::most_used(), memory::free());
    engine::log!(cx.core.log, Notice, "memory: the process uses {used} bytes, at most {most}; {free} are free");
    Ok(Return::TRUE)
}

/// Writes to the log how much memory the process uses. There are no memory pools, so this is what all four functions of
/// this kind do.
#[function(ANY)]
pub fn pkg_status(cx: &mut RouteCx) -> CallResult {
    show(cx)
}

/// The same as `pkg_status`.
#[function(ANY)]
pub fn pkg_summary(cx: &mut RouteCx) -> CallResult {
    show(cx)
}

/// The same as `pkg_status`.
#[function(ANY)]
pub fn shm_status(cx: &mut RouteCx) -> CallResult {
    show(cx)
}

/// The same as `pkg_status`.
#[function(ANY)]
pub fn shm_summary(cx: &mut RouteCx) -> CallResult {
    show(cx)
}

/// Ends the server, for debugging: as a signal to terminate does, so that modules can write what must not be lost. No core
/// dump is made.
#[function(ANY)]
pub fn abort(cx: &mut RouteCx) -> CallResult {
    engine::log!(cx.core.log, Critical, "{}: the script calls abort(): the server ends", cx.place());
    cx.core.stop();
    Ok(Return::STOP)
}
