//! Adding Record-Route headers.

use std::sync::Arc;

use engine::function::routes;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::{Condition, Dynamic, Insert, Queued, Uri};

use super::direction::{from_tag, initial_from_tag};
use super::ours::received_by;
use super::{Rr, State};

/// Refuses what would end the header or the URI in it.
pub(super) fn check_text(text: &Str) -> Result<(), ScriptError> {
    match text.iter().find(|byte| matches!(byte, b'\r' | b'\n' | 0 | b'<' | b'>')) {
        Some(_) => Err(ScriptError::new(format!("`{text}` cannot be part of a Record-Route"))),
        None => Ok(()),
    }
}

/// A piece that comes in always, never, or when the request leaves by another socket or protocol than it came by.
fn when(double: i64, condition: Condition, piece: Insert) -> Insert {
    match double {
        0 => Insert::NOTHING,
        1 => Insert::When(condition, Arc::new(piece)),
        _ => piece,
    }
}

/// The end of a Record-Route: `text`, the queued parameters, and the line end.
fn tail(text: Vec<u8>) -> Insert {
    Insert::All(Arc::new([text.into(), Insert::RouteParams(Queued::All), ">\r\n".into()]))
}

impl Rr {
    /// Queues the Record-Route lines; a second time is an error. In a branch route they belong to the branch, and each
    /// branch may have its own.
    fn add(&self, cx: &mut RouteCx, lines: Insert) -> CallResult {
        let at = cx.message.headers_start();
        cx.message.edits_mut().insert_before(at, lines);
        if !in_branch(cx) {
            cx.data::<State>().recorded = true;
        }
        Ok(Return::TRUE)
    }

    /// `Record-Route: <sip:user@`.
    fn start(&self, cx: &RouteCx) -> Str {
        let secure = !self.params.ignore_sips && cx.request_uri().starts_with_ignore_case("sips:");
        let start = Str::from_static(if secure { "Record-Route: <sips:" } else { "Record-Route: <sip:" });
        let user = if self.params.add_username { self.user(cx) } else { None };
        let Some(user) = user else { return start };
        // Only what would end the URI is escaped: the user is often an escaped text itself.
        let plain = |byte: u8| byte > b' ' && byte < 0x7f && !matches!(byte, b'<' | b'>' | b'@' | b'"');
        [&*start, &*sip::escape::escape(&user, plain), b"@"].concat().into()
    }

    /// The user: that of `custom_user_avp`, else of the received request-URI.
    fn user(&self, cx: &RouteCx) -> Option<Str> {
        let custom = self.custom_user.as_ref().map(|variable| variable.eval(cx));
        if let Some(value) = custom.filter(|value| *value != Value::Null).map(|value| value.to_str())
            && !value.is_empty()
        {
            return Some(value);
        }
        Uri::parse(cx.message.request_uri()?.clone()).ok()?.user().filter(|user| !user.is_empty())
    }

    fn lr(&self) -> &'static [u8] {
        if self.params.enable_full_lr { b";lr=on" } else { b";lr" }
    }

    /// The name and the value of `ftag`, when it is to be written: two empty texts else.
    fn ftag<'a>(&self, tag: Option<&'a [u8]>) -> [&'a [u8]; 2] {
        match tag.filter(|tag| self.params.append_fromtag && tag.iter().all(|&byte| is_plain(byte))) {
            Some(tag) => [b";ftag=", tag],
            None => [b"", b""],
        }
    }

    /// The name of the socket that the request came by, as `;sn=`.
    fn received_name(&self, cx: &RouteCx) -> String {
        let name = cx.core.socket(cx.received.socket).and_then(|socket| socket.name.as_deref());
        match name.filter(|_| self.params.sockname_mode) {
            Some(name) => format!(";sn={name}"),
            None => String::new(),
        }
    }
}

/// What a tag may hold inside of a Record-Route: others (from quoted tags) are left out.
fn is_plain(byte: u8) -> bool {
    byte > b' ' && byte < 0x7f && !matches!(byte, b'<' | b'>' | b';' | b'?' | b'"' | b',' | b'@')
}

fn in_branch(cx: &RouteCx) -> bool {
    cx.kind.0 & routes::BRANCH != 0
}

fn only_once(cx: &RouteCx) -> Result<(), ScriptError> {
    if !cx.message.is_request() {
        return Err(ScriptError::new("only requests get a Record-Route"));
    }
    let recorded = cx.find_data::<State>().is_some_and(|state| state.recorded);
    if recorded || cx.message.edits().has_record_route() {
        return Err(ScriptError::new("this request has got a Record-Route already"));
    }
    Ok(())
}

fn check_address(address: &Str) -> Result<(), ScriptError> {
    if address.is_empty() {
        return Err(ScriptError::new("the address for Record-Route is empty"));
    }
    check_text(address)
}

/// Adds a Record-Route with our address, so that later requests of the dialog come this way; `params` (`;name=value`) go
/// into its URI. When the request leaves by another socket than it came by there are two (parameter
/// `enable_double_rr`), the upper one for the side it goes to.
///
/// Returns -1 when there is one already. `msg_apply_changes()` does not make it visible: its addresses are known when the
/// request is sent.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn record_route(cx: &mut RouteCx, me: &Rr, params: Option<Str>) -> CallResult {
    only_once(cx)?;
    let params = params.unwrap_or_default();
    check_text(&params)?;
    let received = received_by(cx).ok_or("the socket that the request came by is gone")?;
    let double = me.params.enable_double_rr;
    let start = me.start(cx);
    let [ftag, tag] = me.ftag(initial_from_tag(cx));
    let tail = tail([me.lr(), ftag, tag, &params].concat());
    let sent_name = if me.params.sockname_mode {
        Insert::When(Condition::NamedSocket, Arc::new(Insert::All(Arc::new([";sn=".into(), Dynamic::SentName.into()]))))
    } else {
        Insert::NOTHING
    };
    let inner = [&*start, &*received, me.received_name(cx).as_bytes()].concat();
    let outer = [start.into(), Dynamic::SentAll.into(), sent_name, ";r2=on".into(), tail.clone()];
    let lines = [
        when(double, Condition::OtherSocket, Insert::All(Arc::new(outer))),
        inner.into(),
        when(double, Condition::OtherSocket, ";r2=on".into()),
        tail,
    ];
    me.add(cx, Insert::All(Arc::new(lines)))
}

/// Adds a Record-Route with the given address (`host:port`) in place of ours. When the request leaves by another protocol
/// than it came by there are two with this address, each with its `transport` (parameter `enable_double_rr`).
///
/// Returns -1 when there is one already.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn record_route_advertised_address(cx: &mut RouteCx, me: &Rr, address: Str) -> CallResult {
    only_once(cx)?;
    check_address(&address)?;
    let double = me.params.enable_double_rr;
    let start: Insert = [&*me.start(cx), &*address].concat().into();
    let [ftag, tag] = me.ftag(initial_from_tag(cx));
    let tail = tail([ftag, tag, me.lr()].concat());
    let outer = [start.clone(), ";transport=".into(), Dynamic::SentProtocol.into(), ";r2=on".into(), tail.clone()];
    let transport = format!(";transport={}", cx.received.protocol.name());
    let lines = [
        when(double, Condition::OtherProtocol, Insert::All(Arc::new(outer))),
        start,
        when(double.max(1), Condition::OtherProtocol, transport.into()),
        when(double, Condition::OtherProtocol, ";r2=on".into()),
        tail,
    ];
    me.add(cx, Insert::All(Arc::new(lines)))
}

/// Adds a Record-Route with the given `address` (`host:port;param=value`, without `sip:`), and a second one below it
/// with `inner`: then the first is for the side the request goes to, the second for the side it came from, and both
/// should have `;r2=on`.
///
/// Returns -1 when there is one already.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn record_route_preset(cx: &mut RouteCx, me: &Rr, address: Str, inner: Option<Str>) -> CallResult {
    only_once(cx)?;
    let addresses: Vec<Str> = std::iter::once(address).chain(inner).collect();
    addresses.iter().try_for_each(check_address)?;
    let now = cx.message.edits().mark();
    let (start, [ftag, tag]) = (me.start(cx), me.ftag(from_tag(cx)));
    let mut lines: Vec<Insert> = Vec::new();
    for address in addresses {
        lines.extend([
            [&*start, &*address, ftag, tag].concat().into(),
            Insert::RouteParams(Queued::Before(now)),
            me.lr().to_vec().into(),
            Insert::RouteParams(Queued::After(now)),
            ">\r\n".into(),
        ]);
    }
    me.add(cx, lines.into())
}

/// Takes back the Record-Route that was added to this request. Another one cannot be added then.
#[function(REQUEST | FAILURE)]
pub fn remove_record_route(cx: &mut RouteCx) -> CallResult {
    cx.message.edits_mut().remove_record_route();
    Ok(Return::TRUE)
}

/// Adds a parameter (`;name=value`) to the URI of the Record-Route headers that are added to this request, before or
/// after this call. Without a Record-Route it has no effect.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn add_rr_param(cx: &mut RouteCx, me: &Rr, param: Str) -> CallResult {
    me.add_param(cx, param)?;
    Ok(Return::TRUE)
}
