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

    /// Waits in any case at most until then; what it waits for at the moment does not get longer.
    pub fn set_end(&mut self, end: Time) {
        self.end = end;
        self.gives_up = self.gives_up.min(end);
    }

    /// Waits at most until then, and no longer than it would have.
    pub fn limit(&mut self, end: Time) {
        self.end = self.end.min(end);
        self.gives_up = self.gives_up.min(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: Timers = Timers::INVITE;
    const END: Time = Time(180_000);

    fn client(reliable: bool) -> InviteClient {
        InviteClient::new(Time(0), reliable, END, &TIMERS)
    }

    fn reply(new: bool, acknowledge: bool) -> ClientReply {
        ClientReply { new, acknowledge }
    }

    /// Timers A and B.
    #[test]
    fn it_is_sent_again_until_it_gives_up() {
        for (reliable, expected) in [(false, 9), (true, 0)] {
            let mut client = client(reliable);
            let mut sent = 0;
            loop {
                let at = client.timeout().unwrap();
                match client.on_timeout(at, &TIMERS) {
                    Some(ClientTimeout::Retransmit) => sent += 1,
                    Some(ClientTimeout::GaveUp) => break assert_eq!(at, Time(30_000)),
                    None => panic!("nothing was due at {at:?}"),
                }
            }
            assert_eq!(sent, expected);
            assert_eq!(client.timeout(), None);
            assert_eq!(client.on_timeout(END, &TIMERS), None);
        }
    }

    /// Timer C.
    #[test]
    fn a_provisional_reply_stops_retransmissions_and_gives_more_time() {
        for (restart, gives_up) in [(true, 130_000), (false, 121_000)] {
            let timers = Timers { restart_on_each_reply: restart, ..TIMERS };
            let mut client = client(false);
            assert!(!client.is_proceeding());
            assert_eq!(client.on_reply(Time(1000), 100, &timers), reply(true, false));
            assert!(client.is_proceeding() && client.is_pending());
            assert_eq!(client.on_reply(Time(10_000), 180, &timers), reply(true, false));
            assert_eq!(client.timeout(), Some(Time(gives_up)));
            assert_eq!(client.on_timeout(Time(gives_up - 1), &timers), None);
            assert_eq!(client.on_timeout(Time(gives_up), &timers), Some(ClientTimeout::GaveUp));
        }
    }

    #[test]
    fn a_provisional_reply_gives_no_time_past_the_end() {
        let mut client = client(false);
        client.on_reply(Time(100_000), 180, &TIMERS);
        assert_eq!(client.timeout(), Some(END));
        client.limit(Time(120_000));
        client.on_reply(Time(110_000), 180, &TIMERS);
        assert_eq!(client.timeout(), Some(Time(120_000)));
        client.set_end(END);
        client.restart(Time(110_000), &TIMERS);
        assert_eq!(client.timeout(), Some(END));
    }

    /// From each state, each kind of reply.
    #[test]
    fn replies_in_each_state() {
        let before: [(&str, &[u16], bool); 6] = [
            ("calling", &[], false),
            ("proceeding", &[180], false),
            ("completed", &[486], false),
            ("accepted", &[200], false),
            ("accepted behind a negative reply", &[486, 200], false),
            ("terminated", &[], true),
        ];
        for (name, replies, abandon) in before {
            let pending = matches!(name, "calling" | "proceeding");
            for (status, expected) in [
                (100, reply(pending, false)),
                (183, reply(pending, false)),
                (200, reply(true, false)),
                (302, reply(pending, true)),
                (486, reply(pending, true)),
                (603, reply(pending, true)),
            ] {
                let mut client = client(false);
                for earlier in replies {
                    client.on_reply(Time(1), *earlier, &TIMERS);
                }
                if abandon {
                    client.abandon();
                }
                assert_eq!(client.on_reply(Time(2), status, &TIMERS), expected, "{status} when {name}");
                assert_eq!(client.is_pending(), pending && status < 200, "{status} when {name}");
                assert_eq!(client.timeout().is_some(), client.is_pending(), "{status} when {name}");
            }
        }
    }

    /// Timer D is the life of the transaction: a negative reply is acknowledged however late it comes again.
    #[test]
    fn each_copy_of_a_negative_reply_is_acknowledged() {
        let mut client = client(false);
        assert_eq!(client.on_reply(Time(0), 486, &TIMERS), reply(true, true));
        for copy in 1..10 {
            assert_eq!(client.on_reply(Time(copy * 4000), 486, &TIMERS), reply(false, true));
        }
    }

    #[test]
    fn restarting_takes_the_interval_of_the_state() {
        let mut client = client(true);
        client.restart(Time(1000), &TIMERS);
        assert_eq!(client.timeout(), Some(Time(31_000)));
        client.on_reply(Time(1000), 180, &TIMERS);
        client.restart(Time(2000), &TIMERS);
        assert_eq!(client.timeout(), Some(Time(122_000)));
    }

    #[test]
    fn without_retransmissions_it_waits_on() {
        let mut client = client(false);
        client.stop_retransmissions();
        assert_eq!(client.timeout(), Some(Time(30_000)));
    }
}
