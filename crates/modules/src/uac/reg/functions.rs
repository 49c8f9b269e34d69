//! Script functions about remote registrations.

use std::sync::Arc;

use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::Uri;

use super::super::Uac;
use super::record::Status;
use super::register::Wanted;
use super::table::Attribute;

/// Bits of the mode of `uac_reg_request_to`.
const BY_USER: i64 = 1;
const WITH_HA1: i64 = 2;

/// There is no record.
const UNKNOWN: Return = Return(-2);
/// Records are not found by this attribute.
const NO_ATTRIBUTE: Return = Return(-3);

/// Puts the local address, `sip:l_username@l_domain`, of the remote registration with the key `uuid` into `dst`. When a
/// call for a registered contact comes in, its user is the key.
///
/// Returns 1; -1 there is no such record.
#[function(ANY)]
pub fn uac_reg_lookup(cx: &mut RouteCx, me: &Uac, uuid: Str, dst: WritableVariable) -> CallResult {
    let found = me.reg.table.lock().get(&uuid).map(|record| record.row.local());
    let Some(uri) = found else { return Ok(Return::FALSE) };
    dst.0.set(cx, Value::Str(uri)).map(|()| Return::TRUE)
}

/// Puts the key (`l_uuid`) of the remote registration whose local user (`l_username`; with `reg_use_domain` its domain, too)
/// is that of `uri` into `dst`.
///
/// Returns 1; -1 there is no such record, or `uri` is none.
#[function(ANY)]
pub fn uac_reg_lookup_uri(cx: &mut RouteCx, me: &Uac, uri: Str, dst: WritableVariable) -> CallResult {
    let uri = Uri::parse(uri.clone()).map_err(|_| ScriptError::new(format!("`{uri}` is no URI")))?;
    let Some(user) = uri.user() else { return Ok(Return::FALSE) };
    let domain = me.params.reg_use_domain.then(|| uri.host());
    let found = me.reg.table.lock().of_user(&user, domain.as_deref()).map(|record| record.row.uuid.clone());
    let Some(uuid) = found else { return Ok(Return::FALSE) };
    dst.0.set(cx, Value::Str(uuid)).map(|()| Return::TRUE)
}

/// How the remote registration with the key `uuid` stands.
///
/// Returns 1 registered; -1 there is no such record; -2 a first registration is under way; -3 disabled; -99 not registered,
/// the next attempt is waited for.
#[function(ANY)]
pub fn uac_reg_status(cx: &mut RouteCx, me: &Uac, uuid: Str) -> CallResult {
    let now = cx.core.unix_time();
    Ok(Return(match me.reg.table.lock().get(&uuid).map(|record| record.status(now)) {
        None => -1,
        Some(Status::Registered) => 1,
        Some(Status::Ongoing) => -2,
        Some(Status::Disabled) => -3,
        Some(Status::Waiting) => -99,
    }))
}

/// Directs the request to the remote user of a registration: the request-URI becomes `sip:r_username@r_domain`, the next
/// hop its `auth_proxy`, and the variables of `auth_realm_avp`, `auth_username_avp` and `auth_password_avp` get what
/// `uac_auth()` in a failure route needs. `mode` is a sum: 1 `user` is the local user name, not the key (`l_uuid`); 2 the
/// password is `auth_ha1` (then call `uac_auth(1)`).
///
/// Returns 1; -1 there is no such record.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn uac_reg_request_to(cx: &mut RouteCx, me: &Uac, user: Str, mode: i64) -> CallResult {
    let Some(targets) = &me.reg.targets else {
        return Err(ScriptError::new("auth_realm_avp, auth_username_avp and auth_password_avp must be set"));
    };
    let row = {
        let table = me.reg.table.lock();
        let found = if mode & BY_USER != 0 { table.of_user(&user, None) } else { table.get(&user) };
        found.map(|record| record.row.clone())
    };
    let Some(row) = row else { return Ok(Return::FALSE) };
    let password = if mode & WITH_HA1 != 0 { &row.ha1 } else { &row.password };
    for (variable, text) in
        [(&targets.realm, &row.realm), (&targets.username, &row.auth_user), (&targets.password, password)]
    {
        variable.set(cx, Value::Str(text.clone()))?;
    }
    cx.to.set_uri(row.address());
    cx.to.destination = Some(row.proxy.clone());
    Ok(Return::TRUE)
}

impl Uac {
    /// Does something with the record that a filter names.
    fn by_filter(&self, attribute: &Str, value: &Str, work: impl FnOnce(Attribute) -> bool) -> CallResult {
        if attribute.is_empty() || value.is_empty() {
            return Err(ScriptError::new("attribute and value must not be empty"));
        }
        let Some(attribute) = Attribute::from_name(attribute) else {
            engine::log!(self.core.log, Error, "uac: `{attribute}` is no attribute of remote registrations");
            return Ok(NO_ATTRIBUTE);
        };
        Ok(if work(attribute) { Return::TRUE } else { UNKNOWN })
    }

    /// Enables or disables a record; false: there is none.
    pub(super) fn switch(&self, attribute: Attribute, value: &Str, on: bool) -> bool {
        let now = self.core.unix_time();
        let mut table = self.reg.table.lock();
        let uuid = table.find(attribute, value);
        let Some(record) = uuid.and_then(|uuid| table.get_mut(&uuid)) else { return false };
        if on {
            record.enable(now);
        } else {
            record.disable(now);
        }
        true
    }
}

/// Enables a remote registration: the one whose `attr` (`l_uuid`, `l_username`, `r_username` or `auth_username`) is `val`. It
/// registers at the next `reg_timer_interval`.
///
/// Returns 1; -1 an argument is empty; -2 there is no such record; -3 there is no such attribute.
#[function(ANY)]
pub fn uac_reg_enable(_cx: &mut RouteCx, me: &Uac, attr: Str, val: Str) -> CallResult {
    me.by_filter(&attr, &val, |attribute| me.switch(attribute, &val, true))
}

/// Disables a remote registration, found as by `uac_reg_enable`: it is not refreshed any more. What the registrar has runs
/// out there; `uac_reg_send_unregister` takes it away.
///
/// Returns what `uac_reg_enable` returns.
#[function(ANY)]
pub fn uac_reg_disable(_cx: &mut RouteCx, me: &Uac, attr: Str, val: Str) -> CallResult {
    me.by_filter(&attr, &val, |attribute| me.switch(attribute, &val, false))
}

/// Sends a REGISTER for a remote registration, found as by `uac_reg_enable`, at once, and enables it.
///
/// Returns what `uac_reg_enable` returns.
#[function(ANY)]
pub fn uac_reg_send_register(_cx: &mut RouteCx, me: &Arc<Uac>, attr: Str, val: Str) -> CallResult {
    me.by_filter(&attr, &val, |attribute| me.register_now(attribute, &val, Wanted::Register))
}

/// Takes a remote registration, found as by `uac_reg_enable`, back: sends a REGISTER with Expires 0 and disables it.
///
/// Returns what `uac_reg_enable` returns.
#[function(ANY)]
pub fn uac_reg_send_unregister(_cx: &mut RouteCx, me: &Arc<Uac>, attr: Str, val: Str) -> CallResult {
    me.by_filter(&attr, &val, |attribute| me.register_now(attribute, &val, Wanted::Unregister))
}

/// Reads the remote registration with the key `luuid` anew from the database; it registers at the next
/// `reg_timer_interval`.
///
/// Returns 1; -1 there is no such row, or the database did not answer.
#[function(ANY)]
pub async fn uac_reg_refresh(_cx: &mut RouteCx, me: &Uac, luuid: Str) -> CallResult {
    let row = me.load_row(&luuid).await.map_err(ScriptError::new)?;
    let Some(row) = row else { return Ok(Return::FALSE) };
    let record = me.new_record(row);
    me.reg.table.lock().put(record);
    Ok(Return::TRUE)
}
