//! Module `cfgutils`: locks, waiting, chance, flags of the whole server, and other helpers of scripts.
//!
//! Start reading at `locks.rs`; the other files are one family of functions each, with their RPC commands.

mod config_hash;
mod debugging;
mod flags;
mod locks;
mod probability;
mod routes;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use engine::{BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params, Str};
use parking_lot::Mutex;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "cfgutils",
    summary: "Locks, waiting, chance, flags of the whole server, and other helpers of scripts.",
    params: CfgutilsParams::DEFS,
    functions: &[
        debugging::ABORT,
        debugging::PKG_STATUS,
        debugging::PKG_SUMMARY,
        debugging::SHM_STATUS,
        debugging::SHM_SUMMARY,
        flags::IS_GFLAG,
        flags::RESET_GFLAG,
        flags::SET_GFLAG,
        locks::LOCK,
        locks::TRYLOCK,
        locks::UNLOCK,
        probability::CORE_HASH,
        probability::RAND_EVENT,
        probability::RAND_GET_PROB,
        probability::RAND_RESET_PROB,
        probability::RAND_SET_PROB,
        routes::CHECK_ROUTE_EXISTS,
        routes::ROUTE_IF_EXISTS,
        waiting::SLEEP,
        waiting::USLEEP,
    ],
    variables: &[probability::RANDOM],
    rpc: &[
        config_hash::CHECK_CONFIG_HASH,
        config_hash::GET_CONFIG_HASH,
        flags::RPC_GET_GFLAGS,
        flags::RPC_IS_GFLAG,
        flags::RPC_RESET_GFLAG,
        flags::RPC_SET_GFLAG,
        probability::RPC_RAND_GET_PROB,
        probability::RPC_RAND_RESET_PROB,
        probability::RPC_RAND_SET_PROB,
    ],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `cfgutils`.
#[derive(Params)]
pub struct CfgutilsParams {
    /// The probability of `rand_event()` at start, in percent.
    #[param(default = 10)]
    pub initial_probability: i64,
    /// A file whose hash is remembered at start; the RPC commands `cfgutils.check_config_hash` and
    /// `cfgutils.get_config_hash` tell whether it has changed.
    pub hash_file: Option<Str>,
    /// The global flags at start, as a bit mask.
    #[param(default = 0)]
    pub initial_gflags: u32,
    /// Above 0: `lock()` and its relatives can be used. Every key has a lock of its own, whatever the number is.
    #[param(default = 0)]
    pub lock_set_size: i64,
}

/// The started module.
pub struct Cfgutils {
    params: CfgutilsParams,
    probability: AtomicI64,
    flags: AtomicU32,
    locks: Arc<locks::Locks>,
    hash: Mutex<Option<String>>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: CfgutilsParams = creating.params()?;
    let wrong = |name: &str, text: &str| {
        let message = format!("parameter `{name}` must be {text}");
        Err(Diagnostic::error(Code::ParamValue, message, creating.span_of(name), "out of range"))
    };
    if !(0..=100).contains(&params.initial_probability) {
        return wrong("initial_probability", "from 0 to 100");
    }
    if !(0..=31).contains(&params.lock_set_size) {
        return wrong("lock_set_size", "from 0 to 31");
    }
    let probability = AtomicI64::new(params.initial_probability);
    let flags = AtomicU32::new(params.initial_gflags);
    Ok(Arc::new(Cfgutils { params, probability, flags, locks: Arc::default(), hash: Mutex::default() }))
}

impl Module for Cfgutils {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        core.hooks.after_request.push(Arc::new(|cx| {
            locks::release_all(cx);
            true
        }));
        Box::pin(async move {
            let Some(file) = &self.params.hash_file else { return Ok(()) };
            let hash = config_hash::of_file(file).await?;
            *self.hash.lock() = Some(hash);
            Ok(())
        })
    }
}

impl Cfgutils {
    fn set_probability(&self, percent: i64) {
        self.probability.store(percent, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
