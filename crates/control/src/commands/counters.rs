//! `cnt.*` of module counters.

use std::sync::Arc;

use engine::core::Core;
use engine::statistics::{Source, Statistic};
use engine::{RpcArguments, RpcDef, RpcFault, RpcResult, RpcValue, rpc};

use super::statistics::sorted;
use super::{missing, one};

/// The commands.
pub const COMMANDS: &[RpcDef] =
    &[GET, GET_RAW, RESET, GRP_GET_ALL, GET_VARS, GRPS_LIST, LIST_GROUPS, VAR_LIST, LIST_VARS, HELP];

/// The counter that two arguments name.
fn named(core: &Core, mut arguments: RpcArguments) -> Result<Statistic, RpcFault> {
    let group = arguments.take::<Option<String>>()?.ok_or_else(|| missing(0))?;
    let name = arguments.take::<Option<String>>()?.ok_or_else(|| missing(1))?;
    core.statistics
        .find(Some(&group), &name)
        .ok_or_else(|| RpcFault::new(400, format!("non-existent counter {group}.{name}\n")))
}

/// All counters of a group.
fn group(core: &Core, group: Option<String>) -> Result<Vec<Statistic>, RpcFault> {
    let group = group.ok_or_else(|| missing(0))?;
    Ok(sorted(core).into_iter().filter(|statistic| statistic.group == group).collect())
}

fn all_of(core: &Core, name: Option<String>) -> RpcResult {
    let statistics = group(core, name)?.into_iter();
    let members = statistics.map(|statistic| {
        let value = statistic.value().into();
        (statistic.name, value)
    });
    one(RpcValue::Struct(members.collect()))
}

fn names_of(core: &Core, name: Option<String>) -> RpcResult {
    Ok(group(core, name)?.into_iter().map(|statistic| statistic.name.into()).collect())
}

fn groups(core: &Core) -> RpcResult {
    let mut names: Vec<String> = core.statistics.all().into_iter().map(|statistic| statistic.group).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names.into_iter().map(RpcValue::from).collect())
}

/// Get counter value (takes group and counter name as parameters); all counters of the group without a name.
#[rpc("cnt.get")]
pub async fn get(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    if arguments.remaining() == 1 {
        let mut arguments = arguments;
        return all_of(&core, arguments.take()?);
    }
    one(named(&core, arguments)?.value())
}

/// Get raw counter value (debugging version).
#[rpc("cnt.get_raw")]
pub async fn get_raw(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    one(named(&core, arguments)?.value())
}

/// Reset counter (takes group and counter name as parameters).
#[rpc("cnt.reset")]
pub async fn reset(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    if let Source::Counter(counter) = named(&core, arguments)?.source {
        counter.reset();
    }
    Ok(vec![])
}

/// List all counters and their values in a group.
#[rpc("cnt.grp_get_all")]
pub async fn grp_get_all(core: Arc<Core>, group: Option<String>) -> RpcResult {
    all_of(&core, group)
}

/// List all counters and their values in a group.
#[rpc("cnt.get_vars")]
pub async fn get_vars(core: Arc<Core>, group: Option<String>) -> RpcResult {
    all_of(&core, group)
}

/// List all the counter group names.
#[rpc("cnt.grps_list", array)]
pub async fn grps_list(core: Arc<Core>) -> RpcResult {
    groups(&core)
}

/// List all the counter group names.
#[rpc("cnt.list_groups", array)]
pub async fn list_groups(core: Arc<Core>) -> RpcResult {
    groups(&core)
}

/// List all the counters names in a specified group.
#[rpc("cnt.var_list", array)]
pub async fn var_list(core: Arc<Core>, group: Option<String>) -> RpcResult {
    names_of(&core, group)
}

/// List all the counters names in a specified group.
#[rpc("cnt.list_vars", array)]
pub async fn list_vars(core: Arc<Core>, group: Option<String>) -> RpcResult {
    names_of(&core, group)
}

/// Print the description of a counter.
#[rpc("cnt.help")]
pub async fn help(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    one(named(&core, arguments)?.doc)
}
