//! Module `usrloc`: where users are registered. The table that `registrar` fills and asks, in memory or in a database.
//!
//! Start reading at [`Usrloc`] (the tables by name) and [`Table`] (one table: shards of addresses of record, each with
//! its contacts, which an [`Editor`] changes). `contact.rs` is a contact unpacked and as it is kept, `row.rs` as a row of a
//! database; `store.rs` reads and writes those by `db_mode`; `keepalive.rs` pings contacts; `rpc.rs` are the commands
//! `ul.*`. Other modules use [`Usrloc::table`], [`Usrloc::usable_contacts`], [`Usrloc::change`] and [`Usrloc::on`].
//! Nothing here waits with a shard locked.

mod contact;
mod editor;
mod keepalive;
mod params;
mod row;
mod rpc;
mod store;
mod table;
mod tables;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use engine::{BoxFuture, Code, CompileEnv, Core, Creating, Diagnostic, Listeners, Module, ModuleDef, Params, Str};
use parking_lot::RwLock;
use transport::SocketId;

pub use contact::{ALL_METHODS, Contact, Stage, path_uris};
pub use editor::Editor;
pub use params::UsrlocParams;
pub use table::{Callback, Event, EventKind, Freshness, Matching, Rules, Table};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "usrloc",
    summary: "Keeps the contacts of registered users.",
    params: UsrlocParams::DEFS,
    tables: &[&tables::LOCATION, &tables::LOCATION_ATTRS],
    rpc: &[
        rpc::ADD,
        rpc::DB_CONTACTS,
        rpc::DB_EXPIRED_CONTACTS,
        rpc::DB_USERS,
        rpc::DUMP,
        rpc::FLUSH,
        rpc::LOOKUP,
        rpc::RM,
        rpc::RM_CONTACT,
    ],
    create,
    ..ModuleDef::EMPTY
};

/// The started module: the location tables.
pub struct Usrloc {
    /// Its parameters.
    pub params: UsrlocParams,
    core: Arc<Core>,
    tables: RwLock<Vec<Arc<Table>>>,
    shared: Arc<table::Shared>,
    ids: UniqueIds,
    keepalive: keepalive::Keepalive,
    store: Option<store::Store>,
    /// Sockets are named by their advertised addresses.
    advertised: AtomicBool,
}

/// Numbers for unique ids: no two contacts of any run have the same.
struct UniqueIds {
    /// `-7-6b0254d2-271f-`: `server_id` unless it is 0 (servers that share a table may have started in the same second),
    /// start and process.
    run: String,
    next: AtomicU64,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: UsrlocParams = creating.params()?;
    let wrong = |name: &str, text: &str| {
        Diagnostic::error(
            Code::ParamValue,
            format!("parameter `{name}`: {text}"),
            creating.span_of(name),
            "out of range",
        )
    };
    let mode = match params.db_mode {
        0 => None,
        1 => Some(store::Mode::WriteThrough),
        2 => Some(store::Mode::WriteBack),
        3 => Some(store::Mode::DatabaseOnly),
        4 => Some(store::Mode::ReadOnly),
        _ => return Err(wrong("db_mode", "from 0 to 4")),
    };
    if !(0..=1).contains(&params.expires_type) {
        return Err(wrong("expires_type", "0 or 1"));
    }
    let matching = match params.matching_mode {
        0 => Matching::Uri,
        1 => Matching::UriAndCallId,
        2 => Matching::UriAndPath,
        3 => Matching::CallId,
        _ => return Err(wrong("matching_mode", "from 0 to 3")),
    };
    if !(-1..32).contains(&params.nat_bflag) {
        return Err(wrong("nat_bflag", "a flag from 0 to 31"));
    }
    if !(0..=1_000_000_000).contains(&params.rm_expired_delay) {
        return Err(wrong("rm_expired_delay", "0 or more seconds"));
    }
    if !(1..=1_000_000).contains(&params.timer_interval) {
        return Err(wrong("timer_interval", "at least 1 second"));
    }
    if !(0..=24).contains(&params.hash_size) {
        return Err(wrong("hash_size", "from 0 to 24"));
    }
    let keepalive = keepalive::Keepalive::new(creating, &params)?;
    let core = creating.core;
    let shared = Arc::new(table::Shared {
        rules: Rules { matching, newest_first: params.desc_time_order, cseq_delay: params.cseq_delay },
        persists: matches!(mode, Some(store::Mode::WriteThrough | store::Mode::WriteBack)),
        by_uri: !params.db_ops_ruid,
        callbacks: Listeners::default(),
    });
    let store = match mode {
        Some(mode) => Some(store::Store::new(creating.database("db_url", &params.db_url)?, mode)),
        None => None,
    };
    let server = match core.settings.server_id {
        0 => String::new(),
        id => format!("-{id:x}"),
    };
    let run = format!("{server}-{:x}-{:x}-", core.unix_time(), std::process::id());
    let ids = UniqueIds { run, next: AtomicU64::new(1) };
    let tables = RwLock::default();
    let me = Arc::new(Usrloc {
        params,
        core: core.clone(),
        tables,
        shared,
        ids,
        keepalive,
        store,
        advertised: AtomicBool::new(false),
    });
    let weak = Arc::downgrade(&me);
    let all = move || weak.upgrade().map_or(0, |me| me.tables.read().iter().map(|table| table.users()).sum());
    core.statistics.computed("usrloc", "registered_users", "addresses of record in all tables", all);
    for name in &me.params.preload {
        me.table(name);
    }
    Ok(me)
}

impl Module for Usrloc {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let core = core.clone();
        Box::pin(async move {
            // No message is read before this is done: nobody is told 404 because a contact is not there yet.
            self.open().await?;
            let me = self.clone();
            core.every(Duration::from_secs(self.params.timer_interval as u64), move |_| {
                let me = me.clone();
                async move { me.tick().await }
            });
            keepalive::listen(&self, &core);
            Ok(())
        })
    }

    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.finish().await })
    }
}

impl Usrloc {
    /// The table of that name, made when it is not there: modules ask for theirs while the configuration is loaded.
    pub fn table(&self, name: &str) -> Arc<Table> {
        if let Some(table) = self.find_table(name.as_bytes()) {
            return table;
        }
        let mut tables = self.tables.write();
        if let Some(table) = tables.iter().find(|table| table.name == *name) {
            return table.clone();
        }
        let statistics = &self.core.statistics;
        let statistic = |what: &str| format!("{name}{}{what}", self.core.settings.stats_name_separator);
        let expired = statistics.counter("usrloc", &statistic("expires"), "contacts that expired");
        let table = Arc::new(Table::new(Str::from(name), expired, self.shared.clone()));
        let counted = table.clone();
        statistics.computed("usrloc", &statistic("users"), "addresses of record in the table", move || counted.users());
        let counted = table.clone();
        statistics.computed("usrloc", &statistic("contacts"), "contacts in the table", move || counted.contacts());
        tables.push(table.clone());
        table
    }

    /// The table of that name, if some module uses it.
    #[must_use]
    pub fn find_table(&self, name: &[u8]) -> Option<Arc<Table>> {
        self.tables.read().iter().find(|table| table.name == *name).cloned()
    }

    /// All tables.
    #[must_use]
    pub fn tables(&self) -> Vec<Arc<Table>> {
        self.tables.read().clone()
    }

    /// Calls `callback` for every event of a kind, after the table is unlocked. It must not block.
    pub fn on(&self, kind: EventKind, callback: Callback) {
        self.shared.callbacks.push((kind, callback));
    }

    /// A new unique id: `uloc-6b0254d2-271f-1`.
    #[must_use]
    pub fn unique_id(&self, prefix: &str) -> Str {
        let UniqueIds { run, next } = &self.ids;
        let number = next.fetch_add(1, Ordering::Relaxed);
        let mut id = Vec::with_capacity(prefix.len() + run.len() + 8);
        id.extend_from_slice(prefix.as_bytes());
        id.extend_from_slice(run.as_bytes());
        sip::write::hex(&mut id, number, sip::write::hex_digits(number));
        Str::from(id)
    }

    /// The bit of `nat_bflag`; 0 when it is not set.
    #[must_use]
    pub const fn nat_flag(&self) -> u32 {
        if self.params.nat_bflag < 0 { 0 } else { 1 << self.params.nat_bflag }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.core.unix_time()
    }

    /// True when the contact's connection is gone and such contacts count as lost (`handle_lost_tcp`).
    #[must_use]
    pub fn is_lost(&self, contact: &Contact) -> bool {
        self.params.handle_lost_tcp && self.is_disconnected(contact.connection)
    }

    /// True when there was a connection and it is gone.
    #[must_use]
    pub fn is_disconnected(&self, connection: Option<transport::ConnectionId>) -> bool {
        connection.is_some_and(|id| self.core.network().is_none_or(|network| network.connection(id).is_none()))
    }

    /// Connects the database and reads the contacts (`db_load`).
    async fn open(&self) -> Result<(), String> {
        let Some(store) = &self.store else { return Ok(()) };
        let loads = match store.mode {
            store::Mode::DatabaseOnly => false,
            store::Mode::ReadOnly => true,
            store::Mode::WriteThrough | store::Mode::WriteBack => self.params.db_load,
        };
        if self.params.version_table && self.params.xavp_contact.is_some() {
            let wanted = tables::LOCATION_ATTRS.version;
            store.database.check_version(store::ATTRIBUTES, wanted).await?;
        }
        for table in self.tables() {
            let name = table.name.to_text();
            if self.params.version_table {
                store.database.check_version(&name, tables::LOCATION.version).await?;
            }
            let cannot = |error| format!("contacts of table `{name}` cannot be read: {error}");
            self.clean(&table).await.map_err(cannot)?;
            if loads {
                self.load(&table).await.map_err(cannot)?;
                engine::log!(self.core.log, Info, "usrloc: {} contacts read from table `{name}`", table.contacts());
            }
        }
        Ok(())
    }

    /// Sockets are named by their advertised addresses from now on (parameter `sock_mode` of module `registrar`).
    pub fn name_sockets_as_advertised(&self) {
        self.advertised.store(true, Ordering::Relaxed);
    }

    /// `udp:127.0.0.1:5060`.
    #[must_use]
    pub fn socket_name(&self, socket: Option<SocketId>) -> Option<String> {
        let socket = self.core.socket(socket?)?;
        let (protocol, address) = (socket.protocol.name(), socket.address);
        match &socket.advertise {
            Some((host, port)) if self.advertised.load(Ordering::Relaxed) => {
                Some(format!("{protocol}:{host}:{}", port.unwrap_or_else(|| address.port())))
            }
            _ => Some(format!("{protocol}:{address}")),
        }
    }

    /// The address of record as it is kept: without case (unless `case_sensitive`).
    fn key(&self, aor: &[u8]) -> Result<Str, &'static str> {
        let aor = match memchr::memchr(b'@', aor) {
            None if self.params.use_domain => return Err("Domain missing in AOR"),
            Some(at) if !self.params.use_domain => &aor[..at],
            _ => aor,
        };
        let variable = self.core.config.find("registrar", "case_sensitive");
        let sensitive = variable.is_some_and(|variable| variable.value.read().to_int() != Some(0));
        Ok(if sensitive { Str::from(aor) } else { Str::from(aor.to_ascii_lowercase()) })
    }

    /// Runs every `timer_interval`: removes what is over, pings what is due.
    async fn tick(&self) {
        let now = self.now();
        let network = self.core.network().cloned();
        let silence = i64::from(self.keepalive.timeout());
        for table in self.tables() {
            let ended = |contact: &contact::Stored| {
                let silent = silence > 0
                    && self.keepalive.pings(contact)
                    && i64::from(contact.last_keepalive).saturating_add(silence) < now;
                let over = silent
                    || !contact.is_valid(now - self.params.rm_expired_delay)
                    || self.params.handle_lost_tcp && self.is_disconnected(contact.connection());
                if over
                    && self.params.close_expired_tcp
                    && let (Some(network), Some(id)) = (&network, contact.connection())
                {
                    network.close(id);
                }
                over
            };
            table.sweep(ended).await;
            self.keepalive.ping(self, &table, now).await;
        }
        // A database may take its time.
        for table in self.tables() {
            self.synchronize(&table).await;
        }
    }
}

/// The local socket of that description: `udp:127.0.0.1:5060`, its advertised address or its name.
#[must_use]
pub fn local_socket(core: &Core, description: &[u8]) -> Option<SocketId> {
    let text = std::str::from_utf8(description).ok()?.trim();
    let (protocol, address) = match text.split_once(':') {
        Some((name, rest)) if sip::Protocol::from_name(name).is_some() => (sip::Protocol::from_name(name), rest),
        _ => (None, text),
    };
    let found = core.sockets().iter().find(|socket| {
        let advertised = socket.advertise.as_ref().is_some_and(|(host, port)| {
            address.eq_ignore_ascii_case(&format!("{host}:{}", port.unwrap_or_else(|| socket.address.port())))
        });
        protocol.is_none_or(|protocol| protocol == socket.protocol)
            && (address.parse() == Ok(socket.address) || advertised || socket.name.as_deref() == Some(text))
    });
    found.map(|socket| socket.id)
}

/// A location table named in a function's argument; it must be constant.
#[derive(Clone)]
pub struct TableName(pub Arc<Table>);

impl engine::ScriptType for TableName {
    type Compiled = Arc<Table>;
    const KIND: &'static str = "location table";
    fn compile(arg: Option<&engine::ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Arc<Table>, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let name = arg.constant("the name of a location table")?;
        Ok(env.module::<Usrloc>(arg.span())?.table(&name))
    }
    fn eval(compiled: &Arc<Table>, _: &engine::RouteCx) -> Result<Self, engine::ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod tests;
