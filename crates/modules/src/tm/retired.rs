//! Transactions that have ended, until somebody drops them.
//!
//! Workers make transactions, the timer ends them. A worker that makes one drops two that have ended: memory goes back to
//! the allocator on the thread that asks for it again, and is in that processor's cache by then.

use std::sync::Arc;

use parking_lot::Mutex;

/// More are dropped by the timer: they would be memory that nobody uses.
const MAX: usize = 512;

/// The list.
pub(crate) struct Retired<T>(Mutex<Vec<Arc<T>>>);

impl<T> Default for Retired<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Retired<T> {
    /// Adds one that the caller does not need any more. What others still hold is for them to drop.
    pub(crate) fn add(&self, ended: Arc<T>) {
        if Arc::strong_count(&ended) == 1 {
            let mut list = self.0.lock();
            if list.len() < MAX {
                list.push(ended);
            }
        }
    }

    /// Drops two: when each new transaction does that, the list becomes shorter.
    pub(crate) fn drop_two(&self) {
        let two = self.0.try_lock().map(|mut list| (list.pop(), list.pop()));
        drop(two);
    }

    /// Drops what no worker dropped since the last tick.
    pub(crate) fn clear(&self) {
        let rest = {
            let mut list = self.0.lock();
            if list.is_empty() {
                return;
            }
            std::mem::take(&mut *list)
        };
        drop(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_dropped_by_workers_or_at_the_next_tick() {
        let retired = Retired::default();
        let all: Vec<_> = (0..5).map(Arc::new).collect();
        let weak: Vec<_> = all.iter().map(Arc::downgrade).collect();
        let alive = || weak.iter().filter(|one| one.strong_count() > 0).count();
        let held = all[4].clone();
        all.into_iter().for_each(|one| retired.add(one));
        assert_eq!((alive(), retired.0.lock().len()), (5, 4));
        drop(held);
        assert_eq!(alive(), 4);
        retired.drop_two();
        assert_eq!(alive(), 2);
        retired.clear();
        assert_eq!(alive(), 0);
        retired.drop_two();
        (0..2 * MAX).for_each(|number| retired.add(Arc::new(number as i32)));
        assert_eq!(retired.0.lock().len(), MAX);
    }
}
