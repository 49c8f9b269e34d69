//! Module `kex`: further flags, questions about our own names, the log level, `stats.*`.

mod debug;
mod destination;
mod flags;
mod format;
pub(crate) mod memory;
mod myself;
mod rpc;
mod statistics;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, RouteCx, Value, variable};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "kex",
    summary: "Script and branch flags, questions about our own names, the log level, statistics by RPC.",
    functions: &[
        flags::SETSFLAG,
        flags::RESETSFLAG,
        flags::ISSFLAGSET,
        flags::SETBFLAG,
        flags::RESETBFLAG,
        flags::ISBFLAGSET,
        destination::SETDSTURI,
        destination::RESETDSTURI,
        destination::ISDSTURISET,
        myself::IS_MYSELF,
        myself::IS_MYHOST,
        debug::SETDEBUG,
        debug::RESETDEBUG,
        format::PV_PRINTF,
        format::AVP_PRINTF,
    ],
    variables: &[SRUID],
    rpc: rpc::COMMANDS,
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Kex {
    /// How many unique ids were handed out.
    ids: AtomicU64,
    /// What is received, by method and code.
    received: Arc<statistics::MessageCounters>,
}

impl Module for Kex {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let counters = self.received.clone();
        core.hooks.before_request.push(Arc::new(move |cx| {
            counters.request(cx.message.method());
            true
        }));
        let counters = self.received.clone();
        core.hooks.before_reply.push(Arc::new(move |cx| {
            counters.reply(cx.message.status().unwrap_or(0), cx.message.method());
            true
        }));
        Box::pin(async { Ok(()) })
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    memory::declare(&creating.core.statistics);
    let received = Arc::new(statistics::MessageCounters::new(&creating.core.statistics));
    Ok(Arc::new(Kex { ids: AtomicU64::new(0), received }))
}

/// A new id with each use that no other server run has: `srid-`, the core parameter `server_id` when it is set, start
/// time and process in hexadecimal, and a count.
#[variable("sruid")]
pub fn sruid(cx: &RouteCx, me: &Kex) -> Value {
    let count = me.ids.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    let server = match cx.core.settings.server_id {
        0 => String::new(),
        id => format!("{id}-"),
    };
    format!("srid-{server}{:x}-{:x}-{count:x}", cx.core.start_time(), std::process::id()).into()
}

#[cfg(test)]
mod tests;
