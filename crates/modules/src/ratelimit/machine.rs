//! How busy the machine is, as the kernel tells it.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

use engine::Core;
use parking_lot::Mutex;

use super::pipe::Machine;

/// No file is read further: a machine with very many connections is judged by a part of them.
const MOST: u64 = 8 << 20;

/// Reads the kernel's counts.
#[derive(Default)]
pub(crate) struct Watcher {
    /// Time that the processors had and were idle, when it was read last.
    last: Mutex<Option<(u64, u64)>>,
}

fn read(path: &str) -> String {
    let mut text = Vec::new();
    let file = File::open(path);
    if let Ok(file) = file
        && let Err(_broken) = file.take(MOST).read_to_end(&mut text)
    {
        text.clear();
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// All time of all processors, and that in which they were idle.
fn times(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    // User, nice, system, idle, waiting for disks, and so on; time of guests is part of user time.
    let times: Vec<u64> = line.split_whitespace().take(8).map_while(|time| time.parse().ok()).collect();
    let idle = times.get(3)?.saturating_add(*times.get(4).unwrap_or(&0));
    Some((times.iter().sum(), idle))
}

/// The bytes that wait on the sockets with these ports, in a file such as `/proc/net/udp`.
fn waiting(table: &str, ports: &[u16]) -> u64 {
    const LISTENS: &str = "0A";
    let of_line = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (_, port) = fields.next()?.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok().filter(|port| ports.contains(port))?;
        let state = fields.nth(1)?;
        let (_, received) = fields.next()?.split_once(':')?;
        let bytes = u64::from_str_radix(received, 16).ok()?;
        // There it is a number of connections.
        (port > 0 && state != LISTENS).then_some(bytes)
    };
    table.lines().filter_map(of_line).sum()
}

impl Watcher {
    /// What the machine did since the last time.
    pub(crate) async fn look(self: &Arc<Self>, core: &Core) -> Machine {
        let ports: Vec<u16> = core.sockets().iter().map(|socket| socket.address.port()).collect();
        let me = self.clone();
        let look = move || {
            let mut machine = Machine::default();
            if let Some((all, idle)) = times(&read("/proc/stat"))
                && let Some((all_before, idle_before)) = me.last.lock().replace((all, idle))
            {
                let (all, idle) = (all.saturating_sub(all_before), idle.saturating_sub(idle_before));
                machine.load = if all == 0 { 0.0 } else { 1.0 - (idle as f64 / all as f64).min(1.0) };
            }
            for table in ["udp", "udp6", "tcp", "tcp6"] {
                machine.waiting += waiting(&read(&format!("/proc/net/{table}")), &ports);
            }
            machine
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors() {
        let text = "cpu  10 20 30 100 40 1 2 3 50 0\ncpu0 1 2 3 4\nintr 5\n";
        assert_eq!(times(text), Some((206, 140)));
        assert_eq!(times("cpu  1 2 x"), None);
        assert_eq!(times(""), None);
    }

    #[test]
    fn sockets() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            100: 0100007F:13C4 00000000:0000 07 00000000:00000A00 00:00000000 00000000 0 0 1 2 0 0\n\
            101: 0100007F:13C5 00000000:0000 07 00000000:00000001 00:00000000 00000000 0 0 1 2 0 0\n\
            102: 0100007F:13C4 00000000:0000 0A 00000000:00000007 00:00000000 00000000 0 0 1 2 0 0\n\
            103: 00000000000000000000000000000000:13C4 00:0 07 00000000:00000002 00:0 0 0 0 1 2 0 0\n\
            104: broken\n";
        assert_eq!(waiting(text, &[5060]), 0xa02);
        assert_eq!(waiting(text, &[5061, 5060]), 0xa03);
        assert_eq!(waiting(text, &[]), 0);
    }
}
