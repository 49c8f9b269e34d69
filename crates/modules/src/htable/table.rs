//! One hash table: items in shards with a short lock each.
//!
//! Kamailio's table has 2^size slots, chosen by the hash of the key; lists and iterators follow them. Here a shard
//! holds neighbouring slots, so that the same order can be shown, and finds its items by a hash with a secret in it:
//! peers choose keys. An item whose time is over counts as not there; the timer takes it away.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::{ScriptError, Str, Value};
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;

use super::definition::Definition;
use crate::core_hash::core_case_hash;

/// At most 2^8 shards: more than workers, so that they seldom meet.
const SHARD_BITS: u32 = 8;

/// What an item costs beside its texts, about.
const ITEM_COST: usize = 160;

/// All tables together hold no more bytes than that.
pub const MAX_MEMORY: usize = 1 << 30;

/// How many bytes the items of all tables take.
#[derive(Default)]
pub struct Memory(AtomicUsize);

impl Memory {
    /// Counts `bytes` more; false when there is no room for them.
    fn take(&self, bytes: usize) -> bool {
        let room = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= MAX_MEMORY);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// There is no room for the item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

impl From<Full> for ScriptError {
    fn from(_: Full) -> Self {
        Self::new(format!("the hash tables hold {MAX_MEMORY} bytes: no room for more"))
    }
}

struct Item {
    /// Kamailio's hash of the key.
    hash: u32,
    /// Items with the same hash are shown in the order that they came.
    order: u64,
    /// When its time is over, in seconds since 1970; 0: never.
    expires: i64,
    value: Value,
    key: Box<[u8]>,
}

impl Item {
    const fn is_over(&self, now: i64) -> bool {
        self.expires != 0 && self.expires < now
    }

    fn cost(&self) -> usize {
        cost(&self.key, &self.value)
    }
}

fn cost(key: &[u8], value: &Value) -> usize {
    ITEM_COST + key.len() + value.as_str().map_or(0, |text| text.len())
}

#[derive(Default)]
struct Shard {
    items: HashTable<Box<Item>>,
    next: u64,
}

/// How long an item that is written lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lifetime {
    /// As the table's `autoexpire` and `updateexpire` say.
    Usual,
    /// So many seconds; 0 and less: as `autoexpire` says.
    Seconds(i64),
}

/// An item as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Its slot.
    pub slot: u32,
    /// Its key.
    pub key: Str,
    /// Its value.
    pub value: Value,
    /// When its time is over, in seconds since 1970; 0: never.
    pub expires: i64,
}

/// How full a table's slots are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Occupancy {
    /// Slots.
    pub slots: u32,
    /// Items, those whose time is over included until the timer takes them away.
    pub all: usize,
    /// Fewest items of a slot.
    pub fewest: usize,
    /// Most items of a slot.
    pub most: usize,
}

/// The text in memory of its own: a piece of a message would keep the whole message. Reading it allocates nothing.
fn own(value: Value) -> Value {
    match value {
        Value::Str(text) if !text.is_empty() => {
            let copy = Str::copy_from(&text);
            // The first clone of such a text allocates its count; now rather than when it is read.
            drop(copy.clone());
            Value::Str(copy)
        }
        value => value,
    }
}

/// A hash table.
pub struct Table {
    /// How it was declared.
    pub definition: Definition,
    hasher: DefaultHashBuilder,
    shards: Box<[Mutex<Shard>]>,
    memory: Arc<Memory>,
    pub(super) locks: super::locks::Locks,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(definition: Definition, memory: Arc<Memory>) -> Self {
        let shards = 1_usize << definition.size.min(SHARD_BITS);
        Self {
            definition,
            hasher: DefaultHashBuilder::default(),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            memory,
            locks: super::locks::Locks::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Str {
        &self.definition.name
    }

    /// The time that decides what is over. Nothing ever is in a table without `autoexpire`, which needs no clock.
    #[must_use]
    pub fn now(&self, core: &engine::Core) -> i64 {
        if self.definition.autoexpire == 0 { 0 } else { core.unix_time() }
    }

    fn slot(&self, hash: u32) -> u32 {
        hash & ((1_u32 << self.definition.size) - 1)
    }

    fn shard(&self, hash: u32) -> &Mutex<Shard> {
        let beyond = self.definition.size.saturating_sub(SHARD_BITS);
        &self.shards[(self.slot(hash) >> beyond) as usize]
    }

    /// How many shards there are: iterators go through them one by one.
    #[must_use]
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// An item's value; `None` when it is not there.
    #[must_use]
    pub fn find(&self, key: &[u8], now: i64) -> Option<Value> {
        let shard = self.shard(core_case_hash(key)).lock();
        let item = shard.items.find(self.hasher.hash_one(key), |item| *item.key == *key)?;
        (!item.is_over(now)).then(|| item.value.clone())
    }

    /// An item's value, or the table's `initval`, or null.
    #[must_use]
    pub fn get(&self, key: &[u8], now: i64) -> Value {
        self.find(key, now).or_else(|| self.definition.initval.map(Value::Int)).unwrap_or_default()
    }

    /// An item with its end.
    #[must_use]
    pub fn show(&self, key: &[u8], now: i64) -> Option<Shown> {
        let shard = self.shard(core_case_hash(key)).lock();
        let item = shard.items.find(self.hasher.hash_one(key), |item| *item.key == *key)?;
        (!item.is_over(now)).then(|| self.shown(item))
    }

    fn shown(&self, item: &Item) -> Shown {
        let slot = self.slot(item.hash);
        Shown { slot, key: Str::copy_from(&item.key), value: item.value.clone(), expires: item.expires }
    }

    /// The end of an item that is written now; `old`: that of the item that it changes.
    fn end(&self, lifetime: Lifetime, old: Option<i64>, now: i64) -> i64 {
        let usual = self.definition.autoexpire;
        match (lifetime, old) {
            _ if usual == 0 => 0,
            (Lifetime::Seconds(seconds), _) if seconds > 0 => now.saturating_add(seconds),
            (Lifetime::Usual, Some(old)) if !self.definition.updateexpire => old,
            _ => now + usual,
        }
    }

    /// Writes an item; null takes it away.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn set(&self, key: &[u8], value: Value, lifetime: Lifetime, now: i64) -> Result<(), Full> {
        if value.is_null() {
            self.remove(key);
            return Ok(());
        }
        let value = own(value);
        let hash = core_case_hash(key);
        let mut shard = self.shard(hash).lock();
        match shard.items.find_mut(self.hasher.hash_one(key), |item| *item.key == *key) {
            Some(item) => {
                let (before, after) = (item.cost(), cost(key, &value));
                if after > before && !self.memory.take(after - before) {
                    return Err(Full);
                }
                self.memory.give_back(before.saturating_sub(after));
                let old = (!item.is_over(now)).then_some(item.expires);
                item.expires = self.end(lifetime, old, now);
                item.value = value;
                Ok(())
            }
            None => {
                let expires = self.end(lifetime, None, now);
                self.insert(&mut shard, hash, key, value, expires)
            }
        }
    }

    fn insert(&self, shard: &mut Shard, hash: u32, key: &[u8], value: Value, expires: i64) -> Result<(), Full> {
        if !self.memory.take(cost(key, &value)) {
            return Err(Full);
        }
        let order = shard.next;
        shard.next += 1;
        let item = Box::new(Item { hash, order, expires, value, key: key.into() });
        shard.items.insert_unique(self.hasher.hash_one(key), item, |item| self.hasher.hash_one(&*item.key));
        Ok(())
    }

    /// Adds to an item's number and tells the sum. One that is not there begins with `initval`; `None` when there is
    /// none, and when the value is a text.
    ///
    /// # Errors
    /// There is no room for the item.
    pub fn add(&self, key: &[u8], number: i64, now: i64) -> Result<Option<i64>, Full> {
        let hash = core_case_hash(key);
        let mut shard = self.shard(hash).lock();
        let start = match shard.items.find_mut(self.hasher.hash_one(key), |item| *item.key == *key) {
            Some(item) if !item.is_over(now) => {
                let Value::Int(value) = &mut item.value else { return Ok(None) };
                *value = value.wrapping_add(number);
                let value = *value;
                item.expires = self.end(Lifetime::Usual, Some(item.expires), now);
                return Ok(Some(value));
            }
            Some(item) => {
                let Some(start) = self.definition.initval else { return Ok(None) };
                let sum = start.wrapping_add(number);
                self.memory.give_back(item.value.as_str().map_or(0, |text| text.len()));
                item.value = Value::Int(sum);
                item.expires = self.end(Lifetime::Usual, None, now);
                return Ok(Some(sum));
            }
            None => self.definition.initval,
        };
        let Some(start) = start else { return Ok(None) };
        let sum = start.wrapping_add(number);
        let expires = self.end(Lifetime::Usual, None, now);
        self.insert(&mut shard, hash, key, Value::Int(sum), expires)?;
        Ok(Some(sum))
    }

    /// Seconds until an item's time is over; 0: never, or it is not there.
    #[must_use]
    pub fn seconds_left(&self, key: &[u8], now: i64) -> i64 {
        match self.show(key, now) {
            Some(Shown { expires, .. }) if expires != 0 => expires - now,
            _ => 0,
        }
    }

    /// Sets the seconds until an item's time is over; 0 and less: it stays for ever. False when it is not there.
    pub fn set_seconds_left(&self, key: &[u8], seconds: i64, now: i64) -> bool {
        let mut shard = self.shard(core_case_hash(key)).lock();
        match shard.items.find_mut(self.hasher.hash_one(key), |item| *item.key == *key) {
            Some(item) if !item.is_over(now) => {
                if self.definition.autoexpire != 0 {
                    item.expires = if seconds > 0 { now.saturating_add(seconds) } else { 0 };
                }
                true
            }
            _ => false,
        }
    }

    /// Takes an item away; false when it was not there.
    pub fn remove(&self, key: &[u8]) -> bool {
        let mut shard = self.shard(core_case_hash(key)).lock();
        match shard.items.find_entry(self.hasher.hash_one(key), |item| *item.key == *key) {
            Ok(entry) => {
                let (item, _) = entry.remove();
                self.memory.give_back(item.cost());
                true
            }
            Err(_) => false,
        }
    }

    /// Takes all items away.
    pub fn clear(&self) {
        for shard in &self.shards {
            let items = std::mem::take(&mut shard.lock().items);
            self.memory.give_back(items.iter().map(|item| item.cost()).sum());
        }
    }

    /// Takes the items away that fit.
    pub fn remove_where(&self, mut fits: impl FnMut(&[u8], &Value) -> bool) {
        for shard in &self.shards {
            let mut freed = 0;
            shard.lock().items.retain(|item| {
                let gone = fits(&item.key, &item.value);
                if gone {
                    freed += item.cost();
                }
                !gone
            });
            self.memory.give_back(freed);
        }
    }

    /// How many items fit.
    pub fn count(&self, now: i64, mut fits: impl FnMut(&[u8], &Value) -> bool) -> usize {
        let mut in_shard = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            shard.items.iter().filter(|item| !item.is_over(now) && fits(&item.key, &item.value)).count()
        };
        self.shards.iter().map(&mut in_shard).sum()
    }

    /// True when an item fits.
    pub fn any(&self, now: i64, mut fits: impl FnMut(&[u8], &Value) -> bool) -> bool {
        self.shards.iter().any(|shard| {
            let shard = shard.lock();
            shard.items.iter().any(|item| !item.is_over(now) && fits(&item.key, &item.value))
        })
    }

    /// The items of one shard in the order of their slots.
    #[must_use]
    pub fn shard_items(&self, index: usize, now: i64) -> Vec<Shown> {
        let Some(shard) = self.shards.get(index) else { return Vec::new() };
        let shard = shard.lock();
        let items = shard.items.iter().filter(|item| !item.is_over(now));
        self.in_order(items.map(|item| (item.hash, item.order, self.shown(item))).collect())
    }

    fn in_order(&self, mut items: Vec<(u32, u64, Shown)>) -> Vec<Shown> {
        items.sort_unstable_by_key(|(hash, order, _)| (self.slot(*hash), *hash, *order));
        items.into_iter().map(|(.., shown)| shown).collect()
    }

    /// Takes the items of one shard away whose time is over; they are told in the order of their slots when `wanted`.
    pub fn sweep_shard(&self, index: usize, now: i64, wanted: bool) -> Vec<Shown> {
        let Some(shard) = self.shards.get(index) else { return Vec::new() };
        let (mut gone, mut freed) = (Vec::new(), 0);
        shard.lock().items.retain(|item| {
            let over = item.is_over(now);
            if over {
                freed += item.cost();
                if wanted {
                    gone.push((item.hash, item.order, self.shown(item)));
                }
            }
            !over
        });
        self.memory.give_back(freed);
        self.in_order(gone)
    }

    /// How full its slots are.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        let slots = 1_u32 << self.definition.size;
        let (mut all, mut used, mut most, mut fewest) = (0, 0_u64, 0, usize::MAX);
        for shard in &self.shards {
            let mut of_items: Vec<u32> = shard.lock().items.iter().map(|item| self.slot(item.hash)).collect();
            of_items.sort_unstable();
            all += of_items.len();
            for slot in of_items.chunk_by(|left, right| left == right) {
                used += 1;
                most = most.max(slot.len());
                fewest = fewest.min(slot.len());
            }
        }
        Occupancy { slots, all, fewest: if used < u64::from(slots) { 0 } else { fewest }, most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(autoexpire: i64, updateexpire: bool, initval: Option<i64>) -> Table {
        let definition = Definition {
            name: "t".into(),
            size: 4,
            autoexpire,
            initval,
            updateexpire,
            dbtable: Str::EMPTY,
            columns: Vec::new(),
            dbmode: false,
            dmqreplicate: false,
        };
        Table::new(definition, Arc::default())
    }

    #[test]
    fn memory_is_counted_exactly() {
        let table = table(10, true, Some(0));
        let used = || table.memory.0.load(Ordering::Relaxed);
        for (key, text) in [("a", "x"), ("b", "longer"), ("a", "much longer than before"), ("b", "")] {
            table.set(key.as_bytes(), text.into(), Lifetime::Usual, 100).unwrap();
        }
        assert_eq!(used(), 2 * ITEM_COST + 2 + 23);
        // The time of `a` is over: it begins anew as a number.
        assert_eq!(table.add(b"a", 1, 111), Ok(Some(1)));
        table.add(b"c", 1, 111).unwrap();
        assert_eq!(used(), 3 * ITEM_COST + 3);
        assert!(table.remove(b"a") && !table.remove(b"a"));
        assert_eq!((0..table.shard_count()).map(|at| table.sweep_shard(at, 111, true).len()).sum::<usize>(), 1);
        assert_eq!(used(), ITEM_COST + 1);
        table.remove_where(|_, value| *value == Value::Int(1));
        assert_eq!(used(), 0);
        table.set(b"k", 1.into(), Lifetime::Usual, 0).unwrap();
        table.clear();
        assert_eq!((used(), table.find(b"k", 0)), (0, None));
        table.memory.0.store(MAX_MEMORY - ITEM_COST, Ordering::Relaxed);
        assert_eq!(table.set(b"k", 1.into(), Lifetime::Usual, 0), Err(Full));
        assert_eq!(table.set(b"", 1.into(), Lifetime::Usual, 0), Ok(()));
        assert_eq!(table.set(b"", "x".into(), Lifetime::Usual, 0), Err(Full));
        assert_eq!(table.find(b"", 0), Some(Value::Int(1)), "what does not fit changes nothing");
        assert_eq!(table.add(b"k", 1, 0), Err(Full));
    }

    #[test]
    fn lifetimes() {
        let table = table(10, false, None);
        table.set(b"k", 1.into(), Lifetime::Usual, 100).unwrap();
        table.set(b"k", 2.into(), Lifetime::Usual, 105).unwrap();
        assert_eq!(table.seconds_left(b"k", 105), 5, "updateexpire=0: a change does not begin the time anew");
        assert_eq!(table.find(b"k", 110), Some(Value::Int(2)), "its last second");
        assert_eq!((table.find(b"k", 111), table.seconds_left(b"k", 111)), (None, 0));
        assert!(!table.set_seconds_left(b"k", 5, 111));
        assert_eq!(table.add(b"k", 1, 111), Ok(None), "over, and no initval");
        table.set(b"k", 3.into(), Lifetime::Usual, 111).unwrap();
        assert_eq!(table.seconds_left(b"k", 111), 10, "it is a new one");
        table.set(b"k", 3.into(), Lifetime::Seconds(50), 111).unwrap();
        assert_eq!(table.seconds_left(b"k", 111), 50);
        assert!(table.set_seconds_left(b"k", -1, 111));
        assert_eq!((table.seconds_left(b"k", 111), table.find(b"k", i64::MAX)), (0, Some(Value::Int(3))));
    }

    #[test]
    fn slots_are_kamailios() {
        let table = table(0, true, None);
        for (key, value) in [("k1", "one"), ("init", "i"), ("K1", "x"), ("k2", "two"), ("n", "n"), ("n2", "n2")] {
            table.set(key.as_bytes(), value.into(), Lifetime::Seconds(5), 0).unwrap();
        }
        let all: Vec<Shown> = (0..table.shard_count()).flat_map(|at| table.shard_items(at, 1000)).collect();
        let keys: Vec<String> = all.iter().map(|item| format!("{}:{}", item.slot, item.key)).collect();
        assert_eq!(keys, ["3:n", "3:n2", "3:k2", "3:init", "6:k1", "6:K1"]);
        assert_eq!(table.occupancy(), Occupancy { slots: 16, all: 6, fewest: 0, most: 4 });
    }

    #[test]
    fn a_stored_text_is_a_copy() {
        let table = table(0, true, None);
        let message = Str::from("a long message with a name in it");
        let part = message.slice(2..6);
        table.set(b"k", Value::Str(part.clone()), Lifetime::Usual, 0).unwrap();
        let Some(Value::Str(found)) = table.find(b"k", 0) else { panic!("it was stored") };
        assert_eq!((&found, message.offset_of(&found)), (&part, None));
    }
}
