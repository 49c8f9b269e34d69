//! Text tables (`db_text`): a folder with a file per table, kept in memory.
//!
//! A changed table is written back a second later and at the end, as a new file that takes the place of the old one.

mod file;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::statement::{Change, Filter, Operator, Rows, Select};
use crate::table::TableDef;
use crate::value::Value;
use crate::{Database, Error, Options, Url, is_name};
use file::Table;

/// How long changes are collected before a file is written.
const WRITE_AFTER: Duration = Duration::from_secs(1);

pub(crate) struct Text {
    shared: Arc<Shared>,
    options: Options,
}

struct Shared {
    folder: PathBuf,
    delimiter: char,
    tables: Mutex<HashMap<String, Loaded>>,
    /// A task waits to write.
    waiting: AtomicBool,
}

struct Loaded {
    table: Table,
    modified: Option<SystemTime>,
    dirty: bool,
}

impl Text {
    pub(crate) fn open(url: &Url, options: &Options) -> Result<Self, Error> {
        let folder = PathBuf::from(&url.database);
        if options.create {
            std::fs::create_dir_all(&folder).map_err(|error| Error::Unavailable(format!("{url}: {error}")))?;
        }
        if !folder.is_dir() {
            return Err(Error::Unavailable(format!("{url}: there is no such folder")));
        }
        let shared =
            Shared { folder, delimiter: options.delimiter, tables: Mutex::default(), waiting: AtomicBool::new(false) };
        Ok(Self { shared: Arc::new(shared), options: options.clone() })
    }

    /// Runs `work` on a table, which is read first when it has to be. Text tables are small; reading one costs a
    /// worker less than handing it to another thread.
    fn on<T>(&self, name: &str, work: impl FnOnce(&mut Loaded) -> Result<T, Error>) -> Result<T, Error> {
        let mut tables = self.shared.tables.lock();
        let stale = match tables.get(name) {
            None => true,
            Some(loaded) if self.options.watch_files && !loaded.dirty => {
                modified(&self.shared.path(name)) != loaded.modified
            }
            Some(_) => false,
        };
        if stale {
            tables.insert(name.to_owned(), self.shared.read(name, self.options.empty_is_null)?);
        }
        match tables.get_mut(name) {
            Some(loaded) => work(loaded),
            None => Err(Error::Refused(format!("no table `{name}`"))),
        }
    }

    pub(crate) fn select(&self, select: &Select<'_>) -> Result<Rows, Error> {
        self.on(select.table, |loaded| {
            let table = &loaded.table;
            let wanted: Vec<usize> = if select.columns.is_empty() {
                (0..table.columns.len()).collect()
            } else {
                select.columns.iter().map(|column| table.index(column)).collect::<Result<_, _>>()?
            };
            let conditions = conditions(table, select.filter)?;
            let mut found: Vec<&Vec<Value>> = table.rows.iter().filter(|row| holds(row, &conditions)).collect();
            if let Some(column) = select.order {
                let index = table.index(column)?;
                found.sort_by(|a, b| compare(&a[index], &b[index]).unwrap_or(std::cmp::Ordering::Equal));
            }
            found.truncate(select.limit.map_or(self.options.most_rows, |limit| limit as usize));
            Ok(Rows {
                columns: wanted.iter().map(|index| table.columns[*index].name.clone()).collect(),
                rows: found.iter().map(|row| wanted.iter().map(|index| row[*index].clone()).collect()).collect(),
            })
        })
    }

    pub(crate) fn apply(&self, changes: Vec<Change<'_>>) -> Result<Vec<u64>, Error> {
        let counts = changes.into_iter().map(|change| self.change(change)).collect();
        self.write_soon();
        counts
    }

    fn change(&self, change: Change<'_>) -> Result<u64, Error> {
        let table = match &change {
            Change::Insert { table, .. }
            | Change::Upsert { table, .. }
            | Change::Update { table, .. }
            | Change::Delete { table, .. } => *table,
        };
        self.on(table, |loaded| {
            let count = carry_out(&mut loaded.table, change)?;
            loaded.dirty |= count > 0;
            Ok(count)
        })
    }

    fn write_soon(&self) {
        if self.shared.waiting.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = self.shared.clone();
        tokio::spawn(async move {
            tokio::time::sleep(WRITE_AFTER).await;
            shared.waiting.store(false, Ordering::Release);
            let _ = tokio::task::spawn_blocking(move || shared.write()).await;
        });
    }

    pub(crate) async fn close(&self) {
        let shared = self.shared.clone();
        let _ = tokio::task::spawn_blocking(move || shared.write()).await;
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|data| data.modified()).ok()
}

impl Shared {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn read(&self, name: &str, empty_is_null: bool) -> Result<Loaded, Error> {
        if !is_name(name) {
            return Err(Error::Refused(format!("`{name}` is no name of a table")));
        }
        let path = self.path(name);
        let text = std::fs::read(&path).map_err(|error| Error::Refused(format!("{}: {error}", path.display())))?;
        let text = String::from_utf8_lossy(&text);
        let table = Table::parse(&text, self.delimiter, empty_is_null)
            .map_err(|problem| Error::Refused(format!("{}: {problem}", path.display())))?;
        Ok(Loaded { table, modified: modified(&path), dirty: false })
    }

    /// Writes the tables that changed. A failure leaves them marked, so that it is tried again at the next change.
    fn write(&self) {
        let mut tables = self.tables.lock();
        for (name, loaded) in tables.iter_mut().filter(|(_, loaded)| loaded.dirty) {
            let path = self.path(name);
            let new = self.folder.join(format!(".{name}.new"));
            let written =
                std::fs::write(&new, loaded.table.print(self.delimiter)).and_then(|()| std::fs::rename(&new, &path));
            if written.is_ok() {
                loaded.dirty = false;
                loaded.modified = modified(&path);
            }
        }
    }
}

impl Database {
    /// Creates the file of a table.
    pub(crate) async fn create_text_table(&self, table: &TableDef) -> Result<(), Error> {
        let path = Path::new(&self.url().database).join(table.name);
        let header = file::header(table);
        std::fs::write(&path, header).map_err(|error| Error::Refused(format!("{}: {error}", path.display())))
    }
}

type Condition<'a> = (usize, Operator, &'a Value);

fn conditions<'a>(table: &Table, filter: &'a [Filter<'_>]) -> Result<Vec<Condition<'a>>, Error> {
    filter.iter().map(|filter| Ok((table.index(filter.column)?, filter.operator, &filter.value))).collect()
}

fn holds(row: &[Value], conditions: &[Condition<'_>]) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    conditions.iter().all(|(index, operator, value)| {
        let cell = &row[*index];
        match (operator, value.is_null()) {
            (Operator::NotEqual, true) => !cell.is_null(),
            (_, true) => cell.is_null(),
            _ => match (compare(cell, value), operator) {
                (None, _) => false,
                (Some(order), Operator::Equal) => order == Equal,
                (Some(order), Operator::NotEqual) => order != Equal,
                (Some(order), Operator::Less) => order == Less,
                (Some(order), Operator::Greater) => order == Greater,
                (Some(order), Operator::AtMost) => order != Greater,
                (Some(order), Operator::AtLeast) => order != Less,
            },
        }
    })
}

/// `None` when one of them is `NULL`.
fn compare(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Blob(a), Value::Blob(b)) => Some(a.cmp(b)),
        _ => match (a.to_double(), b.to_double()) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => Some(a.to_text()?.cmp(&b.to_text()?)),
        },
    }
}

fn carry_out(table: &mut Table, change: Change<'_>) -> Result<u64, Error> {
    match change {
        Change::Insert { columns, rows, .. } => {
            let count = rows.len() as u64;
            for row in rows {
                table.insert(columns, row)?;
            }
            Ok(count)
        }
        Change::Upsert { keys, columns, rows, .. } => {
            let count = rows.len() as u64;
            for row in rows {
                let filter: Vec<Filter<'_>> = columns
                    .iter()
                    .zip(&row)
                    .filter(|(column, _)| keys.contains(column))
                    .map(|(column, value)| Filter::equal(column, value.clone()))
                    .collect();
                let conditions = conditions(table, &filter)?;
                let found = table.rows.iter().position(|row| holds(row, &conditions));
                match found {
                    None => table.insert(columns, row)?,
                    Some(at) => {
                        for (column, value) in columns.iter().zip(row) {
                            table.set(at, column, value)?;
                        }
                    }
                }
            }
            Ok(count)
        }
        Change::Update { set, filter, .. } => {
            let conditions = conditions(table, &filter)?;
            let found: Vec<usize> = (0..table.rows.len()).filter(|at| holds(&table.rows[*at], &conditions)).collect();
            for at in &found {
                for (column, value) in &set {
                    table.set(*at, column, value.clone())?;
                }
            }
            Ok(found.len() as u64)
        }
        Change::Delete { filter, .. } => {
            let conditions = conditions(table, &filter)?;
            let before = table.rows.len();
            table.rows.retain(|row| !holds(row, &conditions));
            Ok((before - table.rows.len()) as u64)
        }
    }
}
