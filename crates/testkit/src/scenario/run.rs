//! Running the steps against a target.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::digest::Challenges;
use super::expect;
use super::parse::{Scenario, Step};
use super::store::Store;
use crate::Zone;

/// What a scenario runs against.
pub(super) trait Target {
    /// Where the server listens.
    fn server(&self) -> SocketAddr;
    /// Where a phone is.
    fn phone(&mut self, name: &str) -> Result<SocketAddr, String>;
    /// A phone sends.
    fn send(&mut self, phone: &str, tcp: bool, data: &[u8]) -> Result<(), String>;
    /// The next message for a phone; `None` when none comes in time.
    fn receive(&mut self, phone: &str) -> Result<Option<Vec<u8>>, String>;
    /// Log lines of the script since the last call: `LEVEL: text`.
    fn log(&mut self, expected: usize) -> Result<Vec<String>, String>;
    /// Lets time pass.
    fn pass(&mut self, seconds: u64);
    /// Lets the server finish what it was sent: messages of two phones have no order on the wire.
    fn settle(&mut self, time: Duration);
    /// A phone closes its connections.
    fn close(&mut self, phone: &str) -> Result<(), String>;
    /// A phone accepts no connections from now on.
    fn refuse(&mut self, phone: &str) -> Result<(), String>;
    /// Other names exist from now on.
    fn set_zone(&mut self, zone: Zone);
    /// Calls an RPC command; its answer as `kamcmd` prints it, or `error CODE: text`.
    fn rpc(&mut self, words: &[String]) -> Result<String, String>;
    /// The scenario's database, when its configuration has one.
    fn store(&self) -> Option<&Store>;
    /// The server ends and starts again; `kill`: without a chance to write anything.
    fn restart(&mut self, kill: bool) -> Result<(), String>;
    /// Messages that nobody expected.
    fn leftovers(&mut self) -> Vec<(String, Vec<u8>)>;
}

/// Names in a scenario and what they stand for.
pub(super) fn phones(scenario: &Scenario) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for step in &scenario.steps {
        if let Step::Send { phone, .. }
        | Step::Receive { phone, .. }
        | Step::Close { phone, .. }
        | Step::Refuse { phone, .. } = step
            && !names.contains(phone)
        {
            names.push(phone.clone());
        }
    }
    names
}

/// The scenario's names at its beginning.
pub(super) fn zone(scenario: &Scenario, server: SocketAddr, phones: &[(String, SocketAddr)]) -> Result<Zone, String> {
    Zone::parse(&fill(scenario.dns.as_deref().unwrap_or_default(), server, phones))
}

/// Replaces `{server}`, `{server.port}`, `{alice}` ..
pub(super) fn fill(text: &str, server: SocketAddr, phones: &[(String, SocketAddr)]) -> String {
    let mut text = text.replace("{server}", &server.to_string()).replace("{server.port}", &server.port().to_string());
    text = text.replace("{server.ip}", &server.ip().to_string());
    for (name, address) in phones {
        text = text.replace(&format!("{{{name}}}"), &address.to_string());
        text = text.replace(&format!("{{{name}.port}}"), &address.port().to_string());
        text = text.replace(&format!("{{{name}.ip}}"), &address.ip().to_string());
    }
    text
}

/// How long a process may take for a message that nobody waits for; not so long that others are sent again.
const BETWEEN_PHONES: Duration = Duration::from_millis(50);
/// How long it may take for what it writes after its last message.
const BEFORE_ROWS: Duration = Duration::from_millis(200);

pub(super) fn run(scenario: &Scenario, target: &mut impl Target) -> Result<(), String> {
    let server = target.server();
    let mut addresses = Vec::new();
    for name in phones(scenario) {
        let address = target.phone(&name)?;
        addresses.push((name, address));
    }
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut challenges = Challenges::default();
    for (at, step) in scenario.steps.iter().enumerate() {
        if let (Some(Step::Send { phone: before, .. }), Step::Send { phone: now, .. }) =
            (at.checked_sub(1).map(|at| &scenario.steps[at]), step)
            && before != now
        {
            target.settle(BETWEEN_PHONES);
        }
        match step {
            Step::Send { phone, tcp, text, line } => {
                let text = expect::replace_known(&fill(text, server, &addresses), &known);
                let text = challenges.answer(phone, &text).map_err(|error| format!("line {line}: {error}"))?;
                target.send(phone, *tcp, &wire(&text))?;
            }
            Step::Receive { phone, text, line } => {
                let wanted = fill(text, server, &addresses);
                let first = wanted.lines().next().unwrap_or_default();
                let got = target
                    .receive(phone)?
                    .ok_or_else(|| format!("line {line}: {phone} got nothing; expected: {first}"))?;
                challenges.note(phone, &got);
                expect::message(&wanted, &got, &mut known).map_err(|error| {
                    format!(
                        "line {line}: {error}\n--- {phone} got:\n{}",
                        String::from_utf8_lossy(&got).replace('\r', "")
                    )
                })?;
            }
            Step::Log { text, line } => {
                let wanted = expect::records(&fill(text, server, &addresses));
                let got = target.log(wanted.len())?;
                expect::log(&wanted, &got, &mut known).map_err(|error| format!("line {line}: {error}"))?;
            }
            Step::Close { phone, .. } => target.close(phone)?,
            Step::Refuse { phone, .. } => target.refuse(phone)?,
            Step::Names { text, line } => {
                let zone = Zone::parse(&fill(text, server, &addresses));
                target.set_zone(zone.map_err(|error| format!("line {line}: {error}"))?);
            }
            Step::Sql { text, line } => {
                let text = expect::replace_known(&fill(text, server, &addresses), &known);
                store(target, *line)?.execute(&text).map_err(|error| format!("line {line}: {error}"))?;
            }
            Step::Rows { query, text, line } => {
                let query = expect::replace_known(&fill(query, server, &addresses), &known);
                let wanted = fill(text, server, &addresses);
                // Kamailio's SQLite loses what it writes while somebody reads.
                target.settle(BEFORE_ROWS);
                rows(store(target, *line)?, &query, &wanted, &mut known)
                    .map_err(|error| format!("line {line}: {error}"))?;
            }
            Step::Restart { kill, .. } => target.restart(*kill)?,
            Step::Time { seconds, .. } => target.pass(*seconds),
            Step::Rpc { words, answer, line } => {
                let words: Vec<String> =
                    words.iter().map(|word| expect::replace_known(&fill(word, server, &addresses), &known)).collect();
                let got = target.rpc(&words)?;
                let wanted = fill(answer, server, &addresses);
                expect::text(&wanted, &got, &mut known)
                    .map_err(|error| format!("line {line}: {error}\n--- {} answered:\n{got}", words.join(" ")))?;
            }
        }
    }
    match target.leftovers().first() {
        Some((phone, message)) => Err(format!(
            "{phone} got a message that no block expects:\n{}",
            String::from_utf8_lossy(message).replace('\r', "")
        )),
        None => Ok(()),
    }
}

/// Compares rows; a server that is about to write them has a moment.
fn rows(store: &Store, query: &str, wanted: &str, known: &mut BTreeMap<String, String>) -> Result<(), String> {
    let mut looks = 0;
    loop {
        let got = store.rows(query)?;
        let mut learnt = known.clone();
        let Err(error) = expect::text(wanted, &got, &mut learnt) else {
            *known = learnt;
            return Ok(());
        };
        looks += 1;
        if looks == 20 {
            return Err(format!("{error}\n--- the database has:\n{got}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn store(target: &impl Target, line: usize) -> Result<&Store, String> {
    target.store().ok_or_else(|| format!("line {line}: the configuration names no `{{database}}`"))
}

/// A message as it goes over the wire: CRLF, and Content-Length unless it is there.
fn wire(text: &str) -> Vec<u8> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let body = body.replace('\n', "\r\n");
    let has_length = head.lines().skip(1).any(|line| {
        let name = line.split(':').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("l")
    });
    let mut out = head.trim_end_matches('\n').replace('\n', "\r\n");
    if !has_length {
        out.push_str(&format!("\r\nContent-Length: {}", body.len()));
    }
    out.push_str("\r\n\r\n");
    out.push_str(&body);
    out.into_bytes()
}
