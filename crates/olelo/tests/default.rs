//! The default configuration as a newcomer meets it: phones without passwords, a user with one, a restart.

// Helpers of a test may end it.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use sip::digest::{Algorithm, ha1, ha2, response};

/// A server with a state of its own.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut child = olelo(folder)
            .args(["-T", "-A"])
            .arg(format!("CTL_SOCKET=\"unix:{}\"", folder.join("ctl").display()))
            .args(arguments)
            .args(["-l", &format!("udp:{address}")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = std::io::BufReader::new(child.stdout.take().unwrap());
        let ready = std::io::BufRead::lines(out).any(|line| line.is_ok_and(|line| line.contains("olelo user add 106")));
        assert!(ready, "it did not start");
        Self { child, address }
    }

    fn stop(mut self) {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end && self.child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn olelo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_olelo"));
    command.env("OLELO_STATE", folder.join("state")).env_remove("OLELO_DB").stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = olelo(folder);
    let mut child =
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// A phone.
struct Phone {
    socket: UdpSocket,
    server: SocketAddr,
    sent: u32,
}

impl Phone {
    fn new(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { socket, server: server.address, sent: 0 }
    }

    /// Sends a request and gives the final reply.
    fn ask(&mut self, method: &str, user: &str, to: &str, header: &str) -> String {
        self.sent += 1;
        let (own, number) = (self.socket.local_addr().unwrap(), self.sent);
        let target = if method == "REGISTER" { String::new() } else { format!("{to}@") };
        let text = format!(
            "{method} sip:{target}{} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{number}{user}\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@{1}>;tag=1\r\nTo: <sip:{to}@{1}>\r\nCall-ID: {own}\r\nCSeq: {number} {method}\r\n\
             Contact: <sip:{user}@{own}>\r\nExpires: 600\r\n{header}Content-Length: 0\r\n\r\n",
            self.server, self.server,
        );
        self.socket.send_to(text.as_bytes(), self.server).unwrap();
        let mut buffer = [0; 65_535];
        loop {
            let length = self.socket.recv(&mut buffer).expect("a reply");
            let reply = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if !reply.starts_with("SIP/2.0 1") {
                return reply;
            }
        }
    }

    fn register(&mut self, user: &str, header: &str) -> String {
        self.ask("REGISTER", user, user, header)
    }
}

fn status(reply: &str) -> &str {
    reply.get(8..11).unwrap_or_default()
}

/// The header that answers a challenge to a REGISTER.
fn answer(challenge: &str, user: &str, password: &str, uri: &str) -> String {
    let nonce = challenge.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce");
    assert!(challenge.contains("realm=\"olelo\""), "{challenge}");
    let first = ha1(Algorithm::Md5, user.as_bytes(), b"olelo", password.as_bytes());
    let second = ha2(Algorithm::Md5, b"REGISTER", uri.as_bytes(), None);
    let hash = response(Algorithm::Md5, &first, nonce.as_bytes(), None, &second);
    let hash = String::from_utf8_lossy(&hash).into_owned();
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"olelo\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{hash}\"\r\n"
    )
}

#[test]
fn five_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let mut phone = Phone::new(&server);
    assert_eq!(status(&phone.register("106", "")), "200");
    assert_eq!(status(&phone.ask("INVITE", "108", "107", "")), "404", "known to nobody");

    let added = run(folder, &["user", "add", "106"], "secret\n");
    assert_eq!(String::from_utf8_lossy(&added.stdout), "106@olelo: added\n");
    assert_eq!(run(folder, &["user", "add", "106"], "secret\n").status.code(), Some(1));
    let challenged = phone.register("106", "");
    assert_eq!(status(&challenged), "401");
    let uri = format!("sip:{}", server.address);
    assert_eq!(status(&phone.register("106", &answer(&challenged, "106", "wrong", &uri))), "401");
    let challenged = phone.register("106", "");
    assert_eq!(status(&phone.register("106", &answer(&challenged, "106", "secret", &uri))), "200");
    // Another spelling of the same user.
    assert_eq!(status(&phone.register("%31%306", "")), "401");
    // Calls, too: only its user calls as 106; others need no password.
    assert_eq!(status(&phone.ask("MESSAGE", "106", "107", "")), "407");
    assert_eq!(status(&phone.ask("MESSAGE", "108", "107", "")), "404");

    let socket = format!("unix:{}", folder.join("ctl").display());
    let shown = run(folder, &["location", "106", "--json", "-s", &socket], "");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("\"aor\":\"106\"") && shown.lines().count() == 1, "{shown}");
    server.stop();

    let server = Server::start(folder, &["-A", "WITH_AUTH"]);
    let kept = run(folder, &["location", "-s", &socket], "");
    assert!(String::from_utf8_lossy(&kept.stdout).contains("sip:106@127.0.0.1"), "{kept:?}");
    let mut phone = Phone::new(&server);
    assert_eq!(status(&phone.register("108", "")), "401");
    assert_eq!(status(&phone.ask("MESSAGE", "108", "106", "")), "407");
    assert_eq!(run(folder, &["user", "remove", "106"], "").status.code(), Some(0));
    let listed = run(folder, &["user", "list", "--json"], "");
    assert!(listed.status.success() && listed.stdout.is_empty(), "{listed:?}");
}
