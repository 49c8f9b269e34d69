//! The client behind `olelo ctl`: asks a server over [`crate::binrpc`] and prints as kamcmd does.

use std::io::{self, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::Duration;

use engine::{RpcFault, RpcValue};

use crate::address::{BadAddress, ControlAddress};
use crate::binrpc::{self, Cookie, DecodeError, Limits, PacketKind};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The address cannot be understood.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// The server cannot be reached.
    #[error("cannot reach the server at {address}: {error}")]
    Connect {
        /// Where it should be.
        address: ControlAddress,
        /// The kernel's reason.
        error: io::Error,
    },
    /// The connection broke, or the server took too long.
    #[error("no answer: {0}")]
    Io(#[from] io::Error),
    /// The answer is no answer.
    #[error("the answer makes no sense: {0}")]
    Decode(#[from] DecodeError),
    /// The command failed.
    #[error("{} - {}", .0.code, .0.reason.trim_end())]
    Fault(RpcFault),
}

/// Calls a command.
pub fn call(address: &ControlAddress, command: &str, arguments: &[RpcValue]) -> Result<Vec<RpcValue>, CallError> {
    let cookie = Cookie::new(std::process::id());
    let request = binrpc::encode_request(cookie, command, arguments);
    let connect = |error| CallError::Connect { address: address.clone(), error };
    let answer = match address {
        ControlAddress::UnixStream(path) => {
            let stream = UnixStream::connect(path).map_err(connect)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            over_stream(stream, &request)?
        }
        ControlAddress::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).map_err(connect)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            over_stream(stream, &request)?
        }
        ControlAddress::UnixDatagram(path) => over_unix_datagram(path, &request).map_err(connect)?,
        ControlAddress::Udp(host, port) => over_udp(host, *port, &request).map_err(connect)?,
    };
    let head = binrpc::decode_head(&answer, Limits::REPLY)?.ok_or(DecodeError::Truncated)?;
    let body = answer.get(head.head_length..head.head_length + head.body_length).ok_or(DecodeError::Truncated)?;
    let values = binrpc::decode_body(body, Limits::REPLY)?;
    match (head.kind, values.as_slice()) {
        (PacketKind::Reply, _) => Ok(values),
        (PacketKind::Fault, [RpcValue::Int(code), RpcValue::Text(reason), ..]) => {
            let code = i32::try_from(*code).unwrap_or(500);
            Err(CallError::Fault(RpcFault::new(code, String::from_utf8_lossy(reason))))
        }
        _ => Err(CallError::Decode(DecodeError::BadRecord)),
    }
}

/// Calls a command as kamcmd's command line does, and gives the text it prints.
pub fn call_text(address: &str, command: &str, arguments: &[String]) -> Result<String, CallError> {
    let address = ControlAddress::parse(address)?;
    let arguments: Vec<RpcValue> = arguments.iter().map(|argument| typed(argument)).collect();
    Ok(print(&call(&address, command, &arguments)?))
}

/// The text that [`call_text`] gives for an answer, without a server: the values as they come off the wire, printed.
pub fn print_as_received(values: Vec<RpcValue>) -> Result<String, CallError> {
    let packet = binrpc::encode_answer(Cookie::default(), &Ok(values));
    let head = binrpc::decode_head(&packet, Limits::REPLY)?.ok_or(DecodeError::Truncated)?;
    let body = packet.get(head.head_length..).ok_or(DecodeError::Truncated)?;
    Ok(print(&binrpc::decode_body(body, Limits::REPLY)?))
}

/// An argument of the command line: a number when it looks like one, unless `s:` stands before it.
#[must_use]
pub fn typed(argument: &str) -> RpcValue {
    if let Some(text) = argument.strip_prefix("s:") {
        return text.into();
    }
    let digits = argument.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    match (argument.parse::<i64>(), argument.parse::<f64>()) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) if digits => number.into(),
        _ => argument.into(),
    }
}

fn over_stream(mut stream: impl Read + Write, request: &[u8]) -> Result<Vec<u8>, CallError> {
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        if let Some(head) = binrpc::decode_head(&answer, Limits::REPLY)?
            && answer.len() >= head.head_length + head.body_length
        {
            return Ok(answer);
        }
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        answer.extend_from_slice(&piece[..count]);
    }
}

fn over_udp(host: &str, port: u16, request: &[u8]) -> io::Result<Vec<u8>> {
    use std::net::ToSocketAddrs as _;
    let server = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(request)?;
    let mut answer = vec![0; 65_535];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

/// The server answers to a name, so one is made for the time of the call.
fn over_unix_datagram(path: &std::path::Path, request: &[u8]) -> io::Result<Vec<u8>> {
    let own = std::env::temp_dir().join(format!("olelo_ctl_{}", std::process::id()));
    let _ = std::fs::remove_file(&own);
    let socket = UnixDatagram::bind(&own)?;
    let talk = || {
        socket.connect(path)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send(request)?;
        let mut answer = vec![0; 1024 * 1024];
        let length = socket.recv(&mut answer)?;
        answer.truncate(length);
        Ok(answer)
    };
    let answer = talk();
    let _ = std::fs::remove_file(&own);
    answer
}

/// The values of an answer as kamcmd prints them.
#[must_use]
pub fn print(values: &[RpcValue]) -> String {
    let mut text = String::new();
    for value in values {
        print_value(&mut text, value, 0);
        text.push('\n');
    }
    text
}

fn print_value(text: &mut String, value: &RpcValue, depth: usize) {
    match value {
        RpcValue::Int(number) => text.push_str(&number.to_string()),
        RpcValue::Double(number) => text.push_str(&format!("{number:.6}")),
        RpcValue::Text(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
        RpcValue::Null => text.push_str("<null string>"),
        RpcValue::Struct(members) => {
            text.push_str("{\n");
            for (name, member) in members {
                indent(text, depth + 1);
                if !name.is_empty() {
                    text.push_str(name);
                    text.push_str(": ");
                }
                print_value(text, member, depth + 1);
                text.push('\n');
            }
            indent(text, depth);
            text.push('}');
        }
        RpcValue::Array(items) => {
            text.push_str("{\n");
            for item in items {
                indent(text, depth + 1);
                print_value(text, item, depth + 1);
                text.push('\n');
            }
            indent(text, depth);
            text.push('}');
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n('\t', depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_typed() {
        for (argument, expected) in [
            ("5", RpcValue::Int(5)),
            ("-7", RpcValue::Int(-7)),
            ("010", RpcValue::Int(10)),
            ("1.5", RpcValue::Double(1.5)),
            ("s:5", "5".into()),
            ("s:", "".into()),
            ("s:s:x", "s:x".into()),
            ("5a", "5a".into()),
            ("inf", "inf".into()),
            ("1e5", "1e5".into()),
            ("", "".into()),
            ("sip:a@b", "sip:a@b".into()),
        ] {
            assert_eq!(typed(argument), expected, "{argument}");
        }
    }

    #[test]
    fn answers_are_printed_as_kamcmd_prints_them() {
        let inner = RpcValue::structure([("address", "localhost".into()), ("port", 5060.into())]);
        let list = RpcValue::Array(vec![RpcValue::structure([("name", "k".into()), ("n", 1.into())])]);
        let answer = RpcValue::structure([("alias", inner), ("slot", list), ("ratio", 1.5.into())]);
        let expected = "one\n{\n\talias: {\n\t\taddress: localhost\n\t\tport: 5060\n\t}\n\tslot: {\n\t\t{\n\t\t\tname: \
                        k\n\t\t\tn: 1\n\t\t}\n\t}\n\tratio: 1.500000\n}\n";
        assert_eq!(print(&["one".into(), answer]), expected);
    }
}
