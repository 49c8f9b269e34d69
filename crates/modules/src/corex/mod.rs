//! Module `corex`: branches, sockets, extended flags, sending data, and other things close to the core.

mod branch;
mod cfg;
mod files;
mod flags;
mod params;
mod rpc;
mod send;
mod sockets;
mod specification;
mod transformations;

use std::sync::Arc;

use engine::{Creating, Diagnostic, Module, ModuleDef, Params, Stateless};

pub use flags::InternalFlags;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "corex",
    summary: "Branches, sockets, extended flags, sending data, and other things close to the core.",
    params: CorexParams::DEFS,
    functions: &[
        branch::APPEND_BRANCH,
        files::FILE_READ,
        files::FILE_WRITE,
        flags::SETXFLAG,
        flags::RESETXFLAG,
        flags::ISXFLAGSET,
        flags::MSG_IFLAG_SET,
        flags::MSG_IFLAG_RESET,
        flags::MSG_IFLAG_IS_SET,
        flags::IS_FAKED_MSG,
        send::SEND_UDP,
        send::SEND_TCP,
        send::SEND_DATA,
        send::SENDX,
        send::FORWARD_REPLY,
        sockets::SET_SEND_SOCKET,
        sockets::SET_SEND_SOCKET_NAME,
        sockets::SET_RECV_SOCKET,
        sockets::SET_RECV_SOCKET_NAME,
        sockets::SET_SOURCE_ADDRESS,
        sockets::IS_SOCKET_NAME,
    ],
    variables: &[cfg::CFG],
    transformations: &[transformations::HOST, transformations::PORT, transformations::PROTO, transformations::TO_URI],
    rpc: &[rpc::DEBUG, rpc::LIST_SOCKETS, rpc::LIST_ALIASES],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `corex`.
#[derive(Params)]
pub struct CorexParams {
    /// A domain that is ours with all its sub-domains: `[proto:]domain[:port]`; without port or protocol any fits. May
    /// be given several times.
    pub alias_subdomains: params::AliasDomains,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: CorexParams = creating.params()?;
    *creating.core.alias_domains.write() = params.alias_subdomains.0;
    Ok(Arc::new(Stateless))
}

#[cfg(test)]
mod tests;
