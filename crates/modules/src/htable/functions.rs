//! Functions that write, remove, look for and show items.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};

use super::Htable;
use super::matching::{MatchOperator, Matcher, RemoveOperator};
use super::place::{PlaceArg, TableArg};
use super::table::Lifetime;

/// What `sht_inc` and `sht_dec` return when there is no number to change.
const NO_NUMBER: Return = Return(-255);

/// `sht_print` shows so many items of a table.
const MAX_PRINTED: usize = 1000;

/// Writes the items of all tables into the log, at most 1000 of each.
#[function(ANY)]
pub(super) fn sht_print(cx: &mut RouteCx, me: &Htable) -> CallResult {
    for table in me.tables() {
        let (definition, now) = (&table.definition, table.now(&cx.core));
        engine::log!(cx.core.log, Error, "htable[{}] autoexpire {}", definition.name, definition.autoexpire);
        let (mut printed, mut left) = (0, 0);
        for at in 0..table.shard_count() {
            for item in table.shard_items(at, now) {
                if printed == MAX_PRINTED {
                    left += 1;
                    continue;
                }
                printed += 1;
                let value = match &item.value {
                    Value::Int(number) => format!("int {number}"),
                    value => format!("str {}", value.to_str()),
                };
                engine::log!(cx.core.log, Error, "  [{}] {}: {value} expires {}", item.slot, item.key, item.expires);
            }
        }
        if left > 0 {
            engine::log!(cx.core.log, Error, "  and {left} more");
        }
    }
    Ok(Return::TRUE)
}

/// Takes an item away: `$sht(table=>key) = $null`. Returns 1, also when it was not there; -1: there is no such table.
#[function(ANY)]
pub(super) fn sht_rm(_cx: &mut RouteCx, htable: TableArg, key: Str) -> CallResult {
    htable.0.remove(&key);
    Ok(Return::TRUE)
}

/// Takes the items away whose key fits a regular expression (POSIX, without case): `"table=>regex"`.
#[function(ANY)]
pub(super) fn sht_rm_name_re(cx: &mut RouteCx, place: PlaceArg) -> CallResult {
    remove_by_regex(cx, &place, |matcher, key, _| matcher.fits_key(key))
}

/// Takes the items away whose value is a text that fits a regular expression (POSIX, without case): `"table=>regex"`.
#[function(ANY)]
pub(super) fn sht_rm_value_re(cx: &mut RouteCx, place: PlaceArg) -> CallResult {
    remove_by_regex(cx, &place, |matcher, _, value| matcher.fits_value(value))
}

fn remove_by_regex(cx: &RouteCx, place: &PlaceArg, fits: fn(&Matcher<'_>, &[u8], &Value) -> bool) -> CallResult {
    // As in Kamailio this is no error: nothing of it is left.
    let Some(table) = place.0.table() else { return Ok(Return::TRUE) };
    let matcher = place.0.with_key(cx, |pattern| place.0.me.patterns.get(pattern)).map(Matcher::Regex)?;
    table.remove_where(|key, value| fits(&matcher, key, value));
    Ok(Return::TRUE)
}

/// Takes the items away whose key fits: `re` a regular expression, `sw` begins with, `ew` ends with, `in` contains it.
/// Returns 1; -1: there is no such table or operator.
#[function(ANY)]
pub(super) fn sht_rm_name(
    _cx: &mut RouteCx,
    me: &Htable,
    htable: TableArg,
    op: RemoveOperator,
    val: Str,
) -> CallResult {
    let matcher = Matcher::new(op.0, &val, &me.patterns)?;
    htable.0.remove_where(|key, _| matcher.fits_key(key));
    Ok(Return::TRUE)
}

/// Takes the items away whose value is a text that fits: `re` a regular expression, `sw` begins with, `ew` ends with,
/// `in` contains it. Returns 1; -1: there is no such table or operator.
#[function(ANY)]
pub(super) fn sht_rm_value(
    _cx: &mut RouteCx,
    me: &Htable,
    htable: TableArg,
    op: RemoveOperator,
    val: Str,
) -> CallResult {
    let matcher = Matcher::new(op.0, &val, &me.patterns)?;
    htable.0.remove_where(|_, value| matcher.fits_value(value));
    Ok(Return::TRUE)
}

/// Writes a text with a time of its own in seconds; 0: as the table's `autoexpire` says. Returns 1; -1: there is no
/// such table, or no room.
#[function(ANY)]
pub(super) fn sht_setxs(cx: &mut RouteCx, htable: TableArg, key: Str, value: Str, seconds: i64) -> CallResult {
    htable.0.set(&key, Value::Str(value), Lifetime::Seconds(seconds), htable.0.now(&cx.core))?;
    Ok(Return::TRUE)
}

/// Writes a number with a time of its own in seconds; 0: as the table's `autoexpire` says. Returns 1; -1: there is no
/// such table, or no room.
#[function(ANY)]
pub(super) fn sht_setxi(cx: &mut RouteCx, htable: TableArg, key: Str, value: i64, seconds: i64) -> CallResult {
    htable.0.set(&key, Value::Int(value), Lifetime::Seconds(seconds), htable.0.now(&cx.core))?;
    Ok(Return::TRUE)
}

/// Takes all items of a table away. Returns 1; -1: there is no such table.
#[function(ANY)]
pub(super) fn sht_reset(_cx: &mut RouteCx, htable: TableArg) -> CallResult {
    htable.0.clear();
    Ok(Return::TRUE)
}

fn add(cx: &RouteCx, htable: &TableArg, key: &Str, number: i64) -> CallResult {
    let sum = htable.0.add(key, number, htable.0.now(&cx.core))?;
    let Some(sum) = sum else { return Ok(NO_NUMBER) };
    let code = i32::try_from(sum).map_err(|_| ScriptError::new(format!("{sum} is too large for a return code")))?;
    Ok(Return(code))
}

/// Adds one to an item, in one step. Returns the sum; 0 ends the script as that of every function. -255: the item is a
/// text, or not there in a table without `initval`.
#[function(ANY)]
pub(super) fn sht_inc(cx: &mut RouteCx, htable: TableArg, key: Str) -> CallResult {
    add(cx, &htable, &key, 1)
}

/// Takes one from an item, in one step. Returns the rest as `sht_inc` returns the sum.
#[function(ANY)]
pub(super) fn sht_dec(cx: &mut RouteCx, htable: TableArg, key: Str) -> CallResult {
    add(cx, &htable, &key, -1)
}

/// True when an item is not there.
#[function(ANY)]
pub(super) fn sht_is_null(cx: &mut RouteCx, htable: TableArg, key: Str) -> CallResult {
    Ok(htable.0.find(&key, htable.0.now(&cx.core)).is_none().into())
}

fn has_name(cx: &RouteCx, me: &Htable, htable: &TableArg, op: &MatchOperator, val: &Str) -> CallResult {
    let matcher = Matcher::new(op.0, val, &me.patterns)?;
    Ok(htable.0.any(htable.0.now(&cx.core), |key, _| matcher.fits_key(key)).into())
}

fn has_text(cx: &RouteCx, me: &Htable, htable: &TableArg, op: &MatchOperator, val: &Str) -> CallResult {
    let matcher = Matcher::new(op.0, val, &me.patterns)?;
    Ok(htable.0.any(htable.0.now(&cx.core), |_, value| matcher.fits_value(value)).into())
}

/// True when the table has a key that fits: `eq` is, `ne` is not the text, `re` a regular expression, `sw` begins
/// with, `ew` ends with, `in` contains it.
#[function(ANY)]
pub(super) fn sht_match_name(
    cx: &mut RouteCx,
    me: &Htable,
    htable: TableArg,
    op: MatchOperator,
    val: Str,
) -> CallResult {
    has_name(cx, me, &htable, &op, &val)
}

/// The same as `sht_match_name`.
#[function(ANY)]
pub(super) fn sht_has_name(cx: &mut RouteCx, me: &Htable, htable: TableArg, op: MatchOperator, val: Str) -> CallResult {
    has_name(cx, me, &htable, &op, &val)
}

/// True when the table has a text as a value that fits, as with `sht_match_name`.
#[function(ANY)]
pub(super) fn sht_match_str_value(
    cx: &mut RouteCx,
    me: &Htable,
    htable: TableArg,
    op: MatchOperator,
    val: Str,
) -> CallResult {
    has_text(cx, me, &htable, &op, &val)
}

/// The same as `sht_match_str_value`.
#[function(ANY)]
pub(super) fn sht_has_str_value(
    cx: &mut RouteCx,
    me: &Htable,
    htable: TableArg,
    op: MatchOperator,
    val: Str,
) -> CallResult {
    has_text(cx, me, &htable, &op, &val)
}
