//! Making the transaction of a request, and what becomes of it at the end of the script.

use std::sync::Arc;

use engine::reply::LastFailure;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value};
use sip::Method;
use transaction::{EarlyCancel, Forwarding, Timers};

use super::incoming::absorb;
use super::running::Running;
use super::step::Step;
use super::table::{Inserted, Matching, RequestKey};
use super::transaction::{Options, ReplyRoute, Saved, Transaction};
use super::{Current, Tm};

/// What [`Tm::create`] found.
pub(crate) enum Created {
    /// A transaction for a new request.
    New(Arc<Transaction>),
    /// The request came before and was absorbed.
    Known,
    /// An ACK: it never makes a transaction.
    Ack,
    /// The request-URI, as the script left it, is none: no transaction is made.
    BadUri,
}

/// What functions return for [`Created::BadUri`].
pub(crate) const BAD_URI: Return = Return(-400);

/// What `t_newtran` returns when there is a transaction.
const EXISTS: Return = Return(-10);

impl Tm {
    pub(crate) fn matching(&self) -> Matching {
        Matching {
            request_uri: self.live.ruri_matching.get() != 0,
            via: self.live.via1_matching.get() != 0,
            call_id: self.live.callid_matching.get() != 0,
            call_id_and_cseq: self.live.callid_cseq_matching.get() != 0,
        }
    }

    /// The intervals for a new transaction: what the script set, else the AVPs, else the parameters.
    pub(crate) fn timers(&self, options: &Options, invite: bool, cx: Option<&RouteCx>) -> Timers {
        let live = |value: &engine::config_groups::LiveInt| u32::try_from(value.get()).unwrap_or(u32::MAX);
        let seconds = |name: &Str| {
            let cx = cx.filter(|_| !name.is_empty())?;
            match cx.avps.get(avp_name(name)) {
                Value::Null => None,
                value => value.to_int().filter(|seconds| *seconds > 0),
            }
        };
        let from_avp = |name: &Str| seconds(name).map(|seconds| seconds.saturating_mul(1000).min(1 << 31) as u32);
        let lifetime = if invite { options.invite_lifetime } else { options.request_lifetime };
        let default_lifetime =
            if invite { live(&self.live.max_inv_lifetime) } else { live(&self.live.max_noninv_lifetime) };
        Timers {
            retransmit_first: options.retransmit_first.unwrap_or_else(|| live(&self.live.retr_timer1)),
            retransmit_max: options.retransmit_max.unwrap_or_else(|| live(&self.live.retr_timer2)),
            reply: options
                .reply_timeout
                .or_else(|| from_avp(&self.params.fr_timer_avp))
                .unwrap_or_else(|| live(&self.live.fr_timer)),
            ringing: options
                .ringing_timeout
                .or_else(|| from_avp(&self.params.fr_inv_timer_avp))
                .unwrap_or_else(|| live(&self.live.fr_inv_timer)),
            wait: live(&self.live.wt_timer),
            lifetime: lifetime.unwrap_or(default_lifetime),
            restart_on_each_reply: self.live.restart_fr_on_each_reply.get() != 0,
        }
    }

    /// Applies to a machine what parameters and script say about cancelling and choosing.
    pub(crate) fn configure(&self, machine: &mut Forwarding, options: &Options) {
        machine.set_early_cancel(match self.live.cancel_b_method.get() {
            0 => EarlyCancel::Abandon,
            2 => EarlyCancel::AtOnce,
            _ => EarlyCancel::WhenProceeding,
        });
        machine.set_block_6xx(!options.disable_6xx.unwrap_or_else(|| self.live.disable_6xx.get() != 0));
        machine.set_faked_priority(i32::try_from(self.params.faked_reply_prio).unwrap_or(0));
    }

    /// Finds or makes the transaction of the request. One that came before is absorbed: its last reply is sent again.
    pub(crate) fn create(self: &Arc<Self>, cx: &mut RouteCx) -> Result<Created, ScriptError> {
        if !cx.message.is_request() {
            return Err(ScriptError::new("a reply makes no transaction"));
        }
        let matching = self.matching();
        if cx.message.method() == Method::Ack {
            let known = RequestKey::to_find(cx, &self.table).and_then(|key| self.table.find_request(&key, &matching));
            let Some(known) = known else { return Ok(Created::Ack) };
            if known.lock().machine.status() < 300 {
                return Ok(Created::Ack);
            }
            absorb(cx, &known);
            return Ok(Created::Known);
        }
        if cx.parsed_request_uri().is_err() {
            engine::log!(cx.core.log, Error, "{}: `{}` is no URI: no transaction", cx.place(), cx.request_uri());
            let reason = Str::from_static("Regretfully, we were not able to process the URI (479/SL)");
            cx.data::<LastFailure>().0 = Some((479, reason));
            return Ok(Created::BadUri);
        }
        let key = RequestKey::of(cx, &self.table)
            .ok_or_else(|| ScriptError::new("the request has no Via, From, Call-ID or CSeq"))?;
        self.retired.drop_two();
        let inserted = self.table.insert(key, &matching, |id, key| self.new_transaction(cx, id, key));
        match inserted {
            Inserted::Known(known) => {
                absorb(cx, &known);
                Ok(Created::Known)
            }
            Inserted::Full => Err(ScriptError::new("too many transactions: the request is refused")),
            Inserted::New(new) => {
                if new.is_invite()
                    && let Some(key) = new.key()
                    && let Some(cancel) = self.table.find_cancel_of_invite(key, &matching)
                    && cancel.lock().is_used()
                {
                    // The caller has hung up already: the phone must not ring.
                    new.lock().machine.set_cancelled();
                }
                self.counters.uas.increment();
                let current = cx.data::<Current>();
                current.transaction = Some(new.clone());
                current.is_owner = true;
                current.running = Some(Running::begin(new.clone()));
                self.request_listeners.iter().for_each(|listener| listener(&new, cx));
                Ok(Created::New(new))
            }
        }
    }

    fn new_transaction(
        self: &Arc<Self>,
        cx: &RouteCx,
        id: super::TransactionId,
        key: super::table::RequestKey,
    ) -> Arc<Transaction> {
        let options = cx.find_data::<Current>().map(|current| current.options.clone()).unwrap_or_default();
        let method = cx.message.method();
        let timers = self.timers(&options, method == Method::Invite, Some(cx));
        let now = self.now();
        let mut machine = match method {
            Method::Invite => Forwarding::invite(now, cx.received.protocol.is_stream(), timers),
            _ => Forwarding::request(now, timers),
        };
        self.configure(&mut machine, &options);
        let saved = Saved::of(cx);
        let new = Transaction::new(id, Some(key), method, self.clone(), machine, saved, options);
        {
            let mut state = new.lock();
            state.reply_route = Some(ReplyRoute::of(cx));
            state.program = cx.program().cloned();
        }
        new
    }

    /// After `request_route`: what lives with the transaction is handed over, and a transaction that nobody answers or
    /// relays ends.
    pub(crate) fn after_request(self: &Arc<Self>, cx: &mut RouteCx) {
        let Some(current) = cx.find_data::<Current>().filter(|current| current.is_owner) else { return };
        let Some(transaction) = current.transaction.clone() else { return };
        let failure = current.failure.clone();
        let mut step = None;
        {
            let mut state = transaction.lock();
            let (flags, extra_flags) = (state.request.flags, state.request.extra_flags);
            state.take_back(cx);
            // Flags follow at once only by relaying and `t_flush_flags`.
            (state.request.flags, state.request.extra_flags) = (flags, extra_flags);
            let unused = state.branches.is_empty() && state.suspended.is_none() && !state.machine.is_final();
            if unused {
                let now = self.now();
                match failure {
                    Some((status, reason)) => {
                        let step = step.insert(Step::default());
                        transaction.reply_here(&mut state, now, status, &reason, step);
                    }
                    None => {
                        // As in Kamailio nobody hears of it; the caller's timer ends the request.
                        engine::log!(self.core().log, Warning, "a transaction was neither relayed nor answered");
                        state.machine.release(now);
                    }
                }
            }
            transaction.arm(&mut state);
        }
        if let Some(mut step) = step {
            step.finish(&transaction, Some(&mut cx.outbox));
        }
        if let Some(running) = cx.data::<Current>().running.take() {
            running.end();
        }
        transaction.go_on();
    }
}

/// `name` of `$avp(name)`, `$avp(s:name)` or a bare name.
fn avp_name(text: &Str) -> &[u8] {
    let text: &[u8] = text;
    let inner = text.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")")).unwrap_or(text);
    inner.strip_prefix(b"s:").or_else(|| inner.strip_prefix(b"i:")).unwrap_or(inner)
}

/// The transaction of the message, when it has one.
pub(crate) fn current(cx: &RouteCx) -> Option<Arc<Transaction>> {
    cx.find_data::<Current>()?.transaction.clone()
}

/// The transaction of a request that came before, when the script has looked it up.
pub(crate) fn retransmission(cx: &RouteCx) -> Option<Arc<Transaction>> {
    cx.find_data::<Current>().filter(|current| current.is_retransmission)?.transaction.clone()
}

/// The transaction of the message, or an error for the log.
pub(crate) fn required(cx: &RouteCx) -> Result<Arc<Transaction>, ScriptError> {
    current(cx).ok_or_else(|| ScriptError::new("no transaction was made for this message"))
}

/// `t_newtran`.
pub(crate) fn new_transaction(cx: &mut RouteCx, tm: &Arc<Tm>) -> CallResult {
    if let Some(known) = retransmission(cx) {
        absorb(cx, &known);
        return Ok(Return::STOP);
    }
    if current(cx).is_some() {
        engine::log!(cx.core.log, Notice, "{}: the transaction of this request exists already", cx.place());
        return Ok(EXISTS);
    }
    Ok(match tm.create(cx)? {
        Created::New(_) | Created::Ack => Return::TRUE,
        Created::Known => Return::STOP,
        Created::BadUri => BAD_URI,
    })
}
