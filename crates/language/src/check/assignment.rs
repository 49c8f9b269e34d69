//! `if ($var(x) = 1)`: a condition that assigns, where a comparison is meant. Whatever was assigned, it is true.

use super::{Check, visit};
use crate::ast::{BinaryOp, Expr, ExprKind, StatementKind, UnaryOp};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

pub(super) fn check(check: &mut Check<'_>) {
    let mut found = Vec::new();
    for route in &check.model.routes {
        visit::lists(&route.body.statements, &mut |statements| {
            for statement in statements {
                if let StatementKind::If { condition, .. } | StatementKind::While { condition, .. } = &statement.kind {
                    decisive(condition, &mut |expr| found.push(expr));
                }
            }
        });
    }
    for expr in found {
        let ExprKind::Assign { target, value } = &expr.kind else { continue };
        // Its own span holds the parentheses around it.
        let span = check.model.sources.join(target.span, value.span);
        let label = "assigns, and is true whatever the value";
        let message = "a condition assigns a value";
        let mut diagnostic = Diagnostic::warning(Code::AssignmentInCondition, message, span, label);
        if !is_slip(value) {
            let help = "write `==` to compare; or assign in a statement before, and test the variable";
            check.diagnostics.push(diagnostic.help(help));
            continue;
        }
        diagnostic = diagnostic.help("write `==` to compare");
        let sign = Span { start: target.span.end, end: value.span.start, ..span };
        let (old, sign) = (check.model.sources.text(span), check.model.sources.text(sign));
        let at = target.span.end.saturating_sub(span.start) as usize;
        if let (Some((left, right)), "=") = (old.split_at_checked(at), sign.trim()) {
            let new = format!("{left}{}", right.replacen('=', "==", 1));
            diagnostic = diagnostic.edit(old, new);
        }
        check.diagnostics.push(diagnostic);
    }
}

/// The assignments whose value decides.
fn decisive<'a>(expr: &'a Expr, found: &mut dyn FnMut(&'a Expr)) {
    match &expr.kind {
        ExprKind::Assign { .. } => found(expr),
        ExprKind::Binary { op: BinaryOp::And | BinaryOp::Or, left, right } => {
            decisive(left, found);
            decisive(right, found);
        }
        ExprKind::Unary { op: UnaryOp::Not, operand } => decisive(operand, found),
        _ => {}
    }
}

/// Whether nobody would want to keep this: a constant, or another variable.
fn is_slip(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Variable(_) => true,
        ExprKind::Unary { op: UnaryOp::Negate, operand } => is_slip(operand),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edits, found};
    use crate::diagnostic::Code;

    fn count(body: &str) -> usize {
        found(Code::AssignmentInCondition, &format!("request_route {{\n{body}\n}}\n")).len()
    }

    fn change(condition: &str) -> Vec<(String, String)> {
        edits(Code::AssignmentInCondition, &format!("request_route {{\n\tif ({condition}) exit;\n}}\n"))
    }

    #[test]
    fn an_assignment_that_decides_is_found() {
        assert_eq!(count("if ($var(x) = 1) exit;"), 1);
        assert_eq!(count("if (!($var(x) = \"a\")) exit;"), 1);
        assert_eq!(count("if ($rm == \"INVITE\" && ($rU = $fU)) exit;"), 1);
        assert_eq!(count("while ($var(x) = $(avp(l)[0])) { break; }"), 1);
        assert_eq!(count("if ($var(x) = is_method(\"BYE\")) exit;"), 1);
    }

    #[test]
    fn the_change_is_obvious_for_values() {
        assert_eq!(change("$var(x)=1"), [("$var(x)=1".into(), "$var(x)==1".into())]);
        assert_eq!(change("$var(x) = -1"), [("$var(x) = -1".into(), "$var(x) == -1".into())]);
        assert_eq!(change("$var(x) = is_method(\"BYE\")"), []);
    }

    #[test]
    fn comparisons_and_statements_are_silent() {
        assert_eq!(count("if ($var(x) == 1) exit;"), 0);
        assert_eq!(count("if (($var(x) = 1) == 1) exit;"), 0);
        assert_eq!(count("while (($var(x) = is_method(\"BYE\")) > 0) { break; }"), 0);
        assert_eq!(count("$var(x) = 1;"), 0);
    }
}
