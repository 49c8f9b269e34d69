//! `pike.top` and `pike.list`.

use std::sync::Arc;

use engine::{RpcFault, RpcResult, RpcValue, rpc};

use super::Pike;
use super::tree::{Heat, Seen};

/// How many addresses one answer lists at most.
const MOST: usize = 10_000;

fn show(me: &Pike, filter: Option<&str>) -> RpcResult {
    let wanted: fn(&Seen) -> bool = match filter {
        None | Some("HOT") => |seen| seen.heat == Heat::Hot,
        Some("WARM") => |seen| seen.heat == Heat::Warm,
        Some("ALL") => |_| true,
        Some(_) => return Err(RpcFault::new(500, "Bad argument. Select: ALL, HOT or WARM")),
    };
    let mut list = me.tree.list(me.core.unix_time(), wanted);
    list.sort_unstable_by_key(|seen| {
        (std::cmp::Reverse(u64::from(seen.previous) + u64::from(seen.current)), seen.address)
    });
    list.truncate(MOST);
    let rows: Vec<RpcValue> = list
        .iter()
        .map(|seen| {
            let status = match seen.heat {
                Heat::Cold => "",
                Heat::Warm => "WARM",
                Heat::Hot => "HOT",
            };
            RpcValue::structure([
                ("ip_addr", seen.address.to_string().into()),
                ("leaf_hits_prev", seen.previous.into()),
                ("leaf_hits_curr", seen.current.into()),
                ("expires", RpcValue::Int(seen.expires)),
                ("status", status.into()),
            ])
        })
        .collect();
    let count = rows.len();
    Ok(vec![RpcValue::structure([
        ("max_hits", me.params.reqs_density_per_unit.into()),
        ("list", RpcValue::Array(rows)),
        ("number_of_rows", count.into()),
    ])])
}

/// Lists the addresses that send most, those first: `HOT` (the default) the ones that are blocked, `WARM` the ones that
/// come near it, `ALL` all that are known.
#[rpc("pike.top")]
pub async fn top(me: Arc<Pike>, filter: Option<String>) -> RpcResult {
    show(&me, filter.as_deref())
}

/// The same as `pike.top`.
#[rpc("pike.list")]
pub async fn list(me: Arc<Pike>, filter: Option<String>) -> RpcResult {
    show(&me, filter.as_deref())
}
