//! Requests that this server makes itself: built, shown to `event_route[tm:local-request]`, sent, answered.

use std::sync::Arc;

use engine::{Branch, RouteCx, Routes, ScriptError, Str};
use language::ast::RouteKind;
use sip::{HeaderName, Message, Method, Uri};
use transaction::Forwarding;
use transport::resolve::Target;
use transport::{LocalSocket, Outgoing, Received, SocketId};

use super::relay::{self, Refusal};
use super::transaction::{Completed, Options, Saved, State, Transaction, TransactionId};
use super::{Current, Tm};

/// `local_ack_mode`: 1 and 2.
const WHERE_THE_INVITE_WENT: i64 = 1;
const WHERE_THE_REPLY_CAME_FROM: i64 = 2;

/// A request to send. Texts are header bodies; a line end in one of them is refused.
#[derive(Clone, Debug, Default)]
pub struct LocalRequest {
    /// The method.
    pub method: Str,
    /// The request-URI.
    pub uri: Str,
    /// The From header; a tag is added when it has none.
    pub from: Str,
    /// The To header.
    pub to: Str,
    /// The Call-ID; `None`: a new one.
    pub call_id: Option<Str>,
    /// The sequence number.
    pub cseq: u32,
    /// Further header lines, each with its CRLF.
    pub headers: Str,
    /// The body; its Content-Type is among the headers.
    pub body: Str,
    /// Where it is sent instead of the first Route or the request-URI.
    pub next_hop: Option<Str>,
    /// The socket it is sent from.
    pub socket: Option<SocketId>,
    /// Instead of `fr_timer`, in milliseconds.
    pub reply_timeout: Option<u32>,
    /// Instead of `fr_inv_timer`, in milliseconds.
    pub ringing_timeout: Option<u32>,
    /// A 2xx to an INVITE is not acknowledged: whoever hears of it does that.
    pub without_ack: bool,
}

impl LocalRequest {
    /// The request without Via, which is added when it is sent.
    fn text(&self, tm: &Tm) -> Result<Str, ScriptError> {
        let one_line = |name: &str, text: &Str| {
            if text.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
                return Err(ScriptError::new(format!("the {name} has a line end in it")));
            }
            Ok(())
        };
        one_line("method", &self.method)?;
        one_line("request-URI", &self.uri)?;
        one_line("From", &self.from)?;
        one_line("To", &self.to)?;
        if self.method.is_empty() || !self.method.bytes_are_token() {
            return Err(ScriptError::new(format!("`{}` is no method", self.method)));
        }
        Uri::parse(self.uri.clone()).map_err(|error| ScriptError::new(format!("wrong request-URI: {error}")))?;
        let from = sip::NameAddr::parse(self.from.clone()).ok_or_else(|| ScriptError::new("wrong From header"))?;
        sip::NameAddr::parse(self.to.clone()).ok_or_else(|| ScriptError::new("wrong To header"))?;
        let tag = if from.tag().is_none() { format!(";tag={:016x}", rand::random::<u64>()) } else { String::new() };
        let call_id = match &self.call_id {
            Some(id) => id.to_text().into_owned(),
            None => format!("{:032x}", rand::random::<u128>()),
        };
        one_line("Call-ID", &Str::from(&*call_id))?;
        let core = tm.core();
        let mut text = Vec::with_capacity(512 + self.headers.len() + self.body.len());
        let mut add = |part: &[u8]| text.extend_from_slice(part);
        add(&[&*self.method, b" ", &*self.uri, b" SIP/2.0\r\n"].concat());
        add(&[b"To: ", &*self.to, b"\r\nFrom: ", &*self.from, tag.as_bytes(), b"\r\n"].concat());
        add(format!("CSeq: {} {}\r\nCall-ID: {call_id}\r\nMax-Forwards: 70\r\n", self.cseq, self.method).as_bytes());
        add(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        if core.settings.server_signature && !has_header(&self.headers, "User-Agent") {
            add(&core.settings.user_agent_header);
            add(b"\r\n");
        }
        add(&self.headers);
        if !self.headers.is_empty() && !self.headers.ends_with(b"\n") {
            add(b"\r\n");
        }
        add(b"\r\n");
        add(&self.body);
        Ok(Str::from(text))
    }
}

fn has_header(lines: &[u8], name: &str) -> bool {
    lines.split(|byte| *byte == b'\n').any(|line| {
        line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
            && line[name.len()..].trim_ascii_start().first() == Some(&b':')
    })
}

/// What can be a method.
trait Token {
    fn bytes_are_token(&self) -> bool;
}

impl Token for Str {
    fn bytes_are_token(&self) -> bool {
        self.iter().copied().all(sip::scan::is_token)
    }
}

impl Tm {
    /// Sends a request. `completed` hears of its final reply, also of one that is made up because none came. An ACK has
    /// no reply and no transaction: then the result is `None`.
    pub async fn send_request(
        self: &Arc<Self>,
        request: LocalRequest,
        completed: Option<Completed>,
    ) -> Result<Option<TransactionId>, ScriptError> {
        let core = self.core().clone();
        let message = Message::parse(request.text(self)?)
            .map_err(|error| ScriptError::new(format!("the request would be malformed: {error}")))?;
        let mut cx = self.local_context(message, &request)?;
        let next_hop = match request.next_hop.clone().filter(|uri| !uri.is_empty()) {
            Some(uri) => Some(uri),
            // As in Kamailio `$du` is never empty here.
            None => first_route(&cx.message).or_else(|| Some(request.uri.clone())),
        };
        cx.to.destination = next_hop;
        cx.to.socket = request.socket;
        let (socket, mut targets) = resolve(core.clone(), engine::forward::next_hop(&cx), cx.to.socket).await?;
        cx.received.socket = socket.id;
        cx.received.destination = socket.address;
        cx.received.source = socket.address;
        cx.source = socket.address;
        cx.to.socket = Some(socket.id);
        let before = cx.to.clone();
        if !self.local_request_route(&mut cx).await {
            return Err(ScriptError::new("event_route[tm:local-request] dropped the request"));
        }
        let mut socket = socket;
        if cx.to.destination != before.destination || cx.to.new_uri.is_some() || cx.to.socket != before.socket {
            (socket, targets) = resolve(core.clone(), engine::forward::next_hop(&cx), cx.to.socket).await?;
        }
        if !cx.message.edits().is_empty() || cx.to.new_uri.is_some() {
            cx.apply_changes().map_err(ScriptError::new)?;
        }
        if cx.message.method() == Method::Ack {
            engine::forward::send_request(&mut cx, &targets)?;
            core.send_all(&mut cx.outbox);
            return Ok(None);
        }
        let transaction = self.local_transaction(&mut cx, &request, completed)?;
        let mut targets = targets.into_iter();
        let Some(target) = targets.next() else { return Err(ScriptError::new("no address for the next hop")) };
        let to = Branch { uri: cx.request_uri(), destination: cx.to.destination.clone(), ..Branch::default() };
        let sent = relay::send_to(&mut cx, &transaction, 0, to, target, &socket, targets.collect());
        if let Err(error) = sent {
            self.table.remove(transaction.id());
            return Err(Refusal::into_error(error));
        }
        self.counters.uac.increment();
        core.send_all(&mut cx.outbox);
        transaction.lock().take_back(&mut cx);
        transaction.go_on();
        Ok(Some(transaction.id()))
    }

    /// Acknowledges the 2xx to an INVITE that was made here and whose ACK is left to others (`without_ack`). `headers` are
    /// whole lines. `false`: no such INVITE has a 2xx.
    pub(crate) fn acknowledge_call(
        &self,
        call_id: &Str,
        cseq: u32,
        headers: &Str,
        body: &Str,
        sends: &mut Vec<Outgoing>,
    ) -> Result<bool, ScriptError> {
        let headers = ack_headers(headers, body)?;
        for invite in self.table.local_invites(call_id, cseq) {
            let state = invite.lock();
            let Ok(request) = Message::parse(state.request.text.clone()) else { continue };
            let number = request.cseq().ok().flatten().map(|cseq| cseq.number);
            let answered = (200..300).contains(&state.machine.status());
            if number == Some(cseq)
                && request.call_id().is_some_and(|id| id == *call_id)
                && let Some(branch) = state.reply_branch.filter(|_| answered)
            {
                return Ok(invite.acknowledge(&state, branch, &AckParts { headers, body: body.clone() }, sends));
            }
        }
        Ok(false)
    }

    fn local_context(&self, message: Message, request: &LocalRequest) -> Result<Box<RouteCx>, ScriptError> {
        let core = self.core();
        let socket = request
            .socket
            .and_then(|id| core.socket(id))
            .or_else(|| core.sockets().first())
            .ok_or_else(|| ScriptError::new("no local socket"))?;
        let received = Received {
            socket: socket.id,
            protocol: socket.protocol,
            source: socket.address,
            destination: socket.address,
            connection: None,
        };
        let mut cx = Box::new(RouteCx::new(core.clone(), message, received));
        cx.send.faked = true;
        Ok(cx)
    }

    /// Runs `event_route[tm:local-request]`; `false`: the script dropped the request.
    async fn local_request_route(&self, cx: &mut RouteCx) -> bool {
        let Some(program) = cx.program().cloned() else { return true };
        let Some(route) = program.route(RouteKind::Event, "tm:local-request") else { return true };
        use engine::function::routes;
        cx.kind = Routes(routes::LOCAL | routes::EVENT | routes::REQUEST);
        cx.dropped = false;
        program.run(route, cx).await;
        !std::mem::take(&mut cx.dropped)
    }

    fn local_transaction(
        self: &Arc<Self>,
        cx: &mut RouteCx,
        request: &LocalRequest,
        completed: Option<Completed>,
    ) -> Result<Arc<Transaction>, ScriptError> {
        let call_id = cx.message.call_id().ok_or_else(|| ScriptError::new("no Call-ID"))?;
        let cseq = cx.message.cseq().ok().flatten().map(|cseq| cseq.number).unwrap_or(request.cseq);
        let mut options = Options {
            reply_timeout: request.reply_timeout,
            ringing_timeout: request.ringing_timeout,
            ..cx.find_data::<Current>().map(|current| current.options.clone()).unwrap_or_default()
        };
        if options.on_failure.is_some() && !self.params.enable_uac_fr {
            engine::log!(
                cx.core.log,
                Warning,
                "{}: requests made here have a failure route with `enable_uac_fr`",
                cx.place()
            );
            options.on_failure = None;
        }
        let method = cx.message.method();
        let now = self.now();
        let mut machine = Forwarding::local(now, self.timers(&options, method == Method::Invite, Some(cx)));
        self.configure(&mut machine, &options);
        let mut saved = Saved { is_saved: true, ..Saved::of(cx) };
        // It was made from the URI or the route set; a failure route finds none, as in Kamailio.
        saved.to.destination = None;
        let transaction = self.table.insert_local(&call_id, cseq, |id| {
            Transaction::new(id, None, method, self.clone(), machine, saved, options)
        });
        {
            let mut state = transaction.lock();
            state.program = cx.program().cloned();
            state.completed = completed;
            state.automatic_ack = !request.without_ack;
        }
        Ok(transaction)
    }
}

/// The socket and the addresses for a next hop.
async fn resolve(
    core: Arc<engine::Core>,
    uri: Str,
    preferred: Option<SocketId>,
) -> Result<(LocalSocket, Vec<Target>), ScriptError> {
    let mut targets = engine::forward::resolve(&core, &uri).await?;
    let reachable = |target: &Target| core.sending_socket(target.protocol, &target.address, preferred, None);
    let first = targets.iter().position(|target| reachable(target).is_some());
    let first =
        first.ok_or_else(|| ScriptError::new("no local socket of the protocol and address family of the next hop"))?;
    targets.drain(..first);
    let socket = reachable(&targets[0]).cloned();
    Ok((socket.ok_or_else(|| ScriptError::new("no local socket"))?, targets))
}

/// The URI of the first Route.
fn first_route(message: &Message) -> Option<Str> {
    message.routes().ok()?.first().map(|route| route.uri.clone())
}

impl Transaction {
    /// Acknowledges a 2xx to an INVITE that was made here (RFC 3261 section 13.2.2.4). `false`: the branch has none.
    pub(crate) fn acknowledge(
        &self,
        state: &State,
        branch: usize,
        parts: &AckParts,
        sends: &mut Vec<Outgoing>,
    ) -> bool {
        let Some(at) = state.branches.get(branch) else { return false };
        let Some(kept) = &at.reply else { return false };
        let came_by = kept.came_by;
        let Ok(reply) = Message::parse(kept.received.clone()) else { return false };
        let Some(ack) = ack_to_2xx(&at.request, &reply, parts) else { return false };
        let core = self.tm.core().clone();
        match self.tm.live.local_ack_mode.get() {
            WHERE_THE_INVITE_WENT => {
                sends.push(at.outgoing(ack.text));
                return true;
            }
            WHERE_THE_REPLY_CAME_FROM => {
                sends.push(Outgoing::reply_to(&came_by, ack.text));
                return true;
            }
            _ => {}
        }
        let preferred = at.socket;
        core.clone().go(Box::pin(async move {
            let found = engine::forward::resolve(&core, &ack.next_hop).await.ok().and_then(|targets| {
                targets.into_iter().find_map(|target| {
                    core.socket_for(target.protocol, &target.address, Some(preferred)).map(|socket| (target, socket.id))
                })
            });
            match found {
                Some((target, socket)) => {
                    core.send(Outgoing::new(socket, target.protocol, target.address, ack.text));
                }
                None => engine::log!(core.log, Error, "no way to send the ACK to `{}`", ack.next_hop),
            }
        }));
        true
    }
}

/// What an ACK to a 2xx has beside what INVITE and 2xx say.
#[derive(Default)]
pub(crate) struct AckParts {
    /// Whole lines.
    headers: Str,
    body: Str,
}

/// Header lines for an ACK, each with its line end.
fn ack_headers(lines: &Str, body: &Str) -> Result<Str, ScriptError> {
    let mut text = lines.trim().to_vec();
    if !text.is_empty() {
        text.extend_from_slice(b"\r\n");
    }
    let wrong = |_| ScriptError::new("these are no header lines");
    let parsed = Message::parse(Str::from([b"ACK sip:a SIP/2.0\r\n", &*text, b"\r\n"].concat())).map_err(wrong)?;
    if !parsed.body().is_empty() {
        return Err(ScriptError::new("an empty line is among the headers"));
    }
    if !body.is_empty() && !parsed.has_header(HeaderName::ContentType) {
        return Err(ScriptError::new("a body needs a Content-Type header"));
    }
    if parsed.has_header(HeaderName::ContentLength) {
        return Err(ScriptError::new("Content-Length is added here"));
    }
    Ok(Str::from(text))
}

struct Ack {
    text: Str,
    next_hop: Str,
}

/// The ACK to a 2xx: to the Contact, along the recorded route.
fn ack_to_2xx(invite: &Str, reply: &Message, parts: &AckParts) -> Option<Ack> {
    let invite = Message::parse(invite.clone()).ok()?;
    let cseq = invite.cseq().ok().flatten()?.number;
    let via = invite.via().ok().flatten()?;
    let target = reply
        .contacts()
        .ok()
        .flatten()
        .and_then(|contacts| contacts.list.first())
        .map(|contact| contact.address.uri.clone());
    let target = target.unwrap_or_else(|| invite.request_uri().cloned().unwrap_or_default());
    let mut routes: Vec<Str> = reply.record_routes().ok()?.iter().map(|route| route.text.clone()).collect();
    routes.reverse();
    let next_hop = reply.record_routes().ok()?.last().map_or_else(|| target.clone(), |route| route.uri.clone());
    let branch = format!("z9hG4bK{:016x}", rand::random::<u64>());
    let protocol = via.transport.name();
    let port = via.port.map_or_else(String::new, |port| format!(":{port}"));
    let mut text = Vec::with_capacity(512);
    let mut line = |name: &str, body: &[u8]| {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(body);
        text.extend_from_slice(b"\r\n");
    };
    line("ACK ", &[&*target, b" SIP/2.0"].concat());
    line(
        "Via: ",
        &[format!("SIP/2.0/{protocol} ").as_bytes(), &*via.host, port.as_bytes(), b";branch=", branch.as_bytes()]
            .concat(),
    );
    for route in routes {
        line("Route: ", &route);
    }
    line("From: ", &invite.body_named(HeaderName::From)?);
    line("To: ", &reply.body_named(HeaderName::To)?);
    line("Call-ID: ", &invite.call_id()?);
    line("CSeq: ", format!("{cseq} ACK").as_bytes());
    line("Max-Forwards: ", b"70");
    line("Content-Length: ", parts.body.len().to_string().as_bytes());
    text.extend_from_slice(&[&*parts.headers, b"\r\n", &*parts.body].concat());
    Some(Ack { text: Str::from(text), next_hop })
}
