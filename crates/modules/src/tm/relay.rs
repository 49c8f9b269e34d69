//! Sending the request on: its branches, their routes, their addresses.

use std::sync::Arc;
use std::task::Poll;

use engine::forward::{self, Hop};
use engine::reply::LastFailure;
use engine::{Branch, CallResult, Return, RouteCx, Routes, ScriptError, Str};
use sip::{HeaderName, Method, Protocol};
use transaction::BranchId;
use transport::resolve::Target;
use transport::{ConnectionId, LocalSocket};

use super::create::{BAD_URI, Created};
use super::step::Step;
use super::table::{RequestKey, branch_parameter};
use super::transaction::{SentBranch, State, Transaction};
use super::{Current, Tm};

/// A next hop that the script gave instead of the URI.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxy {
    pub(crate) host: Option<Str>,
    pub(crate) port: Option<u16>,
    pub(crate) protocol: Option<Protocol>,
}

/// Why nothing was sent: the return code, and the reply that follows unless the script answers.
pub(crate) struct Refusal {
    code: i32,
    reply: Option<(u16, &'static str)>,
    text: String,
}

impl Refusal {
    fn new(code: i32, reply: Option<(u16, &'static str)>, text: impl Into<String>) -> Self {
        Self { code, reply, text: text.into() }
    }

    fn unresolvable(error: ScriptError) -> Self {
        Self::new(-478, Some((478, "Unresolvable destination (478/TM)")), error.message)
    }

    /// For the log.
    pub(crate) fn into_error(self) -> ScriptError {
        ScriptError::new(self.text)
    }

    fn no_socket() -> Self {
        Self::new(
            -7,
            Some((500, "I'm terribly sorry, server error occurred (7/TM)")),
            "no local socket of the protocol and address family of the next hop",
        )
    }
}

/// How relaying behaves beside the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RelayFlags {
    /// No 100 for an INVITE.
    pub(crate) no_100: bool,
    /// No reply when it fails.
    pub(crate) no_failure_reply: bool,
    /// No further address.
    pub(crate) no_failover: bool,
    /// The replies concern nobody (`t_replicate`).
    pub(crate) no_replies: bool,
}

/// `t_relay`: makes the transaction if there is none, and sends the request on.
///
/// Mostly nothing has to be waited for. What may wait is put aside, so that the future of each `t_relay` stays small.
pub(crate) async fn relay(cx: &mut RouteCx, tm: &Arc<Tm>, proxy: Proxy, flags: RelayFlags) -> CallResult {
    let transaction = match begin(cx, tm, flags)? {
        Begun::Done(code) => return Ok(code),
        Begun::Ack => {
            return match relay_ack_at_once(cx, &proxy) {
                Some(result) => result,
                None => Box::pin(relay_ack(cx, &proxy)).await,
            };
        }
        Begun::Transaction(transaction) => transaction,
    };
    if cx.message.method() == Method::Cancel && !in_failure_route(cx) {
        return Box::pin(super::cancel::relay_cancel(cx, tm, &transaction, proxy)).await;
    }
    if cx.message.method() == Method::Invite && !flags.no_100 {
        trying(cx, tm, &transaction);
    }
    let outcome = match send_at_once(cx, tm, &transaction, &proxy) {
        Some(outcome) => outcome,
        None => Box::pin(send_after_trying(cx, tm, &transaction, &proxy)).await,
    };
    finish(cx, outcome, flags)
}

/// What [`begin`] found.
enum Begun {
    /// Nothing is left to do.
    Done(Return),
    /// An ACK to a 2xx, which has no transaction.
    Ack,
    /// The transaction to relay in.
    Transaction(Arc<Transaction>),
}

fn begin(cx: &mut RouteCx, tm: &Arc<Tm>, flags: RelayFlags) -> Result<Begun, ScriptError> {
    if !cx.message.is_request() {
        return Err(ScriptError::new("only requests can be relayed"));
    }
    if let Some(known) = super::create::retransmission(cx) {
        super::incoming::absorb(cx, &known);
        return Ok(Begun::Done(Return::TRUE));
    }
    let transaction = match super::create::current(cx) {
        Some(transaction) => transaction,
        None => match tm.create(cx)? {
            Created::New(transaction) => transaction,
            Created::Known => return Ok(Begun::Done(Return::TRUE)),
            Created::Ack => {
                tell_of_ack(cx, tm);
                return Ok(Begun::Ack);
            }
            Created::BadUri => return Ok(Begun::Done(BAD_URI)),
        },
    };
    if flags.no_failover {
        transaction.lock().options.disable_failover = true;
    }
    if flags.no_replies {
        transaction.lock().keep_replies_here();
    }
    Ok(Begun::Transaction(transaction))
}

/// [`send_branches`]; the 100 does not wait for it.
async fn send_after_trying(
    cx: &mut RouteCx,
    tm: &Arc<Tm>,
    transaction: &Arc<Transaction>,
    proxy: &Proxy,
) -> Result<(), Refusal> {
    let core = cx.core.clone();
    let mut before = std::mem::take(&mut cx.outbox);
    let outcome = {
        let mut sending = std::pin::pin!(send_branches(cx, tm, transaction, proxy));
        match std::future::poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                core.send_all(&mut before);
                sending.await
            }
        }
    };
    before.append(&mut cx.outbox);
    cx.outbox = before;
    outcome
}

/// Turns the outcome into a return code; the reply to a failure is sent when the script ends.
pub(crate) fn finish(cx: &mut RouteCx, outcome: Result<(), Refusal>, flags: RelayFlags) -> CallResult {
    match outcome {
        Ok(()) => Ok(Return::TRUE),
        Err(refusal) => {
            let (status, reason) = refusal.reply.unwrap_or((500, "I'm terribly sorry, server error occurred (1/TM)"));
            let stateless = reason.strip_suffix("/TM)").map(|text| Str::from(format!("{text}/SL)")));
            cx.data::<LastFailure>().0 = stateless.map(|reason| (status, reason));
            let owner = cx.data::<Current>();
            let silent = owner.transaction.as_ref().is_some_and(|own| own.lock().options.disable_internal_reply);
            if owner.is_owner && !silent && !flags.no_failure_reply {
                owner.failure = Some((status, Str::from_static(reason)));
            }
            engine::log!(cx.core.log, Error, "{}: not relayed: {}", cx.place(), refusal.text);
            Ok(Return(refusal.code))
        }
    }
}

fn in_failure_route(cx: &RouteCx) -> bool {
    !cx.find_data::<Current>().is_some_and(|current| current.is_owner)
}

/// Tells the INVITE's transaction of the ACK to its 2xx, when somebody wants to know.
fn tell_of_ack(cx: &mut RouteCx, tm: &Tm) {
    if !tm.ack_listeners.is_empty()
        && let Some(invite) = RequestKey::to_find(cx, &tm.table).and_then(|key| tm.table.find_invite_of_ack(&key))
        && (200..300).contains(&invite.status())
    {
        invite.acknowledged(cx);
    }
}

/// The ACK to a 2xx is a request of its own without any reply: it goes on without state (RFC 3261 section 16.11).
async fn relay_ack(cx: &mut RouteCx, proxy: &Proxy) -> CallResult {
    let to = cx.to.first(cx.request_uri());
    let hop = hop_of(cx, &to, proxy)?;
    let core = cx.core.clone();
    send_ack(cx, &to, &hop.targets(&core).await?)
}

fn send_ack(cx: &mut RouteCx, to: &Branch, targets: &[Target]) -> CallResult {
    let mark = cx.message.edits().mark();
    add_path(cx, to);
    let sent = forward::send_request(cx, targets);
    cx.message.edits_mut().truncate(mark);
    sent?;
    Ok(Return::TRUE)
}

/// [`relay_ack`] when nothing has to be looked up.
fn relay_ack_at_once(cx: &mut RouteCx, proxy: &Proxy) -> Option<CallResult> {
    let to = cx.to.first(cx.request_uri());
    let target = hop_of(cx, &to, proxy).ok()?.known()?;
    Some(send_ack(cx, &to, &[target]))
}

/// Answers an INVITE 100 so that its sender stops sending it again.
pub(crate) fn trying(cx: &mut RouteCx, tm: &Arc<Tm>, transaction: &Arc<Transaction>) {
    let mut step = Step::default();
    {
        let mut state = transaction.lock();
        let wanted = state.options.auto_100.unwrap_or_else(|| tm.live.auto_inv_100.get() != 0);
        if !wanted || state.machine.status() != 0 {
            return;
        }
        let reason = tm.params.auto_inv_100_reason.clone();
        // The script's reply headers are for the replies of the script.
        let headers = std::mem::take(&mut cx.reply_headers);
        let text = engine::reply::build(cx, 100, &reason, None);
        cx.reply_headers = headers;
        if let Ok(text) = text {
            tm.counters.generated.increment();
            transaction.send_up(&mut state, tm.now(), 100, reason, None, text, &mut step);
        }
    }
    step.finish(transaction, Some(&mut cx.outbox));
}

/// What [`send_branches`] does, for the usual request: it has one destination, whose address is known, and no branch
/// route. `None` for all others.
fn send_at_once(
    cx: &mut RouteCx,
    tm: &Arc<Tm>,
    transaction: &Arc<Transaction>,
    proxy: &Proxy,
) -> Option<Result<(), Refusal>> {
    if !cx.to.branches.is_empty() || !takes_request_uri(cx) {
        return None;
    }
    let to = cx.to.first(cx.request_uri());
    let target = hop_of(cx, &to, proxy).ok()?.known()?;
    let id = {
        let mut state = transaction.lock();
        if state.options.on_branch.is_some() || state.branches.len() as i64 >= cx.core.settings.max_branches {
            return None;
        }
        if let Err(refusal) = may_send(&state) {
            return Some(Err(refusal));
        }
        save(&mut state, cx);
        state.branches.len()
    };
    let current = cx.data::<Current>();
    current.relayed = true;
    let branch = current.branch.replace(id);
    let mark = cx.message.edits().mark();
    add_path(cx, &to);
    let sent = send_to_first(cx, tm, transaction, id, to, std::iter::once(target));
    cx.message.edits_mut().truncate(mark);
    cx.data::<Current>().branch = branch;
    cx.to.is_new = false;
    Some(sent)
}

/// Whether the transaction is in a state to send the request on.
fn may_send(state: &State) -> Result<(), Refusal> {
    // Behind a reply of the script's own it still goes on (a copy to elsewhere), as in Kamailio.
    if state.machine.is_final() && !state.machine.is_own_reply() {
        return Err(Refusal::new(-1, None, "the request was answered already"));
    }
    if state.machine.is_cancelled() {
        return Err(Refusal::new(-1, Some((487, "Request Terminated")), "the request was cancelled"));
    }
    Ok(())
}

/// Sends the request to all its destinations.
pub(crate) async fn send_branches(
    cx: &mut RouteCx,
    tm: &Arc<Tm>,
    transaction: &Arc<Transaction>,
    proxy: &Proxy,
) -> Result<(), Refusal> {
    let (branch_route, program) = {
        let mut state = transaction.lock();
        may_send(&state)?;
        save(&mut state, cx);
        (state.options.on_branch, state.program.clone())
    };
    let mut destinations: Vec<Branch> = Vec::with_capacity(1 + cx.to.branches.len());
    if takes_request_uri(cx) {
        destinations.push(cx.to.first(cx.request_uri()));
    }
    destinations.append(&mut cx.to.branches);
    if destinations.is_empty() {
        return Err(Refusal::new(-1, None, "no branches for forwarding"));
    }
    cx.data::<Current>().relayed = true;
    let backup = Backup::of(cx);
    let mut sent = false;
    let mut refusal = None;
    for destination in destinations {
        let outcome = send_branch(cx, tm, transaction, destination, proxy, branch_route.zip(program.clone())).await;
        backup.restore(cx);
        match outcome {
            Ok(()) => sent = true,
            Err(error) => refusal = Some(error),
        }
    }
    cx.to.is_new = false;
    match refusal {
        Some(error) if !sent => Err(error),
        Some(error) => {
            engine::log!(cx.core.log, Error, "{}: a branch was not relayed: {}", cx.place(), error.text);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Whether the request-URI is a destination: once in the request's own script, elsewhere when it was set anew.
pub(crate) fn takes_request_uri(cx: &RouteCx) -> bool {
    cx.to.is_new
        || cx.find_data::<Current>().is_none_or(|current| {
            let later = current.transaction.is_some() && !current.is_owner;
            !later && !current.relayed
        })
}

/// Keeps the edits made so far for failure routes. The first relaying does it, unless `t_save_lumps` did before. Their
/// destination stays what it was when the transaction was made.
pub(crate) fn save(state: &mut State, cx: &RouteCx) {
    state.note(cx);
    state.request.flags = cx.flags;
    state.request.extra_flags = cx.extra_flags;
    if state.request.is_saved {
        return;
    }
    state.request.is_saved = true;
    state.request.edits = cx.message.edits().clone();
}

/// What a branch route may change and must not change for the next branch.
struct Backup {
    to: engine::route_cx::Destinations,
    mark: sip::Mark,
    branch: Option<BranchId>,
}

impl Backup {
    fn of(cx: &mut RouteCx) -> Self {
        let branch = cx.data::<Current>().branch;
        Self { to: cx.to.clone(), mark: cx.message.edits().mark(), branch }
    }

    fn restore(&self, cx: &mut RouteCx) {
        cx.to = self.to.clone();
        cx.message.edits_mut().truncate(self.mark);
        cx.data::<Current>().branch = self.branch;
    }
}

async fn send_branch(
    cx: &mut RouteCx,
    tm: &Arc<Tm>,
    transaction: &Arc<Transaction>,
    destination: Branch,
    proxy: &Proxy,
    branch_route: Option<(engine::program::RouteId, Arc<engine::program::Program>)>,
) -> Result<(), Refusal> {
    let id = transaction.lock().branches.len();
    if id as i64 >= cx.core.settings.max_branches {
        return Err(Refusal::new(-1, Some((500, "Too many branches")), "too many branches (max_branches)"));
    }
    cx.to.set_first(destination.clone());
    cx.data::<Current>().branch = Some(id);
    let to = match branch_route {
        None => destination,
        Some((route, program)) => {
            if !run_branch_route(cx, &program, route).await {
                return Err(Refusal::new(
                    -6,
                    Some((500, "I'm terribly sorry, server error occurred (6/TM)")),
                    "the branch route dropped the branch",
                ));
            }
            cx.to.first(cx.request_uri())
        }
    };
    add_path(cx, &to);
    let found = match hop_of(cx, &to, proxy) {
        Ok(hop) => {
            let core = cx.core.clone();
            hop.targets(&core).await
        }
        Err(error) => Err(error),
    };
    if transaction.lock().machine.is_cancelled() {
        // The caller gave up while the name was looked up.
        return Err(Refusal::new(-1, Some((487, "Request Terminated")), "the request was cancelled"));
    }
    match found {
        Ok(targets) => send_to_first(cx, tm, transaction, id, to, targets.into_iter()),
        Err(error) => failed_branch(tm, transaction, to, Refusal::unresolvable(error)),
    }
}

/// Sends a branch to the first of its addresses that a socket fits.
fn send_to_first(
    cx: &mut RouteCx,
    tm: &Arc<Tm>,
    transaction: &Arc<Transaction>,
    id: BranchId,
    to: Branch,
    mut targets: impl Iterator<Item = Target>,
) -> Result<(), Refusal> {
    let core = cx.core.clone();
    let received = Some(cx.received.socket);
    let found = targets.find_map(|target| {
        let socket = core.sending_socket(target.protocol, &target.address, cx.to.socket, received)?;
        Some((target, socket))
    });
    match found {
        Some((target, socket)) => send_to(cx, transaction, id, to, target, socket, targets.collect()),
        None => failed_branch(tm, transaction, to, Refusal::no_socket()),
    }
}

/// `failure_exec_mode`: a branch that could not be sent counts as one that failed.
fn failed_branch(tm: &Arc<Tm>, transaction: &Arc<Transaction>, to: Branch, refusal: Refusal) -> Result<(), Refusal> {
    if !tm.params.failure_exec_mode || transaction.lock().options.on_failure.is_none() {
        return Err(refusal);
    }
    let now = tm.now();
    let mut outputs = Vec::new();
    let mut step = Step::default();
    {
        let mut state = transaction.lock();
        let id = state.machine.add_branch(now, transaction.is_invite(), true);
        let mut branch = SentBranch::unsent(to, &state.request);
        branch.failure_route = state.options.on_failure;
        state.add_branch(branch);
        state.machine.fail(id, 500, &mut outputs);
        transaction.perform(&mut state, now, outputs, &mut step);
    }
    step.finish(transaction, None);
    transaction.failed(step.failed);
    Ok(())
}

/// Runs the branch route; `false`: it dropped the branch.
pub(super) async fn run_branch_route(
    cx: &mut RouteCx,
    program: &Arc<engine::program::Program>,
    route: engine::program::RouteId,
) -> bool {
    let (kind, dropped) = (cx.kind, std::mem::take(&mut cx.dropped));
    cx.kind = Routes(engine::function::routes::BRANCH);
    program.run(route, cx).await;
    cx.kind = kind;
    !std::mem::replace(&mut cx.dropped, dropped)
}

/// The contact's path becomes Route headers (RFC 3327 section 5.1).
pub(super) fn add_path(cx: &mut RouteCx, to: &Branch) {
    let Some(path) = to.path.as_ref().filter(|path| !path.is_empty()) else { return };
    let at =
        cx.message.header(HeaderName::Route).map_or_else(|| cx.message.headers_start(), |header| header.range().start);
    let line = [b"Route: ", &**path, b"\r\n"].concat();
    cx.message.edits_mut().insert_before(at, line);
}

/// Where a branch goes.
fn hop_of(cx: &RouteCx, to: &Branch, proxy: &Proxy) -> Result<Hop, ScriptError> {
    if let Some(host) = &proxy.host {
        let protocol = proxy.protocol.or(Some(cx.received.protocol));
        return Ok(Hop { host: host.clone(), port: proxy.port, protocol, secure: false });
    }
    let uri = forward::next_hop_of(cx, to)?;
    match proxy.protocol {
        None => Hop::of_uri(&uri),
        Some(protocol) => {
            let host = uri.maddr().unwrap_or_else(|| uri.host());
            Ok(Hop { host, port: uri.port(), protocol: Some(protocol), secure: false })
        }
    }
}

/// Prints the branch's request and sends it; from now on its replies are awaited.
pub(crate) fn send_to(
    cx: &mut RouteCx,
    transaction: &Arc<Transaction>,
    id: BranchId,
    to: Branch,
    target: Target,
    socket: &LocalSocket,
    other_targets: Vec<Target>,
) -> Result<(), Refusal> {
    let printed = forward::print_for(cx, target, socket, &branch_parameter(transaction.id(), id));
    let (target, socket, data) = printed.map_err(|error| {
        Refusal::new(-1, Some((500, "I'm terribly sorry, server error occurred (1/TM)")), error.message)
    })?;
    let connection = Some(to.connection).filter(|id| *id != 0 && target.protocol.is_stream()).map(ConnectionId);
    let (on_reply, failure_route, on_failure) = {
        let options = &transaction.lock().options;
        (options.on_reply, options.on_failure, options.on_branch_failure)
    };
    let branch = SentBranch {
        to,
        request: data.clone(),
        cancel: None,
        socket,
        protocol: target.protocol,
        destination: target.address,
        connection,
        no_connect: cx.send.forward_no_connect,
        other_targets,
        on_reply,
        failure_route,
        on_failure,
        reply: None,
        refused: false,
        replied_before: false,
    };
    let outgoing = transport::Outgoing { close_after: cx.send.forward_close, ..branch.outgoing(data) };
    if !forward::onsend_route(cx, &outgoing) {
        return Err(Refusal::new(
            -1,
            Some((477, "Unfortunately error on sending to next hop occurred (477/TM)")),
            "onsend_route dropped the request",
        ));
    }
    {
        let mut state = transaction.lock();
        // An ACK-less request of another method than the transaction's cannot be: branches copy the request.
        state.machine.add_branch(transaction.tm.now(), transaction.is_invite(), target.protocol.is_stream());
        state.add_branch(branch);
        transaction.arm(&mut state);
    }
    cx.outbox.push(outgoing);
    Ok(())
}
