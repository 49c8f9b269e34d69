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

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: Timers = Timers::REQUEST;

    /// Timer J.
    #[test]
    fn it_ends_some_time_after_the_first_final_reply() {
        let mut server = RequestServer::default();
        server.on_reply(Time(0), 100, &TIMERS);
        assert_eq!(server.timeout(), None);
        server.on_reply(Time(1000), 404, &TIMERS);
        server.on_reply(Time(2000), 200, &TIMERS);
        assert_eq!(server.timeout(), Some(Time(6000)));
        assert_eq!(server.on_timeout(Time(5999)), None);
        assert_eq!(server.on_timeout(Time(6000)), Some(ServerTimeout::Ended));
        assert_eq!(server.on_timeout(Time(6000)), None);
        assert_eq!(server.timeout(), None);
    }

    #[test]
    fn a_released_one_ends_without_any_reply() {
        let mut server = RequestServer::default();
        server.release(Time(0), &TIMERS);
        server.release(Time(1000), &TIMERS);
        assert_eq!(server.timeout(), Some(Time(5000)));
    }
}
