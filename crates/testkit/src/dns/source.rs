//! The zone as a source of answers for a resolver in memory.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use transport::resolve::{Fetched, RecordKind, Records, ResolveOptions, Source};

use super::zone::{Broken, Data, Record, SharedZone};

/// As in the resolv.conf of real processes in tests.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Answers from a zone at once; what does not answer takes its time on the virtual clock.
pub(crate) struct ZoneSource {
    zone: SharedZone,
    patience: Duration,
}

impl ZoneSource {
    pub(crate) fn new(zone: SharedZone, options: &ResolveOptions) -> Self {
        let tries = u32::try_from(options.attempts.unwrap_or(1)).unwrap_or(u32::MAX).max(1);
        Self { zone, patience: options.timeout.unwrap_or(TIMEOUT).saturating_mul(tries) }
    }

    fn answer(&self, name: &str, kind: RecordKind) -> Result<Fetched, Broken> {
        let number = match kind {
            RecordKind::A => 1,
            RecordKind::Aaaa => 28,
            RecordKind::Srv => 33,
            RecordKind::Naptr => 35,
            RecordKind::Ptr => 12,
        };
        let zone = self.zone.read();
        let reply = zone.ask(name, number)?;
        let ttl = reply.records.iter().map(|(_, record)| record.ttl).min();
        let records = records(kind, reply.records.iter().map(|(_, record)| *record));
        let ttl = ttl.filter(|_| !records.is_empty()).map(|ttl| Duration::from_secs(u64::from(ttl)));
        Ok((Ok(records), ttl))
    }
}

fn records<'a>(kind: RecordKind, list: impl Iterator<Item = &'a Record>) -> Records {
    let data = list.map(|record| record.data.clone());
    match kind {
        RecordKind::A => {
            Records::A(data.filter_map(|data| if let Data::A(ip) = data { Some(ip) } else { None }).collect())
        }
        RecordKind::Aaaa => {
            Records::Aaaa(data.filter_map(|data| if let Data::Aaaa(ip) = data { Some(ip) } else { None }).collect())
        }
        RecordKind::Srv => {
            Records::Srv(data.filter_map(|data| if let Data::Srv(srv) = data { Some(srv) } else { None }).collect())
        }
        RecordKind::Ptr => {
            Records::Ptr(data.filter_map(|data| if let Data::Ptr(name) = data { Some(name) } else { None }).collect())
        }
        RecordKind::Naptr => Records::Naptr(
            data.filter_map(|data| if let Data::Naptr(rule) = data { Some(rule) } else { None }).collect(),
        ),
    }
}

impl Source for ZoneSource {
    fn fetch<'a>(&'a self, name: &'a str, kind: RecordKind) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>> {
        Box::pin(async move {
            match self.answer(name, kind) {
                Ok(fetched) => fetched,
                Err(Broken::ServFail) => (Err(Arc::from("the server failed")), None),
                Err(Broken::Timeout) => {
                    tokio::time::sleep(self.patience).await;
                    (Err(Arc::from("request timed out")), None)
                }
            }
        })
    }
}
