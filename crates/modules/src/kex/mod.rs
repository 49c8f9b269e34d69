//! Module `kex`: flags, the next hop, questions about the server's own names, statistics of the core.

mod flags;
mod functions;
mod memory;
mod rpc;
mod statistics;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, RpcDef, RouteCx, Value, variable};

use statistics::MessageCounters;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "kex",
    summary: "Flags, the next hop, the server's own names, statistics of the core.",
    functions: &[
        functions::AVP_PRINTF,
        functions::IS_MYHOST,
        functions::IS_MYSELF,
        flags::ISBFLAGSET,
        functions::ISDSTURISET,
        flags::ISSFLAGSET,
        functions::PV_PRINTF,
        flags::RESETBFLAG,
        functions::RESETDEBUG,
        functions::RESETDSTURI,
        flags::RESETSFLAG,
        flags::SETBFLAG,
        functions::SETDEBUG,
        functions::SETDSTURI,
        flags::SETSFLAG,
    ],
    variables: &[SRUID],
    rpc: RPC,
    create,
    ..ModuleDef::EMPTY
};

/// The commands of the control crate, and those of this module.
const RPC: &[RpcDef] = &{
    let [a, b, c, d, e] = control::commands::KEX else { panic!("kex lists the commands of control::commands::KEX") };
    [*a, *b, *c, *d, *e, rpc::PKG_STATS]
};

/// The started module.
pub struct Kex {
    counters: MessageCounters,
    /// Counts the ids of `$sruid`.
    ids: AtomicU64,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    memory::declare(&creating.core.statistics);
    let counters = MessageCounters::new(&creating.core.statistics);
    Ok(Arc::new(Kex { counters, ids: AtomicU64::new(0) }))
}

impl Module for Kex {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let me = self.clone();
        // First of all: another module may take the message, and it counts nevertheless.
        core.hooks.before_request.write().insert(
            0,
            Arc::new(move |cx| {
                me.counters.request(cx.message.method());
                true
            }),
        );
        core.hooks.before_reply.write().insert(
            0,
            Arc::new(move |cx| {
                self.counters.reply(cx.message.status().unwrap_or(0), cx.message.method());
                true
            }),
        );
        Box::pin(async { Ok(()) })
    }
}

/// An id that this server gives only once; each reading yields another one.
#[variable("sruid")]
pub fn sruid(cx: &RouteCx, me: &Kex) -> Value {
    let number = me.ids.fetch_add(1, Ordering::Relaxed) + 1;
    format!("srid-{:x}-{:x}-{number:x}", cx.core.start_time(), std::process::id()).into()
}
