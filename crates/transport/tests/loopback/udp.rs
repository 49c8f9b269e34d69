//! UDP.

use std::collections::HashSet;
use std::net::UdpSocket;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Server, echo, local, message, silent, wait_for};
use bytes::Bytes;
use sip::Protocol;
use transport::{Listen, Network as _, Options, Outgoing, SendError, SocketId, Transport, UdpOptions};

fn client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn options(workers: usize) -> Options {
    Options { udp: UdpOptions { workers, ..UdpOptions::default() }, ..Options::default() }
}

#[test]
fn a_burst_is_answered_completely() {
    let server = Server::start(&[local(Protocol::Udp)], options(2), echo());
    let client = client();
    client.connect(server.address(0)).unwrap();
    let mut buffer = [0; 2000];
    for round in 0..20 {
        let sent: HashSet<Bytes> = (0..50).map(|number| message(round * 50 + number)).collect();
        for data in &sent {
            client.send(data).unwrap();
        }
        let mut answered = HashSet::new();
        for _ in 0..50 {
            let length = client.recv(&mut buffer).unwrap();
            answered.insert(Bytes::copy_from_slice(&buffer[..length]));
        }
        assert_eq!(answered, sent);
    }
    let statistics = server.transport.statistics();
    assert_eq!(statistics.udp_received.get(), 1000);
    wait_for("the counters", || statistics.udp_sent.get() == 1000);
    assert_eq!(statistics.udp_received_bytes.get(), statistics.udp_sent_bytes.get());
    assert!(statistics.udp_batches.get() <= 1000);
}

#[test]
fn one_peer_uses_all_workers() {
    // Each handler waits until four of them are at work at once: with a worker per peer this would never end.
    let meeting = Arc::new((Mutex::new(0), Condvar::new()));
    let inside = meeting.clone();
    let server = Server::start(
        &[local(Protocol::Udp)],
        options(4),
        Box::new(move |_, _, _| {
            let mut count = inside.0.lock().unwrap();
            *count += 1;
            inside.1.notify_all();
            drop(inside.1.wait_timeout_while(count, PATIENCE, |count| *count < 4).unwrap());
        }),
    );
    let client = client();
    for number in 0..4 {
        client.send_to(&message(number), server.address(0)).unwrap();
        // A worker takes all that is there: give each datagram to another one.
        wait_for("a worker", || *meeting.0.lock().unwrap() > number);
    }
    for _ in 0..4 {
        server.received();
    }
}

#[test]
fn noise_is_dropped_and_other_datagrams_are_not() {
    let server = Server::start(&[local(Protocol::Udp)], options(1), silent());
    let client = client();
    for noise in [&b""[..], b"\0\0\0\0", b"\r\n\r\n", b"OPTIONS sip:a SIP/2.0\r\n", &[0; 100]] {
        client.send_to(noise, server.address(0)).unwrap();
    }
    let strange = [0x80; 40];
    client.send_to(&strange, server.address(0)).unwrap();
    let (received, data) = server.received();
    assert_eq!(data, &strange);
    assert_eq!(received.source, client.local_addr().unwrap());
    assert_eq!((received.destination, received.connection), (server.address(0), None));
    assert_eq!(server.transport.statistics().udp_dropped.get(), 5);
}

#[test]
fn a_wildcard_socket_knows_the_real_address() {
    let listen = Listen::new(Protocol::Udp, "0.0.0.0:0".parse().unwrap());
    let server = Server::start(&[listen], options(1), silent());
    let client = client();
    let port = server.address(0).port();
    client.send_to(&message(1), ("127.0.0.5", port)).unwrap();
    assert_eq!(server.received().0.destination, format!("127.0.0.5:{port}").parse().unwrap());
}

#[test]
fn the_largest_datagram_arrives_and_a_larger_one_is_refused() {
    let server = Server::start(&[local(Protocol::Udp), local(Protocol::Udp)], options(1), silent());
    let send = |size| {
        let data = Bytes::from(vec![b'x'; size]);
        server.transport.send(Outgoing::new(SocketId(0), Protocol::Udp, server.address(1), data))
    };
    send(65_507).unwrap();
    assert_eq!(server.received().1.len(), 65_507);
    assert!(matches!(send(65_508), Err(SendError::TooBig { size: 65_508, .. })));
    assert_eq!(server.transport.statistics().udp_send_errors.get(), 1);
}

#[test]
fn one_bad_destination_does_not_stop_the_rest_of_a_batch() {
    let server = Server::start(&[local(Protocol::Udp), local(Protocol::Udp)], options(1), silent());
    let to = |socket, destination, number| Outgoing::new(SocketId(socket), Protocol::Udp, destination, message(number));
    let good = server.address(0);
    let mut outbox = vec![to(0, good, 1), to(0, "[::1]:9".parse().unwrap(), 2), to(1, good, 3), to(0, good, 4)];
    // More than one system call takes.
    outbox.extend((5..205).map(|number| to(0, good, number)));
    server.transport.send_all(&mut outbox);
    assert!(outbox.is_empty());
    let got: HashSet<_> = (0..203).map(|_| server.received().1.into_bytes()).collect();
    let expected: HashSet<_> = (1..205).filter(|number| *number != 2).map(message).collect();
    assert_eq!(got, expected);
    assert_eq!(server.log.lock().len(), 1);
}

#[test]
fn a_panic_costs_one_message() {
    let server = Server::start(
        &[local(Protocol::Udp)],
        options(1),
        Box::new(|received, data, outbox| {
            outbox.push(Outgoing::reply_to(received, data.clone().into_bytes()));
            assert!(!data.starts_with(b"OPTIONS sip:1@"), "this one is bad");
        }),
    );
    let client = client();
    for number in 0..3 {
        client.send_to(&message(number), server.address(0)).unwrap();
    }
    let mut buffer = [0; 2000];
    let mut answers = Vec::new();
    for _ in 0..2 {
        let length = client.recv(&mut buffer).unwrap();
        answers.push(Bytes::copy_from_slice(&buffer[..length]));
    }
    assert_eq!(answers, [message(0), message(2)]);
    assert_eq!(server.transport.statistics().handler_panics.get(), 1);
    assert!(server.log.lock()[0].contains("this one is bad"));
}

#[test]
fn stopping_is_quick_and_frees_the_port() {
    let server = Server::start(&[local(Protocol::Udp)], options(8), silent());
    let address = server.address(0);
    let began = Instant::now();
    server.transport.stop();
    assert!(began.elapsed() < Duration::from_millis(700), "{:?}", began.elapsed());
    drop(server);
    UdpSocket::bind(address).unwrap();
}

#[test]
fn a_taken_address_is_an_error() {
    let first = Transport::bind(&[local(Protocol::Udp)], &Options::default()).unwrap();
    let again = Listen::new(Protocol::Udp, first.sockets()[0].address);
    let error = Transport::bind(&[again], &Options::default()).err().unwrap();
    assert!(error.to_string().contains("cannot listen on udp:127.0.0.1:"), "{error}");
}

#[test]
fn the_handler_runs_inside_the_runtime() {
    let server = Server::start(
        &[local(Protocol::Udp)],
        options(1),
        Box::new(|_, _, _| {
            tokio::spawn(tokio::time::sleep(Duration::from_millis(1)));
        }),
    );
    client().send_to(&message(1), server.address(0)).unwrap();
    server.received();
    assert_eq!(server.transport.statistics().handler_panics.get(), 0);
}
