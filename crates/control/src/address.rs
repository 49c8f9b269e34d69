//! Addresses of control sockets, as the parameter `binrpc` of module ctl and the option `-s` of kamcmd write them.

use std::fmt;
use std::path::{Path, PathBuf};

/// The port of `tcp:host` and `udp:host`.
pub const DEFAULT_PORT: u16 = 2049;

/// Where a server listens, or a client connects to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControlAddress {
    /// `unix:/path`, `unixs:/path` or `/path`: a stream socket.
    UnixStream(PathBuf),
    /// `unixd:/path`: a datagram socket.
    UnixDatagram(PathBuf),
    /// `tcp:host:port`.
    Tcp(String, u16),
    /// `udp:host:port`, `host:port`.
    Udp(String, u16),
}

/// A text that is no address.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no address: use unix:/path, unixd:/path, tcp:host:port or udp:host:port")]
pub struct BadAddress(String);

impl ControlAddress {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.to_owned());
        let (protocol, rest) = match text.split_once(':') {
            Some((protocol @ ("unix" | "unixs" | "unixd" | "tcp" | "udp"), rest)) => (protocol, rest),
            _ if text.starts_with('/') => ("unix", text),
            _ => ("udp", text),
        };
        match protocol {
            "unix" | "unixs" if !rest.is_empty() => Ok(Self::UnixStream(rest.into())),
            "unixd" if !rest.is_empty() => Ok(Self::UnixDatagram(rest.into())),
            "tcp" => host_port(rest).map(|(host, port)| Self::Tcp(host, port)).ok_or_else(bad),
            "udp" => host_port(rest).map(|(host, port)| Self::Udp(host, port)).ok_or_else(bad),
            _ => Err(bad()),
        }
    }

    /// The path of a local socket.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::UnixStream(path) | Self::UnixDatagram(path) => Some(path),
            Self::Tcp(..) | Self::Udp(..) => None,
        }
    }
}

/// `host`, `host:port`, `port`, `[v6]`, `[v6]:port`. `*` and no host are every address.
fn host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => ("*", Some(text)),
            None => (text, None),
        },
    };
    let host = if host == "*" || host.is_empty() && port.is_some() { "0.0.0.0" } else { host };
    let port = port.map_or(Some(DEFAULT_PORT), |port| port.parse().ok())?;
    (!host.is_empty() && !host.contains(char::is_whitespace)).then(|| (host.to_owned(), port))
}

impl fmt::Display for ControlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match self {
            Self::UnixStream(path) => write!(f, "unix:{}", path.display()),
            Self::UnixDatagram(path) => write!(f, "unixd:{}", path.display()),
            Self::Tcp(host, port) => write!(f, "tcp:{}:{port}", bracketed(host)),
            Self::Udp(host, port) => write!(f, "udp:{}:{port}", bracketed(host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("unix:/run/ctl", "unix:/run/ctl"),
            ("unixs:/run/ctl", "unix:/run/ctl"),
            ("unixd:/run/ctl", "unixd:/run/ctl"),
            ("/run/ctl", "unix:/run/ctl"),
            ("tcp:localhost:2048", "tcp:localhost:2048"),
            ("tcp:localhost", "tcp:localhost:2049"),
            ("tcp:[::1]:7", "tcp:[::1]:7"),
            ("udp:*:7", "udp:0.0.0.0:7"),
            ("localhost:2050", "udp:localhost:2050"),
            ("tcp:3012", "tcp:0.0.0.0:3012"),
            ("3012", "udp:0.0.0.0:3012"),
            ("udp::7", "udp:0.0.0.0:7"),
        ] {
            assert_eq!(ControlAddress::parse(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "unix:", "tcp:", "tcp:70000", "tcp:a:b", "tcp:a:70000", "udp:[::1", "udp:[::1]7", "tcp:a b"] {
            assert!(ControlAddress::parse(text).is_err(), "{text}");
        }
    }
}
