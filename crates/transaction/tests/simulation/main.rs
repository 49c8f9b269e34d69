//! Random calls over a network that loses, duplicates, delays and reorders messages, in virtual time. Each run follows
//! from one number. `SIMULATION_SEED=n cargo test -p transaction --test simulation -- --nocapture` replays run `n` and
//! prints its messages; `SIMULATION_RUNS=n` changes how many there are.

#![allow(clippy::print_stdout, reason = "a replay prints its messages")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

mod message;
mod network;
mod phone;
mod plan;
mod proxied;
mod proxy;
mod random;
mod watch;

use message::Method;
use network::{Event, Network, Seen, Wake};
use phone::{Outcome, Phone};
use plan::OnCancel;
use proxy::Proxy;

/// A run with more is one that does not end.
const MOST_EVENTS: u32 = 200_000;

enum Program {
    Proxy(Proxy),
    Phone(Phone),
}

/// What a run showed and which rules it broke.
#[derive(Default)]
struct Report {
    seen: u64,
    violations: Vec<String>,
}

fn run(seed: u64, trace: bool) -> Report {
    let mut network = Network::new(seed, trace);
    if trace {
        println!("{:#?}", network.plan);
    }
    let plan = &network.plan;
    let proxies = plan.proxies;
    let new = |id| if id < proxies { Program::Proxy(Proxy::new(id)) } else { Program::Phone(Phone::new(id)) };
    let mut programs: Vec<_> = (0..plan.nodes).map(new).collect();
    for (id, call) in plan.calls.clone().into_iter().enumerate() {
        network.wake_in(call.caller, call.at, Wake::Call(id));
    }
    for (id, local) in network.plan.locals.clone().into_iter().enumerate() {
        network.wake_in(local.proxy, local.at, Wake::Local(id));
    }
    let mut events = 0;
    while let Some((node, event)) = network.next() {
        events += 1;
        if events > MOST_EVENTS {
            network.violation("does not end".into());
            break;
        }
        match (&mut programs[node], event) {
            (Program::Proxy(proxy), Event::Wake(wake)) => proxy.on_wake(&mut network, wake),
            (Program::Proxy(proxy), Event::Message { from, message }) => proxy.on_message(&mut network, from, *message),
            (Program::Phone(phone), Event::Wake(wake)) => phone.on_wake(&mut network, wake),
            (Program::Phone(phone), Event::Message { from, message }) => phone.on_message(&mut network, from, *message),
        }
    }
    check_end(&mut network, &programs);
    Report { seen: network.seen, violations: network.violations }
}

/// What holds when all traffic has ceased.
fn check_end(network: &mut Network, programs: &[Program]) {
    let mut released = false;
    let mut impatient = false;
    for program in programs {
        let Program::Proxy(proxy) = program else { continue };
        proxy.check_end(network);
        released |= proxy.transactions.iter().any(|it| it.watch.released);
        impatient |= proxy.transactions.iter().any(|it| it.gives_up_early());
    }
    for program in programs {
        let Program::Phone(phone) = program else { continue };
        for client in &phone.clients {
            let what = client.request.describe();
            network.check(client.outcome.is_some(), || format!("a phone never heard of its {what}"));
            let invite = client.request.method == Method::Invite;
            if network.plan.once || (network.plan.is_lossless() && invite && !released && !client.is_cancelled()) {
                let heard = client.outcome != Some(Outcome::Timeout);
                network.check(heard, || format!("without any loss there was no final reply to {what}"));
            }
        }
        for server in &phone.servers {
            let request = server.request.describe();
            let lossless = network.plan.is_lossless();
            let left_ringing = server.rang_out && server.on_cancel() == OnCancel::End && lossless && !impatient;
            network.check(!left_ringing, || format!("a phone rings for ever for {request}"));
            let answered = (200..300).contains(&server.last_status) && server.request.method == Method::Invite;
            network.check(!(network.plan.once && answered) || server.acknowledged, || format!("no ACK for {request}"));
        }
    }
    if network.plan.once {
        network.check_sent_once();
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs one seed; a panic is a broken rule, too.
fn run_caught(seed: u64, trace: bool) -> Report {
    let panicked = |_| Report { violations: vec!["panicked".into()], ..Report::default() };
    catch_unwind(AssertUnwindSafe(|| run(seed, trace))).unwrap_or_else(panicked)
}

#[test]
fn calls_over_a_bad_network() {
    if let Some(seed) = number("SIMULATION_SEED") {
        let violations = run_caught(seed, true).violations;
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
        return;
    }
    let runs = number("SIMULATION_RUNS").unwrap_or(20_000);
    let next = AtomicU64::new(0);
    let seen = AtomicU64::new(0);
    let failed = std::sync::Mutex::new(Vec::new());
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= runs {
            return;
        }
        let report = run_caught(seed, false);
        seen.fetch_or(report.seen, Ordering::Relaxed);
        if let Some(first) = report.violations.first() {
            let mut failed = failed.lock().unwrap();
            failed.push((seed, first.clone()));
            if failed.len() >= 10 {
                return;
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    for (seed, first) in &failed {
        println!("seed {seed}: {first}");
    }
    if let Some((seed, _)) = failed.first() {
        panic!("replay: SIMULATION_SEED={seed} cargo test -p transaction --test simulation -- --nocapture");
    }
    let seen = seen.into_inner();
    let missing: Vec<_> = Seen::ALL.into_iter().filter(|what| seen & (1 << *what as u64) == 0).collect();
    assert!(missing.is_empty() || runs < 20_000, "the runs never showed {missing:?}");
}
