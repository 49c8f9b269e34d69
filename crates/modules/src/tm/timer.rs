//! When to look at which transaction again.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use transaction::Time;

use super::transaction::TransactionId;

/// How exact timers are.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Moments and the transactions that are due then. It holds their numbers only, so a transaction that ends before its
/// moment is gone at once, and its entry costs 8 bytes until then.
#[derive(Default)]
pub(crate) struct Timer {
    due: Mutex<BTreeMap<u64, Vec<TransactionId>>>,
}

impl Timer {
    fn tick(time: Time) -> u64 {
        time.0.div_ceil(TICK.as_millis() as u64)
    }

    /// Wakes a transaction at that moment.
    pub(crate) fn add(&self, at: Time, id: TransactionId) {
        self.due.lock().entry(Self::tick(at)).or_default().push(id);
    }

    /// Those whose moment has come.
    pub(crate) fn take_due(&self, now: Time) -> Vec<TransactionId> {
        let now = now.0 / TICK.as_millis() as u64;
        let mut all = self.due.lock();
        let mut taken = Vec::new();
        while let Some(entry) = all.first_entry().filter(|entry| *entry.key() <= now) {
            taken.append(&mut entry.remove());
        }
        taken
    }
}
