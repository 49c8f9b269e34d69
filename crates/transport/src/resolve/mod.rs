//! RFC 3263: from a host name to the addresses to try, in order, with a cache of our own.
//!
//! Start reading at [`Resolver::resolve`]. `plan` is the algorithm, without I/O: it asks the cache and says which
//! records are missing; `dns` fetches those, and the plan is made again. So [`Resolver::lookup_cached`], which never
//! waits, follows the same rules.

mod cache;
mod dns;
mod plan;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sip::Protocol;
use tokio::sync::OnceCell;
use tokio::time::Instant;

pub use cache::Answer;
use cache::{Cache, Question};
pub use cache::{CachedRecord, Records};
pub use cache::{NaptrRecord, RecordKind, SrvRecord};
use dns::Dns;
use plan::{Outcome, Wanted};

use crate::socket::LocalSocket;

/// How often the records of one name may lead to further names: a chain longer than this is a loop.
const MAX_ROUNDS: usize = 8;

/// A failure that is no "there is no such name" is remembered this long at most: long enough that a dead server is
/// not asked for each message, short enough that its return is noticed.
const MAX_FAILURE_TTL: Duration = Duration::from_secs(5);

/// An address to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The protocol.
    pub protocol: Protocol,
    /// The address.
    pub address: SocketAddr,
}

/// Why a name led to no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The DNS knows the name to be without address.
    #[error("{0} has no address")]
    NotFound(String),
    /// No server answered.
    #[error("cannot resolve {0}: {1}")]
    Failed(String, String),
    /// The name cannot be a host name.
    #[error("{0} is not a host name")]
    BadName(String),
    /// The resolver could not be set up.
    #[error("no name server: {0}")]
    Setup(String),
}

/// The settings of a [`Resolver`]; the defaults are Kamailio's.
#[derive(Clone, Debug)]
pub struct ResolveOptions {
    /// The DNS servers; empty: those of `/etc/resolv.conf`.
    pub servers: Vec<SocketAddr>,
    /// Ask for NAPTR records when neither port nor protocol is given, and then for SRV records of every protocol
    /// (`dns_try_naptr`). Otherwise UDP is assumed.
    pub naptr: bool,
    /// Of NAPTR records those of the lowest order are used, as the domain's owner wants it (`dns_naptr_ignore_rfc=0`).
    /// Otherwise `protocols` says which are tried first.
    pub naptr_by_order: bool,
    /// SRV records of one priority are drawn by weight (`dns_srv_lb`). Otherwise the heaviest is always first.
    pub srv_by_weight: bool,
    /// Ask for IPv6 addresses too (`dns_try_ipv6`).
    pub ipv6: bool,
    /// Ask for IPv4 addresses; false on a server without such a socket.
    pub ipv4: bool,
    /// IPv6 addresses come before IPv4 ones (`dns_cache_flags=4`).
    pub ipv6_first: bool,
    /// Use the search list of `/etc/resolv.conf` (`dns_use_search_list`).
    pub search: bool,
    /// Time for one try with one server (`dns_retr_time`); `None`: what `/etc/resolv.conf` says, else five seconds.
    pub timeout: Option<Duration>,
    /// Tries (`dns_retr_no`); `None`: what `/etc/resolv.conf` says, else two.
    pub attempts: Option<usize>,
    /// So many of the name servers in `/etc/resolv.conf` are asked (`dns_servers_no`); `None`: all.
    pub max_servers: Option<usize>,
    /// How long a name is remembered to be without records (`dns_cache_negative_ttl`).
    pub negative_ttl: Duration,
    /// The shortest time an answer is remembered (`dns_cache_min_ttl`).
    pub min_ttl: Duration,
    /// The longest time an answer is remembered (`dns_cache_max_ttl`).
    pub max_ttl: Duration,
    /// How many answers the cache holds.
    pub cache_size: usize,
    /// The protocols this server can send by, in order of preference.
    pub protocols: Vec<Protocol>,
}

impl ResolveOptions {
    /// The defaults for a server with these sockets: only addresses and protocols that one of them can send to.
    #[must_use]
    pub fn for_sockets(sockets: &[LocalSocket]) -> Self {
        let mut protocols: Vec<Protocol> = Vec::new();
        for socket in sockets {
            if !protocols.contains(&socket.protocol) {
                protocols.push(socket.protocol);
            }
        }
        // Kamailio's order of preference (`dns_udp_pref` and the like).
        protocols.sort_by_key(|protocol| match protocol {
            Protocol::Udp => 0,
            Protocol::Tcp => 1,
            Protocol::Sctp => 2,
            Protocol::Tls => 3,
            Protocol::Ws => 4,
            Protocol::Wss => 5,
        });
        let ipv6 = sockets.iter().any(|socket| socket.address.is_ipv6());
        Self { protocols, ipv6, ..Self::default() }
    }
}

impl Default for ResolveOptions {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            naptr: false,
            naptr_by_order: false,
            srv_by_weight: false,
            ipv6: true,
            ipv4: true,
            ipv6_first: false,
            search: true,
            timeout: None,
            attempts: None,
            max_servers: None,
            negative_ttl: Duration::from_secs(60),
            min_ttl: Duration::ZERO,
            max_ttl: Duration::from_secs(u64::from(u32::MAX)),
            cache_size: 10_000,
            protocols: vec![Protocol::Udp, Protocol::Tcp, Protocol::Tls],
        }
    }
}

/// What a source said: records or why there is no answer, and how long that is good (for "there are none" too).
/// Without a time the [`ResolveOptions`] decide.
pub type Fetched = (Answer, Option<Duration>);

/// Where answers come from that the cache does not have: name servers, or a zone in memory in tests.
pub trait Source: Send + Sync {
    /// Asks for the records of one name (lower case, no dot at the end) and kind. Aliases (CNAME) are followed.
    fn fetch<'a>(&'a self, name: &'a str, kind: RecordKind) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>>;
}

/// Resolves names. Cheap to clone: all clones share one cache.
#[derive(Clone)]
pub struct Resolver {
    inner: Arc<Inner>,
}

struct Inner {
    options: ResolveOptions,
    cache: Cache,
    source: Arc<dyn Source>,
    /// Off: names in the cache are answered, others fail at once (`dns.set_server_state`).
    ask_servers: AtomicBool,
    /// Questions that are being asked, so that a hundred messages to one host ask once.
    asking: Mutex<HashMap<Question, Arc<OnceCell<Answer>>>>,
}

impl Resolver {
    /// A resolver. Fails when `/etc/resolv.conf` is needed and cannot be read.
    pub fn new(options: ResolveOptions) -> Result<Self, ResolveError> {
        let dns = Dns::new(&options)?;
        Ok(Self::with_source(options, Arc::new(dns)))
    }

    /// A resolver that asks `source`. Its cache follows tokio's clock, a virtual one in tests.
    #[must_use]
    pub fn with_source(options: ResolveOptions, source: Arc<dyn Source>) -> Self {
        let cache = Cache::new(options.cache_size);
        let asking = Mutex::default();
        Self { inner: Arc::new(Inner { options, cache, source, ask_servers: AtomicBool::new(true), asking }) }
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &ResolveOptions {
        &self.inner.options
    }

    /// The addresses to try for a URI's host, in order (RFC 3263 section 4). `host` may be an IP address, an IPv6 one
    /// also in brackets.
    pub async fn resolve(
        &self,
        host: &str,
        port: Option<u16>,
        protocol: Option<Protocol>,
        sips: bool,
    ) -> Result<Vec<Target>, ResolveError> {
        let wanted = Wanted { host, port, protocol, sips };
        // What was asked for this name: an answer that may not be cached (TTL 0) must still serve this once.
        let mut answers: HashMap<Question, Answer> = HashMap::new();
        for _ in 0..MAX_ROUNDS {
            let mut ask = |question: &Question| answers.get(question).cloned().or_else(|| self.cached(question));
            match plan::plan(&wanted, &self.inner.options, &mut ask, &mut random_up_to) {
                Outcome::Done(result) => return result,
                Outcome::Missing(questions) => {
                    for (question, answer) in self.ask_all(questions).await {
                        answers.insert(question, answer);
                    }
                }
            }
        }
        Err(ResolveError::Failed(host.to_owned(), "its records refer to each other without end".to_owned()))
    }

    /// The same without waiting: an answer for IP addresses and for names in the cache, `None` when a query is needed.
    #[must_use]
    pub fn lookup_cached(
        &self,
        host: &str,
        port: Option<u16>,
        protocol: Option<Protocol>,
        sips: bool,
    ) -> Option<Result<Vec<Target>, ResolveError>> {
        let wanted = Wanted { host, port, protocol, sips };
        let mut ask = |question: &Question| self.cached(question);
        match plan::plan(&wanted, &self.inner.options, &mut ask, &mut random_up_to) {
            Outcome::Done(result) => Some(result),
            Outcome::Missing(_) => None,
        }
    }

    /// The records of one name and kind: from the cache, else from the servers.
    pub async fn records(&self, name: &str, kind: RecordKind) -> Result<Records, ResolveError> {
        self.records_kept(name, kind, None).await
    }

    /// The same; records that the servers had to be asked for are remembered for the time `keep`, whatever the servers
    /// and the settings say.
    pub async fn records_kept(
        &self,
        name: &str,
        kind: RecordKind,
        keep: Option<Duration>,
    ) -> Result<Records, ResolveError> {
        let question = Question::new(name, kind);
        let answer = match self.cached(&question) {
            Some(answer) => answer,
            None => {
                let answer = self.ask(question).await;
                if let (Some(keep), Ok(records)) = (keep, &answer)
                    && !records.is_empty()
                {
                    self.insert(name, records.clone(), keep);
                }
                answer
            }
        };
        answer.map_err(|text| ResolveError::Failed(name.to_owned(), text.to_string()))
    }

    fn cached(&self, question: &Question) -> Option<Answer> {
        let cached = self.inner.cache.get(question, Instant::now());
        if cached.is_none() && !self.inner.ask_servers.load(Ordering::Relaxed) {
            return Some(Err(Arc::from("the name servers are switched off")));
        }
        cached
    }

    async fn ask_all(&self, questions: Vec<Question>) -> Vec<(Question, Answer)> {
        let mut tasks = tokio::task::JoinSet::new();
        for question in questions {
            let resolver = self.clone();
            tasks.spawn(async move {
                let answer = resolver.ask(question.clone()).await;
                (question, answer)
            });
        }
        tasks.join_all().await
    }

    async fn ask(&self, question: Question) -> Answer {
        let cell = self.inner.asking.lock().entry(question.clone()).or_default().clone();
        let answer = cell.get_or_init(|| self.fetch(&question)).await.clone();
        let mut asking = self.inner.asking.lock();
        if asking.get(&question).is_some_and(|current| Arc::ptr_eq(current, &cell)) {
            asking.remove(&question);
        }
        answer
    }

    async fn fetch(&self, question: &Question) -> Answer {
        let options = &self.inner.options;
        let (answer, ttl) = self.inner.source.fetch(&question.name, question.kind).await;
        let ttl = match &answer {
            Ok(records) if records.is_empty() => ttl.unwrap_or(options.negative_ttl).min(options.negative_ttl),
            Ok(_) => ttl.unwrap_or_default().clamp(options.min_ttl, options.max_ttl.max(options.min_ttl)),
            Err(_) => options.negative_ttl.min(MAX_FAILURE_TTL),
        };
        self.inner.cache.insert(question.clone(), answer.clone(), ttl, Instant::now());
        answer
    }

    /// Everything in the cache (`dns.view`).
    #[must_use]
    pub fn cached_records(&self) -> Vec<CachedRecord> {
        self.inner.cache.view(Instant::now())
    }

    /// Puts records into the cache (`dns.add_a` and the like).
    pub fn insert(&self, name: &str, records: Records, ttl: Duration) {
        self.inner.cache.insert(Question::new(name, records.kind()), Ok(records), ttl, Instant::now());
    }

    /// Takes records out of the cache (`dns.delete_a` and the like). False when there were none.
    pub fn remove(&self, name: &str, kind: RecordKind) -> bool {
        self.inner.cache.remove(&Question::new(name, kind))
    }

    /// Empties the cache (`dns.delete_all`).
    pub fn clear(&self) {
        self.inner.cache.clear();
    }

    /// Switches the questions to servers on or off (`dns.set_server_state`).
    pub fn set_ask_servers(&self, on: bool) {
        self.inner.ask_servers.store(on, Ordering::Relaxed);
    }

    /// Whether servers are asked (`dns.get_server_state`).
    #[must_use]
    pub fn asks_servers(&self) -> bool {
        self.inner.ask_servers.load(Ordering::Relaxed)
    }
}

/// A uniform number from zero to `max`, both included.
fn random_up_to(max: u32) -> u32 {
    rand::random_range(0..=max)
}
