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
    /// The longest it waits in any case.
    end: Time,
}

impl RequestClient {
    /// It was sent at `now`, over a transport that delivers by itself or not; it waits no longer than until `end`.
    #[must_use]
    pub fn new(now: Time, reliable: bool, end: Time, timers: &Timers) -> Self {
        Self {
            state: State::Trying,
            retransmission: Retransmission::start(now, reliable, timers),
            gives_up: (now + timers.reply).min(end),
            end,
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
        self.gives_up = (now + timers.reply).min(self.end);
    }

    /// Waits in any case at most until then; what it waits for at the moment does not get longer.
    pub fn set_end(&mut self, end: Time) {
        self.end = end;
        self.gives_up = self.gives_up.min(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: Timers = Timers::REQUEST;
    const END: Time = Time(100_000);

    fn client(reliable: bool) -> RequestClient {
        RequestClient::new(Time(0), reliable, END, &TIMERS)
    }

    /// What is due until it gives up.
    fn run(client: &mut RequestClient) -> (Vec<u64>, Option<u64>) {
        let mut sent = Vec::new();
        while let Some(at) = client.timeout() {
            match client.on_timeout(at, &TIMERS) {
                Some(ClientTimeout::Retransmit) => sent.push(at.0),
                Some(ClientTimeout::GaveUp) => return (sent, Some(at.0)),
                None => panic!("nothing was due at {at:?}"),
            }
        }
        (sent, None)
    }

    /// Timers E and F.
    #[test]
    fn it_is_sent_again_until_it_gives_up() {
        let sent = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500];
        assert_eq!(run(&mut client(false)), (sent.to_vec(), Some(30_000)));
        assert_eq!(run(&mut client(true)), (vec![], Some(30_000)));
    }

    /// Timer E is T2 in Proceeding; timer F goes on.
    #[test]
    fn a_provisional_reply_slows_it_down() {
        let mut client = client(false);
        assert!(client.on_reply(Time(100), 100, &TIMERS).new);
        assert!(client.is_pending());
        assert!(client.on_reply(Time(200), 183, &TIMERS).new);
        assert_eq!(run(&mut client), (vec![4200, 8200, 12_200, 16_200, 20_200, 24_200, 28_200], Some(30_000)));
    }

    #[test]
    fn a_final_reply_ends_it_and_counts_once() {
        for first in [200, 302, 404, 503, 603] {
            for provisional in [false, true] {
                let mut client = client(false);
                if provisional {
                    client.on_reply(Time(1), 100, &TIMERS);
                }
                assert_eq!(client.on_reply(Time(2), first, &TIMERS), ClientReply { new: true, acknowledge: false });
                assert!(!client.is_pending());
                assert_eq!(client.timeout(), None);
                assert_eq!(client.on_timeout(END, &TIMERS), None);
                for again in [100, first, 200] {
                    assert_eq!(
                        client.on_reply(Time(3), again, &TIMERS),
                        ClientReply { new: false, acknowledge: false }
                    );
                }
            }
        }
    }

    #[test]
    fn an_abandoned_one_takes_no_reply() {
        let mut client = client(false);
        client.abandon();
        assert_eq!(client.timeout(), None);
        assert!(!client.on_reply(Time(1), 200, &TIMERS).new);
    }

    #[test]
    fn nothing_waits_past_the_end() {
        let end = Time(10_000);
        let mut client = RequestClient::new(Time(0), true, end, &TIMERS);
        assert_eq!(client.timeout(), Some(end));
        client.restart(Time(5000), &TIMERS);
        assert_eq!(client.timeout(), Some(end));
        client.set_end(Time(7000));
        assert_eq!(client.timeout(), Some(Time(7000)));
        client.set_end(END);
        assert_eq!(client.timeout(), Some(Time(7000)));
        client.restart(Time(6000), &TIMERS);
        assert_eq!(client.timeout(), Some(Time(36_000)));
    }
}
