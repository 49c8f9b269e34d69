//! Addresses: where the message came from (`$si`), to which socket (`$Ri`), from which it leaves (`$fs`).

use std::net::{IpAddr, SocketAddr};

use engine::forward::Sending;
use engine::{RouteCx, ScriptError, Str, Value, variable};
use sip::Protocol;
use transport::{LocalSocket, SocketId};

use super::names::inner_name;

/// An address as it stands in a URI: IPv6 in brackets.
fn in_uri(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// `udp:1.2.3.4:5060`.
fn triple(protocol: Protocol, address: SocketAddr) -> String {
    format!("{protocol}:{}:{}", in_uri(address.ip()), address.port())
}

/// A local socket as `udp:1.2.3.4:5060`.
pub(crate) fn socket_text(socket: &LocalSocket) -> String {
    triple(socket.protocol, socket.address)
}

/// `sip:1.2.3.4:5060;transport=tcp`; UDP is named only when `always`. WebSocket is `ws` with and without TLS (RFC 7118).
fn uri(host: &str, port: u16, protocol: Protocol, always: bool) -> Value {
    let name = if protocol == Protocol::Wss { "ws" } else { protocol.name() };
    if protocol == Protocol::Udp && !always {
        return Value::from(format!("sip:{host}:{port}"));
    }
    Value::from(format!("sip:{host}:{port};transport={name}"))
}

/// The source address.
#[variable("si", "src_ip")]
pub fn si(cx: &RouteCx) -> Value {
    cx.source.ip().to_canonical().to_string().into()
}

/// The source address; IPv6 in brackets.
#[variable("siz")]
pub fn siz(cx: &RouteCx) -> Value {
    in_uri(cx.source.ip()).into()
}

/// The source port.
#[variable("sp")]
pub fn sp(cx: &RouteCx) -> Value {
    cx.source.port().into()
}

/// The source as `proto:address:port`.
#[variable("sas")]
pub fn sas(cx: &RouteCx) -> Value {
    triple(cx.received.protocol, cx.source).into()
}

/// The source as a URI; UDP is not named.
#[variable("su")]
pub fn su(cx: &RouteCx) -> Value {
    uri(&in_uri(cx.source.ip()), cx.source.port(), cx.received.protocol, false)
}

/// The source as a URI with its transport.
#[variable("sut")]
pub fn sut(cx: &RouteCx) -> Value {
    uri(&in_uri(cx.source.ip()), cx.source.port(), cx.received.protocol, true)
}

/// The protocol the message came by: `udp`, `tcp`, `tls`, `ws`, `wss`.
#[variable("pr", "proto")]
pub fn pr(cx: &RouteCx) -> Value {
    cx.received.protocol.name().into()
}

/// The protocol the message came by as a number: 1 UDP, 2 TCP, 3 TLS, 4 SCTP, 5 WS, 6 WSS.
#[variable("prid")]
pub fn prid(cx: &RouteCx) -> Value {
    Value::Int(i64::from(cx.received.protocol.number()))
}

/// The number of the connection the message came by; `$null` for UDP.
#[variable("conid")]
pub fn conid(cx: &RouteCx) -> Value {
    cx.received.connection.map(|id| i64::try_from(id.0).unwrap_or(i64::MAX)).into()
}

/// The local address the message came to.
#[variable("Ri")]
pub fn ri(cx: &RouteCx) -> Value {
    cx.received.destination.ip().to_canonical().to_string().into()
}

/// The local port the message came to.
#[variable("Rp")]
pub fn rp_socket(cx: &RouteCx) -> Value {
    cx.received.destination.port().into()
}

/// The local socket the message came to as `proto:address:port`.
#[variable("Ras")]
pub fn ras(cx: &RouteCx) -> Value {
    triple(cx.received.protocol, cx.received.destination).into()
}

/// The local socket the message came to as a URI; UDP is not named.
#[variable("Ru")]
pub fn ru_socket(cx: &RouteCx) -> Value {
    let address = cx.received.destination;
    uri(&in_uri(address.ip()), address.port(), cx.received.protocol, false)
}

/// The local socket the message came to as a URI with its transport.
#[variable("Rut")]
pub fn rut(cx: &RouteCx) -> Value {
    let address = cx.received.destination;
    uri(&in_uri(address.ip()), address.port(), cx.received.protocol, true)
}

/// The name of the local socket the message came to (`listen=.. name "x"`).
#[variable("Rn")]
pub fn rn(cx: &RouteCx) -> Value {
    cx.core.socket(cx.received.socket).and_then(|socket| socket.name.clone()).into()
}

/// Host and port that the socket advertises, else its own.
fn advertised(cx: &RouteCx) -> (String, u16) {
    let own = cx.received.destination;
    match cx.core.socket(cx.received.socket).and_then(|socket| socket.advertise.as_ref()) {
        Some((host, port)) => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            (bare.parse().map_or_else(|_| host.clone(), in_uri), port.unwrap_or_else(|| own.port()))
        }
        None => (in_uri(own.ip()), own.port()),
    }
}

/// The advertised address of the socket the message came to; `$Ri` when it has none.
#[variable("RAi")]
pub fn rai(cx: &RouteCx) -> Value {
    advertised(cx).0.trim_start_matches('[').trim_end_matches(']').into()
}

/// The advertised port of the socket the message came to; `$Rp` when it has none.
#[variable("RAp")]
pub fn rap(cx: &RouteCx) -> Value {
    advertised(cx).1.into()
}

/// The advertised address as a URI; UDP is not named.
#[variable("RAu")]
pub fn rau(cx: &RouteCx) -> Value {
    let (host, port) = advertised(cx);
    uri(&host, port, cx.received.protocol, false)
}

/// The advertised address as a URI with its transport.
#[variable("RAut")]
pub fn raut(cx: &RouteCx) -> Value {
    let (host, port) = advertised(cx);
    uri(&host, port, cx.received.protocol, true)
}

fn forced(cx: &RouteCx) -> Option<&LocalSocket> {
    cx.core.socket(cx.to.socket?)
}

/// The local socket to send from, as `proto:address:port`. Assigning chooses it (protocol and port may be left out);
/// `$null` leaves the choice to the server. A socket that does not exist changes nothing.
#[variable("fs", set = set_fs)]
pub fn fs(cx: &RouteCx) -> Value {
    forced(cx).map(socket_text).into()
}

fn set_fs(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    choose(cx, value, |cx, text| cx.core.find_socket(&text.to_text()))
}

/// The name of the local socket to send from. Assigning chooses the socket of that name; `$null` leaves the choice to
/// the server.
#[variable("fsn", set = set_fsn)]
pub fn fsn(cx: &RouteCx) -> Value {
    forced(cx).and_then(|socket| socket.name.clone()).into()
}

fn set_fsn(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    choose(cx, value, |cx, name| {
        let has_name = |socket: &&LocalSocket| socket.name.as_ref().is_some_and(|known| known.as_bytes() == &**name);
        cx.core.sockets().iter().find(has_name).map(|socket| socket.id)
    })
}

fn choose(
    cx: &mut RouteCx,
    value: Value,
    find: impl FnOnce(&RouteCx, &Str) -> Option<SocketId>,
) -> Result<(), ScriptError> {
    match value {
        Value::Null => cx.to.socket = None,
        Value::Str(text) if !text.is_empty() => match find(cx, &text) {
            Some(id) => cx.to.socket = Some(id),
            None => engine::log!(cx.core.log, Warning, "{}: `{text}` is no local socket: not chosen", cx.place()),
        },
        _ => return Err(ScriptError::new("a socket is named by a text")),
    }
    Ok(())
}

/// The port of the local socket to send from; 0 when none is chosen.
#[variable("fsp")]
pub fn fsp(cx: &RouteCx) -> Value {
    forced(cx).map_or(0, |socket| socket.address.port()).into()
}

/// Kamailio's numbers of address families, which are those of Linux.
fn family(address: IpAddr) -> i64 {
    if address.to_canonical().is_ipv4() { 2 } else { 10 }
}

/// How the address family is shown.
#[derive(Clone, Copy, Debug)]
pub enum FamilyForm {
    Number,
    Name,
}

inner_name!(FamilyForm {
    "id" => Self::Number,
    "name" => Self::Name,
});

/// The address family the message came by: `id` as a number (2: IPv4, 10: IPv6), `name` as `IPv4` or `IPv6`.
#[variable("af")]
pub fn af(cx: &RouteCx, form: FamilyForm) -> Value {
    match form {
        FamilyForm::Number => Value::Int(family(cx.source.ip())),
        FamilyForm::Name => Value::from(if family(cx.source.ip()) == 2 { "IPv4" } else { "IPv6" }),
    }
}

/// An attribute of the message that is being sent, in `onsend_route`.
#[derive(Clone, Copy, Debug)]
pub enum SendPart {
    Address,
    Port,
    Family,
    ProtocolNumber,
    Protocol,
    Buffer,
    Length,
}

inner_name!(SendPart {
    "ip" => Self::Address,
    "port" => Self::Port,
    "af" => Self::Family,
    "proto" => Self::ProtocolNumber,
    "sproto" => Self::Protocol,
    "buf" => Self::Buffer,
    "len" => Self::Length,
});

fn send_part(cx: &RouteCx, part: SendPart, address: impl FnOnce(&Sending) -> Option<SocketAddr>) -> Value {
    let Some(sending) = cx.sending() else { return Value::Null };
    let Some(address) = address(sending) else { return Value::Null };
    match part {
        SendPart::Address => address.ip().to_canonical().to_string().into(),
        SendPart::Port => address.port().into(),
        SendPart::Family => Value::Int(family(address.ip())),
        SendPart::ProtocolNumber => Value::Int(i64::from(sending.protocol.number())),
        SendPart::Protocol => sending.protocol.name().into(),
        SendPart::Buffer => Value::from(&sending.data),
        SendPart::Length => sending.data.len().into(),
    }
}

/// Where the message is being sent, in `onsend_route`: `ip`, `port`, `af` (2, 10), `proto` (number), `sproto` (text),
/// `buf` (the message), `len`. `$null` elsewhere.
#[variable("sndto", "snd")]
pub fn sndto(cx: &RouteCx, part: SendPart) -> Value {
    send_part(cx, part, |sending| Some(sending.destination))
}

/// The local socket the message is being sent from, in `onsend_route`: the same attributes as `$sndto`.
#[variable("sndfrom")]
pub fn sndfrom(cx: &RouteCx, part: SendPart) -> Value {
    send_part(cx, part, |sending| cx.core.socket(sending.socket).map(|socket| socket.address))
}

/// An attribute of the received packet.
#[derive(Clone, Copy, Debug)]
pub enum ReceivedPart {
    Buffer,
    Length,
    Protocol,
    SocketProtocol,
    SourceAddress,
    SourcePort,
    LocalAddress,
    LocalPort,
    Family,
}

inner_name!(ReceivedPart {
    "buf" => Self::Buffer,
    "len" => Self::Length,
    "proto" => Self::Protocol,
    "sproto" => Self::SocketProtocol,
    "srcip" => Self::SourceAddress,
    "srcport" => Self::SourcePort,
    "rcvip" => Self::LocalAddress,
    "rcvport" => Self::LocalPort,
    "af" => Self::Family,
});

/// The packet as it arrived, for `event_route[core:msg-received]`: `buf`, `len`, `proto` (number), `sproto` (text),
/// `srcip`, `srcport`, `rcvip`, `rcvport`, `af` (2, 10).
#[variable("rcv", "recv")]
pub fn rcv(cx: &RouteCx, part: ReceivedPart) -> Value {
    let text = cx.raw.as_ref().unwrap_or_else(|| cx.message.buffer());
    let received = &cx.received;
    match part {
        ReceivedPart::Buffer => Value::from(text),
        ReceivedPart::Length => text.len().into(),
        ReceivedPart::Protocol => Value::Int(i64::from(received.protocol.number())),
        ReceivedPart::SocketProtocol => received.protocol.name().into(),
        ReceivedPart::SourceAddress => received.source.ip().to_canonical().to_string().into(),
        ReceivedPart::SourcePort => received.source.port().into(),
        ReceivedPart::LocalAddress => received.destination.ip().to_canonical().to_string().into(),
        ReceivedPart::LocalPort => received.destination.port().into(),
        ReceivedPart::Family => Value::Int(family(received.source.ip())),
    }
}
