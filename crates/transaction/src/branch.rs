//! One branch of a forwarded request, and how good its reply is.

use crate::Time;
use crate::invite_client::InviteClient;
use crate::request_client::RequestClient;
use crate::retransmission::earliest;

/// What waits for the replies of a branch.
#[derive(Clone, Debug)]
pub(crate) enum Client {
    Invite(InviteClient),
    Request(RequestClient),
    /// Nothing was sent: the branch only keeps the transaction waiting (`t_suspend`).
    Blind(RequestClient),
}

/// A CANCEL for a branch.
#[derive(Clone, Debug, Default)]
pub(crate) enum Cancel {
    #[default]
    No,
    /// Wanted, but the peer has not answered the INVITE yet (RFC 3261 section 9.1); or the branch was given up without
    /// any reply, and its phone would ring for ever when the INVITE reaches it after all.
    Wanted(Option<u16>),
    Sent(RequestClient),
}

/// One copy of the request that was sent on.
#[derive(Clone, Debug)]
pub struct Branch {
    pub(crate) client: Client,
    pub(crate) cancel: Cancel,
    pub(crate) reliable: bool,
    pub(crate) status: u16,
    pub(crate) replied: bool,
    pub(crate) faked: bool,
    pub(crate) timed_out: bool,
    pub(crate) dropped: bool,
    /// How many final replies were received but not processed yet.
    pub(crate) in_script: u32,
}

impl Branch {
    /// The last reply's status; that of a made-up reply when it was given up; 0: none.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// A reply was received.
    #[must_use]
    pub const fn replied(&self) -> bool {
        self.replied
    }

    /// The final status was made up here: it timed out or could not be sent.
    #[must_use]
    pub const fn faked(&self) -> bool {
        self.faked
    }

    /// No final reply came in time.
    #[must_use]
    pub const fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// Its reply is not chosen any more (`t_drop_replies`).
    #[must_use]
    pub const fn dropped(&self) -> bool {
        self.dropped
    }

    /// A final reply is still awaited.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        match &self.client {
            Client::Invite(client) => client.is_pending(),
            Client::Request(client) | Client::Blind(client) => client.is_pending(),
        }
    }

    /// A CANCEL was sent or will be.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        !matches!(self.cancel, Cancel::No)
    }

    /// Nothing was sent.
    #[must_use]
    pub const fn is_blind(&self) -> bool {
        matches!(self.client, Client::Blind(_))
    }

    pub(crate) fn abandon(&mut self) {
        match &mut self.client {
            Client::Invite(client) => client.abandon(),
            Client::Request(client) | Client::Blind(client) => client.abandon(),
        }
    }

    pub(crate) fn timeout(&self) -> Option<Time> {
        let own = match &self.client {
            Client::Invite(client) => client.timeout(),
            Client::Request(client) | Client::Blind(client) => client.timeout(),
        };
        match &self.cancel {
            Cancel::Sent(cancel) => earliest(own, cancel.timeout()),
            _ => own,
        }
    }
}

/// The smaller, the better: 6xx first (RFC 3261 section 16.7, step 6), then the lowest class; within 4xx those first
/// that tell the caller what to do, within 5xx 503 last.
pub(crate) fn priority(status: u16) -> i32 {
    let rest = i32::from(status % 100);
    match status {
        ..300 => 0,
        300..400 => 3000 + rest,
        400..500 => {
            4000 + match status {
                401 => 1,
                407 => 2,
                415 => 3,
                420 => 4,
                484 => 5,
                _ => 10 + rest,
            }
        }
        500..600 => 5000 + if status == 503 { 100 } else { rest },
        _ => 1000 + rest,
    }
}
