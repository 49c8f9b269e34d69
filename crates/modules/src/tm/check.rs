//! Questions about the message's transaction.

use std::sync::Arc;

use engine::script_type::WholeRegex;
use engine::{CallResult, Return, RouteCx, ScriptError, function};
use sip::Method;

use super::create::{current, required};
use super::incoming::absorb;
use super::table::RequestKey;
use super::transaction::{State, Transaction};
use super::{Current, Tm, cancel};

/// The branch that the script runs for.
fn branch(cx: &RouteCx) -> Option<usize> {
    cx.find_data::<Current>()?.branch
}

/// Attaches the message to a transaction that it did not make.
fn attach(cx: &mut RouteCx, transaction: &Arc<Transaction>) {
    let current = cx.data::<Current>();
    if current.transaction.is_none() {
        current.transaction = Some(transaction.clone());
        current.is_retransmission = true;
    }
}

/// Looks whether the message belongs to a transaction. A retransmission is absorbed (its reply is sent again), also an
/// ACK to a negative reply: the script ends. A CANCEL belongs to the INVITE that it takes back, an ACK to a 2xx to its
/// INVITE, as long as that is remembered; a reply to the request it answers.
///
/// Returns 1 when it belongs to one, -1 when not, 0 (the script ends) when it was absorbed.
#[function(REQUEST | ONREPLY | BRANCH)]
pub fn t_check_trans(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    if cx.message.is_reply() {
        if current(cx).is_none() {
            let Some((transaction, branch)) = me.table.find_reply(&cx.message) else { return Ok(Return::FALSE) };
            attach(cx, &transaction);
            cx.data::<Current>().branch = Some(branch);
        }
        return Ok(Return::TRUE);
    }
    if current(cx).is_some() {
        return Ok(Return::TRUE);
    }
    let Some(key) = RequestKey::to_find(cx, &me.table) else { return Ok(Return::FALSE) };
    let matching = me.matching();
    match cx.message.method() {
        // Also one that came before: `t_relay` absorbs it.
        Method::Cancel => Ok(me.table.find_invite_of_cancel(&key, &matching).is_some().into()),
        Method::Ack => {
            if let Some(invite) = me.table.find_request(&key, &matching)
                && invite.lock().machine.status() >= 300
            {
                absorb(cx, &invite);
                return Ok(Return::STOP);
            }
            let Some(invite) = me.table.find_invite_of_ack(&key) else { return Ok(Return::FALSE) };
            let own = {
                let state = invite.lock();
                if !(200..300).contains(&state.machine.status()) {
                    return Ok(Return::FALSE);
                }
                state.machine.is_own_reply()
            };
            if own {
                // The 2xx was ours: nobody else waits for this ACK.
                absorb(cx, &invite);
                return Ok(Return::STOP);
            }
            invite.acknowledged(cx);
            Ok(Return::TRUE)
        }
        _ => match me.table.find_request(&key, &matching) {
            Some(known) => {
                absorb(cx, &known);
                Ok(Return::STOP)
            }
            None => Ok(Return::FALSE),
        },
    }
}

/// The transaction of a request that did not make one: of the first one when it came before, of the INVITE for the ACK to
/// a negative reply and to a 2xx that was made here.
pub(super) fn known_request(cx: &RouteCx, tm: &Tm) -> Option<Arc<Transaction>> {
    let key = RequestKey::to_find(cx, &tm.table)?;
    let known = tm.table.find_request(&key, &tm.matching());
    if cx.message.method() != Method::Ack {
        return known;
    }
    known.filter(|invite| invite.lock().machine.status() >= 300).or_else(|| {
        tm.table.find_invite_of_ack(&key).filter(|invite| {
            let state = invite.lock();
            state.machine.is_own_reply() && (200..300).contains(&state.machine.status())
        })
    })
}

/// True when the request came before: it has a transaction, which the following functions use.
#[function(REQUEST)]
pub fn t_lookup_request(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    if current(cx).is_some() {
        return Ok(Return::TRUE);
    }
    let Some(key) = RequestKey::to_find(cx, &me.table) else { return Ok(Return::FALSE) };
    let Some(known) = me.table.find_request(&key, &me.matching()) else { return Ok(Return::FALSE) };
    attach(cx, &known);
    Ok(Return::TRUE)
}

/// True when the INVITE that this CANCEL takes back is known. With `take_flags` 1 the message gets the flags of the
/// INVITE.
#[function(REQUEST)]
pub fn t_lookup_cancel(cx: &mut RouteCx, me: &Arc<Tm>, take_flags: Option<i64>) -> CallResult {
    if cx.message.method() != Method::Cancel {
        return Err(ScriptError::new("this is no CANCEL"));
    }
    let Some(invite) = cancel::find_invite(cx, me) else { return Ok(Return::FALSE) };
    if take_flags == Some(1) {
        cx.flags = invite.lock().request.flags;
    }
    Ok(Return::TRUE)
}

/// True when the message has a transaction.
#[function(ANY)]
pub fn t_exists(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    let exists = current(cx).is_some()
        || cx.message.is_request()
            && RequestKey::to_find(cx, &me.table)
                .is_some_and(|key| me.table.find_request(&key, &me.matching()).is_some())
        || cx.message.is_reply() && me.table.find_reply(&cx.message).is_some();
    Ok(exists.into())
}

/// The status that `t_check_status` looks at: of the received reply, of the chosen reply in a failure route, else of the
/// last reply that was sent.
pub(crate) fn status(cx: &RouteCx) -> Option<u16> {
    if cx.message.is_reply() {
        return cx.message.status();
    }
    let transaction = current(cx)?;
    let state = transaction.lock();
    let of_branch = branch(cx).and_then(|branch| state.machine.branches().get(branch)).map(|at| at.status());
    let owner = cx.find_data::<Current>().is_some_and(|current| current.is_owner);
    if owner { Some(state.status()) } else { of_branch.or_else(|| Some(state.status())) }.filter(|status| *status > 0)
}

/// True when the status matches the regular expression: of the received reply; in a failure route of the chosen reply;
/// in a request route of the last reply that was sent.
#[function(REQUEST | FAILURE | ONREPLY | EVENT)]
pub fn t_check_status(cx: &mut RouteCx, pattern: WholeRegex) -> CallResult {
    let Some(status) = status(cx) else { return Ok(Return::FALSE) };
    Ok(pattern.0.is_match(status.to_string().as_bytes()).into())
}

/// Returns the status that `t_check_status` looks at; -1 when there is none, and in a branch route.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn t_get_status_code(cx: &mut RouteCx) -> CallResult {
    if cx.kind.0 == engine::function::routes::BRANCH {
        return Ok(Return::FALSE);
    }
    Ok(status(cx).map_or(Return::FALSE, |status| Return(i32::from(status))))
}

/// True when a branch of the transaction has this final status, and got some reply; in
/// `event_route[tm:branch-failure:X]` another branch than the one it runs for.
#[function(ANY)]
pub fn t_grep_status(cx: &mut RouteCx, code: i64) -> CallResult {
    let transaction = required(cx)?;
    let mine = branch(cx).filter(|_| cx.kind.0 == engine::function::routes::EVENT);
    let state = transaction.lock();
    let mut branches = state.machine.branches().iter().enumerate();
    Ok(branches
        .any(|(id, at)| Some(id) != mine && at.replied() && code >= 200 && i64::from(at.status()) == code)
        .into())
}

/// True when the branch that the failure route runs for got no final reply in time.
#[function(REQUEST | FAILURE | EVENT)]
pub fn t_branch_timeout(cx: &mut RouteCx) -> CallResult {
    let transaction = required(cx)?;
    let state = transaction.lock();
    let at = branch(cx).and_then(|branch| state.machine.branches().get(branch));
    Ok(at.is_some_and(transaction::Branch::timed_out).into())
}

/// True when the branch that the failure route runs for got a reply before the one that made the route run, or before its
/// time was over.
#[function(REQUEST | FAILURE | EVENT)]
pub fn t_branch_replied(cx: &mut RouteCx) -> CallResult {
    let transaction = required(cx)?;
    let state = transaction.lock();
    Ok(branch(cx).is_some_and(|branch| replied_before(&state, branch, state.ended_by)).into())
}

/// The branch got a reply before what made the route run: an event of the branch `last`.
fn replied_before(state: &State, branch: usize, last: Option<usize>) -> bool {
    match state.machine.branches().get(branch) {
        Some(at) if at.faked() || last != Some(branch) => at.replied(),
        _ => state.branches.get(branch).is_some_and(|at| at.replied_before),
    }
}

/// True when some branch got no final reply in time.
#[function(ANY)]
pub fn t_any_timeout(cx: &mut RouteCx) -> CallResult {
    let transaction = required(cx)?;
    let state = transaction.lock();
    Ok(state.machine.branches().iter().any(transaction::Branch::timed_out).into())
}

/// True when some branch got a reply before the one that made the route run.
#[function(ANY)]
pub fn t_any_replied(cx: &mut RouteCx) -> CallResult {
    let transaction = required(cx)?;
    let state = transaction.lock();
    let last = if cx.message.is_reply() { branch(cx) } else { state.ended_by };
    let replied = (0..state.branches.len()).any(|branch| replied_before(&state, branch, last));
    Ok(replied.into())
}

/// True when the caller has taken the request back.
#[function(ANY)]
pub fn t_is_canceled(cx: &mut RouteCx) -> CallResult {
    let Some(transaction) = current(cx) else { return Ok(Return::FALSE) };
    let cancelled = transaction.lock().machine.is_cancelled();
    Ok(cancelled.into())
}

/// True when `max_inv_lifetime` or `max_noninv_lifetime` has passed.
#[function(ANY)]
pub fn t_is_expired(cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    let transaction = required(cx)?;
    let expired = transaction.lock().machine.end_of_life() <= me.now();
    Ok(expired.into())
}

/// Ends transactions that nothing else would end. There should be none: each has its timers. Always true.
#[function(ANY)]
pub fn t_clean(_cx: &mut RouteCx, me: &Arc<Tm>) -> CallResult {
    me.clean();
    Ok(Return::TRUE)
}

/// True when the reply came once more while a script waits with the same one. Such a reply is absorbed before any
/// script here, so it never is.
#[function(TM_ONREPLY)]
pub fn t_is_retr_async_reply(_cx: &mut RouteCx) -> CallResult {
    Ok(Return::FALSE)
}
