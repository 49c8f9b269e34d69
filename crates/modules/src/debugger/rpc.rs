//! RPC commands of module `debugger`.

use std::sync::Arc;

use engine::{Core, RpcFault, RpcResult, RpcValue, Value, rpc};

use super::Debugger;

/// Switches the trace of scripts `on` or `off`. Kamailio takes a process number behind it; here there is one process.
#[rpc("dbg.trace")]
pub async fn trace(core: Arc<Core>, command: String, _pid: Option<RpcValue>) -> RpcResult {
    let value = match command.as_str() {
        "on" => 1,
        "off" => 0,
        _ => return Err(RpcFault::new(500, "the command is `on` or `off`")),
    };
    let result = core.config.set("debugger", "cfgtrace", Value::Int(value));
    result.map_err(|error| RpcFault::new(500, error.to_string()))?;
    Ok(vec!["200 ok".into()])
}

fn can_have_levels(me: &Debugger) -> Result<(), RpcFault> {
    if me.params.mod_hash_size > 0 {
        return Ok(());
    }
    Err(RpcFault::new(500, "the parameter mod_hash_size is 0: modules have no levels of their own"))
}

fn set_level(core: &Core, me: &Debugger, module: String, level: i64) -> RpcResult {
    can_have_levels(me)?;
    core.log.change_rules(|rules| rules.levels.insert(module, level));
    Ok(vec!["200 ok".into()])
}

/// Sets the log level of a module, or of `core`. It is in force while `mod_level_mode` is 1.
#[rpc("dbg.mod_level")]
pub async fn mod_level(core: Arc<Core>, me: Arc<Debugger>, module: String, level: i64) -> RpcResult {
    set_level(&core, &me, module, level)
}

/// Sets the log level of a module, or of `core`. It is in force while `mod_level_mode` is 1.
#[rpc("dbg.set_mod_level")]
pub async fn set_mod_level(core: Arc<Core>, me: Arc<Debugger>, module: String, level: i64) -> RpcResult {
    set_level(&core, &me, module, level)
}

/// The log level of a module, or of `core`: its own, else that of the server.
#[rpc("dbg.get_mod_level")]
pub async fn get_mod_level(core: Arc<Core>, module: String) -> RpcResult {
    let own = core.log.change_rules(|rules| rules.levels.get(&module).copied());
    let level = own.unwrap_or_else(|| core.log.level());
    Ok(vec![level.into()])
}

/// Sets the syslog facility of a module, or of `core`. It is in force while `mod_facility_mode` is 1.
#[rpc("dbg.set_mod_facility")]
pub async fn set_mod_facility(core: Arc<Core>, me: Arc<Debugger>, module: String, facility: String) -> RpcResult {
    can_have_levels(&me)?;
    let number = engine::settings::facility_number(&facility)
        .ok_or_else(|| RpcFault::new(500, format!("`{facility}` is no syslog facility")))?;
    core.log.change_rules(|rules| rules.facilities.insert(module, number));
    Ok(vec!["200 ok".into()])
}

/// The syslog facility of a module, or of `core`, as a number: its own, else that of the server.
#[rpc("dbg.get_mod_facility")]
pub async fn get_mod_facility(core: Arc<Core>, module: String) -> RpcResult {
    let own = core.log.change_rules(|rules| rules.facilities.get(&module).copied());
    let facility = own.unwrap_or_else(|| core.log.facility());
    Ok(vec![i64::from(facility).into()])
}

/// Lets the numbers of messages (`$mi`) begin anew, when the parameter `reset_msgid` is 1.
#[rpc("dbg.reset_msgid")]
pub async fn reset_msgid(core: Arc<Core>, me: Arc<Debugger>) -> RpcResult {
    if !me.params.reset_msgid {
        return Err(RpcFault::new(500, "the parameter reset_msgid is 0"));
    }
    core.reset_message_ids();
    Ok(vec!["200 ok".into()])
}
