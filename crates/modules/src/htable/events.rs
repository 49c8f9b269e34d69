//! Event routes: `htable:mod-init`, `htable:expired:<table>`, and `$shtrecord(..)` in the latter.

use std::sync::Arc;

use engine::function::routes;
use engine::variable::{InnerName, missing_inner};
use engine::{Code, CompileEnv, Core, Diagnostic, RouteCx, Routes, Str, Value, variable};
use language::ast::{RouteKind, Variable};

use super::table::{Shown, Table};

/// Runs once after the modules were created (and tables loaded).
pub(super) const MOD_INIT: &str = "htable:mod-init";

/// Runs for each item that the timer takes away; the table's name follows.
const EXPIRED: &str = "htable:expired:";

/// Runs after `htable.reload`; the table's name follows.
pub(super) const RELOADED: &str = "htable:reloaded:";

/// The item in `event_route[htable:expired:..]`.
#[derive(Default)]
struct Record {
    key: Str,
    value: Value,
}

/// Runs an event route of that name on a faked message, if there is one.
pub(super) async fn run(core: &Arc<Core>, name: &str, prepare: impl FnOnce(&mut RouteCx) + Send) {
    let Some(program) = core.program.load_full() else { return };
    let Some(route) = program.route(RouteKind::Event, name) else { return };
    let mut cx = Box::new(RouteCx::faked(core.clone()));
    cx.kind = Routes(routes::EVENT);
    prepare(&mut cx);
    program.run(route, &mut cx).await;
    cx.flush();
}

/// Takes the items of a table away whose time is over, and runs the event route for each.
pub(super) async fn sweep(core: &Arc<Core>, table: &Table) {
    let name = format!("{EXPIRED}{}", table.name());
    let program = core.program.load_full();
    let wanted = program.is_some_and(|program| program.route(RouteKind::Event, &name).is_some());
    for at in 0..table.shard_count() {
        for Shown { key, value, .. } in table.sweep_shard(at, table.now(core), wanted) {
            run(core, &name, |cx| *cx.data() = Record { key, value }).await;
        }
        // Others want to go on, too.
        tokio::task::yield_now().await;
    }
}

/// What `$shtrecord` can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl InnerName for Field {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        match &*inner.node {
            "key" => Ok(Self::Key),
            "value" => Ok(Self::Value),
            name => Err(Diagnostic::error(
                Code::UnknownVariable,
                format!("`$shtrecord` has no field `{name}`"),
                inner.span,
                "`key` or `value`",
            )
            .did_you_mean(name, ["key", "value"])),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// The item that expired, in `event_route[htable:expired:table]`: `key` or `value`; empty elsewhere.
#[variable("shtrecord")]
pub(super) fn shtrecord(cx: &RouteCx, field: Field) -> Value {
    let Some(record) = cx.find_data::<Record>() else { return Value::Str(Str::EMPTY) };
    match field {
        Field::Key => Value::Str(record.key.clone()),
        Field::Value => record.value.clone(),
    }
}
