//! Module `ratelimit`: how many requests of a method may come in, or a script lets pass.
//!
//! `pipe.rs` decides, `machine.rs` knows how busy the machine is; both serve module `pipelimit`, too.

mod functions;
pub(crate) mod machine;
mod params;
pub(crate) mod pipe;
mod rpc;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, Params};
use parking_lot::Mutex;

use machine::Watcher;
pub use params::RatelimitParams;
use params::{PIPES, Queue};
use pipe::{Algorithm, Gains, Machine, Pipe};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "ratelimit",
    summary: "Limits how many requests of a method come in.",
    params: RatelimitParams::DEFS,
    functions: &[functions::RL_CHECK, functions::RL_CHECK_PIPE],
    rpc: &[
        rpc::GET_PID,
        rpc::GET_PIPES,
        rpc::GET_QUEUES,
        rpc::PUSH_LOAD,
        rpc::SET_DBG,
        rpc::SET_PID,
        rpc::SET_PIPE,
        rpc::SET_QUEUE,
        rpc::STATS,
    ],
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Ratelimit {
    interval: u32,
    state: Mutex<State>,
    watcher: Arc<Watcher>,
    /// Each decision is logged.
    debug: AtomicBool,
}

struct State {
    /// By number.
    pipes: [Pipe; PIPES],
    queues: Vec<Queue>,
    gains: Gains,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: RatelimitParams = creating.params()?;
    if params.timer_interval == 0 {
        let message = "parameter `timer_interval` must be above 0";
        let span = creating.span_of("timer_interval");
        return Err(Diagnostic::error(engine::Code::ParamValue, message, span, "out of range"));
    }
    let mut pipes: [Pipe; PIPES] = std::array::from_fn(|_| Pipe::new(Algorithm::Nop, 0));
    for (number, pipe) in params.pipe.0 {
        pipes[number] = pipe;
    }
    let state = Mutex::new(State { pipes, queues: params.queue.0, gains: Gains::default() });
    let (interval, watcher) = (params.timer_interval, Arc::default());
    Ok(Arc::new(Ratelimit { interval, state, watcher, debug: AtomicBool::new(false) }))
}

impl Module for Ratelimit {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let me = self.clone();
        core.every(Duration::from_secs(u64::from(self.interval)), move |core| {
            let me = me.clone();
            async move { me.next_interval(&core).await }
        });
        Box::pin(async { Ok(()) })
    }
}

impl Ratelimit {
    async fn next_interval(&self, core: &Core) {
        let watches = |pipe: &Pipe| matches!(pipe.algorithm, Algorithm::Feedback | Algorithm::Network);
        let wanted = self.state.lock().pipes.iter().any(watches);
        let machine = if wanted { self.watcher.look(core).await } else { Machine::default() };
        let mut state = self.state.lock();
        let gains = state.gains;
        for pipe in &mut state.pipes {
            pipe.next_interval(self.interval, gains, machine);
        }
    }

    /// Counts a message in a pipe; `None`: there is no such pipe.
    fn pass(&self, core: &Core, number: usize) -> Option<bool> {
        let mut state = self.state.lock();
        let pipe = state.pipes.get_mut(number).filter(|pipe| pipe.algorithm != Algorithm::Nop)?;
        let passes = pipe.pass(self.interval);
        if self.debug.load(Ordering::Relaxed) {
            let verdict = if passes { "passes" } else { "is refused" };
            let text = format!("pipe {number}: {} of {}, load {}: {verdict}", pipe.counter, pipe.limit, pipe.load);
            drop(state);
            engine::log!(core.log, Warning, "{text}");
        }
        Some(passes)
    }
}

#[cfg(test)]
mod tests;
