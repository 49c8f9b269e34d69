//! Which URIs are this server, and which socket they name.

use engine::RouteCx;
use engine::forward::{address_of, host_of};
use sip::{Protocol, Uri};
use transport::{LocalSocket, SocketId};

/// Port that Record-Route leaves out, whatever the protocol.
pub(super) const PLAIN_PORT: u16 = 5060;

/// Whether host and port are those of a socket, as bound or as advertised.
fn names_socket(cx: &RouteCx, socket: &LocalSocket, host: &[u8], port: u16) -> bool {
    let advertised = socket.advertise.as_ref().is_some_and(|(name, advertised)| {
        name.as_bytes().eq_ignore_ascii_case(host) && port == advertised.unwrap_or_else(|| socket.address.port())
    });
    if advertised || port != socket.address.port() {
        return advertised;
    }
    // Mostly written as we write it.
    socket.host.as_bytes() == host
        || address_of(host).is_some_and(|address| {
            let bound = socket.address.ip();
            address == bound.to_canonical()
                || bound.is_unspecified() && address == cx.received.destination.ip().to_canonical()
        })
}

/// The ports that a URI can mean: our Record-Route leaves out 5060 for every protocol.
fn ports(uri: &Uri) -> impl Iterator<Item = u16> {
    let (first, second) = match uri.port() {
        Some(port) => (port, None),
        None => (PLAIN_PORT, Some(uri.port_or_default()).filter(|port| *port != PLAIN_PORT)),
    };
    std::iter::once(first).chain(second)
}

/// Whether a Route (or request-URI) names this server: a socket, an advertised address or an alias.
pub(super) fn is_ours(cx: &RouteCx, uri: &Uri) -> bool {
    let host = uri.host_bytes();
    uri.scheme().is_sip()
        && ports(uri).any(|port| {
            cx.core.sockets().iter().any(|socket| names_socket(cx, socket, host, port))
                || cx.core.is_myself(host, Some(port), Some(uri.protocol()))
        })
}

/// The socket that a Route of ours names, by its name (`sn`) if wanted, else by protocol, host and port.
pub(super) fn socket_of(cx: &RouteCx, uri: &Uri, by_name: bool) -> Option<SocketId> {
    let sockets = cx.core.sockets();
    if by_name && let Some(name) = uri.param("sn") {
        let named = sockets.iter().find(|socket| socket.name.as_deref().is_some_and(|ours| ours.as_bytes() == &*name));
        if let Some(socket) = named {
            return Some(socket.id);
        }
    }
    let (protocol, host) = (uri.protocol(), uri.host_bytes());
    let fits = |socket: &&LocalSocket, port| socket.protocol == protocol && names_socket(cx, socket, host, port);
    ports(uri).find_map(|port| sockets.iter().find(|socket| fits(socket, port))).map(|socket| socket.id)
}

/// The socket the request came by as Record-Route names it: `host:port;transport=protocol`, without what is default.
pub(super) fn received_by(cx: &RouteCx) -> Option<Vec<u8>> {
    let socket = cx.core.socket(cx.received.socket)?;
    let (host, port) = match &socket.advertise {
        Some((host, port)) => (host.as_bytes().into(), port.unwrap_or_else(|| socket.address.port())),
        None => (host_of(cx, socket), socket.address.port()),
    };
    let mut text = Vec::with_capacity(host.len() + 24);
    text.extend_from_slice(&host);
    if port != PLAIN_PORT {
        text.push(b':');
        sip::write::decimal(&mut text, port);
    }
    if socket.protocol != Protocol::Udp {
        text.extend_from_slice(b";transport=");
        text.extend_from_slice(socket.protocol.name().as_bytes());
    }
    Some(text)
}
