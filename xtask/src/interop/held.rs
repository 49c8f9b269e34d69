//! Memory of the server while calls are held: sampled each second, drawn as docs/held_calls.svg.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::calls::{self, Load, Network};
use super::server::{Server, check};

/// One look: seconds since the start, resident memory in MiB, transactions in memory.
#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: f64,
    memory: f64,
    transactions: u64,
}

fn resident(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

fn transactions(server: &Server) -> Result<u64, String> {
    let answer = server.kamcmd(&["tm.stats"])?;
    let line = answer.lines().find_map(|line| line.trim().strip_prefix("current: "));
    line.and_then(|number| number.parse().ok()).ok_or_else(|| format!("tm.stats answered:\n{answer}"))
}

/// Holds `load.calls` calls, twice one after the other, and lets a few calls trickle after each.
pub(crate) fn run(binary: &Path, load: &Load) -> Result<(), String> {
    let network = Network::ours();
    let server = Server::start(binary, calls::CONFIG)?;
    let pid = server.pid();
    let samples = Mutex::new(Vec::new());
    let done = AtomicBool::new(false);
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if let (Some(memory), Ok(transactions)) = (resident(pid), transactions(&server)) {
                    let sample = Sample { seconds: start.elapsed().as_secs_f64(), memory, transactions };
                    samples.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(sample);
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        let result = calls::callee(&server, load, &network).and_then(|_callee| {
            (0..2).try_for_each(|_| {
                calls::call(&server, load, &network)?;
                // Until the transactions are forgotten (`wt_timer`). Memory that one thread took and another gave back
                // returns when the first one works again: a server always has a little to do.
                calls::call(&server, &Load { calls: 120, rate: 2, hold: 100, ..*load }, &network).map(drop)
            })
        });
        done.store(true, Ordering::Relaxed);
        result
    })?;
    let samples = samples.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Err("no samples".into()) };
    let most = samples.iter().map(|sample| sample.memory).fold(0.0, f64::max);
    let busiest = samples.iter().map(|sample| sample.transactions).max().unwrap_or_default();
    println!(
        "  {} calls twice: {:.1} MiB at rest, {most:.1} at most, {:.1} at the end; {busiest} transactions at most, {} at the end",
        load.calls, first.memory, last.memory, last.transactions
    );
    std::fs::write("docs/held_calls.svg", plot(&samples, load)).map_err(|error| error.to_string())?;
    // The last calls of the trickle are remembered for `wt_timer`.
    check("transactions are forgotten", last.transactions <= 2 * 2 * 35, || format!("{last:?}"))
}

/// Two curves over time: memory, and transactions.
fn plot(samples: &[Sample], load: &Load) -> String {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 260.0;
    const LEFT: f64 = 50.0;
    const TOP: f64 = 40.0;
    let end = samples.last().map_or(1.0, |sample| sample.seconds).max(1.0);
    let most = samples.iter().map(|sample| sample.memory).fold(1.0, f64::max) * 1.1;
    let busiest = samples.iter().map(|sample| sample.transactions).max().unwrap_or(1).max(1) as f64 * 1.1;
    let x = |seconds: f64| LEFT + seconds / end * WIDTH;
    let y = |share: f64| TOP + HEIGHT * (1.0 - share);
    let curve = |value: &dyn Fn(&Sample) -> f64| {
        samples.iter().fold(String::new(), |mut points, sample| {
            let _ = write!(points, "{:.1},{:.1} ", x(sample.seconds), y(value(sample)));
            points
        })
    };
    let memory = curve(&|sample| sample.memory / most);
    let transactions = curve(&|sample| sample.transactions as f64 / busiest);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n",
        WIDTH + 2.0 * LEFT,
        HEIGHT + 2.0 * TOP
    );
    let _ = writeln!(svg, "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"20\">{} calls held for {} s, twice, 2 calls per second after each: resident memory (blue, MiB), transactions (grey)</text>",
        load.calls,
        load.hold / 1000
    );
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/><text x=\"4\" y=\"{:.1}\">{:.0}</text>\
             <text x=\"{:.0}\" y=\"{:.1}\" fill=\"#888\">{:.0}</text><text x=\"{:.0}\" y=\"{:.0}\">{:.0} s</text>",
            LEFT + WIDTH,
            y(share),
            y(share),
            y(share) + 4.0,
            share * most,
            LEFT + WIDTH + 4.0,
            y(share) + 4.0,
            share * busiest,
            x(share * end) - 8.0,
            TOP + HEIGHT + 18.0,
            share * end
        );
    }
    let _ = writeln!(svg, "<polyline points=\"{transactions}\" fill=\"none\" stroke=\"#999\" stroke-width=\"1\"/>");
    let _ = writeln!(svg, "<polyline points=\"{memory}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"/>\n</svg>");
    svg
}
