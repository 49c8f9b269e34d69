//! Locks that scripts take by key. A message that waits for one leaves its worker.
//!
//! A lock belongs to the message that took it. What its script does not give back is given back when the script has
//! ended, so a forgotten `unlock()` holds nobody up for longer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Cfgutils;

/// How long a message waits for a lock. Two messages that wait for each other would wait forever.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many locks one message may hold.
const MOST_HELD: usize = 64;

/// The locks that are held, with the messages that wait for them.
#[derive(Default)]
pub(super) struct Locks {
    held: Mutex<HashMap<Str, VecDeque<oneshot::Sender<Guard>>>>,
}

/// A lock that is held; dropping it gives it to the next one.
struct Guard {
    locks: Option<Arc<Locks>>,
    key: Str,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(locks) = self.locks.take() {
            locks.pass_on(&self.key);
        }
    }
}

impl Locks {
    /// Takes a lock that nobody holds.
    fn take(self: &Arc<Self>, key: &Str) -> Option<Guard> {
        let mut held = self.held.lock();
        if held.contains_key(key) {
            return None;
        }
        held.insert(key.clone(), VecDeque::new());
        Some(Guard { locks: Some(self.clone()), key: key.clone() })
    }

    /// Takes a lock, or stands in line for it.
    fn stand_in_line(self: &Arc<Self>, key: &Str) -> Result<Guard, oneshot::Receiver<Guard>> {
        let mut held = self.held.lock();
        match held.get_mut(key) {
            Some(line) => {
                let (sender, receiver) = oneshot::channel();
                // Those who lost their patience stand there no longer.
                line.retain(|waiting| !waiting.is_closed());
                line.push_back(sender);
                Err(receiver)
            }
            None => {
                held.insert(key.clone(), VecDeque::new());
                Ok(Guard { locks: Some(self.clone()), key: key.clone() })
            }
        }
    }

    fn pass_on(self: &Arc<Self>, key: &Str) {
        loop {
            let next = {
                let mut held = self.held.lock();
                let next = held.get_mut(key).and_then(VecDeque::pop_front);
                if next.is_none() {
                    held.remove(key);
                }
                next
            };
            let Some(next) = next else { return };
            let guard = Guard { locks: Some(self.clone()), key: key.clone() };
            match next.send(guard) {
                Ok(()) => return,
                // It waits no longer: the next one. The guard must not pass the lock on itself.
                Err(mut unwanted) => unwanted.locks = None,
            }
        }
    }
}

/// The locks that a message holds.
#[derive(Default)]
struct Held(Vec<Guard>);

/// Gives back what the message's script holds.
pub(super) fn release_all(cx: &mut RouteCx) {
    if cx.find_data::<Held>().is_some_and(|held| !held.0.is_empty()) {
        let held = std::mem::take(&mut cx.data::<Held>().0);
        let keys: Vec<String> = held.iter().map(|guard| guard.key.to_string()).collect();
        engine::log!(cx.core.log, Warning, "the script ended without unlock() of {}", keys.join(", "));
    }
}

/// The name of a lock; two keys are another one than both joined.
fn name(me: &Cfgutils, key: &Str, key2: Option<&Str>) -> Result<Str, ScriptError> {
    if me.params.lock_set_size == 0 {
        return Err(ScriptError::new("there are no locks: `lock_set_size` of module cfgutils is 0"));
    }
    Ok(key2.map_or_else(|| key.clone(), |key2| Str::from([&**key, b"\0", &**key2].concat())))
}

fn keep(cx: &mut RouteCx, guard: Guard) {
    cx.data::<Held>().0.push(guard);
}

fn check_held(cx: &RouteCx, key: &Str) -> Result<(), ScriptError> {
    let Some(held) = cx.find_data::<Held>() else { return Ok(()) };
    if held.0.iter().any(|guard| guard.key == *key) {
        return Err(ScriptError::new("this script holds the lock already"));
    }
    if held.0.len() >= MOST_HELD {
        return Err(ScriptError::new(format!("a message may hold {MOST_HELD} locks")));
    }
    Ok(())
}

/// Takes the lock of a key (with `key2`: of both together); a message that finds it taken waits up to 10 seconds. The
/// lock is given back by `unlock()`, at the latest when the message's script has ended.
///
/// Returns 1; -1 when the time is over, when the script holds the lock already, or when `lock_set_size` is 0.
#[function(ANY)]
pub async fn lock(cx: &mut RouteCx, me: &Cfgutils, key: Str, key2: Option<Str>) -> CallResult {
    let key = name(me, &key, key2.as_ref())?;
    check_held(cx, &key)?;
    let guard = match me.locks.stand_in_line(&key) {
        Ok(guard) => guard,
        Err(receiver) => match tokio::time::timeout(PATIENCE, receiver).await {
            Ok(Ok(guard)) => guard,
            _ => return Err(ScriptError::new(format!("the lock was not free for {} seconds", PATIENCE.as_secs()))),
        },
    };
    keep(cx, guard);
    Ok(Return::TRUE)
}

/// Takes the lock of a key (with `key2`: of both together) when nobody holds it. See `lock`.
///
/// Returns 1; -1 when somebody, also this script, holds it.
#[function(ANY)]
pub fn trylock(cx: &mut RouteCx, me: &Cfgutils, key: Str, key2: Option<Str>) -> CallResult {
    let key = name(me, &key, key2.as_ref())?;
    let Some(guard) = me.locks.take(&key) else { return Ok(Return::FALSE) };
    check_held(cx, &key)?;
    keep(cx, guard);
    Ok(Return::TRUE)
}

/// Gives back the lock of a key (with `key2`: of both together). A lock that another message holds stays as it is.
///
/// Returns 1; -1 when `lock_set_size` is 0.
#[function(ANY)]
pub fn unlock(cx: &mut RouteCx, me: &Cfgutils, key: Str, key2: Option<Str>) -> CallResult {
    let key = name(me, &key, key2.as_ref())?;
    if cx.find_data::<Held>().is_some() {
        cx.data::<Held>().0.retain(|guard| guard.key != key);
    }
    Ok(Return::TRUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Str {
        Str::from(text)
    }

    #[tokio::test(start_paused = true)]
    async fn in_the_order_of_the_line() {
        let locks: Arc<Locks> = Arc::default();
        let first = locks.take(&key("a")).unwrap();
        assert!(locks.take(&key("a")).is_none());
        assert!(locks.take(&key("b")).is_some());
        let second = locks.stand_in_line(&key("a")).err().unwrap();
        let third = locks.stand_in_line(&key("a")).err().unwrap();
        drop(second);
        drop(first);
        let third = third.await.unwrap();
        assert!(locks.take(&key("a")).is_none());
        drop(third);
        assert!(locks.held.lock().is_empty());
    }

    /// The lock was handed over, and nobody fetched it.
    #[tokio::test(start_paused = true)]
    async fn who_left_with_the_lock_gives_it_back() {
        let locks: Arc<Locks> = Arc::default();
        let first = locks.take(&key("a")).unwrap();
        let second = locks.stand_in_line(&key("a")).err().unwrap();
        drop(first);
        assert!(locks.take(&key("a")).is_none());
        drop(second);
        assert!(locks.held.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_is_swept() {
        let locks: Arc<Locks> = Arc::default();
        let _first = locks.take(&key("a")).unwrap();
        for _ in 0..1000 {
            drop(locks.stand_in_line(&key("a")).err().unwrap());
        }
        assert!(locks.held.lock()[&key("a")].len() <= 1);
    }
}
