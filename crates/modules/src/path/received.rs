//! The parameter of a Path that tells where the phone's request came from.

use std::net::{IpAddr, SocketAddr};

use engine::{RouteCx, Str};
use sip::{Protocol, Uri, escape};

/// How the parameter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `sip:192.0.2.1:5060%3Btransport%3Dtcp`
    Uri,
    /// `192.0.2.1~5060~2`
    Alias,
}

/// The number of a protocol in the second form.
const fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Udp => 1,
        Protocol::Tcp => 2,
        Protocol::Tls => 3,
        Protocol::Sctp => 4,
        Protocol::Ws => 5,
        Protocol::Wss => 6,
    }
}

const PROTOCOLS: [Protocol; 6] =
    [Protocol::Udp, Protocol::Tcp, Protocol::Tls, Protocol::Sctp, Protocol::Ws, Protocol::Wss];

/// An address as it stands in a URI.
fn host(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn uri(host: &str, port: u16, protocol: Protocol) -> String {
    match protocol {
        Protocol::Udp => format!("sip:{host}:{port}"),
        _ => format!("sip:{host}:{port};transport={}", protocol.name()),
    }
}

/// The value of the parameter.
pub(super) fn write(source: SocketAddr, protocol: Protocol, format: Format) -> Vec<u8> {
    let host = host(source.ip());
    match format {
        Format::Uri => escape::escape_param(uri(&host, source.port(), protocol).as_bytes()).into_owned(),
        Format::Alias => format!("{host}~{}~{}", source.port(), number(protocol)).into_bytes(),
    }
}

/// The URI that a value of the parameter stands for.
fn read(value: &[u8], format: Format) -> Option<Str> {
    let text = match format {
        Format::Uri => Str::from(escape::unescape(value)?.into_owned()),
        Format::Alias => {
            let (address, protocol) = std::str::from_utf8(value).ok()?.rsplit_once('~')?;
            let (host, port) = address.rsplit_once('~')?;
            let protocol: u8 = protocol.parse().ok()?;
            let protocol = PROTOCOLS.into_iter().find(|known| number(*known) == protocol)?;
            Str::from(uri(host, port.parse().ok()?, protocol))
        }
    };
    let parsed = Uri::parse(text.clone()).ok()?;
    parsed.scheme().is_sip().then_some(text)
}

/// Takes the next hop from the parameters (`;name=value`) of our own Route.
pub(super) fn route(cx: &mut RouteCx, params: &Str, name: &Str, format: Format) {
    let value = params.split(|byte| *byte == b';').find_map(|param| {
        let equals = param.iter().position(|byte| *byte == b'=')?;
        param[..equals].eq_ignore_ascii_case(name).then_some(&param[equals + 1..])
    });
    let Some(value) = value.filter(|value| !value.is_empty()) else { return };
    match read(value, format) {
        Some(uri) => cx.to.set_destination(Some(uri)),
        None => {
            let shown = String::from_utf8_lossy(value);
            engine::log!(cx.core.log, Error, "{}: no address in `{name}={shown}` of our Route", cx.place());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let both = |source: &str, protocol| {
            let source = source.parse().unwrap();
            [Format::Uri, Format::Alias].map(|format| {
                let value = write(source, protocol, format);
                let uri = read(&value, format).unwrap();
                format!("{} {uri}", String::from_utf8_lossy(&value))
            })
        };
        assert_eq!(
            both("192.0.2.1:5062", Protocol::Udp),
            ["sip:192.0.2.1:5062 sip:192.0.2.1:5062", "192.0.2.1~5062~1 sip:192.0.2.1:5062"]
        );
        assert_eq!(
            both("192.0.2.1:5062", Protocol::Tcp),
            [
                "sip:192.0.2.1:5062%3Btransport%3Dtcp sip:192.0.2.1:5062;transport=tcp",
                "192.0.2.1~5062~2 sip:192.0.2.1:5062;transport=tcp"
            ]
        );
        assert_eq!(both("[2001:db8::1]:5", Protocol::Wss)[1], "[2001:db8::1]~5~6 sip:[2001:db8::1]:5;transport=wss");
    }

    #[test]
    fn no_address() {
        for (value, format) in [
            ("garbage", Format::Uri),
            ("tel:1", Format::Uri),
            ("sip:a%", Format::Uri),
            ("192.0.2.1~5060~1", Format::Uri),
            ("sip:192.0.2.1", Format::Alias),
            ("192.0.2.1~5060", Format::Alias),
            ("192.0.2.1~5060~9", Format::Alias),
            ("192.0.2.1~x~1", Format::Alias),
            ("192.0.2.1~5060~1~2", Format::Alias),
        ] {
            assert_eq!(read(value.as_bytes(), format), None, "{value}");
        }
    }
}
