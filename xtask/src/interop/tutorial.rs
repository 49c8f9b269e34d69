//! The listings of the Kamailio 101 tutorial, RFC 4475, addresses, JSON-RPC.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::server::{Server, check, output, text};

pub(super) fn sipsak(server: &Server, arguments: &[&str]) -> Result<String, String> {
    let uri = format!("sip:106@{}", server.address);
    let mut all = vec!["-vv", "-s", &uri];
    all.extend(arguments);
    Ok(text(&output("sipsak", &all)?))
}

/// sipp with one of our scenarios; fails when a call fails.
fn sipp(server: &Server, scenario: &str, transport: &str, calls: &str) -> Result<(), String> {
    let file = format!("tests/interop/{scenario}");
    let remote = server.address.to_string();
    let arguments = [
        "-sf",
        &file,
        "-m",
        calls,
        "-r",
        "200",
        "-t",
        transport,
        "-i",
        "127.0.0.1",
        "-s",
        "106",
        "-nostdin",
        "-timeout",
        "30",
        &remote,
    ];
    let output = output("sipp", &arguments)?;
    check(&format!("sipp {scenario} over {transport}"), output.status.success(), || text(&output))
}

/// Part 2: 501 to everything, and a line in the log.
pub(super) fn part_2(binary: &Path) -> Result<(), String> {
    let server = Server::start(binary, "tests/interop/tutorial_2.cfg")?;
    let answer = sipsak(&server, &[])?;
    check("part 2: 501", answer.contains("SIP/2.0 501 Not Implemented"), || answer.clone())?;
    let log = server.log();
    check("part 2: log", log.contains("ERROR: <script>: I got a message"), || log.clone())
}

/// Parts 3 and 4: 480 to INVITE, registrations that kamcmd shows, expire and can be removed.
pub(super) fn part_4(binary: &Path) -> Result<(), String> {
    let server = Server::start(binary, "tests/interop/tutorial_4.cfg")?;
    for transport in ["u1", "t1"] {
        sipp(&server, "invite_480.xml", transport, "200")?;
        sipp(&server, "register.xml", transport, "200")?;
    }
    let contact = "sip:phone@127.0.0.1:7777";
    let answer = sipsak(&server, &["-U", "-C", contact, "-x", "2"])?;
    check("REGISTER", answer.contains("OK"), || answer.clone())?;
    let dump = server.kamcmd(&["ul.dump"])?;
    check("ul.dump", dump.contains("AoR: 106") && dump.contains(contact), || dump.clone())?;
    let lookup = server.kamcmd(&["ul.lookup", "location", "106"])?;
    check("ul.lookup", lookup.contains(contact), || lookup.clone())?;
    std::thread::sleep(Duration::from_secs(4));
    let lookup = server.kamcmd(&["ul.lookup", "location", "106"])?;
    check("expiry", lookup.contains("AOR not found"), || lookup.clone())?;
    for command in ["core.version", "core.uptime", "core.info", "cfg.list"] {
        let answer = server.kamcmd(&[command])?;
        check(command, !answer.contains("error") && !answer.trim().is_empty(), || answer.clone())?;
    }
    let statistics = server.kamcmd(&["stats.get_statistics", "all"])?;
    check("stats.get_statistics", statistics.contains("rcv_requests"), || statistics.clone())
}

/// Every message of RFC 4475 over UDP and TCP; the server answers a healthy request afterwards.
pub(super) fn torture(binary: &Path) -> Result<(), String> {
    let mut server = Server::start(binary, "tests/interop/tutorial_4.cfg")?;
    let mut sent = 0;
    for folder in ["valid", "invalid"] {
        let entries =
            std::fs::read_dir(format!("crates/sip/tests/torture/{folder}")).map_err(|error| error.to_string())?;
        for entry in entries.flatten() {
            let bytes = std::fs::read(entry.path()).map_err(|error| error.to_string())?;
            let socket = UdpSocket::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
            socket.send_to(&bytes, server.address).map_err(|error| error.to_string())?;
            let mut stream = TcpStream::connect(server.address).map_err(|error| error.to_string())?;
            let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
            // The server may close the connection on a message that cannot be framed.
            let _ = stream.write_all(&bytes);
            let _ = stream.read(&mut [0; 4096]);
            sent += 1;
        }
    }
    check("RFC 4475: messages", sent >= 49, || format!("only {sent} messages found"))?;
    check("RFC 4475: the server lives", !server.has_ended(), || server.log())?;
    let answer = sipsak(&server, &[])?;
    check("RFC 4475: a request afterwards", answer.contains("SIP/2.0 501"), || answer.clone())?;
    let log = server.log();
    check("RFC 4475: no panic", !log.contains("panicked") && !log.contains("BUG"), || log.clone())
}

/// How long the answer to an OPTIONS takes.
pub(super) fn ping(server: &Server, number: u32) -> Result<Duration, String> {
    let error = |error: std::io::Error| error.to_string();
    let socket = UdpSocket::bind("127.0.0.1:0").map_err(error)?;
    socket.set_read_timeout(Some(Duration::from_secs(2))).map_err(error)?;
    let me = socket.local_addr().map_err(error)?;
    let request = format!(
        "OPTIONS sip:{} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bKp{number}\r\nFrom: <sip:a@example.com>;tag=1\r\n\
         To: <sip:x@example.com>\r\nCall-ID: ping{number}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        server.address
    );
    let began = std::time::Instant::now();
    socket.send_to(request.as_bytes(), server.address).map_err(error)?;
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).map_err(|error| format!("OPTIONS was not answered: {error}"))?;
    let took = began.elapsed();
    let answer = String::from_utf8_lossy(&bytes[..length]).into_owned();
    check("OPTIONS", answer.starts_with("SIP/2.0 200"), || answer.clone())?;
    Ok(took)
}

/// A request to the server that goes back to its sender: what the sender gets.
fn forwarded(server: &Server, host: &str) -> Result<String, String> {
    let error = |error: std::io::Error| error.to_string();
    let socket = UdpSocket::bind(format!("{host}:0")).map_err(error)?;
    socket.set_read_timeout(Some(Duration::from_secs(2))).map_err(error)?;
    let me = socket.local_addr().map_err(error)?;
    let request = format!(
        "OPTIONS sip:x@{me} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bKa\r\nFrom: <sip:a@example.com>;tag=1\r\n\
         To: <sip:x@example.com>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(request.as_bytes(), format!("{host}:{}", server.address.port())).map_err(error)?;
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).map_err(|error| format!("nothing came back from {host}: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

/// IPv4 with an advertised address and IPv6 side by side: each request leaves by the socket of its family.
pub(super) fn addresses(binary: &Path) -> Result<(), String> {
    let listen = ["udp:127.0.0.1:{port}/203.0.113.5:5080", "udp:[::1]:{port}"];
    let server = Server::start_with(binary, "tests/interop/forward.cfg", &listen)?;
    let text = forwarded(&server, "127.0.0.1")?;
    check("advertised address", text.contains("Via: SIP/2.0/UDP 203.0.113.5:5080;branch="), || text.clone())?;
    let text = forwarded(&server, "[::1]")?;
    let via = format!("Via: SIP/2.0/UDP [::1]:{};branch=", server.address.port());
    check("IPv6", text.contains(&via), || text.clone())
}

/// JSON-RPC over the fifo, as kamctl does it.
pub(super) fn json_rpc(binary: &Path) -> Result<(), String> {
    let server = Server::start(binary, "tests/interop/tutorial_4.cfg")?;
    let reply_name = format!("olelo_reply_{}", std::process::id());
    let reply = Path::new("/tmp").join(&reply_name);
    let _ = std::fs::remove_file(&reply);
    crate::run::command("mkfifo", &[&reply.to_string_lossy()])?;
    let request = format!(
        "{{\"jsonrpc\": \"2.0\", \"method\": \"core.version\", \"reply_name\": \"{reply_name}\", \"id\": 1}}\n"
    );
    std::fs::write(server.folder.join("kamailio_rpc.fifo"), request).map_err(|error| format!("fifo: {error}"))?;
    let waiting = Command::new("timeout").args(["5", "cat"]).arg(&reply).output().map_err(|error| error.to_string())?;
    let _ = std::fs::remove_file(&reply);
    let answer = text(&waiting);
    check("JSON-RPC over the fifo", answer.contains("\"result\"") && answer.contains("olelo"), || answer.clone())
}
