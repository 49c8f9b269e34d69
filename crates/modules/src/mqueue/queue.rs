//! One queue.

use std::collections::VecDeque;

use engine::Str;
use hashbrown::HashSet;
use parking_lot::Mutex;

/// How many items a queue without a size of its own holds.
pub(super) const MOST: usize = 1_000_000;

/// How many bytes all items of a queue may have together.
const MOST_BYTES: usize = 256 << 20;

/// What becomes of an item whose key is in the queue already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// Both stay.
    All,
    /// The new one is not added.
    KeepOldest,
    /// The old one goes, the new one stands at the end.
    KeepNewest,
}

/// A key and a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub(super) key: Str,
    pub(super) value: Str,
}

impl Item {
    fn size(&self) -> usize {
        // With what an item costs beside its texts.
        self.key.len() + self.value.len() + 64
    }
}

#[derive(Default)]
struct Items {
    list: VecDeque<Item>,
    /// The keys in the list, when a key may be there once only.
    keys: HashSet<Str>,
    bytes: usize,
}

impl Items {
    fn pop(&mut self) -> Option<Item> {
        let item = self.list.pop_front()?;
        self.keys.remove(&item.key);
        self.bytes -= item.size();
        Some(item)
    }
}

/// A queue; the oldest item goes first, also when there are too many.
pub(super) struct Queue {
    pub(super) name: String,
    size: usize,
    mode: Mode,
    /// Filled from its table at start.
    pub(super) is_loaded: bool,
    /// Written to its table at the end.
    pub(super) is_stored: bool,
    items: Mutex<Items>,
}

impl Queue {
    /// `size` 0: as many as may be.
    pub(super) fn new(name: &str, size: usize, mode: Mode) -> Self {
        let size = if size == 0 { MOST } else { size.min(MOST) };
        Self { name: name.to_owned(), size, mode, is_loaded: false, is_stored: false, items: Mutex::default() }
    }

    pub(super) fn add(&self, item: Item) {
        let mut items = self.items.lock();
        if self.mode != Mode::All && items.keys.contains(&item.key) {
            if self.mode == Mode::KeepOldest {
                return;
            }
            if let Some(at) = items.list.iter().position(|other| other.key == item.key)
                && let Some(old) = items.list.remove(at)
            {
                items.bytes -= old.size();
            }
        }
        items.bytes += item.size();
        if self.mode != Mode::All {
            items.keys.insert(item.key.clone());
        }
        items.list.push_back(item);
        while items.list.len() > self.size || items.bytes > MOST_BYTES && items.list.len() > 1 {
            items.pop();
        }
    }

    pub(super) fn fetch(&self) -> Option<Item> {
        self.items.lock().pop()
    }

    /// All items, the oldest first.
    pub(super) fn all(&self) -> Vec<Item> {
        self.items.lock().list.iter().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.items.lock().list.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(size: usize, mode: Mode, items: &[(&str, &str)]) -> Vec<String> {
        let queue = Queue::new("q", size, mode);
        for (key, value) in items {
            queue.add(Item { key: Str::from(*key), value: Str::from(*value) });
        }
        let fetched = std::iter::from_fn(|| queue.fetch()).map(|item| format!("{}={}", item.key, item.value)).collect();
        let items = queue.items.lock();
        assert!(items.keys.is_empty() && items.bytes == 0);
        fetched
    }

    #[test]
    fn modes_and_sizes() {
        let items = [("k", "1"), ("j", "2"), ("k", "3"), ("i", "4")];
        assert_eq!(filled(0, Mode::All, &items), ["k=1", "j=2", "k=3", "i=4"]);
        assert_eq!(filled(2, Mode::All, &items), ["k=3", "i=4"]);
        assert_eq!(filled(0, Mode::KeepOldest, &items), ["k=1", "j=2", "i=4"]);
        assert_eq!(filled(2, Mode::KeepOldest, &items), ["j=2", "i=4"]);
        assert_eq!(filled(0, Mode::KeepNewest, &items), ["j=2", "k=3", "i=4"]);
        // A key whose item had to go may come again.
        assert_eq!(filled(1, Mode::KeepOldest, &items), ["i=4"]);
    }

    #[test]
    fn bytes_are_bounded() {
        let queue = Queue::new("q", 0, Mode::All);
        let value = Str::from(vec![b'x'; 64 << 20]);
        for _ in 0..6 {
            queue.add(Item { key: Str::from("k"), value: value.clone() });
        }
        assert_eq!(queue.len(), 3);
    }
}
