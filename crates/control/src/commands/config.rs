//! `cfg.*` of module cfg_rpc: values that can be changed while the server runs.

use std::sync::Arc;

use engine::config_groups::GroupName;
use engine::core::Core;
use engine::rpc::RpcArgument as _;
use engine::{RpcArguments, RpcDef, RpcFault, RpcResult, RpcValue, Value, rpc};

use super::{missing, one};

/// The commands.
pub const COMMANDS: &[RpcDef] = &[
    LIST,
    GET,
    HELP,
    SET,
    SET_NOW_INT,
    SET_NOW_STRING,
    SETI,
    SETS,
    SET_DELAYED,
    SET_DELAYED_INT,
    SET_DELAYED_STRING,
    DIFF,
    COMMIT,
    ROLLBACK,
    RESET,
    DEL,
    DEL_DELAYED,
    ADD_GROUP_INST,
    DEL_GROUP_INST,
];

fn shown(value: &Value) -> RpcValue {
    match value {
        Value::Int(number) => RpcValue::Int(*number),
        Value::Str(text) => text.into(),
        _ => RpcValue::Null,
    }
}

/// List the configuration variables.
#[rpc("cfg.list", array)]
pub async fn list(core: Arc<Core>, group: Option<String>) -> RpcResult {
    let groups = core.config.groups().into_iter().filter(|name| group.as_ref().is_none_or(|group| group == name));
    let lines = groups.flat_map(|group| {
        let variables = core.config.group(&group);
        variables.into_iter().map(move |variable| format!("{group}: {}", variable.name).into())
    });
    Ok(lines.collect())
}

/// Get the value of a configuration variable.
#[rpc("cfg.get")]
pub async fn get(core: Arc<Core>, mut arguments: RpcArguments) -> RpcResult {
    let unusable = || RpcFault::new(500, "Failed to get the parameters");
    let (group, name) = match (arguments.next_value(), arguments.next_value()) {
        (Some(RpcValue::Text(group)), None) => (group, None),
        (Some(RpcValue::Text(group)), Some(RpcValue::Text(name))) => (group, Some(name)),
        _ => return Err(unusable()),
    };
    let group = String::from_utf8_lossy(&group);
    let unknown = || RpcFault::new(400, "Failed to get the variable");
    let group = GroupName::parse(&group).ok_or_else(unknown)?;
    if group.instance.is_some_and(|instance| !core.config.has_instance(&group.group, instance)) {
        return Err(unknown());
    }
    let shown_of = |name: &str| core.config.value(&group, name).map(|value| shown(&value));
    match name {
        Some(name) => one(shown_of(&String::from_utf8_lossy(&name)).ok_or_else(unknown)?),
        None => {
            let variables = core.config.group(&group.group).into_iter();
            let members = variables.filter_map(|variable| Some((variable.name.clone(), shown_of(&variable.name)?)));
            one(RpcValue::Struct(members.collect()))
        }
    }
}

/// Print the description of a configuration variable.
#[rpc("cfg.help")]
pub async fn help(core: Arc<Core>, mut arguments: RpcArguments) -> RpcResult {
    let (group, name) = names(&mut arguments)?;
    let Some(variable) = core.config.find(&group, &name) else {
        return Err(RpcFault::new(400, "Failed to get the variable description"));
    };
    let kind = if matches!(variable.default, Value::Int(_)) { "integer" } else { "string" };
    Ok(vec![variable.doc.as_str().into(), format!("(parameter type is {kind})").into()])
}

fn names(arguments: &mut RpcArguments) -> Result<(String, String), RpcFault> {
    let group = arguments.take::<Option<String>>()?.ok_or_else(|| missing(0))?;
    let name = arguments.take::<Option<String>>()?.ok_or_else(|| missing(1))?;
    Ok((group, name))
}

/// When a change takes effect.
#[derive(Clone, Copy)]
enum When {
    Now,
    /// At the next `cfg.commit`.
    Later,
}

fn store(core: &Core, when: When, group: &str, name: &str, value: Option<Value>) -> RpcResult {
    let failed = || RpcFault::new(400, "Failed to set the variable");
    let (value, group) = (value.ok_or_else(failed)?, GroupName::parse(group).ok_or_else(failed)?);
    let set = match when {
        When::Now => core.config.change(&group, name, Some(value)),
        When::Later => core.config.change_later(&group, name, Some(value)),
    };
    set.map(|()| Vec::new()).map_err(|_| failed())
}

/// A number becomes text for a text variable, and digits a number for the others.
fn fitting(core: &Core, group: &str, name: &str, value: &RpcValue) -> Option<Value> {
    let text = value.to_text()?;
    match core.config.find(&GroupName::parse(group)?.group, name)?.default {
        Value::Int(_) => text.trim().parse().ok().map(Value::Int),
        _ => Some(Value::Str(text.into())),
    }
}

fn set_any(core: &Core, when: When, mut arguments: RpcArguments) -> RpcResult {
    let (group, name) = names(&mut arguments)?;
    let value = arguments.next_value().ok_or_else(|| missing(2))?;
    store(core, when, &group, &name, fitting(core, &group, &name, &value))
}

fn mismatch(kind: &str) -> RpcFault {
    RpcFault::new(400, format!("error at parameter 2: expected {kind} type but record doesn't match type"))
}

fn set_int(core: &Core, when: When, mut arguments: RpcArguments) -> RpcResult {
    let (group, name) = names(&mut arguments)?;
    let value = arguments.next_value();
    if value.is_none() {
        let reason = "error at parameter 2: expected integer type but end of packet encountered";
        return Err(RpcFault::new(400, reason));
    }
    // JSON clients often send digits as text.
    let number = i64::from_value(value).map_err(|_| mismatch("integer"))?;
    store(core, when, &group, &name, fitting(core, &group, &name, &RpcValue::Int(number)))
}

fn set_text(core: &Core, when: When, mut arguments: RpcArguments) -> RpcResult {
    let (group, name) = names(&mut arguments)?;
    match arguments.next_value() {
        Some(value @ RpcValue::Text(_)) => store(core, when, &group, &name, fitting(core, &group, &name, &value)),
        Some(_) => Err(mismatch("string")),
        None => Err(missing(2)),
    }
}

/// Set the value of a configuration variable and commit the change immediately.
#[rpc("cfg.set")]
pub async fn set(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    set_any(&core, When::Now, arguments)
}

/// Set the value of a configuration variable and commit the change immediately. The value is an integer.
#[rpc("cfg.set_now_int")]
pub async fn set_now_int(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    set_int(&core, When::Now, arguments)
}

/// Set the value of a configuration variable and commit the change immediately. The value is a string.
#[rpc("cfg.set_now_string")]
pub async fn set_now_string(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    set_text(&core, When::Now, arguments)
}

/// Alias of cfg.set_now_int.
#[rpc("cfg.seti")]
pub async fn seti(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    set_int(&core, When::Now, arguments)
}

/// Alias of cfg.set_now_string.
#[rpc("cfg.sets")]
pub async fn sets(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    set_text(&core, When::Now, arguments)
}

/// Prepare the change of a configuration variable, but does not commit the new value yet.
#[rpc("cfg.set_delayed")]
pub async fn set_delayed(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    set_any(&core, When::Later, arguments)
}

/// Prepare the change of a configuration variable, but does not commit the new value yet. The value is an integer.
#[rpc("cfg.set_delayed_int")]
pub async fn set_delayed_int(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    set_int(&core, When::Later, arguments)
}

/// Prepare the change of a configuration variable, but does not commit the new value yet. The value is a string.
#[rpc("cfg.set_delayed_string")]
pub async fn set_delayed_string(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    set_text(&core, When::Later, arguments)
}

/// List the pending configuration changes that have not been committed yet.
#[rpc("cfg.diff")]
pub async fn diff(core: Arc<Core>) -> RpcResult {
    let lines = core.config.pending().into_iter().map(|change| {
        let mut members = vec![("group name".to_owned(), change.group.group.into())];
        if let Some(instance) = change.group.instance {
            members.push(("group id".into(), i64::from(instance).into()));
        }
        members.extend([
            ("variable name".into(), change.name.into()),
            ("old value".into(), shown(&change.old)),
            ("new value".into(), shown(&change.new)),
        ]);
        RpcValue::Struct(members)
    });
    Ok(lines.collect())
}

/// Commit the previously prepared configuration changes.
#[rpc("cfg.commit")]
pub async fn commit(core: Arc<Core>) -> RpcResult {
    core.config.commit().map_err(|_| RpcFault::new(400, "Failed to commit the changes"))?;
    Ok(vec![])
}

/// Drop the prepared configuration changes.
#[rpc("cfg.rollback")]
pub async fn rollback(core: Arc<Core>) -> RpcResult {
    core.config.rollback();
    Ok(vec![])
}

/// Reset all the values of a configuration group and commit the change immediately.
#[rpc("cfg.reset")]
pub async fn reset(core: Arc<Core>, group: Option<String>) -> RpcResult {
    let group = group.ok_or_else(|| missing(0))?;
    for variable in core.config.group(&group) {
        let reset = core.config.set(&group, &variable.name, variable.default);
        reset.map_err(|_| RpcFault::new(500, "Reset failed"))?;
    }
    Ok(vec![])
}

/// The group and number in `group[number]`.
fn instance(name: &str) -> Result<(String, u32), RpcFault> {
    match GroupName::parse(name) {
        Some(GroupName { group, instance: Some(instance) }) => Ok((group, instance)),
        _ => Err(RpcFault::new(400, "Wrong group syntax. Use \"group[id]\"")),
    }
}

fn forget(core: &Core, when: When, mut arguments: RpcArguments) -> RpcResult {
    let (group, name) = names(&mut arguments)?;
    let (group, instance) = instance(&group)?;
    let group = GroupName { group, instance: Some(instance) };
    let forgotten = match when {
        When::Now => core.config.change(&group, &name, None),
        When::Later => core.config.change_later(&group, &name, None),
    };
    forgotten.map(|()| Vec::new()).map_err(|_| RpcFault::new(400, "Failed to delete the value"))
}

/// Delete the value of a configuration variable from a group instance and commit the change immediately. The instance
/// follows the group's value again.
#[rpc("cfg.del")]
pub async fn del(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    forget(&core, When::Now, arguments)
}

/// Prepare the deletion of a configuration variable from a group instance, but does not commit the change yet.
#[rpc("cfg.del_delayed")]
pub async fn del_delayed(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    forget(&core, When::Later, arguments)
}

/// Add a new instance, `group[number]`, to an existing configuration group that the configuration file declares.
#[rpc("cfg.add_group_inst")]
pub async fn add_group_inst(core: Arc<Core>, group: Option<String>) -> RpcResult {
    let (group, number) = instance(&group.ok_or_else(|| missing(0))?)?;
    let added = core.config.add_instance(&group, number);
    added.map(|()| Vec::new()).map_err(|_| RpcFault::new(400, "Failed to add the group instance"))
}

/// Delete an instance of a configuration group.
#[rpc("cfg.del_group_inst")]
pub async fn del_group_inst(core: Arc<Core>, group: Option<String>) -> RpcResult {
    let (group, number) = instance(&group.ok_or_else(|| missing(0))?)?;
    let deleted = core.config.remove_instance(&group, number);
    deleted.map(|()| Vec::new()).map_err(|_| RpcFault::new(400, "Failed to delete the group instance"))
}
