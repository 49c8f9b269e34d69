//! Module `mqueue`: queues of keys and values, filled by some messages and emptied by others or by timers.
//!
//! `queue.rs` is a queue, `functions.rs` and `variables.rs` what scripts do with it.

mod functions;
mod kept;
mod params;
mod queue;
mod rpc;
mod variables;

use std::sync::Arc;

use database::Database;
use engine::{BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params};

pub use params::MqueueParams;
use queue::Queue;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "mqueue",
    summary: "Queues of keys and values, filled by some messages and emptied by others or by timers.",
    params: MqueueParams::DEFS,
    functions: &[functions::MQ_ADD, functions::MQ_FETCH, functions::MQ_PV_FREE, functions::MQ_SIZE],
    variables: &[variables::MQK, variables::MQV, variables::MQ_SIZE],
    rpc: &[rpc::FETCH, rpc::GET_SIZE, rpc::GET_SIZES],
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Mqueue {
    /// In the order of the file.
    queues: Vec<Arc<Queue>>,
    database: Option<Database>,
    core: Arc<Core>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let queues = params::read(creating.params)?;
    let params: MqueueParams = creating.params()?;
    let database = match &params.db_url {
        Some(url) if !url.is_empty() => Some(creating.database("db_url", url)?),
        _ => None,
    };
    let kept = queues.iter().find(|queue| queue.is_loaded || queue.is_stored);
    if let (None, Some(queue)) = (&database, kept) {
        let message = format!("queue `{}` has a `dbmode`, and there is no `db_url`", queue.name);
        return Err(Diagnostic::error(Code::ParamValue, message, creating.span_of("mqueue"), "needs a database"));
    }
    Ok(Arc::new(Mqueue { queues: queues.into_iter().map(Arc::new).collect(), database, core: creating.core.clone() }))
}

impl Module for Mqueue {
    fn start(self: Arc<Self>, _core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async move { self.load().await })
    }

    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.store().await })
    }
}

impl Mqueue {
    /// Fills the queues from their tables.
    async fn load(&self) -> Result<(), String> {
        let Some(database) = &self.database else { return Ok(()) };
        for queue in self.queues.iter().filter(|queue| queue.is_loaded) {
            kept::load(database, queue).await.map_err(|error| format!("queue `{}`: {error}", queue.name))?;
        }
        Ok(())
    }

    /// Writes what is in the queues into their tables.
    async fn store(&self) {
        let Some(database) = &self.database else { return };
        for queue in self.queues.iter().filter(|queue| queue.is_stored) {
            if let Err(error) = kept::store(database, queue).await {
                engine::log!(self.core.log, Error, "queue `{}` is not stored: {error}", queue.name);
            }
        }
    }

    fn find(&self, name: &[u8]) -> Option<&Arc<Queue>> {
        self.queues.iter().find(|queue| queue.name.as_bytes() == name)
    }
}

#[cfg(test)]
mod tests;
