//! Replies: to which branch, what the script says about them, and what follows.

use std::sync::Arc;

use engine::program::Next;
use engine::receive::Taken;
use engine::{RouteCx, Routes, Str};
use language::ast::RouteKind;
use sip::{ContentLength, Method, PrintOptions};
use transaction::BranchId;
use transport::SendFailure;

use super::running::Running;
use super::step::Step;
use super::transaction::{Event, KeptReply, Transaction};
use super::{Current, Tm};

impl Tm {
    /// Takes a reply that belongs to a transaction.
    pub(crate) fn take_reply(self: &Arc<Self>, mut cx: Box<RouteCx>) -> Taken {
        let Some((transaction, branch)) = self.table.find_reply(&cx.message) else {
            return self.reply_without_transaction(cx);
        };
        let Ok(Some(cseq)) = cx.message.cseq() else { return Taken::No(cx) };
        let method = cseq.method;
        let status = cx.message.status().unwrap_or_default();
        self.counters.received.increment();
        let now = self.now();
        let mut step = Step::default();
        let mut outputs = Vec::new();
        let reply = {
            let mut state = transaction.lock();
            if branch >= state.branches.len() {
                drop(state);
                return Taken::No(cx);
            }
            if method == Method::Cancel && transaction.method() != Method::Cancel {
                state.machine.on_cancel_reply(now, branch, status);
                transaction.arm(&mut state);
                self.counters.absorbed.increment();
                return Taken::Yes(Next::Done(cx));
            }
            if method != transaction.method() {
                drop(state);
                return Taken::No(cx);
            }
            let mut reply = state.machine.receive(now, branch, status, &mut outputs);
            // How a cancelled branch gets on concerns nobody, only how it ends.
            reply.new &= status >= 200 || !state.machine.branches()[branch].is_cancelled();
            if reply.acknowledge {
                transaction.send_ack(&state, branch, &cx.message, &mut step.sends);
            }
            transaction.perform(&mut state, now, outputs, &mut step);
            reply
        };
        // An ACK goes out now: routes that run because of the reply may take their time.
        step.finish(&transaction, if reply.acknowledge { None } else { Some(&mut cx.outbox) });
        if !reply.new {
            self.counters.absorbed.increment();
            return Taken::Yes(Next::Done(cx));
        }
        match transaction.offer(Event::Reply(cx, branch)) {
            Some(Event::Reply(cx, branch)) => Taken::Yes(transaction.begin_reply(cx, branch)),
            _ => Taken::Yes(Next::Done(Box::new(RouteCx::faked(self.core().clone())))),
        }
    }

    /// `on_sl_reply`.
    fn reply_without_transaction(self: &Arc<Self>, cx: Box<RouteCx>) -> Taken {
        let name = &self.params.on_sl_reply;
        if name.is_empty() {
            return Taken::No(cx);
        }
        let mut cx = cx;
        let Some(program) = cx.program().cloned() else { return Taken::No(cx) };
        let Some(route) = program.route(RouteKind::OnReply, &name.to_text()) else { return Taken::No(cx) };
        let code = program.run_nested(route, &mut cx);
        if cx.dropped || code == 0 { Taken::Yes(Next::Done(cx)) } else { Taken::No(cx) }
    }

    /// A request that was handed to a connection did not leave: its branch has failed (RFC 3261 section 16.9).
    pub(crate) fn send_failed(self: &Arc<Self>, failure: &SendFailure) {
        // The beginning is all there is of a datagram that came back.
        if [&b"ACK "[..], b"CANCEL ", b"SIP/2.0 "].iter().any(|start| failure.data.starts_with(start)) {
            return;
        }
        let Some((transaction, branch)) = self.table.find_sent(&failure.data) else { return };
        let mut outputs = Vec::new();
        let mut step = Step::default();
        let now = self.now();
        {
            let mut state = transaction.lock();
            let Some(at) = state.branches.get_mut(branch).filter(|at| at.destination == failure.destination) else {
                return;
            };
            let refused_before = std::mem::replace(&mut at.refused, true);
            if failure.protocol.is_stream() {
                state.machine.fail(branch, 503, &mut outputs);
            } else if refused_before {
                // A peer that starts anew refuses one datagram and takes the next: the second refusal counts. Scripts
                // know this as a timeout, which it would have become.
                state.machine.give_up(branch, &mut outputs);
            }
            transaction.perform(&mut state, now, outputs, &mut step);
        }
        step.finish(&transaction, None);
        transaction.failed(step.failed);
    }

    /// Looks after the transactions whose time has come.
    pub(crate) fn on_timer(self: &Arc<Self>) {
        let now = self.now();
        self.retired.clear();
        for id in self.timer.take_due(now) {
            let Some(transaction) = self.table.get(id) else { continue };
            let mut outputs = Vec::new();
            let mut step = Step::default();
            {
                let mut state = transaction.lock();
                state.armed = None;
                state.machine.on_timeout(now, &mut outputs);
                transaction.perform(&mut state, now, outputs, &mut step);
            }
            step.finish(&transaction, None);
            transaction.failed(step.failed);
            self.retired.add(transaction);
        }
    }
}

impl Transaction {
    /// Reacts to failed branches, now or when the running script has ended.
    pub(crate) fn failed(self: &Arc<Self>, branches: Vec<BranchId>) {
        if !branches.is_empty() {
            self.start(Event::Failed(branches));
        }
    }

    /// Lets an event run scripts, now or when the running script has ended.
    pub(crate) fn start(self: &Arc<Self>, event: Event) {
        if let Some(event) = self.offer(event) {
            self.tm.core().go(Box::pin(self.clone().handle_all(Some(event))));
        }
    }

    /// Goes on after a script that ran without an event: the request's own.
    pub(crate) fn go_on(self: &Arc<Self>) {
        if let Some(event) = self.next_event() {
            self.tm.core().go(Box::pin(self.clone().handle_all(Some(event))));
        }
    }

    async fn handle_all(self: Arc<Self>, mut event: Option<Event>) {
        let running = Running::begin(self.clone());
        while let Some(next) = event {
            match next {
                Event::Reply(cx, branch) => self.reply_event(cx, branch).await.flush(),
                Event::Failed(branches) => self.react(branches).await,
                Event::Continue(route) => self.continue_event(route).await,
            }
            event = self.next_event();
        }
        running.end();
    }

    /// Handles a reply and whatever came meanwhile: at once, unless a script has a say.
    fn begin_reply(self: Arc<Self>, mut cx: Box<RouteCx>, branch: BranchId) -> Next {
        let running = Running::begin(self.clone());
        let has_route = self.lock().branches.get(branch).is_some_and(|at| at.on_reply.is_some());
        if has_route {
            return Next::later(cx, |cx| self.handle_reply(running, cx, branch));
        }
        let failed = self.pass_reply(&mut cx, branch);
        if !failed.is_empty() {
            return Next::later(cx, |cx| async move {
                self.react(failed).await;
                running.end();
                self.go_on();
                cx
            });
        }
        running.end();
        self.go_on();
        Next::Done(cx)
    }

    async fn handle_reply(self: Arc<Self>, running: Running, cx: Box<RouteCx>, branch: BranchId) -> Box<RouteCx> {
        let cx = self.reply_event(cx, branch).await;
        running.end();
        self.go_on();
        cx
    }

    /// The script's view of a reply, then the machine's.
    async fn reply_event(self: &Arc<Self>, mut cx: Box<RouteCx>, branch: BranchId) -> Box<RouteCx> {
        let (route, program) = {
            let mut state = self.lock();
            let route = state.branches.get(branch).and_then(|at| at.on_reply);
            if route.is_some() {
                state.lend(&mut cx);
                cx.flags = state.request.flags;
                cx.extra_flags = state.request.extra_flags;
                cx.to.flags = state.branches.get(branch).map_or(0, |at| at.to.flags);
            }
            (route, state.program.clone())
        };
        if let (Some(route), Some(program)) = (route, program) {
            *cx.data::<Current>() =
                Current { transaction: Some(self.clone()), branch: Some(branch), ..Current::default() };
            cx.set_program(program.clone());
            cx.kind = Routes(engine::function::routes::TM_ONREPLY);
            cx.dropped = false;
            program.run(route, &mut cx).await;
            let mut state = self.lock();
            state.take_back(&mut cx);
            if let Some(at) = state.branches.get_mut(branch) {
                at.to.flags = cx.to.flags;
            }
        }
        let failed = self.pass_reply(&mut cx, branch);
        if !failed.is_empty() {
            self.react(failed).await;
        }
        cx
    }

    /// Keeps a reply and lets the machine decide what becomes of it. Returns the branches that failed by it.
    fn pass_reply(self: &Arc<Self>, cx: &mut RouteCx, branch: BranchId) -> Vec<BranchId> {
        let status = cx.message.status().unwrap_or_default();
        if cx.dropped && status < 200 || status == 100 && self.tm.live.relay_100.get() == 0 {
            self.tm.counters.absorbed.increment();
            return Vec::new();
        }
        let hooks = self.lock().options.reply_hooks.clone();
        hooks.iter().for_each(|hook| (hook.0)(self, cx));
        let printed = self.print(cx);
        let kept = KeptReply {
            received: cx.message.buffer().clone(),
            came_by: cx.received,
            printed,
            reason: cx.message.reason().cloned().unwrap_or_default(),
        };
        let now = self.tm.now();
        let mut outputs = Vec::new();
        let mut step = Step::default();
        {
            let mut state = self.lock();
            if let Some(at) = state.branches.get_mut(branch) {
                at.replied_before = at.reply.is_some();
                at.reply = Some(kept);
            }
            state.machine.process(now, branch, status, &mut outputs);
            if outputs.is_empty() {
                self.tm.counters.absorbed.increment();
            }
            self.perform(&mut state, now, outputs, &mut step);
        }
        step.finish(self, Some(&mut cx.outbox));
        step.failed
    }

    /// The reply as it goes up: without our Via, with the script's edits.
    fn print(&self, cx: &RouteCx) -> Str {
        let back = self.lock().request.received.socket;
        let addresses = engine::forward::addresses(cx, cx.core.socket(back));
        let stream = cx.core.socket(back).is_some_and(|socket| socket.protocol.is_stream());
        let options = PrintOptions {
            remove_first_via: true,
            content_length: if stream { ContentLength::Required } else { ContentLength::WhenChanged },
            addresses: Some(&addresses),
            ..PrintOptions::default()
        };
        Str::from(cx.message.print(&options))
    }
}

/// A request that came before: its transaction absorbs it.
pub(crate) fn absorb(cx: &mut RouteCx, transaction: &Arc<Transaction>) {
    let now = transaction.tm.now();
    let mut state = transaction.lock();
    if cx.message.method() == Method::Ack {
        state.machine.on_ack(now);
        transaction.arm(&mut state);
        return;
    }
    if state.machine.on_retransmission() {
        transaction.resend_reply(&state, &mut cx.outbox);
    }
}
