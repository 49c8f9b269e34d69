//! A short pause before a worker waits for datagrams.
//!
//! Being woken costs more than handling many a message: 4 to 18 us, where waking a processor takes a hypervisor. In the
//! middle of a burst a worker that rests for a moment finds several datagrams when it looks again: it was woken once for
//! all of them, receives them with one call, handles them with the same code in the caches, and sends with one call.
//! Network cards moderate their interrupts for the same reason. Whether it is worthwhile is learnt from the last times.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::sys::ReceiveBatch;

/// How long a worker rests: it delays what comes meanwhile by less than other work on its processor does.
const PAUSE: Duration = Duration::from_micros(50);

/// A pause is worthwhile when it brings so many datagrams: one alone would have woken the worker once, too.
const SEVERAL: usize = 2;

/// Whether a worker pauses before it waits: more of the last times spoke for it than against it.
#[derive(Default)]
pub(super) struct Pauses {
    /// Of the last times: from 0, all against it, to [`CERTAIN`], all for it.
    favour: u8,
}

const CERTAIN: u8 = 3;

impl Pauses {
    /// Of the thread that calls this: a pause is as long as it is meant to be, and not up to twice as long.
    pub(super) fn prepare_thread() {
        // It cannot fail for a number above zero; if it did, pauses would be longer.
        let _ = nix::sys::prctl::set_timerslack(1);
    }

    /// Waits for datagrams and takes them, as [`ReceiveBatch::receive`].
    pub(super) fn receive(&mut self, batch: &mut ReceiveBatch, socket: BorrowedFd<'_>) -> io::Result<usize> {
        match batch.receive_now(socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            received => return received,
        }
        if !self.is_worthwhile() {
            let begin = Instant::now();
            let received = batch.receive(socket);
            self.learn(begin.elapsed() < PAUSE);
            return received;
        }
        std::thread::sleep(PAUSE);
        match batch.receive_now(socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.learn(false);
                batch.receive(socket)
            }
            received => {
                self.learn(received.as_ref().is_ok_and(|&count| count >= SEVERAL));
                received
            }
        }
    }

    const fn is_worthwhile(&self) -> bool {
        self.favour > CERTAIN / 2
    }

    fn learn(&mut self, worthwhile: bool) {
        self.favour = if worthwhile { (self.favour + 1).min(CERTAIN) } else { self.favour.saturating_sub(1) };
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn most_of_the_last_times_decide() {
        let mut pauses = Pauses::default();
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
    fn nothing_is_lost_by_a_pause() {
        let (here, there) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        there.connect(here.local_addr().unwrap()).unwrap();
        let mut batch = ReceiveBatch::new(8, false);
        let mut pauses = Pauses { favour: CERTAIN };
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
