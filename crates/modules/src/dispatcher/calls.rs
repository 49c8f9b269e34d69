//! The calls that algorithm 10 counts: one for each Call-ID, until it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use engine::Str;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::destination::Destination;
use crate::core_hash::core_hash;

/// More calls are not counted.
const MOST: usize = 1_000_000;
/// More tables than that are of no use.
const MOST_TABLES: u32 = 10;

/// A call under way.
struct Call {
    /// That of its destination.
    load: Arc<AtomicU32>,
    /// In seconds since 1970.
    until: i64,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All calls.
pub(super) struct Calls {
    tables: Vec<Mutex<HashMap<Str, Call>>>,
}

impl Calls {
    /// Two to that power is the number of tables.
    pub(super) fn new(power: u32) -> Self {
        Self { tables: (0..1_u32 << power.min(MOST_TABLES)).map(|_| Mutex::default()).collect() }
    }

    fn table(&self, call_id: &Str) -> &Mutex<HashMap<Str, Call>> {
        // The number of tables is a power of two.
        &self.tables[core_hash(&[call_id]) as usize & (self.tables.len() - 1)]
    }

    /// Counts a call for a destination; it leaves the one that it was counted for before. False: there are too many.
    pub(super) fn add(&self, call_id: &Str, destination: &Destination, until: i64) -> bool {
        let mut table = self.table(call_id).lock();
        if table.len() >= MOST / self.tables.len() && !table.contains_key(call_id) {
            return false;
        }
        destination.load.fetch_add(1, Ordering::Relaxed);
        // The key must not keep the whole message in memory.
        table.insert(Str::copy_from(call_id), Call { load: destination.load.clone(), until });
        true
    }

    /// The call was answered.
    pub(super) fn confirm(&self, call_id: &Str, until: i64) {
        if let Some(call) = self.table(call_id).lock().get_mut(call_id) {
            call.until = until;
        }
    }

    /// The call is over. False: it is not known.
    pub(super) fn remove(&self, call_id: &Str) -> bool {
        self.table(call_id).lock().remove(call_id).is_some()
    }

    /// Forgets the calls whose time is over.
    pub(super) fn sweep(&self, now: i64) {
        for table in &self.tables {
            table.lock().retain(|_, call| call.until > now);
        }
    }
}
