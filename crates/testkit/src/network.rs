//! A network without sockets: what is sent is kept.

use std::net::SocketAddr;

use parking_lot::Mutex;
use sip::Protocol;
use transport::{LocalSocket, Network, Outgoing, SendError, SocketId};

/// Local sockets that do not exist, and what was sent from them.
pub struct VirtualNetwork {
    sockets: Vec<LocalSocket>,
    sent: Mutex<Vec<Outgoing>>,
}

impl VirtualNetwork {
    /// With these local sockets.
    #[must_use]
    pub fn new(sockets: Vec<LocalSocket>) -> Self {
        Self { sockets, sent: Mutex::default() }
    }

    /// UDP and TCP on 127.0.0.1.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let socket = |id, protocol| LocalSocket { id: SocketId(id), protocol, address, advertise: None, name: None };
        Self::new(vec![socket(0, Protocol::Udp), socket(1, Protocol::Tcp)])
    }

    /// Takes what was sent.
    pub fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut self.sent.lock())
    }
}

impl Network for VirtualNetwork {
    fn send(&self, outgoing: Outgoing) -> Result<(), SendError> {
        self.sent.lock().push(outgoing);
        Ok(())
    }

    fn sockets(&self) -> &[LocalSocket] {
        &self.sockets
    }
}
