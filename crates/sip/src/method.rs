//! Request methods.

use std::fmt;

/// The method of a request (RFC 3261 7.1 and the extensions named below).
///
/// Names are matched exactly: SIP methods are case-sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Method {
    /// Starts or changes a session (RFC 3261 13).
    Invite = 1,
    /// Takes an INVITE back (RFC 3261 9).
    Cancel = 1 << 1,
    /// Confirms a final reply to INVITE (RFC 3261 13, 17).
    Ack = 1 << 2,
    /// Ends a session (RFC 3261 15).
    Bye = 1 << 3,
    /// Mid-session information (RFC 6086).
    Info = 1 << 4,
    /// Binds contacts to an address of record (RFC 3261 10).
    Register = 1 << 5,
    /// Asks for notifications (RFC 6665).
    Subscribe = 1 << 6,
    /// Carries a notification (RFC 6665).
    Notify = 1 << 7,
    /// Instant message (RFC 3428).
    Message = 1 << 8,
    /// Asks for capabilities (RFC 3261 11).
    Options = 1 << 9,
    /// Confirms a provisional reply (RFC 3262).
    Prack = 1 << 10,
    /// Changes a session before it is set up (RFC 3311).
    Update = 1 << 11,
    /// Asks the other side to contact a third (RFC 3515).
    Refer = 1 << 12,
    /// Publishes event state (RFC 3903).
    Publish = 1 << 13,
    /// Kamailio's message between DMQ nodes.
    Kdmq = 1 << 14,
    /// HTTP GET (the server also answers HTTP on its TCP sockets).
    Get = 1 << 15,
    /// HTTP POST.
    Post = 1 << 16,
    /// HTTP PUT.
    Put = 1 << 17,
    /// HTTP DELETE.
    Delete = 1 << 18,
    /// Any other method; the text of the message has its name.
    Other = 1 << 19,
}

impl Method {
    /// Every method that has a name.
    pub const NAMED: [Self; 19] = [
        Self::Invite,
        Self::Cancel,
        Self::Ack,
        Self::Bye,
        Self::Info,
        Self::Register,
        Self::Subscribe,
        Self::Notify,
        Self::Message,
        Self::Options,
        Self::Prack,
        Self::Update,
        Self::Refer,
        Self::Publish,
        Self::Kdmq,
        Self::Get,
        Self::Post,
        Self::Put,
        Self::Delete,
    ];

    /// The method called `name`, [`Method::Other`] when it is none of ours.
    pub fn from_bytes(name: impl AsRef<[u8]>) -> Self {
        match name.as_ref() {
            b"INVITE" => Self::Invite,
            b"CANCEL" => Self::Cancel,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"INFO" => Self::Info,
            b"REGISTER" => Self::Register,
            b"SUBSCRIBE" => Self::Subscribe,
            b"NOTIFY" => Self::Notify,
            b"MESSAGE" => Self::Message,
            b"OPTIONS" => Self::Options,
            b"PRACK" => Self::Prack,
            b"UPDATE" => Self::Update,
            b"REFER" => Self::Refer,
            b"PUBLISH" => Self::Publish,
            b"KDMQ" => Self::Kdmq,
            b"GET" => Self::Get,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            _ => Self::Other,
        }
    }

    /// The name; `OTHER` for a method without one of ours (Kamailio's word in method lists).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invite => "INVITE",
            Self::Cancel => "CANCEL",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Info => "INFO",
            Self::Register => "REGISTER",
            Self::Subscribe => "SUBSCRIBE",
            Self::Notify => "NOTIFY",
            Self::Message => "MESSAGE",
            Self::Options => "OPTIONS",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Refer => "REFER",
            Self::Publish => "PUBLISH",
            Self::Kdmq => "KDMQ",
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Other => "OTHER",
        }
    }

    /// The number as `$rmid` shows it: a bit of its own, so that sets of methods are sums.
    pub const fn id(self) -> u32 {
        self as u32
    }

    /// The method with that number.
    pub fn from_id(id: u32) -> Option<Self> {
        Self::NAMED.into_iter().chain([Self::Other]).find(|method| method.id() == id)
    }

    /// Whether a request of this method can create a dialog (RFC 3261 12.1, RFC 6665, RFC 3515).
    pub const fn creates_dialog(self) -> bool {
        matches!(self, Self::Invite | Self::Subscribe | Self::Refer | Self::Notify)
    }

    /// Whether this is a method of HTTP.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Get | Self::Post | Self::Put | Self::Delete)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_go_both_ways() {
        for (bit, method) in Method::NAMED.into_iter().enumerate() {
            assert_eq!(Method::from_bytes(method.name()), method);
            assert_eq!(method.id(), 1 << bit);
            assert_eq!(Method::from_id(method.id()), Some(method));
        }
        assert_eq!(Method::from_bytes("invite"), Method::Other);
        assert_eq!(Method::from_id(3), None);
        assert_eq!(Method::Other.id(), 524_288);
    }
}
