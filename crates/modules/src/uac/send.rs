//! `uac_req_send()`, the reply to it, and `event_route[uac:reply]`.

use std::sync::{Arc, OnceLock};

use engine::program::Program;
use engine::{BoxFuture, CallResult, Core, Return, RouteCx, Routes, ScriptError, Str, function};
use language::ast::RouteKind;
use sip::{Message, NameAddr};
use transport::Received;

use super::Uac;
use super::digest::{Login, Secret, Target, answer};
use super::request::Request;
use crate::tm::{Current, LocalRequest, Transaction, TransactionId};

/// The CSeq of a request that names none.
const FIRST_CSEQ: u32 = 10;
/// `$uac_req(evtype)`: the event has a reply.
const WITH_REPLY: i64 = 1;
/// There was none.
const WITHOUT_REPLY: i64 = 2;
/// Bit of `$uac_req(flags)`: the password is an HA1.
const FLAG_HA1: i64 = 1;

/// From or To: the URI gets brackets, and the tag is added unless there is one.
fn address(text: &Str, tag: Option<&[u8]>) -> Result<Str, ScriptError> {
    let whole = if text.contains(&b'<') { text.clone() } else { Str::from([b"<", &**text, b">"].concat()) };
    let parsed = NameAddr::parse(whole.clone());
    let Some(parsed) = parsed else { return Err(ScriptError::new(format!("`{text}` cannot be From or To"))) };
    Ok(match tag {
        Some(tag) if parsed.tag().is_none() => Str::from([&*whole, b";tag=", tag].concat()),
        _ => whole,
    })
}

/// Header lines that end with CRLF. An empty line in them would be the end of the headers.
fn header_lines(text: Str) -> Result<Vec<u8>, ScriptError> {
    let mut lines = text.to_vec();
    if !lines.is_empty() && !lines.ends_with(b"\n") {
        lines.extend_from_slice(b"\r\n");
    }
    let mut all = lines.split(|byte| *byte == b'\n').rev().skip(1);
    if all.any(|line| line.trim_ascii().is_empty()) {
        return Err(ScriptError::new("$uac_req(hdrs) has an empty line in it"));
    }
    Ok(lines)
}

fn has_route(lines: &[u8]) -> bool {
    lines.split(|byte| *byte == b'\n').any(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"Route")
    })
}

fn check_tag(tag: Option<&Str>) -> Result<(), ScriptError> {
    match tag.filter(|tag| !tag.iter().copied().all(sip::scan::is_token)) {
        Some(tag) => Err(ScriptError::new(format!("`{tag}` cannot be a tag"))),
        None => Ok(()),
    }
}

/// A timeout in milliseconds; 0: the default.
fn timeout(milliseconds: i64) -> Option<u32> {
    u32::try_from(milliseconds).ok().filter(|milliseconds| *milliseconds > 0)
}

impl Uac {
    /// The request as tm takes it.
    fn local_request(&self, core: &Core, request: &Request) -> Result<LocalRequest, ScriptError> {
        let missing = |name: &str| ScriptError::new(format!("$uac_req({name}) is not set"));
        let method = request.method.clone().ok_or_else(|| missing("method"))?;
        let uri = request.uri.clone().ok_or_else(|| missing("ruri"))?;
        check_tag(request.from_tag.as_ref())?;
        check_tag(request.to_tag.as_ref())?;
        // An authenticated request has the same tag and Call-ID as the first one: tm must not make up others.
        let own_tag = format!("{:032x}", rand::random::<u128>());
        let tag = request.from_tag.as_deref().unwrap_or(own_tag.as_bytes());
        let from = address(request.from.as_ref().unwrap_or(&uri), Some(tag))?;
        let to = address(request.to.as_ref().unwrap_or(&uri), request.to_tag.as_deref())?;
        let call_id = request.call_id.clone().unwrap_or_else(|| Str::from(format!("{:032x}", rand::random::<u128>())));
        let headers = header_lines(request.headers.clone().unwrap_or_default())?;
        let socket = match &request.socket {
            Some(text) => {
                let found = core.find_socket(&text.to_text());
                if found.is_none() {
                    engine::log!(core.log, Warning, "$uac_req(sock): `{text}` is not ours; another socket is used");
                }
                found
            }
            None => None,
        };
        let cseq = match request.cseq {
            0 => FIRST_CSEQ,
            given => u32::try_from(given).map_err(|_| ScriptError::new("$uac_req(cseqno) is out of range"))?,
        };
        // A Route among the headers does not choose the next hop.
        let next_hop = request.next_hop.clone().or_else(|| has_route(&headers).then(|| uri.clone()));
        Ok(LocalRequest {
            method,
            uri,
            from,
            to,
            call_id: Some(call_id),
            cseq,
            headers: Str::from(headers),
            body: request.body.clone().unwrap_or_default(),
            next_hop,
            socket: socket.or_else(|| self.default_socket.get().copied()),
            reply_timeout: timeout(request.reply_timeout),
            ringing_timeout: timeout(request.ringing_timeout),
            without_ack: false,
        })
    }
}

/// A request that was sent, until its reply comes.
struct Waiting {
    uac: Arc<Uac>,
    core: Arc<Core>,
    program: Option<Arc<Program>>,
    request: Request,
    local: LocalRequest,
    /// It carries the answer to a challenge already.
    authenticated: bool,
}

impl Waiting {
    fn wants_event(&self, status: u16) -> bool {
        match self.request.event_route {
            1 => true,
            2 => status >= 300,
            _ => false,
        }
    }

    /// Sends it; the reply comes later.
    fn send(self) -> BoxFuture<'static, Result<(), ScriptError>> {
        Box::pin(async move {
            let (tm, local) = (self.uac.tm.clone(), self.local.clone());
            let can_answer = self.request.user.is_some() && self.request.password.is_some();
            if self.request.event_route == 0 && !can_answer {
                return tm.send_request(local, None).await.map(drop);
            }
            let id = Arc::new(OnceLock::<TransactionId>::new());
            let (core, known) = (self.core.clone(), id.clone());
            let completed = Box::new(move |status: u16, reply: Option<Str>| {
                let transaction = known.get().and_then(|id| self.uac.tm.transaction(*id));
                core.spawn(Box::pin(self.completed(status, reply, transaction)));
            });
            if let Some(sent) = tm.send_request(local, Some(completed)).await? {
                let _ = id.set(sent);
            }
            Ok(())
        })
    }

    async fn completed(self, status: u16, reply: Option<Str>, transaction: Option<Arc<Transaction>>) {
        if self.wants_event(status) {
            self.event(status, reply.clone(), transaction).await;
        }
        let Some(again) = reply.and_then(|reply| self.answered(status, reply)) else { return };
        let core = again.core.clone();
        if let Err(error) = again.send().await {
            engine::log!(core.log, Error, "uac_req_send: the answer to a challenge was not sent: {error}");
        }
    }

    /// The request with the answer to a challenge.
    fn answered(mut self, status: u16, reply: Str) -> Option<Self> {
        if self.authenticated {
            return None;
        }
        super::digest::headers(status)?;
        let (username, password) = self.request.user.clone().zip(self.request.password.clone())?;
        let is_ha1 = self.request.flags & FLAG_HA1 != 0;
        let secret = if is_ha1 { Secret::Ha1(password) } else { Secret::Password(password) };
        let reply = Message::parse(reply).ok()?;
        let target = Target { method: &self.local.method, uri: &self.local.uri, body: &self.local.body };
        let login = |_: &Str| Some(Login { username: username.clone(), secret: secret.clone() });
        let Ok(header) = answer(&reply, status, &target, login) else {
            engine::log!(self.core.log, Error, "uac_req_send: no challenge in the reply {status} can be answered");
            return None;
        };
        self.local.headers = Str::from([&*self.local.headers, &*header].concat());
        self.local.cseq = self.local.cseq.checked_add(1)?;
        self.authenticated = true;
        Some(self)
    }

    /// Runs `event_route[uac:reply]`.
    async fn event(&self, status: u16, reply: Option<Str>, transaction: Option<Arc<Transaction>>) {
        let Some(program) = self.program.clone() else { return };
        let Some(route) = program.route(RouteKind::Event, "uac:reply") else { return };
        let reply = reply.and_then(|text| Message::parse(text).ok());
        let with_reply = reply.is_some();
        let mut cx = match reply {
            Some(reply) => Box::new(RouteCx::new(self.core.clone(), reply, received(&self.core, transaction.as_ref()))),
            None => Box::new(RouteCx::faked(self.core.clone())),
        };
        cx.set_program(program.clone());
        let event_type = if with_reply { WITH_REPLY } else { WITHOUT_REPLY };
        *cx.data::<Request>() = Request { event_code: i64::from(status), event_type, ..self.request.clone() };
        if transaction.is_some() {
            *cx.data::<Current>() = Current { transaction, branch: Some(0), ..Current::default() };
        }
        cx.kind = Routes(engine::function::routes::EVENT);
        program.run(route, &mut cx).await;
        cx.flush();
    }
}

/// Where a reply came from: where the request went.
fn received(core: &Arc<Core>, transaction: Option<&Arc<Transaction>>) -> Received {
    let mut received = RouteCx::faked(core.clone()).received;
    if let Some(transaction) = transaction {
        let state = transaction.lock();
        if let Some(at) = state.branches.last() {
            received.socket = at.socket;
            received.protocol = at.protocol;
            received.source = at.destination;
        }
    }
    if let Some(socket) = core.socket(received.socket) {
        received.destination = socket.address;
    }
    received
}

/// Sends the request that `$uac_req(..)` describes and goes on at once; what becomes of it `event_route[uac:reply]` hears,
/// with `$uac_req(evroute)`. With `$uac_req(auser)` and `$uac_req(apasswd)` a challenge is answered once, with the next
/// CSeq.
///
/// Returns 1; -1 when the request cannot be built or sent.
#[function(ANY)]
pub async fn uac_req_send(cx: &mut RouteCx, me: &Arc<Uac>) -> CallResult {
    let request = cx.find_data::<Request>().cloned().unwrap_or_default();
    let local = me.local_request(&cx.core, &request)?;
    let waiting = Waiting {
        uac: me.clone(),
        core: cx.core.clone(),
        program: cx.program().cloned(),
        request,
        local,
        authenticated: false,
    };
    waiting.send().await?;
    Ok(Return::TRUE)
}
