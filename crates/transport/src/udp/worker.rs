//! A worker: receives datagrams, gives them to the handler, sends what comes of it.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Duration;

use sip::{Protocol, Str};

use super::lanes::{Claims, Place, Waiting};
use super::turns::{Kept, Turn};
use super::{UdpListener, WAKE_INTERVAL};
use crate::handler::{Handler, Network as _, Outgoing, Received};
use crate::options::Severity;
use crate::sys::{self, ReceiveBatch};
use crate::transport::{Inner, Transport};

/// What one thread needs to receive and send; all memory is used again for each batch.
pub(super) struct Worker<'a> {
    listener: &'a UdpListener,
    transport: &'a Transport,
    handler: &'a dyn Handler,
    batch: ReceiveBatch,
    outbox: Vec<Outgoing>,
    /// The lanes this worker holds; `None` when it is the socket's only worker and order needs no care.
    claims: Option<Claims<'a>>,
    /// What was left in those lanes by other workers.
    waiting: Vec<Waiting>,
    /// It is this worker's turn to receive.
    turn: Option<Turn<'a>>,
    /// The same, while it handles what it received.
    kept: Option<Kept<'a>>,
}

/// A worker that receives so many datagrams at once lets the next one receive before it handles them.
const MANY: usize = 4;

/// So many datagrams are sent before the others of a batch are handled, and do not wait for them.
const MANY_ANSWERS: usize = 8;

/// What one receive call brought.
#[derive(Default)]
struct Brought {
    /// A bit for each datagram of the batch that this worker handles.
    mine: u64,
    taken: u64,
    bytes: u64,
    noise: u64,
    refused: u64,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        number: usize,
        listener: &'a UdpListener,
        transport: &'a Transport,
        handler: &'a dyn Handler,
    ) -> Self {
        Self {
            listener,
            transport,
            handler,
            batch: ReceiveBatch::new(transport.inner.options.udp.batch, listener.wildcard),
            outbox: Vec::with_capacity(2 * sys::MAX_BATCH),
            claims: listener.lanes.as_ref().map(|lanes| lanes.claims(number)),
            waiting: Vec::new(),
            turn: None,
            kept: None,
        }
    }

    /// Works until the server stops.
    pub(super) fn work(&mut self) {
        let inner = &self.transport.inner;
        while self.holds_lanes() || !inner.stopping.load(Ordering::Acquire) {
            // Panics of the handler are caught for each message; one anywhere else must not cost a worker.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.step())) {
                self.outbox.clear();
                self.kept = None;
                inner.report_panic("a step of a UDP worker", &*panic);
            }
        }
    }

    fn holds_lanes(&self) -> bool {
        self.claims.as_ref().is_some_and(|claims| !claims.is_empty())
    }

    /// Handles what was left in the lanes held, or else receives; then sends.
    fn step(&mut self) {
        let inner = &self.transport.inner;
        if let Some(claims) = self.claims.as_mut().filter(|claims| !claims.is_empty()) {
            claims.next(&mut self.waiting);
            for Waiting { received, data } in self.waiting.drain(..) {
                handle_one(self.handler, received, data, &mut self.outbox, inner);
            }
        } else {
            match self.receive() {
                Ok(brought) => self.handle(&brought),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) if self.listener.is_report(&error, self.transport) => {}
                Err(error) => {
                    let address = self.listener.address;
                    inner.options.log(Severity::Error, &format!("receiving on udp:{address}: {error}"));
                    // Whatever it is, it must not take the whole processor.
                    std::thread::park_timeout(Duration::from_millis(10));
                }
            }
        }
        if !self.outbox.is_empty() {
            self.transport.send_all(&mut self.outbox);
        }
        if let Some(kept) = self.kept.take() {
            self.turn = kept.end();
        }
    }

    /// Waits for datagrams, takes them and finds out which of them are for this worker.
    fn receive(&mut self) -> io::Result<Brought> {
        let listener = self.listener;
        let socket = listener.socket.as_fd();
        if self.claims.is_none() {
            let count = listener.pauses.lock().receive(&mut self.batch, socket)?;
            return Ok(self.sort(count));
        }
        if self.turn.is_none() {
            let stopping = &self.transport.inner.stopping;
            self.turn = listener.turns.wait(WAKE_INTERVAL, || stopping.load(Ordering::Acquire));
        }
        if self.turn.is_none() {
            return Ok(Brought::default());
        }
        let count = listener.pauses.lock().receive(&mut self.batch, socket)?;
        let brought = self.sort(count);
        let turn = self.turn.take();
        if count < MANY {
            self.kept = turn.map(Turn::keep);
        }
        Ok(brought)
    }

    fn received(&self, index: usize, source: SocketAddr) -> Received {
        let listener = self.listener;
        let destination = match self.batch.local_address(index) {
            Some(ip) => SocketAddr::new(ip, listener.address.port()),
            None => listener.address,
        };
        Received { socket: listener.id, protocol: Protocol::Udp, source, destination, connection: None }
    }

    /// Gives each datagram of the batch to its lane.
    fn sort(&mut self, count: usize) -> Brought {
        let mut brought = Brought::default();
        let min_datagram = self.transport.inner.options.udp.min_datagram;
        for index in 0..count {
            let data = self.batch.data(index);
            let Some(source) = self.batch.source(index) else { continue };
            if is_noise(data, min_datagram) {
                brought.noise += 1;
                continue;
            }
            brought.taken += 1;
            brought.bytes += data.len() as u64;
            let received = self.received(index, source);
            match self.claims.as_mut().map_or(Place::Mine, |claims| claims.place(received, data)) {
                Place::Mine => brought.mine |= 1 << index,
                Place::Left => {}
                Place::Full => brought.refused += 1,
            }
        }
        brought
    }

    fn handle(&mut self, brought: &Brought) {
        let inner = &self.transport.inner;
        let statistics = &inner.statistics;
        statistics.udp_batches.increment();
        statistics.udp_received.add(brought.taken);
        statistics.udp_received_bytes.add(brought.bytes);
        if brought.noise > 0 {
            statistics.udp_dropped.add(brought.noise);
        }
        if brought.refused > 0 {
            statistics.udp_lane_full.add(brought.refused);
        }
        let mut mine = brought.mine;
        while mine != 0 {
            let index = mine.trailing_zeros() as usize;
            mine &= mine - 1;
            if let Some(source) = self.batch.source(index) {
                let data = Str::copy_from(self.batch.data(index));
                handle_one(self.handler, self.received(index, source), data, &mut self.outbox, inner);
            }
            if self.outbox.len() >= MANY_ANSWERS {
                self.transport.send_all(&mut self.outbox);
            }
        }
    }
}

/// True for keep-alives and whatever is too short to be a message.
///
/// Kamailio 5.6.3 drops every datagram below 32 bytes ("probing packet") before its parser sees it; longer runs of
/// NUL, CR, LF and blanks it gives to the parser, which complains.
fn is_noise(data: &[u8], min_datagram: usize) -> bool {
    data.len() < min_datagram || data.iter().all(|byte| matches!(byte, 0 | b'\r' | b'\n' | b' '))
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
        outbox.truncate(before);
        inner.report_panic(&format!("the handling of a message from {}", received.source), &*panic);
    }
}

impl Inner {
    fn report_panic(&self, what: &str, panic: &(dyn Any + Send)) {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or_default();
        self.statistics.handler_panics.increment();
        self.options.log(Severity::Bug, &format!("{what} panicked: {text}"));
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
