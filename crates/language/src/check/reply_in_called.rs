//! A stateless reply in a route that only failure_routes and the like call: Kamailio looks only at the block a call
//! stands in, so it loads, and the reply goes out beside the transaction.

use std::collections::{HashMap, HashSet};

use super::common::{has_other_scripts, is_whole, misses_import};
use super::model::Model;
use super::unknown_target::TARGETS;
use super::{Check, visit};
use crate::ast::{ExprKind, RouteBlock, RouteKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// They know nothing of transactions.
const STATELESS: &[&str] = &["sl_send_reply", "sl_reply", "sl_reply_error"];

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    if !is_whole(model) || has_other_scripts(model) || misses_import(model) {
        return;
    }
    let Some(calls) = Calls::of(model) else { return };
    let from_requests = calls.reachable(|kind| !later(kind));
    let mut found = Vec::new();
    for site in &model.calls {
        let name = site.route.name.as_ref().map_or("", |name| &*name.node);
        let named = site.route.kind == RouteKind::Request && !name.is_empty();
        if !named || !STATELESS.contains(&site.name()) || from_requests.contains(name) {
            continue;
        }
        // A route that nothing calls is reported as such.
        let Some((kind, place)) = calls.caller(name) else { continue };
        let message = format!("`{}` answers beside the transaction: only {kind} calls `{name}`", site.name());
        found.push(
            Diagnostic::warning(Code::ReplyInWrongRoute, message, site.span, "a stateless reply")
                .label(place, "from here")
                .help("use `t_reply` or `send_reply`, which answer the transaction"),
        );
    }
    check.diagnostics.extend(found);
}

/// Blocks that run when the request has a transaction.
fn later(kind: RouteKind) -> bool {
    matches!(kind, RouteKind::Failure | RouteKind::Branch | RouteKind::OnReply)
}

/// Which blocks call which routes.
struct Calls<'a> {
    /// The caller, the name of the called, and where.
    calls: Vec<(&'a RouteBlock, &'a str, Span)>,
    /// Routes that functions and parameters name: they run by themselves.
    named: HashSet<&'a str>,
}

impl<'a> Calls<'a> {
    /// `None` when the name of some route is made when it runs.
    fn of(model: &'a Model<'a>) -> Option<Self> {
        let mut all = Self { calls: Vec::new(), named: model.skipped_words() };
        let mut is_made = false;
        for route in &model.routes {
            visit::expressions(&route.body.statements, &mut |expr| {
                let ExprKind::Call(call) = &expr.kind else { return };
                let targets = TARGETS.iter().filter(|target| target.function == call.name.node);
                for target in targets.filter(|target| target.kind == RouteKind::Request) {
                    match call.arguments.get(target.argument - 1).map(|argument| &argument.kind) {
                        Some(ExprKind::String(name) | ExprKind::Word(name)) if !name.contains('$') => {
                            if call.name.node.starts_with("route") {
                                all.calls.push((*route, name, expr.span));
                            } else {
                                all.named.insert(name);
                            }
                        }
                        None => {}
                        Some(_) => is_made |= !matches!(&call.arguments[0].kind, ExprKind::Int(_)),
                    }
                }
            });
        }
        for param in &model.params {
            let words = param.text().into_iter().flat_map(super::common::words);
            all.named.extend(words);
        }
        (!is_made).then_some(all)
    }

    /// The routes that blocks of some kinds call, also through others.
    fn reachable(&self, wanted: impl Fn(RouteKind) -> bool) -> HashSet<&'a str> {
        let is_root = |route: &RouteBlock| route.kind != RouteKind::Request || route.name.is_none();
        let mut of: HashMap<&str, Vec<&'a str>> = HashMap::new();
        let mut open: Vec<&'a str> = self.named.iter().copied().filter(|_| wanted(RouteKind::Request)).collect();
        for (route, name, _) in &self.calls {
            if !is_root(route) {
                of.entry(route.name.as_ref().map_or("", |name| &name.node)).or_default().push(name);
            } else if wanted(route.kind) {
                open.push(name);
            }
        }
        let mut reached = HashSet::new();
        while let Some(name) = open.pop() {
            if reached.insert(name) {
                open.extend(of.get(name).into_iter().flatten());
            }
        }
        reached
    }

    /// What calls a route in the end: `failure_route[X]`, and where the route is called.
    fn caller(&self, name: &str) -> Option<(String, Span)> {
        let mut seen = HashSet::new();
        let mut open = vec![(name.to_owned(), None)];
        while let Some((name, place)) = open.pop() {
            for (route, _, span) in self.calls.iter().filter(|(_, called, _)| *called == name) {
                let caller = route.name.as_ref().map_or("", |name| &*name.node);
                let place = place.unwrap_or(*span);
                let keyword = match route.kind {
                    RouteKind::Failure => "failure_route",
                    RouteKind::Branch => "branch_route",
                    RouteKind::OnReply => "onreply_route",
                    _ if seen.insert(caller.to_owned()) => {
                        open.push((caller.to_owned(), Some(place)));
                        continue;
                    }
                    _ => continue,
                };
                return Some((format!("{keyword}[{caller}]"), place));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::texts;
    use super::*;

    const BLOCKS: &str = "route[Q] { sl_send_reply(\"500\", \"x\"); }\nfailure_route[F] { route(P); }\n\
                          route[P] { route(Q); }\n";

    fn found(body: &str) -> Vec<String> {
        texts(Code::ReplyInWrongRoute, &format!("request_route {{ t_on_failure(\"F\"); {body} t_relay(); }}\n{BLOCKS}"))
    }

    #[test]
    fn a_route_of_failure_routes_alone_is_found() {
        assert_eq!(found(""), ["sl_send_reply(\"500\", \"x\")"]);
    }

    #[test]
    fn a_route_that_requests_get_to_is_silent() {
        for body in ["route(Q);", "if ($rU == 1) route(P);", "route(\"$var(x)\");", "async_route(\"Q\", \"1\");"] {
            assert_eq!(found(body), [""; 0], "{body}");
        }
    }
}
