//! Asking name servers, by hickory-dns. Its types stay in this file.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::cache::{NaptrRecord, RecordKind, Records, SrvRecord};
use super::{Fetched, ResolveError, ResolveOptions, Source};

/// Asks name servers and remembers nothing.
pub(super) struct Dns {
    resolver: TokioResolver,
    search: bool,
}

impl Dns {
    pub(super) fn new(options: &ResolveOptions) -> Result<Self, ResolveError> {
        let setup = |error: NetError| ResolveError::Setup(error.to_string());
        let mut builder = if let (true, Some(count)) = (options.servers.is_empty(), options.max_servers) {
            let (system, settings) = hickory_resolver::system_conf::read_system_conf().map_err(setup)?;
            let config = first_servers(&system, count);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(settings)
        } else if options.servers.is_empty() {
            TokioResolver::builder_tokio().map_err(setup)?
        } else {
            let servers = options.servers.iter().map(|server| name_server(*server)).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let settings = builder.options_mut();
        settings.cache_size = 0;
        settings.timeout = options.timeout.unwrap_or(settings.timeout);
        settings.attempts = options.attempts.unwrap_or(settings.attempts);
        let resolver = builder.build().map_err(setup)?;
        Ok(Self { resolver, search: options.search })
    }

    /// Asks; returns the records and how long they are good (for "none": as long as the zone's SOA record says).
    async fn ask(&self, name: &str, kind: RecordKind) -> Fetched {
        let record_type = match kind {
            RecordKind::A => RecordType::A,
            RecordKind::Aaaa => RecordType::AAAA,
            RecordKind::Srv => RecordType::SRV,
            RecordKind::Naptr => RecordType::NAPTR,
            RecordKind::Ptr => RecordType::PTR,
        };
        let mut name = match Name::from_utf8(name) {
            Ok(name) => name,
            Err(error) => return (Err(Arc::from(error.to_string())), None),
        };
        // Services belong to the domain as written; only hosts may be short names.
        let is_host = matches!(kind, RecordKind::A | RecordKind::Aaaa);
        if !self.search || !is_host {
            name.set_fqdn(true);
        }
        match self.resolver.lookup(name, record_type).await {
            Ok(lookup) => {
                let answers = lookup.answers();
                let ttl = answers.iter().map(|record| record.ttl).min().unwrap_or(0);
                let data = answers.iter().map(|record| &record.data);
                (Ok(records(kind, data)), Some(Duration::from_secs(u64::from(ttl))))
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                let ttl = none.negative_ttl.map(|ttl| Duration::from_secs(u64::from(ttl)));
                (Ok(Records::none(kind)), ttl)
            }
            Err(error) => (Err(Arc::from(error.to_string())), None),
        }
    }
}

/// The same with the first name servers alone.
fn first_servers(system: &ResolverConfig, count: usize) -> ResolverConfig {
    let servers = system.name_servers().iter().take(count).cloned().collect();
    ResolverConfig::from_parts(system.domain().cloned(), system.search().to_vec(), servers)
}

impl Source for Dns {
    fn fetch<'a>(&'a self, name: &'a str, kind: RecordKind) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>> {
        Box::pin(self.ask(name, kind))
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut udp = ConnectionConfig::udp();
    let mut tcp = ConnectionConfig::tcp();
    udp.port = address.port();
    tcp.port = address.port();
    NameServerConfig::new(address.ip(), true, vec![udp, tcp])
}

fn records<'a>(kind: RecordKind, data: impl Iterator<Item = &'a RData>) -> Records {
    match kind {
        RecordKind::A => Records::A(
            data.filter_map(|data| if let RData::A(address) = data { Some(address.0) } else { None }).collect(),
        ),
        RecordKind::Aaaa => Records::Aaaa(
            data.filter_map(|data| if let RData::AAAA(address) = data { Some(address.0) } else { None }).collect(),
        ),
        RecordKind::Srv => Records::Srv(data.filter_map(service).collect()),
        RecordKind::Naptr => Records::Naptr(data.filter_map(rule).collect()),
        RecordKind::Ptr => Records::Ptr(
            data.filter_map(|data| if let RData::PTR(name) = data { Some(plain_name(name)) } else { None }).collect(),
        ),
    }
}

fn service(data: &RData) -> Option<SrvRecord> {
    let RData::SRV(service) = data else { return None };
    Some(SrvRecord {
        priority: service.priority,
        weight: service.weight,
        port: service.port,
        target: plain_name(&service.target),
    })
}

fn rule(data: &RData) -> Option<NaptrRecord> {
    let RData::NAPTR(rule) = data else { return None };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(NaptrRecord {
        order: rule.order,
        preference: rule.preference,
        flags: text(&rule.flags),
        services: text(&rule.services),
        regexp: text(&rule.regexp),
        replacement: plain_name(&rule.replacement),
    })
}

/// A name without its final dot; empty for the root.
fn plain_name(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}
