//! All remote registrations, in memory.

use engine::Str;
use hashbrown::HashMap;

use super::record::{DISABLED, ONLINE, Record};

/// By which column a record is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    Uuid,
    User,
    RemoteUser,
    AuthUser,
}

impl Attribute {
    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"l_uuid" => Self::Uuid,
            b"l_username" => Self::User,
            b"r_username" => Self::RemoteUser,
            b"auth_username" => Self::AuthUser,
            _ => return None,
        })
    }
}

/// The records in the order they came, and where they are.
#[derive(Default)]
pub(super) struct Table {
    records: Vec<Record>,
    by_uuid: HashMap<Str, usize>,
    by_user: HashMap<Str, Vec<usize>>,
}

impl Table {
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    pub(super) fn records_mut(&mut self) -> &mut [Record] {
        &mut self.records
    }

    /// Takes the place of all records.
    pub(super) fn replace_all(&mut self, records: Vec<Record>) {
        self.records = records;
        self.by_uuid.clear();
        self.by_user.clear();
        for at in 0..self.records.len() {
            self.index(at);
        }
    }

    fn index(&mut self, at: usize) {
        let row = &self.records[at].row;
        self.by_uuid.insert(row.uuid.clone(), at);
        self.by_user.entry(row.user.clone()).or_default().push(at);
    }

    /// Adds a record, or takes the place of the one with the same key.
    pub(super) fn put(&mut self, record: Record) {
        match self.by_uuid.get(&record.row.uuid).copied() {
            Some(at) => {
                let mut records = std::mem::take(&mut self.records);
                records[at] = record;
                self.replace_all(records);
            }
            None => {
                self.records.push(record);
                self.index(self.records.len() - 1);
            }
        }
    }

    pub(super) fn remove(&mut self, uuid: &Str) -> bool {
        let Some(at) = self.by_uuid.get(uuid).copied() else { return false };
        let mut records = std::mem::take(&mut self.records);
        records.remove(at);
        self.replace_all(records);
        true
    }

    pub(super) fn get(&self, uuid: &Str) -> Option<&Record> {
        self.by_uuid.get(uuid).map(|at| &self.records[*at])
    }

    pub(super) fn get_mut(&mut self, uuid: &Str) -> Option<&mut Record> {
        self.by_uuid.get(uuid).map(|at| &mut self.records[*at])
    }

    /// The first record of a local user; with a domain only of that.
    pub(super) fn of_user(&self, user: &Str, domain: Option<&[u8]>) -> Option<&Record> {
        let found = self.by_user.get(user)?.iter().map(|at| &self.records[*at]);
        found.into_iter().find(|record| domain.is_none_or(|domain| record.row.domain.eq_ignore_case(domain)))
    }

    /// The key of the first record with a value.
    pub(super) fn find(&self, attribute: Attribute, value: &Str) -> Option<Str> {
        let found = match attribute {
            Attribute::Uuid => self.get(value),
            Attribute::User => self.of_user(value, None),
            Attribute::RemoteUser => self.records.iter().find(|record| record.row.remote_user == *value),
            Attribute::AuthUser => self.records.iter().find(|record| record.row.auth_user == *value),
        };
        found.map(|record| record.row.uuid.clone())
    }

    /// All, registered ones, disabled ones.
    pub(super) fn counts(&self) -> [usize; 3] {
        let disabled = self.records.iter().filter(|record| record.has(DISABLED)).count();
        let online = self.records.iter().filter(|record| record.has(ONLINE) && !record.has(DISABLED)).count();
        [self.records.len(), online, disabled]
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Row;
    use super::*;

    fn record(uuid: &str, user: &str, domain: &str) -> Record {
        let row = Row { uuid: uuid.into(), user: user.into(), domain: domain.into(), ..Row::default() };
        Record::new(row, 0, 0)
    }

    #[test]
    fn found_again_after_changes() {
        let mut table = Table::default();
        for uuid in ["a", "b", "c"] {
            table.put(record(uuid, "bob", &format!("{uuid}.example")));
        }
        assert_eq!(table.of_user(&"bob".into(), Some(b"B.example")).unwrap().row.uuid, "b");
        assert!(table.remove(&"a".into()) && !table.remove(&"a".into()));
        assert_eq!(table.of_user(&"bob".into(), None).unwrap().row.uuid, "b");
        table.put(record("b", "alice", "x"));
        assert_eq!(table.of_user(&"bob".into(), None).unwrap().row.uuid, "c");
        assert_eq!(table.find(Attribute::User, &"alice".into()).unwrap(), "b");
        assert_eq!(table.counts(), [2, 0, 0]);
        assert!(table.get(&"z".into()).is_none());
    }
}
