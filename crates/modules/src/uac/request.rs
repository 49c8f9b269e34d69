//! `$uac_req(..)`: the request that `uac_req_send()` sends.

use engine::variable::missing_inner;
use engine::{Code, CompileEnv, Diagnostic, InnerName, RouteCx, ScriptError, Str, Value, variable};
use language::ast::Variable;

/// The fields, as one message has them.
#[derive(Clone, Default)]
pub(super) struct Request {
    pub(super) method: Option<Str>,
    pub(super) uri: Option<Str>,
    pub(super) from: Option<Str>,
    pub(super) to: Option<Str>,
    pub(super) from_tag: Option<Str>,
    pub(super) to_tag: Option<Str>,
    pub(super) call_id: Option<Str>,
    pub(super) headers: Option<Str>,
    pub(super) body: Option<Str>,
    pub(super) next_hop: Option<Str>,
    pub(super) socket: Option<Str>,
    pub(super) user: Option<Str>,
    pub(super) password: Option<Str>,
    pub(super) parameter: Option<Str>,
    pub(super) cseq: i64,
    pub(super) event_route: i64,
    pub(super) event_code: i64,
    pub(super) event_type: i64,
    pub(super) flags: i64,
    pub(super) reply_timeout: i64,
    pub(super) ringing_timeout: i64,
}

/// A field.
enum Slot<T> {
    Text(T),
    Number(fn(&mut Request) -> &mut i64),
    All,
}

type TextOf = fn(&mut Request) -> &mut Option<Str>;

/// A name in `$uac_req(..)`.
#[derive(Clone, Copy)]
pub struct Key(&'static str);

const NAMES: &[&str] = &[
    "all",
    "method",
    "ruri",
    "turi",
    "furi",
    "ttag",
    "ftag",
    "callid",
    "cseqno",
    "hdrs",
    "body",
    "ouri",
    "sock",
    "auser",
    "apasswd",
    "evroute",
    "evcode",
    "evtype",
    "evparam",
    "flags",
    "fr_timeout",
    "fr_inv_timeout",
];

impl Key {
    fn slot(self) -> Slot<TextOf> {
        match self.0 {
            "method" => Slot::Text(|it| &mut it.method),
            "ruri" => Slot::Text(|it| &mut it.uri),
            "turi" => Slot::Text(|it| &mut it.to),
            "furi" => Slot::Text(|it| &mut it.from),
            "ttag" => Slot::Text(|it| &mut it.to_tag),
            "ftag" => Slot::Text(|it| &mut it.from_tag),
            "callid" => Slot::Text(|it| &mut it.call_id),
            "hdrs" => Slot::Text(|it| &mut it.headers),
            "body" => Slot::Text(|it| &mut it.body),
            "ouri" => Slot::Text(|it| &mut it.next_hop),
            "sock" => Slot::Text(|it| &mut it.socket),
            "auser" => Slot::Text(|it| &mut it.user),
            "apasswd" => Slot::Text(|it| &mut it.password),
            "evparam" => Slot::Text(|it| &mut it.parameter),
            "cseqno" => Slot::Number(|it| &mut it.cseq),
            "evroute" => Slot::Number(|it| &mut it.event_route),
            "evcode" => Slot::Number(|it| &mut it.event_code),
            "evtype" => Slot::Number(|it| &mut it.event_type),
            "flags" => Slot::Number(|it| &mut it.flags),
            "fr_timeout" => Slot::Number(|it| &mut it.reply_timeout),
            "fr_inv_timeout" => Slot::Number(|it| &mut it.ringing_timeout),
            _ => Slot::All,
        }
    }
}

impl InnerName for Key {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        NAMES.iter().find(|name| **name == inner.node).map(|name| Self(name)).ok_or_else(|| {
            Diagnostic::error(
                Code::UnknownVariable,
                format!("`$uac_req` has no field `{}`", inner.node),
                inner.span,
                "no such field",
            )
            .did_you_mean(&inner.node, NAMES.iter().copied())
        })
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// A field of the request that `uac_req_send()` sends. Texts are null when they are not set, numbers 0; `$null` takes the
/// value away. They belong to the message that the script runs for.
///
/// `method`, `ruri` (request-URI) must be set. `furi` and `turi` (a URI, or name and URI with brackets; else the
/// request-URI), `ftag`, `ttag`, `callid` (else made up), `cseqno` (else 10), `hdrs` (whole lines with `\r\n`), `body`,
/// `ouri` (next hop, else the request-URI), `sock` (`udp:10.0.0.1:5060`), `fr_timeout` and `fr_inv_timeout`
/// (milliseconds). `auser` and `apasswd`: a challenge is answered with them, with bit 1 of `flags` the password is an HA1.
/// `evroute`: 1 runs `event_route[uac:reply]` for the final reply, also for a timeout; 2 only for a negative reply or a
/// timeout. There `evcode` is the status, `evtype` 1 for a reply, which is the message there, 2 when there was none;
/// `evparam` and all other fields are what they were. `all` set to `$null` forgets all.
#[variable("uac_req", set = set_uac_req)]
pub fn uac_req(cx: &RouteCx, key: Key) -> Value {
    let number = |value: i64| Value::Int(value);
    let Some(mut request) = cx.find_data::<Request>().cloned() else {
        return match key.slot() {
            Slot::Text(_) => Value::Null,
            Slot::Number(_) | Slot::All => number(0),
        };
    };
    match key.slot() {
        Slot::Text(field) => field(&mut request).take().map_or(Value::Null, Value::Str),
        Slot::Number(field) => number(*field(&mut request)),
        Slot::All => number(0),
    }
}

fn set_uac_req(cx: &mut RouteCx, key: Key, value: Value) -> Result<(), ScriptError> {
    let request = cx.data::<Request>();
    let wrong = |wanted: &str| Err(ScriptError::new(format!("$uac_req({}) takes {wanted}", key.0)));
    match (key.slot(), value) {
        (Slot::Text(field), Value::Str(text)) => *field(request) = Some(text).filter(|text| !text.is_empty()),
        (Slot::Text(field), Value::Null) => *field(request) = None,
        (Slot::Text(_), Value::Int(_)) => return wrong("a text"),
        (Slot::Number(field), Value::Int(number)) => *field(request) = number,
        (Slot::Number(field), Value::Null) => *field(request) = 0,
        (Slot::Number(_), Value::Str(_)) => return wrong("a number"),
        (Slot::All, Value::Null) => *request = Request::default(),
        (Slot::All, _) => return wrong("$null only"),
    }
    Ok(())
}
