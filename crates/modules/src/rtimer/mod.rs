//! Module `rtimer`: runs routes from time to time.
//!
//! `timers.rs` reads the parameters. Each worker of a timer is a task: it runs the timer's routes one after the other on
//! a made-up request, and a run that takes long delays the next one.

mod timers;

use std::sync::Arc;

use engine::params::Lines;
use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, Params, RouteCx, Value, variable};
use language::ast::RouteKind;

use timers::Timer;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "rtimer",
    summary: "Runs routes from time to time.",
    params: RtimerParams::DEFS,
    variables: &[RTIMER_WORKER],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `rtimer`.
#[derive(Params)]
pub struct RtimerParams {
    /// Seconds between two runs of the timers that follow in the file and have no `interval`.
    #[param(default = 120)]
    pub default_interval: u32,
    /// A timer: `name=ta;interval=10;mode=1`. The interval is in seconds, or with a `u` behind it in microseconds (less than
    /// a millisecond counts as one); `mode` is the number of workers, each of which runs the routes at every interval
    /// (0 is one, too). May be given several times.
    pub timer: Lines,
    /// A route of a timer that was defined before: `timer=ta;route=NAME`. May be given several times; the route that was
    /// given last runs first.
    pub exec: Lines,
}

/// The started module.
pub struct Rtimer {
    timers: Vec<Arc<Timer>>,
}

/// Which worker runs the route.
#[derive(Default)]
struct Worker(u32);

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let timers = timers::read(creating.params)?;
    Ok(Arc::new(Rtimer { timers: timers.into_iter().map(Arc::new).collect() }))
}

impl Module for Rtimer {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        for timer in self.timers.iter().filter(|timer| !timer.routes.is_empty()) {
            for worker in 0..timer.workers {
                let timer = timer.clone();
                core.every(timer.interval, move |core| {
                    let timer = timer.clone();
                    async move {
                        // A task of its own: a bug in a function that the route calls must not end the timer.
                        let running = core.runtime().spawn(run(core.clone(), timer.clone(), worker));
                        if running.await.is_err() {
                            engine::log!(core.log, Bug, "a route of timer `{}` failed", timer.name);
                        }
                    }
                });
            }
        }
        Box::pin(async { Ok(()) })
    }
}

async fn run(core: Arc<Core>, timer: Arc<Timer>, worker: u32) {
    for name in &timer.routes {
        let mut cx = Box::new(RouteCx::faked(core.clone()));
        let Some(program) = cx.program().cloned() else { return };
        let Some(route) = program.route(RouteKind::Request, name) else {
            engine::log!(core.log, Error, "timer `{}`: there is no route[{name}]", timer.name);
            continue;
        };
        cx.data::<Worker>().0 = worker;
        program.run(route, &mut cx).await;
        cx.flush();
    }
}

/// Which worker of its timer runs the route, counted from 0.
#[variable("rtimer_worker")]
pub fn rtimer_worker(cx: &RouteCx) -> Value {
    Value::Int(i64::from(cx.find_data::<Worker>().map_or(0, |worker| worker.0)))
}

#[cfg(test)]
mod tests;
