//! A scenario's target as a process: our program or the installed Kamailio, over loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Surroundings;
use super::memory::with_mode;
use super::names::Names;
use super::parse::{Scenario, Step};
use super::run::{Target, fill, phones, zone};
use super::store::Store;
use crate::Zone;

/// Which program runs.
#[derive(Clone, Debug)]
pub enum Program {
    /// Ours: the path of the binary.
    Olelo(PathBuf),
    /// The installed Kamailio: the path of the binary, and of its modules.
    Kamailio(PathBuf, PathBuf),
}

impl Program {
    /// The installed Kamailio, if there is one.
    #[must_use]
    pub fn kamailio() -> Option<Self> {
        let program = PathBuf::from("/usr/sbin/kamailio");
        let modules = ["/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules"]
            .map(PathBuf::from);
        let modules = modules.into_iter().find(|path| path.is_dir())?;
        program.exists().then_some(Self::Kamailio(program, modules))
    }

    pub(super) const fn is_oracle(&self) -> bool {
        matches!(self, Self::Kamailio(..))
    }
}

/// How long an expected message may take.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How long a look for a message waits.
const POLL: Duration = Duration::from_millis(20);

/// A running server and its phones.
pub(super) struct Process {
    child: Child,
    directory: PathBuf,
    server: SocketAddr,
    phones: Vec<Phone>,
    /// What the server wrote to stderr.
    log: Arc<Mutex<Vec<u8>>>,
    read: usize,
    control: PathBuf,
    names: Option<Names>,
    store: Option<Store>,
    program: Program,
}

/// A phone: it takes datagrams and connections at the same port.
struct Phone {
    name: String,
    address: SocketAddr,
    socket: UdpSocket,
    /// `None` when it refuses connections.
    listener: Option<TcpListener>,
    /// Connections that either side opened, and what came over them.
    streams: Vec<(TcpStream, Vec<u8>)>,
}

/// A free port on loopback.
fn bind() -> Result<UdpSocket, String> {
    UdpSocket::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))
}

impl Process {
    pub(super) fn start(
        scenario: &Scenario,
        program: &Program,
        names: Option<Names>,
        around: &Surroundings,
    ) -> Result<Self, String> {
        let mut phones_bound = Vec::new();
        for name in phones(scenario) {
            phones_bound.push(Phone::bind(name)?);
        }
        // The port is free for both UDP and TCP at this moment; the server takes it right after.
        let server = bind()?.local_addr().map_err(|error| error.to_string())?;
        let directory = std::env::temp_dir().join(format!("olelo-scenario-{}-{}", std::process::id(), server.port()));
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let control = directory.join("ctl");
        let file = directory.join("kamailio.cfg");
        let named: Vec<(String, SocketAddr)> =
            phones_bound.iter().map(|phone| (phone.name.clone(), phone.address)).collect();
        let store = Store::of(scenario, &around.offer, &around.databases, |text| fill(text, server, &named))?;
        let config = Store::fill(store.as_ref(), &fill(&scenario.config, server, &named));
        let text = complete(&config, scenario, server, &control, program);
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        if let Some(names) = &names {
            names.server.start(zone(scenario, server, &named)?)?;
        }
        let log = Arc::new(Mutex::new(Vec::new()));
        let child = spawn(program, names.as_ref(), &directory, &log)?;
        let (phones, program) = (phones_bound, program.clone());
        let mut process = Self { child, directory, server, phones, log, read: 0, control, names, store, program };
        process.wait_until_it_serves()?;
        Ok(process)
    }

    /// Ends the server, in an orderly way unless `kill`.
    fn end(&mut self, kill: bool) {
        if !kill && matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
            let end = Instant::now() + Duration::from_secs(3);
            while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        // Kamailio's children outlive their parent's sudden death.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }

    /// A datagram of one byte is ignored by every SIP server, and refused while nobody listens.
    fn wait_until_it_serves(&mut self) -> Result<(), String> {
        let probe = bind()?;
        probe.connect(self.server).map_err(|error| error.to_string())?;
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                std::thread::sleep(Duration::from_millis(100));
                return Err(format!("the server ended at start ({status})\n{}", self.recent_log()));
            }
            let _ = probe.send(b"\n");
            std::thread::sleep(Duration::from_millis(30));
            if probe.send(b"\n").is_ok() {
                // Kamailio's workers come up a moment after the socket.
                std::thread::sleep(Duration::from_millis(250));
                return Ok(());
            }
        }
        Err(format!("the server did not start\n{}", self.recent_log()))
    }

    fn text(&self) -> Vec<u8> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last lines of the server's log.
    pub(super) fn recent_log(&self) -> String {
        let text = self.text();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(15);
        format!("--- log:\n{}", lines[from..].join("\n"))
    }

    fn phone_named(&mut self, name: &str) -> Result<&mut Phone, String> {
        self.phones.iter_mut().find(|phone| phone.name == name).ok_or_else(|| format!("no phone {name}"))
    }

    fn poll(&mut self, name: &str) -> Option<Vec<u8>> {
        self.phone_named(name).ok()?.poll()
    }
}

/// Starts the program with the configuration in `directory`.
fn spawn(
    program: &Program,
    names: Option<&Names>,
    directory: &Path,
    log: &Arc<Mutex<Vec<u8>>>,
) -> Result<Child, String> {
    let command = |binary: &Path| match names {
        Some(names) => names.command(binary, directory),
        None => Ok(Command::new(binary)),
    };
    let mut command = match program {
        Program::Olelo(binary) => command(binary)?,
        Program::Kamailio(binary, modules) => {
            let mut command = command(binary)?;
            command.arg("-L").arg(modules).args(["-m", "64", "-M", "8", "-n", "1"]);
            command
        }
    };
    command.arg("-f").arg(directory.join("kamailio.cfg")).args(["-DD", "-E", "-Y"]).arg(directory);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if let Some(stderr) = child.stderr.take() {
        let lines = log.clone();
        std::thread::spawn(move || collect(stderr, &lines));
    }
    Ok(child)
}

impl Phone {
    /// On a port that is free for UDP and TCP.
    fn bind(name: String) -> Result<Self, String> {
        for _ in 0..20 {
            let socket = bind()?;
            let address = socket.local_addr().map_err(|error| error.to_string())?;
            let _ = socket.set_read_timeout(Some(POLL));
            if let Ok(listener) = TcpListener::bind(address) {
                let _ = listener.set_nonblocking(true);
                return Ok(Self { name, address, socket, listener: Some(listener), streams: Vec::new() });
            }
        }
        Err("no port is free for UDP and TCP".into())
    }

    fn add_stream(&mut self, stream: TcpStream) {
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_read_timeout(Some(POLL));
        self.streams.push((stream, Vec::new()));
    }

    fn accept(&mut self) {
        while let Some(Ok((stream, _))) = self.listener.as_ref().map(TcpListener::accept) {
            self.add_stream(stream);
        }
    }

    /// The newest connection, whoever opened it; else a new one.
    fn stream(&mut self, server: SocketAddr) -> Result<&mut TcpStream, String> {
        self.accept();
        if self.streams.is_empty() {
            self.add_stream(TcpStream::connect(server).map_err(|error| format!("cannot connect: {error}"))?);
        }
        self.streams.last_mut().map(|(stream, _)| stream).ok_or_else(|| "no stream".to_owned())
    }

    fn poll(&mut self) -> Option<Vec<u8>> {
        self.accept();
        let mut bytes = [0; 65536];
        let mut ended = Vec::new();
        for (at, (stream, buffer)) in self.streams.iter_mut().enumerate() {
            match stream.read(&mut bytes) {
                Ok(0) => ended.push(at),
                Ok(count) => buffer.extend_from_slice(&bytes[..count]),
                Err(_) => {}
            }
            if let Some(message) = cut(buffer) {
                return Some(message);
            }
        }
        for at in ended.into_iter().rev() {
            self.streams.remove(at);
        }
        let count = self.socket.recv(&mut bytes).ok()?;
        Some(bytes[..count].to_vec())
    }
}

/// Takes one message with its Content-Length from a stream's bytes.
fn cut(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(buffer).into_owned();
    let head = text.find("\r\n\r\n")? + 4;
    let length = text[..head]
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(|value| value.trim().parse::<usize>().unwrap_or(0))
        })
        .unwrap_or(0);
    (buffer.len() >= head + length).then(|| buffer.drain(..head + length).collect())
}

/// Reads stderr as it comes: the last record may have no line end.
fn collect(mut stderr: impl std::io::Read, log: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 8192];
    while let Ok(count @ 1..) = stderr.read(&mut bytes) {
        log.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..count]);
    }
}

/// The whole configuration: sockets, log, modules' path, a control socket when RPC is called.
fn complete(
    config: &str,
    scenario: &Scenario,
    server: SocketAddr,
    control: &std::path::Path,
    program: &Program,
) -> String {
    let config = with_mode(config);
    let (mode, rest) = config.split_once('\n').unwrap_or((&config, ""));
    let needs_control = scenario.steps.iter().any(|step| matches!(step, Step::Rpc { .. }));
    let mut head = format!("{mode}\ndebug=2\nlog_stderror=yes\nlisten=udp:{server}\nlisten=tcp:{server}\n");
    if let Program::Kamailio(_, modules) = program {
        head.push_str(&format!("mpath=\"{}\"\n", modules.display()));
    }
    let mut tail = String::new();
    if needs_control {
        if !rest.contains("\"ctl.so\"") && !rest.contains("\"ctl\"") {
            tail.push_str("loadmodule \"ctl.so\"\n");
        }
        tail.push_str(&format!("modparam(\"ctl\", \"binrpc\", \"unix:{}\")\n", control.display()));
    }
    format!("{head}{rest}\n{tail}")
}

impl Target for Process {
    fn server(&self) -> SocketAddr {
        self.server
    }

    fn phone(&mut self, name: &str) -> Result<SocketAddr, String> {
        self.phone_named(name).map(|phone| phone.address)
    }

    fn send(&mut self, phone: &str, tcp: bool, data: &[u8]) -> Result<(), String> {
        let server = self.server;
        let phone = self.phone_named(phone)?;
        let sent =
            if tcp { phone.stream(server)?.write_all(data) } else { phone.socket.send_to(data, server).map(|_| ()) };
        sent.map_err(|error| format!("cannot send: {error}"))
    }

    fn close(&mut self, phone: &str) -> Result<(), String> {
        let phone = self.phone_named(phone)?;
        phone.accept();
        phone.streams.clear();
        // The server notices a moment later.
        std::thread::sleep(Duration::from_millis(100));
        Ok(())
    }

    fn refuse(&mut self, phone: &str) -> Result<(), String> {
        self.phone_named(phone)?.listener = None;
        Ok(())
    }

    fn receive(&mut self, phone: &str) -> Result<Option<Vec<u8>>, String> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(message) = self.poll(phone) {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn log(&mut self, expected: usize) -> Result<Vec<String>, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let records = script_records(&String::from_utf8_lossy(&self.text()[self.read..]));
            if records.len() >= expected || Instant::now() > end {
                // What comes right behind is seen, too.
                std::thread::sleep(Duration::from_millis(80));
                let text = self.text();
                let records = script_records(&String::from_utf8_lossy(&text[self.read..]));
                self.read = text.len();
                return Ok(records);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn pass(&mut self, seconds: u64) {
        std::thread::sleep(Duration::from_secs(seconds));
    }

    fn settle(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn set_zone(&mut self, zone: Zone) {
        if let Some(names) = &self.names {
            names.server.replace(zone);
        }
    }

    fn rpc(&mut self, words: &[String]) -> Result<String, String> {
        let Some((command, arguments)) = words.split_first() else { return Err("no command".into()) };
        let address = format!("unix:{}", self.control.display());
        match control::ctl_client::call_text(&address, command, arguments) {
            Ok(text) => Ok(text),
            Err(control::ctl_client::CallError::Fault(fault)) => Ok(format!("error {}: {}", fault.code, fault.reason)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    fn restart(&mut self, kill: bool) -> Result<(), String> {
        self.end(kill);
        self.child = spawn(&self.program, self.names.as_ref(), &self.directory, &self.log)?;
        self.wait_until_it_serves()
    }

    fn leftovers(&mut self) -> Vec<(String, Vec<u8>)> {
        let names: Vec<String> = self.phones.iter().map(|phone| phone.name.clone()).collect();
        names.into_iter().filter_map(|name| self.poll(&name).map(|message| (name, message))).collect()
    }
}

/// The records that the script wrote. A record starts with ` 0(123) LEVEL: `; text up to the next such start is part of it.
fn script_records(text: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    let mut next = find_record(text);
    while let Some((_, record)) = next {
        next = find_record(&record[1..]).map(|(at, rest)| (at + 1, rest));
        let end = next.map_or(record.len(), |(at, _)| at);
        records.push(record[..end].trim_end_matches('\n').to_owned());
    }
    records.iter().filter_map(|record| super::expect::said(record)).collect()
}

/// Finds ` 0(123) LEVEL: `: where it starts, and the text from the level on.
fn find_record(text: &str) -> Option<(usize, &str)> {
    let mut first: Option<(usize, &str)> = None;
    for level in ["ALERT: ", "BUG: ", "CRITICAL: ", "ERROR: ", "WARNING: ", "NOTICE: ", "INFO: ", "DEBUG: "] {
        for (at, _) in text.match_indices(level) {
            let before = text[..at].trim_end();
            let Some(open) = before.strip_suffix(')').and_then(|inner| {
                inner.rfind('(').filter(|open| inner[open + 1..].bytes().all(|byte| byte.is_ascii_digit()))
            }) else {
                continue;
            };
            let digits = text[..open].bytes().rev().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                let start = open - digits;
                let start = if text[..start].ends_with(' ') { start - 1 } else { start };
                if first.is_none_or(|(found, _)| start < found) {
                    first = Some((start, &text[at..]));
                }
                break;
            }
        }
    }
    first
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(false);
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_cut_out_of_the_log() {
        let log = " 0(12) ERROR: <script>: one\n 0(12) INFO: <script>: a\nb 0(12) NOTICE: <core> [x.c:1]: f(): bye\n12(9) ERROR: <script>: last";
        assert_eq!(script_records(log), ["ERROR: one", "INFO: a\nb", "ERROR: last"]);
    }
}
