//! The cache: answers by name and kind of record, each with its end.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::time::Instant;

/// A kind of DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// A service's host and port (RFC 2782).
    Srv,
    /// The protocols of a domain (RFC 3403).
    Naptr,
    /// The host name of an address (RFC 1035 3.5).
    Ptr,
}

/// A service's host and port (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrvRecord {
    /// The lower, the earlier.
    pub priority: u16,
    /// Share among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; empty when the service is decidedly not there.
    pub target: String,
}

/// A rule of a domain (RFC 3403).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NaptrRecord {
    /// The lower, the earlier; a higher one counts only when no lower one can be used.
    pub order: u16,
    /// The lower, the earlier, among those of one order.
    pub preference: u16,
    /// `s`: the replacement has SRV records.
    pub flags: String,
    /// `SIP+D2U` and the like.
    pub services: String,
    /// A rewriting rule; SIP does not use it.
    pub regexp: String,
    /// The name to look at next.
    pub replacement: String,
}

/// The records of one name and kind. An empty list: there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// IPv4 addresses.
    A(Arc<[Ipv4Addr]>),
    /// IPv6 addresses.
    Aaaa(Arc<[Ipv6Addr]>),
    /// Services.
    Srv(Arc<[SrvRecord]>),
    /// Rules.
    Naptr(Arc<[NaptrRecord]>),
    /// Host names.
    Ptr(Arc<[String]>),
}

impl Records {
    /// No records of a kind.
    #[must_use]
    pub fn none(kind: RecordKind) -> Self {
        match kind {
            RecordKind::A => Self::A(Arc::default()),
            RecordKind::Aaaa => Self::Aaaa(Arc::default()),
            RecordKind::Srv => Self::Srv(Arc::default()),
            RecordKind::Naptr => Self::Naptr(Arc::default()),
            RecordKind::Ptr => Self::Ptr(Arc::default()),
        }
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::A(list) => list.is_empty(),
            Self::Aaaa(list) => list.is_empty(),
            Self::Srv(list) => list.is_empty(),
            Self::Naptr(list) => list.is_empty(),
            Self::Ptr(list) => list.is_empty(),
        }
    }

    /// Of which kind.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::A(_) => RecordKind::A,
            Self::Aaaa(_) => RecordKind::Aaaa,
            Self::Srv(_) => RecordKind::Srv,
            Self::Naptr(_) => RecordKind::Naptr,
            Self::Ptr(_) => RecordKind::Ptr,
        }
    }
}

/// What the servers said: records, or why they said nothing.
pub type Answer = Result<Records, Arc<str>>;

/// A name and a kind of record. Names compare without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) name: String,
    pub(super) kind: RecordKind,
}

impl Question {
    pub(super) fn new(name: &str, kind: RecordKind) -> Self {
        Self { name: name.trim_end_matches('.').to_ascii_lowercase(), kind }
    }
}

/// An entry of the cache, to look at.
#[derive(Clone, Debug)]
pub struct CachedRecord {
    /// The name.
    pub name: String,
    /// The kind of its records.
    pub kind: RecordKind,
    /// The records, or why there is no answer.
    pub answer: Result<Records, String>,
    /// How long it is still good.
    pub expires_in: Duration,
}

struct Entry {
    answer: Answer,
    expires: Instant,
}

/// Answers that are still good.
pub(super) struct Cache {
    size: usize,
    entries: RwLock<HashMap<Question, Entry>>,
}

impl Cache {
    pub(super) fn new(size: usize) -> Self {
        Self { size, entries: RwLock::default() }
    }

    pub(super) fn get(&self, question: &Question, now: Instant) -> Option<Answer> {
        let entries = self.entries.read();
        entries.get(question).filter(|entry| entry.expires > now).map(|entry| entry.answer.clone())
    }

    pub(super) fn insert(&self, question: Question, answer: Answer, ttl: Duration, now: Instant) {
        let Some(expires) = now.checked_add(ttl) else { return };
        if ttl.is_zero() || self.size == 0 {
            return;
        }
        let mut entries = self.entries.write();
        if entries.len() >= self.size && !entries.contains_key(&question) {
            make_room(&mut entries, self.size, now);
        }
        entries.insert(question, Entry { answer, expires });
    }

    pub(super) fn remove(&self, question: &Question) -> bool {
        self.entries.write().remove(question).is_some()
    }

    pub(super) fn clear(&self) {
        self.entries.write().clear();
    }

    pub(super) fn view(&self, now: Instant) -> Vec<CachedRecord> {
        let entries = self.entries.read();
        let mut view: Vec<_> = entries
            .iter()
            .filter(|(_, entry)| entry.expires > now)
            .map(|(question, entry)| CachedRecord {
                name: question.name.clone(),
                kind: question.kind,
                answer: entry.answer.clone().map_err(|text| text.to_string()),
                expires_in: entry.expires - now,
            })
            .collect();
        view.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
        view
    }
}

/// Drops what is over; when all is good, the eighth that ends first. So a full cache is searched rarely.
fn make_room(entries: &mut HashMap<Question, Entry>, size: usize, now: Instant) {
    entries.retain(|_, entry| entry.expires > now);
    if entries.len() < size {
        return;
    }
    let mut ends: Vec<Instant> = entries.values().map(|entry| entry.expires).collect();
    let surplus = entries.len() - size + size / 8 + 1;
    let (_, &mut limit, _) = ends.select_nth_unstable(surplus.min(entries.len()) - 1);
    entries.retain(|_, entry| entry.expires > limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(number: usize) -> Question {
        Question::new(&format!("Host{number}.Example."), RecordKind::A)
    }

    fn address() -> Answer {
        Ok(Records::A(Arc::from([Ipv4Addr::LOCALHOST])))
    }

    #[test]
    fn answers_end() {
        let (cache, now) = (Cache::new(10), Instant::now());
        cache.insert(question(1), address(), Duration::from_secs(5), now);
        assert_eq!(cache.get(&Question::new("HOST1.example", RecordKind::A), now), Some(address()));
        assert_eq!(cache.get(&Question::new("host1.example", RecordKind::Aaaa), now), None);
        assert_eq!(cache.get(&question(1), now + Duration::from_secs(5)), None);
        assert_eq!(cache.view(now + Duration::from_secs(1))[0].expires_in, Duration::from_secs(4));
    }

    #[test]
    fn nothing_with_ttl_zero_is_kept() {
        let (cache, now) = (Cache::new(10), Instant::now());
        cache.insert(question(1), address(), Duration::ZERO, now);
        assert!(cache.view(now).is_empty());
    }

    #[test]
    fn the_size_is_bounded_and_the_longest_lived_stay() {
        let (cache, now) = (Cache::new(16), Instant::now());
        for number in 0..100 {
            cache.insert(question(number), address(), Duration::from_secs(1 + number as u64), now);
            assert!(cache.view(now).len() <= 16);
        }
        assert!(cache.get(&question(99), now).is_some());
        assert!(cache.get(&question(0), now).is_none());
        assert!(cache.remove(&question(99)));
        cache.clear();
        assert!(!cache.remove(&question(98)));
    }
}
