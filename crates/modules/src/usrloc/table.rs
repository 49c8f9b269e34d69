//! A location table: addresses of record and their contacts, in shards with a short lock each.
//!
//! Nothing waits while a shard is locked, and no callback runs then: what happened is collected and told afterwards.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::statistics::Counter;
use engine::{Listeners, Str};
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;

use super::contact::{Contact, Stage, Stored};
use super::editor::Editor;

/// More shards than workers, so that they seldom meet.
const SHARDS: usize = 256;

/// What happened to a contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// It is new.
    Insert,
    /// A registration changed it.
    Update,
    /// It was removed by a registration, a script or an RPC command.
    Delete,
    /// Its time was over (or its connection is gone), and it was removed.
    Expire,
}

/// What happened to which contact.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// The table's name.
    pub table: Str,
    /// The address of record.
    pub aor: Str,
    /// The contact as it is now, or was last.
    pub contact: Contact,
}

/// Events of one address of record that were not told yet.
pub(super) type Happened = Vec<(EventKind, Contact)>;

/// Told of each event, after the table is unlocked.
pub type Callback = Arc<dyn Fn(&Event) + Send + Sync>;

/// How contacts are compared and ordered: the parameters of the module that the table needs.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `matching_mode`.
    pub matching: Matching,
    /// `desc_time_order`: the newest contact first, else the one with the highest q.
    pub newest_first: bool,
    /// `cseq_delay`.
    pub cseq_delay: i64,
}

/// `matching_mode`: what makes two registrations the same binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Matching {
    /// The URI.
    Uri,
    /// URI and Call-ID.
    UriAndCallId,
    /// URI and Path.
    UriAndPath,
    /// The Call-ID.
    CallId,
}

/// An address of record with its contacts.
struct Record {
    aor: Box<[u8]>,
    contacts: Vec<Stored>,
}

/// A part of the table, with a lock of its own.
#[derive(Default)]
struct Shard {
    /// Boxed: the hash table then wastes 8 bytes for a free place.
    records: HashTable<Box<Record>>,
    /// Contacts that the database still has.
    gone: Vec<Gone>,
}

/// A contact that is to be removed from the database.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gone {
    pub(super) aor: Str,
    pub(super) ruid: Str,
    pub(super) uri: Str,
    pub(super) call_id: Str,
    pub(super) path: Str,
}

impl Gone {
    pub(super) fn of_contact(aor: &[u8], contact: &Contact) -> Self {
        Self {
            aor: Str::copy_from(aor),
            ruid: contact.ruid.clone(),
            uri: contact.uri.clone(),
            call_id: contact.call_id.clone(),
            path: contact.path.clone().unwrap_or_default(),
        }
    }

    pub(super) fn of(aor: &[u8], contact: &Stored) -> Self {
        Self {
            aor: Str::copy_from(aor),
            ruid: Str::copy_from(contact.ruid()),
            uri: Str::copy_from(contact.uri()),
            call_id: Str::copy_from(contact.call_id()),
            path: Str::copy_from(contact.path()),
        }
    }
}

/// A contact that is to be written.
pub(super) struct Row {
    pub(super) hash: u64,
    pub(super) aor: Str,
    pub(super) contact: Contact,
}

/// What waits to be written, taken out of a table: as long as it lives the contacts count as written. What was not told
/// to be [`Self::done`] goes back when it is dropped, whatever the reason.
pub(super) struct Batch<'a> {
    table: &'a Table,
    pub(super) rows: Vec<Row>,
    pub(super) gone: Vec<Gone>,
}

impl<'a> Batch<'a> {
    pub(super) const fn new(table: &'a Table) -> Self {
        Self { table, rows: Vec::new(), gone: Vec::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.gone.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.rows.len() + self.gone.len()
    }

    /// All of it is in the database.
    pub(super) fn done(&mut self) {
        self.rows.clear();
        self.gone.clear();
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for row in self.rows.drain(..) {
            // One that changed meanwhile says so itself.
            self.table.touch(row.hash, &row.contact.ruid, |contact| {
                if contact.stage == Stage::Synced {
                    contact.stage = row.contact.stage.failed();
                }
            });
        }
        for gone in self.gone.drain(..) {
            let hash = self.table.hash(&gone.aor);
            self.table.shard(hash).lock().gone.push(gone);
        }
    }
}

/// What all tables share.
pub(super) struct Shared {
    pub(super) rules: Rules,
    /// What happens to contacts is written to a database (`db_mode` 1 and 2).
    pub(super) persists: bool,
    /// Rows are found by address of record and URI (`db_ops_ruid` 0).
    pub(super) by_uri: bool,
    pub(super) callbacks: Listeners<(EventKind, Callback)>,
}

/// A location table (Kamailio's usrloc domain).
pub struct Table {
    /// Its name.
    pub name: Str,
    hasher: DefaultHashBuilder,
    shards: Box<[Mutex<Shard>]>,
    /// Who writes to the database waits for its turn: one for each shard, so that the last writer has the last word.
    pub(super) turns: Box<[tokio::sync::Mutex<()>]>,
    users: AtomicI64,
    contacts: AtomicI64,
    pub(super) expired: Counter,
    pub(super) shared: Arc<Shared>,
}

/// What a new registration is to a contact that matches it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// It is newer: do what it says.
    Newer,
    /// The same once more, soon after: answer, change nothing.
    Retransmission,
    /// It is older: an error (RFC 3261 section 10.3).
    Older,
}

impl Table {
    pub(super) fn new(name: Str, expired: Counter, shared: Arc<Shared>) -> Self {
        Self {
            name,
            hasher: DefaultHashBuilder::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            turns: (0..SHARDS).map(|_| tokio::sync::Mutex::default()).collect(),
            users: AtomicI64::new(0),
            contacts: AtomicI64::new(0),
            expired,
            shared,
        }
    }

    /// How many addresses of record it has.
    #[must_use]
    pub fn users(&self) -> i64 {
        self.users.load(Ordering::Relaxed)
    }

    /// How many contacts it has, ended ones that were not removed yet included.
    #[must_use]
    pub fn contacts(&self) -> i64 {
        self.contacts.load(Ordering::Relaxed)
    }

    /// The hash of an address of record in this table; finds it with [`Self::find_by_hash`]. Secret keys are in it.
    #[must_use]
    pub fn hash(&self, aor: &[u8]) -> u64 {
        self.hasher.hash_one(aor)
    }

    /// The upper bits choose the shard, the lower ones the place in it.
    pub(super) const fn shard_of(hash: u64) -> usize {
        (hash >> 32) as usize % SHARDS
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        &self.shards[Self::shard_of(hash)]
    }

    /// The contacts of an address of record that last, best first.
    #[must_use]
    pub fn contacts_of(&self, aor: &[u8], now: i64) -> Vec<Contact> {
        let hash = self.hash(aor);
        let shard = self.shard(hash).lock();
        let Some(record) = shard.records.find(hash, |record| *record.aor == *aor) else { return Vec::new() };
        record.contacts.iter().filter(|contact| contact.is_valid(now)).map(Stored::unpack).collect()
    }

    /// The same, with those that ended but were not removed yet; `None`: no such address.
    #[must_use]
    pub fn all_contacts_of(&self, aor: &[u8]) -> Option<Vec<Contact>> {
        let hash = self.hash(aor);
        let shard = self.shard(hash).lock();
        let record = shard.records.find(hash, |record| *record.aor == *aor)?;
        Some(record.contacts.iter().map(Stored::unpack).collect())
    }

    /// Address of record and contact by the hash of the first and the unique id of the second.
    #[must_use]
    pub fn find_by_hash(&self, hash: u64, ruid: &[u8]) -> Option<(Str, Contact)> {
        let shard = self.shard(hash).lock();
        shard.records.iter_hash(hash).find_map(|record| {
            let contact = record.contacts.iter().find(|contact| contact.ruid() == ruid)?;
            Some((Str::copy_from(&record.aor), contact.unpack()))
        })
    }

    /// Changes the contacts of an address of record in one step. The address comes into being with its first contact
    /// and goes with its last one.
    pub fn edit<R>(&self, aor: &[u8], change: impl FnOnce(&mut Editor<'_>) -> R) -> R {
        let hash = self.hash(aor);
        let mut editor = Editor::new(self, aor);
        let mut shard = self.shard(hash).lock();
        let result = match shard.records.find_entry(hash, |record| *record.aor == *aor) {
            Ok(mut entry) => {
                editor.contacts = std::mem::take(&mut entry.get_mut().contacts);
                let result = change(&mut editor);
                if editor.contacts.is_empty() {
                    drop(entry.remove());
                    self.users.fetch_sub(1, Ordering::Relaxed);
                } else {
                    entry.get_mut().contacts = std::mem::take(&mut editor.contacts);
                }
                result
            }
            Err(absent) => {
                let result = change(&mut editor);
                if !editor.contacts.is_empty() {
                    let record = Box::new(Record { aor: aor.into(), contacts: std::mem::take(&mut editor.contacts) });
                    let records = absent.into_table();
                    records.insert_unique(hash, record, |record| self.hasher.hash_one(&*record.aor));
                    self.users.fetch_add(1, Ordering::Relaxed);
                }
                result
            }
        };
        shard.gone.append(&mut editor.gone);
        drop(shard);
        self.contacts.fetch_add(editor.changes, Ordering::Relaxed);
        self.tell(aor, std::mem::take(&mut editor.events));
        result
    }

    pub(super) fn wants(&self, kind: EventKind) -> bool {
        self.shared.callbacks.iter().any(|(wanted, _)| *wanted == kind)
    }

    pub(super) fn tell(&self, aor: &[u8], events: Happened) {
        if events.is_empty() {
            return;
        }
        let aor = Str::copy_from(aor);
        for (kind, contact) in events {
            let event = Event { kind, table: self.name.clone(), aor: aor.clone(), contact };
            for (_, callback) in self.shared.callbacks.iter().filter(|(wanted, _)| *wanted == kind) {
                callback(&event);
            }
        }
    }

    /// Removes contacts that `ended` says are over, shard by shard, giving way to others in between.
    pub(super) async fn sweep(&self, mut ended: impl FnMut(&Stored) -> bool) {
        for index in 0..self.shards.len() {
            self.sweep_shard(index, &mut ended);
            tokio::task::yield_now().await;
        }
    }

    fn sweep_shard(&self, index: usize, ended: &mut impl FnMut(&Stored) -> bool) {
        let wanted = self.wants(EventKind::Expire);
        let mut gone: Vec<(Box<[u8]>, Happened)> = Vec::new();
        let (mut removed, mut users) = (0, 0);
        let mut guard = self.shards[index].lock();
        let shard = &mut *guard;
        shard.records.retain(|record| {
            let mut events = Vec::new();
            record.contacts.retain(|contact| {
                let over = ended(contact);
                if over {
                    removed += 1;
                    if self.shared.persists && contact.stage.is_stored() {
                        shard.gone.push(Gone::of(&record.aor, contact));
                    }
                    if wanted {
                        events.push((EventKind::Expire, contact.unpack()));
                    }
                }
                !over
            });
            if !events.is_empty() {
                gone.push((record.aor.clone(), events));
            }
            users += i64::from(record.contacts.is_empty());
            !record.contacts.is_empty()
        });
        drop(guard);
        self.contacts.fetch_sub(removed, Ordering::Relaxed);
        self.users.fetch_sub(users, Ordering::Relaxed);
        self.expired.add(removed);
        for (aor, events) in gone {
            self.tell(&aor, events);
        }
    }

    /// Shows every contact of one shard, to be changed in place (times and keep-alive only).
    pub(super) fn visit_shard(&self, index: usize, mut visit: impl FnMut(&[u8], &mut Stored)) {
        let Some(shard) = self.shards.get(index) else { return };
        for record in shard.lock().records.iter_mut() {
            for contact in &mut record.contacts {
                visit(&record.aor, contact);
            }
        }
    }

    /// How many shards there are.
    pub(super) fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// Changes one contact in place (times and keep-alive only); false when it is not there.
    pub(super) fn touch(&self, hash: u64, ruid: &[u8], change: impl FnOnce(&mut Stored)) -> bool {
        let mut shard = self.shard(hash).lock();
        for record in shard.records.iter_hash_mut(hash) {
            if let Some(contact) = record.contacts.iter_mut().find(|contact| contact.ruid() == ruid) {
                change(contact);
                return true;
            }
        }
        false
    }

    /// Takes what waits to be written of an address of record, and what is to be removed of its shard.
    pub(super) fn take_record<'a>(&'a self, aor: &[u8], most: usize) -> Batch<'a> {
        let mut batch = Batch::new(self);
        let hash = self.hash(aor);
        let mut shard = self.shard(hash).lock();
        let from = shard.gone.len().saturating_sub(most);
        batch.gone = shard.gone.split_off(from);
        if let Some(record) = shard.records.find_mut(hash, |record| *record.aor == *aor) {
            take_contacts(record, hash, false, &mut batch.rows);
        }
        drop(shard);
        batch
    }

    /// Adds what waits to be written of one shard, until there are `most` of them; true when more are left. `again`: also
    /// what was refused before.
    pub(super) fn take_shard(&self, index: usize, batch: &mut Batch<'_>, most: usize, again: bool) -> bool {
        let mut shard = self.shards[index].lock();
        let from = shard.gone.len().saturating_sub(most.saturating_sub(batch.len()));
        let mut gone = shard.gone.split_off(from);
        batch.gone.append(&mut gone);
        for record in shard.records.iter_mut() {
            if batch.len() >= most {
                return true;
            }
            if record.contacts.iter().any(|contact| contact.stage != Stage::Synced) {
                let hash = self.hasher.hash_one(&*record.aor);
                take_contacts(record, hash, again, &mut batch.rows);
            }
        }
        !shard.gone.is_empty()
    }

    /// All addresses of record with their contacts; for lists, not for decisions.
    #[must_use]
    pub fn dump(&self) -> Vec<(Str, Vec<Contact>)> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            all.extend(shard.records.iter().map(|record| {
                (Str::copy_from(&record.aor), record.contacts.iter().map(Stored::unpack).collect::<Vec<_>>())
            }));
        }
        all
    }

    /// All addresses of record.
    #[must_use]
    pub fn addresses(&self) -> Vec<Str> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.lock().records.iter().map(|record| Str::copy_from(&record.aor)));
        }
        all
    }
}

/// Contacts that wait; they count as written from now on.
fn take_contacts(record: &mut Record, hash: u64, again: bool, rows: &mut Vec<Row>) {
    for contact in &mut record.contacts {
        if contact.stage.waits() || again && contact.stage == Stage::Refused {
            rows.push(Row { hash, aor: Str::copy_from(&record.aor), contact: contact.unpack() });
            contact.stage = Stage::Synced;
        }
    }
}
