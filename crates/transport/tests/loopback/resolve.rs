//! The resolver against a name server of our own.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sip::Protocol;
use transport::resolve::{RecordKind, ResolveError, ResolveOptions, Resolver};

const A: u16 = 1;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// A name server over UDP that knows a few records; everything else does not exist (RFC 1035 4).
struct NameServer {
    address: SocketAddr,
    questions: Arc<AtomicUsize>,
}

type Zone = HashMap<(&'static str, u16), Vec<Vec<u8>>>;

impl NameServer {
    fn start(zone: Zone, ttl: u32) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let questions = Arc::new(AtomicUsize::new(0));
        let counter = questions.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 2000];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = socket.send_to(&answer(&buffer[..length], &zone, ttl), peer);
            }
        });
        Self { address, questions }
    }

    fn resolver(&self, naptr: bool) -> Resolver {
        Resolver::new(ResolveOptions {
            servers: vec![self.address],
            naptr,
            timeout: Some(Duration::from_millis(500)),
            attempts: Some(1),
            ..ResolveOptions::default()
        })
        .unwrap()
    }
}

fn answer(query: &[u8], zone: &Zone, ttl: u32) -> Vec<u8> {
    let mut name = String::new();
    let mut at = 12;
    while query[at] != 0 {
        let length = usize::from(query[at]);
        name.push_str(&String::from_utf8_lossy(&query[at + 1..=at + length]).to_ascii_lowercase());
        name.push('.');
        at += length + 1;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let question = &query[12..at + 5];
    let records = zone.get(&(name.trim_end_matches('.'), kind));
    let known = zone.keys().any(|(known, _)| *known == name.trim_end_matches('.'));
    let code = if known { 0x80 } else { 0x83 };
    let mut reply = query[..2].to_vec();
    reply.extend([0x81, code, 0, 1, 0, records.map_or(0, Vec::len) as u8, 0, 0, 0, 0]);
    reply.extend(question);
    for data in records.into_iter().flatten() {
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1]);
        reply.extend(ttl.to_be_bytes());
        reply.extend((data.len() as u16).to_be_bytes());
        reply.extend(data);
    }
    reply
}

fn wire_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut wire: Vec<u8> = labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    wire.push(0);
    wire
}

fn srv(priority: u16, port: u16, target: &str) -> Vec<u8> {
    let numbers = [priority, 1, port].map(u16::to_be_bytes).concat();
    [numbers, wire_name(target)].concat()
}

fn naptr(order: u16, service: &str, replacement: &str) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    [[order, 1].map(u16::to_be_bytes).concat(), text("s"), text(service), text(""), wire_name(replacement)].concat()
}

fn zone() -> Zone {
    HashMap::from([
        (("sip.example", A), vec![vec![192, 0, 2, 1], vec![192, 0, 2, 2]]),
        (("backup.example", A), vec![vec![192, 0, 2, 3]]),
        (("_sip._tcp.example", SRV), vec![srv(20, 5070, "backup.example"), srv(10, 5060, "sip.example")]),
        (("example", NAPTR), vec![naptr(1, "SIP+D2T", "_sip._tcp.example")]),
    ])
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn texts(targets: &[transport::resolve::Target]) -> Vec<String> {
    let mut texts: Vec<_> = targets.iter().map(|target| format!("{}:{}", target.protocol, target.address)).collect();
    // The order of a host's own addresses is the name server's business.
    texts[..2.min(targets.len())].sort();
    texts
}

#[test]
fn rules_services_and_addresses_are_followed_and_remembered() {
    let server = NameServer::start(zone(), 60);
    let resolver = server.resolver(true);
    block_on(async {
        assert_eq!(resolver.lookup_cached("example", None, None, false), None);
        let targets = resolver.resolve("example", None, None, false).await.unwrap();
        assert_eq!(texts(&targets), ["tcp:192.0.2.1:5060", "tcp:192.0.2.2:5060", "tcp:192.0.2.3:5070"]);
        let asked = server.questions.load(Ordering::SeqCst);
        let again = resolver.lookup_cached("EXAMPLE", None, None, false).unwrap().unwrap();
        assert_eq!(texts(&again), texts(&targets));
        resolver.resolve("example.", None, Some(Protocol::Tcp), false).await.unwrap();
        assert_eq!(server.questions.load(Ordering::SeqCst), asked, "everything came from the cache");
        let cached = resolver.cached_records();
        assert!(cached.iter().any(|entry| entry.name == "sip.example" && entry.kind == RecordKind::A));
        assert!(cached.iter().all(|entry| entry.expires_in <= Duration::from_secs(60)));
    });
}

#[test]
fn absence_is_remembered() {
    let server = NameServer::start(zone(), 60);
    let resolver = server.resolver(false);
    block_on(async {
        let none = Err(ResolveError::NotFound("nowhere.example".to_owned()));
        assert_eq!(resolver.resolve("nowhere.example", Some(5060), None, false).await, none);
        let asked = server.questions.load(Ordering::SeqCst);
        assert_eq!(resolver.resolve("nowhere.example", Some(5060), None, false).await, none);
        assert_eq!(server.questions.load(Ordering::SeqCst), asked);
        assert!(resolver.remove("nowhere.example", RecordKind::A));
        assert_eq!(resolver.lookup_cached("nowhere.example", Some(5060), None, false), None);
    });
}

#[test]
fn many_who_ask_at_once_ask_once_and_a_ttl_of_zero_serves_them() {
    let server = NameServer::start(zone(), 0);
    let resolver = server.resolver(false);
    block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let resolver = resolver.clone();
            tasks.spawn(async move { resolver.resolve("backup.example", Some(5060), None, false).await });
        }
        for result in tasks.join_all().await {
            assert_eq!(texts(&result.unwrap()), ["udp:192.0.2.3:5060"]);
        }
    });
    // One for A, one or two for AAAA (the search list adds one on some machines).
    assert!(server.questions.load(Ordering::SeqCst) <= 6, "{}", server.questions.load(Ordering::SeqCst));
    assert_eq!(resolver.lookup_cached("backup.example", Some(5060), None, false), None);
}

#[test]
fn a_dead_server_fails_in_time_and_is_not_asked_at_once_again() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let resolver = Resolver::new(ResolveOptions {
        servers: vec![silent.local_addr().unwrap()],
        timeout: Some(Duration::from_millis(200)),
        attempts: Some(1),
        ..ResolveOptions::default()
    })
    .unwrap();
    block_on(async {
        let began = std::time::Instant::now();
        let result = resolver.resolve("sip.example", Some(5060), None, false).await;
        assert!(matches!(result, Err(ResolveError::Failed(..))), "{result:?}");
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert!(matches!(
            resolver.lookup_cached("sip.example", Some(5060), None, false),
            Some(Err(ResolveError::Failed(..)))
        ));
    });
}

#[test]
fn switched_off_servers_are_not_asked() {
    let server = NameServer::start(zone(), 60);
    let resolver = server.resolver(false);
    resolver.set_ask_servers(false);
    let result = block_on(resolver.resolve("sip.example", Some(5060), None, false));
    assert!(matches!(result, Err(ResolveError::Failed(..))));
    assert_eq!(server.questions.load(Ordering::SeqCst), 0);
}
