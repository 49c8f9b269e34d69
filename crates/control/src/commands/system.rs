//! `system.*`: about the commands themselves.

use std::sync::Arc;

use engine::core::Core;
use engine::{RpcDef, RpcFault, RpcResult, rpc};

use super::one;

/// The commands.
pub const COMMANDS: &[RpcDef] = &[LIST_METHODS, METHOD_HELP, METHOD_SIGNATURE];

/// Lists all RPC methods supported by the server.
#[rpc("system.listMethods", array)]
pub async fn list_methods(core: Arc<Core>) -> RpcResult {
    Ok(core.rpc.load().commands.keys().map(|name| name.as_str().into()).collect())
}

/// Print the help string for given method.
#[rpc("system.methodHelp")]
pub async fn method_help(core: Arc<Core>, method: Option<String>) -> RpcResult {
    let method = method.ok_or_else(|| RpcFault::new(400, "Method Name Expected"))?;
    match core.rpc.load().commands.get(&method) {
        Some(command) => one(command.doc.trim()),
        None => Err(RpcFault::new(400, "command not found")),
    }
}

/// Returns signature of given method.
#[rpc("system.methodSignature")]
pub async fn method_signature() -> RpcResult {
    Err(RpcFault::new(500, "Not Implemented Yet"))
}
