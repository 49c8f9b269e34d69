//! When to look at which transaction again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use transaction::Time;

use super::Tm;
use super::transaction::TransactionId;

/// How exact timers are, in milliseconds; Kamailio's are to 62.5. All that is due in one tick costs one waking.
const TICK: u64 = 50;

/// Moments and the transactions that are due then. It holds their numbers only, so a transaction that ends before its
/// moment is gone at once, and its entry costs 8 bytes until then.
#[derive(Default)]
pub(crate) struct Timer {
    due: Mutex<BTreeMap<u64, Vec<TransactionId>>>,
    /// Told when a moment comes before all others.
    sooner: Notify,
}

impl Timer {
    /// Wakes a transaction at that moment.
    pub(crate) fn add(&self, at: Time, id: TransactionId) {
        let tick = at.0.div_ceil(TICK);
        let sooner = {
            let mut due = self.due.lock();
            let sooner = due.first_key_value().is_none_or(|(first, _)| tick < *first);
            due.entry(tick).or_default().push(id);
            sooner
        };
        if sooner {
            self.sooner.notify_one();
        }
    }

    /// Those whose moment has come.
    pub(crate) fn take_due(&self, now: Time) -> Vec<TransactionId> {
        let now = now.0 / TICK;
        let mut due = self.due.lock();
        let mut taken = Vec::new();
        while let Some(entry) = due.first_entry().filter(|entry| *entry.key() <= now) {
            taken.append(&mut entry.remove());
        }
        taken
    }

    /// Returns when the next moment has come.
    async fn wait(&self, now: impl Fn() -> Time) {
        let mut waited = false;
        loop {
            let next = self.due.lock().first_key_value().map(|(tick, _)| Time(tick * TICK));
            let Some(next) = next else {
                self.sooner.notified().await;
                waited = true;
                continue;
            };
            let left = next - now();
            if left == 0 {
                if !waited {
                    // Under load the next moment has come already: others run, too.
                    tokio::task::yield_now().await;
                }
                return;
            }
            waited = true;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left)) => {}
                () = self.sooner.notified() => {}
            }
        }
    }
}

/// Looks after the transactions until the server stops.
pub(crate) async fn run(tm: Arc<Tm>) {
    let core = tm.core().clone();
    let work = async {
        loop {
            tm.timer.wait(|| tm.now()).await;
            tm.on_timer();
        }
    };
    tokio::select! {
        () = work => {}
        () = core.stopped() => {}
    }
}
