//! How a message is sent on: rport, sockets, connections.

use sip::Str;

use crate::function::{CallResult, Return, ScriptError};
use crate::route_cx::RouteCx;
use crate::script_type::{ArgSource, ScriptType, required};
use crate::{CompileEnv, Diagnostic};
use macros::function;

/// Answers go to the source port, and the Via of the request gets `rport` (RFC 3581), asked for or not.
#[function(ANY)]
pub fn force_rport(cx: &mut RouteCx) -> CallResult {
    cx.send.force_rport = true;
    Ok(Return::TRUE)
}

/// The same as `force_rport`.
#[function(ANY)]
pub fn add_rport(cx: &mut RouteCx) -> CallResult {
    cx.send.force_rport = true;
    Ok(Return::TRUE)
}

/// Our own Via asks the next hop for `rport`.
#[function(ANY)]
pub fn add_local_rport(cx: &mut RouteCx) -> CallResult {
    cx.send.local_rport = true;
    Ok(Return::TRUE)
}

fn alias(cx: &mut RouteCx, port: Option<i64>) -> CallResult {
    let port = match port {
        Some(port) => u16::try_from(port).map_err(|_| ScriptError::new(format!("{port} is no port")))?,
        None => match cx.message.via() {
            Ok(Some(via)) => via.port_or_default(),
            _ => return Err(ScriptError::new("the message has no Via")),
        },
    };
    cx.send.tcp_alias = Some(port);
    let (Some(connection), Some(network)) = (cx.received.connection, cx.core.network()) else {
        return Ok(Return::FALSE);
    };
    Ok(network.add_alias(connection, port).into())
}

/// Lets messages to the sender's address with this port (default: that of its Via) use the connection the message came
/// over. False for UDP.
#[function(ANY)]
pub fn force_tcp_alias(cx: &mut RouteCx, port: Option<i64>) -> CallResult {
    alias(cx, port)
}

/// The same as `force_tcp_alias`.
#[function(ANY)]
pub fn add_tcp_alias(cx: &mut RouteCx, port: Option<i64>) -> CallResult {
    alias(cx, port)
}

/// The host that Via and Record-Route of this message name instead of the socket's address.
#[function(ANY)]
pub fn set_advertised_address(cx: &mut RouteCx, host: Str) -> CallResult {
    cx.to.advertised_address = Some(host);
    Ok(Return::TRUE)
}

/// The port that Via and Record-Route of this message name instead of the socket's port.
#[function(ANY)]
pub fn set_advertised_port(cx: &mut RouteCx, port: i64) -> CallResult {
    cx.to.advertised_port = Some(u16::try_from(port).map_err(|_| ScriptError::new(format!("{port} is no port")))?);
    Ok(Return::TRUE)
}

/// The local socket to send from: `proto:address:port`. False when there is no such socket.
#[function(ANY)]
pub fn force_send_socket(cx: &mut RouteCx, socket: Str) -> CallResult {
    match cx.core.find_socket(&socket.to_text()) {
        Some(id) => {
            cx.to.socket = Some(id);
            Ok(Return::TRUE)
        }
        None => Err(ScriptError::new(format!("`{socket}` is no local socket"))),
    }
}

/// The request is sent on only when a connection to the next hop is open.
#[function(ANY)]
pub fn set_forward_no_connect(cx: &mut RouteCx) -> CallResult {
    cx.send.forward_no_connect = true;
    Ok(Return::TRUE)
}

/// Replies are sent only when the connection of the request is still open.
#[function(ANY)]
pub fn set_reply_no_connect(cx: &mut RouteCx) -> CallResult {
    cx.send.reply_no_connect = true;
    Ok(Return::TRUE)
}

/// The connection is closed after the request was sent on.
#[function(ANY)]
pub fn set_forward_close(cx: &mut RouteCx) -> CallResult {
    cx.send.forward_close = true;
    Ok(Return::TRUE)
}

/// The connection is closed after the reply was sent.
#[function(ANY)]
pub fn set_reply_close(cx: &mut RouteCx) -> CallResult {
    cx.send.reply_close = true;
    Ok(Return::TRUE)
}

/// The protocol of `udp_mtu_try_proto`: TCP, TLS or UDP.
pub struct OtherProtocol(sip::Protocol);

impl ScriptType for OtherProtocol {
    type Compiled = sip::Protocol;
    const KIND: &'static str = "protocol";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<sip::Protocol, Diagnostic> {
        let arg = required(arg)?;
        let name = arg.constant("TCP, TLS or UDP")?;
        sip::Protocol::from_name(name.to_lowercase().as_bytes())
            .filter(|protocol| matches!(protocol, sip::Protocol::Udp | sip::Protocol::Tcp | sip::Protocol::Tls))
            .ok_or_else(|| arg.error(format!("`{name}` cannot stand in for UDP"), "TCP, TLS or UDP"))
    }
    fn eval(compiled: &sip::Protocol, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(*compiled))
    }
}

/// The request goes by this protocol instead of UDP where it is larger than the core parameter `udp_mtu`; UDP: never.
#[function(REQUEST | BRANCH | FAILURE | ONSEND)]
pub fn udp_mtu_try_proto(cx: &mut RouteCx, protocol: OtherProtocol) -> CallResult {
    cx.send.mtu_protocol = Some(protocol.0);
    Ok(Return::TRUE)
}
