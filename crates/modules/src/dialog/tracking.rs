//! What happens to dialogs: they are made, requests within them come by, their INVITE is answered.

use std::sync::Arc;

use engine::{RouteCx, ScriptError, Str};
use sip::{HeaderName, Message, Method, NameAddr, scan};

use super::call::{Dialog, Party, Stage, own};
use super::current::{Current, Pending, tags};
use super::events;
use super::{Dialogs, Event};
use crate::rr::Direction;
use crate::tm::{Notice, Transaction};

/// Record-Route values of a message that are kept.
const MAX_ROUTES: usize = 32;

/// The URI of the first Contact.
fn contact(message: &Message) -> Option<Str> {
    let contacts = message.contacts().ok()??;
    contacts.list.first().map(|contact| own(&contact.address.uri))
}

/// The Record-Route values of a message, the first one first.
fn record_routes(message: &Message) -> Vec<Str> {
    let bodies = message.headers_named(HeaderName::RecordRoute).map(|header| message.body_of(header));
    let values = bodies.flat_map(|body| {
        let parts: Vec<Str> = scan::split_commas(&body).map(|(from, to)| body.slice(from..to).trim()).collect();
        parts
    });
    values.take(MAX_ROUTES).map(|value| own(&value)).collect()
}

/// The text of an address header without the `tag` parameter.
fn without_tag(address: &NameAddr) -> Str {
    if address.display.is_empty() {
        return Str::from([b"<", &*address.uri, b">"].concat());
    }
    Str::from([&*address.display, b" <", &*address.uri, b">"].concat())
}

impl Dialogs {
    /// Makes the dialog of an INVITE, or finds the one that it has made already.
    pub(super) fn manage_invite(&self, cx: &mut RouteCx) -> Result<(), ScriptError> {
        if cx.find_data::<Current>().is_some_and(|current| current.dialog.is_some()) {
            return Ok(());
        }
        let known = if self.params.detect_spirals { self.look_up(&cx.message) } else { None };
        let known = known.filter(|(dialog, direction)| {
            let state = dialog.lock();
            let number = cx.message.cseq().ok().flatten().map_or(0, |cseq| cseq.number);
            state.stage != Stage::Ended && *direction == Direction::Downstream && state.caller.cseq == number
        });
        let dialog = match known {
            Some((dialog, _)) => dialog,
            None => self.make(cx)?,
        };
        if self.params.dlg_match_mode != 2 {
            let param = [b";", &*self.params.rr_param, b"=", dialog.id.to_param().as_bytes()].concat();
            self.rr.add_param(cx, Str::from(param))?;
        }
        cx.data::<Current>().dialog = Some(dialog.clone());
        if let Some(transaction) = crate::tm::current(cx) {
            self.belongs(&transaction, &dialog, cx);
        }
        Ok(())
    }

    fn make(&self, cx: &mut RouteCx) -> Result<Arc<Dialog>, ScriptError> {
        let broken = || ScriptError::new("the request has no From, To, Call-ID or CSeq: no dialog");
        let call_id = cx.message.call_id().ok_or_else(broken)?;
        let from = cx.message.from().ok().flatten().ok_or_else(broken)?;
        let to = cx.message.to().ok().flatten().ok_or_else(broken)?;
        let cseq = cx.message.cseq().ok().flatten().ok_or_else(broken)?;
        let caller = Party {
            tag: own(&from.tag().unwrap_or_default()),
            contact: contact(&cx.message).unwrap_or_default(),
            cseq: cseq.number,
            routes: record_routes(&cx.message),
            socket: Some(cx.received.socket),
        };
        let id = self.table.new_id(&call_id);
        let (from, to) = ((&from.uri, &without_tag(from)), (&to.uri, &without_tag(to)));
        let dialog = Arc::new(Dialog::new(id, &call_id, from, to, caller, cx.core.unix_micros()));
        let pending = cx.find_data::<Pending>().cloned().unwrap_or_default();
        {
            let mut state = dialog.lock();
            state.lifetime = self.lifetime(cx).unwrap_or(self.params.default_timeout);
            if pending.timeout > 0 {
                state.lifetime = pending.timeout;
            }
            state.flags = pending.flags;
            state.timeout_bye = self.params.send_bye || pending.timeout_bye;
            state.timeout_route = pending.timeout_route;
            for (name, value) in &pending.variables {
                state.set_variable(name, Some(value))?;
            }
        }
        if !self.table.insert(&dialog) {
            return Err(ScriptError::new("too many dialogs: no further one is made"));
        }
        for (profile, value) in &pending.profiles {
            self.join(&dialog, *profile, value)?;
        }
        self.schedule(&dialog, cx.core.unix_time() + self.params.early_timeout);
        self.counters.processed.increment();
        cx.data::<Current>().made = true;
        self.tell(&dialog, &Event::Created);
        Ok(dialog)
    }

    /// What `timeout_avp` says.
    fn lifetime(&self, cx: &RouteCx) -> Option<i64> {
        let value = self.timeout_avp.as_ref()?.eval(cx);
        value.to_int().filter(|seconds| (1..=i64::from(i32::MAX)).contains(seconds))
    }

    /// A transaction was made for a request.
    pub(super) fn transaction_made(&self, transaction: &Arc<Transaction>, cx: &mut RouteCx) {
        if self.flag != 0
            && cx.flags & self.flag != 0
            && transaction.is_invite()
            && tags(&cx.message).1.is_empty()
            && let Err(error) = self.manage_invite(cx)
        {
            engine::log!(cx.core.log, Error, "{}: {error}", cx.place());
        }
        if let Some(dialog) = cx.find_data::<Current>().and_then(|current| current.dialog.clone()) {
            self.belongs(transaction, &dialog, cx);
        }
    }

    fn belongs(&self, transaction: &Arc<Transaction>, dialog: &Arc<Dialog>, cx: &RouteCx) {
        self.table.remember(transaction.id(), dialog);
        if cx.find_data::<Current>().is_some_and(|current| current.made) {
            dialog.lock().invite.get_or_insert(transaction.id());
        }
    }

    /// `loose_route` has found our Route with these parameters.
    pub(super) fn on_route(&self, cx: &mut RouteCx, params: &Str) {
        let (from, to) = tags(&cx.message);
        if to.is_empty() || cx.find_data::<Current>().is_some_and(|current| current.routed) {
            return;
        }
        let param = if self.params.dlg_match_mode == 2 {
            None
        } else {
            sip::Params::split(params.clone(), b';').get(&self.params.rr_param)
        };
        let found = match &param {
            Some(param) => {
                let dialog = super::DialogId::of_param(param).and_then(|id| self.table.get(id));
                match dialog.filter(|dialog| cx.message.call_id().is_some_and(|id| id == dialog.call_id)) {
                    Some(dialog) => match dialog.direction(&from, &to) {
                        Some(direction) => Some((dialog, direction)),
                        None => {
                            let text = "the tags are not those of the dialog that the Route names";
                            engine::log!(cx.core.log, Warning, "{}: {text}", cx.place());
                            return;
                        }
                    },
                    None => {
                        let text = "the Route names a dialog that is not known";
                        engine::log!(cx.core.log, Warning, "{}: {text}: `{param}`", cx.place());
                        if self.params.dlg_match_mode == 0 { None } else { self.look_up(&cx.message) }
                    }
                }
            }
            None if self.params.dlg_match_mode == 0 => None,
            None => self.look_up(&cx.message),
        };
        if let Some((dialog, direction)) = found {
            self.pass(cx, &dialog, direction);
        }
    }

    /// A request within the dialog goes by.
    pub(super) fn pass(&self, cx: &mut RouteCx, dialog: &Arc<Dialog>, direction: Direction) {
        let current = cx.data::<Current>();
        current.dialog = Some(dialog.clone());
        current.routed = true;
        if let Some(transaction) = crate::tm::current(cx) {
            self.belongs(&transaction, dialog, cx);
        }
        let method = cx.message.method();
        let (mut acknowledged, mut terminated) = (false, false);
        let now = cx.core.unix_time();
        let lifetime = self.lifetime(cx);
        {
            let mut state = dialog.lock();
            match (method, state.stage) {
                (Method::Ack, Stage::Answered) if direction == Direction::Downstream => {
                    state.stage = Stage::Confirmed;
                    state.acknowledged = true;
                    acknowledged = true;
                }
                (Method::Ack | Method::Cancel, _) | (_, Stage::Ended) => {}
                (Method::Bye, stage) => terminated = stage.is_active() && !state.ending,
                (method, stage) => {
                    let sender = state.sender(direction);
                    if let Ok(Some(cseq)) = cx.message.cseq() {
                        sender.cseq = cseq.number;
                    }
                    if matches!(method, Method::Invite | Method::Update)
                        && let Some(contact) = contact(&cx.message)
                    {
                        sender.contact = contact;
                    }
                    if stage.is_active() {
                        if let Some(lifetime) = lifetime {
                            state.lifetime = lifetime;
                        }
                        if !self.params.timeout_noreset {
                            state.expires = now + state.lifetime;
                        }
                    }
                }
            }
            if terminated {
                self.end(&mut state, cx.core.unix_micros());
            }
        }
        self.plan(dialog);
        if acknowledged {
            self.tell(dialog, &Event::Acknowledged);
        }
        if terminated {
            self.tell(dialog, &Event::Terminated);
            events::run_on(cx, events::END);
        }
    }

    /// The dialog is over. The counters of its stage and its profiles follow.
    pub(super) fn end(&self, state: &mut super::call::State, now: i64) {
        self.counters.leave(state.stage);
        state.stage = Stage::Ended;
        state.ended.get_or_insert(now);
        let mut profiles = std::mem::take(&mut state.profiles);
        self.leave_all(&mut profiles);
    }

    /// After `request_route`: a dialog whose INVITE got no transaction is forgotten, nobody would hear of its answer.
    pub(super) fn after_request(&self, cx: &RouteCx) {
        let Some(current) = cx.find_data::<Current>().filter(|current| current.made) else { return };
        let Some(dialog) = &current.dialog else { return };
        if crate::tm::current(cx).is_none() && dialog.lock().invite.is_none() {
            self.forget(dialog);
        }
    }

    /// Takes a dialog out of the table.
    pub(super) fn forget(&self, dialog: &Dialog) {
        self.table.remove(dialog);
        let mut state = dialog.lock();
        if state.stage != Stage::Ended {
            self.end(&mut state, self.core.unix_micros());
        }
    }

    /// Something happened to a transaction.
    pub(super) fn hear(&self, transaction: &Arc<Transaction>, notice: &Notice) {
        match notice {
            Notice::ReplySent { status, branch, text, counts, .. } => {
                let Some(dialog) = self.table.of_transaction(transaction.id()) else { return };
                let reply = || Message::parse(text.clone()).ok();
                match transaction.method() {
                    Method::Invite if dialog.lock().invite != Some(transaction.id()) => {
                        if (200..300).contains(status)
                            && let Some(reply) = reply()
                        {
                            refresh(&dialog, &reply);
                        }
                    }
                    Method::Invite if *status > 100 && (*counts || *status < 200) => {
                        self.answered(transaction, &dialog, *status, reply(), branch.is_some());
                    }
                    Method::Bye if *status >= 200 => self.over(&dialog, Some(transaction)),
                    _ => {}
                }
            }
            Notice::Ended => self.table.forget(transaction.id()),
            Notice::Failing { .. } => {}
        }
    }

    /// The INVITE that made the dialog got a reply.
    fn answered(
        &self,
        transaction: &Arc<Transaction>,
        dialog: &Arc<Dialog>,
        status: u16,
        reply: Option<Message>,
        received: bool,
    ) {
        let stage = {
            let mut state = dialog.lock();
            if !matches!(state.stage, Stage::Unconfirmed | Stage::Early) {
                return;
            }
            match status {
                ..200 => {
                    if state.stage == Stage::Unconfirmed {
                        self.counters.early.add(1);
                    }
                    state.stage = Stage::Early;
                }
                200..300 => {
                    self.counters.leave(state.stage);
                    self.counters.active.add(1);
                    state.stage = Stage::Answered;
                    state.started = Some(self.core.unix_micros());
                    state.expires = self.core.unix_time() + state.lifetime;
                    if let Some(reply) = &reply {
                        let caller_routes = state.caller.routes.len();
                        state.callee = Some(self.callee(transaction, reply, caller_routes));
                    }
                }
                _ => {
                    self.end(&mut state, self.core.unix_micros());
                    self.counters.failed.increment();
                }
            }
            state.stage
        };
        match stage {
            Stage::Answered => {
                self.plan(dialog);
                events::run_of(transaction, dialog, reply.filter(|_| received), events::START);
            }
            Stage::Ended => {
                let wait = if self.params.wait_ack { self.params.end_timeout } else { 0 };
                self.schedule(dialog, self.core.unix_time() + wait);
                events::run_of(transaction, dialog, reply.filter(|_| received), events::FAILED);
                self.tell(dialog, &Event::Failed(transaction));
                if !self.params.wait_ack {
                    self.forget(dialog);
                }
            }
            _ => {}
        }
    }

    /// The callee by its 2xx. Its Record-Route has those that it is reached by first, then ours, then the caller's.
    fn callee(&self, transaction: &Arc<Transaction>, reply: &Message, caller_routes: usize) -> Party {
        let mut routes = record_routes(reply);
        routes.truncate(routes.len().saturating_sub(caller_routes));
        while routes.last().is_some_and(|last| self.is_ours(last)) {
            routes.pop();
        }
        routes.reverse();
        Party {
            tag: own(&tags(reply).1),
            contact: contact(reply).unwrap_or_default(),
            cseq: 0,
            routes,
            socket: transaction.lock().branches.last().map(|branch| branch.socket),
        }
    }

    fn is_ours(&self, route: &Str) -> bool {
        let uri = NameAddr::parse(route.clone()).and_then(|route| sip::Uri::parse(route.uri).ok());
        uri.is_some_and(|uri| self.core.is_myself(uri.host_bytes(), Some(uri.port_or_default()), Some(uri.protocol())))
    }

    /// The dialog is over, and its last request has its answer.
    pub(super) fn over(&self, dialog: &Arc<Dialog>, bye: Option<&Arc<Transaction>>) {
        {
            let mut state = dialog.lock();
            if state.stage != Stage::Ended || std::mem::replace(&mut state.told, true) {
                return;
            }
        }
        self.tell(dialog, &Event::Over(bye));
    }

    pub(super) fn tell(&self, dialog: &Arc<Dialog>, event: &Event<'_>) {
        self.listeners.iter().for_each(|listener| listener(dialog, event));
    }
}

/// A request within the dialog was answered: the Contact of the side that answers may be another.
fn refresh(dialog: &Dialog, reply: &Message) {
    let Some(contact) = contact(reply) else { return };
    let (from, _) = tags(reply);
    let mut state = dialog.lock();
    let answers = if from == state.caller.tag { Direction::Upstream } else { Direction::Downstream };
    state.sender(answers).contact = contact;
}
