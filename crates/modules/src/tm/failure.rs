//! Branches that failed: other addresses, the branch-failure route, the failure route, and then the reply.

use std::sync::Arc;

use engine::program::RouteId;
use engine::{RouteCx, Routes, Str};
use transaction::BranchId;

use super::Current;
use super::failover;
use super::step::{Notice, Step};
use super::transaction::{State, Transaction};

/// Which routes count as failure routes for `t_check_status` and the like.
pub(crate) const FAILURE: Routes = Routes(engine::function::routes::FAILURE);

impl Transaction {
    /// Lets the script react to failed branches; when nothing is left to wait for, the best reply goes up.
    pub(crate) async fn react(self: &Arc<Self>, failed: Vec<BranchId>) {
        for branch in failed {
            self.lock().ended_by = Some(branch);
            if !failover::next_target(self, branch).await {
                self.branch_failure_route(branch).await;
            }
        }
        let mut outputs = Vec::new();
        let mut step = Step::default();
        let now = self.tm.now();
        {
            let mut state = self.lock();
            if state.has_events() {
                // Another branch ended meanwhile: the reaction to it comes first.
                return;
            }
            state.machine.settle(&mut outputs);
            self.perform(&mut state, now, outputs, &mut step);
        }
        step.finish(self, None);
        if let Some(best) = step.decide {
            self.failure_route(best).await;
            self.conclude();
        }
    }

    /// Sends the best reply up unless something is still to come.
    pub(crate) fn conclude(self: &Arc<Self>) {
        let now = self.tm.now();
        let mut outputs = Vec::new();
        let mut step = Step::default();
        {
            let mut state = self.lock();
            if state.has_events() {
                // A further branch ended meanwhile: it is looked at first.
                state.machine.reopen();
                return;
            }
            state.machine.conclude(&mut outputs);
            self.perform(&mut state, now, outputs, &mut step);
        }
        step.finish(self, None);
    }

    async fn branch_failure_route(self: &Arc<Self>, branch: BranchId) {
        let armed = {
            let mut state = self.lock();
            let route = state.branches.get_mut(branch).and_then(|at| at.on_failure.take());
            // Branches that are made there have it only when it is set there: else they would fail without end.
            if route.is_some() {
                state.options.on_branch_failure = None;
            }
            route.filter(|_| !state.machine.is_final()).and_then(|route| {
                let mut cx = self.context(&mut state)?;
                cx.to.flags = state.branches.get(branch).map_or(0, |at| at.to.flags);
                Some((route, cx))
            })
        };
        if let Some((route, cx)) = armed {
            self.run(route, cx, Some(branch), engine::function::routes::EVENT).await;
        }
    }

    async fn failure_route(self: &Arc<Self>, best: BranchId) {
        if let Some(notice) = self.failing(best) {
            self.tell(&notice);
        }
        let armed = {
            let mut state = self.lock();
            // They run once; a script that wants them again arms them again.
            state.options.on_branch = None;
            state.options.on_branch_failure = None;
            let general = state.options.on_failure.take();
            let is_blind = state.machine.branches().get(best).is_some_and(transaction::Branch::is_blind);
            let of_branch = state.branches.get(best).and_then(|at| at.failure_route);
            let route = if is_blind { general } else { of_branch };
            route.filter(|_| !state.machine.is_final()).and_then(|route| {
                begin_step(&mut state);
                let mut cx = self.context(&mut state)?;
                cx.to.flags = state.branches.get(best).map_or(0, |at| at.to.flags);
                Some((route, cx))
            })
        };
        let Some((route, cx)) = armed else { return };
        self.run(route, cx, Some(best), FAILURE.0).await;
        self.drop_earlier_replies();
    }

    fn failing(&self, branch: BranchId) -> Option<Notice> {
        let state = self.lock();
        let at = state.machine.branches().get(branch).filter(|_| !state.machine.is_final())?;
        let kept = state.branches.get(branch).and_then(|at| at.reply.as_ref()).filter(|_| !at.faked());
        Some(Notice::Failing { branch, status: at.status(), reply: kept.map(|kept| kept.received.clone()) })
    }

    /// `t_continue`.
    pub(crate) async fn continue_event(self: &Arc<Self>, route: RouteId) {
        if !self.end_waiting() {
            return;
        }
        let cx = self.context(&mut self.lock());
        let Some(mut cx) = cx else { return };
        // What waited was not sent yet: it can be, to where the script wanted it.
        cx.to.is_new = true;
        self.run(route, cx, None, FAILURE.0).await;
        let mut step = Step::default();
        {
            let mut state = self.lock();
            let nobody_answers =
                !state.machine.is_final() && !state.machine.is_pending() && state.machine.best().is_none();
            if nobody_answers && state.suspended.is_none() {
                let reason = Str::from_static("I'm terribly sorry, server error occurred (1/TM)");
                self.reply_here(&mut state, self.tm.now(), 500, &reason, &mut step);
            }
        }
        step.finish(self, None);
        self.react(Vec::new()).await;
    }

    async fn run(self: &Arc<Self>, route: RouteId, mut cx: Box<RouteCx>, branch: Option<BranchId>, kind: u16) {
        let Some(program) = cx.program().cloned() else { return };
        {
            let mut state = self.lock();
            state.lend(&mut cx);
        }
        let current = cx.data::<Current>();
        current.transaction = Some(self.clone());
        current.branch = branch;
        cx.kind = Routes(kind);
        program.run(route, &mut cx).await;
        self.lock().take_back(&mut cx);
        cx.flush();
    }

    /// What `failure_reply_mode` and `t_drop_replies` say about the replies of earlier steps of serial forking.
    fn drop_earlier_replies(&self) {
        let mut state = self.lock();
        let start = state.step_start;
        if state.branches.len() == start {
            state.drop_mode = None;
            return;
        }
        let previous = state.previous_step;
        match (state.drop_mode.take(), self.tm.params.failure_reply_mode) {
            (Some(b'n'), _) | (None, 0) => {}
            (Some(b'l'), _) | (None, 2) => state.machine.drop_replies(previous..start),
            _ => state.machine.drop_replies(0..start),
        }
    }
}

/// The branches from here on belong to a new step of serial forking.
fn begin_step(state: &mut State) {
    state.previous_step = state.step_start;
    state.step_start = state.branches.len();
}
