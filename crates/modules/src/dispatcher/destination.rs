//! A destination: what its line says, and its state.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use engine::{Core, Str};
use parking_lot::{Mutex, RwLock};
use sip::{Protocol, Uri};
use transport::SocketId;

use super::latency::Latency;

/// Flag: not used for new requests.
pub(super) const INACTIVE: u32 = 1;
/// Flag: it failed, but not often enough to be inactive.
pub(super) const TRYING: u32 = 2;
/// Flag: somebody switched it off.
pub(super) const DISABLED: u32 = 4;
/// Flag: it gets keep-alive requests.
pub(super) const PROBING: u32 = 8;
/// Flag: its name is not resolved.
pub(super) const NO_DNS: u32 = 16;
/// The flags that say whether it is used.
pub(super) const STATES: u32 = INACTIVE | TRYING | DISABLED;

/// A line of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) set: i64,
    pub(super) uri: Str,
    pub(super) flags: u32,
    pub(super) priority: i64,
    pub(super) attributes: Str,
}

/// The attributes that mean something to this module.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    /// As written.
    pub(super) text: Str,
    pub(super) duid: Str,
    pub(super) max_load: u32,
    pub(super) weight: u32,
    pub(super) relative_weight: u32,
    pub(super) congestion_control: bool,
    pub(super) socket: Str,
    pub(super) socket_name: Str,
    pub(super) ping_from: Str,
    pub(super) outbound_proxy: Str,
    latency: u32,
}

impl Attributes {
    fn parse(text: &Str) -> Self {
        let mut found = Self { text: text.clone(), ..Self::default() };
        for pair in text.split(|byte| *byte == b';') {
            let Some(at) = memchr::memchr(b'=', pair) else { continue };
            let value = text.slice_ref(pair[at + 1..].trim_ascii());
            let number = || value.parse_int().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
            let percent = || Some(number()).filter(|number| (1..=100).contains(number)).unwrap_or(0);
            match pair[..at].trim_ascii() {
                b"duid" => found.duid = value,
                b"maxload" => found.max_load = number(),
                b"weight" => found.weight = percent(),
                b"rweight" => found.relative_weight = percent(),
                b"cc" => found.congestion_control = number() == 1,
                b"socket" => found.socket = value,
                b"sockname" => found.socket_name = value,
                b"ping_from" => found.ping_from = value,
                b"obproxy" => found.outbound_proxy = value,
                b"latency" => found.latency = number(),
                _ => {}
            }
        }
        found
    }
}

/// The address of a destination.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Resolved {
    /// The first one of its name.
    pub(super) address: Option<IpAddr>,
    /// When it was asked for, in microseconds since 1970; 0: the host is an address.
    pub(super) asked: i64,
}

/// A destination.
pub(super) struct Destination {
    pub(super) set: i64,
    pub(super) uri: Str,
    pub(super) host: Str,
    /// 0: the URI names none.
    pub(super) port: u16,
    /// `None`: the URI names none.
    pub(super) protocol: Option<Protocol>,
    pub(super) priority: i64,
    pub(super) attributes: Attributes,
    /// Where requests to it are sent from, when its attributes say so.
    pub(super) socket: Option<SocketId>,
    pub(super) resolved: RwLock<Resolved>,
    pub(super) latency: Mutex<Latency>,
    /// Calls that algorithm 10 sent to it. A reload passes it on.
    pub(super) load: Arc<AtomicU32>,
    flags: AtomicU32,
    /// Above 0: failures in a row while it is used; below 0: good replies while it is inactive. Whoever changes the flags holds
    /// it.
    count: Mutex<i64>,
}

impl Destination {
    /// A destination as its line says; the error says what is wrong with it.
    pub(super) fn new(line: &Line, core: &Core, without_attributes: bool) -> Result<Self, String> {
        let uri = Uri::parse(line.uri.clone()).map_err(|error| format!("`{}` is no URI: {error}", line.uri))?;
        if line.uri.iter().any(|byte| byte.is_ascii_control() || *byte == b' ') {
            return Err(format!("`{}` has a blank in it", line.uri.to_text().escape_debug()));
        }
        let none = line.attributes.is_empty() && without_attributes;
        let text = if none { Str::from_static("none=yes") } else { line.attributes.clone() };
        let attributes = Attributes::parse(&text);
        let socket = socket(core, &attributes.socket_name.to_text(), &attributes.socket.to_text())?;
        let protocol = match uri.transport() {
            Some(name) => Some(Protocol::from_name(&name).ok_or_else(|| format!("`{name}` is no transport"))?),
            None if uri.scheme() == sip::Scheme::Sips => Some(Protocol::Tls),
            None => None,
        };
        let host = uri.host();
        let address = engine::forward::address_of(&host);
        Ok(Self {
            set: line.set,
            uri: line.uri.clone(),
            port: uri.port().unwrap_or(0),
            protocol,
            host,
            priority: line.priority,
            socket,
            resolved: RwLock::new(Resolved { address, asked: 0 }),
            latency: Mutex::new(Latency::starting_at(attributes.latency)),
            attributes,
            load: Arc::default(),
            flags: AtomicU32::new(line.flags),
            count: Mutex::new(0),
        })
    }

    pub(super) fn flags(&self) -> u32 {
        self.flags.load(Ordering::Relaxed)
    }

    /// True when new requests may go there.
    pub(super) fn is_usable(&self) -> bool {
        self.flags() & (INACTIVE | DISABLED) == 0
    }

    /// True when it may have one more call (algorithm 10).
    pub(super) fn has_room(&self) -> bool {
        let most = self.attributes.max_load;
        most == 0 || self.load.load(Ordering::Relaxed) < most
    }

    /// True when its host is a name, which somebody wants to know the address of.
    pub(super) fn has_name(&self) -> bool {
        self.flags() & NO_DNS == 0 && engine::forward::address_of(&self.host).is_none()
    }

    /// The two letters that `dispatcher.list` shows.
    pub(super) fn letters(&self) -> &'static str {
        let flags = self.flags();
        let probing = flags & PROBING != 0;
        match () {
            () if flags & INACTIVE != 0 => ["IX", "IP"][usize::from(probing)],
            () if flags & DISABLED != 0 => ["DX", "DP"][usize::from(probing)],
            () if flags & TRYING != 0 => ["TX", "TP"][usize::from(probing)],
            () => ["AX", "AP"][usize::from(probing)],
        }
    }

    /// Puts a state and the flag probing in place of the old ones, and begins counting anew.
    pub(super) fn set_state(&self, state: u32) {
        let mut count = self.count.lock();
        *count = 0;
        self.replace(state);
    }

    fn replace(&self, state: u32) {
        let kept = |flags: u32| Some(flags & !(STATES | PROBING) | state);
        let _ = self.flags.fetch_update(Ordering::Relaxed, Ordering::Relaxed, kept);
    }

    /// Takes the flag probing away.
    pub(super) fn end_probing(&self) {
        self.flags.fetch_and(!PROBING, Ordering::Relaxed);
    }

    /// Takes the result of a request: `state` is 0 (good) or `TRYING` (failed), perhaps with `PROBING`. The thresholds decide
    /// what becomes of it.
    pub(super) fn update(&self, state: u32, probing_threshold: i64, inactive_threshold: i64) {
        let mut count = self.count.lock();
        let (was_inactive, failed) = (self.flags() & INACTIVE != 0, state & TRYING != 0);
        *count = match (was_inactive, failed) {
            (false, true) => (*count).max(0).saturating_add(1),
            (true, false) => (*count).min(0).saturating_sub(1),
            (false, false) | (true, true) => 0,
        };
        let inactive = match (was_inactive, failed) {
            (false, true) => *count >= probing_threshold,
            (true, false) => -*count < inactive_threshold,
            (was_inactive, _) => was_inactive,
        };
        if inactive != was_inactive {
            *count = 0;
        }
        self.replace(if inactive { state & !TRYING | INACTIVE } else { state });
    }
}

/// The socket that a name, or else an address, stands for; both may be empty.
pub(super) fn socket(core: &Core, name: &str, text: &str) -> Result<Option<SocketId>, String> {
    if !name.is_empty() {
        let found = core.sockets().iter().find(|socket| socket.name.as_deref() == Some(name));
        return found.map(|socket| Some(socket.id)).ok_or_else(|| format!("there is no socket with the name `{name}`"));
    }
    if text.is_empty() {
        return Ok(None);
    }
    core.find_socket(text).map(Some).ok_or_else(|| format!("`{text}` is no socket of this server"))
}
