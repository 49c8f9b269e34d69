//! The binary protocol that `kamcmd` speaks: one packet for a request, one for its answer.
//!
//! A packet is a head and a body. The head's first byte is `A1` (magic and version); the second holds the kind in its
//! upper four bits (0 request, 1 reply, 3 fault), then in two bits each the number of bytes, less one, of the body's
//! length and of the cookie, which follow (big endian). The client chooses the cookie and finds it again in the answer.
//!
//! A body is a row of records. A record's first byte holds, from the top: one bit that says whether the next three are
//! the size of the value or the number of bytes of its length, which then follow; and the kind in four bits: 0 integer,
//! 1 text (a NUL at its end counts), 2 number in thousandths, 3 struct, 4 array, 5 name of the value that follows, 6
//! bytes. Structs and arrays go on until a record of the same kind with the bit set and size zero. A request's records
//! are the command and its arguments; a reply's the values; a fault's a number and a text.
//!
//! Found by watching `kamcmd` 5.6 talk to its server; `tests/kamcmd.rs` runs the real one against ours.

use std::fmt;

use engine::{RpcFault, RpcValue};

/// Magic number and version.
const MAGIC: u8 = 0xa1;

/// How deep structs may be nested.
pub const MAX_DEPTH: usize = 16;

const KIND_INT: u8 = 0;
const KIND_TEXT: u8 = 1;
const KIND_DOUBLE: u8 = 2;
const KIND_STRUCT: u8 = 3;
const KIND_ARRAY: u8 = 4;
const KIND_NAME: u8 = 5;
const KIND_BYTES: u8 = 6;

/// What a text says in the place of "nothing".
const NULL_TEXT: &[u8] = b"<null string>";

/// What a packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PacketKind {
    /// A command and its arguments.
    Request,
    /// Its values.
    Reply,
    /// A number and a text.
    Fault,
}

impl PacketKind {
    const fn number(self) -> u8 {
        match self {
            Self::Request => 0,
            Self::Reply => 1,
            Self::Fault => 3,
        }
    }
}

/// What the client put into its request to recognise the answer: one to four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cookie {
    bytes: [u8; 4],
    length: u8,
}

impl Cookie {
    /// A cookie of four bytes.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self { bytes: number.to_be_bytes(), length: 4 }
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let mut cookie = Self { bytes: [0; 4], length: bytes.len().min(4) as u8 };
        cookie.bytes[..bytes.len().min(4)].copy_from_slice(&bytes[..bytes.len().min(4)]);
        cookie
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Default for Cookie {
    /// The cookie of an answer to what was no packet at all: one zero byte.
    fn default() -> Self {
        Self { bytes: [0; 4], length: 1 }
    }
}

/// The head of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// What the packet is.
    pub kind: PacketKind,
    /// The client's mark.
    pub cookie: Cookie,
    /// Bytes of the head.
    pub head_length: usize,
    /// Bytes of the body that follows.
    pub body_length: usize,
}

/// Bounds on what is decoded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Values in a body, nested ones included.
    pub values: usize,
}

impl Limits {
    /// For requests: arguments are few.
    pub const REQUEST: Self = Self { body: 256 * 1024, values: 4096 };
    /// For answers of a server that is trusted.
    pub const REPLY: Self = Self { body: 256 * 1024 * 1024, values: 50_000_000 };
}

/// Bytes that are no packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    /// The head is not one of this protocol, or of an unknown kind.
    BadHead,
    /// The body is longer than allowed.
    TooLong,
    /// A record ends behind the body, or a struct has no end.
    Truncated,
    /// Structs are nested too deeply.
    TooDeep,
    /// There are more values than allowed.
    TooMany,
    /// A record of an unknown kind, a name without value, or an end without beginning.
    BadRecord,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadHead => "this is no binrpc packet",
            Self::TooLong => "the packet is too long",
            Self::Truncated => "a record is cut off",
            Self::TooDeep => "structs are nested too deeply",
            Self::TooMany => "there are too many values",
            Self::BadRecord => "a record is malformed",
        })
    }
}

impl std::error::Error for DecodeError {}

/// Reads a packet's head; `None` when more bytes are needed.
pub fn decode_head(bytes: &[u8], limits: Limits) -> Result<Option<Head>, DecodeError> {
    match bytes.first() {
        None => return Ok(None),
        Some(&MAGIC) => {}
        Some(_) => return Err(DecodeError::BadHead),
    }
    let Some(&flags) = bytes.get(1) else { return Ok(None) };
    let kind = match flags >> 4 {
        0 => PacketKind::Request,
        1 => PacketKind::Reply,
        3 => PacketKind::Fault,
        _ => return Err(DecodeError::BadHead),
    };
    let length_end = 2 + usize::from(flags >> 2 & 3) + 1;
    let head_length = length_end + usize::from(flags & 3) + 1;
    if bytes.len() < head_length {
        return Ok(None);
    }
    let body_length = bytes[2..length_end].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    if body_length > limits.body {
        return Err(DecodeError::TooLong);
    }
    let cookie = Cookie::from_bytes(&bytes[length_end..head_length]);
    Ok(Some(Head { kind, cookie, head_length, body_length }))
}

/// Reads a packet's body.
pub fn decode_body(body: &[u8], limits: Limits) -> Result<Vec<RpcValue>, DecodeError> {
    let mut decoder = Decoder { rest: body, left: limits.values };
    let mut values = Vec::new();
    while let Some(item) = decoder.item(0)? {
        match item {
            Item::Value(value) => values.push(value),
            Item::Name(_) | Item::End(_) => return Err(DecodeError::BadRecord),
        }
    }
    Ok(values)
}

/// What stands at one place of a body.
enum Item {
    Value(RpcValue),
    Name(String),
    End(u8),
}

struct Decoder<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Decoder<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next record, with all that is in it; `None` at the end of the body.
    fn item(&mut self, depth: usize) -> Result<Option<Item>, DecodeError> {
        let Some((&head, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        self.left = self.left.checked_sub(1).ok_or(DecodeError::TooMany)?;
        let (long, size, kind) = (head & 0x80 != 0, usize::from(head >> 4 & 7), head & 0x0f);
        if kind == KIND_STRUCT || kind == KIND_ARRAY {
            return match (long, size) {
                (true, 0) => Ok(Some(Item::End(kind))),
                (false, 0) => self.members(kind, depth + 1).map(|value| Some(Item::Value(value))),
                _ => Err(DecodeError::BadRecord),
            };
        }
        let length = match (long, size) {
            // kamcmd writes a negative number in thousandths so: eight bytes, whose count does not fit its field.
            (true, 0) if kind == KIND_DOUBLE => 8,
            (true, 0) | (false, _) => size,
            (true, _) if size > 4 => return Err(DecodeError::BadRecord),
            (true, _) => self.take(size)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        };
        let data = self.take(length)?;
        Ok(Some(match kind {
            KIND_INT if data.len() == 4 => Item::Value(RpcValue::Int(i64::from(integer(data)? as i32))),
            KIND_INT => Item::Value(RpcValue::Int(integer(data)?)),
            KIND_DOUBLE => Item::Value(RpcValue::Double(integer(data)? as f64 / 1000.0)),
            KIND_TEXT => Item::Value(RpcValue::Text(without_nul(data).to_vec())),
            KIND_BYTES => Item::Value(RpcValue::Text(data.to_vec())),
            KIND_NAME => Item::Name(String::from_utf8_lossy(without_nul(data)).into_owned()),
            _ => return Err(DecodeError::BadRecord),
        }))
    }

    /// What a struct or an array holds, up to its end. Kamailio sends arrays as structs without names.
    fn members(&mut self, kind: u8, depth: usize) -> Result<RpcValue, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        let mut members: Vec<(String, RpcValue)> = Vec::new();
        let (mut named, mut name) = (false, None);
        loop {
            match (self.item(depth)?.ok_or(DecodeError::Truncated)?, name.take()) {
                (Item::Name(new), None) => name = Some(new),
                (Item::Value(value), of_value) => {
                    named |= of_value.is_some();
                    members.push((of_value.unwrap_or_default(), value));
                }
                (Item::End(end), None) if end == kind => break,
                _ => return Err(DecodeError::BadRecord),
            }
        }
        let is_list = !named && (kind == KIND_ARRAY || !members.is_empty());
        Ok(if is_list {
            RpcValue::Array(members.into_iter().map(|(_, value)| value).collect())
        } else {
            RpcValue::Struct(members)
        })
    }
}

/// Up to seven bytes are a positive number, eight have a sign. (An integer's four have one too, as C's int.)
fn integer(data: &[u8]) -> Result<i64, DecodeError> {
    if data.len() > 8 {
        return Err(DecodeError::BadRecord);
    }
    Ok(data.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) as i64)
}

fn without_nul(data: &[u8]) -> &[u8] {
    data.strip_suffix(&[0]).unwrap_or(data)
}

/// Makes a request.
#[must_use]
pub fn encode_request(cookie: Cookie, command: &str, arguments: &[RpcValue]) -> Vec<u8> {
    let mut body = Vec::with_capacity(64);
    text(&mut body, KIND_TEXT, command.as_bytes());
    arguments.iter().for_each(|argument| value(&mut body, argument, MAX_DEPTH));
    packet(PacketKind::Request, cookie, &body)
}

/// Makes an answer.
#[must_use]
pub fn encode_answer(cookie: Cookie, answer: &Result<Vec<RpcValue>, RpcFault>) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    match answer {
        Ok(values) => {
            values.iter().for_each(|one| value(&mut body, one, MAX_DEPTH));
            packet(PacketKind::Reply, cookie, &body)
        }
        Err(fault) => {
            int_record(&mut body, fault.code);
            text(&mut body, KIND_TEXT, fault.reason.as_bytes());
            packet(PacketKind::Fault, cookie, &body)
        }
    }
}

fn packet(kind: PacketKind, cookie: Cookie, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32;
    let length = &length.to_be_bytes()[(length.leading_zeros() as usize / 8).min(3)..];
    let mut packet = Vec::with_capacity(body.len() + 10);
    packet.push(MAGIC);
    packet.push(kind.number() << 4 | (length.len() as u8 - 1) << 2 | (cookie.length - 1));
    packet.extend_from_slice(length);
    packet.extend_from_slice(cookie.as_bytes());
    packet.extend_from_slice(body);
    packet
}

/// Appends a value. Deeper than `depth` nothing is written: the other side would refuse all of it.
fn value(body: &mut Vec<u8>, value: &RpcValue, depth: usize) {
    match value {
        RpcValue::Int(number) => match i32::try_from(*number) {
            Ok(number) => int_record(body, number),
            // kamcmd's integers have 32 bits; others are sent as digits, which it prints just so.
            Err(_) => text(body, KIND_TEXT, number.to_string().as_bytes()),
        },
        RpcValue::Double(number) => double_record(body, *number),
        RpcValue::Text(bytes) => text(body, KIND_TEXT, bytes),
        RpcValue::Null => text(body, KIND_TEXT, NULL_TEXT),
        RpcValue::Struct(_) | RpcValue::Array(_) if depth == 0 => text(body, KIND_TEXT, b"..."),
        RpcValue::Struct(members) => {
            body.push(KIND_STRUCT);
            for (name, member) in members {
                named(body, name, member, depth);
            }
            body.push(0x80 | KIND_STRUCT);
        }
        RpcValue::Array(items) => {
            body.push(KIND_STRUCT);
            for item in items {
                list_item(body, item, depth);
            }
            body.push(0x80 | KIND_STRUCT);
        }
    }
}

fn named(body: &mut Vec<u8>, name: &str, member: &RpcValue, depth: usize) {
    text(body, KIND_NAME, name.as_bytes());
    value(body, member, depth - 1);
}

/// An item of a list. What JSON shows as `[{"socket": {..}}, {"socket": {..}}]` is a struct with the name repeated.
fn list_item(body: &mut Vec<u8>, item: &RpcValue, depth: usize) {
    match item {
        RpcValue::Struct(members) => match members.as_slice() {
            [(name, member @ (RpcValue::Struct(_) | RpcValue::Array(_)))] => named(body, name, member, depth),
            _ => value(body, item, depth - 1),
        },
        _ => value(body, item, depth - 1),
    }
}

/// Appends a number of 32 bits: without leading zero bytes, a negative one whole.
fn int_record(body: &mut Vec<u8>, number: i32) {
    short_record(body, KIND_INT, &number.to_be_bytes());
}

/// Appends a number in thousandths, of up to seven bytes. kamcmd knows no negative ones: those, and what is too large
/// or no number, are sent as it would print them.
fn double_record(body: &mut Vec<u8>, number: f64) {
    let thousandths = (number * 1000.0).round();
    if (0.0..(1_u64 << 56) as f64).contains(&thousandths) {
        short_record(body, KIND_DOUBLE, &(thousandths as u64).to_be_bytes());
    } else {
        text(body, KIND_TEXT, format!("{number:.6}").as_bytes());
    }
}

fn short_record(body: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    body.push(((bytes.len() - zeros) as u8) << 4 | kind);
    body.extend_from_slice(&bytes[zeros..]);
}

fn text(body: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    let length = bytes.len() + 1;
    if length < 8 {
        body.push((length as u8) << 4 | kind);
    } else {
        let length = (length as u32).to_be_bytes();
        let zeros = length.iter().take_while(|byte| **byte == 0).count();
        body.push(0x80 | ((length.len() - zeros) as u8) << 4 | kind);
        body.extend_from_slice(&length[zeros..]);
    }
    body.extend_from_slice(bytes);
    body.push(0);
}

#[cfg(test)]
mod tests;
