//! Changing the contacts of one address of record.

use engine::Str;

use super::contact::{Contact, Stage, Stored};
use super::table::{EventKind, Freshness, Gone, Happened, Matching, Table};

/// The contacts of one address of record while they are changed. The table is locked meanwhile: no waiting here.
pub struct Editor<'a> {
    table: &'a Table,
    aor: &'a [u8],
    pub(super) contacts: Vec<Stored>,
    pub(super) events: Happened,
    /// What is to be removed from the database.
    pub(super) gone: Vec<Gone>,
    /// Contacts added minus removed.
    pub(super) changes: i64,
    /// Somebody asks for `gone`.
    pub(super) persists: bool,
    memory_only: bool,
}

impl<'a> Editor<'a> {
    pub(super) fn new(table: &'a Table, aor: &'a [u8]) -> Self {
        let persists = table.shared.persists;
        Self {
            table,
            aor,
            contacts: Vec::new(),
            events: Vec::new(),
            gone: Vec::new(),
            changes: 0,
            persists,
            memory_only: false,
        }
    }

    /// The table.
    pub(super) const fn table(&self) -> &'a Table {
        self.table
    }

    /// What happens from now on is not written to a database.
    pub const fn memory_only(&mut self) {
        self.memory_only = true;
    }

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
            self.forget(at);
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
        let mut stored = Stored::pack(contact);
        stored.stage = if self.memory_only { Stage::MemoryOnly } else { Stage::New };
        let at = self.place(stored.q);
        // Most addresses have one contact: no memory for more is taken in advance.
        self.contacts.reserve_exact(1);
        self.contacts.insert(at, stored);
        self.changes += 1;
        self.note(EventKind::Insert, at);
    }

    /// Adds a contact that was read from a database; of two that are the same binding the one that changed last stays.
    pub(super) fn load(&mut self, contact: Contact) {
        if let Some(at) = self.find(&contact) {
            if self.contacts[at].modified > contact.modified {
                if self.persists {
                    self.gone.push(Gone::of(self.aor, &Stored::pack(contact)));
                }
                return;
            }
            self.forget(at);
        }
        let newest_first = self.table.shared.rules.newest_first;
        let stored = Stored::pack(contact);
        let later = |other: &Stored| other.modified > stored.modified;
        let at = self.contacts.iter().position(|other| match newest_first {
            true => !later(other),
            false => other.q < stored.q || other.q == stored.q && later(other),
        });
        self.contacts.reserve_exact(1);
        self.contacts.insert(at.unwrap_or(self.contacts.len()), stored);
        self.changes += 1;
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
        stored.stage = if self.memory_only { old.stage } else { old.stage.changed() };
        if self.persists && self.table.shared.by_uri && stored.stage.is_stored() && old.uri() != stored.uri() {
            // Its row is found by what it was.
            self.gone.push(Gone::of(self.aor, &old));
            stored.stage = Stage::New;
        }
        let to = if stored.q == old.q && !self.table.shared.rules.newest_first { at } else { self.place(stored.q) };
        self.contacts.insert(to, stored);
        self.note(EventKind::Update, to);
    }

    /// Removes the contact at `at`.
    pub fn remove(&mut self, at: usize) {
        self.note(EventKind::Delete, at);
        self.forget(at);
    }

    fn forget(&mut self, at: usize) {
        let contact = self.contacts.remove(at);
        self.changes -= 1;
        if self.persists && !self.memory_only && contact.stage.is_stored() {
            self.gone.push(Gone::of(self.aor, &contact));
        }
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
