//! A running server of ours, and the programs that talk to it.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::calls::Network;

/// A running server of ours.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    pub(super) folder: PathBuf,
}

impl Server {
    pub(super) fn start(binary: &Path, config: &str) -> Result<Self, String> {
        Self::start_with(binary, config, &[])
    }

    /// `{port}` in `listen` is the server's port. Another program may take the free port before the server does, so a
    /// failed start is tried again with another one.
    pub(super) fn start_with(binary: &Path, config: &str, listen: &[&str]) -> Result<Self, String> {
        Self::start_on(binary, config, listen, &Network::ours())
    }

    /// The same in a network.
    pub(super) fn start_on(binary: &Path, config: &str, listen: &[&str], network: &Network) -> Result<Self, String> {
        let mut result = Self::try_start(binary, config, listen, network);
        for _ in 0..4 {
            if result.is_ok() {
                break;
            }
            result = Self::try_start(binary, config, listen, network);
        }
        result
    }

    fn try_start(binary: &Path, config: &str, listen: &[&str], network: &Network) -> Result<Self, String> {
        let address =
            UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).map_err(|error| error.to_string())?;
        let folder = std::env::temp_dir().join(format!("olelo-interop-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let log = std::fs::File::create(folder.join("log")).map_err(|error| error.to_string())?;
        let child = network
            .command(&binary.to_string_lossy())
            .args(["-f", config, "-DD", "-E", "-l"])
            .arg(format!("tcp:{address}"))
            .args(if listen.is_empty() { vec!["-l".to_owned(), format!("udp:{address}")] } else { Vec::new() })
            .args(
                listen
                    .iter()
                    .flat_map(|listen| ["-l".to_owned(), listen.replace("{port}", &address.port().to_string())]),
            )
            .arg("-Y")
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut server = Self { child, address, folder };
        let end = Instant::now() + Duration::from_secs(10);
        while !network.connects(address) {
            if Instant::now() > end || server.has_ended() {
                return Err(format!("the server did not start with {config}:\n{}", server.log()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Debian's kamcmd on this server.
    pub(super) fn kamcmd(&self, words: &[&str]) -> Result<String, String> {
        let socket = format!("unix:{}", self.folder.join("kamailio_ctl").display());
        let mut arguments = vec!["-s", &socket];
        arguments.extend(words);
        let output = output("kamcmd", &arguments)?;
        Ok(text(&output))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end && !self.has_ended() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(super) fn output(program: &str, arguments: &[&str]) -> Result<Output, String> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))
}

pub(super) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(super) fn check(what: &str, holds: bool, detail: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what}:\n{}", detail())) }
}
