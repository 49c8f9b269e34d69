//! Settings for one transaction: timers, 100, 6xx, fail-over.

use std::sync::Arc;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};

use super::Tm;
use super::create::{current, required};
use super::routes::change;
use super::transaction::Options;

/// Applies changed intervals to a running transaction; with `restart` branches that wait start anew.
fn apply(cx: &RouteCx, tm: &Tm, restart: bool) {
    let Some(transaction) = current(cx) else { return };
    let mut state = transaction.lock();
    let timers = tm.timers(&state.options, transaction.is_invite(), Some(cx));
    state.machine.set_timers(tm.now(), timers, restart);
    transaction.arm(&mut state);
}

/// A number of milliseconds; zero: leave what it is.
fn milliseconds(value: i64) -> Result<Option<u32>, ScriptError> {
    match u32::try_from(value) {
        Ok(0) => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(ScriptError::new("the interval must be a number of milliseconds, not below 0")),
    }
}

/// Sets how long to wait for the final reply to an INVITE that got a provisional one (`fr_inv_timeout`), and for the
/// final reply to other requests and any reply to an INVITE (`fr_timeout`), in milliseconds: for the message's
/// transaction, whose branches start anew, or for the one it will have. 0 leaves a value as it is.
#[function(ANY)]
pub fn t_set_fr(cx: &mut RouteCx, me: &Arc<Tm>, fr_inv_timeout: i64, fr_timeout: Option<i64>) -> CallResult {
    let (ringing, reply) = (milliseconds(fr_inv_timeout)?, milliseconds(fr_timeout.unwrap_or(0))?);
    change(cx, |options| {
        options.ringing_timeout = ringing.or(options.ringing_timeout);
        options.reply_timeout = reply.or(options.reply_timeout);
    });
    apply(cx, me, true);
    Ok(Return::TRUE)
}

/// Takes back what `t_set_fr` set.
#[function(ANY)]
pub fn t_reset_fr(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    change(cx, |options| (options.ringing_timeout, options.reply_timeout) = (None, None));
    apply(cx, me, true);
    Ok(Return::TRUE)
}

/// Sets the intervals between retransmissions in milliseconds: the first and the longest. 0 leaves a value as it is.
#[function(ANY)]
pub fn t_set_retr(cx: &mut RouteCx, me: &Arc<Tm>, retr_t1_interval: i64, retr_t2_interval: i64) -> CallResult {
    let (first, longest) = (milliseconds(retr_t1_interval)?, milliseconds(retr_t2_interval)?);
    change(cx, |options| {
        options.retransmit_first = first.or(options.retransmit_first);
        options.retransmit_max = longest.or(options.retransmit_max);
    });
    apply(cx, me, false);
    Ok(Return::TRUE)
}

/// Takes back what `t_set_retr` set.
#[function(ANY)]
pub fn t_reset_retr(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    change(cx, |options| (options.retransmit_first, options.retransmit_max) = (None, None));
    apply(cx, me, false);
    Ok(Return::TRUE)
}

fn apply_lifetime(cx: &RouteCx, tm: &Tm) {
    let Some(transaction) = current(cx) else { return };
    let mut state = transaction.lock();
    let lifetime = tm.timers(&state.options, transaction.is_invite(), Some(cx)).lifetime;
    state.machine.set_end_of_life(tm.now(), lifetime);
    transaction.arm(&mut state);
}

/// Sets after which time, in milliseconds, no branch goes on waiting: for INVITEs and for other requests. 0 leaves a
/// value as it is.
#[function(ANY)]
pub fn t_set_max_lifetime(cx: &mut RouteCx, me: &Arc<Tm>, inv_lifetime: i64, noninv_lifetime: i64) -> CallResult {
    let (invite, other) = (milliseconds(inv_lifetime)?, milliseconds(noninv_lifetime)?);
    change(cx, |options| {
        options.invite_lifetime = invite.or(options.invite_lifetime);
        options.request_lifetime = other.or(options.request_lifetime);
    });
    apply_lifetime(cx, me);
    Ok(Return::TRUE)
}

/// Takes back what `t_set_max_lifetime` set.
#[function(ANY)]
pub fn t_reset_max_lifetime(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    change(cx, |options| (options.invite_lifetime, options.request_lifetime) = (None, None));
    apply_lifetime(cx, me);
    Ok(Return::TRUE)
}

fn set(cx: &mut RouteCx, change_options: impl FnOnce(&mut Options)) -> CallResult {
    change(cx, change_options);
    Ok(Return::TRUE)
}

/// Whether the INVITE is answered 100 when it is relayed (`auto_inv_100`).
#[function(REQUEST)]
pub fn t_set_auto_inv_100(cx: &mut RouteCx, on: i64) -> CallResult {
    set(cx, |options| options.auto_100 = Some(on != 0))
}

/// 1: a 6xx does not cancel the other branches; it remains the best reply (`disable_6xx_block`).
#[function(ANY)]
pub fn t_set_disable_6xx(cx: &mut RouteCx, on: i64) -> CallResult {
    if let Some(transaction) = current(cx) {
        transaction.lock().machine.set_block_6xx(on == 0);
    }
    set(cx, |options| options.disable_6xx = Some(on != 0))
}

/// 1: no further address of a destination is tried when one fails.
#[function(ANY)]
pub fn t_set_disable_failover(cx: &mut RouteCx, on: i64) -> CallResult {
    set(cx, |options| options.disable_failover = on != 0)
}

/// 1: when relaying fails the request is not answered by itself: the script does it.
#[function(ANY)]
pub fn t_set_disable_internal_reply(cx: &mut RouteCx, on: i64) -> CallResult {
    set(cx, |options| options.disable_internal_reply = on != 0)
}

/// 1: the Reason headers of a received CANCEL are not passed on (`e2e_cancel_reason`).
#[function(ANY)]
pub fn t_set_no_e2e_cancel_reason(cx: &mut RouteCx, on: i64) -> CallResult {
    set(cx, |options| options.no_cancel_reason = on != 0)
}

/// The same as `t_set_no_e2e_cancel_reason`.
#[function(ANY)]
pub fn t_disable_e2e_cancel_reason(cx: &mut RouteCx, on: i64) -> CallResult {
    set(cx, |options| options.no_cancel_reason = on != 0)
}

/// In a failure route: replies that came so far are not chosen any more, if the request is sent to further branches.
/// `mode`: `a` or none all of them, `l` those of the last step of serial forking, `n` none.
#[function(FAILURE)]
pub fn t_drop_replies(cx: &mut RouteCx, mode: Option<Str>) -> CallResult {
    let transaction = required(cx)?;
    let mode = match mode.as_deref() {
        None | Some([]) => b'a',
        Some([mode @ (b'a' | b'l' | b'n'), ..]) => *mode,
        Some(_) => return Err(ScriptError::new("the mode is `a`, `l` or `n`")),
    };
    transaction.lock().drop_mode = Some(mode);
    Ok(Return::TRUE)
}

/// CANCELs and ACKs that are made here carry From and To as they were sent, not as they were received. They always do,
/// so this is only for scripts that ask for it. Always true.
#[function(ANY)]
pub fn t_use_uac_headers(_cx: &mut RouteCx) -> CallResult {
    Ok(Return::TRUE)
}
