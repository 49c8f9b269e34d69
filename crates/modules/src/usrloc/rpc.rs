//! RPC commands `ul.*`, with Kamailio's fields and texts.

use std::sync::Arc;

use database::{Error, Scheme};
use engine::{RpcArguments, RpcFault, RpcResult, RpcValue, Str, rpc};

use super::Usrloc;
use super::contact::Contact;
use super::store::Mode;
use super::table::Table;
use crate::core_hash::core_hash;

const NOT_SET: &str = "[not set]";

fn fault(reason: &str) -> RpcFault {
    RpcFault::new(500, reason)
}

/// What the database did not do.
fn database(error: Error) -> RpcFault {
    fault(&format!("the database failed: {error}"))
}

fn text_or_not_set(text: Option<&Str>) -> RpcValue {
    text.map_or_else(|| NOT_SET.into(), RpcValue::from)
}

/// Kamailio's unsigned numbers have 32 bits and come out signed.
fn unsigned(number: u32) -> RpcValue {
    RpcValue::Int(i64::from(number as i32))
}

fn contact(me: &Usrloc, contact: &Contact, now: i64) -> RpcValue {
    let expires = match i64::from(contact.expires) {
        0 => "permanent".into(),
        end if end <= now => "expired".into(),
        end => RpcValue::Int(end - now),
    };
    // Without preference -1, which kamcmd shows without fraction.
    let q = contact.q.map_or(RpcValue::Int(-1), |q| RpcValue::Double(f64::from(q) / 1000.0));
    let socket = me.socket_name(contact.socket).map_or_else(|| NOT_SET.into(), RpcValue::from);
    let connection = contact.connection.map_or(-1, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
    let inner = RpcValue::structure([
        ("Address", RpcValue::from(&contact.uri)),
        ("Expires", expires),
        ("Q", q),
        ("Call-ID", RpcValue::from(&contact.call_id)),
        ("CSeq", unsigned(contact.cseq)),
        ("User-Agent", RpcValue::from(&contact.user_agent)),
        ("Received", text_or_not_set(contact.received.as_ref())),
        ("Path", text_or_not_set(contact.path.as_ref())),
        ("State", contact.stage.name().into()),
        ("Flags", unsigned(contact.flags)),
        ("CFlags", unsigned(contact.cflags)),
        ("Socket", socket),
        ("Methods", unsigned(contact.methods)),
        ("Ruid", RpcValue::from(&contact.ruid)),
        ("Instance", text_or_not_set(contact.instance.as_ref())),
        ("Reg-Id", unsigned(contact.reg_id)),
        ("Server-Id", unsigned(contact.server_id)),
        ("Tcpconn-Id", RpcValue::Int(connection)),
        ("Keepalive", i32::from(contact.keepalive).into()),
        ("Last-Keepalive", RpcValue::Int(i64::from(contact.last_keepalive))),
        ("KA-Roundtrip", RpcValue::Int(i64::from(contact.roundtrip))),
        ("Last-Modified", RpcValue::Int(i64::from(contact.modified))),
    ]);
    RpcValue::structure([("Contact", inner)])
}

fn contacts(me: &Usrloc, list: &[Contact]) -> RpcValue {
    let now = me.now();
    RpcValue::Array(list.iter().map(|it| contact(me, it, now)).collect())
}

fn dump_table(me: &Usrloc, table: &Table, brief: bool) -> RpcValue {
    let size = 1_u32 << me.params.hash_size;
    let slot = |aor: &Str| core_hash(&[aor]) & (size - 1);
    let mut slots: Vec<u32>;
    let users;
    if brief {
        let mut addresses = table.addresses();
        addresses.sort_by_cached_key(|aor| (slot(aor), aor.clone()));
        slots = addresses.iter().map(slot).collect();
        users = RpcValue::Struct(addresses.iter().map(|aor| ("AoR".to_owned(), RpcValue::from(aor))).collect());
    } else {
        let mut records = table.dump();
        records.sort_by_cached_key(|(aor, _)| (slot(aor), aor.clone()));
        slots = records.iter().map(|(aor, _)| slot(aor)).collect();
        let infos = records.iter().map(|(aor, list)| {
            let hash = unsigned(core_hash(&[aor]));
            let info = [("AoR", RpcValue::from(aor)), ("HashID", hash), ("Contacts", contacts(me, list))];
            RpcValue::structure([("Info", RpcValue::structure(info))])
        });
        users = RpcValue::Array(infos.collect());
    }
    slots.sort_unstable();
    let fullest = slots.chunk_by(|left, right| left == right).map(<[u32]>::len).max().unwrap_or(0);
    let stats = [("Records", slots.len().into()), ("Max-Slots", fullest.into())];
    let inner = [
        ("Domain", RpcValue::from(&table.name)),
        ("Size", size.into()),
        ("AoRs", users),
        ("Stats", RpcValue::structure(stats)),
    ];
    RpcValue::structure([("Domain", RpcValue::structure(inner))])
}

/// Shows all tables with their addresses of record and contacts; with `brief` only the addresses.
#[rpc("ul.dump")]
pub async fn dump(me: Arc<Usrloc>, mode: Option<String>) -> RpcResult {
    let brief = mode.is_some_and(|mode| mode == "brief");
    let tables = me.tables().iter().map(|table| dump_table(&me, table, brief)).collect();
    Ok(vec![RpcValue::structure([("Domains", RpcValue::Array(tables))])])
}

/// The next arguments as texts, or the fault that Kamailio gives when one is missing.
fn texts<const N: usize>(arguments: &mut RpcArguments, missing: &str) -> Result<[String; N], RpcFault> {
    let mut taken = [const { String::new() }; N];
    for text in &mut taken {
        *text = arguments.take().map_err(|_| fault(missing))?;
    }
    Ok(taken)
}

fn find_table(me: &Usrloc, name: &str) -> Result<Arc<Table>, RpcFault> {
    me.find_table(name.as_bytes()).ok_or_else(|| fault("Domain table not found"))
}

const TABLE_AND_AOR: &str = "Not enough parameters (table and AOR to lookup)";

/// Shows the contacts of an address of record: `ul.lookup location bob`.
#[rpc("ul.lookup")]
pub async fn lookup(me: Arc<Usrloc>, mut arguments: RpcArguments) -> RpcResult {
    let [table, aor] = texts(&mut arguments, TABLE_AND_AOR)?;
    let table = find_table(&me, &table)?;
    let aor = me.key(aor.as_bytes()).map_err(fault)?;
    let list = me.usable_contacts(&table, &aor).await.map_err(database)?;
    if list.is_empty() {
        return Err(fault("AOR not found in location table"));
    }
    Ok(vec![RpcValue::structure([("AoR", RpcValue::from(&aor)), ("Contacts", contacts(&me, &list))])])
}

/// Removes an address of record with all its contacts.
#[rpc("ul.rm")]
pub async fn rm(me: Arc<Usrloc>, mut arguments: RpcArguments) -> RpcResult {
    let [table, aor] = texts(&mut arguments, TABLE_AND_AOR)?;
    let table = find_table(&me, &table)?;
    let aor = me.key(aor.as_bytes()).map_err(fault)?;
    me.change(&table, &aor, false, |editor| editor.clear()).await.map_err(database)?;
    Ok(Vec::new())
}

/// Removes one contact of an address of record; its URI must be given exactly.
#[rpc("ul.rm_contact")]
pub async fn rm_contact(me: Arc<Usrloc>, mut arguments: RpcArguments) -> RpcResult {
    let [table, aor, uri] = texts(&mut arguments, "Not enough parameters (table, AOR and contact)")?;
    let table = find_table(&me, &table)?;
    let aor = me.key(aor.as_bytes()).map_err(fault)?;
    let removed = me.change(&table, &aor, false, |editor| match editor.find_uri(uri.as_bytes()) {
        Some(at) => {
            editor.remove(at);
            Ok(Vec::new())
        }
        None if editor.is_empty() => Err("AOR not found"),
        None => Err("Contact not found"),
    });
    removed.await.map_err(database)?.map_err(|reason| RpcFault::new(404, reason))
}

/// Writes to the database what waits to be written, also what it refused before; without one (`db_mode` 0) it fails.
#[rpc("ul.flush")]
pub async fn flush(me: Arc<Usrloc>) -> RpcResult {
    let Some(store) = &me.store else { return Err(fault("Command is not supported in db_mode=0")) };
    if matches!(store.mode, Mode::WriteThrough | Mode::WriteBack) {
        for table in me.tables() {
            me.flush(&table, true).await.map_err(database)?;
        }
    }
    Ok(Vec::new())
}

/// How many addresses of record have contacts in the database that did not end: `ul.db_users location`.
#[rpc("ul.db_users")]
pub async fn db_users(me: Arc<Usrloc>, mut arguments: RpcArguments) -> RpcResult {
    let [table] = texts(&mut arguments, ONE_TABLE)?;
    count(&me, &table, Counted::Users).await
}

/// How many contacts in the database did not end: `ul.db_contacts location`.
#[rpc("ul.db_contacts")]
pub async fn db_contacts(me: Arc<Usrloc>, mut arguments: RpcArguments) -> RpcResult {
    let [table] = texts(&mut arguments, ONE_TABLE)?;
    count(&me, &table, Counted::Contacts).await
}

/// How many contacts in the database ended and were not removed yet: `ul.db_expired_contacts location`.
#[rpc("ul.db_expired_contacts")]
pub async fn db_expired_contacts(me: Arc<Usrloc>, mut arguments: RpcArguments) -> RpcResult {
    let [table] = texts(&mut arguments, ONE_TABLE)?;
    count(&me, &table, Counted::Ended).await
}

const ONE_TABLE: &str = "Not enough parameters (table to lookup)";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    Users,
    Contacts,
    Ended,
}

/// Asks the database for a number: a table may have millions of rows.
async fn count(me: &Usrloc, table: &str, what: Counted) -> RpcResult {
    let failed = match what {
        Counted::Users => "Failed to query AoR count",
        Counted::Contacts | Counted::Ended => "Failed to query contact count",
    };
    let Some(store) = &me.store else { return Err(fault("Command is not supported in db_mode=0")) };
    if !database::is_name(table) {
        return Err(fault(failed));
    }
    let (params, scheme) = (&me.params, store.database.url().scheme);
    let quoted = |name: &str| match scheme {
        Scheme::Mysql => format!("`{name}`"),
        Scheme::Postgres => format!("\"{}\"", name.to_ascii_lowercase()),
        Scheme::Sqlite | Scheme::Text => format!("\"{name}\""),
    };
    let (name, expires) = (quoted(table), quoted(&params.expires_column));
    let (now, never) = (params.time_text(scheme, me.now()), params.time_text(scheme, 0));
    let lasts = format!("FROM {name} WHERE {expires} > {now} OR {expires} = {never}");
    let text = match what {
        Counted::Users => {
            let (user, domain) = (quoted(&params.user_column), quoted(&params.domain_column));
            let key = if params.use_domain { format!("{user}, {domain}") } else { user };
            format!("SELECT COUNT(*) FROM (SELECT DISTINCT {key} {lasts}) AS users")
        }
        Counted::Contacts => format!("SELECT COUNT(*) {lasts}"),
        Counted::Ended => format!("SELECT COUNT(*) FROM {name} WHERE {expires} <= {now} AND {expires} <> {never}"),
    };
    let found = store.database.raw(&text).await.map_err(|error| {
        engine::log!(me.core.log, Error, "usrloc: {error}");
        fault(failed)
    })?;
    let number = found.rows.rows.first().and_then(|row| row.first()).and_then(database::Value::to_int);
    Ok(vec![RpcValue::Int(number.ok_or_else(|| fault(failed))?)])
}

/// Adds (or changes) a contact: table, address of record, contact, seconds (0: for ever), q, path, flags, branch flags,
/// methods, then optionally received and socket. `0` or `.` stands for a text that is not set.
#[rpc("ul.add")]
pub async fn add(me: Arc<Usrloc>, mut arguments: RpcArguments) -> RpcResult {
    let few = "Not enough parameters or wrong format";
    let [table, aor, uri] = texts(&mut arguments, few)?;
    let expires: i64 = arguments.take().map_err(|_| fault(few))?;
    let q: f64 = arguments.take().map_err(|_| fault(few))?;
    let [path] = texts(&mut arguments, few)?;
    let mut number = || -> Result<u32, RpcFault> {
        let number: i64 = arguments.take().map_err(|_| fault(few))?;
        // -1 stands for all bits, as in what `ul.dump` shows.
        u32::try_from(number).or_else(|_| i32::try_from(number).map(|number| number as u32)).map_err(|_| fault(few))
    };
    let (flags, cflags, methods) = (number()?, number()?, number()?);
    let received: Option<String> = arguments.take().map_err(|_| fault(few))?;
    let socket: Option<String> = arguments.take().map_err(|_| fault(few))?;
    let set = |text: Option<String>| text.filter(|text| !matches!(text.as_str(), "" | "0" | ".")).map(Str::from);
    let table = find_table(&me, &table)?;
    let aor = me.key(aor.as_bytes()).map_err(fault)?;
    let now = me.now();
    let new = Contact {
        uri: Str::from(uri),
        call_id: Str::from_static("dfjrewr12386fd6-343@kamailio.rpc"),
        cseq: 1,
        user_agent: Str::from_static("kamailio SIP Router - RPC Server"),
        received: set(received),
        path: set(Some(path)),
        ruid: me.unique_id("ulcx"),
        expires: if expires <= 0 { 0 } else { clamp_time(now.saturating_add(expires)) },
        q: (0.0..=1.0).contains(&q).then(|| (q * 1000.0).round() as u16),
        flags,
        cflags,
        methods,
        socket: set(socket).and_then(|name| super::local_socket(&me.core, &name)),
        server_id: me.core.settings.server_id as u32,
        last_keepalive: clamp_time(now),
        ..Contact::default()
    };
    let added = me.change(&table, &aor, false, |editor| match editor.find_uri(&new.uri) {
        Some(at) => editor.update(at, new),
        None => editor.insert(new),
    });
    added.await.map_err(database)?;
    Ok(Vec::new())
}

/// A time as the table keeps it.
pub(super) fn clamp_time(time: i64) -> u32 {
    u32::try_from(time.max(0)).unwrap_or(u32::MAX)
}
