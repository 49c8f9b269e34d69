//! DNS queries through the server's resolver and its cache. The message waits outside of its worker.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use transport::resolve::{RecordKind, Records, Resolver};

use super::address::{parse, parse_pure, reverse_name};
use super::results::{Addresses, Hosts, Rules, Services};

/// The name cannot be one, or is empty.
const BAD_NAME: i32 = -2;
/// The address is none.
const BAD_ADDRESS: i32 = -3;
/// The name has no address.
const UNRESOLVED: i32 = -4;

/// Longer names do not exist (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 255;

/// `dns_set_local_ttl` for the message.
#[derive(Default)]
struct LocalTtl(Option<Duration>);

/// Asks for one message: with its time to live.
struct Asker {
    resolver: Arc<Resolver>,
    keep: Option<Duration>,
}

impl Asker {
    fn of(cx: &RouteCx) -> Result<Self, ScriptError> {
        let resolver = cx.core.resolver.get().cloned().ok_or("no resolver")?;
        Ok(Self { resolver, keep: cx.find_data::<LocalTtl>().and_then(|ttl| ttl.0) })
    }

    async fn ask(&self, name: &str, kind: RecordKind) -> Option<Records> {
        self.resolver.records_kept(name, kind, self.keep).await.ok()
    }

    /// The addresses of a host, IPv4 ones first; an address has itself.
    async fn addresses(&self, host: &str, v4: bool, v6: bool) -> Vec<IpAddr> {
        if let Ok(address) = host.parse() {
            return vec![address];
        }
        let of = async |kind, wanted| if wanted { self.ask(host, kind).await } else { None };
        let (four, six) = tokio::join!(of(RecordKind::A, v4), of(RecordKind::Aaaa, v6));
        let mut all = Vec::new();
        if let Some(Records::A(list)) = four {
            all.extend(list.iter().copied().map(IpAddr::from));
        }
        if let Some(Records::Aaaa(list)) = six {
            all.extend(list.iter().copied().map(IpAddr::from));
        }
        all
    }
}

/// A name to ask for.
fn name_of(text: &Str) -> Option<String> {
    let name = std::str::from_utf8(text).ok()?;
    let plain = !name.is_empty() && name.len() <= LONGEST_NAME && !name.bytes().any(|byte| byte <= b' ');
    plain.then(|| name.to_owned())
}

/// Finds the addresses of `hostname`, IPv4 and IPv6, for `$dns(pvid=>..)`. An address has itself.
///
/// Returns 1; -2 when the name cannot be one, -4 when it has no address.
#[function(ANY)]
pub async fn dns_query(cx: &mut RouteCx, hostname: Str, pvid: Str) -> CallResult {
    cx.data::<Addresses>().0.forget(&pvid);
    let Some(host) = name_of(&hostname) else { return Ok(Return(BAD_NAME)) };
    let asker = Asker::of(cx)?;
    let found = asker.addresses(&host, true, true).await;
    if found.is_empty() {
        return Ok(Return(UNRESOLVED));
    }
    cx.data::<Addresses>().0.put(pvid, found)?;
    Ok(Return::TRUE)
}

/// Whether `ipaddr` is among the addresses of `hostname`.
async fn matches(cx: &mut RouteCx, hostname: &Str, ipaddr: &Str, all: bool) -> CallResult {
    let Some(host) = name_of(hostname) else { return Ok(Return(BAD_NAME)) };
    let Some((address, _)) = parse(ipaddr) else { return Ok(Return(BAD_ADDRESS)) };
    let asker = Asker::of(cx)?;
    let options = asker.resolver.options();
    let found = asker.addresses(&host, all || options.ipv4, all || options.ipv6).await;
    if found.is_empty() {
        return Ok(Return(UNRESOLVED));
    }
    Ok(found.contains(&address).into())
}

/// True when `ipaddr` is one of the addresses of `hostname`, IPv4 or IPv6.
///
/// Returns 1 or -1; -2 when the name cannot be one, -3 when `ipaddr` is no address, -4 when the name has no address.
#[function(ANY)]
pub async fn dns_sys_match_ip(cx: &mut RouteCx, hostname: Str, ipaddr: Str) -> CallResult {
    matches(cx, &hostname, &ipaddr, true).await
}

/// True when `ipaddr` is one of the addresses of `hostname` that this server would send to: IPv6 ones only when it has
/// such a socket and `dns_try_ipv6` is on.
///
/// Returns 1 or -1; -2 when the name cannot be one, -3 when `ipaddr` is no address, -4 when the name has no address.
#[function(ANY)]
pub async fn dns_int_match_ip(cx: &mut RouteCx, hostname: Str, ipaddr: Str) -> CallResult {
    matches(cx, &hostname, &ipaddr, false).await
}

/// Finds the SRV records of a service (`_sip._udp.example.com`) for `$srvquery(pvid=>..)`, by priority, the heaviest of
/// one priority first (RFC 2782).
///
/// Returns 1, also when there are none (`$srvquery(pvid=>count)` is 0 then); -1 when no server answers, -2 when the
/// name cannot be one.
#[function(ANY)]
pub async fn srv_query(cx: &mut RouteCx, srvcname: Str, pvid: Str) -> CallResult {
    cx.data::<Services>().0.put(pvid.clone(), Vec::new())?;
    let Some(name) = name_of(&srvcname) else { return Ok(Return(BAD_NAME)) };
    let Some(Records::Srv(list)) = Asker::of(cx)?.ask(&name, RecordKind::Srv).await else {
        return Ok(Return::FALSE);
    };
    let mut list = list.to_vec();
    list.sort_by_key(|record| (record.priority, Reverse(record.weight)));
    for record in &mut list {
        record.target.make_ascii_lowercase();
    }
    cx.data::<Services>().0.put(pvid, list)?;
    Ok(Return::TRUE)
}

/// Finds the NAPTR records of a domain for `$naptrquery(pvid=>..)`, by order and preference (RFC 3403).
///
/// Returns 1, also when there are none (`$naptrquery(pvid=>count)` is 0 then); -1 when no server answers, -2 when the
/// name cannot be one.
#[function(ANY)]
pub async fn naptr_query(cx: &mut RouteCx, domain: Str, pvid: Str) -> CallResult {
    cx.data::<Rules>().0.put(pvid.clone(), Vec::new())?;
    let Some(name) = name_of(&domain) else { return Ok(Return(BAD_NAME)) };
    let Some(Records::Naptr(list)) = Asker::of(cx)?.ask(&name, RecordKind::Naptr).await else {
        return Ok(Return::FALSE);
    };
    let mut list = list.to_vec();
    list.sort_by_key(|record| (record.order, record.preference));
    cx.data::<Rules>().0.put(pvid, list)?;
    Ok(Return::TRUE)
}

/// Finds the host name of an address (its PTR record) for `$ptrquery(pvid=>..)`.
///
/// Returns 1; -3 when `ip` is no address, -4 when the DNS has no name for it.
#[function(ANY)]
pub async fn ptr_query(cx: &mut RouteCx, ip: Str, pvid: Str) -> CallResult {
    cx.data::<Hosts>().0.forget(&pvid);
    let Some(address) = parse_pure(&ip) else { return Ok(Return(BAD_ADDRESS)) };
    let answer = Asker::of(cx)?.ask(&reverse_name(address), RecordKind::Ptr).await;
    match answer {
        Some(Records::Ptr(list)) if !list.is_empty() => {
            cx.data::<Hosts>().0.put(pvid, (address, list.to_vec()))?;
            Ok(Return::TRUE)
        }
        _ => Ok(Return(UNRESOLVED)),
    }
}

/// From now on what queries of this message find is remembered for so many seconds, whatever the records and the core
/// parameters say; 0: as they say. What is in the cache already stays as it is.
#[function(ANY)]
pub fn dns_set_local_ttl(cx: &mut RouteCx, vttl: i64) -> CallResult {
    let seconds = u32::try_from(vttl).map_err(|_| ScriptError::new(format!("{vttl} seconds are no time to live")))?;
    let ttl = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    cx.data::<LocalTtl>().0 = ttl;
    Ok(Return::TRUE)
}
