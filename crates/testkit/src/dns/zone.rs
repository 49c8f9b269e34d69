//! A zone: what names there are, and which do not answer.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::RwLock;
use transport::resolve::{NaptrRecord, SrvRecord};

/// An alias that leads further than this is a loop.
const MAX_ALIASES: usize = 8;

/// A zone that can be replaced while it is used.
pub(crate) type SharedZone = Arc<RwLock<Zone>>;

/// Records by name. Every name that is not in it does not exist.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    names: BTreeMap<String, Vec<Record>>,
    broken: BTreeMap<String, Broken>,
}

/// A record without its name.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) ttl: u32,
    pub(super) data: Data,
}

/// The records a zone can have.
#[derive(Clone, Debug)]
pub(super) enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Srv(SrvRecord),
    Naptr(NaptrRecord),
    Cname(String),
    Ptr(String),
}

/// What is wrong with a name and all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// No server answers.
    Timeout,
    /// The server answers that it failed.
    ServFail,
}

/// What the zone says to a question.
#[derive(Clone, Debug)]
pub(super) struct Reply<'a> {
    /// The records, after the aliases that lead to them, each with its name.
    pub(super) records: Vec<(String, &'a Record)>,
    /// Whether the name exists, be it without such records.
    pub(super) exists: bool,
}

impl Data {
    /// The number of the record type.
    pub(super) const fn kind(&self) -> u16 {
        match self {
            Self::A(_) => 1,
            Self::Cname(_) => 5,
            Self::Ptr(_) => 12,
            Self::Aaaa(_) => 28,
            Self::Srv(_) => 33,
            Self::Naptr(_) => 35,
        }
    }
}

impl Zone {
    /// Reads lines as in a zone file, with whole names: `a.example.com. 60 IN A 192.0.2.1`. Time to live (60 seconds)
    /// and class may be left out; `;` begins a comment. A line `a.example.com. TIMEOUT` or `a.example.com. SERVFAIL`
    /// says that questions for this name and those below it are not answered, or with a failure.
    ///
    /// # Errors
    /// A line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut zone = Self::default();
        for line in text.lines() {
            let line = line.split(';').next().unwrap_or_default().trim();
            if !line.is_empty() {
                zone.add(line).ok_or_else(|| format!("not understood in the zone: {line}"))?;
            }
        }
        Ok(zone)
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let words = words(line)?;
        let mut words = words.iter().map(String::as_str).peekable();
        let name = plain(words.next()?);
        let ttl = words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        let ttl = ttl.map_or(Some(60), |ttl| ttl.parse().ok())?;
        words.next_if(|word| word.eq_ignore_ascii_case("IN"));
        let kind = words.next()?.to_ascii_uppercase();
        let mut next = || words.next();
        let data = match &*kind {
            "TIMEOUT" => return self.broken.insert(name, Broken::Timeout).is_none().then_some(()),
            "SERVFAIL" => return self.broken.insert(name, Broken::ServFail).is_none().then_some(()),
            "A" => Data::A(next()?.parse().ok()?),
            "AAAA" => Data::Aaaa(next()?.parse().ok()?),
            "CNAME" => Data::Cname(plain(next()?)),
            "PTR" => Data::Ptr(plain(next()?)),
            "SRV" => Data::Srv(SrvRecord {
                priority: next()?.parse().ok()?,
                weight: next()?.parse().ok()?,
                port: next()?.parse().ok()?,
                target: plain(next()?),
            }),
            "NAPTR" => Data::Naptr(NaptrRecord {
                order: next()?.parse().ok()?,
                preference: next()?.parse().ok()?,
                flags: next()?.to_owned(),
                services: next()?.to_owned(),
                regexp: next()?.to_owned(),
                replacement: plain(next()?),
            }),
            _ => return None,
        };
        self.names.entry(name).or_default().push(Record { ttl, data });
        next().is_none().then_some(())
    }

    /// Answers a question for records of a type.
    pub(super) fn ask(&self, name: &str, kind: u16) -> Result<Reply<'_>, Broken> {
        let mut name = plain(name);
        let mut found = Vec::new();
        for _ in 0..MAX_ALIASES {
            let Some(records) = self.names.get(&name) else {
                if let Some(broken) = self.broken(&name) {
                    return Err(broken);
                }
                let exists = self.names.keys().any(|known| is_below(known, &name));
                return Ok(Reply { records: found, exists });
            };
            let before = found.len();
            let wanted = records.iter().filter(|record| record.data.kind() == kind);
            found.extend(wanted.map(|record| (name.clone(), record)));
            let alias = records.iter().find_map(|record| match &record.data {
                Data::Cname(target) => Some((record, target)),
                _ => None,
            });
            match alias {
                Some((record, target)) if found.len() == before => {
                    found.push((name, record));
                    name = plain(target);
                }
                _ => return Ok(Reply { records: found, exists: true }),
            }
        }
        Err(Broken::ServFail)
    }

    fn broken(&self, name: &str) -> Option<Broken> {
        self.broken
            .iter()
            .find(|(top, _)| top.is_empty() || name == **top || is_below(name, top))
            .map(|(_, what)| *what)
    }
}

fn is_below(name: &str, top: &str) -> bool {
    name.strip_suffix(top).is_some_and(|rest| rest.ends_with('.'))
}

/// A name in lower case without the dot at its end.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Words between white space; one in quotes may be empty.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> Zone {
        Zone::parse(
            "; a comment\n\
             a.example. 30 IN A 192.0.2.1\n\
             A.EXAMPLE. IN A 192.0.2.2 ; another\n\
             www.example 5 CNAME a.example.\n\
             loop.example. CNAME loop.example.\n\
             gone.example. CNAME nowhere.example.\n\
             _sip._udp.example. IN SRV 10 5 5060 a.example.\n\
             example. NAPTR 1 2 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.\n\
             slow.example. TIMEOUT\n\
             bad.example. SERVFAIL\n\
             ok.bad.example. AAAA 2001:db8::1\n",
        )
        .unwrap()
    }

    fn shown(name: &str, kind: u16) -> String {
        match zone().ask(name, kind) {
            Ok(reply) => {
                let records: Vec<_> =
                    reply.records.iter().map(|(name, record)| format!("{name} {:?}", record.data)).collect();
                format!("{} {}", reply.exists, records.join(", "))
            }
            Err(broken) => format!("{broken:?}"),
        }
    }

    #[test]
    fn questions_are_answered() {
        assert_eq!(shown("a.example.", 1), "true a.example A(192.0.2.1), a.example A(192.0.2.2)");
        assert_eq!(shown("a.example", 28), "true ");
        assert_eq!(
            shown("WWW.example", 1),
            "true www.example Cname(\"a.example\"), a.example A(192.0.2.1), a.example A(192.0.2.2)"
        );
        assert_eq!(shown("loop.example", 1), "ServFail");
        assert_eq!(shown("gone.example", 1), "false gone.example Cname(\"nowhere.example\")");
        assert_eq!(shown("_udp.example", 1), "true ");
        assert_eq!(shown("udp.example", 1), "false ");
        assert_eq!(shown("slow.example", 1), "Timeout");
        assert_eq!(shown("_sip._udp.slow.example", 33), "Timeout");
        assert_eq!(shown("notslow.example", 33), "false ");
        assert_eq!(shown("x.bad.example", 33), "ServFail");
        assert_eq!(shown("ok.bad.example", 28), "true ok.bad.example Aaaa(2001:db8::1)");
    }

    #[test]
    fn wrong_lines_are_errors() {
        for line in
            ["a.example.", "a. A", "a. A 1.2.3", "a. SRV 1 2 3", "a. TXT x", "a. A 1.2.3.4 5", "a. NAPTR 1 1 \"s"]
        {
            assert!(Zone::parse(line).is_err(), "{line}");
        }
    }
}
