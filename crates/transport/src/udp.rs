//! UDP: worker threads that receive and send in batches.
//!
//! All workers of a socket block in the same receive call on the same descriptor; the kernel wakes one of them for
//! each datagram. So one busy peer can use every worker, which a socket per worker (SO_REUSEPORT, chosen by a hash of
//! the addresses) would not allow.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sip::{Protocol, Str};
use socket2::{Domain, Socket, Type};

use crate::error::{BindError, SendError};
use crate::handler::{Handler, Network as _, Outgoing, Received};
use crate::options::{Options, Severity};
use crate::socket::{Listen, SocketId};
use crate::statistics::Statistics;
use crate::sys::{self, ReceiveBatch};
use crate::transport::{Inner, Transport};

/// How long a sender waits for the kernel's send buffer, which drains at the speed of the network card.
const SEND_PATIENCE: Duration = Duration::from_millis(20);

/// A worker looks at least this often whether the server stops.
const WAKE_INTERVAL: Duration = Duration::from_millis(900);

/// An open UDP socket.
pub(crate) struct UdpListener {
    id: SocketId,
    socket: UdpSocket,
    address: SocketAddr,
    wildcard: bool,
}

/// Opens a UDP socket.
pub(crate) fn open(id: SocketId, listen: &Listen, options: &Options) -> Result<UdpListener, BindError> {
    let address = listen.address;
    let fail = |error| BindError::Io { protocol: listen.protocol, address, error };
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None).map_err(fail)?;
    set_options(&socket, address, options).map_err(fail)?;
    socket.bind(&address.into()).map_err(fail)?;
    let socket = UdpSocket::from(socket);
    let address = socket.local_addr().map_err(fail)?;
    Ok(UdpListener { id, socket, address, wildcard: address.ip().is_unspecified() })
}

fn set_options(socket: &Socket, address: SocketAddr, options: &Options) -> io::Result<()> {
    set_common_options(socket, address, options)?;
    if options.udp.reuse_address {
        socket.set_reuse_address(true)?;
    }
    let discover = libc::c_int::from(options.udp.pmtu_discovery);
    if address.is_ipv4() {
        sys::set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, discover)?;
        if address.ip().is_unspecified() {
            sys::set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        }
    } else if address.ip().is_unspecified() {
        sys::set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
    }
    enlarge_buffers(socket, options);
    socket.set_read_timeout(Some(WAKE_INTERVAL))
}

/// The options that sockets of every protocol have.
pub(crate) fn set_common_options(socket: &Socket, address: SocketAddr, options: &Options) -> io::Result<()> {
    if address.is_ipv6() {
        // So that `0.0.0.0` and `::` can be listened on at the same port, and no IPv4 peer shows up as `::ffff:..`.
        socket.set_only_v6(true)?;
    }
    let fd = socket.as_fd();
    if let Some(tos) = options.tos {
        let tos = libc::c_int::from(tos);
        let result = if address.is_ipv4() {
            sys::set_option(fd, libc::IPPROTO_IP, libc::IP_TOS, tos)
        } else {
            sys::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, tos)
        };
        if let Err(error) = result {
            options.log(Severity::Warning, &format!("cannot set tos {tos} on {address}: {error}"));
        }
    }
    if options.free_bind {
        if address.is_ipv4() {
            sys::set_option(fd, libc::IPPROTO_IP, libc::IP_FREEBIND, 1)?;
        } else {
            sys::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, 1)?;
        }
    }
    Ok(())
}

/// Sets the kernel's buffers to `max_buffer` where they are smaller; past the system-wide limit if we may.
fn enlarge_buffers(socket: &Socket, options: &Options) {
    let wanted = options.udp.max_buffer;
    let value = libc::c_int::try_from(wanted).unwrap_or(libc::c_int::MAX);
    let fd = socket.as_fd();
    // The kernel reports twice the size asked for.
    let enough = |size: io::Result<usize>| size.is_ok_and(|size| size / 2 >= wanted);
    if !enough(socket.recv_buffer_size())
        && sys::set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value).is_err()
        && (socket.set_recv_buffer_size(wanted).is_err() || !enough(socket.recv_buffer_size()))
    {
        options.log(
            Severity::Warning,
            &format!("the receive buffer stays below maxbuffer={wanted}: raise the system's net.core.rmem_max"),
        );
    }
    if !enough(socket.send_buffer_size()) && sys::set_option(fd, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, value).is_err()
    {
        // A small send buffer only makes senders wait a little.
        let _ = socket.set_send_buffer_size(wanted);
    }
}

/// True for keep-alives and whatever is too short to be a message.
///
/// Kamailio 5.6.3 drops every datagram below 32 bytes ("probing packet") before its parser sees it; longer runs of
/// NUL, CR, LF and blanks it gives to the parser, which complains.
fn is_noise(data: &[u8], min_datagram: usize) -> bool {
    data.len() < min_datagram || data.iter().all(|byte| matches!(byte, 0 | b'\r' | b'\n' | b' '))
}

impl UdpListener {
    /// The address as bound.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Wakes the workers that wait for datagrams; sending still works.
    pub(crate) fn shut_down(&self) {
        // Linux wakes the readers of an unconnected UDP socket and still says ENOTCONN.
        let _ = socket2::SockRef::from(&self.socket).shutdown(std::net::Shutdown::Read);
    }

    /// Receives and handles datagrams until the server stops.
    pub(crate) fn work(&self, transport: &Transport, handler: &Arc<dyn Handler>) {
        let inner = &transport.inner;
        let mut batch = ReceiveBatch::new(inner.options.udp.batch, self.wildcard);
        let mut outbox = Vec::with_capacity(2 * sys::MAX_BATCH);
        while !inner.stopping.load(Ordering::Acquire) {
            match batch.receive(self.socket.as_fd()) {
                Ok(count) => {
                    self.handle_batch(&batch, count, inner, &**handler, &mut outbox);
                    transport.send_all(&mut outbox);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => {
                    inner.options.log(Severity::Error, &format!("receiving on udp:{}: {error}", self.address));
                    // Whatever it is, it must not take the whole processor.
                    std::thread::park_timeout(Duration::from_millis(10));
                }
            }
        }
    }

    fn handle_batch(
        &self,
        batch: &ReceiveBatch,
        count: usize,
        inner: &Inner,
        handler: &dyn Handler,
        outbox: &mut Vec<Outgoing>,
    ) {
        let statistics = &inner.statistics;
        let (mut bytes, mut taken) = (0, 0);
        for index in 0..count {
            let data = batch.data(index);
            let Some(source) = batch.source(index) else { continue };
            if is_noise(data, inner.options.udp.min_datagram) {
                statistics.udp_dropped.increment();
                continue;
            }
            taken += 1;
            bytes += data.len() as u64;
            let destination = match batch.local_address(index) {
                Some(ip) => SocketAddr::new(ip, self.address.port()),
                None => self.address,
            };
            let received = Received { socket: self.id, protocol: Protocol::Udp, source, destination, connection: None };
            handle_one(handler, received, Str::copy_from(data), outbox, inner);
        }
        statistics.udp_batches.increment();
        statistics.udp_received.add(taken);
        statistics.udp_received_bytes.add(bytes);
    }

    /// Sends datagrams in order; the error of the last one that failed.
    pub(crate) fn send<'a>(
        &self,
        datagrams: impl Iterator<Item = &'a Outgoing> + Clone,
        statistics: &Statistics,
        mut failed: impl FnMut(SendError),
    ) {
        let mut rest = datagrams;
        let mut waited = false;
        while let Some(first) = rest.clone().next() {
            let pairs = rest.clone().map(|outgoing| (outgoing.destination, &outgoing.data[..]));
            match sys::send_many(self.socket.as_fd(), pairs) {
                Ok(sent) => {
                    let sent = sent.max(1);
                    statistics.udp_sent.add(sent as u64);
                    let bytes: usize = rest.by_ref().take(sent).map(|outgoing| outgoing.data.len()).sum();
                    statistics.udp_sent_bytes.add(bytes as u64);
                    waited = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !waited => {
                    waited = true;
                    sys::wait_writable(self.socket.as_fd(), SEND_PATIENCE);
                }
                Err(error) => {
                    statistics.udp_send_errors.increment();
                    failed(send_error(first, error));
                    rest.next();
                }
            }
        }
    }
}

fn send_error(outgoing: &Outgoing, error: io::Error) -> SendError {
    let destination = outgoing.destination;
    match error.raw_os_error() {
        Some(libc::EMSGSIZE) => SendError::TooBig { destination, size: outgoing.data.len() },
        Some(libc::EAGAIN) => SendError::Busy,
        _ => SendError::Io { destination, error },
    }
}

/// Gives one message to the handler. A panic there costs that message and nothing else.
pub(crate) fn handle_one(
    handler: &dyn Handler,
    received: Received,
    data: Str,
    outbox: &mut Vec<Outgoing>,
    inner: &Inner,
) {
    let before = outbox.len();
    let call = AssertUnwindSafe(|| handler.receive(received, data, outbox));
    if let Err(panic) = catch_unwind(call) {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        outbox.truncate(before);
        inner.statistics.handler_panics.increment();
        inner
            .options
            .log(Severity::Bug, &format!("the handling of a message from {} panicked: {text}", received.source));
    }
}

#[cfg(test)]
mod tests {
    use super::is_noise;

    #[test]
    fn noise() {
        assert!(is_noise(b"", 32));
        assert!(is_noise(b"OPTIONS sip:a SIP/2.0\r\n", 32));
        assert!(is_noise(&[0; 100], 32));
        assert!(is_noise("\r\n".repeat(30).as_bytes(), 32));
        assert!(!is_noise(&[b'A'; 32], 32));
    }
}
