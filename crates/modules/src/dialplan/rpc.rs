//! `dialplan.*`.

use std::sync::Arc;

use engine::{RpcArguments, RpcFault, RpcResult, RpcValue, rpc};

use super::{Dialplan, Failure};

/// An empty text is none, as in Kamailio.
fn text(text: &str) -> RpcValue {
    if text.is_empty() { RpcValue::Null } else { text.into() }
}

/// `dpid`: shows the rules of a dialplan, in the order in which they are tried.
#[rpc("dialplan.dump")]
pub async fn dump(me: Arc<Dialplan>, mut arguments: RpcArguments) -> RpcResult {
    let dpid: i64 = arguments.take().map_err(|_| RpcFault::new(500, "Missing parameter"))?;
    let plans = me.plans();
    let plan = plans.get(&dpid).ok_or_else(|| RpcFault::new(500, "Dialplan ID not matched"))?;
    let entry = |rule: &super::rules::Rule| {
        let row = &rule.row;
        let entry = RpcValue::structure([
            ("PRIO", row.priority.into()),
            ("MATCHOP", row.operator.into()),
            ("MATCHEXP", text(&row.expression)),
            ("MATCHLEN", row.length.into()),
            ("SUBSTEXP", text(&row.substituted)),
            ("REPLEXP", text(&row.replacement)),
            ("ATTRS", text(&row.attributes)),
        ]);
        ("ENTRY".to_owned(), entry)
    };
    let entries = RpcValue::Struct(plan.rules.iter().map(entry).collect());
    Ok(vec![RpcValue::structure([("DPID", dpid.into()), ("ENTRIES", entries)])])
}

/// Reads the rules from the database anew; not within `reload_delta` seconds of the last time.
#[rpc("dialplan.reload")]
pub async fn reload(me: Arc<Dialplan>) -> RpcResult {
    me.reload().await.map_err(|error| RpcFault::new(500, error))?;
    Ok(Vec::new())
}

/// `dpid text`: translates a text by the rules of a dialplan. Rules with variables do not work here: there is no
/// message.
#[rpc("dialplan.translate")]
pub async fn translate(me: Arc<Dialplan>, mut arguments: RpcArguments) -> RpcResult {
    let wrong = |_| RpcFault::new(500, "Invalid parameters");
    let dpid: i64 = arguments.take().map_err(wrong)?;
    let input: String = arguments.take().map_err(wrong)?;
    if input.is_empty() {
        return Err(RpcFault::new(500, "Empty input parameter"));
    }
    match me.translate(dpid, input.as_bytes(), None) {
        Ok(done) => Ok(vec![RpcValue::structure([
            ("Output", text(&done.output.to_text())),
            ("Attributes", text(&done.attributes.to_text())),
        ])]),
        Err(Failure::NoPlan) => Err(RpcFault::new(500, "Dialplan ID not matched")),
        Err(Failure::NoRule | Failure::Wrong(_)) => Err(RpcFault::new(500, "No translation")),
    }
}
