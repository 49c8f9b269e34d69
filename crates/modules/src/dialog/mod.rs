//! Module `dialog`: calls from their INVITE to their end, in memory.
//!
//! Start reading at [`Dialog`] (one call) and `tracking.rs` (what happens to it). `table.rs` finds dialogs by name, by
//! Call-ID and by transaction; `current.rs` says which one a message is of; `timer.rs` ends them in time, `byes.rs` hangs
//! up; `profiles.rs` counts them. Other modules use [`Dialogs::on`]. Nothing here waits or calls others with a dialog
//! locked. Databases (`db_mode` above 0) are not there yet.

mod byes;
mod call;
mod current;
mod events;
mod functions;
mod params;
mod profiles;
mod rpc;
mod table;
mod timer;
mod tracking;
mod variables;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::statistics::Counter;
use engine::{
    BoxFuture, Code, CompileEnv, Core, Creating, Diagnostic, Expression, Listeners, Module, ModuleDef, Params,
};

use crate::rr::Rr;
use crate::tm::{Tm, Transaction};

pub use call::{Dialog, DialogId, Party, Stage};
pub use params::DialogParams;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "dialog",
    summary: "Dialogs: keeps track of calls from their INVITE to their end.",
    needs: &["tm", "rr"],
    params: DialogParams::DEFS,
    functions: &[
        byes::DLG_BYE,
        functions::DLG_GET,
        functions::DLG_ISFLAGSET,
        functions::DLG_MANAGE,
        functions::DLG_RESETFLAG,
        functions::DLG_SETFLAG,
        functions::DLG_SET_TIMEOUT,
        profiles::GET_PROFILE_SIZE,
        profiles::IS_IN_PROFILE,
        functions::IS_KNOWN_DLG,
        profiles::SET_DLG_PROFILE,
        profiles::UNSET_DLG_PROFILE,
    ],
    variables: &[
        variables::DLG_COUNT,
        variables::DLG_LIFETIME,
        variables::DLG_STATUS,
        variables::DLG,
        variables::DLG_CTX,
        variables::DLG_VAR,
    ],
    rpc: &[
        rpc::BRIEFING,
        rpc::DLG_LIST,
        rpc::DLG_LIST_CTX,
        rpc::END_DLG,
        rpc::IS_ALIVE,
        rpc::LIST,
        rpc::LIST_CTX,
        rpc::PROFILE_GET_SIZE,
        rpc::PROFILE_LIST,
        rpc::STATS_ACTIVE,
        rpc::TERMINATE_DLG,
    ],
    event_routes: &[events::END, events::FAILED, events::START],
    create,
    ..ModuleDef::EMPTY
};

/// What happens to a dialog.
pub enum Event<'a> {
    /// It was made.
    Created,
    /// The ACK to its 2xx came by.
    Acknowledged,
    /// Its INVITE (that of the transaction) got a negative reply.
    Failed(&'a Arc<Transaction>),
    /// A BYE came by, or was sent by the server.
    Terminated,
    /// The BYE was answered. Without transaction it was one of the server.
    Over(Option<&'a Arc<Transaction>>),
    /// Its lifetime is over; there was no BYE.
    Expired,
}

/// Hears what happens to dialogs. Called without any lock; it must not block.
pub type Listener = Arc<dyn Fn(&Arc<Dialog>, &Event<'_>) + Send + Sync>;

/// The started module: the dialogs.
pub struct Dialogs {
    params: DialogParams,
    core: Arc<Core>,
    tm: Arc<Tm>,
    rr: Arc<Rr>,
    table: table::Table,
    timer: timer::Timer,
    profiles: Vec<profiles::Profile>,
    timeout_avp: Option<Expression>,
    /// The bit of `dlg_flag`.
    flag: u32,
    counters: Counters,
    listeners: Listeners<Listener>,
}

/// What is counted.
struct Counters {
    active: Arc<Amount>,
    early: Arc<Amount>,
    processed: Counter,
    expired: Counter,
    failed: Counter,
}

/// How many there are now. No command sets it back.
#[derive(Default)]
struct Amount(AtomicI64);

impl Amount {
    fn add(&self, amount: i64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    fn new(core: &Core, shown: bool) -> Self {
        let amount = |name: &str, doc: &str| {
            let amount = Arc::new(Amount::default());
            let counted = amount.clone();
            if shown {
                core.statistics.computed("dialog", name, doc, move || counted.get());
            }
            amount
        };
        let counter = |name: &str, doc: &str| {
            if shown { core.statistics.counter("dialog", name, doc) } else { Counter::default() }
        };
        Self {
            active: amount("active_dialogs", "answered dialogs"),
            early: amount("early_dialogs", "dialogs that ring"),
            processed: counter("processed_dialogs", "dialogs that were made"),
            expired: counter("expired_dialogs", "dialogs whose lifetime ended"),
            failed: counter("failed_dialogs", "dialogs whose INVITE failed"),
        }
    }

    /// A dialog leaves this stage for another one or for good.
    fn leave(&self, stage: Stage) {
        match stage {
            Stage::Early => self.early.add(-1),
            Stage::Answered | Stage::Confirmed => self.active.add(-1),
            Stage::Unconfirmed | Stage::Ended => {}
        }
    }
}

/// What is not there yet, or out of range.
fn check(creating: &Creating<'_>, params: &DialogParams) -> Result<(), Diagnostic> {
    let later = [
        ("db_mode", params.db_mode, "only 0 (dialogs are kept in memory)"),
        ("track_cseq_updates", params.track_cseq_updates, "only 0 (CSeq numbers are not corrected)"),
        ("enable_dmq", params.enable_dmq, "only 0 (dialogs are not shared)"),
        ("ka_timer", params.ka_timer, "only 0 (no keep-alives)"),
    ];
    if let Some((name, value, label)) = later.into_iter().find(|(_, value, _)| *value != 0) {
        let message = format!("`{name}` {value} of module `dialog` is not supported yet");
        return Err(Diagnostic::error(Code::NotYet, message, creating.span_of(name), label));
    }
    let wrong = |name: &str, text: &str| {
        let message = format!("parameter `{name}`: {text}");
        Err(Diagnostic::error(Code::ParamValue, message, creating.span_of(name), "out of range"))
    };
    if !(0..=2).contains(&params.dlg_match_mode) {
        return wrong("dlg_match_mode", "from 0 to 2");
    }
    if !(-1..32).contains(&params.dlg_flag) {
        return wrong("dlg_flag", "a flag from 0 to 31");
    }
    if !(1..=1 << 24).contains(&params.hash_size) {
        return wrong("hash_size", "from 1 to 16777216");
    }
    if params.rr_param.is_empty() || !params.rr_param.iter().all(|byte| sip::scan::is_token(*byte)) {
        return wrong("rr_param", "the name of a parameter");
    }
    for (name, seconds) in [
        ("default_timeout", params.default_timeout),
        ("early_timeout", params.early_timeout),
        ("noack_timeout", params.noack_timeout),
        ("end_timeout", params.end_timeout),
    ] {
        if !(1..=i64::from(i32::MAX)).contains(&seconds) {
            return wrong(name, "at least 1 second");
        }
    }
    Ok(())
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: DialogParams = creating.params()?;
    check(creating, &params)?;
    let missing = |name: &str| {
        let message = format!("module `{name}` must be loaded before `dialog`");
        Diagnostic::error(Code::MissingDependency, message, creating.span, "here")
    };
    let tm: Arc<Tm> = creating.modules.get().ok_or_else(|| missing("tm"))?;
    let rr: Arc<Rr> = creating.modules.get().ok_or_else(|| missing("rr"))?;
    let timeout_avp = match &params.timeout_avp {
        Some(text) => {
            let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
            Some(env.variable_text(text, creating.span_of("timeout_avp"))?)
        }
        None => None,
    };
    let profiles = profiles::parse(&params.profiles_with_value, &params.profiles_no_value)
        .map_err(|(name, text)| Diagnostic::error(Code::ParamValue, text, creating.span_of(name), "names and `;`"))?;
    let core = creating.core.clone();
    let me = Arc::new(Dialogs {
        table: table::Table::new(u32::try_from(params.hash_size).unwrap_or(1)),
        timer: timer::Timer::default(),
        profiles,
        timeout_avp,
        flag: u32::try_from(params.dlg_flag).map_or(0, |flag| 1 << flag),
        counters: Counters::new(&core, params.enable_stats),
        listeners: Listeners::default(),
        core,
        tm,
        rr,
        params,
    });
    let hearing = me.clone();
    me.tm.listen(Arc::new(move |transaction, notice| hearing.hear(transaction, notice)));
    let hearing = me.clone();
    me.tm.listen_for_requests(Arc::new(move |transaction, cx| hearing.transaction_made(transaction, cx)));
    let hearing = me.clone();
    me.rr.on_loose_route(Arc::new(move |cx, params| hearing.on_route(cx, params)));
    Ok(me)
}

impl Module for Dialogs {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let me = self.clone();
        core.every(Duration::from_secs(1), move |_| {
            let me = me.clone();
            async move { me.tick().await }
        });
        core.hooks.after_request.push(Arc::new(move |cx| {
            self.after_request(cx);
            true
        }));
        Box::pin(async { Ok(()) })
    }
}

impl Dialogs {
    /// Has `listener` hear what happens to dialogs.
    pub fn on(&self, listener: Listener) {
        self.listeners.push(listener);
    }

    /// Lets a context that is no message of a dialog see its variables (`$dlg_var(x)`).
    pub fn attach(cx: &mut engine::RouteCx, dialog: &Arc<Dialog>) {
        cx.data::<current::Current>().dialog = Some(dialog.clone());
    }
}
