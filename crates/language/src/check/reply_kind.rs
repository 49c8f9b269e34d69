//! Replies that do something else than meant: `t_reply` where there is no transaction sends nothing, and a stateless
//! reply behind `t_newtran` leaves the transaction without an answer.

use std::collections::HashMap;

use super::{Check, effects, visit};
use crate::ast::Expr;
use crate::ast::{Block, Case, ExprKind, RouteKind, Statement, StatementKind, UnaryOp};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// They need a transaction.
const STATEFUL: &[&str] = &["t_reply", "t_reply_error"];
/// They know nothing of transactions.
const STATELESS: &[&str] = &["sl_send_reply", "sl_reply", "sl_reply_error"];

/// Functions of these never make a transaction.
const WITHOUT_TRANSACTIONS: &[&str] = &[
    "acc",
    "alias_db",
    "auth",
    "auth_db",
    "avpops",
    "cfgutils",
    "core",
    "corex",
    "dispatcher",
    "domain",
    "htable",
    "ipops",
    "kex",
    "maxfwd",
    "nathelper",
    "path",
    "permissions",
    "pike",
    "pv",
    "ratelimit",
    "rr",
    "rtpengine",
    "rtpproxy",
    "sanity",
    "sdpops",
    "siputils",
    "sl",
    "sqlops",
    "textops",
    "textopsx",
    "uac",
    "uri_db",
    "usrloc",
    "xlog",
];
/// Nor do these of other modules.
const NO_TRANSACTION: &[&str] = &[
    "lookup",
    "registered",
    "save",
    "t_on_branch",
    "t_on_failure",
    "t_on_reply",
    "t_set_fr",
    "t_reset_fr",
    "t_set_retr",
    "t_reset_retr",
    "t_set_max_lifetime",
    "t_reset_max_lifetime",
    "t_set_auto_inv_100",
    "t_set_disable_6xx",
];

/// Routes in routes: more do not run either.
const MAX_DEPTH: usize = 100;
/// More calls than this: the walk ends.
const MAX_STEPS: usize = 100_000;

pub(super) fn check(check: &mut Check<'_>) {
    without_transaction(check);
    beside_transaction(check);
}

fn without_transaction(check: &mut Check<'_>) {
    let mut routes: HashMap<&str, Vec<&Block>> = HashMap::new();
    for route in check.model.routes.iter().filter(|route| route.kind == RouteKind::Request) {
        routes.entry(route.name.as_ref().map_or("", |name| &name.node)).or_default().push(&route.body);
    }
    let Some(main) = routes.get("").cloned() else { return };
    let mut walk = Walk { routes, ..Walk::default() };
    let mut may = Some(false);
    for block in main {
        may = may.and_then(|may| walk.list(&block.statements, may));
    }
    if walk.steps > MAX_STEPS {
        return;
    }
    let mut reported = Vec::new();
    for (span, name, _) in walk.replies.iter().filter(|(_, _, may)| !may) {
        let elsewhere = walk.replies.iter().any(|(other, _, may)| other == span && *may);
        if elsewhere || reported.contains(span) {
            continue;
        }
        reported.push(*span);
        let message = format!("`{name}` sends nothing here: the request has no transaction");
        let label = "no `t_newtran` or `t_relay` on the way to here";
        let help = "use `send_reply` (module sl), which answers with and without a transaction, \
                    or call `t_newtran()` before";
        check.diagnostics.push(Diagnostic::warning(Code::ReplyInWrongRoute, message, *span, label).help(help));
    }
}

/// The ways through the script, and whether there may be a transaction.
#[derive(Default)]
struct Walk<'a> {
    routes: HashMap<&'a str, Vec<&'a Block>>,
    /// What a route makes of `may`; a route that is being walked may do anything.
    memo: HashMap<(&'a str, bool), Option<bool>>,
    /// Replies that need a transaction, and whether there may be one.
    replies: Vec<(Span, &'a str, bool)>,
    /// With what the route may return.
    returned: Option<bool>,
    /// With what the loop or the switch may be left.
    broke: Option<bool>,
    steps: usize,
    depth: usize,
}

/// `None`: this way is never gone.
fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one || other),
        (one, other) => one.or(other),
    }
}

impl<'a> Walk<'a> {
    fn list(&mut self, statements: &'a [Statement], mut may: bool) -> Option<bool> {
        for statement in statements {
            may = self.statement(statement, may)?;
        }
        Some(may)
    }

    fn statement(&mut self, statement: &'a Statement, may: bool) -> Option<bool> {
        let may = visit::own(statement).into_iter().try_fold(may, |may, expr| self.expr(expr, may))?;
        match &statement.kind {
            StatementKind::Expr(_) | StatementKind::Empty => Some(may),
            StatementKind::If { then, otherwise, .. } => {
                let yes = self.list(&then.statements, may);
                let no = otherwise.as_ref().map_or(Some(may), |block| self.list(&block.statements, may));
                either(yes, no)
            }
            StatementKind::While { body, .. } => {
                let around = self.broke.take();
                let once = either(self.list(&body.statements, may), Some(may));
                let again = once.and_then(|may| self.list(&body.statements, may));
                let left = std::mem::replace(&mut self.broke, around);
                either(either(once, again), left)
            }
            StatementKind::Switch { cases, .. } => Some(self.switch(cases, may)),
            StatementKind::Block(block) => self.list(&block.statements, may),
            StatementKind::Return(_) => {
                self.returned = either(self.returned, Some(may));
                None
            }
            StatementKind::Break => {
                self.broke = either(self.broke, Some(may));
                None
            }
            StatementKind::Exit(_) | StatementKind::Drop(_) => None,
        }
    }

    fn switch(&mut self, cases: &'a [Case], may: bool) -> bool {
        let around = self.broke.take();
        let mut falling = None;
        for case in cases {
            falling = self.list(&case.body, falling.unwrap_or_default() || may);
        }
        let left = std::mem::replace(&mut self.broke, around);
        either(falling, left).unwrap_or_default() || may
    }

    fn expr(&mut self, expr: &'a Expr, may: bool) -> Option<bool> {
        let mut parts = Vec::new();
        visit::expression(expr, &mut |part| parts.push(part));
        let mut may = Some(may);
        for part in parts {
            may = match (&part.kind, may) {
                (_, None) => None,
                // The script asks for the transaction.
                (ExprKind::Variable(variable), _) if variable.name.starts_with("T") => Some(true),
                (ExprKind::Call(call), Some(may)) => {
                    self.steps += 1;
                    let name = &*call.name.node;
                    match call.arguments.first().map(|first| &first.kind) {
                        Some(ExprKind::String(target) | ExprKind::Word(target)) if name == "route" => {
                            self.enter(target, may)
                        }
                        _ if STATEFUL.contains(&name) => {
                            self.replies.push((part.span, name, may));
                            Some(may)
                        }
                        _ => Some(may || makes_transaction(name)),
                    }
                }
                (_, may) => may,
            };
        }
        may
    }

    fn enter(&mut self, name: &'a str, may: bool) -> Option<bool> {
        if self.steps > MAX_STEPS || self.depth >= MAX_DEPTH {
            return Some(true);
        }
        if let Some(known) = self.memo.get(&(name, may)) {
            return *known;
        }
        let Some(blocks) = self.routes.get(name).cloned() else { return Some(true) };
        self.memo.insert((name, may), Some(true));
        let around = (self.returned.take(), self.broke.take());
        self.depth += 1;
        let mut out = Some(may);
        for block in blocks {
            out = out.and_then(|may| self.list(&block.statements, may));
        }
        self.depth -= 1;
        // A `break` outside of loops leaves the route.
        let out = either(either(out, self.returned), self.broke);
        (self.returned, self.broke) = around;
        self.memo.insert((name, may), out);
        out
    }
}

/// Whether a function may make a transaction, or say something of one.
fn makes_transaction(name: &str) -> bool {
    let known = crate::known::function(name);
    let harmless = known.iter().all(|it| WITHOUT_TRANSACTIONS.contains(&it.module)) && !known.is_empty();
    // `route` with a name that is made when it runs.
    name == "route" || !(harmless || NO_TRANSACTION.contains(&name))
}

fn beside_transaction(check: &mut Check<'_>) {
    let mut found: Vec<(Span, &str, Span)> = Vec::new();
    for route in check.model.routes.iter().filter(|route| route.kind == RouteKind::Request) {
        visit::lists(&route.body.statements, &mut |statements| {
            let made = statements.iter().enumerate().find_map(|(at, statement)| Some((at, makes(statement)?)));
            let Some((at, made)) = made else { return };
            for statement in &statements[at + 1..] {
                let mut other = false;
                let mut replies = Vec::new();
                visit::expressions(std::slice::from_ref(statement), &mut |expr| {
                    let ExprKind::Call(call) = &expr.kind else { return };
                    let name = &*call.name.node;
                    if STATELESS.contains(&name) {
                        replies.push((expr.span, name, made));
                    } else {
                        // What is behind something that ends or uses the transaction was thought of.
                        other |= name == "route" || effects::of(name).handles || name.starts_with("t_re");
                    }
                });
                if other {
                    return;
                }
                found.extend(replies);
            }
        });
    }
    for (span, name, made) in found {
        let message = format!("`{name}` leaves the transaction without an answer");
        check.diagnostics.push(
            Diagnostic::warning(Code::ReplyInWrongRoute, message, span, "goes out beside the transaction")
                .label(made, "which was made here")
                .help("use `send_reply` or `t_reply`: the transaction repeats the reply when the request is repeated"),
        );
    }
}

/// The call in `t_newtran();` or `if (!t_newtran()) { ..; exit; }`: behind it there is a transaction.
fn makes(statement: &Statement) -> Option<Span> {
    let call = |expr: &Expr| match &expr.kind {
        ExprKind::Call(call) if call.name.node == "t_newtran" => Some(expr.span),
        _ => None,
    };
    match &statement.kind {
        StatementKind::Expr(expr) => call(expr),
        StatementKind::If { condition, then, otherwise: None } => match &condition.kind {
            ExprKind::Unary { op: UnaryOp::Not, operand } => {
                call(operand).filter(|_| then.statements.iter().any(visit::leaves))
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::texts;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        texts(Code::ReplyInWrongRoute, text)
    }

    fn main(body: &str) -> Vec<String> {
        found(&format!("request_route {{\n{body}\n}}\n"))
    }

    const REPLY: &str = "t_reply(\"404\", \"x\")";

    #[test]
    fn names_are_functions() {
        for name in [STATEFUL, STATELESS, NO_TRANSACTION].concat() {
            assert!(!crate::known::function(name).is_empty(), "{name}");
        }
        for name in WITHOUT_TRANSACTIONS.iter().filter(|name| **name != "core") {
            assert!(crate::known::module(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_stateful_reply_needs_a_transaction() {
        assert_eq!(main(&format!("{REPLY};")), [REPLY]);
        assert_eq!(main(&format!("if ($rU == 1) {{ t_relay(); exit; }}\n{REPLY};")), [REPLY]);
        let called = format!("request_route {{ route(A); }}\nroute[A] {{ xlog(\"x\"); {REPLY}; }}");
        assert_eq!(found(&called), [REPLY]);
        assert_eq!(main(&format!("t_newtran();\n{REPLY};")), [""; 0]);
        assert_eq!(main(&format!("if (!t_relay()) {{ {REPLY}; }}")), [""; 0]);
        assert_eq!(main(&format!("if ($T_reply_code == 1) {{ {REPLY}; }}")), [""; 0]);
        assert_eq!(main(&format!("while ($var(i) > 0) {{ if ($rU == 1) {REPLY}; t_newtran(); }}")), [""; 0]);
        assert_eq!(main(&format!("route($var(x));\n{REPLY};")), [""; 0]);
        assert_eq!(main(&format!("unknown_function();\n{REPLY};")), [""; 0]);
        let resumed = format!("request_route {{ async_route(\"A\", \"1\"); }}\nroute[A] {{ {REPLY}; }}");
        assert_eq!(found(&resumed), [""; 0]);
        let both = format!("request_route {{ route(A); t_newtran(); route(A); }}\nroute[A] {{ {REPLY}; }}");
        assert_eq!(found(&both), [""; 0]);
    }

    #[test]
    fn a_stateless_reply_beside_a_transaction_is_found() {
        let reply = "sl_send_reply(\"404\", \"x\")";
        assert_eq!(main(&format!("t_newtran();\n{reply};")), [reply]);
        assert_eq!(main(&format!("if (!t_newtran()) {{ sl_reply_error(); exit; }}\nif ($rU == 1) {reply};")), [reply]);
        assert_eq!(main("t_newtran();\nsend_reply(\"404\", \"x\");"), [""; 0]);
        assert_eq!(main(&format!("t_newtran();\nt_release();\n{reply};")), [""; 0]);
        assert_eq!(main("t_newtran();\nif (!t_relay()) sl_reply_error();"), [""; 0]);
    }
}
