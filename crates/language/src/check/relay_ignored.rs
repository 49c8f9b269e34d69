//! A request is sent on, and nobody looks whether that failed.

use super::{Check, effects, visit};
use crate::ast::{ExprKind, RouteKind, Statement, StatementKind};
use crate::diagnostic::{Code, Diagnostic};

/// When it fails, the transaction answers 478 or 500 itself; the script learns nothing.
fn answers(name: &str) -> bool {
    name.starts_with("t_relay")
}

/// When it fails, the sender waits in vain.
fn is_silent(name: &str) -> bool {
    name.starts_with("t_forward_nonack") || name.starts_with("forward")
}

pub(super) fn check(check: &mut Check<'_>) {
    let mut found = Vec::new();
    for route in check.model.routes.iter().filter(|route| route.kind == RouteKind::Request) {
        let is_main = route.name.is_none();
        let body = &*route.body.statements;
        visit::lists(body, &mut |statements| {
            for (at, statement) in statements.iter().enumerate() {
                let StatementKind::Expr(expr) = &statement.kind else { continue };
                let ExprKind::Call(call) = &expr.kind else { continue };
                let at_end = is_main && std::ptr::eq(statements, body);
                let name = &*call.name.node;
                let relays = effects::of(name).relays && (answers(name) || is_silent(name));
                if relays && ends(&statements[at + 1..], at_end) {
                    found.push((expr.span, name));
                }
            }
        });
    }
    for (span, name) in found {
        // Somebody waits for the answer, and nothing was answered before.
        let waits = check.paths.relays.iter().any(|(at, state)| *at == span && state.wants_answer() && !state.handled);
        if !waits {
            continue;
        }
        let message = format!("nobody notices when `{name}` fails");
        let (label, reply) = match name {
            _ if answers(name) => {
                ("when it fails, the sender gets a 478 or 500 of tm, and the script learns nothing", "sl_reply_error()")
            }
            _ if name.starts_with("t_") => {
                ("when it fails, the request gets no answer", "t_reply(\"500\", \"Server error\")")
            }
            _ => ("when it fails, the request gets no answer", "sl_reply_error()"),
        };
        let old = check.model.sources.text(span);
        check.diagnostics.push(
            Diagnostic::warning(Code::RelayResultIgnored, message, span, label)
                .help(format!("answer then: `if (!{old}) {{ {reply}; }}`")),
        );
    }
}

/// Whether the script ends here, without a look at the result.
fn ends(behind: &[Statement], at_end: bool) -> bool {
    match behind.iter().find(|statement| !matches!(statement.kind, StatementKind::Empty)) {
        None => at_end,
        Some(next) => match &next.kind {
            StatementKind::Exit(None) => true,
            StatementKind::Return(None) => at_end,
            StatementKind::Exit(Some(value)) => !visit::reads_code(value),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::texts;
    use super::*;

    fn found(body: &str) -> Vec<String> {
        texts(Code::RelayResultIgnored, &format!("request_route {{\n{body}\n}}\nroute[A] {{ return; }}\n"))
    }

    #[test]
    fn a_failure_that_nobody_notices_is_found() {
        assert_eq!(found("forward();"), ["forward()"]);
        assert_eq!(found("if ($rU == 1) { t_relay(); exit; }\ndrop;"), ["t_relay()"]);
        assert_eq!(found("if ($rU == 1) { forward(); exit; }\ndrop;"), ["forward()"]);
        assert_eq!(found("t_newtran(); t_forward_nonack(\"a.example\", \"5060\"); exit;").len(), 1);
    }

    #[test]
    fn what_is_tested_or_needs_no_answer_is_silent() {
        assert_eq!(found("if (!t_relay()) { sl_reply_error(); }\nexit;"), [""; 0]);
        assert_eq!(found("if (is_method(\"CANCEL\")) { t_relay(); exit; }\ndrop;"), [""; 0]);
        assert_eq!(found("if (!forward()) { sl_reply_error(); }"), [""; 0]);
        assert_eq!(found("forward(); if ($rc < 0) sl_reply_error();"), [""; 0]);
        assert_eq!(found("if (is_method(\"ACK\")) { forward(); exit; }\ndrop;"), [""; 0]);
        assert_eq!(found("sl_send_reply(\"200\", \"OK\"); forward(); exit;"), [""; 0]);
        assert_eq!(found("forward(); route(A);"), [""; 0]);
    }
}
