//! Branches and transactions: cancelled, answered, dropped, tried again.

use std::sync::Arc;

use engine::function::routes;
use engine::script_type::{ArgSource, Flag, required};
use engine::{CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, function};

use crate::tm::{self, Current, Tm, TransactionId};

/// Which branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// All but that of the reply.
    Others,
    /// That of the reply.
    This,
}

impl ScriptType for Which {
    type Compiled = Self;
    const KIND: &'static str = "all, others or this";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = required(arg)?;
        match &*arg.constant("which branches")? {
            "all" => Ok(Self::All),
            "others" => Ok(Self::Others),
            "this" => Ok(Self::This),
            _ => Err(arg.error("this argument says which branches", "`all`, `others` or `this`")),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(*compiled)
    }
}

/// In an `onreply_route[X]`: cancels branches of the transaction: `all`, all `others` than that of the reply, or `this`.
/// The transaction does not count as cancelled by the caller: its failure route runs. -1 without transaction.
#[function(ONREPLY)]
pub fn t_cancel_branches(cx: &mut RouteCx, which: Which) -> CallResult {
    let transaction = tm::required(cx)?;
    let mine = cx.find_data::<Current>().and_then(|current| current.branch);
    let chosen = |branch| match which {
        Which::All => true,
        Which::Others => Some(branch) != mine,
        Which::This => Some(branch) == mine,
    };
    transaction.cancel_branches(None, chosen, Some(&mut cx.outbox));
    Ok(Return::TRUE)
}

fn number(cseq: &Str) -> Result<u32, ScriptError> {
    let number = cseq.parse_int().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| ScriptError::new(format!("`{cseq}` is no CSeq number")))
}

/// Cancels the INVITE with this Call-ID and CSeq number. `flag`, if above 0, is set in the transaction. `rcode`, if
/// given, is the status that the CANCELs name as their reason. -1 when there is no such INVITE.
#[function(ANY)]
pub fn t_cancel_callid(
    cx: &mut RouteCx,
    tm: &Arc<Tm>,
    callid: Str,
    cseq: Str,
    flag: Flag,
    rcode: Option<i64>,
) -> CallResult {
    let Some(invite) = tm.find_call(&callid, number(&cseq)?, true) else { return Ok(Return::FALSE) };
    if flag.0 > 0 {
        invite.lock().request.flags |= 1 << flag.0;
    }
    let cause = rcode.and_then(|code| u16::try_from(code).ok()).filter(|code| (200..700).contains(code));
    invite.cancel_branches(cause, |_| true, Some(&mut cx.outbox));
    Ok(Return::TRUE)
}

/// Cancels one branch of the INVITE with the number `tindex`:`tlabel` (`$T(id_index)`, `$T(id_label)`). -1 when there is
/// no such INVITE or no such branch, or the branch has its final reply.
#[function(ANY)]
pub fn t_cancel_branch_idx(cx: &mut RouteCx, tm: &Arc<Tm>, tindex: i64, tlabel: i64, bindex: i64) -> CallResult {
    let found = u32::try_from(tindex).ok().zip(u32::try_from(tlabel).ok());
    let found = found.and_then(|(index, label)| tm.by_id(TransactionId { index, label }));
    let Some(invite) = found.filter(|found| found.is_invite()) else { return Ok(Return::FALSE) };
    let Some(wanted) = usize::try_from(bindex).ok().filter(|branch| invite.is_pending(*branch)) else {
        return Ok(Return::FALSE);
    };
    invite.cancel_branches(None, |branch| branch == wanted, Some(&mut cx.outbox));
    Ok(Return::TRUE)
}

/// Acknowledges the 2xx to an INVITE of this server that was sent without automatic ACK (`tm.t_uac_start_noack`): the one
/// with this Call-ID and CSeq number. `headers` are whole header lines, `body` needs a Content-Type among them.
///
/// Returns 1; -1 when no such INVITE has a 2xx, or headers or body are wrong.
#[function(ANY)]
pub fn t_uac_ack_local(
    cx: &mut RouteCx,
    tm: &Arc<Tm>,
    callid: Str,
    cseq: Str,
    headers: Option<Str>,
    body: Option<Str>,
) -> CallResult {
    let (headers, body) = (headers.unwrap_or_default(), body.unwrap_or_default());
    Ok(tm.acknowledge_call(&callid, number(&cseq)?, &headers, &body, &mut cx.outbox)?.into())
}

/// Answers the request with this Call-ID and CSeq number. -1 when there is no such transaction, or it was answered
/// finally before.
#[function(ANY)]
pub fn t_reply_callid(_cx: &mut RouteCx, tm: &Arc<Tm>, callid: Str, cseq: Str, code: i64, reason: Str) -> CallResult {
    let code = u16::try_from(code).ok().filter(|code| (100..700).contains(code));
    let code = code.ok_or_else(|| ScriptError::new("the code must be from 100 to 699"))?;
    let Some(transaction) = tm.find_call(&callid, number(&cseq)?, false) else { return Ok(Return::FALSE) };
    let reason = engine::reply::one_line(reason);
    Ok(transaction.answer(code, &reason, None, Vec::new(), None).into())
}

/// Ends the script and the transaction without any reply: `rcode` (default 500) counts as its status. A negative reply
/// that comes later is not sent on; a 2xx is. -1 without transaction.
#[function(ANY)]
pub fn t_drop(cx: &mut RouteCx, tm: &Arc<Tm>, rcode: Option<i64>) -> CallResult {
    let code = u16::try_from(rcode.unwrap_or(500)).ok().filter(|code| (200..700).contains(code));
    let code = code.ok_or_else(|| ScriptError::new("the code must be from 200 to 699"))?;
    let transaction = tm::required(cx)?;
    let mut state = transaction.lock();
    state.machine.drop_silently(tm.now(), code);
    transaction.arm(&mut state);
    Ok(Return::STOP)
}

/// In `event_route[tm:branch-failure:NAME]`: makes the branch that failed the request's destination again (request-URI,
/// next hop, path, flags and so on), for another `t_relay`. -1 elsewhere.
#[function(REQUEST | EVENT)]
pub fn t_reuse_branch(cx: &mut RouteCx) -> CallResult {
    let transaction = tm::required(cx)?;
    let failed = cx.find_data::<Current>().and_then(|current| current.branch);
    let failed = failed.filter(|_| cx.kind.0 == routes::EVENT);
    let branch = failed.and_then(|failed| Some(transaction.lock().branches.get(failed)?.to.clone()));
    let branch = branch.ok_or_else(|| ScriptError::new("no branch has failed here"))?;
    cx.to.set_first(branch);
    Ok(Return::TRUE)
}
