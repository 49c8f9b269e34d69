//! The connection table: by number, by peer address, with limits; and what a connection shares with its senders.

use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use sip::{Protocol, Str};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::error::SendError;
use crate::handler::{ConnectionId, Outgoing};
use crate::options::TcpOptions;
use crate::socket::SocketId;
use crate::statistics::Statistics;

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// This server is opening it; what is sent waits.
    Connecting,
    /// Messages go both ways.
    Open,
    /// What is queued is written, then it closes.
    Closing,
}

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed it in order (event route `tcp:closed`).
    Peer,
    /// The peer or the network broke it (`tcp:reset`).
    Reset,
    /// It was idle for too long (`tcp:timeout`).
    Idle,
    /// A message did not arrive whole in time.
    MessageTimeout,
    /// The peer took nothing for too long, or its write queue was full.
    Slow,
    /// What arrived cannot be cut into messages.
    Framing,
    /// It could not be opened.
    ConnectFailed,
    /// This server closed it: `close_after`, [`crate::Network::close`].
    Local,
    /// The server stops.
    Stopping,
}

/// What is known of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its number.
    pub id: ConnectionId,
    /// The protocol.
    pub protocol: Protocol,
    /// The local socket that accepted it or that it was opened from.
    pub socket: SocketId,
    /// The local address; port 0 while it is being opened.
    pub local: SocketAddr,
    /// The peer's address.
    pub peer: SocketAddr,
    /// True when the peer opened it.
    pub inbound: bool,
    /// Where it is in its life.
    pub state: ConnectionState,
    /// Further ports of the peer's address that lead to it.
    pub aliases: Vec<u16>,
    /// Bytes waiting to be written.
    pub queued: usize,
    /// How long it may still be idle before it is closed.
    pub expires_in: Duration,
    /// How long it may be idle.
    pub lifetime: Duration,
}

/// A connection, shared by its task and everyone who sends to it.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) protocol: Protocol,
    pub(crate) socket: SocketId,
    pub(crate) peer: SocketAddr,
    pub(crate) inbound: bool,
    shared: Mutex<Shared>,
    /// Told when something was queued.
    pub(crate) queued: Notify,
    /// Told when the connection is to close or its lifetime changed.
    pub(crate) attention: Notify,
    created: Instant,
    /// Milliseconds from `created` to the last byte in or out.
    active: AtomicU64,
    lifetime: AtomicU64,
}

struct Shared {
    local: SocketAddr,
    state: ConnectionState,
    queue: VecDeque<Item>,
    /// Bytes in `queue`.
    size: usize,
    /// Set once: why the connection is to close.
    close: Option<CloseReason>,
    aliases: Vec<u16>,
    /// The open stream, for senders who write themselves.
    stream: Option<Arc<TcpStream>>,
}

/// A message to write.
struct Item {
    data: Str,
    /// How much of it left already.
    sent: usize,
    close_after: bool,
}

/// Messages that were not taken.
pub(crate) struct Refused {
    /// How many before them were.
    pub(crate) accepted: usize,
    /// Why not the next one.
    pub(crate) error: SendError,
}

/// What the writer is to do next.
pub(crate) enum Next {
    /// Nothing is queued.
    Wait,
    /// Write these.
    Write(Vec<Str>),
    /// Everything up to a "close after this" was written.
    Close,
}

/// Most pieces that one system call writes.
const WRITE_PIECES: usize = 16;

impl Connection {
    /// What is known of it.
    pub(crate) fn info(&self) -> ConnectionInfo {
        let lifetime = self.lifetime();
        let idle = self.created.elapsed().saturating_sub(self.last_active());
        let shared = self.shared.lock();
        ConnectionInfo {
            id: self.id,
            protocol: self.protocol,
            socket: self.socket,
            local: shared.local,
            peer: self.peer,
            inbound: self.inbound,
            state: shared.state,
            aliases: shared.aliases.clone(),
            queued: shared.size,
            expires_in: lifetime.saturating_sub(idle),
            lifetime,
        }
    }

    fn last_active(&self) -> Duration {
        Duration::from_millis(self.active.load(Ordering::Relaxed))
    }

    fn lifetime(&self) -> Duration {
        Duration::from_millis(self.lifetime.load(Ordering::Relaxed))
    }

    /// When it has been idle for too long, unless something happens before.
    pub(crate) fn idle_deadline(&self) -> Instant {
        self.created + self.last_active() + self.lifetime()
    }

    /// Bytes went in or out.
    pub(crate) fn touch(&self) {
        self.active.store(self.created.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn set_lifetime(&self, lifetime: Duration) {
        // A century is long enough and cannot overflow a deadline.
        let milliseconds = lifetime.as_millis().min(100 * 365 * 86_400 * 1000) as u64;
        self.lifetime.store(milliseconds, Ordering::Relaxed);
        self.attention.notify_one();
    }

    /// The connection is established. `stream` is one that senders may write to as long as nothing is queued.
    pub(crate) fn set_open(&self, local: SocketAddr, stream: Arc<TcpStream>) {
        let mut shared = self.shared.lock();
        shared.local = local;
        shared.stream = Some(stream);
        if shared.state == ConnectionState::Connecting {
            shared.state = ConnectionState::Open;
        }
        drop(shared);
        self.touch();
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.shared.lock().local
    }

    /// The open stream.
    pub(crate) fn stream(&self) -> Option<Arc<TcpStream>> {
        self.shared.lock().stream.clone()
    }

    /// Whether new messages may be queued.
    fn is_usable(&self) -> bool {
        self.shared.lock().state != ConnectionState::Closing
    }

    /// Asks the task to close. The first reason counts.
    pub(crate) fn request_close(&self, reason: CloseReason) {
        let mut shared = self.shared.lock();
        shared.state = ConnectionState::Closing;
        shared.close.get_or_insert(reason);
        drop(shared);
        self.attention.notify_one();
    }

    /// The reason to close, if any.
    pub(crate) fn close_requested(&self) -> Option<CloseReason> {
        self.shared.lock().close
    }

    /// Sends messages in one piece, or queues what the kernel does not take now. Over a limit the peer is too slow: the
    /// connection is dropped. Only the last message may be one to close after.
    pub(crate) fn enqueue(
        &self,
        messages: &[Outgoing],
        options: &TcpOptions,
        statistics: &Statistics,
    ) -> Result<(), Refused> {
        let mut shared = self.shared.lock();
        if shared.state == ConnectionState::Closing {
            return Err(Refused { accepted: 0, error: SendError::Closed(self.peer) });
        }
        // The lock is held over this call, which never waits: messages must not overtake each other.
        let mut sent = shared.write_now(messages);
        if sent > 0 {
            statistics.tcp_sent_bytes.add(sent as u64);
            self.touch();
        }
        let mut refused = None;
        for (accepted, &Outgoing { ref data, close_after, .. }) in messages.iter().enumerate() {
            let of_this = sent.min(data.len());
            sent -= of_this;
            let rest = data.len() - of_this;
            if rest == 0 && !close_after {
                statistics.tcp_sent.add(u64::from(!data.is_empty()));
                continue;
            }
            let error = if shared.size > 0 && shared.size + rest > options.connection_queue_max {
                SendError::QueueFull { destination: self.peer, connection: self.id }
            } else if statistics.tcp_queued.add(rest as u64) > options.queue_max as u64 {
                statistics.tcp_queued.subtract(rest as u64);
                SendError::AllQueuesFull
            } else {
                if close_after {
                    shared.state = ConnectionState::Closing;
                }
                shared.size += rest;
                shared.queue.push_back(Item { data: data.clone(), sent: of_this, close_after });
                continue;
            };
            refused = Some(Refused { accepted, error });
            break;
        }
        let waits = !shared.queue.is_empty();
        drop(shared);
        if waits {
            self.queued.notify_one();
        }
        let Some(refused) = refused else { return Ok(()) };
        statistics.tcp_queue_full.increment();
        self.request_close(CloseReason::Slow);
        Err(refused)
    }

    /// What to write next.
    pub(crate) fn next_write(&self) -> Next {
        let shared = self.shared.lock();
        match shared.queue.front() {
            None => Next::Wait,
            Some(first) if first.close_after && first.sent == first.data.len() => Next::Close,
            Some(_) => {
                Next::Write(shared.queue.iter().take(WRITE_PIECES).map(|item| item.data.slice(item.sent..)).collect())
            }
        }
    }

    /// `count` bytes of the queue left.
    pub(crate) fn written(&self, mut count: usize, statistics: &Statistics) {
        statistics.tcp_sent_bytes.add(count as u64);
        statistics.tcp_queued.subtract(count as u64);
        let mut shared = self.shared.lock();
        shared.size = shared.size.saturating_sub(count);
        while let Some(first) = shared.queue.front_mut() {
            let rest = first.data.len() - first.sent;
            if rest > count {
                first.sent += count;
                break;
            }
            count -= rest;
            statistics.tcp_sent.increment();
            if first.close_after {
                // It stays as the mark where to close.
                first.sent = first.data.len();
                break;
            }
            shared.queue.pop_front();
        }
    }

    /// Takes what was never written whole, when the connection is gone.
    pub(crate) fn take_unwritten(&self, statistics: &Statistics) -> Vec<Str> {
        let mut shared = self.shared.lock();
        shared.state = ConnectionState::Closing;
        shared.stream = None;
        statistics.tcp_queued.subtract(std::mem::take(&mut shared.size) as u64);
        shared.queue.drain(..).filter(|item| item.sent < item.data.len()).map(|item| item.data).collect()
    }
}

impl Shared {
    /// Writes what the kernel takes at once, if nothing waits before it; returns how much. An error is left to the
    /// connection's task, which will meet it too.
    fn write_now(&self, messages: &[Outgoing]) -> usize {
        let Some(stream) = self.stream.as_ref().filter(|_| self.queue.is_empty()) else { return 0 };
        let mut sent = 0;
        for some in messages.chunks(WRITE_PIECES) {
            let length = some.iter().map(|message| message.data.len()).sum();
            let written = match some {
                _ if length == 0 => Ok(0),
                [one] => stream.try_write(&one.data),
                _ => {
                    let mut pieces = [IoSlice::new(b""); WRITE_PIECES];
                    for (piece, message) in pieces.iter_mut().zip(some) {
                        *piece = IoSlice::new(&message.data);
                    }
                    stream.try_write_vectored(&pieces[..some.len()])
                }
            };
            let written = written.unwrap_or(0);
            sent += written;
            if written < length {
                break;
            }
        }
        sent
    }
}

/// Why a connection was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    TooMany,
    TooManyFromAddress,
    NotUnique,
}

/// What a new connection is like.
pub(crate) struct NewConnection {
    pub(crate) protocol: Protocol,
    pub(crate) socket: SocketId,
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(crate) inbound: bool,
}

/// All connections.
pub(crate) struct Connections {
    table: RwLock<Table>,
    next: AtomicU64,
}

#[derive(Default)]
struct Table {
    by_id: HashMap<ConnectionId, Arc<Connection>>,
    /// The newest last: it is the one that is used.
    by_peer: HashMap<(Protocol, SocketAddr), Vec<Arc<Connection>>>,
    inbound_from: HashMap<IpAddr, usize>,
}

impl Connections {
    pub(crate) fn new() -> Self {
        Self { table: RwLock::default(), next: AtomicU64::new(1) }
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.table.read().by_id.get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        let mut all: Vec<_> = self.table.read().by_id.values().cloned().collect();
        all.sort_by_key(|connection| connection.id);
        all
    }

    /// The connection for messages to `peer`: of those from `socket` the newest, else the newest.
    pub(crate) fn find(
        &self,
        protocol: Protocol,
        peer: SocketAddr,
        socket: Option<SocketId>,
    ) -> Option<Arc<Connection>> {
        self.table.read().find(protocol, peer, socket)
    }

    /// Lets an accepted connection in.
    pub(crate) fn admit(&self, new: NewConnection, options: &TcpOptions) -> Result<Arc<Connection>, Refusal> {
        let mut table = self.table.write();
        let from = table.inbound_from.get(&new.peer.ip()).copied().unwrap_or(0);
        if table.by_id.len() >= options.max_connections {
            return Err(Refusal::TooMany);
        }
        if options.max_connections_per_address > 0 && from >= options.max_connections_per_address {
            return Err(Refusal::TooManyFromAddress);
        }
        if options.accept_unique && table.find(new.protocol, new.peer, None).is_some() {
            return Err(Refusal::NotUnique);
        }
        Ok(self.insert(&mut table, new, options))
    }

    /// The connection to `new.peer`, or a new one in the table, to be opened by the caller (then the flag is true).
    pub(crate) fn find_or_insert(
        &self,
        new: NewConnection,
        options: &TcpOptions,
    ) -> Result<(Arc<Connection>, bool), Refusal> {
        let mut table = self.table.write();
        if let Some(connection) = table.find(new.protocol, new.peer, Some(new.socket)) {
            return Ok((connection, false));
        }
        if table.by_id.len() >= options.max_connections {
            return Err(Refusal::TooMany);
        }
        Ok((self.insert(&mut table, new, options), true))
    }

    fn insert(&self, table: &mut Table, new: NewConnection, options: &TcpOptions) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            id: ConnectionId(self.next.fetch_add(1, Ordering::Relaxed)),
            protocol: new.protocol,
            socket: new.socket,
            peer: new.peer,
            inbound: new.inbound,
            shared: Mutex::new(Shared {
                local: new.local,
                state: ConnectionState::Connecting,
                queue: VecDeque::new(),
                size: 0,
                close: None,
                aliases: Vec::new(),
                stream: None,
            }),
            queued: Notify::new(),
            attention: Notify::new(),
            created: Instant::now(),
            active: AtomicU64::new(0),
            lifetime: AtomicU64::new(options.lifetime.as_millis() as u64),
        });
        table.by_id.insert(connection.id, connection.clone());
        table.by_peer.entry((new.protocol, new.peer)).or_default().push(connection.clone());
        if new.inbound {
            *table.inbound_from.entry(new.peer.ip()).or_default() += 1;
        }
        connection
    }

    /// Takes a connection out. False when it was out already.
    pub(crate) fn remove(&self, connection: &Connection) -> bool {
        let mut table = self.table.write();
        if table.by_id.remove(&connection.id).is_none() {
            return false;
        }
        let ip = connection.peer.ip();
        table.forget_peer(connection, connection.peer.port());
        let aliases = connection.shared.lock().aliases.clone();
        for port in aliases {
            table.forget_peer(connection, port);
        }
        if connection.inbound
            && let Some(count) = table.inbound_from.get_mut(&ip)
        {
            *count -= 1;
            if *count == 0 {
                table.inbound_from.remove(&ip);
            }
        }
        true
    }

    /// Adds an alias. Refused when the address belongs to a connection from another port: a peer may not take over
    /// what is sent to its neighbour behind the same address translator.
    pub(crate) fn add_alias(&self, id: ConnectionId, port: u16, max: usize) -> bool {
        let mut table = self.table.write();
        let Some(connection) = table.by_id.get(&id).cloned() else { return false };
        let mut address = connection.peer;
        address.set_port(port);
        let holders = table.by_peer.entry((connection.protocol, address)).or_default();
        if holders.iter().any(|holder| holder.id == id) {
            return true;
        }
        if holders.is_empty() {
            let mut shared = connection.shared.lock();
            if shared.aliases.len() < max {
                shared.aliases.push(port);
                holders.push(connection.clone());
                return true;
            }
            drop(shared);
            table.by_peer.remove(&(connection.protocol, address));
        }
        false
    }
}

impl Table {
    fn find(&self, protocol: Protocol, peer: SocketAddr, socket: Option<SocketId>) -> Option<Arc<Connection>> {
        let candidates = self.by_peer.get(&(protocol, peer))?;
        let mut usable = candidates.iter().rev().filter(|connection| connection.is_usable());
        let newest = usable.clone().next();
        usable.find(|connection| socket == Some(connection.socket)).or(newest).cloned()
    }

    fn forget_peer(&mut self, connection: &Connection, port: u16) {
        let mut address = connection.peer;
        address.set_port(port);
        let key = (connection.protocol, address);
        if let Some(holders) = self.by_peer.get_mut(&key) {
            holders.retain(|holder| holder.id != connection.id);
            if holders.is_empty() {
                self.by_peer.remove(&key);
            }
        }
    }
}
