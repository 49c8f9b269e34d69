//! The server side of any request but INVITE and ACK: RFC 3261 section 17.2.2.

use crate::{ServerTimeout, Time, Timers};

/// One request that was received. It needs no more state than when it ends: a final reply was sent.
#[derive(Clone, Debug, Default)]
pub struct RequestServer {
    ends: Option<Time>,
}

impl RequestServer {
    /// A reply was sent.
    pub fn on_reply(&mut self, now: Time, status: u16, timers: &Timers) {
        if status >= 200 && self.ends.is_none() {
            self.ends = Some(now + timers.wait);
        }
    }

    /// What is due.
    pub fn on_timeout(&mut self, now: Time) -> Option<ServerTimeout> {
        if self.ends.is_some_and(|ends| ends <= now) {
            self.ends = None;
            return Some(ServerTimeout::Ended);
        }
        None
    }

    /// When to look again.
    #[must_use]
    pub const fn timeout(&self) -> Option<Time> {
        self.ends
    }

    /// Ends it after the time for what comes late.
    pub fn release(&mut self, now: Time, timers: &Timers) {
        self.ends.get_or_insert(now + timers.wait);
    }
}
