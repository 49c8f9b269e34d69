//! Locks on keys of a table: `sht_lock` and `sht_unlock`.
//!
//! A lock belongs to the message: what it locked twice it unlocks twice, and what it still holds when its handling
//! ends is given back then. Other messages wait, their workers do not. In Kamailio a lock is on the key's slot and
//! keeps every other access to it out; here it is on the key alone and keeps other `sht_lock`s out.

use std::sync::Arc;
use std::time::Duration;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::place::{Place, PlaceArg};
use super::table::Table;

/// How long a message waits for a lock: two that wait for each other would wait for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many keys may a message hold locked at once.
const MAX_HELD: usize = 100;

/// What `sht_lock` returns for a table that is not declared.
const NO_TABLE: Return = Return(-11);

/// The locks of a table that somebody holds or waits for.
#[derive(Default)]
pub struct Locks(Mutex<HashMap<Str, Arc<tokio::sync::Mutex<()>>>>);

impl Locks {
    fn of(&self, key: &Str) -> Arc<tokio::sync::Mutex<()>> {
        self.0.lock().entry(key.clone()).or_default().clone()
    }

    /// Forgets a lock that nobody holds or waits for.
    fn tidy(&self, key: &Str) {
        let mut locks = self.0.lock();
        if locks.get(key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(key);
        }
    }
}

/// Tidies up when a lock was given back, or the waiting for it ended.
struct Tidy {
    table: Arc<Table>,
    key: Str,
}

impl Drop for Tidy {
    fn drop(&mut self) {
        self.table.locks.tidy(&self.key);
    }
}

/// A lock that a message holds. The fields are dropped in this order.
struct Lock {
    _guard: OwnedMutexGuard<()>,
    place: Tidy,
    times: u32,
}

/// The locks of a message.
#[derive(Default)]
struct Held(Vec<Lock>);

impl Held {
    fn position(&self, table: &Arc<Table>, key: &[u8]) -> Option<usize> {
        self.0.iter().position(|lock| *lock.place.key == *key && Arc::ptr_eq(&lock.place.table, table))
    }
}

/// The table and the key of a place.
fn target(cx: &RouteCx, place: &Place) -> Option<(Arc<Table>, Str)> {
    let table = place.table()?.clone();
    Some((table, place.with_key(cx, Str::copy_from)))
}

/// Locks a key: the script goes on when no other message holds it. The same message may lock it more than once. What
/// is still locked when the message's handling ends is unlocked then.
///
/// Returns 1; -1 after 10 seconds without success; -11 when the table is not declared.
#[function(ANY)]
pub(super) async fn sht_lock(cx: &mut RouteCx, place: PlaceArg) -> CallResult {
    let Some((table, key)) = target(cx, &place.0) else {
        engine::log!(cx.core.log, Error, "{}: sht_lock: the hash table is not declared", cx.place());
        return Ok(NO_TABLE);
    };
    let held = cx.data::<Held>();
    if let Some(at) = held.position(&table, &key) {
        held.0[at].times += 1;
        return Ok(Return::TRUE);
    }
    if held.0.len() >= MAX_HELD {
        return Err(ScriptError::new(format!("a message may hold {MAX_HELD} locks")));
    }
    // Dropped behind `lock`, also when the waiting is given up.
    let place = Tidy { table, key };
    let lock = place.table.locks.of(&place.key);
    let guard = match lock.clone().try_lock_owned() {
        Ok(guard) => guard,
        Err(_) => tokio::time::timeout(PATIENCE, lock.lock_owned()).await.map_err(|_| {
            let seconds = PATIENCE.as_secs();
            ScriptError::new(format!("`{}` is locked for more than {seconds} seconds", place.key))
        })?,
    };
    cx.data::<Held>().0.push(Lock { _guard: guard, place, times: 1 });
    Ok(Return::TRUE)
}

/// Unlocks a key that `sht_lock` locked; nothing happens when this message does not hold it.
///
/// Returns 1; -11 when the table is not declared.
#[function(ANY)]
pub(super) fn sht_unlock(cx: &mut RouteCx, place: PlaceArg) -> CallResult {
    let Some((table, key)) = target(cx, &place.0) else {
        engine::log!(cx.core.log, Error, "{}: sht_unlock: the hash table is not declared", cx.place());
        return Ok(NO_TABLE);
    };
    let held = cx.data::<Held>();
    if let Some(at) = held.position(&table, &key) {
        held.0[at].times -= 1;
        if held.0[at].times == 0 {
            held.0.remove(at);
        }
    }
    Ok(Return::TRUE)
}
