//! Waiting for something outside: `t_suspend` and `t_continue` of module tmx, and other modules that let a request wait.

use std::sync::Arc;

use engine::{Return, RouteCx, ScriptError, Str};
use language::ast::RouteKind;
use sip::Method;

use super::create::{BAD_URI, Created, current};
use super::relay::{save, trying};
use super::transaction::{Event, SentBranch, Transaction};
use super::{Current, Tm, TransactionId};

impl Tm {
    /// Lets the transaction of the request wait, making it if there is none, until [`Self::resume`] is called: nothing is
    /// answered at the end of the script. When nobody calls in time (`fr_timer`) it fails as a branch without reply does.
    pub fn suspend(self: &Arc<Self>, cx: &mut RouteCx) -> Result<Return, ScriptError> {
        let transaction = match current(cx) {
            Some(transaction) => transaction,
            None => match self.create(cx)? {
                Created::New(transaction) => transaction,
                Created::Known => return Ok(Return::STOP),
                Created::Ack => return Err(ScriptError::new("an ACK has no transaction that could wait")),
                Created::BadUri => return Ok(BAD_URI),
            },
        };
        if cx.message.method() == Method::Invite {
            trying(cx, self, &transaction);
        }
        let mut state = transaction.lock();
        if state.machine.is_final() {
            return Err(ScriptError::new("the request was answered already: it cannot wait"));
        }
        if state.suspended.is_some() {
            return Err(ScriptError::new("the transaction waits already"));
        }
        save(&mut state, cx);
        let branch = SentBranch::unsent(cx.to.first(cx.request_uri()), &state.request);
        let id = state.machine.add_blind_branch(self.now());
        state.add_branch(branch);
        state.suspended = Some(id);
        transaction.arm(&mut state);
        Ok(Return::TRUE)
    }

    /// Makes the transaction of the request if there is none, so that its script can wait itself: retransmissions are
    /// absorbed meanwhile, and an INVITE is answered 100. When the script does nothing with the request afterwards, it is
    /// answered 500.
    pub fn hold(self: &Arc<Self>, cx: &mut RouteCx) -> Result<Return, ScriptError> {
        let transaction = match current(cx) {
            Some(transaction) => transaction,
            None => match self.create(cx)? {
                Created::New(transaction) => transaction,
                Created::Known => return Ok(Return::STOP),
                Created::Ack => return Err(ScriptError::new("an ACK has no transaction that could wait")),
                Created::BadUri => return Ok(BAD_URI),
            },
        };
        if transaction.lock().machine.is_final() {
            return Err(ScriptError::new("the request was answered already: it cannot wait"));
        }
        if cx.message.method() == Method::Invite {
            trying(cx, self, &transaction);
        }
        let current = cx.data::<Current>();
        if current.is_owner && current.failure.is_none() {
            let reason = Str::from_static("I'm terribly sorry, server error occurred (1/TM)");
            current.failure = Some((500, reason));
        }
        Ok(Return::TRUE)
    }

    /// Lets a waiting transaction go on with `route[name]`, which runs like a failure route, now or as soon as the script
    /// that runs on it has ended.
    pub fn resume(&self, id: TransactionId, name: &str) -> Result<(), ScriptError> {
        let not_found = || ScriptError::new(format!("no transaction {}:{} waits", id.index, id.label));
        let transaction = self.table.get(id).ok_or_else(not_found)?;
        let route = {
            let state = transaction.lock();
            let waits = state.suspended.is_some_and(|branch| waits(&state.machine, branch));
            if !waits {
                return Err(not_found());
            }
            let route = state.program.as_ref().and_then(|program| program.route(RouteKind::Request, name));
            route.ok_or_else(|| ScriptError::new(format!("there is no route[{name}]")))?
        };
        transaction.start(Event::Continue(route));
        Ok(())
    }
}

/// The request was not answered meanwhile, and the time for it has not run out.
fn waits(machine: &transaction::Forwarding, branch: usize) -> bool {
    !machine.is_final() && machine.branches().get(branch).is_some_and(transaction::Branch::is_pending)
}

impl Transaction {
    /// Ends the waiting; `false`: it does not wait (any more).
    pub(crate) fn end_waiting(&self) -> bool {
        let mut state = self.lock();
        let Some(branch) = state.suspended.take() else { return false };
        if !waits(&state.machine, branch) {
            return false;
        }
        state.machine.end_blind_branch(branch);
        true
    }
}
