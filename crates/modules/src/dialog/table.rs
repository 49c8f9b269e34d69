//! All dialogs: by name, by Call-ID, and by the transactions that belong to them.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use engine::Str;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use super::call::{Dialog, DialogId, Stage};
use crate::rr::Direction;
use crate::tm::TransactionId;

/// Dialogs at a time.
pub(super) const MAX_DIALOGS: usize = 500_000;
/// Dialogs with the same Call-ID at a time: looking through them must not take long.
const MAX_OF_CALL: usize = 64;
const SHARDS: usize = 64;

#[derive(Default)]
struct Shard {
    by_id: HashMap<DialogId, Arc<Dialog>>,
    by_call: HashMap<Str, Vec<Arc<Dialog>>>,
}

/// The dialogs of a server.
pub(super) struct Table {
    shards: Vec<RwLock<Shard>>,
    transactions: Vec<Mutex<HashMap<TransactionId, Arc<Dialog>>>>,
    hasher: RandomState,
    entries: u32,
    next: AtomicU32,
    count: AtomicUsize,
}

impl Table {
    pub(super) fn new(entries: u32) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            transactions: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            entries: entries.max(1),
            next: AtomicU32::new(rand::random::<u32>() % 10_000),
            count: AtomicUsize::new(0),
        }
    }

    /// A name for a new dialog.
    pub(super) fn new_id(&self, call_id: &[u8]) -> DialogId {
        DialogId { entry: self.entry(call_id), number: self.next.fetch_add(1, Ordering::Relaxed) }
    }

    fn entry(&self, call_id: &[u8]) -> u32 {
        (self.hasher.hash_one(call_id) % u64::from(self.entries)) as u32
    }

    fn shard(&self, entry: u32) -> &RwLock<Shard> {
        &self.shards[entry as usize % SHARDS]
    }

    /// Adds a dialog; false: there are too many.
    pub(super) fn insert(&self, dialog: &Arc<Dialog>) -> bool {
        if self.count.load(Ordering::Relaxed) >= MAX_DIALOGS {
            return false;
        }
        let mut shard = self.shard(dialog.id.entry).write();
        let of_call = shard.by_call.entry(dialog.call_id.clone()).or_default();
        if of_call.len() >= MAX_OF_CALL {
            return false;
        }
        of_call.push(dialog.clone());
        shard.by_id.insert(dialog.id, dialog.clone());
        self.count.fetch_add(1, Ordering::Relaxed);
        true
    }

    pub(super) fn remove(&self, dialog: &Dialog) {
        let mut shard = self.shard(dialog.id.entry).write();
        if shard.by_id.remove(&dialog.id).is_none() {
            return;
        }
        self.count.fetch_sub(1, Ordering::Relaxed);
        if let Some(of_call) = shard.by_call.get_mut(&dialog.call_id) {
            of_call.retain(|other| other.id != dialog.id);
            if of_call.is_empty() {
                shard.by_call.remove(&dialog.call_id);
            }
        }
    }

    pub(super) fn get(&self, id: DialogId) -> Option<Arc<Dialog>> {
        self.shard(id.entry).read().by_id.get(&id).cloned()
    }

    /// The dialogs with that Call-ID, the oldest first.
    pub(super) fn of_call(&self, call_id: &[u8]) -> Vec<Arc<Dialog>> {
        let shard = self.shard(self.entry(call_id)).read();
        shard.by_call.get(call_id).cloned().unwrap_or_default()
    }

    /// The dialog of a message with these tags: the newest that lives, else the newest.
    pub(super) fn find(&self, call_id: &[u8], from: &[u8], to: &[u8]) -> Option<(Arc<Dialog>, Direction)> {
        let shard = self.shard(self.entry(call_id)).read();
        let of_call = shard.by_call.get(call_id)?;
        let fits = || of_call.iter().rev().filter_map(|dialog| Some((dialog.clone(), dialog.direction(from, to)?)));
        fits().find(|(dialog, _)| dialog.stage() != Stage::Ended).or_else(|| fits().next())
    }

    /// All dialogs, by their names.
    pub(super) fn all(&self) -> Vec<Arc<Dialog>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.read().by_id.values().cloned());
        }
        all.sort_unstable_by_key(|dialog| (dialog.id.entry, dialog.id.number));
        all
    }

    fn transactions(&self, id: TransactionId) -> &Mutex<HashMap<TransactionId, Arc<Dialog>>> {
        &self.transactions[(id.index ^ id.label) as usize % SHARDS]
    }

    /// A transaction is of this dialog, until [`Self::forget`].
    pub(super) fn remember(&self, id: TransactionId, dialog: &Arc<Dialog>) {
        self.transactions(id).lock().insert(id, dialog.clone());
    }

    pub(super) fn of_transaction(&self, id: TransactionId) -> Option<Arc<Dialog>> {
        self.transactions(id).lock().get(&id).cloned()
    }

    pub(super) fn forget(&self, id: TransactionId) {
        self.transactions(id).lock().remove(&id);
    }
}
