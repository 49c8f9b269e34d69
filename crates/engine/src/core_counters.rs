//! What the core counts, with Kamailio's names (those that module kex registers there).

use sip::{Message, Method};

use crate::statistics::{Counter, Statistics};

/// The statistics of group `core`.
pub struct CoreCounters {
    /// Requests received.
    pub received_requests: Counter,
    /// Replies received.
    pub received_replies: Counter,
    /// Requests sent on.
    pub forwarded_requests: Counter,
    /// Replies sent on.
    pub forwarded_replies: Counter,
    /// Requests that a module took before the script.
    pub dropped_requests: Counter,
    /// Replies that the script dropped.
    pub dropped_replies: Counter,
    /// Requests without a header that every request has, or that failed with an error.
    pub error_requests: Counter,
    /// Replies without a header that every reply has, or that failed with an error.
    pub error_replies: Counter,
    /// Messages and headers that could not be parsed.
    pub bad_messages: Counter,
    /// Requests with a wrong request-URI.
    pub bad_uris: Counter,
    /// Requests of a method that no RFC defines.
    pub unsupported_methods: Counter,
    by_method: [(Method, Counter); 14],
    ringing: Counter,
    by_status: [(u16, Counter); 5],
    by_class: [Counter; 6],
    by_class_and_method: [[(Method, Counter); 8]; 6],
}

impl CoreCounters {
    pub(crate) fn new(statistics: &Statistics) -> Self {
        use Method::{
            Ack, Bye, Cancel, Info, Invite, Message as Text, Notify, Options, Prack, Publish, Refer, Register,
            Subscribe, Update,
        };
        let counter = |name: &str, doc: &str| statistics.counter("core", name, doc);
        let requests = |method, name: &str| {
            (method, counter(&format!("rcv_requests_{name}"), &format!("requests of method {name} received")))
        };
        let class = |at: usize| counter(&format!("rcv_replies_{}xx", at + 1), "replies of a class received");
        let of_method = |at: usize, method, name: &str| {
            (method, counter(&format!("rcv_replies_{}xx_{name}", at + 1), "replies of a class to a method received"))
        };
        let methods = |at: usize| {
            [
                of_method(at, Invite, "invite"),
                of_method(at, Cancel, "cancel"),
                of_method(at, Bye, "bye"),
                of_method(at, Register, "reg"),
                of_method(at, Text, "message"),
                of_method(at, Prack, "prack"),
                of_method(at, Update, "update"),
                of_method(at, Refer, "refer"),
            ]
        };
        Self {
            bad_uris: counter("bad_URIs_rcvd", "messages with a wrong URI"),
            bad_messages: counter("bad_msg_hdr", "messages with a header that could not be parsed"),
            dropped_replies: counter("drop_replies", "replies dropped by the script"),
            dropped_requests: counter("drop_requests", "requests dropped before the script"),
            error_replies: counter("err_replies", "replies that failed"),
            error_requests: counter("err_requests", "requests that failed"),
            forwarded_replies: counter("fwd_replies", "replies forwarded"),
            forwarded_requests: counter("fwd_requests", "requests forwarded"),
            received_replies: counter("rcv_replies", "replies received"),
            received_requests: counter("rcv_requests", "requests received"),
            unsupported_methods: counter("unsupported_methods", "requests with an unknown method"),
            by_method: [
                requests(Ack, "ack"),
                requests(Bye, "bye"),
                requests(Cancel, "cancel"),
                requests(Info, "info"),
                requests(Invite, "invite"),
                requests(Text, "message"),
                requests(Notify, "notify"),
                requests(Options, "options"),
                requests(Prack, "prack"),
                requests(Publish, "publish"),
                requests(Refer, "refer"),
                requests(Register, "register"),
                requests(Subscribe, "subscribe"),
                requests(Update, "update"),
            ],
            ringing: counter("rcv_replies_18x", "replies from 180 to 189 received"),
            by_status: [401, 404, 407, 480, 486]
                .map(|status| (status, counter(&format!("rcv_replies_{status}"), "replies of a status received"))),
            by_class: std::array::from_fn(class),
            by_class_and_method: std::array::from_fn(methods),
        }
    }

    /// Counts a request that has what every request has.
    pub(crate) fn count_request(&self, message: &Message) {
        self.received_requests.increment();
        let method = message.method();
        match self.by_method.iter().find(|(known, _)| *known == method) {
            Some((_, counter)) => counter.increment(),
            None if method == Method::Other => self.unsupported_methods.increment(),
            None => {}
        }
    }

    /// Counts a reply that has what every reply has.
    pub(crate) fn count_reply(&self, message: &Message) {
        self.received_replies.increment();
        let status = message.status().unwrap_or(0);
        let Some(class) = usize::from(status / 100).checked_sub(1).filter(|class| *class < self.by_class.len()) else {
            return;
        };
        self.by_class[class].increment();
        if status / 10 == 18 {
            self.ringing.increment();
        }
        if let Some((_, counter)) = self.by_status.iter().find(|(known, _)| *known == status) {
            counter.increment();
        }
        let method = message.method();
        if let Some((_, counter)) = self.by_class_and_method[class].iter().find(|(known, _)| *known == method) {
            counter.increment();
        }
    }
}
