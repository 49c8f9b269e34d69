//! Questions about registrations, and removing them by script.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Uri;

use super::Registrar;
use crate::usrloc::{Contact, TableName};

impl Registrar {
    /// The URI that is meant when none is given: the request-URI, of a reply the To URI.
    fn own_uri(cx: &RouteCx) -> Str {
        match cx.message.to() {
            Ok(Some(to)) if cx.message.is_reply() => to.uri.clone(),
            _ => cx.request_uri(),
        }
    }

    /// Whether a contact has what the settings ask for; a setting that is missing asks for nothing.
    fn matches(&self, cx: &RouteCx, contact: &Contact, options: i64) -> bool {
        let same = |bit: i64, name: &str, text: Option<&Str>| {
            options & bit == 0
                || self.setting(cx, name).is_none_or(|wanted| text.is_some_and(|text| *text == wanted.to_str()))
        };
        same(1, "match_callid", Some(&contact.call_id))
            && same(2, "match_received", contact.received.as_ref())
            && same(4, "match_contact", Some(&contact.uri))
    }
}

/// True when the user of `uri` (default: of the request-URI, of a reply the To URI) is registered. Nothing is changed.
///
/// `options` asks for a contact that is like a setting in `xavp_cfg`: sum of 1 `match_callid`, 2 `match_received`, 4
/// `match_contact`. `action` for the contact found: sum of 1 restore its xavp, 2 do not show it in `xavp_rcd`.
#[function(ANY)]
pub async fn registered(
    cx: &mut RouteCx,
    me: &Registrar,
    table: TableName,
    uri: Option<Str>,
    options: Option<i64>,
    action: Option<i64>,
) -> CallResult {
    let uri = uri.unwrap_or_else(|| Registrar::own_uri(cx));
    let aor = me.aor(&uri).map_err(|_| ScriptError::new(format!("`{uri}` is no address of record")))?;
    let list = me.usrloc.usable_contacts(&table.0, &aor).await.map_err(failed)?;
    let Some(contact) = list.iter().find(|contact| me.matches(cx, contact, options.unwrap_or(0))) else {
        return Ok(Return::FALSE);
    };
    let action = action.unwrap_or(0);
    if action & 1 != 0 {
        me.restore(cx, contact);
    }
    if action & 2 == 0 {
        me.show(cx, contact);
    }
    Ok(Return::TRUE)
}

/// True when the message came from where the user of `uri` is registered: its source address is that of a contact's
/// `received`, or else of its URI. `mode`: sum of 1 the port must be the same too, 2 the protocol too.
#[function(ANY)]
pub async fn reg_from_user(cx: &mut RouteCx, me: &Registrar, table: TableName, uri: Str, mode: i64) -> CallResult {
    let aor = me.aor(&uri).map_err(|_| ScriptError::new(format!("`{uri}` is no address of record")))?;
    let (source, protocol) = (cx.source, cx.received.protocol);
    let same = |contact: &Contact| {
        let address = contact.received.as_ref().unwrap_or(&contact.uri);
        let Ok(uri) = Uri::parse(address.clone()) else { return false };
        engine::forward::address_of(&uri.host()) == Some(source.ip().to_canonical())
            && (mode & 1 == 0 || uri.port_or_default() == source.port())
            && (mode & 2 == 0 || uri.protocol() == protocol)
    };
    Ok(me.usrloc.usable_contacts(&table.0, &aor).await.map_err(failed)?.iter().any(same).into())
}

/// Removes all contacts of the user of `uri`, or only the one of the unique id `ruid`.
///
/// Returns 1, -1 (no valid URI), -2 (the database failed; or a `ruid` without a URI, which needs usrloc's `db_mode` 3), -3
/// (no such contact).
#[function(ANY)]
pub async fn unregister(cx: &mut RouteCx, me: &Registrar, table: TableName, uri: Str, ruid: Option<Str>) -> CallResult {
    if let (true, Some(ruid)) = (uri.is_empty(), &ruid) {
        if !me.usrloc.has_no_memory() {
            engine::log!(cx.core.log, Error, "{}: a unique id without a URI needs `db_mode` 3", cx.place());
            return Ok(Return(-2));
        }
        return Ok(match me.usrloc.remove_ruid(&table.0, ruid).await {
            Ok(true) => Return::TRUE,
            Ok(false) => Return(-3),
            Err(error) => not_removed(cx, &error),
        });
    }
    let aor = me.aor(&uri).map_err(|_| ScriptError::new(format!("`{uri}` is no address of record")))?;
    let removed = me.usrloc.change(&table.0, &aor, false, |editor| match &ruid {
        None => {
            editor.clear();
            true
        }
        Some(ruid) => editor.find_ruid(ruid).map(|at| editor.remove(at)).is_some(),
    });
    Ok(match removed.await {
        Ok(true) => Return::TRUE,
        Ok(false) => Return(-3),
        Err(error) => not_removed(cx, &error),
    })
}

fn not_removed(cx: &RouteCx, error: &database::Error) -> Return {
    engine::log!(cx.core.log, Error, "{}: unregister: {error}", cx.place());
    Return(-2)
}

/// The database did not answer.
pub(super) fn failed(error: database::Error) -> ScriptError {
    ScriptError::new(error.to_string())
}

/// Adds a header with the socket that the request came to, `udp:127.0.0.1:5060`, for the server that it is passed on to
/// (there: parameters `sock_flag` and `sock_hdr_name`).
#[function(REQUEST)]
pub fn add_sock_hdr(cx: &mut RouteCx, me: &Registrar, name: Str) -> CallResult {
    if name.is_empty() || !name.iter().all(|&byte| sip::scan::is_token(byte)) {
        return Err(ScriptError::new(format!("`{name}` is no header name")));
    }
    let Some(socket) = me.usrloc.socket_name(Some(cx.received.socket)) else {
        return Err(ScriptError::new("the message came to no socket"));
    };
    let at = cx.message.headers_end();
    cx.message.edits_mut().insert_before(at, format!("{name}: {socket}\r\n"));
    Ok(Return::TRUE)
}
