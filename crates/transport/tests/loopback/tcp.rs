//! TCP.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sip::{Protocol, Str};
use transport::{
    CloseReason, ConnectionState, Network as _, Options, Outgoing, SendError, SocketId, TcpOptions, UdpOptions,
};

use crate::common::{Event, PATIENCE, Server, echo, local, message, silent, wait_for};

fn server(tcp: TcpOptions) -> Server {
    Server::start(&[local(Protocol::Tcp)], Options { tcp, ..Options::default() }, echo())
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address(0)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn read_exactly(stream: &mut TcpStream, length: usize) -> Str {
    let mut data = vec![0; length];
    stream.read_exact(&mut data).unwrap();
    Str::from(data)
}

/// True when the server closed the stream.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 100]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

fn to(destination: SocketAddr, data: Str) -> Outgoing {
    Outgoing::new(SocketId(0), Protocol::Tcp, destination, data)
}

#[test]
fn messages_in_pieces_of_any_size_come_whole_and_in_order() {
    let server = server(TcpOptions::default());
    let mut client = connect(&server);
    let stream: Vec<u8> = (0..30).flat_map(|number| message(number).to_vec()).collect();
    for piece in [1, 2, 7, 100, 5000] {
        for chunk in stream.chunks(piece) {
            client.write_all(chunk).unwrap();
        }
        for number in 0..30 {
            let (received, data) = server.received();
            assert_eq!(data, &message(number)[..]);
            assert_eq!((received.source, received.destination), (client.local_addr().unwrap(), server.address(0)));
        }
        assert_eq!(read_exactly(&mut client, stream.len()), &stream[..]);
    }
    let statistics = server.transport.statistics();
    assert_eq!((statistics.tcp_received.get(), statistics.tcp_accepted.get()), (150, 1));
    wait_for("the counters", || statistics.tcp_sent.get() == 150 && statistics.tcp_queued.get() == 0);
    assert_eq!(statistics.tcp_received_bytes.get(), statistics.tcp_sent_bytes.get());
}

#[test]
fn a_ping_is_answered_with_a_pong() {
    let server = server(TcpOptions::default());
    let mut client = connect(&server);
    client.write_all(b"\r\n\r\n").unwrap();
    assert_eq!(read_exactly(&mut client, 2), "\r\n");
    client.write_all(&message(1)).unwrap();
    assert_eq!(read_exactly(&mut client, message(1).len()), message(1));
    assert_eq!(server.transport.statistics().tcp_pings.get(), 1);
}

#[test]
fn garbage_closes_the_connection_and_no_other() {
    let server = server(TcpOptions::default());
    let (mut bad, mut good) = (connect(&server), connect(&server));
    bad.write_all(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: minus one\r\n\r\n").unwrap();
    assert!(is_closed(&mut bad));
    assert_eq!(server.closed().1, CloseReason::Framing);
    good.write_all(&message(1)).unwrap();
    assert_eq!(read_exactly(&mut good, message(1).len()), message(1));
    assert_eq!(server.transport.statistics().tcp_framing_errors.get(), 1);
}

#[test]
fn what_a_batch_leads_to_leaves_in_order_to_each_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = listener.local_addr().unwrap();
    let server = Server::start(
        &[local(Protocol::Tcp)],
        Options::default(),
        Box::new(move |received, data, outbox| {
            outbox.push(Outgoing::reply_to(received, data.clone()));
            outbox.push(to(other, data.clone()));
        }),
    );
    let mut client = connect(&server);
    let messages: Vec<u8> = (0..40).flat_map(|number| message(number).to_vec()).collect();
    for round in 1..=5 {
        client.write_all(&messages).unwrap();
        assert_eq!(read_exactly(&mut client, messages.len()), &messages[..], "{round}");
    }
    let mut other = listener.accept().unwrap().0;
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(read_exactly(&mut other, 5 * messages.len()), &messages.repeat(5)[..]);
    let statistics = server.transport.statistics();
    wait_for("the counters", || statistics.tcp_sent.get() == 400 && statistics.tcp_queued.get() == 0);
}

#[test]
fn nothing_overtakes_what_goes_to_the_same_peer_in_another_way() {
    let server = Server::start(
        &[local(Protocol::Tcp)],
        Options::default(),
        Box::new(|received, _, outbox| {
            let reply = |text| Outgoing::reply_to(received, Str::from_static(text));
            let request = to(received.source, Str::from_static("2"));
            outbox.extend([reply("0"), reply("1"), request, reply("3"), reply("4")]);
        }),
    );
    let mut client = connect(&server);
    client.write_all(&message(0)).unwrap();
    assert_eq!(read_exactly(&mut client, 5), "01234");
}

#[test]
fn each_message_of_a_batch_is_sent_or_told() {
    let data = Str::from(vec![b'x'; 300_000]);
    let sent = data.clone();
    let server = Server::start(
        &[local(Protocol::Tcp)],
        Options { tcp: TcpOptions { connection_queue_max: 1_000_000, ..TcpOptions::default() }, ..Options::default() },
        Box::new(move |received, _, outbox| {
            outbox.extend((0..60).map(|_| {
                let mut outgoing = Outgoing::reply_to(received, sent.clone());
                outgoing.no_connect = true;
                outgoing
            }));
        }),
    );
    // It reads nothing: the kernel takes some, the queue three, and the rest comes back.
    let mut client = connect(&server);
    client.write_all(&message(0)).unwrap();
    server.received();
    let mut failed = 0;
    let mut closed = None;
    let statistics = server.transport.statistics();
    while closed.is_none() || failed + statistics.tcp_sent.get() < 60 {
        match server.event() {
            Event::Failed(failure) => failed += u64::from(failure.data == data),
            Event::Closed(_, reason) => closed = Some(reason),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(closed, Some(CloseReason::Slow));
    assert_eq!(failed + statistics.tcp_sent.get(), 60);
    assert_eq!((statistics.tcp_queued.get(), statistics.tcp_queue_full.get()), (0, 1));
}

#[test]
fn a_peer_that_does_not_read_is_dropped_and_costs_nobody_else_time() {
    let server = server(TcpOptions { connection_queue_max: 100_000, ..TcpOptions::default() });
    let (mut slow, mut good) = (connect(&server), connect(&server));
    slow.write_all(&message(0)).unwrap();
    let (received, _) = server.received();
    let data = Str::from(vec![b'x'; 10_000]);
    let mut sent = 0;
    let error = loop {
        let mut outgoing = Outgoing::reply_to(&received, data.clone());
        outgoing.no_connect = true;
        match server.transport.send(outgoing) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        let queued = server.transport.connection(received.connection.unwrap()).map_or(0, |info| info.queued);
        assert!(queued <= 100_000, "{queued}");
        assert!(sent < 10_000, "the queue has no bound");
        if sent % 10 == 0 {
            good.write_all(&message(sent)).unwrap();
            assert_eq!(read_exactly(&mut good, message(sent).len()), message(sent));
            server.received();
        }
    };
    assert!(matches!(error, SendError::QueueFull { .. }), "{error}");
    let mut failed = 0;
    let (closed, reason) = loop {
        match server.event() {
            Event::Failed(failure) => failed += usize::from(failure.data == data),
            Event::Closed(connection, reason) => break (connection, reason),
            Event::Received(..) => {}
        }
    };
    assert_eq!((Some(closed.id), reason), (received.connection, CloseReason::Slow));
    assert!((1..=11).contains(&failed), "{failed}");
    let statistics = server.transport.statistics();
    assert_eq!((statistics.tcp_queued.get(), statistics.tcp_queue_full.get()), (0, 1));
    assert_eq!(server.transport.connections().len(), 1);
}

#[test]
fn a_peer_that_takes_nothing_for_too_long_is_dropped() {
    let options = TcpOptions {
        connection_queue_max: 100_000_000,
        queue_max: 100_000_000,
        send_timeout: Duration::from_millis(200),
        ..TcpOptions::default()
    };
    let server = server(options);
    let mut client = connect(&server);
    client.write_all(&message(0)).unwrap();
    let (received, _) = server.received();
    for _ in 0..100 {
        server.transport.send(Outgoing::reply_to(&received, Str::from(vec![0; 200_000]))).unwrap();
    }
    let mut failed = 0;
    let reason = loop {
        match server.event() {
            Event::Failed(failure) => {
                assert!(matches!(failure.error, SendError::SendTimeout(_)));
                failed += 1;
            }
            Event::Closed(_, reason) => break reason,
            Event::Received(..) => panic!(),
        }
    };
    assert_eq!(reason, CloseReason::Slow);
    assert!(failed > 50, "{failed}");
    assert_eq!(server.transport.statistics().tcp_send_timeouts.get(), 1);
}

#[test]
fn all_queues_together_are_bounded() {
    let server = server(TcpOptions { queue_max: 50_000, connection_queue_max: usize::MAX, ..TcpOptions::default() });
    let mut client = connect(&server);
    client.write_all(&message(0)).unwrap();
    let (received, _) = server.received();
    let error = (0..10_000)
        .find_map(|_| server.transport.send(Outgoing::reply_to(&received, Str::from(vec![0; 20_000]))).err());
    assert!(matches!(error, Some(SendError::AllQueuesFull)), "{error:?}");
    wait_for("the queue to be dropped", || server.transport.statistics().tcp_queued.get() == 0);
}

#[test]
fn the_number_of_connections_is_bounded() {
    let server = server(TcpOptions { max_connections: 3, ..TcpOptions::default() });
    let mut clients: Vec<_> = (0..3).map(|_| connect(&server)).collect();
    wait_for("three connections", || server.transport.connections().len() == 3);
    assert!(is_closed(&mut connect(&server)));
    assert_eq!(server.transport.statistics().tcp_refused.get(), 1);
    let error = server.transport.send(to("127.0.0.1:9".parse().unwrap(), message(1)));
    assert!(matches!(error, Err(SendError::TooManyConnections)));
    drop(clients.pop());
    assert_eq!(server.closed().1, CloseReason::Peer);
    let mut client = connect(&server);
    client.write_all(&message(7)).unwrap();
    assert_eq!(read_exactly(&mut client, message(7).len()), message(7));
}

#[test]
fn the_number_of_connections_from_one_address_is_bounded() {
    let server = server(TcpOptions { max_connections_per_address: 1, ..TcpOptions::default() });
    let client = connect(&server);
    wait_for("a connection", || server.transport.connections().len() == 1);
    assert!(is_closed(&mut connect(&server)));
    drop(client);
    server.closed();
    connect(&server);
    wait_for("a connection", || server.transport.statistics().tcp_accepted.get() == 2);
}

#[test]
fn idle_connections_close_and_busy_ones_do_not() {
    let server = server(TcpOptions { lifetime: Duration::from_millis(300), ..TcpOptions::default() });
    let (mut idle, mut busy, mut kept) = (connect(&server), connect(&server), connect(&server));
    wait_for("the connections", || server.transport.connections().len() == 3);
    let find = |peer: &TcpStream| server.transport.find_connection(Protocol::Tcp, peer.local_addr().unwrap()).unwrap();
    let idle_id = find(&idle);
    assert!(server.transport.set_lifetime(find(&kept), Duration::from_secs(100)));
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(600) {
        busy.write_all(&message(1)).unwrap();
        read_exactly(&mut busy, message(1).len());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(is_closed(&mut idle));
    kept.write_all(&message(2)).unwrap();
    read_exactly(&mut kept, message(2).len());
    let closed = server.events.try_iter().find_map(|event| match event {
        Event::Closed(connection, reason) => Some((connection.id, reason)),
        _ => None,
    });
    assert_eq!(closed, Some((idle_id, CloseReason::Idle)));
}

#[test]
fn a_message_that_never_ends_closes_the_connection() {
    let server = server(TcpOptions { message_timeout: Duration::from_millis(200), ..TcpOptions::default() });
    let mut client = connect(&server);
    client.write_all(&message(1)).unwrap();
    server.received();
    let began = Instant::now();
    for byte in b"OPTIONS sip:a SIP/2.0\r\n" {
        if client.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.closed().1, CloseReason::MessageTimeout);
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_connection_is_opened_once_and_used_by_both_sides() {
    let server = server(TcpOptions::default());
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap();
    for number in 0..3 {
        server.transport.send(to(address, message(number))).unwrap();
    }
    let (mut stream, _) = peer.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for number in 0..3 {
        assert_eq!(read_exactly(&mut stream, message(number).len()), message(number));
    }
    stream.write_all(&message(9)).unwrap();
    let (received, _) = server.received();
    assert_eq!(read_exactly(&mut stream, message(9).len()), message(9));
    assert_eq!((received.source, received.socket), (address, SocketId(0)));
    let connections = server.transport.connections();
    assert_eq!(connections.len(), 1);
    let connection = &connections[0];
    assert_eq!((connection.peer, connection.inbound, connection.state), (address, false, ConnectionState::Open));
    assert_eq!(connection.local, stream.peer_addr().unwrap());
    assert_eq!(server.transport.statistics().tcp_connected.get(), 1);
}

#[test]
fn a_refused_connection_is_told_for_each_message() {
    let server = server(TcpOptions::default());
    // Bound, so that nobody else takes the port, but not listening.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    let nobody = socket.local_addr().unwrap().as_socket().unwrap();
    server.transport.send(to(nobody, message(1))).unwrap();
    let failure = server.failed();
    assert_eq!((failure.destination, failure.data), (nobody, message(1)));
    assert!(matches!(failure.error, SendError::Io { .. }), "{:?}", failure.error);
    assert!(server.transport.connections().is_empty());
    assert_eq!(server.transport.statistics().tcp_connect_failed.get(), 1);
}

#[test]
fn a_connection_that_nobody_answers_times_out() {
    let options = TcpOptions { connect_timeout: Duration::from_millis(200), ..TcpOptions::default() };
    let server = server(options);
    // A listener whose queue is full does not answer.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _full = TcpStream::connect(address).unwrap();
    server.transport.send(to(address, message(1))).unwrap();
    let failure = server.failed();
    assert!(matches!(failure.error, SendError::ConnectTimeout(_)), "{:?}", failure.error);
}

#[test]
fn nothing_is_opened_when_it_must_not_be() {
    let server = Server::start(&[local(Protocol::Tcp), local(Protocol::Udp)], Options::default(), silent());
    let nobody: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let mut outgoing = to(nobody, message(1));
    outgoing.no_connect = true;
    assert!(matches!(server.transport.send(outgoing), Err(SendError::NoConnection(_))));
    for (socket, protocol, destination) in [
        (1, Protocol::Tcp, nobody),
        (9, Protocol::Tcp, nobody),
        (0, Protocol::Udp, nobody),
        (0, Protocol::Tls, nobody),
        (0, Protocol::Tcp, "[::1]:9".parse().unwrap()),
    ] {
        let result = server.transport.send(Outgoing::new(SocketId(socket), protocol, destination, message(1)));
        assert!(matches!(result, Err(SendError::NoSocket { .. })), "{socket} {protocol} {destination}: {result:?}");
    }
}

#[test]
fn close_after_writes_everything_first() {
    let answer = Str::from(vec![b'y'; 300_000]);
    let reply = answer.clone();
    let tcp = TcpOptions { connection_queue_max: 1_000_000, ..TcpOptions::default() };
    let server = Server::start(
        &[local(Protocol::Tcp)],
        Options { tcp, ..Options::default() },
        Box::new(move |received, _, outbox| {
            let mut outgoing = Outgoing::reply_to(received, reply.clone());
            outgoing.close_after = true;
            outbox.push(outgoing);
            outbox.push(Outgoing::reply_to(received, Str::from_static("too late")));
        }),
    );
    let mut client = connect(&server);
    client.write_all(&message(1)).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(read_exactly(&mut client, answer.len()), answer);
    assert!(is_closed(&mut client));
    server.received();
    // What came too late leads to a connection of its own, which the client refuses, now or a little later.
    let reason = loop {
        match server.event() {
            Event::Failed(failure) => assert_eq!(failure.data, "too late"),
            Event::Closed(connection, reason) if connection.inbound => break reason,
            other => assert!(matches!(other, Event::Closed(..)), "{other:?}"),
        }
    };
    assert_eq!(reason, CloseReason::Local);
}

#[test]
fn a_peer_that_shut_its_sending_side_still_gets_what_is_queued() {
    let server = server(TcpOptions::default());
    let mut client = connect(&server);
    client.write_all(&message(1)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_exactly(&mut client, message(1).len()), message(1));
    assert!(is_closed(&mut client));
    server.received();
    assert_eq!(server.closed().1, CloseReason::Peer);
}

#[test]
fn a_gone_connection_is_replaced_by_one_to_the_destination() {
    let server = server(TcpOptions::default());
    let mut client = connect(&server);
    client.write_all(&message(1)).unwrap();
    let (received, _) = server.received();
    let id = received.connection.unwrap();
    read_exactly(&mut client, message(1).len());
    assert!(server.transport.close(id));
    assert!(is_closed(&mut client));
    assert_eq!(server.closed().1, CloseReason::Local);
    assert!(!server.transport.close(id) && server.transport.connection(id).is_none());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut outgoing = Outgoing::reply_to(&received, message(2));
    outgoing.destination = listener.local_addr().unwrap();
    server.transport.send(outgoing).unwrap();
    assert_eq!(read_exactly(&mut listener.accept().unwrap().0, message(2).len()), message(2));
}

#[test]
fn aliases_lead_to_their_connection_and_cannot_be_stolen() {
    let server = server(TcpOptions { max_aliases: 2, ..TcpOptions::default() });
    let (mut first, second) = (connect(&server), connect(&server));
    wait_for("the connections", || server.transport.connections().len() == 2);
    let transport = &server.transport;
    let find = |stream: &TcpStream| transport.find_connection(Protocol::Tcp, stream.local_addr().unwrap()).unwrap();
    let (first_id, second_id) = (find(&first), find(&second));
    assert!(transport.add_alias(first_id, 5060) && transport.add_alias(first_id, 5060));
    assert!(!transport.add_alias(second_id, 5060), "another connection has it");
    assert!(!transport.add_alias(second_id, first.local_addr().unwrap().port()));
    assert!(transport.add_alias(first_id, 5061) && !transport.add_alias(first_id, 5062), "two at most");
    assert_eq!(transport.connection(first_id).unwrap().aliases, [5060, 5061]);
    let mut outgoing = to("127.0.0.1:5060".parse().unwrap(), message(5));
    outgoing.no_connect = true;
    transport.send(outgoing).unwrap();
    assert_eq!(read_exactly(&mut first, message(5).len()), message(5));
    drop(first);
    server.closed();
    assert!(transport.add_alias(second_id, 5060));
}

#[test]
fn a_reset_is_told_apart() {
    let server = server(TcpOptions::default());
    let client = connect(&server);
    wait_for("the connection", || server.transport.connections().len() == 1);
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    assert_eq!(server.closed().1, CloseReason::Reset);
    assert_eq!(server.transport.statistics().tcp_reset.get(), 1);
}

#[test]
fn keepalive_settings_reach_the_socket() {
    let server = server(TcpOptions::default());
    let mut client = connect(&server);
    client.write_all(&message(1)).unwrap();
    let id = server.received().0.connection.unwrap();
    let second = Duration::from_secs(1);
    assert!(server.transport.set_keepalive(id, 5 * second, second, 3));
    client.write_all(&message(2)).unwrap();
    assert_eq!(read_exactly(&mut client, 2 * message(1).len()).len(), 2 * message(1).len());
}

#[test]
fn a_silent_connection_is_accepted_when_it_sends() {
    let options = TcpOptions { defer_accept: 5, linger2: 7, delayed_ack: false, ..TcpOptions::default() };
    let server = server(options);
    let mut client = connect(&server);
    std::thread::sleep(Duration::from_millis(300));
    assert!(server.transport.connections().is_empty(), "the kernel keeps it for itself");
    client.write_all(&message(1)).unwrap();
    wait_for("the connection", || server.transport.connections().len() == 1);
}

#[test]
fn the_kernel_takes_the_number_of_syns() {
    let server = server(TcpOptions { syn_count: 2, ..TcpOptions::default() });
    let peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    server.transport.send(to(peer.local_addr().unwrap(), message(1))).unwrap();
    let (mut stream, _) = peer.accept().unwrap();
    assert_eq!(read_exactly(&mut stream, message(1).len()), message(1));
}

#[test]
fn stopping_closes_everything_and_frees_the_port() {
    let server = Server::start(
        &[local(Protocol::Tcp), local(Protocol::Udp)],
        Options { udp: UdpOptions { workers: 2, ..UdpOptions::default() }, ..Options::default() },
        silent(),
    );
    let address = server.address(0);
    let mut client = connect(&server);
    wait_for("the connection", || server.transport.connections().len() == 1);
    server.transport.stop();
    assert!(is_closed(&mut client));
    assert_eq!(server.closed().1, CloseReason::Stopping);
    wait_for("the port", || TcpStream::connect(address).is_err());
    let result = server.transport.send(to("127.0.0.1:9".parse().unwrap(), message(1)));
    assert!(matches!(result, Err(SendError::NotRunning)));
    wait_for("the table to be empty", || server.transport.statistics().tcp_connections.get() == 0);
}

#[test]
fn what_was_sent_before_stopping_arrives() {
    let tcp = TcpOptions { connection_queue_max: 10_000_000, ..TcpOptions::default() };
    let server = Server::start(&[local(Protocol::Tcp)], Options { tcp, ..Options::default() }, silent());
    let mut client = connect(&server);
    client.write_all(&message(1)).unwrap();
    let (received, _) = server.received();
    // More than the kernel takes at once.
    let data = Str::from(vec![b'z'; 8_000_000]);
    server.transport.send(Outgoing::reply_to(&received, data.clone())).unwrap();
    let reading = std::thread::spawn(move || {
        let answer = read_exactly(&mut client, 8_000_000);
        (answer, is_closed(&mut client))
    });
    drop(server);
    assert!(reading.join().unwrap() == (data, true));
}
