//! All sets of destinations, as they were loaded: a snapshot that a reload replaces.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use hashbrown::HashMap;
use parking_lot::Mutex;
use rand::seq::SliceRandom as _;

use super::destination::Destination;

/// What algorithms 9 and 11 share out: so many places.
const PLACES: usize = 100;

/// The destinations with one number.
pub(super) struct Set {
    pub(super) id: i64,
    /// Highest priority first; among equals the last of the list first.
    pub(super) destinations: Vec<Arc<Destination>>,
    /// The next one of algorithm 4.
    pub(super) next: AtomicUsize,
    /// Algorithm 9: a hundred positions, mixed; empty: no destination has a weight.
    pub(super) weighted: Vec<usize>,
    /// The next one of them.
    pub(super) next_weighted: AtomicUsize,
    /// The same for algorithm 11, made anew when what can be used changes.
    pub(super) relative: Mutex<Relative>,
}

/// Positions by relative weight.
#[derive(Default)]
pub(super) struct Relative {
    places: Vec<usize>,
    /// What they were made of.
    shares: Vec<u32>,
    next: usize,
}

impl Relative {
    /// The next position with these shares (one for each destination); `None`: nobody has one.
    pub(super) fn next(&mut self, shares: Vec<u32>) -> Option<usize> {
        if self.shares != shares {
            let last = shares.iter().rposition(|share| *share > 0).unwrap_or(0);
            self.places = places(&shares_of_hundred(&shares), last);
            self.shares = shares;
            self.next = 0;
        }
        let at = self.next % self.places.len().max(1);
        self.next = at + 1;
        self.places.get(at).copied()
    }
}

/// Shares of a hundred in proportion; the last one gets what rounding leaves.
fn shares_of_hundred(shares: &[u32]) -> Vec<u32> {
    let sum: u64 = shares.iter().map(|share| u64::from(*share)).sum();
    if sum == 0 {
        return vec![0; shares.len()];
    }
    shares.iter().map(|share| (u64::from(*share) * PLACES as u64 / sum) as u32).collect()
}

/// A hundred positions, each as often as its weight says, mixed. What would go above a hundred is cut off; what is missing
/// goes to position `last`.
fn places(weights: &[u32], last: usize) -> Vec<usize> {
    if weights.iter().all(|weight| *weight == 0) {
        return Vec::new();
    }
    let each = weights.iter().enumerate().flat_map(|(at, weight)| std::iter::repeat_n(at, *weight as usize));
    let mut places: Vec<usize> = each.take(PLACES).collect();
    places.resize(PLACES, last);
    places.shuffle(&mut rand::rng());
    places
}

impl Set {
    fn new(id: i64, destinations: Vec<Arc<Destination>>) -> Self {
        let weights: Vec<u32> = destinations.iter().map(|it| it.attributes.weight).collect();
        Self {
            id,
            destinations,
            next: AtomicUsize::new(0),
            weighted: places(&weights, weights.len().saturating_sub(1)),
            next_weighted: AtomicUsize::new(0),
            relative: Mutex::default(),
        }
    }
}

/// All sets.
#[derive(Default)]
pub(super) struct Sets {
    /// In the order in which they are shown.
    pub(super) list: Vec<Set>,
    by_id: HashMap<i64, usize>,
}

impl Sets {
    /// Sorts destinations, in the order of the list, into their sets.
    pub(super) fn new(destinations: Vec<Arc<Destination>>) -> Self {
        let mut order = Order::default();
        let mut by_set: HashMap<i64, Vec<Arc<Destination>>> = HashMap::new();
        for destination in destinations {
            order.insert(destination.set);
            by_set.entry(destination.set).or_default().push(destination);
        }
        let made = order.ids().into_iter().filter_map(|id| {
            let mut members = by_set.remove(&id)?;
            members.reverse();
            members.sort_by_key(|it| std::cmp::Reverse(it.priority));
            Some(Set::new(id, members))
        });
        let list: Vec<Set> = made.collect();
        let by_id = list.iter().enumerate().map(|(at, set)| (set.id, at)).collect();
        Self { list, by_id }
    }

    pub(super) fn get(&self, id: i64) -> Option<&Set> {
        self.list.get(*self.by_id.get(&id)?)
    }

    /// All destinations, so that [`Self::new`] makes the same sets of them.
    pub(super) fn destinations(&self) -> Vec<Arc<Destination>> {
        self.list.iter().flat_map(|set| set.destinations.iter().rev().cloned()).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Destination>> {
        self.list.iter().flat_map(|set| &set.destinations)
    }
}

/// Kamailio shows sets in the order of a balanced tree, a branch before its root. The order is all that is wanted of it.
#[derive(Default)]
struct Order(Option<Box<Node>>);

struct Node {
    id: i64,
    height: u32,
    left: Order,
    right: Order,
}

impl Order {
    fn height(&self) -> u32 {
        self.0.as_ref().map_or(0, |node| node.height)
    }

    fn insert(&mut self, id: i64) {
        let Some(node) = &mut self.0 else {
            self.0 = Some(Box::new(Node { id, height: 1, left: Self::default(), right: Self::default() }));
            return;
        };
        match id.cmp(&node.id) {
            std::cmp::Ordering::Less => node.left.insert(id),
            std::cmp::Ordering::Greater => node.right.insert(id),
            std::cmp::Ordering::Equal => return,
        }
        self.balance();
    }

    fn measure(&mut self) {
        if let Some(node) = &mut self.0 {
            node.height = 1 + node.left.height().max(node.right.height());
        }
    }

    fn balance(&mut self) {
        self.measure();
        let Some(node) = &mut self.0 else { return };
        if node.left.height() > node.right.height() + 1 {
            if node.left.0.as_ref().is_some_and(|left| left.right.height() > left.left.height()) {
                node.left.rotate_left();
            }
            self.rotate_right();
        } else if node.right.height() > node.left.height() + 1 {
            if node.right.0.as_ref().is_some_and(|right| right.left.height() > right.right.height()) {
                node.right.rotate_right();
            }
            self.rotate_left();
        }
    }

    fn rotate_left(&mut self) {
        let Some(mut root) = self.0.take() else { return };
        match root.right.0.take() {
            Some(mut up) => {
                root.right = std::mem::take(&mut up.left);
                up.left = Self(Some(root));
                up.left.measure();
                self.0 = Some(up);
            }
            None => self.0 = Some(root),
        }
        self.measure();
    }

    fn rotate_right(&mut self) {
        let Some(mut root) = self.0.take() else { return };
        match root.left.0.take() {
            Some(mut up) => {
                root.left = std::mem::take(&mut up.right);
                up.right = Self(Some(root));
                up.right.measure();
                self.0 = Some(up);
            }
            None => self.0 = Some(root),
        }
        self.measure();
    }

    fn ids(&self) -> Vec<i64> {
        let mut ids = Vec::new();
        self.collect(&mut ids);
        ids
    }

    fn collect(&self, ids: &mut Vec<i64>) {
        if let Some(node) = &self.0 {
            node.left.collect(ids);
            node.right.collect(ids);
            ids.push(node.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `dispatcher.list` of Kamailio 5.6.3 shows them.
    #[test]
    fn order_is_kamailios() {
        let mut order = Order::default();
        for id in [5, 3, 1, 1, 2, 4, 6, 7, 8, 100, 50] {
            order.insert(id);
        }
        assert_eq!(order.ids(), [2, 1, 4, 6, 5, 8, 100, 50, 7, 3]);
    }

    #[test]
    fn weights() {
        let count = |places: &[usize], at: usize| places.iter().filter(|place| **place == at).count();
        let found = places(&[10, 30, 20, 0], 3);
        assert_eq!([0, 1, 2, 3].map(|at| count(&found, at)), [10, 30, 20, 40]);
        let found = places(&[70, 50, 20], 2);
        assert_eq!([0, 1, 2].map(|at| count(&found, at)), [70, 30, 0]);
        assert!(places(&[0, 0], 1).is_empty());
        let mut relative = Relative::default();
        let mut often = [0; 3];
        for _ in 0..100 {
            often[relative.next(vec![1, 2, 0]).unwrap()] += 1;
        }
        assert_eq!(often, [33, 67, 0]);
        assert_eq!(relative.next(vec![0, 0, 0]), None);
    }
}
