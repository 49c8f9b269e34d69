//! What the machine says, done: sending, and telling others.

use std::sync::Arc;

use engine::{RouteCx, Str};
use sip::{HeaderName, Message};
use smallvec::SmallVec;
use transaction::{BranchId, Output, Time};
use transport::Outgoing;

use super::hop::{self, Parts};
use super::local::AckParts;
use super::transaction::{KeptReply, State, Transaction, TransactionId};

/// What listeners hear of.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A reply was sent up.
    ReplySent {
        /// Its status.
        status: u16,
        /// Its reason.
        reason: Str,
        /// The branch it came from; `None`: it was made here.
        branch: Option<BranchId>,
        /// Its text.
        text: Str,
        /// False: a 2xx of a further branch, after the final reply.
        counts: bool,
    },
    /// All branches have failed: this one's reply goes up unless the failure route, which runs next, does something.
    Failing {
        /// The branch with the best reply.
        branch: BranchId,
        /// Its status.
        status: u16,
        /// The reply as it was received; `None`: it is made up.
        reply: Option<Str>,
    },
    /// The transaction is over.
    Ended,
}

/// Hears what happens to transactions (acc, dialog ..). Called without any lock.
pub type Listener = Arc<dyn Fn(&Arc<Transaction>, &Notice) + Send + Sync>;

/// Hears of the first ACK to the 2xx of another server, with the INVITE's transaction.
pub type AckListener = Arc<dyn Fn(&Arc<Transaction>, &mut RouteCx) + Send + Sync>;

/// Hears of the transaction that was made for a request, before it does anything.
pub type RequestListener = Arc<dyn Fn(&Arc<Transaction>, &mut RouteCx) + Send + Sync>;

/// What is left to do when the state is no longer locked.
#[derive(Default)]
pub(crate) struct Step {
    pub(crate) sends: Vec<Outgoing>,
    pub(crate) failed: Vec<BranchId>,
    pub(crate) decide: Option<BranchId>,
    /// Replies of other servers among `sends`, by place: `onsend_route` has a say (`onsend_route_reply`).
    relayed: Vec<(usize, BranchId, KeptReply)>,
    notices: SmallVec<[Notice; 1]>,
    ended: bool,
}

impl Step {
    /// Sends, tells and forgets; with `outbox` the messages go into it.
    #[inline]
    pub(crate) fn finish(&mut self, transaction: &Arc<Transaction>, outbox: Option<&mut Vec<Outgoing>>) {
        if !self.sends.is_empty() || !self.notices.is_empty() || self.ended {
            self.carry_out(transaction, outbox);
        }
    }

    fn carry_out(&mut self, transaction: &Arc<Transaction>, outbox: Option<&mut Vec<Outgoing>>) {
        // From the last to the first: what is dropped must not move those that are still to come.
        for (at, branch, reply) in std::mem::take(&mut self.relayed).into_iter().rev() {
            transaction.ask_onsend_route(&mut self.sends, at, branch, &reply);
        }
        match outbox {
            Some(outbox) => outbox.append(&mut self.sends),
            None => transaction.tm.core().send_all(&mut self.sends),
        }
        for notice in self.notices.drain(..) {
            transaction.tell(&notice);
        }
        if std::mem::take(&mut self.ended) {
            transaction.tm.table.remove(transaction.id());
        }
    }
}

impl Transaction {
    /// Tells the listeners. No lock may be held.
    pub(crate) fn tell(self: &Arc<Self>, notice: &Notice) {
        self.tm.listeners.iter().for_each(|listener| listener(self, notice));
    }

    /// Tells who wants to know that an ACK to this INVITE's 2xx came by, once.
    pub(crate) fn acknowledged(self: &Arc<Self>, cx: &mut RouteCx) {
        if std::mem::replace(&mut self.lock().acknowledged, true) {
            return;
        }
        self.tm.ack_listeners.iter().for_each(|listener| listener(self, cx));
    }

    /// Does what needs no script; the rest is left in `step`.
    pub(crate) fn perform(self: &Arc<Self>, state: &mut State, now: Time, outputs: Vec<Output>, step: &mut Step) {
        for output in outputs {
            match output {
                Output::Retransmit(branch) => {
                    if let Some(at) = state.branches.get(branch) {
                        step.sends.push(at.outgoing(at.request.clone()));
                        self.tm.counters.retransmitted.increment();
                    }
                }
                Output::RetransmitCancel(branch) => {
                    if let Some(at) = state.branches.get(branch)
                        && let Some(cancel) = &at.cancel
                    {
                        step.sends.push(at.outgoing(cancel.clone()));
                    }
                }
                Output::RetransmitReply => self.resend_reply(state, &mut step.sends),
                Output::Cancel { branch, cause } => self.send_cancel(state, branch, cause, step),
                Output::Failed(branch) => step.failed.push(branch),
                Output::Forward(branch) => self.forward_reply(state, now, branch, step),
                Output::Decide(branch) => step.decide = Some(branch),
                Output::Ended => {
                    step.notices.push(Notice::Ended);
                    step.ended = true;
                }
            }
        }
        self.arm(state);
    }

    /// Sends the last reply once more.
    pub(crate) fn resend_reply(&self, state: &State, sends: &mut Vec<Outgoing>) {
        if let (Some(reply), Some(route)) = (&state.reply, &state.reply_route) {
            sends.push(route.outgoing(reply.clone()));
        }
    }

    fn send_cancel(&self, state: &mut State, branch: BranchId, cause: Option<u16>, step: &mut Step) {
        let mut reason = Vec::new();
        match (cause, &state.cancel_reason) {
            (Some(status), _) if self.tm.live.local_cancel_reason.get() != 0 => {
                reason.extend_from_slice(format!("Reason: SIP;cause={status}").as_bytes());
                if status == 200 {
                    reason.extend_from_slice(b";text=\"Call completed elsewhere\"");
                }
                reason.extend_from_slice(b"\r\n");
            }
            (None, Some(lines)) if !state.options.no_cancel_reason => reason.extend_from_slice(lines),
            _ => {}
        }
        let Some(at) = state.branches.get_mut(branch) else { return };
        let parts =
            Parts { method: "CANCEL", to: None, headers: &reason, copied_prefix: &self.tm.params.ac_extra_hdrs };
        match hop::build(&at.request, &parts) {
            Some(cancel) => {
                step.sends.push(at.outgoing(cancel.clone()));
                at.cancel = Some(cancel);
            }
            None => engine::log!(self.tm.core().log, Bug, "a CANCEL could not be made from the INVITE"),
        }
    }

    /// Acknowledges a negative reply to a branch.
    pub(crate) fn send_ack(&self, state: &State, branch: BranchId, reply: &Message, sends: &mut Vec<Outgoing>) {
        let Some(at) = state.branches.get(branch) else { return };
        let to = reply.body_named(HeaderName::To);
        let parts =
            Parts { method: "ACK", to: to.as_deref(), headers: b"", copied_prefix: &self.tm.params.ac_extra_hdrs };
        match hop::build(&at.request, &parts) {
            Some(ack) => sends.push(at.outgoing(ack)),
            None => engine::log!(self.tm.core().log, Bug, "an ACK could not be made from the INVITE"),
        }
    }

    /// Sends a branch's reply up: the received one, or one that is made up for a branch without reply.
    fn forward_reply(self: &Arc<Self>, state: &mut State, now: Time, branch: BranchId, step: &mut Step) {
        let Some(at) = state.machine.branches().get(branch) else { return };
        let (status, faked) = (at.status(), at.faked());
        if state.is_copied {
            let mut outputs = Vec::new();
            state.machine.on_sent(now, status, Some(branch), &mut outputs);
            self.perform(state, now, outputs, step);
            return;
        }
        let kept = state.branches.get(branch).and_then(|at| at.reply.clone()).filter(|_| !faked);
        let Some(kept) = kept else {
            let (status, reason) = self.made_up_reply(state, branch, status);
            self.reply_here(state, now, status, &reason, step);
            return;
        };
        if status == 503 && self.tm.live.remap_503_500.get() != 0 && !state.machine.is_local() {
            self.reply_here(state, now, 500, &Str::from_static("Service Unavailable"), step);
            return;
        }
        let mut text = kept.printed.clone();
        if matches!(status, 401 | 407) && self.tm.live.aggregate_challenges.get() != 0 {
            text = with_challenges(text, state, branch);
        }
        if state.machine.is_local() {
            if self.is_invite() && (200..300).contains(&status) && state.automatic_ack {
                self.acknowledge(state, branch, &AckParts::default(), &mut step.sends);
            }
        } else {
            self.tm.counters.relayed.increment();
        }
        let core = self.tm.core();
        if core.settings.onsend_route_reply && state.reply_route.is_some() {
            step.relayed.push((step.sends.len(), branch, kept.clone()));
        }
        self.send_up(state, now, status, kept.reason, Some(branch), text, step);
    }

    /// Runs `onsend_route` for the reply at a place of `sends`, which goes out unless the script drops it. For the
    /// transaction it is sent in any case. No lock may be held.
    fn ask_onsend_route(self: &Arc<Self>, sends: &mut Vec<Outgoing>, at: usize, branch: BranchId, reply: &KeptReply) {
        let (Some(out), Ok(message)) = (sends.get(at), Message::parse(reply.received.clone())) else { return };
        let mut cx = Box::new(RouteCx::new(self.tm.core().clone(), message, reply.came_by));
        if let Some(program) = &self.lock().program {
            cx.set_program(program.clone());
        }
        *cx.data::<super::Current>() =
            super::Current { transaction: Some(self.clone()), branch: Some(branch), ..Default::default() };
        if !engine::forward::onsend_route(&mut cx, out) {
            sends.remove(at);
        }
        sends.append(&mut cx.outbox);
    }

    /// Status and reason for a branch that got no reply.
    pub(crate) fn made_up_reply(&self, state: &State, branch: BranchId, status: u16) -> (u16, Str) {
        let params = &self.tm.params;
        let timed_out = state.machine.branches().get(branch).is_some_and(transaction::Branch::timed_out);
        match status {
            // RFC 3261 section 9.1: without final reply the INVITE counts as cancelled.
            408 if timed_out && state.machine.is_cancelled() => (487, Str::from_static("Request Terminated")),
            408 if timed_out => (params.reply_408_code as u16, params.reply_408_reason.clone()),
            487 => (487, Str::from_static("Request Terminated")),
            408 => (408, Str::from_static("Request Timeout")),
            // RFC 3261 section 16.9: a transport error counts as 503, which does not go up as it is.
            503 if self.tm.live.remap_503_500.get() != 0 => (500, Str::from_static("Service Unavailable")),
            503 => (503, Str::from_static("Service Unavailable")),
            status => (status, Str::from_static("Server Internal Error")),
        }
    }

    /// Answers the request with a reply that is made here from the request as it was received.
    pub(crate) fn reply_here(
        self: &Arc<Self>,
        state: &mut State,
        now: Time,
        status: u16,
        reason: &Str,
        step: &mut Step,
    ) {
        if state.machine.is_local() {
            self.send_up(state, now, status, reason.clone(), None, Str::EMPTY, step);
            return;
        }
        let Some(cx) = self.context(state) else { return };
        let tag = self.own_tag();
        match engine::reply::build(&cx, status, reason, Some(&tag)) {
            Ok(text) => {
                self.tm.counters.generated.increment();
                self.send_up(state, now, status, reason.clone(), None, text, step);
            }
            Err(error) => engine::log!(self.tm.core().log, Error, "no reply {status}: {error}"),
        }
    }

    /// The To tag of replies that are made here.
    pub(crate) fn own_tag(&self) -> Vec<u8> {
        let TransactionId { index, label } = self.id();
        let hash = self.tm.core().keyed_hash(&[&index.to_le_bytes(), &label.to_le_bytes()]);
        let mut tag = Vec::with_capacity(18);
        sip::write::hex(&mut tag, hash, 16);
        tag.extend_from_slice(b"-t");
        tag
    }

    /// Sends a reply up and tells the machine, which may cancel branches because of it.
    pub(crate) fn send_up(
        self: &Arc<Self>,
        state: &mut State,
        now: Time,
        status: u16,
        reason: Str,
        branch: Option<BranchId>,
        text: Str,
        step: &mut Step,
    ) {
        let mut outputs = Vec::new();
        let counts = state.machine.on_sent(now, status, branch, &mut outputs);
        if let Some(route) = &state.reply_route {
            step.sends.push(route.outgoing(text.clone()));
            self.tm.counters.sent.increment();
        }
        if counts {
            state.reply = Some(text.clone());
            state.reply_branch = branch;
            if status >= 200 {
                self.tm.counters.completed(status);
                self.complete(state, status, branch);
            }
        }
        if status >= 200 || self.tm.params.pass_provisional_replies || branch.is_some() {
            step.notices.push(Notice::ReplySent { status, reason, branch, text, counts });
        }
        self.perform(state, now, outputs, step);
    }

    /// The request has its final reply.
    fn complete(&self, state: &mut State, status: u16, branch: Option<BranchId>) {
        if let Some(completed) = state.completed.take() {
            let reply = branch.and_then(|branch| state.branches.get(branch)?.reply.as_ref());
            let received = reply.map(|kept| kept.received.clone());
            // It may run scripts and start further transactions: not with this one locked.
            self.tm.core().spawn(Box::pin(async move { completed(status, received) }));
        }
    }
}

/// The reply with the challenges of all other branches that were answered 401 or 407 (RFC 3261 section 16.7, step 7).
fn with_challenges(text: Str, state: &State, best: BranchId) -> Str {
    let mut lines = Vec::new();
    for (id, branch) in state.machine.branches().iter().enumerate() {
        if id == best || branch.dropped() || branch.faked() || !matches!(branch.status(), 401 | 407) {
            continue;
        }
        let Some(kept) = state.branches.get(id).and_then(|at| at.reply.as_ref()) else { continue };
        let Ok(reply) = Message::parse(kept.received.clone()) else { continue };
        let challenges = reply
            .headers()
            .iter()
            .filter(|header| matches!(header.name, HeaderName::WwwAuthenticate | HeaderName::ProxyAuthenticate));
        for header in challenges {
            lines.extend_from_slice(&reply.raw_of(header));
        }
    }
    if lines.is_empty() {
        return text;
    }
    let Ok(mut reply) = Message::parse(text.clone()) else { return text };
    let end = reply.headers_end();
    reply.edits_mut().insert_before(end, lines);
    Str::from(reply.print(&sip::PrintOptions::default()))
}
