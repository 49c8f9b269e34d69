//! Sending a request or reply on: our Via, the edits, the next hop.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sip::{Addresses, ContentLength, Endpoint, HeaderName, PrintOptions, Protocol, Rport, Str, Uri, Via, ViaAddition};
use transport::resolve::Target;
use transport::{LocalSocket, Outgoing, SocketId};

use crate::core::Core;
use crate::function::{Routes, ScriptError, routes};
use crate::our_via;
use crate::route_cx::{Branch, RouteCx};

/// Where a message is being sent: what `onsend_route` sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The peer.
    pub destination: SocketAddr,
    /// How.
    pub protocol: Protocol,
    /// From which socket.
    pub socket: transport::SocketId,
    /// The message as it goes out.
    pub data: Str,
}

/// The text parts of the first Via's `received` and `rport`.
#[derive(Default)]
pub struct SourceInVia<'a> {
    received: Option<Cow<'a, [u8]>>,
    rport: Option<u16>,
}

impl<'a> SourceInVia<'a> {
    /// What RFC 3261 section 18.2.1 and RFC 3581 demand: `received` when the sent-by (or a `received` that is there) is
    /// another address, `rport` when asked for (or `force_rport`), then with `received` in any case.
    #[must_use]
    pub fn of(cx: &RouteCx, via: &'a Via) -> Self {
        let source = cx.source.ip().to_canonical();
        let is_source = |host: &[u8]| address_of(host) == Some(source);
        let names_source = is_source(&via.host);
        let asked = via.rport() != Rport::Absent;
        let rport = cx.send.force_rport || cx.core.live.force_rport.get() != 0 || asked;
        // A `received` that the sender made up would send the replies to somebody else.
        let made_up = || via.received().is_some_and(|received| !is_source(&received));
        let received = (asked || !names_source || made_up()).then(|| {
            // An IPv4 address has one form, with or without brackets.
            if names_source && source.is_ipv4() && via.host.first().is_some_and(u8::is_ascii_digit) {
                return Cow::Borrowed(via.host.as_bytes());
            }
            let mut text = Vec::with_capacity(16);
            sip::write::bare_address(&mut text, source);
            Cow::Owned(text)
        });
        Self { received, rport: rport.then(|| cx.source.port()) }
    }

    /// As the printer takes it.
    #[must_use]
    pub fn addition(&self) -> ViaAddition<'_> {
        ViaAddition { received: self.received.as_deref(), rport: self.rport }
    }
}

/// The address in a host, with or without brackets.
#[must_use]
pub fn address_of(host: &[u8]) -> Option<IpAddr> {
    let bare = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    if let Some(address) = ipv4(bare) {
        return Some(IpAddr::V4(address));
    }
    if !bare.contains(&b':') {
        return None;
    }
    std::str::from_utf8(bare).ok()?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// An IPv4 address as the standard library reads it: four numbers without zeros in front. Nearly every host of a message
/// is asked whether it is one.
pub(crate) fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let (a, rest) = octet(text)?;
    let (b, rest) = octet(rest.strip_prefix(b".")?)?;
    let (c, rest) = octet(rest.strip_prefix(b".")?)?;
    let (d, rest) = octet(rest.strip_prefix(b".")?)?;
    rest.is_empty().then(|| Ipv4Addr::new(a, b, c, d))
}

/// A number up to 255 at the start of a text, and what follows it. A zero is a number of its own.
#[inline(always)]
fn octet(text: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = digit(text)?;
    let Some((second, after)) = digit(rest).filter(|_| first != 0) else { return Some((first, rest)) };
    let two = first * 10 + second;
    let Some((third, end)) = digit(after) else { return Some((two, after)) };
    Some((two.checked_mul(10)?.checked_add(third)?, end))
}

#[inline(always)]
fn digit(text: &[u8]) -> Option<(u8, &[u8])> {
    let (byte, rest) = text.split_first()?;
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then_some((digit, rest))
}

/// The host and port that others shall use for a socket: advertised ones first.
#[must_use]
pub fn sent_by<'a>(cx: &'a RouteCx, socket: &'a LocalSocket) -> (Cow<'a, [u8]>, u16) {
    let settings = &cx.core.settings;
    let own_port = socket.address.port();
    let (host, port): (Cow<'a, [u8]>, u16) = match &socket.advertise {
        Some((host, port)) => (host.as_bytes().into(), port.unwrap_or(own_port)),
        None => (host_of(cx, socket), own_port),
    };
    let host = match (&cx.to.advertised_address, &settings.advertised_address) {
        (Some(address), _) => address.as_bytes().into(),
        (None, Some(address)) => address.as_bytes().into(),
        (None, None) => host,
    };
    (host, cx.to.advertised_port.or(settings.advertised_port).unwrap_or(port))
}

/// The address of a socket; on a wildcard socket the one that this message came to.
#[must_use]
pub fn host_of<'a>(cx: &RouteCx, socket: &'a LocalSocket) -> Cow<'a, [u8]> {
    if !socket.is_wildcard() {
        return socket.host.as_bytes().into();
    }
    let mut text = Vec::with_capacity(16);
    sip::write::address(&mut text, cx.received.destination.ip());
    text.into()
}

/// What dynamic pieces of the queued edits stand for; nothing when there are none.
#[must_use]
pub fn addresses(cx: &RouteCx, sent: Option<&LocalSocket>) -> Addresses {
    if !cx.message.edits().needs_addresses() {
        return Addresses::default();
    }
    let endpoint = |socket: &LocalSocket| {
        let (host, port) = sent_by(cx, socket);
        let name = socket.name.as_deref().map(Str::from).unwrap_or_default();
        Endpoint { protocol: socket.protocol, address: Str::from(&*host), port, socket: u32::from(socket.id.0), name }
    };
    Addresses { received: cx.core.socket(cx.received.socket).map(endpoint), sent: sent.map(endpoint) }
}

/// The URI that says where the request goes next: `$du`, else the request-URI.
#[must_use]
pub fn next_hop(cx: &RouteCx) -> Str {
    cx.to.destination.clone().unwrap_or_else(|| cx.request_uri())
}

/// Finds the addresses of a next hop. Does not wait when the name is an address or is cached.
pub async fn resolve(core: &Core, uri: &Str) -> Result<Vec<Target>, ScriptError> {
    let parsed = Uri::parse(uri.clone()).map_err(|error| wrong_next_hop(uri, &error))?;
    resolve_uri(core, &parsed).await
}

fn wrong_next_hop(uri: &Str, error: &sip::UriError) -> ScriptError {
    ScriptError::new(format!("wrong next hop `{uri}`: {error}"))
}

/// The next hop of this destination, taken apart.
pub fn next_hop_of(cx: &RouteCx, to: &Branch) -> Result<Uri, ScriptError> {
    let text = to.destination.as_ref().unwrap_or(&to.uri);
    let request_uri = cx.to.new_uri.as_ref().or_else(|| cx.message.request_uri());
    let is_request_uri = request_uri.is_some_and(|uri| std::ptr::eq(uri.as_bytes(), text.as_bytes()));
    let parsed = if is_request_uri { cx.parsed_request_uri() } else { Uri::parse(text.clone()) };
    parsed.map_err(|error| wrong_next_hop(text, &error))
}

/// Finds the addresses of a next hop that was taken apart.
pub async fn resolve_uri(core: &Core, uri: &Uri) -> Result<Vec<Target>, ScriptError> {
    Hop::of_uri(uri)?.targets(core).await
}

/// Finds the addresses of a host.
pub async fn resolve_host(
    core: &Core,
    host: &[u8],
    port: Option<u16>,
    protocol: Option<Protocol>,
    secure: bool,
) -> Result<Vec<Target>, ScriptError> {
    Hop { host: Str::from(host), port, protocol, secure }.targets(core).await
}

/// Where a message goes next, before its host is looked up.
#[derive(Clone, Debug)]
pub struct Hop {
    /// An address or a name.
    pub host: Str,
    /// The port, if one was given.
    pub port: Option<u16>,
    /// The protocol, if one was given.
    pub protocol: Option<Protocol>,
    /// Of a `sips` URI: TLS unless something else was asked for.
    pub secure: bool,
}

impl Hop {
    /// What a URI names.
    ///
    /// # Errors
    /// When its `transport` is unknown.
    pub fn of_uri(uri: &Uri) -> Result<Self, ScriptError> {
        let protocol = match uri.transport() {
            Some(name) => Some(
                Protocol::from_name(&name)
                    .ok_or_else(|| ScriptError::new(format!("unknown transport in `{}`", uri.text())))?,
            ),
            None => None,
        };
        let host = uri.maddr().unwrap_or_else(|| uri.host());
        Ok(Self { host, port: uri.port(), protocol, secure: uri.scheme() == sip::Scheme::Sips })
    }

    /// Its address, when the host is one: nothing has to be looked up.
    #[must_use]
    pub fn known(&self) -> Option<Target> {
        let address = address_of(&self.host)?;
        let protocol = self.protocol.unwrap_or(if self.secure { Protocol::Tls } else { Protocol::Udp });
        let port = self.port.unwrap_or_else(|| protocol.default_port());
        Some(Target { protocol, address: SocketAddr::new(address, port) })
    }

    /// Its addresses. Does not wait when the host is one or is cached.
    ///
    /// # Errors
    /// When there is none.
    pub async fn targets(&self, core: &Core) -> Result<Vec<Target>, ScriptError> {
        if let Some(target) = self.known() {
            return Ok(vec![target]);
        }
        let Some(resolver) = core.resolver.get().cloned() else { return Err(ScriptError::new("no resolver")) };
        let found = resolver.resolve(&self.host.to_text(), self.port, self.protocol, self.secure).await;
        found.map_err(|error| ScriptError::new(error.to_string()))
    }
}

/// A request as it goes out over `socket`: our Via on top, edits applied.
pub fn print_request(
    cx: &RouteCx,
    socket: &LocalSocket,
    protocol: Protocol,
    branch: &[u8],
) -> Result<Str, ScriptError> {
    let via = our_via::value(cx, socket, protocol, branch);
    if cx.to.new_uri.as_ref().is_some_and(|uri| uri.iter().any(|byte| matches!(byte, b'\r' | b'\n'))) {
        return Err(ScriptError::new("the new request-URI has a line end in it"));
    }
    let source = match cx.message.via() {
        Ok(Some(first)) => SourceInVia::of(cx, first),
        _ => SourceInVia::default(),
    };
    let addresses = addresses(cx, Some(socket));
    let options = PrintOptions {
        request_uri: cx.to.new_uri.as_deref(),
        add_via: Some(&via),
        via_addition: source.addition(),
        content_length: if protocol.is_stream() { ContentLength::Required } else { ContentLength::WhenChanged },
        addresses: Some(&addresses),
        ..PrintOptions::default()
    };
    Ok(Str::from(cx.message.print(&options)))
}

/// The request as it goes out to `target` over `socket`; where it is larger than `udp_mtu`, over the protocol of
/// `udp_mtu_try_proto` and its socket instead (RFC 3261 section 18.1.1).
pub fn print_for(
    cx: &RouteCx,
    target: Target,
    socket: &LocalSocket,
    branch: &[u8],
) -> Result<(Target, SocketId, Str), ScriptError> {
    let settings = &cx.core.settings;
    let data = print_request(cx, socket, target.protocol, branch)?;
    let other = cx.send.mtu_protocol.or(settings.udp_mtu_try_proto).filter(|other| *other != Protocol::Udp);
    if let Some(protocol) = other
        && target.protocol == Protocol::Udp
        && settings.udp_mtu > 0
        && data.len() > settings.udp_mtu
        && let Some(socket) = cx.core.sending_socket(protocol, &target.address, None, None)
    {
        let data = print_request(cx, socket, protocol, branch)?;
        return Ok((Target { protocol, ..target }, socket.id, data));
    }
    Ok((target, socket.id, data))
}

/// The branch of a statelessly forwarded request: the same for each retransmission (RFC 3261 section 16.11).
#[must_use]
pub fn stateless_branch(cx: &RouteCx) -> Vec<u8> {
    indexed_branch(cx, 0)
}

/// The same with a branch index of the caller's choice.
fn indexed_branch(cx: &RouteCx, index: u32) -> Vec<u8> {
    let message = &cx.message;
    let hash = match message.via().ok().flatten().and_then(Via::rfc3261_branch) {
        Some(branch) => cx.core.keyed_hash(&[branch]),
        None => {
            let uri = message.request_uri().cloned().unwrap_or_default();
            let number = message.cseq().ok().flatten().map_or(0, |cseq| cseq.number);
            let tag = message.from().ok().flatten().and_then(sip::NameAddr::tag).unwrap_or_default();
            let call_id = message.call_id().unwrap_or_default();
            cx.core.keyed_hash(&[&call_id, &uri, &number.to_le_bytes(), &tag])
        }
    };
    let mut branch = Vec::with_capacity(26);
    branch.extend_from_slice(b"z9hG4bK");
    sip::write::hex(&mut branch, hash, 16);
    branch.push(b'.');
    sip::write::decimal(&mut branch, index);
    branch
}

/// Sends the request on to the first of the targets that a socket fits, without keeping state.
pub fn send_request(cx: &mut RouteCx, targets: &[Target]) -> Result<(), ScriptError> {
    let branch = stateless_branch(cx);
    send_with_branch(cx, targets, &branch)
}

/// Like [`send_request`], but with our Via alone: the received ones are left out of what is sent, so that no reply finds
/// its way back to the sender. `index` is the branch index in our Via.
pub fn send_request_as_uac(cx: &mut RouteCx, targets: &[Target], index: u32) -> Result<(), ScriptError> {
    let branch = indexed_branch(cx, index);
    let mark = cx.message.edits().mark();
    let vias: Vec<_> = cx.message.headers_named(HeaderName::Via).map(|header| header.range()).collect();
    for range in vias {
        cx.message.edits_mut().delete(range);
    }
    let sent = send_with_branch(cx, targets, &branch);
    // The message itself keeps its Vias: the script may still answer it or send it elsewhere.
    cx.message.edits_mut().truncate(mark);
    sent
}

fn send_with_branch(cx: &mut RouteCx, targets: &[Target], branch: &[u8]) -> Result<(), ScriptError> {
    let core = cx.core.clone();
    let received = Some(cx.received.socket);
    let chosen = targets.iter().find_map(|target| {
        let socket = core.sending_socket(target.protocol, &target.address, cx.to.socket, received);
        socket.map(|socket| (*target, socket))
    });
    let Some((target, socket)) = chosen else {
        return Err(ScriptError::new("no local socket of the protocol and address family of the next hop"));
    };
    let (target, socket, data) = print_for(cx, target, socket, branch)?;
    let outgoing = Outgoing {
        no_connect: cx.send.forward_no_connect,
        close_after: cx.send.forward_close,
        ..Outgoing::new(socket, target.protocol, target.address, data)
    };
    if !onsend_route(cx, &outgoing) {
        return Ok(());
    }
    cx.outbox.push(outgoing);
    core.counters.forwarded_requests.increment();
    Ok(())
}

/// Runs `onsend_route`, if there is one, for a message that is about to be sent; `false`: the script dropped it.
pub fn onsend_route(cx: &mut RouteCx, outgoing: &Outgoing) -> bool {
    let Some(route) = cx.program().and_then(|program| program.on_send) else { return true };
    let Some(program) = cx.program().cloned() else { return true };
    let (kind, dropped) = (cx.kind, cx.dropped);
    cx.kind = Routes(routes::ONSEND);
    cx.dropped = false;
    cx.sending = Some(Sending {
        destination: outgoing.destination,
        protocol: outgoing.protocol,
        socket: outgoing.socket,
        data: outgoing.data.clone(),
    });
    program.run_nested(route, cx);
    cx.sending = None;
    cx.kind = kind;
    !std::mem::replace(&mut cx.dropped, dropped)
}

/// Sends a reply on by its second Via, without keeping state.
pub async fn forward_reply(cx: &mut RouteCx) -> Result<(), ScriptError> {
    let (host, port, protocol) = {
        let vias = cx.message.vias().map_err(|error| ScriptError::new(error.to_string()))?;
        let Some(next) = vias.get(1) else {
            return Err(ScriptError::new("reply without a second Via: it was for us, and nobody waits for it"));
        };
        let protocol =
            next.transport.protocol().ok_or_else(|| ScriptError::new("unknown transport in the second Via"))?;
        let host = next.maddr().or_else(|| next.received()).unwrap_or_else(|| next.host.clone());
        let port = match next.rport() {
            Rport::Value(Some(port)) => Some(port),
            _ => next.port,
        };
        (host, port, protocol)
    };
    let core = cx.core.clone();
    let targets =
        resolve_host(&core, &host, Some(port.unwrap_or_else(|| protocol.default_port())), Some(protocol), false)
            .await?;
    let chosen = targets.iter().find_map(|target| {
        core.socket_for(target.protocol, &target.address, Some(cx.received.socket)).map(|socket| (target, socket))
    });
    let Some((target, socket)) = chosen else { return Err(ScriptError::new("no local socket to send the reply from")) };
    let addresses = addresses(cx, Some(socket));
    let options = PrintOptions {
        remove_first_via: true,
        content_length: if protocol.is_stream() { ContentLength::Required } else { ContentLength::WhenChanged },
        addresses: Some(&addresses),
        ..PrintOptions::default()
    };
    let data = Str::from(cx.message.print(&options));
    let outgoing = Outgoing {
        no_connect: cx.send.reply_no_connect,
        close_after: cx.send.reply_close,
        ..Outgoing::new(socket.id, target.protocol, target.address, data)
    };
    if core.settings.onsend_route_reply && !onsend_route(cx, &outgoing) {
        return Ok(());
    }
    cx.outbox.push(outgoing);
    core.counters.forwarded_replies.increment();
    Ok(())
}

/// Applies the queued edits and the new request-URI to the message itself (`msg_apply_changes`). A Record-Route stays
/// queued: which addresses it names is known only when the request is sent.
pub fn apply_changes(cx: &mut RouteCx) -> Result<(), String> {
    let addresses = addresses(cx, cx.core.socket(cx.received.socket));
    let options =
        PrintOptions { request_uri: cx.to.new_uri.as_deref(), addresses: Some(&addresses), ..PrintOptions::default() };
    cx.message.apply_edits(&options).map_err(|error| error.to_string())?;
    cx.to.new_uri = None;
    Ok(())
}
