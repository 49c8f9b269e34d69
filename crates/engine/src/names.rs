//! What the core parameters say about resolving names.

use sip::Protocol;
use transport::LocalSocket;
use transport::resolve::ResolveOptions;

use crate::settings::Settings;

/// `dns_cache_flags`.
const IPV4_ONLY: u8 = 1;
const IPV6_ONLY: u8 = 2;
const IPV6_FIRST: u8 = 4;

/// The resolver's options for a server with these sockets.
#[must_use]
pub fn resolve_options(settings: &Settings, sockets: &[LocalSocket]) -> ResolveOptions {
    let base = ResolveOptions::for_sockets(sockets);
    let preference = |protocol: &Protocol| match protocol {
        Protocol::Udp => settings.dns_udp_pref,
        Protocol::Tcp => settings.dns_tcp_pref,
        Protocol::Tls => settings.dns_tls_pref,
        // Kamailio has no parameter for these: behind the others.
        Protocol::Sctp | Protocol::Ws | Protocol::Wss => i64::MIN,
    };
    let mut protocols = base.protocols;
    protocols.sort_by_key(|protocol| std::cmp::Reverse(preference(protocol)));
    let flags = settings.dns_cache_flags;
    ResolveOptions {
        naptr: settings.dns_try_naptr,
        naptr_by_order: !settings.dns_naptr_ignore_rfc,
        srv_by_weight: settings.dns_srv_lb,
        ipv4: base.ipv4 && flags & IPV6_ONLY == 0,
        ipv6: base.ipv6 && settings.dns_try_ipv6 && flags & IPV4_ONLY == 0,
        ipv6_first: flags & IPV6_FIRST != 0,
        search: settings.dns_use_search_list,
        timeout: settings.dns_retr_time.map(|seconds| std::time::Duration::from_secs(seconds.into())),
        attempts: settings.dns_retr_no.map(|tries| tries as usize),
        max_servers: settings.dns_servers_no.map(|count| count as usize),
        negative_ttl: settings.dns_cache_negative_ttl,
        min_ttl: settings.dns_cache_min_ttl,
        max_ttl: settings.dns_cache_max_ttl,
        protocols,
        ..base
    }
}
