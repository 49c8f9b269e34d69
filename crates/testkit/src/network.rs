//! A network without sockets: what is sent is kept, connections are entries of a table.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use sip::Protocol;
use transport::{
    CloseReason, ConnectionId, ConnectionInfo, ConnectionState, Handler, LocalSocket, Network, Outgoing, SendError,
    SendFailure, SocketId,
};

/// How long a connection may be idle; no virtual one is closed for that.
const LIFETIME: Duration = Duration::from_secs(120);

/// Local sockets that do not exist, and what was sent from them.
pub struct VirtualNetwork {
    sockets: Vec<LocalSocket>,
    handler: OnceLock<Weak<dyn Handler>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sent: Vec<Outgoing>,
    connections: BTreeMap<ConnectionId, ConnectionInfo>,
    /// The number of the newest connection.
    last: u64,
    /// Who accepts no connections.
    refusing: BTreeSet<SocketAddr>,
}

/// What the handler is to be told.
enum Event {
    Closed(ConnectionInfo, CloseReason),
    Failed(SendFailure),
}

impl VirtualNetwork {
    /// With these local sockets.
    #[must_use]
    pub fn new(sockets: Vec<LocalSocket>) -> Self {
        Self { sockets, handler: OnceLock::new(), state: Mutex::default() }
    }

    /// UDP and TCP on 127.0.0.1.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let socket = |id, protocol| LocalSocket::new(SocketId(id), protocol, address, None, None);
        Self::new(vec![socket(0, Protocol::Udp), socket(1, Protocol::Tcp)])
    }

    /// Who hears of connections that close and messages that cannot be sent.
    pub fn attach(&self, handler: &Arc<impl Handler>) {
        let handler: Weak<dyn Handler> = Arc::downgrade(handler) as _;
        let _ = self.handler.set(handler);
    }

    /// Takes what was sent. What left over a connection has its number and the peer's address.
    pub fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut self.state.lock().sent)
    }

    /// A peer opens a connection to a socket.
    pub fn accept(&self, socket: SocketId, peer: SocketAddr) -> ConnectionId {
        let protocol = self.socket(socket).map_or(Protocol::Tcp, |socket| socket.protocol);
        self.open(&mut self.state.lock(), socket, protocol, peer, true)
    }

    /// A peer closes its connections.
    pub fn peer_closes(&self, peer: SocketAddr) {
        let closed: Vec<ConnectionId> =
            self.connections().into_iter().filter(|info| info.peer == peer).map(|info| info.id).collect();
        for id in closed {
            self.remove(id, CloseReason::Peer);
        }
    }

    /// A peer accepts no connections from now on.
    pub fn peer_refuses(&self, peer: SocketAddr) {
        self.state.lock().refusing.insert(peer);
    }

    fn open(
        &self,
        state: &mut State,
        socket: SocketId,
        protocol: Protocol,
        peer: SocketAddr,
        inbound: bool,
    ) -> ConnectionId {
        state.last += 1;
        let id = ConnectionId(state.last);
        let local = self.socket(socket).map_or(peer, |socket| socket.address);
        let info = ConnectionInfo {
            id,
            protocol,
            socket,
            local,
            peer,
            inbound,
            state: ConnectionState::Open,
            aliases: Vec::new(),
            queued: 0,
            expires_in: LIFETIME,
            lifetime: LIFETIME,
        };
        state.connections.insert(id, info);
        id
    }

    fn remove(&self, id: ConnectionId, reason: CloseReason) -> bool {
        let removed = self.state.lock().connections.remove(&id);
        let found = removed.is_some();
        if let Some(info) = removed {
            self.tell(Event::Closed(info, reason));
        }
        found
    }

    /// Tells the handler by a task, as connections do: whoever sends may hold locks that the handler wants, too.
    fn tell(&self, event: Event) {
        let Some(handler) = self.handler.get().and_then(Weak::upgrade) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            match event {
                Event::Closed(info, reason) => handler.connection_closed(&info, reason),
                Event::Failed(failure) => handler.send_failed(failure),
            }
        });
    }

    /// The connection to send by: the one asked for, else one to the peer, else a new one.
    fn connection_for(&self, state: &mut State, outgoing: &Outgoing) -> Result<ConnectionId, SendError> {
        let Outgoing { socket, protocol, destination, .. } = *outgoing;
        let wanted = outgoing.connection.filter(|id| state.connections.contains_key(id));
        if let Some(id) = wanted.or_else(|| find(state, protocol, destination)) {
            return Ok(id);
        }
        if self.socket(socket).is_none_or(|local| local.protocol != protocol) {
            return Err(SendError::NoSocket { socket, protocol });
        }
        if outgoing.no_connect {
            return Err(SendError::NoConnection(destination));
        }
        if !state.refusing.contains(&destination) {
            return Ok(self.open(state, socket, protocol, destination, false));
        }
        state.last += 1;
        let connection = ConnectionId(state.last);
        let error = SendError::Io { destination, error: std::io::ErrorKind::ConnectionRefused.into() };
        let (data, tried) = (outgoing.data.clone(), Some(connection));
        self.tell(Event::Failed(SendFailure { socket, protocol, destination, connection: tried, data, error }));
        Ok(connection)
    }
}

fn find(state: &State, protocol: Protocol, peer: SocketAddr) -> Option<ConnectionId> {
    let leads_there = |info: &&ConnectionInfo| {
        info.protocol == protocol
            && info.peer.ip() == peer.ip()
            && (info.peer.port() == peer.port() || info.aliases.contains(&peer.port()))
    };
    state.connections.values().find(leads_there).map(|info| info.id)
}

impl Network for VirtualNetwork {
    fn send(&self, mut outgoing: Outgoing) -> Result<(), SendError> {
        let mut state = self.state.lock();
        if !outgoing.protocol.is_stream() {
            state.sent.push(outgoing);
            return Ok(());
        }
        let id = self.connection_for(&mut state, &outgoing)?;
        // A refused one is not in the table.
        let Some(info) = state.connections.get(&id) else { return Ok(()) };
        outgoing.destination = info.peer;
        outgoing.connection = Some(id);
        let close = outgoing.close_after;
        state.sent.push(outgoing);
        drop(state);
        if close {
            self.remove(id, CloseReason::Local);
        }
        Ok(())
    }

    fn send_all(&self, outbox: &mut Vec<Outgoing>) {
        for outgoing in outbox.drain(..) {
            if let Err(error) = self.send(outgoing.clone()) {
                self.tell(Event::Failed(SendFailure::of(outgoing, error)));
            }
        }
    }

    fn sockets(&self) -> &[LocalSocket] {
        &self.sockets
    }

    fn connection(&self, id: ConnectionId) -> Option<ConnectionInfo> {
        self.state.lock().connections.get(&id).cloned()
    }

    fn connections(&self) -> Vec<ConnectionInfo> {
        self.state.lock().connections.values().cloned().collect()
    }

    fn find_connection(&self, protocol: Protocol, peer: SocketAddr) -> Option<ConnectionId> {
        find(&self.state.lock(), protocol, peer)
    }

    fn add_alias(&self, id: ConnectionId, port: u16) -> bool {
        let mut state = self.state.lock();
        let Some(info) = state.connections.get(&id).cloned() else { return false };
        let holder = find(&state, info.protocol, SocketAddr::new(info.peer.ip(), port));
        match (holder, state.connections.get_mut(&id)) {
            (Some(holder), _) => holder == id,
            (None, Some(info)) => {
                info.aliases.push(port);
                true
            }
            (None, None) => false,
        }
    }

    fn close(&self, id: ConnectionId) -> bool {
        self.remove(id, CloseReason::Local)
    }

    fn set_lifetime(&self, id: ConnectionId, lifetime: Duration) -> bool {
        let mut state = self.state.lock();
        let info = state.connections.get_mut(&id);
        info.map(|info| (info.lifetime, info.expires_in) = (lifetime, lifetime)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Recorder(Mutex<Vec<String>>);

    impl Handler for Recorder {
        fn receive(&self, _: transport::Received, _: sip::Str, _: &mut Vec<Outgoing>) {}

        fn connection_closed(&self, connection: &ConnectionInfo, reason: CloseReason) {
            self.0.lock().push(format!("closed {} {reason:?}", connection.id.0));
        }

        fn send_failed(&self, failure: SendFailure) {
            self.0.lock().push(format!("failed {}", failure.error));
        }
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 2], port))
    }

    fn to(port: u16) -> Outgoing {
        Outgoing::new(SocketId(1), Protocol::Tcp, address(port), "x".into())
    }

    #[tokio::test]
    async fn connections_are_used_again_closed_and_refused() {
        let network = VirtualNetwork::loopback(5060);
        let recorder = Arc::new(Recorder(Mutex::default()));
        network.attach(&recorder);
        let alice = network.accept(SocketId(1), address(1000));
        network.send(to(1000)).unwrap();
        assert!(matches!(network.send(Outgoing { no_connect: true, ..to(5060) }), Err(SendError::NoConnection(_))));
        assert!(network.add_alias(alice, 5060) && network.add_alias(alice, 5060));
        network.send(Outgoing { no_connect: true, ..to(5060) }).unwrap();
        network.send(to(7000)).unwrap();
        network.send(Outgoing { close_after: true, ..to(7000) }).unwrap();
        network.peer_refuses(address(7000));
        network.send(to(7000)).unwrap();
        network.peer_closes(address(1000));
        assert!(!network.close(alice));
        let sent: Vec<_> =
            network.take().iter().map(|sent| (sent.destination.port(), sent.connection.unwrap().0)).collect();
        assert_eq!(sent, [(1000, 1), (1000, 1), (7000, 2), (7000, 2)]);
        tokio::task::yield_now().await;
        let told = recorder.0.lock().join(", ");
        assert_eq!(told, "closed 2 Local, failed cannot send to 127.0.0.2:7000: connection refused, closed 1 Peer");
        assert!(network.connections().is_empty());
    }
}
