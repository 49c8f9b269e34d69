//! What scenarios do not show: mistakes in the configuration, and servers with several sockets.

use std::sync::Arc;

use engine::Str;
use testkit::Bench;
use transport::{LocalSocket, Received, SocketId};

use super::{Format, Path, PathParams};

fn error(loads: &str, rest: &str) -> String {
    let loads: String = loads.split_whitespace().map(|name| format!("loadmodule \"{name}.so\"\n")).collect();
    match Bench::new(&format!("{loads}{rest}\nrequest_route {{ exit; }}\n"), crate::MODULES) {
        Ok(_) => String::new(),
        Err(error) => error,
    }
}

#[test]
fn loading() {
    let use_received = "modparam(\"path\", \"use_received\", 1)";
    assert_eq!(error("path", ""), "");
    assert_eq!(error("sl rr path", use_received), "");
    assert!(error("path", use_received).contains("needs module `rr`"));
    assert!(error("path", "modparam(\"path\", \"received_name\", \"a b\")").contains("no name of a parameter"));
}

/// The Path lines of a REGISTER that came by the first socket and leaves by the second, which has a name.
fn lines(params: PathParams) -> Vec<String> {
    let socket = |id, protocol, address: &str, name: Option<&str>| {
        LocalSocket::new(SocketId(id), protocol, address.parse().unwrap(), None, name.map(str::to_owned))
    };
    let sockets = vec![
        socket(0, sip::Protocol::Udp, "192.0.2.1:5060", None),
        socket(1, sip::Protocol::Tls, "192.0.2.1:5061", Some("out")),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let core = engine::Core::new(engine::settings::Settings::default(), Arc::new(engine::log::Log::memory(0)));
    runtime.block_on(async { core.attach(Arc::new(testkit::VirtualNetwork::new(sockets)), 0) });
    let text = "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n\
        From: <sip:a@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\r\n";
    let received = Received {
        socket: SocketId(0),
        protocol: sip::Protocol::Udp,
        source: "192.0.2.9:5062".parse().unwrap(),
        destination: "192.0.2.1:5060".parse().unwrap(),
        connection: None,
    };
    let mut cx = engine::RouteCx::new(core, sip::Message::parse(Str::from(text)).unwrap(), received);
    let path = Path { params, format: Format::Uri };
    super::add::add_path_received(&mut cx, &path, Some(Str::from("u")), None).unwrap();
    let addresses = engine::forward::addresses(&cx, cx.core.socket(SocketId(1)));
    let options = sip::PrintOptions { addresses: Some(&addresses), ..Default::default() };
    let printed = String::from_utf8(cx.message.print(&options)).unwrap();
    printed.lines().filter(|line| line.starts_with("Path")).map(str::to_owned).collect()
}

/// The order of the parameters was seen from Kamailio 5.6.3.
#[test]
fn names_of_sockets() {
    let named = lines(PathParams { sockname_mode: true, enable_r2: true, ..PathParams::default() });
    let upper = "Path: <sip:u@192.0.2.1:5061;transport=tls;sn=out;lr;received=sip:192.0.2.9:5062;r2=on>";
    assert_eq!(named, [upper, "Path: <sip:u@192.0.2.1;lr;received=sip:192.0.2.9:5062;r2=on>"]);
    let plain = "Path: <sip:u@192.0.2.1:5061;transport=tls;lr;received=sip:192.0.2.9:5062>";
    assert_eq!(lines(PathParams::default()), [plain]);
}
