//! What a REGISTER asks for: its contacts with times, preferences, Path and source.

use engine::{RouteCx, Str, Value};
use rand::RngExt as _;
use sip::{ContactValue, HeaderName, MethodList, Uri};
use transport::{ConnectionId, SocketId};

use super::Registrar;
use super::reply::Failure;
use crate::usrloc::{ALL_METHODS, Contact, local_socket};

/// Longest Call-ID and User-Agent that are kept, and all Path values together.
const MAX_TEXT: usize = 255;
const MAX_PATH: usize = 256;

/// `save`'s flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct SaveFlags(pub(super) u32);

impl SaveFlags {
    /// The database is left alone.
    pub(super) const fn memory_only(self) -> bool {
        self.0 & 1 != 0
    }
    /// No reply.
    pub(super) const fn no_reply(self) -> bool {
        self.0 & 2 != 0
    }
    /// One contact for each address of record.
    pub(super) const fn one_contact(self) -> bool {
        self.0 & 4 != 0
    }
    /// Times are taken as they are.
    pub(super) const fn exact_times(self) -> bool {
        self.0 & 8 != 0
    }
    /// The headers of the reply are left for the reply that the script sends.
    pub(super) const fn prepare_headers(self) -> bool {
        self.0 & 16 != 0
    }
}

/// The contacts of a REGISTER.
#[derive(Debug)]
pub(super) enum Wanted {
    /// None: the client asks what is there.
    Query,
    /// `*`: remove all.
    All,
    /// Each with the seconds it is to last; 0: remove it.
    Contacts(Vec<(Contact, u32)>),
}

/// True when a header lists an option tag.
pub(super) fn supports(cx: &RouteCx, tag: &str) -> bool {
    cx.message.supported().is_ok_and(|tags| tags.is_some_and(|tags| tags.has(tag)))
}

pub(super) fn requires(cx: &RouteCx, tag: &str) -> bool {
    cx.message.require().is_ok_and(|tags| tags.is_some_and(|tags| tags.has(tag)))
}

impl Registrar {
    /// Checks what does not depend on what is stored (RFC 3261 section 10.3, items 2 and 6; RFC 5626 section 6).
    pub(super) fn check(&self, cx: &RouteCx) -> Result<(), Failure> {
        let Ok(contacts) = cx.message.contacts() else { return Err(Failure::bad_request("Contact parse error")) };
        if cx.message.is_request() {
            self.check_outbound(cx)?;
        }
        let Some(contacts) = contacts else { return Ok(()) };
        let lone_star = |contact: &ContactValue| &*contact.uri == b"*" && !contact.bracketed;
        if contacts.star || contacts.list.iter().any(lone_star) {
            if contacts.list.len() > usize::from(!contacts.star) {
                return Err(Failure::bad_request("* used in contact and more than 1 contact"));
            }
            if !contacts.star || !matches!(cx.message.expires(), Ok(Some(0))) {
                return Err(Failure::bad_request("* used in contact and expires is not zero"));
            }
        }
        for contact in &contacts.list {
            if contact.uri.len() as i64 > self.params.contact_max_size {
                return Err(Failure::bad_request("Contact/received too long"));
            }
            // Folded or control text in a URI would break every message that it is put into.
            if contact.uri.iter().any(|byte| byte.is_ascii_control() || *byte == b' ') {
                return Err(Failure::bad_request("Contact parse error"));
            }
        }
        let hops = || cx.message.vias().map_or(0, <[_]>::len);
        if cx.message.is_request()
            && self.params.outbound_mode != 0
            && supports(cx, "outbound")
            && contacts.list.iter().any(|contact| contact.reg_id().is_some())
            && hops() > 1
            && !first_hop_has_outbound(cx)
        {
            return Err(Failure::new(439, "First Hop Lacks Outbound Support", "No support for Outbound on edge proxy"));
        }
        Ok(())
    }

    fn check_outbound(&self, cx: &RouteCx) -> Result<(), Failure> {
        match self.params.outbound_mode {
            0 if requires(cx, "outbound") => {
                let failure = Failure::new(420, "Bad Extension", "No support for Outbound on server");
                Err(failure.with("Unsupported: outbound\r\n".into()))
            }
            2 if !supports(cx, "outbound") => {
                Err(Failure::new(421, "Extension Required", "No support for Outbound indicated"))
            }
            _ => Ok(()),
        }
    }

    /// Reads the contacts. Nothing is changed.
    pub(super) fn wanted(&self, cx: &RouteCx, flags: SaveFlags) -> Result<Wanted, Failure> {
        let Ok(Some(contacts)) = cx.message.contacts() else { return Ok(Wanted::Query) };
        if contacts.star {
            return Ok(Wanted::All);
        }
        if contacts.list.is_empty() {
            return Ok(Wanted::Query);
        }
        let common = self.common(cx)?;
        let mut wanted: Vec<(Contact, u32)> = Vec::with_capacity(contacts.list.len());
        for value in &contacts.list {
            let seconds = self.seconds(cx, value, flags)?;
            let contact = self.contact(cx, value, &common)?;
            let same = wanted.iter_mut().find(|(other, _)| {
                other.uri == contact.uri && other.instance == contact.instance && other.reg_id == contact.reg_id
            });
            match same {
                // Named twice: the last word counts.
                Some(earlier) => *earlier = (contact, seconds),
                None => wanted.push((contact, seconds)),
            }
        }
        Ok(Wanted::Contacts(wanted))
    }

    /// What all contacts of the request have in common.
    fn common(&self, cx: &RouteCx) -> Result<Contact, Failure> {
        let call_id = cx.message.call_id().unwrap_or_default();
        if call_id.len() > MAX_TEXT {
            return Err(Failure::bad_request("Callid too long").show_contacts());
        }
        let cseq = match cx.message.cseq() {
            Ok(Some(cseq)) => cseq.number,
            _ => 0,
        };
        let path = self.path(cx)?;
        let mut cflags = cx.to.flags;
        let mut received = self.received_avp.as_ref().and_then(|avp| match avp.eval(cx) {
            Value::Str(text) if !text.is_empty() => Some(text),
            _ => None,
        });
        if self.params.path_use_received
            && let Some(text) = path.clone().and_then(|path| crate::usrloc::path_uris(path).next())
            && let Some(source) = Uri::parse(text).ok().and_then(|uri| uri.param("received"))
        {
            received = Some(Str::from(sip::escape::unescape_lossy(&source).into_owned()));
            cflags |= self.usrloc.nat_flag();
        }
        let methods = match cx.message.allow() {
            Ok(Some(allow)) => allow.mask,
            _ => ALL_METHODS,
        };
        let agent = cx.message.user_agent().map(|agent| agent.trim());
        let agent = agent.filter(|agent| !agent.is_empty() && agent.len() <= MAX_TEXT);
        Ok(Contact {
            call_id,
            cseq,
            user_agent: agent.unwrap_or(Str::from_static("n/a")),
            received,
            path,
            cflags,
            methods,
            socket: Some(self.socket(cx)),
            connection: self.connection(cx),
            server_id: cx.core.settings.server_id as u32,
            xavp: self.stored_xavp(cx),
            ..Contact::default()
        })
    }

    fn contact(&self, cx: &RouteCx, value: &ContactValue, common: &Contact) -> Result<Contact, Failure> {
        let q = match (self.number(cx, "q"), value.params.has("q")) {
            (Some(q), _) => u16::try_from(q.clamp(0, 1000)).ok(),
            (None, true) => match value.q() {
                Some(q) => Some(q),
                None => return Err(Failure::bad_request("Invalid q param in contact").show_contacts()),
            },
            (None, false) => u16::try_from(self.live.default_q.get()).ok().filter(|q| *q <= 1000),
        };
        let instance = value.instance().filter(|instance| !instance.is_empty() && instance.len() <= MAX_TEXT);
        let reg_id = match (&instance, value.params.find("reg-id")) {
            (Some(_), Some(_)) => match value.reg_id() {
                Some(number) if number > 0 => number,
                _ => return Err(Failure::bad_request("Invalid reg-id param in contact").show_contacts()),
            },
            // Without an instance it means nothing (RFC 5626 section 6).
            _ => 0,
        };
        let methods = value.methods().and_then(|list| MethodList::parse(&list)).map(|list| list.mask);
        let received = value.received().filter(|text| !text.is_empty() && text.len() <= MAX_PATH);
        Ok(Contact {
            uri: value.uri.clone(),
            ruid: self.usrloc.unique_id("uloc"),
            q,
            instance,
            reg_id,
            methods: methods.unwrap_or(common.methods),
            received: common.received.clone().or(received),
            ..common.clone()
        })
    }

    /// How long a binding lasts (RFC 3261 section 10.3, item 7).
    fn seconds(&self, cx: &RouteCx, value: &ContactValue, flags: SaveFlags) -> Result<u32, Failure> {
        let header = || cx.message.expires().ok().flatten();
        let live = &self.live;
        let named = match self.number(cx, "expires") {
            Some(seconds) => Some(seconds.max(0)),
            None => value.expires().or_else(header).map(i64::from),
        };
        let (mut seconds, range) = match named {
            Some(0) => return Ok(0),
            Some(seconds) => (seconds, live.expires_range.get()),
            None => (live.default_expires.get().max(1), live.default_expires_range.get()),
        };
        if range > 0 && !flags.exact_times() {
            let most = seconds.saturating_mul(range.min(100)) / 100;
            seconds -= rand::rng().random_range(0..=most);
        }
        let (least, most) = (live.min_expires.get(), live.max_expires.get());
        if least > 0 && seconds < least {
            // A client that named no time cannot do better: it gets the shortest.
            if self.params.min_expires_mode != 0 && named.is_some() {
                let failure = Failure::new(423, "Interval Too Brief", "Interval too brief");
                return Err(failure.with(format!("Min-Expires: {least}\r\n")).show_contacts());
            }
            seconds = least;
        }
        if most > 0 {
            seconds = seconds.min(most);
        }
        Ok(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX))
    }

    /// The Path header values in one text (RFC 3327 section 5.3).
    fn path(&self, cx: &RouteCx) -> Result<Option<Str>, Failure> {
        if !self.params.use_path || !cx.message.has_header(HeaderName::Path) {
            return Ok(None);
        }
        let malformed = || Failure::bad_request("Path parse error").show_contacts();
        let hops = cx.message.paths().map_err(|_| malformed())?;
        let Some(first) = hops.first() else { return Ok(None) };
        if !first.parsed_uri().is_ok_and(Uri::is_loose_route) || hops.iter().any(|hop| hop.parsed_uri().is_err()) {
            return Err(malformed());
        }
        let text = hops.iter().map(|hop| &*hop.text).collect::<Vec<&[u8]>>().join(&b","[..]);
        if text.len() > MAX_PATH || text.iter().any(u8::is_ascii_control) {
            return Err(malformed());
        }
        let text = Str::from(text);
        if self.params.path_mode == 2 && cx.message.is_request() && !supports(cx, "path") {
            let failure = Failure::new(420, "Bad Extension", "No support for found Path indicated");
            return Err(failure.with("Unsupported: path\r\n".into()).with(format!("Path: {text}\r\n")).show_contacts());
        }
        Ok(Some(text))
    }

    /// The socket that the contact is to be reached from: that of the request, unless it was passed on by another
    /// server or the script says otherwise.
    fn socket(&self, cx: &RouteCx) -> SocketId {
        let flagged = self.params.sock_flag >= 0 && cx.flags & 1 << self.params.sock_flag != 0;
        let header = self.params.sock_hdr_name.as_deref().filter(|_| flagged);
        let named = header
            .and_then(|name| cx.message.header_body(name))
            .or_else(|| self.setting(cx, "socket").map(|value| value.to_str()));
        let Some(named) = named else { return cx.received.socket };
        local_socket(&cx.core, &named).unwrap_or_else(|| {
            engine::log!(cx.core.log, Error, "{}: `{named}` is none of our sockets", cx.place());
            cx.received.socket
        })
    }

    fn connection(&self, cx: &RouteCx) -> Option<ConnectionId> {
        match self.number(cx, "tcpconn_id").and_then(|id| u64::try_from(id).ok()) {
            Some(id) if id > 0 => Some(ConnectionId(id)),
            _ => cx.received.connection,
        }
    }

    fn stored_xavp(&self, cx: &RouteCx) -> Option<Box<engine::xavp::Xlist>> {
        let name = self.usrloc.params.xavp_contact.as_ref()?;
        match cx.xavps.xavp.get(name, 0, false)? {
            engine::xavp::Xvalue::List(list) => Some(Box::new(list.clone())),
            engine::xavp::Xvalue::Simple(_) => None,
        }
    }
}

/// Whether the edge proxy marked its Path with `ob` (RFC 5626 section 6).
fn first_hop_has_outbound(cx: &RouteCx) -> bool {
    let hops = cx.message.paths().unwrap_or_default();
    // The last value was added first: by the proxy next to the client.
    hops.last().is_some_and(|hop| hop.parsed_uri().is_ok_and(|uri| uri.has_param("ob")))
}
