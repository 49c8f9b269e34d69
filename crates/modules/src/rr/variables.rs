//! `$route_uri`, `$fti`, `$tti`, `$rdir(..)`.

use engine::{RouteCx, Value, variable};

use super::arguments::Shown;
use super::{direction, route_set};

/// The URI of the first Route, as received; null without Route.
#[variable("route_uri")]
pub fn route_uri(cx: &RouteCx) -> Value {
    match route_set::first(&cx.message) {
        Some(Ok(uri)) => Value::Str(uri),
        _ => Value::Null,
    }
}

/// The From tag that the request which made the dialog had: the From tag downstream, the To tag upstream.
#[variable("fti")]
pub fn fti(cx: &RouteCx) -> Value {
    direction::initial_from_tag(cx).map_or(Value::Null, |tag| Value::Str(cx.message.buffer().slice_ref(tag)))
}

/// The To tag as seen by the request which made the dialog: the To tag downstream, the From tag upstream.
#[variable("tti")]
pub fn tti(cx: &RouteCx) -> Value {
    direction::initial_to_tag(cx).map_or(Value::Null, |tag| Value::Str(cx.message.buffer().slice_ref(tag)))
}

/// The direction of the request within its dialog: `$rdir(id)` is 1 (downstream) or 2 (upstream), `$rdir(name)` the word.
#[variable("rdir")]
pub fn rdir(cx: &RouteCx, shown: Shown) -> Value {
    let direction = direction::of(cx);
    match shown {
        Shown::Id => Value::Int(direction.number()),
        Shown::Name => direction.name().into(),
    }
}
