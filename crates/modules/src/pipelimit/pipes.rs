//! The pipes by name.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use engine::{ScriptError, Str};
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::ratelimit::pipe::{Algorithm, Gains, Machine, Pipe};

/// How many pipes there may be: their names may come from messages.
const MOST: usize = 200_000;

/// The longest name.
const MOST_BYTES: usize = 1024;

const SHARDS: usize = 64;

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// There is no such pipe.
    NoPipe,
    /// It may not pass.
    Full,
    /// It may pass.
    Passes,
    /// The pipe limits nothing.
    NoLimit,
}

/// All pipes.
pub(super) struct Pipes {
    shards: Vec<Mutex<HashMap<Str, Pipe>>>,
    hasher: RandomState,
    count: AtomicUsize,
    most: usize,
    /// Pipes that were not used were looked for in this interval, because there were too many.
    swept: AtomicBool,
}

impl Default for Pipes {
    fn default() -> Self {
        Self::with_most(MOST)
    }
}

impl Pipes {
    fn with_most(most: usize) -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        let hasher = RandomState::new();
        Self { shards, hasher, count: AtomicUsize::new(0), most, swept: AtomicBool::new(false) }
    }

    fn shard(&self, name: &[u8]) -> &Mutex<HashMap<Str, Pipe>> {
        &self.shards[self.hasher.hash_one(name) as usize % SHARDS]
    }

    /// Does something with a pipe, if there is one.
    pub(super) fn with<T>(&self, name: &[u8], act: impl FnOnce(&mut Pipe) -> T) -> Option<T> {
        self.shard(name).lock().get_mut(name).map(act)
    }

    /// Counts a message.
    pub(super) fn pass(&self, name: &[u8]) -> Verdict {
        let verdict = |pipe: &mut Pipe| match (pipe.algorithm, pipe.pass(1)) {
            (Algorithm::Nop, _) => Verdict::NoLimit,
            (_, true) => Verdict::Passes,
            (_, false) => Verdict::Full,
        };
        self.with(name, verdict).unwrap_or(Verdict::NoPipe)
    }

    /// Makes a pipe, or gives the one with that name another algorithm and limit.
    pub(super) fn set(&self, name: &Str, algorithm: Algorithm, limit: u32) -> Result<(), ScriptError> {
        let change = |pipe: &mut Pipe| (pipe.algorithm, pipe.limit) = (algorithm, limit);
        if self.with(name, change).is_some() {
            return Ok(());
        }
        self.add(name, algorithm, limit)
    }

    /// Makes a pipe if there is none with that name, else sets its limit.
    pub(super) fn add(&self, name: &Str, algorithm: Algorithm, limit: u32) -> Result<(), ScriptError> {
        if name.is_empty() || name.len() > MOST_BYTES {
            return Err(ScriptError::new(format!("a pipe's name has from 1 to {MOST_BYTES} bytes")));
        }
        let change = |pipe: &mut Pipe| {
            if limit > 0 {
                pipe.limit = limit;
            }
        };
        if self.with(name, change).is_some() {
            return Ok(());
        }
        if self.count.load(Ordering::Relaxed) >= self.most {
            // Once in an interval: it looks at all of them.
            if !self.swept.swap(true, Ordering::Relaxed) {
                self.sweep(|pipe| pipe.counter > 0 || pipe.last_counter > 0);
            }
            if self.count.load(Ordering::Relaxed) >= self.most {
                return Err(ScriptError::new(format!("there are {} pipes already", self.most)));
            }
        }
        let mut shard = self.shard(name).lock();
        // A copy: the name may be a part of a received message, which would live as long.
        if shard.try_insert(Str::copy_from(name), Pipe::new(algorithm, limit)).is_ok() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Removes a pipe; `false`: there is none.
    pub(super) fn remove(&self, name: &[u8]) -> bool {
        let removed = self.shard(name).lock().remove(name).is_some();
        if removed {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        removed
    }

    fn sweep(&self, mut stays: impl FnMut(&Pipe) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let before = shard.len();
            shard.retain(|_, pipe| stays(pipe));
            self.count.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
    }

    /// True when a pipe depends on what the machine does.
    pub(super) fn watch_machine(&self) -> bool {
        let watches = |pipe: &Pipe| matches!(pipe.algorithm, Algorithm::Feedback | Algorithm::Network);
        self.shards.iter().any(|shard| shard.lock().values().any(watches))
    }

    /// A new interval begins; pipes that were not used for `unused` of them go (0: none).
    pub(super) async fn next_interval(&self, gains: Gains, machine: Machine, unused: u32) {
        self.swept.store(false, Ordering::Relaxed);
        for part in self.shards.chunks(SHARDS / 4) {
            for shard in part {
                let mut shard = shard.lock();
                let before = shard.len();
                shard.retain(|_, pipe| {
                    pipe.next_interval(1, gains, machine);
                    unused == 0 || pipe.unused < unused
                });
                self.count.fetch_sub(before - shard.len(), Ordering::Relaxed);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Tells the feedback algorithm how busy the processors are.
    pub(super) fn feed(&self, gains: Gains, load: f64) {
        for shard in &self.shards {
            shard.lock().values_mut().for_each(|pipe| pipe.feed(gains, load));
        }
    }

    /// All pipes, by name.
    pub(super) fn list(&self) -> Vec<(Str, Pipe)> {
        let of_shard = |shard: &Mutex<HashMap<Str, Pipe>>| {
            shard.lock().iter().map(|(name, pipe)| (name.clone(), pipe.clone())).collect::<Vec<_>>()
        };
        let mut list: Vec<_> = self.shards.iter().flat_map(of_shard).collect();
        list.sort_by(|(left, _), (right, _)| left.cmp(right));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> Str {
        Str::from(format!("pipe{number}"))
    }

    #[tokio::test]
    async fn bounded() {
        let pipes = Pipes::with_most(10);
        for number in 0..10 {
            pipes.add(&name(number), Algorithm::TailDrop, 5).unwrap();
        }
        assert_eq!(pipes.pass(b"pipe3"), Verdict::Passes);
        // All but the one that was used make room, once in an interval.
        pipes.add(&name(10), Algorithm::TailDrop, 5).unwrap();
        let names = |pipes: &Pipes| pipes.list().into_iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&pipes), ["pipe10", "pipe3"]);
        for number in 20..28 {
            pipes.add(&name(number), Algorithm::TailDrop, 5).unwrap();
        }
        assert!(pipes.add(&name(30), Algorithm::TailDrop, 5).is_err());
        pipes.next_interval(Gains::default(), Machine::default(), 0).await;
        assert!(pipes.add(&name(30), Algorithm::TailDrop, 5).is_ok());
        assert_eq!(names(&pipes), ["pipe3", "pipe30"]);
        assert!(pipes.remove(b"pipe3") && !pipes.remove(b"pipe3"));
        assert_eq!(pipes.count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn unused_ones_go() {
        let pipes = Pipes::default();
        pipes.add(&name(1), Algorithm::Red, 5).unwrap();
        for (unused, count) in [(0, 1), (0, 1), (4, 1), (4, 0)] {
            pipes.next_interval(Gains::default(), Machine::default(), unused).await;
            assert_eq!(pipes.list().len(), count);
        }
    }

    #[test]
    fn names_are_bounded() {
        let pipes = Pipes::default();
        assert!(pipes.add(&Str::default(), Algorithm::Red, 1).is_err());
        assert!(pipes.add(&Str::from("x".repeat(1025)), Algorithm::Red, 1).is_err());
    }
}
