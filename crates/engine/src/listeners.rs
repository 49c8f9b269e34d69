//! A list that grows while modules start and that every message reads: reading takes no lock and counts nothing, so that
//! workers do not wait for each other's processor.

use std::iter::successors;
use std::sync::OnceLock;

/// A list that can only grow.
pub struct Listeners<T> {
    first: OnceLock<Box<Entry<T>>>,
}

struct Entry<T> {
    value: T,
    next: OnceLock<Box<Self>>,
}

impl<T> Default for Listeners<T> {
    fn default() -> Self {
        Self { first: OnceLock::new() }
    }
}

impl<T> Listeners<T> {
    /// Adds one at the end.
    pub fn push(&self, value: T) {
        let mut entry = Box::new(Entry { value, next: OnceLock::new() });
        let mut place = &self.first;
        loop {
            match place.get() {
                Some(taken) => place = &taken.next,
                None => match place.set(entry) {
                    Ok(()) => return,
                    // Another thread was quicker.
                    Err(own) => entry = own,
                },
            }
        }
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        successors(self.first.get(), |entry| entry.next.get()).map(|entry| &entry.value)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first.get().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_there_in_the_order_of_their_thread() {
        let list = Listeners::default();
        assert!(list.is_empty());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let list = &list;
                scope.spawn(move || (0..100).for_each(|number| list.push((thread, number))));
            }
        });
        assert!(!list.is_empty());
        assert_eq!(list.iter().count(), 400);
        for thread in 0..4 {
            assert!(list.iter().filter(|(of, _)| *of == thread).map(|(_, number)| *number).eq(0..100));
        }
    }
}
