//! `$dsv(..)` and `$dsg(..)`.

use std::sync::Arc;

use engine::variable::{InnerName, missing_inner};
use engine::{Code, CompileEnv, Diagnostic, RouteCx, Str, Value, variable};
use language::ast::Variable;

use super::destination::Destination;

/// What happened, in the event routes.
#[derive(Default)]
pub(super) struct Event {
    pub(super) uri: Str,
    pub(super) set: i64,
    pub(super) code: u16,
    pub(super) reason: Option<Str>,
    /// 1: a keep-alive request caused it.
    pub(super) flags: i64,
}

/// How many destinations of a set can be used.
#[derive(Clone, Copy, Default)]
pub(super) struct Group {
    known: bool,
    count: i64,
    active: i64,
}

impl Group {
    pub(super) fn of(destinations: &[Arc<Destination>]) -> Self {
        let active = destinations.iter().filter(|it| it.is_usable()).count();
        Self { known: true, count: destinations.len() as i64, active: active as i64 }
    }
}

/// One of the names in the parentheses.
fn name<'a>(variable: &Variable, names: &[&'a str]) -> Result<&'a str, Diagnostic> {
    let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
    names.iter().find(|name| **name == inner.node).copied().ok_or_else(|| {
        let text = format!("`${}` has no field `{}`", variable.name, inner.node);
        let error = Diagnostic::error(Code::UnknownVariable, text, inner.span, "no such field");
        error.did_you_mean(&inner.node, names.iter().copied())
    })
}

/// A field of `$dsv`.
#[derive(Clone, Copy)]
pub(super) struct EventField(&'static str);

impl InnerName for EventField {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        name(variable, &["code", "reason", "flags", "uri", "setid", "group"]).map(Self)
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// What happened, in `event_route[dispatcher:dst-up]` and `[dispatcher:dst-down]`; `$null` elsewhere. `code` and `reason`:
/// those of the reply to the keep-alive request (820 and `$null` when `ds_mark_dst()` caused it); `flags`: 1 for a keep-alive
/// request, else 0; `uri` and `setid` (also called `group`): of the destination.
#[variable("dsv")]
pub(super) fn dsv(cx: &RouteCx, field: EventField) -> Value {
    let Some(event) = cx.find_data::<Event>() else { return Value::Null };
    match field.0 {
        "code" => Value::Int(i64::from(event.code)),
        "reason" => event.reason.clone().map_or(Value::Null, Value::Str),
        "flags" => Value::Int(event.flags),
        "uri" => Value::Str(event.uri.clone()),
        _ => Value::Int(event.set),
    }
}

/// A field of `$dsg`.
#[derive(Clone, Copy)]
pub(super) struct GroupField(&'static str);

impl InnerName for GroupField {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        name(variable, &["count", "active", "pactive", "inactive", "pinactive"]).map(Self)
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// What `ds_dsg_fetch()` counted: `count` destinations, `active` and `inactive` ones, `pactive` and `pinactive` in percent.
/// `$null` before.
#[variable("dsg")]
pub(super) fn dsg(cx: &RouteCx, field: GroupField) -> Value {
    let Some(group) = cx.find_data::<Group>().filter(|group| group.known) else { return Value::Null };
    let inactive = group.count - group.active;
    let percent = |part: i64| if group.count == 0 { 0 } else { part * 100 / group.count };
    Value::Int(match field.0 {
        "count" => group.count,
        "active" => group.active,
        "pactive" => percent(group.active),
        "inactive" => inactive,
        _ => percent(inactive),
    })
}
