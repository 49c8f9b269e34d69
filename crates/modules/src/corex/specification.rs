//! Addresses as scripts write them: `udp:1.2.3.4:5060`.

use engine::{Core, ScriptError};
use sip::Protocol;
use transport::LocalSocket;

/// `[proto:]host[:port]` in parts, as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Specification<'a> {
    /// The protocol; one that we know.
    pub protocol: Option<&'a str>,
    /// The host; an IPv6 address in brackets.
    pub host: &'a str,
    /// Digits.
    pub port: Option<&'a str>,
}

impl<'a> Specification<'a> {
    /// Takes the text apart. `None` when it is malformed or the protocol is unknown.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (protocol, rest) = match text.split_once(':') {
            Some((name, rest)) if Protocol::from_name(name).is_some() => (Some(name), rest),
            _ => (None, text),
        };
        let host_end = if rest.starts_with('[') { rest.find(']')? + 1 } else { rest.find(':').unwrap_or(rest.len()) };
        let (host, port) = rest.split_at(host_end);
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port),
            None if port.is_empty() => None,
            None => return None,
        };
        let digits = port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
        (!host.is_empty() && digits).then_some(Self { protocol, host, port })
    }

    /// The same, with an error for the log.
    pub fn read(text: &'a str) -> Result<Self, ScriptError> {
        Self::parse(text).ok_or_else(|| ScriptError::new(format!("`{text}` is no address: write `proto:host:port`")))
    }

    /// The port as a number; `Err` when it is out of range.
    pub fn port_number(&self) -> Result<Option<u16>, ScriptError> {
        let wrong = |port| ScriptError::new(format!("`{port}` is no port"));
        self.port.map(|port| port.parse().map_err(|_| wrong(port))).transpose()
    }

    /// The protocol.
    pub fn known_protocol(&self) -> Option<Protocol> {
        self.protocol.and_then(Protocol::from_name)
    }

    /// The local socket with this address or advertised name; what is not given may be anything.
    pub fn socket<'c>(&self, core: &'c Core) -> Result<Option<&'c LocalSocket>, ScriptError> {
        let (port, protocol) = (self.port_number()?, self.known_protocol());
        let address = engine::forward::address_of(self.host.as_bytes());
        let fits = |socket: &&LocalSocket| {
            let port_fits = |ours: u16| port.is_none_or(|port| port == ours);
            let bound = address == Some(socket.address.ip().to_canonical()) && port_fits(socket.address.port());
            let advertised = socket.advertise.as_ref().is_some_and(|(host, ours)| {
                host.eq_ignore_ascii_case(self.host) && port_fits(ours.unwrap_or_else(|| socket.address.port()))
            });
            protocol.is_none_or(|protocol| protocol == socket.protocol) && (bound || advertised)
        };
        Ok(core.sockets().iter().find(fits))
    }
}
