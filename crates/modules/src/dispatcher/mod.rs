//! Module `dispatcher`: sets of destinations, which one a request goes to, and which of them work.
//!
//! `load.rs` reads the list, `sets.rs` is what comes of it: a snapshot that a reload replaces as a whole. `select.rs`
//! chooses by the algorithms, `destination.rs` has the states, `probing.rs` the keep-alive requests, `calls.rs` counts calls
//! for algorithm 10.

mod calls;
mod destination;
mod functions;
mod hash;
mod latency;
mod load;
mod params;
mod probing;
mod rpc;
mod select;
mod sets;
mod tables;
mod variables;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::config_groups::LiveInt;
use engine::script_type::ArgSource;
use engine::{
    BoxFuture, Code, CompileEnv, Core, Creating, Diagnostic, Format, Module, ModuleDef, Params, ScriptVariable, Str,
    Value, log,
};
use parking_lot::{Mutex, RwLock};
use sip::Uri;
use transport::SocketId;

use crate::tm::Tm;
use calls::Calls;
use destination::Destination;
use load::Source;
pub use params::DispatcherParams;
use probing::ReplyCodes;
use sets::Sets;
pub use tables::DISPATCHER;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "dispatcher",
    summary: "Load balancing and failover over sets of destinations.",
    params: DispatcherParams::DEFS,
    functions: &[
        functions::DS_DSG_FETCH,
        functions::DS_DSG_FETCH_URI,
        functions::DS_IS_ACTIVE,
        functions::DS_IS_FROM_LIST,
        functions::DS_LIST_EXIST,
        functions::DS_LIST_EXISTS,
        functions::DS_LOAD_UNSET,
        functions::DS_LOAD_UPDATE,
        functions::DS_MARK_ADDR,
        functions::DS_MARK_DST,
        functions::DS_NEXT_DOMAIN,
        functions::DS_NEXT_DST,
        functions::DS_RELOAD,
        functions::DS_SELECT,
        functions::DS_SELECT_DOMAIN,
        functions::DS_SELECT_DST,
        functions::DS_SELECT_ROUTES,
        functions::DS_SET_DOMAIN,
        functions::DS_SET_DST,
    ],
    variables: &[variables::DSG, variables::DSV],
    rpc: &[
        rpc::ADD,
        rpc::HASH,
        rpc::LIST,
        rpc::PING_ACTIVE,
        rpc::RELOAD,
        rpc::REMOVE,
        rpc::SET_DUID_STATE,
        rpc::SET_STATE,
    ],
    event_routes: &[probing::DOWN, probing::UP],
    tables: &[&DISPATCHER],
    create,
    ..ModuleDef::EMPTY
};

/// The values that can be changed while the server runs.
struct Live {
    probing_threshold: LiveInt,
    inactive_threshold: LiveInt,
}

/// Sockets that the parameters name.
#[derive(Clone, Copy)]
struct Sockets {
    default: Option<SocketId>,
    ping: Option<SocketId>,
}

/// The started module.
pub struct Dispatcher {
    params: DispatcherParams,
    core: Arc<Core>,
    source: Source,
    /// Attributes and their columns (`ds_db_extra_attrs`).
    extra: Vec<(String, String)>,
    hash_format: Option<Format>,
    set_variable: Option<Box<dyn ScriptVariable>>,
    attributes_variable: Option<Box<dyn ScriptVariable>>,
    live: Live,
    codes: Arc<RwLock<ReplyCodes>>,
    /// `None`: algorithm 10 is off.
    calls: Option<Calls>,
    sets: RwLock<Arc<Sets>>,
    /// One reload or change of the list at a time.
    changing: tokio::sync::Mutex<()>,
    /// When the last reload began, in seconds since 1970.
    reloaded: Mutex<Option<i64>>,
    /// `dispatcher.ping_active`; 0: no keep-alive requests are sent.
    pinging: AtomicI64,
    /// Set when the module starts: tm may be loaded after it.
    tm: OnceLock<Arc<Tm>>,
    sockets: OnceLock<Sockets>,
    folder: OnceLock<PathBuf>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: DispatcherParams = creating.params()?;
    check(creating, &params)?;
    let source = match params.db_url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => Source::Database(creating.database("db_url", url)?),
        None => Source::File(PathBuf::from(&params.list_file)),
    };
    let extra = extra_columns(&params.ds_db_extra_attrs)
        .ok_or_else(|| wrong(creating, "ds_db_extra_attrs", "write `attribute=column;attribute=column`"))?;
    let codes = ReplyCodes::parse(&params.ds_ping_reply_codes)
        .map_err(|problem| wrong(creating, "ds_ping_reply_codes", &problem))?;
    let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
    let hash_format = match params.hash_pvar.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => Some(env.format(text, creating.span_of("hash_pvar"))?),
        None => None,
    };
    let set_variable = variable(creating, "setid_pvname", params.setid_pvname.as_deref())?;
    let attributes_variable = variable(creating, "attrs_pvname", params.attrs_pvname.as_deref())?;
    let codes = Arc::new(RwLock::new(codes));
    let live = live(creating.core, &params, &codes);
    let calls = (params.ds_hash_size > 0).then(|| Calls::new(params.ds_hash_size));
    let core = creating.core.clone();
    Ok(Arc::new(Dispatcher {
        params,
        core,
        source,
        extra,
        hash_format,
        set_variable,
        attributes_variable,
        live,
        codes,
        calls,
        sets: RwLock::default(),
        changing: tokio::sync::Mutex::default(),
        reloaded: Mutex::new(None),
        pinging: AtomicI64::new(1),
        tm: OnceLock::new(),
        sockets: OnceLock::new(),
        folder: OnceLock::new(),
    }))
}

fn wrong(creating: &Creating<'_>, name: &str, text: &str) -> Diagnostic {
    Diagnostic::error(Code::ParamValue, format!("parameter `{name}`: {text}"), creating.span_of(name), "here")
}

fn check(creating: &Creating<'_>, params: &DispatcherParams) -> Result<(), Diagnostic> {
    if !(0..=3).contains(&params.ds_probing_mode) {
        return Err(wrong(creating, "ds_probing_mode", "from 0 to 3"));
    }
    if params.ds_probing_threshold < 1 {
        return Err(wrong(creating, "ds_probing_threshold", "at least 1"));
    }
    if params.ds_inactive_threshold < 1 {
        return Err(wrong(creating, "ds_inactive_threshold", "at least 1"));
    }
    if params.ds_latency_estimator_alpha > 1000 {
        return Err(wrong(creating, "ds_latency_estimator_alpha", "from 0 to 1000"));
    }
    for (name, uri) in [("ds_ping_from", &params.ds_ping_from), ("outbound_proxy", &params.outbound_proxy)] {
        if !(uri.is_empty() || Uri::parse(uri.clone()).is_ok()) || uri.is_empty() && name == "ds_ping_from" {
            return Err(wrong(creating, name, "this is no URI"));
        }
    }
    let method = &params.ds_ping_method;
    if method.is_empty() || !method.iter().copied().all(sip::scan::is_token) {
        return Err(wrong(creating, "ds_ping_method", "this is no method"));
    }
    for (name, seconds) in [
        ("ds_hash_check_interval", params.ds_hash_check_interval),
        ("ds_hash_expire", params.ds_hash_expire),
        ("ds_hash_initexpire", params.ds_hash_initexpire),
        ("ds_dns_interval", params.ds_dns_interval),
    ] {
        if seconds == 0 {
            return Err(wrong(creating, name, "at least 1 second"));
        }
    }
    Ok(())
}

/// `attribute=column;attribute=column`
fn extra_columns(text: &str) -> Option<Vec<(String, String)>> {
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let pair = |pair: &str| {
        let (name, column) = pair.split_once('=').map(|(name, column)| (name.trim(), column.trim()))?;
        (is_name(name) && is_name(column)).then(|| (name.to_owned(), column.to_owned()))
    };
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(pair).collect()
}

/// The variable that a parameter names.
fn variable(
    creating: &Creating<'_>,
    name: &str,
    text: Option<&str>,
) -> Result<Option<Box<dyn ScriptVariable>>, Diagnostic> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
    let kind = language::ast::ExprKind::String(text.to_owned());
    let expr = language::ast::Expr { kind, span: creating.span_of(name) };
    env.variable_argument(&ArgSource { expr: &expr }, true).map(Some)
}

fn live(core: &Arc<Core>, params: &DispatcherParams, codes: &Arc<RwLock<ReplyCodes>>) -> Live {
    let int =
        |name, doc, value| core.config.declare_int("dispatcher", name, doc, value, Some((1, i64::from(i32::MAX))));
    let live = Live {
        probing_threshold: int("probing_threshold", "Failures until inactive", params.ds_probing_threshold),
        inactive_threshold: int("inactive_threshold", "Good replies until active", params.ds_inactive_threshold),
    };
    let (codes, log) = (codes.clone(), core.log.clone());
    let changed = move |value: &Value| match ReplyCodes::parse(&value.to_str().to_text()) {
        Ok(new) => *codes.write() = new,
        Err(problem) => log!(log, Error, "dispatcher: ping_reply_codes stays as it was: {problem}"),
    };
    let value = Value::from(params.ds_ping_reply_codes.as_str());
    let doc = "Good replies to keep-alive requests";
    core.config.declare("dispatcher", "ping_reply_codes", doc, value, None, Some(Arc::new(changed)));
    live
}

impl Module for Dispatcher {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let core = core.clone();
        Box::pin(async move {
            self.connect(&core)?;
            if let Source::Database(database) = &self.source {
                database.check_version(&self.params.table_name, DISPATCHER.version).await?;
            }
            let sets = self.read(&self.folder()).await?;
            *self.sets.write() = Arc::new(sets);
            self.start_timers(&core);
            Ok(())
        })
    }
}

impl Dispatcher {
    /// What needs other modules and the sockets.
    fn connect(&self, core: &Core) -> Result<(), String> {
        let params = &self.params;
        let find = |param: &str, name: &str, text: &str| {
            destination::socket(core, name, text).map_err(|problem| format!("dispatcher: `{param}`: {problem}"))
        };
        let default = find("ds_default_socket", &params.ds_default_sockname, &params.ds_default_socket)?;
        let ping = find("ds_ping_socket", "", &params.ds_ping_socket)?;
        let _ = self.sockets.set(Sockets { default, ping });
        let program = core.program.load();
        let file = program.as_ref().and_then(|program| program.sources.files.first());
        let folder = file.and_then(|file| std::path::Path::new(&file.name).parent()).map(PathBuf::from);
        let _ = self.folder.set(folder.unwrap_or_default());
        if let Some(tm) = core.modules.get().and_then(|modules| modules.get::<Tm>()) {
            let _ = self.tm.set(tm);
        } else if params.ds_ping_interval > 0 {
            return Err("dispatcher: `ds_ping_interval` needs module tm".into());
        }
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.folder.get().cloned().unwrap_or_default()
    }

    fn start_timers(self: &Arc<Self>, core: &Arc<Core>) {
        let params = &self.params;
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        if params.ds_ping_interval > 0 {
            let me = self.clone();
            core.every(seconds(params.ds_ping_interval), move |_| {
                me.ping_all();
                std::future::ready(())
            });
        }
        if self.calls.is_some() {
            let me = self.clone();
            core.every(seconds(params.ds_hash_check_interval), move |core| {
                if let Some(calls) = &me.calls {
                    calls.sweep(core.unix_time());
                }
                std::future::ready(())
            });
        }
        if params.ds_dns_mode & load::RESOLVE_OFTEN != 0 {
            let me = self.clone();
            core.every(seconds(params.ds_dns_interval), move |_| {
                let me = me.clone();
                async move { me.resolve_all(me.sets().iter().cloned()).await }
            });
        }
    }

    /// The sets as they are now.
    fn sets(&self) -> Arc<Sets> {
        self.sets.read().clone()
    }

    /// A destination of a set.
    fn find(&self, set: i64, uri: &Str) -> Option<Arc<Destination>> {
        self.sets().get(set)?.destinations.iter().find(|it| it.uri == *uri).cloned()
    }

    /// Where requests to a destination are sent from; `None`: nobody said.
    fn socket_of(&self, destination: &Destination) -> Option<SocketId> {
        destination.socket.or_else(|| self.sockets.get().and_then(|sockets| sockets.default))
    }

    /// Counts an INVITE for algorithm 10; false: there are too many calls.
    fn count_call(&self, cx: &engine::RouteCx, destination: &Destination) -> bool {
        let (Some(calls), Some(call_id)) = (&self.calls, cx.message.call_id()) else { return true };
        if cx.message.method() != sip::Method::Invite {
            return true;
        }
        calls.add(&call_id, destination, cx.core.unix_time() + i64::from(self.params.ds_hash_initexpire))
    }

    /// Reads the list anew; the error says why not.
    async fn reload(&self) -> Result<(), String> {
        let Ok(_changing) = self.changing.try_lock() else { return Err("ongoing reload".into()) };
        let (now, delta) = (self.core.unix_time(), i64::from(self.params.reload_delta));
        {
            let mut last = self.reloaded.lock();
            if delta > 0 && last.is_some_and(|last| now < last.saturating_add(delta)) {
                return Err("ongoing reload".into());
            }
            *last = Some(now);
        }
        let new = self.read(&self.folder()).await.inspect_err(|problem| {
            log!(self.core.log, Error, "dispatcher: the destinations stay as they were: {problem}");
        })?;
        let new = self.inherit(&self.sets(), new);
        *self.sets.write() = Arc::new(new);
        Ok(())
    }

    /// Sets the pinging state by hand; returns the old one.
    fn set_pinging(&self, state: i64) -> i64 {
        self.pinging.swap(state, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
