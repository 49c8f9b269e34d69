//! `sleep` and `usleep`: only the message waits.

use std::time::Duration;

use engine::{CallResult, Return, RouteCx, ScriptError, function};

async fn wait(time: i64, unit: fn(u64) -> Duration) -> CallResult {
    let time = u64::try_from(time).map_err(|_| ScriptError::new(format!("{time} is no time to wait")))?;
    if time > 0 {
        tokio::time::sleep(unit(time)).await;
    }
    Ok(Return::TRUE)
}

/// Lets the message wait for so many seconds; the worker goes on with others. A retransmission of the request runs
/// the script once more unless a transaction was made before (`t_newtran`).
#[function(ANY)]
pub async fn sleep(_cx: &mut RouteCx, time: i64) -> CallResult {
    wait(time, Duration::from_secs).await
}

/// Lets the message wait for so many microseconds, in steps of a millisecond. See `sleep`.
#[function(ANY)]
pub async fn usleep(_cx: &mut RouteCx, time: i64) -> CallResult {
    wait(time, Duration::from_micros).await
}
