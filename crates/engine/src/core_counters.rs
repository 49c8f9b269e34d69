//! What the core counts, with Kamailio's names.

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
    /// Looks at a request-URI that is wrong.
    pub bad_uris: Counter,
    /// Requests of a method that no RFC defines.
    pub unsupported_methods: Counter,
}

impl CoreCounters {
    pub(crate) fn new(statistics: &Statistics) -> Self {
        let counter = |name, doc| statistics.counter("core", name, doc);
        Self {
            bad_uris: counter("bad_URIs_rcvd", "looks at a request-URI that is wrong"),
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
        }
    }
}
