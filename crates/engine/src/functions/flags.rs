//! Message flags: `setflag(FLT_ACC)`.

use crate::function::{CallResult, Return};
use crate::route_cx::RouteCx;
use crate::script_type::Flag;
use macros::function;

/// Sets a flag of the message (0 to 31); it stays with the transaction.
#[function(ANY)]
pub fn setflag(cx: &mut RouteCx, flag: Flag) -> CallResult {
    cx.flags |= 1 << flag.0;
    Ok(Return::TRUE)
}

/// Clears a flag of the message.
#[function(ANY)]
pub fn resetflag(cx: &mut RouteCx, flag: Flag) -> CallResult {
    cx.flags &= !(1 << flag.0);
    Ok(Return::TRUE)
}

/// True when the flag of the message is set.
#[function(ANY)]
pub fn isflagset(cx: &mut RouteCx, flag: Flag) -> CallResult {
    Ok((cx.flags & (1 << flag.0) != 0).into())
}
