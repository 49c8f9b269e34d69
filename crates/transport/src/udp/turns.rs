//! Whose turn it is to receive.
//!
//! One worker of a socket has the turn: it waits for datagrams, the others sleep. What it gets when little arrives it
//! handles itself and keeps the turn, so that a lone datagram costs one call for receiving and one for sending. When more
//! arrives it passes the turn on before it handles, so that all workers are used. Should its handling take long although
//! there was little, a sleeping worker takes the turn away.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A worker that keeps the turn while it handles datagrams loses it after once to twice this time: when something else got
/// its processor, what has arrived need not wait until that has had its share.
const PATIENCE: Duration = Duration::from_millis(4);

/// The same when little arrives: so rarely is a server at rest woken.
const PATIENCE_AT_REST: Duration = Duration::from_millis(20);

/// The turn to receive from one socket.
#[derive(Default)]
pub(super) struct Turns {
    /// Grows by one when the worker with the turn begins to handle datagrams, and by one when it ends: odd in between.
    steps: AtomicU32,
    seats: Mutex<Seats>,
    /// The turn was given back.
    free: Condvar,
}

#[derive(Default)]
struct Seats {
    /// A worker has the turn.
    taken: bool,
    /// A waiting worker looks whether the one with the turn gets on.
    watched: bool,
}

impl Turns {
    /// Waits for the turn; `None` when the server stops. A waiting worker looks at `stopping` at least every `interval`.
    pub(super) fn wait(&self, interval: Duration, stopping: impl Fn() -> bool) -> Option<Turn<'_>> {
        let mut seats = self.seats.lock();
        // Even: nothing that was seen before.
        let mut seen = 0;
        let mut patience = PATIENCE_AT_REST;
        loop {
            if stopping() {
                self.free.notify_all();
                return None;
            }
            if !seats.taken {
                seats.taken = true;
                return Some(Turn { turns: self, steps: self.steps.load(Ordering::Acquire) });
            }
            if seats.watched {
                self.free.wait_for(&mut seats, interval);
                continue;
            }
            seats.watched = true;
            self.free.wait_for(&mut seats, patience);
            seats.watched = false;
            let steps = self.steps.load(Ordering::Acquire);
            if seats.taken && steps % 2 == 1 && steps == seen && self.advance(steps) {
                // Another one watches from now on.
                self.free.notify_one();
                return Some(Turn { turns: self, steps: steps.wrapping_add(1) });
            }
            patience = if steps == seen { PATIENCE_AT_REST } else { PATIENCE };
            seen = steps;
        }
    }

    /// The end of handling, or the loss of the turn: whichever comes first happens.
    fn advance(&self, steps: u32) -> bool {
        self.steps.compare_exchange(steps, steps.wrapping_add(1), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn give_back(&self) {
        self.seats.lock().taken = false;
        self.free.notify_one();
    }
}

/// The turn; dropping passes it on.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    steps: u32,
}

impl<'a> Turn<'a> {
    /// Keeps the turn while datagrams are handled.
    pub(super) fn keep(self) -> Kept<'a> {
        let kept = Kept { turns: self.turns, steps: self.steps.wrapping_add(1) };
        std::mem::forget(self);
        kept.turns.steps.store(kept.steps, Ordering::Release);
        kept
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.give_back();
    }
}

/// The turn of a worker that handles datagrams; dropping passes it on.
pub(super) struct Kept<'a> {
    turns: &'a Turns,
    steps: u32,
}

impl<'a> Kept<'a> {
    /// Handling has ended: the turn, unless it was taken away meanwhile.
    pub(super) fn end(self) -> Option<Turn<'a>> {
        let (turns, steps) = (self.turns, self.steps);
        std::mem::forget(self);
        turns.advance(steps).then(|| Turn { turns, steps: steps.wrapping_add(1) })
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if self.turns.advance(self.steps) {
            self.turns.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn one_at_a_time() {
        let turns = Turns::default();
        let (got, has) = mpsc::channel();
        std::thread::scope(|scope| {
            let mut turn = turns.wait(LONG, || false).unwrap();
            scope.spawn(|| {
                let turn = turns.wait(LONG, || false).unwrap();
                got.send(()).unwrap();
                drop(turn);
            });
            for _ in 0..3 {
                turn = turn.keep().end().expect("nobody took it away");
            }
            assert!(
                has.recv_timeout(PATIENCE_AT_REST * 4).is_err(),
                "waiting for datagrams is no reason to lose the turn"
            );
            drop(turn);
            has.recv_timeout(LONG).expect("the turn was passed on");
        });
    }

    #[test]
    fn whoever_handles_too_long_loses_it() {
        let turns = Turns::default();
        std::thread::scope(|scope| {
            let kept = turns.wait(LONG, || false).unwrap().keep();
            let other = scope.spawn(|| turns.wait(LONG, || false).is_some());
            assert!(other.join().unwrap());
            assert!(kept.end().is_none(), "it is the other's");
            assert!(turns.wait(LONG, || false).is_some(), "who has passed it on since");
        });
    }

    #[test]
    fn a_stop_ends_the_waiting() {
        let turns = Turns::default();
        let stopping = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let turn = turns.wait(LONG, || false).unwrap();
            let waits: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| turns.wait(PATIENCE, || stopping.load(Ordering::Acquire)).is_none()))
                .collect();
            stopping.store(true, Ordering::Release);
            assert!(waits.into_iter().all(|wait| wait.join().unwrap()));
            drop(turn);
        });
    }
}
