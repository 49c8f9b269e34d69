//! The message as a whole: method, status, body, raw text.

use engine::{CompileEnv, Diagnostic, Expression, InnerName, RouteCx, ScriptError, Str, Value, variable};
use language::ast::Variable;
use sip::PrintOptions;

use super::names::inner_name;

/// The method; of a reply that of its CSeq.
#[variable("rm")]
pub fn rm(cx: &RouteCx) -> Value {
    Some(cx.message.method_name()).filter(|name| !name.is_empty()).into()
}

/// The method as a number: INVITE 1, CANCEL 2, ACK 4 ..
#[variable("rmid")]
pub fn rmid(cx: &RouteCx) -> Value {
    cx.message.method().id().into()
}

/// The code of a reply.
#[variable("rs")]
pub fn rs(cx: &RouteCx) -> Value {
    cx.message.status().into()
}

/// The code of a reply as a number; 0 in requests.
#[variable("rsi")]
pub fn rsi(cx: &RouteCx) -> Value {
    cx.message.status().unwrap_or(0).into()
}

/// The reason of a reply.
#[variable("rr")]
pub fn rr(cx: &RouteCx) -> Value {
    cx.message.reason().cloned().into()
}

/// The version in the first line: `SIP/2.0`.
#[variable("rv")]
pub fn rv(cx: &RouteCx) -> Value {
    cx.message.version().into()
}

/// 1 for a request, 2 for a reply.
#[variable("mt")]
pub fn mt(cx: &RouteCx) -> Value {
    Value::Int(if cx.message.is_request() { 1 } else { 2 })
}

/// `rq` for a request, `rp` for a reply.
#[variable("mts")]
pub fn mts(cx: &RouteCx) -> Value {
    Value::from(if cx.message.is_request() { "rq" } else { "rp" })
}

/// The number of the message since the start.
#[variable("mi")]
pub fn mi(cx: &RouteCx) -> Value {
    cx.id.into()
}

/// The length of the message.
#[variable("ml")]
pub fn ml(cx: &RouteCx) -> Value {
    cx.message.buffer().len().into()
}

/// The message as received.
#[variable("mb")]
pub fn mb(cx: &RouteCx) -> Value {
    cx.raw.as_ref().unwrap_or_else(|| cx.message.buffer()).into()
}

/// The message with the request-URI and the queued edits applied.
#[variable("mbu")]
pub fn mbu(cx: &RouteCx) -> Value {
    let addresses = engine::forward::addresses(cx, cx.core.socket(cx.received.socket));
    let options =
        PrintOptions { request_uri: cx.to.new_uri.as_deref(), addresses: Some(&addresses), ..PrintOptions::default() };
    Value::from(cx.message.print(&options))
}

/// The body.
#[variable("rb")]
pub fn rb(cx: &RouteCx) -> Value {
    cx.message.body().into()
}

/// The length of the body.
#[variable("bs")]
pub fn bs(cx: &RouteCx) -> Value {
    cx.message.body().len().into()
}

/// A part in `$msg(name)`.
#[derive(Clone, Copy, Debug)]
pub enum MessagePart {
    Length,
    Buffer,
    Body,
    BodyLength,
    Headers,
    HeadersLength,
    HeaderCount,
    FirstLine,
    FirstPart,
    LastPart,
}

inner_name!(MessagePart {
    "len" => Self::Length,
    "buf" => Self::Buffer,
    "body" => Self::Body,
    "body_len" => Self::BodyLength,
    "blen" => Self::BodyLength,
    "hdrs" => Self::Headers,
    "hdrs_len" => Self::HeadersLength,
    "hdrc" => Self::HeaderCount,
    "fline" => Self::FirstLine,
    "fpart" => Self::FirstPart,
    "lpart" => Self::LastPart,
});

/// `text` without the line end at its end.
fn without_line_end(text: &Str) -> Str {
    text.slice(..text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text).len())
}

/// A part of the message as received: `len`, `buf`; `body`, `body_len` (`blen`); `hdrs`, `hdrs_len`, `hdrc` (how many
/// header lines); `fline` the first line, `fpart` first line and headers, `lpart` headers and body.
#[variable("msg")]
pub fn msg(cx: &RouteCx, part: MessagePart) -> Value {
    let message = &cx.message;
    let headers = || without_line_end(&message.header_section());
    match part {
        MessagePart::Length => message.buffer().len().into(),
        MessagePart::Buffer => message.buffer().into(),
        MessagePart::Body => message.body().into(),
        MessagePart::BodyLength => message.body().len().into(),
        MessagePart::Headers => headers().into(),
        MessagePart::HeadersLength => headers().len().into(),
        MessagePart::HeaderCount => message.headers().len().into(),
        MessagePart::FirstLine => message.start_line_text().into(),
        MessagePart::FirstPart => without_line_end(&message.buffer().slice(..message.headers_end())).into(),
        MessagePart::LastPart => message.buffer().slice(message.headers_start()..).into(),
    }
}

/// A number in parentheses, constant or in a variable.
pub struct Position(Option<usize>);

impl InnerName for Position {
    type Compiled = Expression;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| engine::variable::missing_inner(variable))?;
        if inner.node.starts_with('$') {
            return env.variable_text(&inner.node, inner.span);
        }
        let number: u32 = inner.node.trim().parse().map_err(|_| {
            Diagnostic::error(
                engine::Code::UnknownVariable,
                format!("`{}` is no position", inner.node),
                inner.span,
                "a number or a variable",
            )
        })?;
        Ok(Expression::Constant(Value::from(number)))
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Self {
        Self(compiled.eval(cx).to_int().and_then(|at| usize::try_from(at).ok()))
    }
}

/// The character at a position of the message as received; `$null` beyond its end. Assigning a text writes its first
/// character there at once: use it with care.
#[variable("msgbuf", set = set_msgbuf)]
pub fn msgbuf(cx: &RouteCx, position: Position) -> Value {
    let Some(at) = position.0.filter(|at| *at < cx.message.buffer().len()) else { return Value::Null };
    cx.message.buffer().slice(at..=at).into()
}

fn set_msgbuf(cx: &mut RouteCx, position: Position, value: Value) -> Result<(), ScriptError> {
    let (Some(at), Value::Str(text)) = (position.0, value) else {
        return Err(ScriptError::new("`$msgbuf(position)` takes a text"));
    };
    let mut bytes = cx.message.buffer().to_vec();
    let (Some(byte), Some(new)) = (bytes.get_mut(at), text.first()) else {
        return Err(ScriptError::new(format!("the message has no position {at}, or the text is empty")));
    };
    *byte = *new;
    let edits = cx.message.edits().clone();
    let mut changed = sip::Message::parse(Str::from(bytes)).map_err(|error| ScriptError::new(error.to_string()))?;
    // No offset moved: what is queued stays right.
    *changed.edits_mut() = edits;
    cx.message = changed;
    Ok(())
}
