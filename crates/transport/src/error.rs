//! Why a socket could not be opened or a message not sent.

use std::io;
use std::net::SocketAddr;

use sip::Protocol;

use crate::handler::ConnectionId;
use crate::socket::SocketId;

/// A socket that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The kernel refused.
    #[error("cannot listen on {protocol}:{address}: {error}")]
    Io {
        /// The socket's protocol.
        protocol: Protocol,
        /// The socket's address.
        address: SocketAddr,
        /// The kernel's reason.
        error: io::Error,
    },
    /// No such transport in this program.
    #[error("cannot listen on {protocol}:{address}: this transport is not supported")]
    Unsupported {
        /// The socket's protocol.
        protocol: Protocol,
        /// The socket's address.
        address: SocketAddr,
    },
    /// More sockets than a [`SocketId`] can count.
    #[error("too many sockets: at most 65535 are possible")]
    TooMany,
}

/// A message that was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no such socket, or it is of another protocol or address family.
    #[error("no socket {} for {protocol}", socket.0)]
    NoSocket {
        /// The socket asked for.
        socket: SocketId,
        /// The protocol asked for.
        protocol: Protocol,
    },
    /// No connection to the peer is open and none may be opened.
    #[error("no connection to {0}")]
    NoConnection(SocketAddr),
    /// The datagram is larger than the network takes.
    #[error("{size} bytes are too many for one datagram to {destination}")]
    TooBig {
        /// The peer.
        destination: SocketAddr,
        /// How many bytes.
        size: usize,
    },
    /// The peer reads too slowly: its connection was dropped.
    #[error("the write queue of connection {} to {destination} is full", connection.0)]
    QueueFull {
        /// The peer.
        destination: SocketAddr,
        /// The connection.
        connection: ConnectionId,
    },
    /// All connections together have too many bytes queued.
    #[error("the write queues are full")]
    AllQueuesFull,
    /// No more connections may be opened (`tcp_max_connections`).
    #[error("too many connections")]
    TooManyConnections,
    /// The peer did not accept the connection in time.
    #[error("connecting to {0} took too long")]
    ConnectTimeout(SocketAddr),
    /// The peer did not take the bytes in time.
    #[error("sending to {0} took too long")]
    SendTimeout(SocketAddr),
    /// The connection closed before the bytes left.
    #[error("the connection to {0} was closed")]
    Closed(SocketAddr),
    /// The server is stopping, or has not started yet.
    #[error("the server is not running")]
    NotRunning,
    /// The kernel's send buffer stayed full: the datagram was dropped.
    #[error("the send buffer is full")]
    Busy,
    /// The network reported that a datagram could not be delivered (ICMP).
    #[error("{destination} cannot be reached: {error}")]
    Unreachable {
        /// The peer.
        destination: SocketAddr,
        /// What was reported; `ConnectionRefused`: nobody listens at that port.
        error: io::Error,
    },
    /// Another refusal of the kernel.
    #[error("cannot send to {destination}: {error}")]
    Io {
        /// The peer.
        destination: SocketAddr,
        /// The kernel's reason.
        error: io::Error,
    },
}
