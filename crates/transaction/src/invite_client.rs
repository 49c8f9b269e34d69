//! The client side of an INVITE: RFC 3261 section 17.1.1 with RFC 6026 section 7.2.

use crate::retransmission::{Retransmission, earliest};
use crate::{ClientReply, ClientTimeout, Time, Timers};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Sent, nothing came.
    Calling,
    /// A provisional reply came.
    Proceeding,
    /// A negative final reply came.
    Completed,
    /// A 2xx came.
    Accepted,
    /// It was given up.
    Terminated,
}

/// One INVITE that was sent. It ends with the transaction it belongs to: until then it acknowledges negative replies
/// that come again and passes on each 2xx.
#[derive(Clone, Debug)]
pub struct InviteClient {
    state: State,
    retransmission: Retransmission,
    gives_up: Time,
    /// The longest it waits in any case.
    end: Time,
}

impl InviteClient {
    /// It was sent at `now`, over a transport that delivers by itself or not; no branch waits past `end`.
    #[must_use]
    pub fn new(now: Time, reliable: bool, end: Time, timers: &Timers) -> Self {
        Self {
            state: State::Calling,
            retransmission: Retransmission::start(now, reliable, timers),
            gives_up: (now + timers.reply).min(end),
            end,
        }
    }

    /// A reply came.
    pub fn on_reply(&mut self, now: Time, status: u16, timers: &Timers) -> ClientReply {
        match status {
            ..200 => ClientReply { new: self.on_provisional(now, timers), acknowledge: false },
            200..300 => {
                // Each one goes up: retransmissions until the ACK comes, and those of several phones behind a fork.
                self.finish(State::Accepted);
                ClientReply { new: true, acknowledge: false }
            }
            _ => {
                let new = self.is_pending();
                if new {
                    self.finish(State::Completed);
                }
                ClientReply { new, acknowledge: true }
            }
        }
    }

    fn on_provisional(&mut self, now: Time, timers: &Timers) -> bool {
        match self.state {
            State::Calling => {
                self.state = State::Proceeding;
                self.retransmission.stop();
                self.gives_up = (now + timers.ringing).min(self.end);
                true
            }
            State::Proceeding => {
                if timers.restart_on_each_reply {
                    self.gives_up = (now + timers.ringing).min(self.end);
                }
                true
            }
            State::Completed | State::Accepted | State::Terminated => false,
        }
    }

    fn finish(&mut self, state: State) {
        self.state = state;
        self.retransmission.stop();
    }

    /// What is due; to be called until it says `None`.
    pub fn on_timeout(&mut self, now: Time, timers: &Timers) -> Option<ClientTimeout> {
        if !self.is_pending() {
            return None;
        }
        if self.gives_up <= now {
            self.finish(State::Terminated);
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
        matches!(self.state, State::Calling | State::Proceeding)
    }

    /// A provisional reply came, and no final one yet: a CANCEL may be sent (RFC 3261 section 9.1).
    #[must_use]
    pub const fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    /// Ends it: nothing is sent again, and no final reply is awaited.
    pub fn abandon(&mut self) {
        if self.is_pending() {
            self.finish(State::Terminated);
        }
    }

    /// Stops the retransmissions, but waits on.
    pub const fn stop_retransmissions(&mut self) {
        self.retransmission.stop();
    }

    /// Waits from now on only as long as the timers say (`t_set_fr` while it runs; a CANCEL was sent).
    pub fn restart(&mut self, now: Time, timers: &Timers) {
        let interval = if self.is_proceeding() { timers.ringing } else { timers.reply };
        self.gives_up = (now + interval).min(self.end);
    }

    /// Waits at most until then.
    pub fn limit(&mut self, end: Time) {
        self.end = self.end.min(end);
        self.gives_up = self.gives_up.min(end);
    }
}
