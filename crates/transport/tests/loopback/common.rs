//! What the tests over the loopback interface share.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sip::{Protocol, Str};
use tokio::runtime::Runtime;
use transport::{
    CloseReason, ConnectionInfo, Handler, Listen, LogFn, Network as _, Options, Outgoing, Received, SendFailure,
    Transport,
};

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What a handler was told.
#[derive(Debug)]
pub(crate) enum Event {
    Received(Received, Str),
    Closed(ConnectionInfo, CloseReason),
    Failed(SendFailure),
}

type Answer = Box<dyn Fn(&Received, &Str, &mut Vec<Outgoing>) + Send + Sync>;

/// A handler that reports everything and answers as the test says.
pub(crate) struct Recorder {
    events: Mutex<Sender<Event>>,
    answer: Answer,
}

impl Handler for Recorder {
    fn receive(&self, received: Received, data: Str, outbox: &mut Vec<Outgoing>) {
        (self.answer)(&received, &data, outbox);
        let _ = self.events.lock().send(Event::Received(received, data));
    }

    fn connection_closed(&self, connection: &ConnectionInfo, reason: CloseReason) {
        let _ = self.events.lock().send(Event::Closed(connection.clone(), reason));
    }

    fn send_failed(&self, failure: SendFailure) {
        let _ = self.events.lock().send(Event::Failed(failure));
    }
}

/// A started transport.
pub(crate) struct Server {
    pub(crate) transport: Transport,
    pub(crate) events: Receiver<Event>,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl Server {
    pub(crate) fn start(listens: &[Listen], mut options: Options, answer: Answer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        let write: LogFn = Arc::new(move |severity, text| lines.lock().push(format!("{severity:?}: {text}")));
        options.log = write;
        let transport = Transport::bind(listens, &options).unwrap();
        let (sender, events) = channel();
        transport.start(Arc::new(Recorder { events: Mutex::new(sender), answer }), runtime.handle()).unwrap();
        Self { transport, events, log, _runtime: runtime }
    }

    pub(crate) fn address(&self, socket: usize) -> std::net::SocketAddr {
        self.transport.sockets()[socket].address
    }

    pub(crate) fn event(&self) -> Event {
        self.events.recv_timeout(PATIENCE).unwrap()
    }

    /// The next message, and where it came from.
    pub(crate) fn received(&self) -> (Received, Str) {
        match self.event() {
            Event::Received(received, data) => (received, data),
            other => panic!("{other:?}"),
        }
    }

    /// The next message that could not be sent.
    pub(crate) fn failed(&self) -> SendFailure {
        match self.event() {
            Event::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    /// The next closed connection.
    pub(crate) fn closed(&self) -> (ConnectionInfo, CloseReason) {
        match self.event() {
            Event::Closed(connection, reason) => (connection, reason),
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.transport.stop();
    }
}

pub(crate) fn local(protocol: Protocol) -> Listen {
    Listen::new(protocol, "127.0.0.1:0".parse().unwrap())
}

/// Answers every message with itself.
pub(crate) fn echo() -> Answer {
    Box::new(|received, data, outbox| outbox.push(Outgoing::reply_to(received, data.clone())))
}

/// Answers nothing.
pub(crate) fn silent() -> Answer {
    Box::new(|_, _, _| ())
}

/// A request of some length.
pub(crate) fn message(number: usize) -> Str {
    Str::from(format!(
        "OPTIONS sip:{number}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{number}\r\n\
         Content-Length: 4\r\n\r\nbody"
    ))
}

/// Message `number` of a call.
pub(crate) fn of_call(call: usize, number: usize) -> Str {
    Str::from(format!(
        "INFO sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call}x{number}\r\n\
         Call-ID: {call}@example.com\r\nCSeq: {number} INFO\r\n\r\n"
    ))
}

/// The call and the number of such a message.
pub(crate) fn call_and_number(message: &[u8]) -> (usize, usize) {
    let text = String::from_utf8_lossy(message);
    let number = |after: &str| {
        let digits = text.split_once(after).unwrap().1;
        digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap()].parse().unwrap()
    };
    (number("Call-ID: "), number("CSeq: "))
}

/// Waits until `condition` holds.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
