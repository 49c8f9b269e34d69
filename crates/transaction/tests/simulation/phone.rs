//! A phone: it calls and is called. Its transactions are the machines of this crate, each by itself.

use transaction::{InviteClient, InviteServer, RequestClient, RequestServer, ServerTimeout, Time, Timers};

use crate::message::{Message, Method, Node, Via};
use crate::network::{Network, Wake};
use crate::plan::{Behaviour, Call, LONG, OnCancel, RINGS_OUT, Step, T1, T2};

mod client;
mod server;

/// The timers of a phone: those of the RFC.
const TIMERS: Timers = Timers {
    retransmit_first: T1,
    retransmit_max: T2,
    reply: LONG,
    ringing: 2 * RINGS_OUT,
    wait: LONG,
    lifetime: 4 * RINGS_OUT,
    restart_on_each_reply: true,
};

#[derive(Debug)]
enum ClientMachine {
    Invite(InviteClient),
    Other(RequestClient),
}

#[derive(Debug)]
enum CancelState {
    No,
    Wanted,
    Sent(RequestClient),
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Reply(u16),
    Timeout,
}

/// A request that the phone sent.
#[derive(Debug)]
pub struct Client {
    machine: ClientMachine,
    pub request: Message,
    pub to: Node,
    pub outcome: Option<Outcome>,
    cancel: CancelState,
    /// The call that it began.
    pub call: Option<usize>,
    /// For each 2xx to an INVITE: its tag and the ACK.
    acks: Vec<(u32, Node, Message)>,
    scheduled: Option<Time>,
}

#[derive(Debug)]
enum ServerMachine {
    Invite(InviteServer),
    Other(RequestServer),
}

/// A request that the phone received.
#[derive(Debug)]
pub struct Server {
    machine: ServerMachine,
    pub request: Message,
    pub from: Node,
    tag: u32,
    reply: Option<Message>,
    pub last_status: u16,
    behaviour: Behaviour,
    /// One of the phones behind this one answers by itself.
    extra: bool,
    pub acknowledged: bool,
    /// It rang until it had enough.
    pub rang_out: bool,
    scheduled: Option<Time>,
}

impl Server {
    pub const fn on_cancel(&self) -> OnCancel {
        self.behaviour.on_cancel
    }
}

/// What a phone knows about an established dialog.
#[derive(Clone, Debug)]
struct Dialog {
    call: u32,
    local_tag: u32,
    remote_tag: u32,
    cseq: u32,
    route: Vec<Node>,
    target: Node,
    over: bool,
    /// What to send in it.
    later: Vec<(u32, Method)>,
}

pub struct Phone {
    id: Node,
    pub clients: Vec<Client>,
    pub servers: Vec<Server>,
    dialogs: Vec<Dialog>,
}

impl Phone {
    pub const fn new(id: Node) -> Self {
        Self { id, clients: Vec::new(), servers: Vec::new(), dialogs: Vec::new() }
    }

    pub fn on_wake(&mut self, network: &mut Network, wake: Wake) {
        match wake {
            Wake::Client(id) => self.client_timeout(network, id),
            Wake::Server(id) => self.server_timeout(network, id),
            Wake::Call(id) => self.start_call(network, id),
            Wake::GiveUp(id) => self.give_up(network, id),
            Wake::Step(server, step) => self.step(network, server, step),
            Wake::InDialog(id) => self.in_dialog(network, id),
            other => network.violation(format!("phone {} got {other:?}", self.id)),
        }
    }

    pub fn on_message(&mut self, network: &mut Network, from: Node, message: Message) {
        if message.status == 0 { self.on_request(network, from, message) } else { self.on_reply(network, message) }
    }

    /// Sends the next thing that was planned for a dialog.
    fn in_dialog(&mut self, network: &mut Network, id: usize) {
        let dialog = &mut self.dialogs[id];
        if dialog.over || dialog.later.is_empty() {
            return;
        }
        let (_, method) = dialog.later.remove(0);
        dialog.over = method == Method::Bye;
        let next = dialog.later.first().copied();
        self.dialog_request(network, id, method);
        if let Some((after, _)) = next {
            network.wake_in(self.id, after, Wake::InDialog(id));
        }
    }

    fn dialog_request(&mut self, network: &mut Network, id: usize, method: Method) {
        let dialog = &mut self.dialogs[id];
        dialog.cseq += 1;
        let request = Message {
            method,
            status: 0,
            vias: Vec::new(),
            call: dialog.call,
            cseq: dialog.cseq,
            from_tag: dialog.local_tag,
            to_tag: dialog.remote_tag,
            record: Vec::new(),
            route: dialog.route.clone(),
            target: Some(dialog.target),
            contact: self.id,
            serial: 0,
        };
        let to = dialog.route.first().copied().unwrap_or(dialog.target);
        self.send_request(network, to, request, None);
    }
}
