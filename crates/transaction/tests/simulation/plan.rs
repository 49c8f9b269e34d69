//! What happens in the run of a seed: the network, who calls whom, what proxies and phones do about it.

use transaction::{EarlyCancel, Timers};

use crate::message::{Method, Node};
use crate::random::Random;

const SCRIPT: u64 = 10;
const PHONE: u64 = 11;
const DIALOG: u64 = 12;

/// The phones that only call.
const CALLERS: usize = 2;
const CALLEES: usize = 5;

/// T1 and T2 of the RFC.
pub const T1: u32 = 500;
pub const T2: u32 = 4000;
/// The lifetime of what a phone does not hear about any more.
pub const LONG: u32 = 64 * T1;
/// A phone does not ring longer.
pub const RINGS_OUT: u32 = 250_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Unreliable,
    Reliable,
    Mixed,
}

/// A request that a phone sends outside of a dialog, and what it does later.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: u32,
    pub caller: Node,
    pub method: Method,
    pub cancel_after: Option<u32>,
    /// The ACKs to its 2xx never come out.
    pub mute: bool,
    /// What the caller sends in the dialog, and how long after the one before.
    pub later: Vec<(u32, Method)>,
}

/// A request that a proxy sends by itself.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    pub at: u32,
    pub proxy: Node,
    pub method: Method,
}

/// Where a branch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    Node(Node),
    /// Sending fails.
    Unreachable,
}

/// What the script does with a blind branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspend {
    No,
    ResumeAfter(u32),
    Forever,
}

/// What a proxy's script does with a request.
#[derive(Clone, Debug)]
pub struct Script {
    pub timers: Timers,
    pub early_cancel: EarlyCancel,
    pub block_6xx: bool,
    /// One behind the other: groups of branches, of which each has addresses to try.
    pub groups: Vec<Vec<Vec<Address>>>,
    pub suspend: Suspend,
    /// The request is dropped: `t_release`.
    pub release: bool,
    /// A reply of the script after so long.
    pub reply_after: Option<(u32, u16)>,
    /// New timers after so long, when there is no `reply_after`; perhaps a new lifetime, too.
    pub timers_after: Option<(u32, Timers, Option<u32>)>,
    /// What the script answers when all branches failed.
    pub failure_reply: Option<u16>,
    /// The replies of a branch whose next address is tried do not count.
    pub drops: bool,
    /// How long the script takes for a reply and for its reaction to the end of all branches, at most.
    pub thinks: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCancel {
    /// 200, and 487 to the INVITE.
    End,
    /// 200, and later 200 to the INVITE.
    AnswerAfter(u32),
    /// 200, and it goes on as if nothing had happened.
    GoOn,
    /// Nothing.
    Silence,
}

/// A reply of a phone: when, which, from which of the phones behind it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub at: u32,
    pub status: u16,
    pub who: u8,
}

/// What a phone does with a request.
#[derive(Clone, Debug)]
pub struct Behaviour {
    pub steps: Vec<Step>,
    pub on_cancel: OnCancel,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub proxies: usize,
    /// All programs and the address at which there is none.
    pub nodes: usize,
    transport: Transport,
    /// In percent.
    pub loss: u32,
    pub duplicates: u32,
    pub late_duplicates: bool,
    pub delay: (u32, u32),
    /// Nothing is lost, duplicated or late, and everybody answers: nothing is sent more than once.
    pub once: bool,
    pub tick: u32,
    pub wait: u32,
    pub calls: Vec<Call>,
    pub locals: Vec<Local>,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::of(seed, 0, 0);
        let proxies = random.pick(&[1, 1, 1, 2, 2, 3]);
        let quiet = random.chance(40);
        let once = quiet && random.chance(60);
        let transport =
            random.pick(&[Transport::Unreliable, Transport::Unreliable, Transport::Reliable, Transport::Mixed]);
        let high = if once { 20 } else { random.pick(&[5, 100, 100, 600, 2000]) };
        let lossy = |value| if quiet { 0 } else { value };
        let wait = random.pick(&[LONG, 5000]);
        let mut plan = Self {
            seed,
            proxies,
            nodes: proxies + CALLERS + CALLEES + 1,
            transport,
            loss: lossy(random.between(0, 30)),
            duplicates: lossy(random.pick(&[0, 5, 20])),
            late_duplicates: random.chance(20),
            delay: (1, high),
            once,
            tick: random.pick(&[1, 1, 10, 50]),
            wait,
            calls: Vec::new(),
            locals: Vec::new(),
        };
        for _ in 0..random.pick(&[1, 1, 2]) {
            let call = plan.new_call(&mut random);
            plan.calls.push(call);
        }
        if random.chance(25) {
            let method = random.pick(&[Method::Invite, Method::Options]);
            plan.locals.push(Local { at: random.between(0, 5000), proxy: random.next() as usize % proxies, method });
        }
        plan
    }

    fn new_call(&self, random: &mut Random) -> Call {
        let method = if random.chance(75) { Method::Invite } else { Method::Options };
        let early = random.between(0, 2000);
        let late = random.between(0, 60_000);
        let mut later = Vec::new();
        while random.chance(40) && later.len() < 3 {
            later.push((random.between(0, 3000), random.pick(&[Method::Invite, Method::Options])));
        }
        if random.chance(80) {
            later.push((random.between(0, 20_000), Method::Bye));
        }
        Call {
            at: random.between(0, 3000),
            caller: self.proxies + random.next() as usize % CALLERS,
            method,
            cancel_after: random.pick(&[None, None, Some(early), Some(late)]),
            mute: !self.once && random.chance(10),
            later,
        }
    }

    /// Nothing gets lost.
    pub const fn is_lossless(&self) -> bool {
        self.loss == 0
    }

    pub const fn dead(&self) -> Node {
        self.nodes - 1
    }

    pub const fn is_dead(&self, node: Node) -> bool {
        node + 1 == self.nodes
    }

    pub fn is_reliable(&self, from: Node, to: Node) -> bool {
        match self.transport {
            Transport::Unreliable => false,
            Transport::Reliable => true,
            Transport::Mixed => (from * to + from + to).is_multiple_of(3),
        }
    }

    fn timers(&self, random: &mut Random, method: Method) -> Timers {
        let base = if method == Method::Invite { Timers::INVITE } else { Timers::REQUEST };
        Timers {
            reply: random.pick(&[30_000, LONG]),
            ringing: random.pick(&[120_000, 120_000, 40_000]),
            wait: self.wait,
            restart_on_each_reply: random.chance(50),
            ..base
        }
    }

    /// What a proxy does with a request; `next` is where it goes within a dialog.
    pub fn script(&self, proxy: Node, call: u32, method: Method, next: Option<Node>) -> Script {
        let mut random =
            Random::of(self.seed, SCRIPT, u64::from(call) * 64 + proxy as u64 * 2 + u64::from(next.is_some()));
        let invite = method == Method::Invite;
        let thinks = if self.once { random.pick(&[0, 10]) } else { random.pick(&[0, 0, 30, 1000]) };
        let timers = self.timers(&mut random, method);
        let mut script = Script {
            timers,
            early_cancel: EarlyCancel::WhenProceeding,
            block_6xx: random.chance(80),
            groups: vec![vec![vec![Address::Node(next.unwrap_or_default())]]],
            suspend: Suspend::No,
            release: false,
            reply_after: None,
            timers_after: None,
            failure_reply: None,
            drops: random.chance(30),
            thinks,
        };
        if next.is_some() {
            return script;
        }
        script.groups = self.groups(&mut random, proxy, invite);
        script.early_cancel = random.pick(&[
            EarlyCancel::WhenProceeding,
            EarlyCancel::WhenProceeding,
            EarlyCancel::WhenProceeding,
            if self.once { EarlyCancel::WhenProceeding } else { EarlyCancel::Abandon },
            if self.once { EarlyCancel::WhenProceeding } else { EarlyCancel::AtOnce },
        ]);
        let quick = if self.once && !invite { 30 } else { 20_000 };
        let resume = random.between(0, quick);
        script.suspend = random.pick(&[Suspend::No, Suspend::No, Suspend::No, Suspend::ResumeAfter(resume)]);
        if random.chance(3) && !self.once {
            script.suspend = Suspend::Forever;
        }
        script.release = random.chance(3) && !self.once;
        let after = random.between(0, 30_000);
        script.reply_after =
            random.pick(&[None, None, None, Some(183), Some(180), Some(480), Some(200)]).map(|s| (after, s));
        if random.chance(20) {
            let timers = Timers { reply: 5000, ringing: 10_000, ..timers };
            script.timers_after = Some((after, timers, random.pick(&[None, Some(4000), Some(200_000)])));
        }
        script.failure_reply = random.pick(&[None, None, None, Some(480), Some(200)]);
        script
    }

    fn groups(&self, random: &mut Random, proxy: Node, invite: bool) -> Vec<Vec<Vec<Address>>> {
        let simple = self.once && !invite;
        let groups = if simple { 1 } else { random.pick(&[1, 1, 1, 2, 3]) };
        let mut onward = proxy + 1 < self.proxies;
        let mut group = |random: &mut Random| {
            let branches = random.pick(&[1, 1, 1, 2, 3, 4]);
            let mut addresses = |random: &mut Random| {
                let addresses = if simple { 1 } else { random.pick(&[1, 1, 1, 2, 3]) };
                (0..addresses).map(|_| self.address(random, proxy, &mut onward)).collect::<Vec<_>>()
            };
            (0..branches).map(|_| addresses(random)).collect::<Vec<_>>()
        };
        (0..groups).map(|_| group(random)).collect()
    }

    fn address(&self, random: &mut Random, proxy: Node, onward: &mut bool) -> Address {
        if std::mem::take(onward) {
            return Address::Node(proxy + 1);
        }
        match random.between(0, 99) {
            0..5 => Address::Unreachable,
            5..12 if !self.once => Address::Node(self.dead()),
            _ => Address::Node(self.callee(random)),
        }
    }

    /// Any phone that can be called.
    pub fn callee(&self, random: &mut Random) -> Node {
        self.proxies + CALLERS + random.next() as usize % CALLEES
    }

    /// What a phone does with a request outside of a dialog.
    pub fn behaviour(&self, phone: Node, call: u32, method: Method) -> Behaviour {
        let mut random = Random::of(self.seed, PHONE, u64::from(call) * 64 + phone as u64);
        if method == Method::Invite { self.invite_behaviour(&mut random) } else { self.other_behaviour(&mut random) }
    }

    fn invite_behaviour(&self, random: &mut Random) -> Behaviour {
        const NEGATIVE: [u16; 16] = [486, 486, 486, 404, 480, 302, 300, 401, 407, 484, 415, 500, 503, 504, 603, 600];
        // Late first replies: only where whoever waits for them waits long enough.
        let patient = !self.once && (!self.is_lossless() || self.wait >= LONG);
        let first = if patient && random.chance(10) { random.between(0, 20_000) } else { 0 };
        let mut steps = vec![Step { at: first, status: random.pick(&[100, 180]), who: 0 }];
        let mut at = first;
        for _ in 0..random.between(0, 2) {
            at += random.between(0, 4000);
            steps.push(Step { at, status: random.pick(&[180, 183]), who: 0 });
        }
        at += random.pick(&[0, 200, 2000, 10_000]);
        let last = |status| Step { at, status, who: 0 };
        match random.between(0, 99) {
            0..35 => steps.push(last(200)),
            35..65 => steps.push(last(random.pick(&NEGATIVE))),
            // It rings on, and says so each time.
            65..75 => steps.extend((1..5).map(|time| Step { at: at + time * 30_000, status: 180, who: 0 })),
            75..85 => {}
            // Phones behind it, of which several answer; a negative reply may come before that.
            85..92 => {
                steps.push(Step { at, status: random.pick(&[200, 200, 486, 603]), who: 0 });
                let soon = random.between(0, 3000);
                steps.push(Step { at: at + soon, status: 200, who: 1 });
            }
            92..95 if !self.once => steps.clear(),
            // Several phones answer at the same time.
            _ => steps = vec![Step { at: 0, status: 180, who: 0 }, Step { at: 2000, status: 200, who: 0 }],
        }
        let on_cancel = match random.between(0, 99) {
            0..80 => OnCancel::End,
            // With Kamailio's short wait a second answer has to come soon.
            _ if self.once && steps.iter().any(|step| step.who > 0) => OnCancel::End,
            80..88 => OnCancel::AnswerAfter(random.between(0, 3000)),
            _ if self.once => OnCancel::End,
            88..94 => OnCancel::GoOn,
            _ => OnCancel::Silence,
        };
        Behaviour { steps, on_cancel }
    }

    fn other_behaviour(&self, random: &mut Random) -> Behaviour {
        let status = random.pick(&[200, 200, 200, 404, 480, 503, 504, 603]);
        let step = |at, status| Step { at, status, who: 0 };
        let soon = random.between(0, 50);
        let late = random.between(0, 35_000);
        let steps = match random.between(0, 99) {
            0..60 => vec![step(soon, status)],
            _ if self.once => vec![step(soon, status)],
            60..75 => vec![step(late, status)],
            75..90 => vec![step(soon, 100), step(late, status)],
            _ => Vec::new(),
        };
        Behaviour { steps, on_cancel: OnCancel::End }
    }

    /// What a phone answers within a dialog.
    pub fn dialog_status(&self, call: u32, cseq: u32, method: Method) -> u16 {
        let mut random = Random::of(self.seed, DIALOG, u64::from(call) * 64 + u64::from(cseq));
        if method == Method::Invite { random.pick(&[200, 200, 200, 488, 491]) } else { 200 }
    }

    /// What the called phone sends in the dialog: how long after its answer.
    pub fn callee_sends(&self, call: u32, tag: u32) -> Option<(u32, Method)> {
        let mut random = Random::of(self.seed, DIALOG, u64::from(call) * 64 + u64::from(tag) * 4096);
        random
            .chance(30)
            .then(|| (random.between(500, 15_000), random.pick(&[Method::Bye, Method::Invite, Method::Options])))
    }
}
