//! Questions about addresses that need no DNS.

use std::net::IpAddr;

use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};

use super::address::{self, Form, parse, parse_pure};

/// True when `ip` is an IPv4 address, an IPv6 address, or an IPv6 address in brackets.
#[function(ANY)]
pub fn is_ip(_cx: &mut RouteCx, ip: Str) -> CallResult {
    Ok(parse(&ip).is_some().into())
}

/// True when `ip` is an IPv4 or IPv6 address without brackets.
#[function(ANY)]
pub fn is_pure_ip(_cx: &mut RouteCx, ip: Str) -> CallResult {
    Ok(parse_pure(&ip).is_some().into())
}

/// True when `ip` is an IPv4 address.
#[function(ANY)]
pub fn is_ipv4(_cx: &mut RouteCx, ip: Str) -> CallResult {
    Ok(matches!(parse(&ip), Some((_, Form::V4))).into())
}

/// True when `ip` is an IPv6 address without brackets.
#[function(ANY)]
pub fn is_ipv6(_cx: &mut RouteCx, ip: Str) -> CallResult {
    Ok(matches!(parse(&ip), Some((_, Form::V6))).into())
}

/// True when `ip` is an IPv6 address in brackets, as in URIs: `[2001:db8::1]`.
#[function(ANY)]
pub fn is_ipv6_reference(_cx: &mut RouteCx, ip: Str) -> CallResult {
    Ok(matches!(parse(&ip), Some((_, Form::V6Reference))).into())
}

/// How `ip` is written: 1 IPv4, 2 IPv6, 3 IPv6 in brackets, -1 no address.
#[function(ANY)]
pub fn ip_type(_cx: &mut RouteCx, ip: Str) -> CallResult {
    Ok(Return(match parse(&ip) {
        Some((_, Form::V4)) => 1,
        Some((_, Form::V6)) => 2,
        Some((_, Form::V6Reference)) => 3,
        None => -1,
    }))
}

/// Writes what kind of address `ip` is to the variable `result`. IPv4: `PUBLIC`, `PRIVATE`, `SHARED`, `LOOPBACK`,
/// `LINK-LOCAL`, `RESERVED`, `TEST-NET`, `6TO4-RELAY`, `MULTICAST`, `BROADCAST`; IPv6, also in brackets:
/// `UNSPECIFIED`, `LOOPBACK`, `IPV4MAP`, `RESERVED`, `DISCARD`, `GLOBAL-UNICAST`, `TEREDO`, `BMWG`,
/// `DOCUMENTATION`, `ORCHID`, `6TO4`, `UNIQUE-LOCAL-UNICAST`, `LINK-LOCAL-UNICAST`, `MULTICAST`.
///
/// Returns 1; -1 when it is no address.
#[function(ANY)]
pub fn detailed_ip_type(cx: &mut RouteCx, ip: Str, result: WritableVariable) -> CallResult {
    tell_kind(cx, &ip, &result, |_| true)
}

/// `detailed_ip_type` for IPv4 addresses only: -1 for all others.
#[function(ANY)]
pub fn detailed_ipv4_type(cx: &mut RouteCx, ip: Str, result: WritableVariable) -> CallResult {
    tell_kind(cx, &ip, &result, IpAddr::is_ipv4)
}

/// `detailed_ip_type` for IPv6 addresses only, also in brackets: -1 for all others.
#[function(ANY)]
pub fn detailed_ipv6_type(cx: &mut RouteCx, ip: Str, result: WritableVariable) -> CallResult {
    tell_kind(cx, &ip, &result, IpAddr::is_ipv6)
}

fn tell_kind(cx: &mut RouteCx, ip: &Str, result: &WritableVariable, wanted: fn(&IpAddr) -> bool) -> CallResult {
    let address = parse(ip).map(|(address, _)| address).filter(wanted);
    let address = address.ok_or_else(|| ScriptError::new(format!("`{ip}` is not such an address")))?;
    let kind = match address {
        IpAddr::V4(address) => address::kind_4(address),
        IpAddr::V6(address) => address::kind_6(address),
    };
    result.0.set(cx, Value::from(kind))?;
    Ok(Return::TRUE)
}

/// True when both are the same address, however it is written; brackets do not count.
#[function(ANY)]
pub fn compare_ips(_cx: &mut RouteCx, ip1: Str, ip2: Str) -> CallResult {
    let address = |text: &Str| parse(text).map(|(address, _)| address);
    Ok(address(&ip1).is_some_and(|one| address(&ip2) == Some(one)).into())
}

/// True when both are the same address, however it is written, without brackets.
#[function(ANY)]
pub fn compare_pure_ips(_cx: &mut RouteCx, ip1: Str, ip2: Str) -> CallResult {
    Ok(parse_pure(&ip1).is_some_and(|one| parse_pure(&ip2) == Some(one)).into())
}

/// True when `ip` is in a private IPv4 network: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16.
#[function(ANY)]
pub fn is_ip_rfc1918(_cx: &mut RouteCx, ip: Str) -> CallResult {
    Ok(parse_pure(&ip).is_some_and(address::is_rfc1918).into())
}

/// True when `ip` (without brackets) is in one of the networks: `10.0.0.0/8,2001:db8::/32`. An entry without prefix is
/// one address; one that is no network matches nothing.
#[function(ANY)]
pub fn is_in_subnet(_cx: &mut RouteCx, ip: Str, subnets: Str) -> CallResult {
    Ok(parse_pure(&ip).is_some_and(|address| address::in_list(address, &subnets)).into())
}
