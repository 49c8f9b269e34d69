//! RPC: the core's commands, and the protocols by which `kamcmd`, `kamctl` and others call them.
//!
//! Start reading at [`commands`] for what can be asked, and at [`binrpc`] and [`json_rpc`] for how it travels. Those
//! two are codecs without I/O; [`binrpc_server`], [`fifo`] and [`datagram`] are the servers around them, and
//! [`ctl_client`] is the client behind `olelo ctl`. A server gets its commands from a [`CommandSource`] at each call, so
//! that a reload needs no restart of it.
//!
//! Nothing here may be slowed down or grown without bound by a client: every message, queue and number of clients has a
//! limit.

use std::sync::Arc;

use engine::rpc::RpcTable;

pub mod address;
pub mod binrpc;
pub mod binrpc_server;
pub mod commands;
pub mod ctl_client;
pub mod datagram;
pub mod fifo;
pub mod json_rpc;
mod json_text;
mod socket_file;

pub use socket_file::{FileAccess, ServerError};

/// Where a server takes its commands from, at each call.
pub type CommandSource = Arc<dyn Fn() -> Arc<RpcTable> + Send + Sync>;

/// Told of what goes wrong in a server; the text is for the log.
pub type ErrorLog = Arc<dyn Fn(&str) + Send + Sync>;
