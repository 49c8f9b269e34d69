//! What an operator can set. The defaults are Kamailio's.

use std::sync::Arc;
use std::time::Duration;

use sip::framing::Limits;

/// How serious a message to the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// A bug in this program.
    Bug,
    /// Something did not work.
    Error,
    /// Something is odd, or a limit was reached.
    Warning,
    /// Only for who looks for the cause of something.
    Debug,
}

/// Writes a line to the log.
pub type LogFn = Arc<dyn Fn(Severity, &str) + Send + Sync>;

/// The settings of all sockets.
#[derive(Clone)]
pub struct Options {
    /// UDP's settings.
    pub udp: UdpOptions,
    /// TCP's settings.
    pub tcp: TcpOptions,
    /// Type of service of outgoing packets (`tos`); `None` leaves it to the kernel. Kamailio's default is 16.
    pub tos: Option<u8>,
    /// Allow to bind addresses that the machine does not have (`ip_free_bind`).
    pub free_bind: bool,
    /// Where log lines go; by default nowhere.
    pub log: LogFn,
}

impl Options {
    pub(crate) fn log(&self, severity: Severity, text: &str) {
        (self.log)(severity, text);
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            udp: UdpOptions::default(),
            tcp: TcpOptions::default(),
            tos: Some(0x10),
            free_bind: false,
            log: Arc::new(|_, _| ()),
        }
    }
}

/// UDP's settings.
#[derive(Clone, Debug)]
pub struct UdpOptions {
    /// Worker threads per socket; 0: one for each core.
    pub workers: usize,
    /// How many datagrams one system call may take. What one call brings is one worker's: with many the last one of a burst
    /// waits for all others although another worker is free.
    pub batch: usize,
    /// The kernel's buffers are enlarged up to this many bytes (`maxbuffer`).
    pub max_buffer: usize,
    /// Whether the kernel may bind an address that another process holds with the same permission.
    pub reuse_address: bool,
    /// Shorter datagrams are dropped unseen. Kamailio 5.6.3 does so below 32 bytes; a STUN request can have 20.
    pub min_datagram: usize,
    /// Path MTU discovery: 0 never sets the "don't fragment" flag (`pmtu_discovery`).
    pub pmtu_discovery: u8,
    /// Tell [`crate::Handler::send_failed`] when the network reports that a datagram could not be delivered (ICMP
    /// "destination unreachable"). Kamailio's sockets do not hear of it.
    pub report_unreachable: bool,
}

impl UdpOptions {
    /// How many threads work on each socket.
    pub(crate) fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(4, usize::from),
            workers => workers,
        }
    }
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self {
            workers: 0,
            batch: 8,
            max_buffer: 262_144,
            reuse_address: false,
            min_datagram: 32,
            pmtu_discovery: 0,
            report_unreachable: true,
        }
    }
}

/// TCP's settings.
#[derive(Clone, Debug)]
pub struct TcpOptions {
    /// How many connections may be open at a time (`tcp_max_connections`).
    pub max_connections: usize,
    /// How many connections one address may have open (`tcp_accept_iplimit`); 0: any number.
    pub max_connections_per_address: usize,
    /// How long a connection may be idle (`tcp_connection_lifetime`).
    pub lifetime: Duration,
    /// How long opening a connection may take (`tcp_connect_timeout`).
    pub connect_timeout: Duration,
    /// How long a peer may take nothing while bytes for it are queued (`tcp_send_timeout`).
    pub send_timeout: Duration,
    /// How long a message may take from its first to its last byte (`tcp_msg_read_timeout`).
    pub message_timeout: Duration,
    /// How many bytes may be queued for one connection (`tcp_conn_wq_max`); over it the connection is dropped.
    pub connection_queue_max: usize,
    /// How many bytes may be queued for all connections together (`tcp_wq_max`).
    pub queue_max: usize,
    /// How large a message may be (`tcp_rd_buf_size`), and whether it needs a Content-Length (`tcp_accept_no_cl`).
    pub limits: Limits,
    /// Never open a connection (`tcp_no_connect`).
    pub no_connect: bool,
    /// Answer a CRLF CRLF ping with CRLF (`tcp_crlf_ping`).
    pub crlf_pong: bool,
    /// Refuse a connection from an address and port that another connection has already (`tcp_accept_unique`).
    pub accept_unique: bool,
    /// Length of the kernel's queue of connections to accept (`tcp_listen_backlog`).
    pub backlog: u32,
    /// Bind outgoing connections to the port of the listening socket too (`tcp_reuse_port`).
    pub reuse_port: bool,
    /// Probe idle peers (`tcp_keepalive`).
    pub keepalive: bool,
    /// Silence before the first probe (`tcp_keepidle`); zero: the kernel's default.
    pub keepalive_idle: Duration,
    /// Time between probes (`tcp_keepintvl`); zero: the kernel's default.
    pub keepalive_interval: Duration,
    /// Unanswered probes that close the connection (`tcp_keepcnt`); 0: the kernel's default.
    pub keepalive_count: u32,
    /// The first acknowledgement may wait for data that it can go with (`tcp_delayed_ack`).
    pub delayed_ack: bool,
    /// Seconds that a closed connection waits for the peer's end (`tcp_linger2`); 0: the kernel's default, negative:
    /// it does not wait.
    pub linger2: i32,
    /// How often a SYN is sent again (`tcp_syncnt`); 0: the kernel's default.
    pub syn_count: u8,
    /// Seconds that a new connection may send nothing before it is accepted (`tcp_defer_accept`); 0: it is accepted at
    /// once.
    pub defer_accept: u16,
    /// How many further addresses a connection may have (aliases).
    pub max_aliases: usize,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            max_connections: 2048,
            max_connections_per_address: 1024,
            lifetime: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(10),
            send_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(20),
            connection_queue_max: 32_768,
            queue_max: 10_485_760,
            limits: Limits::default(),
            no_connect: false,
            crlf_pong: true,
            accept_unique: false,
            backlog: 1024,
            reuse_port: false,
            keepalive: true,
            keepalive_idle: Duration::ZERO,
            keepalive_interval: Duration::ZERO,
            keepalive_count: 0,
            delayed_ack: true,
            linger2: 0,
            syn_count: 0,
            defer_accept: 0,
            max_aliases: 12,
        }
    }
}
