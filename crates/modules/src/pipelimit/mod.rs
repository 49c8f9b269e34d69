//! Module `pipelimit`: limits by name, which the script or a database makes up.
//!
//! `pipes.rs` keeps the pipes; the algorithms are those of module `ratelimit`.

mod functions;
mod params;
mod pipes;
mod rpc;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use database::{Database, Select, Value};
use engine::config_groups::LiveInt;
use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, Params, Str};
use parking_lot::Mutex;

use crate::ratelimit::machine::Watcher;
use crate::ratelimit::pipe::{Algorithm, Gains, Machine};
use crate::sl::Sl;
pub use params::PipelimitParams;
use pipes::Pipes;
pub use tables::PL_PIPES;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "pipelimit",
    summary: "Limits by name, which the script or a database makes up.",
    needs: &["sl"],
    params: PipelimitParams::DEFS,
    functions: &[functions::PL_ACTIVE, functions::PL_CHECK, functions::PL_CHECK_WITH_LIMIT, functions::PL_DROP],
    rpc: &[
        rpc::GET_PID,
        rpc::GET_PIPES,
        rpc::LIST,
        rpc::PUSH_LOAD,
        rpc::RESET_PIPE,
        rpc::RM_PIPE,
        rpc::SET_PID,
        rpc::SET_PIPE,
        rpc::STATS,
    ],
    tables: &[&PL_PIPES],
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Pipelimit {
    params: PipelimitParams,
    database: Option<Database>,
    core: Arc<Core>,
    sl: Arc<Sl>,
    pipes: Pipes,
    gains: Mutex<Gains>,
    watcher: Arc<Watcher>,
    reply_code: LiveInt,
    clean_unused: LiveInt,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: PipelimitParams = creating.params()?;
    let wrong = |name: &str, text: &str| {
        let message = format!("parameter `{name}` must be {text}");
        Diagnostic::error(engine::Code::ParamValue, message, creating.span_of(name), "out of range")
    };
    if params.timer_interval == 0 {
        return Err(wrong("timer_interval", "above 0"));
    }
    if !(400..=699).contains(&params.reply_code) {
        return Err(wrong("reply_code", "from 400 to 699"));
    }
    let database = match &params.db_url {
        Some(url) if !url.is_empty() => Some(creating.database("db_url", url)?),
        _ => None,
    };
    let sl = creating.modules.get::<Sl>().ok_or_else(|| {
        Diagnostic::error(engine::Code::MissingDependency, "module pipelimit needs module sl", creating.span, "here")
    })?;
    let config = &creating.core.config;
    let reply_code =
        config.declare_int("pipelimit", "reply_code", "code of pl_drop()", params.reply_code, Some((400, 699)));
    let reason = engine::Value::Str(params.reply_reason.clone());
    config.declare("pipelimit", "reply_reason", "reason of pl_drop()", reason, None, None);
    let clean_unused = config.declare_int(
        "pipelimit",
        "clean_unused",
        "intervals after which unused pipes go",
        i64::from(params.clean_unused),
        Some((0, i64::from(u32::MAX))),
    );
    Ok(Arc::new(Pipelimit {
        params,
        database,
        core: creating.core.clone(),
        sl,
        pipes: Pipes::default(),
        gains: Mutex::default(),
        watcher: Arc::default(),
        reply_code,
        clean_unused,
    }))
}

impl Module for Pipelimit {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let core = core.clone();
        Box::pin(async move {
            self.load().await?;
            let me = self.clone();
            core.every(Duration::from_secs(u64::from(self.params.timer_interval)), move |_| {
                let me = me.clone();
                async move { me.next_interval().await }
            });
            Ok(())
        })
    }
}

impl Pipelimit {
    /// Reads the pipes of the database.
    async fn load(&self) -> Result<(), String> {
        let Some(database) = &self.database else { return Ok(()) };
        let params = &self.params;
        if *params.plp_table_name == *PL_PIPES.name {
            database.check_version(PL_PIPES.name, PL_PIPES.version).await?;
        }
        let columns = [&*params.plp_pipeid_column, &*params.plp_algorithm_column, &*params.plp_limit_column];
        let select = Select { table: &params.plp_table_name, columns: &columns, ..Select::default() };
        let rows = database.select(&select).await.map_err(|error| error.to_string())?;
        for row in &rows.rows {
            let text = |at: usize| row.get(at).and_then(Value::to_text).unwrap_or_default();
            let (name, algorithm) = (text(0), text(1));
            let limit = row.get(2).and_then(Value::to_int).and_then(|limit| u32::try_from(limit).ok());
            match (Algorithm::from_name(algorithm.as_bytes()), limit) {
                (Some(algorithm), Some(limit)) if !name.is_empty() => {
                    self.pipes.set(&Str::from(&*name), algorithm, limit).map_err(|error| error.to_string())?;
                }
                _ => return Err(format!("table {}: the pipe `{name}` is wrong", params.plp_table_name)),
            }
        }
        Ok(())
    }

    async fn next_interval(&self) {
        let wanted = self.params.load_fetch && self.pipes.watch_machine();
        let machine = if wanted { self.watcher.look(&self.core).await } else { Machine::default() };
        let gains = *self.gains.lock();
        let unused = u32::try_from(self.clean_unused.get()).unwrap_or(0);
        self.pipes.next_interval(gains, machine, unused).await;
    }

    /// What `pl_drop` answers.
    fn reason(&self) -> Str {
        let variable = self.core.config.find("pipelimit", "reply_reason");
        variable.map_or_else(|| self.params.reply_reason.clone(), |variable| variable.value.read().to_str())
    }
}

#[cfg(test)]
mod tests;
