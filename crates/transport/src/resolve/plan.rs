//! The algorithm of RFC 3263 section 4, without I/O: records come from a function that may say "not known yet".

use std::net::{IpAddr, SocketAddr};

use sip::Protocol;

use super::cache::{Answer, NaptrRecord, Question, RecordKind, Records, SrvRecord};
use super::{ResolveError, ResolveOptions, Target};

/// No answer is worth more tries than this: a record set of hundreds is an attack or a mistake.
const MAX_TARGETS: usize = 32;

/// What is to be resolved.
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) protocol: Option<Protocol>,
    pub(super) sips: bool,
}

/// How far the known records lead.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// To the end.
    Done(Result<Vec<Target>, ResolveError>),
    /// These have to be asked first.
    Missing(Vec<Question>),
}

/// Makes the list of addresses to try. `ask` answers from what is known; `random` gives a number from zero to its
/// argument, both included.
pub(super) fn plan(
    wanted: &Wanted<'_>,
    options: &ResolveOptions,
    ask: &mut dyn FnMut(&Question) -> Option<Answer>,
    random: &mut dyn FnMut(u32) -> u32,
) -> Outcome {
    let protocol = wanted.protocol.or(wanted.sips.then_some(Protocol::Tls));
    if let Some(ip) = parse_ip(wanted.host) {
        let protocol = protocol.unwrap_or(Protocol::Udp);
        let port = wanted.port.unwrap_or(protocol.default_port());
        return Outcome::Done(Ok(vec![Target { protocol, address: SocketAddr::new(ip, port) }]));
    }
    if !is_host_name(wanted.host) {
        return Outcome::Done(Err(ResolveError::BadName(wanted.host.to_owned())));
    }
    let mut planner = Planner { options, ask, random, missing: Vec::new(), failure: None, targets: Vec::new() };
    let protocol_or_default = protocol.unwrap_or_else(|| planner.default_protocol());
    match (wanted.port, protocol) {
        (Some(port), _) => planner.addresses(wanted.host, port, protocol_or_default),
        (None, Some(protocol)) => planner.service_or_host(wanted.host, protocol, wanted.sips),
        (None, None) if options.naptr => planner.domain(wanted.host, wanted.sips),
        (None, None) => planner.service_or_host(wanted.host, protocol_or_default, wanted.sips),
    }
    planner.outcome(wanted.host)
}

/// An address literal, an IPv6 one also in brackets.
fn parse_ip(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

fn is_host_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    // Underscores are not allowed in host names and yet in use.
    let in_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.len() <= 253
        && name.split('.').all(|label| !label.is_empty() && label.len() <= 63 && label.bytes().all(in_label))
}

struct Planner<'a> {
    options: &'a ResolveOptions,
    ask: &'a mut dyn FnMut(&Question) -> Option<Answer>,
    random: &'a mut dyn FnMut(u32) -> u32,
    missing: Vec<Question>,
    failure: Option<String>,
    targets: Vec<Target>,
}

impl Planner<'_> {
    fn default_protocol(&self) -> Protocol {
        let protocols = &self.options.protocols;
        if protocols.contains(&Protocol::Udp) {
            Protocol::Udp
        } else {
            protocols.first().copied().unwrap_or(Protocol::Udp)
        }
    }

    fn outcome(self, host: &str) -> Outcome {
        if !self.missing.is_empty() {
            return Outcome::Missing(self.missing);
        }
        Outcome::Done(match self.failure {
            _ if !self.targets.is_empty() => Ok(self.targets),
            Some(text) => Err(ResolveError::Failed(host.to_owned(), text)),
            None => Err(ResolveError::NotFound(host.to_owned())),
        })
    }

    /// Known records; `None` when they are missing or could not be had.
    fn records(&mut self, name: &str, kind: RecordKind) -> Option<Records> {
        let question = Question::new(name, kind);
        match (self.ask)(&question) {
            Some(Ok(records)) => Some(records),
            Some(Err(text)) => {
                self.failure.get_or_insert_with(|| text.to_string());
                None
            }
            None => {
                if !self.missing.contains(&question) {
                    self.missing.push(question);
                }
                None
            }
        }
    }

    /// Adds the host's addresses: IPv4 first, as Kamailio does, unless the options say otherwise.
    fn addresses(&mut self, host: &str, port: u16, protocol: Protocol) {
        let v4 = self.options.ipv4.then(|| self.records(host, RecordKind::A)).flatten();
        let v6 = self.options.ipv6.then(|| self.records(host, RecordKind::Aaaa)).flatten();
        let mut found: Vec<IpAddr> = Vec::new();
        if let Some(Records::A(list)) = v4 {
            found.extend(list.iter().copied().map(IpAddr::V4));
        }
        if let Some(Records::Aaaa(list)) = v6 {
            found.extend(list.iter().copied().map(IpAddr::V6));
        }
        if self.options.ipv6_first {
            found.sort_by_key(IpAddr::is_ipv4);
        }
        for ip in found {
            let target = Target { protocol, address: SocketAddr::new(ip, port) };
            if self.targets.len() < MAX_TARGETS && !self.targets.contains(&target) {
                self.targets.push(target);
            }
        }
    }

    /// The SRV records of one protocol, or the host's own addresses when it has none.
    fn service_or_host(&mut self, host: &str, protocol: Protocol, sips: bool) {
        match self.records(&service_name(host, protocol, sips), RecordKind::Srv) {
            Some(Records::Srv(list)) if !list.is_empty() => self.services(&list, protocol),
            Some(_) => self.addresses(host, protocol.default_port(), protocol),
            // A server that chokes on SRV questions must not make the host unreachable.
            None if self.failure.is_some() && self.missing.is_empty() => {
                self.addresses(host, protocol.default_port(), protocol);
            }
            None => {}
        }
    }

    fn services(&mut self, list: &[SrvRecord], protocol: Protocol) {
        let ordered = if self.options.srv_by_weight { draw(list, self.random) } else { sort(list) };
        for service in ordered {
            if !service.target.is_empty() {
                self.addresses(&service.target, service.port, protocol);
            }
        }
    }

    /// NAPTR records, else SRV records of every protocol, else the host's own addresses.
    fn domain(&mut self, host: &str, sips: bool) {
        let rules = match self.records(host, RecordKind::Naptr) {
            Some(Records::Naptr(rules)) => rules,
            None if !self.missing.is_empty() => return,
            _ => Default::default(),
        };
        for (protocol, name) in self.usable_rules(&rules, sips) {
            if let Some(Records::Srv(list)) = self.records(&name, RecordKind::Srv) {
                self.services(&list, protocol);
            }
        }
        // Rules that lead nowhere are as good as none.
        if !self.targets.is_empty() || !self.missing.is_empty() {
            return;
        }
        let options = self.options;
        let mut none = true;
        for &protocol in options.protocols.iter().filter(|protocol| !sips || protocol.is_secure()) {
            if let Some(Records::Srv(list)) = self.records(&service_name(host, protocol, sips), RecordKind::Srv)
                && !list.is_empty()
            {
                none = false;
                self.services(&list, protocol);
            }
        }
        if none && self.missing.is_empty() {
            let protocol = if sips { Protocol::Tls } else { self.default_protocol() };
            self.addresses(host, protocol.default_port(), protocol);
        }
    }

    /// The protocols and SRV names of the rules this server can follow, in order: by our own preference of protocols,
    /// or by the domain's (RFC 3263 4.1), where a higher order counts only when no lower one can be used.
    fn usable_rules(&self, rules: &[NaptrRecord], sips: bool) -> Vec<(Protocol, String)> {
        let preference = |protocol: &Protocol| self.options.protocols.iter().position(|known| known == protocol);
        let mut usable: Vec<_> = rules
            .iter()
            .filter(|rule| rule.flags.eq_ignore_ascii_case("s"))
            .filter_map(|rule| Some((rule, protocol_of(&rule.services)?)))
            .filter_map(|(rule, protocol)| Some((preference(&protocol)?, rule, protocol)))
            .filter(|(_, _, protocol)| !sips || protocol.is_secure())
            .collect();
        if self.options.naptr_by_order {
            usable.sort_by_key(|(_, rule, _)| (rule.order, rule.preference));
            let first = usable.first().map(|(_, rule, _)| rule.order);
            usable.retain(|(_, rule, _)| Some(rule.order) == first);
        } else {
            usable.sort_by_key(|(preference, rule, _)| (*preference, rule.order, rule.preference));
        }
        usable.into_iter().map(|(_, rule, protocol)| (protocol, rule.replacement.clone())).collect()
    }
}

/// The name of a service's SRV records (RFC 3263 4.1, RFC 7118 8).
fn service_name(host: &str, protocol: Protocol, sips: bool) -> String {
    let prefix = match protocol {
        Protocol::Udp => "_sip._udp",
        Protocol::Tcp if sips => "_sips._tcp",
        Protocol::Tcp => "_sip._tcp",
        Protocol::Tls => "_sips._tcp",
        Protocol::Sctp => "_sip._sctp",
        Protocol::Ws => "_sip._ws",
        Protocol::Wss => "_sips._ws",
    };
    format!("{prefix}.{host}")
}

/// The protocol of a NAPTR service (RFC 3263 4.1, RFC 4168, RFC 7118).
fn protocol_of(services: &str) -> Option<Protocol> {
    let known = [
        ("SIP+D2U", Protocol::Udp),
        ("SIP+D2T", Protocol::Tcp),
        ("SIPS+D2T", Protocol::Tls),
        ("SIP+D2S", Protocol::Sctp),
        ("SIP+D2W", Protocol::Ws),
        ("SIPS+D2W", Protocol::Wss),
    ];
    known.into_iter().find(|(name, _)| services.eq_ignore_ascii_case(name)).map(|(_, protocol)| protocol)
}

/// The order in which to try services: by priority, then the heaviest first.
fn sort(list: &[SrvRecord]) -> Vec<&SrvRecord> {
    let mut sorted: Vec<&SrvRecord> = list.iter().collect();
    sorted.sort_by_key(|service| (service.priority, std::cmp::Reverse(service.weight)));
    sorted
}

/// The order in which to try services: by priority, then drawn by weight (RFC 2782).
fn draw<'a>(list: &'a [SrvRecord], random: &mut dyn FnMut(u32) -> u32) -> Vec<&'a SrvRecord> {
    let mut rest: Vec<&SrvRecord> = list.iter().collect();
    // Those without weight come first within a priority, where the running sum gives them their small chance.
    rest.sort_by_key(|service| (service.priority, service.weight != 0));
    let mut ordered = Vec::with_capacity(rest.len());
    while let Some(first) = rest.first() {
        let priority = first.priority;
        let group = rest.iter().take_while(|service| service.priority == priority);
        let total: u32 = group.map(|service| u32::from(service.weight)).sum();
        let drawn = random(total);
        let mut sum = 0;
        let chosen = rest.iter().take_while(|service| service.priority == priority).position(|service| {
            sum += u32::from(service.weight);
            sum >= drawn
        });
        ordered.push(rest.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests;
