//! UDP.

use std::collections::{BTreeMap, HashSet};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::common::{Event, PATIENCE, Server, call_and_number, echo, local, message, of_call, silent, wait_for};
use sip::{Protocol, Str};
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
        let sent: HashSet<Str> = (0..50).map(|number| message(round * 50 + number)).collect();
        for data in &sent {
            client.send(data).unwrap();
        }
        let mut answered = HashSet::new();
        for _ in 0..50 {
            let length = client.recv(&mut buffer).unwrap();
            answered.insert(Str::copy_from(&buffer[..length]));
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
    let mut call = 0;
    for number in 0..4 {
        // A call that happens to share the lane of one before waits for it: another call does not.
        wait_for("a worker", || {
            client.send_to(&of_call(call, 1), server.address(0)).unwrap();
            call += 1;
            std::thread::sleep(Duration::from_millis(20));
            *meeting.0.lock().unwrap() > number
        });
    }
    for _ in 0..4 {
        server.received();
    }
}

#[test]
fn the_messages_of_a_call_keep_their_order_and_so_does_what_they_lead_to() {
    const CALLS: usize = 40;
    const MESSAGES: usize = 60;
    let handled = Arc::new(Mutex::new(Vec::new()));
    let (inside, seen) = (handled.clone(), Arc::new(Mutex::new(HashSet::new())));
    let workers = seen.clone();
    let server = Server::start(
        &[local(Protocol::Udp)],
        options(4),
        Box::new(move |received, data, outbox| {
            let (call, number) = call_and_number(data);
            // Handling takes a little while, or none, so that workers would overtake each other.
            if (call * 7 + number * 13) % 3 == 0 {
                std::thread::sleep(Duration::from_micros((call as u64 * 31 + number as u64 * 17) % 300));
            }
            workers.lock().unwrap().insert(std::thread::current().id());
            inside.lock().unwrap().push((call, number));
            outbox.push(Outgoing::reply_to(received, data.clone()));
        }),
    );
    let client = client();
    client.connect(server.address(0)).unwrap();
    let receiver = client.try_clone().unwrap();
    let arrived = std::thread::spawn(move || {
        let mut buffer = [0; 2000];
        let arrived = (0..CALLS * MESSAGES).map(|_| {
            let length = receiver.recv(&mut buffer).unwrap();
            call_and_number(&buffer[..length])
        });
        arrived.collect::<Vec<_>>()
    });
    // As on a real line: some messages of a call come right behind each other, calls are mixed.
    let mut sent = 0;
    for number in (0..MESSAGES).step_by(3) {
        for call in 0..CALLS {
            for number in number..number + 3 {
                client.send(&of_call(call, number)).unwrap();
                sent += 1;
            }
            // Never more on the way than the buffers of the sockets take.
            wait_for("the workers", || handled.lock().unwrap().len() + 60 > sent);
        }
    }
    let in_order = |list: &[(usize, usize)]| {
        let mut calls: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (call, number) in list {
            calls.entry(*call).or_default().push(*number);
        }
        assert_eq!(calls.len(), CALLS);
        for (call, numbers) in calls {
            assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>(), "call {call}");
        }
    };
    in_order(&arrived.join().unwrap());
    in_order(&handled.lock().unwrap());
    assert!(seen.lock().unwrap().len() > 1, "one worker did everything");
    assert_eq!(server.transport.statistics().udp_lane_full.get(), 0);
}

#[test]
fn a_call_with_too_many_messages_loses_some_and_disturbs_no_other() {
    let stuck = Arc::new((Mutex::new(true), Condvar::new()));
    let inside = stuck.clone();
    let server = Server::start(
        &[local(Protocol::Udp)],
        options(2),
        Box::new(move |_, data, _| {
            if call_and_number(data) == (0, 0) {
                drop(inside.1.wait_timeout_while(inside.0.lock().unwrap(), PATIENCE, |stuck| *stuck).unwrap());
            }
        }),
    );
    let client = client();
    let send = |call, number| client.send_to(&of_call(call, number), server.address(0)).unwrap();
    send(0, 0);
    std::thread::sleep(Duration::from_millis(50));
    let statistics = server.transport.statistics();
    let (mut number, mut asked, mut answered) = (0, 0, 0);
    while statistics.udp_lane_full.get() == 0 {
        number += 1;
        assert!(number < 5000, "the queue has no bound");
        send(0, number);
        if number % 20 == 0 {
            // Answered by the other worker while the first one is stuck.
            send(number, 7);
            asked += 1;
            // Once in a thousand times that call shares the lane of the first one.
            answered += usize::from(server.events.recv_timeout(Duration::from_millis(500)).is_ok());
        }
    }
    assert!(asked > 10 && asked - answered < 3, "{answered} of {asked}");
    *stuck.0.lock().unwrap() = false;
    stuck.1.notify_all();
    // What was queued is handled, in order, and the lane is free again.
    let mut numbers = Vec::new();
    while numbers.len() < 200 {
        let (call, number) = call_and_number(&server.received().1);
        if call == 0 {
            numbers.push(number);
        }
    }
    assert!(numbers.is_sorted(), "{numbers:?}");
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
        let data = Str::from(vec![b'x'; size]);
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
    let got: HashSet<_> = (0..203).map(|_| server.received().1).collect();
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
            outbox.push(Outgoing::reply_to(received, data.clone()));
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
        answers.push(Str::copy_from(&buffer[..length]));
    }
    assert_eq!(answers, [message(0), message(2)]);
    assert_eq!(server.transport.statistics().handler_panics.get(), 1);
    assert!(server.log.lock()[0].contains("this one is bad"));
}

#[test]
fn a_panic_does_not_stop_its_call() {
    let server = Server::start(
        &[local(Protocol::Udp)],
        options(3),
        Box::new(|_, data, _| {
            let (_, number) = call_and_number(data);
            std::thread::sleep(Duration::from_millis(1));
            assert!(number % 2 == 0, "an odd number");
        }),
    );
    let client = client();
    for number in 0..100 {
        client.send_to(&of_call(1, number), server.address(0)).unwrap();
    }
    for number in (0..100).step_by(2) {
        assert_eq!(call_and_number(&server.received().1), (1, number));
    }
    wait_for("the last one", || server.transport.statistics().handler_panics.get() == 50);
}

/// An address where nobody listens.
fn nobody(ip: &str) -> SocketAddr {
    UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap()
}

#[test]
fn a_refused_datagram_is_told() {
    for (listen, ip) in [("127.0.0.1:0", "127.0.0.1"), ("0.0.0.0:0", "127.0.0.1"), ("[::1]:0", "::1")] {
        if UdpSocket::bind(listen).is_err() {
            continue;
        }
        for workers in [1, 2] {
            let listen = Listen::new(Protocol::Udp, listen.parse().unwrap());
            let server = Server::start(&[listen], options(workers), silent());
            let nobody = nobody(ip);
            for number in 0..3 {
                let data = message(number);
                server.transport.send(Outgoing::new(SocketId(0), Protocol::Udp, nobody, data.clone())).unwrap();
                let failure = server.failed();
                assert_eq!((failure.destination, failure.connection, failure.data), (nobody, None, data));
                assert!(matches!(failure.error, SendError::Unreachable { .. }), "{:?}", failure.error);
            }
            let statistics = server.transport.statistics();
            assert_eq!((statistics.udp_unreachable.get(), statistics.udp_send_errors.get()), (3, 0));
            assert!(server.log.lock().is_empty(), "{:?}", server.log.lock());
        }
    }
}

#[test]
fn reports_on_one_destination_do_not_fail_others() {
    let server = Server::start(&[local(Protocol::Udp), local(Protocol::Udp)], options(2), silent());
    let nobody = nobody("127.0.0.1");
    let mut expected = HashSet::new();
    for round in 0..40 {
        let to = |destination, number| Outgoing::new(SocketId(0), Protocol::Udp, destination, message(number));
        let mut outbox = Vec::new();
        for number in round * 10..round * 10 + 10 {
            let dead = number % 3 == 0;
            outbox.push(to(if dead { nobody } else { server.address(1) }, number));
            if !dead {
                expected.insert(message(number));
            }
        }
        server.transport.send_all(&mut outbox);
        std::thread::sleep(Duration::from_millis(1));
    }
    let (mut received, mut failed) = (HashSet::new(), 0);
    while received.len() < expected.len() || failed < 134 {
        match server.event() {
            Event::Received(_, data) => drop(received.insert(data)),
            Event::Failed(failure) => {
                assert_eq!(failure.destination, nobody);
                failed += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(received, expected);
    assert_eq!(server.transport.statistics().udp_send_errors.get(), 0);
    assert!(server.log.lock().is_empty(), "{:?}", server.log.lock());
}

#[test]
fn reports_can_be_switched_off() {
    let mut options = options(1);
    options.udp.report_unreachable = false;
    let server = Server::start(&[local(Protocol::Udp)], options, silent());
    let to = |destination, number| Outgoing::new(SocketId(0), Protocol::Udp, destination, message(number));
    for number in 0..5 {
        server.transport.send(to(nobody("127.0.0.1"), number)).unwrap();
    }
    server.transport.send(to(server.address(0), 7)).unwrap();
    assert_eq!(server.received().1, message(7));
    assert_eq!(server.transport.statistics().udp_unreachable.get(), 0);
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
