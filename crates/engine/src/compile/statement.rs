//! Statements and conditions become operations with jumps.
//!
//! A call never stands inside an [`Expression`]: it is an operation of its own before it, and its result a temporary.
//! So `&&`, `||` and `!` over calls become jumps, and the program can leave the thread at any call.

use language::ast::{BinaryOp, Block, Case, Expr, ExprKind, Label, RouteKind, Statement, StatementKind, UnaryOp};
use language::diagnostic::{Code, Diagnostic};
use language::span::Span;

use super::CompileEnv;
use super::operand;
use crate::expression::Expression;
use crate::function::Call;
use crate::posix_regex::Regex;
use crate::program::{CodeEffect, Op, Program, Target};
use crate::script_type::wrong_regex;
use crate::value::Value;

/// A jump whose target is not known yet.
const PENDING: u32 = u32::MAX;

/// Where a jump that is not resolved yet stands.
type Pending = Vec<usize>;

/// Turns the statements of one route into operations.
pub(super) struct Lowering<'l, 'e> {
    pub(super) env: &'l mut CompileEnv<'e>,
    program: &'l mut Program,
    temporaries: u32,
    breaks: Vec<Pending>,
}

impl<'l, 'e> Lowering<'l, 'e> {
    pub(super) const fn new(env: &'l mut CompileEnv<'e>, program: &'l mut Program) -> Self {
        Self { env, program, temporaries: 0, breaks: Vec::new() }
    }

    /// Ends the route: without `return` it yields the result of its last statement.
    pub(super) fn finish(mut self, span: Span) -> u32 {
        let end = Span { start: span.end.saturating_sub(1), ..span };
        self.emit(Op::Return(None), end);
        self.temporaries
    }

    fn emit(&mut self, op: Op, span: Span) -> usize {
        self.program.ops.push(op);
        self.program.spans.push(span);
        self.program.ops.len() - 1
    }

    fn here(&self) -> u32 {
        self.program.ops.len() as u32
    }

    fn temporary(&mut self) -> u32 {
        self.temporaries += 1;
        self.temporaries - 1
    }

    fn patch(&mut self, jumps: &[usize]) {
        let here = self.here();
        for at in jumps {
            match &mut self.program.ops[*at] {
                Op::Jump(target)
                | Op::JumpUnlessCode(target)
                | Op::Test { otherwise: target, .. }
                | Op::LoopGuard { exit: target, .. } => *target = here,
                _ => {}
            }
        }
    }

    fn report<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.env.diagnostics.push(diagnostic)).ok()
    }

    pub(super) fn block(&mut self, block: &Block) {
        for statement in &block.statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let span = statement.span;
        match &statement.kind {
            StatementKind::Expr(expr) => self.expression_statement(expr, span),
            StatementKind::If { condition, then, otherwise } => {
                self.if_statement(condition, then, otherwise.as_ref(), span)
            }
            StatementKind::While { condition, body } => self.while_statement(condition, body, span),
            StatementKind::Switch { on, cases } => self.switch_statement(on, cases, span),
            StatementKind::Break => match self.breaks.len().checked_sub(1) {
                Some(innermost) => {
                    self.emit(Op::SetCode(0), span);
                    let jump = self.emit(Op::Jump(PENDING), span);
                    self.breaks[innermost].push(jump);
                }
                None => {
                    self.emit(Op::LeaveRoute, span);
                }
            },
            StatementKind::Return(value) => {
                let value = match value {
                    Some(value) => self.value(value),
                    None => Some(Expression::Constant(Value::Int(1))),
                };
                self.emit(Op::Return(value), span);
            }
            StatementKind::Exit(value) | StatementKind::Drop(value) => {
                if let Some(value) = value {
                    // Its value has no use, its calls may have effects.
                    let _ = self.value(value);
                }
                let op = if matches!(statement.kind, StatementKind::Exit(_)) { Op::Exit } else { Op::Drop };
                self.emit(op, span);
            }
            StatementKind::Block(block) => self.block(block),
            StatementKind::Empty => {}
        }
    }

    fn expression_statement(&mut self, expr: &Expr, span: Span) {
        match &expr.kind {
            ExprKind::Call(call) if !is_selval(call) => self.call(expr, false),
            ExprKind::Assign { target, value } => {
                self.assign(target, value, span);
            }
            _ => {
                if let Some(expression) = self.value(expr) {
                    self.emit(Op::Evaluate(expression), span);
                }
            }
        }
    }

    fn assign(&mut self, target: &Expr, value: &Expr, span: Span) -> bool {
        let value = match &value.kind {
            ExprKind::Call(call) if is_selval(call) => self.value(value),
            // A call that is the whole right side: its code, not only whether it is true.
            ExprKind::Call(_) | ExprKind::Assign { .. } | ExprKind::Block(_) => {
                self.action(value);
                let slot = self.temporary();
                self.emit(Op::CodeToTemporary { slot, exact: true }, value.span);
                Some(Expression::Temporary(slot))
            }
            _ => self.value(value),
        };
        let target = match &target.kind {
            // The parser has said that already.
            ExprKind::Variable(variable) if !variable.transformations.is_empty() => return false,
            ExprKind::Variable(variable) => self.env.target(variable),
            ExprKind::Attribute(text) => attribute(text, target.span),
            _ => {
                let message = "this cannot be assigned";
                Err(Diagnostic::error(Code::NotWritable, message, target.span, "not a variable"))
            }
        };
        match (self.report(target), value) {
            (Some(target), Some(value)) => {
                self.emit(Op::Assign { target, value }, span);
                true
            }
            _ => false,
        }
    }

    /// Emits what stands inside an expression and leaves a code: a call, an assignment, a block.
    fn action(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Assign { target, value } => {
                self.assign(target, value, expr.span);
                self.emit(Op::ClearReturnCode, expr.span);
            }
            ExprKind::Block(block) => {
                self.block(block);
                if let Some(Statement { kind: StatementKind::Expr(last), .. }) = block.statements.last()
                    && matches!(last.kind, ExprKind::Assign { .. })
                {
                    self.emit(Op::ClearReturnCode, expr.span);
                }
            }
            _ => self.call(expr, true),
        }
    }

    /// Emits the operation of a call, which is a statement or `inside` an expression; its result is the code afterwards.
    fn call(&mut self, expr: &Expr, inside: bool) {
        let ExprKind::Call(call) = &expr.kind else { return };
        if call.name.node == "route" {
            self.route_call(expr, &call.arguments);
            return;
        }
        let result = self.env.call(call, expr.span);
        if let Some((compiled, module)) = self.report(result) {
            let code = match (module, inside) {
                ("core", false) => CodeEffect::Keeps,
                ("core", true) => CodeEffect::Clears,
                _ => CodeEffect::Sets,
            };
            let op = match compiled {
                Call::Sync(call) => Op::Call { call, code },
                Call::Wait(call) => Op::Wait { call, code },
            };
            self.emit(op, expr.span);
        }
    }

    fn route_call(&mut self, expr: &Expr, arguments: &[Expr]) {
        let [argument] = arguments else {
            self.env.diagnostics.push(Diagnostic::error(
                Code::ArgumentCount,
                "`route` takes one argument: the block's name",
                expr.span,
                "as in `route(RELAY)`",
            ));
            return;
        };
        let name = match &argument.kind {
            ExprKind::Word(name) | ExprKind::String(name) if !name.contains('$') => name.clone(),
            ExprKind::Int(number) => number.to_string(),
            _ => {
                let source = crate::script_type::ArgSource { expr: argument };
                let named = self.env.text(&source);
                if let Some(named) = self.report(named) {
                    self.emit(Op::CallRouteNamed(named), expr.span);
                }
                return;
            }
        };
        match self.env.routes.get(&(RouteKind::Request, if name == "0" { String::new() } else { name.clone() })) {
            Some(route) => {
                let op = Op::CallRoute(*route);
                self.emit(op, expr.span);
            }
            None => {
                let names = self
                    .env
                    .routes
                    .keys()
                    .filter(|(kind, _)| *kind == RouteKind::Request)
                    .map(|(_, name)| name.as_str());
                let diagnostic = Diagnostic::error(
                    Code::UnknownRoute,
                    format!("route `{name}` is not defined"),
                    argument.span,
                    "no such block",
                )
                .did_you_mean(&name, names);
                self.env.diagnostics.push(diagnostic);
            }
        }
    }

    fn if_statement(&mut self, condition: &Expr, then: &Block, otherwise: Option<&Block>, span: Span) {
        let jumps = self.condition(condition, true);
        self.emit(Op::SetCode(1), span);
        self.block(then);
        let over = self.emit(Op::Jump(PENDING), span);
        self.patch(&jumps);
        match otherwise {
            Some(block) => {
                self.emit(Op::SetCode(1), span);
                self.block(block);
            }
            None => {
                self.emit(Op::SetCode(1), span);
            }
        }
        self.patch(&[over]);
    }

    fn while_statement(&mut self, condition: &Expr, body: &Block, span: Span) {
        let counter = self.temporary();
        self.emit(Op::SetTemporary(counter, Expression::Constant(Value::Int(0))), span);
        // The code of the last turn, which the condition does not change.
        let code = self.temporary();
        self.emit(Op::SetTemporary(code, Expression::Constant(Value::Int(1))), span);
        let start = self.here();
        // Other than in `if` a number below zero is true.
        let mut exits = self.condition(condition, false);
        exits.push(self.emit(Op::LoopGuard { counter, exit: PENDING }, span));
        self.breaks.push(Vec::new());
        self.block(body);
        self.emit(Op::CodeToTemporary { slot: code, exact: true }, span);
        self.emit(Op::Jump(start), span);
        self.patch(&exits);
        self.emit(Op::CodeFromTemporary(code), span);
        let breaks = self.breaks.pop().unwrap_or_default();
        self.patch(&breaks);
    }

    fn switch_statement(&mut self, on: &Expr, cases: &[Case], span: Span) {
        let Some(mut value) = self.value(on) else { return };
        // Labels that are numbers need a number; when it is none, no label fits.
        let is_number = |case: &Case| match &case.label {
            Some(Label::Value(label)) => Some(matches!(label.kind, ExprKind::Int(_) | ExprKind::Unary { .. })),
            Some(Label::Regex(..)) => Some(false),
            None => None,
        };
        if cases.iter().filter_map(is_number).all(|number| number) {
            value = Expression::Unary(UnaryOp::ToInt, Box::new(value));
        }
        let slot = self.temporary();
        self.emit(Op::SetTemporary(slot, value), span);
        self.check_labels(cases);
        // First all tests, then all bodies in order, so that a body without `break` falls into the next one.
        let mut entries: Vec<Pending> = Vec::new();
        for case in cases {
            let mut entry = Vec::new();
            if let Some(label) = &case.label
                && let Some(condition) = self.label(slot, label, case.span)
            {
                let test = self.emit(Op::Test { condition, positive: true, otherwise: PENDING }, case.span);
                entry.push(self.emit(Op::Jump(PENDING), case.span));
                self.patch(&[test]);
            }
            entries.push(entry);
        }
        self.emit(Op::SetCode(1), span);
        let mut leave = vec![self.emit(Op::Jump(PENDING), span)];
        self.breaks.push(Vec::new());
        for (case, mut entry) in cases.iter().zip(entries) {
            if case.label.is_none() {
                entry.append(&mut leave);
            }
            self.patch(&entry);
            for statement in &case.body {
                self.statement(statement);
            }
        }
        leave.extend(self.breaks.pop().unwrap_or_default());
        self.patch(&leave);
    }

    /// A label that repeats is refused, as in Kamailio.
    fn check_labels(&mut self, cases: &[Case]) {
        let mut seen: Vec<(&ExprKind, Span)> = Vec::new();
        let mut default: Option<Span> = None;
        for case in cases {
            match &case.label {
                Some(Label::Value(value)) => match seen.iter().find(|(kind, _)| **kind == value.kind) {
                    Some((_, first)) => {
                        let diagnostic =
                            Diagnostic::error(Code::Syntax, "this case stands twice", value.span, "never reached")
                                .label(*first, "first here");
                        self.env.diagnostics.push(diagnostic);
                    }
                    None => seen.push((&value.kind, value.span)),
                },
                Some(Label::Regex(..)) => {}
                None => match default {
                    Some(first) => {
                        let diagnostic =
                            Diagnostic::error(Code::Syntax, "`default` stands twice", case.span, "again here")
                                .label(first, "first here");
                        self.env.diagnostics.push(diagnostic);
                    }
                    None => default = Some(case.span),
                },
            }
        }
    }

    fn label(&mut self, slot: u32, label: &Label, span: Span) -> Option<Expression> {
        let left = Expression::Temporary(slot);
        match label {
            Label::Value(value) => {
                let value = self.env.pure(value);
                let value = self.report(value)?;
                // The label's type decides: an int label compares numbers. A text that is no number equals none.
                let op = if matches!(value.constant(), Some(Value::Int(_))) {
                    BinaryOp::IntEqual
                } else {
                    BinaryOp::StringEqual
                };
                if op == BinaryOp::IntEqual {
                    let wanted = value.constant().and_then(Value::to_int)?;
                    return Some(Expression::Native(Box::new(move |cx| {
                        Value::Int(i64::from(*cx.temporary(slot) == Value::Int(wanted)))
                    })));
                }
                Some(Expression::Binary(op, Box::new((left, value))))
            }
            Label::Regex(pattern, flags) => {
                let regex = Regex::with_flags(pattern.node.as_bytes(), flags);
                match regex {
                    Ok(regex) => Some(Expression::Match(Box::new(left), regex)),
                    Err(error) => {
                        self.env.diagnostics.push(wrong_regex(&error, span));
                        None
                    }
                }
            }
        }
    }

    /// Emits a condition that falls through when true; the returned jumps are taken when it is false.
    fn condition(&mut self, expr: &Expr, positive: bool) -> Pending {
        match &expr.kind {
            ExprKind::Binary { op: BinaryOp::And, left, right } => {
                let mut jumps = self.condition(left, false);
                jumps.extend(self.condition(right, false));
                jumps
            }
            ExprKind::Binary { op: BinaryOp::Or, left, right } => {
                let first = self.condition(left, false);
                let over = self.emit(Op::Jump(PENDING), expr.span);
                self.patch(&first);
                let jumps = self.condition(right, false);
                self.patch(&[over]);
                jumps
            }
            ExprKind::Unary { op: UnaryOp::Not, operand } if contains_call(operand) => {
                let when_false = self.condition(operand, false);
                let out = self.emit(Op::Jump(PENDING), expr.span);
                self.patch(&when_false);
                vec![out]
            }
            ExprKind::Call(call) if is_selval(call) => self.test(expr, positive),
            ExprKind::Call(_) | ExprKind::Assign { .. } | ExprKind::Block(_) => {
                self.action(expr);
                vec![self.emit(Op::JumpUnlessCode(PENDING), expr.span)]
            }
            _ => self.test(expr, positive),
        }
    }

    fn test(&mut self, expr: &Expr, positive: bool) -> Pending {
        match self.value(expr) {
            Some(condition) => vec![self.emit(Op::Test { condition, positive, otherwise: PENDING }, expr.span)],
            None => Vec::new(),
        }
    }

    /// `selval(condition, a, b)` with calls in it.
    fn selval(&mut self, call: &language::ast::Call) -> Option<Expression> {
        let operands = operand::selval(call);
        let [condition, first, second] = self.report(operands)?;
        let slot = self.temporary();
        let otherwise = self.condition(condition, true);
        let value = self.value(first)?;
        self.emit(Op::SetTemporary(slot, value), first.span);
        let over = self.emit(Op::Jump(PENDING), first.span);
        self.patch(&otherwise);
        let value = self.value(second)?;
        self.emit(Op::SetTemporary(slot, value), second.span);
        self.patch(&[over]);
        Some(Expression::Temporary(slot))
    }

    /// Lowers an expression: its calls become operations, the rest an expression over their results.
    pub(super) fn value(&mut self, expr: &Expr) -> Option<Expression> {
        if !contains_call(expr) {
            let pure = self.env.pure(expr);
            return self.report(pure);
        }
        match &expr.kind {
            ExprKind::Call(call) if is_selval(call) => self.selval(call),
            ExprKind::Call(_) | ExprKind::Assign { .. } | ExprKind::Block(_) => {
                self.action(expr);
                let slot = self.temporary();
                self.emit(Op::CodeToTemporary { slot, exact: false }, expr.span);
                Some(Expression::Temporary(slot))
            }
            ExprKind::Binary { op: BinaryOp::And | BinaryOp::Or, .. } | ExprKind::Unary { op: UnaryOp::Not, .. } => {
                let slot = self.temporary();
                let jumps = self.condition(expr, false);
                self.emit(Op::SetTemporary(slot, Expression::Constant(Value::Int(1))), expr.span);
                let over = self.emit(Op::Jump(PENDING), expr.span);
                self.patch(&jumps);
                self.emit(Op::SetTemporary(slot, Expression::Constant(Value::Int(0))), expr.span);
                self.patch(&[over]);
                Some(Expression::Temporary(slot))
            }
            ExprKind::Binary { op, left, right } => {
                let mut left_value = self.value(left)?;
                // The right side may change what the left one reads.
                if contains_call(right) && !matches!(left_value, Expression::Constant(_) | Expression::Temporary(_)) {
                    let slot = self.temporary();
                    self.emit(Op::SetTemporary(slot, left_value), left.span);
                    left_value = Expression::Temporary(slot);
                }
                let right_value = self.value(right)?;
                let built = operand::binary(*op, left_value, right_value, right);
                self.report(built)
            }
            ExprKind::Unary { op, operand } => {
                let operand = self.value(operand)?;
                Some(Expression::Unary(*op, Box::new(operand)))
            }
            _ => {
                let pure = self.env.pure(expr);
                self.report(pure)
            }
        }
    }
}

/// An attribute on the left side of an assignment.
fn attribute(text: &str, span: Span) -> Result<Target, Diagnostic> {
    let attribute = super::attribute::Attribute::parse(text, span)?;
    attribute.check_writable(text, span)?;
    Ok(Target::Variable(Box::new(attribute)))
}

/// `selval` looks like a call and is an operator.
fn is_selval(call: &language::ast::Call) -> bool {
    call.name.node == "selval"
}

/// True when evaluating needs operations of its own.
fn contains_call(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call(call) if is_selval(call) => call.arguments.iter().any(contains_call),
        ExprKind::Call(_) | ExprKind::Assign { .. } | ExprKind::Block(_) => true,
        ExprKind::Binary { left, right, .. } => contains_call(left) || contains_call(right),
        ExprKind::Unary { operand, .. } => contains_call(operand),
        _ => false,
    }
}
