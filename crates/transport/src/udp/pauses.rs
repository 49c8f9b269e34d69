//! A short pause before a worker waits for datagrams, or a short look for the next one.
//!
//! Being woken costs more than handling many a message: 4 to 18 us, where waking a processor takes a hypervisor. In the
//! middle of a burst a worker that rests for a moment finds several datagrams when it looks again: it was woken once for
//! all of them, receives them with one call, handles them with the same code in the caches, and sends with one call.
//! Network cards moderate their interrupts for the same reason. Whether it is worthwhile is learnt from the last times.
//!
//! With much to do datagrams come together anyway, and who gives the processor away waits for it: then a worker asks again
//! for a moment instead.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::sys::ReceiveBatch;

/// How long a worker rests: it delays what comes meanwhile by less than other work on its processor does.
const PAUSE: Duration = Duration::from_micros(50);

/// So long it asks again with much to do: less than sleeping costs.
const LOOK: Duration = Duration::from_micros(8);

/// A pause is worthwhile when it brings so many datagrams: one alone would have woken the worker once, too.
const SEVERAL: usize = 2;

/// Over such a time is seen how much there is to do.
const PERIOD: Duration = Duration::from_millis(20);

/// Whether the worker whose turn it is pauses before it waits: there is little to do, and more of the last times spoke
/// for it than against it.
pub(super) struct Pauses {
    /// Of the last times: from 0, all against it, to [`CERTAIN`], all for it.
    favour: u8,
    /// In the last period there was nothing to receive for more than four fifths of the time.
    is_quiet: bool,
    /// The begin of this period.
    since: Instant,
    /// How long there was nothing to receive in this period.
    rested: Duration,
}

const CERTAIN: u8 = 3;

impl Pauses {
    pub(super) fn new() -> Self {
        Self { favour: 0, is_quiet: false, since: Instant::now(), rested: Duration::ZERO }
    }

    /// Of the thread that calls this: a pause is as long as it is meant to be, and not up to twice as long.
    pub(super) fn prepare_thread() {
        // It cannot fail for a number above zero; if it did, pauses would be longer.
        let _ = nix::sys::prctl::set_timerslack(1);
    }

    /// Waits for datagrams and takes them, as [`ReceiveBatch::receive`].
    pub(super) fn receive(&mut self, batch: &mut ReceiveBatch, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let just_waits = self.is_quiet && !self.is_worthwhile();
        if !(just_waits && batch.took_all())
            && let Some(received) = there(batch, socket)
        {
            return received;
        }
        let begin = Instant::now();
        let received = if self.is_worthwhile() {
            std::thread::sleep(PAUSE);
            let received = there(batch, socket);
            self.learn(matches!(received, Some(Ok(SEVERAL..))));
            received.unwrap_or_else(|| batch.receive(socket))
        } else if !self.is_quiet {
            let mut received = None;
            while received.is_none() && begin.elapsed() < LOOK {
                received = there(batch, socket);
            }
            received.unwrap_or_else(|| batch.receive(socket))
        } else {
            batch.receive(socket)
        };
        let end = Instant::now();
        let rested = end - begin;
        if just_waits {
            self.learn(rested < PAUSE);
        }
        self.rest(rested, end);
        received
    }

    const fn is_worthwhile(&self) -> bool {
        self.is_quiet && self.favour > CERTAIN / 2
    }

    fn learn(&mut self, worthwhile: bool) {
        self.favour = if worthwhile { (self.favour + 1).min(CERTAIN) } else { self.favour.saturating_sub(1) };
    }

    /// There was nothing to receive for a time.
    fn rest(&mut self, rested: Duration, end: Instant) {
        self.rested += rested;
        let passed = end - self.since;
        if passed >= PERIOD {
            self.is_quiet = 5 * self.rested > 4 * passed;
            self.since = end;
            self.rested = Duration::ZERO;
        }
    }
}

/// Takes what is there; `None`: nothing.
fn there(batch: &mut ReceiveBatch, socket: BorrowedFd<'_>) -> Option<io::Result<usize>> {
    match batch.receive_now(socket) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        received => Some(received),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn most_of_the_last_times_decide() {
        let mut pauses = Pauses { is_quiet: true, ..Pauses::new() };
        assert!(!pauses.is_worthwhile());
        pauses.learn(true);
        assert!(!pauses.is_worthwhile(), "once may be by chance");
        pauses.learn(true);
        assert!(pauses.is_worthwhile());
        (0..10).for_each(|_| pauses.learn(true));
        pauses.learn(false);
        assert!(pauses.is_worthwhile(), "every burst has an end");
        pauses.learn(false);
        assert!(!pauses.is_worthwhile());
    }

    #[test]
    fn with_much_to_do_there_is_no_pause() {
        let mut pauses = Pauses { favour: CERTAIN, ..Pauses::new() };
        let mut now = pauses.since;
        let mut period = |pauses: &mut Pauses, rest: Duration| {
            for _ in 0..2 {
                now += PERIOD / 2;
                pauses.rest(rest, now);
            }
            pauses.is_worthwhile()
        };
        assert!(period(&mut pauses, PERIOD / 2));
        assert!(!period(&mut pauses, PERIOD / 4));
        assert!(!period(&mut pauses, PERIOD / 3));
        assert!(period(&mut pauses, PERIOD * 9 / 20));
    }

    #[test]
    fn nothing_is_lost_by_a_pause() {
        let (here, there) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        there.connect(here.local_addr().unwrap()).unwrap();
        let mut batch = ReceiveBatch::new(8, false);
        let mut pauses = Pauses { favour: CERTAIN, is_quiet: true, ..Pauses::new() };
        let sender = std::thread::spawn(move || {
            for number in 0..100_u8 {
                there.send(&[number]).unwrap();
                std::thread::sleep(Duration::from_micros(u64::from(number)));
            }
        });
        let mut received = Vec::new();
        while received.len() < 100 {
            let count = pauses.receive(&mut batch, here.as_fd()).unwrap();
            received.extend((0..count).map(|index| batch.data(index)[0]));
        }
        sender.join().unwrap();
        assert!(received.into_iter().eq(0..100));
    }
}
