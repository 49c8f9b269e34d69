//! Flags that belong to the whole server.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::script_type::Flag;
use engine::{CallResult, Return, RouteCx, RpcArguments, RpcFault, RpcResult, function, rpc};

use super::Cfgutils;

/// Sets a global flag (0 to 31): all messages see it.
#[function(ANY)]
pub fn set_gflag(_cx: &mut RouteCx, me: &Cfgutils, flag: Flag) -> CallResult {
    me.flags.fetch_or(1 << flag.0, Ordering::Relaxed);
    Ok(Return::TRUE)
}

/// Clears a global flag (0 to 31).
#[function(ANY)]
pub fn reset_gflag(_cx: &mut RouteCx, me: &Cfgutils, flag: Flag) -> CallResult {
    me.flags.fetch_and(!(1 << flag.0), Ordering::Relaxed);
    Ok(Return::TRUE)
}

/// True when a global flag (0 to 31) is set.
#[function(ANY)]
pub fn is_gflag(_cx: &mut RouteCx, me: &Cfgutils, flag: Flag) -> CallResult {
    Ok((me.flags.load(Ordering::Relaxed) & (1 << flag.0) != 0).into())
}

fn mask(arguments: &mut RpcArguments) -> Result<u32, RpcFault> {
    let wrong = || RpcFault::new(500, "Invalid Parameters");
    let number: i64 = arguments.take().map_err(|_| wrong())?;
    u32::try_from(number).map_err(|_| wrong())
}

/// Sets the global flags of a bit mask.
#[rpc("cfgutils.set_gflag")]
pub async fn rpc_set_gflag(me: Arc<Cfgutils>, mut arguments: RpcArguments) -> RpcResult {
    me.flags.fetch_or(mask(&mut arguments)?, Ordering::Relaxed);
    Ok(Vec::new())
}

/// Clears the global flags of a bit mask.
#[rpc("cfgutils.reset_gflag")]
pub async fn rpc_reset_gflag(me: Arc<Cfgutils>, mut arguments: RpcArguments) -> RpcResult {
    me.flags.fetch_and(!mask(&mut arguments)?, Ordering::Relaxed);
    Ok(Vec::new())
}

/// Answers TRUE when all global flags of a bit mask are set, else FALSE.
#[rpc("cfgutils.is_gflag")]
pub async fn rpc_is_gflag(me: Arc<Cfgutils>, mut arguments: RpcArguments) -> RpcResult {
    let mask = mask(&mut arguments)?;
    let all = me.flags.load(Ordering::Relaxed) & mask == mask;
    Ok(vec![if all { "TRUE" } else { "FALSE" }.into()])
}

/// Shows the global flags as a bit mask.
#[rpc("cfgutils.get_gflags")]
pub async fn rpc_get_gflags(me: Arc<Cfgutils>) -> RpcResult {
    let flags = me.flags.load(Ordering::Relaxed);
    Ok(vec![format!("0x{flags:X} ({flags})").into()])
}
