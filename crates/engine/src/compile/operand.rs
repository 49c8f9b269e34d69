//! Expressions without calls, and the operands of the core language: `method`, `src_ip`, `uri == myself` ..

use std::net::IpAddr;

use ipnet::IpNet;
use language::ast::{BinaryOp, Call, Expr, ExprKind, UnaryOp};
use language::diagnostic::{Code, Diagnostic};
use sip::{Protocol, Str, Uri};

use super::CompileEnv;
use crate::expression::Expression;
use crate::posix_regex::Regex;
use crate::route_cx::RouteCx;
use crate::script_type::wrong_regex;
use crate::value::Value;

/// Compiles an expression in which no call stands.
pub(super) fn pure(env: &mut CompileEnv<'_>, expr: &Expr) -> Result<Expression, Diagnostic> {
    Ok(match &expr.kind {
        ExprKind::Int(number) => Expression::Constant(Value::Int(*number)),
        ExprKind::String(text) => Expression::Constant(Value::from(text.as_str())),
        ExprKind::Variable(variable) => env.variable(variable)?,
        ExprKind::Select(text) => crate::select::compile(text, expr.span, env)?,
        ExprKind::Attribute(text) => {
            Expression::Variable(Box::new(super::attribute::Attribute::parse(text, expr.span)?))
        }
        ExprKind::Word(word) | ExprKind::Address(word) => Expression::Constant(Value::from(word.as_str())),
        ExprKind::Binary { op, left, right } => comparison(env, *op, left, right)?,
        ExprKind::Unary { op: UnaryOp::Defined, operand } => Expression::IsDefined(Box::new(pure(env, operand)?), true),
        ExprKind::Unary { op, operand } => fold(Expression::Unary(*op, Box::new(pure(env, operand)?))),
        ExprKind::Operand(name) => operand(name, expr)?,
        ExprKind::Myself => {
            return Err(Diagnostic::error(
                Code::Syntax,
                "`myself` can only be compared",
                expr.span,
                "write `uri == myself`",
            ));
        }
        ExprKind::Call(call) if call.name.node == "selval" => {
            let [condition, first, second] = selval(call)?;
            Expression::Select(Box::new([pure(env, condition)?, pure(env, first)?, pure(env, second)?]))
        }
        ExprKind::Call(call) => {
            return Err(Diagnostic::error(
                Code::Argument,
                "a function call is not allowed here",
                call.name.span,
                "call it before and use `$rc`",
            ));
        }
        ExprKind::Assign { .. } | ExprKind::Block(_) => {
            return Err(Diagnostic::error(
                Code::Syntax,
                "an assignment is not allowed here",
                expr.span,
                "`==` compares",
            ));
        }
    })
}

/// The operands of `selval(condition, a, b)`.
pub(super) fn selval(call: &Call) -> Result<[&Expr; 3], Diagnostic> {
    match &*call.arguments {
        [condition, first, second] => Ok([condition, first, second]),
        _ => Err(Diagnostic::error(
            Code::ArgumentCount,
            "`selval` takes three arguments: a condition and two values",
            call.name.span,
            "here",
        )),
    }
}

fn comparison(env: &mut CompileEnv<'_>, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Expression, Diagnostic> {
    let equality = matches!(
        op,
        BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::StringEqual
            | BinaryOp::StringNotEqual
            | BinaryOp::IntEqual
            | BinaryOp::IntNotEqual
    );
    let negated = matches!(op, BinaryOp::NotEqual | BinaryOp::StringNotEqual | BinaryOp::IntNotEqual);
    if equality {
        match (&left.kind, &right.kind) {
            (ExprKind::Operand(name), ExprKind::Myself) | (ExprKind::Myself, ExprKind::Operand(name)) => {
                return myself(name, left, negated);
            }
            (ExprKind::Operand(name), _) if is_address(name) => return address(env, name, right, negated),
            (ExprKind::Operand(name), ExprKind::Word(word)) if &**name == "proto" || &**name == "snd_proto" => {
                let word = Expression::Constant(Value::from(word.to_lowercase()));
                return Ok(Expression::Binary(op, Box::new((operand(name, left)?, word))));
            }
            _ => {}
        }
    }
    let (left_value, right_value) = (pure(env, left)?, pure(env, right)?);
    binary(op, left_value, right_value, right)
}

/// Builds a binary expression: regexes are compiled, `== $null` and `== ""` become tests, constants are folded.
pub(super) fn binary(
    op: BinaryOp,
    left: Expression,
    right: Expression,
    right_source: &Expr,
) -> Result<Expression, Diagnostic> {
    let is_empty = |side: &Expression| matches!(side.constant(), Some(Value::Str(text)) if text.is_empty());
    // Kamailio compares the text here, so that a variable holding 0 is not equal to "".
    if op == BinaryOp::Equal && (is_empty(&left) || is_empty(&right)) {
        let other = if is_empty(&right) { left } else { right };
        return Ok(fold(Expression::Unary(UnaryOp::StrEmpty, Box::new(other))));
    }
    if needs_numbers(op) && (is_no_number(&left) || is_no_number(&right)) {
        let message = "a text that is no number stands where a number is needed";
        return Err(Diagnostic::error(Code::Type, message, right_source.span, "or on the other side"));
    }
    match (op, right.constant()) {
        (BinaryOp::Match, Some(Value::Str(pattern))) => {
            let regex = Regex::extended(pattern).map_err(|error| wrong_regex(&error, right_source.span))?;
            Ok(Expression::Match(Box::new(left), regex))
        }
        (BinaryOp::Match, Some(_)) => {
            Err(Diagnostic::error(Code::Type, "`=~` needs a string on its right", right_source.span, "no string"))
        }
        (BinaryOp::Equal | BinaryOp::StringEqual | BinaryOp::IntEqual, Some(Value::Null)) => {
            Ok(Expression::IsDefined(Box::new(left), false))
        }
        (BinaryOp::NotEqual | BinaryOp::StringNotEqual | BinaryOp::IntNotEqual, Some(Value::Null)) => {
            Ok(Expression::IsDefined(Box::new(left), true))
        }
        (BinaryOp::Plus, Some(Value::Str(text)))
            if matches!(left.constant(), Some(Value::Int(_))) && text.parse_int().is_none() =>
        {
            Err(Diagnostic::error(
                Code::Type,
                "a number and a text that is no number cannot be added",
                right_source.span,
                "no number",
            ))
        }
        _ => Ok(fold(Expression::Binary(op, Box::new((left, right))))),
    }
}

const fn needs_numbers(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Minus
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Modulo
            | BinaryOp::BitOr
            | BinaryOp::BitAnd
            | BinaryOp::BitXor
            | BinaryOp::ShiftLeft
            | BinaryOp::ShiftRight
            | BinaryOp::IntEqual
            | BinaryOp::IntNotEqual
            | BinaryOp::Greater
            | BinaryOp::Less
            | BinaryOp::GreaterEqual
            | BinaryOp::LessEqual
    )
}

fn is_no_number(side: &Expression) -> bool {
    matches!(side.constant(), Some(Value::Str(text)) if !text.is_empty() && text.parse_int().is_none())
}

/// Computes what is known at load. Failures (division by zero) are left to run time, as in Kamailio.
fn fold(expression: Expression) -> Expression {
    let known = match &expression {
        Expression::Binary(op, operands) => match (op, operands.0.constant(), operands.1.constant()) {
            (BinaryOp::Divide | BinaryOp::Modulo | BinaryOp::Match, ..) => None,
            (_, Some(left), Some(right)) => crate::expression::fold_binary(*op, left, right),
            _ => None,
        },
        Expression::Unary(op, operand) => {
            operand.constant().and_then(|value| crate::expression::fold_unary(*op, value))
        }
        _ => None,
    };
    known.map_or(expression, Expression::Constant)
}

fn native(read: impl Fn(&RouteCx) -> Value + Send + Sync + 'static) -> Expression {
    Expression::Native(Box::new(read))
}

fn uri_of(name: &str, cx: &RouteCx) -> Option<Str> {
    match name {
        "from_uri" => cx.message.from().ok().flatten().map(|from| from.uri.clone()),
        "to_uri" => cx.message.to().ok().flatten().map(|to| to.uri.clone()),
        _ => Some(cx.request_uri()),
    }
}

/// An operand of the core language as a value.
fn operand(name: &str, expr: &Expr) -> Result<Expression, Diagnostic> {
    Ok(match name {
        "method" => {
            native(|cx| if cx.message.is_request() { Value::Str(cx.message.method_name()) } else { Value::Null })
        }
        "uri" => native(|cx| {
            if cx.message.is_request() {
                Value::Str(cx.request_uri())
            } else {
                Value::from(cx.message.status().map(|status| status.to_string()))
            }
        }),
        "status" => native(|cx| Value::from(cx.message.status().map(|status| status.to_string()))),
        "from_uri" => native(|cx| Value::from(uri_of("from_uri", cx))),
        "to_uri" => native(|cx| Value::from(uri_of("to_uri", cx))),
        "src_ip" => native(|cx| Value::from(cx.source.ip().to_canonical().to_string())),
        "dst_ip" => native(|cx| Value::from(cx.received.destination.ip().to_canonical().to_string())),
        "src_port" => native(|cx| Value::from(cx.source.port())),
        "dst_port" => native(|cx| Value::from(cx.received.destination.port())),
        "proto" => native(|cx| Value::from(cx.received.protocol.name())),
        "af" => native(|cx| Value::Int(if cx.source.ip().to_canonical().is_ipv4() { 2 } else { 10 })),
        "msg:len" => native(|cx| Value::from(cx.message.buffer().len())),
        "max_len" => native(|_| Value::Int(65535)),
        "snd_ip" | "to_ip" => native(|cx| {
            cx.sending().map_or(Value::Null, |sending| Value::from(sending.destination.ip().to_canonical().to_string()))
        }),
        "snd_port" | "to_port" => {
            native(|cx| cx.sending().map_or(Value::Null, |sending| Value::from(sending.destination.port())))
        }
        "snd_proto" => native(|cx| cx.sending().map_or(Value::Null, |sending| Value::from(sending.protocol.name()))),
        "snd_af" => native(|cx| {
            cx.sending().map_or(Value::Null, |sending| Value::Int(if sending.destination.is_ipv4() { 2 } else { 10 }))
        }),
        "uri:host" => native(|cx| cx.parsed_request_uri().map_or(Value::Null, |uri| Value::Str(uri.host()))),
        "uri:port" => {
            native(|cx| cx.parsed_request_uri().map_or(Value::Null, |uri| Value::from(uri.port_or_default())))
        }
        _ => {
            return Err(Diagnostic::error(
                Code::NotYet,
                format!("`{name}` is not supported yet"),
                expr.span,
                "Kamailio has it, Olelo not yet",
            ));
        }
    })
}

fn is_address(name: &str) -> bool {
    matches!(name, "src_ip" | "dst_ip" | "snd_ip" | "to_ip")
}

fn address_of(name: &str, cx: &RouteCx) -> Option<IpAddr> {
    match name {
        "src_ip" => Some(cx.source.ip().to_canonical()),
        "dst_ip" => Some(cx.received.destination.ip().to_canonical()),
        _ => cx.sending().map(|sending| sending.destination.ip().to_canonical()),
    }
}

/// `src_ip == 10.0.0.0/8`, `== "1.2.3.4"`, `== $var(ip)`.
fn address(env: &mut CompileEnv<'_>, name: &str, right: &Expr, negated: bool) -> Result<Expression, Diagnostic> {
    let name = name.to_owned();
    match &right.kind {
        ExprKind::Address(text) | ExprKind::String(text) | ExprKind::Word(text) => match parse_net(text) {
            Some(net) => Ok(native(move |cx| {
                let inside = address_of(&name, cx).is_some_and(|address| net.contains(&address));
                Value::Int(i64::from(inside != negated))
            })),
            None => Err(Diagnostic::error(
                Code::NotYet,
                format!("comparing an address with the host name `{text}` is not supported yet"),
                right.span,
                "write an address or a network",
            )),
        },
        _ => {
            let right = env.pure(right)?;
            Ok(native(move |cx| {
                let net = parse_net(&right.eval(cx).to_str().to_text());
                let inside = net.is_some_and(|net| address_of(&name, cx).is_some_and(|address| net.contains(&address)));
                Value::Int(i64::from(inside != negated))
            }))
        }
    }
}

/// An address, `address/length` or `address/mask`.
pub fn parse_net(text: &str) -> Option<IpNet> {
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    match text.split_once('/') {
        None => bare(text).map(IpNet::from),
        Some((address, length)) => {
            let address = bare(address)?;
            let length = match length.parse::<u8>() {
                Ok(length) => length,
                Err(_) => ipnet::ip_mask_to_prefix(length.parse().ok()?).ok()?,
            };
            IpNet::new(address, length).ok()
        }
    }
}

/// `uri == myself`, `src_ip == myself` ..
fn myself(name: &str, expr: &Expr, negated: bool) -> Result<Expression, Diagnostic> {
    let name = name.to_owned();
    if is_address(&name) {
        return Ok(native(move |cx| {
            let port = match &*name {
                "src_ip" => cx.source.port(),
                _ => cx.received.destination.port(),
            };
            let ours = address_of(&name, cx).is_some_and(|address| {
                cx.core.is_myself(address.to_string().as_bytes(), Some(port).filter(|_| name != "src_ip"), None)
            });
            Value::Int(i64::from(ours != negated))
        }));
    }
    if !matches!(&*name, "uri" | "from_uri" | "to_uri") {
        return Err(Diagnostic::error(
            Code::Type,
            format!("`{name}` cannot be compared with `myself`"),
            expr.span,
            "use uri, from_uri, to_uri, src_ip or dst_ip",
        ));
    }
    Ok(native(move |cx| {
        let uri = uri_of(&name, cx).and_then(|uri| Uri::parse(uri).ok());
        let ours = uri.is_some_and(|uri| uri_is_myself(cx, &uri));
        Value::Int(i64::from(ours != negated))
    }))
}

/// True when a URI's host and port are ours.
#[must_use]
pub fn uri_is_myself(cx: &RouteCx, uri: &Uri) -> bool {
    let protocol = uri.transport().and_then(Protocol::from_name);
    cx.core.is_myself(uri.host_bytes(), Some(uri.port_or_default()), protocol)
}
