//! What must hold for one [`transaction::Forwarding`], known from what went in and came out and not from its state.

use transaction::{BranchId, EarlyCancel, Forwarding, Output, Time, Timers};

use crate::network::{Network, Seen};
use crate::plan::{LONG, Script};

/// When something has to be sent again: after T1, then after twice the time before, up to T2.
#[derive(Clone, Copy, Debug, Default)]
struct Repeats {
    next: Option<Time>,
    interval: u32,
}

impl Repeats {
    fn start(now: Time, reliable: bool, timers: &Timers) -> Self {
        let interval = timers.retransmit_first;
        Self { next: (!reliable).then_some(now + interval), interval }
    }

    fn slow_down(&mut self, now: Time, timers: &Timers) {
        if self.next.is_some() {
            *self = Self { next: Some(now + timers.retransmit_max), interval: timers.retransmit_max };
        }
    }

    /// It was sent again: true when that was due.
    fn sent(&mut self, network: &Network, timers: &Timers) -> bool {
        let due =
            self.next.is_some_and(|next| next <= network.now && network.now - next <= u64::from(network.plan.tick));
        self.interval = (self.interval * 2).min(timers.retransmit_max);
        self.next = self.next.map(|_| network.now + self.interval);
        due
    }

    fn is_late(&self, network: &Network) -> bool {
        self.next.is_some_and(|next| network.now - next > u64::from(network.plan.tick))
    }
}

#[derive(Clone, Copy, Debug)]
struct Branch {
    invite: bool,
    blind: bool,
    reliable: bool,
    repeats: Repeats,
    provisional: bool,
    /// The final reply that came.
    answer: Option<u16>,
    /// The negative one, also when a 2xx came behind it.
    negative: Option<u16>,
    /// Of the final ones, how many the script is not done with.
    unprocessed: u32,
    /// It was given up before the peer replied at all.
    unreached: bool,
    made_up: Option<u16>,
    /// It ended without any status.
    over: bool,
    dropped: bool,
    cancel: Option<Repeats>,
    deadline: Time,
    end: Time,
}

impl Branch {
    const fn is_pending(&self) -> bool {
        self.answer.is_none() && self.made_up.is_none() && !self.over
    }

    fn status(&self) -> Option<u16> {
        self.answer.or(self.made_up)
    }

    fn finish(&mut self) {
        self.repeats.next = None;
    }
}

/// The model of one transaction.
#[derive(Clone, Debug)]
pub struct Watch {
    name: String,
    invite: bool,
    reliable: bool,
    local: bool,
    timers: Timers,
    early_cancel: EarlyCancel,
    block_6xx: bool,
    created: Time,
    end_of_life: Time,
    branches: Vec<Branch>,
    /// The final reply sent up.
    answer: Option<u16>,
    repeats: Repeats,
    acknowledged: bool,
    cancelled: bool,
    six: Option<(BranchId, u16)>,
    /// When the ACK is given up.
    repeats_until: Time,
    ends: Option<Time>,
    ended: bool,
    deciding: bool,
    pub released: bool,
}

impl Watch {
    pub fn new(name: String, network: &Network, invite: bool, local: bool, reliable: bool, script: &Script) -> Self {
        Self {
            name,
            invite,
            reliable,
            local,
            timers: script.timers,
            early_cancel: script.early_cancel,
            block_6xx: script.block_6xx,
            created: network.now,
            end_of_life: network.now + script.timers.lifetime,
            branches: Vec::new(),
            answer: None,
            repeats: Repeats::default(),
            acknowledged: false,
            cancelled: false,
            six: None,
            repeats_until: Time::default(),
            ends: None,
            ended: false,
            deciding: false,
            released: false,
        }
    }

    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    pub const fn answer(&self) -> Option<u16> {
        self.answer
    }

    pub fn describe(&self) -> &str {
        &self.name
    }

    fn check(&self, network: &mut Network, holds: bool, what: impl FnOnce() -> String) {
        network.check(holds, || format!("{}: {}", self.name, what()));
    }

    // What went in.

    pub fn branch_added(&mut self, network: &Network, reliable: bool, blind: bool) {
        let now = network.now;
        self.branches.push(Branch {
            invite: self.invite && !blind,
            blind,
            reliable,
            repeats: Repeats::start(now, reliable || blind, &self.timers),
            provisional: false,
            answer: None,
            negative: None,
            unprocessed: 0,
            unreached: false,
            made_up: None,
            over: false,
            dropped: false,
            cancel: None,
            deadline: (now + self.timers.reply).min(self.end_of_life).max(now),
            end: self.end_of_life,
        });
    }

    pub fn could_not_send(&mut self, branch: BranchId, status: u16) {
        self.branches[branch].made_up = Some(status);
        self.branches[branch].finish();
    }

    pub fn blind_ended(&mut self, branch: BranchId) {
        let branch = &mut self.branches[branch];
        branch.over |= branch.is_pending();
        branch.dropped = true;
    }

    pub fn dropped(&mut self, branches: std::ops::Range<BranchId>) {
        self.branches[branches].iter_mut().for_each(|branch| branch.dropped = true);
    }

    pub const fn cancelled(&mut self) {
        self.cancelled = true;
    }

    pub fn released(&mut self, network: &Network) {
        self.released = true;
        self.ends = Some(network.now + self.timers.wait);
    }

    pub const fn concluded(&mut self) {
        self.deciding = false;
    }

    pub fn retimed(&mut self, network: &Network, timers: Timers, lifetime: Option<u32>, restart: bool) {
        self.timers = timers;
        for branch in self.branches.iter_mut().filter(|branch| branch.is_pending() && restart) {
            let interval = if branch.invite && branch.provisional { timers.ringing } else { timers.reply };
            branch.deadline = (network.now + interval).min(branch.end).max(network.now);
        }
        let Some(lifetime) = lifetime else { return };
        self.end_of_life = network.now + lifetime;
        for branch in self.branches.iter_mut().filter(|branch| branch.is_pending()) {
            branch.end = if branch.cancel.is_some() { branch.end.min(self.end_of_life) } else { self.end_of_life };
            branch.deadline = branch.deadline.min(branch.end).max(network.now);
        }
    }

    /// A reply came; what the machine said about it.
    pub fn received(&mut self, network: &mut Network, branch: BranchId, status: u16, new: bool, acknowledge: bool) {
        let at = &mut self.branches[branch];
        at.unreached &= status < 200;
        let pending = at.is_pending();
        let expected = pending || (at.invite && (200..300).contains(&status));
        let is_ack_due = at.invite && status >= 300;
        if is_ack_due && !pending {
            network.saw(Seen::AcknowledgedTwice);
        }
        if status < 200 && pending {
            if !at.invite {
                at.repeats.slow_down(network.now, &self.timers);
            } else if !at.provisional || self.timers.restart_on_each_reply {
                at.deadline = (network.now + self.timers.ringing).min(at.end).max(network.now);
            }
            if at.invite {
                at.finish();
            }
            at.provisional = true;
        } else if status < 200 && at.unreached {
            at.provisional = true;
        } else if status >= 200 && expected {
            at.answer = Some(status);
            at.negative = at.negative.or((status >= 300).then_some(status));
            at.unprocessed += 1;
            at.finish();
        }
        self.check(network, new == expected, || format!("{status} on branch {branch}: new is {new}"));
        self.check(network, acknowledge == is_ack_due, || format!("{status} on branch {branch}: ACK is {acknowledge}"));
    }

    pub fn processed(&mut self, branch: BranchId, status: u16) {
        let at = &mut self.branches[branch];
        at.unprocessed = at.unprocessed.saturating_sub(u32::from(status >= 200));
        if status >= 600 && self.block_6xx {
            self.six.get_or_insert((branch, status));
        }
    }

    pub fn cancel_answered(&mut self, branch: BranchId, status: u16) {
        if let Some(cancel) = &mut self.branches[branch].cancel
            && status >= 200
        {
            cancel.next = None;
        }
    }

    fn give_up_ack(&mut self, network: &Network) {
        if self.repeats_until <= network.now {
            self.repeats.next = None;
        }
    }

    /// The ACK came: whether it was awaited is what the machine says.
    pub fn ack(&mut self, network: &mut Network, awaited: bool) {
        self.give_up_ack(network);
        let expected =
            !self.acknowledged && (self.answer.is_some_and(|status| status >= 300) || self.repeats.next.is_some());
        self.check(network, awaited == expected && self.invite, || format!("ACK awaited is {awaited}"));
        if expected {
            self.acknowledged = true;
            self.repeats.next = None;
            self.ends = Some(network.now + self.timers.wait);
        }
    }

    /// A reply is sent up: the script's own one or that of a branch.
    pub fn sends_up(&mut self, network: &mut Network, status: u16, from: Option<BranchId>) {
        let success = (200..300).contains(&status);
        self.check(network, !self.ended, || format!("{status} after the end"));
        if let Some(answer) = self.answer {
            network.saw(if answer < 300 { Seen::SecondAnswer } else { Seen::AnswerBehindNegative });
            let further = success && self.invite && from.is_some();
            return self.check(network, further, || format!("{status} behind the final reply"));
        }
        self.check(network, from.is_none() || status > 100, || "100 was passed on".into());
        if status < 200 {
            return;
        }
        if let Some(branch) = from.filter(|_| !success) {
            self.check_best(network, branch, status);
        }
        self.answer = Some(status);
        let own = from.is_none();
        let waits_for_ack = self.invite && !self.local && (!success || own);
        if waits_for_ack {
            self.repeats = Repeats::start(network.now, self.reliable && !success, &self.timers);
        }
        self.ends = Some(network.now + self.timers.wait);
        if waits_for_ack {
            self.repeats_until = network.now + self.timers.reply;
            self.ends = Some(self.repeats_until + self.timers.wait);
        }
    }

    /// RFC 3261 section 16.7 step 6.
    fn check_best(&self, network: &mut Network, branch: BranchId, status: u16) {
        let waits = self.branches.iter().any(|branch| branch.is_pending() || branch.unprocessed > 0);
        self.check(network, !waits, || format!("{status} goes up although a branch waits"));
        let rank = |status: u16| match status {
            600.. => (0, 0),
            401 | 407 | 415 | 420 | 484 => (4, 0),
            400..500 => (4, 1),
            503 => (5, 1),
            _ => (status / 100, 0),
        };
        let counts = |dropped: bool| {
            let branches = self.branches.iter().filter(move |branch| dropped || !branch.dropped);
            branches.filter_map(Branch::status).map(rank).min()
        };
        let best = counts(false).or(counts(true));
        let own = self.branches[branch].status();
        self.check(network, own == Some(status), || format!("{status} is not the status of branch {branch}"));
        if self.branches.iter().filter_map(Branch::status).map(rank).any(|other| Some(other) != best) {
            network.saw(Seen::BestOfSeveral);
        }
        self.check(network, best == Some(rank(status)), || format!("{status} is not the best reply"));
    }

    // What came out.

    pub fn output(&mut self, network: &mut Network, output: Output, machine: &Forwarding) {
        self.check(network, !self.ended, || format!("{output:?} after the end"));
        match output {
            Output::Retransmit(branch) => {
                network.saw(Seen::Retransmitted);
                let at = &mut self.branches[branch];
                let stopped = at.invite && at.provisional;
                let allowed = at.is_pending() && !at.reliable && !at.blind && !stopped;
                let due = at.repeats.sent(network, &self.timers);
                self.check(network, allowed && due, || {
                    format!("branch {branch} is sent again, allowed {allowed}, due {due}")
                });
            }
            Output::RetransmitCancel(branch) => {
                network.saw(Seen::CancelRetransmitted);
                let timers = self.timers;
                let due = self.branches[branch].cancel.as_mut().is_some_and(|cancel| cancel.sent(network, &timers));
                self.check(network, due, || format!("CANCEL of branch {branch} is sent again before its time"));
            }
            Output::RetransmitReply => {
                let own = self.answer.is_some_and(|status| status < 300);
                network.saw(if own { Seen::OwnAnswerRetransmitted } else { Seen::ReplyRetransmitted });
                let due = self.repeats.sent(network, &self.timers);
                self.check(network, due, || "the reply is sent again before its time".into());
            }
            Output::Cancel { branch, cause } => self.on_cancel(network, branch, cause),
            Output::Failed(branch) => self.on_failed(network, branch, machine),
            Output::Decide(_) => {
                network.saw(Seen::AllFailed);
                let waits = self.branches.iter().any(|branch| branch.is_pending() || branch.unprocessed > 0);
                let right = !waits && self.answer.is_none() && !self.deciding;
                self.check(network, right, || "decides although it should wait".into());
                self.deciding = true;
            }
            Output::Forward(_) => {}
            Output::Ended => self.on_ended(network),
        }
    }

    fn on_cancel(&mut self, network: &mut Network, branch: BranchId, cause: Option<u16>) {
        let at = self.branches[branch];
        let early = self.early_cancel == EarlyCancel::AtOnce;
        self.check(network, at.invite, || "CANCEL for another request than INVITE".into());
        self.check(network, at.cancel.is_none(), || format!("branch {branch} is cancelled twice"));
        self.check(network, at.provisional || early, || format!("CANCEL before a reply on branch {branch}"));
        self.check(network, at.is_pending() || at.unreached, || format!("CANCEL of branch {branch}, which is over"));
        let superfluous = self.answer.is_some_and(|answer| cause == Some(answer))
            || self.six.is_some_and(|(six, status)| six != branch && cause == Some(status));
        let unwanted = cause.is_none() && (self.cancelled || at.deadline <= network.now);
        self.check(network, superfluous || unwanted, || {
            format!("CANCEL of branch {branch} without a reason: {cause:?}")
        });
        network.saw(match cause {
            _ if at.unreached => Seen::CancelledWhenReached,
            Some(600..) => Seen::CancelledForSix,
            Some(_) => Seen::CancelledForOther,
            None if self.cancelled => Seen::CancelledForCaller,
            None => Seen::CancelledForTimeout,
        });
        let now = network.now;
        let at = &mut self.branches[branch];
        at.cancel = Some(Repeats::start(now, at.reliable, &self.timers));
        at.repeats.next = None;
        if at.deadline > now {
            at.end = at.end.min(now + self.timers.reply);
            at.deadline = at.deadline.min(at.end);
        }
    }

    fn on_failed(&mut self, network: &mut Network, branch: BranchId, machine: &Forwarding) {
        let at = self.branches[branch];
        if !at.is_pending() {
            let negative = at.negative.is_some() || at.made_up.is_some();
            return self.check(network, negative, || format!("branch {branch} did not fail"));
        }
        let status = machine.branches()[branch].status();
        let superfluous = self.cancelled || self.answer.is_some() || self.six.is_some_and(|(six, _)| six != branch);
        let given_up =
            superfluous && (at.blind || (at.invite && self.early_cancel == EarlyCancel::Abandon && !at.provisional));
        let timed_out = at.deadline <= network.now;
        if at.blind && given_up {
            network.saw(Seen::BlindCancelled);
        }
        let expected = if given_up { 487 } else { 408 };
        let right = (given_up || timed_out) && status == expected;
        self.check(network, right, || format!("branch {branch} failed with {status} before its time: {at:?}"));
        self.branches[branch].made_up = Some(status);
        self.branches[branch].unreached = at.invite && !at.provisional && at.cancel.is_none();
        self.branches[branch].finish();
    }

    fn on_ended(&mut self, network: &mut Network) {
        let now = network.now;
        let late = self.ends.map(|ends| now - ends);
        let on_time = self.ends.is_some_and(|ends| ends <= now) && late <= Some(u64::from(network.plan.tick));
        self.check(network, on_time, || format!("ends at the wrong time, late {late:?}"));
        // Suspending, slow scripts and the driver's clock may add to it.
        let longest = (self.end_of_life - self.created) + u64::from(LONG + self.timers.wait) + 10_000;
        self.check(network, now - self.created <= longest, || "took too long".into());
        self.ended = true;
    }

    // What holds after each step.

    pub fn step(&mut self, network: &mut Network, machine: &Forwarding) {
        self.check(network, machine.is_ended() == self.ended, || "is_ended() is wrong".into());
        if self.ended {
            let silent = machine.timeout().is_none();
            return self.check(network, silent, || "a timer runs after the end".into());
        }
        self.check(network, machine.is_final() == self.answer.is_some(), || "is_final() is wrong".into());
        let six = self.six.map(|(branch, _)| branch);
        let superfluous = self.answer.is_some() || self.cancelled;
        for id in 0..self.branches.len() {
            let mut at = self.branches[id];
            let pending = machine.branches()[id].is_pending();
            if at.is_pending() && !pending && self.answer.is_some() && at.deadline <= network.now {
                // Nobody is interested any more.
                self.branches[id].over = true;
                self.branches[id].unreached = at.invite && !at.provisional;
                self.branches[id].finish();
                at = self.branches[id];
            }
            self.check(network, pending == at.is_pending(), || format!("branch {id} pending: {pending}"));
            let cancel = superfluous || six.is_some_and(|six| six != id);
            let proceeding = at.invite && at.is_pending() && at.provisional;
            let needs_cancel = (cancel && proceeding) || (at.unreached && at.provisional);
            self.check(network, !needs_cancel || at.cancel.is_some(), || format!("branch {id} is not cancelled"));
            let late = at.is_pending()
                && (at.repeats.is_late(network) || network.now - at.deadline > u64::from(network.plan.tick));
            self.check(network, !late, || format!("branch {id} missed a timer"));
        }
        let waits = self.branches.iter().any(|branch| branch.is_pending() || branch.unprocessed > 0 || branch.over);
        let stuck = self.answer.is_none() && !self.deciding && !waits && !self.branches.is_empty();
        self.check(network, !stuck, || "all branches are done, and nothing happens".into());
        self.give_up_ack(network);
        let late = self.repeats.is_late(network) || self.ends.is_some_and(|ends| network.now - ends > 100);
        self.check(network, !late, || "the server side missed a timer".into());
        let timer = machine.timeout();
        let needs = waits && !self.branches.iter().all(|branch| !branch.is_pending());
        self.check(network, timer.is_some() || !(needs || self.answer.is_some()), || "no timer runs".into());
    }
}
