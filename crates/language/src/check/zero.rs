//! `return 0` in a route whose result decides something: it ends the script there, and does not mean false.

use std::collections::{HashMap, HashSet};

use super::{Check, Model, effects, visit};
use crate::ast::{ConfigValue, Expr, ExprKind, ItemKind, RouteBlock, RouteKind, Statement, StatementKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    if another_mode(model) {
        return;
    }
    let used = used_routes(model);
    let (mut found, mut noted) = (Vec::new(), Vec::new());
    for route in model.routes.iter().filter(|route| route.kind == RouteKind::Request) {
        let Some(user) = route.name.as_ref().and_then(|name| used.get(&*name.node)) else { continue };
        visit::lists(&route.body.statements, &mut |statements| {
            for (at, statement) in statements.iter().enumerate() {
                if is_zero(statement) && !statements[..at].iter().any(answers) {
                    found.push((statement.span, *user));
                }
                if let Some((name, zero)) = may_return_zero(&statements[..at], statement) {
                    noted.push((statement.span, name, zero, *user));
                }
            }
        });
    }
    for (span, name, zero, user) in noted {
        let message = format!("`$var({name})` can be 0 here, which ends the script");
        check.diagnostics.push(
            Diagnostic::warning(Code::ZeroInCondition, message, span, "0 does not mean false")
                .label(zero, "when nothing changes it")
                .label(user, "never gets to see it")
                .help("begin with -1 for false"),
        );
    }
    for (span, user) in found {
        let old = check.model.sources.text(span);
        let mut diagnostic =
            Diagnostic::warning(Code::ZeroInCondition, "`return 0` ends the script here", span, "does not mean false")
                .label(user, "never gets to see it")
                .help("return a negative number for false, or write `exit` where the script is to end");
        if let Some(at) = old.rfind('0') {
            diagnostic = diagnostic.edit(old, format!("{}-1{}", &old[..at], &old[at + 1..]));
        }
        check.diagnostics.push(diagnostic);
    }
}

/// With `return_mode=1` the codes of routes are treated otherwise.
fn another_mode(model: &Model<'_>) -> bool {
    model.config.items.iter().any(|item| match &item.kind {
        ItemKind::CoreParam { name, value, .. } => name.node == "return_mode" && value.node != ConfigValue::Int(0),
        _ => false,
    })
}

/// The routes whose result decides something or is kept, each with a place where it does; also those whose result such
/// a route returns.
fn used_routes<'a>(model: &Model<'a>) -> HashMap<&'a str, Span> {
    let mut used: HashMap<&str, Span> = HashMap::new();
    let mut handed_on: Vec<(&RouteBlock, &str)> = Vec::new();
    for route in &model.routes {
        let mut plain: HashSet<*const Expr> = HashSet::new();
        visit::lists(&route.body.statements, &mut |statements| {
            for statement in statements {
                match &statement.kind {
                    StatementKind::Expr(expr) => {
                        plain.insert(std::ptr::from_ref(expr));
                    }
                    StatementKind::Return(Some(expr)) => {
                        plain.insert(std::ptr::from_ref(expr));
                        handed_on.extend(called(expr).map(|name| (*route, name)));
                    }
                    _ => {}
                }
            }
        });
        visit::expressions(&route.body.statements, &mut |expr| {
            if let Some(name) = called(expr).filter(|_| !plain.contains(&std::ptr::from_ref(expr))) {
                used.entry(name).or_insert(expr.span);
            }
        });
    }
    loop {
        let before = used.len();
        for (route, name) in &handed_on {
            let user = route.name.as_ref().and_then(|name| used.get(&*name.node)).copied();
            if let Some(user) = user {
                used.entry(name).or_insert(user);
            }
        }
        if used.len() == before {
            return used;
        }
    }
}

/// The name in `route(X)`.
fn called(expr: &Expr) -> Option<&str> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    match (&*call.name.node, &call.arguments.first()?.kind) {
        ("route" | "route_if_exists", ExprKind::String(name) | ExprKind::Word(name)) => Some(name),
        _ => None,
    }
}

fn is_zero(statement: &Statement) -> bool {
    matches!(&statement.kind, StatementKind::Return(Some(Expr { kind: ExprKind::Int(0), .. })))
}

/// The variable in `$var(x) = 0; .. return $var(x);` that only some ways between give another value, and its 0.
fn may_return_zero<'a>(before: &'a [Statement], last: &'a Statement) -> Option<(&'a str, Span)> {
    let StatementKind::Return(Some(value)) = &last.kind else { return None };
    let name = variable(value)?;
    let mut zero = None;
    for statement in before {
        match &statement.kind {
            StatementKind::Expr(Expr { kind: ExprKind::Assign { target, value }, .. })
                if variable(target) == Some(name) =>
            {
                zero = matches!(value.kind, ExprKind::Int(0)).then_some(statement.span);
            }
            _ if always_writes(statement, name) => zero = None,
            _ => {}
        }
    }
    Some((name, zero?))
}

/// Whether every way through a statement may write a variable; a function that is given it may.
fn always_writes(statement: &Statement, name: &str) -> bool {
    let given = format!("$var({name})");
    let writes = |statements: &[Statement]| {
        let mut found = false;
        visit::expressions(statements, &mut |expr| {
            found |= matches!(&expr.kind, ExprKind::Assign { target, .. } if variable(target) == Some(name));
        });
        found
    };
    let mut is_given = false;
    visit::expressions(std::slice::from_ref(statement), &mut |expr| {
        if let ExprKind::Call(call) = &expr.kind {
            let names = |text: &str| call.name.node != "xlog" && text.contains(&given);
            is_given |= call.name.node == "route"
                || call.arguments.iter().any(|it| matches!(&it.kind, ExprKind::String(text) if names(text)));
        }
    });
    is_given
        || match &statement.kind {
            StatementKind::If { then, otherwise: Some(otherwise), .. } => {
                writes(&then.statements) && writes(&otherwise.statements)
            }
            StatementKind::Switch { cases, .. } => cases.iter().any(|case| case.label.is_none() && writes(&case.body)),
            StatementKind::Block(block) => writes(&block.statements),
            _ => false,
        }
}

/// The name in `$var(x)`.
fn variable(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Variable(variable) if variable.name == "var" && variable.transformations.is_empty() => {
            variable.inner.as_ref().map(|inner| inner.node.as_str())
        }
        _ => None,
    }
}

/// Whether a statement may answer the request or send it on: ending the script behind it may well be meant.
fn answers(statement: &Statement) -> bool {
    let mut found = false;
    visit::expressions(std::slice::from_ref(statement), &mut |expr| {
        if let ExprKind::Call(call) = &expr.kind {
            found |= call.name.node == "route" || effects::of(&call.name.node).handles;
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edits, found};
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        found(Code::ZeroInCondition, text).into_iter().map(|(line, _)| line).collect()
    }

    const LOCAL: &str = "route[LOCAL] {\nif ($rU == 1) return 1;\nreturn 0;\n}\n";

    #[test]
    fn zero_of_a_route_that_decides_is_found() {
        assert_eq!(lines(&format!("{LOCAL}request_route {{ if (!route(LOCAL)) exit; }}")), [3]);
        assert_eq!(lines(&format!("{LOCAL}request_route {{ $var(x) = route(LOCAL); }}")), [3]);
        let through = "route[OTHER] { return route(LOCAL); }\nrequest_route { if ($rU == 2 && route(OTHER)) exit; }";
        assert_eq!(lines(&format!("{LOCAL}{through}")), [3]);
        let text = "route[A] { return(0); }\nrequest_route { if (route(A)) exit; }";
        assert_eq!(edits(Code::ZeroInCondition, text), [("return(0)".into(), "return(-1)".into())]);
    }

    #[test]
    fn a_variable_that_may_still_be_zero_is_found() {
        let route =
            |body: &str| format!("route[A] {{\n{body}\nreturn $var(x);\n}}\nrequest_route {{ if (route(A)) exit; }}");
        assert_eq!(lines(&route("$var(x) = 0; if ($rU == 1) { $var(x) = 1; }")), [3]);
        assert_eq!(lines(&route("$var(x) = 0; while ($rU == 1) { $var(x) = 1; }")), [3]);
        for right in [
            "$var(x) = -1; if ($rU == 1) { $var(x) = 1; }",
            "$var(x) = 0; if ($rU == 1) { $var(x) = 1; } else { $var(x) = 2; }",
            "$var(x) = 0; $var(x) = $rU;",
            "$var(x) = 0; sql_pvquery(\"c\", \"q\", \"$var(x)\");",
            "$var(x) = 0; route(B);",
        ] {
            assert_eq!(lines(&route(right)), [0; 0], "{right}");
        }
    }

    #[test]
    fn zero_that_is_meant_is_silent() {
        assert_eq!(lines(&format!("{LOCAL}request_route {{ route(LOCAL); }}")), [0; 0]);
        assert_eq!(lines(&format!("return_mode=1\n{LOCAL}request_route {{ if (route(LOCAL)) exit; }}")), [0; 0]);
        let answered = "route[A] { if ($rU == 1) { sl_send_reply(\"404\", \"x\"); return 0; } return 1; }\n";
        assert_eq!(lines(&format!("{answered}request_route {{ if (route(A)) exit; }}")), [0; 0]);
    }
}
