//! `$T_..`: the transaction in variables.

use std::sync::Arc;

use engine::function::routes;
use engine::route_cx::Destinations;
use engine::variable::{InnerName, missing_inner};
use engine::{Code, CompileEnv, Diagnostic, RouteCx, Str, Value, variable};
use language::ast::Variable;
use sip::{Message, Method};
use transport::Received;

use crate::tm::{self, Current, Tm, Transaction};

/// Where the script is, as far as the variables care.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Request route, branch route and all others.
    Other,
    /// `reply_route`.
    Reply,
    /// `onreply_route[X]`.
    BranchReply,
    /// `failure_route[X]`, and a route that `t_continue` runs.
    Failure,
    /// `event_route[tm:branch-failure:X]`.
    BranchFailure,
}

fn place(cx: &RouteCx) -> Place {
    match cx.kind.0 {
        _ if cx.message.is_reply() && cx.kind.0 == routes::TM_ONREPLY => Place::BranchReply,
        _ if cx.message.is_reply() => Place::Reply,
        routes::FAILURE => Place::Failure,
        routes::EVENT if branch(cx).is_some() => Place::BranchFailure,
        _ => Place::Other,
    }
}

fn branch(cx: &RouteCx) -> Option<usize> {
    cx.find_data::<Current>()?.branch
}

/// The transaction of the request or reply, also when nobody has looked for it yet.
fn transaction(cx: &RouteCx, tm: &Tm) -> Option<Arc<Transaction>> {
    tm::current(cx).or_else(|| match cx.message.is_reply() {
        true => tm.transaction_of_reply(&cx.message).map(|(transaction, _)| transaction),
        false => tm.known_request(cx),
    })
}

/// The branch: in a branch route the one that is being made, in an `onreply_route[X]` that of the reply, in
/// `event_route[tm:branch-failure:X]` the one that failed. In a failure route the number of branches so far. 0 in other
/// routes; -1 in `reply_route`, until `t_check_trans()` has found the branch.
#[variable("T_branch_idx")]
pub fn t_branch_idx(cx: &RouteCx) -> Value {
    Value::Int(branch_index(cx))
}

fn branch_index(cx: &RouteCx) -> i64 {
    let of_branch = |otherwise| branch(cx).map_or(otherwise, |branch| branch as i64);
    match place(cx) {
        Place::Reply => of_branch(-1),
        Place::BranchReply | Place::BranchFailure => of_branch(0),
        Place::Failure => tm::current(cx).map_or(0, |transaction| transaction.lock().branches.len() as i64),
        Place::Other if cx.kind.0 == routes::BRANCH => of_branch(0),
        Place::Other => 0,
    }
}

/// The status of the reply: of the received one in reply routes; of the chosen one in a failure route (0 in a route that
/// `t_continue` runs); elsewhere of the last one that was sent, 0 when none was. For a request that came before, and the ACK
/// to a final reply of this server, that is the reply to it.
#[variable("T_reply_code")]
pub fn t_reply_code(cx: &RouteCx, tm: &Tm) -> Value {
    Value::from(status(cx, tm))
}

fn status(cx: &RouteCx, tm: &Tm) -> u16 {
    let place = place(cx);
    if matches!(place, Place::Reply | Place::BranchReply) {
        return cx.message.status().unwrap_or(0);
    }
    let Some(transaction) = transaction(cx, tm) else { return 0 };
    let state = transaction.lock();
    match place {
        Place::Failure | Place::BranchFailure => {
            branch(cx).and_then(|branch| state.machine.branches().get(branch)).map_or(0, |at| at.status())
        }
        _ => state.status(),
    }
}

/// The reason of the reply that `$T_reply_code` is the status of, in reply routes and failure routes; elsewhere empty.
#[variable("T_reply_reason")]
pub fn t_reply_reason(cx: &RouteCx) -> Value {
    Value::Str(reason(cx))
}

fn reason(cx: &RouteCx) -> Str {
    match place(cx) {
        Place::Reply | Place::BranchReply => cx.message.reason().cloned().unwrap_or_default(),
        Place::Failure | Place::BranchFailure => reason_of_branch(cx).unwrap_or_default(),
        Place::Other => Str::EMPTY,
    }
}

fn reason_of_branch(cx: &RouteCx) -> Option<Str> {
    let (transaction, branch) = (tm::current(cx)?, branch(cx)?);
    let state = transaction.lock();
    let at = state.machine.branches().get(branch)?;
    let kept = state.branches.get(branch)?.reply.as_ref().filter(|_| !at.faked());
    Some(match kept {
        Some(kept) => kept.reason.clone(),
        None => transaction.made_up_reply(&state, branch, at.status()).1,
    })
}

/// In an `onreply_route[X]` the status of the last reply that was received; elsewhere empty.
#[variable("T_reply_last")]
pub fn t_reply_last(cx: &RouteCx, tm: &Tm) -> Value {
    match place(cx) {
        Place::BranchReply => Value::from(status(cx, tm)),
        _ => Value::Str(Str::EMPTY),
    }
}

/// The id of the location record (`$ruid`) of the branch whose reply this is, in an `onreply_route[X]` and in failure
/// routes; elsewhere empty.
#[variable("T_reply_ruid")]
pub fn t_reply_ruid(cx: &RouteCx) -> Value {
    Value::Str(of_branch(cx, |branch| branch.ruid.clone()).flatten().unwrap_or_default())
}

/// Something of the branch that an `onreply_route[X]` or a failure route is about.
fn of_branch<T>(cx: &RouteCx, get: impl FnOnce(&engine::Branch) -> T) -> Option<T> {
    if !matches!(place(cx), Place::BranchReply | Place::Failure | Place::BranchFailure) {
        return None;
    }
    let (transaction, branch) = (tm::current(cx)?, branch(cx)?);
    let state = transaction.lock();
    state.branches.get(branch).map(|at| get(&at.to))
}

/// The variable in parentheses: `$ru` of `$T_req($ru)`.
pub struct Inner(Arc<Get>);

/// Gets the value of a compiled variable.
type Get = dyn Fn(&RouteCx) -> Value + Send + Sync;

impl InnerName for Inner {
    type Compiled = Arc<Get>;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        let variable = env.variable_text(&inner.node, inner.span)?;
        Ok(Arc::new(move |cx| variable.eval(cx)))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Self {
        Self(compiled.clone())
    }
}

/// The value of a variable on another message, with the script's own variables.
fn evaluate(cx: &RouteCx, mut other: Box<RouteCx>, inner: &Inner) -> Value {
    other.avps = cx.avps.clone();
    other.xavps = cx.xavps.clone();
    other.vars = cx.vars.clone();
    (inner.0)(&other)
}

/// On the request of a transaction, as it was received.
fn on_request(cx: &RouteCx, transaction: &Arc<Transaction>, inner: &Inner) -> Value {
    let request = transaction.context(&mut transaction.lock());
    let Some(mut request) = request else { return Value::Null };
    *request.message.edits_mut() = sip::Edits::default();
    request.to = Destinations::default();
    evaluate(cx, request, inner)
}

/// In reply routes: a variable as it was for the request, `$T_req($si)`: the request as it was received, with the flags
/// of its transaction. `$null` elsewhere, and when the reply belongs to no transaction.
#[variable("T_req")]
pub fn t_req(cx: &RouteCx, tm: &Tm, inner: Inner) -> Value {
    if !cx.message.is_reply() {
        return Value::Null;
    }
    transaction(cx, tm).map_or(Value::Null, |transaction| on_request(cx, &transaction, &inner))
}

/// For a CANCEL: a variable as it was for the INVITE that it takes back, `$T_inv($ru)`. `$null` elsewhere, and when
/// there is no such INVITE.
#[variable("T_inv")]
pub fn t_inv(cx: &RouteCx, tm: &Tm, inner: Inner) -> Value {
    if !cx.message.is_request() || cx.message.method() != Method::Cancel {
        return Value::Null;
    }
    tm.invite_of_cancel(cx).map_or(Value::Null, |invite| on_request(cx, &invite, &inner))
}

/// In failure routes: a variable as it is for the reply, `$T_rpl($hdr(Warning))`. `$null` elsewhere, and when the branch
/// got no reply.
#[variable("T_rpl")]
pub fn t_rpl(cx: &RouteCx, inner: Inner) -> Value {
    if !matches!(place(cx), Place::Failure | Place::BranchFailure) {
        return Value::Null;
    }
    reply(cx).map_or(Value::Null, |reply| evaluate(cx, reply, &inner))
}

fn reply(cx: &RouteCx) -> Option<Box<RouteCx>> {
    let (transaction, branch) = (tm::current(cx)?, branch(cx)?);
    let state = transaction.lock();
    if state.machine.branches().get(branch)?.faked() {
        return None;
    }
    let at = state.branches.get(branch)?;
    let message = Message::parse(at.reply.as_ref()?.received.clone()).ok()?;
    let received = Received {
        socket: at.socket,
        protocol: at.protocol,
        source: at.destination,
        destination: cx.core.socket(at.socket)?.address,
        connection: at.connection,
    };
    Some(Box::new(RouteCx::new(cx.core.clone(), message, received)))
}

/// What `$T(name)` and `$T_branch(name)` can name.
#[derive(Clone, Copy)]
pub enum Attribute {
    /// `id_index`
    Index,
    /// `id_label`
    Label,
    /// `reply_code`
    Code,
    /// `reply_reason`
    Reason,
    /// `reply_type`
    Type,
    /// `branch_index`
    Branch,
    /// `uri`
    Uri,
    /// `flags`
    Flags,
    /// `ruid`
    Ruid,
}

impl InnerName for Attribute {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        Ok(match &*inner.node {
            "id_index" | "id_index_n" => Self::Index,
            "id_label" | "id_label_n" => Self::Label,
            "reply_code" => Self::Code,
            "reply_reason" => Self::Reason,
            "reply_type" => Self::Type,
            "branch_index" => Self::Branch,
            "uri" => Self::Uri,
            "flags" => Self::Flags,
            "ruid" => Self::Ruid,
            name => {
                let known = [
                    "id_index",
                    "id_label",
                    "reply_code",
                    "reply_reason",
                    "reply_type",
                    "branch_index",
                    "uri",
                    "flags",
                    "ruid",
                ];
                let message = format!("`${}` has no `{name}`", variable.name);
                return Err(
                    Diagnostic::error(Code::UnknownVariable, message, inner.span, "unknown").did_you_mean(name, known)
                );
            }
        })
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// Of the transaction: `id_index` and `id_label` (its number, for `t_continue`), `reply_code`, `reply_reason`,
/// `branch_index` (`$T_reply_code`, `$T_reply_reason`, `$T_branch_idx`), `reply_type`: 1 in a failure route when the
/// chosen reply was made up here, else 0; and what `$T_branch(name)` has. Without transaction
/// `reply_code` and `branch_index` are 0, the others `$null`.
#[variable("T")]
pub fn t(cx: &RouteCx, tm: &Tm, attribute: Attribute) -> Value {
    match attribute {
        Attribute::Uri | Attribute::Flags | Attribute::Ruid => return of_current_branch(cx, attribute),
        _ => {}
    }
    let Some(transaction) = transaction(cx, tm) else {
        return match attribute {
            Attribute::Code | Attribute::Branch => Value::Int(0),
            _ => Value::Null,
        };
    };
    match attribute {
        Attribute::Index => transaction.id().index.into(),
        Attribute::Label => transaction.id().label.into(),
        Attribute::Code => status(cx, tm).into(),
        Attribute::Reason => Value::Str(reason(cx)),
        Attribute::Branch => Value::Int(branch_index(cx)),
        Attribute::Type if place(cx) == Place::Reply => Value::Null,
        Attribute::Type => {
            let state = transaction.lock();
            let chosen = branch(cx).filter(|_| matches!(place(cx), Place::Failure | Place::BranchFailure));
            let faked = chosen.and_then(|branch| state.machine.branches().get(branch)).is_some_and(|at| at.faked());
            Value::Int(faked.into())
        }
        Attribute::Uri | Attribute::Flags | Attribute::Ruid => Value::Null,
    }
}

/// Of the branch, in an `onreply_route[X]` and in failure routes: `uri` (its request-URI), `flags` (branch flags), `ruid`;
/// other names as in `$T(name)`. `$null` elsewhere.
#[variable("T_branch")]
pub fn t_branch(cx: &RouteCx, tm: &Tm, attribute: Attribute) -> Value {
    t(cx, tm, attribute)
}

fn of_current_branch(cx: &RouteCx, attribute: Attribute) -> Value {
    let value = of_branch(cx, |branch| match attribute {
        Attribute::Uri => Value::Str(branch.uri.clone()),
        Attribute::Flags => branch.flags.into(),
        _ => Value::Str(branch.ruid.clone().unwrap_or_default()),
    });
    value.unwrap_or(Value::Null)
}
