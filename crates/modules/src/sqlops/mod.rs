//! Module `sqlops`: statements of the script's own in databases.
//!
//! `functions.rs` asks, `result.rs` keeps what was answered with the message, `variables.rs` reads it. `guard.rs`
//! refuses texts that a database would understand otherwise than the script meant them.

mod functions;
mod guard;
mod params;
mod queue;
mod result;
mod transformations;
mod variables;

use std::sync::Arc;

use database::{Database, Error};
use engine::{BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params};
use parking_lot::Mutex;

pub(crate) use guard::check as guard;
pub use params::SqlopsParams;
use queue::Queue;
pub(crate) use result::script_value;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "sqlops",
    summary: "Statements of the script's own in databases.",
    params: SqlopsParams::DEFS,
    functions: &[
        functions::SQL_PVQUERY,
        functions::SQL_QUERY,
        functions::SQL_QUERY_ASYNC,
        functions::SQL_RESULT_FREE,
        functions::SQL_XQUERY,
    ],
    variables: &[variables::DBR, variables::SQLROWS],
    transformations: &[transformations::VAL, transformations::INT, transformations::STR],
    create,
    ..ModuleDef::EMPTY
};

/// A database with the name that scripts give it.
struct Connection {
    name: String,
    database: Database,
    queue: Queue,
}

/// The started module.
pub struct Sqlops {
    params: SqlopsParams,
    connections: Vec<Arc<Connection>>,
    /// The names of results that the configuration uses; they only grow, while it is compiled.
    results: Mutex<Vec<String>>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: SqlopsParams = creating.params()?;
    let mut connections: Vec<Arc<Connection>> = Vec::new();
    for line in &params.sqlcon {
        if connections.iter().any(|other| other.name == line.name) {
            let message = format!("connection `{}` is defined twice", line.name);
            return Err(Diagnostic::error(Code::ParamValue, message, line.span, "again here"));
        }
        let database = creating
            .core
            .databases
            .get(&line.url)
            .map_err(|problem| Diagnostic::error(Code::ParamValue, problem.0, line.span, "this database"))?;
        let queue = Queue::new(&line.name, database.clone());
        connections.push(Arc::new(Connection { name: line.name.clone(), database, queue }));
    }
    let sqlops = Sqlops { results: Mutex::default(), connections, params };
    for (name, span) in sqlops.params.sqlres.iter().map(|line| (&line.0, line.1)) {
        sqlops.declare(name).map_err(|message| Diagnostic::error(Code::ParamValue, message, span, "one too many"))?;
    }
    Ok(Arc::new(sqlops))
}

impl Module for Sqlops {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let core = core.clone();
        Box::pin(async move {
            for connection in &self.connections {
                connection.queue.start(&core);
                match connection.database.raw("SELECT 1").await {
                    Err(error @ (Error::Unavailable(_) | Error::Timeout(..))) if !self.params.connect_mode => {
                        return Err(format!("connection `{}`: {error}", connection.name));
                    }
                    Err(error @ (Error::Unavailable(_) | Error::Timeout(..))) => {
                        engine::log!(core.log, Warning, "sqlops: connection `{}`: {error}", connection.name);
                    }
                    // What it thinks of the statement does not matter: it is there.
                    _ => {}
                }
            }
            Ok(())
        })
    }

    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            for connection in &self.connections {
                connection.queue.stop().await;
            }
        })
    }
}

impl Sqlops {
    /// Gives a result a place; the error says that there are too many.
    fn declare(&self, name: &str) -> Result<(), String> {
        let mut results = self.results.lock();
        if results.iter().any(|known| known == name) {
            return Ok(());
        }
        if results.len() >= self.params.results_maxsize {
            return Err(format!("result `{name}` is one more than `results_maxsize`: {}", self.params.results_maxsize));
        }
        results.push(name.to_owned());
        Ok(())
    }

    fn find(&self, name: &str, span: language::span::Span) -> Result<Arc<Connection>, Diagnostic> {
        let names = || self.connections.iter().map(|connection| connection.name.as_str());
        self.connections.iter().find(|connection| connection.name == name).cloned().ok_or_else(|| {
            let message = format!("there is no connection `{name}`");
            Diagnostic::error(Code::Argument, message, span, "no `sqlcon` parameter defines it")
                .did_you_mean(name, names())
        })
    }
}

#[cfg(test)]
mod tests;
