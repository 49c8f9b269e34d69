//! `core.*` about sockets, names and connections.

use std::sync::Arc;

use engine::core::Core;
use engine::{RpcDef, RpcFault, RpcResult, RpcValue, rpc};
use transport::{ConnectionInfo, ConnectionState};

use super::{member, one};

/// The commands.
pub const COMMANDS: &[RpcDef] = &[SOCKETS_LIST, ALIASES_LIST, TCP_INFO, TCP_LIST, TCP_OPTIONS];

/// List local SIP server listen sockets.
#[rpc("core.sockets_list")]
pub async fn sockets_list(core: Arc<Core>) -> RpcResult {
    let sockets = core.sockets().iter().map(|socket| {
        let shown = RpcValue::structure([
            ("proto", socket.protocol.name().into()),
            ("address", address_text(socket.address.ip()).into()),
            ("port", socket.address.port().to_string().into()),
            ("mcast", "no".into()),
            ("mhomed", "no".into()),
            ("virtual", "no".into()),
        ]);
        RpcValue::structure([("socket", shown)])
    });
    one(RpcValue::Array(sockets.collect()))
}

/// An address as in a URI: IPv6 in brackets.
fn address_text(ip: std::net::IpAddr) -> String {
    match ip {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// List local SIP server host aliases.
#[rpc("core.aliases_list")]
pub async fn aliases_list(core: Arc<Core>) -> RpcResult {
    let aliases = core.aliases.read();
    let shown = aliases.iter().map(|alias| {
        let shown = RpcValue::structure([
            ("proto", alias.protocol.map_or("*", |protocol| protocol.name()).into()),
            ("address", alias.host.as_str().into()),
            ("port", alias.port.map_or_else(|| "*".into(), RpcValue::from)),
        ]);
        RpcValue::structure([("alias", shown)])
    });
    one(RpcValue::structure([("myself_callbacks", "no".into()), ("aliases", RpcValue::Array(shown.collect()))]))
}

/// The open connections; a fault when there are none because of `disable_tcp`.
fn connections(core: &Core) -> Result<Vec<ConnectionInfo>, RpcFault> {
    if core.settings.disable_tcp {
        return Err(RpcFault::new(500, "tcp support disabled"));
    }
    Ok(core.network().map(|network| network.connections()).unwrap_or_default())
}

/// Returns tcp related info.
#[rpc("core.tcp_info")]
pub async fn tcp_info(core: Arc<Core>) -> RpcResult {
    let connections = connections(&core)?;
    let secure = connections.iter().filter(|connection| connection.protocol.is_secure()).count();
    let queued: usize = connections.iter().map(|connection| connection.queued).sum();
    let max = core.settings.tcp_max_connections;
    one(RpcValue::structure([
        ("readers", core.runtime().metrics().num_workers().into()),
        ("max_connections", max.into()),
        ("max_tls_connections", max.into()),
        ("opened_connections", connections.len().into()),
        ("opened_tls_connections", secure.into()),
        ("write_queued_bytes", queued.into()),
    ]))
}

/// Returns tcp connections details.
#[rpc("core.tcp_list", array)]
pub async fn tcp_list(core: Arc<Core>) -> RpcResult {
    let shown = connections(&core)?.into_iter().map(|connection| {
        let state = match (connection.state, connection.inbound) {
            (ConnectionState::Connecting, _) => "CONN_CONNECT",
            (ConnectionState::Open, true) => "CONN_ACCEPT",
            (ConnectionState::Open, false) => "CONN_OK",
            (ConnectionState::Closing, _) => "CONN_EOF",
        };
        RpcValue::structure([
            ("id", RpcValue::Int(connection.id.0 as i64)),
            ("type", connection.protocol.via_name().into()),
            ("state", state.into()),
            ("timeout", (connection.expires_in.as_secs() as i64).into()),
            ("lifetime", (connection.lifetime.as_secs() as i64).into()),
            ("ref_count", 1.into()),
            ("src_ip", connection.peer.ip().to_string().into()),
            ("src_port", connection.peer.port().into()),
            ("dst_ip", connection.local.ip().to_string().into()),
            ("dst_port", connection.local.port().into()),
        ])
    });
    Ok(shown.collect())
}

/// Returns active tcp options.
#[rpc("core.tcp_options")]
pub async fn tcp_options(core: Arc<Core>) -> RpcResult {
    let settings = &core.settings;
    let seconds = |time: std::time::Duration| time.as_secs() as i64;
    one(RpcValue::Struct(vec![
        member("connect_timeout", seconds(settings.tcp_connect_timeout)),
        member("send_timeout", seconds(settings.tcp_send_timeout)),
        member("connection_lifetime", seconds(settings.tcp_connection_lifetime)),
        member("max_connections(soft)", settings.tcp_max_connections),
        member("max_tls_connections(soft)", settings.tcp_max_connections),
        member("no_connect", i32::from(settings.tcp_no_connect)),
        member("fd_cache", 1),
        member("async", 1),
        member("connect_wait", 1),
        member("conn_wq_max", settings.tcp_conn_wq_max),
        member("wq_max", settings.tcp_wq_max),
        member("defer_accept", i32::from(settings.tcp_defer_accept)),
        member("delayed_ack", i32::from(settings.tcp_delayed_ack)),
        member("syncnt", i32::from(settings.tcp_syncnt)),
        member("linger2", settings.tcp_linger2),
        member("keepalive", i32::from(settings.tcp_keepalive)),
        member("keepidle", seconds(settings.tcp_keepidle)),
        member("keepintvl", seconds(settings.tcp_keepintvl)),
        member("keepcnt", i64::from(settings.tcp_keepcnt)),
        member("crlf_ping", i32::from(settings.tcp_crlf_ping)),
        member("accept_aliases", 0),
        member("alias_flags", 1),
        member("new_conn_alias_flags", 2),
    ]))
}
