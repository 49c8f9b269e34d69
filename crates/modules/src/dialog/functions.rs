//! Script functions.

use engine::script_type::Flag;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Method;

use super::call::DialogId;
use super::current::{Current, Pending, tags};
use super::{Dialogs, Stage};

/// Makes a dialog for an INVITE that begins one; for a request within a dialog: finds the dialog by Call-ID and tags, as
/// `loose_route` does, when it was not found yet. To be called before the request is relayed.
///
/// Returns 1; -1 for other requests that are not within a dialog, and when there are too many dialogs.
#[function(REQUEST)]
pub fn dlg_manage(cx: &mut RouteCx, me: &Dialogs) -> CallResult {
    cx.data::<Current>().managed = true;
    if tags(&cx.message).1.is_empty() {
        if cx.message.method() != Method::Invite {
            return Ok(Return::FALSE);
        }
        me.manage_invite(cx)?;
        return Ok(Return::TRUE);
    }
    if !cx.find_data::<Current>().is_some_and(|current| current.routed)
        && let Some((dialog, direction)) = me.look_up(&cx.message)
    {
        me.pass(cx, &dialog, direction);
    }
    Ok(Return::TRUE)
}

/// True when the message is of a dialog that is tracked.
#[function(ANY)]
pub fn is_known_dlg(cx: &mut RouteCx, me: &Dialogs) -> CallResult {
    Ok(me.current(cx).is_some().into())
}

/// Makes the dialog with this Call-ID and these tags of caller and callee the one that the script works on; an empty To
/// tag fits any. False when there is none.
#[function(ANY)]
pub fn dlg_get(cx: &mut RouteCx, me: &Dialogs, callid: Str, ftag: Str, ttag: Str) -> CallResult {
    let Some((dialog, _)) = me.table.find(&callid, &ftag, &ttag) else { return Ok(Return::FALSE) };
    cx.data::<Current>().dialog = Some(dialog);
    Ok(Return::TRUE)
}

/// Sets the lifetime of the current dialog, or of the one with these numbers (`$dlg(h_entry)`, `$dlg(h_id)`), in seconds
/// from now on; for one that is not answered: from its answer on. -1 when there is no such dialog.
#[function(ANY)]
pub fn dlg_set_timeout(
    cx: &mut RouteCx,
    me: &Dialogs,
    timeout: i64,
    h_entry: Option<i64>,
    h_id: Option<i64>,
) -> CallResult {
    let dialog = match (h_entry, h_id) {
        (Some(entry), Some(number)) => match (u32::try_from(entry), u32::try_from(number)) {
            (Ok(entry), Ok(number)) => me.table.get(DialogId { entry, number }),
            _ => None,
        },
        (None, None) => me.current(cx),
        _ => return Err(ScriptError::new("dlg_set_timeout takes one or three arguments")),
    };
    let Some(dialog) = dialog else { return Ok(Return::FALSE) };
    me.set_lifetime(&dialog, timeout)?;
    Ok(Return::TRUE)
}

impl Dialogs {
    /// Sets the lifetime of a dialog, in seconds from now on (or from its answer on).
    pub(super) fn set_lifetime(&self, dialog: &std::sync::Arc<super::Dialog>, seconds: i64) -> Result<(), ScriptError> {
        if !(1..=i64::from(i32::MAX)).contains(&seconds) {
            return Err(ScriptError::new(format!("{seconds} seconds are no lifetime of a dialog")));
        }
        {
            let mut state = dialog.lock();
            state.lifetime = seconds;
            if !state.stage.is_active() {
                return Ok(());
            }
            state.expires = self.core.unix_time() + seconds;
        }
        self.plan(dialog);
        Ok(())
    }
}

fn change_flags(cx: &mut RouteCx, me: &Dialogs, change: impl FnOnce(&mut u32)) {
    match me.current(cx) {
        Some(dialog) => change(&mut dialog.lock().flags),
        None => change(&mut cx.data::<Pending>().flags),
    }
}

/// Sets a flag (0 to 31) of the current dialog, or of the one that the request will make.
#[function(ANY)]
pub fn dlg_setflag(cx: &mut RouteCx, me: &Dialogs, flag: Flag) -> CallResult {
    change_flags(cx, me, |flags| *flags |= 1 << flag.0);
    Ok(Return::TRUE)
}

/// Takes a flag of the current dialog away.
#[function(ANY)]
pub fn dlg_resetflag(cx: &mut RouteCx, me: &Dialogs, flag: Flag) -> CallResult {
    change_flags(cx, me, |flags| *flags &= !(1 << flag.0));
    Ok(Return::TRUE)
}

/// True when the current dialog has the flag.
#[function(ANY)]
pub fn dlg_isflagset(cx: &mut RouteCx, me: &Dialogs, flag: Flag) -> CallResult {
    let flags = match me.current(cx) {
        Some(dialog) => dialog.lock().flags,
        None => cx.find_data::<Pending>().map_or(0, |pending| pending.flags),
    };
    Ok((flags & 1 << flag.0 != 0).into())
}

/// Whether `$DLG_status` and `$DLG_lifetime` tell something: of requests that were routed, or of their transaction.
pub(super) fn shown(cx: &RouteCx, me: &Dialogs) -> Option<std::sync::Arc<super::Dialog>> {
    if !cx.message.is_request() || cx.send.faked {
        return None;
    }
    me.known(cx).filter(|dialog| dialog.stage() >= Stage::Answered)
}
