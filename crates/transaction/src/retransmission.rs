//! When to send something again: intervals that double up to a limit.

use crate::{Time, Timers};

/// The next moment to send again, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retransmission {
    at: Option<Time>,
    interval: u32,
}

impl Retransmission {
    /// Begins after the first interval; never on a transport that delivers by itself.
    pub(crate) fn start(now: Time, reliable: bool, timers: &Timers) -> Self {
        if reliable || timers.retransmit_first == 0 {
            return Self::default();
        }
        Self { at: Some(now + timers.retransmit_first), interval: timers.retransmit_first }
    }

    pub(crate) const fn stop(&mut self) {
        self.at = None;
    }

    pub(crate) const fn at(&self) -> Option<Time> {
        self.at
    }

    /// From now on the longest interval (RFC 3261 section 17.1.2.2, a provisional reply to a request other than INVITE).
    pub(crate) fn slow_down(&mut self, now: Time, timers: &Timers) {
        if self.at.is_some() {
            self.interval = timers.retransmit_max;
            self.at = Some(now + self.interval);
        }
    }

    /// True when it is time; the next interval begins.
    pub(crate) fn due(&mut self, now: Time, timers: &Timers) -> bool {
        if self.at.is_none_or(|at| at > now) {
            return false;
        }
        self.interval = self.interval.saturating_mul(2).clamp(1, timers.retransmit_max.max(1));
        self.at = Some(now + self.interval);
        true
    }
}

/// The earlier of two moments, of those that there are.
pub(crate) fn earliest(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
