//! Transport protocols.

use std::fmt;

/// A transport a message can arrive by or leave by (RFC 3261 18, RFC 4168, RFC 7118).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// User datagrams.
    Udp,
    /// A plain stream.
    Tcp,
    /// A stream under TLS.
    Tls,
    /// SCTP (RFC 4168).
    Sctp,
    /// WebSocket over TCP (RFC 7118).
    Ws,
    /// WebSocket over TLS (RFC 7118).
    Wss,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 6] = [Self::Udp, Self::Tcp, Self::Tls, Self::Sctp, Self::Ws, Self::Wss];

    /// The name in a `transport` parameter and in the configuration: `udp`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Sctp => "sctp",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The name in a Via header: `UDP`.
    pub const fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Sctp => "SCTP",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The protocol of that name, in letters of either case. `TLS-SCTP` and others are not known.
    pub fn from_name(name: impl AsRef<[u8]>) -> Option<Self> {
        let name = name.as_ref();
        match name {
            b"UDP" | b"udp" => return Some(Self::Udp),
            b"TCP" | b"tcp" => return Some(Self::Tcp),
            b"TLS" | b"tls" => return Some(Self::Tls),
            _ => {}
        }
        Self::ALL.into_iter().find(|protocol| protocol.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether the transport itself repeats what is lost (RFC 3261 17).
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// Whether messages are framed by Content-Length in a stream (RFC 3261 18.3).
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }

    /// Whether the transport is encrypted.
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The port that applies when none is named (RFC 3261 19.1.2, RFC 7118 for WebSocket).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp | Self::Sctp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// Kamailio's number of the protocol, as the variable `$prid` shows it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Udp => 1,
            Self::Tcp => 2,
            Self::Tls => 3,
            Self::Sctp => 4,
            Self::Ws => 5,
            Self::Wss => 6,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::from_name(protocol.name()), Some(protocol));
            assert_eq!(Protocol::from_name(protocol.via_name()), Some(protocol));
        }
        assert_eq!(Protocol::from_name(b"tlsx"), None);
        assert_eq!(Protocol::Wss.default_port(), 443);
    }
}
