//! The table of addresses in memory: made once per load, never changed.
//!
//! Hosts and networks are found by hash, whatever their number: for networks there is one look per length of prefix that
//! occurs.

use std::net::IpAddr;

use hashbrown::HashMap;
use ipnet::IpNet;

/// What a row names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Host(IpAddr),
    /// With the address as written, which may have bits behind the prefix.
    Subnet(IpNet),
    /// A name; compared as it is.
    Name(String),
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) group: u32,
    pub(super) place: Place,
    /// 0: any.
    pub(super) port: u16,
    pub(super) tag: Option<String>,
}

impl Entry {
    /// From the cells of a row; the text says what is wrong.
    pub(super) fn new(group: u32, address: &str, mask: i64, port: u16, tag: Option<String>) -> Result<Self, String> {
        let bare = address.trim();
        let bare = bare.strip_prefix('[').and_then(|bare| bare.strip_suffix(']')).unwrap_or(bare);
        let place = match bare.parse::<IpAddr>() {
            Err(_) => Place::Name(address.to_owned()),
            Ok(address) => {
                let bits = if address.is_ipv4() { 32 } else { 128 };
                match u8::try_from(mask).ok().filter(|mask| *mask <= bits) {
                    None => return Err(format!("`{mask}` is no length of a prefix of {address}")),
                    Some(length) if length == 0 || length == bits => Place::Host(address.to_canonical()),
                    Some(length) => {
                        Place::Subnet(IpNet::new(address, length).map_err(|error| format!("{address}: {error}"))?)
                    }
                }
            }
        };
        Ok(Self { group, place, port, tag })
    }
}

/// Rows by what is looked for: their numbers in the list.
type Index<K> = HashMap<K, Vec<u32>>;

/// The table.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    pub(super) entries: Vec<Entry>,
    /// Networks that were left out (`max_subnets`).
    pub(super) too_many: usize,
    hosts: Index<(u32, IpAddr)>,
    hosts_of_all: Index<IpAddr>,
    subnets: Index<(u32, IpNet)>,
    subnets_of_all: Index<IpNet>,
    names: HashMap<u32, Index<String>>,
    names_of_all: Index<String>,
    /// The lengths of prefixes that occur, IPv4 and IPv6, longest first.
    lengths: [Vec<u8>; 2],
    longest: bool,
}

impl Addresses {
    /// From rows; `longest`: of several networks the smallest counts, not the first.
    pub(super) fn new(rows: impl IntoIterator<Item = Entry>, max_subnets: usize, longest: bool) -> Self {
        let mut me = Self { longest, ..Self::default() };
        let mut subnets = 0;
        for entry in rows {
            let Ok(at) = u32::try_from(me.entries.len()) else { break };
            match &entry.place {
                Place::Host(address) => {
                    me.hosts.entry((entry.group, *address)).or_default().push(at);
                    me.hosts_of_all.entry(*address).or_default().push(at);
                }
                Place::Subnet(_) if subnets >= max_subnets => {
                    me.too_many += 1;
                    continue;
                }
                Place::Subnet(net) => {
                    subnets += 1;
                    let net = net.trunc();
                    me.subnets.entry((entry.group, net)).or_default().push(at);
                    me.subnets_of_all.entry(net).or_default().push(at);
                    let lengths = &mut me.lengths[usize::from(net.addr().is_ipv6())];
                    if !lengths.contains(&net.prefix_len()) {
                        lengths.push(net.prefix_len());
                    }
                }
                Place::Name(name) => {
                    me.names.entry(entry.group).or_default().entry(name.clone()).or_default().push(at);
                    me.names_of_all.entry(name.clone()).or_default().push(at);
                }
            }
            me.entries.push(entry);
        }
        me.lengths.iter_mut().for_each(|lengths| lengths.sort_unstable_by(|a, b| b.cmp(a)));
        me
    }

    /// The row that an address and port fall under; without a group in any.
    pub(super) fn find(&self, group: Option<u32>, address: IpAddr, port: i64) -> Option<&Entry> {
        let address = address.to_canonical();
        let hosts = match group {
            Some(group) => self.hosts.get(&(group, address)),
            None => self.hosts_of_all.get(&address),
        };
        // Of several rows with the same host the newest counts, as in Kamailio.
        let host = hosts.and_then(|list| self.fits(list.iter().rev(), port));
        host.or_else(|| self.find_subnet(group, address, port))
    }

    fn find_subnet(&self, group: Option<u32>, address: IpAddr, port: i64) -> Option<&Entry> {
        let mut best: Option<u32> = None;
        for length in &self.lengths[usize::from(address.is_ipv6())] {
            let Ok(net) = IpNet::new(address, *length) else { continue };
            let net = net.trunc();
            let list = match group {
                Some(group) => self.subnets.get(&(group, net)),
                None => self.subnets_of_all.get(&net),
            };
            let found = list.and_then(|list| list.iter().copied().find(|at| self.port_fits(*at, port)));
            best = match (best, found) {
                (_, Some(at)) if self.longest => return self.entries.get(at as usize),
                (Some(best), Some(at)) => Some(best.min(at)),
                (best, found) => best.or(found),
            };
        }
        best.and_then(|at| self.entries.get(at as usize))
    }

    /// The row with a name.
    pub(super) fn find_name(&self, group: Option<u32>, name: &str, port: i64) -> Option<&Entry> {
        let list = match group {
            Some(group) => self.names.get(&group)?.get(name)?,
            None => self.names_of_all.get(name)?,
        };
        self.fits(list.iter().rev(), port)
    }

    fn fits<'a>(&'a self, mut list: impl Iterator<Item = &'a u32>, port: i64) -> Option<&'a Entry> {
        list.find(|at| self.port_fits(**at, port)).and_then(|at| self.entries.get(*at as usize))
    }

    fn port_fits(&self, at: u32, port: i64) -> bool {
        self.entries.get(at as usize).is_some_and(|entry| entry.port == 0 || i64::from(entry.port) == port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(group: u32, address: &str, mask: i64, port: u16, tag: &str) -> Entry {
        Entry::new(group, address, mask, port, Some(tag.to_owned())).unwrap()
    }

    fn tag(table: &Addresses, group: Option<u32>, address: &str, port: i64) -> Option<String> {
        table.find(group, address.parse().unwrap(), port).and_then(|entry| entry.tag.clone())
    }

    #[test]
    fn first_or_longest_network() {
        let rows = || {
            [
                entry(1, "10.0.0.0", 8, 0, "ten"),
                entry(1, "10.1.2.3", 16, 5060, "ten1"),
                entry(2, "10.1.0.0", 16, 0, "two"),
                entry(3, "2001:db8::", 32, 0, "v6"),
            ]
        };
        let first = Addresses::new(rows(), 512, false);
        let longest = Addresses::new(rows(), 512, true);
        assert_eq!(tag(&first, Some(1), "10.1.9.9", 5060).as_deref(), Some("ten"));
        assert_eq!(tag(&longest, Some(1), "10.1.9.9", 5060).as_deref(), Some("ten1"));
        assert_eq!(tag(&longest, Some(1), "10.1.9.9", 5061).as_deref(), Some("ten"));
        assert_eq!(tag(&longest, None, "10.1.9.9", 5061).as_deref(), Some("two"));
        assert_eq!(tag(&first, Some(2), "10.2.0.1", 1), None);
        assert_eq!(tag(&first, Some(3), "2001:db8:1::1", 1).as_deref(), Some("v6"));
        assert_eq!(tag(&first, Some(1), "::ffff:10.2.0.1", 1).as_deref(), Some("ten"), "a mapped address");
    }

    #[test]
    fn the_newest_host_counts_and_hosts_come_before_networks() {
        let rows = [
            entry(5, "127.0.0.0", 8, 0, "lo"),
            entry(1, "127.0.0.1", 32, 0, "old"),
            entry(1, "127.0.0.1", 0, 0, "new"),
            entry(2, "[::1]", 128, 7, "v6"),
        ];
        let table = Addresses::new(rows, 512, false);
        assert_eq!(tag(&table, Some(1), "127.0.0.1", 5).as_deref(), Some("new"));
        assert_eq!(tag(&table, None, "127.0.0.1", 5).as_deref(), Some("new"));
        assert_eq!(tag(&table, None, "127.0.0.2", 5).as_deref(), Some("lo"));
        assert_eq!(tag(&table, Some(2), "::1", 7).as_deref(), Some("v6"));
        assert_eq!(tag(&table, Some(2), "::1", 0), None, "the port counts");
    }

    #[test]
    fn wrong_rows_and_too_many_networks() {
        assert!(Entry::new(1, "1.2.3.4", 33, 0, None).is_err());
        assert!(Entry::new(1, "1.2.3.4", -1, 0, None).is_err());
        assert!(Entry::new(1, "::1", 129, 0, None).is_err());
        let rows = [entry(1, "10.0.0.0", 8, 0, "a"), entry(1, "11.0.0.0", 8, 0, "b"), entry(1, "1.1.1.1", 32, 0, "c")];
        let table = Addresses::new(rows, 1, false);
        assert_eq!((table.too_many, table.entries.len()), (1, 2));
        assert_eq!(tag(&table, Some(1), "11.0.0.1", 1), None);
        assert_eq!(tag(&table, Some(1), "1.1.1.1", 1).as_deref(), Some("c"));
    }

    #[test]
    fn many_rows() {
        let rows = (0..100_000_u32).map(|at| entry(at % 7, &std::net::Ipv4Addr::from(at).to_string(), 32, 0, "x"));
        let table = Addresses::new(rows, 512, false);
        assert!((0..100_000_u32).all(|at| table.find(Some(at % 7), IpAddr::from(at.to_be_bytes()), 1).is_some()));
        assert!(table.find(Some(1), IpAddr::from([9, 9, 9, 9]), 1).is_none());
    }
}
