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
    ends: Option<Time>,
}

impl InviteServer {
    /// It came over a transport that delivers by itself or not.
    #[must_use]
    pub fn new(reliable: bool) -> Self {
        Self { state: State::Proceeding, reliable, retransmission: Retransmission::default(), ends: None }
    }

    /// A reply was sent. A 2xx of our `own` is sent again until its ACK comes, as its user would do (RFC 3261 section
    /// 13.3.1.4); one that was passed on is sent again by whoever sent it.
    pub fn on_reply(&mut self, now: Time, status: u16, own: bool, timers: &Timers) {
        match (self.state, status) {
            (State::Proceeding, 200..300) => {
                self.state = State::Accepted;
                self.ends = Some(now + if own { timers.reply } else { timers.wait });
                if own {
                    // This does not depend on the transport: the way beyond the next hop may lose it.
                    self.retransmission = Retransmission::start(now, false, timers);
                }
            }
            (State::Proceeding, 300..) => {
                self.state = State::Completed;
                self.ends = Some(now + timers.reply);
                self.retransmission = Retransmission::start(now, self.reliable, timers);
            }
            _ => {}
        }
    }

    /// The ACK came. True when it was awaited.
    pub fn on_ack(&mut self, now: Time, timers: &Timers) -> bool {
        let awaited = self.state == State::Completed || self.retransmission.at().is_some();
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
