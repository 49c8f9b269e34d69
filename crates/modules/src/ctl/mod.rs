//! Module `ctl`: RPC as `kamcmd` speaks it (binrpc).

use std::path::Path;
use std::sync::Arc;

use control::address::ControlAddress;
use control::binrpc_server::BinrpcServer;
use control::{CommandSource, ErrorLog, FileAccess};
use engine::{BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params};
use parking_lot::Mutex;

/// Descriptor.
pub const MODULE: ModuleDef =
    ModuleDef { name: "ctl", summary: "RPC as kamcmd speaks it.", params: CtlParams::DEFS, create, ..ModuleDef::EMPTY };

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
