//! RPC commands of module `domain`.

use std::sync::Arc;

use engine::{RpcFault, RpcResult, RpcValue, rpc};

use super::Domain;
use crate::core_hash::core_case_hash;

/// Kamailio's number of the list that something stands in; lists come out in the order of their numbers.
fn list_number(key: &[u8]) -> u32 {
    core_case_hash(key) & 127
}

/// Reads both tables anew. When that fails the domains stay as they were.
#[rpc("domain.reload")]
pub async fn reload(me: Arc<Domain>) -> RpcResult {
    me.load().await.map_err(|problem| RpcFault::new(500, format!("Domain Reload Failed: {problem}")))?;
    Ok(Vec::new())
}

/// The domains with their ids, and the names of the attributes of each id.
#[rpc("domain.dump")]
pub async fn dump(me: Arc<Domain>) -> RpcResult {
    let domains = me.domains();
    let mut known: Vec<_> = domains.iter().collect();
    known.sort_by_cached_key(|known| (list_number(&known.name), known.name.clone()));
    let known = known.into_iter().map(|known| {
        RpcValue::structure([("domain", RpcValue::from(&known.name)), ("did", RpcValue::from(&known.did))])
    });
    let ids = domains.ids().map(|did| {
        let names = domains.attributes(did).iter().map(|attribute| RpcValue::from(&attribute.name)).collect();
        RpcValue::structure([("did", RpcValue::from(did)), ("attrs", RpcValue::Array(names))])
    });
    Ok(vec![RpcValue::structure([
        ("domains", RpcValue::Array(known.collect())),
        ("attributes", RpcValue::Array(ids.collect())),
    ])])
}
