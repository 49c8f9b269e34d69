//! Counters with a group and a name: `core:rcv_requests`, what `stats.get_statistics` shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::RwLock;

/// A counter that its owner increments.
#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicI64>);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds (or takes away).
    pub fn add(&self, amount: i64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Back to zero.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Where a statistic's value comes from.
#[derive(Clone)]
pub enum Source {
    /// Counted.
    Counter(Counter),
    /// Computed when asked for; cannot be reset.
    Computed(Arc<dyn Fn() -> i64 + Send + Sync>),
}

/// One statistic.
#[derive(Clone)]
pub struct Statistic {
    /// Its group: `core`, `usrloc`.
    pub group: String,
    /// Its name: `rcv_requests`.
    pub name: String,
    /// What it counts.
    pub doc: String,
    /// Its value's source.
    pub source: Source,
}

impl Statistic {
    /// Its value now.
    #[must_use]
    pub fn value(&self) -> i64 {
        match &self.source {
            Source::Counter(counter) => counter.get(),
            Source::Computed(compute) => compute(),
        }
    }
}

/// All statistics of a server, in the order of registration.
#[derive(Default)]
pub struct Statistics {
    list: RwLock<Vec<Statistic>>,
}

impl Statistics {
    /// Registers a counter, or returns the one of this name.
    pub fn counter(&self, group: &str, name: &str, doc: &str) -> Counter {
        let mut list = self.list.write();
        let existing = list.iter().find_map(|statistic| match &statistic.source {
            Source::Counter(counter) if statistic.group == group && statistic.name == name => Some(counter.clone()),
            _ => None,
        });
        existing.unwrap_or_else(|| {
            let counter = Counter::default();
            list.push(Statistic {
                group: group.into(),
                name: name.into(),
                doc: doc.into(),
                source: Source::Counter(counter.clone()),
            });
            counter
        })
    }

    /// Registers a computed value; replaces one of the same name.
    pub fn computed(&self, group: &str, name: &str, doc: &str, compute: impl Fn() -> i64 + Send + Sync + 'static) {
        let mut list = self.list.write();
        list.retain(|statistic| statistic.group != group || statistic.name != name);
        list.push(Statistic {
            group: group.into(),
            name: name.into(),
            doc: doc.into(),
            source: Source::Computed(Arc::new(compute)),
        });
    }

    /// A copy of the list.
    #[must_use]
    pub fn all(&self) -> Vec<Statistic> {
        self.list.read().clone()
    }

    /// One statistic by name, and group if given.
    #[must_use]
    pub fn find(&self, group: Option<&str>, name: &str) -> Option<Statistic> {
        self.list
            .read()
            .iter()
            .find(|statistic| statistic.name == name && group.is_none_or(|group| group == statistic.group))
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_counter() {
        let statistics = Statistics::default();
        let (first, second) = (statistics.counter("g", "n", "doc"), statistics.counter("g", "n", "other"));
        first.increment();
        second.add(2);
        assert_eq!(statistics.all().len(), 1);
        assert_eq!(statistics.find(Some("g"), "n").unwrap().value(), 3);
        assert_eq!(statistics.find(None, "n").unwrap().doc, "doc");
        assert!(statistics.find(Some("h"), "n").is_none());
        first.reset();
        assert_eq!(second.get(), 0);
    }

    #[test]
    fn a_computed_value_replaces_the_one_before() {
        let statistics = Statistics::default();
        statistics.computed("g", "n", "", || 1);
        statistics.computed("g", "n", "", || 2);
        statistics.counter("h", "n", "");
        assert_eq!(statistics.all().iter().map(Statistic::value).collect::<Vec<_>>(), [2, 0]);
    }
}
