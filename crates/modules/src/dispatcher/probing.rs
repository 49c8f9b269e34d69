//! Keep-alive requests, states, and the event routes that tell of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::function::routes;
use engine::{Core, RouteCx, Routes, Str, log};
use language::ast::RouteKind;
use sip::Message;

use super::Dispatcher;
use super::destination::{DISABLED, Destination, INACTIVE, PROBING, TRYING};
use super::variables::Event;
use crate::tm::LocalRequest;

/// A destination can be used again.
pub(super) const UP: &str = "dispatcher:dst-up";
/// A destination became inactive.
pub(super) const DOWN: &str = "dispatcher:dst-down";

/// All keep-alive requests have this sequence number.
const CSEQ: u32 = 10;
/// `$dsv(code)` when the script changed a state.
const BY_HAND: u16 = 820;

/// Replies beside 200 that are good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReplyCodes {
    codes: Vec<u16>,
    classes: Vec<u16>,
}

impl ReplyCodes {
    /// `class=2;code=403`; the error is what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for item in text.split(';').map(str::trim).filter(|item| !item.is_empty()) {
            let parsed = item.split_once('=').map(|(name, value)| (name.trim(), value.trim().parse::<u16>()));
            match parsed {
                Some(("code", Ok(code @ 100..=699))) => found.codes.push(code),
                Some(("class", Ok(class @ 1..=6))) => found.classes.push(class),
                // So Kamailio's documentation writes it, too.
                Some(("class", Ok(class @ 100..=699))) => found.classes.push(class / 100),
                _ => return Err(format!("`{item}` is neither `code=403` nor `class=4`")),
            }
        }
        Ok(found)
    }

    fn has(&self, code: u16) -> bool {
        code == 200 || self.codes.contains(&code) || self.classes.contains(&(code / 100))
    }
}

impl Dispatcher {
    /// Sends a request to each destination that wants one.
    pub(super) fn ping_all(self: &Arc<Self>) {
        if self.pinging.load(Ordering::Relaxed) == 0 {
            return;
        }
        let sets = self.sets();
        for destination in sets.iter().filter(|it| self.is_probed(it.flags())) {
            let (me, destination) = (self.clone(), destination.clone());
            self.core.spawn(Box::pin(async move { me.ping(destination).await }));
        }
    }

    fn is_probed(&self, flags: u32) -> bool {
        let both = INACTIVE | PROBING;
        flags & DISABLED == 0
            && match self.params.ds_probing_mode {
                1 => true,
                2 => flags & both == both,
                _ => flags & PROBING != 0,
            }
    }

    async fn ping(self: Arc<Self>, destination: Arc<Destination>) {
        let Some(tm) = self.tm.get().cloned() else { return };
        let either = |first: &Str, second: &Str| if first.is_empty() { second.clone() } else { first.clone() };
        let attributes = &destination.attributes;
        let proxy = either(&attributes.outbound_proxy, &self.params.outbound_proxy);
        let sockets = self.sockets.get();
        let request = LocalRequest {
            method: self.params.ds_ping_method.clone(),
            uri: destination.uri.clone(),
            from: Str::from([b"<", &*either(&attributes.ping_from, &self.params.ds_ping_from), b">"].concat()),
            to: Str::from([b"<", &*destination.uri, b">"].concat()),
            cseq: CSEQ,
            next_hop: Some(proxy).filter(|proxy| !proxy.is_empty()),
            socket: destination.socket.or_else(|| sockets.and_then(|sockets| sockets.ping.or(sockets.default))),
            ..LocalRequest::default()
        };
        let sent = self.core.unix_micros();
        let (me, pinged) = (self.clone(), destination.clone());
        let completed = Box::new(move |status: u16, reply: Option<Str>| {
            let core = me.core.clone();
            core.spawn(Box::pin(async move { me.answered(&pinged, status, reply, sent).await }));
        });
        if let Err(error) = tm.send_request(request, Some(completed)).await {
            log!(self.core.log, Error, "dispatcher: {} is not reached: {error}", destination.uri);
            self.answered(&destination, 408, None, sent).await;
        }
    }

    /// Takes the final reply to a keep-alive request; `None`: there was none.
    async fn answered(&self, destination: &Destination, status: u16, reply: Option<Str>, sent: i64) {
        // A reload may have put another one in its place.
        let Some(destination) = self.find(destination.set, &destination.uri) else { return };
        if self.params.ds_ping_latency_stats {
            let took = (self.core.unix_micros() - sent) / 1000;
            let mut latency = destination.latency.lock();
            if status == 408 && reply.is_none() {
                latency.add_timeout();
            } else {
                let alpha = f64::from(self.params.ds_latency_estimator_alpha.min(1000)) / 1000.0;
                latency.add(u32::try_from(took).unwrap_or(u32::MAX), alpha);
            }
        }
        let (mode, old) = (self.params.ds_probing_mode, destination.flags());
        if !self.is_probed(old) {
            return;
        }
        let good = self.codes.read().has(status);
        let state = match (good, mode) {
            (true, 1) => PROBING,
            (true, 2 | 3) => old & PROBING,
            (true, _) => 0,
            (false, 0) => TRYING,
            (false, _) => TRYING | PROBING,
        };
        let is_usable = destination.is_usable();
        let (probing, inactive) = self.thresholds();
        destination.update(state, probing, inactive);
        if mode == 2 && destination.is_usable() {
            destination.end_probing();
        }
        if destination.is_usable() != is_usable {
            let message = reply.and_then(|reply| Message::parse(reply).ok());
            let reason = message.and_then(|reply| reply.reason().cloned());
            let (uri, set) = (destination.uri.clone(), destination.set);
            run(&self.core, route(!is_usable), Event { uri, set, code: status, reason, flags: 1 }).await;
        }
    }

    fn thresholds(&self) -> (i64, i64) {
        (self.live.probing_threshold.get(), self.live.inactive_threshold.get())
    }

    /// Sets the state of a destination by hand (`ds_mark_dst`); false: it is not in the list.
    pub(super) fn mark(&self, cx: &mut RouteCx, set: i64, uri: &Str, state: u32) -> bool {
        let sets = self.sets();
        let Some(set) = sets.get(set) else { return false };
        let mut found = false;
        let (probing, inactive) = self.thresholds();
        for destination in set.destinations.iter().filter(|it| it.uri == *uri) {
            found = true;
            let is_usable = destination.is_usable();
            if state & TRYING == 0 {
                // Whoever says so is believed at once.
                destination.set_state(state);
            } else {
                destination.update(state, probing, inactive);
            }
            if destination.is_usable() == is_usable {
                continue;
            }
            *cx.data() = Event { uri: uri.clone(), set: set.id, code: BY_HAND, reason: None, flags: 0 };
            if let Some(program) = cx.program().cloned()
                && let Some(route) = program.route(RouteKind::Event, route(!is_usable))
            {
                let kind = std::mem::replace(&mut cx.kind, Routes(routes::EVENT));
                program.run_nested(route, cx);
                cx.kind = kind;
            }
        }
        found
    }
}

/// The event route for a destination that can be used now, or cannot any more.
const fn route(is_usable: bool) -> &'static str {
    if is_usable { UP } else { DOWN }
}

/// Runs an event route on a faked request to the destination.
async fn run(core: &Arc<Core>, name: &str, event: Event) {
    let Some(program) = core.program.load_full() else { return };
    let Some(route) = program.route(RouteKind::Event, name) else { return };
    let mut cx = Box::new(RouteCx::faked(core.clone()));
    cx.kind = Routes(routes::EVENT);
    cx.to.new_uri = Some(event.uri.clone());
    *cx.data() = event;
    program.run(route, &mut cx).await;
    cx.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_codes() {
        let codes = ReplyCodes::parse("class=2;code=403; code=488;class=300").unwrap();
        let good: Vec<u16> = [200, 202, 302, 403, 404, 408, 488, 503].into_iter().filter(|it| codes.has(*it)).collect();
        assert_eq!(good, [200, 202, 302, 403, 488]);
        assert!(ReplyCodes::default().has(200) && !ReplyCodes::default().has(202));
        for wrong in ["x", "code=x", "class=9", "code=99"] {
            assert!(ReplyCodes::parse(wrong).is_err(), "{wrong}");
        }
    }
}
