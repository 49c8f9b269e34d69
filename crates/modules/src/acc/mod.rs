//! Module `acc`: accounting records in the log.
//!
//! `events` decides when something is accounted, `record` what a record holds and how it is written, `extra` reads the
//! additional values (`log_extra`, `multi_leg_info`).

mod events;
mod extra;
mod functions;
mod reasons;
mod record;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::{Code, CompileEnv, Creating, Diagnostic, Module, ModuleDef, Params, Str};

use crate::rr::Rr;
use crate::tm::Tm;
use extra::{Extra, Leg};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "acc",
    summary: "Accounting: writes a record for each answered, failed or missed request.",
    params: AccParams::DEFS,
    functions: &[functions::ACC_LOG_REQUEST, functions::ACC_REQUEST],
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
    legs: Vec<Leg>,
    /// With `detect_direction`.
    rr: Option<Arc<Rr>>,
}

/// Bits of message flags; none for a flag that is not set.
struct Flags {
    log: u32,
    missed: u32,
    failed: u32,
    prepare: u32,
}

impl Module for Acc {}

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
    let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
    let extras = match &params.log_extra {
        Some(text) => extra::parse_extras(text, creating.span_of("log_extra"), &mut env)?,
        None => Vec::new(),
    };
    if extras.len() > params.acc_extra_size {
        let message =
            format!("`log_extra` has {} values, `acc_extra_size` allows {}", extras.len(), params.acc_extra_size);
        return Err(refuse(creating, "log_extra", message, "too many"));
    }
    let legs = match &params.multi_leg_info {
        Some(text) => extra::parse_legs(text, creating.span_of("multi_leg_info"), &mut env)?,
        None => Vec::new(),
    };
    let acc = Arc::new(Acc { params, flags, failed_filter, facility, extras, legs, rr });
    let me = acc.clone();
    tm.listen(Arc::new(move |transaction, notice| me.hear(transaction, notice)));
    if acc.params.report_ack {
        let me = acc.clone();
        tm.listen_for_acks(Arc::new(move |invite, cx| me.hear_ack(invite, cx)));
    }
    Ok(acc)
}
