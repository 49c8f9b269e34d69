//! Iterators over the items of a table.
//!
//! An iterator belongs to the message. It keeps the keys of one shard at a time and looks the value up when it is
//! asked for: other messages may change the table meanwhile, and nothing is locked (Kamailio locks the slot).

use std::sync::Arc;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function, variable};

use super::place::TableArg;
use super::table::{Lifetime, Table};

/// So many iterators may be in use at once.
const MAX_ITERATORS: usize = 4;

/// What `sht_iterator_rm` returns when it removed the last item.
const LAST: Return = Return(-2);

/// One iterator.
struct Walk {
    name: Str,
    table: Arc<Table>,
    /// The next shard.
    shard: usize,
    /// What is left of the current shard, the next key last.
    keys: Vec<Str>,
    current: Option<Str>,
}

impl Walk {
    /// Goes to the next item that is still there; behind the last one the walk begins anew.
    fn step(&mut self, core: &engine::Core) -> bool {
        let now = self.table.now(core);
        loop {
            while let Some(key) = self.keys.pop() {
                if self.table.find(&key, now).is_some() {
                    self.current = Some(key);
                    return true;
                }
            }
            if self.shard >= self.table.shard_count() {
                self.shard = 0;
                self.current = None;
                return false;
            }
            self.keys.extend(self.table.shard_items(self.shard, now).into_iter().rev().map(|item| item.key));
            self.shard += 1;
        }
    }
}

/// The iterators of a message.
#[derive(Default)]
struct Walks(Vec<Walk>);

/// The iterator of that name.
fn walk<'a>(cx: &'a mut RouteCx, name: &Str) -> Result<&'a mut Walk, ScriptError> {
    let walk = cx.data::<Walks>().0.iter_mut().find(|walk| walk.name == *name);
    walk.ok_or_else(|| ScriptError::new(format!("iterator `{name}` was not started")))
}

/// The item that the iterator of that name stands on.
fn current(cx: &mut RouteCx, name: &Str) -> Result<(Arc<Table>, Str), ScriptError> {
    let walk = walk(cx, name)?;
    match &walk.current {
        Some(key) => Ok((walk.table.clone(), key.clone())),
        None => Err(ScriptError::new(format!("iterator `{name}` stands on no item"))),
    }
}

/// Starts an iterator over a table; it stands before the first item. Up to 4 can be in use, with different names. One
/// of the same name starts again. It ends with the message.
///
/// Returns 1; -1: there is no such table, or too many iterators.
#[function(ANY)]
pub(super) fn sht_iterator_start(cx: &mut RouteCx, iname: Str, hname: TableArg) -> CallResult {
    let walks = &mut cx.data::<Walks>().0;
    walks.retain(|walk| walk.name != iname);
    if walks.len() >= MAX_ITERATORS {
        return Err(ScriptError::new(format!("more than {MAX_ITERATORS} iterators are in use")));
    }
    walks.push(Walk { name: iname, table: hname.0, shard: 0, keys: Vec::new(), current: None });
    Ok(Return::TRUE)
}

/// Ends an iterator. Returns 1; -1 when it was not started.
#[function(ANY)]
pub(super) fn sht_iterator_end(cx: &mut RouteCx, iname: Str) -> CallResult {
    walk(cx, &iname)?;
    cx.data::<Walks>().0.retain(|walk| walk.name != iname);
    Ok(Return::TRUE)
}

/// Goes to the next item; after the start to the first one. `$shtitkey(iname)` and `$shtitval(iname)` show it. Items
/// come in the order of Kamailio's slots.
///
/// Returns 1; -1 behind the last item (the next call begins anew).
#[function(ANY)]
pub(super) fn sht_iterator_next(cx: &mut RouteCx, iname: Str) -> CallResult {
    let core = cx.core.clone();
    Ok(walk(cx, &iname)?.step(&core).into())
}

/// Takes the item away that the iterator stands on, and goes to the next one.
///
/// Returns 1; -2 when there is no next one; -1 when it stands on none.
#[function(ANY)]
pub(super) fn sht_iterator_rm(cx: &mut RouteCx, iname: Str) -> CallResult {
    let (table, key) = current(cx, &iname)?;
    table.remove(&key);
    let core = cx.core.clone();
    Ok(if walk(cx, &iname)?.step(&core) { Return::TRUE } else { LAST })
}

fn write(cx: &mut RouteCx, iname: &Str, value: Value) -> CallResult {
    let (table, key) = current(cx, iname)?;
    table.set(&key, value, Lifetime::Usual, table.now(&cx.core))?;
    Ok(Return::TRUE)
}

/// Makes the item that the iterator stands on a text. Returns 1; -1 when it stands on none.
#[function(ANY)]
pub(super) fn sht_iterator_sets(cx: &mut RouteCx, iname: Str, sval: Str) -> CallResult {
    write(cx, &iname, Value::Str(sval))
}

/// Makes the item that the iterator stands on a number. Returns 1; -1 when it stands on none.
#[function(ANY)]
pub(super) fn sht_iterator_seti(cx: &mut RouteCx, iname: Str, ival: i64) -> CallResult {
    write(cx, &iname, Value::Int(ival))
}

/// Sets the seconds until the time of the item is over that the iterator stands on; 0: it stays for ever.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub(super) fn sht_iterator_setex(cx: &mut RouteCx, iname: Str, exval: i64) -> CallResult {
    let (table, key) = current(cx, &iname)?;
    Ok(table.set_seconds_left(&key, exval, table.now(&cx.core)).into())
}

fn shown<'a>(cx: &'a RouteCx, name: &Str) -> Option<(&'a Table, &'a Str)> {
    let walk = cx.find_data::<Walks>()?.0.iter().find(|walk| walk.name == *name)?;
    Some((&walk.table, walk.current.as_ref()?))
}

/// The key of the item that the iterator in parentheses stands on; `$null` when it stands on none.
#[variable("shtitkey")]
pub(super) fn shtitkey(cx: &RouteCx, iname: Str) -> Value {
    shown(cx, &iname).map(|(_, key)| key).into()
}

/// The value of the item that the iterator in parentheses stands on; `$null` when it stands on none, or the item was
/// taken away meanwhile.
#[variable("shtitval")]
pub(super) fn shtitval(cx: &RouteCx, iname: Str) -> Value {
    shown(cx, &iname).and_then(|(table, key)| table.find(key, table.now(&cx.core))).unwrap_or_default()
}
