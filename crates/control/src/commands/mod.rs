//! RPC commands of the core, and those of the modules that are nothing else: kex, counters, cfg_rpc.
//!
//! One file per group; the answers have the fields of Kamailio 5.6.3 in its order.

use engine::{RpcDef, RpcFault, RpcResult, RpcValue};

pub mod config;
pub mod core;
pub mod counters;
pub mod dns;
pub mod network;
pub mod process;
pub mod statistics;
pub mod system;

/// The commands that every server has.
pub const CORE: &[&[RpcDef]] = &[core::COMMANDS, dns::COMMANDS, network::COMMANDS, process::COMMANDS, system::COMMANDS];

/// Module counters: `cnt.*`.
pub const COUNTERS: &[RpcDef] = counters::COMMANDS;

/// Module cfg_rpc: `cfg.*`.
pub const CFG_RPC: &[RpcDef] = config::COMMANDS;

/// An answer of one value.
fn one(value: impl Into<RpcValue>) -> RpcResult {
    Ok(vec![value.into()])
}

/// A missing argument, in kamcmd's words; `at` counts from zero.
fn missing(at: usize) -> RpcFault {
    RpcFault::new(400, format!("error at parameter {at}: expected string type but end of packet encountered"))
}

/// A struct's member.
fn member(name: &str, value: impl Into<RpcValue>) -> (String, RpcValue) {
    (name.to_owned(), value.into())
}
