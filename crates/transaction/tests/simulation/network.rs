//! Virtual time and a network that loses, duplicates, delays and reorders.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use transaction::Time;

use crate::message::{Identity, Message, Node};
use crate::plan::Plan;
use crate::random::Random;

/// What the runs together must have shown, so that a rule is not kept only because nothing happened.
#[derive(Clone, Copy, Debug)]
pub enum Seen {
    Retransmitted,
    CancelRetransmitted,
    ReplyRetransmitted,
    OwnAnswerRetransmitted,
    CancelledForCaller,
    CancelledForOther,
    CancelledForSix,
    CancelledForTimeout,
    CancelledWhenReached,
    BlindCancelled,
    AllFailed,
    BestOfSeveral,
    SecondAnswer,
    AnswerBehindNegative,
    FailOver,
    SerialFork,
    ScriptReply,
    Resumed,
    Released,
    AcknowledgedTwice,
    LateReply,
    RequestAgain,
}

impl Seen {
    pub const ALL: [Self; 22] = [
        Self::Retransmitted,
        Self::CancelRetransmitted,
        Self::ReplyRetransmitted,
        Self::OwnAnswerRetransmitted,
        Self::CancelledForCaller,
        Self::CancelledForOther,
        Self::CancelledForSix,
        Self::CancelledForTimeout,
        Self::CancelledWhenReached,
        Self::BlindCancelled,
        Self::AllFailed,
        Self::BestOfSeveral,
        Self::SecondAnswer,
        Self::AnswerBehindNegative,
        Self::FailOver,
        Self::SerialFork,
        Self::ScriptReply,
        Self::Resumed,
        Self::Released,
        Self::AcknowledgedTwice,
        Self::LateReply,
        Self::RequestAgain,
    ];
}

/// Something that a program wanted to be reminded of.
#[derive(Clone, Debug)]
pub enum Wake {
    /// A client transaction of a phone is due.
    Client(usize),
    /// A server transaction of a phone is due.
    Server(usize),
    /// A phone starts a call.
    Call(usize),
    /// A phone takes its INVITE back.
    GiveUp(usize),
    /// A phone sends the reply with this number.
    Step(usize, usize),
    /// A phone does something within a dialog.
    InDialog(usize),
    /// A proxied transaction is due.
    Transaction(usize),
    /// The script is done with a reply.
    Process(usize, usize, Box<Message>),
    /// The script is done with its reaction to the end of all branches.
    Conclude(usize),
    /// The script does something while branches wait.
    Script(usize),
    /// A suspended transaction goes on.
    Resume(usize, usize),
    /// A proxy sends a request of its own.
    Local(usize),
    /// A proxy ends the call it made itself.
    LocalBye(Box<Message>),
}

#[derive(Clone, Debug)]
pub enum Event {
    Message { from: Node, message: Box<Message> },
    Wake(Wake),
}

struct Entry {
    at: (Time, u64),
    node: Node,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

/// What all programs share.
pub struct Network {
    pub now: Time,
    pub plan: Plan,
    random: Random,
    queue: BinaryHeap<Reverse<Entry>>,
    entries: u64,
    numbers: u32,
    /// When the last message between two programs arrives: reliable transports keep the order.
    arrivals: Vec<Time>,
    sent: Vec<Identity>,
    pub violations: Vec<String>,
    /// One bit for each [`Seen`].
    pub seen: u64,
    pub trace: bool,
}

impl Network {
    pub fn new(seed: u64, trace: bool) -> Self {
        let plan = Plan::new(seed);
        let arrivals = vec![Time(0); plan.nodes * plan.nodes];
        Self {
            now: Time(0),
            random: Random::of(seed, 1, 0),
            plan,
            queue: BinaryHeap::new(),
            entries: 0,
            numbers: 0,
            arrivals,
            sent: Vec::new(),
            violations: Vec::new(),
            seen: 0,
            trace,
        }
    }

    /// A number that was not used yet, for branches and tags.
    pub fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    pub const fn saw(&mut self, what: Seen) {
        self.seen |= 1 << what as u64;
    }

    /// Writes a line into the flow that a replay prints.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>9.3} {}", self.now.0 as f64 / 1000.0, line());
        }
    }

    pub fn violation(&mut self, what: String) {
        self.note(|| format!("VIOLATION: {what}"));
        let line = format!("{:.3}: {what}", self.now.0 as f64 / 1000.0);
        self.violations.push(line);
    }

    /// `what` is a violation unless `holds`.
    pub fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violation(what());
        }
    }

    pub fn wake(&mut self, node: Node, at: Time, wake: Wake) {
        // A driver may look at its timers only every few milliseconds.
        let tick = if matches!(wake, Wake::Transaction(_)) { u64::from(self.plan.tick) } else { 1 };
        self.push(node, Time(at.max(self.now).0.div_ceil(tick) * tick), Event::Wake(wake));
    }

    pub fn wake_in(&mut self, node: Node, milliseconds: u32, wake: Wake) {
        self.push(node, self.now + milliseconds, Event::Wake(wake));
    }

    fn push(&mut self, node: Node, at: Time, event: Event) {
        self.entries += 1;
        self.queue.push(Reverse(Entry { at: (at, self.entries), node, event }));
    }

    /// The next thing that happens.
    pub fn next(&mut self) -> Option<(Node, Event)> {
        let Reverse(entry) = self.queue.pop()?;
        self.now = entry.at.0;
        Some((entry.node, entry.event))
    }

    pub fn send(&mut self, from: Node, to: Node, message: Message) {
        if self.plan.once {
            self.sent.push(message.identity(from, to));
        }
        let plan = &self.plan;
        let (low, high) = plan.delay;
        let delay = self.random.between(low, high);
        if plan.is_dead(to) {
            self.note(|| format!("{from} -> nowhere  {}", message.describe()));
        } else if plan.is_reliable(from, to) {
            let link = from * plan.nodes + to;
            let at = self.arrivals[link].max(self.now + delay);
            self.arrivals[link] = at;
            self.note(|| format!("{from} => {to}  {}", message.describe()));
            self.push(to, at, Event::Message { from, message: Box::new(message) });
        } else if self.random.chance(plan.loss) {
            self.note(|| format!("{from} -> {to}  {}  LOST", message.describe()));
        } else {
            self.note(|| format!("{from} -> {to}  {}", message.describe()));
            if self.random.chance(plan.duplicates) {
                let late = plan.late_duplicates && self.random.chance(10);
                let delay = if late { self.random.between(5000, 250_000) } else { self.random.between(low, high) };
                self.push(to, self.now + delay, Event::Message { from, message: Box::new(message.clone()) });
            }
            self.push(to, self.now + delay, Event::Message { from, message: Box::new(message) });
        }
    }

    /// Whether every message was sent once, for seeds in which nothing gives reason to send it again.
    pub fn check_sent_once(&mut self) {
        let mut sent = std::mem::take(&mut self.sent);
        sent.sort_unstable();
        if let Some(twice) = sent.windows(2).find(|pair| pair[0] == pair[1]) {
            let twice = format!("{:?}", twice[0]);
            self.violation(format!("sent more than once without any loss: {twice}"));
        }
    }
}
