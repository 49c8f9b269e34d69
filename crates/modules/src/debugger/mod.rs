//! Module `debugger`: logs what a script does, shows variables and the message, and sets log levels of single modules.
//!
//! Breakpoints are left out: a message that waits for an operator would be answered by nobody, and here it would not
//! even hold up a process that could be looked at.

mod dump;
mod message;
mod params;
mod rpc;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::config_groups::Changed;
use engine::log::Level;
use engine::trace::TraceFormat;
use engine::{Code, Core, Creating, Diagnostic, Module, ModuleDef, Params, Value};

use params::{ModuleFacility, ModuleLevel, NoBreakpoint};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "debugger",
    summary: "Logs what a script does, shows variables and the message, and sets log levels of single modules.",
    params: DebuggerParams::DEFS,
    functions: &[dump::DBG_PV_DUMP, message::DBG_SIP_MSG],
    rpc: &[
        rpc::TRACE,
        rpc::MOD_LEVEL,
        rpc::SET_MOD_LEVEL,
        rpc::GET_MOD_LEVEL,
        rpc::SET_MOD_FACILITY,
        rpc::GET_MOD_FACILITY,
        rpc::RESET_MSGID,
    ],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `debugger`.
#[derive(Params)]
pub struct DebuggerParams {
    /// 1: each operation of a script is logged when it begins, calls and conditions also with their result (`r=`).
    /// Changes while running by `cfg.set debugger cfgtrace` or `dbg.trace`. Log level 3 traces in any case.
    #[param(default = 0)]
    pub cfgtrace: i64,
    /// 1: lines of the trace leave the file out.
    #[param(default = false)]
    pub cfgtrace_format: bool,
    /// 0. Breakpoints do not exist here.
    pub breakpoint: NoBreakpoint,
    /// Level of the lines of the trace.
    #[param(default = -1)]
    pub log_level: i64,
    /// The word in front of the lines of the trace; default: the name of the level.
    pub log_level_name: Option<String>,
    /// syslog facility of the lines of the trace (`LOG_LOCAL3`); default: that of the core.
    pub log_facility: Option<String>,
    /// What the lines of the trace begin with.
    #[param(default = "*** cfgtrace:".into())]
    pub log_prefix: String,
    /// Above 0: `mod_level` and `mod_facility` may be used.
    #[param(default = 0)]
    pub mod_hash_size: i64,
    /// 1: the levels of `mod_level` are in force. Changes while running by `cfg.set debugger mod_level_mode`.
    #[param(default = 0)]
    pub mod_level_mode: i64,
    /// Log level of one module: `tm=3`; of all that is no module: `core=1`. May be given several times.
    pub mod_level: Vec<ModuleLevel>,
    /// 1: the facilities of `mod_facility` are in force. Changes while running by `cfg.set debugger mod_facility_mode`.
    #[param(default = 0)]
    pub mod_facility_mode: i64,
    /// syslog facility of one module: `tm=LOG_LOCAL3`. May be given several times.
    pub mod_facility: Vec<ModuleFacility>,
    /// 1: the trace shows the value that each assignment leaves (`v=`).
    #[param(default = false)]
    pub log_assign: bool,
    /// 1: the RPC command `dbg.reset_msgid` is allowed.
    #[param(default = false)]
    pub reset_msgid: bool,
}

/// The started module.
pub struct Debugger {
    params: DebuggerParams,
}

impl Module for Debugger {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: DebuggerParams = creating.params()?;
    let core = creating.core;
    let facility = match &params.log_facility {
        Some(name) => Some(engine::settings::facility_number(name).ok_or_else(|| {
            let place = creating.span_of("log_facility");
            let message = format!("`{name}` is no syslog facility");
            Diagnostic::error(Code::ParamValue, message, place, "LOG_DAEMON, LOG_LOCAL0 ..")
        })?),
        None => None,
    };
    core.watch.format.store(Arc::new(TraceFormat {
        level: Level::from_number(params.log_level),
        level_name: params.log_level_name.clone(),
        facility,
        prefix: params.log_prefix.clone(),
        short: params.cfgtrace_format,
        values: params.log_assign,
    }));
    core.watch.set_trace(params.cfgtrace != 0);
    if params.mod_hash_size > 0 {
        core.log.change_rules(|rules| {
            rules.levels.extend(params.mod_level.iter().map(|one| (one.module.clone(), one.level)));
            rules.facilities.extend(params.mod_facility.iter().map(|one| (one.module.clone(), one.facility)));
            rules.levels_on = params.mod_level_mode != 0;
            rules.facilities_on = params.mod_facility_mode != 0;
        });
    }
    declare(core, &params);
    Ok(Arc::new(Debugger { params }))
}

/// What `cfg.set debugger ..` changes.
fn declare(core: &Arc<Core>, params: &DebuggerParams) {
    let on = |value: &Value| value.to_int().is_some_and(|number| number != 0);
    let switch = |change: fn(&Core, bool)| -> Changed {
        // Weak: the core keeps what is declared.
        let core = Arc::downgrade(core);
        Arc::new(move |value| {
            if let Some(core) = core.upgrade() {
                change(&core, on(value));
            }
        })
    };
    let declare = |name: &str, doc: &str, value: i64, changed: Changed| {
        core.config.declare("debugger", name, doc, Value::Int(value), None, Some(changed));
    };
    declare("cfgtrace", "1: scripts are traced", params.cfgtrace, switch(|core, on| core.watch.set_trace(on)));
    declare(
        "mod_level_mode",
        "1: modules have log levels of their own",
        params.mod_level_mode,
        switch(|core, on| core.log.change_rules(|rules| rules.levels_on = on)),
    );
    declare(
        "mod_facility_mode",
        "1: modules have syslog facilities of their own",
        params.mod_facility_mode,
        switch(|core, on| core.log.change_rules(|rules| rules.facilities_on = on)),
    );
    core.config.declare_fixed("debugger", "mod_hash_size", "above 0: modules may have levels", params.mod_hash_size);
}

/// A level by number or name, for functions.
fn level_of(value: &Value) -> Result<Level, engine::ScriptError> {
    match value {
        Value::Int(number) => Ok(Level::from_number(*number)),
        _ => {
            let name = value.to_str().to_text().into_owned();
            let number = name.trim().parse().ok().map(Level::from_number);
            Level::from_name(name.trim())
                .or(number)
                .ok_or_else(|| engine::ScriptError::new(format!("`{name}` is no log level")))
        }
    }
}
