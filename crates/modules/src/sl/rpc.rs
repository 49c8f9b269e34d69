//! RPC commands of module `sl`.

use std::sync::Arc;

use engine::{RpcResult, RpcValue, rpc};

use super::Sl;

/// How many replies were sent, by code; `4xx` and so on count the other codes of their class, `xxx` those from 700 on.
#[rpc("sl.stats")]
pub async fn stats(me: Arc<Sl>) -> RpcResult {
    let mut members: Vec<(String, RpcValue)> = Vec::new();
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx", "xxx"];
    // Kamailio does not show the class 1xx here.
    for (class, (name, others)) in (1..=7).zip(classes.iter().zip(&me.counters.by_class)).skip(1) {
        let of_class = me.counters.by_code.iter().filter(|(code, _)| code / 100 == class);
        members.extend(of_class.map(|(code, counter)| (code.to_string(), counter.get().into())));
        members.push(((*name).to_owned(), others.get().into()));
    }
    Ok(vec![RpcValue::Struct(members)])
}
