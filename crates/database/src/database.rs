//! A database as the rest of the program sees it: a handle that connects when it is first asked, tries again after a
//! failure, and never waits longer than its limit.

use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::driver::{Answer, Ask, Driver};
use crate::statement::{Change, Filter, Outcome, Rows, Select};
use crate::value::Value;
use crate::{Error, Scheme, Url, UrlError};

/// After a failed connection the next one is tried after this, then after twice as long, up to [`LONGEST_PAUSE`].
/// Meanwhile questions fail at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How connections to servers are secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// When the server can.
    #[default]
    Preferred,
    /// Never.
    Disabled,
    /// Always, whoever the server is.
    Required,
    /// Always, with a certificate that a known authority signed.
    VerifyCa,
    /// The same, and it names the host.
    VerifyIdentity,
}

/// What a module of a database (`db_mysql` ..) sets.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections at a time.
    pub connections: u32,
    /// How long a connection may take to come about.
    pub connect_limit: Duration,
    /// How long an answer may take.
    pub query_limit: Duration,
    /// How connections are secured.
    pub tls: Tls,
    /// File with the certificates of known authorities.
    pub tls_ca: Option<String>,
    /// SQLite, text: the file or folder is made when it is missing.
    pub create: bool,
    /// SQLite: how long a lock of another program is waited for.
    pub busy_limit: Duration,
    /// SQLite: `DELETE`, `WAL` ..; `None`: `WAL`.
    pub journal_mode: Option<String>,
    /// SQLite: nothing is ever written.
    pub read_only: bool,
    /// Text: what stands between two cells.
    pub delimiter: char,
    /// Text: files that another program changed are read again.
    pub watch_files: bool,
    /// Text: rows of an answer, at most.
    pub most_rows: usize,
    /// Text: an empty text is `NULL` when it is read.
    pub empty_is_null: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 16,
            connect_limit: Duration::from_secs(2),
            query_limit: Duration::from_secs(10),
            tls: Tls::Preferred,
            tls_ca: None,
            create: false,
            busy_limit: Duration::from_secs(5),
            journal_mode: None,
            read_only: false,
            delimiter: ':',
            watch_files: false,
            most_rows: 100_000,
            empty_is_null: false,
        }
    }
}

/// Something to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection is lost or could not be made; said once until it is back.
    Lost(Error),
    /// It is back.
    Back(String),
    /// An answer took longer than [`Common::latency_limit`]: the database, the time, the begin of the statement.
    Slow(String, Duration, String),
}

/// How many characters of a slow statement are told.
const SHOWN: usize = 50;

/// Is called for each event.
pub type Listener = Box<dyn Fn(&Event) + Send + Sync>;

/// What all databases of a server have in common.
pub struct Common {
    /// The table that tells the versions of the others.
    pub version_table: String,
    /// Answers that take longer are told as [`Event::Slow`].
    pub latency_limit: Option<Duration>,
    /// Who hears of events.
    pub listener: Option<Listener>,
    hold: OnceLock<Hold>,
}

impl Common {
    /// With the usual table of versions.
    #[must_use]
    pub fn new(listener: Option<Listener>) -> Self {
        Self { version_table: "version".into(), latency_limit: None, listener, hold: OnceLock::new() }
    }
}

impl Default for Common {
    fn default() -> Self {
        Self::new(None)
    }
}

/// Is called before a database is waited for; what it returns is dropped when the answer is there. A virtual clock stands
/// still that long.
pub type Hold = Arc<dyn Fn() -> Box<dyn Any + Send> + Send + Sync>;

/// A database. Clones are the same one.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    url: Url,
    options: Options,
    driver: OnceCell<Driver>,
    health: Mutex<Health>,
    common: Arc<Common>,
}

#[derive(Default)]
struct Health {
    /// The last failure, and the moment before which nothing is tried.
    lost: Option<(Error, Instant)>,
    pause: Duration,
}

impl Database {
    /// A handle for a program that has no modules, such as `olelo db`; nothing is connected yet.
    #[must_use]
    pub fn new(url: Url, options: Options) -> Self {
        Self::with(url, options, Arc::default())
    }

    fn with(url: Url, options: Options, common: Arc<Common>) -> Self {
        let health = Mutex::default();
        Self { inner: Arc::new(Inner { url, options, driver: OnceCell::new(), health, common }) }
    }

    /// Its address; shown without the password.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.inner.url
    }

    /// Rows.
    pub async fn select(&self, select: &Select<'_>) -> Result<Rows, Error> {
        match self.ask(Ask::Select(select)).await? {
            Answer::Rows(rows) => Ok(rows),
            Answer::Counts(_) | Answer::Outcome(_) => Ok(Rows::default()),
        }
    }

    /// The first row of an answer.
    pub async fn first(
        &self,
        table: &str,
        columns: &[&str],
        filter: &[Filter<'_>],
    ) -> Result<Option<Vec<Value>>, Error> {
        let rows = self.select(&Select { table, columns, filter, order: None, limit: Some(1) }).await?;
        Ok(rows.rows.into_iter().next())
    }

    /// Carries out changes, all or none; how many rows each changed.
    pub async fn apply(&self, changes: Vec<Change<'_>>) -> Result<Vec<u64>, Error> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        match self.ask(Ask::Apply(changes)).await? {
            Answer::Counts(counts) => Ok(counts),
            Answer::Rows(_) | Answer::Outcome(_) => Ok(Vec::new()),
        }
    }

    /// Adds one row.
    pub async fn insert(&self, table: &str, columns: &[&str], row: Vec<Value>) -> Result<(), Error> {
        self.apply(vec![Change::Insert { table, columns, rows: vec![row] }]).await.map(drop)
    }

    /// One statement as the script wrote it. A second one in the same text is refused.
    pub async fn raw(&self, text: &str) -> Result<Outcome, Error> {
        match self.ask(Ask::Raw(text)).await? {
            Answer::Outcome(outcome) => Ok(outcome),
            Answer::Rows(_) | Answer::Counts(_) => Ok(Outcome::default()),
        }
    }

    pub(crate) fn version_table(&self) -> &str {
        &self.inner.common.version_table
    }

    /// The version of a table's layout, as table `version` tells it; `None` when it is not in there.
    pub async fn table_version(&self, table: &str) -> Result<Option<i64>, Error> {
        let versions = self.version_table();
        let row = self.first(versions, &["table_version"], &[Filter::equal("table_name", table)]).await?;
        Ok(row.and_then(|row| row.first().and_then(Value::to_int)))
    }

    /// Whether a table has the layout that a module wants; the text says what is wrong.
    pub async fn check_version(&self, table: &str, wanted: i64) -> Result<(), String> {
        match self.table_version(table).await {
            Ok(Some(version)) if version == wanted => Ok(()),
            Ok(version) => Err(format!(
                "table `{table}` of {} has version {}, {wanted} is needed: `olelo db upgrade` changes it",
                self.inner.url,
                version.map_or_else(|| "none".to_owned(), |version| version.to_string())
            )),
            Err(error) => Err(format!("table `{}` of {}: {error}", self.version_table(), self.inner.url)),
        }
    }

    /// Writes what is not written yet. The handle is of no use afterwards.
    pub async fn close(&self) {
        if let Some(driver) = self.inner.driver.get() {
            let _hold = self.inner.common.hold.get().map(|hold| hold());
            driver.close().await;
        }
    }

    /// Kilobytes of what the drivers keep while they wait do not become a part of every future that may ask.
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send + 'a>> {
        Box::pin(self.ask_driver(ask))
    }

    /// A connection that turns out to be dead is replaced once: the server may have been restarted since.
    async fn ask_driver(&self, ask: Ask<'_>) -> Result<Answer, Error> {
        let inner = &*self.inner;
        if let Some((error, until)) = &inner.health.lock().lost
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        let _hold = inner.common.hold.get().map(|hold| hold());
        let began = Instant::now();
        let mut result = Err(Error::Unavailable(inner.url.to_string()));
        for _ in 0..2 {
            result = match inner.driver.get_or_try_init(|| Driver::open(&inner.url, &inner.options)).await {
                Ok(driver) => driver.ask(ask.clone()).await,
                Err(error) => Err(error),
            };
            let was_lost = inner.health.lock().lost.is_some();
            if was_lost || !matches!(result, Err(Error::Unavailable(_))) {
                break;
            }
        }
        self.remember(result.as_ref().err());
        if let Some(limit) = inner.common.latency_limit
            && began.elapsed() > limit
        {
            let begin = ask.to_string().chars().take(SHOWN).collect();
            self.tell(&Event::Slow(inner.url.to_string(), began.elapsed(), begin));
        }
        result
    }

    fn remember(&self, error: Option<&Error>) {
        let mut health = self.inner.health.lock();
        let event = match error {
            Some(error @ Error::Unavailable(_)) => {
                let was_lost = health.lost.is_some();
                health.pause = if was_lost { (health.pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
                health.lost = Some((error.clone(), Instant::now() + health.pause));
                (!was_lost).then(|| Event::Lost(error.clone()))
            }
            _ => health.lost.take().map(|_| Event::Back(self.inner.url.to_string())),
        };
        drop(health);
        if let Some(event) = event {
            self.tell(&event);
        }
    }

    fn tell(&self, event: &Event) {
        if let Some(listener) = &self.inner.common.listener {
            listener(event);
        }
    }
}

/// Options that only one database has.
type Special = (Scheme, String, Options);

/// The databases of a server: modules with the same `db_url` share one.
#[derive(Default)]
pub struct Databases {
    state: Mutex<State>,
    common: Arc<Common>,
}

#[derive(Default)]
struct State {
    options: HashMap<Scheme, Options>,
    special: Vec<Special>,
    open: HashMap<Url, Database>,
}

impl Databases {
    /// None yet.
    #[must_use]
    pub fn new(common: Common) -> Self {
        Self { common: Arc::new(common), ..Self::default() }
    }

    /// A kind of databases can be used from now on.
    pub fn register(&self, scheme: Scheme, options: Options) {
        self.state.lock().options.insert(scheme, options);
    }

    /// The database of that name (a file's path) has options of its own.
    pub fn register_one(&self, scheme: Scheme, database: &str, options: Options) {
        self.state.lock().special.push((scheme, database.to_owned(), options));
    }

    /// See [`Hold`]. Can be set once.
    pub fn hold(&self, hold: Hold) {
        let _ = self.common.hold.set(hold);
    }

    /// The database at `url`. No I/O happens; an error names what the configuration lacks.
    pub fn get(&self, url: &str) -> Result<Database, UrlError> {
        let url = Url::parse(url)?;
        let mut state = self.state.lock();
        let Some(options) = state.options.get(&url.scheme).cloned() else {
            let (scheme, module) = (url.scheme.name(), url.scheme.module());
            return Err(UrlError(format!("a database `{scheme}://` needs the module `{module}`, loaded before")));
        };
        if let Some(open) = state.open.get(&url) {
            return Ok(open.clone());
        }
        let own = state.special.iter().find(|(scheme, name, _)| *scheme == url.scheme && *name == url.database);
        let options = own.map_or(options, |(_, _, options)| options.clone());
        let database = Database::with(url.clone(), options, self.common.clone());
        state.open.insert(url, database.clone());
        Ok(database)
    }

    /// Closes those of a kind.
    pub async fn close(&self, scheme: Scheme) {
        let open: Vec<Database> =
            self.state.lock().open.extract_if(|url, _| url.scheme == scheme).map(|(_, database)| database).collect();
        for database in open {
            database.close().await;
        }
    }
}
