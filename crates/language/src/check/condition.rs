//! What expressions ask: for the method, for the sender, for what was thought of it; and what statements make of that.

use super::{effects, visit};
use crate::ast::{BinaryOp, Expr, ExprKind, Statement, StatementKind, UnaryOp, Variable};

/// Methods with a bit each.
pub(super) const METHODS: [&str; 15] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "PRACK",
    "UPDATE",
    "INFO",
    "SUBSCRIBE",
    "NOTIFY",
    "MESSAGE",
    "PUBLISH",
    "REFER",
    "KDMQ",
];
/// All known methods and the unknown ones.
pub(super) const ALL_METHODS: u16 = 0xffff;
/// Nobody waits for an answer to these.
pub(super) const NEED_NO_ANSWER: u16 = 0b1010;

/// The bit of a method.
pub(super) fn method_bits(name: &str) -> u16 {
    let at = METHODS.iter().position(|method| method.eq_ignore_ascii_case(name)).unwrap_or(METHODS.len());
    1 << at
}

/// The methods that a simple pattern such as `^(INVITE|ACK)$` can match; `None` when it is not simple.
pub(super) fn pattern_bits(pattern: &str) -> Option<u16> {
    let plain: String = pattern.chars().filter(|c| !"^$()".contains(*c)).collect();
    if plain.is_empty() || !plain.chars().all(|c| c.is_ascii_alphabetic() || c == '|') {
        return None;
    }
    let bits = |part: &str| {
        let fits = |method: &str| method.contains(&part.to_ascii_uppercase());
        METHODS.iter().enumerate().filter(|(_, method)| fits(method)).fold(0x8000, |bits, (at, _)| bits | 1 << at)
    };
    Some(plain.split('|').fold(0, |all, part| all | bits(part)))
}

/// A text as it stands there.
pub(super) fn text(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::String(text) | ExprKind::Word(text) => Some(text),
        _ => None,
    }
}

/// A number as it stands there.
pub(super) fn constant(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Int(number) => Some(*number),
        ExprKind::Unary { op: UnaryOp::Negate, operand } => constant(operand).map(|number| -number),
        _ => None,
    }
}

/// Whether this is the method of the request.
pub(super) fn is_method(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Operand(name) => name == "method",
        ExprKind::Variable(variable) => variable.name == "rm" && variable.transformations.is_empty(),
        _ => false,
    }
}

/// Writing these chooses the destination.
pub(super) fn is_destination(variable: &Variable) -> bool {
    matches!(&*variable.name, "ru" | "ruri" | "rd" | "ruri.domain" | "du" | "duri" | "dd" | "nh" | "rz")
}

/// Whether an expression asks for something that says who sent the request, or that the script noted before.
pub(super) fn knows_sender(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Operand(name) => matches!(&**name, "src_ip" | "src_port" | "dst_ip" | "dst_port" | "proto" | "af"),
        ExprKind::Variable(variable) => {
            let about_source = variable.inner.as_ref().is_some_and(|inner| inner.node.contains("$si"));
            let noted = ["var", "avp", "xavp", "xavu", "sht", "shtex", "shv", "dlg_var", "T_req", "sel", "hdr", "def"];
            // What another server answered: nobody but it knows what it looked at.
            let asked = ["dbr", "redis", "erl_xbuff", "erl_list", "erl_tuple", "erl_atom", "http_rb", "http_rs", "kzE"];
            let source =
                ["si", "src_ip", "sp", "su", "sut", "proto", "pr", "Ri", "Rp", "RAi", "RAp", "Rn", "rcv", "recv"];
            let known = ["au", "aU", "ad", "ar", "adu", "tls_peer_verified", "tls", "ct", "ua", "conid", "sslast"];
            let name = &*variable.name;
            about_source || [&noted[..], &asked[..], &source[..], &known[..]].concat().contains(&name)
        }
        ExprKind::Binary { left, right, .. } => knows_sender(left) || knows_sender(right),
        ExprKind::Unary { operand, .. } => knows_sender(operand),
        _ => false,
    }
}

/// Whether a condition is about what to think of the sender.
pub(super) fn judges(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Operand(name) => name == "src_ip",
        ExprKind::Variable(variable) => {
            matches!(&*variable.name, "ua" | "si" | "sht" | "su" | "shv" | "gip2" | "geoip")
        }
        ExprKind::Binary { left, right, .. } => judges(left) || judges(right),
        ExprKind::Unary { operand, .. } => judges(operand),
        ExprKind::Call(call) => {
            effects::of(&call.name.node).judges || call.arguments.iter().any(|argument| {
                judges(argument)
                    || matches!(&argument.kind, ExprKind::String(text) if text.contains("$ua") || text.contains("$si"))
            })
        }
        _ => false,
    }
}

/// Whether a condition is about the code of the call before.
pub(super) fn is_code(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Variable(variable) if matches!(&*variable.name, "rc" | "retcode" | "?"))
}

/// Whether this is a variable that a script may have noted the code of a call in.
pub(super) fn may_be_code(expr: &Expr) -> bool {
    is_code(expr) || matches!(&expr.kind, ExprKind::Variable(variable) if matches!(&*variable.name, "var" | "avp"))
}

/// Whether a statement calls a function for its opinion of the sender.
pub(super) fn judges_statement(statement: &Statement) -> bool {
    matches!(&statement.kind, StatementKind::Expr(expr) if judges(expr))
}

/// Whether a statement is about the code of the call before.
pub(super) fn looks_at_code(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::If { condition, .. } => visit::reads_code(condition),
        StatementKind::Switch { on, .. } => is_code(on),
        _ => false,
    }
}

/// Whether statements end in `exit` after a line in the log which says that somebody is shut out: silence is meant.
pub(super) fn announce_silence(statements: &[Statement]) -> bool {
    const LOGS: &[&str] =
        &["xlog", "xlogl", "xlogm", "xinfo", "xnotice", "xwarn", "xerr", "xalert", "xcrit", "xdbg", "log"];
    const WORDS: &[&str] =
        &["block", "drop", "banned", "blacklist", "attack", "flood", "scanner", "kiddie", "injection", "ignor"];
    let ends = statements.last().is_some_and(|last| matches!(last.kind, StatementKind::Exit(_)));
    let says = |statement: &Statement| {
        let StatementKind::Expr(expr) = &statement.kind else { return false };
        let ExprKind::Call(call) = &expr.kind else { return false };
        let said = call.arguments.iter().filter_map(text).map(str::to_lowercase);
        LOGS.contains(&&*call.name.node) && said.into_iter().any(|said| WORDS.iter().any(|word| said.contains(word)))
    };
    ends && statements.iter().any(says)
}

/// Whether `$rc OP number` can hold (or fail to) after success (a code above 0) or failure (below 0).
pub(super) fn code_can_be(succeeded: bool, op: BinaryOp, number: i64, holds: bool) -> bool {
    // Two codes stand for all: comparisons are with small numbers.
    let codes: &[i64] = if succeeded { &[1, 2, i64::MAX] } else { &[-1, -2, -3, i64::MIN] };
    let result = |code: i64| match op {
        BinaryOp::Equal | BinaryOp::IntEqual | BinaryOp::StringEqual => Some(code == number),
        BinaryOp::NotEqual | BinaryOp::IntNotEqual | BinaryOp::StringNotEqual => Some(code != number),
        BinaryOp::Less => Some(code < number),
        BinaryOp::LessEqual => Some(code <= number),
        BinaryOp::Greater => Some(code > number),
        BinaryOp::GreaterEqual => Some(code >= number),
        _ => None,
    };
    codes.iter().chain(&[number]).any(|code| {
        let possible = if succeeded { *code > 0 } else { *code < 0 };
        possible && result(*code).is_none_or(|result| result == holds)
    })
}
