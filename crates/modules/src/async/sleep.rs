//! `async_sleep` and `async_ms_sleep`.

use std::time::Duration;

use engine::{CallResult, Return, RouteCx, function};

use super::{Async, seconds};

/// The request waits, with its transaction; then its script goes on where it stands.
async fn wait(cx: &mut RouteCx, me: &Async, milliseconds: u64) -> CallResult {
    let held = me.tm.hold(cx)?;
    if held != Return::TRUE {
        return Ok(held);
    }
    // The 100 must not wait as well.
    let mut outbox = std::mem::take(&mut cx.outbox);
    cx.core.send_all(&mut outbox);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    Ok(Return::TRUE)
}

/// Lets the request wait for 1 to 100 seconds; then its script goes on behind the call, with all that it has set. Its
/// transaction is made if there is none (an INVITE is answered 100), so retransmissions do not run the script again.
///
/// Returns 1; 0 for a retransmission; -1 when the time is out of range, or the request was answered already.
#[function(REQUEST | FAILURE)]
pub async fn async_sleep(cx: &mut RouteCx, me: &Async, seconds: i64) -> CallResult {
    let time = self::seconds(seconds)?;
    wait(cx, me, time).await
}

/// The same for 1 to 30000 milliseconds; needs the parameter `ms_timer`.
#[function(REQUEST | FAILURE)]
pub async fn async_ms_sleep(cx: &mut RouteCx, me: &Async, milliseconds: i64) -> CallResult {
    let time = me.milliseconds(milliseconds)?;
    wait(cx, me, time).await
}
