//! The system calls that take many datagrams at once, and socket options without a safe wrapper.
//!
//! All `unsafe` of the project is here. The pattern is always the same: the kernel gets pointers into memory that is
//! exclusively (receiving) or shared (sending) borrowed until the call returns, and keeps none of them afterwards.
//! The wrappers of nix and rustix were not used because they allocate for each call, or cannot report the local
//! address per datagram together with reusing the memory.

// The types of some fields differ between targets.
#![allow(clippy::unnecessary_cast)]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// The most datagrams one call takes.
pub(crate) const MAX_BATCH: usize = 64;

/// The longest datagram: what the length field of IP allows.
const BUFFER: usize = 65_536;

/// Room for one control message with a local address: a header and the larger of the two structures.
const CONTROL: usize = 64;

/// A peer address in the kernel's form. `sockaddr_in6` is the larger of the two families and begins with the same
/// family field, so that it holds either.
type RawAddress = libc::sockaddr_in6;

/// Control data must be aligned as `cmsghdr` is.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// Memory to receive a batch of datagrams in, reused for every call.
///
/// The headers point to the other lists, whose memory stays where it is: none of them grows or is replaced.
pub(crate) struct ReceiveBatch {
    buffers: Vec<u8>,
    addresses: Vec<RawAddress>,
    controls: Vec<Control>,
    /// Only the headers look at it.
    _vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// How many headers the last call changed.
    received: usize,
    /// How many the next call asks for: preparing places that stay empty costs time, in the kernel as well.
    wanted: usize,
    /// The last call took all that was there.
    took_all: bool,
}

/// A batch asks for this many at least.
const FEW: usize = 4;

impl ReceiveBatch {
    /// Room for `count` datagrams. Untouched parts of the buffers cost address space, not memory.
    pub(crate) fn new(count: usize, with_local_address: bool) -> Self {
        let count = count.clamp(1, MAX_BATCH);
        let mut buffers = vec![0; count * BUFFER];
        let mut addresses = vec![raw_address_zero(); count];
        let mut controls = vec![Control([0; CONTROL]); if with_local_address { count } else { 0 }];
        let mut vectors: Vec<_> = buffers
            .chunks_exact_mut(BUFFER)
            .map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() })
            .collect();
        let mut headers: Vec<_> =
            addresses.iter_mut().zip(&mut vectors).map(|(address, vector)| message_header(address, vector)).collect();
        for (header, control) in headers.iter_mut().zip(&mut controls) {
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL as _;
        }
        Self {
            buffers,
            addresses,
            controls,
            _vectors: vectors,
            headers,
            received: 0,
            wanted: count.min(FEW),
            took_all: false,
        }
    }

    /// Waits for one datagram and takes as many as are there; returns how many. Zero after the socket was shut down.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.receive_with(socket, libc::MSG_WAITFORONE)
    }

    /// Takes as many datagrams as are there: an error (`WouldBlock`) when there is none.
    pub(crate) fn receive_now(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.receive_with(socket, libc::MSG_DONTWAIT)
    }

    fn receive_with(&mut self, socket: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<usize> {
        let control = if self.controls.is_empty() { 0 } else { CONTROL };
        for header in self.headers.iter_mut().take(self.received) {
            header.msg_hdr.msg_namelen = size_of::<RawAddress>() as libc::socklen_t;
            header.msg_hdr.msg_controllen = control as _;
        }
        self.received = 0;
        // SAFETY: there are at least `wanted` headers; each points to memory that `self` owns, that stays where it is, and
        // that is exclusively borrowed during the call; the lengths are those of that memory. Every byte value is valid in
        // it.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.wanted as libc::c_uint,
                flags as _,
                std::ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?.min(self.wanted);
        self.received = received;
        self.took_all = received < self.wanted;
        // Full: there are more. Mostly empty: the rush is over.
        if received == self.wanted {
            self.wanted = (2 * self.wanted).min(self.headers.len());
        } else if received < self.wanted / 2 {
            self.wanted = (self.wanted / 2).max(FEW).min(self.headers.len());
        }
        Ok(received)
    }

    /// Whether the last call that took datagrams took all that were there.
    pub(crate) const fn took_all(&self) -> bool {
        self.took_all
    }

    /// A received datagram.
    pub(crate) fn data(&self, index: usize) -> &[u8] {
        let start = index * BUFFER;
        &self.buffers[start..start + (self.headers[index].msg_len as usize).min(BUFFER)]
    }

    /// Where it came from; `None` for an address family that is not IP.
    pub(crate) fn source(&self, index: usize) -> Option<SocketAddr> {
        from_raw(&self.addresses[index])
    }

    /// The local address it came to, when the kernel was asked to tell.
    pub(crate) fn local_address(&self, index: usize) -> Option<IpAddr> {
        let control = self.controls.get(index)?;
        local_address_of(control, self.headers[index].msg_hdr.msg_controllen as usize)
    }
}

/// Sends datagrams, in order, with one system call for up to [`MAX_BATCH`] of them, without waiting. Returns how many
/// the kernel took; an error is about the first one.
pub(crate) fn send_many<'a>(
    socket: BorrowedFd<'_>,
    datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>,
) -> io::Result<usize> {
    let mut vectors: [MaybeUninit<libc::iovec>; MAX_BATCH] = [MaybeUninit::uninit(); MAX_BATCH];
    let mut addresses: [MaybeUninit<RawAddress>; MAX_BATCH] = [MaybeUninit::uninit(); MAX_BATCH];
    let mut headers: [MaybeUninit<libc::mmsghdr>; MAX_BATCH] = [MaybeUninit::uninit(); MAX_BATCH];
    let mut count = 0;
    for (destination, data) in datagrams.take(MAX_BATCH) {
        let (raw, length) = to_raw(destination);
        // The kernel only reads through this pointer when sending.
        let vector =
            vectors[count].write(libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() });
        let mut header = message_header(addresses[count].write(raw), vector);
        header.msg_hdr.msg_namelen = length;
        headers[count].write(header);
        count += 1;
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    if count == 1 {
        // The call for one costs less than that for many.
        // SAFETY: the first header was written above and points to the arrays on this stack frame and to the borrowed
        // data, all of which outlive the call.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const headers[0].assume_init_ref().msg_hdr, flags) };
        return if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(1) };
    }
    // SAFETY: the first `count` headers were written above and point to the arrays on this stack frame and to the
    // borrowed data, all of which outlive the call.
    let sent =
        unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr().cast(), count as libc::c_uint, flags as _) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Waits until the socket takes data; false when it still does not after `limit`.
pub(crate) fn wait_writable(socket: BorrowedFd<'_>, limit: Duration) -> bool {
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    let milliseconds = libc::c_int::try_from(limit.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: one valid `pollfd`, exclusively borrowed during the call.
    unsafe { libc::poll(&raw mut poll, 1, milliseconds) == 1 }
}

/// What the kernel tells of a datagram that was sent and did not arrive (`IP_RECVERR`).
#[derive(Debug)]
pub(crate) struct Report {
    /// Where the datagram went.
    pub(crate) destination: Option<SocketAddr>,
    /// True when the network says that the destination cannot be reached (ICMP type 3, ICMPv6 type 1).
    pub(crate) unreachable: bool,
    /// True for any word from the network, false for what the kernel itself did not send.
    pub(crate) from_network: bool,
    /// What kind of failure.
    pub(crate) error: io::Error,
    /// How much of the beginning of the datagram is known, and was written into the buffer.
    pub(crate) length: usize,
}

/// Takes the oldest report from the socket's error queue, without waiting: an error (`WouldBlock`) when there is none.
pub(crate) fn next_report(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Report> {
    let mut address = raw_address_zero();
    let mut control = ReportControl([0; REPORT_CONTROL]);
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut header = message_header(&mut address, &mut vector).msg_hdr;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = REPORT_CONTROL as _;
    // SAFETY: the header points to memory on this stack frame and to the exclusively borrowed buffer, with their
    // lengths; every byte value is valid in all of them.
    let result =
        unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, (libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) as _) };
    let length = usize::try_from(result).map_err(|_| io::Error::last_os_error())?.min(buffer.len());
    let control = control.0.get(..header.msg_controllen as usize).unwrap_or_default();
    let (number, origin, kind) = report_in(control).unwrap_or_default();
    let unreachable = (origin, kind) == (libc::SO_EE_ORIGIN_ICMP, ICMP_UNREACHABLE)
        || (origin, kind) == (libc::SO_EE_ORIGIN_ICMP6, ICMPV6_UNREACHABLE);
    Ok(Report {
        destination: from_raw(&address),
        // "Too big" tells of a smaller datagram that would arrive.
        unreachable: unreachable && number != libc::EMSGSIZE,
        from_network: matches!(origin, libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6),
        error: io::Error::from_raw_os_error(number),
        length,
    })
}

/// Room for the control messages of a report: a local address, and the error with the address of who reported it.
const REPORT_CONTROL: usize = 256;

/// Aligned as `cmsghdr` is.
#[repr(C, align(8))]
struct ReportControl([u8; REPORT_CONTROL]);

/// Destination unreachable (RFC 792).
const ICMP_UNREACHABLE: u8 = 3;

/// Destination unreachable (RFC 4443).
const ICMPV6_UNREACHABLE: u8 = 1;

/// The `sock_extended_err` among control messages: its error number, origin and type.
fn report_in(mut control: &[u8]) -> Option<(libc::c_int, u8, u8)> {
    const HEADER: usize = size_of::<libc::cmsghdr>();
    let int = |bytes: &[u8]| Some(libc::c_int::from_ne_bytes(bytes.try_into().ok()?));
    while control.len() >= HEADER {
        // SAFETY: there are as many initialised bytes as a `cmsghdr` has, which may have any values.
        let header = unsafe { control.as_ptr().cast::<libc::cmsghdr>().read_unaligned() };
        let length = header.cmsg_len as usize;
        let data = control.get(HEADER..length)?;
        let kind = (header.cmsg_level, header.cmsg_type);
        if matches!(kind, (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)) {
            return Some((int(data.get(..4)?)?, *data.get(4)?, *data.get(5)?));
        }
        // The next one begins aligned.
        control = control.get(length.next_multiple_of(size_of::<usize>())..)?;
    }
    None
}

/// Sets a socket option whose value is an int.
pub(crate) fn set_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A header for one datagram with room for an address of either family.
fn message_header(address: &mut RawAddress, vector: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: `mmsghdr` is a C structure of integers and pointers, for which all zero bytes are a valid value. (It
    // has private padding on some targets, so that it cannot be written out field by field.)
    let mut header: libc::mmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_hdr.msg_name = (&raw mut *address).cast();
    header.msg_hdr.msg_namelen = size_of::<RawAddress>() as libc::socklen_t;
    header.msg_hdr.msg_iov = vector;
    header.msg_hdr.msg_iovlen = 1;
    header
}

/// An empty address.
fn raw_address_zero() -> RawAddress {
    libc::sockaddr_in6 {
        sin6_family: 0,
        sin6_port: 0,
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
        sin6_scope_id: 0,
    }
}

/// An address in the kernel's form, with its length.
fn to_raw(address: SocketAddr) -> (RawAddress, libc::socklen_t) {
    let mut raw = raw_address_zero();
    match address {
        SocketAddr::V4(address) => {
            let v4 = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: `raw` is larger than `sockaddr_in` and at least as strictly aligned; all its bytes stay
            // initialised.
            unsafe { (&raw mut raw).cast::<libc::sockaddr_in>().write(v4) };
            (raw, size_of::<libc::sockaddr_in>() as libc::socklen_t)
        }
        SocketAddr::V6(address) => {
            raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            raw.sin6_port = address.port().to_be();
            raw.sin6_flowinfo = address.flowinfo();
            raw.sin6_addr.s6_addr = address.ip().octets();
            raw.sin6_scope_id = address.scope_id();
            (raw, size_of::<RawAddress>() as libc::socklen_t)
        }
    }
}

/// An address from the kernel's form.
fn from_raw(raw: &RawAddress) -> Option<SocketAddr> {
    match libc::c_int::from(raw.sin6_family) {
        libc::AF_INET => {
            // SAFETY: `raw` is larger than `sockaddr_in`, at least as strictly aligned, and wholly initialised; any
            // bytes are a valid `sockaddr_in`.
            let v4 = unsafe { (&raw const *raw).cast::<libc::sockaddr_in>().read() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 => Some(SocketAddr::V6(SocketAddrV6::new(
            Ipv6Addr::from(raw.sin6_addr.s6_addr),
            u16::from_be(raw.sin6_port),
            raw.sin6_flowinfo,
            raw.sin6_scope_id,
        ))),
        _ => None,
    }
}

/// The local address in the control data of one datagram (IP_PKTINFO, IPV6_PKTINFO).
fn local_address_of(control: &Control, length: usize) -> Option<IpAddr> {
    /// Control data of one message begins at this offset.
    const START: usize = size_of::<libc::cmsghdr>();
    if length < START {
        return None;
    }
    // SAFETY: `Control` is aligned and larger than a `cmsghdr`, and wholly initialised (zeroes, then the kernel).
    let header = unsafe { control.0.as_ptr().cast::<libc::cmsghdr>().read() };
    let data = control.0.get(START..(header.cmsg_len as usize).min(length).min(CONTROL))?;
    match (header.cmsg_level, header.cmsg_type) {
        // struct in_pktinfo: interface index, local address used for routing, destination address of the packet.
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            let octets: [u8; 4] = data.get(8..12)?.try_into().ok()?;
            Some(IpAddr::V4(Ipv4Addr::from(octets)))
        }
        // struct in6_pktinfo: destination address, interface index.
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let octets: [u8; 16] = data.get(..16)?.try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(octets)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd as _;

    #[test]
    fn addresses_go_both_ways() {
        for text in ["127.0.0.1:5060", "[2001:db8::1]:5061", "[fe80::1%7]:9"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(from_raw(&to_raw(address).0), Some(address));
        }
        assert_eq!(from_raw(&raw_address_zero()), None);
    }

    #[test]
    fn a_batch_keeps_order_lengths_and_sources() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = receiver.local_addr().unwrap();
        let large = vec![7; 60_000];
        let datagrams: Vec<(SocketAddr, &[u8])> = vec![(to, b"one"), (to, b""), (to, &large), (to, b"four")];
        assert_eq!(send_many(sender.as_fd(), datagrams.iter().copied()).unwrap(), 4);
        let mut batch = ReceiveBatch::new(3, false);
        assert_eq!(batch.receive(receiver.as_fd()).unwrap(), 3);
        assert_eq!((batch.data(0), batch.data(1), batch.data(2)), (&b"one"[..], &b""[..], &large[..]));
        assert_eq!(batch.source(2), Some(sender.local_addr().unwrap()));
        assert_eq!(batch.local_address(0), None);
        assert_eq!(batch.receive(receiver.as_fd()).unwrap(), 1);
        assert_eq!(batch.data(0), b"four");
    }

    #[test]
    fn a_wildcard_socket_tells_the_local_address() {
        for (bind, local, level, option) in [
            ("0.0.0.0:0", "127.0.0.3", libc::IPPROTO_IP, libc::IP_PKTINFO),
            ("[::]:0", "::1", libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
        ] {
            let Ok(receiver) = UdpSocket::bind(bind) else { continue };
            set_option(receiver.as_fd(), level, option, 1).unwrap();
            let local: IpAddr = local.parse().unwrap();
            let to = SocketAddr::new(local, receiver.local_addr().unwrap().port());
            let sender = UdpSocket::bind(SocketAddr::new(local, 0)).unwrap();
            send_many(sender.as_fd(), [(to, &b"x"[..])].into_iter()).unwrap();
            let mut batch = ReceiveBatch::new(4, true);
            assert_eq!(batch.receive(receiver.as_fd()).unwrap(), 1);
            assert_eq!(batch.local_address(0), Some(local));
        }
    }

    #[test]
    fn the_kernel_tells_what_did_not_arrive() {
        for (bind, wildcard, level, option) in [
            ("127.0.0.1:0", false, libc::IPPROTO_IP, libc::IP_RECVERR),
            ("0.0.0.0:0", true, libc::IPPROTO_IP, libc::IP_RECVERR),
            ("[::1]:0", false, libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
        ] {
            let Ok(sender) = UdpSocket::bind(bind) else { continue };
            set_option(sender.as_fd(), level, option, 1).unwrap();
            if wildcard {
                set_option(sender.as_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO, 1).unwrap();
            }
            let mut buffer = [0; 4];
            assert_eq!(next_report(sender.as_fd(), &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            let ip: IpAddr = if bind.starts_with('[') { "::1".parse().unwrap() } else { "127.0.0.1".parse().unwrap() };
            let nobody = UdpSocket::bind(SocketAddr::new(ip, 0)).unwrap().local_addr().unwrap();
            send_many(sender.as_fd(), [(nobody, &b"hello"[..])].into_iter()).unwrap();
            let report = next_report(sender.as_fd(), &mut buffer).unwrap();
            assert_eq!(report.destination, Some(nobody));
            assert!(report.unreachable && report.from_network, "{report:?}");
            assert_eq!(report.error.kind(), io::ErrorKind::ConnectionRefused);
            assert_eq!(&buffer[..report.length], b"hell");
        }
    }

    #[test]
    fn a_failing_destination_is_an_error() {
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = "[::1]:9".parse().unwrap();
        assert!(send_many(sender.as_fd(), [(to, &b"x"[..])].into_iter()).is_err());
        assert!(wait_writable(sender.as_fd(), Duration::from_millis(10)));
    }
}
