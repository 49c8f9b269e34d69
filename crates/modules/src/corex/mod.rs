//! Module `corex`: branches, sockets, extended flags, sending data, and other things close to the core.

mod branch;
mod cfg;
mod files;
mod flags;
mod network;
mod params;
mod rpc;
mod send;
mod sockets;
mod specification;
mod transformations;
mod via;

use std::sync::Arc;

use engine::{CompileEnv, Creating, Diagnostic, Module, ModuleDef, Params, Stateless, Str};

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
        network::IS_INCOMING,
        send::SEND_UDP,
        send::SEND_TCP,
        send::SEND_DATA,
        send::SENDX,
        send::FORWARD_REPLY,
        send::FORWARD_UAC,
        send::FORWARD_UAC_URI,
        sockets::SET_SEND_SOCKET,
        sockets::SET_SEND_SOCKET_NAME,
        sockets::SET_RECV_SOCKET,
        sockets::SET_RECV_SOCKET_NAME,
        sockets::SET_SOURCE_ADDRESS,
        sockets::IS_SOCKET_NAME,
        via::VIA_ADD_SRVID,
        via::VIA_ADD_XAVP_PARAMS,
        via::VIA_USE_XAVP_FIELDS,
    ],
    variables: &[cfg::CFG, sockets::LSOCK],
    transformations: &[transformations::HOST, transformations::PORT, transformations::PROTO, transformations::TO_URI],
    rpc: &[rpc::DEBUG, rpc::LIST_SOCKETS, rpc::LIST_ALIASES],
    event_routes: &["network:msg"],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `corex`.
#[derive(Params)]
pub struct CorexParams {
    /// A domain that is ours with all its sub-domains: `[proto:]domain[:port]`; without port or protocol any fits. May
    /// be given several times.
    pub alias_subdomains: params::AliasDomains,
    /// Above 0: `event_route[network:msg]` runs for the bytes of each message that arrives, before it is parsed, and of
    /// each that is sent: `$mb`. Of a stream it sees what looks like a whole SIP message. What the route sends itself
    /// goes by it.
    #[param(default = 0)]
    pub nio_intercept: i64,
    /// Shorter messages do without the route.
    #[param(default = 0)]
    pub nio_min_msg_len: i64,
    /// The AVP whose value takes the place of the bytes when the route has set it.
    pub nio_msg_avp: Option<Str>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: CorexParams = creating.params()?;
    if params.nio_intercept != 0 {
        let avp = match &params.nio_msg_avp {
            Some(name) if !name.is_empty() => {
                let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
                Some(env.variable_text(&name.to_text(), creating.span_of("nio_msg_avp"))?)
            }
            _ => None,
        };
        let _ = creating.core.intercept.set(network::intercept(avp, params.nio_min_msg_len));
    }
    *creating.core.alias_domains.write() = params.alias_subdomains.0;
    Ok(Arc::new(Stateless))
}

#[cfg(test)]
mod tests;
