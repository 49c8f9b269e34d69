//! The binrpc server with Debian's kamcmd, with our own client, and with clients that misbehave.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use control::address::ControlAddress;
use control::binrpc_server::BinrpcServer;
use control::ctl_client::{self, CallError};
use control::{FileAccess, ServerError};
use engine::RpcValue;

use crate::common::{in_runtime, memory_log, run, toy_commands};

/// What kamcmd prints for `toy.shapes`. It shows arrays as structs, and numbers over 32 bits come as text.
const SHAPES: &str = "before
{
	small: 5
	negative: -5
	zero: 0
	large: 1099511627776
	ratio: 1.500000
	loss: -0.250000
	none: <null string>
	aliases: {
		alias: {
			host: localhost
			port: 1
		}
		alias: {
			host: localhost
			port: 2
		}
	}
	slot: {
		{
			name: k
			value: v w
		}
		{
			name: k
			value: v w
		}
	}
	numbers: {
		1
		2
	}
}

";

async fn start(address: &str) -> BinrpcServer {
    let address = ControlAddress::parse(address).unwrap();
    BinrpcServer::start(&address, &FileAccess::default(), toy_commands(), memory_log().0).await.unwrap()
}

#[test]
fn kamcmd_understands_us() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let servers = [
            start(&format!("unix:{}", path("s"))).await,
            start(&format!("unixd:{}", path("d"))).await,
            start("tcp:127.0.0.1:0").await,
            start("udp:127.0.0.1:0").await,
        ];
        for server in &servers {
            let address = server.address().to_string();
            let reply_folder = folder.path().display().to_string();
            let ask = async |words: &[&str]| {
                run("kamcmd", &[&["-D", &reply_folder, "-s", &address][..], words].concat(), &[]).await
            };
            let Some(shapes) = ask(&["toy.shapes"]).await else { return };
            assert_eq!(shapes, SHAPES, "{address}");
            let types = ask(&["--", "toy.types", "abc", "5", "-7", "s:12", "1.5", "-1.5", "s:"]).await.unwrap();
            assert_eq!(types, "text abc\nint 5\nint -7\ntext 12\ndouble 1.5\ndouble -1.5\ntext \n");
            assert_eq!(ask(&["toy.none"]).await.unwrap(), "");
            assert_eq!(ask(&["toy.fault"]).await.unwrap(), "error: 404 - no such thing\n");
            assert_eq!(ask(&["nosuch"]).await.unwrap(), "error: 500 - command nosuch not found\n");
        }
        let address = servers[0].address().to_string();
        // kamcmd takes answers of up to 128 kB.
        let large = run("kamcmd", &["-s", &address, "toy.large", "900"], &[]).await.unwrap();
        assert_eq!(large.matches("number: ").count(), 900);
    });
}

#[test]
fn our_client_prints_the_same() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for address in [
            format!("unix:{}", path("s")),
            format!("unixd:{}", path("d")),
            "tcp:127.0.0.1:0".to_owned(),
            "udp:127.0.0.1:0".to_owned(),
        ] {
            let server = start(&address).await;
            let address = server.address().to_string();
            tokio::task::spawn_blocking(move || {
                let ask = |words: &[&str]| {
                    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
                    ctl_client::call_text(&address, &words[0], &words[1..])
                };
                assert_eq!(ask(&["toy.shapes"]).unwrap(), SHAPES);
                assert_eq!(ask(&["toy.types", "5", "s:5", "-1.5"]).unwrap(), "int 5\ntext 5\ntext -1.500000\n");
                if address.starts_with("unix:") || address.starts_with("tcp:") {
                    assert_eq!(ask(&["toy.large", "20000"]).unwrap().matches("number: ").count(), 20_000);
                }
                let fault = ask(&["toy.fault"]).unwrap_err();
                assert!(matches!(&fault, CallError::Fault(fault) if fault.code == 404));
                assert_eq!(fault.to_string(), "404 - no such thing");
            })
            .await
            .unwrap();
        }
    });
}

#[test]
fn a_gone_server_is_told() {
    let error = ctl_client::call_text("unix:/nonexistent/ctl", "core.pwd", &[]).unwrap_err();
    assert!(error.to_string().starts_with("cannot reach the server at unix:/nonexistent/ctl: "), "{error}");
}

#[test]
fn clients_do_not_wait_for_each_other() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let server = start(&format!("unix:{}", folder.path().join("s").display())).await;
        let address = server.address().clone();
        tokio::task::spawn_blocking(move || {
            let path = address.path().unwrap();
            let _silent = UnixStream::connect(path).unwrap();
            let mut half = UnixStream::connect(path).unwrap();
            half.write_all(&[0xa1, 0x03, 0x0f]).unwrap();
            let mut slow = UnixStream::connect(path).unwrap();
            let cookie = control::binrpc::Cookie::new(1);
            slow.write_all(&control::binrpc::encode_request(cookie, "toy.slow", &[])).unwrap();
            let answer = ctl_client::call(&address, "toy.types", &[5.into()]).unwrap();
            assert_eq!(answer, [RpcValue::from("int 5")]);
        })
        .await
        .unwrap();
    });
}

#[test]
fn several_requests_over_one_connection_and_garbage_after_them() {
    in_runtime(async {
        let server = start("tcp:127.0.0.1:0").await;
        let ControlAddress::Tcp(host, port) = server.address().clone() else { panic!() };
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect((host.as_str(), port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let cookie = control::binrpc::Cookie::new(7);
            let request = control::binrpc::encode_request(cookie, "toy.none", &[]);
            for byte in [request.clone(), request.clone()].concat() {
                stream.write_all(&[byte]).unwrap();
            }
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            // The server may close while our garbage is still on its way.
            let _ = stream.read_to_end(&mut answer);
            let none = [0xa1, 0x13, 0x00, 0, 0, 0, 7];
            assert_eq!(&answer[..14], [none, none].concat());
            assert_eq!(answer[14..16], [0xa1, 0x30]);
        })
        .await
        .unwrap();
    });
}

#[test]
fn a_dead_servers_socket_is_replaced_and_a_living_ones_is_not() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let address = ControlAddress::UnixStream(path.clone());
        let access = FileAccess { mode: 0o660, ..FileAccess::default() };
        let first = BinrpcServer::start(&address, &access, toy_commands(), memory_log().0).await.unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o660);
        let second = BinrpcServer::start(&address, &access, toy_commands(), memory_log().0).await;
        assert!(matches!(second, Err(ServerError::InUse(_))));
        drop(first);
        assert!(!path.exists());
        std::fs::write(&path, "a file").unwrap();
        let third = BinrpcServer::start(&address, &access, toy_commands(), memory_log().0).await;
        assert!(matches!(third, Err(ServerError::NotOurs(_))));
    });
}
