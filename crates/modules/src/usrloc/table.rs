//! A location table: addresses of record and their contacts, in shards with a short lock each.
//!
//! Nothing waits while a shard is locked, and no callback runs then: what happened is collected and told afterwards.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::Str;
use engine::statistics::Counter;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;

use super::contact::{Contact, Stored};

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
type Happened = Vec<(EventKind, Contact)>;

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

/// Boxed: the hash table then wastes 8 bytes for a free place.
type Shard = HashTable<Box<Record>>;

/// What all tables share.
pub(super) struct Shared {
    pub(super) rules: Rules,
    pub(super) callbacks: parking_lot::RwLock<Vec<(EventKind, Callback)>>,
}

/// A location table (Kamailio's usrloc domain).
pub struct Table {
    /// Its name.
    pub name: Str,
    hasher: DefaultHashBuilder,
    shards: Box<[Mutex<Shard>]>,
    users: AtomicI64,
    contacts: AtomicI64,
    pub(super) expired: Counter,
    shared: Arc<Shared>,
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
    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    /// The contacts of an address of record that last, best first.
    #[must_use]
    pub fn contacts_of(&self, aor: &[u8], now: i64) -> Vec<Contact> {
        let hash = self.hash(aor);
        let shard = self.shard(hash).lock();
        let Some(record) = shard.find(hash, |record| *record.aor == *aor) else { return Vec::new() };
        record.contacts.iter().filter(|contact| contact.is_valid(now)).map(Stored::unpack).collect()
    }

    /// The same, with those that ended but were not removed yet; `None`: no such address.
    #[must_use]
    pub fn all_contacts_of(&self, aor: &[u8]) -> Option<Vec<Contact>> {
        let hash = self.hash(aor);
        let shard = self.shard(hash).lock();
        let record = shard.find(hash, |record| *record.aor == *aor)?;
        Some(record.contacts.iter().map(Stored::unpack).collect())
    }

    /// Address of record and contact by the hash of the first and the unique id of the second.
    #[must_use]
    pub fn find_by_hash(&self, hash: u64, ruid: &[u8]) -> Option<(Str, Contact)> {
        let shard = self.shard(hash).lock();
        shard.iter_hash(hash).find_map(|record| {
            let contact = record.contacts.iter().find(|contact| contact.ruid() == ruid)?;
            Some((Str::copy_from(&record.aor), contact.unpack()))
        })
    }

    /// Changes the contacts of an address of record in one step. The address comes into being with its first contact
    /// and goes with its last one.
    pub fn edit<R>(&self, aor: &[u8], change: impl FnOnce(&mut Editor<'_>) -> R) -> R {
        let hash = self.hash(aor);
        let mut editor = Editor { table: self, contacts: Vec::new(), events: Vec::new(), changes: 0 };
        let mut shard = self.shard(hash).lock();
        let result = match shard.find_entry(hash, |record| *record.aor == *aor) {
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
                    let shard = absent.into_table();
                    shard.insert_unique(hash, record, |record| self.hasher.hash_one(&*record.aor));
                    self.users.fetch_add(1, Ordering::Relaxed);
                }
                result
            }
        };
        drop(shard);
        self.contacts.fetch_add(editor.changes, Ordering::Relaxed);
        self.tell(aor, std::mem::take(&mut editor.events));
        result
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.shared.callbacks.read().iter().any(|(wanted, _)| *wanted == kind)
    }

    fn tell(&self, aor: &[u8], events: Happened) {
        if events.is_empty() {
            return;
        }
        let callbacks = self.shared.callbacks.read().clone();
        let aor = Str::copy_from(aor);
        for (kind, contact) in events {
            let event = Event { kind, table: self.name.clone(), aor: aor.clone(), contact };
            for (_, callback) in callbacks.iter().filter(|(wanted, _)| *wanted == kind) {
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
        self.shards[index].lock().retain(|record| {
            let mut events = Vec::new();
            record.contacts.retain(|contact| {
                let over = ended(contact);
                if over {
                    removed += 1;
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
        for record in shard.lock().iter_mut() {
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
        for record in shard.iter_hash_mut(hash) {
            if let Some(contact) = record.contacts.iter_mut().find(|contact| contact.ruid() == ruid) {
                change(contact);
                return true;
            }
        }
        false
    }

    /// All addresses of record with their contacts; for lists, not for decisions.
    #[must_use]
    pub fn dump(&self) -> Vec<(Str, Vec<Contact>)> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            all.extend(shard.iter().map(|record| {
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
            all.extend(shard.lock().iter().map(|record| Str::copy_from(&record.aor)));
        }
        all
    }
}

/// The contacts of one address of record while they are changed. The table is locked meanwhile: no waiting here.
pub struct Editor<'a> {
    table: &'a Table,
    contacts: Vec<Stored>,
    events: Happened,
    /// Contacts added minus removed.
    changes: i64,
}

impl Editor<'_> {
    /// How many contacts there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.contacts.len()
    }

    /// True when there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.contacts.is_empty()
    }

    /// All contacts, best first.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact> {
        self.contacts.iter().map(Stored::unpack).collect()
    }

    fn note(&mut self, kind: EventKind, at: usize) {
        if self.table.wants(kind) {
            self.events.push((kind, self.contacts[at].unpack()));
        }
    }

    /// Removes what ended.
    pub fn purge(&mut self, now: i64) {
        let mut at = 0;
        while at < self.contacts.len() {
            if self.contacts[at].is_valid(now) {
                at += 1;
                continue;
            }
            self.note(EventKind::Expire, at);
            self.contacts.remove(at);
            self.changes -= 1;
            self.table.expired.increment();
        }
    }

    /// The contact that a registration of `new` means: by device when it names one (RFC 5626 section 6), else by
    /// `matching_mode`.
    #[must_use]
    pub fn find(&self, new: &Contact) -> Option<usize> {
        if let Some(instance) = &new.instance {
            return self
                .contacts
                .iter()
                .position(|contact| contact.instance() == &**instance && contact.reg_id == new.reg_id);
        }
        let path = new.path.as_deref().unwrap_or_default();
        self.contacts.iter().position(|contact| match self.table.shared.rules.matching {
            Matching::Uri => contact.uri() == &*new.uri,
            Matching::UriAndCallId => contact.uri() == &*new.uri && contact.call_id() == &*new.call_id,
            Matching::UriAndPath => contact.uri() == &*new.uri && contact.path() == path,
            Matching::CallId => contact.call_id() == &*new.call_id,
        })
    }

    /// The contact of this unique id.
    #[must_use]
    pub fn find_ruid(&self, ruid: &[u8]) -> Option<usize> {
        self.contacts.iter().position(|contact| contact.ruid() == ruid)
    }

    /// The contact of this URI.
    #[must_use]
    pub fn find_uri(&self, uri: &[u8]) -> Option<usize> {
        self.contacts.iter().position(|contact| contact.uri() == uri)
    }

    /// Whether a registration may change the contact at `at` (RFC 3261 section 10.3, item 7).
    #[must_use]
    pub fn freshness(&self, at: usize, call_id: &[u8], cseq: u32, now: i64) -> Freshness {
        let contact = &self.contacts[at];
        let rules = &self.table.shared.rules;
        if contact.call_id() != call_id || cseq > contact.cseq {
            Freshness::Newer
        } else if cseq == contact.cseq
            && rules.cseq_delay > 0
            && now <= i64::from(contact.modified).saturating_add(rules.cseq_delay)
        {
            Freshness::Retransmission
        } else {
            Freshness::Older
        }
    }

    /// Where a contact belongs: before the first one with a lower q, or in front of all.
    fn place(&self, q: i16) -> usize {
        if self.table.shared.rules.newest_first {
            return 0;
        }
        self.contacts.iter().position(|contact| contact.q < q).unwrap_or(self.contacts.len())
    }

    /// Adds a contact.
    pub fn insert(&mut self, contact: Contact) {
        let stored = Stored::pack(contact);
        let at = self.place(stored.q);
        // Most addresses have one contact: no memory for more is taken in advance.
        self.contacts.reserve_exact(1);
        self.contacts.insert(at, stored);
        self.changes += 1;
        self.note(EventKind::Insert, at);
    }

    /// Puts `contact` in place of the one at `at`. Its unique id stays, and its instance when the new one names none.
    pub fn update(&mut self, at: usize, mut contact: Contact) {
        let old = self.contacts.remove(at);
        contact.ruid = Str::copy_from(old.ruid());
        if contact.instance.is_none() && !old.instance().is_empty() {
            contact.instance = Some(Str::copy_from(old.instance()));
            contact.reg_id = old.reg_id;
        }
        let mut stored = Stored::pack(contact);
        stored.next_keepalive = old.next_keepalive;
        stored.keepalive = old.keepalive;
        stored.roundtrip = old.roundtrip;
        let to = if stored.q == old.q && !self.table.shared.rules.newest_first { at } else { self.place(stored.q) };
        self.contacts.insert(to, stored);
        self.note(EventKind::Update, to);
    }

    /// Removes the contact at `at`.
    pub fn remove(&mut self, at: usize) {
        self.note(EventKind::Delete, at);
        self.contacts.remove(at);
        self.changes -= 1;
    }

    /// Removes all contacts.
    pub fn clear(&mut self) {
        for at in (0..self.contacts.len()).rev() {
            self.remove(at);
        }
    }

    /// Removes all contacts but the one of this unique id.
    pub fn remove_others(&mut self, ruid: &[u8]) {
        for at in (0..self.contacts.len()).rev() {
            if self.contacts[at].ruid() != ruid {
                self.remove(at);
            }
        }
    }

    /// The unique id of the contact at `at`.
    #[must_use]
    pub fn ruid(&self, at: usize) -> Str {
        Str::copy_from(self.contacts[at].ruid())
    }
}
