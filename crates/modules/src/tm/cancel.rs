//! CANCEL of the caller (RFC 3261 sections 9.2 and 16.10).

use std::sync::Arc;

use engine::{CallResult, Return, RouteCx, Str};
use transaction::BranchId;
use transport::Outgoing;

use super::Tm;
use super::relay::{self, Proxy, RelayFlags};
use super::step::Step;
use super::table::RequestKey;
use super::transaction::Transaction;

/// What to do with a CANCEL without INVITE: `unmatched_cancel`.
const STATELESS: i64 = 1;
const DROP: i64 = 2;

/// The INVITE that the CANCEL takes back.
pub(crate) fn find_invite(cx: &RouteCx, tm: &Tm) -> Option<Arc<Transaction>> {
    tm.table.find_invite_of_cancel(&RequestKey::to_find(cx, &tm.table)?, &tm.matching())
}

/// Relays a CANCEL: its INVITE's branches are cancelled one by one, and the CANCEL itself is answered 200.
pub(crate) async fn relay_cancel(
    cx: &mut RouteCx,
    tm: &Arc<Tm>,
    transaction: &Arc<Transaction>,
    proxy: Proxy,
) -> CallResult {
    let Some(invite) = find_invite(cx, tm) else {
        return match tm.live.unmatched_cancel.get() {
            STATELESS => {
                release(tm, transaction);
                let uri = engine::forward::next_hop(cx);
                let targets = engine::forward::resolve(&cx.core.clone(), &uri).await?;
                engine::forward::send_request(cx, &targets)?;
                Ok(Return::STOP)
            }
            DROP => {
                release(tm, transaction);
                Ok(Return::TRUE)
            }
            _ => {
                let outcome = relay::send_branches(cx, tm, transaction, &proxy).await;
                relay::finish(cx, outcome, RelayFlags::default())
            }
        };
    };
    let no_reason = transaction.lock().options.no_cancel_reason;
    let reason = match cancel_invite(cx, tm, &invite, no_reason) {
        true => "canceling",
        false => "ok -- no more pending branches",
    };
    let mut step = Step::default();
    {
        // RFC 3261 section 9.2: 200 to the CANCEL whatever becomes of the INVITE.
        let mut state = transaction.lock();
        let reason = Str::from_static(reason);
        let tag = invite.own_tag();
        if let Ok(text) = engine::reply::build(cx, 200, &reason, Some(&tag)) {
            transaction.send_up(&mut state, tm.now(), 200, reason, None, text, &mut step);
        }
    }
    step.finish(transaction, Some(&mut cx.outbox));
    Ok(Return::TRUE)
}

/// Cancels the branches of the INVITE. When there is none whose reply could answer the INVITE, because it waits for
/// something else (`t_suspend`, a script), it is answered at once. False: there was no branch to cancel.
pub(crate) fn cancel_invite(cx: &mut RouteCx, tm: &Arc<Tm>, invite: &Arc<Transaction>, no_reason: bool) -> bool {
    let now = tm.now();
    let mut outputs = Vec::new();
    let mut step = Step::default();
    let pending = {
        let mut state = invite.lock();
        if state.machine.is_final() {
            return false;
        }
        if tm.live.e2e_cancel_reason.get() != 0 && !no_reason {
            let lines: Vec<u8> =
                cx.message.headers_with_name(b"Reason").flat_map(|header| cx.message.raw_of(header).to_vec()).collect();
            state.cancel_reason = Some(Str::from(lines)).filter(|lines| !lines.is_empty());
        }
        let pending = state.machine.awaits_reply();
        if pending {
            state.machine.cancel(now, &mut outputs);
            invite.perform(&mut state, now, outputs, &mut step);
        } else {
            state.machine.set_cancelled();
            invite.reply_here(&mut state, now, 487, &Str::from_static("Request canceled"), &mut step);
        }
        pending
    };
    step.finish(invite, Some(&mut cx.outbox));
    invite.failed(std::mem::take(&mut step.failed));
    pending
}

impl Transaction {
    /// The branch waits for its final reply.
    #[must_use]
    pub fn is_pending(&self, branch: BranchId) -> bool {
        self.lock().machine.branches().get(branch).is_some_and(|at| at.is_pending())
    }

    /// Cancels the branches that are `chosen` and pend. `cause` is the status that their CANCELs name as the reason.
    /// Answers how many branches still wait for their final reply.
    pub fn cancel_branches(
        self: &Arc<Self>,
        cause: Option<u16>,
        chosen: impl Fn(BranchId) -> bool,
        outbox: Option<&mut Vec<Outgoing>>,
    ) -> usize {
        let mut outputs = Vec::new();
        let mut step = Step::default();
        let left = {
            let mut state = self.lock();
            let now = self.tm.now();
            state.machine.cancel_branches(now, cause, chosen, &mut outputs);
            self.perform(&mut state, now, outputs, &mut step);
            state.machine.branches().iter().filter(|branch| branch.is_pending()).count()
        };
        step.finish(self, outbox);
        self.failed(std::mem::take(&mut step.failed));
        left
    }
}

/// Lets a transaction end: nobody answers through it.
pub(crate) fn release(tm: &Tm, transaction: &Arc<Transaction>) {
    let mut state = transaction.lock();
    state.machine.release(tm.now());
    transaction.arm(&mut state);
}
