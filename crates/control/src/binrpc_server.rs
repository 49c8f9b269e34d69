//! Serves the protocol of [`crate::binrpc`] on local sockets, TCP and UDP: module ctl's `binrpc` parameter.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::{RpcFault, RpcValue};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket, UnixDatagram, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::address::ControlAddress;
use crate::binrpc::{self, Cookie, DecodeError, Head, Limits, PacketKind};
use crate::socket_file::{self, OwnedFile};
use crate::{CommandSource, ErrorLog, FileAccess, ServerError};

/// How many clients a server serves at a time; more have to wait.
const MAX_CLIENTS: usize = 64;

/// How many datagrams of one socket are answered at a time.
const MAX_DATAGRAMS: usize = 64;

/// How long a client may take for the rest of a packet, or to read its answer.
const CLIENT_PATIENCE: Duration = Duration::from_secs(30);

/// How long accepting pauses after an error, mostly "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The longest datagram.
const DATAGRAM: usize = 65_535;

/// A listening server; it ends when this is dropped.
#[derive(Debug)]
pub struct BinrpcServer {
    address: ControlAddress,
    task: AbortHandle,
    clients: Arc<Clients>,
    _file: Option<OwnedFile>,
}

/// An open connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client {
    /// To a local socket: it has no name.
    Local,
    /// Over TCP.
    Tcp {
        /// The client's end.
        peer: SocketAddr,
        /// Our end.
        local: SocketAddr,
    },
}

/// The open connections of a server, numbered as they came.
#[derive(Debug, Default)]
struct Clients(Mutex<(u64, BTreeMap<u64, Client>)>);

impl Clients {
    fn add(self: &Arc<Self>, client: Client) -> Open {
        let mut all = self.0.lock();
        all.0 += 1;
        let number = all.0;
        all.1.insert(number, client);
        Open { of: self.clone(), number }
    }
}

/// A connection is in the list as long as this lives.
struct Open {
    of: Arc<Clients>,
    number: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.of.0.lock().1.remove(&self.number);
    }
}

impl Drop for BinrpcServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl BinrpcServer {
    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> &ControlAddress {
        &self.address
    }

    /// The open connections, the oldest first. Datagrams have none.
    #[must_use]
    pub fn clients(&self) -> Vec<Client> {
        self.clients.0.lock().1.values().cloned().collect()
    }

    /// Listens on `address` and serves `commands`. `access` is for local sockets. Runs on the current runtime.
    pub async fn start(
        address: &ControlAddress,
        access: &FileAccess,
        commands: CommandSource,
        log: ErrorLog,
    ) -> Result<Self, ServerError> {
        let fail = || ServerError::io(address);
        if let Some(path) = address.path() {
            socket_file::remove_stale_socket(path)?;
        }
        let (mut bound, mut file) = (address.clone(), None);
        let clients = Arc::new(Clients::default());
        let task = match address {
            ControlAddress::UnixStream(path) => {
                let listener = UnixListener::bind(path).map_err(fail())?;
                file = Some(OwnedFile::new(path));
                access.apply(path)?;
                tokio::spawn(accept(Listener::Unix(listener), clients.clone(), commands, log))
            }
            ControlAddress::UnixDatagram(path) => {
                let socket = UnixDatagram::bind(path).map_err(fail())?;
                file = Some(OwnedFile::new(path));
                access.apply(path)?;
                tokio::spawn(serve_unix_datagrams(socket, commands))
            }
            ControlAddress::Tcp(host, port) => {
                let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(fail())?;
                bound = ControlAddress::Tcp(host.clone(), listener.local_addr().map_err(fail())?.port());
                tokio::spawn(accept(Listener::Tcp(listener), clients.clone(), commands, log))
            }
            ControlAddress::Udp(host, port) => {
                let socket = UdpSocket::bind((host.as_str(), *port)).await.map_err(fail())?;
                bound = ControlAddress::Udp(host.clone(), socket.local_addr().map_err(fail())?.port());
                tokio::spawn(serve_udp(socket, commands))
            }
        };
        Ok(Self { address: bound, task: task.abort_handle(), clients, _file: file })
    }
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// Accepts clients. Those beyond the limit wait in the kernel's queue.
async fn accept(listener: Listener, open: Arc<Clients>, commands: CommandSource, log: ErrorLog) {
    let slots = Arc::new(Semaphore::new(MAX_CLIENTS));
    // Clients end with the server.
    let mut clients = tokio::task::JoinSet::new();
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        while clients.try_join_next().is_some() {}
        let commands = commands.clone();
        let accepted = match &listener {
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                let listed = open.add(Client::Local);
                clients.spawn(async move {
                    let _held = (slot, listed);
                    serve_stream(stream, &commands).await
                });
            }),
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, peer)| {
                let listed = stream.local_addr().map(|local| open.add(Client::Tcp { peer, local }));
                clients.spawn(async move {
                    let _held = (slot, listed);
                    serve_stream(stream, &commands).await
                });
            }),
        };
        if let Err(error) = accepted {
            log(&format!("accepting a control connection: {error}"));
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

/// Answers the packets of one client, one after the other, until it closes or sends what is no packet.
async fn serve_stream(mut stream: impl AsyncRead + AsyncWrite + Unpin, commands: &CommandSource) -> io::Result<()> {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let (answer, used) = match binrpc::decode_head(&buffer, Limits::REQUEST) {
            Ok(Some(head)) if buffer.len() >= head.head_length + head.body_length => {
                let end = head.head_length + head.body_length;
                (answer(&head, &buffer[head.head_length..end], commands).await, Some(end))
            }
            Ok(_) => {
                // Between packets a client may be silent for ever: kamcmd waits for its user's input.
                let limit = if buffer.is_empty() { Duration::MAX } else { CLIENT_PATIENCE };
                if tokio::time::timeout(limit, stream.read_buf(&mut buffer)).await?? == 0 {
                    return Ok(());
                }
                continue;
            }
            Err(error) => (refuse(Cookie::default(), error), None),
        };
        tokio::time::timeout(CLIENT_PATIENCE, stream.write_all(&answer)).await??;
        match used {
            Some(used) => drop(buffer.drain(..used)),
            // There is no telling where the next packet begins.
            None => return Ok(()),
        }
    }
}

/// Runs one request.
async fn answer(head: &Head, body: &[u8], commands: &CommandSource) -> Vec<u8> {
    if head.kind != PacketKind::Request {
        return refuse(head.cookie, DecodeError::BadHead);
    }
    let mut values = match binrpc::decode_body(body, Limits::REQUEST) {
        Ok(values) => values.into_iter(),
        Err(error) => return refuse(head.cookie, error),
    };
    let answer = match values.next() {
        Some(RpcValue::Text(name)) => {
            let table = commands();
            table.call(&String::from_utf8_lossy(&name), values.collect()).await
        }
        Some(_) => Err(RpcFault::new(400, "bad request method: record doesn't match type")),
        None => Err(RpcFault::new(400, "bad request method: end of packet encountered")),
    };
    binrpc::encode_answer(head.cookie, &answer)
}

fn refuse(cookie: Cookie, error: DecodeError) -> Vec<u8> {
    binrpc::encode_answer(cookie, &Err(RpcFault::new(400, format!("bad request: {error}"))))
}

/// Runs the request in a datagram.
async fn answer_datagram(packet: &[u8], commands: &CommandSource) -> Vec<u8> {
    match binrpc::decode_head(packet, Limits::REQUEST) {
        Ok(Some(head)) => match packet.get(head.head_length..head.head_length + head.body_length) {
            Some(body) => answer(&head, body, commands).await,
            None => refuse(head.cookie, DecodeError::Truncated),
        },
        Ok(None) => refuse(Cookie::default(), DecodeError::Truncated),
        Err(error) => refuse(Cookie::default(), error),
    }
}

async fn serve_udp(socket: UdpSocket, commands: CommandSource) {
    let socket = Arc::new(socket);
    let slots = Arc::new(Semaphore::new(MAX_DATAGRAMS));
    let mut running = tokio::task::JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        while running.try_join_next().is_some() {}
        // An error is about an earlier answer that could not be delivered.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        let (packet, socket, commands) = (buffer[..length].to_vec(), socket.clone(), commands.clone());
        running.spawn(async move {
            let _slot = slot;
            let answer = answer_datagram(&packet, &commands).await;
            let _ = socket.send_to(&answer, peer).await;
        });
    }
}

async fn serve_unix_datagrams(socket: UnixDatagram, commands: CommandSource) {
    let socket = Arc::new(socket);
    let slots = Arc::new(Semaphore::new(MAX_DATAGRAMS));
    let mut running = tokio::task::JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        while running.try_join_next().is_some() {}
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        // A client that bound no name cannot be answered, but may still want something done.
        let peer = peer.as_pathname().map(ToOwned::to_owned);
        let (packet, socket, commands) = (buffer[..length].to_vec(), socket.clone(), commands.clone());
        running.spawn(async move {
            let _slot = slot;
            let answer = answer_datagram(&packet, &commands).await;
            if let Some(peer) = peer {
                let _ = tokio::time::timeout(CLIENT_PATIENCE, socket.send_to(&answer, peer)).await;
            }
        });
    }
}
