//! Records on their way into a database: nobody waits for them, and none is lost while the database is away.

use std::sync::Arc;
use std::time::Duration;

use database::{Change, Database, Error, Value};
use engine::core::Core;
use engine::log;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

/// Records that wait for the database. Beyond that, new ones are logged and lost.
const QUEUE: usize = 100_000;
/// Records that are written with one statement.
const GROUP: usize = 200;
/// After a failure it is tried again this much later.
const PAUSE: Duration = Duration::from_secs(1);
/// At the end of the server, how long the last records may take.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A row of an accounting table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) values: Vec<Value>,
}

/// Writes rows.
pub(super) struct Store {
    pub(super) database: Database,
    sender: Mutex<Option<mpsc::Sender<Row>>>,
    receiver: Mutex<Option<mpsc::Receiver<Row>>>,
    done: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Store {
    pub(super) fn new(database: Database) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (sender, receiver) = (Mutex::new(Some(sender)), Mutex::new(Some(receiver)));
        Self { database, sender, receiver, done: Mutex::default() }
    }

    /// Begins to write.
    pub(super) fn start(&self, core: &Arc<Core>) {
        let Some(receiver) = self.receiver.lock().take() else { return };
        let (ended, done) = oneshot::channel();
        *self.done.lock() = Some(done);
        let (database, core) = (self.database.clone(), core.clone());
        tokio::spawn(async move {
            write(database, receiver, core).await;
            let _ = ended.send(());
        });
    }

    /// Writes what waits; what the database does not take in time is lost, and logged.
    pub(super) async fn stop(&self, core: &Arc<Core>) {
        self.sender.lock().take();
        let done = self.done.lock().take();
        if let Some(done) = done
            && tokio::time::timeout(LAST_WORDS, done).await.is_err()
        {
            log!(core.log, Error, "acc: the database did not take the last records in time");
        }
    }

    /// Takes a row; it is written soon.
    pub(super) fn put(&self, core: &Core, row: Row) {
        let sent = match &*self.sender.lock() {
            Some(sender) => sender.try_send(row).map_err(mpsc::error::TrySendError::into_inner),
            None => Err(row),
        };
        if let Err(row) = sent {
            log!(core.log, Error, "acc: {QUEUE} records wait already, this one is lost: {row:?}");
        }
    }
}

async fn write(database: Database, mut waiting: mpsc::Receiver<Row>, core: Arc<Core>) {
    let mut rows = Vec::new();
    while waiting.recv_many(&mut rows, GROUP).await > 0 {
        while let Some(first) = rows.first() {
            let alike = |row: &Row| row.table == first.table && row.columns == first.columns;
            let count = rows.iter().take_while(|row| alike(row)).count();
            let (written, error) = insert(&database, &rows[..count]).await;
            rows.drain(..written);
            match error {
                None => {}
                Some(error @ (Error::Unavailable(_) | Error::Timeout(..))) => {
                    let more = waiting.len() + rows.len();
                    log!(core.log, Error, "acc: {error}; {more} records wait, tried again in {} s", PAUSE.as_secs());
                    tokio::time::sleep(PAUSE).await;
                }
                Some(error) => {
                    // It will be refused again; the others need not wait for it.
                    let row = rows.remove(0);
                    log!(core.log, Error, "acc: the database refuses a record: {error}: {row:?}");
                }
            }
        }
    }
}

/// Writes rows that are alike, together when the database takes them; how many were written, and why not more.
async fn insert(database: &Database, rows: &[Row]) -> (usize, Option<Error>) {
    let Some(first) = rows.first() else { return (0, None) };
    let columns: Vec<&str> = first.columns.iter().map(String::as_str).collect();
    let insert = |rows: &[Row]| {
        let rows = rows.iter().map(|row| row.values.clone()).collect();
        vec![Change::Insert { table: &first.table, columns: &columns, rows }]
    };
    match database.apply(insert(rows)).await {
        Ok(_) => return (rows.len(), None),
        Err(error @ (Error::Unavailable(_) | Error::Timeout(..))) => return (0, Some(error)),
        Err(error) if rows.len() == 1 => return (0, Some(error)),
        Err(_) => {}
    }
    for (at, row) in rows.iter().enumerate() {
        if let Err(error) = database.apply(insert(std::slice::from_ref(row))).await {
            return (at, Some(error));
        }
    }
    (rows.len(), None)
}
