//! The transaction machines of RFC 3261 section 17 with RFC 6026, and the forwarding machine above them. No I/O, no
//! clock, no runtime, no SIP messages: what comes in is "a reply of this status came at this time", what goes out is
//! "send that again". Whoever drives them keeps the bytes.
//!
//! Start reading at [`Forwarding`]: one request that this server received (or sent by itself), its branches, and which
//! reply goes back. It is made of one server machine ([`InviteServer`], [`RequestServer`]) and for each branch a client
//! machine ([`InviteClient`], [`RequestClient`]).
//!
//! Every machine has the same shape: methods take `now`, `timeout()` says when to call `on_timeout(now)` at the latest;
//! calling it earlier or more often does no harm.

mod branch;
mod forwarding;
mod invite_client;
mod invite_server;
mod request_client;
mod request_server;
mod retransmission;
mod time;

pub use branch::Branch;
pub use forwarding::{BranchId, EarlyCancel, Forwarding, Output};
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use request_client::RequestClient;
pub use request_server::RequestServer;
pub use time::{Time, Timers};

/// What a reply means to a client machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientReply {
    /// It says something that was not known: it goes on to the user. Otherwise it is a retransmission.
    pub new: bool,
    /// An ACK is due: a negative final reply to INVITE, each time it comes (RFC 3261 section 17.1.1.3).
    pub acknowledge: bool,
}

/// What became due in a client machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTimeout {
    /// Send the request once more.
    Retransmit,
    /// No final reply came in time (timers B, C and F). Told once.
    GaveUp,
}

/// What became due in a server machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerTimeout {
    /// Send the last reply once more.
    Retransmit,
    /// The transaction is over and can be forgotten.
    Ended,
}
