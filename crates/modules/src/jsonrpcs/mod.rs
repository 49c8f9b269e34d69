//! Module `jsonrpcs`: RPC as JSON-RPC 2.0 over a fifo and datagrams, and from the script.

mod script;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use control::FileAccess;
use control::datagram::{DatagramAddress, DatagramServer};
use control::fifo::{FifoOptions, FifoServer};
use engine::params::Raw;
use engine::{BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params};
use language::ast::ConfigValue;
use parking_lot::Mutex;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "jsonrpcs",
    summary: "RPC as JSON-RPC over a fifo and datagrams, and from the script.",
    params: JsonrpcsParams::DEFS,
    functions: &[script::JSONRPC_EXEC],
    variables: &[script::JSONRPL],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `jsonrpcs`.
#[derive(Params)]
pub struct JsonrpcsParams {
    /// Indented answers: 1.
    #[param(default = true)]
    pub pretty_format: bool,
    /// What is served: 2 fifo, 4 datagrams, their sum, or 0 for all. 1 (HTTP) needs module xhttp and adds nothing without it.
    #[param(default = 6)]
    pub transport: i64,
    /// The fifo; a name without slash lies in the run-time directory. Empty: none.
    #[param(default = "kamailio_rpc.fifo".into())]
    pub fifo_name: String,
    /// Permissions of the fifo.
    #[param(default = 0o660)]
    pub fifo_mode: u32,
    /// Owner of the fifo: name or number.
    pub fifo_user: Raw,
    /// Group of the fifo: name or number.
    pub fifo_group: Raw,
    /// Folder of the fifos that answers go to.
    #[param(default = "/tmp/".into())]
    pub fifo_reply_dir: String,
    /// Address for datagrams: a path (in the run-time directory when it has no slash), `unix:/path` or `udp:host:port`. Empty: none.
    #[param(default = "kamailio_rpc.sock".into())]
    pub dgram_socket: String,
    /// Permissions of the datagram socket.
    #[param(default = 0o660)]
    pub dgram_mode: u32,
    /// Owner of the datagram socket: name or number.
    pub dgram_user: Raw,
    /// Group of the datagram socket: name or number.
    pub dgram_group: Raw,
    /// Answers never wait longer than the system takes them; any value is accepted.
    #[param(default = 2000)]
    pub dgram_timeout: i64,
    /// Requests are served by tasks, not processes; any value is accepted.
    #[param(default = 1)]
    pub dgram_workers: i64,
}

/// The started module.
pub struct Jsonrpcs {
    pretty: bool,
    fifo: Option<FifoOptions>,
    datagram: Option<(DatagramAddress, FileAccess)>,
    running: Mutex<(Option<FifoServer>, Option<DatagramServer>)>,
}

/// A name or number for an owner; the default (0 without a line in the file) is none.
fn owner(raw: &Raw) -> Option<String> {
    match &raw.0.value {
        _ if raw.0.name.is_empty() => None,
        ConfigValue::Int(number) => Some(number.to_string()),
        ConfigValue::String(name) | ConfigValue::Word(name) => Some(name.clone()).filter(|name| !name.is_empty()),
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: JsonrpcsParams = creating.params()?;
    let folder = PathBuf::from(&creating.core.settings.rundir);
    let serves = |bit: i64| params.transport == 0 || params.transport & bit != 0;
    let in_folder = |name: &str| if name.contains('/') { PathBuf::from(name) } else { folder.join(name) };
    let fifo = (serves(2) && !params.fifo_name.is_empty()).then(|| FifoOptions {
        path: in_folder(&params.fifo_name),
        reply_folder: PathBuf::from(&params.fifo_reply_dir),
        access: FileAccess { mode: params.fifo_mode, user: owner(&params.fifo_user), group: owner(&params.fifo_group) },
        pretty: params.pretty_format,
    });
    let datagram = if serves(4) && !params.dgram_socket.is_empty() {
        let text = &params.dgram_socket;
        let address = if text.contains(':') {
            DatagramAddress::parse(text).ok_or_else(|| {
                Diagnostic::error(
                    Code::ParamValue,
                    format!("`{text}` is no datagram address"),
                    creating.span_of("dgram_socket"),
                    "a path, unix:/path or udp:host:port",
                )
            })?
        } else {
            DatagramAddress::Unix(in_folder(text))
        };
        Some((
            address,
            FileAccess { mode: params.dgram_mode, user: owner(&params.dgram_user), group: owner(&params.dgram_group) },
        ))
    } else {
        None
    };
    Ok(Arc::new(Jsonrpcs { pretty: params.pretty_format, fifo, datagram, running: Mutex::default() }))
}

impl Module for Jsonrpcs {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let (commands, log) = crate::ctl::sources(core);
        Box::pin(async move {
            if let Some(options) = &self.fifo {
                crate::ctl::make_folder(&options.path);
                let server = FifoServer::start(options, commands.clone(), log).map_err(|error| error.to_string())?;
                self.running.lock().0 = Some(server);
            }
            if let Some((address, access)) = &self.datagram {
                if let DatagramAddress::Unix(path) = address {
                    crate::ctl::make_folder(Path::new(path));
                }
                let server = DatagramServer::start(address, access, self.pretty, commands)
                    .await
                    .map_err(|error| error.to_string())?;
                self.running.lock().1 = Some(server);
            }
            Ok(())
        })
    }

    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        *self.running.lock() = (None, None);
        Box::pin(async {})
    }
}
