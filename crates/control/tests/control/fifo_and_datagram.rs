//! JSON-RPC over a FIFO, also with Debian's kamctl, and over datagrams.

use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use control::FileAccess;
use control::datagram::{DatagramAddress, DatagramServer};
use control::fifo::{FifoOptions, FifoServer};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;

use crate::common::{in_runtime, memory_log, run, toy_commands};

const PATIENCE: Duration = Duration::from_secs(10);

fn options(folder: &Path, reply_folder: &Path) -> FifoOptions {
    FifoOptions {
        path: folder.join("fifo"),
        reply_folder: reply_folder.to_owned(),
        access: FileAccess { mode: 0o600, ..FileAccess::default() },
        pretty: false,
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// A client's FIFO.
fn reply_fifo(path: &Path) -> pipe::Receiver {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    pipe::OpenOptions::new().open_receiver(path).unwrap()
}

/// What is written into a client's FIFO up to its end.
async fn read_all(mut receiver: pipe::Receiver) -> String {
    let mut text = String::new();
    let end = tokio::time::Instant::now() + PATIENCE;
    // Before the server opens the other end, reading says "end" as well.
    while text.is_empty() {
        assert!(tokio::time::Instant::now() < end, "no answer");
        receiver.read_to_string(&mut text).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    text
}

#[test]
fn requests_in_a_fifo_are_answered_in_anothers() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let (log, lines) = memory_log();
        let options = options(folder.path(), folder.path());
        let server = FifoServer::start(&options, toy_commands(), log).unwrap();
        for number in 0..3 {
            let name = format!("reply{number}");
            let receiver = reply_fifo(&folder.path().join(&name));
            // Over several lines, and two in one write, the first of which wants no answer.
            write(
                &options.path,
                &format!(
                    "{{\"jsonrpc\":\"2.0\",\"method\":\"toy.none\",\"id\":1}}\n{{\"jsonrpc\": \"2.0\",\n\"method\": \
                     \"toy.types\",\n\"params\": [{number}],\n\"reply_name\": \"{name}\", \"id\": 7}}\n"
                ),
            );
            let expected = format!("{{\"jsonrpc\":\"2.0\",\"result\":[\"int {number}\"],\"id\":7}}");
            assert_eq!(read_all(receiver).await, expected);
        }
        assert!(lines.lock().is_empty(), "{:?}", lines.lock());
        drop(server);
        assert!(!options.path.exists());
    });
}

#[test]
fn garbage_in_a_fifo_is_passed_over() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let (log, lines) = memory_log();
        let options = options(folder.path(), folder.path());
        let _server = FifoServer::start(&options, toy_commands(), log).unwrap();
        let receiver = reply_fifo(&folder.path().join("r"));
        write(&options.path, "garbage\n{\"jsonrpc\":\"2.0\",\"method\":\"toy.none\",\"id\":1,\"reply_name\":\"r\"}\n");
        assert_eq!(read_all(receiver).await, "{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":1}");
        assert_eq!(lines.lock().len(), 1);
    });
}

#[test]
fn answers_go_into_fifos_of_the_reply_folder_only() {
    in_runtime(async {
        let (folder, replies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (log, lines) = memory_log();
        let options = options(folder.path(), replies.path());
        let _server = FifoServer::start(&options, toy_commands(), log).unwrap();
        let (precious, link) = (folder.path().join("precious"), replies.path().join("link"));
        std::fs::write(&precious, "precious").unwrap();
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        let plain = replies.path().join("plain");
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&plain).unwrap();
        let outside = format!("../{}/precious", folder.path().file_name().unwrap().to_str().unwrap());
        for name in ["link", "plain", &outside, "..", "missing"] {
            let request = format!("{{\"jsonrpc\":\"2.0\",\"method\":\"toy.none\",\"reply_name\":\"{name}\"}}\n");
            write(&options.path, &request);
        }
        let end = tokio::time::Instant::now() + PATIENCE;
        while lines.lock().len() < 5 {
            assert!(tokio::time::Instant::now() < end, "{:?}", lines.lock());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
        assert_eq!(std::fs::read_to_string(&plain).unwrap(), "");
    });
}

#[test]
fn kamctl_understands_us() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        // kamctl's own FIFO is always there.
        let mut options = options(folder.path(), Path::new("/tmp"));
        options.pretty = true;
        let _server = FifoServer::start(&options, toy_commands(), memory_log().0).unwrap();
        let environment = [("RPCFIFOPATH", options.path.to_str().unwrap())];
        let Some(text) = run("kamctl", &["rpc", "toy.types", "a", "5"], &environment).await else { return };
        assert!(text.contains("text a") && text.contains("int 5"), "{text}");
    });
}

#[test]
fn local_datagrams() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rpc");
        let address = DatagramAddress::Unix(path.clone());
        let _server = DatagramServer::start(&address, &FileAccess::default(), false, toy_commands()).await.unwrap();
        let own = folder.path().join("client");
        tokio::task::spawn_blocking(move || {
            // Without a name of its own a client cannot be answered; that must not hurt.
            UnixDatagram::unbound().unwrap().send_to(b"{}", &path).unwrap();
            let client = UnixDatagram::bind(own).unwrap();
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            client.send_to(b"{\"jsonrpc\":\"2.0\",\"method\":\"toy.fault\",\"id\":\"x\"}", &path).unwrap();
            let mut buffer = [0; 1000];
            let length = client.recv(&mut buffer).unwrap();
            assert_eq!(
                String::from_utf8_lossy(&buffer[..length]),
                "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":404,\"message\":\"no such thing\"},\"id\":\"x\"}"
            );
        })
        .await
        .unwrap();
    });
}

#[test]
fn udp_datagrams() {
    in_runtime(async {
        let address = DatagramAddress::parse("udp:127.0.0.1:0").unwrap();
        let server = DatagramServer::start(&address, &FileAccess::default(), true, toy_commands()).await.unwrap();
        let port = server.port().unwrap();
        tokio::task::spawn_blocking(move || {
            let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            client.send_to(b"nonsense", ("127.0.0.1", port)).unwrap();
            let mut buffer = [0; 1000];
            let length = client.recv(&mut buffer).unwrap();
            assert!(String::from_utf8_lossy(&buffer[..length]).contains("\"code\":\t-32700"));
        })
        .await
        .unwrap();
    });
}
