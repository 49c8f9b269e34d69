//! Requests that are being handled: a retransmission can come before the transaction of the first one exists.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use engine::{CallResult, Return, RouteCx, Str, function};
use hashbrown::HashSet;
use parking_lot::Mutex;
use sip::Method;

use super::Tmx;

/// Each has its own lock.
const SHARDS: usize = 64;

/// What a request and its retransmissions have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    call_id: Str,
    cseq: u32,
    method: Str,
    branch: Option<Str>,
}

impl Key {
    fn of(cx: &RouteCx) -> Option<Self> {
        let message = &cx.message;
        // An ACK and a CANCEL have the Via of the request that they are about.
        if !message.is_request() || matches!(message.method(), Method::Ack | Method::Cancel) {
            return None;
        }
        Some(Self {
            call_id: message.call_id()?,
            cseq: message.cseq().ok().flatten()?.number,
            method: message.method_name(),
            branch: message.via().ok().flatten()?.branch(),
        })
    }
}

/// The requests that scripts run on now. There are at most as many as messages are handled at a time.
pub(super) struct Handled {
    shards: [Mutex<HashSet<Key>>; SHARDS],
    hasher: RandomState,
}

impl Default for Handled {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl Handled {
    fn shard(&self, key: &Key) -> &Mutex<HashSet<Key>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    /// False when it is there already.
    fn add(&self, key: &Key) -> bool {
        self.shard(key).lock().insert(key.clone())
    }

    fn remove(&self, key: &Key) {
        self.shard(key).lock().remove(key);
    }
}

/// Takes the request out again when its handling ends, however it ends.
#[derive(Default)]
struct Entry(Option<(Arc<Handled>, Key)>);

impl Entry {
    fn remove(&mut self) {
        if let Some((handled, key)) = self.0.take() {
            handled.remove(&key);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The script of the request has ended.
pub(super) fn forget(cx: &mut RouteCx) {
    if cx.find_data::<Entry>().is_some() {
        cx.data::<Entry>().remove();
    }
}

/// True while another worker handles the same request: this one is a retransmission, though `t_check_trans` may not know
/// it yet. A script that calls this function for each request, like Kamailio's default configuration, ends then. Always
/// false for ACK and CANCEL, and when parameter `precheck_trans` is 0.
#[function(REQUEST)]
pub fn t_precheck_trans(cx: &mut RouteCx, me: &Tmx) -> CallResult {
    if !me.params.precheck_trans || cx.find_data::<Entry>().is_some_and(|entry| entry.0.is_some()) {
        return Ok(Return::FALSE);
    }
    let Some(key) = Key::of(cx) else { return Ok(Return::FALSE) };
    if !me.handled.add(&key) {
        return Ok(Return::TRUE);
    }
    cx.data::<Entry>().0 = Some((me.handled.clone(), key));
    Ok(Return::FALSE)
}
