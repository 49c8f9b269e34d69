//! `mq_add`, `mq_fetch`, `mq_pv_free`, `mq_size`.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};

use super::Mqueue;
use super::queue::Item;
use super::variables::Fetched;

/// The longest key or value.
const MOST_BYTES: usize = 1 << 20;

/// A copy of a text: it may be a part of a received message, which would live as long as the item. `$null` is empty.
fn copy(value: &Value) -> Result<Str, ScriptError> {
    match value {
        Value::Null => Ok(Str::default()),
        value => {
            let text = value.to_str();
            if text.len() > MOST_BYTES {
                return Err(ScriptError::new(format!("an item of a queue may have {MOST_BYTES} bytes")));
            }
            Ok(Str::copy_from(&text))
        }
    }
}

fn not_found(queue: &Str) -> ScriptError {
    ScriptError::new(format!("there is no queue `{queue}`"))
}

/// Adds an item to the end of a queue; when the queue is full its oldest item goes.
///
/// Returns 1, also when the key is there already and the queue's `addmode` keeps the old item; -1 when there is no such
/// queue.
#[function(ANY)]
pub fn mq_add(_cx: &mut RouteCx, me: &Mqueue, queue: Str, key: Value, value: Value) -> CallResult {
    let found = me.find(&queue).ok_or_else(|| not_found(&queue))?;
    found.add(Item { key: copy(&key)?, value: copy(&value)? });
    Ok(Return::TRUE)
}

/// Takes the oldest item from a queue: `$mqk(queue)` is its key, `$mqv(queue)` its value, until the next one is taken.
///
/// Returns 1; -2 when the queue is empty, -1 when there is no such queue.
#[function(ANY)]
pub fn mq_fetch(cx: &mut RouteCx, me: &Mqueue, queue: Str) -> CallResult {
    let found = me.find(&queue).ok_or_else(|| not_found(&queue))?;
    let item = found.fetch();
    let code = if item.is_some() { Return::TRUE } else { Return(-2) };
    cx.data::<Fetched>().set(&found.name, item);
    Ok(code)
}

/// Forgets the item that was taken last: `$mqk(queue)` and `$mqv(queue)` are `$null`.
#[function(ANY)]
pub fn mq_pv_free(cx: &mut RouteCx, me: &Mqueue, queue: Str) -> CallResult {
    if let Some(found) = me.find(&queue) {
        cx.data::<Fetched>().set(&found.name, None);
    }
    Ok(Return::TRUE)
}

/// Returns how many items a queue has: `$var(n) = mq_size("q");`; -1 when it is empty, -2 when there is no such queue.
#[function(ANY)]
pub fn mq_size(cx: &mut RouteCx, me: &Mqueue, queue: Str) -> CallResult {
    let Some(found) = me.find(&queue) else {
        engine::log!(cx.core.log, Error, "{}: there is no queue `{queue}`", cx.place());
        return Ok(Return(-2));
    };
    Ok(match i32::try_from(found.len()).unwrap_or(i32::MAX) {
        0 => Return::FALSE,
        size => Return(size),
    })
}
