//! Looking for the next datagram a little longer before a worker sleeps.
//!
//! Going to sleep and being woken costs more than handling many a message: 4 to 18 us, where waking a processor takes a
//! hypervisor. When the next datagram mostly comes within a few microseconds, as it does in the middle of a burst, it is
//! cheaper to ask for it again and again. Whether it does is learnt from the last times.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::sys::ReceiveBatch;

/// So long is asked again: less than sleeping costs.
const WINDOW: Duration = Duration::from_micros(8);

/// After so many times in a row that nothing came the worker sleeps at once.
const PATIENCE: u8 = 3;

/// One of so many times without hope is a trial: the burst may have begun.
const TRIAL: u8 = 8;

/// Whether a worker asks again before it sleeps.
#[derive(Default)]
pub(super) struct Polling {
    /// How many times more in a row may be in vain.
    hope: u8,
    /// How often nothing was tried since the last trial.
    untried: u8,
}

impl Polling {
    /// Waits for datagrams and takes them, as [`ReceiveBatch::receive`].
    pub(super) fn receive(&mut self, batch: &mut ReceiveBatch, socket: BorrowedFd<'_>) -> io::Result<usize> {
        if !self.is_worthwhile() {
            return batch.receive(socket);
        }
        let mut begin = None;
        loop {
            match batch.receive_now(socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => {
                    // What was there already says nothing.
                    if begin.is_some() {
                        self.learn(true);
                    }
                    return received;
                }
            }
            if begin.get_or_insert_with(Instant::now).elapsed() >= WINDOW {
                self.learn(false);
                return batch.receive(socket);
            }
        }
    }

    fn is_worthwhile(&mut self) -> bool {
        if self.hope == 0 {
            self.untried = (self.untried + 1) % TRIAL;
        }
        self.hope > 0 || self.untried == 0
    }

    fn learn(&mut self, came: bool) {
        self.hope = if came { PATIENCE } else { self.hope.saturating_sub(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_soon_is_waited_for_awake() {
        let mut polling = Polling::default();
        let trials = |polling: &mut Polling| (0..80).filter(|_| polling.is_worthwhile()).count();
        assert_eq!(trials(&mut polling), 10, "now and then it is tried");
        polling.learn(true);
        for _ in 0..PATIENCE {
            assert!(polling.is_worthwhile());
            polling.learn(false);
        }
        assert!(!polling.is_worthwhile());
        polling.learn(false);
        polling.learn(true);
        polling.learn(false);
        assert!(polling.is_worthwhile(), "one time in vain is no reason to give up");
    }
}
