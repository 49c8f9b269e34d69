//! `t_suspend` and `t_continue`.

use std::sync::Arc;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};

use crate::tm::{Tm, TransactionId};

/// Lets the request wait until somebody calls `t_continue` for its transaction, which is made if there is none; an INVITE
/// is answered 100. `$T(id_index)` and `$T(id_label)` say which transaction it is. Nothing is answered at the end of the
/// script. When nobody continues it within `fr_timer` the failure route runs, and the request is answered 408.
///
/// Returns 1; -1 when it was answered finally before or waits already; 0 for a retransmission.
#[function(REQUEST | FAILURE | EVENT)]
pub fn t_suspend(cx: &mut RouteCx, tm: &Arc<Tm>) -> CallResult {
    tm.suspend(cx)
}

/// Lets a transaction that waits go on with `route[rtname]`, which runs like a failure route: with the request as it was
/// when it began to wait. `t_relay` sends it to its destination then. When the route does nothing with it the request
/// is answered 500.
///
/// Returns 1; -1 when no such transaction waits, or there is no such route.
#[function(ANY)]
pub fn t_continue(_cx: &mut RouteCx, tm: &Arc<Tm>, tindex: i64, tlabel: i64, rtname: Str) -> CallResult {
    let number =
        |number: i64| u32::try_from(number).map_err(|_| ScriptError::new(format!("{number} is no transaction")));
    let id = TransactionId { index: number(tindex)?, label: number(tlabel)? };
    tm.resume(id, &rtname.to_text())?;
    Ok(Return::TRUE)
}
