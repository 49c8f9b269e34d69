//! Module `ctl`: RPC as `kamcmd` speaks it (binrpc).

use std::path::Path;
use std::sync::Arc;

use control::address::ControlAddress;
use control::binrpc_server::{BinrpcServer, Client};
use control::{CommandSource, ErrorLog, FileAccess};
use engine::{
    BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params, RpcFault, RpcResult, RpcValue, rpc,
};
use parking_lot::Mutex;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "ctl",
    summary: "RPC as kamcmd speaks it.",
    params: CtlParams::DEFS,
    rpc: &[CONNECTIONS, LISTEN, WHO],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `ctl`.
#[derive(Params)]
pub struct CtlParams {
    /// An address to listen on: `unix:/path`, `unixd:/path`, `tcp:host:port`, `udp:host:port`; may repeat. Without one:
    /// `kamailio_ctl` in the run-time directory.
    pub binrpc: Vec<String>,
    /// Numbers and texts are always converted to what a command wants; any value is accepted.
    #[param(default = 0)]
    pub autoconversion: i64,
    /// Answers may have any size; any value is accepted.
    #[param(default = 1024)]
    pub binrpc_buffer_size: i64,
    /// Answers may have any number of values; any value is accepted.
    #[param(default = 32)]
    pub binrpc_max_body_size: i64,
    /// Answers may have any number of members; any value is accepted.
    #[param(default = 8)]
    pub binrpc_struct_max_body_size: i64,
    /// Permissions of local sockets.
    #[param(default = 0o600)]
    pub mode: u32,
    /// Owner of local sockets: name or number.
    pub user: Option<String>,
    /// Group of local sockets: name or number.
    pub group: Option<String>,
}

/// The started module.
pub struct Ctl {
    addresses: Vec<ControlAddress>,
    access: FileAccess,
    servers: Mutex<Vec<BinrpcServer>>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: CtlParams = creating.params()?;
    let mut addresses = Vec::new();
    for text in &params.binrpc {
        let address = ControlAddress::parse(text).map_err(|error| {
            Diagnostic::error(
                Code::ParamValue,
                error.to_string(),
                creating.span_of("binrpc"),
                "unix:/path, tcp:host:port ..",
            )
        })?;
        addresses.push(address);
    }
    if addresses.is_empty() {
        addresses.push(ControlAddress::UnixStream(Path::new(&creating.core.settings.rundir).join("kamailio_ctl")));
    }
    let access = FileAccess { mode: params.mode, user: params.user, group: params.group };
    Ok(Arc::new(Ctl { addresses, access, servers: Mutex::default() }))
}

/// Protocol, transport and address of a server: the first four values of a line.
fn address(of: &ControlAddress) -> [String; 4] {
    let (transport, host, port) = match of {
        ControlAddress::UnixStream(path) => ("unix_stream", path.display().to_string(), String::new()),
        ControlAddress::UnixDatagram(path) => ("unix_dgram", path.display().to_string(), String::new()),
        ControlAddress::Tcp(host, port) => ("tcp", host.clone(), port.to_string()),
        ControlAddress::Udp(host, port) => ("udp", host.clone(), port.to_string()),
    };
    ["binrpc".to_owned(), transport.to_owned(), host, port]
}

/// Where this module listens: four values for each socket: `binrpc`, the transport, the address, the port.
#[rpc("ctl.listen")]
pub async fn listen(me: Arc<Ctl>) -> RpcResult {
    let servers = me.servers.lock();
    Ok(servers.iter().flat_map(|server| address(server.address())).map(RpcValue::from).collect())
}

/// How many connections to this module are open.
#[rpc("ctl.connections")]
pub async fn connections(me: Arc<Ctl>) -> RpcResult {
    let open: usize = me.servers.lock().iter().map(|server| server.clients().len()).sum();
    Ok(vec![open.into()])
}

/// The open connections to this module: six values for each: `binrpc`, the transport, the client's address and port,
/// our address and port.
#[rpc("ctl.who")]
pub async fn who(me: Arc<Ctl>) -> RpcResult {
    let mut values = Vec::new();
    for server in me.servers.lock().iter() {
        let [protocol, transport, host, port] = address(server.address());
        for client in server.clients() {
            let ends = match client {
                Client::Local => ["<anonymous unix socket>".to_owned(), String::new(), host.clone(), port.clone()],
                Client::Tcp { peer, local } => {
                    [peer.ip().to_string(), peer.port().to_string(), local.ip().to_string(), local.port().to_string()]
                }
            };
            values.extend([protocol.clone(), transport.clone()].into_iter().chain(ends).map(RpcValue::from));
        }
    }
    if values.is_empty() {
        return Err(RpcFault::new(400, "no open stream connection"));
    }
    Ok(values)
}

/// The commands of the running server, and its log, as the control servers take them.
pub(crate) fn sources(core: &Arc<Core>) -> (CommandSource, ErrorLog) {
    let (for_commands, log) = (core.clone(), core.log.clone());
    (Arc::new(move || for_commands.rpc.load_full()), Arc::new(move |text| log.write(engine::log::Level::Error, text)))
}

/// Makes the folder of a socket or fifo when it is missing: Kamailio's start scripts make the run-time directory.
pub(crate) fn make_folder(path: &Path) {
    if let Some(folder) = path.parent() {
        // An error shows when the socket is made.
        let _ = std::fs::create_dir_all(folder);
    }
}

impl Module for Ctl {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let (commands, log) = sources(core);
        Box::pin(async move {
            for address in &self.addresses {
                if let Some(path) = address.path() {
                    make_folder(path);
                }
                let server = BinrpcServer::start(address, &self.access, commands.clone(), log.clone()).await;
                self.servers.lock().push(server.map_err(|error| error.to_string())?);
            }
            Ok(())
        })
    }

    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        self.servers.lock().clear();
        Box::pin(async {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn text(result: RpcResult) -> String {
        let mut text = String::new();
        match result {
            Ok(values) => values.iter().for_each(|value| match value {
                RpcValue::Text(bytes) => text.push_str(&format!("{} ", String::from_utf8_lossy(bytes))),
                other => write!(text, "{other:?} ").unwrap_or_default(),
            }),
            Err(fault) => text = format!("{} {}", fault.code, fault.reason),
        }
        text
    }

    #[test]
    fn who_is_connected() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let path = std::env::temp_dir().join(format!("olelo-ctl-test-{}", std::process::id()));
            let addresses = ["tcp:127.0.0.1:0".to_owned(), format!("unix:{}", path.display())];
            let mut servers = Vec::new();
            for text in addresses {
                let address = ControlAddress::parse(&text).expect("an address");
                let commands: CommandSource = Arc::new(|| Arc::new(engine::rpc::RpcTable::default()));
                let server = BinrpcServer::start(&address, &FileAccess::default(), commands, Arc::new(|_| {})).await;
                servers.push(server.expect("it listens"));
            }
            let ControlAddress::Tcp(host, port) = servers[0].address().clone() else { panic!("no TCP") };
            let me =
                Arc::new(Ctl { addresses: Vec::new(), access: FileAccess::default(), servers: Mutex::new(servers) });
            let path_text = path.display();
            let listening = format!("binrpc tcp 127.0.0.1 {port} binrpc unix_stream {path_text}  ");
            assert_eq!(text(listen(me.clone()).await), listening);
            assert_eq!(text(who(me.clone()).await), "400 no open stream connection");

            let over_tcp = tokio::net::TcpStream::connect((host.as_str(), port)).await.expect("a connection");
            let local = tokio::net::UnixStream::connect(&path).await.expect("a connection");
            let wait_for = async |number: usize| {
                for _ in 0..500 {
                    if me.servers.lock().iter().map(|server| server.clients().len()).sum::<usize>() == number {
                        return;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
                panic!("there are not {number} connections");
            };
            wait_for(2).await;
            let peer = over_tcp.local_addr().expect("an address").port();
            let all = format!(
                "binrpc tcp 127.0.0.1 {peer} 127.0.0.1 {port} binrpc unix_stream <anonymous unix socket>  {path_text}  "
            );
            assert_eq!(text(who(me.clone()).await), all);
            assert_eq!(text(connections(me.clone()).await), "Int(2) ");
            drop((over_tcp, local));
            wait_for(0).await;
        });
    }
}
