//! The called side of a phone.

use super::*;

impl Phone {
    pub(super) fn on_request(&mut self, network: &mut Network, from: Node, request: Message) {
        let invite_of = |server: &Server| {
            server.request.method == Method::Invite && server.request.via() == request.via() && !server.extra
        };
        match request.method {
            Method::Ack => self.on_ack(network, &request),
            Method::Cancel => {
                let invite = self.servers.iter().position(invite_of);
                self.on_cancel(network, from, &request, invite);
            }
            method => {
                let same = |server: &Server| {
                    server.request.via() == request.via() && server.request.method == method && !server.extra
                };
                match self.servers.iter().position(same) {
                    Some(id) => self.on_retransmission(network, id),
                    None => self.on_new_request(network, from, request),
                }
            }
        }
    }

    fn on_retransmission(&mut self, network: &mut Network, id: usize) {
        let server = &self.servers[id];
        // RFC 6026: an INVITE that was answered is absorbed.
        let answered = server.request.method == Method::Invite && (200..300).contains(&server.last_status);
        if let Some(reply) = server.reply.clone().filter(|_| !answered && !server.acknowledged) {
            network.send(self.id, server.from, reply);
        }
    }

    fn on_ack(&mut self, network: &mut Network, ack: &Message) {
        for server in &mut self.servers {
            let ServerMachine::Invite(machine) = &mut server.machine else { continue };
            let hop = server.request.via() == ack.via() && server.last_status >= 300;
            let request = &server.request;
            let end = (200..300).contains(&server.last_status)
                && (request.call, request.cseq) == (ack.call, ack.cseq)
                && server.reply.as_ref().is_some_and(|reply| reply.to_tag == ack.to_tag);
            if hop || end {
                machine.on_ack(network.now, &TIMERS);
                server.acknowledged = true;
            }
        }
    }

    fn on_cancel(&mut self, network: &mut Network, from: Node, cancel: &Message, invite: Option<usize>) {
        let Some(id) = invite else {
            return network.send(self.id, from, cancel.reply(481, 1, self.id));
        };
        let how = self.servers[id].behaviour.on_cancel;
        if how == OnCancel::Silence {
            return;
        }
        network.send(self.id, from, cancel.reply(200, 1, self.id));
        if self.servers[id].last_status >= 200 {
            return;
        }
        match how {
            OnCancel::End => self.send_reply(network, id, 487, 0),
            OnCancel::AnswerAfter(after) => {
                let server = &mut self.servers[id];
                server.behaviour.steps.push(Step { at: after, status: 200, who: 0 });
                network.wake_in(self.id, after, Wake::Step(id, server.behaviour.steps.len() - 1));
            }
            OnCancel::GoOn | OnCancel::Silence => {}
        }
    }

    fn on_new_request(&mut self, network: &mut Network, from: Node, request: Message) {
        let Message { call, cseq, method, .. } = request;
        let behaviour = if request.to_tag == 0 {
            network.plan.behaviour(self.id, call, method)
        } else {
            let status = network.plan.dialog_status(call, cseq, method);
            Behaviour { steps: vec![Step { at: 0, status, who: 0 }], on_cancel: OnCancel::End }
        };
        if method == Method::Bye {
            for dialog in &mut self.dialogs {
                dialog.over |= (dialog.local_tag, dialog.remote_tag) == (request.to_tag, request.from_tag);
            }
        }
        let id = self.add_server(network, from, request, behaviour, false);
        let steps = self.servers[id].behaviour.steps.clone();
        for (number, step) in steps.iter().enumerate() {
            if step.at > 0 {
                network.wake_in(self.id, step.at, Wake::Step(id, number));
            } else {
                self.step(network, id, number);
            }
        }
        if method == Method::Invite && !steps.is_empty() {
            network.wake_in(self.id, RINGS_OUT, Wake::Step(id, usize::MAX));
        }
    }

    fn add_server(
        &mut self,
        network: &mut Network,
        from: Node,
        request: Message,
        behaviour: Behaviour,
        extra: bool,
    ) -> usize {
        let machine = if request.method == Method::Invite {
            ServerMachine::Invite(InviteServer::new(network.plan.is_reliable(from, self.id)))
        } else {
            ServerMachine::Other(RequestServer::default())
        };
        self.servers.push(Server {
            machine,
            request,
            from,
            tag: network.number(),
            reply: None,
            last_status: 0,
            behaviour,
            extra,
            acknowledged: false,
            rang_out: false,
            scheduled: None,
        });
        self.servers.len() - 1
    }

    /// A planned reply.
    pub(super) fn step(&mut self, network: &mut Network, id: usize, number: usize) {
        let server = &mut self.servers[id];
        let is_final = server.last_status >= 200;
        match server.behaviour.steps.get(number).copied() {
            None if !is_final => {
                server.rang_out = true;
                self.send_reply(network, id, 480, 0);
            }
            Some(Step { status, who: 0, .. }) if !is_final => {
                self.send_reply(network, id, status, u32::try_from(number).unwrap_or_default() + 1);
            }
            Some(Step { status, who, .. }) if who > 0 && !matches!(server.last_status, 487) => {
                // A phone behind a fork, whose answer the fork passes on.
                let (from, request) = (server.from, server.request.clone());
                let behaviour = Behaviour { steps: Vec::new(), on_cancel: OnCancel::End };
                let extra = self.add_server(network, from, request, behaviour, true);
                self.send_reply(network, extra, status, 0);
            }
            _ => {}
        }
    }

    fn send_reply(&mut self, network: &mut Network, id: usize, status: u16, serial: u32) {
        let server = &mut self.servers[id];
        server.last_status = status;
        let mut reply = server.request.reply(status, server.tag, self.id);
        reply.serial = if status < 200 { serial } else { 0 };
        match &mut server.machine {
            ServerMachine::Invite(machine) => machine.on_reply(network.now, status, true, &TIMERS),
            ServerMachine::Other(machine) => machine.on_reply(network.now, status, &TIMERS),
        }
        server.reply = Some(reply.clone());
        network.send(self.id, server.from, reply.clone());
        let request = &self.servers[id].request;
        if request.method == Method::Invite && request.to_tag == 0 && (200..300).contains(&status) {
            self.dialogs.push(Dialog {
                call: request.call,
                local_tag: reply.to_tag,
                remote_tag: request.from_tag,
                cseq: 1000,
                route: request.record.iter().rev().copied().collect(),
                target: request.contact,
                over: false,
                later: network.plan.callee_sends(request.call, reply.to_tag).into_iter().collect(),
            });
            let dialog = self.dialogs.len() - 1;
            if let Some((after, _)) = self.dialogs[dialog].later.first() {
                network.wake_in(self.id, *after, Wake::InDialog(dialog));
            }
        }
        self.schedule_server(network, id);
    }

    fn schedule_server(&mut self, network: &mut Network, id: usize) {
        let server = &mut self.servers[id];
        let at = match &server.machine {
            ServerMachine::Invite(machine) => machine.timeout(),
            ServerMachine::Other(machine) => machine.timeout(),
        };
        if let Some(at) = at
            && server.scheduled.is_none_or(|scheduled| scheduled > at)
        {
            server.scheduled = Some(at);
            network.wake(self.id, at, Wake::Server(id));
        }
    }

    pub(super) fn server_timeout(&mut self, network: &mut Network, id: usize) {
        let server = &mut self.servers[id];
        server.scheduled = None;
        let due = match &mut server.machine {
            ServerMachine::Invite(machine) => machine.on_timeout(network.now, &TIMERS),
            ServerMachine::Other(machine) => machine.on_timeout(network.now),
        };
        if due == Some(ServerTimeout::Retransmit)
            && let Some(reply) = server.reply.clone()
        {
            network.send(self.id, server.from, reply);
        }
        if due == Some(ServerTimeout::Ended) && !server.acknowledged && (200..300).contains(&server.last_status) {
            self.hang_up(network, id);
        }
        self.schedule_server(network, id);
    }

    /// Nobody acknowledged the answer: RFC 3261 section 13.3.1.4 ends the dialog.
    fn hang_up(&mut self, network: &mut Network, id: usize) {
        let tag = self.servers[id].tag;
        let dialog = self.dialogs.iter().position(|dialog| dialog.local_tag == tag && !dialog.over);
        if let Some(dialog) = dialog {
            self.dialogs[dialog].over = true;
            self.dialog_request(network, dialog, Method::Bye);
        }
    }
}
