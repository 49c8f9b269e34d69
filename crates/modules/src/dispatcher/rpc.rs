//! RPC commands `dispatcher.*`, with Kamailio's fields and texts.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{RpcArguments, RpcFault, RpcResult, RpcValue, Str, log, rpc};

use super::Dispatcher;
use super::destination::{Destination, Line};
use super::functions::parse_state;
use super::sets::Sets;
use crate::core_hash::core_hash;

fn invalid<E>(_: E) -> RpcFault {
    RpcFault::new(500, "Invalid Parameters")
}

/// An empty text is none, as in Kamailio.
fn text(text: &Str) -> RpcValue {
    if text.is_empty() { RpcValue::Null } else { text.into() }
}

/// How much `dispatcher.list` shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Short,
    Usual,
    Full,
}

impl Dispatcher {
    fn shown(&self, it: &Destination, detail: Detail) -> RpcValue {
        let mut members: Vec<(String, RpcValue)> = Vec::new();
        let mut add = |name: &str, value: RpcValue| members.push((name.to_owned(), value));
        add("URI", (&it.uri).into());
        add("FLAGS", it.letters().into());
        add("PRIORITY", it.priority.into());
        if detail == Detail::Full {
            let resolved = it.resolved.read();
            add("HOST", (&it.host).into());
            add("IPADDR", resolved.address.map_or_else(String::new, |address| address.to_string()).into());
            add("PORT", it.port.into());
            add("PROTOID", it.protocol.map_or(0, number).into());
            // Numbers with a fraction, as Kamailio sends them.
            add("DNSTIME_SEC", ((resolved.asked / 1_000_000) as f64).into());
            add("DNSTIME_USEC", ((resolved.asked % 1_000_000) as f64).into());
        }
        let attributes = &it.attributes;
        if detail != Detail::Short && !attributes.text.is_empty() {
            let body = RpcValue::structure([
                ("BODY", (&attributes.text).into()),
                ("DUID", text(&attributes.duid)),
                ("MAXLOAD", attributes.max_load.into()),
                ("WEIGHT", attributes.weight.into()),
                ("RWEIGHT", attributes.relative_weight.into()),
                ("SOCKET", text(&attributes.socket)),
                ("SOCKNAME", text(&attributes.socket_name)),
                ("OBPROXY", text(&attributes.outbound_proxy)),
            ]);
            add("ATTRS", body);
        }
        if self.params.ds_ping_latency_stats {
            let latency = it.latency.lock();
            let body = RpcValue::structure([
                ("AVG", latency.average.into()),
                ("STD", latency.deviation.into()),
                ("EST", latency.estimate.into()),
                ("MAX", latency.most.into()),
                ("TIMEOUT", latency.timeouts.into()),
            ]);
            add("LATENCY", body);
        }
        if self.calls.is_some() {
            add("RUNTIME", RpcValue::structure([("DLGLOAD", it.load.load(Ordering::Relaxed).into())]));
        }
        RpcValue::Struct(members)
    }

    /// Sets the state of the destinations that fit; false: there is none.
    fn set_states(&self, set: i64, state: u32, fits: impl Fn(&Destination) -> bool) -> bool {
        let sets = self.sets();
        let Some(set) = sets.get(set) else { return false };
        let mut found = false;
        for destination in set.destinations.iter().filter(|it| fits(it)) {
            destination.set_state(state);
            found = true;
        }
        found
    }
}

/// Kamailio's number of a transport.
const fn number(protocol: sip::Protocol) -> u32 {
    match protocol {
        sip::Protocol::Udp => 1,
        sip::Protocol::Tcp => 2,
        sip::Protocol::Tls => 3,
        sip::Protocol::Sctp => 4,
        sip::Protocol::Ws => 5,
        sip::Protocol::Wss => 6,
    }
}

/// `[short|full]`: shows the sets of destinations. FLAGS are two letters: A active, T trying, I inactive, D disabled; then P
/// when the destination is probed, else X.
#[rpc("dispatcher.list")]
pub async fn list(me: Arc<Dispatcher>, mode: Option<String>) -> RpcResult {
    let detail = match mode.as_deref() {
        Some("short") => Detail::Short,
        Some("full") => Detail::Full,
        _ => Detail::Usual,
    };
    let sets = me.sets();
    if sets.list.is_empty() {
        return Err(RpcFault::new(500, "No Destination Sets"));
    }
    let records = sets.list.iter().map(|set| {
        let targets = set.destinations.iter().map(|it| ("DEST".to_owned(), me.shown(it, detail))).collect();
        let body = RpcValue::structure([("ID", set.id.into()), ("TARGETS", RpcValue::Struct(targets))]);
        ("SET".to_owned(), body)
    });
    let records = RpcValue::Struct(records.collect());
    Ok(vec![RpcValue::structure([("NRSETS", sets.list.len().into()), ("RECORDS", records)])])
}

/// Reads the list anew; not within `reload_delta` seconds of the last time. The states are those of the list again.
#[rpc("dispatcher.reload")]
pub async fn reload(me: Arc<Dispatcher>) -> RpcResult {
    match me.reload().await {
        Ok(()) => Ok(vec!["Ok. Dispatcher successfully reloaded.".into()]),
        Err(problem) if problem == "ongoing reload" => Err(RpcFault::new(500, "Ongoing reload")),
        Err(_) => Err(RpcFault::new(500, "Reload Failed")),
    }
}

/// State and set.
fn state(arguments: &mut RpcArguments) -> Result<(u32, i64, Str), RpcFault> {
    let state: String = arguments.take().map_err(invalid)?;
    let set = arguments.take().map_err(invalid)?;
    let last: String = arguments.take().map_err(invalid)?;
    let state = parse_state(state.as_bytes()).ok_or_else(|| RpcFault::new(500, "Unknown State Value"))?;
    Ok((state, set, Str::from(last)))
}

fn done(found: bool) -> RpcResult {
    if found {
        Ok(vec!["Ok. Dispatcher state updated.".into()])
    } else {
        Err(RpcFault::new(500, "State Update Failed"))
    }
}

/// `state set uri`: sets the state of a destination, or of all in the set (`all`): `a` active, `i` inactive, `t` trying, `d`
/// disabled; with `p` it is probed.
#[rpc("dispatcher.set_state")]
pub async fn set_state(me: Arc<Dispatcher>, mut arguments: RpcArguments) -> RpcResult {
    let (state, set, uri) = state(&mut arguments)?;
    done(me.set_states(set, state, |it| uri == *"all" || it.uri == uri))
}

/// `state set duid`: the same for the destinations with this attribute `duid`.
#[rpc("dispatcher.set_duid_state")]
pub async fn set_duid_state(me: Arc<Dispatcher>, mut arguments: RpcArguments) -> RpcResult {
    let (state, set, duid) = state(&mut arguments)?;
    done(me.set_states(set, state, |it| it.attributes.duid == duid))
}

/// `[state]`: shows whether keep-alive requests are sent; 0 ends that, 1 begins it again.
#[rpc("dispatcher.ping_active")]
pub async fn ping_active(me: Arc<Dispatcher>, state: Option<i64>) -> RpcResult {
    let Some(state) = state else {
        let old = me.pinging.load(Ordering::Relaxed);
        return Ok(vec![RpcValue::structure([("OldPingState", old.into())])]);
    };
    let old = me.set_pinging(state);
    Ok(vec![RpcValue::structure([("NewPingState", state.into()), ("OldPingState", old.into())])])
}

/// `set uri [flags] [priority] [attributes]`: adds a destination, until the next reload.
#[rpc("dispatcher.add")]
pub async fn add(me: Arc<Dispatcher>, mut arguments: RpcArguments) -> RpcResult {
    let set = arguments.take().map_err(invalid)?;
    let uri: String = arguments.take().map_err(invalid)?;
    let mut number = || if arguments.remaining() > 0 { arguments.take::<i64>().map_err(invalid) } else { Ok(0) };
    let flags = u32::try_from(number()?).map_err(invalid)?;
    let priority = number()?;
    let attributes: String = if arguments.remaining() > 0 { arguments.take().map_err(invalid)? } else { String::new() };
    let line = Line { set, uri: Str::from(uri), flags, priority, attributes: Str::from(attributes) };
    let made = me.make(&line).await.map(Arc::new).map_err(|problem| {
        log!(me.core.log, Error, "dispatcher: the destination is not added: {problem}");
        RpcFault::new(500, "Adding dispatcher dst failed")
    })?;
    me.resolve_all(std::iter::once(made.clone())).await;
    let _changing = me.changing.lock().await;
    let mut all = me.sets().destinations();
    all.push(made);
    *me.sets.write() = Arc::new(Sets::new(all));
    Ok(vec!["Ok. Dispatcher destination added.".into()])
}

/// `set uri`: removes a destination, until the next reload.
#[rpc("dispatcher.remove")]
pub async fn remove(me: Arc<Dispatcher>, mut arguments: RpcArguments) -> RpcResult {
    let set: i64 = arguments.take().map_err(invalid)?;
    let uri: String = arguments.take().map_err(invalid)?;
    let _changing = me.changing.lock().await;
    let mut all = me.sets().destinations();
    all.retain(|it| it.set != set || *it.uri != *uri.as_bytes());
    *me.sets.write() = Arc::new(Sets::new(all));
    Ok(vec!["Ok. Dispatcher destination removed.".into()])
}

/// `slots text [text]`: the hash of one or two texts (user and host of a URI), and which of so many destinations it chooses.
#[rpc("dispatcher.hash")]
pub async fn hash(me: Arc<Dispatcher>, mut arguments: RpcArguments) -> RpcResult {
    let _ = me;
    let slots: i64 = arguments.take().map_err(invalid)?;
    let first: String = arguments.take().map_err(invalid)?;
    let second: Option<String> =
        if arguments.remaining() > 0 { arguments.take().map(Some).map_err(invalid)? } else { None };
    let hash = match &second {
        Some(second) => core_hash(&[first.as_bytes(), second.as_bytes()]),
        None => core_hash(&[first.as_bytes()]),
    };
    let slot = u32::try_from(slots).ok().filter(|slots| *slots > 0).map_or(0, |slots| hash % slots);
    Ok(vec![RpcValue::structure([("hashid", (hash as i32).into()), ("slot", slot.into())])])
}
