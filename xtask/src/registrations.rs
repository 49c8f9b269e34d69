//! Registrations that must survive: users register, the server is killed in the middle, started again, and asked for them.

use std::io::Read as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What is tried.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The database; a SQLite file in a temporary folder when it is not given.
    pub(crate) url: Option<String>,
    /// Users.
    pub(crate) count: usize,
    /// `db_mode`: 1 or 2.
    pub(crate) mode: u8,
    /// Seconds between two writings with `db_mode` 2.
    pub(crate) interval: u64,
    /// Requests that are under way at a time.
    pub(crate) window: usize,
}

/// As a test among others.
pub(crate) fn small(binary: &Path) -> Result<(), String> {
    for mode in [1, 2] {
        run(binary, &Load { url: None, count: 3000, mode, interval: 1, window: 50 })?;
    }
    Ok(())
}

const SECOND: Duration = Duration::from_secs(1);

/// The whole story.
pub(crate) fn run(binary: &Path, load: &Load) -> Result<(), String> {
    let folder = Folder::new()?;
    let url = load.url.clone().unwrap_or_else(|| format!("sqlite://{}", folder.0.join("db.sqlite").display()));
    let made = Command::new(binary).args(["db", "create", &url]).output().map_err(|error| error.to_string())?;
    if !made.status.success() {
        return Err(format!("olelo db create {url}: {}", String::from_utf8_lossy(&made.stderr)));
    }
    let config = folder.0.join("registrations.cfg");
    std::fs::write(&config, configuration(&url, load)).map_err(|error| error.to_string())?;
    let phone = Phone::new(load.window)?;

    // Until half of them are answered, and with write-back a quarter more when those are surely written.
    let mut server = Server::start(binary, &config, &folder.0)?;
    phone.wait_for(&server, "nobody")?;
    let begin = Instant::now();
    let mut answered: Vec<Option<Instant>> = vec![None; load.count];
    let all: Vec<usize> = (0..load.count).collect();
    let mut acknowledged = 0;
    let (first, second) = all.split_at(load.count / 2);
    let mut register = |users: &[usize], most: usize| {
        phone.exchange(server.address, users, "REGISTER", |user, status| {
            if status == 200 {
                answered[user] = Some(Instant::now());
                acknowledged += 1;
            }
            acknowledged < most
        })
    };
    if load.mode == 1 {
        register(&all, load.count / 2)?;
    } else {
        register(first, load.count)?;
        std::thread::sleep(Duration::from_secs(load.interval) + 2 * SECOND);
        register(second, load.count * 3 / 4)?;
    }
    let rate = acknowledged as f64 / begin.elapsed().as_secs_f64();
    server.kill();
    let killed = Instant::now();
    println!("  mode {}: {acknowledged} registrations answered, {rate:.0} per second, then killed", load.mode);
    // With write-back the last round of the timer may have begun an interval ago, and took its time.
    let grace = if load.mode == 1 { Duration::ZERO } else { Duration::from_secs(load.interval) + SECOND };
    let safe = |time: &Option<Instant>| time.is_some_and(|time| killed.duration_since(time) >= grace);
    let due: Vec<usize> = (0..load.count).filter(|user| safe(&answered[*user])).collect();
    let others: Vec<usize> =
        (0..load.count).filter(|user| answered[*user].is_some() && !safe(&answered[*user])).collect();
    if due.is_empty() {
        return Err("nothing was acknowledged long enough before the kill: give a larger count".into());
    }

    // What was acknowledged is there.
    let mut server = Server::start(binary, &config, &folder.0)?;
    phone.wait_for(&server, "nobody")?;
    let missing = phone.missing(server.address, &due)?;
    let lost = phone.missing(server.address, &others)?.len();
    let strangers: Vec<usize> = (load.count..load.count + 100).collect();
    let unknown = phone.missing(server.address, &strangers)?.len();
    println!(
        "  after the kill: {} of {} that had to be there are missing, {lost} of the others",
        missing.len(),
        due.len()
    );
    if !missing.is_empty() || unknown != strangers.len() {
        return Err(format!("lost: {:?}; {unknown} of 100 unknown users unknown", &missing[..missing.len().min(10)]));
    }

    // All of them, an orderly end, and how long a start takes.
    phone.exchange(server.address, &all, "REGISTER", |_, _| true)?;
    server.stop()?;
    let begin = Instant::now();
    let mut server = Server::start(binary, &config, &folder.0)?;
    let some: Vec<usize> = (0..1000).map(|number| number * 7919 % load.count).collect();
    // The first of these are sent before the server reads anything.
    phone.wait_for(&server, "user0")?;
    let took = begin.elapsed();
    let missing = phone.missing(server.address, &some)?;
    println!("  started with {} contacts in {:.2} s ({})", load.count, took.as_secs_f64(), server.contacts());
    server.stop()?;
    if missing.is_empty() { Ok(()) } else { Err(format!("not found right after the start: {missing:?}")) }
}

fn configuration(url: &str, load: &Load) -> String {
    let driver = match url.split_once("://").map_or("", |(scheme, _)| scheme) {
        "mysql" => "db_mysql",
        "postgres" => "db_postgres",
        "text" => "db_text",
        _ => "db_sqlite",
    };
    format!(
        "debug=2\nlog_stderror=yes\nloadmodule \"{driver}.so\"\nloadmodule \"sl.so\"\nloadmodule \"usrloc.so\"\n\
         loadmodule \"registrar.so\"\nmodparam(\"usrloc\", \"db_url\", \"{url}\")\n\
         modparam(\"usrloc\", \"db_mode\", {})\nmodparam(\"usrloc\", \"timer_interval\", {})\n\
         request_route {{\n    if (method == \"REGISTER\") {{ save(\"location\"); exit; }}\n    \
         if (lookup(\"location\")) {{ sl_send_reply(\"200\", \"OK\"); }} else {{ sl_send_reply(\"404\", \"Not Found\"); }}\n}}\n",
        load.mode, load.interval
    )
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("olelo-registrations-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running server.
struct Server {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// It may not read its sockets yet when this returns.
    fn start(binary: &Path, config: &Path, folder: &Path) -> Result<Self, String> {
        let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.map_err(|error| error.to_string())?;
        let path = folder.join("log");
        let log = std::fs::File::create(&path).map_err(|error| error.to_string())?;
        let child = Command::new(binary)
            .arg("-f")
            .arg(config)
            .args(["-DD", "-E", "-l", &format!("udp:{address}"), "-Y"])
            .arg(folder)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
        Ok(Self { child, address, log: path })
    }

    /// Without a chance to write anything.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// In an orderly way.
    fn stop(&mut self) -> Result<(), String> {
        Command::new("kill").arg(self.child.id().to_string()).status().map_err(|error| error.to_string())?;
        let end = Instant::now() + 60 * SECOND;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("the server did not end within a minute".into())
    }

    fn log(&self) -> String {
        let mut text = String::new();
        let _ = std::fs::File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text));
        text
    }

    /// What its log says of contacts.
    fn contacts(&self) -> String {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("contacts read from"));
        line.and_then(|line| line.split("usrloc: ").nth(1)).unwrap_or("no line in the log").to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// All telephones.
struct Phone {
    socket: UdpSocket,
    address: SocketAddr,
    window: usize,
    /// CSeq number of the next round.
    round: std::cell::Cell<u32>,
}

/// A request that waits for its answer.
struct Waiting {
    user: usize,
    sent: Instant,
    tries: u32,
}

impl Phone {
    fn new(window: usize) -> Result<Self, String> {
        let make = || {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_read_timeout(Some(Duration::from_millis(20)))?;
            let address = socket.local_addr()?;
            Ok(Self { socket, address, window: window.max(1), round: std::cell::Cell::new(0) })
        };
        make().map_err(|error: std::io::Error| error.to_string())
    }

    fn request(&self, method: &str, user: &str, cseq: u32) -> String {
        let address = self.address;
        let contact = match method {
            "REGISTER" => format!("Contact: <sip:{user}@{address}>;expires=7200\r\n"),
            _ => String::new(),
        };
        format!(
            "{method} sip:{user}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{user}x{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@example.com>;tag=t\r\nTo: <sip:{user}@example.com>\r\n\
             Call-ID: {user}\r\nCSeq: {cseq} {method}\r\n{contact}User-Agent: registrations\r\nContent-Length: 0\r\n\r\n"
        )
    }

    /// Asks for a user until the server answers; then it reads its sockets.
    fn wait_for(&self, server: &Server, user: &str) -> Result<(), String> {
        let end = Instant::now() + 60 * SECOND;
        let mut buffer = [0; 4096];
        while Instant::now() < end {
            let _ = self.socket.send_to(self.request("OPTIONS", user, 1).as_bytes(), server.address);
            while let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
                if source == server.address && length > 12 {
                    let wanted = if user == "nobody" { "404" } else { "200" };
                    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    let right = text.get(8..11) == Some(wanted);
                    return if right { Ok(()) } else { Err(format!("{user} at the start: {text}")) };
                }
            }
        }
        Err(format!("the server does not answer:\n{}", server.log()))
    }

    /// Those that the server does not find.
    fn missing(&self, server: SocketAddr, users: &[usize]) -> Result<Vec<usize>, String> {
        let mut missing = Vec::new();
        self.exchange(server, users, "OPTIONS", |user, status| {
            if status != 200 {
                missing.push(user);
            }
            true
        })?;
        Ok(missing)
    }

    /// Sends a request for each user, some at a time, and tells each answer. Ends early when `told` says so.
    fn exchange(
        &self,
        server: SocketAddr,
        users: &[usize],
        method: &str,
        mut told: impl FnMut(usize, u16) -> bool,
    ) -> Result<(), String> {
        let cseq = self.round.get() + 1;
        self.round.set(cseq);
        let send = |user: usize| {
            let _ = self.socket.send_to(self.request(method, &format!("user{user}"), cseq).as_bytes(), server);
        };
        let mut open: Vec<Waiting> = Vec::new();
        let mut rest = users.iter().copied();
        let mut buffer = [0; 4096];
        loop {
            while open.len() < self.window
                && let Some(user) = rest.next()
            {
                send(user);
                open.push(Waiting { user, sent: Instant::now(), tries: 1 });
            }
            if open.is_empty() {
                return Ok(());
            }
            if let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]);
                // Answers to earlier rounds come late.
                let found = answer(&text, cseq)
                    .and_then(|(user, status)| Some((open.iter().position(|it| it.user == user)?, user, status)));
                if let Some((at, user, status)) = found {
                    open.swap_remove(at);
                    if !told(user, status) {
                        return Ok(());
                    }
                }
            }
            for waiting in open.iter_mut().filter(|waiting| waiting.sent.elapsed() > SECOND) {
                if waiting.tries > 20 {
                    return Err(format!("no answer for user{}", waiting.user));
                }
                waiting.tries += 1;
                waiting.sent = Instant::now();
                send(waiting.user);
            }
        }
    }
}

/// User and status of an answer of this round.
fn answer(text: &str, cseq: u32) -> Option<(usize, u16)> {
    let status = text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()?;
    let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let number = header("CSeq: ")?.split(' ').next()?.parse::<u32>().ok()?;
    let user = header("Call-ID: user")?.trim().parse().ok()?;
    (number == cseq).then_some((user, status))
}
