//! The calling side of a phone.

use super::*;

impl Client {
    pub fn is_cancelled(&self) -> bool {
        !matches!(self.cancel, CancelState::No)
    }

    fn timeout(&self) -> Option<Time> {
        let own = match &self.machine {
            ClientMachine::Invite(machine) => machine.timeout(),
            ClientMachine::Other(machine) => machine.timeout(),
        };
        match &self.cancel {
            CancelState::Sent(machine) => own.into_iter().chain(machine.timeout()).min(),
            _ => own,
        }
    }

    fn start_cancel(&mut self, network: &mut Network, me: Node) {
        let end = network.now + LONG;
        let reliable = network.plan.is_reliable(me, self.to);
        self.cancel = CancelState::Sent(RequestClient::new(network.now, reliable, end, &TIMERS));
        if let ClientMachine::Invite(machine) = &mut self.machine {
            machine.limit(end);
        }
        network.send(me, self.to, self.request.cancel());
    }
}

impl Phone {
    pub(super) fn start_call(&mut self, network: &mut Network, id: usize) {
        let Call { method, cancel_after, .. } = network.plan.calls[id];
        let request = Message {
            method,
            status: 0,
            vias: Vec::new(),
            call: u32::try_from(id).unwrap_or_default(),
            cseq: 1,
            from_tag: network.number(),
            to_tag: 0,
            record: Vec::new(),
            route: Vec::new(),
            target: None,
            contact: self.id,
            serial: 0,
        };
        let client = self.send_request(network, 0, request, Some(id));
        if let Some(after) = cancel_after.filter(|_| method == Method::Invite) {
            network.wake_in(self.id, after, Wake::GiveUp(client));
        }
    }

    pub(super) fn send_request(
        &mut self,
        network: &mut Network,
        to: Node,
        mut request: Message,
        call: Option<usize>,
    ) -> usize {
        request.vias = vec![Via { node: self.id, branch: network.number() }];
        let reliable = network.plan.is_reliable(self.id, to);
        let end = network.now + TIMERS.lifetime;
        let machine = if request.method == Method::Invite {
            ClientMachine::Invite(InviteClient::new(network.now, reliable, end, &TIMERS))
        } else {
            ClientMachine::Other(RequestClient::new(network.now, reliable, end, &TIMERS))
        };
        network.send(self.id, to, request.clone());
        self.clients.push(Client {
            machine,
            request,
            to,
            outcome: None,
            cancel: CancelState::No,
            call,
            acks: Vec::new(),
            scheduled: None,
        });
        self.schedule_client(network, self.clients.len() - 1);
        self.clients.len() - 1
    }

    fn schedule_client(&mut self, network: &mut Network, id: usize) {
        let client = &mut self.clients[id];
        if let Some(at) = client.timeout()
            && client.scheduled.is_none_or(|scheduled| scheduled > at)
        {
            client.scheduled = Some(at);
            network.wake(self.id, at, Wake::Client(id));
        }
    }

    pub(super) fn client_timeout(&mut self, network: &mut Network, id: usize) {
        let client = &mut self.clients[id];
        client.scheduled = None;
        let due = match &mut client.machine {
            ClientMachine::Invite(machine) => machine.on_timeout(network.now, &TIMERS),
            ClientMachine::Other(machine) => machine.on_timeout(network.now, &TIMERS),
        };
        match due {
            Some(transaction::ClientTimeout::Retransmit) => network.send(self.id, client.to, client.request.clone()),
            Some(transaction::ClientTimeout::GaveUp) => {
                network.note(|| format!("phone {} gives up {:?}", self.id, client.request.method));
                client.outcome.get_or_insert(Outcome::Timeout);
            }
            None => {}
        }
        if let CancelState::Sent(machine) = &mut client.cancel
            && machine.on_timeout(network.now, &TIMERS) == Some(transaction::ClientTimeout::Retransmit)
        {
            network.send(self.id, client.to, client.request.cancel());
        }
        self.schedule_client(network, id);
    }

    /// The user hangs up before anybody answered.
    pub(super) fn give_up(&mut self, network: &mut Network, id: usize) {
        let client = &mut self.clients[id];
        let ClientMachine::Invite(machine) = &client.machine else { return };
        if machine.is_proceeding() {
            client.start_cancel(network, self.id);
        } else if machine.is_pending() {
            client.cancel = CancelState::Wanted;
        }
        self.schedule_client(network, id);
    }

    pub(super) fn on_reply(&mut self, network: &mut Network, reply: Message) {
        let same = |client: &Client| {
            let method = client.request.method;
            client.request.via() == reply.via()
                && (method == reply.method || (method == Method::Invite && reply.method == Method::Cancel))
        };
        let Some(id) = self.clients.iter().position(same) else {
            return network.violation(format!("phone {} got a stray {}", self.id, reply.describe()));
        };
        let client = &mut self.clients[id];
        if reply.method == Method::Cancel {
            if let CancelState::Sent(machine) = &mut client.cancel {
                machine.on_reply(network.now, reply.status, &TIMERS);
            }
            return;
        }
        match &mut client.machine {
            ClientMachine::Other(machine) => {
                if machine.on_reply(network.now, reply.status, &TIMERS).new && reply.status >= 200 {
                    client.outcome = Some(Outcome::Reply(reply.status));
                }
            }
            ClientMachine::Invite(machine) => {
                let before = machine.is_pending();
                let what = machine.on_reply(network.now, reply.status, &TIMERS);
                let negative = reply.status >= 300;
                network
                    .check(what.acknowledge == negative, || "no ACK for a negative reply, or one for another".into());
                if what.acknowledge {
                    network.send(self.id, client.to, client.request.acknowledge(reply.to_tag));
                }
                if negative && what.new {
                    network.check(before && client.outcome.is_none(), || "two final replies".into());
                    client.outcome = Some(Outcome::Reply(reply.status));
                } else if reply.status >= 200 && !negative {
                    self.on_answer(network, id, &reply);
                } else if what.new && matches!(client.cancel, CancelState::Wanted) {
                    client.start_cancel(network, self.id);
                }
            }
        }
        self.schedule_client(network, id);
    }

    /// A 2xx to an INVITE: each one is acknowledged; only the first of a call is kept.
    fn on_answer(&mut self, network: &mut Network, id: usize, reply: &Message) {
        let client = &mut self.clients[id];
        let mute = client.call.is_some_and(|call| network.plan.calls[call].mute);
        if let Some((_, to, ack)) = client.acks.iter().find(|(tag, ..)| *tag == reply.to_tag) {
            if !mute {
                network.send(self.id, *to, ack.clone());
            }
            return;
        }
        let first = client.outcome.is_none();
        client.outcome.get_or_insert(Outcome::Reply(reply.status));
        let in_dialog = client.request.to_tag != 0;
        let route: Vec<_> = if in_dialog { client.request.route.clone() } else { reply.record.clone() };
        let target = reply.contact;
        let to = route.first().copied().unwrap_or(target);
        let mut ack =
            Message { method: Method::Ack, route: route.clone(), target: Some(target), ..client.request.clone() };
        ack.vias = vec![Via { node: self.id, branch: network.number() }];
        ack.to_tag = reply.to_tag;
        if !mute {
            network.send(self.id, to, ack.clone());
        }
        client.acks.push((reply.to_tag, to, ack));
        if in_dialog {
            return;
        }
        let keep = first && !client.is_cancelled();
        let later = client.call.map(|call| network.plan.calls[call].later.clone()).unwrap_or_default();
        let later = if keep { later } else { vec![(0, Method::Bye)] };
        let after = later.first().map(|(after, _)| *after);
        self.dialogs.push(Dialog {
            call: client.request.call,
            local_tag: client.request.from_tag,
            remote_tag: reply.to_tag,
            cseq: client.request.cseq,
            route,
            target,
            over: false,
            later,
        });
        if let Some(after) = after {
            network.wake_in(self.id, after, Wake::InDialog(self.dialogs.len() - 1));
        }
    }
}
