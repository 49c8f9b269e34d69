//! Module `db_sqlite`: databases in a file, `sqlite:///path/to/file`.

use std::sync::Arc;
use std::time::Duration;

use database::{Options, Scheme};
use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, Params};
use hashbrown::HashMap;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "db_sqlite",
    summary: "SQLite databases.",
    params: DbSqliteParams::DEFS,
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `db_sqlite`.
#[derive(Params)]
pub struct DbSqliteParams {
    /// Path of a database that is only read. May be given several times.
    pub db_set_readonly: Vec<String>,
    /// `path=mode`: the journal of a database, one of `DELETE`, `TRUNCATE`, `PERSIST`, `MEMORY`, `WAL` and `OFF`. Without
    /// it `WAL` is used (Kamailio: what the file says), which lets others read while something is written.
    pub db_set_journal_mode: Vec<String>,
    /// `path=milliseconds`: how long a lock that another program has on a database is waited for; 5000 without it
    /// (Kamailio: 500).
    pub db_set_busy_timeout: Vec<String>,
}

struct DbSqlite {
    core: Arc<Core>,
}

impl Module for DbSqlite {
    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.core.databases.close(Scheme::Sqlite).await })
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: DbSqliteParams = creating.params()?;
    let databases = &creating.core.databases;
    databases.register(Scheme::Sqlite, Options::default());
    let wrong = |name: &str, text: String, expected: &str| {
        Diagnostic::error(engine::Code::ParamValue, text, creating.span_of(name), expected.to_owned())
    };
    let mut special: HashMap<&str, Options> = HashMap::new();
    for path in &params.db_set_readonly {
        special.entry(path).or_default().read_only = true;
    }
    for line in &params.db_set_journal_mode {
        let (path, mode) = line.split_once('=').unwrap_or((line, ""));
        if !["DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "OFF"].contains(&&*mode.to_ascii_uppercase()) {
            let text = format!("`{mode}` is no journal mode");
            return Err(wrong(
                "db_set_journal_mode",
                text,
                "`path=` and DELETE, TRUNCATE, PERSIST, MEMORY, WAL or OFF",
            ));
        }
        special.entry(path).or_default().journal_mode = Some(mode.to_owned());
    }
    for line in &params.db_set_busy_timeout {
        let (path, limit) = line.split_once('=').unwrap_or((line, ""));
        let Ok(limit) = limit.parse() else {
            let text = format!("`{limit}` is no number of milliseconds");
            return Err(wrong("db_set_busy_timeout", text, "`path=milliseconds`"));
        };
        special.entry(path).or_default().busy_limit = Duration::from_millis(limit);
    }
    for (path, options) in special {
        databases.register_one(Scheme::Sqlite, path, options);
    }
    Ok(Arc::new(DbSqlite { core: creating.core.clone() }))
}
