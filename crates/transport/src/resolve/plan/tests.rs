//! The algorithm on small zones.

use std::collections::HashMap;
use std::sync::Arc;

use super::*;

/// A zone: what is in it is known, what is not does not exist; `unknown` names are missing.
#[derive(Default)]
struct Zone {
    records: HashMap<Question, Answer>,
    unknown: bool,
}

impl Zone {
    fn a(mut self, name: &str, address: &str) -> Self {
        let records = Records::A(Arc::from([address.parse().unwrap()]));
        self.records.insert(Question::new(name, RecordKind::A), Ok(records));
        self
    }

    fn aaaa(mut self, name: &str, address: &str) -> Self {
        let records = Records::Aaaa(Arc::from([address.parse().unwrap()]));
        self.records.insert(Question::new(name, RecordKind::Aaaa), Ok(records));
        self
    }

    fn srv(mut self, name: &str, services: &[(u16, u16, u16, &str)]) -> Self {
        let list = services.iter().map(|&(priority, weight, port, target)| SrvRecord {
            priority,
            weight,
            port,
            target: target.to_owned(),
        });
        self.records.insert(Question::new(name, RecordKind::Srv), Ok(Records::Srv(list.collect())));
        self
    }

    fn naptr(mut self, name: &str, rules: &[(u16, u16, &str, &str)]) -> Self {
        let list = rules.iter().map(|&(order, preference, services, replacement)| NaptrRecord {
            order,
            preference,
            flags: "s".to_owned(),
            services: services.to_owned(),
            regexp: String::new(),
            replacement: replacement.to_owned(),
        });
        self.records.insert(Question::new(name, RecordKind::Naptr), Ok(Records::Naptr(list.collect())));
        self
    }

    fn plan(&self, options: &ResolveOptions, host: &str, port: Option<u16>, protocol: Option<Protocol>) -> Outcome {
        let mut ask = |question: &Question| match self.records.get(question) {
            Some(answer) => Some(answer.clone()),
            None if self.unknown => None,
            None => Some(Ok(Records::none(question.kind))),
        };
        plan(&Wanted { host, port, protocol, sips: false }, options, &mut ask, &mut |_| 0)
    }

    /// The targets as text: `udp:192.0.2.1:5060`.
    fn targets(&self, options: &ResolveOptions, host: &str, port: Option<u16>, protocol: Option<Protocol>) -> String {
        match self.plan(options, host, port, protocol) {
            Outcome::Done(Ok(targets)) => {
                let texts: Vec<_> = targets.iter().map(|to| format!("{}:{}", to.protocol, to.address)).collect();
                texts.join(" ")
            }
            other => format!("{other:?}"),
        }
    }
}

fn plain() -> ResolveOptions {
    ResolveOptions::default()
}

fn with_naptr() -> ResolveOptions {
    ResolveOptions { naptr: true, ..plain() }
}

#[test]
fn address_literals_need_no_records() {
    let zone = Zone { unknown: true, ..Zone::default() };
    for (host, port, protocol, expected) in [
        ("192.0.2.7", None, None, "udp:192.0.2.7:5060"),
        ("192.0.2.7", Some(5070), Some(Protocol::Tcp), "tcp:192.0.2.7:5070"),
        ("[2001:db8::7]", None, Some(Protocol::Tls), "tls:[2001:db8::7]:5061"),
        ("2001:db8::7", Some(1), None, "udp:[2001:db8::7]:1"),
    ] {
        assert_eq!(zone.targets(&plain(), host, port, protocol), expected);
    }
    let sips = plan(
        &Wanted { host: "192.0.2.7", port: None, protocol: None, sips: true },
        &plain(),
        &mut |_| None,
        &mut |_| 0,
    );
    let address = "192.0.2.7:5061".parse().unwrap();
    assert_eq!(sips, Outcome::Done(Ok(vec![Target { protocol: Protocol::Tls, address }])));
}

#[test]
fn impossible_names_are_refused_without_asking() {
    for host in ["", ".", "a..b", "a b", "[::1", "ex%00ample", &"x".repeat(64), &"a.".repeat(130)] {
        let outcome = Zone::default().plan(&plain(), host, None, None);
        assert_eq!(outcome, Outcome::Done(Err(ResolveError::BadName(host.to_owned()))), "{host}");
    }
}

#[test]
fn a_port_means_addresses_only() {
    let zone = Zone::default()
        .a("a.example", "192.0.2.1")
        .aaaa("a.example", "2001:db8::1")
        .srv("_sip._udp.a.example", &[(1, 1, 9, "b.example")]);
    let expected = "udp:192.0.2.1:5070 udp:[2001:db8::1]:5070";
    assert_eq!(zone.targets(&plain(), "a.example", Some(5070), None), expected);
    let only_v6 = ResolveOptions { ipv4: false, ..plain() };
    assert_eq!(zone.targets(&only_v6, "A.Example.", Some(5070), None), "udp:[2001:db8::1]:5070");
}

#[test]
fn services_come_by_priority_and_a_host_without_them_by_its_address() {
    let zone = Zone::default()
        .srv("_sip._tcp.example", &[(20, 0, 5080, "b.example"), (10, 0, 5070, "a.example")])
        .a("a.example", "192.0.2.1")
        .a("b.example", "192.0.2.2")
        .a("example", "192.0.2.9");
    assert_eq!(zone.targets(&plain(), "example", None, Some(Protocol::Tcp)), "tcp:192.0.2.1:5070 tcp:192.0.2.2:5080");
    assert_eq!(zone.targets(&plain(), "example", None, None), "udp:192.0.2.9:5060");
    assert_eq!(zone.targets(&plain(), "example", None, Some(Protocol::Tls)), "tls:192.0.2.9:5061");
}

#[test]
fn a_service_that_is_decidedly_absent_has_no_target() {
    let zone = Zone::default().srv("_sip._udp.example", &[(0, 0, 0, "")]).a("example", "192.0.2.9");
    let outcome = zone.plan(&plain(), "example", None, None);
    assert_eq!(outcome, Outcome::Done(Err(ResolveError::NotFound("example".to_owned()))));
}

#[test]
fn rules_choose_the_protocol() {
    let zone = Zone::default()
        .naptr(
            "example",
            &[
                (20, 1, "SIP+D2U", "_sip._udp.example"),
                (10, 2, "SIPS+D2T", "_sips._tcp.example"),
                (10, 1, "SIP+D2S", "_sip._sctp.example"),
                (10, 3, "sip+d2t", "_sip._tcp.example"),
            ],
        )
        .srv("_sip._udp.example", &[(0, 0, 1, "a.example")])
        .srv("_sips._tcp.example", &[(0, 0, 2, "a.example")])
        .srv("_sip._tcp.example", &[(0, 0, 3, "a.example")])
        .a("a.example", "192.0.2.1");
    let options = with_naptr();
    let all = "udp:192.0.2.1:1 tcp:192.0.2.1:3 tls:192.0.2.1:2";
    assert_eq!(zone.targets(&options, "example", None, None), all);
    let by_order = ResolveOptions { naptr_by_order: true, ..with_naptr() };
    assert_eq!(zone.targets(&by_order, "example", None, None), "tls:192.0.2.1:2 tcp:192.0.2.1:3");
    assert_eq!(zone.targets(&plain(), "example", None, None), "udp:192.0.2.1:1");
    let sips = plan(
        &Wanted { host: "example", port: None, protocol: None, sips: true },
        &options,
        &mut |question| Some(zone.records.get(question).cloned().unwrap_or(Ok(Records::none(question.kind)))),
        &mut |_| 0,
    );
    let address = "192.0.2.1:2".parse().unwrap();
    assert_eq!(sips, Outcome::Done(Ok(vec![Target { protocol: Protocol::Tls, address }])));
}

#[test]
fn rules_that_lead_nowhere_are_as_good_as_none() {
    let rules = [(1, 1, "SIP+D2U", "_sip._udp.nowhere"), (2, 1, "SIP+D2U", "_sip._udp.b"), (1, 1, "E2U+sip", "x")];
    let zone = Zone::default()
        .naptr("a", &rules)
        .naptr("b", &rules)
        .naptr("c", &rules[..1])
        .srv("_sip._udp.b", &[(0, 0, 1, "host")])
        .a("host", "192.0.2.1")
        .a("c", "192.0.2.3");
    assert_eq!(zone.targets(&with_naptr(), "a", None, None), "udp:192.0.2.1:1");
    assert_eq!(zone.targets(&with_naptr(), "c", None, None), "udp:192.0.2.3:5060");
}

#[test]
fn the_heaviest_service_of_a_priority_is_first() {
    let services = [(2, 99, 1, "a"), (1, 5, 2, "a"), (1, 7, 3, "a"), (1, 7, 4, "a"), (1, 0, 5, "a")];
    let zone = Zone::default().srv("_sip._udp.example", &services).a("a", "192.0.2.1");
    let expected = "udp:192.0.2.1:3 udp:192.0.2.1:4 udp:192.0.2.1:2 udp:192.0.2.1:5 udp:192.0.2.1:1";
    assert_eq!(zone.targets(&plain(), "example", None, None), expected);
}

#[test]
fn without_rules_every_protocols_services_are_tried() {
    let zone = Zone::default()
        .srv("_sip._tcp.example", &[(0, 0, 3, "a.example")])
        .srv("_sips._tcp.example", &[(0, 0, 2, "a.example")])
        .a("a.example", "192.0.2.1")
        .a("bare", "192.0.2.4");
    let options = with_naptr();
    assert_eq!(zone.targets(&options, "example", None, None), "tcp:192.0.2.1:3 tls:192.0.2.1:2");
    assert_eq!(zone.targets(&options, "bare", None, None), "udp:192.0.2.4:5060");
}

#[test]
fn what_is_missing_is_named_all_at_once() {
    let zone = Zone { unknown: true, ..Zone::default() };
    let missing = |names: &[(&str, RecordKind)]| {
        Outcome::Missing(names.iter().map(|(name, kind)| Question::new(name, *kind)).collect())
    };
    assert_eq!(zone.plan(&plain(), "h", Some(1), None), missing(&[("h", RecordKind::A), ("h", RecordKind::Aaaa)]));
    assert_eq!(zone.plan(&plain(), "h", None, None), missing(&[("_sip._udp.h", RecordKind::Srv)]));
    assert_eq!(zone.plan(&with_naptr(), "h", None, None), missing(&[("h", RecordKind::Naptr)]));
}

#[test]
fn a_failing_server_is_an_error_unless_another_way_leads_there() {
    let mut zone = Zone::default().a("example", "192.0.2.9");
    let failure: Answer = Err(Arc::from("timeout"));
    zone.records.insert(Question::new("_sip._udp.example", RecordKind::Srv), failure.clone());
    assert_eq!(zone.targets(&plain(), "example", None, None), "udp:192.0.2.9:5060");
    zone.records.insert(Question::new("example", RecordKind::A), failure);
    let expected = ResolveError::Failed("example".to_owned(), "timeout".to_owned());
    assert_eq!(zone.plan(&plain(), "example", None, None), Outcome::Done(Err(expected)));
}

#[test]
fn weights_are_shares() {
    let service = |weight, target: &str| SrvRecord { priority: 1, weight, port: 1, target: target.to_owned() };
    let list = [service(0, "never"), service(30, "small"), service(60, "large")];
    let mut firsts: HashMap<String, usize> = HashMap::new();
    // Every number that can be drawn first, once.
    for drawn in 0..=90 {
        let mut draws = [drawn].into_iter();
        let ordered = draw(&list, &mut |max| draws.next().unwrap_or(0).min(max));
        assert_eq!(ordered.len(), 3);
        *firsts.entry(ordered[0].target.clone()).or_default() += 1;
    }
    assert_eq!((firsts["never"], firsts["small"], firsts["large"]), (1, 30, 60));
}

#[test]
fn a_huge_answer_is_cut() {
    let services: Vec<_> = (0..200).map(|port| (1, 1, port, "a.example")).collect();
    let zone = Zone::default().srv("_sip._udp.example", &services).a("a.example", "192.0.2.1");
    let Outcome::Done(Ok(targets)) = zone.plan(&plain(), "example", None, None) else { panic!() };
    assert_eq!(targets.len(), MAX_TARGETS);
}
