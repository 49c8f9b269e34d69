//! Time: lifetimes that end, dialogs that are forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;

use language::ast::RouteKind;
use parking_lot::Mutex;

use super::call::{Dialog, Stage};
use super::{Dialogs, Event, events};

/// Seconds that an answered dialog without ACK still lives.
const LAST_SECONDS: i64 = 10;

/// Dialogs by the second at which they are looked at. One that is to wait longer stays where it is, and is put further
/// then: so requests within a call cost no entry.
#[derive(Default)]
pub(super) struct Timer(Mutex<BTreeMap<i64, Vec<Arc<Dialog>>>>);

impl Timer {
    fn add(&self, dialog: &Arc<Dialog>, at: i64) {
        self.0.lock().entry(at).or_default().push(dialog.clone());
    }

    fn take(&self, now: i64) -> Vec<Arc<Dialog>> {
        let mut waiting = self.0.lock();
        let later = waiting.split_off(&(now + 1));
        std::mem::replace(&mut *waiting, later).into_values().flatten().collect()
    }
}

impl Dialogs {
    /// The timer looks at the dialog at this second (or before).
    pub(super) fn schedule(&self, dialog: &Arc<Dialog>, at: i64) {
        let mut state = dialog.lock();
        state.due = at;
        if state.armed == 0 || at < state.armed {
            state.armed = at;
            drop(state);
            self.timer.add(dialog, at);
        }
    }

    /// Schedules what is next by the dialog's stage.
    pub(super) fn plan(&self, dialog: &Arc<Dialog>) {
        let at = {
            let state = dialog.lock();
            match state.stage {
                Stage::Unconfirmed | Stage::Early => dialog.created / 1_000_000 + self.params.early_timeout,
                Stage::Answered => {
                    let started = state.started.unwrap_or(dialog.created) / 1_000_000;
                    state.expires.min(started + self.params.noack_timeout)
                }
                Stage::Confirmed => state.expires,
                Stage::Ended => state.ended.unwrap_or(dialog.created) / 1_000_000 + self.params.end_timeout,
            }
        };
        self.schedule(dialog, at);
    }

    pub(super) async fn tick(self: &Arc<Self>) {
        let now = self.core.unix_time();
        for dialog in self.timer.take(now) {
            let (stage, expires) = {
                let mut state = dialog.lock();
                // Another entry is about it.
                if state.armed == 0 || state.armed > now {
                    continue;
                }
                state.armed = 0;
                if state.due > now {
                    let due = state.due;
                    drop(state);
                    self.schedule(&dialog, due);
                    continue;
                }
                (state.stage, state.expires)
            };
            match stage {
                Stage::Unconfirmed | Stage::Early | Stage::Ended => self.forget(&dialog),
                Stage::Answered if expires > now => {
                    let mut state = dialog.lock();
                    state.expires = state.expires.min(now + LAST_SECONDS);
                    let at = state.expires;
                    drop(state);
                    self.schedule(&dialog, at);
                }
                Stage::Answered | Stage::Confirmed => self.expire(&dialog).await,
            }
        }
    }

    /// The lifetime is over.
    async fn expire(self: &Arc<Self>, dialog: &Arc<Dialog>) {
        let route = dialog.lock().timeout_route.clone();
        if !route.is_empty() {
            events::run_faked(&self.core, dialog, RouteKind::Request, &route.to_text()).await;
        }
        let now = self.core.unix_time();
        let with_bye = {
            let mut state = dialog.lock();
            if !state.stage.is_active() {
                return;
            }
            if state.expires > now {
                // The route has given it more time.
                drop(state);
                self.plan(dialog);
                return;
            }
            if !state.timeout_bye {
                self.end(&mut state, self.core.unix_micros());
                state.told = true;
            }
            state.timeout_bye
        };
        self.counters.expired.increment();
        if with_bye {
            self.hang_up(dialog, super::byes::Sides::Both).await;
            return;
        }
        engine::log!(self.core.log, Warning, "dialog timeout: Call-ID `{}`", dialog.call_id);
        self.plan(dialog);
        events::run_faked(&self.core, dialog, RouteKind::Event, events::END).await;
        self.tell(dialog, &Event::Expired);
    }
}
