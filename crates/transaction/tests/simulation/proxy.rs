//! A proxy: it finds the transaction a message belongs to.

use crate::message::{Message, Method, Node, Via};
use crate::network::{Network, Wake};
use crate::proxied::Proxied;

pub struct Proxy {
    id: Node,
    pub transactions: Vec<Proxied>,
}

impl Proxy {
    pub const fn new(id: Node) -> Self {
        Self { id, transactions: Vec::new() }
    }

    pub fn on_wake(&mut self, network: &mut Network, wake: Wake) {
        let id = match wake {
            Wake::Local(number) => return self.start_local(network, number),
            Wake::LocalBye(request) => return self.send_local(network, *request),
            Wake::Transaction(id) => {
                self.transactions[id].scheduled = None;
                self.transactions[id].on_timeout(network);
                id
            }
            Wake::Process(id, branch, reply) => {
                self.transactions[id].process(network, branch, *reply);
                id
            }
            Wake::Conclude(id) => {
                self.transactions[id].conclude(network);
                id
            }
            Wake::Script(id) => {
                self.transactions[id].script_acts(network);
                id
            }
            Wake::Resume(id, branch) => {
                self.transactions[id].resume(network, branch);
                id
            }
            other => return network.violation(format!("proxy {} got {other:?}", self.id)),
        };
        self.after(network, id);
    }

    /// What is to be done after each step: checks and the next look at the timers.
    fn after(&mut self, network: &mut Network, id: usize) {
        let transaction = &mut self.transactions[id];
        transaction.watch.step(network, &transaction.machine);
        if let Some(at) = transaction.machine.timeout()
            && transaction.scheduled.is_none_or(|scheduled| scheduled > at)
        {
            transaction.scheduled = Some(at.max(network.now));
            network.wake(self.id, at, Wake::Transaction(id));
        }
        for (after, request) in std::mem::take(&mut transaction.wants) {
            network.wake_in(self.id, after, Wake::LocalBye(Box::new(request)));
        }
    }

    pub fn on_message(&mut self, network: &mut Network, from: Node, message: Message) {
        if message.status > 0 {
            return self.on_reply(network, message);
        }
        let find = |method: Method| {
            let same =
                |it: &Proxied| it.from == from && it.request.method == method && it.request.via() == message.via();
            self.transactions.iter().rposition(|it| !it.machine.is_ended() && !it.is_local() && same(it))
        };
        match message.method {
            Method::Ack => match find(Method::Invite) {
                Some(id) => {
                    self.transactions[id].on_ack(network);
                    self.after(network, id);
                }
                None => self.on_end_to_end_ack(network, message),
            },
            Method::Cancel => {
                let invite = find(Method::Invite);
                let status = if invite.is_some() { 200 } else { 481 };
                network.send(self.id, from, message.reply(status, 2, self.id));
                if let Some(id) = invite {
                    self.transactions[id].cancel(network);
                    self.after(network, id);
                }
            }
            method => match find(method) {
                Some(id) => {
                    self.transactions[id].on_retransmission(network);
                    self.after(network, id);
                }
                None => self.on_new_request(network, from, message),
            },
        }
    }

    fn on_new_request(&mut self, network: &mut Network, from: Node, request: Message) {
        let next = next_hop(self.id, &request);
        let own_tag = if request.target == Some(self.id) { request.to_tag } else { network.number() };
        let script = network.plan.script(self.id, request.call, request.method, next);
        let id = self.transactions.len();
        self.transactions.push(Proxied::new(network, self.id, id, Some(from), request, own_tag, script));
        self.transactions[id].start(network);
        self.after(network, id);
    }

    fn start_local(&mut self, network: &mut Network, number: usize) {
        let local = network.plan.locals[number];
        let request = Message {
            method: local.method,
            status: 0,
            vias: Vec::new(),
            call: 40 + u32::try_from(number).unwrap_or_default(),
            cseq: 1,
            from_tag: network.number(),
            to_tag: 0,
            record: Vec::new(),
            route: Vec::new(),
            target: None,
            contact: self.id,
            serial: 0,
        };
        self.send_local(network, request);
    }

    fn send_local(&mut self, network: &mut Network, request: Message) {
        let next = request.route.first().copied().or(request.target);
        let own_tag = network.number();
        let script = network.plan.script(self.id, request.call, request.method, next);
        let id = self.transactions.len();
        self.transactions.push(Proxied::new(network, self.id, id, None, request, own_tag, script));
        self.transactions[id].start(network);
        self.after(network, id);
    }

    /// The ACK to a 2xx: for this proxy's own one, or it goes on without a transaction.
    fn on_end_to_end_ack(&mut self, network: &mut Network, mut ack: Message) {
        let own = |it: &Proxied| {
            it.request.method == Method::Invite
                && (it.request.call, it.request.cseq) == (ack.call, ack.cseq)
                && (it.request.from_tag, it.own_tag) == (ack.from_tag, ack.to_tag)
                && !it.machine.is_ended()
        };
        if let Some(id) = self.transactions.iter().position(own) {
            self.transactions[id].on_ack(network);
            return self.after(network, id);
        }
        if let Some(to) = next_hop(self.id, &ack).filter(|to| *to != self.id) {
            ack.route.retain(|node| *node != self.id);
            // As a stateless proxy does it: the same for each copy.
            let branch = ack.via().branch;
            ack.vias.push(Via { node: self.id, branch });
            network.send(self.id, to, ack);
        }
    }

    fn on_reply(&mut self, network: &mut Network, reply: Message) {
        let find = |it: &Proxied| it.legs.iter().position(|leg| leg.number == reply.via().branch && leg.number > 0);
        let Some((id, branch)) = self.transactions.iter().enumerate().find_map(|(id, it)| Some((id, find(it)?))) else {
            return network.violation(format!("proxy {} got a stray {}", self.id, reply.describe()));
        };
        self.transactions[id].on_reply(network, branch, reply);
        self.after(network, id);
    }

    /// After everything: whether all transactions are over.
    pub fn check_end(&self, network: &mut Network) {
        for transaction in &self.transactions {
            let over = transaction.watch.is_ended() && transaction.machine.timeout().is_none();
            network.check(over, || format!("{} never ended", transaction.watch.describe()));
            let answered = transaction.watch.answer().is_some() || transaction.watch.released;
            network.check(answered, || format!("{} got no final reply", transaction.watch.describe()));
        }
    }
}

/// Where a request goes that is sent within a dialog.
fn next_hop(me: Node, request: &Message) -> Option<Node> {
    request.route.iter().copied().find(|node| *node != me).or(request.target)
}
