//! The database behind the tables: what is read from it and written to it, by `db_mode`.
//!
//! Memory comes first in modes 1 and 2: a change is made in the table, whose contacts know what the database has of them
//! (`Stage`), and what waits is taken out as a `Batch`. In mode 1 the request waits for that, in mode 2 the timer does it.
//! In mode 3 nothing is in memory: contacts are read, changed and written while the address of record has its turn.

use std::sync::atomic::{AtomicU64, Ordering};

use database::{Change, Database, Error, Filter, Operator, Scheme, Select};
use engine::Str;
use engine::log::Level;

use super::contact::{Contact, Stage};
use super::editor::Editor;
use super::row::{ATTRIBUTE_COLUMNS, add_attribute};
use super::table::{Batch, EventKind, Gone, Row, Table};
use super::{Usrloc, local_socket};

/// Rows of one statement.
const STATEMENT: usize = 500;
/// Rows of one transaction.
const TRANSACTION: usize = 2000;
/// The table of attributes.
pub(super) const ATTRIBUTES: &str = "location_attrs";

/// `db_mode` above 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    WriteThrough,
    WriteBack,
    DatabaseOnly,
    ReadOnly,
}

/// The database of the module.
pub(super) struct Store {
    pub(super) database: Database,
    pub(super) mode: Mode,
    /// Only one at a time writes what waits.
    flushing: tokio::sync::Mutex<()>,
    /// Rows that could not be read.
    unreadable: AtomicU64,
}

impl Store {
    pub(super) fn new(database: Database, mode: Mode) -> Self {
        Self { database, mode, flushing: tokio::sync::Mutex::default(), unreadable: AtomicU64::new(0) }
    }
}

impl Usrloc {
    /// The database when nothing is kept in memory.
    fn only_store(&self) -> Option<&Store> {
        self.store.as_ref().filter(|store| store.mode == Mode::DatabaseOnly)
    }

    /// True when contacts are in the database only.
    #[must_use]
    pub fn has_no_memory(&self) -> bool {
        self.only_store().is_some()
    }

    /// All contacts of an address of record, best first, also those that ended and were not removed yet.
    pub async fn all_contacts(&self, table: &Table, aor: &[u8]) -> Result<Vec<Contact>, Error> {
        match self.only_store() {
            None => Ok(table.all_contacts_of(aor).unwrap_or_default()),
            Some(store) => {
                let mut editor = Editor::new(table, aor);
                self.read_aor(store, &mut editor, aor).await?;
                Ok(editor.contacts())
            }
        }
    }

    /// The contacts of an address of record that can be used now, best first.
    pub async fn usable_contacts(&self, table: &Table, aor: &[u8]) -> Result<Vec<Contact>, Error> {
        let now = self.now();
        let mut contacts = match self.only_store() {
            None => table.contacts_of(aor, now),
            Some(_) => self.all_contacts(table, aor).await?,
        };
        contacts.retain(|contact| contact.is_valid(now) && !self.is_lost(contact));
        Ok(contacts)
    }

    /// Address of record and contact by the hash of the first and the unique id of the second. A hash of an earlier run is not
    /// known any more: then the database is asked.
    pub async fn find_by_ruid(&self, table: &Table, hash: u64, ruid: &[u8]) -> Result<Option<(Str, Contact)>, Error> {
        if let Some(found) = table.find_by_hash(hash, ruid) {
            return Ok(Some(found));
        }
        let Some(store) = &self.store else { return Ok(None) };
        let filter = [Filter::equal(&self.params.ruid_column, database::Value::text(ruid))];
        let rows = self.read(store, table, &filter, None).await?;
        let Some((aor, _)) = rows.into_iter().next() else { return Ok(None) };
        let contacts = self.all_contacts(table, &aor).await?;
        Ok(contacts.into_iter().find(|contact| *contact.ruid == *ruid).map(|contact| (Str::from(aor), contact)))
    }

    /// Changes the contacts of an address of record in one step. With `db_mode` 1 and 3 it is in the database when this
    /// returns; an error says that it is not (in mode 1 it is in memory all the same and is written later).
    pub async fn change<R: Send>(
        &self,
        table: &Table,
        aor: &[u8],
        memory_only: bool,
        change: impl FnOnce(&mut Editor<'_>) -> R + Send,
    ) -> Result<R, Error> {
        let change = move |editor: &mut Editor<'_>| {
            if memory_only {
                editor.memory_only();
            }
            change(editor)
        };
        let store = match &self.store {
            Some(store) if matches!(store.mode, Mode::WriteThrough | Mode::DatabaseOnly) => store,
            _ => return Ok(table.edit(aor, change)),
        };
        if store.mode == Mode::DatabaseOnly {
            return self.change_rows(store, table, aor, change).await;
        }
        let result = table.edit(aor, change);
        let _turn = table.turns[Table::shard_of(table.hash(aor))].lock().await;
        // Whoever had the turn before may have written this too; then there is nothing left.
        let mut batch = table.take_record(aor, STATEMENT);
        if !batch.is_empty() {
            self.write(store, table, &batch.gone, &batch.rows).await?;
            batch.done();
        }
        Ok(result)
    }

    /// The same without memory.
    async fn change_rows<R: Send>(
        &self,
        store: &Store,
        table: &Table,
        aor: &[u8],
        change: impl FnOnce(&mut Editor<'_>) -> R + Send,
    ) -> Result<R, Error> {
        let hash = table.hash(aor);
        let _turn = table.turns[Table::shard_of(hash)].lock().await;
        let mut editor = Editor::new(table, aor);
        editor.persists = true;
        self.read_aor(store, &mut editor, aor).await?;
        let result = change(&mut editor);
        let aor = Str::copy_from(aor);
        let waiting = editor.contacts.iter().filter(|contact| contact.stage.waits());
        let rows: Vec<Row> = waiting.map(|contact| Row { hash, aor: aor.clone(), contact: contact.unpack() }).collect();
        let (gone, events) = (std::mem::take(&mut editor.gone), std::mem::take(&mut editor.events));
        drop(editor);
        if !rows.is_empty() || !gone.is_empty() {
            self.write(store, table, &gone, &rows).await?;
        }
        table.tell(&aor, events);
        Ok(result)
    }

    /// Removes the contact of a unique id; false when there is none. For `db_mode` 3, where no address of record is needed.
    pub async fn remove_ruid(&self, table: &Table, ruid: &[u8]) -> Result<bool, Error> {
        let Some(store) = self.only_store() else { return Ok(false) };
        let filter = [Filter::equal(&self.params.ruid_column, database::Value::text(ruid))];
        let Some((aor, _)) = self.read(store, table, &filter, None).await?.into_iter().next() else { return Ok(false) };
        self.change(table, &aor, false, |editor| match editor.find_ruid(ruid) {
            Some(at) => {
                editor.remove(at);
                true
            }
            None => false,
        })
        .await
    }

    /// Rows as contacts. Those that cannot be read are logged and left out.
    async fn read(
        &self,
        store: &Store,
        table: &Table,
        filter: &[Filter<'_>],
        limit: Option<u32>,
    ) -> Result<Vec<(Vec<u8>, Contact)>, Error> {
        let (name, columns) = (table.name.to_text(), self.params.columns());
        let order = limit.map(|_| &*self.params.ruid_column);
        let select = Select { table: &name, columns: &columns, filter, order, limit };
        let rows = store.database.select(&select).await?.rows;
        Ok(rows.into_iter().filter_map(|row| self.contact_of(store, table, row)).collect())
    }

    fn contact_of(&self, store: &Store, table: &Table, row: Vec<database::Value>) -> Option<(Vec<u8>, Contact)> {
        let (aor, mut contact, socket) = match self.params.read(row) {
            Ok(read) => read,
            Err(wrong) => {
                // Asked each time, a table full of them would fill the log.
                if store.unreadable.fetch_add(1, Ordering::Relaxed) < 20 {
                    engine::log!(self.core.log, Error, "usrloc: a row of `{}` is left out: {wrong}", table.name);
                }
                return None;
            }
        };
        contact.socket = socket.as_ref().and_then(|socket| local_socket(&self.core, socket));
        if self.params.skip_remote_socket && socket.is_some() && contact.socket.is_none() {
            return None;
        }
        // The numbers of connections begin anew with each start: an old one would name somebody else's.
        let ours = contact.server_id == self.core.settings.server_id as u32
            && i64::from(contact.modified) >= self.core.start_time();
        contact.connection = contact.connection.filter(|_| ours && store.mode == Mode::DatabaseOnly);
        Some((aor, contact))
    }

    /// Reads the contacts of an address of record, with their attributes.
    async fn read_aor(&self, store: &Store, editor: &mut Editor<'_>, aor: &[u8]) -> Result<(), Error> {
        let table = editor.table();
        let found = self.read(store, table, &self.params.of_aor(aor), None).await?;
        for (_, mut contact) in found {
            if self.params.xavp_contact.is_some() {
                let filter = self.params.attributes_of(aor, &contact.ruid);
                let select =
                    Select { table: ATTRIBUTES, columns: &ATTRIBUTE_COLUMNS, filter: &filter, ..Select::default() };
                for row in store.database.select(&select).await?.rows {
                    if let Some((_, _, name, value)) = self.params.read_attribute(&row) {
                        add_attribute(&mut contact, name, value);
                    }
                }
            }
            editor.load(contact);
        }
        Ok(())
    }

    /// Fills a table from the database.
    pub(super) async fn load(&self, table: &Table) -> Result<(), Error> {
        let Some(store) = &self.store else { return Ok(()) };
        let params = &self.params;
        let server = params.only_server(&self.core);
        let now = self.now();
        let limit = if params.fetch_rows == 0 { u32::MAX } else { params.fetch_rows };
        let mut last = database::Value::text(b"");
        let (name, columns) = (table.name.to_text(), params.columns());
        loop {
            let mut filter =
                vec![Filter { column: &params.ruid_column, operator: Operator::Greater, value: last.clone() }];
            filter.extend(server.map(|id| Filter::equal(&params.server_id_column, id)));
            if params.db_clean_tcp {
                let operator = Operator::AtMost;
                filter.push(Filter { column: &params.connection_id_column, operator, value: 0.into() });
            }
            let order = Some(&*params.ruid_column);
            let select = Select { table: &name, columns: &columns, filter: &filter, order, limit: Some(limit) };
            let rows = store.database.select(&select).await?.rows;
            let full = rows.len() as u64 == u64::from(limit);
            if let Some(ruid) = rows.last().and_then(|row| row.first()) {
                last = ruid.clone();
            }
            for row in rows {
                let Some((aor, contact)) = self.contact_of(store, table, row) else { continue };
                if contact.is_valid(now) {
                    table.edit(&aor, |editor| editor.load(contact));
                }
            }
            if !full {
                break;
            }
        }
        if params.xavp_contact.is_some() {
            self.load_attributes(store, table).await?;
        }
        Ok(())
    }

    /// Reads all attributes, in the order they were written.
    async fn load_attributes(&self, store: &Store, table: &Table) -> Result<(), Error> {
        let limit = if self.params.fetch_rows == 0 { u32::MAX } else { self.params.fetch_rows };
        let mut columns = ATTRIBUTE_COLUMNS.to_vec();
        columns.push("id");
        let mut last = 0;
        loop {
            let filter = [Filter { column: "id", operator: Operator::Greater, value: last.into() }];
            let select =
                Select { table: ATTRIBUTES, columns: &columns, filter: &filter, order: Some("id"), limit: Some(limit) };
            let rows = store.database.select(&select).await?.rows;
            let full = rows.len() as u64 == u64::from(limit);
            for row in rows {
                let Some((id, row)) = row.split_last() else { continue };
                last = id.to_int().unwrap_or(i64::MAX);
                if let Some((aor, ruid, name, value)) = self.params.read_attribute(row) {
                    table.touch(table.hash(&aor), &ruid, |contact| contact.add_attribute(name, value));
                }
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// Removes rows at the start: of contacts that ended, and with `db_clean_tcp` of connections.
    pub(super) async fn clean(&self, table: &Table) -> Result<(), Error> {
        let Some(store) = &self.store else { return Ok(()) };
        if !matches!(store.mode, Mode::WriteThrough | Mode::WriteBack) {
            return Ok(());
        }
        self.clean_ended(store, table, self.now()).await?;
        if self.params.db_clean_tcp {
            let (column, operator) = (&*self.params.connection_id_column, Operator::Greater);
            let mut filter = vec![Filter { column, operator, value: 0.into() }];
            let server = self.params.only_server(&self.core);
            filter.extend(server.map(|id| Filter::equal(&self.params.server_id_column, id)));
            let name = table.name.to_text();
            store.database.apply(vec![Change::Delete { table: &name, filter }]).await?;
        }
        Ok(())
    }

    /// Removes the rows of contacts that ended, whoever wrote them.
    async fn clean_ended(&self, store: &Store, table: &Table, before: i64) -> Result<(), Error> {
        let name = table.name.to_text();
        let filter = self.params.ended(before, self.params.only_server(&self.core));
        let counts = store.mode == Mode::DatabaseOnly;
        let told = counts && table.wants(EventKind::Expire);
        if told || self.params.xavp_contact.is_some() {
            loop {
                let ended = self.read(store, table, &filter, Some(STATEMENT as u32)).await?;
                let gone: Vec<Gone> = ended.iter().map(|(aor, contact)| Gone::of_contact(aor, contact)).collect();
                if gone.is_empty() {
                    break;
                }
                self.write(store, table, &gone, &[]).await?;
                for (aor, contact) in ended.into_iter().filter(|_| counts) {
                    table.expired.increment();
                    table.tell(&aor, vec![(EventKind::Expire, contact)]);
                }
                if gone.len() < STATEMENT {
                    break;
                }
            }
        }
        let changed = store.database.apply(vec![Change::Delete { table: &name, filter }]).await?;
        if counts {
            table.expired.add(changed.first().map_or(0, |count| i64::try_from(*count).unwrap_or(0)));
        }
        Ok(())
    }

    /// Runs every `timer_interval`: writes what waits, removes what is over.
    pub(super) async fn synchronize(&self, table: &Table) {
        let Some(store) = &self.store else { return };
        let mut result = Ok(());
        if matches!(store.mode, Mode::WriteThrough | Mode::WriteBack) {
            result = self.flush(table, false).await;
        }
        let cleans = match store.mode {
            Mode::DatabaseOnly => true,
            Mode::WriteThrough | Mode::WriteBack => self.params.db_timer_clean,
            Mode::ReadOnly => false,
        };
        if cleans && result.is_ok() {
            result = self.clean_ended(store, table, self.now() - self.params.rm_expired_delay).await;
        }
        if let Err(error) = result {
            let later = "what waits is written later";
            engine::log!(
                self.core.log,
                Error,
                "usrloc: table `{}` was not brought up to date, {later}: {error}",
                table.name
            );
        }
    }

    /// Writes everything that waits. `again`: also what was refused before.
    pub(super) async fn flush(&self, table: &Table, again: bool) -> Result<(), Error> {
        let Some(store) = &self.store else { return Ok(()) };
        let _alone = store.flushing.lock().await;
        let mut batch = Batch::new(table);
        for (index, turn) in table.turns.iter().enumerate() {
            // Only write-through has others that write.
            let turn = if store.mode == Mode::WriteThrough { Some(turn.lock().await) } else { None };
            loop {
                let more = table.take_shard(index, &mut batch, TRANSACTION, again);
                if batch.len() >= TRANSACTION || turn.is_some() && !batch.is_empty() {
                    self.write_batch(store, table, &mut batch).await?;
                }
                if !more {
                    break;
                }
            }
            drop(turn);
            tokio::task::yield_now().await;
        }
        self.write_batch(store, table, &mut batch).await
    }

    /// Writes a batch. When the database refuses it, the contacts are tried one by one: what one client sent must not keep the
    /// contacts of others out.
    async fn write_batch(&self, store: &Store, table: &Table, batch: &mut Batch<'_>) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let first = match self.write(store, table, &batch.gone, &batch.rows).await {
            Err(error @ (Error::Refused(_) | Error::Duplicate(_))) => error,
            result => {
                result?;
                batch.done();
                return Ok(());
            }
        };
        // Perhaps it is the table that is wrong.
        let (name, column) = (table.name.to_text(), &*self.params.ruid_column);
        let probe = Select { table: &name, columns: &[column], limit: Some(1), ..Select::default() };
        store.database.select(&probe).await.map_err(|_| first)?;
        self.write(store, table, &batch.gone, &[]).await?;
        let mut ranges: Vec<_> = std::iter::once(0..batch.rows.len()).collect();
        while let Some(range) = ranges.pop() {
            match self.write(store, table, &[], &batch.rows[range.clone()]).await {
                Err(error @ (Error::Refused(_) | Error::Duplicate(_))) if range.len() == 1 => {
                    let row = &batch.rows[range.start];
                    self.refused(table, row, &error);
                }
                Err(Error::Refused(_) | Error::Duplicate(_)) => {
                    let middle = range.start + range.len() / 2;
                    ranges.extend([middle..range.end, range.start..middle]);
                }
                result => result?,
            }
        }
        batch.done();
        Ok(())
    }

    fn refused(&self, table: &Table, row: &Row, error: &Error) {
        let (aor, uri) = (&row.aor, &row.contact.uri);
        engine::log!(self.core.log, Error, "usrloc: table `{}` refuses contact {uri} of {aor}: {error}", table.name);
        table.touch(row.hash, &row.contact.ruid, |contact| {
            if contact.stage == Stage::Synced {
                contact.stage = Stage::Refused;
            }
        });
    }

    /// One transaction.
    async fn write(&self, store: &Store, table: &Table, gone: &[Gone], rows: &[Row]) -> Result<(), Error> {
        let params = &self.params;
        let name = table.name.to_text();
        let columns = params.columns();
        let matching = table.shared.rules.matching;
        let keys: &[&str] = match store.database.url().scheme {
            // Without keys all columns get their new values, whichever index found the row.
            Scheme::Mysql if params.db_insert_update => &[],
            _ => &[&params.ruid_column],
        };
        let has_attributes = params.xavp_contact.is_some();
        let mut changes = Vec::new();
        for gone in gone {
            changes.push(Change::Delete { table: &name, filter: params.of_contact(gone, matching) });
            if has_attributes {
                let filter = params.attributes_of(&gone.aor, &gone.ruid);
                changes.push(Change::Delete { table: ATTRIBUTES, filter });
            }
        }
        let (mut values, mut attributes) = (Vec::with_capacity(rows.len()), Vec::new());
        let mut updates = Vec::new();
        for row in rows {
            let contact = &row.contact;
            let new = params.row(&row.aor, contact, self.socket_name(contact.socket));
            if has_attributes {
                if contact.stage != Stage::New {
                    let filter = params.attributes_of(&row.aor, &contact.ruid);
                    changes.push(Change::Delete { table: ATTRIBUTES, filter });
                }
                attributes.append(&mut params.attribute_rows(&row.aor, contact, self.now()));
            }
            if contact.stage == Stage::Changed && !params.db_ops_ruid && !params.db_update_as_insert {
                updates.push((row, new));
            } else {
                values.push(new);
            }
        }
        while !values.is_empty() {
            let rest = values.split_off(values.len().min(STATEMENT));
            let rows = std::mem::replace(&mut values, rest);
            changes.push(Change::Upsert { table: &name, keys, columns: &columns, rows });
        }
        while !attributes.is_empty() {
            let rest = attributes.split_off(attributes.len().min(STATEMENT));
            let rows = std::mem::replace(&mut attributes, rest);
            changes.push(Change::Insert { table: ATTRIBUTES, columns: &ATTRIBUTE_COLUMNS, rows });
        }
        let before = changes.len();
        for (row, new) in &updates {
            let set = columns.iter().copied().zip(new.iter().cloned()).collect();
            let filter = params.of_contact(&Gone::of_contact(&row.aor, &row.contact), matching);
            changes.push(Change::Update { table: &name, set, filter });
        }
        let counts = store.database.apply(changes).await?;
        if params.db_check_update && !updates.is_empty() {
            let missing =
                updates.into_iter().zip(&counts[before.min(counts.len())..]).filter(|(_, count)| **count == 0);
            let rows: Vec<_> = missing.map(|((_, new), _)| new).collect();
            if !rows.is_empty() {
                store.database.apply(vec![Change::Upsert { table: &name, keys, columns: &columns, rows }]).await?;
            }
        }
        Ok(())
    }

    /// Writes everything that waits; what cannot be written now is lost, and said.
    pub(super) async fn finish(&self) {
        let Some(store) = &self.store else { return };
        if !matches!(store.mode, Mode::WriteThrough | Mode::WriteBack) {
            return;
        }
        for table in self.tables() {
            if let Err(error) = self.flush(&table, true).await {
                let text = format!("usrloc: contacts of table `{}` that changed last are lost: {error}", table.name);
                self.core.log.write(Level::Error, &text);
            }
        }
    }
}
