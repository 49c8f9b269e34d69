//! `dns.*`: the cache of name lookups.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use engine::core::Core;
use engine::{RpcArguments, RpcDef, RpcFault, RpcResult, RpcValue, rpc};
use transport::resolve::{CachedRecord, RecordKind, Records, Resolver, SrvRecord};

use super::{member, missing, one};

/// The commands.
pub const COMMANDS: &[RpcDef] = &[
    LOOKUP,
    VIEW,
    ADD_A,
    ADD_AAAA,
    ADD_SRV,
    DELETE_A,
    DELETE_AAAA,
    DELETE_SRV,
    DELETE_NAPTR,
    DELETE_ALL,
    DELETE_ALL_FORCE,
    GET_SERVER_STATE,
    SET_SERVER_STATE,
];

fn resolver(core: &Core) -> Result<Arc<Resolver>, RpcFault> {
    core.resolver.get().cloned().ok_or_else(|| RpcFault::new(500, "dns cache support disabled"))
}

const fn type_name(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::A => "A",
        RecordKind::Aaaa => "AAAA",
        RecordKind::Srv => "SRV",
        RecordKind::Naptr => "NAPTR",
        RecordKind::Ptr => "PTR",
    }
}

/// The members of each record behind its number.
fn members_of(records: &Records) -> Vec<Vec<(String, RpcValue)>> {
    match records {
        Records::A(addresses) => addresses.iter().map(|ip| vec![member("rr_ip", ip.to_string())]).collect(),
        Records::Aaaa(addresses) => addresses.iter().map(|ip| vec![member("rr_ip", ip.to_string())]).collect(),
        Records::Srv(services) => services
            .iter()
            .map(|service| {
                vec![
                    member("rr_name", service.target.as_str()),
                    member("rr_port", service.port),
                    member("rr_priority", i32::from(service.priority)),
                    member("rr_weight", i32::from(service.weight)),
                ]
            })
            .collect(),
        Records::Ptr(names) => names.iter().map(|name| vec![member("rr_name", name.as_str())]).collect(),
        Records::Naptr(rules) => rules
            .iter()
            .map(|rule| {
                vec![
                    member("rr_order", i32::from(rule.order)),
                    member("rr_preference", i32::from(rule.preference)),
                    member("rr_flags", rule.flags.as_str()),
                    member("rr_service", rule.services.as_str()),
                    member("rr_regexp", rule.regexp.as_str()),
                    member("rr_replacement", rule.replacement.as_str()),
                ]
            })
            .collect(),
    }
}

/// An entry as Kamailio prints it, without what is about its memory.
fn shown(entry: &CachedRecord) -> RpcValue {
    let expires = entry.expires_in.as_millis().div_ceil(1000) as i64;
    let records = entry.answer.as_ref().ok().filter(|records| !records.is_empty());
    let mut members = vec![
        member("name", entry.name.as_str()),
        member("type", type_name(entry.kind)),
        member("permanent", "no"),
        member("expires", expires),
        member("negative_entry", if records.is_some() { "no" } else { "yes" }),
    ];
    if let Some(records) = records {
        let list = members_of(records).into_iter().enumerate().map(|(at, mut of_record)| {
            of_record.insert(0, member("rr_idx", at));
            of_record.push(member("rr_permanent", "no"));
            of_record.push(member("rr_expires", expires));
            RpcValue::Struct(of_record)
        });
        members.push(("records".to_owned(), RpcValue::Array(list.collect())));
    }
    RpcValue::Struct(members)
}

/// Performs a dns lookup, through the cache: a type (a, aaaa, srv, naptr) and a name.
#[rpc("dns.lookup")]
pub async fn lookup(core: Arc<Core>, kind: Option<String>, name: Option<String>) -> RpcResult {
    let (kind, name) = (kind.ok_or_else(|| missing(0))?, name.ok_or_else(|| missing(1))?);
    let kind = match &*kind.to_ascii_lowercase() {
        "a" => RecordKind::A,
        "aaaa" => RecordKind::Aaaa,
        "srv" => RecordKind::Srv,
        "naptr" => RecordKind::Naptr,
        _ => return Err(RpcFault::new(400, "Invalid type")),
    };
    let resolver = resolver(&core)?;
    let not_found = || RpcFault::new(400, "Not found");
    let answer = resolver.records(&name, kind).await.map_err(|_| not_found())?;
    if answer.is_empty() {
        return Err(not_found());
    }
    let cached = resolver.cached_records().into_iter().find(|entry| {
        entry.kind == kind && entry.name.trim_end_matches('.').eq_ignore_ascii_case(name.trim_end_matches('.'))
    });
    one(shown(&cached.unwrap_or(CachedRecord { name, kind, answer: Ok(answer), expires_in: Duration::ZERO })))
}

/// Dump the DNS cache in a human-readable format.
#[rpc("dns.view", array)]
pub async fn view(core: Arc<Core>) -> RpcResult {
    Ok(resolver(&core)?.cached_records().iter().map(shown).collect())
}

/// The lifetime of a record that is added.
fn lifetime(arguments: &mut RpcArguments) -> Result<Duration, RpcFault> {
    let seconds: i64 = arguments.take()?;
    u32::try_from(seconds)
        .map(|seconds| Duration::from_secs(u64::from(seconds)))
        .map_err(|_| RpcFault::new(400, "wrong ttl"))
}

/// The flags of a record that is added: there are none here.
fn no_flags(arguments: &mut RpcArguments) -> Result<(), RpcFault> {
    match arguments.take::<i64>()? {
        0 => Ok(()),
        _ => Err(RpcFault::new(400, "flags are not supported")),
    }
}

/// Name, lifetime and address.
fn address_record<T: std::str::FromStr>(arguments: &mut RpcArguments) -> Result<(String, Duration, T), RpcFault> {
    let name: String = arguments.take()?;
    let ttl = lifetime(arguments)?;
    let address = arguments.take::<String>()?.parse().map_err(|_| RpcFault::new(400, "Invalid address"))?;
    no_flags(arguments)?;
    Ok((name, ttl, address))
}

/// Add an A record to the DNS cache: name, ttl, address, flags (0).
#[rpc("dns.add_a")]
pub async fn add_a(core: Arc<Core>, mut arguments: RpcArguments) -> RpcResult {
    let (name, ttl, address) = address_record::<Ipv4Addr>(&mut arguments)?;
    resolver(&core)?.insert(&name, Records::A([address].into()), ttl);
    Ok(vec![])
}

/// Add an AAAA record to the DNS cache: name, ttl, address, flags (0).
#[rpc("dns.add_aaaa")]
pub async fn add_aaaa(core: Arc<Core>, mut arguments: RpcArguments) -> RpcResult {
    let (name, ttl, address) = address_record::<Ipv6Addr>(&mut arguments)?;
    resolver(&core)?.insert(&name, Records::Aaaa([address].into()), ttl);
    Ok(vec![])
}

/// Add an SRV record to the DNS cache: name, ttl, priority, weight, port, target, flags (0).
#[rpc("dns.add_srv")]
pub async fn add_srv(core: Arc<Core>, mut arguments: RpcArguments) -> RpcResult {
    let name: String = arguments.take()?;
    let ttl = lifetime(&mut arguments)?;
    let number = |arguments: &mut RpcArguments| {
        let number: i64 = arguments.take()?;
        u16::try_from(number).map_err(|_| RpcFault::new(400, "a number is out of range"))
    };
    let (priority, weight, port) = (number(&mut arguments)?, number(&mut arguments)?, number(&mut arguments)?);
    let target: String = arguments.take()?;
    no_flags(&mut arguments)?;
    let record = SrvRecord { priority, weight, port, target };
    resolver(&core)?.insert(&name, Records::Srv([record].into()), ttl);
    Ok(vec![])
}

fn delete(core: &Core, name: Option<String>, kind: RecordKind) -> RpcResult {
    let name = name.ok_or_else(|| missing(0))?;
    if resolver(core)?.remove(&name, kind) { Ok(vec![]) } else { Err(RpcFault::new(400, "Not found")) }
}

/// Deletes an A record from the DNS cache.
#[rpc("dns.delete_a")]
pub async fn delete_a(core: Arc<Core>, name: Option<String>) -> RpcResult {
    delete(&core, name, RecordKind::A)
}

/// Deletes an AAAA record from the DNS cache.
#[rpc("dns.delete_aaaa")]
pub async fn delete_aaaa(core: Arc<Core>, name: Option<String>) -> RpcResult {
    delete(&core, name, RecordKind::Aaaa)
}

/// Deletes an SRV record from the DNS cache.
#[rpc("dns.delete_srv")]
pub async fn delete_srv(core: Arc<Core>, name: Option<String>) -> RpcResult {
    delete(&core, name, RecordKind::Srv)
}

/// Deletes a NAPTR record from the DNS cache.
#[rpc("dns.delete_naptr")]
pub async fn delete_naptr(core: Arc<Core>, name: Option<String>) -> RpcResult {
    delete(&core, name, RecordKind::Naptr)
}

fn clear(core: &Core) -> RpcResult {
    resolver(core)?.clear();
    one(RpcValue::structure([("status", "ok".into())]))
}

/// Deletes all the records from the DNS cache.
#[rpc("dns.delete_all")]
pub async fn delete_all(core: Arc<Core>) -> RpcResult {
    clear(&core)
}

/// Deletes all the records from the DNS cache.
#[rpc("dns.delete_all_force")]
pub async fn delete_all_force(core: Arc<Core>) -> RpcResult {
    clear(&core)
}

/// Tells whether DNS servers are asked: 1 or 0.
#[rpc("dns.get_server_state")]
pub async fn get_server_state(core: Arc<Core>) -> RpcResult {
    one(i32::from(resolver(&core)?.asks_servers()))
}

/// Switches questions to DNS servers on (1) or off (0); off, only the cache answers.
#[rpc("dns.set_server_state")]
pub async fn set_server_state(core: Arc<Core>, on: i64) -> RpcResult {
    resolver(&core)?.set_ask_servers(on != 0);
    Ok(vec![])
}
