//! All sockets of a server: opening, starting, sending, stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use sip::Protocol;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::AbortHandle;

use crate::connections::{CloseReason, Connection, ConnectionInfo, Connections, NewConnection, Refused};
use crate::error::{BindError, SendError};
use crate::handler::{ConnectionId, Handler, Network, Outgoing, SendFailure};
use crate::options::{Options, Severity};
use crate::socket::{Listen, LocalSocket, SocketId};
use crate::statistics::Statistics;
use crate::udp::UdpListener;
use crate::{tcp, udp};

/// How long [`Transport::stop`] waits for workers and connections.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// The real sockets. Cheap to clone: all clones are the same transport.
#[derive(Clone)]
pub struct Transport {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones, workers and connection tasks share.
pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) statistics: Statistics,
    pub(crate) connections: Connections,
    pub(crate) stopping: AtomicBool,
    sockets: Vec<LocalSocket>,
    /// By socket number.
    listeners: Vec<Listener>,
    running: RwLock<Option<Running>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    accepting: Mutex<Vec<AbortHandle>>,
}

impl Inner {
    /// The handler and its runtime, between start and stop.
    pub(crate) fn running(&self) -> Option<Running> {
        self.running.read().clone().filter(|_| !self.stopping.load(Ordering::Acquire))
    }
}

/// What exists between start and stop.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) runtime: Handle,
}

/// An open socket.
enum Listener {
    Udp(UdpListener),
    /// Taken when accepting starts.
    Tcp(Mutex<Option<std::net::TcpListener>>),
}

impl Transport {
    /// Opens all sockets, in the order given; nothing is received before [`Transport::start`].
    pub fn bind(listens: &[Listen], options: &Options) -> Result<Self, BindError> {
        let mut sockets = Vec::with_capacity(listens.len());
        let mut listeners = Vec::with_capacity(listens.len());
        for (index, listen) in listens.iter().enumerate() {
            let id = SocketId(u16::try_from(index).map_err(|_| BindError::TooMany)?);
            let (listener, address) = match listen.protocol {
                Protocol::Udp => {
                    let listener = udp::open(id, listen, options)?;
                    let address = listener.address();
                    (Listener::Udp(listener), address)
                }
                Protocol::Tcp => {
                    let (listener, address) = tcp::open(listen, options)?;
                    (Listener::Tcp(Mutex::new(Some(listener))), address)
                }
                protocol => return Err(BindError::Unsupported { protocol, address: listen.address }),
            };
            listeners.push(listener);
            let (advertise, name) = (listen.advertise.clone(), listen.name.clone());
            sockets.push(LocalSocket::new(id, listen.protocol, address, advertise, name));
        }
        Ok(Self {
            inner: Arc::new(Inner {
                options: options.clone(),
                statistics: Statistics::default(),
                connections: Connections::new(),
                stopping: AtomicBool::new(false),
                sockets,
                listeners,
                running: RwLock::default(),
                workers: Mutex::default(),
                accepting: Mutex::default(),
            }),
        })
    }

    /// Starts to receive. `runtime` runs the connections and is the context of the handler. A transport starts once.
    pub fn start(&self, handler: Arc<dyn Handler>, runtime: &Handle) -> std::io::Result<()> {
        let inner = &self.inner;
        *inner.running.write() = Some(Running { handler: handler.clone(), runtime: runtime.clone() });
        for (socket, listener) in inner.sockets.iter().zip(&inner.listeners) {
            match listener {
                Listener::Udp(_) => self.start_workers(socket, &handler, runtime)?,
                Listener::Tcp(listener) => {
                    let Some(listener) = listener.lock().take() else { continue };
                    let _context = runtime.enter();
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    let task = runtime.spawn(tcp::accept(self.clone(), listener, socket.id));
                    inner.accepting.lock().push(task.abort_handle());
                }
            }
        }
        Ok(())
    }

    fn start_workers(&self, socket: &LocalSocket, handler: &Arc<dyn Handler>, runtime: &Handle) -> std::io::Result<()> {
        for number in 0..self.inner.options.udp.worker_count() {
            let (transport, handler, runtime, id) = (self.clone(), handler.clone(), runtime.clone(), socket.id);
            // Names of threads are cut to 15 bytes by the kernel.
            let name = format!("udp-{}-{number}", id.0);
            let worker = std::thread::Builder::new().name(name).spawn(move || {
                let _context = runtime.enter();
                if let Some(Listener::Udp(listener)) = transport.inner.listeners.get(usize::from(id.0)) {
                    listener.work(number, &transport, &*handler);
                }
            })?;
            self.inner.workers.lock().push(worker);
        }
        Ok(())
    }

    /// Stops receiving, closes every socket and connection, and waits until the workers are done and what was queued is
    /// written: at most a second. A worker whose handler blocks for longer is left behind.
    pub fn stop(&self) {
        let inner = &self.inner;
        inner.stopping.store(true, Ordering::Release);
        for task in inner.accepting.lock().drain(..) {
            task.abort();
        }
        for listener in &inner.listeners {
            match listener {
                Listener::Udp(listener) => listener.shut_down(),
                Listener::Tcp(listener) => drop(listener.lock().take()),
            }
        }
        for connection in inner.connections.all() {
            connection.request_close(CloseReason::Stopping);
        }
        let deadline = Instant::now() + STOP_PATIENCE;
        let this_thread = std::thread::current().id();
        let workers = std::mem::take(&mut *inner.workers.lock());
        for worker in workers.into_iter().filter(|worker| worker.thread().id() != this_thread) {
            while !worker.is_finished() && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(2));
            }
            if worker.is_finished() {
                // A worker that panicked outside the handler was logged by the panic hook.
                let _ = worker.join();
            } else {
                inner.options.log(Severity::Error, "a worker is still busy and was left behind");
            }
        }
        // On a runtime of one thread connections cannot end while that thread waits for them.
        let can_wait = Handle::try_current().map_or(true, |here| here.runtime_flavor() != RuntimeFlavor::CurrentThread);
        while can_wait && inner.statistics.tcp_connections.get() > 0 && Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        // The handler often owns this transport: without this neither would ever be dropped.
        *inner.running.write() = None;
    }

    /// The counters.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.inner.statistics
    }

    fn udp_listener(&self, id: SocketId) -> Option<&UdpListener> {
        match self.inner.listeners.get(usize::from(id.0)) {
            Some(Listener::Udp(listener)) => Some(listener),
            _ => None,
        }
    }

    /// Everything in `outbox` that leaves from one UDP socket, in order.
    fn send_udp(&self, socket: SocketId, outbox: &[Outgoing]) {
        let of_socket = |outgoing: &&Outgoing| outgoing.socket == socket && outgoing.protocol == Protocol::Udp;
        let failed = |error| self.log_failure(&error);
        match self.udp_listener(socket) {
            Some(listener) => listener.send(outbox.iter().filter(of_socket), self, failed),
            None => failed(SendError::NoSocket { socket, protocol: Protocol::Udp }),
        }
    }

    fn log_failure(&self, error: &SendError) {
        self.inner.options.log(Severity::Error, &error.to_string());
    }

    /// Tells the handler that a message was not even queued: soon, but not while its handler runs.
    fn tell_failure(&self, failure: SendFailure) {
        if let Some(running) = self.inner.running() {
            let handler = running.handler;
            running.runtime.spawn(async move { handler.send_failed(failure) });
        }
    }

    /// Sends messages over connections: what goes over the same one leaves together.
    fn send_streams(&self, outbox: &mut Vec<Outgoing>) {
        while let Some(first) = outbox.first() {
            let (way, peer) = (way_of(first), (first.protocol, first.destination));
            let mut ended = false;
            let mut together: Vec<Outgoing> = outbox
                .extract_if(.., |next| {
                    let joins = !ended && way_of(next) == way;
                    // What follows a message to close after needs another connection, and nothing overtakes what goes to
                    // the same peer in another way.
                    ended |= (next.protocol, next.destination) == peer && (!joins || next.close_after);
                    joins
                })
                .collect();
            while let Err(Refused { accepted, error }) = self.send_stream(&together) {
                self.log_failure(&error);
                if let Some(refused) = together.drain(..=accepted).next_back() {
                    self.tell_failure(SendFailure::of(refused, error));
                }
            }
        }
    }

    /// Sends messages that go the same way, in order.
    fn send_stream(&self, messages: &[Outgoing]) -> Result<(), Refused> {
        let Some(outgoing) = messages.first() else { return Ok(()) };
        let connections = &self.inner.connections;
        let usable = |connection: &Arc<Connection>| {
            connection.protocol == outgoing.protocol && connection.close_requested().is_none()
        };
        let wanted = outgoing.connection.and_then(|id| connections.get(id)).filter(usable);
        let found = wanted.or_else(|| connections.find(outgoing.protocol, outgoing.destination, Some(outgoing.socket)));
        match found.map(|connection| self.enqueue(&connection, messages)) {
            // It closed at this very moment: as if it had not been found.
            None | Some(Err(Refused { error: SendError::Closed(_), .. })) => {
                self.send_by_new_connection(outgoing, messages)
            }
            Some(result) => result,
        }
    }

    fn enqueue(&self, connection: &Connection, messages: &[Outgoing]) -> Result<(), Refused> {
        connection.enqueue(messages, &self.inner.options.tcp, &self.inner.statistics)
    }

    /// Puts a new connection into the table and starts to open it; what is queued meanwhile is written then.
    fn send_by_new_connection(&self, outgoing: &Outgoing, messages: &[Outgoing]) -> Result<(), Refused> {
        let inner = &self.inner;
        let Outgoing { socket, protocol, destination: peer, .. } = *outgoing;
        let refused = |error| Err(Refused { accepted: 0, error });
        let fits = |local: &&LocalSocket| local.protocol == protocol && local.address.is_ipv4() == peer.is_ipv4();
        let Some(local) = self.socket(socket).filter(fits) else {
            return refused(SendError::NoSocket { socket, protocol });
        };
        if outgoing.no_connect || inner.options.tcp.no_connect {
            return refused(SendError::NoConnection(peer));
        }
        let Some(running) = inner.running() else { return refused(SendError::NotRunning) };
        let new =
            NewConnection { protocol, socket, local: SocketAddr::new(local.address.ip(), 0), peer, inbound: false };
        let Ok((connection, is_new)) = inner.connections.find_or_insert(new, &inner.options.tcp) else {
            return refused(SendError::TooManyConnections);
        };
        // Queued before opening starts: a failure of that is then told for these messages too.
        let result = self.enqueue(&connection, messages);
        if is_new {
            inner.statistics.tcp_connections.increment();
            let task = tcp::connect(self.clone(), running.handler, connection, local.address);
            running.runtime.spawn(task);
        }
        result
    }

    /// The handler, while the transport runs.
    pub(crate) fn handler(&self) -> Option<Arc<dyn Handler>> {
        self.inner.running.read().as_ref().map(|running| running.handler.clone())
    }
}

/// What decides over which connection a message goes.
fn way_of(outgoing: &Outgoing) -> (SocketId, Protocol, SocketAddr, Option<ConnectionId>, bool) {
    let Outgoing { socket, protocol, destination, connection, no_connect, .. } = *outgoing;
    (socket, protocol, destination, connection, no_connect)
}

impl Network for Transport {
    fn send(&self, outgoing: Outgoing) -> Result<(), SendError> {
        if outgoing.protocol != Protocol::Udp {
            return self.send_stream(&[outgoing]).map_err(|refused| refused.error);
        }
        let Some(listener) = self.udp_listener(outgoing.socket) else {
            return Err(SendError::NoSocket { socket: outgoing.socket, protocol: outgoing.protocol });
        };
        let mut result = Ok(());
        listener.send(std::iter::once(&outgoing), self, |error| result = Err(error));
        result
    }

    fn send_all(&self, outbox: &mut Vec<Outgoing>) {
        let mut streams = false;
        for index in 0..outbox.len() {
            let Outgoing { socket, protocol, .. } = outbox[index];
            if protocol != Protocol::Udp {
                streams = true;
            } else if !outbox[..index].iter().any(|earlier| earlier.socket == socket && earlier.protocol == protocol) {
                self.send_udp(socket, &outbox[index..]);
            }
        }
        if streams {
            outbox.retain(|outgoing| outgoing.protocol != Protocol::Udp);
            self.send_streams(outbox);
        }
        outbox.clear();
    }

    fn sockets(&self) -> &[LocalSocket] {
        &self.inner.sockets
    }

    fn connection(&self, id: ConnectionId) -> Option<ConnectionInfo> {
        self.inner.connections.get(id).map(|connection| connection.info())
    }

    fn connections(&self) -> Vec<ConnectionInfo> {
        self.inner.connections.all().iter().map(|connection| connection.info()).collect()
    }

    fn find_connection(&self, protocol: Protocol, peer: SocketAddr) -> Option<ConnectionId> {
        self.inner.connections.find(protocol, peer, None).map(|connection| connection.id)
    }

    fn add_alias(&self, id: ConnectionId, port: u16) -> bool {
        self.inner.connections.add_alias(id, port, self.inner.options.tcp.max_aliases)
    }

    fn close(&self, id: ConnectionId) -> bool {
        let connection = self.inner.connections.get(id);
        if let Some(connection) = &connection {
            connection.request_close(CloseReason::Local);
        }
        connection.is_some()
    }

    fn set_lifetime(&self, id: ConnectionId, lifetime: Duration) -> bool {
        let connection = self.inner.connections.get(id);
        if let Some(connection) = &connection {
            connection.set_lifetime(lifetime);
        }
        connection.is_some()
    }

    fn set_keepalive(&self, id: ConnectionId, idle: Duration, interval: Duration, count: u32) -> bool {
        let stream = self.inner.connections.get(id).and_then(|connection| connection.stream());
        if let Some(stream) = &stream {
            tcp::set_keepalive(stream, idle, interval, count);
        }
        stream.is_some()
    }
}
