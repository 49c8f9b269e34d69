//! A scenario's target in memory: virtual network, virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use engine::RpcValue;
use engine::load::Offer;
use sip::{Protocol, Str};
use transport::{ConnectionId, ConnectionInfo, Network as _, Outgoing, Received, SocketId};

use super::parse::Scenario;
use super::run::{Target, fill, phones, zone};
use super::store::Store;
use crate::{Bench, Zone};

/// Not 5060: that one is left out of Via headers, and a real process in a test has another one.
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 15059);

/// A server in memory and its phones.
pub(super) struct Memory {
    bench: Bench,
    phones: Vec<(String, SocketAddr)>,
    inboxes: BTreeMap<String, VecDeque<Vec<u8>>>,
    store: Option<Store>,
    config: String,
    zone: Zone,
    offer: Offer,
}

impl Memory {
    pub(super) fn start(scenario: &Scenario, offer: &Offer) -> Result<Self, String> {
        let named: Vec<(String, SocketAddr)> = phones(scenario)
            .into_iter()
            .enumerate()
            .map(|(at, name)| (name, SocketAddr::from(([127, 0, 0, 1], 15060 + at as u16))))
            .collect();
        let store = Store::of(scenario, offer, &[], |text| fill(text, SERVER, &named))?;
        let config = with_mode(&Store::fill(store.as_ref(), &fill(&scenario.config, SERVER, &named)));
        let zone = zone(scenario, SERVER, &named)?;
        let bench = Bench::load(&config, offer, Some(2), SERVER.port(), zone.clone())?;
        Ok(Self { bench, phones: named, inboxes: BTreeMap::new(), store, config, zone, offer: *offer })
    }

    fn sort(&mut self, sent: Vec<Outgoing>) {
        for outgoing in sent {
            let to = outgoing.destination;
            let name = self
                .phones
                .iter()
                .find(|(_, address)| *address == to || stream_of(*address) == to)
                .map_or_else(|| to.to_string(), |(name, _)| name.clone());
            self.inboxes.entry(name).or_default().push_back(outgoing.data.to_vec());
        }
    }

    /// The newest connection of a phone, whoever opened it; else a new one.
    fn connection(&mut self, phone: SocketAddr) -> (ConnectionId, SocketAddr) {
        self.bench.on_network(|network| {
            let of_phone = |info: &ConnectionInfo| info.peer == phone || info.peer == stream_of(phone);
            let newest = network.connections().into_iter().filter(|info| of_phone(info)).max_by_key(|info| info.id);
            newest.map_or_else(
                || (network.accept(SocketId(1), stream_of(phone)), stream_of(phone)),
                |info| (info.id, info.peer),
            )
        })
    }
}

/// Where the connections come from that a phone opens: not the port at which it accepts some.
fn stream_of(phone: SocketAddr) -> SocketAddr {
    SocketAddr::new(phone.ip(), phone.port() + 1000)
}

/// The mode line, unless the configuration has one.
pub(super) fn with_mode(config: &str) -> String {
    if config.starts_with("#!") { config.to_owned() } else { format!("#!KAMAILIO\n{config}") }
}

impl Target for Memory {
    fn server(&self) -> SocketAddr {
        SERVER
    }

    fn phone(&mut self, name: &str) -> Result<SocketAddr, String> {
        self.phones
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, address)| *address)
            .ok_or_else(|| format!("no phone {name}"))
    }

    fn send(&mut self, phone: &str, tcp: bool, data: &[u8]) -> Result<(), String> {
        let phone = self.phone(phone)?;
        let (socket, protocol, connection, source) = if tcp {
            let (connection, source) = self.connection(phone);
            (SocketId(1), Protocol::Tcp, Some(connection), source)
        } else {
            (SocketId(0), Protocol::Udp, None, phone)
        };
        let sent =
            self.bench.deliver(Received { socket, protocol, source, destination: SERVER, connection }, Str::from(data));
        self.sort(sent);
        Ok(())
    }

    fn receive(&mut self, phone: &str) -> Result<Option<Vec<u8>>, String> {
        let later = self.bench.sent_later();
        self.sort(later);
        Ok(self.inboxes.get_mut(phone).and_then(VecDeque::pop_front))
    }

    fn log(&mut self, _: usize) -> Result<Vec<String>, String> {
        Ok(self.bench.log().iter().filter_map(|line| super::expect::said(line)).collect())
    }

    /// Sending ends when all is done.
    fn settle(&mut self, _: Duration) {}

    fn pass(&mut self, seconds: u64) {
        self.bench.advance(Duration::from_secs(seconds));
        let later = self.bench.sent_later();
        self.sort(later);
    }

    fn close(&mut self, phone: &str) -> Result<(), String> {
        let phone = self.phone(phone)?;
        self.bench.on_network(|network| {
            network.peer_closes(phone);
            network.peer_closes(stream_of(phone));
        });
        Ok(())
    }

    fn refuse(&mut self, phone: &str) -> Result<(), String> {
        let phone = self.phone(phone)?;
        self.bench.on_network(|network| network.peer_refuses(phone));
        Ok(())
    }

    fn set_zone(&mut self, zone: Zone) {
        self.zone = zone.clone();
        self.bench.set_zone(zone);
    }

    fn rpc(&mut self, words: &[String]) -> Result<String, String> {
        let Some((command, arguments)) = words.split_first() else { return Err("no command".into()) };
        let arguments: Vec<RpcValue> = arguments.iter().map(|word| control::ctl_client::typed(word)).collect();
        Ok(match self.bench.rpc(command, &arguments) {
            Ok(values) => control::ctl_client::print_as_received(values).map_err(|error| error.to_string())?,
            Err(fault) => format!("error {}: {}", fault.code, fault.reason),
        })
    }

    fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    fn restart(&mut self, kill: bool) -> Result<(), String> {
        if !kill {
            self.bench.stop();
        }
        self.bench = Bench::load(&self.config, &self.offer, Some(2), SERVER.port(), self.zone.clone())?;
        Ok(())
    }

    fn leftovers(&mut self) -> Vec<(String, Vec<u8>)> {
        let later = self.bench.sent_later();
        self.sort(later);
        std::mem::take(&mut self.inboxes)
            .into_iter()
            .flat_map(|(phone, messages)| messages.into_iter().map(move |message| (phone.clone(), message)))
            .collect()
    }
}
