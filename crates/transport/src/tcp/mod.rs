//! TCP: accepting, opening, and one task per connection.
//!
//! The task of a connection reads, writes and watches the clock, in three futures of which the first to end closes
//! the connection (`stream`). Senders write what the kernel takes at once and queue the rest, see
//! [`Connection::enqueue`]: a peer that does not read costs its own queue and nobody's time. Nothing here but `accept` and `connect` knows that the stream is plain TCP.

mod stream;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sip::Protocol;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::connections::{CloseReason, Connection, NewConnection, Refusal};
use crate::error::{BindError, SendError};
use crate::handler::{Handler, SendFailure};
use crate::options::{Options, Severity, TcpOptions};
use crate::socket::{Listen, SocketId};
use crate::sys;
use crate::transport::Transport;
use crate::udp::set_common_options;

/// How long accepting pauses when the process has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens a listening socket.
pub(crate) fn open(listen: &Listen, options: &Options) -> Result<(std::net::TcpListener, SocketAddr), BindError> {
    let address = listen.address;
    let open = || -> io::Result<_> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        set_common_options(&socket, address, options)?;
        // Connections of an earlier run that the kernel still remembers must not hinder a restart.
        socket.set_reuse_address(true)?;
        if options.tcp.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if options.tcp.defer_accept > 0 {
            let seconds = libc::c_int::from(options.tcp.defer_accept);
            sys::set_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)?;
        }
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(options.tcp.backlog).unwrap_or(i32::MAX))?;
        socket.set_nonblocking(true)?;
        let listener = std::net::TcpListener::from(socket);
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    open().map_err(|error| BindError::Io { protocol: listen.protocol, address, error })
}

/// Accepts connections until the task is aborted.
pub(crate) async fn accept(transport: Transport, listener: TcpListener, socket: SocketId) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => admit(&transport, stream, peer, socket),
            Err(error) => {
                // Mostly "too many open files": connections that end make room. Others concern one peer only.
                transport.inner.options.log(Severity::Error, &format!("accepting a connection: {error}"));
                if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)) {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn admit(transport: &Transport, stream: TcpStream, peer: SocketAddr, socket: SocketId) {
    let inner = &transport.inner;
    let (Some(handler), Ok(local)) = (transport.handler(), stream.local_addr()) else { return };
    let new = NewConnection { protocol: Protocol::Tcp, socket, local, peer, inbound: true };
    let connection = match inner.connections.admit(new, &inner.options.tcp) {
        Ok(connection) => connection,
        Err(refusal) => {
            inner.statistics.tcp_refused.increment();
            let why = match refusal {
                Refusal::TooMany => "too many connections",
                Refusal::TooManyFromAddress => "too many connections from this address",
                Refusal::NotUnique => "there is one already",
            };
            inner.options.log(Severity::Warning, &format!("connection from {peer} refused: {why}"));
            return;
        }
    };
    inner.statistics.tcp_connections.increment();
    inner.statistics.tcp_accepted.increment();
    set_stream_options(&stream, &inner.options.tcp);
    let stream = Arc::new(stream);
    connection.set_open(local, stream.clone());
    let transport = transport.clone();
    tokio::spawn(async move {
        let reason = serve(&transport, &handler, &connection, stream).await;
        closed(&transport, &*handler, &connection, reason, None);
    });
}

/// Opens the connection and serves it until it closes.
pub(crate) async fn connect(
    transport: Transport,
    handler: Arc<dyn Handler>,
    connection: Arc<Connection>,
    from: SocketAddr,
) {
    let inner = &transport.inner;
    let limit = inner.options.tcp.connect_timeout;
    let result = tokio::select! {
        result = tokio::time::timeout(limit, open_stream(from, connection.peer, &inner.options)) => Some(result),
        () = close_request(&connection) => None,
    };
    let destination = connection.peer;
    let (reason, error) = match result {
        Some(Ok(Ok((stream, local)))) => {
            inner.statistics.tcp_connected.increment();
            let stream = Arc::new(stream);
            connection.set_open(local, stream.clone());
            (serve(&transport, &handler, &connection, stream).await, None)
        }
        Some(Ok(Err(error))) => (CloseReason::ConnectFailed, Some(SendError::Io { destination, error })),
        Some(Err(_)) => (CloseReason::ConnectFailed, Some(SendError::ConnectTimeout(destination))),
        None => (connection.close_requested().unwrap_or(CloseReason::Local), None),
    };
    if let Some(error) = &error {
        inner.statistics.tcp_connect_failed.increment();
        inner.options.log(Severity::Error, &error.to_string());
    }
    closed(&transport, &*handler, &connection, reason, error);
}

async fn close_request(connection: &Connection) {
    while connection.close_requested().is_none() {
        connection.attention.notified().await;
    }
}

async fn open_stream(from: SocketAddr, to: SocketAddr, options: &Options) -> io::Result<(TcpStream, SocketAddr)> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    set_common_options(&SockRef::from(&socket), to, options)?;
    if options.tcp.reuse_port {
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(from)?;
    } else if !from.ip().is_unspecified() {
        // Choosing the port only when the peer is known lets one port serve many peers.
        let _ = sys::set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1);
        socket.bind(SocketAddr::new(from.ip(), 0))?;
    }
    if options.tcp.syn_count > 0 {
        let count = libc::c_int::from(options.tcp.syn_count);
        sys::set_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_SYNCNT, count)?;
    }
    let stream = socket.connect(to).await?;
    set_stream_options(&stream, &options.tcp);
    let local = stream.local_addr()?;
    Ok((stream, local))
}

/// Options of an established stream; a stream that ended already refuses them, which reading will tell.
fn set_stream_options(stream: &TcpStream, options: &TcpOptions) {
    let _ = stream.set_nodelay(true);
    let set = |name, value| {
        let _ = sys::set_option(stream.as_fd(), libc::IPPROTO_TCP, name, value);
    };
    if options.linger2 != 0 {
        set(libc::TCP_LINGER2, options.linger2);
    }
    if !options.delayed_ack {
        set(libc::TCP_QUICKACK, 1);
    }
    if options.keepalive {
        set_keepalive(stream, options.keepalive_idle, options.keepalive_interval, options.keepalive_count);
    }
}

/// Turns the kernel's probes on; zero leaves a value to the kernel.
pub(crate) fn set_keepalive(stream: &TcpStream, idle: Duration, interval: Duration, count: u32) {
    let mut settings = TcpKeepalive::new();
    if !idle.is_zero() {
        settings = settings.with_time(idle);
    }
    if !interval.is_zero() {
        settings = settings.with_interval(interval);
    }
    if count > 0 {
        settings = settings.with_retries(count);
    }
    let socket = SockRef::from(stream);
    let _ = socket.set_keepalive(true);
    let _ = socket.set_tcp_keepalive(&settings);
}

/// One direction of a stream that senders write to as well: the halves that tokio makes cannot be shared so.
struct Half(Arc<TcpStream>);

impl AsyncRead for Half {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Half {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write_vectored(pieces) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.0).shutdown(std::net::Shutdown::Write))
    }
}

async fn serve(
    transport: &Transport,
    handler: &Arc<dyn Handler>,
    connection: &Connection,
    stream: Arc<TcpStream>,
) -> CloseReason {
    let (reader, writer) = (Half(stream.clone()), Half(stream));
    stream::run(transport, &**handler, connection, reader, writer).await
}

/// The connection is gone: forgets it and tells the handler.
fn closed(
    transport: &Transport,
    handler: &dyn Handler,
    connection: &Connection,
    reason: CloseReason,
    error: Option<SendError>,
) {
    let inner = &transport.inner;
    let statistics = &inner.statistics;
    let info = connection.info();
    inner.connections.remove(connection);
    statistics.tcp_connections.subtract(1);
    match reason {
        CloseReason::Reset => statistics.tcp_reset.increment(),
        CloseReason::Idle => statistics.tcp_idle_closed.increment(),
        CloseReason::Framing | CloseReason::MessageTimeout => statistics.tcp_framing_errors.increment(),
        _ => {}
    }
    let mut error = error;
    for data in connection.take_unwritten(statistics) {
        let error = match (error.take(), reason) {
            (Some(error), _) => error,
            (None, CloseReason::ConnectFailed) => SendError::NoConnection(connection.peer),
            (None, CloseReason::Slow) => SendError::SendTimeout(connection.peer),
            (None, _) => SendError::Closed(connection.peer),
        };
        let failure = SendFailure {
            socket: connection.socket,
            protocol: connection.protocol,
            destination: connection.peer,
            connection: Some(connection.id),
            data,
            error,
        };
        guarded(transport, || handler.send_failed(failure));
    }
    if reason != CloseReason::ConnectFailed {
        guarded(transport, || handler.connection_closed(&info, reason));
    }
}

/// Runs a callback of the handler; a panic there is logged and costs nothing else.
fn guarded(transport: &Transport, call: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err() {
        transport.inner.statistics.handler_panics.increment();
        transport.inner.options.log(Severity::Bug, "the handling of a closed connection panicked");
    }
}
