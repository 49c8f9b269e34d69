//! RPC commands `uac.reg_*`, with Kamailio's fields and texts.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{RpcArguments, RpcFault, RpcResult, RpcValue, Str, rpc};

use super::super::Uac;
use super::record::{DISABLED, Record, Row};
use super::register::Wanted;
use super::table::Attribute;

fn not_found() -> RpcFault {
    RpcFault::new(404, "Record not found")
}

fn invalid() -> RpcFault {
    RpcFault::new(400, "Invalid Parameters")
}

fn text(arguments: &mut RpcArguments) -> Result<Str, RpcFault> {
    arguments.take::<String>().map(Str::from).map_err(|_| invalid())
}

/// An attribute and its value.
fn filter(arguments: &mut RpcArguments) -> Result<(Attribute, Str), RpcFault> {
    let (name, value) = (text(arguments)?, text(arguments)?);
    let attribute = Attribute::from_name(&name).ok_or_else(|| RpcFault::new(400, "Unsupported filter attribute"))?;
    Ok((attribute, value))
}

fn done(found: bool) -> RpcResult {
    if found { Ok(Vec::new()) } else { Err(not_found()) }
}

fn info(record: &Record, now: i64) -> RpcValue {
    let Record { row, .. } = record;
    let or_null = |text: &Str| if text.is_empty() { RpcValue::Null } else { text.into() };
    let or_none = |text: &Str| if text.is_empty() { "none".into() } else { text.into() };
    RpcValue::structure([
        ("l_uuid", (&row.uuid).into()),
        ("l_username", or_null(&row.user)),
        ("l_domain", or_null(&row.domain)),
        ("r_username", (&row.remote_user).into()),
        ("r_domain", (&row.remote_domain).into()),
        ("realm", or_null(&row.realm)),
        ("auth_username", (&row.auth_user).into()),
        ("auth_password", or_none(&row.password)),
        ("auth_ha1", or_none(&row.ha1)),
        ("auth_proxy", (&row.proxy).into()),
        ("expires", record.expires.into()),
        ("flags", record.flags.into()),
        ("diff_expires", (record.due - now).into()),
        ("timer_expires", record.due.into()),
        ("reg_init", record.made.into()),
        ("reg_delay", record.delay.into()),
        ("contact_addr", (&row.contact).into()),
        ("socket", or_null(&row.socket)),
    ])
}

/// Shows all remote registrations. `flags` is a sum: 1 disabled, 2 a REGISTER is under way, 4 registered, 8 the REGISTER
/// answers a challenge, 16 the first one was sent.
#[rpc("uac.reg_dump", array)]
pub async fn reg_dump(me: Arc<Uac>) -> RpcResult {
    let now = me.core.unix_time();
    Ok(me.reg.table.lock().records().iter().map(|record| info(record, now)).collect())
}

/// Shows the remote registration whose attribute (`l_uuid`, `l_username`, `r_username`, `auth_username`) has a value:
/// `uac.reg_info l_uuid account123`.
#[rpc("uac.reg_info")]
pub async fn reg_info(me: Arc<Uac>, mut arguments: RpcArguments) -> RpcResult {
    let (attribute, value) = filter(&mut arguments)?;
    let now = me.core.unix_time();
    let table = me.reg.table.lock();
    let uuid = table.find(attribute, &value).ok_or_else(not_found)?;
    Ok(table.get(&uuid).map(|record| info(record, now)).into_iter().collect())
}

/// Enables a remote registration, found as by `uac.reg_info`; it registers at the next `reg_timer_interval`.
#[rpc("uac.reg_enable")]
pub async fn reg_enable(me: Arc<Uac>, mut arguments: RpcArguments) -> RpcResult {
    let (attribute, value) = filter(&mut arguments)?;
    done(me.switch(attribute, &value, true))
}

/// Disables a remote registration, found as by `uac.reg_info`: it is not refreshed any more.
#[rpc("uac.reg_disable")]
pub async fn reg_disable(me: Arc<Uac>, mut arguments: RpcArguments) -> RpcResult {
    let (attribute, value) = filter(&mut arguments)?;
    done(me.switch(attribute, &value, false))
}

/// Sends a REGISTER for a remote registration, found as by `uac.reg_info`, at once, and enables it.
#[rpc("uac.reg_register")]
pub async fn reg_register(me: Arc<Uac>, mut arguments: RpcArguments) -> RpcResult {
    let (attribute, value) = filter(&mut arguments)?;
    done(me.register_now(attribute, &value, Wanted::Register))
}

/// Takes a remote registration, found as by `uac.reg_info`, back: sends a REGISTER with Expires 0 and disables it.
#[rpc("uac.reg_unregister")]
pub async fn reg_unregister(me: Arc<Uac>, mut arguments: RpcArguments) -> RpcResult {
    let (attribute, value) = filter(&mut arguments)?;
    done(me.register_now(attribute, &value, Wanted::Unregister))
}

impl Uac {
    /// Whether a reload may begin now.
    fn begin_reload(&self) -> Result<(), RpcFault> {
        let now = self.core.unix_time();
        let mut last = self.reg.last_reload.lock();
        let within = |seconds: u32| last.is_some_and(|last| now < last.saturating_add(seconds.into()));
        if within(self.params.reload_delta) {
            return Err(RpcFault::new(500, "ongoing reload"));
        }
        if within(self.params.reg_gc_interval) {
            return Err(RpcFault::new(500, "Failed to shift records - check log messages"));
        }
        *last = Some(now);
        Ok(())
    }
}

/// Reads all remote registrations anew from the database. Those that did not change there go on as they are.
#[rpc("uac.reg_reload")]
pub async fn reg_reload(me: Arc<Uac>) -> RpcResult {
    me.begin_reload()?;
    match me.load_rows().await {
        Ok(rows) => {
            me.take_rows(rows);
            Ok(Vec::new())
        }
        Err(problem) => {
            engine::log!(me.core.log, Error, "uac: {problem}; remote registrations stay as they were");
            *me.reg.last_reload.lock() = None;
            Err(RpcFault::new(500, "Failed to reload records - check log messages"))
        }
    }
}

/// Reads the remote registration with a key (`l_uuid`) anew from the database.
#[rpc("uac.reg_refresh")]
pub async fn reg_refresh(me: Arc<Uac>, mut arguments: RpcArguments) -> RpcResult {
    let uuid = text(&mut arguments)?;
    match me.load_row(&uuid).await {
        Ok(Some(row)) => {
            let record = me.new_record(row);
            me.reg.table.lock().put(record);
            Ok(Vec::new())
        }
        Ok(None) => Err(not_found()),
        Err(problem) => {
            engine::log!(me.core.log, Error, "uac: {problem}");
            Err(RpcFault::new(500, "Failed to refresh record - check log messages"))
        }
    }
}

/// Begins (1) or stops (0) to send REGISTER requests, for all records.
#[rpc("uac.reg_active")]
pub async fn reg_active(me: Arc<Uac>, mut arguments: RpcArguments) -> RpcResult {
    let mode: i64 = arguments.take().map_err(|_| RpcFault::new(500, "Missing parameter"))?;
    let before = me.reg.active.swap(mode != 0, Ordering::Relaxed);
    let number = |on: bool| RpcValue::Int(on.into());
    Ok(vec![RpcValue::structure([("omode", number(before)), ("nmode", number(mode != 0))])])
}

/// Adds a remote registration until the server ends: l_uuid, l_username, l_domain, r_username, r_domain, realm,
/// auth_username, auth_password, auth_ha1, auth_proxy, expires, flags, reg_delay, socket, contact_addr. `.` stands for
/// nothing.
#[rpc("uac.reg_add")]
pub async fn reg_add(me: Arc<Uac>, mut arguments: RpcArguments) -> RpcResult {
    if me.reg.database.is_none() {
        return Err(RpcFault::new(500, "Remote registrations need reg_db_url"));
    }
    let set = |text: Str| if text == "." { Str::default() } else { text };
    let mut texts = Vec::with_capacity(10);
    for _ in 0..10 {
        texts.push(set(text(&mut arguments)?));
    }
    let mut number = || arguments.take::<i64>().map_err(|_| invalid());
    let (expires, flags, delay) = (number()?, number()?, number()?);
    let (socket, contact) = (set(text(&mut arguments)?), set(text(&mut arguments)?));
    let cell = |text: &Str| database::Value::text(text);
    let mut cells: Vec<_> = texts.iter().map(cell).collect();
    cells.extend([expires, flags & DISABLED, delay].map(database::Value::Int));
    cells.extend([cell(&contact), cell(&socket)]);
    let row = Row::from_cells(&cells, &me.reg.contact).map_err(|problem| {
        engine::log!(me.core.log, Error, "uac.reg_add: {problem}");
        invalid()
    })?;
    let record = me.new_record(row);
    let mut table = me.reg.table.lock();
    if table.get(&record.row.uuid).is_some() {
        return Err(RpcFault::new(409, "uuid already exists"));
    }
    table.put(record);
    Ok(Vec::new())
}

/// Forgets the remote registration with a key (`l_uuid`). What the registrar has runs out there.
#[rpc("uac.reg_remove")]
pub async fn reg_remove(me: Arc<Uac>, mut arguments: RpcArguments) -> RpcResult {
    let uuid = text(&mut arguments)?;
    let found = me.reg.table.lock().remove(&uuid);
    done(found)
}
