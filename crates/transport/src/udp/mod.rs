//! UDP: worker threads that receive and send in batches.
//!
//! All workers of a socket receive from the same descriptor, one at a time (`turns`). So one busy peer can use every
//! worker, which a socket per worker (SO_REUSEPORT, chosen by a hash of the addresses) would not allow. `lanes` keeps the
//! messages of one call in order nevertheless.

mod lanes;
mod pauses;
mod reports;
mod turns;
mod worker;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::Duration;

use parking_lot::Mutex;
use socket2::{Domain, Socket, Type};

use crate::error::{BindError, SendError};
use crate::handler::{Handler, Outgoing};
use crate::options::{Options, Severity};
use crate::socket::{Listen, SocketId};
use crate::sys;
use crate::transport::Transport;
use lanes::Lanes;
use pauses::Pauses;
use turns::Turns;
use worker::Worker;
pub(crate) use worker::handle_one;

/// How long a sender waits for the kernel's send buffer, which drains at the speed of the network card.
const SEND_PATIENCE: Duration = Duration::from_millis(20);

/// A worker looks at least this often whether the server stops.
const WAKE_INTERVAL: Duration = Duration::from_millis(900);

/// How often a datagram is tried that fails because of reports on others.
const MAX_RETRIES: usize = 16;

/// The queue of a lane takes this many bytes at least: more than the longest datagram.
const MIN_LANE: usize = 131_072;

/// An open UDP socket.
pub(crate) struct UdpListener {
    id: SocketId,
    socket: UdpSocket,
    address: SocketAddr,
    wildcard: bool,
    /// Whether the kernel keeps the network's reports for us.
    reports: bool,
    /// Whose turn it is to receive: from waiting for datagrams until they were given to their lanes, at least.
    turns: Turns,
    /// Of the worker that has the turn.
    pauses: Mutex<Pauses>,
    /// `None` when there is one worker.
    lanes: Option<Lanes>,
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
    Ok(UdpListener {
        id,
        socket,
        address,
        wildcard: address.ip().is_unspecified(),
        reports: options.udp.report_unreachable,
        turns: Turns::default(),
        pauses: Mutex::new(Pauses::new()),
        lanes: (options.udp.worker_count() > 1).then(|| Lanes::new(options.udp.max_buffer.max(MIN_LANE))),
    })
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
    if options.udp.report_unreachable {
        let (level, name) = if address.is_ipv4() {
            (libc::IPPROTO_IP, libc::IP_RECVERR)
        } else {
            (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        };
        sys::set_option(socket.as_fd(), level, name, 1)?;
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

    /// Receives and handles datagrams until the server stops. Each worker has a number of its own.
    pub(crate) fn work(&self, number: usize, transport: &Transport, handler: &dyn Handler) {
        Pauses::prepare_thread();
        Worker::new(number, self, transport, handler).work();
    }

    /// Sends datagrams in order; the error of the last one that failed.
    pub(crate) fn send<'a>(
        &self,
        datagrams: impl Iterator<Item = &'a Outgoing> + Clone,
        transport: &Transport,
        mut failed: impl FnMut(SendError),
    ) {
        let mut rest = datagrams;
        let statistics = &transport.inner.statistics;
        let mut waited = false;
        let mut retries = 0;
        while let Some(first) = rest.clone().next() {
            let pairs = rest.clone().map(|outgoing| (outgoing.destination, &outgoing.data[..]));
            match sys::send_many(self.socket.as_fd(), pairs) {
                Ok(sent) => {
                    let sent = sent.max(1);
                    statistics.udp_sent.add(sent as u64);
                    let bytes: usize = rest.by_ref().take(sent).map(|outgoing| outgoing.data.len()).sum();
                    statistics.udp_sent_bytes.add(bytes as u64);
                    waited = false;
                    retries = 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !waited => {
                    waited = true;
                    sys::wait_writable(self.socket.as_fd(), SEND_PATIENCE);
                }
                // What failed may be an earlier datagram, to another destination: then this one leaves now.
                Err(_)
                    if self.reports && retries < MAX_RETRIES && (self.tell_reports(transport) > 0 || retries == 0) =>
                {
                    retries += 1;
                }
                Err(error) => {
                    statistics.udp_send_errors.increment();
                    failed(send_error(first, error));
                    rest.next();
                    retries = 0;
                }
            }
        }
    }
}

fn send_error(outgoing: &Outgoing, error: io::Error) -> SendError {
    let destination = outgoing.destination;
    match error.raw_os_error() {
        Some(libc::EMSGSIZE) => SendError::TooBig { destination, size: outgoing.data.len() },
        Some(libc::EAGAIN | libc::ENOBUFS) => SendError::Busy,
        _ => SendError::Io { destination, error },
    }
}
