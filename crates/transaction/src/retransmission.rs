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

#[cfg(test)]
mod tests {
    use super::*;

    /// When it is due, up to 20 seconds.
    fn moments(mut retransmission: Retransmission, timers: &Timers) -> Vec<u64> {
        let due = |now: &u64| retransmission.due(Time(*now), timers);
        (0..=20_000).step_by(500).filter(due).collect()
    }

    #[test]
    fn intervals_double_up_to_the_longest() {
        let timers = Timers::INVITE;
        let started = Retransmission::start(Time(0), false, &timers);
        assert_eq!(moments(started, &timers), [500, 1500, 3500, 7500, 11_500, 15_500, 19_500]);
    }

    #[test]
    fn nothing_is_sent_again_where_it_is_not_needed() {
        let timers = Timers::INVITE;
        assert!(moments(Retransmission::start(Time(0), true, &timers), &timers).is_empty());
        let never = Timers { retransmit_first: 0, ..timers };
        assert!(moments(Retransmission::start(Time(0), false, &never), &never).is_empty());
        let mut stopped = Retransmission::start(Time(0), false, &timers);
        stopped.stop();
        assert!(moments(stopped, &timers).is_empty());
        stopped.slow_down(Time(0), &timers);
        assert_eq!(stopped.at(), None);
    }

    #[test]
    fn after_a_provisional_reply_the_longest_interval_counts() {
        let timers = Timers::REQUEST;
        let mut started = Retransmission::start(Time(0), false, &timers);
        started.slow_down(Time(0), &timers);
        assert_eq!(moments(started, &timers), [4000, 8000, 12_000, 16_000, 20_000]);
    }

    #[test]
    fn the_earlier_moment_of_those_that_there_are() {
        let (one, other) = (Some(Time(1)), Some(Time(2)));
        assert_eq!(earliest(one, other), one);
        assert_eq!(earliest(other, one), one);
        assert_eq!(earliest(None, other), other);
        assert_eq!(earliest(one, None), one);
        assert_eq!(earliest(None, None), None);
    }
}
