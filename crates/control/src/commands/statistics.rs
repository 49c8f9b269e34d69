//! `stats.*` of module kex.

use std::sync::Arc;

use engine::core::Core;
use engine::statistics::{Source, Statistic};
use engine::{RpcArguments, RpcDef, RpcFault, RpcResult, RpcValue, rpc};

use super::one;

/// The commands.
pub const COMMANDS: &[RpcDef] = &[GET_STATISTICS, FETCH, FETCHN, RESET_STATISTICS, CLEAR_STATISTICS];

/// All statistics by group and name.
pub(super) fn sorted(core: &Core) -> Vec<Statistic> {
    let mut all = core.statistics.all();
    all.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    all
}

/// The statistics that the arguments ask for: `all`, `group:`, `name`; with `qualified` also `group.name` and
/// `group:name`. What does not exist is passed over.
fn chosen(core: &Core, mut arguments: RpcArguments, qualified: bool, none: &str) -> Result<Vec<Statistic>, RpcFault> {
    if arguments.remaining() == 0 {
        return Err(RpcFault::new(400, none));
    }
    let all = sorted(core);
    let mut chosen = Vec::new();
    while arguments.remaining() > 0 {
        let wanted: String = arguments.take()?;
        chosen.extend(all.iter().filter(|statistic| is_wanted(statistic, &wanted, qualified)).cloned());
    }
    Ok(chosen)
}

fn is_wanted(statistic: &Statistic, wanted: &str, qualified: bool) -> bool {
    if wanted == "all" || wanted == statistic.name {
        return true;
    }
    match wanted.split_once([':', '.']) {
        Some((group, "")) => wanted.ends_with(':') && group == statistic.group,
        Some((group, name)) => qualified && group == statistic.group && name == statistic.name,
        None => false,
    }
}

/// `group:name = value`.
fn line(statistic: &Statistic) -> RpcValue {
    format!("{}:{} = {}", statistic.group, statistic.name, statistic.value()).into()
}

fn fetched(core: &Core, arguments: RpcArguments, value: fn(i64) -> RpcValue) -> RpcResult {
    let statistics = chosen(core, arguments, true, "Please provide which stats to retrieve")?;
    let members = statistics
        .iter()
        .map(|statistic| (format!("{}.{}", statistic.group, statistic.name), value(statistic.value())));
    one(RpcValue::Struct(members.collect()))
}

fn reset(statistics: &[Statistic]) {
    for statistic in statistics {
        if let Source::Counter(counter) = &statistic.source {
            counter.reset();
        }
    }
}

/// Get core and modules stats.
#[rpc("stats.get_statistics", array)]
pub async fn get_statistics(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    let statistics = chosen(&core, arguments, false, "Please provide which stats to retrieve")?;
    Ok(statistics.iter().map(line).collect())
}

/// Fetch core and modules stats as string values.
#[rpc("stats.fetch")]
pub async fn fetch(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    fetched(&core, arguments, |value| value.to_string().into())
}

/// Fetch core and modules stats as number values.
#[rpc("stats.fetchn")]
pub async fn fetchn(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    fetched(&core, arguments, RpcValue::Int)
}

/// Reset core and modules stats.
#[rpc("stats.reset_statistics")]
pub async fn reset_statistics(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    reset(&chosen(&core, arguments, false, "Please provide stats name")?);
    Ok(vec![])
}

/// List core and modules stats and reset them.
#[rpc("stats.clear_statistics")]
pub async fn clear_statistics(core: Arc<Core>, arguments: RpcArguments) -> RpcResult {
    let statistics = chosen(&core, arguments, false, "Please provide stats name")?;
    let lines = statistics.iter().map(line).collect();
    reset(&statistics);
    Ok(lines)
}
