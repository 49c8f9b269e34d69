//! The state of one message while scripts run on it.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

use language::span::Span;
use sip::{Message, Str, Uri, UriError};
use smallvec::SmallVec;
use transport::{Outgoing, Received, SocketId};

use crate::avp::Avps;
use crate::core::Core;
use crate::function::Routes;
use crate::program::{Frame, Program, RouteId};
use crate::value::Value;
use crate::xavp::Xavps;

/// A further destination of a request, beside the request-URI.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Branch {
    /// The request-URI of the branch.
    pub uri: Str,
    /// Next hop, when it is not the request-URI.
    pub destination: Option<Str>,
    /// Path header values, put in as Route.
    pub path: Option<Str>,
    /// Preference in thousandths; `None`: not given.
    pub q: Option<i32>,
    /// Local socket to send from.
    pub socket: Option<SocketId>,
    /// Branch flags.
    pub flags: u32,
    /// Unique id of the location record.
    pub ruid: Option<Str>,
    /// `+sip.instance` of the contact.
    pub instance: Option<Str>,
    /// User-Agent of the contact.
    pub user_agent: Option<Str>,
    /// `reg-id` of the contact; 0: none.
    pub reg_id: u32,
    /// Connection the contact registered over; 0: none.
    pub connection: u64,
}

/// What the script decided about the request so far.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Destinations {
    /// The new request-URI; `None`: the received one.
    pub new_uri: Option<Str>,
    /// `$du`.
    pub destination: Option<Str>,
    /// The request-URI or the next hop was set since the request was sent on: in a failure route it is tried anew only
    /// then.
    pub is_new: bool,
    /// Connection the contact of the request-URI registered over; 0: none.
    pub connection: u64,
    /// Path of the contact that `lookup` chose.
    pub path: Option<Str>,
    /// `force_send_socket`, `$fs`.
    pub socket: Option<SocketId>,
    /// Preference of the request-URI.
    pub q: Option<i32>,
    /// Branch flags of the request-URI's branch.
    pub flags: u32,
    /// Unique id of the location record of the request-URI.
    pub ruid: Option<Str>,
    /// `+sip.instance` of the contact of the request-URI.
    pub instance: Option<Str>,
    /// User-Agent of that contact.
    pub user_agent: Option<Str>,
    /// Its `reg-id`.
    pub reg_id: u32,
    /// Further branches, at most `max_branches` - 1.
    pub branches: Vec<Branch>,
    /// Address for Via and Record-Route instead of the socket's: `set_advertised_address`.
    pub advertised_address: Option<Str>,
    /// `set_advertised_port`.
    pub advertised_port: Option<u16>,
}

impl Destinations {
    /// Sets the request-URI.
    pub fn set_uri(&mut self, uri: Str) {
        self.new_uri = Some(uri);
        self.is_new = true;
    }

    /// Makes a branch the first destination: its URI the request-URI, and so on.
    pub fn set_first(&mut self, branch: Branch) {
        self.new_uri = Some(branch.uri);
        self.destination = branch.destination;
        self.path = branch.path;
        self.q = branch.q;
        self.socket = branch.socket;
        self.flags = branch.flags;
        self.ruid = branch.ruid;
        self.instance = branch.instance;
        self.user_agent = branch.user_agent;
        self.reg_id = branch.reg_id;
        self.connection = branch.connection;
        self.is_new = true;
    }

    /// The first destination as a branch; `uri` is the request-URI.
    #[must_use]
    pub fn first(&self, uri: Str) -> Branch {
        Branch {
            uri,
            destination: self.destination.clone(),
            path: self.path.clone(),
            q: self.q,
            socket: self.socket,
            flags: self.flags,
            ruid: self.ruid.clone(),
            instance: self.instance.clone(),
            user_agent: self.user_agent.clone(),
            reg_id: self.reg_id,
            connection: self.connection,
        }
    }

    /// Sets the next hop (`$du`).
    pub fn set_destination(&mut self, uri: Option<Str>) {
        self.destination = uri;
        self.is_new = true;
    }
}

/// How the message is to be sent on: `force_rport`, `set_reply_no_connect` ..
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SendFlags {
    /// `force_rport()`: answer to the source port; `rport` goes into the Via.
    pub force_rport: bool,
    /// `add_local_rport()`: our Via asks for rport.
    pub local_rport: bool,
    /// `set_forward_no_connect()`.
    pub forward_no_connect: bool,
    /// `set_reply_no_connect()`.
    pub reply_no_connect: bool,
    /// `set_forward_close()`.
    pub forward_close: bool,
    /// `set_reply_close()`.
    pub reply_close: bool,
    /// `force_tcp_alias()`: the connection may be reused for this port.
    pub tcp_alias: Option<u16>,
    /// `udp_mtu_try_proto(..)`.
    pub mtu_protocol: Option<sip::Protocol>,
    /// The request was made here (`$rtimer`, event routes), not received.
    pub faked: bool,
    /// `via_add_srvid(1)`: our Via names the `server_id`.
    pub via_srvid: bool,
    /// `via_add_xavp_params(1)`: our Via gets the fields of the XAVP `xavp_via_params`.
    pub via_params: bool,
    /// `via_use_xavp_fields(1)`: our Via names the address of the XAVP `xavp_via_fields`.
    pub via_fields: bool,
}

/// The values of `$var`.
#[derive(Clone, Debug, Default)]
pub struct Vars {
    values: Vec<Value>,
}

impl Vars {
    /// From the start values.
    #[must_use]
    pub const fn new(values: Vec<Value>) -> Self {
        Self { values }
    }

    /// A value; 0 before the first assignment.
    #[must_use]
    pub fn get(&self, slot: u32) -> Value {
        self.values.get(slot as usize).cloned().unwrap_or(Value::Int(0))
    }

    /// Sets a value.
    pub fn set(&mut self, slot: u32, value: Value) {
        let slot = slot as usize;
        if slot >= self.values.len() {
            self.values.resize(slot + 1, Value::Int(0));
        }
        self.values[slot] = value;
    }

    /// Back to the start values.
    pub fn reset(&mut self, start: &[Value]) {
        self.values.clear();
        self.values.extend_from_slice(start);
    }
}

/// A message, what the script did to it so far, and where the script stands.
pub struct RouteCx {
    /// The server.
    pub core: Arc<Core>,
    /// The message.
    pub message: Message,
    /// Where it came from.
    pub received: Received,
    /// The source address as the script sees it (`set_source_address` changes it).
    pub source: SocketAddr,
    /// Counts messages; `$mi` is another number (per process in Kamailio).
    pub id: u32,
    /// Where requests go.
    pub to: Destinations,
    /// How they go.
    pub send: SendFlags,
    /// `setflag`.
    pub flags: u32,
    /// `setsflag`.
    pub script_flags: u32,
    /// `setxflag`: further message flags.
    pub extra_flags: [u32; 2],
    /// `$avp(..)`.
    pub avps: Avps,
    /// `$xavp(..)`, `$xavu(..)`, `$xavi(..)`.
    pub xavps: Xavps,
    /// `$var(..)`.
    pub vars: Vars,
    /// Header lines (with CRLF) for the next reply: `append_to_reply`.
    pub reply_headers: Vec<Str>,
    /// Body and its type for the next reply.
    pub reply_body: Option<(Str, Str)>,
    /// Script was ended by `drop`.
    pub dropped: bool,
    /// In which kind of route the script is.
    pub kind: Routes,
    /// `$rc`: what the last function or route returned.
    pub return_code: i32,
    /// The result of the last statement.
    pub last_code: i32,
    /// What the message's handling sends; the worker sends it in one batch.
    pub outbox: Vec<Outgoing>,
    /// Place of the running operation.
    pub span: Span,
    /// Where the message is being sent, inside `onsend_route`.
    pub sending: Option<crate::forward::Sending>,
    /// The bytes that arrived, inside `event_route[core:msg-received]`, where nothing is parsed yet.
    pub raw: Option<Str>,
    /// When the route began, when somebody wants to know how long it takes.
    pub(crate) began: Option<std::time::Instant>,
    pub(crate) program: Option<Arc<Program>>,
    pub(crate) position: u32,
    pub(crate) base: u32,
    pub(crate) route: RouteId,
    pub(crate) frames: Vec<Frame>,
    /// How many routes run inside others ([`Self::enter`]).
    nested: u8,
    temporaries: Vec<Value>,
    module_data: SmallVec<[(TypeId, Box<dyn Any + Send>); 2]>,
    /// The request-URI that was parsed last.
    parsed_uri: RefCell<Option<Uri>>,
}

/// What [`RouteCx::enter`] put aside.
pub(crate) struct Saved {
    position: u32,
    base: u32,
    route: RouteId,
    frames: Vec<Frame>,
    temporaries: usize,
    span: Span,
    return_code: i32,
    last_code: i32,
    script_flags: u32,
}

const ENDED: u32 = u32::MAX;

/// How deep routes may run inside others: an event route that causes its own event would never end.
const MAX_NESTED: u8 = 8;

impl RouteCx {
    /// A context for a message.
    #[must_use]
    pub fn new(core: Arc<Core>, message: Message, received: Received) -> Self {
        let program = core.program.load_full();
        Self::with_program(core, message, received, program)
    }

    /// A message that runs on this program.
    pub(crate) fn with_program(
        core: Arc<Core>,
        message: Message,
        received: Received,
        program: Option<Arc<Program>>,
    ) -> Self {
        let vars = Vars::new(core.var_start().to_vec());
        Self {
            source: received.source,
            id: core.next_message_id(),
            core,
            message,
            received,
            to: Destinations::default(),
            send: SendFlags::default(),
            flags: 0,
            script_flags: 0,
            extra_flags: [0; 2],
            avps: Avps::default(),
            xavps: Xavps::default(),
            vars,
            reply_headers: Vec::new(),
            reply_body: None,
            dropped: false,
            kind: Routes(crate::function::routes::REQUEST),
            return_code: 0,
            last_code: 1,
            outbox: Vec::new(),
            span: Span::default(),
            sending: None,
            raw: None,
            began: None,
            program,
            position: ENDED,
            base: 0,
            route: RouteId(0),
            frames: Vec::new(),
            nested: 0,
            temporaries: Vec::new(),
            module_data: SmallVec::new(),
            parsed_uri: RefCell::new(None),
        }
    }

    /// A context for routes that run without a received message (timers, start): Kamailio's faked message.
    ///
    /// # Panics
    /// Never: the faked message is well-formed.
    #[must_use]
    pub fn faked(core: Arc<Core>) -> Self {
        const TEXT: &str = "OPTIONS sip:you@kamailio.org SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nFrom: <sip:you@kamailio.org>;tag=123\r\n\
            To: <sip:you@kamailio.org>\r\nCall-ID: 123\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
        let address = SocketAddr::from(([127, 0, 0, 1], 5060));
        let received = Received {
            socket: SocketId(0),
            protocol: sip::Protocol::Udp,
            source: address,
            destination: address,
            connection: None,
        };
        let Ok(message) = Message::parse(Str::from_static(TEXT)) else { unreachable!("the text above is well-formed") };
        let mut cx = Self::new(core, message, received);
        cx.send.faked = true;
        cx
    }

    /// Where the message is being sent, inside `onsend_route`.
    #[must_use]
    pub const fn sending(&self) -> Option<&crate::forward::Sending> {
        self.sending.as_ref()
    }

    /// `log_prefix`, evaluated for this message; empty when it is not set.
    #[must_use]
    pub fn log_prefix(&self) -> Str {
        self.core.log_prefix.get().map_or_else(Str::default, |format| format.eval(self))
    }

    /// Makes the context of a finished message ready for another one, keeping its memory. What modules kept with it was
    /// dropped at its end ([`Self::clear_data`]).
    pub fn reset(&mut self, received: Received, program: &Option<Arc<Program>>) {
        self.received = received;
        self.source = received.source;
        self.id = self.core.next_message_id();
        let mut branches = std::mem::take(&mut self.to.branches);
        branches.clear();
        self.to = Destinations { branches, ..Destinations::default() };
        self.send = SendFlags::default();
        self.flags = 0;
        self.script_flags = 0;
        self.extra_flags = [0; 2];
        self.avps.clear();
        self.xavps.clear();
        self.reply_headers.clear();
        self.reply_body = None;
        self.dropped = false;
        self.began = None;
        self.return_code = 0;
        self.last_code = 1;
        self.position = ENDED;
        self.base = 0;
        self.frames.clear();
        self.nested = 0;
        self.temporaries.clear();
        if self.program.as_ref().map(Arc::as_ptr) != program.as_ref().map(Arc::as_ptr) {
            self.program.clone_from(program);
        }
        self.vars.reset(self.core.var_start());
    }

    /// Runs on another program from now on: that of its transaction.
    pub fn set_program(&mut self, program: Arc<Program>) {
        if self.program.as_ref().is_none_or(|mine| !Arc::ptr_eq(mine, &program)) {
            self.program = Some(program);
            self.vars.reset(self.core.var_start());
        }
    }

    /// The program that this message runs on.
    #[must_use]
    pub const fn program(&self) -> Option<&Arc<Program>> {
        self.program.as_ref()
    }

    /// The request-URI as the script sees it: the new one, else the received one.
    #[must_use]
    pub fn request_uri(&self) -> Str {
        match &self.to.new_uri {
            Some(uri) => uri.clone(),
            None => self.message.request_uri().cloned().unwrap_or_default(),
        }
    }

    /// [`Self::request_uri`], taken apart: once for all who ask. Each look at a wrong one counts (`bad_URIs_rcvd`).
    ///
    /// # Errors
    /// As [`Uri::parse`].
    pub fn parsed_request_uri(&self) -> Result<Uri, UriError> {
        let Some(text) = self.to.new_uri.as_ref().or_else(|| self.message.request_uri()) else {
            return Uri::parse(Str::EMPTY);
        };
        let mut parsed = self.parsed_uri.borrow_mut();
        if let Some(known) = parsed.as_ref().filter(|known| std::ptr::eq(known.text().as_bytes(), text.as_bytes())) {
            return Ok(known.clone());
        }
        let uri = Uri::parse(text.clone()).inspect_err(|_| self.core.counters.bad_uris.increment())?;
        *parsed = Some(uri.clone());
        Ok(uri)
    }

    /// Where the script stands, as `file:line:column`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.program {
            Some(program) if !program.sources.files.is_empty() => {
                let location = program.sources.location(self.span);
                match program.routes.get(self.route.0 as usize) {
                    Some(route) if route.name.is_empty() => location.to_string(),
                    Some(route) => format!("{location} in route[{}]", route.name),
                    None => location.to_string(),
                }
            }
            _ => String::from("script"),
        }
    }

    /// Line and file of the running operation: `$cfg(line)`, xlog's long format.
    #[must_use]
    pub fn location(&self) -> Option<(usize, &str, &str)> {
        let program = self.program.as_ref()?;
        if program.sources.files.is_empty() {
            return None;
        }
        let location = program.sources.location(self.span);
        let route = program.routes.get(self.route.0 as usize).map_or("", |route| &*route.name);
        Some((location.line, location.file, route))
    }

    /// Data that a module keeps with the message; made by `default` at the first use.
    pub fn data<T: Any + Send + Default>(&mut self) -> &mut T {
        let id = TypeId::of::<T>();
        let at = self.module_data.iter().position(|(key, _)| *key == id).unwrap_or_else(|| {
            self.module_data.push((id, Box::<T>::default()));
            self.module_data.len() - 1
        });
        match self.module_data[at].1.downcast_mut() {
            Some(data) => data,
            None => unreachable!("the key is the type"),
        }
    }

    /// Data that a module kept with the message, if it did.
    #[must_use]
    pub fn find_data<T: Any + Send>(&self) -> Option<&T> {
        let id = TypeId::of::<T>();
        self.module_data.iter().find(|(key, _)| *key == id).and_then(|(_, data)| data.downcast_ref())
    }

    /// Drops all that modules kept with the message.
    pub(crate) fn clear_data(&mut self) {
        self.module_data.clear();
        self.parsed_uri.take();
    }

    /// Applies the queued edits: they become visible to the script (`msg_apply_changes`).
    pub fn apply_changes(&mut self) -> Result<(), String> {
        crate::forward::apply_changes(self)
    }

    /// Sends what is still in the outbox.
    pub fn flush(mut self: Box<Self>) {
        self.core.send_all(&mut self.outbox);
    }

    pub(crate) fn temporary(&self, at: u32) -> &Value {
        self.temporaries.get((self.base + at) as usize).unwrap_or(&Value::Null)
    }

    pub(crate) fn temporary_mut(&mut self, at: u32) -> &mut Value {
        let at = (self.base + at) as usize;
        if at >= self.temporaries.len() {
            self.temporaries.resize(at + 1, Value::Null);
        }
        &mut self.temporaries[at]
    }

    pub(crate) fn start(&mut self, (start, temporaries, route): (u32, u32, RouteId)) {
        self.frames.clear();
        self.temporaries.clear();
        self.open_frame(start, temporaries, route);
    }

    pub(crate) fn open_frame(&mut self, start: u32, temporaries: u32, route: RouteId) {
        self.base = self.temporaries.len() as u32;
        self.temporaries.resize((self.base + temporaries) as usize, Value::Null);
        self.position = start;
        self.route = route;
        self.last_code = 1;
    }

    pub(crate) fn close_frame(&mut self) {
        self.temporaries.truncate(self.base as usize);
    }

    /// Puts the running route aside for another one; `None`: too many run inside each other.
    pub(crate) fn enter(&mut self, frame: (u32, u32, RouteId)) -> Option<Saved> {
        if self.nested >= MAX_NESTED {
            crate::log!(self.core.log, Error, "{}: event routes run inside each other without end", self.place());
            return None;
        }
        self.nested += 1;
        let saved = Saved {
            position: self.position,
            base: self.base,
            route: self.route,
            frames: std::mem::take(&mut self.frames),
            temporaries: self.temporaries.len(),
            span: self.span,
            return_code: self.return_code,
            last_code: self.last_code,
            // They belong to the route; the other one starts without.
            script_flags: std::mem::take(&mut self.script_flags),
        };
        self.open_frame(frame.0, frame.1, frame.2);
        Some(saved)
    }

    pub(crate) fn leave(&mut self, saved: Saved) {
        self.nested -= 1;
        // Not `base`: the route may have ended inside another one.
        self.temporaries.truncate(saved.temporaries);
        self.position = saved.position;
        self.base = saved.base;
        self.route = saved.route;
        self.frames = saved.frames;
        self.span = saved.span;
        self.return_code = saved.return_code;
        self.last_code = saved.last_code;
        self.script_flags = saved.script_flags;
    }

    /// Ends the script.
    pub(crate) fn end(&mut self) {
        self.position = ENDED;
        self.frames.clear();
    }
}
