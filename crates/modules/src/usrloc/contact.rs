//! A contact of an address of record: as others see it ([`Contact`]) and as the table keeps it (`Stored`).

use engine::Str;
use engine::xavp::{Xlist, Xvalue};
use transport::{ConnectionId, SocketId};

/// Methods of a contact that named none: all.
pub const ALL_METHODS: u32 = u32::MAX;

/// What the database has of a contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stage {
    /// Nothing.
    #[default]
    New,
    /// Perhaps this: writing it failed.
    Tried,
    /// An older state.
    Changed,
    /// This.
    Synced,
    /// Nothing, or an older state: the database refuses this contact. It is tried again when it changes, by `ul.flush` and at
    /// the end.
    Refused,
    /// Nothing, and never will: `save` was told to keep it in memory.
    MemoryOnly,
}

impl Stage {
    /// As `ul.dump` shows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New | Self::MemoryOnly => "CS_NEW",
            Self::Tried | Self::Changed | Self::Refused => "CS_DIRTY",
            Self::Synced => "CS_SYNC",
        }
    }

    /// True when the database may have a row of it.
    pub(super) const fn is_stored(self) -> bool {
        !matches!(self, Self::New | Self::MemoryOnly)
    }

    /// True when it waits to be written.
    pub(super) const fn waits(self) -> bool {
        matches!(self, Self::New | Self::Tried | Self::Changed)
    }

    /// That of a contact which replaces one of this stage.
    pub(super) const fn changed(self) -> Self {
        match self {
            Self::New | Self::MemoryOnly => Self::New,
            Self::Tried | Self::Refused => Self::Tried,
            Self::Changed | Self::Synced => Self::Changed,
        }
    }

    /// That of a contact whose writing failed.
    pub(super) const fn failed(self) -> Self {
        match self {
            Self::Changed | Self::Synced => Self::Changed,
            _ => Self::Tried,
        }
    }
}

/// A contact, unpacked: what other modules give to the table and get from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// The URI.
    pub uri: Str,
    /// Call-ID of the registration.
    pub call_id: Str,
    /// CSeq number of the registration.
    pub cseq: u32,
    /// User-Agent of the registration; `n/a` when it had none.
    pub user_agent: Str,
    /// Where the registration came from, as a URI (nathelper).
    pub received: Option<Str>,
    /// Path header values, joined by commas.
    pub path: Option<Str>,
    /// `+sip.instance`, with its angle brackets.
    pub instance: Option<Str>,
    /// Unique id; given by the table when it is empty.
    pub ruid: Str,
    /// End of the binding in seconds since 1970; 0: never.
    pub expires: u32,
    /// Preference in thousandths.
    pub q: Option<u16>,
    /// Internal flags.
    pub flags: u32,
    /// Branch flags.
    pub cflags: u32,
    /// Methods that it takes, a sum of `Method::id`s; [`ALL_METHODS`]: not known.
    pub methods: u32,
    /// `reg-id` (RFC 5626); 0: none.
    pub reg_id: u32,
    /// `server_id` of the server that stored it.
    pub server_id: u32,
    /// Local socket of the registration.
    pub socket: Option<SocketId>,
    /// Connection of the registration.
    pub connection: Option<ConnectionId>,
    /// When it was last changed by a registration; 0: never.
    pub modified: u32,
    /// True once a keep-alive was answered.
    pub keepalive: bool,
    /// When it last gave a sign of life.
    pub last_keepalive: u32,
    /// Round trip of the last keep-alive in microseconds.
    pub roundtrip: u32,
    /// What the database has of it.
    pub stage: Stage,
    /// `$xavp` stored with it (`xavp_contact`).
    pub xavp: Option<Box<Xlist>>,
}

impl Default for Contact {
    fn default() -> Self {
        Self {
            uri: Str::EMPTY,
            call_id: Str::EMPTY,
            cseq: 0,
            user_agent: Str::EMPTY,
            received: None,
            path: None,
            instance: None,
            ruid: Str::EMPTY,
            expires: 0,
            q: None,
            flags: 0,
            cflags: 0,
            methods: ALL_METHODS,
            reg_id: 0,
            server_id: 0,
            socket: None,
            connection: None,
            modified: 0,
            keepalive: false,
            last_keepalive: 0,
            roundtrip: 0,
            stage: Stage::New,
            xavp: None,
        }
    }
}

impl Contact {
    /// True while the binding lasts.
    #[must_use]
    pub const fn is_valid(&self, now: i64) -> bool {
        self.expires == 0 || self.expires as i64 > now
    }

    /// Seconds that are left; 0 for one that never ends.
    #[must_use]
    pub fn seconds_left(&self, now: i64) -> i64 {
        if self.expires == 0 { 0 } else { (i64::from(self.expires) - now).max(0) }
    }

    /// The addresses of the Path, in order: the URIs in angle brackets.
    pub fn path_uris(&self) -> impl Iterator<Item = Str> {
        path_uris(self.path.clone().unwrap_or_default())
    }
}

/// The URIs of a Path header value, in order.
pub fn path_uris(path: Str) -> impl Iterator<Item = Str> {
    let ranges: Vec<(usize, usize)> = sip::scan::split_commas(&path).collect();
    ranges.into_iter().filter_map(move |(start, end)| sip::NameAddr::parse(path.slice(start..end)).map(|hop| hop.uri))
}

/// How many texts a contact has.
const TEXTS: usize = 7;
const URI: usize = 0;
const CALL_ID: usize = 1;
const USER_AGENT: usize = 2;
const RECEIVED: usize = 3;
const PATH: usize = 4;
const INSTANCE: usize = 5;
const RUID: usize = 6;

/// A contact in the table: all texts in one piece of memory, times in 32 bits (until 2106).
pub(super) struct Stored {
    /// The texts one after the other.
    text: Box<[u8]>,
    /// `$xavp`.
    xavp: Option<Box<Xlist>>,
    connection: Option<std::num::NonZeroU64>,
    /// Where each text ends.
    ends: [u16; TEXTS],
    /// -1: none.
    pub(super) q: i16,
    pub(super) expires: u32,
    pub(super) cseq: u32,
    pub(super) flags: u32,
    pub(super) cflags: u32,
    pub(super) methods: u32,
    pub(super) reg_id: u32,
    server_id: u32,
    pub(super) modified: u32,
    pub(super) last_keepalive: u32,
    /// When the next keep-alive is due.
    pub(super) next_keepalive: u32,
    pub(super) roundtrip: u32,
    socket: Option<SocketId>,
    pub(super) keepalive: bool,
    pub(super) stage: Stage,
}

impl Stored {
    /// Packs a contact. A text that does not fit into 64 kB with the others is cut.
    pub(super) fn pack(contact: Contact) -> Self {
        let absent = Str::EMPTY;
        let texts: [&Str; TEXTS] = [
            &contact.uri,
            &contact.call_id,
            &contact.user_agent,
            contact.received.as_ref().unwrap_or(&absent),
            contact.path.as_ref().unwrap_or(&absent),
            contact.instance.as_ref().unwrap_or(&absent),
            &contact.ruid,
        ];
        let mut ends = [0; TEXTS];
        let mut text = Vec::with_capacity(texts.iter().map(|text| text.len()).sum());
        for (end, piece) in ends.iter_mut().zip(texts) {
            let room = usize::from(u16::MAX) - text.len();
            text.extend_from_slice(&piece[..piece.len().min(room)]);
            *end = text.len() as u16;
        }
        Self {
            text: text.into_boxed_slice(),
            xavp: contact.xavp,
            connection: contact.connection.and_then(|id| std::num::NonZeroU64::new(id.0)),
            ends,
            q: contact.q.map_or(-1, |q| q.min(1000) as i16),
            expires: contact.expires,
            cseq: contact.cseq,
            flags: contact.flags,
            cflags: contact.cflags,
            methods: contact.methods,
            reg_id: contact.reg_id,
            server_id: contact.server_id,
            modified: contact.modified,
            last_keepalive: contact.last_keepalive,
            next_keepalive: 0,
            roundtrip: contact.roundtrip,
            socket: contact.socket,
            keepalive: contact.keepalive,
            stage: contact.stage,
        }
    }

    fn text(&self, which: usize) -> &[u8] {
        let start = if which == 0 { 0 } else { self.ends[which - 1] };
        self.text.get(usize::from(start)..usize::from(self.ends[which])).unwrap_or_default()
    }

    pub(super) fn uri(&self) -> &[u8] {
        self.text(URI)
    }
    pub(super) fn call_id(&self) -> &[u8] {
        self.text(CALL_ID)
    }
    pub(super) fn path(&self) -> &[u8] {
        self.text(PATH)
    }
    pub(super) fn instance(&self) -> &[u8] {
        self.text(INSTANCE)
    }
    pub(super) fn ruid(&self) -> &[u8] {
        self.text(RUID)
    }
    /// Adds a value to the `$xavp`, behind those that are there.
    pub(super) fn add_attribute(&mut self, name: Str, value: Xvalue) {
        self.xavp.get_or_insert_default().items.push((name, value));
    }
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        self.connection.map(|id| ConnectionId(id.get()))
    }

    pub(super) const fn server_id(&self) -> u32 {
        self.server_id
    }
    pub(super) const fn socket(&self) -> Option<SocketId> {
        self.socket
    }

    /// True while the binding lasts.
    pub(super) const fn is_valid(&self, now: i64) -> bool {
        self.expires == 0 || self.expires as i64 > now
    }

    /// Unpacks it: one copy of the texts.
    pub(super) fn unpack(&self) -> Contact {
        let all = Str::copy_from(&self.text);
        let part = |which: usize| {
            let start = if which == 0 { 0 } else { self.ends[which - 1] };
            all.slice(usize::from(start)..usize::from(self.ends[which]))
        };
        let optional = |which| Some(part(which)).filter(|text| !text.is_empty());
        Contact {
            uri: part(URI),
            call_id: part(CALL_ID),
            cseq: self.cseq,
            user_agent: part(USER_AGENT),
            received: optional(RECEIVED),
            path: optional(PATH),
            instance: optional(INSTANCE),
            ruid: part(RUID),
            expires: self.expires,
            q: u16::try_from(self.q).ok(),
            flags: self.flags,
            cflags: self.cflags,
            methods: self.methods,
            reg_id: self.reg_id,
            server_id: self.server_id,
            socket: self.socket,
            connection: self.connection(),
            modified: self.modified,
            keepalive: self.keepalive,
            last_keepalive: self.last_keepalive,
            roundtrip: self.roundtrip,
            stage: self.stage,
            xavp: self.xavp.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_everything() {
        let contact = Contact {
            uri: "sip:a@1.1.1.1".into(),
            call_id: "id@x".into(),
            cseq: 7,
            user_agent: "phone/1".into(),
            received: Some("sip:9.9.9.9:5060".into()),
            instance: Some("<urn:uuid:1>".into()),
            ruid: "uloc-1-2-3".into(),
            expires: 100,
            q: Some(500),
            flags: 1,
            cflags: 64,
            methods: 5,
            reg_id: 2,
            server_id: 3,
            socket: Some(SocketId(1)),
            connection: Some(ConnectionId(9)),
            modified: 50,
            keepalive: true,
            last_keepalive: 51,
            roundtrip: 400,
            ..Contact::default()
        };
        assert_eq!(Stored::pack(contact.clone()).unpack(), contact);
        assert!(contact.is_valid(99) && !contact.is_valid(100));
        let long = Contact { uri: vec![b'x'; 70_000].into(), ruid: "r".into(), ..Contact::default() };
        let kept = Stored::pack(long).unpack();
        assert_eq!((kept.uri.len(), kept.ruid.len(), kept.q), (65_535, 0, None));
        let path = Contact { path: Some("<sip:a;lr>,<sip:b;lr>".into()), ..Contact::default() };
        assert_eq!(path.path_uris().collect::<Vec<_>>(), ["sip:a;lr", "sip:b;lr"]);
    }
}
