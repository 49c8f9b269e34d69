//! A script of a transaction runs: whatever becomes of it, the transaction goes on.

use std::sync::Arc;

use engine::Str;

use super::step::Step;
use super::transaction::Transaction;

/// Held while a script of the transaction runs. Dropped without [`Running::end`] the script has failed in a way that it
/// must not (a panic): the transaction is answered if nobody else will, and its events are handled.
pub(crate) struct Running(Option<Arc<Transaction>>);

impl Running {
    /// The script begins.
    pub(crate) const fn begin(transaction: Arc<Transaction>) -> Self {
        Self(Some(transaction))
    }

    /// The script has ended as it should.
    pub(crate) fn end(mut self) {
        self.0 = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(transaction) = self.0.take() {
            // Not on this stack, which is being unwound.
            let core = transaction.tm.core().clone();
            core.spawn(Box::pin(async move { transaction.script_failed() }));
        }
    }
}

impl Transaction {
    fn script_failed(self: &Arc<Self>) {
        engine::log!(self.tm.core().log, Bug, "a script of a transaction failed");
        let mut step = Step::default();
        {
            let mut state = self.lock();
            if !state.machine.is_final() && !state.machine.is_pending() && state.suspended.is_none() {
                let reason = Str::from_static("Server Internal Error");
                self.reply_here(&mut state, self.tm.now(), 500, &reason, &mut step);
            }
        }
        step.finish(self, None);
        self.go_on();
    }
}
