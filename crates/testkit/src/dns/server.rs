//! A name server over UDP for real processes (RFC 1035).

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::zone::{Broken, Data, SharedZone, Zone};

/// Where name servers are expected.
const PORT: u16 = 53;

/// How often the thread looks whether it is still wanted.
const WAKE_INTERVAL: Duration = Duration::from_millis(200);

/// A running name server; it ends when dropped.
pub(crate) struct Server {
    address: Ipv4Addr,
    socket: UdpSocket,
    zone: SharedZone,
    stopping: Arc<AtomicBool>,
}

impl Server {
    /// Opens port 53 of a loopback address of its own.
    ///
    /// # Errors
    /// When that port cannot be had: usually only root may open it.
    pub(crate) fn bind() -> Result<Self, String> {
        let (mut socket, mut error) = (None, String::new());
        // Scenarios run at once, in several processes: the addresses of 127.53.0.0/16 are for them.
        let first = std::process::id() as u16;
        for number in 0..200_u16 {
            let [high, low] = first.wrapping_mul(31).wrapping_add(number).to_be_bytes();
            let address = Ipv4Addr::new(127, 53, high, low);
            match UdpSocket::bind((address, PORT)) {
                Ok(bound) => {
                    socket = Some((address, bound));
                    break;
                }
                Err(failure) if failure.kind() == std::io::ErrorKind::AddrInUse => error = failure.to_string(),
                Err(failure) => return Err(failure.to_string()),
            }
        }
        let (address, socket) = socket.ok_or(error)?;
        socket.set_read_timeout(Some(WAKE_INTERVAL)).map_err(|error| error.to_string())?;
        Ok(Self { address, socket, zone: Arc::default(), stopping: Arc::default() })
    }

    /// Starts to answer.
    ///
    /// # Errors
    /// When the socket cannot be shared with a thread.
    pub(crate) fn start(&self, zone: Zone) -> Result<(), String> {
        let socket = self.socket.try_clone().map_err(|error| error.to_string())?;
        self.replace(zone);
        let (zone, stop) = (self.zone.clone(), self.stopping.clone());
        std::thread::spawn(move || serve(&socket, &zone, &stop));
        Ok(())
    }

    /// Answers from another zone from now on.
    pub(crate) fn replace(&self, zone: Zone) {
        *self.zone.write() = zone;
    }

    pub(crate) const fn address(&self) -> Ipv4Addr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

fn serve(socket: &UdpSocket, zone: &SharedZone, stop: &AtomicBool) {
    let mut buffer = [0; 2000];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        if let Some(reply) = answer(&buffer[..length], &zone.read()) {
            // Who asked may be gone.
            let _ = socket.send_to(&reply, peer);
        }
    }
}

/// The reply to a query; `None` for what is none, and for names that do not answer.
fn answer(query: &[u8], zone: &Zone) -> Option<Vec<u8>> {
    let mut name = String::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        name.push_str(&String::from_utf8_lossy(query.get(at..at + length)?));
        name.push('.');
        at += length;
    }
    let kind = u16::from_be_bytes(query.get(at..at + 2)?.try_into().ok()?);
    let question = query.get(12..at + 4)?;
    let (records, code) = match zone.ask(&name, kind) {
        Ok(reply) => (reply.records, if reply.exists { 0 } else { 3 }),
        Err(Broken::ServFail) => (Vec::new(), 2),
        Err(Broken::Timeout) => return None,
    };
    let mut reply = query[..2].to_vec();
    // An authoritative answer, with recursion; one question, some answers.
    reply.extend([0x85, 0x80 | code, 0, 1]);
    reply.extend((records.len() as u16).to_be_bytes());
    reply.extend([0; 4]);
    reply.extend(question);
    for (name, record) in records {
        reply.extend(wire_name(&name));
        reply.extend(record.data.kind().to_be_bytes());
        reply.extend([0, 1]);
        reply.extend(record.ttl.to_be_bytes());
        let data = wire_data(&record.data);
        reply.extend((data.len() as u16).to_be_bytes());
        reply.extend(data);
    }
    Some(reply)
}

fn wire_data(data: &Data) -> Vec<u8> {
    match data {
        Data::A(ip) => ip.octets().to_vec(),
        Data::Aaaa(ip) => ip.octets().to_vec(),
        Data::Cname(target) | Data::Ptr(target) => wire_name(target),
        Data::Srv(srv) => {
            let numbers = [srv.priority, srv.weight, srv.port].map(u16::to_be_bytes).concat();
            [numbers, wire_name(&srv.target)].concat()
        }
        Data::Naptr(rule) => {
            let numbers = [rule.order, rule.preference].map(u16::to_be_bytes).concat();
            let texts = [&rule.flags, &rule.services, &rule.regexp].map(|text| wire_text(text)).concat();
            [numbers, texts, wire_name(&rule.replacement)].concat()
        }
    }
}

fn wire_text(text: &str) -> Vec<u8> {
    let text = &text.as_bytes()[..text.len().min(255)];
    [&[text.len() as u8], text].concat()
}

fn wire_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty() && label.len() < 64);
    let mut wire: Vec<u8> = labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    wire.push(0);
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_answered() {
        let zone = Zone::parse("a.b. 7 A 192.0.2.1\nslow. TIMEOUT").unwrap();
        let query = |name: &str| [&[1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &wire_name(name), &[0, 1, 0, 1]].concat();
        let reply = answer(&query("A.b"), &zone).unwrap();
        assert_eq!(reply[..12], [1, 2, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(reply[reply.len() - 19..], *b"\x01a\x01b\0\0\x01\0\x01\0\0\0\x07\0\x04\xc0\0\x02\x01");
        assert_eq!(answer(&query("c"), &zone).unwrap()[3], 0x83);
        assert_eq!(answer(&query("x.slow"), &zone), None);
        assert_eq!(answer(&[0; 13], &zone), None);
        assert_eq!(answer(b"", &zone), None);
    }
}
