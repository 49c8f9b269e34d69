//! The server side of an INVITE: RFC 3261 section 17.2.1 with RFC 6026 section 7.1.

use crate::retransmission::{Retransmission, earliest};
use crate::{ServerTimeout, Time, Timers};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No final reply was sent.
    Proceeding,
    /// A 2xx was sent.
    Accepted,
    /// A negative final reply was sent; its ACK is awaited.
    Completed,
    /// The ACK came.
    Confirmed,
    /// Over.
    Terminated,
}

/// One INVITE that was received.
#[derive(Clone, Debug)]
pub struct InviteServer {
    state: State,
    reliable: bool,
    retransmission: Retransmission,
    /// When an ACK is given up.
    repeats_until: Time,
    ends: Option<Time>,
}

impl InviteServer {
    /// It came over a transport that delivers by itself or not.
    #[must_use]
    pub fn new(reliable: bool) -> Self {
        Self {
            state: State::Proceeding,
            reliable,
            retransmission: Retransmission::default(),
            repeats_until: Time::default(),
            ends: None,
        }
    }

    /// A reply was sent. A 2xx of our `own` is sent again until its ACK comes, as its user would do (RFC 3261 section
    /// 13.3.1.4); one that was passed on is sent again by whoever sent it.
    pub fn on_reply(&mut self, now: Time, status: u16, own: bool, timers: &Timers) {
        match (self.state, status) {
            (State::Proceeding, 200..300) => {
                self.state = State::Accepted;
                self.ends = Some(now + timers.wait);
                if own {
                    // This does not depend on the transport: the way beyond the next hop may lose it.
                    self.await_ack(now, false, timers);
                }
            }
            (State::Proceeding, 300..) => {
                self.state = State::Completed;
                self.await_ack(now, self.reliable, timers);
            }
            _ => {}
        }
    }

    /// Sends again until the ACK comes or is given up (timer H). Without it the transaction stays as long as behind it:
    /// with a short `timers.reply` cancelled branches may be answered later.
    fn await_ack(&mut self, now: Time, reliable: bool, timers: &Timers) {
        self.retransmission = Retransmission::start(now, reliable, timers);
        self.repeats_until = now + timers.reply;
        self.ends = Some(self.repeats_until + timers.wait);
    }

    /// The ACK came. True when it was awaited.
    pub fn on_ack(&mut self, now: Time, timers: &Timers) -> bool {
        let repeats = self.retransmission.at().is_some() && self.repeats_until > now;
        let awaited = self.state == State::Completed || repeats;
        if awaited {
            if self.state == State::Completed {
                self.state = State::Confirmed;
            }
            self.retransmission.stop();
            self.ends = Some(now + timers.wait);
        }
        awaited
    }

    /// What is due; to be called until it says `None`.
    pub fn on_timeout(&mut self, now: Time, timers: &Timers) -> Option<ServerTimeout> {
        if self.state != State::Terminated && self.ends.is_some_and(|ends| ends <= now) {
            self.end();
            return Some(ServerTimeout::Ended);
        }
        if self.repeats_until <= now {
            self.retransmission.stop();
        }
        self.retransmission.due(now, timers).then_some(ServerTimeout::Retransmit)
    }

    /// When to look again.
    #[must_use]
    pub fn timeout(&self) -> Option<Time> {
        earliest(self.retransmission.at(), self.ends)
    }

    /// Ends it at once.
    pub const fn end(&mut self) {
        self.state = State::Terminated;
        self.retransmission.stop();
        self.ends = None;
    }

    /// Ends it after the time for what comes late (`t_release`).
    pub fn release(&mut self, now: Time, timers: &Timers) {
        if self.ends.is_none() && self.state != State::Terminated {
            self.ends = Some(now + timers.wait);
        }
    }

    /// It waits for the ACK to a negative reply.
    #[must_use]
    pub const fn awaits_ack(&self) -> bool {
        matches!(self.state, State::Completed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: Timers = Timers::INVITE;

    /// What is due until it ends.
    fn run(server: &mut InviteServer) -> (Vec<u64>, Option<u64>) {
        let mut sent = Vec::new();
        while let Some(at) = server.timeout() {
            match server.on_timeout(at, &TIMERS) {
                Some(ServerTimeout::Retransmit) => sent.push(at.0),
                Some(ServerTimeout::Ended) => {
                    assert_eq!(server.timeout(), None);
                    assert_eq!(server.on_timeout(at + 100_000, &TIMERS), None);
                    return (sent, Some(at.0));
                }
                // The ACK is given up.
                None => assert!(server.timeout() > Some(at), "nothing was due at {at:?}"),
            }
        }
        (sent, None)
    }

    const AGAIN: [u64; 9] = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500];

    /// Timers G, H and L, for each kind of reply and transport.
    #[test]
    fn what_is_sent_again_and_when_it_ends_without_ack() {
        let cases = [
            (100, true, false, &[][..], None),
            (183, false, false, &[][..], None),
            (486, false, false, &AGAIN[..], Some(35_000)),
            (486, true, false, &AGAIN[..], Some(35_000)),
            (603, false, true, &[], Some(35_000)),
            (200, false, false, &[], Some(5000)),
            (200, true, false, &AGAIN[..], Some(35_000)),
            // Whoever answers repeats that on any transport.
            (200, true, true, &AGAIN[..], Some(35_000)),
        ];
        for (status, own, reliable, again, ends) in cases {
            let mut server = InviteServer::new(reliable);
            server.on_reply(Time(0), status, own, &TIMERS);
            assert_eq!(server.awaits_ack(), status >= 300);
            assert_eq!(run(&mut server), (again.to_vec(), ends), "{status} own {own} reliable {reliable}");
        }
    }

    /// Timer I.
    #[test]
    fn after_the_ack_nothing_is_sent_again() {
        for (status, own, awaited) in [(486, false, true), (200, true, true), (200, false, false), (183, true, false)] {
            let mut server = InviteServer::new(false);
            server.on_reply(Time(0), status, own, &TIMERS);
            assert_eq!(server.on_ack(Time(1000), &TIMERS), awaited, "{status} own {own}");
            assert!(!server.awaits_ack());
            if awaited {
                assert!(!server.on_ack(Time(2000), &TIMERS), "an ACK that comes again");
                assert_eq!(run(&mut server), (vec![], Some(6000)));
            }
        }
    }

    #[test]
    fn only_the_first_final_reply_counts() {
        for (first, later) in [(486, 200), (200, 486), (200, 200), (486, 603), (486, 180)] {
            let mut server = InviteServer::new(false);
            server.on_reply(Time(0), first, false, &TIMERS);
            let before = server.timeout();
            server.on_reply(Time(100), later, true, &TIMERS);
            assert_eq!(server.timeout(), before);
            assert_eq!(server.awaits_ack(), first >= 300);
        }
    }

    #[test]
    fn a_released_one_ends_without_any_reply() {
        let mut server = InviteServer::new(false);
        server.release(Time(0), &TIMERS);
        server.release(Time(1000), &TIMERS);
        assert_eq!(run(&mut server), (vec![], Some(5000)));
        server.release(Time(6000), &TIMERS);
        assert_eq!(server.timeout(), None);
        // A reply that comes before that counts as usual.
        let mut server = InviteServer::new(true);
        server.release(Time(0), &TIMERS);
        server.on_reply(Time(1000), 486, true, &TIMERS);
        assert_eq!(server.timeout(), Some(Time(36_000)));
    }

    #[test]
    fn it_can_be_ended_at_once() {
        let mut server = InviteServer::new(false);
        server.on_reply(Time(0), 486, true, &TIMERS);
        server.end();
        assert_eq!(server.timeout(), None);
        assert!(!server.on_ack(Time(1), &TIMERS));
    }
}
