//! By which socket a message came, by which it goes, and from where.

use engine::forward::resolve_host;
use engine::{CallResult, Core, Return, RouteCx, ScriptError, Str, Value, function, variable};
use sip::Protocol;
use transport::LocalSocket;

use super::specification::Specification;

fn named<'c>(core: &'c Core, name: &Str) -> Option<&'c LocalSocket> {
    core.sockets().iter().find(|socket| socket.name.as_ref().is_some_and(|known| known.as_bytes() == &name[..]))
}

/// Hands a socket to `set`. As in Kamailio it is no failure when there is none such: the message keeps what it has.
fn with_socket(
    cx: &mut RouteCx,
    text: &Str,
    socket: Option<&LocalSocket>,
    set: impl FnOnce(&mut RouteCx, &LocalSocket),
) -> CallResult {
    match socket {
        Some(socket) => set(cx, socket),
        None => engine::log!(cx.core.log, Warning, "{}: `{text}` is no local socket", cx.place()),
    }
    Ok(Return::TRUE)
}

fn use_for_sending(cx: &mut RouteCx, socket: &LocalSocket) {
    cx.to.socket = Some(socket.id);
}

fn use_as_received(cx: &mut RouteCx, socket: &LocalSocket) {
    if cx.received.protocol != socket.protocol {
        // A connection of another protocol cannot carry what is sent from this socket.
        cx.received.connection = None;
    }
    cx.received.socket = socket.id;
    cx.received.protocol = socket.protocol;
    // What is sent names this address: that of a socket on all addresses would be of no use to anybody.
    if !socket.is_wildcard() {
        cx.received.destination.set_ip(socket.address.ip());
    }
    cx.received.destination.set_port(socket.address.port());
}

/// The local socket to send the request from: `[proto:]address[:port]`. Returns 1, also when there is no such socket (a
/// warning is logged, and nothing changes); -1 when the text is malformed.
#[function(ANY)]
pub fn set_send_socket(cx: &mut RouteCx, address: Str) -> CallResult {
    let core = cx.core.clone();
    let socket = Specification::read(&address.to_text())?.socket(&core)?;
    with_socket(cx, &address, socket, use_for_sending)
}

/// The same by the name that the `listen` line gives.
#[function(ANY)]
pub fn set_send_socket_name(cx: &mut RouteCx, name: Str) -> CallResult {
    let core = cx.core.clone();
    with_socket(cx, &name, named(&core, &name), use_for_sending)
}

/// Lets the message count as received by another local socket, `[proto:]address[:port]`: `$Ri`, `$Rp`, `$pr` change, and
/// replies go out by it. Returns 1, also when there is no such socket (a warning is logged, and nothing changes); -1
/// when the text is malformed.
#[function(ANY)]
pub fn set_recv_socket(cx: &mut RouteCx, address: Str) -> CallResult {
    let core = cx.core.clone();
    let socket = Specification::read(&address.to_text())?.socket(&core)?;
    with_socket(cx, &address, socket, use_as_received)
}

/// The same by the name that the `listen` line gives.
#[function(ANY)]
pub fn set_recv_socket_name(cx: &mut RouteCx, name: Str) -> CallResult {
    let core = cx.core.clone();
    with_socket(cx, &name, named(&core, &name), use_as_received)
}

/// Lets the message count as coming from another address, `[proto:]host[:port]`: `$si` and `$sp` change, and replies go
/// there; the protocol (`$pr`) stays what it was. Without a port it is 0. False when the text is malformed or the host
/// does not resolve.
#[function(ANY)]
pub async fn set_source_address(cx: &mut RouteCx, address: Str) -> CallResult {
    let core = cx.core.clone();
    let text = address.to_text();
    let parts = Specification::read(&text)?;
    let port = Some(parts.port_number()?.unwrap_or(0));
    let targets = resolve_host(&core, parts.host.as_bytes(), port, Some(Protocol::Udp), false).await?;
    let target = targets.first().ok_or_else(|| ScriptError::new(format!("`{address}` does not resolve")))?;
    cx.source = target.address;
    Ok(Return::TRUE)
}

/// True when a `listen` line gave this name to its socket.
#[function(ANY)]
pub fn is_socket_name(cx: &mut RouteCx, name: Str) -> CallResult {
    Ok(named(&cx.core, &name).is_some().into())
}

/// `udp:10.0.0.1:5060`, an IPv6 address in brackets.
fn address_text(protocol: Protocol, host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("{protocol}:[{host}]:{port}"),
        false => format!("{protocol}:{host}:{port}"),
    }
}

fn listen_text(socket: &LocalSocket) -> String {
    address_text(socket.protocol, &socket.address.ip().to_canonical().to_string(), socket.address.port())
}

fn advertised_text(socket: &LocalSocket) -> Option<String> {
    let (host, port) = socket.advertise.as_ref()?;
    Some(address_text(socket.protocol, host, port.unwrap_or_else(|| socket.address.port())))
}

/// An attribute of a local socket: `match/value/field`. Match: `n` its name, `l` its address (`udp:10.0.0.1:5060`), `a`
/// its advertised address, `i` its place in the list. Field: `name`, `listen`, `advertise` or `index`; the first letter
/// is enough. Text of the form may contain variables. `$null` when there is no such socket.
#[variable("lsock")]
pub fn lsock(cx: &RouteCx, expression: Str) -> Value {
    let text = expression.to_text();
    let parts = text.split_once('/').and_then(|(by, rest)| Some((by, rest.rsplit_once('/')?)));
    let Some((by, (value, field))) = parts else {
        engine::log!(cx.core.log, Error, "{}: `$lsock({text})` is not of the form match/value/field", cx.place());
        return Value::Null;
    };
    let found = cx.core.sockets().iter().enumerate().find(|(at, socket)| match by {
        "n" => socket.name.as_deref() == Some(value),
        "l" => listen_text(socket).eq_ignore_ascii_case(value),
        "a" => advertised_text(socket).is_some_and(|text| text.eq_ignore_ascii_case(value)),
        "i" => value.parse() == Ok(*at),
        _ => false,
    });
    let Some((at, socket)) = found else { return Value::Null };
    match field.bytes().next() {
        Some(b'n') => socket.name.as_deref().unwrap_or_default().into(),
        Some(b'l') => listen_text(socket).into(),
        Some(b'a') => advertised_text(socket).unwrap_or_default().into(),
        Some(b'i') => at.into(),
        _ => {
            engine::log!(cx.core.log, Error, "{}: `$lsock({text})`: there is no field `{field}`", cx.place());
            Value::Null
        }
    }
}
