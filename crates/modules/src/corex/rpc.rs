//! RPC commands of module `corex`.

use std::sync::Arc;

use engine::{Core, RpcFault, RpcResult, RpcValue, Value, rpc};

/// Shows the log level (core parameter `debug`), or sets it and shows the old and the new one.
#[rpc("corex.debug")]
pub async fn debug(core: Arc<Core>, level: Option<RpcValue>) -> RpcResult {
    let old = core.log.level();
    let Some(RpcValue::Int(new)) = level else {
        return Ok(vec![RpcValue::structure([("debug", old.into())])]);
    };
    let result = core.config.set("core", "debug", Value::Int(new));
    result.map_err(|error| RpcFault::new(500, error.to_string()))?;
    Ok(vec![RpcValue::structure([("old", old.into()), ("new", core.log.level().into())])])
}

/// The sockets that the server listens on.
#[rpc("corex.list_sockets", array)]
pub async fn list_sockets(core: Arc<Core>) -> RpcResult {
    let shown = core.sockets().iter().map(|socket| {
        let address = match socket.address.ip() {
            std::net::IpAddr::V4(ip) => ip.to_string(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let advertised = socket.advertise.as_ref().map(|(host, _)| host.as_str());
        RpcValue::structure([
            ("PROTO", socket.protocol.name().into()),
            ("NAME", address.as_str().into()),
            ("ADDRLIST", RpcValue::structure([("ADDR", address.as_str().into())])),
            ("PORT", socket.address.port().to_string().into()),
            ("MCAST", "no".into()),
            ("MHOMED", "no".into()),
            ("VIRTUAL", "no".into()),
            ("SOCKNAME", socket.name.as_deref().unwrap_or("-").into()),
            ("ADVERTISE", advertised.unwrap_or("-").into()),
        ])
    });
    Ok(shown.collect())
}

/// Our names beside the sockets (`alias`). Protocol `*` and port 0: any.
#[rpc("corex.list_aliases", array)]
pub async fn list_aliases(core: Arc<Core>) -> RpcResult {
    let aliases = core.aliases.read();
    let shown = aliases.iter().map(|alias| {
        RpcValue::structure([
            ("PROTO", alias.protocol.map_or("*", |protocol| protocol.name()).into()),
            ("ADDR", alias.host.as_str().into()),
            ("PORT", alias.port.unwrap_or(0).into()),
        ])
    });
    Ok(shown.collect())
}
