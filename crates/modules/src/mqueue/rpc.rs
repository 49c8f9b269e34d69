//! `mqueue.*`.

use std::sync::Arc;

use engine::{RpcArguments, RpcFault, RpcResult, RpcValue, rpc};

use super::Mqueue;
use super::queue::Queue;

fn name(arguments: &mut RpcArguments) -> Result<String, RpcFault> {
    arguments.take().map_err(|_| RpcFault::new(400, "No queue name"))
}

fn size(queue: &Queue) -> RpcValue {
    RpcValue::structure([("name", (*queue.name).into()), ("size", queue.len().into())])
}

/// Shows how many items a queue has.
#[rpc("mqueue.get_size")]
pub async fn get_size(me: Arc<Mqueue>, mut arguments: RpcArguments) -> RpcResult {
    let name = name(&mut arguments)?;
    let queue = me.find(name.as_bytes()).ok_or_else(|| RpcFault::new(404, "No such queue"))?;
    Ok(vec![size(queue)])
}

/// Shows how many items all queues have, the last defined first.
#[rpc("mqueue.get_sizes", array)]
pub async fn get_sizes(me: Arc<Mqueue>) -> RpcResult {
    Ok(me.queues.iter().rev().map(|queue| size(queue)).collect())
}

/// Takes the oldest item from a queue.
#[rpc("mqueue.fetch")]
pub async fn fetch(me: Arc<Mqueue>, mut arguments: RpcArguments) -> RpcResult {
    let name = name(&mut arguments)?;
    let queue = me.find(name.as_bytes()).ok_or_else(|| RpcFault::new(500, "No such queue"))?;
    let item = queue.fetch().ok_or_else(|| RpcFault::new(404, "Empty queue"))?;
    Ok(vec![RpcValue::structure([("key", (&item.key).into()), ("val", (&item.value).into())])])
}
