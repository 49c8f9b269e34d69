//! `$mqk`, `$mqv`, `$mq_size`.

use engine::{RouteCx, Str, Value, variable};

use super::Mqueue;
use super::queue::Item;

/// The items that a message's script has taken, by queue.
#[derive(Default)]
pub(super) struct Fetched(Vec<(String, Item)>);

impl Fetched {
    pub(super) fn set(&mut self, queue: &str, item: Option<Item>) {
        self.0.retain(|(name, _)| name != queue);
        self.0.extend(item.map(|item| (queue.to_owned(), item)));
    }
}

fn of_item(cx: &RouteCx, me: &Mqueue, queue: &Str, part: fn(&Item) -> &Str) -> Value {
    if me.find(queue).is_none() {
        engine::log!(cx.core.log, Error, "{}: there is no queue `{queue}`", cx.place());
        return Value::Str(Str::default());
    }
    let fetched = cx.find_data::<Fetched>();
    let item = fetched.and_then(|fetched| fetched.0.iter().find(|(name, _)| name.as_bytes() == &**queue));
    // An item without key or value has none.
    item.map(|(_, item)| part(item))
        .filter(|text| !text.is_empty())
        .map_or(Value::Null, |text| Value::Str(text.clone()))
}

/// `$mqk(queue)`: the key of the item that `mq_fetch` took; `$null` when it took none.
#[variable("mqk")]
pub fn mqk(cx: &RouteCx, me: &Mqueue, queue: Str) -> Value {
    of_item(cx, me, &queue, |item| &item.key)
}

/// `$mqv(queue)`: the value of the item that `mq_fetch` took; `$null` when it took none.
#[variable("mqv")]
pub fn mqv(cx: &RouteCx, me: &Mqueue, queue: Str) -> Value {
    of_item(cx, me, &queue, |item| &item.value)
}

/// `$mq_size(queue)`: how many items a queue has; `$null` when there is no such queue.
#[variable("mq_size")]
pub fn mq_size(cx: &RouteCx, me: &Mqueue, queue: Str) -> Value {
    match me.find(&queue) {
        Some(found) => Value::Int(i64::try_from(found.len()).unwrap_or(i64::MAX)),
        None => {
            engine::log!(cx.core.log, Error, "{}: there is no queue `{queue}`", cx.place());
            Value::Null
        }
    }
}
