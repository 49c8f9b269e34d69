//! `lookup` and its relatives: from an address of record to where it is reached.

use engine::xavp::{Xlist, Xvalue};
use engine::{Branch, CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::Uri;

use super::Registrar;
use super::reply::bare_instance;
use crate::usrloc::{Contact, Table, TableName};

/// `lookup`'s return codes.
const FOUND: Return = Return(1);
const NOT_FOUND: Return = Return(-1);
const METHOD_NOT_TAKEN: Return = Return(-2);
const FAILED: Return = Return(-3);

impl Registrar {
    /// The contacts of a URI's address of record, or of the device that its GRUU names; best first, ended ones left out.
    pub(super) async fn find(&self, table: &Table, uri: &Str) -> Result<(Str, Vec<Contact>), ScriptError> {
        let wrong = |text: &str| ScriptError::new(format!("`{uri}`: {text}"));
        let failed = |error| ScriptError::new(format!("`{uri}`: {error}"));
        let parsed = Uri::parse(uri.clone()).map_err(|_| wrong("no address of record: this is no URI"))?;
        let now = self.usrloc.now();
        let gruu = parsed.find_param("gr").map(|param| param.value.unwrap_or_default());
        if gruu.is_some_and(<[u8]>::is_empty) {
            let user = parsed.user_bytes().unwrap_or_default();
            let (ruid, hash) = split_temporary(user).ok_or_else(|| wrong("this is no temporary GRUU"))?;
            let found = self.usrloc.find_by_ruid(table, hash, ruid).await.map_err(failed)?;
            let found = found.filter(|(_, contact)| contact.is_valid(now) && !self.usrloc.is_lost(contact));
            return Ok(found.map_or_else(Default::default, |(aor, contact)| (aor, vec![contact])));
        }
        let aor = self.aor_of(&parsed).map_err(|_| wrong("no address of record"))?;
        let mut contacts = if self.live.use_expired_contacts.get() != 0 {
            self.usrloc.all_contacts(table, &aor).await.map_err(failed)?
        } else {
            self.usrloc.usable_contacts(table, &aor).await.map_err(failed)?
        };
        if let Some(device) = gruu {
            let device = sip::escape::unescape_lossy(device);
            contacts.retain(|it| it.instance.as_ref().is_some_and(|instance| bare_instance(instance) == &*device));
        }
        Ok((aor, contacts))
    }

    /// Leaves out what cannot take this request; true when a contact was left out for its methods.
    fn filter(&self, cx: &RouteCx, contacts: &mut Vec<Contact>) -> bool {
        let initial = cx.message.is_request() && !matches!(cx.message.to(), Ok(Some(to)) if to.tag().is_some());
        let method = cx.message.method().id();
        let before = contacts.len();
        if self.params.method_filtering != 0 && initial {
            contacts.retain(|contact| contact.methods & method != 0);
        }
        let left_out = contacts.len() < before;
        if self.params.lookup_filter_mode & 1 != 0
            && let Some(flags) = self.number(cx, "rlf_bflags").filter(|flags| *flags > 0)
        {
            contacts.retain(|contact| i64::from(contact.cflags) & flags != 0);
        }
        if self.params.lookup_filter_mode & 2 != 0 {
            contacts.retain(|contact| !self.usrloc.is_disconnected(contact.connection));
        }
        left_out
    }

    /// The contacts that a request can go to, or the return code.
    async fn select(&self, cx: &mut RouteCx, table: &Table, uri: &Str) -> Result<Vec<Contact>, Return> {
        let mut contacts = match self.find(table, uri).await {
            Ok((_, contacts)) => contacts,
            Err(error) => {
                engine::log!(cx.core.log, Error, "{}: {error}", cx.place());
                return Err(FAILED);
            }
        };
        let left_out = self.filter(cx, &mut contacts);
        match (contacts.is_empty(), left_out) {
            (false, _) => Ok(contacts),
            (true, true) => Err(METHOD_NOT_TAKEN),
            (true, false) => Err(NOT_FOUND),
        }
    }

    /// Where requests to a contact go first: its Path, else where it registered from, else its URI (`None`).
    fn next_hop(&self, cx: &RouteCx, contact: &Contact) -> Option<Str> {
        let mut hops = contact.path_uris().peekable();
        if self.params.path_check_local {
            // RFC 3327 has the path lead through us too; the message is here already.
            hops.next_if(|hop| {
                Uri::parse(hop.clone())
                    .is_ok_and(|uri| cx.core.is_myself(&uri.host(), Some(uri.port_or_default()), Some(uri.protocol())))
            });
        }
        hops.next().or_else(|| contact.received.clone())
    }

    /// Makes a contact the destination of the request.
    fn take(&self, cx: &mut RouteCx, contact: Contact) {
        self.show(cx, &contact);
        let socket = contact.socket.or(cx.to.socket);
        let branch = self.branch(cx, contact);
        cx.to.set_first(Branch { socket, ..branch });
    }

    fn branch(&self, cx: &mut RouteCx, contact: Contact) -> Branch {
        self.restore(cx, &contact);
        Branch {
            destination: self.next_hop(cx, &contact),
            uri: contact.uri,
            path: contact.path,
            q: contact.q.map(i32::from),
            socket: contact.socket,
            flags: contact.cflags,
            ruid: Some(contact.ruid),
            instance: contact.instance,
            user_agent: Some(contact.user_agent),
            reg_id: contact.reg_id,
            connection: contact.connection.map_or(0, |id| id.0),
        }
    }

    /// Adds contacts as further branches, as many as `max_branches` allows.
    fn append(&self, cx: &mut RouteCx, contacts: impl ExactSizeIterator<Item = Contact>) {
        let room = usize::try_from(cx.core.settings.max_branches - 1).unwrap_or(0).saturating_sub(cx.to.branches.len());
        if contacts.len() > room {
            let lost = contacts.len() - room;
            engine::log!(cx.core.log, Error, "{}: {lost} contacts left out: max_branches", cx.place());
        }
        for contact in contacts.take(room) {
            let branch = self.branch(cx, contact);
            cx.to.branches.push(branch);
        }
    }

    async fn lookup(&self, cx: &mut RouteCx, table: &Table, uri: &Str) -> Return {
        let contacts = match self.select(cx, table, uri).await {
            Ok(contacts) => contacts,
            Err(code) => return code,
        };
        let mut contacts = contacts.into_iter();
        if let Some(best) = contacts.next() {
            self.take(cx, best);
        }
        if self.live.append_branches.get() != 0 {
            self.append(cx, contacts);
        }
        FOUND
    }
}

/// `RUID-hash` of a temporary GRUU.
fn split_temporary(user: &[u8]) -> Option<(&[u8], u64)> {
    let at = memchr::memrchr(b'-', user)?;
    let hash = u64::from_str_radix(std::str::from_utf8(&user[at + 1..]).ok()?, 16).ok()?;
    // What is left is a unique id, which has dashes itself.
    user[..at].contains(&b'-').then_some((&user[..at], hash))
}

/// Puts the best contact of the request-URI's user (or of `uri`) in place of the request-URI, with its Path, source
/// address, socket and branch flags; the other contacts become branches (parameter `append_branches`).
///
/// Returns 1 (found), -1 (not registered), -2 (registered, but no contact takes the method), -3 (no valid URI, or the database failed).
#[function(REQUEST | FAILURE)]
pub async fn lookup(cx: &mut RouteCx, me: &Registrar, table: TableName, uri: Option<Str>) -> CallResult {
    let uri = uri.unwrap_or_else(|| cx.request_uri());
    Ok(me.lookup(cx, &table.0, &uri).await)
}

/// Like `lookup`, but all contacts become branches and the request-URI stays.
#[function(REQUEST | FAILURE)]
pub async fn lookup_to_dset(cx: &mut RouteCx, me: &Registrar, table: TableName, uri: Option<Str>) -> CallResult {
    let uri = uri.unwrap_or_else(|| cx.request_uri());
    Ok(match me.select(cx, &table.0, &uri).await {
        Ok(contacts) => {
            me.append(cx, contacts.into_iter());
            FOUND
        }
        Err(code) => code,
    })
}

/// Looks up the request-URI, and then each branch that is a mere URI: its best contact takes its place.
///
/// Returns 1 when anything was found, else what `lookup` of the request-URI returned.
#[function(REQUEST | FAILURE)]
pub async fn lookup_branches(cx: &mut RouteCx, me: &Registrar, table: TableName) -> CallResult {
    let before = cx.to.branches.len();
    let uri = cx.request_uri();
    let mut result = me.lookup(cx, &table.0, &uri).await;
    for at in 0..before {
        let branch = &cx.to.branches[at];
        let plain = Branch { uri: branch.uri.clone(), q: branch.q, ..Branch::default() };
        if *branch != plain {
            continue;
        }
        let Ok(contacts) = me.select(cx, &table.0, &plain.uri).await else { continue };
        let mut contacts = contacts.into_iter();
        if let Some(best) = contacts.next() {
            cx.to.branches[at] = me.branch(cx, best);
        }
        if me.live.append_branches.get() != 0 {
            me.append(cx, contacts);
        }
        result = FOUND;
    }
    Ok(result)
}

/// Looks up `uri` and changes nothing of the request: `$xavp(record=>aor)` and `$xavp(record=>count)` say whose contacts
/// were found and how many; for each there is a `$xavp(contacts[i])` with `uri`, `socket` and `dsturi`.
///
/// Returns what `lookup` does.
#[function(ANY)]
pub async fn lookup_xavp(
    cx: &mut RouteCx,
    me: &Registrar,
    table: TableName,
    uri: Str,
    record: Str,
    contacts: Str,
) -> CallResult {
    let list = match me.select(cx, &table.0, &uri).await {
        Ok(list) => list,
        Err(code) => return Ok(code),
    };
    let aor = me.aor(&uri).unwrap_or_default();
    let xlist = |values: Vec<(&'static str, Value)>| {
        let mut list = Xlist::default();
        for (name, value) in values.into_iter().filter(|(_, value)| !value.is_null()) {
            list.push(Str::from_static(name), Xvalue::Simple(value));
        }
        Xvalue::List(list)
    };
    cx.xavps.xavp.push(record, xlist(vec![("aor", aor.into()), ("count", list.len().into())]));
    // The newest is number 0: the best contact comes last.
    for contact in list.into_iter().rev() {
        let socket = Value::from(me.usrloc.socket_name(contact.socket));
        let destination = Value::from(me.next_hop(cx, &contact));
        let values = vec![("uri", contact.uri.into()), ("socket", socket), ("dsturi", destination)];
        cx.xavps.xavp.push(contacts.clone(), xlist(values));
    }
    Ok(FOUND)
}
