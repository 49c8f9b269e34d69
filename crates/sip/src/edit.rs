//! Queued edits: what a script changed in a message, applied when it is printed (Kamailio's lumps).
//!
//! Offsets always refer to the message as received; no edit moves the offsets of another.

use std::ops::Range;

use crate::{Protocol, Str};

/// A list of queued edits in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    list: Vec<Edit>,
    next_id: u32,
}

/// Names one edit of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EditId(u32);

/// How far a list had come, see [`Edits::mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u32);

/// One queued edit: bytes `start..end` go away (none when equal), `insert` comes in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    id: EditId,
    /// First byte that goes away, and where the text comes in.
    pub start: u32,
    /// After the last byte that goes away.
    pub end: u32,
    /// Where the text stands among others at the same offset.
    pub position: Position,
    /// What comes in; [`Insert::Text`] of nothing for a mere deletion.
    pub insert: Insert,
}

/// The order of texts inserted at one offset. Within a group of the same kind it is that of the calls, the newest
/// first for [`Position::First`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// Ahead of everything, the newest first.
    First,
    /// Before the byte at the offset, in the order of the calls.
    Before,
    /// In place of the deleted range.
    Replace,
    /// After what was inserted before the byte, in the order of the calls.
    After,
}

/// What an edit brings in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insert {
    /// Text as it is.
    Text(Str),
    /// Something known only when the message is sent.
    Dynamic(Dynamic),
    /// Several pieces after one another.
    All(Vec<Self>),
}

/// A piece of text that is known only when the message is sent: which socket it came by and which it leaves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamic {
    /// Address of the socket the message came by.
    ReceivedAddress,
    /// Port of the socket the message came by.
    ReceivedPort,
    /// Protocol the message came by, as in a `transport` parameter.
    ReceivedProtocol,
    /// `address:port;transport=protocol` of the socket the message came by; default port and UDP are left out.
    ReceivedAll,
    /// Address of the socket the message leaves by.
    SentAddress,
    /// Port of the socket the message leaves by.
    SentPort,
    /// Protocol the message leaves by, as in a `transport` parameter.
    SentProtocol,
    /// `address:port;transport=protocol` of the socket the message leaves by; default port and UDP are left out.
    SentAll,
}

/// One end of a message's way through the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The protocol.
    pub protocol: Protocol,
    /// The address or advertised name; IPv6 with brackets.
    pub address: Str,
    /// The port.
    pub port: u16,
}

/// What [`Dynamic`] pieces stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The socket the message came by.
    pub received: Option<Endpoint>,
    /// The socket it leaves by; when not known, that it came by.
    pub sent: Option<Endpoint>,
}

impl Addresses {
    /// Writes what `what` stands for; nothing when it is not known.
    pub fn write(&self, what: Dynamic, out: &mut Vec<u8>) {
        let received = self.received.as_ref();
        let sent = self.sent.as_ref().or(received);
        match what {
            Dynamic::ReceivedAddress => Endpoint::write_address(received, out),
            Dynamic::ReceivedPort => Endpoint::write_port(received, out),
            Dynamic::ReceivedProtocol => Endpoint::write_protocol(received, out),
            Dynamic::ReceivedAll => Endpoint::write_all(received, out),
            Dynamic::SentAddress => Endpoint::write_address(sent, out),
            Dynamic::SentPort => Endpoint::write_port(sent, out),
            Dynamic::SentProtocol => Endpoint::write_protocol(sent, out),
            Dynamic::SentAll => Endpoint::write_all(sent, out),
        }
    }
}

impl Endpoint {
    fn write_address(endpoint: Option<&Self>, out: &mut Vec<u8>) {
        if let Some(endpoint) = endpoint {
            out.extend_from_slice(&endpoint.address);
        }
    }

    fn write_port(endpoint: Option<&Self>, out: &mut Vec<u8>) {
        if let Some(endpoint) = endpoint {
            out.extend_from_slice(itoa::Buffer::new().format(endpoint.port).as_bytes());
        }
    }

    fn write_protocol(endpoint: Option<&Self>, out: &mut Vec<u8>) {
        if let Some(endpoint) = endpoint {
            out.extend_from_slice(endpoint.protocol.name().as_bytes());
        }
    }

    fn write_all(endpoint: Option<&Self>, out: &mut Vec<u8>) {
        let Some(it) = endpoint else { return };
        out.extend_from_slice(&it.address);
        if it.port != 5060 {
            out.push(b':');
            Self::write_port(endpoint, out);
        }
        if it.protocol != Protocol::Udp {
            out.extend_from_slice(b";transport=");
            Self::write_protocol(endpoint, out);
        }
    }
}

impl Insert {
    /// Nothing.
    pub const NOTHING: Self = Self::Text(Str::EMPTY);

    /// Whether nothing comes in.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Dynamic(_) => false,
            Self::All(list) => list.iter().all(Self::is_empty),
        }
    }

    /// How many bytes [`Insert::write`] writes.
    pub fn printed_len(&self, addresses: &Addresses) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Dynamic(what) => {
                let mut text = Vec::new();
                addresses.write(*what, &mut text);
                text.len()
            }
            Self::All(list) => list.iter().map(|piece| piece.printed_len(addresses)).sum(),
        }
    }

    /// Writes the text, with `addresses` for what is known only now.
    pub fn write(&self, addresses: &Addresses, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => out.extend_from_slice(text),
            Self::Dynamic(what) => addresses.write(*what, out),
            Self::All(list) => list.iter().for_each(|piece| piece.write(addresses, out)),
        }
    }
}

impl From<Str> for Insert {
    fn from(text: Str) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Insert {
    fn from(text: &str) -> Self {
        Self::Text(Str::from(text))
    }
}

impl From<String> for Insert {
    fn from(text: String) -> Self {
        Self::Text(Str::from(text))
    }
}

impl From<Vec<u8>> for Insert {
    fn from(text: Vec<u8>) -> Self {
        Self::Text(Str::from(text))
    }
}

impl From<Dynamic> for Insert {
    fn from(what: Dynamic) -> Self {
        Self::Dynamic(what)
    }
}

impl From<Vec<Self>> for Insert {
    fn from(list: Vec<Self>) -> Self {
        Self::All(list)
    }
}

impl Edit {
    /// The edit's name.
    pub fn id(&self) -> EditId {
        self.id
    }
}

impl Edits {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are no edits.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many edits there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The edits in the order they were made.
    pub fn iter(&self) -> std::slice::Iter<'_, Edit> {
        self.list.iter()
    }

    /// Forgets all edits.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    fn push(&mut self, range: Range<usize>, position: Position, insert: Insert) -> EditId {
        let id = EditId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let start = clamp(range.start);
        self.list.push(Edit { id, start, end: clamp(range.end).max(start), position, insert });
        id
    }

    /// Takes `range` away. Deletions may overlap.
    pub fn delete(&mut self, range: Range<usize>) -> EditId {
        self.push(range, Position::Replace, Insert::NOTHING)
    }

    /// Puts `insert` in place of `range`.
    pub fn replace(&mut self, range: Range<usize>, insert: impl Into<Insert>) -> EditId {
        self.push(range, Position::Replace, insert.into())
    }

    /// Inserts before the byte at `offset`; several come out in the order of the calls.
    pub fn insert_before(&mut self, offset: usize, insert: impl Into<Insert>) -> EditId {
        self.push(offset..offset, Position::Before, insert.into())
    }

    /// Inserts at `offset`, after all that [`Edits::insert_before`] put there.
    pub fn insert_after(&mut self, offset: usize, insert: impl Into<Insert>) -> EditId {
        self.push(offset..offset, Position::After, insert.into())
    }

    /// Inserts at `offset` ahead of all other texts there, also of those inserted so before.
    pub fn insert_first(&mut self, offset: usize, insert: impl Into<Insert>) -> EditId {
        self.push(offset..offset, Position::First, insert.into())
    }

    /// Takes an edit back; false when there is none of that name.
    pub fn remove(&mut self, id: EditId) -> bool {
        let before = self.list.len();
        self.list.retain(|edit| edit.id != id);
        self.list.len() != before
    }

    /// The edit of that name.
    pub fn get(&self, id: EditId) -> Option<&Edit> {
        self.list.iter().find(|edit| edit.id == id)
    }

    /// The edit of that name, to change it.
    pub fn get_mut(&mut self, id: EditId) -> Option<&mut Edit> {
        self.list.iter_mut().find(|edit| edit.id == id)
    }

    /// Whether a deletion covers all of `range`: the header there is as good as gone.
    pub fn deletes(&self, range: Range<usize>) -> bool {
        self.list
            .iter()
            .any(|edit| edit.end > edit.start && edit.start as usize <= range.start && range.end <= edit.end as usize)
    }

    /// Whether an edit takes away any byte of `range`.
    pub fn touches(&self, range: Range<usize>) -> bool {
        self.list
            .iter()
            .any(|edit| edit.end > edit.start && (edit.start as usize) < range.end && range.start < edit.end as usize)
    }

    /// Remembers how many edits there are, for [`Edits::truncate`].
    pub fn mark(&self) -> Mark {
        Mark(self.next_id)
    }

    /// Takes back all edits made after `mark`.
    pub fn truncate(&mut self, mark: Mark) {
        self.list.retain(|edit| edit.id.0 < mark.0);
    }

    /// Takes out the edits made after `mark`, for a branch to keep.
    pub fn split_off(&mut self, mark: Mark) -> Self {
        let list: Vec<Edit> = self.list.extract_if(.., |edit| edit.id.0 >= mark.0).collect();
        Self { list, next_id: self.next_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let mut edits = Edits::new();
        edits.delete(0..3);
        let mark = edits.mark();
        let id = edits.insert_before(5, "x");
        edits.insert_after(5, "y");
        assert!(edits.remove(id) && !edits.remove(id));
        let branch = edits.split_off(mark);
        assert_eq!((edits.len(), branch.len()), (1, 1));
        edits.insert_before(1, "z");
        edits.truncate(mark);
        assert_eq!(edits.len(), 1);
        assert!(edits.deletes(0..2) && !edits.deletes(1..4));
        assert!(edits.touches(1..4) && !edits.touches(3..4));
    }

    #[test]
    fn addresses() {
        let received = Endpoint { protocol: Protocol::Udp, address: Str::from("1.2.3.4"), port: 5060 };
        let sent = Endpoint { protocol: Protocol::Tls, address: Str::from("[::1]"), port: 5061 };
        let write = |addresses: &Addresses, what: Dynamic| {
            let mut out = Vec::new();
            Insert::from(vec![Insert::from("<"), Insert::from(what)]).write(addresses, &mut out);
            String::from_utf8(out).unwrap()
        };
        let both = Addresses { received: Some(received), sent: Some(sent) };
        assert_eq!(write(&both, Dynamic::ReceivedAll), "<1.2.3.4");
        assert_eq!(write(&both, Dynamic::SentAll), "<[::1]:5061;transport=tls");
        assert_eq!(write(&both, Dynamic::SentPort), "<5061");
        let one = Addresses { sent: None, ..both };
        assert_eq!(write(&one, Dynamic::SentProtocol), "<udp");
        assert_eq!(write(&Addresses::default(), Dynamic::SentAll), "<");
    }
}
