//! Module `kex`: further flags, questions about our own names, the log level, `stats.*`.

mod debug;
mod destination;
mod flags;
mod format;
mod myself;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{Creating, Diagnostic, Module, ModuleDef, RouteCx, Value, variable};

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
    rpc: control::commands::KEX,
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
#[derive(Default)]
pub struct Kex {
    /// How many unique ids were handed out.
    ids: AtomicU64,
}

impl Module for Kex {}

fn create(_: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    Ok(Arc::new(Kex::default()))
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
