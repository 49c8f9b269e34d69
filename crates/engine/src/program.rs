//! The flat program that routes are compiled to, and the loop that runs it.
//!
//! [`Program::run`] goes on without any future until an operation waits; see [`Program::run_message`] for how a message
//! leaves its worker then.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use hashbrown::{Equivalent, HashMap};
use language::ast::RouteKind;
use language::span::{SourceMap, Span};

use crate::core::Core;
use crate::expression::Expression;
use crate::function::{CallResult, Return, SyncCall, WaitCall};
use crate::module::BoxFuture;
use crate::receive::{Arrival, poll_here};
use crate::route_cx::RouteCx;
use crate::trace;
use crate::value::Value;
use crate::variable::ScriptVariable;

/// Number of a route in its program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RouteId(pub u32);

/// One operation.
#[allow(missing_docs, reason = "each variant says what its fields are")]
pub enum Op {
    /// A function that runs on the spot.
    Call { call: Box<dyn SyncCall>, code: CodeEffect },
    /// A function that may wait.
    Wait { call: Box<dyn WaitCall>, code: CodeEffect },
    /// `route(NAME)`.
    CallRoute(RouteId),
    /// `route($var(x))`.
    CallRouteNamed(Expression),
    /// `target = value`.
    Assign { target: Target, value: Expression },
    /// An expression as a statement: its value becomes the code of the statement.
    Evaluate(Expression),
    /// Stores a value for a later operation.
    SetTemporary(u32, Expression),
    /// Stores how the call before went: 1 or 0; its code when `exact`, and with `return_mode=1`.
    CodeToTemporary { slot: u32, exact: bool },
    /// How the call before went is what was stored there.
    CodeFromTemporary(u32),
    /// `$rc` is 0: an assignment inside an expression.
    ClearReturnCode,
    /// Goes on at `otherwise` when the expression is not above zero (`positive`) or zero; also when it fails.
    Test { condition: Expression, positive: bool, otherwise: u32 },
    /// Goes on there when the call before did not return true.
    JumpUnlessCode(u32),
    /// Goes on there.
    Jump(u32),
    /// An `if` that was not taken yields 1.
    SetCode(i32),
    /// Counts a turn of a loop in a temporary; after `max_while_loops` of them goes on at `exit`.
    LoopGuard { counter: u32, exit: u32 },
    /// Ends the route, with a code or with that of its last action.
    Return(Option<Expression>),
    /// `break` outside of a loop: ends the route with 0, but not the script.
    LeaveRoute,
    /// Ends the script.
    Exit,
    /// Ends the script; the message (or branch) is dropped.
    Drop,
}

/// What a call does to `$rc`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodeEffect {
    /// `$rc` is what the function returned.
    Sets,
    /// `$rc` stays: the functions of the core language.
    Keeps,
    /// `$rc` is 0 afterwards: the same functions inside an expression.
    Clears,
}

/// What an assignment writes.
pub enum Target {
    /// `$var(x)`.
    Slot(u32),
    /// Any other variable.
    Variable(Box<dyn ScriptVariable>),
}

/// A compiled route.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its kind.
    pub kind: RouteKind,
    /// Its name; empty for the unnamed ones.
    pub name: String,
    /// Its first operation.
    pub start: u32,
    /// How many temporaries it needs.
    pub temporaries: u32,
}

/// All routes of a configuration.
#[derive(Default)]
pub struct Program {
    /// The operations.
    pub ops: Vec<Op>,
    /// Where each comes from.
    pub spans: Vec<Span>,
    /// The routes.
    pub routes: Vec<Route>,
    /// Routes by kind and name.
    pub index: HashMap<(RouteKind, String), RouteId>,
    /// The unnamed request route.
    pub request: Option<RouteId>,
    /// `event_route[core:pre-routing]`.
    pub pre_routing: Option<RouteId>,
    /// The unnamed reply route.
    pub reply: Option<RouteId>,
    /// `onsend_route`.
    pub on_send: Option<RouteId>,
    /// Names of `$var` by slot.
    pub var_names: Vec<String>,
    /// The configuration's files, for messages.
    pub sources: Arc<SourceMap>,
}

/// A key of [`Program::index`] that owns nothing.
#[derive(Hash)]
struct RouteName<'a>(RouteKind, &'a str);

impl Equivalent<(RouteKind, String)> for RouteName<'_> {
    fn equivalent(&self, key: &(RouteKind, String)) -> bool {
        self.0 == key.0 && self.1 == key.1
    }
}

/// Where a script goes on after a route that it called.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    return_to: u32,
    base: u32,
    route: RouteId,
}

/// The longest text that a variable takes: a loop that doubles one would use up the memory.
const MAX_TEXT: usize = 1 << 20;

/// What `route($var(x))` yields when there is no such block.
const ROUTE_NOT_FOUND: i32 = -10;

/// What follows the route of a message.
pub enum Next {
    /// Nothing: the message is done.
    Done(Box<RouteCx>),
    /// This, which may wait.
    Later(Arrival, BoxFuture<'static, Box<RouteCx>>),
}

impl Next {
    /// What `rest` does with a message, which may wait.
    pub fn later<F>(cx: Box<RouteCx>, rest: impl FnOnce(Box<RouteCx>) -> F) -> Self
    where
        F: Future<Output = Box<RouteCx>> + Send + 'static,
    {
        let arrival = Arrival::of(&cx);
        Self::Later(arrival, Box::pin(rest(cx)))
    }

    /// As far as it goes without waiting: the rest runs as a task of its own, and `None` is returned.
    pub(crate) fn go_here(self) -> Option<Box<RouteCx>> {
        match self {
            Self::Done(cx) => Some(cx),
            Self::Later(arrival, rest) => poll_here(arrival, rest),
        }
    }
}

/// Called at the end of a message's route.
pub type Finish = fn(&Arc<Core>, Box<RouteCx>) -> Next;

/// How far [`Program::run`] came.
enum Progress {
    Done,
    Waits(u32),
}

impl Program {
    /// The route of a kind and name.
    #[must_use]
    pub fn route(&self, kind: RouteKind, name: &str) -> Option<RouteId> {
        self.index.get(&RouteName(kind, name)).copied()
    }

    /// `request_route`.
    #[must_use]
    pub const fn request_route(&self) -> Option<RouteId> {
        self.request
    }

    /// Runs a route to its end without giving up the thread; an operation that has to wait ends the script with an
    /// error. For event routes that run inside another step. Returns the code that the route ended with; 0 says, as
    /// `drop` does, that the message is not to go on.
    pub fn run_nested(&self, route: RouteId, cx: &mut RouteCx) -> i32 {
        let Some(saved) = cx.enter(self.frame(route)) else { return -1 };
        while let Progress::Waits(at) = self.steps(cx) {
            let Op::Wait { call, code } = &self.ops[at as usize] else { break };
            cx.position = at + 1;
            let mut context = Context::from_waker(Waker::noop());
            // Many waiting functions find their answer at once.
            let result = call.call(cx).as_mut().poll(&mut context);
            let Poll::Ready(result) = result else {
                crate::log!(cx.core.log, Error, "{}: this call has to wait, which this event route cannot", cx.place());
                break;
            };
            self.finish_call(cx, result, *code);
        }
        let code = cx.last_code;
        cx.leave(saved);
        code
    }

    /// Runs a route of a message on the spot. When it has to wait, the rest runs as a task of its own, and `None` is
    /// returned. `finish` is called at the end, here or there.
    pub fn run_message(
        self: &Arc<Self>,
        core: &Arc<Core>,
        route: RouteId,
        mut cx: Box<RouteCx>,
        finish: Finish,
    ) -> Option<Box<RouteCx>> {
        cx.start(self.frame(route));
        let next = match self.steps(&mut cx) {
            Progress::Done => finish(core, cx),
            Progress::Waits(_) => {
                let (program, core) = (self.clone(), core.clone());
                Next::later(cx, |mut cx| async move {
                    program.run_rest(&mut cx).await;
                    match finish(&core, cx) {
                        Next::Done(cx) => cx,
                        Next::Later(_, rest) => rest.await,
                    }
                })
            }
        };
        next.go_here()
    }

    /// Runs a route to its end, waiting where it has to.
    pub async fn run(&self, route: RouteId, cx: &mut RouteCx) {
        let Some(saved) = cx.enter(self.frame(route)) else { return };
        self.run_rest(cx).await;
        cx.leave(saved);
    }

    async fn run_rest(&self, cx: &mut RouteCx) {
        while let Progress::Waits(at) = self.steps(cx) {
            let Op::Wait { call, code } = &self.ops[at as usize] else { return };
            cx.position = at + 1;
            let mut before = std::mem::take(&mut cx.outbox);
            let core = cx.core.clone();
            let watched = core.watch.is_on(cx).then(Instant::now);
            let result = {
                let mut running = call.call(cx);
                match std::future::poll_fn(|context| Poll::Ready(running.as_mut().poll(context))).await {
                    Poll::Ready(result) => result,
                    Poll::Pending => {
                        // What was to be sent before (a 100) does not wait as well.
                        core.send_all(&mut before);
                        running.await
                    }
                }
            };
            before.append(&mut cx.outbox);
            cx.outbox = before;
            self.finish_call(cx, result, *code);
            if let Some(began) = watched {
                trace::after(self, cx, at, core.watch.limits_actions().then_some(began));
            }
        }
    }

    fn frame(&self, route: RouteId) -> (u32, u32, RouteId) {
        let route_ref = &self.routes[route.0 as usize];
        (route_ref.start, route_ref.temporaries, route)
    }

    /// Runs until the end or up to an operation that waits: `cx` stands at it then.
    fn steps(&self, cx: &mut RouteCx) -> Progress {
        // Decided here and not at each operation: a script that nobody watches pays nothing for it.
        if cx.core.watch.is_on(cx) { self.walk::<true>(cx) } else { self.walk::<false>(cx) }
    }

    fn walk<const WATCHED: bool>(&self, cx: &mut RouteCx) -> Progress {
        loop {
            let at = cx.position;
            let Some(op) = self.ops.get(at as usize) else { return Progress::Done };
            cx.span = self.spans[at as usize];
            cx.position += 1;
            let began = if WATCHED { trace::before(self, cx, at) } else { None };
            match op {
                Op::Call { call, code } => {
                    let result = call.call(cx);
                    self.finish_call(cx, result, *code);
                }
                Op::Wait { .. } => {
                    // Whoever runs it moves on.
                    cx.position = at;
                    return Progress::Waits(at);
                }
                Op::CallRoute(route) => self.call_route(cx, *route),
                Op::CallRouteNamed(name) => self.call_named(cx, name),
                Op::Assign { target, value } => assign(cx, target, value),
                Op::Evaluate(expression) => {
                    cx.last_code = code_of(expression, cx);
                    if cx.last_code == 0 {
                        cx.end();
                    }
                }
                Op::SetTemporary(at, expression) => {
                    let value = expression.eval(cx);
                    *cx.temporary_mut(*at) = value;
                }
                Op::CodeToTemporary { slot, exact } => {
                    let code = cx.last_code;
                    let exact = *exact || cx.core.settings.return_mode == 1;
                    let code = if exact { code } else { i32::from(code > 0) };
                    *cx.temporary_mut(*slot) = Value::Int(i64::from(code));
                }
                Op::CodeFromTemporary(slot) => {
                    cx.last_code = cx.temporary(*slot).to_int().and_then(|code| i32::try_from(code).ok()).unwrap_or(1);
                }
                Op::ClearReturnCode => cx.return_code = 0,
                Op::Test { condition, positive, otherwise } => {
                    let result = condition.test(cx, *positive).unwrap_or_else(|error| {
                        crate::log!(cx.core.log, Error, "{}: {error}", cx.place());
                        false
                    });
                    if !result {
                        cx.position = *otherwise;
                    }
                }
                Op::JumpUnlessCode(otherwise) => {
                    if cx.last_code <= 0 {
                        cx.position = *otherwise;
                    }
                }
                Op::Jump(target) => cx.position = *target,
                Op::SetCode(code) => cx.last_code = *code,
                Op::LoopGuard { counter, exit } => {
                    let limit = cx.core.live.max_while_loops.get();
                    let slot = cx.temporary_mut(*counter);
                    let turns = slot.to_int().unwrap_or(0) + 1;
                    *slot = Value::Int(turns);
                    // Zero: no limit.
                    if limit > 0 && turns > limit {
                        crate::log!(
                            cx.core.log,
                            Error,
                            "{}: runaway while: ended after {limit} turns (max_while_loops)",
                            cx.place()
                        );
                        cx.position = *exit;
                    }
                }
                Op::Return(value) => {
                    let code = value.as_ref().map_or(cx.last_code, |value| code_of(value, cx));
                    // A 0 that `break` left behind at the end of a route does not end the script.
                    leave_route(cx, code, code == 0 && value.is_some());
                }
                Op::LeaveRoute => leave_route(cx, 0, false),
                Op::Exit => cx.end(),
                Op::Drop => {
                    cx.dropped = true;
                    cx.end();
                }
            }
            if WATCHED {
                trace::after(self, cx, at, began);
            }
        }
    }

    fn finish_call(&self, cx: &mut RouteCx, result: CallResult, effect: CodeEffect) {
        let code = match result {
            Ok(code) => code.0,
            Err(error) => {
                crate::log!(cx.core.log, Error, "{}: {error}", cx.place());
                -1
            }
        };
        cx.last_code = code;
        match effect {
            CodeEffect::Sets => cx.return_code = code,
            CodeEffect::Clears => cx.return_code = 0,
            CodeEffect::Keeps => {}
        }
        if code == 0 {
            cx.end();
        }
    }

    fn call_route(&self, cx: &mut RouteCx, route: RouteId) {
        // The route that runs counts, too.
        if cx.frames.len() as i64 + 1 >= cx.core.settings.max_recursive_level {
            crate::log!(cx.core.log, Error, "{}: too many nested routes (max_recursive_level)", cx.place());
            cx.last_code = -1;
            return;
        }
        let (start, temporaries, id) = self.frame(route);
        cx.frames.push(Frame { return_to: cx.position, base: cx.base, route: cx.route });
        cx.open_frame(start, temporaries, id);
    }

    /// What `route(name)` names: `0` is the unnamed request route.
    fn named(&self, name: &[u8]) -> Option<RouteId> {
        match name {
            b"" => None,
            b"0" => self.request,
            _ => self.route(RouteKind::Request, &String::from_utf8_lossy(name)),
        }
    }

    fn call_named(&self, cx: &mut RouteCx, name: &Expression) {
        let name = name.eval(cx).into_str();
        match self.named(&name) {
            Some(route) => self.call_route(cx, route),
            None => {
                crate::log!(cx.core.log, Error, "{}: route `{name}` not found", cx.place());
                cx.last_code = ROUTE_NOT_FOUND;
            }
        }
    }
}

impl RouteCx {
    /// The block that `route(name)` runs.
    #[must_use]
    pub fn find_route(&self, name: &[u8]) -> Option<RouteId> {
        self.program.as_ref()?.named(name)
    }

    /// For a function that runs on the spot: the script goes on with that route when the function has returned, and
    /// behind its call when the route has ended; what the route returns counts as what the function returned.
    pub fn call_route(&mut self, route: RouteId) -> CallResult {
        let Some(program) = self.program.clone() else { return Ok(Return::FALSE) };
        program.call_route(self, route);
        Ok(Return(self.last_code))
    }
}

/// Ends the running route; the script goes on behind its call, unless there is none or it `ends`.
fn leave_route(cx: &mut RouteCx, code: i32, ends: bool) {
    cx.last_code = code;
    cx.return_code = code;
    match cx.frames.pop() {
        Some(frame) if !ends => {
            cx.close_frame();
            cx.position = frame.return_to;
            cx.base = frame.base;
            cx.route = frame.route;
        }
        _ => cx.end(),
    }
}

/// The value of an expression as a return code; text that is no number counts as 0.
fn code_of(expression: &Expression, cx: &RouteCx) -> i32 {
    expression.number(cx).unwrap_or(0).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

fn assign(cx: &mut RouteCx, target: &Target, value: &Expression) {
    cx.last_code = 1;
    let value = match value.try_eval(cx) {
        Ok(value) => value,
        Err(error) => {
            // As in Kamailio the variable keeps its value.
            crate::log!(cx.core.log, Error, "{}: {error}: not assigned", cx.place());
            cx.last_code = -1;
            return;
        }
    };
    if value.as_str().is_some_and(|text| text.len() > MAX_TEXT) {
        crate::log!(cx.core.log, Error, "{}: a text of more than {MAX_TEXT} bytes: not assigned", cx.place());
        cx.last_code = -1;
        return;
    }
    let result = match target {
        // `$var(x) = $null` sets 0, as Kamailio does.
        Target::Slot(slot) => {
            cx.vars.set(*slot, if value.is_null() { Value::Int(0) } else { value });
            Ok(())
        }
        Target::Variable(variable) => variable.set(cx, value),
    };
    if let Err(error) = result {
        crate::log!(cx.core.log, Error, "{}: {error}", cx.place());
        cx.last_code = -1;
    }
}
