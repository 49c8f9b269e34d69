//! A scenario's database: a SQLite file with the tables of all modules.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use database::{Database, Options, Url, Value};
use engine::load::Offer;

use super::parse::Scenario;

/// Stands for the database's URL in a configuration.
const MARK: &str = "{database}";

pub(super) struct Store {
    /// Of a SQLite file.
    directory: Option<PathBuf>,
    /// The server that has it.
    server: Option<Database>,
    url: String,
    runtime: tokio::runtime::Runtime,
    database: Database,
}

impl Store {
    /// The database of a scenario whose configuration names one, with what its first `sql` blocks put into it.
    /// `servers` are URLs of databases on servers where more can be created.
    pub(super) fn of(
        scenario: &Scenario,
        offer: &Offer,
        servers: &[String],
        fill: impl Fn(&str) -> String,
    ) -> Result<Option<Self>, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !scenario.config.contains(MARK) {
            return Ok(None);
        }
        let name = format!("olelo_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let parse = |url: &str| Url::parse(url).map_err(|error| error.0);
        let (url, directory, server) = match &scenario.server {
            None => {
                let directory = std::env::temp_dir().join(&name);
                std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
                (format!("sqlite://{}", directory.join("kamailio.sqlite").display()), Some(directory), None)
            }
            Some(kind) => {
                let there = servers.iter().find(|url| parse(url).is_ok_and(|url| url.scheme.name() == kind));
                let there = there.ok_or_else(|| format!("there is no {kind} server"))?;
                let server = Database::new(parse(there)?, Options::default());
                runtime.block_on(server.raw(&format!("CREATE DATABASE {name}"))).map_err(|error| error.to_string())?;
                let (address, _) = there.rsplit_once('/').unwrap_or((there, ""));
                (format!("{address}/{name}"), None, Some(server))
            }
        };
        // Without a journal of its own the file is what Kamailio's SQLite expects, whoever opens it first.
        let options = Options { create: true, journal_mode: Some("DELETE".into()), ..Options::default() };
        let database = Database::new(parse(&url)?, options);
        let tables: Vec<_> = offer.modules.iter().flat_map(|module| module.tables).copied().collect();
        runtime.block_on(database.create(&tables)).map_err(|error| error.to_string())?;
        let store = Self { directory, server, url, runtime, database };
        store.execute(&fill(&scenario.sql))?;
        Ok(Some(store))
    }

    /// A text with the URL in it.
    pub(super) fn fill(store: Option<&Self>, text: &str) -> String {
        store.map_or_else(|| text.to_owned(), |store| text.replace(MARK, &store.url))
    }

    /// Carries out statements; each ends with `;` at the end of a line.
    pub(super) fn execute(&self, text: &str) -> Result<(), String> {
        for statement in text.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
            self.runtime.block_on(self.database.raw(statement)).map_err(|error| format!("{statement}: {error}"))?;
        }
        Ok(())
    }

    /// The rows of a query, a line each, cells between ` | `.
    pub(super) fn rows(&self, query: &str) -> Result<String, String> {
        let mut found = self.runtime.block_on(self.database.raw(query));
        // A new connection asks for the journal of this side, which it cannot have while a server has the file open.
        for _ in 0..50 {
            if !matches!(&found, Err(error) if error.to_string().contains("locked")) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
            found = self.runtime.block_on(self.database.raw(query));
        }
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.rows.rows.iter().map(|row| line(row) + "\n").collect())
    }
}

fn line(row: &[Value]) -> String {
    row.iter().map(|cell| cell.to_text().unwrap_or("NULL".into())).collect::<Vec<_>>().join(" | ")
}

impl Drop for Store {
    fn drop(&mut self) {
        self.runtime.block_on(self.database.close());
        if let Some(server) = &self.server {
            let name = &self.database.url().database;
            let _ = self.runtime.block_on(server.raw(&format!("DROP DATABASE {name}")));
        }
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}
