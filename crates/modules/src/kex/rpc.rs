//! RPC commands of module `kex` itself; `stats.*` are in the control crate.

use control::commands::statistics;
use engine::{RpcArguments, RpcDef, RpcFault, RpcResult, RpcValue, rpc};

use super::memory;

/// All commands.
pub(super) const COMMANDS: &[RpcDef] = &[
    PKG_STATS,
    statistics::CLEAR_STATISTICS,
    statistics::FETCH,
    statistics::FETCHN,
    statistics::GET_STATISTICS,
    statistics::RESET_STATISTICS,
];

/// The memory of the server. There is one process here: a filter (`index 0`, `rank 1`, `pid NUMBER`) that names
/// another one is an error or yields nothing.
#[rpc("pkg.stats", array)]
pub async fn pkg_stats(mut arguments: RpcArguments) -> RpcResult {
    let pid = i64::from(std::process::id());
    if arguments.remaining() > 0 {
        let filter: String = arguments.take()?;
        let number: i64 = arguments.take()?;
        match &*filter {
            "pid" if number != pid => return Err(RpcFault::new(500, "No such pid")),
            "rank" if number != 1 => return Err(RpcFault::new(500, "No such rank")),
            "index" if number != 0 => return Err(RpcFault::new(500, "Invalid process index")),
            "pid" | "rank" | "index" => {}
            _ => return Err(RpcFault::new(500, "Invalid filter type")),
        }
    }
    Ok(vec![RpcValue::structure([
        ("entry", 0.into()),
        ("pid", pid.into()),
        ("rank", 1.into()),
        ("used", memory::used().into()),
        ("free", memory::free().into()),
        ("real_used", memory::used().into()),
        ("total_size", memory::total().into()),
        ("total_frags", 0.into()),
        ("desc", "main process".into()),
    ])])
}
