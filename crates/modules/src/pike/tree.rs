//! The tree of addresses, byte by byte: a byte's branch grows when the bytes before it were hit often, so an address that
//! sends once costs no more than one node. Only whole addresses are judged.
//!
//! All nodes of one first byte are one shard with a lock. A shard keeps its nodes in a list and finds them by their
//! bytes: a known address is one look-up, and a node that must make room is found by looking at a few places of the list.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;
use rand::RngExt as _;

/// How many nodes there are at most. Beyond that the ones that were not hit for long make room.
const MAX_NODES: usize = 500_000;

/// One for each first byte.
pub(super) const SHARDS: usize = 256;

/// Of how many nodes the oldest makes room for a new one.
const SAMPLE: usize = 16;

/// The first bytes of an address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Prefix {
    bytes: [u8; 16],
    len: u8,
    is_v6: bool,
}

impl Prefix {
    fn whole(address: IpAddr) -> Self {
        let mut bytes = [0; 16];
        match address {
            IpAddr::V4(v4) => {
                bytes[..4].copy_from_slice(&v4.octets());
                Self { bytes, len: 4, is_v6: false }
            }
            IpAddr::V6(v6) => Self { bytes: v6.octets(), len: 16, is_v6: true },
        }
    }

    fn first(self, len: u8) -> Self {
        let mut bytes = self.bytes;
        bytes[usize::from(len)..].fill(0);
        Self { bytes, len, is_v6: self.is_v6 }
    }

    fn address(self) -> Option<IpAddr> {
        match (self.is_v6, self.len) {
            (true, 16) => Some(IpAddr::V6(Ipv6Addr::from(self.bytes))),
            (false, 4) => {
                let [a, b, c, d, ..] = self.bytes;
                Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
            }
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
struct Node {
    prefix: Prefix,
    previous: u32,
    current: u32,
    /// When it was hit last, in seconds since 1970.
    last: i64,
    /// It was told that it is too much.
    is_blocked: bool,
    /// Something was counted for it as a whole address.
    was_hit: bool,
}

impl Node {
    const fn reaches(&self, limit: u32) -> bool {
        self.previous >= limit || self.current >= limit
    }
}

#[derive(Default)]
struct Shard {
    nodes: Vec<Node>,
    places: HashMap<Prefix, u32>,
}

impl Shard {
    fn find(&mut self, prefix: Prefix) -> Option<&mut Node> {
        let place = *self.places.get(&prefix)?;
        self.nodes.get_mut(place as usize)
    }

    fn add(&mut self, node: Node) {
        self.places.insert(node.prefix, self.nodes.len() as u32);
        self.nodes.push(node);
    }

    fn remove(&mut self, place: usize) {
        let gone = self.nodes.swap_remove(place);
        self.places.remove(&gone.prefix);
        if let Some(moved) = self.nodes.get(place) {
            self.places.insert(moved.prefix, place as u32);
        }
    }

    /// Removes the oldest of a few nodes; what is blocked stays if it can. `false`: there is none.
    fn make_room(&mut self) -> bool {
        if self.nodes.is_empty() {
            return false;
        }
        let mut rng = rand::rng();
        let oldest = (0..SAMPLE)
            .map(|_| rng.random_range(0..self.nodes.len()))
            .min_by_key(|place| (self.nodes[*place].is_blocked, self.nodes[*place].last));
        if let Some(place) = oldest {
            self.remove(place);
        }
        oldest.is_some()
    }
}

/// What is said of a request's sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Judgement {
    /// It does not send too much.
    Fine,
    /// It sends too much since now.
    NewFlood,
    /// It has sent too much before.
    Flood,
}

/// How near to the limit an address is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heat {
    /// Below a quarter of the limit.
    Cold,
    /// A quarter of the limit or more.
    Warm,
    /// At the limit.
    Hot,
}

/// A known address.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) address: IpAddr,
    pub(super) previous: u32,
    pub(super) current: u32,
    /// Seconds until it is forgotten.
    pub(super) expires: i64,
    pub(super) heat: Heat,
}

/// All nodes.
pub(super) struct Tree {
    shards: Vec<Mutex<Shard>>,
    count: AtomicUsize,
    most: usize,
    limit: u32,
    latency: i64,
}

impl Tree {
    pub(super) fn new(limit: u32, latency: u32) -> Self {
        Self::with_most(limit, latency, MAX_NODES)
    }

    fn with_most(limit: u32, latency: u32, most: usize) -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { shards, count: AtomicUsize::new(0), most, limit, latency: i64::from(latency) }
    }

    /// So many hits let a branch grow, and make an address warm.
    fn growth(&self) -> u32 {
        (self.limit / 4).max(1)
    }

    /// Counts a request.
    pub(super) fn hit(&self, address: IpAddr, now: i64) -> Judgement {
        let whole = Prefix::whole(address);
        let mut shard = self.shards[usize::from(whole.bytes[0])].lock();
        if let Some(leaf) = shard.find(whole).filter(|leaf| leaf.last + self.latency > now) {
            leaf.current = leaf.current.saturating_add(1);
            leaf.last = now;
            leaf.was_hit = true;
            return match (leaf.reaches(self.limit), std::mem::replace(&mut leaf.is_blocked, true)) {
                (true, true) => Judgement::Flood,
                (true, false) => Judgement::NewFlood,
                (false, was) => {
                    leaf.is_blocked = was;
                    Judgement::Fine
                }
            };
        }
        let growth = self.growth();
        let (mut len, mut hits, mut grows) = (0, (0, 1), true);
        for next in 1..whole.len {
            let Some(node) = shard.find(whole.first(next)) else { break };
            node.last = now;
            (len, hits) = (next, (node.previous, node.current));
        }
        if len > 0
            && let Some(node) = shard.find(whole.first(len))
        {
            node.current = node.current.saturating_add(1);
            hits.1 = node.current;
            grows = node.reaches(growth);
        }
        if grows {
            // A new byte begins with the hits that made it grow, so that the rest of a busy address follows at once; a
            // whole address is counted from zero.
            let (previous, current) = if len + 1 == whole.len { (0, 0) } else { hits };
            let prefix = whole.first(len + 1);
            let node = Node { prefix, previous, current, last: now, is_blocked: false, was_hit: false };
            self.grow(&mut shard, node);
        }
        Judgement::Fine
    }

    fn grow(&self, shard: &mut Shard, node: Node) {
        if let Some(known) = shard.find(node.prefix) {
            // A leaf whose time is over.
            *known = node;
            return;
        }
        // A shard that has none yet may exceed the limit by one.
        if self.count.load(Ordering::Relaxed) < self.most || !shard.make_room() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        shard.add(node);
    }

    /// A new sampling unit begins for a shard: counts move on, old nodes go. The addresses that are no longer blocked.
    pub(super) fn next_unit(&self, shard: usize, now: i64) -> Vec<IpAddr> {
        let mut unblocked = Vec::new();
        let mut shard = self.shards[shard].lock();
        let mut place = 0;
        while let Some(node) = shard.nodes.get_mut(place) {
            node.previous = std::mem::take(&mut node.current);
            if node.is_blocked && !node.reaches(self.limit) {
                node.is_blocked = false;
                unblocked.extend(node.prefix.address());
            }
            if node.last + self.latency <= now {
                shard.remove(place);
                self.count.fetch_sub(1, Ordering::Relaxed);
            } else {
                place += 1;
            }
        }
        if shard.nodes.is_empty() && shard.nodes.capacity() > 1024 {
            *shard = Shard::default();
        }
        unblocked
    }

    /// The addresses that are known in full and wanted.
    pub(super) fn list(&self, now: i64, wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let mut list = Vec::new();
        for shard in &self.shards {
            for node in shard.lock().nodes.iter().filter(|node| node.was_hit && node.last + self.latency > now) {
                let Some(address) = node.prefix.address() else { continue };
                let heat = if node.reaches(self.limit) {
                    Heat::Hot
                } else if node.reaches(self.growth()) {
                    Heat::Warm
                } else {
                    Heat::Cold
                };
                let expires = node.last + self.latency - now;
                let seen = Seen { address, previous: node.previous, current: node.current, expires, heat };
                if wanted(&seen) {
                    list.push(seen);
                }
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many requests it takes until an address is blocked.
    fn until_flood(tree: &Tree, address: &str) -> u32 {
        (1..).find(|_| tree.hit(ip(address), 0) == Judgement::NewFlood).unwrap()
    }

    fn next_unit(tree: &Tree, now: i64) -> Vec<IpAddr> {
        (0..SHARDS).flat_map(|shard| tree.next_unit(shard, now)).collect()
    }

    /// The numbers that Kamailio 5.6.3 needs: a new address, then others that share three, two, one and no bytes with it.
    #[test]
    fn as_many_requests_as_kamailio() {
        for (limit, expected) in [
            (1, [5, 2, 3, 4, 5]),
            (4, [8, 5, 6, 7, 8]),
            (10, [14, 11, 12, 13, 14]),
            (16, [22, 17, 18, 19, 22]),
            (30, [39, 31, 32, 33, 39]),
            (31, [40, 32, 33, 34, 40]),
            (100, [127, 101, 102, 103, 127]),
        ] {
            let tree = Tree::new(limit, 60);
            let addresses = ["10.1.2.3", "10.1.2.4", "10.1.3.4", "10.2.3.4", "11.2.3.4"];
            assert_eq!(addresses.map(|address| until_flood(&tree, address)), expected, "{limit}");
        }
        assert_eq!(until_flood(&Tree::new(30, 60), "2001:db8::1"), 51);
    }

    #[test]
    fn units() {
        let tree = Tree::new(100, 8);
        let hits = |address: &str, count: u32| (0..count).map(|_| tree.hit(ip(address), 0)).collect::<Vec<_>>();
        // The 27th request is the first one that finds a whole address.
        hits("40.1.2.3", 28);
        hits("41.1.2.3", 300);
        hits("42.1.2.3", 27);
        let seen = |tree: &Tree| {
            let mut list = tree.list(0, |_| true);
            list.sort_by_key(|seen| seen.address);
            list.iter().map(|seen| format!("{} {} {}", seen.address, seen.previous, seen.current)).collect::<Vec<_>>()
        };
        assert_eq!(seen(&tree), ["40.1.2.3 0 1", "41.1.2.3 0 273"]);
        assert!(next_unit(&tree, 0).is_empty());
        assert_eq!(seen(&tree), ["40.1.2.3 1 0", "41.1.2.3 273 0"]);
        // The unit before counts, too.
        assert_eq!(hits("41.1.2.3", 1), [Judgement::Flood]);
        assert_eq!(until_flood(&tree, "40.1.2.4"), 101);
        assert_eq!(next_unit(&tree, 0), [ip("41.1.2.3")]);
        assert_eq!(next_unit(&tree, 0), [ip("40.1.2.4")]);
        assert_eq!(hits("40.1.2.4", 1), [Judgement::Fine]);
        // Forgotten after their time.
        next_unit(&tree, 7);
        assert_eq!(seen(&tree).len(), 3);
        next_unit(&tree, 8);
        assert!(seen(&tree).is_empty());
        assert_eq!(tree.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn bounded() {
        let tree = Tree::with_most(2, 60, 1000);
        for (time, number) in (0..20_000_u32).enumerate() {
            tree.hit(IpAddr::V4(Ipv4Addr::from(number.wrapping_mul(2_654_435_761))), time as i64 / 1000);
        }
        let nodes = || tree.shards.iter().map(|shard| shard.lock().nodes.len()).sum::<usize>();
        assert_eq!(nodes(), tree.count.load(Ordering::Relaxed));
        assert!((1000..1000 + SHARDS).contains(&nodes()), "{}", nodes());
        for shard in &tree.shards {
            let shard = shard.lock();
            assert_eq!(shard.places.len(), shard.nodes.len());
            assert!(shard.places.iter().all(|(prefix, place)| shard.nodes[*place as usize].prefix == *prefix));
        }
    }

    #[test]
    fn the_oldest_goes() {
        let mut shard = Shard::default();
        for last in 0..SAMPLE as i64 / 4 {
            let prefix = Prefix::whole(IpAddr::V4(Ipv4Addr::new(1, 1, 1, last as u8)));
            let is_blocked = last == 0;
            shard.add(Node { prefix, previous: 0, current: 0, last, is_blocked, was_hit: false });
        }
        // All four are looked at but with a probability of (3/4)^16 each.
        let removed = (0..200).filter(|_| {
            let mut shard = Shard { nodes: shard.nodes.clone(), places: shard.places.clone() };
            shard.make_room();
            shard.nodes.iter().all(|node| node.last != 1)
        });
        assert!(removed.count() > 150);
    }
}
