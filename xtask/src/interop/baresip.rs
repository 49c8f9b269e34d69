//! baresip registers twice and calls itself.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::calls::CONFIG;
use super::server::{Server, check};

/// A running baresip with its control connection.
struct Baresip {
    child: Child,
    control: TcpStream,
    heard: String,
}

impl Baresip {
    fn start(server: &Server) -> Result<Self, String> {
        let folder = server.folder.join("baresip");
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .map_err(|error| error.to_string())?
            .port();
        let config = format!(
            "sip_listen 127.0.0.1:0\naudio_source aubridge,one\naudio_player aubridge,one\naudio_alert aubridge,nil\n\
             ctrl_tcp_listen 127.0.0.1:{port}\nmodule_path /usr/lib/baresip/modules\nmodule g711.so\n\
             module aubridge.so\nmodule_tmp uuid.so\nmodule_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n"
        );
        let accounts = format!(
            "<sip:106@{0};transport=udp>;auth_pass=x\n<sip:108@{0};transport=udp>;auth_pass=x\n",
            server.address
        );
        for (name, text) in [("config", config), ("accounts", accounts), ("contacts", String::new())] {
            std::fs::write(folder.join(name), text).map_err(|error| error.to_string())?;
        }
        let child = Command::new("baresip")
            .arg("-f")
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run baresip: {error}"))?;
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(control) => return Ok(Self { child, control, heard: String::new() }),
                Err(error) if Instant::now() > end => return Err(format!("baresip did not start: {error}")),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// A command, as a netstring of JSON.
    fn command(&mut self, command: &str, params: &str) -> Result<(), String> {
        let text = format!("{{\"command\":\"{command}\",\"params\":\"{params}\"}}");
        self.control.write_all(format!("{}:{text},", text.len()).as_bytes()).map_err(|error| error.to_string())
    }

    /// Waits until an event of this type was told.
    fn wait(&mut self, event: &str) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(10);
        let _ = self.control.set_read_timeout(Some(Duration::from_millis(100)));
        while !self.heard.contains(&format!("\"{event}\"")) {
            if Instant::now() > end {
                return Err(format!("baresip told no {event}:\n{}", self.heard));
            }
            let mut bytes = [0; 4096];
            match self.control.read(&mut bytes) {
                Ok(0) => return Err("baresip has gone".into()),
                Ok(length) => self.heard.push_str(&String::from_utf8_lossy(&bytes[..length])),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for_contacts(server: &Server) -> Result<(), String> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let dump = server.kamcmd(&["ul.dump"])?;
        if dump.contains("AoR: 106") && dump.contains("AoR: 108") {
            return Ok(());
        }
        check("both phones register", Instant::now() < end, || dump)?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Two accounts of one baresip: 106 calls 108, which answers and hangs up.
pub(super) fn calls_itself(binary: &Path) -> Result<(), String> {
    let server = Server::start(binary, CONFIG)?;
    let mut phone = Baresip::start(&server)?;
    wait_for_contacts(&server)?;
    phone.command("dial", &format!("sip:108@{}", server.address))?;
    phone.wait("CALL_RINGING")?;
    phone.command("uafind", &format!("sip:108@{}", server.address))?;
    phone.command("accept", "")?;
    phone.wait("CALL_ESTABLISHED")?;
    phone.command("hangup", "")?;
    phone.wait("CALL_CLOSED")?;
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let statistics = server.kamcmd(&["stats.get_statistics", "tmx:"])?;
        // INVITE and BYE.
        if statistics.contains("tmx:2xx_transactions = 2") {
            return Ok(());
        }
        check("INVITE and BYE end with 200", Instant::now() < end, || statistics)?;
        std::thread::sleep(Duration::from_millis(100));
    }
}
