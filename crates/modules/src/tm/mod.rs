//! Module `tm`: transactions.
//!
//! Start reading at `transaction.rs` (one transaction), then `relay.rs` (a request goes on) and `incoming.rs` (a reply
//! comes back). The rules of RFC 3261 are in crate `transaction`; this module keeps the messages, runs the routes and
//! sends. It must never hold a transaction's lock while a script runs.

mod cancel;
mod check;
mod contacts;
mod counters;
mod create;
mod failover;
mod failure;
mod hop;
mod incoming;
mod local;
mod options;
mod params;
mod relay;
mod relay_functions;
mod replicate;
mod reply;
mod retired;
mod routes;
mod rpc;
mod running;
mod step;
mod suspend;
mod table;
mod timer;
mod transaction;
mod uac;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use ::transaction::{BranchId, Time};
use engine::{BoxFuture, Core, Creating, Diagnostic, Listeners, Module, ModuleDef, Params, Str};

pub(crate) use create::{current, required};
pub use local::LocalRequest;
pub use params::TmParams;
pub use step::{AckListener, Listener, Notice, RequestListener};
pub use transaction::{Completed, Transaction, TransactionId};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "tm",
    summary: "Transactions: relays requests with forking, retransmissions, timeouts and failure routes.",
    params: TmParams::DEFS,
    functions: &[
        check::T_ANY_REPLIED,
        check::T_ANY_TIMEOUT,
        check::T_BRANCH_REPLIED,
        check::T_BRANCH_TIMEOUT,
        check::T_CHECK_STATUS,
        check::T_CHECK_TRANS,
        check::T_CLEAN,
        check::T_EXISTS,
        check::T_GET_STATUS_CODE,
        check::T_GREP_STATUS,
        check::T_IS_CANCELED,
        check::T_IS_EXPIRED,
        check::T_IS_RETR_ASYNC_REPLY,
        check::T_LOOKUP_CANCEL,
        check::T_LOOKUP_REQUEST,
        contacts::T_LOAD_CONTACTS,
        contacts::T_NEXT_CONTACTS,
        contacts::T_NEXT_CONTACT_FLOW,
        options::T_DISABLE_E2E_CANCEL_REASON,
        options::T_DROP_REPLIES,
        options::T_RESET_FR,
        options::T_RESET_MAX_LIFETIME,
        options::T_RESET_RETR,
        options::T_SET_AUTO_INV_100,
        options::T_SET_DISABLE_6XX,
        options::T_SET_DISABLE_FAILOVER,
        options::T_SET_DISABLE_INTERNAL_REPLY,
        options::T_SET_FR,
        options::T_SET_MAX_LIFETIME,
        options::T_SET_NO_E2E_CANCEL_REASON,
        options::T_SET_RETR,
        options::T_USE_UAC_HEADERS,
        relay_functions::T_FORWARD_NONACK,
        relay_functions::T_FORWARD_NONACK_TCP,
        relay_functions::T_FORWARD_NONACK_TLS,
        relay_functions::T_FORWARD_NONACK_UDP,
        relay_functions::T_FORWARD_NONACK_URI,
        relay_functions::T_RELAY,
        relay_functions::T_RELAY_CANCEL,
        relay_functions::T_RELAY_TO,
        relay_functions::T_RELAY_TO_TCP,
        relay_functions::T_RELAY_TO_TLS,
        relay_functions::T_RELAY_TO_UDP,
        relay_functions::T_SAVE_LUMPS,
        replicate::T_REPLICATE,
        replicate::T_REPLICATE_TCP,
        replicate::T_REPLICATE_TLS,
        replicate::T_REPLICATE_TO,
        replicate::T_REPLICATE_UDP,
        reply::T_NEWTRAN,
        reply::T_RELEASE,
        reply::T_REPLY,
        reply::T_REPLY_ERROR,
        reply::T_RETRANSMIT_REPLY,
        reply::T_SEND_REPLY,
        routes::T_IS_SET,
        routes::T_ON_BRANCH,
        routes::T_ON_BRANCH_FAILURE,
        routes::T_ON_FAILURE,
        routes::T_ON_REPLY,
        uac::T_UAC_SEND,
    ],
    rpc: rpc::COMMANDS,
    event_routes: &["tm:branch-failure:*", "tm:local-request", "tm:local-response"],
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Tm {
    params: TmParams,
    live: params::Live,
    failover_codes: failover::ReplyCodes,
    core: OnceLock<Arc<Core>>,
    table: table::Table,
    retired: retired::Retired<transaction::Transaction>,
    timer: timer::Timer,
    counters: counters::Counters,
    listeners: Listeners<Listener>,
    ack_listeners: Listeners<AckListener>,
    request_listeners: Listeners<RequestListener>,
}

/// The transaction of a message while scripts run on it.
#[derive(Default)]
pub(crate) struct Current {
    /// It, once there is one.
    pub(crate) transaction: Option<Arc<Transaction>>,
    /// The branch that the script runs for.
    pub(crate) branch: Option<BranchId>,
    /// This is the request's own script, which made the transaction.
    pub(crate) is_owner: bool,
    /// The same, until the script has ended.
    pub(crate) running: Option<running::Running>,
    /// The message came before: the transaction is another message's.
    pub(crate) is_retransmission: bool,
    /// The request was sent on in this route: its URI is not taken once more unless it changes.
    pub(crate) relayed: bool,
    /// This is `event_route[tm:local-response]`.
    pub(crate) is_local_response: bool,
    /// The reply that follows at the end of the script, because relaying failed.
    pub(crate) failure: Option<(u16, Str)>,
    /// What scripts set before there is a transaction.
    pub(crate) options: transaction::Options,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: TmParams = creating.params()?;
    let refuse = |name: &str, message: &str, label: &str| {
        Err(Diagnostic::error(engine::Code::ParamValue, message, creating.span_of(name), label))
    };
    for (name, on) in [
        ("noisy_ctimer", params.noisy_ctimer),
        ("reparse_invite", params.reparse_invite),
        ("reply_relay_mode", params.reply_relay_mode),
    ] {
        if !on {
            let message = format!("switching `{name}` off is not supported yet");
            let label = "Kamailio has it, Olelo not yet";
            return Err(Diagnostic::error(engine::Code::NotYet, message, creating.span_of(name), label));
        }
    }
    for (name, milliseconds) in [
        ("fr_timer", params.fr_timer),
        ("fr_inv_timer", params.fr_inv_timer),
        ("wt_timer", params.wt_timer),
        ("retr_timer1", params.retr_timer1),
        ("retr_timer2", params.retr_timer2),
        ("max_inv_lifetime", params.max_inv_lifetime),
        ("max_noninv_lifetime", params.max_noninv_lifetime),
    ] {
        if !(1..=i64::from(i32::MAX)).contains(&milliseconds) {
            return refuse(name, &format!("`{name}` must be a number of milliseconds above 0"), "out of range");
        }
    }
    if !(400..700).contains(&params.reply_408_code) {
        return refuse("reply_408_code", "`reply_408_code` must be from 400 to 699", "no code of a negative reply");
    }
    let Some(failover_codes) = failover::ReplyCodes::parse(&params.failover_reply_codes.to_text()) else {
        let name = "failover_reply_codes";
        return refuse(name, &format!("wrong value of `{name}`"), "`code=403;class=5`: codes from 300, classes from 3");
    };
    if params.contacts_avp.is_empty() != params.contact_flows_avp.is_empty() {
        let (name, other) = match params.contacts_avp.is_empty() {
            true => ("contact_flows_avp", "contacts_avp"),
            false => ("contacts_avp", "contact_flows_avp"),
        };
        return refuse(name, &format!("`{other}` must be set as well"), "needs the other one");
    }
    let live = params::Live::declare(creating.core, &params);
    let tm = Arc::new(Tm {
        live,
        params,
        failover_codes,
        core: OnceLock::new(),
        table: table::Table::new(),
        retired: retired::Retired::default(),
        timer: timer::Timer::default(),
        counters: counters::Counters::new(creating.core),
        listeners: Listeners::default(),
        ack_listeners: Listeners::default(),
        request_listeners: Listeners::default(),
    });
    let _ = tm.core.set(creating.core.clone());
    counters::computed(&tm, creating.core);
    Ok(tm)
}

impl Module for Tm {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let me = self.clone();
        let _ = core.hooks.take_reply.set(Arc::new(move |cx| me.take_reply(cx)));
        let me = self.clone();
        core.hooks.send_failed.push(Arc::new(move |failure| me.send_failed(failure)));
        let me = self.clone();
        core.hooks.after_request.push(Arc::new(move |cx| {
            me.after_request(cx);
            true
        }));
        let me = self.clone();
        let _ =
            core.stateful_reply.set(Arc::new(move |cx, status, reason| reply::in_transaction(&me, cx, status, reason)));
        core.spawn(Box::pin(timer::run(self)));
        Box::pin(async { Ok(()) })
    }
}

impl Tm {
    pub(crate) fn core(&self) -> &Arc<Core> {
        match self.core.get() {
            Some(core) => core,
            None => unreachable!("`create` sets it"),
        }
    }

    /// The clock of the transactions.
    pub(crate) fn now(&self) -> Time {
        Time(u64::try_from(self.core().unix_micros() / 1000).unwrap_or_default())
    }

    /// The transaction and branch of a reply.
    pub(crate) fn transaction_of_reply(&self, reply: &sip::Message) -> Option<(Arc<Transaction>, BranchId)> {
        self.table.find_reply(reply)
    }

    /// The transaction of a request that did not make one: it came before, or it is the ACK to a final reply of ours.
    pub(crate) fn known_request(&self, cx: &engine::RouteCx) -> Option<Arc<Transaction>> {
        check::known_request(cx, self)
    }

    /// The transaction of the INVITE that this CANCEL takes back.
    pub(crate) fn invite_of_cancel(&self, cx: &engine::RouteCx) -> Option<Arc<Transaction>> {
        cancel::find_invite(cx, self)
    }

    /// The first transaction with this Call-ID and CSeq number; `invite_only`: the first of an INVITE.
    pub(crate) fn find_call(&self, call_id: &[u8], cseq: u32, invite_only: bool) -> Option<Arc<Transaction>> {
        self.table.find_call(call_id, cseq, invite_only)
    }

    /// The transaction with this number.
    pub(crate) fn by_id(&self, id: TransactionId) -> Option<Arc<Transaction>> {
        self.table.get(id)
    }

    /// Ends transactions that nothing else would end; there should be none.
    pub(crate) fn clean(&self) {
        let now = self.now();
        for transaction in self.table.all() {
            let mut state = transaction.lock();
            if state.machine.timeout().is_none() && state.machine.end_of_life() <= now && !state.runs_script() {
                state.machine.release(now);
                transaction.arm(&mut state);
            }
        }
    }

    /// Lets another module hear what happens to transactions.
    pub fn listen(&self, listener: Listener) {
        self.listeners.push(listener);
    }

    /// The transaction of that number.
    #[must_use]
    pub fn transaction(&self, id: TransactionId) -> Option<Arc<Transaction>> {
        self.table.get(id)
    }

    /// Has `hook` change the replies to this request, after the script's reply route, when the request has or gets a
    /// transaction. It must not lock for long: it runs for every reply.
    pub fn change_replies(
        cx: &mut engine::RouteCx,
        hook: impl Fn(&Arc<Transaction>, &mut engine::RouteCx) + Send + Sync + 'static,
    ) {
        routes::change(cx, |options| options.reply_hooks.push(transaction::ReplyHook(Arc::new(hook))));
    }

    /// Lets another module hear of the transactions that are made for received requests.
    pub fn listen_for_requests(&self, listener: RequestListener) {
        self.request_listeners.push(listener);
    }

    /// Lets another module hear of the ACKs to relayed 2xx replies.
    pub fn listen_for_acks(&self, listener: AckListener) {
        self.ack_listeners.push(listener);
    }
}
