//! The local sockets of a server.

use std::net::SocketAddr;

use sip::{Protocol, Str};

/// Which of the server's sockets: its position in [`crate::Network::sockets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u16);

/// A socket to open: one `listen` line of a configuration, after names were resolved.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The protocol.
    pub protocol: Protocol,
    /// Where to listen; port 0 takes any free port.
    pub address: SocketAddr,
    /// The host and port to show others in place of the real ones (`advertise`).
    pub advertise: Option<(String, Option<u16>)>,
    /// The socket's name in the configuration.
    pub name: Option<String>,
}

impl Listen {
    /// A socket without advertised address and name.
    #[must_use]
    pub const fn new(protocol: Protocol, address: SocketAddr) -> Self {
        Self { protocol, address, advertise: None, name: None }
    }
}

/// An open socket.
#[derive(Clone, Debug)]
pub struct LocalSocket {
    /// Its number.
    pub id: SocketId,
    /// The protocol.
    pub protocol: Protocol,
    /// The address as bound, with the real port.
    pub address: SocketAddr,
    /// The host and port to show others in place of the real ones (`advertise`).
    pub advertise: Option<(String, Option<u16>)>,
    /// The socket's name in the configuration.
    pub name: Option<String>,
    /// The address as it stands in headers, IPv6 in brackets: asked for with every message.
    pub host: Str,
}

impl LocalSocket {
    /// A socket that was opened.
    #[must_use]
    pub fn new(
        id: SocketId,
        protocol: Protocol,
        address: SocketAddr,
        advertise: Option<(String, Option<u16>)>,
        name: Option<String>,
    ) -> Self {
        let mut host = Vec::new();
        sip::write::address(&mut host, address.ip());
        Self { id, protocol, address, advertise, name, host: Str::from(host) }
    }

    /// True for `0.0.0.0` and `::`: packets come to any address of the machine.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.address.ip().is_unspecified()
    }
}
