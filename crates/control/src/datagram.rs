//! JSON-RPC over datagrams, local or UDP: module jsonrpcs' `dgram_socket`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UdpSocket, UnixDatagram};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::socket_file::{self, OwnedFile};
use crate::{CommandSource, FileAccess, ServerError, json_rpc};

/// How many requests are answered at a time.
const MAX_RUNNING: usize = 64;

/// How long a client may take to make room for its answer.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);

/// The longest datagram.
const DATAGRAM: usize = 65_535;

/// Where a datagram server listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DatagramAddress {
    /// `/path` or `unix:/path`.
    Unix(PathBuf),
    /// `udp:host:port`.
    Udp(String, u16),
}

impl DatagramAddress {
    /// Reads the value of `dgram_socket`; `None` when it is neither a path nor a UDP address with port.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("udp:") {
            let (host, port) = rest.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            return (!host.is_empty()).then_some(Self::Udp(host.to_owned(), port.parse().ok()?));
        }
        let path = text.strip_prefix("unix:").unwrap_or(text);
        (!path.is_empty()).then(|| Self::Unix(path.into()))
    }
}

/// A server; it ends when this is dropped.
#[derive(Debug)]
pub struct DatagramServer {
    task: AbortHandle,
    port: Option<u16>,
    _file: Option<OwnedFile>,
}

impl Drop for DatagramServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl DatagramServer {
    /// Listens on `address` and serves on the current runtime. `access` is for a local socket.
    pub async fn start(
        address: &DatagramAddress,
        access: &FileAccess,
        pretty: bool,
        commands: CommandSource,
    ) -> Result<Self, ServerError> {
        let (socket, port, file) = match address {
            DatagramAddress::Unix(path) => {
                socket_file::remove_stale_socket(path)?;
                let socket = UnixDatagram::bind(path).map_err(ServerError::io(path.display()))?;
                let file = OwnedFile::new(path);
                access.apply(path)?;
                (Socket::Unix(socket), None, Some(file))
            }
            DatagramAddress::Udp(host, port) => {
                let place = format!("udp:{host}:{port}");
                let socket = UdpSocket::bind((host.as_str(), *port)).await.map_err(ServerError::io(&place))?;
                let port = socket.local_addr().map_err(ServerError::io(&place))?.port();
                (Socket::Udp(socket), Some(port), None)
            }
        };
        let task = tokio::spawn(serve(Arc::new(socket), pretty, commands));
        Ok(Self { task: task.abort_handle(), port, _file: file })
    }

    /// The real UDP port.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

enum Socket {
    Unix(UnixDatagram),
    Udp(UdpSocket),
}

/// Who asked; `None`: it has no name and cannot be answered.
enum Peer {
    Unix(Option<PathBuf>),
    Udp(std::net::SocketAddr),
}

impl Socket {
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Peer)> {
        match self {
            Self::Unix(socket) => {
                let (length, peer) = socket.recv_from(buffer).await?;
                Ok((length, Peer::Unix(peer.as_pathname().map(Path::to_owned))))
            }
            Self::Udp(socket) => {
                let (length, peer) = socket.recv_from(buffer).await?;
                Ok((length, Peer::Udp(peer)))
            }
        }
    }

    async fn send(&self, data: &[u8], peer: &Peer) -> io::Result<usize> {
        match (self, peer) {
            (Self::Unix(socket), Peer::Unix(Some(path))) => socket.send_to(data, path).await,
            (Self::Udp(socket), Peer::Udp(address)) => socket.send_to(data, address).await,
            _ => Ok(0),
        }
    }
}

async fn serve(socket: Arc<Socket>, pretty: bool, commands: CommandSource) {
    let slots = Arc::new(Semaphore::new(MAX_RUNNING));
    let mut running = tokio::task::JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        while running.try_join_next().is_some() {}
        // An error is about an earlier answer that could not be delivered.
        let Ok((length, peer)) = socket.receive(&mut buffer).await else { continue };
        let (request, socket, commands) = (buffer[..length].to_vec(), socket.clone(), commands.clone());
        running.spawn(async move {
            let _slot = slot;
            let table = commands();
            let answer = json_rpc::answer(&table, &request, pretty).await;
            // Nobody can be told that the client is gone.
            let _ = tokio::time::timeout(CLIENT_PATIENCE, socket.send(answer.text.as_bytes(), &peer)).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::DatagramAddress;

    #[test]
    fn addresses() {
        let unix = |path: &str| Some(DatagramAddress::Unix(path.into()));
        let udp = |host: &str, port| Some(DatagramAddress::Udp(host.to_owned(), port));
        assert_eq!(DatagramAddress::parse("/run/rpc.sock"), unix("/run/rpc.sock"));
        assert_eq!(DatagramAddress::parse("unix:/run/rpc.sock"), unix("/run/rpc.sock"));
        assert_eq!(DatagramAddress::parse("udp:127.0.0.1:8090"), udp("127.0.0.1", 8090));
        assert_eq!(DatagramAddress::parse("udp:[::1]:8090"), udp("::1", 8090));
        assert_eq!(DatagramAddress::parse(""), None);
        assert_eq!(DatagramAddress::parse("udp:127.0.0.1"), None);
    }
}
