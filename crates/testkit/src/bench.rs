//! One configuration, one message after the other, on a virtual clock: for the tests of modules.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::core::Core;
use engine::load::{Loaded, Offer, load};
use engine::log::Log;
use engine::receive::Engine;
use engine::{ModuleDef, RpcResult, RpcValue, Str};
use sip::Protocol;
use transport::resolve::Resolver;
use transport::{Handler as _, Network as _, Outgoing, Received, SocketId};

use crate::dns::{SharedZone, ZoneSource};
use crate::{VirtualNetwork, Zone};

/// The virtual clock starts here: 2026-01-01 00:00:00 UTC.
pub const START: i64 = 1_767_225_600;

/// A server in memory.
pub struct Bench {
    runtime: tokio::runtime::Runtime,
    engine: Arc<Engine>,
    loaded: Loaded,
    network: Arc<VirtualNetwork>,
    zone: SharedZone,
    asked: Asked,
}

/// The virtual clock stands still while a database is asked: the answer takes real time.
#[derive(Clone, Default)]
struct Asked(Arc<AtomicUsize>);

impl Asked {
    fn hold(&self) -> database::Hold {
        let count = self.0.clone();
        Arc::new(move || {
            count.fetch_add(1, Ordering::AcqRel);
            let (answered, wait) = std::sync::mpsc::channel::<()>();
            // tokio's paused clock does not advance while a blocking task runs.
            tokio::task::spawn_blocking(move || wait.recv());
            Box::new(Answered { count: count.clone(), _answered: answered })
        })
    }
}

struct Answered {
    count: Arc<AtomicUsize>,
    _answered: std::sync::mpsc::Sender<()>,
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Tasks of messages that wait run now, also those that wait for a database.
async fn run_tasks(asked: &Asked) {
    loop {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        if asked.0.load(Ordering::Acquire) == 0 {
            return;
        }
        let _ = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_micros(200))).await;
    }
}

/// A resolver with the core's settings that knows the zone's names.
fn resolver(core: &Core, zone: SharedZone) -> Resolver {
    let options = engine::names::resolve_options(&core.settings, core.sockets());
    let source = Arc::new(ZoneSource::new(zone, &options));
    Resolver::with_source(options, source)
}

/// What one message led to.
#[derive(Debug, Default)]
pub struct Sent {
    /// What was sent, as text with LF line ends.
    pub messages: Vec<String>,
    /// The same as sent.
    pub raw: Vec<Outgoing>,
    /// The log lines: `LEVEL: text`.
    pub log: Vec<String>,
}

impl Bench {
    /// Loads and starts a configuration.
    ///
    /// # Errors
    /// The mistakes in the configuration, one line each (`E0101: message`), or the reason why a module did not start.
    ///
    /// # Panics
    /// When no runtime can be made.
    pub fn new(config: &str, modules: &'static [&'static ModuleDef]) -> Result<Self, String> {
        Self::with_zone(config, modules, Zone::default())
    }

    /// The same with names; without them none exists.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_zone(config: &str, modules: &'static [&'static ModuleDef], zone: Zone) -> Result<Self, String> {
        Self::load(&format!("#!KAMAILIO\n{config}"), &Offer { modules, rpc: &[] }, None, 5060, zone)
    }

    /// Loads and starts a complete configuration; `debug` sets the log level instead of the configuration;
    /// the server is on 127.0.0.1 at `port`.
    pub(crate) fn load(text: &str, offer: &Offer, debug: Option<i64>, port: u16, zone: Zone) -> Result<Self, String> {
        let log = Arc::new(Log::memory(0));
        let asked = Asked::default();
        let outcome = load(
            &language::Source::text(Path::new("test.cfg"), text, &language::MemoryFiles::default()),
            offer,
            log,
            |settings| settings.debug = debug.unwrap_or(settings.debug),
        );
        let Some(loaded) = outcome.loaded else {
            let lines: Vec<String> = outcome
                .diagnostics
                .iter()
                .map(|diagnostic| language::render::concise(diagnostic, &outcome.sources))
                .collect();
            return Err(lines.join("\n"));
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .map_err(|error| error.to_string())?;
        let network = Arc::new(VirtualNetwork::loopback(port));
        let zone: SharedZone = Arc::new(zone.into());
        runtime.block_on(async {
            loaded.core.databases.hold(asked.hold());
            loaded.core.attach(network.clone(), START);
            let _ = loaded.core.resolver.set(Arc::new(resolver(&loaded.core, zone.clone())));
            loaded.start().await
        })?;
        let engine = Arc::new(Engine::new(loaded.core.clone()));
        network.attach(&engine);
        Ok(Self { runtime, engine, loaded, network, zone, asked })
    }

    /// Receives a message (LF line ends are made CRLF; Content-Length is not touched) over UDP from 127.0.0.2:5061.
    pub fn receive(&self, message: &str) -> Sent {
        self.receive_from(SocketAddr::from(([127, 0, 0, 2], 5061)), message)
    }

    /// The same from another address.
    pub fn receive_from(&self, source: SocketAddr, message: &str) -> Sent {
        let data = Str::from(message.replace("\r\n", "\n").replace('\n', "\r\n"));
        let destination = SocketAddr::from(([127, 0, 0, 1], 5060));
        let raw = self.deliver(
            Received { socket: SocketId(0), protocol: Protocol::Udp, source, destination, connection: None },
            data,
        );
        let messages =
            raw.iter().map(|outgoing| String::from_utf8_lossy(&outgoing.data).replace("\r\n", "\n")).collect();
        Sent { messages, raw, log: self.loaded.core.log.take_lines() }
    }

    /// Receives bytes; what is sent because of them.
    pub(crate) fn deliver(&self, received: Received, data: Str) -> Vec<Outgoing> {
        let mut outbox = Vec::new();
        self.runtime.block_on(async {
            self.engine.receive(received, data, &mut outbox);
            self.network.send_all(&mut outbox);
            run_tasks(&self.asked).await;
        });
        self.network.take()
    }

    /// Lets something happen on the network, and whatever follows from it.
    pub(crate) fn on_network<T>(&self, act: impl FnOnce(&VirtualNetwork) -> T) -> T {
        self.runtime.block_on(async {
            let result = act(&self.network);
            run_tasks(&self.asked).await;
            result
        })
    }

    /// What was sent since then, by timers and tasks.
    pub(crate) fn sent_later(&self) -> Vec<Outgoing> {
        self.network.take()
    }

    /// Other names from now on; what the server remembers stays.
    pub fn set_zone(&self, zone: Zone) {
        *self.zone.write() = zone;
    }

    /// Lets the virtual clock go on.
    pub fn advance(&self, duration: Duration) {
        self.runtime.block_on(async {
            tokio::time::sleep(duration).await;
            run_tasks(&self.asked).await;
        });
    }

    /// Calls an RPC command.
    ///
    /// # Errors
    /// The command's fault.
    pub fn rpc(&self, command: &str, arguments: &[RpcValue]) -> RpcResult {
        let table = self.loaded.core.rpc.load_full();
        self.runtime.block_on(table.call(command, arguments.to_vec()))
    }

    /// Stops the modules, as the end of the program does.
    pub(crate) fn stop(&self) {
        self.runtime.block_on(self.loaded.stop());
    }

    /// The log lines since the last message.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.loaded.core.log.take_lines()
    }

    /// The server.
    #[must_use]
    pub const fn loaded(&self) -> &Loaded {
        &self.loaded
    }
}
