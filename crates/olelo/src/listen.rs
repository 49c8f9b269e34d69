//! From `listen` and `alias` lines to addresses.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use engine::core::Alias;
use engine::settings::Settings;
use language::ast::{ItemKind, Socket, SocketAddress};
use sip::Protocol;
use transport::Listen;

/// An error with what the user wrote.
pub(crate) type Error = String;

/// The sockets to open: the lines, or without any all addresses of the machine.
pub(crate) fn sockets(lines: &[Socket], settings: &Settings) -> Result<Vec<Listen>, Error> {
    let mut listens: Vec<Listen> = Vec::new();
    for line in lines {
        if line.vrf.is_some() || line.is_virtual {
            return Err("`virtual` and `vrf` sockets are not supported yet".into());
        }
        for host in &line.address.hosts {
            for address in addresses(&host.node)? {
                for protocol in protocols(line.address.protocol.as_deref(), settings)? {
                    let port = line.address.port.unwrap_or_else(|| {
                        if protocol == Protocol::Udp || protocol == Protocol::Tcp {
                            settings.port
                        } else {
                            protocol.default_port()
                        }
                    });
                    let listen = Listen {
                        advertise: line.advertise.as_ref().and_then(advertised),
                        name: line.name.as_ref().map(|name| name.node.clone()),
                        ..Listen::new(protocol, SocketAddr::new(address, port))
                    };
                    // The same socket may come from an address and from its interface.
                    if !listens.iter().any(|other| (other.protocol, other.address) == (listen.protocol, listen.address))
                    {
                        listens.push(listen);
                    }
                }
            }
        }
    }
    if lines.is_empty() {
        for address in all_addresses(settings.auto_bind_ipv6)? {
            for protocol in protocols(None, settings)? {
                listens.push(Listen::new(protocol, SocketAddr::new(address, settings.port)));
            }
        }
    }
    Ok(listens)
}

fn advertised(address: &SocketAddress) -> Option<(String, Option<u16>)> {
    let host = &address.hosts.first()?.node;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    Some((host, address.port))
}

fn protocols(name: Option<&str>, settings: &Settings) -> Result<Vec<Protocol>, Error> {
    match name {
        None if settings.disable_tcp => Ok(vec![Protocol::Udp]),
        None => Ok(vec![Protocol::Udp, Protocol::Tcp]),
        Some(name) => match Protocol::from_name(name) {
            Some(Protocol::Tcp) if settings.disable_tcp => Ok(Vec::new()),
            Some(protocol @ (Protocol::Udp | Protocol::Tcp)) => Ok(vec![protocol]),
            _ => Err(format!("sockets of protocol `{name}` are not supported yet")),
        },
    }
}

/// The addresses of a host, an interface or `*`.
fn addresses(host: &str) -> Result<Vec<IpAddr>, Error> {
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok(vec![address]);
    }
    if host == "*" {
        return all_addresses(false);
    }
    let of_interface =
        interfaces()?.into_iter().filter(|(name, _)| name == host).map(|(_, address)| address).collect::<Vec<_>>();
    if !of_interface.is_empty() {
        return Ok(of_interface);
    }
    match (host, 0).to_socket_addrs() {
        Ok(found) => found
            .map(|address| address.ip())
            .next()
            .map(|address| vec![address])
            .ok_or_else(|| format!("`{host}` has no address")),
        Err(error) => Err(format!("`{host}` is neither an address, an interface nor a host name: {error}")),
    }
}

/// Interface names and addresses.
fn interfaces() -> Result<Vec<(String, IpAddr)>, Error> {
    let list = nix::ifaddrs::getifaddrs().map_err(|error| format!("cannot list the network interfaces: {error}"))?;
    Ok(list
        .filter_map(|interface| {
            let address = interface.address?;
            let ip = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
                (Some(v4), _) => IpAddr::V4(v4.ip()),
                (_, Some(v6)) => IpAddr::V6(v6.ip()),
                _ => return None,
            };
            Some((interface.interface_name, ip))
        })
        .collect())
}

fn all_addresses(ipv6: bool) -> Result<Vec<IpAddr>, Error> {
    let mut all: Vec<IpAddr> = Vec::new();
    for (_, address) in interfaces()? {
        let link_local = matches!(address, IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80);
        if (address.is_ipv4() || ipv6) && !link_local && !all.contains(&address) {
            all.push(address);
        }
    }
    if all.is_empty() { Err("the machine has no address to listen on".into()) } else { Ok(all) }
}

/// With `auto_aliases`: the names that `/etc/hosts` gives our addresses.
pub(crate) fn automatic_aliases(sockets: &[Listen], settings: &Settings) -> Vec<Alias> {
    let mut aliases: Vec<Alias> = Vec::new();
    if settings.auto_aliases {
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        for socket in sockets {
            for name in names_of(&hosts, socket.address.ip()) {
                let alias = Alias { host: name, port: Some(socket.address.port()), protocol: Some(socket.protocol) };
                if !aliases.contains(&alias) {
                    aliases.push(alias);
                }
            }
        }
    }
    aliases
}

fn names_of(hosts: &str, address: IpAddr) -> Vec<String> {
    hosts
        .lines()
        .filter_map(|line| {
            let mut words = line.split('#').next()?.split_whitespace();
            let listed: IpAddr = words.next()?.parse().ok()?;
            // The first name is the host's own, the others are further ones that it does not go by.
            (listed == address).then(|| words.next().map(str::to_lowercase))
        })
        .flatten()
        .collect()
}

/// The sockets of `-l`: `[proto:]address[:port][/advertised]`.
pub(crate) fn from_command_line(words: &[String]) -> Result<Vec<Socket>, Error> {
    let mut text = String::new();
    for word in words {
        let line = word.replacen('/', " advertise ", 1);
        text.push_str(&format!("listen={line}\n"));
    }
    let items = parse(&text)?;
    Ok(items
        .into_iter()
        .flat_map(|item| if let ItemKind::Listen(sockets) = item { sockets } else { Vec::new() })
        .collect())
}

/// The aliases of `--alias`.
pub(crate) fn aliases_from_command_line(words: &[String]) -> Result<Vec<SocketAddress>, Error> {
    let text: String = words.iter().map(|word| format!("alias={word}\n")).collect();
    let items = parse(&text)?;
    Ok(items
        .into_iter()
        .flat_map(|item| if let ItemKind::Alias(aliases) = item { aliases } else { Vec::new() })
        .collect())
}

fn parse(text: &str) -> Result<Vec<ItemKind>, Error> {
    let files = language::MemoryFiles::default();
    let parsed = language::parse(&language::Source::text("command line", text, &files));
    match parsed.diagnostics.first() {
        Some(diagnostic) => Err(language::render::concise(diagnostic, &parsed.sources)),
        None => Ok(parsed.config.items.into_iter().map(|item| item.kind).collect()),
    }
}
