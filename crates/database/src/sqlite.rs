//! SQLite: several readers, one writer. Changes that wait while the writer is busy are written together, so that a disk
//! that takes its time costs once for all of them.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashSet;
use parking_lot::Mutex;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Column as _, ConnectOptions as _, Connection as _, Row as _, Sqlite as Lite, TypeInfo as _, ValueRef as _};
use tokio::sync::{mpsc, oneshot};

use crate::driver::{acquire, collect, error, settle};
use crate::single::is_single;
use crate::sql::{self, Sql};
use crate::statement::{Change, Outcome, Rows, Select};
use crate::value::{Value, parse_civil};
use crate::{Error, Options, Scheme, Url};

/// Changes that may wait for the writer.
const QUEUE: usize = 10_000;
/// Changes that are written in one transaction.
const GROUP: usize = 1_000;
/// Rows that the thread of a connection reads ahead: each hand-over costs two switches of threads.
const ROWS_AHEAD: usize = 2_000;
/// Julian day of 1970-01-01: Kamailio keeps dates as Julian days (UTC) here.
const JULIAN_1970: f64 = 2_440_587.5;

pub(crate) struct Sqlite {
    readers: sqlx::Pool<Lite>,
    writer: mpsc::Sender<Job>,
    /// The columns of each table that are declared as dates. The driver tells the declared type only when it knows it,
    /// and Kamailio's `TIMESTAMP WITHOUT TIME ZONE` it does not know.
    dates: Mutex<Option<Dates>>,
    url: Url,
    limit: Duration,
}

/// Pairs of table and column.
type Dates = Arc<HashSet<(String, String)>>;

enum Work {
    /// All or none.
    Changes(Vec<Sql>),
    /// As the script wrote it.
    Raw(String),
    /// Everything before it is written; the connection is closed.
    Close,
}

/// Rows that a statement has, and how many each changed.
type Written = (Vec<SqliteRow>, Vec<u64>);

struct Job {
    work: Work,
    done: oneshot::Sender<Result<Written, Error>>,
}

fn connect_options(url: &Url, options: &Options) -> SqliteConnectOptions {
    let mut connect = SqliteConnectOptions::new()
        .filename(&url.database)
        .create_if_missing(options.create)
        .busy_timeout(options.busy_limit)
        .foreign_keys(false)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging();
    if options.read_only {
        return connect.read_only(true).create_if_missing(false);
    }
    let mode = match options.journal_mode.as_deref().map(str::to_ascii_uppercase).as_deref() {
        Some("DELETE") => SqliteJournalMode::Delete,
        Some("TRUNCATE") => SqliteJournalMode::Truncate,
        Some("PERSIST") => SqliteJournalMode::Persist,
        Some("MEMORY") => SqliteJournalMode::Memory,
        Some("OFF") => SqliteJournalMode::Off,
        _ => SqliteJournalMode::Wal,
    };
    connect = connect.journal_mode(mode);
    if mode == SqliteJournalMode::Wal {
        // Survives the end of the process at any moment; a power cut may cost the last transactions, never the file.
        connect = connect.synchronous(SqliteSynchronous::Normal);
    }
    connect
}

impl Sqlite {
    pub(crate) async fn open(url: &Url, options: &Options) -> Result<Self, Error> {
        let connect = connect_options(url, options);
        let writer = SqliteConnection::connect_with(&connect)
            .await
            .map_err(|problem| Error::Unavailable(format!("{url}: {problem}")))?;
        let (sender, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(write(writer, jobs, url.clone()));
        let readers = SqlitePoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.query_limit)
            .test_before_acquire(false)
            .connect_lazy_with(connect.create_if_missing(false));
        Ok(Self { readers, writer: sender, dates: Mutex::default(), url: url.clone(), limit: options.query_limit })
    }

    pub(crate) async fn select(&self, select: &Select<'_>) -> Result<Rows, Error> {
        let sql = sql::select(Scheme::Sqlite, select)?;
        let dates = self.dates().await?;
        let table = select.table.to_owned();
        Ok(decode(&self.read(sql).await?, |column| dates.contains(&(table.clone(), column.to_owned()))))
    }

    /// The columns that are dates.
    async fn dates(&self) -> Result<Dates, Error> {
        if let Some(known) = &*self.dates.lock() {
            return Ok(known.clone());
        }
        let text = "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' \
                    AND (upper(c.type) LIKE 'TIMESTAMP%' OR upper(c.type) LIKE 'DATETIME%')";
        let rows = self.read(Sql::plain(text)).await?;
        let cell = |row: &SqliteRow, index: usize| row.try_get::<String, _>(index).unwrap_or_default();
        let found: Dates = Arc::new(rows.iter().map(|row| (cell(row, 0), cell(row, 1))).collect());
        *self.dates.lock() = Some(found.clone());
        Ok(found)
    }

    async fn read(&self, sql: Sql) -> Result<Vec<SqliteRow>, Error> {
        let mut connection = acquire(&self.readers, &self.url).await?;
        let rows = tokio::time::timeout(self.limit, query(sql).fetch_all(&mut *connection)).await;
        settle(connection, rows, &self.url, self.limit)
    }

    async fn write(&self, work: Work) -> Result<Written, Error> {
        let gone = || Error::Unavailable(format!("{}: closed", self.url));
        let (done, answer) = oneshot::channel();
        self.writer.try_send(Job { work, done }).map_err(|problem| match problem {
            mpsc::error::TrySendError::Full(_) => {
                Error::Unavailable(format!("{}: {QUEUE} changes wait already", self.url))
            }
            mpsc::error::TrySendError::Closed(_) => gone(),
        })?;
        match tokio::time::timeout(self.limit, answer).await {
            Ok(answer) => answer.map_err(|_| gone())?,
            Err(_) => Err(Error::Timeout(self.url.to_string(), self.limit.as_millis())),
        }
    }

    pub(crate) async fn apply(&self, changes: Vec<Change<'_>>) -> Result<Vec<u64>, Error> {
        let written: Result<Vec<_>, _> =
            changes.into_iter().map(|change| sql::change(Scheme::Sqlite, change)).collect();
        Ok(self.write(Work::Changes(written?)).await?.1)
    }

    pub(crate) async fn raw(&self, text: &str) -> Result<Outcome, Error> {
        if !is_single(text) {
            return Err(Error::Refused("more than one statement".into()));
        }
        let first = text.split_ascii_whitespace().next().unwrap_or_default();
        if first.eq_ignore_ascii_case("select") {
            let rows = self.read(Sql::plain(text)).await?;
            // Which table a column of the answer comes from is not known; that it is a date in some says enough.
            let dates = self.dates().await?;
            let rows = decode(&rows, |column| dates.iter().any(|(_, date)| date == column));
            return Ok(Outcome { rows, affected: 0 });
        }
        let (rows, counts) = self.write(Work::Raw(text.to_owned())).await?;
        // It may have been one that creates a table.
        *self.dates.lock() = None;
        Ok(Outcome { rows: decode(&rows, |_| false), affected: counts.iter().sum() })
    }

    pub(crate) async fn close(&self) {
        let _ = self.write(Work::Close).await;
        self.readers.close().await;
    }
}

/// The writer: takes what waits, writes it in one transaction, then answers. A job that fails is undone alone.
async fn write(mut connection: SqliteConnection, mut jobs: mpsc::Receiver<Job>, url: Url) {
    let mut group = Vec::new();
    while jobs.recv_many(&mut group, GROUP).await > 0 {
        let mut closing = None;
        let mut answers = Vec::with_capacity(group.len());
        let begun = begin(&mut connection, group.len()).await;
        for job in group.drain(..) {
            match (&begun, job.work) {
                (_, Work::Close) => closing = Some(job.done),
                (Err(problem), _) => answers.push((job.done, Err(error(&url, clone(problem))))),
                (Ok(grouped), work) => {
                    let result = carry_out(&mut connection, work, *grouped).await;
                    answers.push((job.done, result.map_err(|problem| error(&url, problem))));
                }
            }
        }
        let committed = match begun {
            Ok(true) => statement(&mut connection, "COMMIT").await,
            _ => Ok(()),
        };
        if committed.is_err() {
            let _ = statement(&mut connection, "ROLLBACK").await;
        }
        for (done, result) in answers {
            let _ = done.send(match &committed {
                Ok(()) => result,
                Err(problem) => Err(error(&url, clone(problem))),
            });
        }
        if let Some(done) = closing {
            let _ = connection.close().await;
            let _ = done.send(Ok(Default::default()));
            return;
        }
    }
}

/// sqlx's errors cannot be cloned, and all jobs of a group share this one.
fn clone(problem: &sqlx::Error) -> sqlx::Error {
    sqlx::Error::Protocol(problem.to_string())
}

/// A single job without changes of several rows needs no transaction around it; `true` when there is one.
async fn begin(connection: &mut SqliteConnection, jobs: usize) -> Result<bool, sqlx::Error> {
    if jobs > 1 {
        statement(connection, "BEGIN IMMEDIATE").await?;
    }
    Ok(jobs > 1)
}

async fn statement(connection: &mut SqliteConnection, text: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(text).execute(connection).await.map(drop)
}

async fn carry_out(connection: &mut SqliteConnection, work: Work, grouped: bool) -> Result<Written, sqlx::Error> {
    let written = match work {
        Work::Close => Vec::new(),
        Work::Raw(text) => {
            let query = query(Sql::plain(&text));
            let (rows, affected) =
                collect(sqlx::Executor::fetch_many(&mut *connection, query), |done| done.rows_affected()).await?;
            return Ok((rows, vec![affected]));
        }
        Work::Changes(written) => written,
    };
    if written.len() < 2 {
        let mut counts = Vec::new();
        for sql in written {
            counts.push(query(sql).execute(&mut *connection).await?.rows_affected());
        }
        return Ok((Vec::new(), counts));
    }
    let (begin, end, undo) = if grouped {
        ("SAVEPOINT job", "RELEASE job", "ROLLBACK TO job")
    } else {
        ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
    };
    statement(connection, begin).await?;
    let mut counts = Vec::with_capacity(written.len());
    for sql in written {
        match query(sql).execute(&mut *connection).await {
            Ok(done) => counts.push(done.rows_affected()),
            Err(problem) => {
                statement(connection, undo).await?;
                return Err(problem);
            }
        }
    }
    statement(connection, end).await?;
    Ok((Vec::new(), counts))
}

fn query(sql: Sql) -> Query<'static, Lite, SqliteArguments> {
    let query = sqlx::query::<Lite>(sqlx::AssertSqlSafe(sql.text)).persistent(sql.keep);
    sql.values.into_iter().fold(query, |query, value| match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(number) => query.bind(number),
        Value::Double(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Blob(bytes) => query.bind(bytes),
        Value::Time(seconds) => query.bind(seconds as f64 / 86_400.0 + JULIAN_1970),
    })
}

fn decode(rows: &[SqliteRow], is_date: impl Fn(&str) -> bool) -> Rows {
    let columns =
        rows.first().map_or_else(Vec::new, |row| row.columns().iter().map(|column| column.name().to_owned()).collect());
    let dates: Vec<bool> = columns.iter().map(|column| is_date(column)).collect();
    let rows = rows.iter().map(|row| (0..row.len()).map(|index| cell(row, index, dates[index])).collect()).collect();
    Rows { columns, rows }
}

/// The type is that of the cell; a column that is declared as a date says what a number in it means.
fn cell(row: &SqliteRow, index: usize, is_date: bool) -> Value {
    let Ok(raw) = row.try_get_raw(index) else { return Value::Null };
    if raw.is_null() {
        return Value::Null;
    }
    let kind = raw.type_info().name().to_ascii_uppercase();
    match &*kind {
        "REAL" => {
            let number: f64 = row.try_get_unchecked(index).unwrap_or_default();
            if is_date {
                Value::Time(((number - JULIAN_1970) * 86_400.0).round() as i64)
            } else {
                Value::Double(number)
            }
        }
        "INTEGER" | "BOOLEAN" | "INT8" => {
            let number = row.try_get_unchecked(index).unwrap_or_default();
            if is_date { Value::Time(number) } else { Value::Int(number) }
        }
        "BLOB" => Value::Blob(row.try_get_unchecked(index).unwrap_or_default()),
        _ => {
            let bytes: Vec<u8> = row.try_get_unchecked(index).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            match parse_civil(&text) {
                Some(seconds) if is_date => Value::Time(seconds),
                _ => Value::Text(text),
            }
        }
    }
}
