//! The statistics of group `tmx` (Kamailio has them in module tmx) and of `tm.stats`.

use std::sync::Arc;

use engine::Core;
use engine::statistics::Counter;

use super::Tm;

pub(crate) struct Counters {
    pub(crate) uas: Counter,
    pub(crate) uac: Counter,
    by_class: [Counter; 5],
    pub(crate) received: Counter,
    pub(crate) absorbed: Counter,
    pub(crate) relayed: Counter,
    pub(crate) generated: Counter,
    pub(crate) sent: Counter,
    pub(crate) retransmitted: Counter,
}

impl Counters {
    pub(crate) fn new(core: &Core) -> Self {
        let counter = |name: &str, doc: &str| core.statistics.counter("tmx", name, doc);
        Self {
            uas: counter("UAS_transactions", "transactions made for received requests"),
            uac: counter("UAC_transactions", "transactions made for own requests"),
            by_class: ["2xx", "3xx", "4xx", "5xx", "6xx"]
                .map(|class| counter(&format!("{class}_transactions"), "transactions ended by a reply of a class")),
            received: counter("rpl_received", "replies received for transactions"),
            absorbed: counter("rpl_absorbed", "replies received and not sent on"),
            relayed: counter("rpl_relayed", "replies received and sent on"),
            generated: counter("rpl_generated", "replies made here"),
            sent: counter("rpl_sent", "replies sent"),
            retransmitted: counter("retransmissions", "requests sent again because no reply came"),
        }
    }

    /// A transaction got its final reply.
    pub(crate) fn completed(&self, status: u16) {
        if let Some(counter) = usize::from(status / 100).checked_sub(2).and_then(|class| self.by_class.get(class)) {
            counter.increment();
        }
    }

    /// Transactions that got a final reply, by class from 2xx on.
    pub(crate) fn classes(&self) -> impl Iterator<Item = i64> {
        self.by_class.iter().map(Counter::get)
    }
}

/// The statistics that are counted when asked for.
pub(crate) fn computed(tm: &Arc<Tm>, core: &Core) {
    let weak = Arc::downgrade(tm);
    core.statistics.computed("tmx", "inuse_transactions", "transactions in memory", move || {
        weak.upgrade().map_or(0, |tm| tm.table.len() as i64)
    });
    let weak = Arc::downgrade(tm);
    core.statistics.computed("tmx", "active_transactions", "transactions without final reply", move || {
        weak.upgrade().map_or(0, |tm| tm.active())
    });
}

impl Tm {
    /// Transactions that have no final reply yet.
    pub(crate) fn active(&self) -> i64 {
        let made = self.counters.uas.get() + self.counters.uac.get();
        (made - self.counters.classes().sum::<i64>()).max(0)
    }
}
