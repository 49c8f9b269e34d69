//! The script functions.

use std::net::IpAddr;

use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, ScriptError, ScriptType, Str, Value,
    function, log,
};
use sip::{Method, Protocol, Uri};

use super::destination::{DISABLED, INACTIVE, PROBING, TRYING};
use super::load::RESOLVE_ALWAYS;
use super::select::{Goal, OVERLOAD_CONTROL};
use super::variables::Group;
use super::{Dispatcher, destination};

/// The number of an algorithm.
pub(super) struct Algorithm(i64);

impl ScriptType for Algorithm {
    type Compiled = Expression;
    const KIND: &'static str = "number of an algorithm";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let expression = i64::compile(arg, env)?;
        if let (Some(arg), Some(Value::Int(OVERLOAD_CONTROL))) = (arg, expression.constant()) {
            return Err(arg.error("algorithm 64 (overload control) is not supported yet", "from 0 to 13"));
        }
        Ok(expression)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        i64::eval(compiled, cx).map(Self)
    }
}

fn limit(limit: Option<i64>) -> Result<usize, ScriptError> {
    usize::try_from(limit.unwrap_or(0)).map_err(|_| "the limit is below 0".into())
}

/// Selects a destination of a set and makes it the next hop (`$du`). With `flags` 2 the further destinations are kept
/// for `ds_next_dst()`, at most `limit` in all.
///
/// The algorithms: 0 hash of the Call-ID, 1 of the From URI, 2 of the To URI, 3 of the request-URI, 4 in turn, 5 hash of the
/// user name in the credentials, 6 random, 7 hash of `hash_pvar`, 8 by priority, 9 by `weight`, 10 the fewest calls, 11 by
/// `rweight`, 12 all at once, 13 by priority and latency. With any other one the first destination is taken.
///
/// Returns 1; -1 when there is no such set or nobody in it can be used.
#[function(REQUEST | FAILURE)]
pub(super) fn ds_select_dst(
    cx: &mut RouteCx,
    me: &Dispatcher,
    set: i64,
    alg: Algorithm,
    limit: Option<i64>,
) -> CallResult {
    let limit = self::limit(limit)?;
    Ok(me.select(cx, &[(set, alg.0)], Goal::NextHop, limit)?.into())
}

/// The same as `ds_select_dst`, but host, port and parameters of the destination are put into the request-URI.
#[function(REQUEST | FAILURE)]
pub(super) fn ds_select_domain(
    cx: &mut RouteCx,
    me: &Dispatcher,
    set: i64,
    alg: Algorithm,
    limit: Option<i64>,
) -> CallResult {
    let limit = self::limit(limit)?;
    Ok(me.select(cx, &[(set, alg.0)], Goal::Domain, limit)?.into())
}

/// The same as `ds_select_dst`, but the destinations are only kept for `ds_next_dst()` and its like.
#[function(ANY)]
pub(super) fn ds_select(cx: &mut RouteCx, me: &Dispatcher, set: i64, alg: Algorithm, limit: Option<i64>) -> CallResult {
    let limit = self::limit(limit)?;
    Ok(me.select(cx, &[(set, alg.0)], Goal::List, limit)?.into())
}

/// Selects destinations of several sets: `ds_select_routes("1=4;2=8", "d")`. The first goes into the next hop (`0`, `d`),
/// into the request-URI (`1`, `r`), or is only kept with the others (`2`, `x`). At most `limit` are kept.
///
/// Returns 1; -1 when nobody in these sets can be used.
#[function(REQUEST | FAILURE)]
pub(super) fn ds_select_routes(
    cx: &mut RouteCx,
    me: &Dispatcher,
    rules: Str,
    mode: Str,
    limit: Option<i64>,
) -> CallResult {
    let goal = match mode.first() {
        Some(b'0' | b'd' | b'D') => Goal::NextHop,
        Some(b'1' | b'r' | b'R') => Goal::Domain,
        Some(b'2' | b'x' | b'X') => Goal::List,
        _ => return Err(ScriptError::new(format!("`{mode}` is no way to use destinations: d, r or x"))),
    };
    let text = rules.to_text();
    let mut wanted = Vec::new();
    for rule in text.split(';').map(str::trim).filter(|rule| !rule.is_empty()) {
        let parsed =
            rule.split_once('=').and_then(|(set, algorithm)| Some((set.parse().ok()?, algorithm.parse().ok()?)));
        wanted.push(parsed.ok_or_else(|| ScriptError::new(format!("`{rule}` is not `set=algorithm`")))?);
    }
    let limit = self::limit(limit)?;
    Ok(me.select(cx, &wanted, goal, limit)?.into())
}

/// Makes the next one of the destinations that were selected the next hop (`$du`). Returns 1; -1: there are no more.
#[function(REQUEST | FAILURE)]
pub(super) fn ds_next_dst(cx: &mut RouteCx, me: &Dispatcher) -> CallResult {
    Ok(me.use_item(cx, Goal::NextHop, true)?.into())
}

/// Puts host and port of the next one of the destinations that were selected into the request-URI. Returns 1; -1: there
/// are no more.
#[function(REQUEST | FAILURE)]
pub(super) fn ds_next_domain(cx: &mut RouteCx, me: &Dispatcher) -> CallResult {
    Ok(me.use_item(cx, Goal::Domain, true)?.into())
}

/// Makes the current one of the destinations that were selected the next hop (`$du`). Returns 1; -1: there is none.
#[function(REQUEST | FAILURE)]
pub(super) fn ds_set_dst(cx: &mut RouteCx, me: &Dispatcher) -> CallResult {
    Ok(me.use_item(cx, Goal::NextHop, false)?.into())
}

/// Puts host and port of the current one of the destinations that were selected into the request-URI. Returns 1; -1:
/// there is none.
#[function(REQUEST | FAILURE)]
pub(super) fn ds_set_domain(cx: &mut RouteCx, me: &Dispatcher) -> CallResult {
    Ok(me.use_item(cx, Goal::Domain, false)?.into())
}

/// The flags that letters stand for: `a` active, `i` inactive, `t` trying, `d` disabled, each with `p`: probing.
pub(super) fn parse_state(text: &[u8]) -> Option<u32> {
    let mut letters = text.iter().map(u8::to_ascii_lowercase);
    let state = match letters.next()? {
        b'a' => 0,
        b'i' => INACTIVE,
        b't' => TRYING,
        b'd' => DISABLED,
        b'p' => PROBING,
        _ => return None,
    };
    match (letters.next(), letters.next()) {
        (None, None) => Some(state),
        // A disabled one is not probed.
        (Some(b'p'), None) if state == DISABLED => Some(state),
        (Some(b'p'), None) => Some(state | PROBING),
        _ => None,
    }
}

fn state(text: &Str) -> Result<u32, ScriptError> {
    parse_state(text).ok_or_else(|| ScriptError::new(format!("`{text}` is no state: a, i, t or d, and p")))
}

/// Sets the state of the destination that the request was sent to last: `a` active, `i` inactive (also without
/// argument), `t` trying (inactive after `ds_probing_threshold` times), `d` disabled; with `p` it is probed.
///
/// Returns 1; -1: there was none, or it is not in the list any more.
#[function(REQUEST | FAILURE | ONREPLY)]
pub(super) fn ds_mark_dst(cx: &mut RouteCx, me: &Dispatcher, state: Option<Str>) -> CallResult {
    let state = state.map_or(Ok(INACTIVE), |text| self::state(&text))?;
    let (Some(Value::Int(set)), Some(Value::Str(uri))) = (me.field(cx, "grp"), me.field(cx, "uri")) else {
        return Ok(Return::FALSE);
    };
    Ok(me.mark(cx, set, &uri, state).into())
}

/// Sets the state of a destination: `ds_mark_addr("ip", "2", "sip:192.0.2.1")`. The states are those of `ds_mark_dst()`.
/// Returns 1; -1: there is no such destination.
#[function(ANY)]
pub(super) fn ds_mark_addr(cx: &mut RouteCx, me: &Dispatcher, state: Str, group: i64, uri: Str) -> CallResult {
    let state = self::state(&state)?;
    Ok(me.mark(cx, group, &uri, state).into())
}

/// True when there is a set of destinations with this number.
#[function(ANY)]
pub(super) fn ds_list_exists(_cx: &mut RouteCx, me: &Dispatcher, groupid: i64) -> CallResult {
    Ok(me.sets().get(groupid).is_some().into())
}

/// Another name of `ds_list_exists`.
#[function(ANY)]
pub(super) fn ds_list_exist(_cx: &mut RouteCx, me: &Dispatcher, groupid: i64) -> CallResult {
    Ok(me.sets().get(groupid).is_some().into())
}

/// True when a destination of a set can be used; with a URI: when that one can.
#[function(ANY)]
pub(super) fn ds_is_active(_cx: &mut RouteCx, me: &Dispatcher, groupid: i64, uri: Option<Str>) -> CallResult {
    let sets = me.sets();
    let Some(set) = sets.get(groupid) else { return Ok(Return::FALSE) };
    let wanted = uri.filter(|uri| !uri.is_empty());
    let active = set.destinations.iter().any(|it| wanted.as_ref().is_none_or(|uri| *uri == it.uri) && it.is_usable());
    Ok(active.into())
}

/// What `ds_is_from_list` compares.
struct Wanted {
    address: IpAddr,
    /// `None`: any.
    port: Option<u16>,
    /// `None`: any. Otherwise that of the URI: `None` when it names none, which is not UDP, as in Kamailio.
    protocol: Option<Option<Protocol>>,
    active: bool,
}

impl Wanted {
    fn fits(&self, it: &destination::Destination) -> bool {
        let usual = if it.protocol == Some(Protocol::Tls) { 5061 } else { 5060 };
        let port = if it.port == 0 { usual } else { it.port };
        it.resolved.read().address == Some(self.address)
            && self.port.is_none_or(|wanted| wanted == port)
            && self.protocol.is_none_or(|protocol| protocol == it.protocol)
            && (!self.active || it.is_usable())
    }
}

/// True when the request comes from a destination of a set (without argument, or with -1: of any set), or `uri` is one.
/// Address, port and transport are compared; `mode` is a sum: 1 not the port, 2 not the transport, 4 only destinations
/// that can be used. Without `mode` the transport is not compared. The set and the attributes of what was found go into
/// `setid_pvname` (when any set was asked for) and `attrs_pvname`.
#[function(ANY)]
pub(super) async fn ds_is_from_list(
    cx: &mut RouteCx,
    me: &Dispatcher,
    groupid: Option<i64>,
    mode: Option<i64>,
    uri: Option<Str>,
) -> CallResult {
    let mode = mode.unwrap_or(2);
    let (address, port, protocol) = match uri.filter(|uri| !uri.is_empty()) {
        None => (cx.source.ip().to_canonical(), cx.source.port(), Some(cx.received.protocol)),
        Some(text) => {
            let uri = Uri::parse(text.clone()).map_err(|_| ScriptError::new(format!("`{text}` is no URI")))?;
            let named = uri.transport().and_then(|name| Protocol::from_name(&name));
            let protocol = named.or((uri.scheme() == sip::Scheme::Sips).then_some(Protocol::Tls));
            let (host, port, core) = (uri.host(), uri.port(), cx.core.clone());
            let secure = protocol == Some(Protocol::Tls);
            let targets = engine::forward::resolve_host(&core, &host, Some(uri.port_or_default()), protocol, secure);
            let targets = targets.await?;
            let target = targets.first().ok_or_else(|| ScriptError::new(format!("`{host}` has no address")))?;
            (target.address.ip().to_canonical(), port.unwrap_or_else(|| uri.port_or_default()), protocol)
        }
    };
    let wanted = Wanted {
        address,
        port: (mode & 1 == 0).then_some(port),
        protocol: (mode & 2 == 0).then_some(protocol),
        active: mode & 4 != 0,
    };
    let group = groupid.filter(|group| *group != -1);
    let sets = me.sets();
    for set in sets.list.iter().filter(|set| group.is_none_or(|group| group == set.id)) {
        for it in &set.destinations {
            if me.params.ds_dns_mode & RESOLVE_ALWAYS != 0 {
                me.resolve_again(it).await;
            }
            if !wanted.fits(it) {
                continue;
            }
            if let (Some(variable), None) = (&me.set_variable, group) {
                variable.set(cx, Value::Int(set.id))?;
            }
            let attributes = &it.attributes.text;
            if let Some(variable) = me.attributes_variable.as_ref().filter(|_| !attributes.is_empty()) {
                variable.set(cx, Value::Str(attributes.clone()))?;
            }
            return Ok(Return::TRUE);
        }
    }
    Ok(Return::FALSE)
}

/// Reads the list anew, not within `reload_delta` seconds of the last time. Returns 1; -1: the list stays as it was.
#[function(ANY)]
pub(super) async fn ds_reload(cx: &mut RouteCx, me: &Dispatcher) -> CallResult {
    let result = me.reload().await;
    if let Err(error) = &result {
        log!(cx.core.log, Error, "{}: ds_reload: {error}", cx.place());
    }
    Ok(result.is_ok().into())
}

/// Updates what algorithm 10 counts: a BYE or CANCEL ends the call, a 2xx to the INVITE makes it last `ds_hash_expire`
/// seconds. Returns 1, also when the call is not counted; -1: `ds_hash_size` is 0.
#[function(REQUEST | FAILURE | BRANCH | ONREPLY)]
pub(super) fn ds_load_update(cx: &mut RouteCx, me: &Dispatcher) -> CallResult {
    let (Some(calls), Some(call_id)) = (&me.calls, cx.message.call_id()) else { return Ok(Return::FALSE) };
    if cx.message.is_request() {
        if matches!(cx.message.method(), Method::Bye | Method::Cancel) {
            calls.remove(&call_id);
        }
        return Ok(Return::TRUE);
    }
    let is_invite = matches!(cx.message.cseq(), Ok(Some(cseq)) if cseq.method == Method::Invite);
    if is_invite && matches!(cx.message.status(), Some(200..=299)) {
        calls.confirm(&call_id, cx.core.unix_time() + i64::from(me.params.ds_hash_expire));
    }
    Ok(Return::TRUE)
}

/// Ends what algorithm 10 counts for this call. Returns 1; -1: the call is not counted.
#[function(REQUEST | FAILURE | BRANCH | ONREPLY)]
pub(super) fn ds_load_unset(cx: &mut RouteCx, me: &Dispatcher) -> CallResult {
    let (Some(calls), Some(call_id)) = (&me.calls, cx.message.call_id()) else { return Ok(Return::FALSE) };
    Ok(calls.remove(&call_id).into())
}

/// Counts the destinations of a set, for `$dsg(..)`. Returns 1; -1: there is no such set.
#[function(ANY)]
pub(super) fn ds_dsg_fetch(cx: &mut RouteCx, me: &Dispatcher, setid: i64) -> CallResult {
    let sets = me.sets();
    let found = sets.get(setid).map(|set| Group::of(&set.destinations));
    let known = found.is_some();
    *cx.data::<Group>() = found.unwrap_or_default();
    Ok(known.into())
}

/// The same as `ds_dsg_fetch`; -1 also when the set has no destination with this URI.
#[function(ANY)]
pub(super) fn ds_dsg_fetch_uri(cx: &mut RouteCx, me: &Dispatcher, setid: i64, uri: Str) -> CallResult {
    let sets = me.sets();
    let set = sets.get(setid).filter(|set| set.destinations.iter().any(|it| it.uri == uri));
    let found = set.map(|set| Group::of(&set.destinations));
    let known = found.is_some();
    *cx.data::<Group>() = found.unwrap_or_default();
    Ok(known.into())
}
