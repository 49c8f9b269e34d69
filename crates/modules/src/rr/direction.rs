//! What the parameters of our own Route say: they are those of the Record-Route that we added when the dialog began.

use engine::script_type::Regex;
use engine::{CallResult, RouteCx, Str, function};
use sip::{Param, Params, Uri};

use super::State;
use super::ours::is_ours;
use super::route_set;

/// The way of a request through its dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// As the request that made the dialog: from caller to callee.
    Downstream,
    /// From callee to caller.
    Upstream,
}

impl Direction {
    /// `downstream` or `upstream`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Downstream => "downstream",
            Self::Upstream => "upstream",
        }
    }

    /// 1 for downstream, 2 for upstream.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Downstream => 1,
            Self::Upstream => 2,
        }
    }
}

/// The parameters of a URI with the `;` before them.
pub(super) fn params_of(uri: &Uri) -> Str {
    let text = uri.text();
    let params = uri.params_text();
    match text.offset_of(&params) {
        Some(start) if start > 0 && !params.is_empty() => text.slice(start - 1..start + params.len()),
        _ => Str::EMPTY,
    }
}

/// Remembers the parameters of our own Route, whose URI is `uri`.
pub(super) fn remember(cx: &mut RouteCx, uri: &Uri, params: Str) {
    let buffer = cx.message.buffer().clone();
    let direction = by_tag(cx, uri.find_param("ftag"));
    let state = cx.data::<State>();
    state.found = Some((buffer, params));
    state.direction = Some(direction);
}

/// The parameters of our own Route: those that `loose_route` found, as long as no edits were applied since, else those
/// of the first Route.
pub(super) fn route_params(cx: &RouteCx) -> Option<Str> {
    if let Some((buffer, params)) = cx.find_data::<State>().and_then(|state| state.found.as_ref())
        && std::ptr::eq(buffer.as_bytes(), cx.message.buffer().as_bytes())
    {
        return Some(params.clone());
    }
    if !cx.message.is_request() {
        return None;
    }
    let uri = Uri::parse(route_set::first(&cx.message)?.ok()?).ok()?;
    is_ours(cx, &uri).then(|| params_of(&uri))
}

/// A parameter of our own Route; the empty text when it has no value.
pub(super) fn route_param(cx: &RouteCx, name: &[u8]) -> Option<Str> {
    Params::split(route_params(cx)?, b';').get(name)
}

/// The direction by the parameter `ftag` of our own Route.
fn by_tag(cx: &RouteCx, ftag: Option<Param<'_>>) -> Direction {
    let tag = ftag.and_then(|param| param.value).filter(|tag| !tag.is_empty());
    if tag.is_none() || tag == from_tag(cx) { Direction::Downstream } else { Direction::Upstream }
}

/// The direction of the message.
pub(super) fn of(cx: &RouteCx) -> Direction {
    // Applied edits take our Route away, the direction stays.
    if let Some(direction) = cx.find_data::<State>().and_then(|state| state.direction) {
        return direction;
    }
    route_params(cx).map_or(Direction::Downstream, |params| by_tag(cx, Params::split(params, b';').find("ftag")))
}

/// The tag of From.
pub(super) fn from_tag(cx: &RouteCx) -> Option<&[u8]> {
    cx.message.from().ok().flatten()?.tag_bytes()
}

/// The tag of To.
pub(super) fn to_tag(cx: &RouteCx) -> Option<&[u8]> {
    cx.message.to().ok().flatten()?.tag_bytes()
}

/// The From tag of the request that made the dialog.
pub(super) fn initial_from_tag(cx: &RouteCx) -> Option<&[u8]> {
    match of(cx) {
        Direction::Downstream => from_tag(cx),
        Direction::Upstream => to_tag(cx),
    }
}

/// The To tag seen by the request that made the dialog.
pub(super) fn initial_to_tag(cx: &RouteCx) -> Option<&[u8]> {
    match of(cx) {
        Direction::Downstream => to_tag(cx),
        Direction::Upstream => from_tag(cx),
    }
}

/// True when the parameters of our own Route (`;lr;ftag=1;nat=yes`) match a regular expression. To be used after
/// `loose_route()`, and before `msg_apply_changes()`, which removes our Route.
#[function(REQUEST)]
pub fn check_route_param(cx: &mut RouteCx, expression: Regex) -> CallResult {
    Ok(route_params(cx).is_some_and(|params| expression.0.is_match(&params)).into())
}

/// True when the request goes in this direction: `downstream` as the request that made the dialog, `upstream` against
/// it. A request without `ftag` in our Route counts as downstream. To be used after `loose_route()`; needs parameter
/// `append_fromtag`.
#[function(REQUEST)]
pub fn is_direction(cx: &mut RouteCx, direction: Direction) -> CallResult {
    Ok((of(cx) == direction).into())
}
