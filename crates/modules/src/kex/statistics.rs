//! What is received, by method and code: `core:rcv_requests_invite`, `core:rcv_replies_4xx_invite` ..

use engine::statistics::{Counter, Statistics};
use sip::Method;

/// The methods whose requests are counted each.
const REQUESTS: [(Method, &str); 14] = [
    (Method::Ack, "ack"),
    (Method::Bye, "bye"),
    (Method::Cancel, "cancel"),
    (Method::Info, "info"),
    (Method::Invite, "invite"),
    (Method::Message, "message"),
    (Method::Notify, "notify"),
    (Method::Options, "options"),
    (Method::Prack, "prack"),
    (Method::Publish, "publish"),
    (Method::Refer, "refer"),
    (Method::Register, "register"),
    (Method::Subscribe, "subscribe"),
    (Method::Update, "update"),
];

/// The methods whose replies are counted each.
const REPLIES: [(Method, &str); 8] = [
    (Method::Bye, "bye"),
    (Method::Cancel, "cancel"),
    (Method::Invite, "invite"),
    (Method::Message, "message"),
    (Method::Prack, "prack"),
    (Method::Refer, "refer"),
    (Method::Register, "reg"),
    (Method::Update, "update"),
];

/// The codes that are counted each, also in their class.
const CODES: [u16; 5] = [401, 404, 407, 480, 486];

/// The replies of one class.
struct Class {
    all: Counter,
    by_method: [Counter; REPLIES.len()],
}

/// The counters, in group `core`.
pub(super) struct MessageCounters {
    requests: [Counter; REQUESTS.len()],
    classes: [Class; 6],
    codes: [Counter; CODES.len()],
    ringing: Counter,
}

impl MessageCounters {
    pub(super) fn new(statistics: &Statistics) -> Self {
        let counter = |name: String, doc: &str| statistics.counter("core", &name, doc);
        let class = |class: usize| Class {
            all: counter(format!("rcv_replies_{class}xx"), "replies of a class received"),
            by_method: REPLIES.map(|(_, name)| {
                counter(format!("rcv_replies_{class}xx_{name}"), "replies of a class to a method received")
            }),
        };
        Self {
            requests: REQUESTS
                .map(|(_, name)| counter(format!("rcv_requests_{name}"), "requests of a method received")),
            classes: [1, 2, 3, 4, 5, 6].map(class),
            codes: CODES.map(|code| counter(format!("rcv_replies_{code}"), "replies of a code received")),
            ringing: counter("rcv_replies_18x".into(), "replies 180 to 189 received"),
        }
    }

    pub(super) fn request(&self, method: Method) {
        if let Some(at) = REQUESTS.iter().position(|(known, _)| *known == method) {
            self.requests[at].increment();
        }
    }

    pub(super) fn reply(&self, code: u16, method: Method) {
        let Some(class) = usize::from(code / 100).checked_sub(1).and_then(|at| self.classes.get(at)) else { return };
        class.all.increment();
        if let Some(at) = REPLIES.iter().position(|(known, _)| *known == method) {
            class.by_method[at].increment();
        }
        if let Some(at) = CODES.iter().position(|known| *known == code) {
            self.codes[at].increment();
        }
        if (180..190).contains(&code) {
            self.ringing.increment();
        }
    }
}
