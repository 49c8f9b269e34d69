//! What the sockets count. Every number only grows, except those marked as levels.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that many threads change.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it to zero (`reset_statistics`).
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, amount: u64) -> u64 {
        self.0.fetch_add(amount, Ordering::Relaxed) + amount
    }

    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(crate) fn subtract(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }
}

/// The counters of a [`crate::Transport`].
#[derive(Debug, Default)]
pub struct Statistics {
    /// Datagrams received, without those dropped.
    pub udp_received: Counter,
    /// Bytes of them.
    pub udp_received_bytes: Counter,
    /// Datagrams sent.
    pub udp_sent: Counter,
    /// Bytes of them.
    pub udp_sent_bytes: Counter,
    /// Keep-alives and datagrams too short to be anything.
    pub udp_dropped: Counter,
    /// Datagrams dropped because too many of the same call waited to be handled.
    pub udp_lane_full: Counter,
    /// System calls that received datagrams: with `udp_received` it tells the mean batch.
    pub udp_batches: Counter,
    /// Datagrams that the kernel did not take.
    pub udp_send_errors: Counter,
    /// Datagrams of which the network said that they could not be delivered (ICMP).
    pub udp_unreachable: Counter,
    /// Panics of the handler that were caught.
    pub handler_panics: Counter,
    /// Messages received over connections.
    pub tcp_received: Counter,
    /// Bytes received over connections.
    pub tcp_received_bytes: Counter,
    /// Messages written to connections.
    pub tcp_sent: Counter,
    /// Bytes written to connections.
    pub tcp_sent_bytes: Counter,
    /// Keep-alive pings received.
    pub tcp_pings: Counter,
    /// Level: connections open or opening (Kamailio's `current_opened_connections`).
    pub tcp_connections: Counter,
    /// Level: bytes queued for writing (`current_write_queue_size`).
    pub tcp_queued: Counter,
    /// Connections accepted (`passive_open`).
    pub tcp_accepted: Counter,
    /// Connections refused because of a limit (`local_reject`).
    pub tcp_refused: Counter,
    /// Connections opened to a peer (`connect_success`).
    pub tcp_connected: Counter,
    /// Connections that could not be opened (`connect_failed`).
    pub tcp_connect_failed: Counter,
    /// Connections reset by the peer (`con_reset`).
    pub tcp_reset: Counter,
    /// Connections closed because they were idle (`con_timeout`).
    pub tcp_idle_closed: Counter,
    /// Connections closed because the peer took nothing (`send_timeout`).
    pub tcp_send_timeouts: Counter,
    /// Messages refused or connections dropped because a write queue was full (`sendq_full`).
    pub tcp_queue_full: Counter,
    /// Connections closed because the stream was not understood.
    pub tcp_framing_errors: Counter,
}
