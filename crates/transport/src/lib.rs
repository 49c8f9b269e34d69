//! Sockets: what carries SIP messages in and out.
//!
//! Start reading at [`Transport`]: it binds the sockets of a configuration and hands each received message to a
//! [`Handler`]; whoever sends does so through the trait [`Network`], which a virtual network in tests implements too.
//!
//! * `udp`: worker threads that receive and send in batches (`recvmmsg`, `sendmmsg`), all on the same socket, so that
//!   one busy peer can use every worker; lanes keep the messages of one call in order.
//! * `tcp`: accept loops, the connection table, bounded write queues, on tokio.
//! * [`resolve`]: RFC 3263, from a host name to addresses, with a cache.
//! * `sys`: the system calls that no safe library offers in the shape needed here; the only `unsafe` of the project.
//!
//! This crate knows nothing of routing, scripts or transactions, and never blocks a worker for the sake of one peer.

mod connections;
mod error;
mod handler;
mod options;
pub mod resolve;
mod socket;
mod statistics;
#[allow(unsafe_code)]
mod sys;
mod tcp;
mod transport;
mod udp;

pub use connections::{CloseReason, ConnectionInfo, ConnectionState};
pub use error::{BindError, SendError};
pub use handler::{ConnectionId, Handler, Network, Outgoing, Received, SendFailure};
pub use options::{LogFn, Options, Severity, TcpOptions, UdpOptions};
pub use socket::{Listen, LocalSocket, SocketId};
pub use statistics::{Counter, Statistics};
pub use transport::Transport;
