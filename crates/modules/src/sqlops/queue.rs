//! Statements that nobody waits for: one task per connection, in the order they came.

use std::sync::Arc;
use std::time::Duration;

use database::Database;
use engine::{Core, log};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

/// Statements that wait. Beyond that, further ones are refused.
const MOST: usize = 10_000;
/// At the end of the server, how long the last ones may take.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The statements of one connection.
pub(super) struct Queue {
    name: String,
    database: Database,
    sender: Mutex<Option<mpsc::Sender<String>>>,
    receiver: Mutex<Option<mpsc::Receiver<String>>>,
    done: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Queue {
    pub(super) fn new(name: &str, database: Database) -> Self {
        let (sender, receiver) = mpsc::channel(MOST);
        let (sender, receiver) = (Mutex::new(Some(sender)), Mutex::new(Some(receiver)));
        Self { name: name.to_owned(), database, sender, receiver, done: Mutex::default() }
    }

    pub(super) fn start(&self, core: &Arc<Core>) {
        let Some(mut waiting) = self.receiver.lock().take() else { return };
        let (ended, done) = oneshot::channel();
        *self.done.lock() = Some(done);
        let (name, database, core) = (self.name.clone(), self.database.clone(), core.clone());
        tokio::spawn(async move {
            while let Some(text) = waiting.recv().await {
                if let Err(error) = database.raw(&text).await {
                    let shown: String = text.chars().take(1000).collect();
                    log!(core.log, Error, "sqlops: connection `{name}`: {error}; the statement is lost: {shown}");
                }
            }
            let _ = ended.send(());
        });
    }

    /// Waits until everything is written.
    pub(super) async fn stop(&self) {
        self.sender.lock().take();
        let done = self.done.lock().take();
        if let Some(done) = done {
            let _ = tokio::time::timeout(LAST_WORDS, done).await;
        }
    }

    /// Takes a statement; the error says why not.
    pub(super) fn put(&self, text: String) -> Result<(), String> {
        match &*self.sender.lock() {
            Some(sender) => sender.try_send(text).map_err(|_| format!("{MOST} statements wait already")),
            None => Err("the server is stopping".into()),
        }
    }
}
