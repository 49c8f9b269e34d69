//! The client side of any request but INVITE and ACK: RFC 3261 section 17.1.2.

use crate::retransmission::{Retransmission, earliest};
use crate::{ClientReply, ClientTimeout, Time, Timers};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Sent, nothing came.
    Trying,
    /// A provisional reply came.
    Proceeding,
    /// A final reply came.
    Completed,
    /// It was given up.
    Terminated,
}

/// One request that was sent.
#[derive(Clone, Debug)]
pub struct RequestClient {
    state: State,
    retransmission: Retransmission,
    gives_up: Time,
}

impl RequestClient {
    /// It was sent at `now`, over a transport that delivers by itself or not; it waits no longer than until `end`.
    #[must_use]
    pub fn new(now: Time, reliable: bool, end: Time, timers: &Timers) -> Self {
        Self {
            state: State::Trying,
            retransmission: Retransmission::start(now, reliable, timers),
            gives_up: (now + timers.reply).min(end),
        }
    }

    /// A reply came.
    pub fn on_reply(&mut self, now: Time, status: u16, timers: &Timers) -> ClientReply {
        let new = self.is_pending();
        if new && status < 200 {
            self.state = State::Proceeding;
            self.retransmission.slow_down(now, timers);
        } else if new {
            self.state = State::Completed;
            self.retransmission.stop();
        }
        ClientReply { new, acknowledge: false }
    }

    /// What is due; to be called until it says `None`.
    pub fn on_timeout(&mut self, now: Time, timers: &Timers) -> Option<ClientTimeout> {
        if !self.is_pending() {
            return None;
        }
        if self.gives_up <= now {
            self.abandon();
            return Some(ClientTimeout::GaveUp);
        }
        self.retransmission.due(now, timers).then_some(ClientTimeout::Retransmit)
    }

    /// When to look again.
    #[must_use]
    pub fn timeout(&self) -> Option<Time> {
        if self.is_pending() { earliest(self.retransmission.at(), Some(self.gives_up)) } else { None }
    }

    /// A final reply is still awaited.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }

    /// Ends it.
    pub const fn abandon(&mut self) {
        if self.is_pending() {
            self.state = State::Terminated;
            self.retransmission.stop();
        }
    }

    /// Waits from now on as long as the timers say.
    pub fn restart(&mut self, now: Time, timers: &Timers) {
        self.gives_up = now + timers.reply;
    }
}
