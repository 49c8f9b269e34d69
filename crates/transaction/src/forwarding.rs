//! One request and its branches (RFC 3261 section 16): which reply goes back, what is cancelled, when it is over.
//!
//! A negative reply does not go up by itself. [`Output::Failed`] lets the user react to one branch (another address of
//! its destination, `event_route[tm:branch-failure:..]`), then [`Forwarding::settle`] looks whether all branches are
//! done; [`Output::Decide`] lets the user react to that (`failure_route`), then [`Forwarding::conclude`] sends the best
//! reply up, unless there are new branches or the user answered.

use smallvec::SmallVec;

use crate::branch::{Branch, Cancel, Client, priority};
use crate::invite_client::InviteClient;
use crate::invite_server::InviteServer;
use crate::request_client::RequestClient;
use crate::request_server::RequestServer;
use crate::retransmission::earliest;
use crate::{ClientReply, ClientTimeout, ServerTimeout, Time, Timers};

/// Number of a branch, from zero.
pub type BranchId = usize;

/// What the user has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send the branch's request again.
    Retransmit(BranchId),
    /// Send the branch's CANCEL again.
    RetransmitCancel(BranchId),
    /// Send the last reply up again.
    RetransmitReply,
    /// Send a CANCEL for the branch. `cause` is the final reply that made it superfluous, if one did (RFC 3326).
    Cancel {
        /// The branch.
        branch: BranchId,
        /// The status of the final reply, if one is the reason.
        cause: Option<u16>,
    },
    /// The branch got a negative final reply, or none in time: react; then, when no other `Failed` is left to react to,
    /// call [`Forwarding::settle`].
    Failed(BranchId),
    /// Send the branch's reply up: the one that was just processed, or the kept final one.
    Forward(BranchId),
    /// All branches are done and this one has the best reply: react, then call [`Forwarding::conclude`].
    Decide(BranchId),
    /// It is over and can be forgotten.
    Ended,
}

#[derive(Clone, Debug)]
enum Server {
    Invite(InviteServer),
    Request(RequestServer),
    /// The request was made here: there is nobody upstream.
    Local(RequestServer),
}

/// How an unanswered branch is cancelled: `cancel_b_method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EarlyCancel {
    /// It ends at once as if it had been answered 487. Only when a provisional reply comes later a CANCEL is sent.
    Abandon,
    /// It goes on until a provisional reply comes; then the CANCEL is sent.
    #[default]
    WhenProceeding,
    /// The CANCEL is sent at once.
    AtOnce,
}

/// One request: its server side and its branches.
#[derive(Clone, Debug)]
pub struct Forwarding {
    server: Server,
    branches: SmallVec<[Branch; 1]>,
    timers: Timers,
    end_of_life: Time,
    status: u16,
    /// The final reply was made here.
    own: bool,
    cancelled: bool,
    deciding: bool,
    /// A 6xx came: no further address is tried.
    blocked: bool,
    early_cancel: EarlyCancel,
    block_6xx: bool,
    faked_priority: i32,
    ended: bool,
}

impl Forwarding {
    fn new(now: Time, server: Server, timers: Timers) -> Self {
        Self {
            server,
            branches: SmallVec::new(),
            end_of_life: now + timers.lifetime,
            timers,
            status: 0,
            own: false,
            cancelled: false,
            deciding: false,
            blocked: false,
            early_cancel: EarlyCancel::WhenProceeding,
            block_6xx: true,
            faked_priority: 0,
            ended: false,
        }
    }

    /// An INVITE was received.
    #[must_use]
    pub fn invite(now: Time, reliable: bool, timers: Timers) -> Self {
        Self::new(now, Server::Invite(InviteServer::new(reliable)), timers)
    }

    /// Another request was received.
    #[must_use]
    pub fn request(now: Time, timers: Timers) -> Self {
        Self::new(now, Server::Request(RequestServer::default()), timers)
    }

    /// A request is sent by this server itself.
    #[must_use]
    pub fn local(now: Time, timers: Timers) -> Self {
        Self::new(now, Server::Local(RequestServer::default()), timers)
    }

    /// How unanswered branches are cancelled.
    pub const fn set_early_cancel(&mut self, how: EarlyCancel) {
        self.early_cancel = how;
    }

    /// Whether a 6xx cancels all other branches.
    pub const fn set_block_6xx(&mut self, block: bool) {
        self.block_6xx = block;
    }

    /// What is added to the priority number of made-up replies: above zero real ones win (`faked_reply_prio`).
    pub const fn set_faked_priority(&mut self, penalty: i32) {
        self.faked_priority = penalty;
    }

    /// The intervals.
    #[must_use]
    pub const fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Changes the intervals; branches that wait start anew with `restart`.
    pub fn set_timers(&mut self, now: Time, timers: Timers, restart: bool) {
        self.timers = timers;
        if !restart {
            return;
        }
        for branch in self.branches.iter_mut().filter(|branch| branch.is_pending()) {
            match &mut branch.client {
                Client::Invite(client) => client.restart(now, &timers),
                Client::Request(client) | Client::Blind(client) => client.restart(now, &timers),
            }
        }
    }

    /// No branch waits past this moment.
    #[must_use]
    pub const fn end_of_life(&self) -> Time {
        self.end_of_life
    }

    /// Sets how long after `now` branches may wait (`t_set_max_lifetime`), also those that wait already. A branch that
    /// was cancelled does not get more time.
    pub fn set_end_of_life(&mut self, now: Time, lifetime: u32) {
        self.end_of_life = now + lifetime;
        for branch in self.branches.iter_mut().filter(|branch| branch.is_pending()) {
            match &mut branch.client {
                Client::Invite(client) if matches!(branch.cancel, Cancel::Sent(_)) => client.limit(self.end_of_life),
                Client::Invite(client) => client.set_end(self.end_of_life),
                Client::Request(client) | Client::Blind(client) => client.set_end(self.end_of_life),
            }
        }
    }

    /// The branches.
    #[must_use]
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// The status of the last reply sent up; 0: none.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The last reply sent up was made here.
    #[must_use]
    pub const fn is_own_reply(&self) -> bool {
        self.own
    }

    /// A final reply was sent up.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.status >= 200
    }

    /// The caller has taken the request back.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// The caller has taken the request back: nothing is sent on any more. For a CANCEL that comes before any branch.
    pub const fn set_cancelled(&mut self) {
        self.cancelled = true;
    }

    /// A 6xx came, which forbids to try further addresses.
    #[must_use]
    pub const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Some branch still waits for a final reply.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.branches.iter().any(Branch::is_pending)
    }

    /// A copy of the request is on its way, or its final reply is: something may still come up by itself.
    #[must_use]
    pub fn awaits_reply(&self) -> bool {
        self.branches.iter().any(|branch| !branch.is_blind() && (branch.is_pending() || branch.in_script > 0))
    }

    /// Some branch waits, or its final reply came and was not processed yet.
    fn is_open(&self) -> bool {
        self.branches.iter().any(|branch| branch.is_pending() || branch.in_script > 0)
    }

    /// The user reacted to [`Output::Decide`], but more has come meanwhile: [`Self::settle`] looks again.
    pub const fn reopen(&mut self) {
        self.deciding = false;
    }

    /// The server side waits for the ACK to a negative reply.
    #[must_use]
    pub const fn awaits_ack(&self) -> bool {
        matches!(&self.server, Server::Invite(server) if server.awaits_ack())
    }

    /// It was made by this server itself.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        matches!(self.server, Server::Local(_))
    }

    /// A copy of the request was sent on; `invite` says what it is (for received requests: the same for all branches).
    pub fn add_branch(&mut self, now: Time, invite: bool, reliable: bool) -> BranchId {
        let client = if invite {
            Client::Invite(InviteClient::new(now, reliable, self.end_of_life, &self.timers))
        } else {
            Client::Request(RequestClient::new(now, reliable, self.end_of_life, &self.timers))
        };
        self.push(client, reliable)
    }

    /// Keeps the transaction waiting without sending anything (`t_suspend`).
    pub fn add_blind_branch(&mut self, now: Time) -> BranchId {
        let client = RequestClient::new(now, true, self.end_of_life, &self.timers);
        self.push(Client::Blind(client), true)
    }

    /// Ends a blind branch without any reply: whoever waited goes on.
    pub fn end_blind_branch(&mut self, branch: BranchId) {
        if let Some(branch) = self.branches.get_mut(branch).filter(|branch| branch.is_blind()) {
            branch.abandon();
            branch.dropped = true;
        }
    }

    fn push(&mut self, client: Client, reliable: bool) -> BranchId {
        // Most requests have one.
        self.branches.reserve_exact(1);
        self.branches.push(Branch {
            client,
            cancel: Cancel::No,
            reliable,
            status: 0,
            replied: false,
            faked: false,
            timed_out: false,
            dropped: false,
            in_script: 0,
        });
        self.branches.len() - 1
    }

    /// The request came once more. True: send the last reply again.
    #[must_use]
    pub const fn on_retransmission(&self) -> bool {
        self.status != 0
    }

    /// The ACK to a final reply came; true when it was awaited.
    pub fn on_ack(&mut self, now: Time) -> bool {
        match &mut self.server {
            Server::Invite(server) => server.on_ack(now, &self.timers),
            Server::Request(_) | Server::Local(_) => false,
        }
    }

    /// A reply came to a branch: the first step, which stops retransmissions. When it is new the user looks at it, and
    /// calls [`Self::process`]. Until then a final reply keeps the transaction from being decided: each one that is new
    /// has to be processed, however long the script takes for it. A 100 is only for this hop (RFC 3261 section 16.7 step
    /// 5): not to process it is the user's part.
    pub fn receive(&mut self, now: Time, branch: BranchId, status: u16, out: &mut Vec<Output>) -> ClientReply {
        const NOTHING: ClientReply = ClientReply { new: false, acknowledge: false };
        let Some(at) = self.branches.get_mut(branch).filter(|_| !self.ended) else { return NOTHING };
        let reply = match &mut at.client {
            Client::Invite(client) => client.on_reply(now, status, &self.timers),
            Client::Request(client) => client.on_reply(now, status, &self.timers),
            Client::Blind(_) => NOTHING,
        };
        if reply.new {
            at.replied = true;
            at.in_script += u32::from(status >= 200);
        }
        if let Cancel::Wanted(cause) = at.cancel {
            if status < 200 {
                self.start_cancel(now, branch, cause, out);
            } else {
                at.cancel = Cancel::No;
            }
        }
        reply
    }

    /// A reply that [`Self::receive`] called new is to be taken into account.
    pub fn process(&mut self, now: Time, branch: BranchId, status: u16, out: &mut Vec<Output>) {
        let is_final = self.is_final();
        let Some(at) = self.branches.get_mut(branch).filter(|_| !self.ended) else { return };
        at.in_script = at.in_script.saturating_sub(u32::from(status >= 200));
        match status {
            ..200 => {
                if at.status < 200 {
                    at.status = status;
                }
                if !is_final {
                    out.push(Output::Forward(branch));
                }
            }
            200..300 => {
                at.status = status;
                at.faked = false;
                // To INVITE each 2xx goes up, also a second one and one behind a negative reply (RFC 3261 section 16.7).
                if !is_final || matches!(at.client, Client::Invite(_)) {
                    out.push(Output::Forward(branch));
                }
            }
            _ => {
                at.status = status;
                if status >= 600 && self.block_6xx {
                    self.blocked = true;
                    self.cancel_branches(now, Some(status), |other| other != branch, out);
                }
                out.push(Output::Failed(branch));
            }
        }
    }

    /// The branch will get no reply: its request could not be sent, or its peer refuses. `status` is what counts.
    pub fn fail(&mut self, branch: BranchId, status: u16, out: &mut Vec<Output>) {
        let Some(at) = self.branches.get_mut(branch) else { return };
        if at.is_pending() {
            at.abandon();
            at.status = status;
            at.faked = true;
            out.push(Output::Failed(branch));
        }
    }

    /// The branch will get no reply: it ends as if its time had run out.
    pub fn give_up(&mut self, branch: BranchId, out: &mut Vec<Output>) {
        self.fail(branch, 408, out);
        if let Some(at) = self.branches.get_mut(branch).filter(|at| at.faked) {
            at.timed_out = true;
        }
    }

    /// Looks whether all branches are done. When several [`Output::Failed`] came together, react to all of them first:
    /// the reaction to a later one may be a new branch.
    pub fn settle(&mut self, out: &mut Vec<Output>) {
        if self.is_final() || self.ended || self.deciding || self.is_open() {
            return;
        }
        if let Some(best) = self.best() {
            self.deciding = true;
            out.push(Output::Decide(best));
        }
    }

    /// The user has reacted to [`Output::Decide`]: when there is nothing to wait for, the best reply goes up. When the
    /// reaction led to an [`Output::Failed`], call [`Self::reopen`] instead, and react to that.
    pub fn conclude(&mut self, out: &mut Vec<Output>) {
        self.deciding = false;
        if self.is_final() || self.ended || self.is_open() {
            return;
        }
        if let Some(best) = self.best() {
            out.push(Output::Forward(best));
        }
    }

    /// The branch whose reply is the best of all that were not dropped (RFC 3261 section 16.7, step 6).
    #[must_use]
    pub fn best(&self) -> Option<BranchId> {
        let priority = |branch: &Branch| priority(branch.status) + if branch.faked { self.faked_priority } else { 0 };
        let all = || self.branches.iter().enumerate().filter(|(_, branch)| branch.status >= 200);
        let best = all().filter(|(_, branch)| !branch.dropped).min_by_key(|(_, branch)| priority(branch));
        best.or_else(|| all().min_by_key(|(_, branch)| priority(branch))).map(|(id, _)| id)
    }

    /// Replies of these branches are not chosen any more, as long as there are others.
    pub fn drop_replies(&mut self, branches: std::ops::Range<BranchId>) {
        for branch in self.branches.get_mut(branches).unwrap_or_default() {
            branch.dropped = true;
        }
    }

    /// A reply was sent up: one of a branch, or one made here. False when a final one had been sent before (this was a
    /// further 2xx then): nothing changes, and what is sent again when the machine says so remains the first final one.
    pub fn on_sent(&mut self, now: Time, status: u16, from: Option<BranchId>, out: &mut Vec<Output>) -> bool {
        if self.is_final() || self.ended {
            return false;
        }
        self.status = status;
        self.own = from.is_none();
        match &mut self.server {
            Server::Invite(server) => server.on_reply(now, status, self.own, &self.timers),
            Server::Request(server) | Server::Local(server) => server.on_reply(now, status, &self.timers),
        }
        if status >= 200 {
            self.cancel_branches(now, Some(status), |_| true, out);
        }
        true
    }

    /// The request counts as answered with `status`, though nothing is sent (`t_drop`). Branches go on as behind a reply:
    /// only a 2xx to an INVITE is still passed on.
    pub fn drop_silently(&mut self, now: Time, status: u16) {
        if self.is_final() || self.ended {
            return;
        }
        self.status = status;
        self.own = true;
        self.release(now);
    }

    /// The caller takes the INVITE back.
    pub fn cancel(&mut self, now: Time, out: &mut Vec<Output>) {
        self.cancelled = true;
        self.cancel_branches(now, None, |_| true, out);
    }

    /// Cancels the pending branches that are `chosen`. Only INVITEs are cancelled (RFC 3261 section 9.1).
    pub fn cancel_branches(
        &mut self,
        now: Time,
        cause: Option<u16>,
        chosen: impl Fn(BranchId) -> bool,
        out: &mut Vec<Output>,
    ) {
        for id in 0..self.branches.len() {
            let at = &mut self.branches[id];
            if !chosen(id) || !at.is_pending() || at.is_cancelled() {
                continue;
            }
            let Client::Invite(client) = &mut at.client else {
                if at.is_blind() {
                    at.abandon();
                    at.status = 487;
                    at.faked = true;
                    out.push(Output::Failed(id));
                }
                continue;
            };
            if client.is_proceeding() {
                self.start_cancel(now, id, cause, out);
                continue;
            }
            match self.early_cancel {
                EarlyCancel::Abandon => {
                    client.abandon();
                    at.cancel = Cancel::Wanted(cause);
                    at.status = 487;
                    at.faked = true;
                    out.push(Output::Failed(id));
                }
                EarlyCancel::WhenProceeding => at.cancel = Cancel::Wanted(cause),
                EarlyCancel::AtOnce => {
                    client.stop_retransmissions();
                    self.start_cancel(now, id, cause, out);
                }
            }
        }
    }

    fn start_cancel(&mut self, now: Time, branch: BranchId, cause: Option<u16>, out: &mut Vec<Output>) {
        let at = &mut self.branches[branch];
        at.cancel = Cancel::Sent(RequestClient::new(now, at.reliable, now + self.timers.reply, &self.timers));
        if let Client::Invite(client) = &mut at.client {
            // RFC 3261 section 9.1: without a final reply in 64*T1 the INVITE counts as cancelled.
            client.limit(now + self.timers.reply);
        }
        out.push(Output::Cancel { branch, cause });
    }

    /// A reply to a branch's CANCEL came.
    pub fn on_cancel_reply(&mut self, now: Time, branch: BranchId, status: u16) {
        if let Some(Branch { cancel: Cancel::Sent(cancel), .. }) = self.branches.get_mut(branch) {
            cancel.on_reply(now, status, &self.timers);
        }
    }

    /// What is due.
    pub fn on_timeout(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.ended {
            return;
        }
        for id in 0..self.branches.len() {
            self.branch_timeout(now, id, out);
        }
        loop {
            let due = match &mut self.server {
                Server::Invite(server) => server.on_timeout(now, &self.timers),
                Server::Request(server) | Server::Local(server) => server.on_timeout(now),
            };
            match due {
                Some(ServerTimeout::Retransmit) => out.push(Output::RetransmitReply),
                Some(ServerTimeout::Ended) => {
                    self.end(out);
                    return;
                }
                None => return,
            }
        }
    }

    fn branch_timeout(&mut self, now: Time, id: BranchId, out: &mut Vec<Output>) {
        let at = &mut self.branches[id];
        if let Cancel::Sent(cancel) = &mut at.cancel
            && cancel.on_timeout(now, &self.timers) == Some(ClientTimeout::Retransmit)
        {
            out.push(Output::RetransmitCancel(id));
        }
        let (due, proceeding) = match &mut at.client {
            Client::Invite(client) => {
                let proceeding = client.is_proceeding();
                (client.on_timeout(now, &self.timers), proceeding)
            }
            Client::Request(client) | Client::Blind(client) => (client.on_timeout(now, &self.timers), false),
        };
        match due {
            Some(ClientTimeout::Retransmit) => out.push(Output::Retransmit(id)),
            Some(ClientTimeout::GaveUp) => {
                at.timed_out = true;
                at.faked = true;
                at.status = 408;
                if !at.is_cancelled() && matches!(at.client, Client::Invite(_)) {
                    if proceeding {
                        self.start_cancel(now, id, None, out);
                    } else {
                        at.cancel = Cancel::Wanted(None);
                    }
                }
                if !self.is_final() {
                    out.push(Output::Failed(id));
                }
            }
            None => {}
        }
    }

    /// When to call [`Self::on_timeout`] at the latest.
    #[must_use]
    pub fn timeout(&self) -> Option<Time> {
        if self.ended {
            return None;
        }
        let server = match &self.server {
            Server::Invite(server) => server.timeout(),
            Server::Request(server) | Server::Local(server) => server.timeout(),
        };
        self.branches.iter().fold(server, |soonest, branch| earliest(soonest, branch.timeout()))
    }

    /// Ends it after the time for what comes late, whatever was answered (`t_release`, a request nobody answered).
    pub fn release(&mut self, now: Time) {
        if self.ended {
            return;
        }
        match &mut self.server {
            Server::Invite(server) => server.release(now, &self.timers),
            Server::Request(server) | Server::Local(server) => server.release(now, &self.timers),
        }
    }

    /// It is over.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    fn end(&mut self, out: &mut Vec<Output>) {
        for branch in &mut self.branches {
            branch.abandon();
            branch.cancel = Cancel::No;
        }
        self.ended = true;
        out.push(Output::Ended);
    }
}

#[cfg(test)]
mod tests;
