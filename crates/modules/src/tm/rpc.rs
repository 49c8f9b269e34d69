//! RPC commands about transactions.

use std::sync::Arc;

use engine::{RpcArguments, RpcDef, RpcFault, RpcResult, RpcValue, Str, rpc};
use sip::{HeaderName, Message};

use super::transaction::{Transaction, TransactionId};
use super::{Tm, uac};

/// All commands.
pub(super) const COMMANDS: &[RpcDef] = &[
    CANCEL,
    CLEAN,
    HASH_STATS,
    LIST,
    REPLY,
    REPLY_CALLID,
    RETRANSMIT_REPLY,
    RETRANSMIT_REPLY_CALLID,
    STATS,
    uac::START,
    uac::START_HEX,
    uac::START_NOACK,
    uac::START_NOACK_HEX,
    uac::WAIT,
    uac::WAIT_BLOCK,
    uac::WAIT_BLOCK_HEX,
    uac::WAIT_BLOCK_NOACK,
    uac::WAIT_BLOCK_NOACK_HEX,
    uac::WAIT_HEX,
    uac::WAIT_NOACK,
    uac::WAIT_NOACK_HEX,
];

/// The next argument, or a fault that says what it is.
fn text(arguments: &mut RpcArguments, missing: &str) -> Result<String, RpcFault> {
    arguments.take().map_err(|_| RpcFault::new(400, missing))
}

/// A status code.
fn status(arguments: &mut RpcArguments) -> Result<u16, RpcFault> {
    let code: i64 = arguments.take().map_err(|_| RpcFault::new(400, "Reply code expected"))?;
    u16::try_from(code)
        .ok()
        .filter(|code| (100..700).contains(code))
        .ok_or_else(|| RpcFault::new(400, "Reply code expected"))
}

/// `index:label`, both in decimal.
fn transaction_id(text: &str) -> Result<TransactionId, RpcFault> {
    let parsed = text.split_once(':').and_then(|(index, label)| {
        Some(TransactionId { index: index.trim().parse().ok()?, label: label.trim().parse().ok()? })
    });
    parsed.ok_or_else(|| RpcFault::new(400, "Invalid transaction ID"))
}

fn by_id(tm: &Tm, id: &str) -> Result<Arc<Transaction>, RpcFault> {
    tm.table.get(transaction_id(id)?).ok_or_else(|| RpcFault::new(481, "No such transaction"))
}

/// Call-ID and CSeq number.
fn call(arguments: &mut RpcArguments) -> Result<(String, String), RpcFault> {
    Ok((text(arguments, "Call-ID expected")?, text(arguments, "CSeq expected")?))
}

fn by_call(tm: &Tm, (call_id, cseq): &(String, String)) -> Result<Arc<Transaction>, RpcFault> {
    let cseq = cseq.trim().parse().ok();
    let found = cseq.and_then(|cseq| tm.table.find_call(call_id.as_bytes(), cseq, false));
    found.ok_or_else(|| RpcFault::new(404, "Transaction not found"))
}

/// One header of the request as it came, with its line end; empty when there is none.
fn line(request: &Message, name: HeaderName) -> RpcValue {
    request.header(name).map_or_else(|| RpcValue::from(""), |header| (&request.raw_of(header)).into())
}

/// All transactions. `cell` is another form of index and label, `tflags` is 1 when the transaction may still change,
/// `ref_count` counts who holds it, `lifetime` are the milliseconds until no branch waits any more.
#[rpc("tm.list", array)]
pub async fn list(me: Arc<Tm>) -> RpcResult {
    let now = me.now();
    let mut all = Vec::new();
    for transaction in me.table.all() {
        let id = transaction.id();
        let state = transaction.lock();
        let Ok(request) = Message::parse(state.request.text.clone()) else { continue };
        let cseq = request.cseq().ok().flatten().map_or(0, |cseq| cseq.number);
        all.push(RpcValue::structure([
            ("cell", format!("{:#x}", u64::from(id.index) << 32 | u64::from(id.label)).into()),
            ("tindex", id.index.into()),
            ("tlabel", id.label.into()),
            ("method", (&request.method_name()).into()),
            ("from", line(&request, HeaderName::From)),
            ("to", line(&request, HeaderName::To)),
            ("callid", line(&request, HeaderName::CallId)),
            ("cseq", format!("CSeq: {cseq}").into()),
            ("uas_request", if transaction.is_local() { "no" } else { "yes" }.into()),
            ("tflags", i32::from(!state.machine.is_final()).into()),
            ("outgoings", state.branches.len().into()),
            // Not the table's copy, nor ours.
            ("ref_count", Arc::strong_count(&transaction).saturating_sub(1).into()),
            ("lifetime", RpcValue::Int(i64::try_from(state.machine.end_of_life() - now).unwrap_or(i64::MAX))),
        ]));
    }
    Ok(all)
}

/// How many transactions there are and were, and how many replies.
#[rpc("tm.stats")]
pub async fn stats(me: Arc<Tm>) -> RpcResult {
    let counters = &me.counters;
    let (uas, uac) = (counters.uas.get(), counters.uac.get());
    let current = me.table.len() as i64;
    let mut members: Vec<(String, RpcValue)> = [
        ("current", current),
        ("waiting", (current - me.active()).max(0)),
        ("total", uas + uac),
        ("total_local", uac),
        ("rpl_received", counters.received.get()),
        ("rpl_generated", counters.generated.get()),
        ("rpl_sent", counters.sent.get()),
    ]
    .map(|(name, value)| (name.to_owned(), value.into()))
    .to_vec();
    let classes: Vec<i64> = counters.classes().collect();
    let classes = classes.iter().enumerate().rev().map(|(at, count)| (format!("{}xx", at + 2), (*count).into()));
    members.extend(classes);
    for (name, value) in [("created", uas + uac), ("freed", (uas + uac - current).max(0)), ("delayed_free", 0)] {
        members.push((name.to_owned(), value.into()));
    }
    Ok(vec![RpcValue::Struct(members)])
}

/// How the transactions are spread over the slots of the table.
#[rpc("tm.hash_stats")]
pub async fn hash_stats(me: Arc<Tm>) -> RpcResult {
    let (mut used, mut longest, mut total) = (0, 0, 0);
    for (_, count) in me.table.occupied() {
        used += 1;
        longest = longest.max(count);
        total += count;
    }
    Ok(vec![RpcValue::structure([
        ("slots", super::table::SLOTS.into()),
        ("used", RpcValue::Int(used)),
        ("longest", longest.into()),
        ("transactions", total.into()),
    ])])
}

/// Ends transactions that nothing else would end. There should be none.
#[rpc("tm.clean")]
pub async fn clean(me: Arc<Tm>) -> RpcResult {
    me.clean();
    Ok(Vec::new())
}

/// Cancels the branches of the INVITE with this Call-ID and CSeq number. Answers how many go on waiting for their final
/// reply.
#[rpc("tm.cancel")]
pub async fn cancel(me: Arc<Tm>, mut arguments: RpcArguments) -> RpcResult {
    const EXPECTED: &str = "Callid and CSeq expected as parameters";
    let call_id = text(&mut arguments, EXPECTED)?;
    let cseq = text(&mut arguments, EXPECTED)?;
    let invite = cseq.trim().parse().ok().and_then(|cseq| me.table.find_call(call_id.as_bytes(), cseq, true));
    let invite = invite.ok_or_else(|| RpcFault::new(400, "Transaction not found"))?;
    let left = invite.cancel_branches(None, |_| true, None);
    Ok(vec![left.into(), "branches remaining (waiting for timeout)".into()])
}

/// Header lines as they go into a reply: each with its line end; `.` means none.
fn header_lines(text: &str) -> Result<Vec<Str>, RpcFault> {
    if text == "." {
        return Ok(Vec::new());
    }
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split_once(':') {
            Some((name, _)) if !name.is_empty() && name.bytes().all(sip::scan::is_token) => {
                Ok(Str::from(format!("{line}\r\n")))
            }
            _ => Err(RpcFault::new(400, "New headers expected")),
        })
        .collect()
}

/// A reply as a caller gives it.
struct Reply {
    tag: Option<String>,
    headers: Vec<Str>,
    body: Option<Str>,
}

impl Reply {
    /// To tag, headers, body.
    fn take(arguments: &mut RpcArguments) -> Result<Self, RpcFault> {
        let tag = text(arguments, "To tag expected")?;
        let headers = header_lines(&text(arguments, "New headers expected")?)?;
        let body: Option<String> = arguments.take()?;
        if !tag.bytes().all(sip::scan::is_token) {
            return Err(RpcFault::new(400, "To tag expected"));
        }
        let tag = Some(tag).filter(|tag| !tag.is_empty() && tag != ".");
        Ok(Self { tag, headers, body: body.filter(|body| !body.is_empty()).map(Str::from) })
    }

    fn send(self, transaction: &Arc<Transaction>, code: u16, reason: &str) -> RpcResult {
        let reason = engine::reply::one_line(Str::from(reason));
        match transaction.answer(code, &reason, self.tag, self.headers, self.body) {
            true => Ok(Vec::new()),
            false => Err(RpcFault::new(500, "Reply failed")),
        }
    }
}

/// Answers the request of a transaction: code, reason, transaction (`index:label` of `tm.list`), To tag, header lines
/// (`.`: none), and a body (its Content-Type is among the headers).
#[rpc("tm.reply")]
pub async fn reply(me: Arc<Tm>, mut arguments: RpcArguments) -> RpcResult {
    let code = status(&mut arguments)?;
    let reason = text(&mut arguments, "Reason phrase expected")?;
    let id = text(&mut arguments, "Transaction ID expected")?;
    let reply = Reply::take(&mut arguments)?;
    reply.send(&by_id(&me, &id)?, code, &reason)
}

/// Like `tm.reply`, with Call-ID and CSeq number in place of the transaction.
#[rpc("tm.reply_callid")]
pub async fn reply_callid(me: Arc<Tm>, mut arguments: RpcArguments) -> RpcResult {
    let code = status(&mut arguments)?;
    let reason = text(&mut arguments, "Reason phrase expected")?;
    let call = call(&mut arguments)?;
    let reply = Reply::take(&mut arguments)?;
    reply.send(&by_call(&me, &call)?, code, &reason)
}

fn retransmit(transaction: &Transaction) -> RpcResult {
    let mut sends = Vec::new();
    transaction.resend_reply(&transaction.lock(), &mut sends);
    if sends.is_empty() {
        return Err(RpcFault::new(500, "Reply failed"));
    }
    transaction.tm.core().send_all(&mut sends);
    Ok(Vec::new())
}

/// Sends the last reply of a transaction (`index:label` of `tm.list`) once more.
#[rpc("tm.retransmit_reply")]
pub async fn retransmit_reply(me: Arc<Tm>, mut arguments: RpcArguments) -> RpcResult {
    let id = text(&mut arguments, "Transaction ID expected")?;
    retransmit(&*by_id(&me, &id)?)
}

/// Sends the last reply to the request with this Call-ID and CSeq number once more.
#[rpc("tm.retransmit_reply_callid")]
pub async fn retransmit_reply_callid(me: Arc<Tm>, mut arguments: RpcArguments) -> RpcResult {
    let call = call(&mut arguments)?;
    retransmit(&*by_call(&me, &call)?)
}
