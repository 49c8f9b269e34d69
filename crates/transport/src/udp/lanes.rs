//! Lanes: the messages of one call are handled one after the other, those of different calls at the same time.
//!
//! Every datagram belongs to a lane, by its Call-ID. The worker that received it claims the lane and handles it; a lane
//! that another worker holds gets the datagram put into its queue, and the holder handles that too before it lets go.
//! Datagrams are given to lanes by one worker at a time, right after receiving, so the order in a lane is that of
//! arrival. A lane is let go only after everything it led to was sent, so that order holds for what leaves, too.
//!
//! A worker that empties queues does so until its lanes are empty: queues grow only while somebody receives, so if all
//! workers are busy so, each comes to its end and back to receiving.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::quality::RandomState;
use parking_lot::Mutex;
use sip::Str;

use crate::handler::Received;

/// How many lanes a socket has. Two calls in one lane only wait for each other.
const LANES: usize = 1024;

/// What a waiting datagram costs beside its bytes; about what the kernel counts for one in its buffer.
const OVERHEAD: usize = 512;

/// A lane's queue may be this many times smaller than those of all lanes together.
const SHARE: usize = 4;

/// How many datagrams of a lane are handled before what they led to is sent.
const ROUND: usize = 32;

/// A queue that grew beyond this many places gives its memory back.
const KEPT_PLACES: usize = 64;

/// A lane that no worker holds.
const NOBODY: usize = usize::MAX;

/// A datagram that waits for the worker that holds its lane.
pub(super) struct Waiting {
    pub(super) received: Received,
    pub(super) data: Str,
}

impl Waiting {
    fn cost(&self) -> usize {
        self.data.len() + OVERHEAD
    }
}

struct Lane {
    /// The worker that handles this lane's datagrams. A lane without holder has an empty queue.
    holder: usize,
    queue: VecDeque<Waiting>,
    /// The cost of what is in the queue.
    cost: usize,
}

/// The lanes of one socket.
pub(super) struct Lanes {
    /// With random keys, so that nobody can aim at the lane of another's call. A quick hash will do: nothing shows a lane's
    /// number to anybody, and who guessed it would only wait.
    keys: RandomState,
    lanes: Box<[Mutex<Lane>]>,
    /// The cost of all queues.
    cost: AtomicUsize,
    lane_limit: usize,
}

/// Where a datagram went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is for the worker that received it.
    Mine,
    /// The holder of its lane handles it.
    Left,
    /// Nowhere: the holder of its lane has too much to do already.
    Full,
}

impl Lanes {
    /// `limit`: how many bytes may wait in one lane.
    pub(super) fn new(limit: usize) -> Self {
        let lane = || Mutex::new(Lane { holder: NOBODY, queue: VecDeque::new(), cost: 0 });
        Self {
            keys: RandomState::default(),
            lanes: std::iter::repeat_with(lane).take(LANES).collect(),
            cost: AtomicUsize::new(0),
            lane_limit: limit,
        }
    }

    /// The lane of a datagram: that of its call; without Call-ID that of its sender.
    fn lane_of(&self, source: SocketAddr, data: &[u8]) -> usize {
        let hash = match sip::scan::call_id(data) {
            Some(call) => self.keys.hash_one(call),
            None => self.keys.hash_one(source),
        };
        (hash % LANES as u64) as usize
    }

    /// What a worker holds; at first nothing. Every worker has a number of its own.
    pub(super) fn claims(&self, worker: usize) -> Claims<'_> {
        Claims { lanes: self, worker, held: Vec::new() }
    }
}

/// The lanes that one worker holds. Dropping lets them go, so that the end of a worker stops no call.
pub(super) struct Claims<'a> {
    lanes: &'a Lanes,
    worker: usize,
    held: Vec<usize>,
}

impl Claims<'_> {
    /// True when this worker holds no lane.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Gives a datagram to its lane. To be called in the order of arrival, by one worker of a socket at a time.
    pub(super) fn place(&mut self, received: Received, data: &[u8]) -> Place {
        let lanes = self.lanes;
        let index = lanes.lane_of(received.source, data);
        let mut lane = lanes.lanes[index].lock();
        if lane.holder == NOBODY {
            lane.holder = self.worker;
            self.held.push(index);
            return Place::Mine;
        }
        // Claimed for an earlier datagram of the same batch: nothing else can be in its queue yet.
        if lane.holder == self.worker {
            return Place::Mine;
        }
        let cost = data.len() + OVERHEAD;
        if lane.cost + cost > lanes.lane_limit
            || lanes.cost.load(Ordering::Relaxed) + cost > SHARE.saturating_mul(lanes.lane_limit)
        {
            return Place::Full;
        }
        lane.cost += cost;
        lanes.cost.fetch_add(cost, Ordering::Relaxed);
        lane.queue.push_back(Waiting { received, data: Str::copy_from(data) });
        Place::Left
    }

    /// Takes what arrived meanwhile in the lanes held, in order, and lets go those where nothing did.
    pub(super) fn next(&mut self, into: &mut Vec<Waiting>) {
        let lanes = self.lanes;
        self.held.retain(|&index| {
            let mut lane = lanes.lanes[index].lock();
            if lane.queue.is_empty() {
                lane.release();
                return false;
            }
            let count = lane.queue.len().min(ROUND);
            let before = into.len();
            into.extend(lane.queue.drain(..count));
            let cost = into[before..].iter().map(Waiting::cost).sum();
            lane.cost -= cost;
            lanes.cost.fetch_sub(cost, Ordering::Relaxed);
            true
        });
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        for &index in &self.held {
            let mut lane = self.lanes.lanes[index].lock();
            self.lanes.cost.fetch_sub(lane.cost, Ordering::Relaxed);
            lane.cost = 0;
            lane.queue.clear();
            lane.release();
        }
    }
}

impl Lane {
    fn release(&mut self) {
        self.holder = NOBODY;
        if self.queue.capacity() > KEPT_PLACES {
            self.queue = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::SocketId;
    use sip::Protocol;

    fn from(port: u16) -> Received {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Received {
            socket: SocketId(0),
            protocol: Protocol::Udp,
            source: address(port),
            destination: address(5060),
            connection: None,
        }
    }

    fn of_call(call: &str, number: usize) -> Vec<u8> {
        format!("OPTIONS sip:h SIP/2.0\r\nCall-ID: {call}\r\nCSeq: {number} OPTIONS\r\n\r\n").into_bytes()
    }

    fn texts(waiting: &mut Vec<Waiting>) -> Vec<Vec<u8>> {
        waiting.drain(..).map(|waiting| waiting.data.to_vec()).collect()
    }

    #[test]
    fn a_held_lane_gets_its_datagrams_in_order_and_is_let_go_when_empty() {
        let lanes = Lanes::new(100_000);
        let (mut first, mut second) = (lanes.claims(0), lanes.claims(1));
        assert_eq!(first.place(from(1), &of_call("a", 1)), Place::Mine);
        assert_eq!(first.place(from(2), &of_call("a", 2)), Place::Mine);
        assert_eq!(second.place(from(1), &of_call("a", 3)), Place::Left);
        assert_eq!(second.place(from(1), &of_call("a", 4)), Place::Left);
        assert!(second.is_empty() && !first.is_empty());
        let mut waiting = Vec::new();
        first.next(&mut waiting);
        assert_eq!(texts(&mut waiting), [of_call("a", 3), of_call("a", 4)]);
        assert_eq!(second.place(from(1), &of_call("a", 5)), Place::Left);
        first.next(&mut waiting);
        assert_eq!(texts(&mut waiting), [of_call("a", 5)]);
        first.next(&mut waiting);
        assert!(waiting.is_empty() && first.is_empty());
        assert_eq!(lanes.cost.load(Ordering::Relaxed), 0);
        assert_eq!(second.place(from(1), &of_call("a", 6)), Place::Mine);
    }

    #[test]
    fn without_call_id_the_sender_decides() {
        let lanes = Lanes::new(100_000);
        let same = lanes.lane_of(from(7).source, b"not SIP");
        assert_eq!(lanes.lane_of(from(7).source, b"not SIP either"), same);
        assert!((8..40).any(|port| lanes.lane_of(from(port).source, b"not SIP") != same));
        let call = lanes.lane_of(from(7).source, &of_call("a", 1));
        assert_eq!(lanes.lane_of(from(8).source, &of_call("a", 2)), call);
        assert!((0..40).any(|n| lanes.lane_of(from(7).source, &of_call(&n.to_string(), 1)) != call));
    }

    #[test]
    fn queues_are_bounded_alone_and_together() {
        let lanes = Lanes::new(10_000);
        let (mut first, mut second) = (lanes.claims(0), lanes.claims(1));
        let calls: Vec<String> = (0..40).map(|call| call.to_string()).collect();
        for call in &calls {
            assert_eq!(first.place(from(1), &of_call(call, 0)), Place::Mine);
        }
        let mut left = 0;
        for call in &calls {
            let of_lane = (0..100).take_while(|n| second.place(from(1), &of_call(call, *n)) == Place::Left).count();
            assert!(of_lane < 20, "{of_lane}");
            left += of_lane;
        }
        assert!((60..80).contains(&left), "{left}");
        assert_eq!(second.place(from(1), &of_call("0", 0)), Place::Full);
        let mut waiting = Vec::new();
        while !first.is_empty() {
            first.next(&mut waiting);
        }
        assert_eq!(waiting.len(), left);
        assert_eq!(lanes.cost.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_end_of_a_worker_frees_its_lanes() {
        let lanes = Lanes::new(100_000);
        let (mut first, mut second) = (lanes.claims(0), lanes.claims(1));
        first.place(from(1), &of_call("a", 1));
        assert_eq!(second.place(from(1), &of_call("a", 2)), Place::Left);
        drop(first);
        assert_eq!(lanes.cost.load(Ordering::Relaxed), 0);
        assert_eq!(second.place(from(1), &of_call("a", 3)), Place::Mine);
    }
}
