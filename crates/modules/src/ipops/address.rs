//! Addresses as texts, and the ranges they belong to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use engine::Str;

/// How an address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `192.0.2.1`
    V4,
    /// `2001:db8::1`
    V6,
    /// `[2001:db8::1]`, as in URIs.
    V6Reference,
}

/// An address and how it is written; `None` when the text is no address.
pub(super) fn parse(text: &[u8]) -> Option<(IpAddr, Form)> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(inner) = text.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some((address.into(), Form::V6Reference));
    }
    let address: IpAddr = text.parse().ok()?;
    Some((address, if address.is_ipv4() { Form::V4 } else { Form::V6 }))
}

/// An address without brackets.
pub(super) fn parse_pure(text: &[u8]) -> Option<IpAddr> {
    parse(text).filter(|(_, form)| *form != Form::V6Reference).map(|(address, _)| address)
}

/// Whether the first `prefix` bits of both are equal; `None` when there are not so many or the kinds differ.
fn same_prefix(one: IpAddr, other: IpAddr, prefix: u32) -> Option<bool> {
    let differing = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) if prefix <= 32 => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) if prefix <= 128 => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => return None,
    };
    Some(differing >= prefix)
}

/// Whether an address is in one of the networks of a list: `10.0.0.0/8, 192.0.2.1`. An entry that is no network has
/// no addresses in it.
pub(super) fn in_list(address: IpAddr, list: &Str) -> bool {
    list.split(|byte| *byte == b',').any(|entry| in_network(address, entry.trim_ascii()) == Some(true))
}

fn in_network(address: IpAddr, network: &[u8]) -> Option<bool> {
    match network.iter().position(|byte| *byte == b'/') {
        None => Some(parse_pure(network)? == address),
        Some(slash) => {
            let prefix = std::str::from_utf8(network[slash + 1..].trim_ascii()).ok()?;
            if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            same_prefix(address, parse_pure(&network[..slash])?, prefix.parse().ok()?)
        }
    }
}

/// RFC 1918: the private networks.
pub(super) fn is_rfc1918(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_private())
}

/// A range of IPv4 addresses: its first one, its prefix, its name.
type Range4 = ([u8; 4], u32, &'static str);

/// RFC 5735 and RFC 6598; the first one that fits counts.
const RANGES_4: &[Range4] = &[
    ([10, 0, 0, 0], 8, "PRIVATE"),
    ([172, 16, 0, 0], 12, "PRIVATE"),
    ([192, 168, 0, 0], 16, "PRIVATE"),
    ([0, 0, 0, 0], 8, "PRIVATE"),
    ([100, 64, 0, 0], 10, "SHARED"),
    ([127, 0, 0, 0], 8, "LOOPBACK"),
    ([169, 254, 0, 0], 16, "LINK-LOCAL"),
    ([192, 0, 0, 0], 24, "RESERVED"),
    ([192, 0, 2, 0], 24, "TEST-NET"),
    ([192, 88, 99, 0], 24, "6TO4-RELAY"),
    ([198, 18, 0, 0], 15, "RESERVED"),
    ([198, 51, 100, 0], 24, "TEST-NET"),
    ([203, 0, 113, 0], 24, "TEST-NET"),
    ([224, 0, 0, 0], 4, "MULTICAST"),
    ([255, 255, 255, 255], 32, "BROADCAST"),
    ([240, 0, 0, 0], 4, "RESERVED"),
];

/// A range of IPv6 addresses: the first groups of its first one, its prefix, its name.
type Range6 = ([u16; 4], u32, &'static str);

/// The special ranges inside of the large ones come first; what is in none is `RESERVED`. `::`, `::1` and IPv4-mapped
/// addresses are looked at before.
const RANGES_6: &[Range6] = &[
    ([0x0100, 0, 0, 0], 64, "DISCARD"),
    ([0x2001, 0, 0, 0], 32, "TEREDO"),
    ([0x2001, 2, 0, 0], 48, "BMWG"),
    ([0x2001, 0x10, 0, 0], 28, "ORCHID"),
    ([0x2001, 0xdb8, 0, 0], 32, "DOCUMENTATION"),
    ([0x2002, 0, 0, 0], 16, "6TO4"),
    ([0x2000, 0, 0, 0], 3, "GLOBAL-UNICAST"),
    ([0xfc00, 0, 0, 0], 7, "UNIQUE-LOCAL-UNICAST"),
    ([0xfe80, 0, 0, 0], 10, "LINK-LOCAL-UNICAST"),
    ([0xff00, 0, 0, 0], 8, "MULTICAST"),
];

/// The kind of an IPv4 address.
pub(super) fn kind_4(address: Ipv4Addr) -> &'static str {
    let within = |(start, prefix, _): &&Range4| {
        same_prefix(address.into(), Ipv4Addr::from(*start).into(), *prefix) == Some(true)
    };
    RANGES_4.iter().find(within).map_or("PUBLIC", |(.., name)| name)
}

/// The kind of an IPv6 address.
pub(super) fn kind_6(address: Ipv6Addr) -> &'static str {
    if address.is_unspecified() {
        return "UNSPECIFIED";
    }
    if address.is_loopback() {
        return "LOOPBACK";
    }
    if address.to_ipv4_mapped().is_some() {
        return "IPV4MAP";
    }
    let within = |([a, b, c, d], prefix, _): &&Range6| {
        let start = Ipv6Addr::new(*a, *b, *c, *d, 0, 0, 0, 0);
        same_prefix(address.into(), start.into(), *prefix) == Some(true)
    };
    RANGES_6.iter().find(within).map_or("RESERVED", |(.., name)| name)
}

/// The name whose PTR record names the host of an address (RFC 1035 section 3.5, RFC 3596 section 2.5).
pub(super) fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits = address.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            digits.map(|digit| format!("{digit:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}
