//! Flags that were set after the transaction was made.

use engine::{CallResult, Return, RouteCx, function};

use crate::tm;

/// Gives the transaction the flags that the message has now. `t_relay` does that, too; it is needed after `t_newtran()`
/// when the request is not relayed. -1 without transaction.
#[function(ANY)]
pub fn t_flush_flags(cx: &mut RouteCx) -> CallResult {
    tm::required(cx)?.lock().request.flags = cx.flags;
    Ok(Return::TRUE)
}

/// The same for the further flags (`setxflag`).
#[function(ANY)]
pub fn t_flush_xflags(cx: &mut RouteCx) -> CallResult {
    tm::required(cx)?.lock().request.extra_flags = cx.extra_flags;
    Ok(Return::TRUE)
}
