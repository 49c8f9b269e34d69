//! One request in a proxy: what the user of [`Forwarding`] has to do.

use std::collections::VecDeque;

use transaction::{BranchId, EarlyCancel, Forwarding, Output, Time};

use crate::message::{Message, Method, Node, Via};
use crate::network::{Network, Seen, Wake};
use crate::plan::{Address, Script, Suspend};
use crate::random::Random;
use crate::watch::Watch;

/// A copy of the request that was sent on.
pub struct Leg {
    to: Node,
    /// Zero: a blind one.
    pub number: u32,
    request: Message,
    kept: Option<Message>,
    /// Of its destination, those that were not tried.
    others: Vec<Address>,
}

pub struct Proxied {
    me: Node,
    id: usize,
    pub machine: Forwarding,
    pub watch: Watch,
    pub from: Node,
    pub request: Message,
    pub own_tag: u32,
    pub legs: Vec<Leg>,
    reply: Option<Message>,
    script: Script,
    groups: VecDeque<Vec<Vec<Address>>>,
    random: Random,
    outputs: VecDeque<Output>,
    new: Vec<Output>,
    pub scheduled: Option<Time>,
    /// The script handles one reply after the other.
    busy_until: Time,
    /// Requests to be sent later.
    pub wants: Vec<(u32, Message)>,
    /// Tags that a local INVITE has acknowledged.
    acknowledged: Vec<(u32, Node, Message)>,
}

impl Proxied {
    pub fn new(
        network: &Network,
        me: Node,
        id: usize,
        from: Option<Node>,
        request: Message,
        own_tag: u32,
        script: Script,
    ) -> Self {
        let now = network.now;
        let invite = request.method == Method::Invite;
        let reliable = from.is_some_and(|from| network.plan.is_reliable(from, me));
        let mut machine = match from {
            None => Forwarding::local(now, script.timers),
            Some(_) if invite => Forwarding::invite(now, reliable, script.timers),
            Some(_) => Forwarding::request(now, script.timers),
        };
        machine.set_early_cancel(script.early_cancel);
        machine.set_block_6xx(script.block_6xx);
        let name = format!("proxy {me} transaction {id} ({:?})", request.method);
        let watch = Watch::new(name, network, invite, from.is_none(), reliable, &script);
        Self {
            me,
            id,
            machine,
            watch,
            from: from.unwrap_or(me),
            own_tag,
            legs: Vec::new(),
            reply: None,
            groups: script.groups.iter().cloned().collect(),
            random: Random::of(network.plan.seed, 20 + me as u64, id as u64),
            request,
            script,
            outputs: VecDeque::new(),
            new: Vec::new(),
            scheduled: None,
            busy_until: now,
            wants: Vec::new(),
            acknowledged: Vec::new(),
        }
    }

    pub const fn is_local(&self) -> bool {
        self.machine.is_local()
    }

    /// It may stop caring for a phone that was not reached yet.
    pub fn gives_up_early(&self) -> bool {
        self.script.early_cancel != EarlyCancel::WhenProceeding
    }

    /// The script runs.
    pub fn start(&mut self, network: &mut Network) {
        if self.is_local() {
            self.next_group(network);
            return self.drain(network);
        }
        if self.request.target == Some(self.me) {
            // In a dialog that this proxy made with a 2xx of its own.
            return self.reply(network, 200);
        }
        if self.request.method == Method::Invite {
            self.reply(network, 100);
        }
        if self.script.release {
            network.saw(Seen::Released);
            self.machine.release(network.now);
            return self.watch.released(network);
        }
        match self.script.suspend {
            Suspend::No => self.next_group(network),
            suspend => self.suspend(network, suspend),
        }
        let timers_after = self.script.timers_after.map(|(after, ..)| after);
        if let Some(after) = self.script.reply_after.map(|(after, _)| after).or(timers_after) {
            network.wake_in(self.me, after, Wake::Script(self.id));
        }
        self.drain(network);
    }

    fn suspend(&mut self, network: &mut Network, suspend: Suspend) {
        let branch = self.machine.add_blind_branch(network.now);
        self.watch.branch_added(network, true, true);
        let request = self.request.clone();
        self.legs.push(Leg { to: self.me, number: 0, request, kept: None, others: Vec::new() });
        if let Suspend::ResumeAfter(after) = suspend {
            network.wake_in(self.me, after, Wake::Resume(self.id, branch));
        }
    }

    pub fn resume(&mut self, network: &mut Network, branch: BranchId) {
        if self.machine.is_ended() || !self.machine.branches()[branch].is_pending() {
            return;
        }
        network.saw(Seen::Resumed);
        self.machine.end_blind_branch(branch);
        self.watch.blind_ended(branch);
        self.next_group(network);
        self.drain(network);
    }

    /// The next group of branches in a serial fork.
    fn next_group(&mut self, network: &mut Network) {
        for addresses in self.groups.pop_front().unwrap_or_default() {
            self.add_leg(network, addresses);
        }
    }

    fn add_leg(&mut self, network: &mut Network, mut others: Vec<Address>) {
        let address = others.remove(0);
        let to = match address {
            Address::Node(node) => node,
            Address::Unreachable => network.plan.dead(),
        };
        let invite = self.request.method == Method::Invite;
        let reliable = network.plan.is_reliable(self.me, to);
        let mut request = self.request.clone();
        let number = network.number();
        request.vias.push(Via { node: self.me, branch: number });
        request.route.retain(|node| *node != self.me);
        if request.to_tag == 0 && !self.is_local() {
            request.record.push(self.me);
        }
        let branch = self.machine.add_branch(network.now, invite, reliable);
        self.watch.branch_added(network, reliable, false);
        self.legs.push(Leg { to, number, request: request.clone(), kept: None, others });
        if address == Address::Unreachable || (network.plan.is_dead(to) && reliable) {
            self.machine.fail(branch, 477, &mut self.new);
            self.watch.could_not_send(branch, 477);
        } else {
            network.send(self.me, to, request);
        }
    }

    /// The script replies.
    fn reply(&mut self, network: &mut Network, status: u16) {
        self.watch.sends_up(network, status, None);
        let reply = self.request.reply(status, self.own_tag, self.me);
        network.send(self.me, self.from, reply.clone());
        self.reply = Some(reply);
        let counts = self.machine.on_sent(network.now, status, None, &mut self.new);
        network.check(counts, || "the script's reply did not count".into());
        self.drain(network);
    }

    /// What the script does at some time while branches wait.
    pub fn script_acts(&mut self, network: &mut Network) {
        if self.machine.is_ended() {
            return;
        }
        match (self.script.reply_after, self.script.timers_after) {
            (Some((_, status)), _) if !self.machine.is_final() => {
                network.saw(Seen::ScriptReply);
                self.reply(network, status);
            }
            (None, Some((_, timers, lifetime))) => {
                let restart = timers.restart_on_each_reply;
                self.machine.set_timers(network.now, timers, restart);
                if let Some(lifetime) = lifetime {
                    self.machine.set_end_of_life(network.now, lifetime);
                }
                self.watch.retimed(network, timers, lifetime, restart);
            }
            _ => {}
        }
    }

    pub fn on_retransmission(&mut self, network: &mut Network) {
        network.saw(Seen::RequestAgain);
        if self.machine.on_retransmission()
            && let Some(reply) = self.reply.clone()
        {
            network.send(self.me, self.from, reply);
        }
    }

    pub fn on_ack(&mut self, network: &mut Network) {
        let awaited = self.machine.on_ack(network.now);
        self.watch.ack(network, awaited);
    }

    pub fn cancel(&mut self, network: &mut Network) {
        if !self.machine.is_final() {
            self.watch.cancelled();
        }
        self.machine.cancel(network.now, &mut self.new);
        self.drain(network);
    }

    pub fn on_reply(&mut self, network: &mut Network, branch: BranchId, reply: Message) {
        let now = network.now;
        if self.machine.is_ended() {
            return self.on_late_reply(network, branch, reply.status);
        }
        if reply.method == Method::Cancel {
            self.machine.on_cancel_reply(now, branch, reply.status);
            return self.watch.cancel_answered(branch, reply.status);
        }
        let what = self.machine.receive(now, branch, reply.status, &mut self.new);
        self.watch.received(network, branch, reply.status, what.new, what.acknowledge);
        if what.acknowledge {
            let leg = &self.legs[branch];
            network.send(self.me, leg.to, leg.request.acknowledge(reply.to_tag));
        }
        self.drain(network);
        if !what.new || reply.status == 100 {
            return;
        }
        let thinks = if self.script.thinks > 0 { self.random.between(0, self.script.thinks) } else { 0 };
        self.busy_until = self.busy_until.max(now + thinks);
        if self.busy_until > now {
            network.wake(self.me, self.busy_until, Wake::Process(self.id, branch, Box::new(reply)));
        } else {
            self.process(network, branch, reply);
        }
    }

    /// Nothing comes out of a transaction that is over.
    fn on_late_reply(&mut self, network: &mut Network, branch: BranchId, status: u16) {
        network.saw(Seen::LateReply);
        let now = network.now;
        let what = self.machine.receive(now, branch, status, &mut self.new);
        self.machine.process(now, branch, status, &mut self.new);
        self.machine.on_cancel_reply(now, branch, status);
        self.machine.cancel(now, &mut self.new);
        self.machine.release(now);
        self.machine.settle(&mut self.new);
        self.machine.on_timeout(now, &mut self.new);
        let silent = self.new.is_empty() && !what.new;
        network.check(silent, || format!("{}: output after the end", self.watch.describe()));
    }

    /// The reply has been through the script.
    pub fn process(&mut self, network: &mut Network, branch: BranchId, reply: Message) {
        if self.machine.is_ended() {
            return;
        }
        let status = reply.status;
        if status >= 200 {
            self.legs[branch].kept = Some(reply.clone());
        }
        self.watch.processed(branch, status);
        self.machine.process(network.now, branch, status, &mut self.new);
        if let Some(at) = self.new.iter().position(|output| *output == Output::Forward(branch)) {
            self.new.remove(at);
            self.pass_on(network, branch, &reply);
        }
        self.drain(network);
    }

    pub fn on_timeout(&mut self, network: &mut Network) {
        self.machine.on_timeout(network.now, &mut self.new);
        // Looking more often does no harm.
        if !self.has_failed_ones() {
            self.machine.settle(&mut self.new);
        }
        self.drain(network);
    }

    fn drain(&mut self, network: &mut Network) {
        self.outputs.extend(self.new.drain(..));
        while let Some(output) = self.outputs.pop_front() {
            network.note(|| format!("    {}: {output:?}", self.watch.describe()));
            self.watch.output(network, output, &self.machine);
            self.act(network, output);
            self.outputs.extend(self.new.drain(..));
        }
    }

    fn act(&mut self, network: &mut Network, output: Output) {
        match output {
            Output::Retransmit(branch) => {
                network.send(self.me, self.legs[branch].to, self.legs[branch].request.clone())
            }
            Output::Cancel { branch, .. } | Output::RetransmitCancel(branch) => {
                network.send(self.me, self.legs[branch].to, self.legs[branch].request.cancel());
            }
            Output::RetransmitReply => {
                if let Some(reply) = self.reply.clone() {
                    network.send(self.me, self.from, reply);
                }
            }
            Output::Failed(branch) => self.on_failed(network, branch),
            Output::Forward(branch) => {
                let status = self.machine.branches()[branch].status();
                let kept = self.legs[branch].kept.clone().filter(|kept| kept.status == status);
                let reply = kept.unwrap_or_else(|| {
                    let mut reply = self.request.reply(status, self.own_tag, self.me);
                    reply.vias.push(Via { node: self.me, branch: 0 });
                    reply
                });
                self.pass_on(network, branch, &reply);
            }
            Output::Decide(_) if self.script.thinks > 0 => {
                let thinks = self.random.between(0, self.script.thinks);
                network.wake_in(self.me, thinks, Wake::Conclude(self.id));
            }
            Output::Decide(_) => self.conclude(network),
            Output::Ended => {}
        }
    }

    /// Another address of a branch's destination is tried when nobody replied at this one.
    fn on_failed(&mut self, network: &mut Network, branch: BranchId) {
        let machine = &self.machine;
        let at = &machine.branches()[branch];
        let retry = !at.replied() || at.status() == 503;
        let allowed = !machine.is_final() && !machine.is_cancelled() && !machine.is_blocked();
        let others = std::mem::take(&mut self.legs[branch].others);
        if retry && allowed && !others.is_empty() {
            network.saw(Seen::FailOver);
            if self.script.drops {
                self.machine.drop_replies(branch..branch + 1);
                self.watch.dropped(branch..branch + 1);
            }
            self.add_leg(network, others);
        }
        // First the reaction to each branch that failed, then the look at all.
        if !self.has_failed_ones() {
            self.machine.settle(&mut self.new);
        }
    }

    /// There are branches that failed, of which the script has not heard.
    fn has_failed_ones(&self) -> bool {
        self.outputs.iter().chain(&self.new).any(|output| matches!(output, Output::Failed(_)))
    }

    /// All branches are done.
    pub fn conclude(&mut self, network: &mut Network) {
        let machine = &self.machine;
        if !machine.is_final() && !machine.is_cancelled() && !machine.is_blocked() {
            if !self.groups.is_empty() {
                network.saw(Seen::SerialFork);
                let before = self.legs.len();
                self.next_group(network);
                if self.script.drops {
                    self.machine.drop_replies(0..before);
                    self.watch.dropped(0..before);
                }
            } else if let Some(status) = self.script.failure_reply.filter(|_| !self.is_local()) {
                self.reply(network, status);
            }
        }
        self.watch.concluded();
        if self.has_failed_ones() {
            self.machine.reopen();
        } else {
            self.machine.conclude(&mut self.new);
        }
        self.drain(network);
    }

    /// A branch's reply goes up.
    fn pass_on(&mut self, network: &mut Network, branch: BranchId, reply: &Message) {
        let status = reply.status;
        let first = !self.machine.is_final();
        self.watch.sends_up(network, status, Some(branch));
        let reply = reply.passed_on();
        if !self.is_local() {
            network.send(self.me, self.from, reply.clone());
        } else if self.request.method == Method::Invite && (200..300).contains(&status) {
            self.on_local_answer(network, &reply);
        }
        if first {
            self.reply = Some(reply);
        }
        let counts = self.machine.on_sent(network.now, status, Some(branch), &mut self.new);
        network.check(counts == first, || format!("on_sent says {counts} for {status}"));
    }

    /// The INVITE of this proxy was answered: ACK, and BYE after a while.
    fn on_local_answer(&mut self, network: &mut Network, reply: &Message) {
        if let Some((_, to, ack)) = self.acknowledged.iter().find(|(tag, ..)| *tag == reply.to_tag) {
            return network.send(self.me, *to, ack.clone());
        }
        let request = Message {
            route: reply.record.clone(),
            target: Some(reply.contact),
            to_tag: reply.to_tag,
            vias: Vec::new(),
            ..self.request.clone()
        };
        let to = request.route.first().copied().unwrap_or(reply.contact);
        let vias = vec![Via { node: self.me, branch: network.number() }];
        let ack = Message { method: Method::Ack, vias, ..request.clone() };
        network.send(self.me, to, ack.clone());
        self.acknowledged.push((reply.to_tag, to, ack));
        self.wants.push((5000, Message { method: Method::Bye, cseq: 2, ..request }));
    }
}
