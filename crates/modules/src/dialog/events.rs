//! Event routes.

use std::sync::Arc;

use engine::function::routes;
use engine::{Core, RouteCx, Routes};
use language::ast::RouteKind;
use sip::Message;

use super::call::Dialog;
use super::current::Current;
use crate::tm::Transaction;

/// The INVITE was answered 2xx.
pub(super) const START: &str = "dialog:start";
/// A BYE came by, or the lifetime is over.
pub(super) const END: &str = "dialog:end";
/// The INVITE failed.
pub(super) const FAILED: &str = "dialog:failed";

/// Runs an event route on the message that causes it.
pub(super) fn run_on(cx: &mut RouteCx, name: &str) {
    let Some(program) = cx.program().cloned() else { return };
    let Some(route) = program.route(RouteKind::Event, name) else { return };
    let kind = std::mem::replace(&mut cx.kind, Routes(routes::EVENT));
    program.run_nested(route, cx);
    cx.kind = kind;
}

/// Runs an event route on a reply to the INVITE, or on a faked request when it was made here.
pub(super) fn run_of(transaction: &Arc<Transaction>, dialog: &Arc<Dialog>, reply: Option<Message>, name: &str) {
    let core = transaction.tm.core().clone();
    let (program, received) = {
        let state = transaction.lock();
        (state.program.clone(), state.request.received)
    };
    let Some(program) = program else { return };
    let Some(route) = program.route(RouteKind::Event, name) else { return };
    let mut cx = match reply {
        Some(reply) => Box::new(RouteCx::new(core, reply, received)),
        None => Box::new(RouteCx::faked(core)),
    };
    cx.set_program(program.clone());
    (cx.avps, cx.xavps) = transaction.variables();
    cx.data::<Current>().dialog = Some(dialog.clone());
    cx.kind = Routes(routes::EVENT);
    program.run_nested(route, &mut cx);
    cx.flush();
}

/// Runs a route on a faked request.
pub(super) async fn run_faked(core: &Arc<Core>, dialog: &Arc<Dialog>, kind: RouteKind, name: &str) {
    let Some(program) = core.program.load_full() else { return };
    let Some(route) = program.route(kind, name) else { return };
    let mut cx = Box::new(RouteCx::faked(core.clone()));
    cx.data::<Current>().dialog = Some(dialog.clone());
    cx.kind = Routes(if kind == RouteKind::Event { routes::EVENT } else { routes::REQUEST });
    program.run(route, &mut cx).await;
    cx.flush();
}
