//! The two borders of this crate: [`Handler`] gets what arrives, [`Network`] takes what leaves.

use std::net::SocketAddr;
use std::time::Duration;

use sip::{Protocol, Str};

use crate::connections::{CloseReason, ConnectionInfo};
use crate::error::SendError;
use crate::socket::{LocalSocket, SocketId};

/// A connection of this server; numbers are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Where a message came from and what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The local socket. For a connection that this server opened: the socket it was opened from.
    pub socket: SocketId,
    /// The protocol.
    pub protocol: Protocol,
    /// The peer.
    pub source: SocketAddr,
    /// The local address the packet came to: the real one also when the socket listens on all addresses.
    pub destination: SocketAddr,
    /// The connection, unless the protocol has none.
    pub connection: Option<ConnectionId>,
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The socket to send from.
    pub socket: SocketId,
    /// The protocol; it must be that of the socket.
    pub protocol: Protocol,
    /// The peer.
    pub destination: SocketAddr,
    /// The connection to use if it is still there; otherwise one to `destination` is looked for or opened.
    pub connection: Option<ConnectionId>,
    /// The bytes.
    pub data: Str,
    /// Fail rather than open a new connection (`set_forward_no_connect`, `tcp_no_connect`).
    pub no_connect: bool,
    /// Close the connection after these bytes (`set_reply_close`).
    pub close_after: bool,
}

impl Outgoing {
    /// A message over any connection, which is left open.
    #[must_use]
    pub const fn new(socket: SocketId, protocol: Protocol, destination: SocketAddr, data: Str) -> Self {
        Self { socket, protocol, destination, connection: None, data, no_connect: false, close_after: false }
    }

    /// An answer that goes back the way `received` came.
    #[must_use]
    pub const fn reply_to(received: &Received, data: Str) -> Self {
        Self {
            socket: received.socket,
            protocol: received.protocol,
            destination: received.source,
            connection: received.connection,
            data,
            no_connect: false,
            close_after: false,
        }
    }
}

/// A message that was accepted by [`Network::send`] and could not be sent after all, or was given to
/// [`Network::send_all`] and found no connection.
#[derive(Debug)]
pub struct SendFailure {
    /// The socket it was to leave from.
    pub socket: SocketId,
    /// The protocol.
    pub protocol: Protocol,
    /// The peer.
    pub destination: SocketAddr,
    /// The connection that was being opened or broke; `None` for UDP.
    pub connection: Option<ConnectionId>,
    /// The bytes; a part of them may have left. For UDP the beginning of the datagram as far as the network's report has
    /// it: usually some hundred bytes, with the branch in our Via; none from an old router.
    pub data: Str,
    /// What happened.
    pub error: SendError,
}

impl SendFailure {
    /// Of a message that was not even queued.
    #[must_use]
    pub fn of(outgoing: Outgoing, error: SendError) -> Self {
        let Outgoing { socket, protocol, destination, connection, data, .. } = outgoing;
        Self { socket, protocol, destination, connection, data, error }
    }
}

/// Gets what arrives. Called from UDP worker threads and from tokio tasks, many at a time, always inside the tokio
/// runtime's context (so `tokio::spawn` works); it must not block.
pub trait Handler: Send + Sync + 'static {
    /// One message, or one datagram that is no SIP message. What is put into `outbox` is sent in one batch after the
    /// whole received batch was handled. The messages of one connection come one after the other, in order; those of UDP
    /// that have the same Call-ID, too, and what their handling puts into `outbox` leaves in that order.
    fn receive(&self, received: Received, data: Str, outbox: &mut Vec<Outgoing>);

    /// A connection was closed, by either side. `connection` says what it was: it is no longer in the table.
    fn connection_closed(&self, connection: &ConnectionInfo, reason: CloseReason) {
        let _ = (connection, reason);
    }

    /// A message that had been accepted for a connection could not be sent, or the network reports that a datagram could
    /// not be delivered ([`SendError::Unreachable`]): RFC 3261 18.4 and 17.1.4 want the transaction to hear of it. For UDP
    /// this is called from a task, soon after but never while the message is sent. Anybody who knows the addresses can
    /// forge such a report, but not the branch in `data`.
    fn send_failed(&self, failure: SendFailure) {
        drop(failure);
    }
}

/// Takes what leaves: the real sockets, or a virtual network in tests.
pub trait Network: Send + Sync {
    /// Sends a message, or queues it to a connection. Never blocks on a peer. `Ok` for UDP means that the kernel took
    /// the datagram; for connections that it is queued, and a later failure comes to [`Handler::send_failed`].
    fn send(&self, outgoing: Outgoing) -> Result<(), SendError>;

    /// Sends many, in order, with as few system calls as possible; leaves `outbox` empty with its memory kept.
    /// Failures are counted and logged; those of connections come to [`Handler::send_failed`].
    fn send_all(&self, outbox: &mut Vec<Outgoing>) {
        for outgoing in outbox.drain(..) {
            let _ = self.send(outgoing);
        }
    }

    /// The local sockets; a [`SocketId`] is a position here.
    fn sockets(&self) -> &[LocalSocket];

    /// One socket.
    fn socket(&self, id: SocketId) -> Option<&LocalSocket> {
        self.sockets().get(usize::from(id.0))
    }

    /// What is known of a connection that is open or opening.
    fn connection(&self, id: ConnectionId) -> Option<ConnectionInfo> {
        let _ = id;
        None
    }

    /// All connections.
    fn connections(&self) -> Vec<ConnectionInfo> {
        Vec::new()
    }

    /// The connection that a message to `peer` would use, aliases included.
    fn find_connection(&self, protocol: Protocol, peer: SocketAddr) -> Option<ConnectionId> {
        let _ = (protocol, peer);
        None
    }

    /// Lets messages to the peer's address with `port` use this connection (RFC 5923). False when the connection is
    /// gone, has too many aliases already, or another peer's connection holds that address.
    fn add_alias(&self, id: ConnectionId, port: u16) -> bool {
        let _ = (id, port);
        false
    }

    /// Closes a connection once what is queued was written. False when it is gone.
    fn close(&self, id: ConnectionId) -> bool {
        let _ = id;
        false
    }

    /// Sets how long a connection may be idle. False when it is gone.
    fn set_lifetime(&self, id: ConnectionId, lifetime: Duration) -> bool {
        let _ = (id, lifetime);
        false
    }

    /// Sets the kernel's keep-alive probes: seconds of silence before the first, seconds between them, how many
    /// unanswered ones close the connection. False when the connection is gone or has no such probes.
    fn set_keepalive(&self, id: ConnectionId, idle: Duration, interval: Duration, count: u32) -> bool {
        let _ = (id, idle, interval, count);
        false
    }
}
