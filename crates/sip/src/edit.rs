//! Queued edits: what a script changed in a message, applied when it is printed (Kamailio's lumps).
//!
//! Offsets always refer to the message as received; no edit moves the offsets of another.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

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
    /// At no offset: in each [`Insert::RouteParams`], see [`Edits::add_route_param`].
    RouteParam,
}

/// What an edit brings in. Cloning counts references and copies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insert {
    /// Text as it is.
    Text(Str),
    /// Something known only when the message is sent.
    Dynamic(Dynamic),
    /// Several pieces after one another.
    All(Arc<[Self]>),
    /// A piece that comes in only under a condition that is known when the message is sent.
    When(Condition, Arc<Self>),
    /// The parameters that were queued for the Record-Route headers added here ([`Edits::add_route_param`]).
    RouteParams(Queued),
}

/// When an [`Insert::When`] comes in. As long as it is not known where the message goes, no condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The message leaves by another socket than it came by.
    OtherSocket,
    /// It leaves by another protocol than it came by.
    OtherProtocol,
    /// The socket it leaves by has a name.
    NamedSocket,
}

/// Which of the queued parameters an [`Insert::RouteParams`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// All.
    All,
    /// Those that were queued before the mark.
    Before(Mark),
    /// Those that were queued after the mark.
    After(Mark),
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
    /// The configured name of the socket the message leaves by.
    SentName,
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
    /// Tells the sockets apart: several can have the same advertised address.
    pub socket: u32,
    /// The socket's name in the configuration; empty when it has none.
    pub name: Str,
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
        self.pieces(what, &mut |piece| out.extend_from_slice(piece));
    }

    /// What `what` stands for, piece by piece; nothing when it is not known.
    fn pieces(&self, what: Dynamic, out: &mut dyn FnMut(&[u8])) {
        let received = self.received.as_ref();
        let sent = self.sent.as_ref().or(received);
        let (endpoint, part) = match what {
            Dynamic::ReceivedAddress => (received, Part::Address),
            Dynamic::ReceivedPort => (received, Part::Port),
            Dynamic::ReceivedProtocol => (received, Part::Protocol),
            Dynamic::ReceivedAll => (received, Part::All),
            Dynamic::SentAddress => (sent, Part::Address),
            Dynamic::SentPort => (sent, Part::Port),
            Dynamic::SentProtocol => (sent, Part::Protocol),
            Dynamic::SentAll => (sent, Part::All),
            Dynamic::SentName => (sent, Part::Name),
        };
        if let Some(endpoint) = endpoint {
            endpoint.pieces(part, out);
        }
    }

    /// Whether `condition` holds.
    pub fn holds(&self, condition: Condition) -> bool {
        let Some(sent) = &self.sent else { return false };
        let differs = |differ: fn(&Endpoint, &Endpoint) -> bool| {
            self.received.as_ref().is_some_and(|received| differ(received, sent))
        };
        match condition {
            Condition::OtherSocket => differs(|received, sent| received.socket != sent.socket),
            Condition::OtherProtocol => differs(|received, sent| received.protocol != sent.protocol),
            Condition::NamedSocket => !sent.name.is_empty(),
        }
    }
}

/// What is known when a message is printed: the addresses, and the queued Record-Route parameters in order.
pub(crate) struct Known<'a> {
    pub(crate) addresses: &'a Addresses,
    pub(crate) params: SmallVec<[&'a Edit; 4]>,
}

impl<'a> Known<'a> {
    fn params(&self, queued: Queued) -> impl Iterator<Item = &'a Insert> + '_ {
        let wanted = move |edit: &&&Edit| match queued {
            Queued::All => true,
            Queued::Before(mark) => edit.id.0 < mark.0,
            Queued::After(mark) => edit.id.0 >= mark.0,
        };
        self.params.iter().filter(wanted).map(|edit| &edit.insert)
    }
}

/// What of an [`Endpoint`] is printed.
enum Part {
    Address,
    Port,
    Protocol,
    All,
    Name,
}

impl Endpoint {
    fn pieces(&self, part: Part, out: &mut dyn FnMut(&[u8])) {
        match part {
            Part::Address => out(&self.address),
            Part::Port => out(itoa::Buffer::new().format(self.port).as_bytes()),
            Part::Protocol => out(self.protocol.name().as_bytes()),
            Part::Name => out(&self.name),
            Part::All => {
                out(&self.address);
                if self.port != 5060 {
                    out(b":");
                    out(itoa::Buffer::new().format(self.port).as_bytes());
                }
                if self.protocol != Protocol::Udp {
                    out(b";transport=");
                    out(self.protocol.name().as_bytes());
                }
            }
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
            Self::Dynamic(_) | Self::RouteParams(_) => false,
            Self::All(list) => list.iter().all(Self::is_empty),
            Self::When(_, piece) => piece.is_empty(),
        }
    }

    /// Whether it has to be known which way the message goes.
    fn needs_addresses(&self) -> bool {
        match self {
            Self::Text(_) | Self::RouteParams(_) => false,
            Self::Dynamic(_) | Self::When(..) => true,
            Self::All(list) => list.iter().any(Self::needs_addresses),
        }
    }

    /// Whether a Record-Route that takes queued parameters is in here.
    fn is_record_route(&self) -> bool {
        match self {
            Self::Text(_) | Self::Dynamic(_) => false,
            Self::RouteParams(_) => true,
            Self::All(list) => list.iter().any(Self::is_record_route),
            Self::When(_, piece) => piece.is_record_route(),
        }
    }

    /// How many bytes [`Insert::write`] writes.
    pub(crate) fn printed_len(&self, known: &Known<'_>) -> usize {
        if let Self::Text(text) = self {
            return text.len();
        }
        let mut length = 0;
        self.pieces(known, &mut |piece| length += piece.len());
        length
    }

    /// Writes the text, with `known` for what is known only now.
    pub(crate) fn write(&self, known: &Known<'_>, out: &mut Vec<u8>) {
        self.pieces(known, &mut |piece| out.extend_from_slice(piece));
    }

    /// The text piece by piece.
    fn pieces(&self, known: &Known<'_>, out: &mut dyn FnMut(&[u8])) {
        match self {
            Self::Text(text) => out(text),
            Self::Dynamic(what) => known.addresses.pieces(*what, out),
            Self::All(list) => list.iter().for_each(|piece| piece.pieces(known, out)),
            Self::When(condition, piece) if known.addresses.holds(*condition) => piece.pieces(known, out),
            Self::When(..) => {}
            Self::RouteParams(queued) => known.params(*queued).for_each(|param| out(param.plain())),
        }
    }

    /// The text of a queued parameter.
    fn plain(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            _ => &[],
        }
    }
}

impl From<Str> for Insert {
    fn from(text: Str) -> Self {
        Self::Text(text)
    }
}

/// Text of the program itself; any other is copied by `Str::from`.
impl From<&'static str> for Insert {
    fn from(text: &'static str) -> Self {
        Self::Text(Str::from_static(text))
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
        Self::All(list.into())
    }
}

impl Edit {
    /// The edit's name.
    pub fn id(&self) -> EditId {
        self.id
    }

    /// Whether it is part of a Record-Route that is complete only when it is known where the message goes.
    pub(crate) fn waits(&self) -> bool {
        self.position == Position::RouteParam || self.insert.is_record_route()
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

    /// Queues a parameter (`;name=value`) for the Record-Route headers that are added here, before or after this call. It
    /// comes out in each [`Insert::RouteParams`]; when there is none, nowhere. It stays queued when the edits are applied.
    pub fn add_route_param(&mut self, param: Str) -> EditId {
        self.push(0..0, Position::RouteParam, Insert::Text(param))
    }

    /// Whether a Record-Route is among the edits that is only complete when the message is sent.
    pub fn has_record_route(&self) -> bool {
        self.list.iter().any(|edit| edit.insert.is_record_route())
    }

    /// Whether printing needs to know which way the message goes ([`Addresses`]).
    pub fn needs_addresses(&self) -> bool {
        self.list.iter().any(|edit| edit.insert.needs_addresses())
    }

    /// Takes back what [`Edits::has_record_route`] sees; false when there was none.
    pub fn remove_record_route(&mut self) -> bool {
        let before = self.list.len();
        self.list.retain(|edit| !edit.insert.is_record_route());
        self.list.len() != before
    }

    /// The edits that wait on when all others are applied: those of Record-Route, which is complete only when it is known
    /// where the message goes. `at` is where the headers of the new message start.
    pub(crate) fn take_waiting(&mut self, at: usize) -> Self {
        self.list.retain(Edit::waits);
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        for edit in &mut self.list {
            (edit.start, edit.end) = (at, at);
        }
        std::mem::take(self)
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
        let endpoint = |protocol, address: &str, port, socket, name: &str| {
            Some(Endpoint { protocol, address: Str::from(address), port, socket, name: Str::from(name) })
        };
        let write = |addresses: &Addresses, what: Insert| {
            let mut out = Vec::new();
            let known = Known { addresses, params: SmallVec::new() };
            Insert::from(vec![Insert::from("<"), what]).write(&known, &mut out);
            String::from_utf8(out).unwrap()
        };
        let both = Addresses {
            received: endpoint(Protocol::Udp, "1.2.3.4", 5060, 0, ""),
            sent: endpoint(Protocol::Tls, "[::1]", 5061, 1, "out"),
        };
        let when = |condition| Insert::When(condition, Arc::new("x".into()));
        assert_eq!(write(&both, Dynamic::ReceivedAll.into()), "<1.2.3.4");
        assert_eq!(write(&both, Dynamic::SentAll.into()), "<[::1]:5061;transport=tls");
        assert_eq!(write(&both, Dynamic::SentPort.into()), "<5061");
        assert_eq!(write(&both, Dynamic::SentName.into()), "<out");
        for condition in [Condition::OtherSocket, Condition::OtherProtocol, Condition::NamedSocket] {
            assert_eq!(write(&both, when(condition)), "<x", "{condition:?}");
            let same = Addresses { received: both.received.clone(), sent: both.received.clone() };
            assert_eq!(write(&same, when(condition)), "<", "{condition:?}");
            assert_eq!(write(&Addresses::default(), when(condition)), "<", "{condition:?}");
        }
        let one = Addresses { sent: None, ..both };
        assert_eq!(write(&one, Dynamic::SentProtocol.into()), "<udp");
        assert_eq!(write(&Addresses::default(), Dynamic::SentAll.into()), "<");
    }
}
