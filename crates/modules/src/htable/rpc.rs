//! RPC commands `htable.*`, with Kamailio's fields and texts.

use std::sync::Arc;

use engine::{RpcArguments, RpcFault, RpcResult, RpcValue, Value, rpc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::store::Store;
use super::table::{Lifetime, Shown, Table};
use super::{Htable, events};

fn fault(reason: &str) -> RpcFault {
    RpcFault::new(500, reason)
}

fn find(me: &Htable, name: &str) -> Result<Arc<Table>, RpcFault> {
    me.table(name.as_bytes()).cloned().ok_or_else(|| fault("No such htable"))
}

fn value(value: &Value) -> RpcValue {
    match value {
        Value::Int(number) => RpcValue::Int(*number),
        value => RpcValue::from(&value.to_str()),
    }
}

fn done(text: &str) -> RpcResult {
    Ok(vec![text.into()])
}

/// Local date and time, or `NEVER`.
fn end(expires: i64) -> String {
    if expires == 0 {
        return "NEVER".into();
    }
    let time = Timestamp::from_second(expires).unwrap_or(Timestamp::MAX).to_zoned(TimeZone::system());
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

const KEY: &str = "Not enough parameters (htable name and key name)";
const DELETED: &str = "Not enough parameters (htable name & key name";
const VALUE: &str = "Not enough parameters (htable name, key name and value)";
const EXPIRE: &str = "Not enough parameters (htable name, item name and expire)";
const VALUE_AND_EXPIRE: &str = "Not enough parameters (htable name, key name, value and expire)";

/// The next argument, or the fault that Kamailio gives when one is missing or of another type.
fn next<T: engine::rpc::RpcArgument>(arguments: &mut RpcArguments, missing: &str) -> Result<T, RpcFault> {
    arguments.take().map_err(|_| fault(missing))
}

/// Shows an item: table and key.
#[rpc("htable.get")]
pub async fn get(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let (table, key): (String, String) = (next(&mut arguments, KEY)?, next(&mut arguments, KEY)?);
    let table = find(&me, &table)?;
    let Some(item) = table.show(key.as_bytes(), table.now(&me.core)) else {
        return Err(fault("Key name doesn't exist in htable."));
    };
    // Kamailio's bit for a text.
    let flags = if matches!(item.value, Value::Int(_)) { 0 } else { 2 };
    let inner = RpcValue::structure([
        ("name", RpcValue::from(&item.key)),
        ("value", value(&item.value)),
        ("flags", RpcValue::Int(flags)),
        ("expire", end(item.expires).into()),
    ]);
    Ok(vec![RpcValue::structure([("item", inner)])])
}

/// Takes an item away: table and key.
#[rpc("htable.delete")]
pub async fn delete(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let (table, key): (String, String) = (next(&mut arguments, DELETED)?, next(&mut arguments, DELETED)?);
    if find(&me, &table)?.remove(key.as_bytes()) {
        done("Ok. Key deleted.")
    } else {
        Err(RpcFault::new(404, "Key not found in htable."))
    }
}

fn set(me: &Htable, table: &str, key: &str, value: Value, lifetime: Lifetime) -> RpcResult {
    let table = find(me, table)?;
    match table.set(key.as_bytes(), value, lifetime, table.now(&me.core)) {
        Ok(()) => done("Ok. Key set to new value."),
        Err(_) => Err(fault("Failed to set the item")),
    }
}

/// Makes an item a text: table, key and text.
#[rpc("htable.sets")]
pub async fn sets(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let (table, key): (String, String) = (next(&mut arguments, VALUE)?, next(&mut arguments, VALUE)?);
    let text: String = next(&mut arguments, VALUE)?;
    set(&me, &table, &key, text.into(), Lifetime::Usual)
}

/// Makes an item a number: table, key and number.
#[rpc("htable.seti")]
pub async fn seti(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let (table, key): (String, String) = (next(&mut arguments, VALUE)?, next(&mut arguments, VALUE)?);
    let number: i64 = next(&mut arguments, VALUE)?;
    set(&me, &table, &key, number.into(), Lifetime::Usual)
}

/// Makes an item a text with a time of its own: table, key, text and seconds.
#[rpc("htable.setxs")]
pub async fn setxs(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let few = VALUE_AND_EXPIRE;
    let (table, key): (String, String) = (next(&mut arguments, few)?, next(&mut arguments, few)?);
    let (text, seconds): (String, i64) = (next(&mut arguments, few)?, next(&mut arguments, few)?);
    set(&me, &table, &key, text.into(), Lifetime::Seconds(seconds))
}

/// Makes an item a number with a time of its own: table, key, number and seconds.
#[rpc("htable.setxi")]
pub async fn setxi(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let few = VALUE_AND_EXPIRE;
    let (table, key): (String, String) = (next(&mut arguments, few)?, next(&mut arguments, few)?);
    let (number, seconds): (i64, i64) = (next(&mut arguments, few)?, next(&mut arguments, few)?);
    set(&me, &table, &key, number.into(), Lifetime::Seconds(seconds))
}

/// Sets the seconds until an item's time is over: table, key and seconds. Nothing happens when it is not there.
#[rpc("htable.setex")]
pub async fn setex(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let (table, key): (String, String) = (next(&mut arguments, EXPIRE)?, next(&mut arguments, EXPIRE)?);
    let seconds: i64 = next(&mut arguments, EXPIRE)?;
    let table = find(&me, &table)?;
    table.set_seconds_left(key.as_bytes(), seconds, table.now(&me.core));
    done("Ok")
}

fn dumped(item: &Shown) -> RpcValue {
    let kind = if matches!(item.value, Value::Int(_)) { "int" } else { "str" };
    RpcValue::structure([("name", RpcValue::from(&item.key)), ("value", value(&item.value)), ("type", kind.into())])
}

/// Shows all items of a table by their slots.
#[rpc("htable.dump", array)]
pub async fn dump(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let name: String = next(&mut arguments, "No htable name given")?;
    let table = find(&me, &name)?;
    let (now, mut slots) = (table.now(&me.core), Vec::new());
    for at in 0..table.shard_count() {
        let items = table.shard_items(at, now);
        slots.extend(items.chunk_by(|left, right| left.slot == right.slot).map(|of_slot| {
            RpcValue::structure([
                ("entry", of_slot[0].slot.into()),
                ("size", of_slot.len().into()),
                ("slot", RpcValue::Array(of_slot.iter().map(dumped).collect())),
            ])
        }));
        // A large table takes a while.
        tokio::task::yield_now().await;
    }
    Ok(slots)
}

/// Takes all items of a table away.
#[rpc("htable.flush")]
pub async fn flush(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let name: String = next(&mut arguments, "No htable name given")?;
    find(&me, &name)?.clear();
    done("Ok. Htable flushed.")
}

/// Shows all tables and how they are declared, the last one first.
#[rpc("htable.listTables", array)]
pub async fn list_tables(me: Arc<Htable>) -> RpcResult {
    let of_table = |table: &Arc<Table>| {
        let definition = &table.definition;
        RpcValue::structure([
            ("name", RpcValue::from(&definition.name)),
            ("dbtable", RpcValue::from(&definition.dbtable)),
            ("dbmode", i32::from(definition.dbmode).into()),
            ("expire", RpcValue::Int(definition.autoexpire)),
            ("updateexpire", i32::from(definition.updateexpire).into()),
            ("size", (1_u32 << definition.size).into()),
            ("dmqreplicate", i32::from(definition.dmqreplicate).into()),
        ])
    };
    Ok(me.tables().rev().map(of_table).collect())
}

/// Shows how full the slots of all tables are, the last one first.
#[rpc("htable.stats", array)]
pub async fn stats(me: Arc<Htable>) -> RpcResult {
    let of_table = |table: &Arc<Table>| {
        let occupancy = table.occupancy();
        RpcValue::structure([
            ("name", RpcValue::from(table.name())),
            ("slots", occupancy.slots.into()),
            ("all", occupancy.all.into()),
            ("min", occupancy.fewest.into()),
            ("max", occupancy.most.into()),
        ])
    };
    Ok(me.tables().rev().map(of_table).collect())
}

/// The table of a command and its place in the database.
fn stored<'a>(me: &'a Htable, arguments: &mut RpcArguments) -> Result<(&'a Store, Arc<Table>), RpcFault> {
    let store = me.store.as_ref().ok_or_else(|| fault("No htable db_url"))?;
    let name: String = next(arguments, "No htable name given")?;
    let table = find(me, &name)?;
    if table.definition.dbtable.is_empty() {
        return Err(fault("No database htable"));
    }
    Ok((store, table))
}

/// Loads a table from the database; items that are not there go.
#[rpc("htable.reload")]
pub async fn reload(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let (store, table) = stored(&me, &mut arguments)?;
    store.load(&me.core, &table).await.map_err(|error| failed(&me, &table, &error, "Htable reload failed."))?;
    events::run(&me.core, &format!("{}{}", events::RELOADED, table.name()), |_| {}).await;
    done("Ok. Htable reloaded.")
}

/// Writes a table to the database; rows of items that are not there go.
#[rpc("htable.store")]
pub async fn store(me: Arc<Htable>, mut arguments: RpcArguments) -> RpcResult {
    let (store, table) = stored(&me, &mut arguments)?;
    if !table.definition.columns.is_empty() {
        return Err(fault("A table with `cols` cannot be written"));
    }
    store.save(&me.core, &table).await.map_err(|error| failed(&me, &table, &error, "Htable store failed."))?;
    done("Ok. Htable successfully stored to DB.")
}

/// What went wrong goes into the log: it may name more of the database than whoever calls should see.
fn failed(me: &Htable, table: &Table, error: &str, text: &str) -> RpcFault {
    engine::log!(me.core.log, Error, "htable `{}`: {error}", table.name());
    fault(text)
}
