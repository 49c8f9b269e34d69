//! RPC commands of module `sl`.

use std::sync::Arc;

use engine::{RpcResult, RpcValue, rpc};

use super::Sl;

/// How many replies of which code were sent.
#[rpc("sl.stats")]
pub async fn stats(me: Arc<Sl>) -> RpcResult {
    let mut members: Vec<(String, RpcValue)> =
        me.counters.by_code.iter().map(|(code, counter)| (code.to_string(), counter.get().into())).collect();
    for (at, counter) in me.counters.by_class[..6].iter().enumerate() {
        members.push((format!("{}xx", at + 1), counter.get().into()));
    }
    members.push(("xxx".into(), me.counters.by_class[6].get().into()));
    Ok(vec![RpcValue::Struct(members)])
}
