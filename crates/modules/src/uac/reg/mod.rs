//! Remote registrations: this server registers at others, as a phone does.
//!
//! `record.rs` is one registration and what becomes of it, `table.rs` all of them, `load.rs` reads them from the database,
//! `register.rs` sends REGISTER requests and hears the replies. Nobody waits for a registrar: a look at the clock starts
//! what is due.

pub(super) mod functions;
mod load;
mod record;
mod register;
pub(super) mod rpc;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use database::Database;
use engine::script_type::WritableVariable;
use engine::variable::ScriptVariable;
use engine::{ArgSource, Code, CompileEnv, Core, Creating, Diagnostic, ScriptType, Str};
use language::ast::{Expr, ExprKind};
use parking_lot::Mutex;

use super::tables::UACREG;
use super::{Uac, UacParams};
use table::Table;

/// The first REGISTERs leave so long after the start, when replies can be received.
const FIRST: Duration = Duration::from_millis(100);
/// So many REGISTERs look for the address of their registrar at a time.
const MOST_AT_ONCE: usize = 64;

/// Where `uac_reg_request_to` leaves realm, user name and password for `uac_auth`.
pub(super) struct AuthTargets {
    realm: Arc<dyn ScriptVariable>,
    username: Arc<dyn ScriptVariable>,
    password: Arc<dyn ScriptVariable>,
}

/// The state of remote registrations.
pub(super) struct Registrations {
    /// `None`: there are none.
    database: Option<Database>,
    contact: Str,
    targets: Option<AuthTargets>,
    table: Arc<Mutex<Table>>,
    active: AtomicBool,
    attempts: AtomicU64,
    last_reload: Mutex<Option<i64>>,
    sending: Arc<tokio::sync::Semaphore>,
}

impl Registrations {
    pub(super) fn new(creating: &Creating<'_>, params: &UacParams) -> Result<Self, Diagnostic> {
        let refuse = |name: &str, message: &str, label: &str| {
            Err(Diagnostic::error(Code::ParamValue, message.to_owned(), creating.span_of(name), label.to_owned()))
        };
        let contact = params.reg_contact_addr.clone();
        let database = match params.reg_db_url.as_str() {
            "" => None,
            url => Some(creating.database("reg_db_url", url)?),
        };
        if database.is_some() && contact.is_empty() {
            return refuse("reg_db_url", "`reg_db_url` needs `reg_contact_addr`", "which address do others call?");
        }
        let uri = Str::from([b"sip:x@", &*contact].concat());
        if !contact.is_empty() && (contact.contains(&b'@') || sip::Uri::parse(uri).is_err()) {
            return refuse(
                "reg_contact_addr",
                "`reg_contact_addr` is no address",
                "host, port and parameters, no `sip:`",
            );
        }
        if params.reg_timer_interval == 0 {
            return refuse("reg_timer_interval", "`reg_timer_interval` must be above 0", "0 seconds");
        }
        if !(1..=16).contains(&params.reg_hash_size) {
            return refuse("reg_hash_size", "`reg_hash_size` is out of range", "1 to 16");
        }
        Ok(Self {
            database,
            contact,
            targets: auth_targets(creating, params),
            table: Arc::default(),
            active: AtomicBool::new(params.reg_active),
            attempts: AtomicU64::new(1),
            last_reload: Mutex::default(),
            sending: Arc::new(tokio::sync::Semaphore::new(MOST_AT_ONCE)),
        })
    }

    fn next_attempt(&self) -> u64 {
        self.attempts.fetch_add(1, Ordering::Relaxed)
    }
}

/// The variables of `auth_*_avp`, when all can be written.
fn auth_targets(creating: &Creating<'_>, params: &UacParams) -> Option<AuthTargets> {
    let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
    let mut compile = |name: &str, text: &Str| {
        let expr = Expr { kind: ExprKind::String(text.to_text().into_owned()), span: creating.span_of(name) };
        WritableVariable::compile(Some(&ArgSource { expr: &expr }), &mut env).ok()
    };
    Some(AuthTargets {
        realm: compile("auth_realm_avp", &params.auth_realm_avp)?,
        username: compile("auth_username_avp", &params.auth_username_avp)?,
        password: compile("auth_password_avp", &params.auth_password_avp)?,
    })
}

impl Uac {
    /// Reads the table and begins to register.
    pub(super) async fn start_registrations(self: &Arc<Self>, core: &Arc<Core>) -> Result<(), String> {
        let Some(database) = &self.reg.database else { return Ok(()) };
        database.check_version(&self.params.reg_db_table, UACREG.version).await?;
        let rows = self.load_rows().await.map_err(|error| format!("uac: {error}"))?;
        self.take_rows(rows);
        self.declare_statistics(core);
        let me = self.clone();
        core.spawn(Box::pin(async move {
            tokio::time::sleep(FIRST).await;
            me.register_due();
        }));
        let me = self.clone();
        core.every(Duration::from_secs(self.params.reg_timer_interval.into()), move |_| {
            let me = me.clone();
            async move { me.register_due() }
        });
        Ok(())
    }

    fn declare_statistics(&self, core: &Core) {
        let statistics = [
            ("regtotal", "remote registrations"),
            ("regactive", "remote registrations that succeeded"),
            ("regdisabled", "remote registrations that are disabled"),
        ];
        for (at, (name, doc)) in statistics.into_iter().enumerate() {
            let table = self.reg.table.clone();
            core.statistics.computed("uac", name, doc, move || table.lock().counts()[at] as i64);
        }
    }
}
