//! Module `acc`: accounting records in the log and in a database.
//!
//! `events` decides when something is accounted, `record` what a record holds and how it is written, `extra` reads the
//! additional values (`log_extra`, `db_extra`, `multi_leg_info`), `store` takes records into the database. `cdr` writes
//! records of whole calls.

mod cdr;
mod events;
mod extra;
mod functions;
mod reasons;
mod record;
mod store;
mod tables;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::{BoxFuture, Code, CompileEnv, Core, Creating, DbName, Diagnostic, Module, ModuleDef, Params, Str};

use crate::dialog::Dialogs;
use crate::rr::Rr;
use crate::tm::Tm;
use extra::{Extra, Leg};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "acc",
    summary: "Accounting: writes a record for each answered, failed or missed request.",
    params: AccParams::DEFS,
    functions: &[functions::ACC_DB_REQUEST, functions::ACC_LOG_REQUEST, functions::ACC_REQUEST],
    tables: &[&tables::ACC, &tables::ACC_CDRS, &tables::MISSED_CALLS],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `acc`.
#[derive(Params)]
pub struct AccParams {
    /// Accounts also provisional replies with a body (early media).
    #[param(default = false)]
    pub early_media: bool,
    /// Message flag: the request is accounted also when its final reply is 300 or above; -1: none.
    #[param(default = -1)]
    pub failed_transaction_flag: i64,
    /// Codes from 300 to 999, separated by commas, that are not accounted in spite of `failed_transaction_flag`.
    pub failed_filter: Option<String>,
    /// Accounts the first ACK to a 2xx when the INVITE has `log_flag`.
    #[param(default = false)]
    pub report_ack: bool,
    /// Accounts CANCEL requests that have `log_flag`.
    #[param(default = false)]
    pub report_cancels: bool,
    /// Swaps From and To tag of requests that go from callee to caller; needs module `rr`.
    #[param(default = false)]
    pub detect_direction: bool,
    /// Message flag: a request that had it when its transaction was made may be accounted because of flags that later
    /// routes set; `log_flag` and `log_missed_flag` do the same. -1: none.
    #[param(default = -1)]
    pub acc_prepare_flag: i64,
    /// Every request may be accounted because of flags that later routes set.
    #[param(default = false)]
    pub acc_prepare_always: bool,
    /// `name=$avp(x);name=$avp(y)`: values of each leg of the call. A record holds all legs: the newest values of the
    /// AVPs, then those before, and so on.
    pub multi_leg_info: Option<String>,
    /// Message flag: the request is accounted when it is answered 2xx; -1: none.
    #[param(default = -1)]
    pub log_flag: i64,
    /// Message flag: a failed INVITE is accounted as a missed call; -1: none. It is taken away with that.
    #[param(default = -1)]
    pub log_missed_flag: i64,
    /// Log level of the records: 1 is notice.
    #[param(default = 1)]
    pub log_level: i64,
    /// syslog facility of the records (`LOG_LOCAL3`); default: that of the core.
    pub log_facility: Option<String>,
    /// Further values: `name=$variable;name=$variable`. They are looked up in the request as it was relayed.
    pub log_extra: Option<String>,
    /// The most values that `log_extra` may have.
    #[param(default = 64)]
    pub acc_extra_size: usize,
    /// The time of a record is written in addition: 0 no, 1 its microseconds as `time_exten`, 2 seconds and milliseconds
    /// as `time_attr`, 3 as `time_format` says in local time, 4 in UTC.
    #[param(default = 0)]
    pub time_mode: i64,
    /// Name of the value that `time_mode` 2, 3 and 4 add.
    #[param(default = "time_attr".into())]
    pub time_attr: Str,
    /// Name of the value that `time_mode` 1 adds.
    #[param(default = "time_exten".into())]
    pub time_exten: Str,
    /// Format of the time (that of `strftime`).
    #[param(default = "%Y-%m-%d %H:%M:%S".into())]
    pub time_format: Str,
    /// The database for records; without it there are none in a database.
    pub db_url: Option<String>,
    /// Message flag: the request is accounted in the database when it is answered 2xx; -1: none.
    #[param(default = -1)]
    pub db_flag: i64,
    /// Message flag: a failed INVITE is accounted in the database as a missed call; -1: none. It is taken away with that.
    #[param(default = -1)]
    pub db_missed_flag: i64,
    /// Table of answered and failed requests.
    #[param(default = "acc".into())]
    pub db_table_acc: DbName,
    /// Table of missed calls.
    #[param(default = "missed_calls".into())]
    pub db_table_missed_calls: DbName,
    /// Further columns: `column=$variable;column=$variable`, as in `log_extra`. The tables must have them.
    pub db_extra: Option<String>,
    /// 1: a variable of `db_extra` without a value is `NULL`; 0: an empty text.
    #[param(default = false)]
    pub acc_extra_nullable: bool,
    /// 1: the versions of the tables are looked at when the server starts.
    #[param(default = true)]
    pub db_version_check: bool,
    /// Kamailio: 0 plain, 1 delayed, 2 asynchronous inserts. Has no effect: records are always written by a task of
    /// their own, several at once.
    #[param(default = 0)]
    pub db_insert_mode: i64,
    /// Column of the method.
    #[param(default = "method".into())]
    pub acc_method_column: DbName,
    /// Column of the From tag.
    #[param(default = "from_tag".into())]
    pub acc_from_tag_column: DbName,
    /// Column of the To tag.
    #[param(default = "to_tag".into())]
    pub acc_to_tag_column: DbName,
    /// Column of the Call-ID.
    #[param(default = "callid".into())]
    pub acc_callid_column: DbName,
    /// Column of the status code.
    #[param(default = "sip_code".into())]
    pub acc_sip_code_column: DbName,
    /// Column of the reason.
    #[param(default = "sip_reason".into())]
    pub acc_sip_reason_column: DbName,
    /// Column of the time.
    #[param(default = "time".into())]
    pub acc_time_column: DbName,
    /// 1: a record is written for each call whose dialog is tracked (module `dialog`), when it ends.
    #[param(default = false)]
    pub cdr_enable: bool,
    /// Name of a dialog variable (`$dlg_var(name)`): calls that have it get no record.
    pub cdr_skip: Option<Str>,
    /// Calls whose dialog timed out get a record as well; of its variables only those of the dialog have a value.
    #[param(default = false)]
    pub cdr_expired_dlg_enable: bool,
    /// 1: the call begins with the ACK to its 2xx; 0: with its INVITE.
    #[param(default = false)]
    pub cdr_start_on_confirmed: bool,
    /// syslog facility of the records of calls.
    #[param(default = "LOG_DAEMON".into())]
    pub cdr_facility: String,
    /// Further values of the records of calls: `name=$variable;name=$variable`. They are looked up in the BYE when it was
    /// answered (in the INVITE when it failed): `$dlg_var(name)` keeps values until then.
    pub cdr_extra: Option<String>,
    /// The most values that `cdr_extra` may have.
    #[param(default = 64)]
    pub cdr_extra_size: usize,
    /// 1: a variable of `cdr_extra` without a value is `NULL` in the database; 0: an empty text.
    #[param(default = false)]
    pub cdr_extra_nullable: bool,
    /// Name (and column) of the time when the call began.
    #[param(default = "start_time".into())]
    pub cdr_start_id: Str,
    /// Name (and column) of the time when the call ended.
    #[param(default = "end_time".into())]
    pub cdr_end_id: Str,
    /// Name (and column) of the duration in seconds.
    #[param(default = "duration".into())]
    pub cdr_duration_id: Str,
    /// 0: the records of calls are not written to the log.
    #[param(default = true)]
    pub cdr_log_enable: bool,
    /// Table of the records of calls (`acc_cdrs`); empty: they do not go into a database.
    #[param(default = "".into())]
    pub cdrs_table: Str,
    /// 0: calls that were not answered get no record.
    #[param(default = true)]
    pub cdr_on_failed: bool,
    /// Takes the reason from the first Reason header of the reply, when it has one.
    #[param(default = false)]
    pub reason_from_hf: bool,
    /// Has no meaning here: records are always made from a copy of the request.
    #[param(default = true)]
    pub clone_msg: bool,
}

/// The started module.
pub struct Acc {
    params: AccParams,
    flags: Flags,
    failed_filter: Vec<u16>,
    facility: Option<u8>,
    extras: Vec<Extra>,
    db_extras: Vec<Extra>,
    store: Option<store::Store>,
    cdrs: Option<cdr::Cdrs>,
    core: Arc<Core>,
    legs: Vec<Leg>,
    /// With `detect_direction`.
    rr: Option<Arc<Rr>>,
}

/// Bits of message flags; none for a flag that is not set.
struct Flags {
    log: u32,
    missed: u32,
    db: u32,
    db_missed: u32,
    failed: u32,
    prepare: u32,
}

impl Module for Acc {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let core = core.clone();
        Box::pin(async move {
            let Some(store) = &self.store else { return Ok(()) };
            if self.params.db_version_check {
                for (table, version) in [
                    (&self.params.db_table_acc, tables::ACC.version),
                    (&self.params.db_table_missed_calls, tables::MISSED_CALLS.version),
                ] {
                    store.database.check_version(table, version).await?;
                }
            }
            store.start(&core);
            Ok(())
        })
    }

    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Some(store) = &self.store {
                store.stop(&self.core).await;
            }
        })
    }
}

fn refuse(creating: &Creating<'_>, name: &str, message: impl Into<String>, label: &str) -> Diagnostic {
    Diagnostic::error(Code::ParamValue, message, creating.span_of(name), label)
}

/// The bit of a flag parameter.
fn flag(creating: &Creating<'_>, name: &str, number: i64) -> Result<u32, Diagnostic> {
    match number {
        -1 => Ok(0),
        0..=31 => Ok(1 << number),
        _ => Err(refuse(creating, name, format!("flag {number} is out of range"), "flags go from 0 to 31")),
    }
}

/// The codes in `failed_filter`.
fn failed_filter(creating: &Creating<'_>, text: &str) -> Result<Vec<u16>, Diagnostic> {
    text.split(',')
        .map(|code| {
            let number = code.parse().ok().filter(|number| (300..1000).contains(number) && code.len() == 3);
            number.ok_or_else(|| {
                refuse(creating, "failed_filter", format!("`{code}` is no code of a failure"), "300 to 999: `404,407`")
            })
        })
        .collect()
}

/// `log_extra`, `db_extra` and `multi_leg_info`.
struct Values {
    extras: Vec<Extra>,
    db_extras: Vec<Extra>,
    legs: Vec<Leg>,
}

fn values(creating: &Creating<'_>, params: &AccParams, env: &mut CompileEnv<'_>) -> Result<Values, Diagnostic> {
    let extras = match &params.log_extra {
        Some(text) => extra::parse_extras(text, creating.span_of("log_extra"), env)?,
        None => Vec::new(),
    };
    let db_extras = match &params.db_extra {
        Some(text) => extra::parse_extras(text, creating.span_of("db_extra"), env)?,
        None => Vec::new(),
    };
    for (name, extras) in [("log_extra", &extras), ("db_extra", &db_extras)] {
        if extras.len() > params.acc_extra_size {
            let message =
                format!("`{name}` has {} values, `acc_extra_size` allows {}", extras.len(), params.acc_extra_size);
            return Err(refuse(creating, name, message, "too many"));
        }
    }
    if let Some(extra) = db_extras.iter().find(|extra| !database::is_name(&extra.name.to_text())) {
        let message = format!("`{}` is no name of a column", extra.name);
        return Err(refuse(creating, "db_extra", message, "write `column=$variable`"));
    }
    let legs = match &params.multi_leg_info {
        Some(text) => extra::parse_legs(text, creating.span_of("multi_leg_info"), env)?,
        None => Vec::new(),
    };
    Ok(Values { extras, db_extras, legs })
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: AccParams = creating.params()?;
    let missing = |name: &str, because: &str| {
        let message = format!("module `{name}` must be loaded before `acc`{because}");
        Diagnostic::error(Code::MissingDependency, message, creating.span, "here")
    };
    let tm = creating.modules.get::<Tm>().ok_or_else(|| missing("tm", ""))?;
    let rr = if params.detect_direction {
        Some(creating.modules.get().ok_or_else(|| missing("rr", " because of `detect_direction`"))?)
    } else {
        None
    };
    let flags = Flags {
        log: flag(creating, "log_flag", params.log_flag)?,
        missed: flag(creating, "log_missed_flag", params.log_missed_flag)?,
        db: flag(creating, "db_flag", params.db_flag)?,
        db_missed: flag(creating, "db_missed_flag", params.db_missed_flag)?,
        failed: flag(creating, "failed_transaction_flag", params.failed_transaction_flag)?,
        prepare: flag(creating, "acc_prepare_flag", params.acc_prepare_flag)?,
    };
    let failed_filter = match &params.failed_filter {
        Some(text) => failed_filter(creating, text)?,
        None => Vec::new(),
    };
    let facility = match &params.log_facility {
        Some(name) => Some(engine::settings::facility_number(name).ok_or_else(|| {
            let message = format!("`{name}` is no syslog facility");
            refuse(creating, "log_facility", message, "LOG_DAEMON, LOG_LOCAL0 ..")
        })?),
        None => None,
    };
    let database = match &params.db_url {
        Some(url) => Some(store::Store::new(creating.database("db_url", url)?)),
        None => None,
    };
    let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
    let Values { extras, db_extras, legs } = values(creating, &params, &mut env)?;
    if !params.cdrs_table.is_empty() && !database::is_name(&params.cdrs_table.to_text()) {
        let message = format!("`{}` is no name of a table", params.cdrs_table);
        return Err(refuse(creating, "cdrs_table", message, "letters, digits, `_`, `$` and `-`"));
    }
    let dialogs = if params.cdr_enable {
        Some(creating.modules.get::<Dialogs>().ok_or_else(|| missing("dialog", " because of `cdr_enable`"))?)
    } else {
        None
    };
    let cdrs = if params.cdr_enable { Some(cdr::create(creating, &params, &mut env)?) } else { None };
    let acc = Arc::new(Acc {
        cdrs,
        params,
        flags,
        failed_filter,
        facility,
        extras,
        db_extras,
        store: database,
        core: creating.core.clone(),
        legs,
        rr,
    });
    let me = acc.clone();
    tm.listen(Arc::new(move |transaction, notice| me.hear(transaction, notice)));
    if let Some(dialogs) = dialogs {
        cdr::listen(&acc, &dialogs);
    }
    if acc.params.report_ack {
        let me = acc.clone();
        tm.listen_for_acks(Arc::new(move |invite, cx| me.hear_ack(invite, cx)));
    }
    Ok(acc)
}
