//! Module `async`: requests that go on later, and tasks that run beside them.
//!
//! `sleep.rs` lets a request wait where it is, `route.rs` lets it go on with another route, `task.rs` runs a route on a
//! made-up request.

mod route;
mod sleep;
mod task;

use std::sync::Arc;

use engine::{Creating, Diagnostic, Module, ModuleDef, Params, Return, ScriptError};

use crate::tm::Tm;
use task::Groups;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "async",
    summary: "Requests that go on later, and tasks that run beside them.",
    needs: &["tm", "tmx"],
    params: AsyncParams::DEFS,
    functions: &[
        route::ASYNC_MS_ROUTE,
        route::ASYNC_ROUTE,
        route::ASYNC_TASK_GROUP_ROUTE,
        route::ASYNC_TASK_ROUTE,
        sleep::ASYNC_MS_SLEEP,
        sleep::ASYNC_SLEEP,
        task::ASYNC_TASK_DATA,
        task::ASYNC_TASK_GROUP_DATA,
    ],
    variables: &[task::TASK_VALUE],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `async`.
#[derive(Params)]
pub struct AsyncParams {
    /// How many processes Kamailio starts for requests that wait. Here a waiting request needs none: any number has the
    /// same effect.
    #[param(default = 1)]
    pub workers: u32,
    /// Above 0: the functions with milliseconds can be used. They are exact to a millisecond, whatever the number is.
    #[param(default = 0)]
    pub ms_timer: u32,
    /// What the functions return that let a request go on with another route; 0 ends the script.
    #[param(name = "return", default = 0)]
    pub return_code: i32,
}

/// The started module.
pub struct Async {
    params: AsyncParams,
    tm: Arc<Tm>,
    groups: Groups,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: AsyncParams = creating.params()?;
    let tm = creating.modules.get::<Tm>().ok_or_else(|| {
        Diagnostic::error(engine::Code::MissingDependency, "module async needs module tm", creating.span, "loaded here")
    })?;
    let groups = Groups::new(&creating.core.settings.task_groups);
    Ok(Arc::new(Async { params, tm, groups }))
}

impl Module for Async {}

/// The longest waiting of the functions with seconds.
const MAX_SECONDS: i64 = 100;
/// The longest waiting of the functions with milliseconds.
const MAX_MILLISECONDS: i64 = 30_000;

/// A time in milliseconds from a number of seconds.
fn seconds(seconds: i64) -> Result<u64, ScriptError> {
    match seconds {
        1..=MAX_SECONDS => Ok(seconds.unsigned_abs() * 1000),
        _ => Err(ScriptError::new(format!("{seconds} seconds: a request can wait from 1 to {MAX_SECONDS} seconds"))),
    }
}

impl Async {
    /// A time from a number of milliseconds.
    fn milliseconds(&self, milliseconds: i64) -> Result<u64, ScriptError> {
        if self.params.ms_timer == 0 {
            return Err(ScriptError::new("waiting for milliseconds needs `ms_timer` of module async above 0"));
        }
        match milliseconds {
            1..=MAX_MILLISECONDS => Ok(milliseconds.unsigned_abs()),
            _ => {
                let limit = format!("a request can wait from 1 to {MAX_MILLISECONDS} milliseconds");
                Err(ScriptError::new(format!("{milliseconds} milliseconds: {limit}")))
            }
        }
    }

    const fn done(&self) -> Return {
        Return(self.params.return_code)
    }
}

#[cfg(test)]
mod tests;
