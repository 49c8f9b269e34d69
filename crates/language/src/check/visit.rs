//! Going through every statement and every expression of a block, in the order they stand in.

use crate::ast::{Block, Expr, ExprKind, Label, Statement, StatementKind};

/// Calls `f` for every list of statements: the block's own and the ones inside.
pub(super) fn lists<'a>(statements: &'a [Statement], f: &mut dyn FnMut(&'a [Statement])) {
    f(statements);
    for statement in statements {
        inner(statement).into_iter().for_each(|list| lists(list, f));
        own(statement).into_iter().for_each(|expr| in_expr(expr, f));
    }
}

fn in_expr<'a>(expr: &'a Expr, f: &mut dyn FnMut(&'a [Statement])) {
    if let ExprKind::Block(block) = &expr.kind {
        lists(&block.statements, f);
    }
    parts(expr).into_iter().for_each(|part| in_expr(part, f));
}

/// Calls `f` for every expression, an outer one before what is in it.
pub(super) fn expressions<'a>(statements: &'a [Statement], f: &mut dyn FnMut(&'a Expr)) {
    for statement in statements {
        own(statement).into_iter().for_each(|expr| expression(expr, f));
        inner(statement).into_iter().for_each(|list| expressions(list, f));
    }
}

/// Calls `f` for an expression and all that is in it.
pub(super) fn expression<'a>(expr: &'a Expr, f: &mut dyn FnMut(&'a Expr)) {
    f(expr);
    parts(expr).into_iter().for_each(|part| expression(part, f));
    if let ExprKind::Block(Block { statements, .. }) = &expr.kind {
        expressions(statements, f);
    }
}

/// The lists of statements in a statement.
pub(super) fn inner(statement: &Statement) -> Vec<&[Statement]> {
    match &statement.kind {
        StatementKind::If { then, otherwise, .. } => {
            std::iter::once(then).chain(otherwise).map(|block| &*block.statements).collect()
        }
        StatementKind::While { body, .. } | StatementKind::Block(body) => vec![&body.statements],
        StatementKind::Switch { cases, .. } => cases.iter().map(|case| &*case.body).collect(),
        _ => Vec::new(),
    }
}

/// The expressions of a statement, without those of the statements in it.
pub(super) fn own(statement: &Statement) -> Vec<&Expr> {
    match &statement.kind {
        StatementKind::Expr(expr) => vec![expr],
        StatementKind::If { condition, .. } | StatementKind::While { condition, .. } => vec![condition],
        StatementKind::Switch { on, cases } => {
            let labels = cases.iter().filter_map(|case| match &case.label {
                Some(Label::Value(value)) => Some(value),
                _ => None,
            });
            std::iter::once(on).chain(labels).collect()
        }
        StatementKind::Return(value) | StatementKind::Exit(value) | StatementKind::Drop(value) => {
            value.iter().collect()
        }
        StatementKind::Block(_) | StatementKind::Break | StatementKind::Empty => Vec::new(),
    }
}

/// The expressions that an expression consists of.
fn parts(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::Unary { operand, .. } => vec![operand],
        ExprKind::Assign { target, value } => vec![target, value],
        ExprKind::Call(call) => call.arguments.iter().collect(),
        _ => Vec::new(),
    }
}

/// Whether an expression asks for the code of the call before.
pub(super) fn reads_code(expr: &Expr) -> bool {
    let names_code = |text: &str| text.contains("$rc") || text.contains("$retcode") || text.contains("$?");
    let mut found = false;
    expression(expr, &mut |expr| {
        found |= match &expr.kind {
            ExprKind::Variable(variable) => matches!(&*variable.name, "rc" | "retcode" | "?"),
            ExprKind::String(text) => names_code(text),
            _ => false,
        };
    });
    found
}

/// Whether nothing behind a statement runs: it ends the script, the route, the loop or the case.
pub(super) fn leaves(statement: &Statement) -> bool {
    let ends = |statements: &[Statement]| statements.iter().any(leaves);
    match &statement.kind {
        StatementKind::Return(_) | StatementKind::Exit(_) | StatementKind::Drop(_) | StatementKind::Break => true,
        StatementKind::Block(block) => ends(&block.statements),
        StatementKind::If { then, otherwise: Some(otherwise), .. } => {
            ends(&then.statements) && ends(&otherwise.statements)
        }
        _ => false,
    }
}
