//! From which address of this machine the kernel reaches a destination (`mhomed`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::Mutex;

/// How long an answer of the kernel is believed: routes change.
const LIFETIME: Duration = Duration::from_secs(5);

/// How many answers are kept.
const MOST: usize = 4096;

/// The answers of the kernel so far.
#[derive(Default)]
pub(crate) struct RoutesOut {
    known: Mutex<HashMap<IpAddr, (Option<IpAddr>, Instant)>>,
}

impl RoutesOut {
    /// The local address of packets to a destination; `None`: there is no route.
    pub(crate) fn local_address(&self, destination: &SocketAddr) -> Option<IpAddr> {
        let (address, now) = (destination.ip().to_canonical(), Instant::now());
        if let Some((local, asked)) = self.known.lock().get(&address)
            && now.duration_since(*asked) < LIFETIME
        {
            return *local;
        }
        let local = ask(address);
        let mut known = self.known.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(address, (local, now));
        local
    }
}

/// Connecting a UDP socket sends nothing and waits for nothing: the kernel only looks at its routes.
fn ask(destination: IpAddr) -> Option<IpAddr> {
    let any = match destination {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((destination, 9)).ok()?;
    socket.local_addr().ok().map(|local| local.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_reached_from_itself() {
        let routes = RoutesOut::default();
        let to = SocketAddr::from(([127, 0, 0, 5], 5060));
        for _ in 0..2 {
            assert_eq!(routes.local_address(&to), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        }
        assert_eq!(routes.known.lock().len(), 1);
    }
}
