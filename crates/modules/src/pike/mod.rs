//! Module `pike`: notices senders that send too much.
//!
//! Start reading at [`tree`], which counts; `functions.rs` are what scripts ask, `rpc.rs` shows the counts. Nothing here
//! refuses a message: the script does.

mod functions;
mod rpc;
mod tree;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::log::Level;
use engine::{BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params, Return};

use tree::{Judgement, Tree};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "pike",
    summary: "Notices senders that send too many requests.",
    params: PikeParams::DEFS,
    functions: &[functions::PIKE_CHECK_REQ, functions::PIKE_CHECK_IP],
    rpc: &[rpc::TOP, rpc::LIST],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `pike`.
#[derive(Params)]
pub struct PikeParams {
    /// Seconds over which requests are counted.
    #[param(default = 2)]
    pub sampling_time_unit: u32,
    /// How many requests of one address are allowed in that time. Until an address is known in full it takes up to three
    /// times (IPv6: nine times) as many.
    #[param(default = 30)]
    pub reqs_density_per_unit: u32,
    /// An address that sends nothing is forgotten after so many seconds.
    #[param(default = 120)]
    pub remove_latency: u32,
    /// Log level of the lines about addresses that are blocked, and no longer blocked.
    #[param(default = 1)]
    pub pike_log_level: i64,
}

/// The started module.
pub struct Pike {
    params: PikeParams,
    core: Arc<Core>,
    tree: Tree,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: PikeParams = creating.params()?;
    let times =
        [("sampling_time_unit", params.sampling_time_unit), ("reqs_density_per_unit", params.reqs_density_per_unit)];
    for (name, value) in times {
        if value == 0 {
            let message = format!("parameter `{name}` must be above 0");
            return Err(Diagnostic::error(Code::ParamValue, message, creating.span_of(name), "out of range"));
        }
    }
    let tree = Tree::new(params.reqs_density_per_unit, params.remove_latency);
    Ok(Arc::new(Pike { params, core: creating.core.clone(), tree }))
}

impl Module for Pike {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let me = self.clone();
        core.every(Duration::from_secs(u64::from(self.params.sampling_time_unit)), move |_| {
            let me = me.clone();
            async move { me.next_unit().await }
        });
        Box::pin(async { Ok(()) })
    }
}

impl Pike {
    /// Counts a request of an address.
    fn check(&self, address: IpAddr) -> Return {
        match self.tree.hit(address, self.core.unix_time()) {
            Judgement::Fine => Return::TRUE,
            Judgement::Flood => Return::FALSE,
            Judgement::NewFlood => {
                self.log(&format!("PIKE - BLOCKing ip {address}"));
                Return(-2)
            }
        }
    }

    fn log(&self, text: &str) {
        let level = Level::from_number(self.params.pike_log_level);
        if self.core.log.enabled_for(level, module_path!()) {
            self.core.log.write_for(level, module_path!(), text);
        }
    }

    /// A new sampling unit begins.
    async fn next_unit(&self) {
        let now = self.core.unix_time();
        for shard in 0..tree::SHARDS {
            for address in self.tree.next_unit(shard, now) {
                self.log(&format!("PIKE - UNBLOCKing ip {address}"));
            }
            if shard % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
