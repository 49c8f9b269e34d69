//! One transaction: its request, its branches, and what the machine of crate `transaction` decides about them.
//!
//! Two rules keep it simple. The state is locked for short steps only, never while a script runs. And the scripts of one
//! transaction run one after the other: who wants to run one [`Transaction::offer`]s an [`Event`]; while another one
//! runs the event waits in a queue.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::avp::Avps;
use engine::program::{Program, RouteId};
use engine::route_cx::{Destinations, SendFlags};
use engine::xavp::Xavps;
use engine::{Branch, RouteCx, Str};
use parking_lot::{Mutex, MutexGuard};
use sip::{Edits, Method, Protocol};
use transaction::{BranchId, Forwarding, Time};
use transport::resolve::Target;
use transport::{ConnectionId, Outgoing, Received, SocketId};

use super::Tm;
use super::table::RequestKey;

/// Events that wait while a script runs: a peer cannot fill the memory with replies.
const MAX_EVENTS: usize = 64;

/// Names a transaction: `$T(id_index)` and `$T(id_label)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId {
    /// Its slot in the table.
    pub index: u32,
    /// Its number there.
    pub label: u32,
}

/// Something that may run scripts.
pub(crate) enum Event {
    /// A reply to a branch, which the machine has seen.
    Reply(Box<RouteCx>, usize),
    /// These branches got a negative reply, or none.
    Failed(Vec<usize>),
    /// `t_continue`: this route runs.
    Continue(RouteId),
}

/// What a [`ReplyHook`] does.
pub(crate) type ChangeReply = dyn Fn(&Arc<Transaction>, &mut RouteCx) + Send + Sync;

/// Changes the replies to a request before they are kept and sent up.
#[derive(Clone)]
pub(crate) struct ReplyHook(pub(crate) Arc<ChangeReply>);

impl std::fmt::Debug for ReplyHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReplyHook")
    }
}

/// What scripts set with `t_on_failure`, `t_set_fr` and so on: for the next transaction of a message, then for that
/// transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) on_failure: Option<RouteId>,
    pub(crate) on_reply: Option<RouteId>,
    pub(crate) on_branch: Option<RouteId>,
    pub(crate) on_branch_failure: Option<RouteId>,
    pub(crate) reply_timeout: Option<u32>,
    pub(crate) ringing_timeout: Option<u32>,
    pub(crate) retransmit_first: Option<u32>,
    pub(crate) retransmit_max: Option<u32>,
    pub(crate) invite_lifetime: Option<u32>,
    pub(crate) request_lifetime: Option<u32>,
    pub(crate) auto_100: Option<bool>,
    pub(crate) disable_6xx: Option<bool>,
    pub(crate) disable_failover: bool,
    pub(crate) disable_internal_reply: bool,
    pub(crate) no_cancel_reason: bool,
    pub(crate) reply_hooks: Vec<ReplyHook>,
}

/// The request as it was when the transaction began, with the edits that the script had made when it was relayed.
pub(crate) struct Saved {
    pub(crate) text: Str,
    pub(crate) received: Received,
    pub(crate) source: std::net::SocketAddr,
    pub(crate) id: u32,
    pub(crate) edits: Edits,
    pub(crate) to: Destinations,
    pub(crate) send: SendFlags,
    pub(crate) flags: u32,
    pub(crate) extra_flags: [u32; 2],
    /// Edits were saved: by `t_save_lumps` or the first relaying.
    pub(crate) is_saved: bool,
}

impl Saved {
    /// The request as it is now, without the edits.
    pub(crate) fn of(cx: &RouteCx) -> Self {
        Self {
            text: cx.message.buffer().clone(),
            received: cx.received,
            source: cx.source,
            id: cx.id,
            edits: Edits::default(),
            to: Destinations { branches: Vec::new(), ..cx.to.clone() },
            send: cx.send,
            flags: cx.flags,
            extra_flags: cx.extra_flags,
            is_saved: false,
        }
    }
}

/// A reply that came to a branch.
#[derive(Clone)]
pub(crate) struct KeptReply {
    /// As it was received.
    pub(crate) received: Str,
    /// Which way it came.
    pub(crate) came_by: Received,
    /// As it goes up: without our Via, changed by the script.
    pub(crate) printed: Str,
    pub(crate) reason: Str,
}

/// One copy of the request that was sent.
pub(crate) struct SentBranch {
    /// Where it was to go: URI, path, flags ..
    pub(crate) to: Branch,
    /// As it was sent.
    pub(crate) request: Str,
    pub(crate) cancel: Option<Str>,
    pub(crate) socket: SocketId,
    pub(crate) protocol: Protocol,
    pub(crate) destination: std::net::SocketAddr,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) no_connect: bool,
    /// Further addresses of the destination (RFC 3263 section 4.3).
    pub(crate) other_targets: Vec<Target>,
    pub(crate) on_reply: Option<RouteId>,
    /// `t_on_failure`, as it was set when the branch was made: it runs when this branch's reply is the best.
    pub(crate) failure_route: Option<RouteId>,
    /// `t_on_branch_failure`, as it was set when the branch was made.
    pub(crate) on_failure: Option<RouteId>,
    pub(crate) reply: Option<KeptReply>,
    /// Its destination refused a datagram (ICMP).
    pub(crate) refused: bool,
    /// It got a reply before the last one.
    pub(crate) replied_before: bool,
}

impl SentBranch {
    /// A branch that nothing was sent for: the request could not be sent, or the transaction waits for `t_continue`.
    pub(crate) fn unsent(to: Branch, request: &Saved) -> Self {
        Self {
            to,
            request: Str::EMPTY,
            cancel: None,
            socket: request.received.socket,
            protocol: request.received.protocol,
            destination: request.source,
            connection: None,
            no_connect: true,
            other_targets: Vec::new(),
            on_reply: None,
            failure_route: None,
            on_failure: None,
            reply: None,
            refused: false,
            replied_before: false,
        }
    }

    /// A message that goes where the request went.
    pub(crate) fn outgoing(&self, data: Str) -> Outgoing {
        Outgoing {
            connection: self.connection,
            no_connect: self.no_connect,
            ..Outgoing::new(self.socket, self.protocol, self.destination, data)
        }
    }
}

/// Where replies to the request go.
#[derive(Clone)]
pub(crate) struct ReplyRoute(pub(crate) Outgoing);

impl ReplyRoute {
    pub(crate) fn of(cx: &RouteCx) -> Self {
        Self(Outgoing {
            destination: engine::reply::destination(cx),
            no_connect: cx.send.reply_no_connect,
            close_after: cx.send.reply_close,
            ..Outgoing::reply_to(&cx.received, Str::EMPTY)
        })
    }

    pub(crate) fn outgoing(&self, data: Str) -> Outgoing {
        Outgoing { data, ..self.0.clone() }
    }
}

/// Hears of the final reply to a request that was sent by this server itself: its status and text (none when it was
/// made up here).
pub type Completed = Box<dyn FnOnce(u16, Option<Str>) + Send>;

/// What changes.
pub(crate) struct State {
    pub(crate) machine: Forwarding,
    pub(crate) request: Saved,
    pub(crate) branches: Vec<SentBranch>,
    pub(crate) options: Options,
    pub(crate) reply_route: Option<ReplyRoute>,
    /// The last reply that was sent up.
    pub(crate) reply: Option<Str>,
    /// Branch of the last reply that was sent up; `None`: it was made here.
    pub(crate) reply_branch: Option<usize>,
    pub(crate) avps: Avps,
    pub(crate) xavps: Xavps,
    pub(crate) program: Option<Arc<Program>>,
    /// First branch of the running step of serial forking.
    pub(crate) step_start: usize,
    /// First branch of the step before.
    pub(crate) previous_step: usize,
    /// The branch whose end lets failure routes run.
    pub(crate) ended_by: Option<usize>,
    /// `t_drop_replies` was called: with this mode.
    pub(crate) drop_mode: Option<u8>,
    /// Reason headers of the received CANCEL, for those that we send.
    pub(crate) cancel_reason: Option<Str>,
    /// The branch that stands for the waiting for `t_continue`.
    pub(crate) suspended: Option<usize>,
    /// Replies of branches concern nobody: only the script answers (`t_replicate`).
    pub(crate) is_copied: bool,
    pub(crate) completed: Option<Completed>,
    /// Made here: an ACK is sent for a 2xx.
    pub(crate) automatic_ack: bool,
    /// An ACK to the 2xx was seen.
    pub(crate) acknowledged: bool,
    pub(crate) armed: Option<Time>,
    running: bool,
    events: VecDeque<Event>,
}

/// A transaction.
pub struct Transaction {
    id: TransactionId,
    key: Option<RequestKey>,
    method: Method,
    first_flags: u32,
    pub(crate) tm: Arc<Tm>,
    state: Mutex<State>,
}

impl Transaction {
    pub(crate) fn new(
        id: TransactionId,
        key: Option<RequestKey>,
        method: Method,
        tm: Arc<Tm>,
        machine: Forwarding,
        request: Saved,
        options: Options,
    ) -> Arc<Self> {
        let first_flags = request.flags;
        let state = State {
            machine,
            request,
            branches: Vec::new(),
            options,
            reply_route: None,
            reply: None,
            reply_branch: None,
            avps: Avps::default(),
            xavps: Xavps::default(),
            program: None,
            step_start: 0,
            previous_step: 0,
            ended_by: None,
            drop_mode: None,
            cancel_reason: None,
            suspended: None,
            is_copied: false,
            completed: None,
            automatic_ack: true,
            acknowledged: false,
            armed: None,
            // Whoever makes it runs its script.
            running: true,
            events: VecDeque::new(),
        };
        Arc::new(Self { id, key, method, first_flags, tm, state: Mutex::new(state) })
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// What its request looks like; none when it was made here.
    pub(crate) const fn key(&self) -> Option<&RequestKey> {
        self.key.as_ref()
    }

    /// The method of its request.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// It is an INVITE.
    #[must_use]
    pub const fn is_invite(&self) -> bool {
        matches!(self.method, Method::Invite)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Whether the event may run now; otherwise it waits until the running script has ended.
    pub(crate) fn offer(&self, event: Event) -> Option<Event> {
        let mut state = self.lock();
        if !state.running {
            state.running = true;
            return Some(event);
        }
        let may_be_lost = match &event {
            // Each branch has one negative final reply, and nothing ends without it.
            Event::Reply(cx, _) => cx.message.status().is_none_or(|status| status < 300),
            Event::Failed(_) | Event::Continue(_) => false,
        };
        if state.events.len() < MAX_EVENTS || !may_be_lost {
            state.events.push_back(event);
        } else {
            engine::log!(self.tm.core().log, Warning, "a reply was dropped: too many wait for a script of its call");
        }
        None
    }

    /// The next event, or the end of running scripts.
    pub(crate) fn next_event(&self) -> Option<Event> {
        let mut state = self.lock();
        let next = state.events.pop_front();
        if next.is_none() {
            state.running = false;
            state.let_go(self.is_invite());
        }
        next
    }

    /// Wakes the transaction in time.
    pub(crate) fn arm(&self, state: &mut State) {
        if let Some(at) = state.machine.timeout()
            && state.armed.is_none_or(|armed| at < armed)
        {
            state.armed = Some(at);
            self.tm.timer.add(at, self.id);
        }
    }

    /// The message flags of the request when the transaction was made.
    #[must_use]
    pub const fn first_flags(&self) -> u32 {
        self.first_flags
    }

    /// The message flags of the request.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.lock().request.flags
    }

    /// Takes flags away from the request.
    pub fn clear_flags(&self, mask: u32) {
        self.lock().request.flags &= !mask;
    }

    /// The request was made here.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.key.is_none()
    }

    /// Status of the last reply that was sent up; 0: none was.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.lock().status()
    }

    /// Copies of its AVPs and XAVPs.
    #[must_use]
    pub fn variables(&self) -> (Avps, Xavps) {
        let state = self.lock();
        (state.avps.clone(), state.xavps.clone())
    }

    /// The request for those who look at it (accounting ..): as it was when it was relayed, with copies of the AVPs;
    /// its URI is that of the branch.
    #[must_use]
    pub fn view(self: &Arc<Self>, branch: Option<BranchId>) -> Option<Box<RouteCx>> {
        let mut state = self.lock();
        let mut cx = self.context(&mut state)?;
        cx.avps = state.avps.clone();
        cx.xavps = state.xavps.clone();
        if let Some(at) = branch.and_then(|branch| state.branches.get(branch)) {
            cx.to.new_uri = Some(at.to.uri.clone());
        }
        cx.data::<super::Current>().branch = branch;
        Some(cx)
    }

    /// A context for scripts that run on the request later: as it was when it was relayed. `None` when the request
    /// cannot be parsed, which it could before.
    pub(crate) fn context(self: &Arc<Self>, state: &mut State) -> Option<Box<RouteCx>> {
        let core = self.tm.core();
        let message = sip::Message::parse(state.request.text.clone()).ok()?;
        let mut cx = Box::new(RouteCx::new(core.clone(), message, state.request.received));
        if let Some(program) = &state.program {
            cx.set_program(program.clone());
        }
        let saved = &state.request;
        cx.id = saved.id;
        cx.source = saved.source;
        *cx.message.edits_mut() = saved.edits.clone();
        cx.to = saved.to.clone();
        cx.to.is_new = false;
        cx.send = saved.send;
        cx.flags = saved.flags;
        cx.extra_flags = saved.extra_flags;
        cx.data::<super::Current>().transaction = Some(self.clone());
        Some(cx)
    }
}

impl State {
    /// Adds a branch. Most requests have one: the memory is for as many as there are.
    pub(crate) fn add_branch(&mut self, branch: SentBranch) {
        self.branches.reserve_exact(1);
        self.branches.push(branch);
    }

    /// Lends what lives with the transaction to a script. Listeners that come meanwhile see it as it was.
    pub(crate) fn lend(&mut self, cx: &mut RouteCx) {
        cx.avps = self.avps.clone();
        cx.xavps = self.xavps.clone();
    }

    /// What the running script has done to it so far, for listeners.
    pub(crate) fn note(&mut self, cx: &RouteCx) {
        self.avps = cx.avps.clone();
        self.xavps = cx.xavps.clone();
    }

    /// Takes it back.
    pub(crate) fn take_back(&mut self, cx: &mut RouteCx) {
        self.avps = std::mem::take(&mut cx.avps);
        self.xavps = std::mem::take(&mut cx.xavps);
        self.request.flags = cx.flags;
        self.request.extra_flags = cx.extra_flags;
    }

    /// Lets go what was kept for retransmissions and failure routes, once there can be none: most of a transaction's life
    /// is waiting for what comes late, and the next one finds that memory in the processor's cache.
    fn let_go(&mut self, invite: bool) {
        if !self.machine.is_final() || self.machine.is_local() || self.machine.is_pending() {
            return;
        }
        for at in &mut self.branches {
            // Each negative reply to an INVITE gets an ACK, also one behind a 2xx; it is made from what was sent.
            if !invite {
                at.request = Str::EMPTY;
            }
            if let Some(kept) = &mut at.reply {
                // The reason is a piece of it.
                (kept.received, kept.reason) = (Str::EMPTY, Str::EMPTY);
            }
        }
    }

    /// It was relayed or answered.
    pub(crate) fn is_used(&self) -> bool {
        !self.branches.is_empty() || self.machine.is_final()
    }

    /// A script runs on it.
    pub(crate) const fn runs_script(&self) -> bool {
        self.running
    }

    /// No reply of a branch goes back, and no route sees one: the request is a copy for somebody else (`t_replicate`).
    pub(crate) fn keep_replies_here(&mut self) {
        self.is_copied = true;
        self.options.on_reply = None;
        self.options.on_failure = None;
        self.options.on_branch_failure = None;
    }

    /// Events wait for the running script to end.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// The status that scripts see: of the last reply that was sent up.
    pub(crate) const fn status(&self) -> u16 {
        self.machine.status()
    }
}
