//! `$sht`, `$shtex`, `$shtcn`, `$shtcv`, `$shtinc`, `$shtdec`.
//!
//! Their descriptors are written by hand: the key is looked up where it is put together, so that reading an item
//! allocates nothing.

use engine::{RouteCx, ScriptError, ScriptVariable, Value, VariableDef};

use super::matching::Matcher;
use super::place::Place;
use super::table::Lifetime;

/// `$sht(table=>key)`.
pub(super) const SHT: VariableDef = VariableDef {
    names: &["sht"],
    doc: "The item `key` of a hash table. `$null` when it is not there (or the table's `initval`); `= $null` \
          takes it away. The key may contain variables: `$sht(a=>$ci::srcip)`.",
    writable: true,
    compile: |variable, env| Ok(Box::new(Item(Place::of_variable(variable, env)?))),
};

/// `$shtex(table=>key)`.
pub(super) const SHTEX: VariableDef = VariableDef {
    names: &["shtex"],
    doc: "Seconds until the item's time is over; 0 when it never is, or the item is not there. Can be set in tables \
          with `autoexpire`: 0 keeps the item for ever.",
    writable: true,
    compile: |variable, env| Ok(Box::new(Expiry(Place::of_variable(variable, env)?))),
};

/// `$shtcn(table=>expression)`.
pub(super) const SHTCN: VariableDef = VariableDef {
    names: &["shtcn"],
    doc: "How many keys of a hash table fit: `~~regex`, `%~start`, `~%end`, `==text`, `**` (all); without an operator \
          it is a regular expression (POSIX, without case).",
    writable: false,
    compile: |variable, env| Ok(Box::new(Count { place: Place::of_variable(variable, env)?, values: false })),
};

/// `$shtcv(table=>expression)`.
pub(super) const SHTCV: VariableDef = VariableDef {
    names: &["shtcv"],
    doc: "How many values of a hash table fit, as with `$shtcn`; `eqnumber` looks for numbers, all others for texts.",
    writable: false,
    compile: |variable, env| Ok(Box::new(Count { place: Place::of_variable(variable, env)?, values: true })),
};

/// `$shtinc(table=>key)`.
pub(super) const SHTINC: VariableDef = VariableDef {
    names: &["shtinc"],
    doc: "Adds one to an item and tells the sum, in one step. `$null` when the item is a text, or not there in a table \
          without `initval`.",
    writable: false,
    compile: |variable, env| Ok(Box::new(Add { place: Place::of_variable(variable, env)?, number: 1 })),
};

/// `$shtdec(table=>key)`.
pub(super) const SHTDEC: VariableDef = VariableDef {
    names: &["shtdec"],
    doc: "Takes one from an item and tells the rest, in one step. `$null` as with `$shtinc`.",
    writable: false,
    compile: |variable, env| Ok(Box::new(Add { place: Place::of_variable(variable, env)?, number: -1 })),
};

struct Item(Place);

impl ScriptVariable for Item {
    fn get(&self, cx: &RouteCx) -> Value {
        let Some(table) = self.0.table() else { return Value::Null };
        self.0.with_key(cx, |key| table.get(key, table.now(&cx.core)))
    }

    fn set(&self, cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
        let table = self.0.declared()?;
        let now = table.now(&cx.core);
        self.0.with_key(cx, |key| table.set(key, value, Lifetime::Usual, now))?;
        Ok(())
    }
}

struct Expiry(Place);

impl ScriptVariable for Expiry {
    fn get(&self, cx: &RouteCx) -> Value {
        let Some(table) = self.0.table() else { return Value::Null };
        self.0.with_key(cx, |key| table.seconds_left(key, table.now(&cx.core))).into()
    }

    fn set(&self, cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
        let table = self.0.declared()?;
        let seconds = value.to_int().ok_or_else(|| ScriptError::new("seconds must be a number"))?;
        let now = table.now(&cx.core);
        self.0.with_key(cx, |key| table.set_seconds_left(key, seconds, now));
        Ok(())
    }
}

struct Count {
    place: Place,
    values: bool,
}

impl Count {
    fn count(&self, cx: &RouteCx, expression: &[u8]) -> Result<usize, ScriptError> {
        let Some(table) = self.place.table() else { return Ok(0) };
        let Some(matcher) = Matcher::of_expression(expression, &self.place.me.patterns)? else { return Ok(0) };
        let now = table.now(&cx.core);
        Ok(match self.values {
            true => table.count(now, |_, value| matcher.fits_value(value)),
            false => table.count(now, |key, _| matcher.fits_key(key)),
        })
    }
}

impl ScriptVariable for Count {
    fn get(&self, cx: &RouteCx) -> Value {
        if self.place.table().is_none() {
            return Value::Null;
        }
        match self.place.with_key(cx, |expression| self.count(cx, expression)) {
            Ok(count) => count.into(),
            Err(error) => {
                engine::log!(cx.core.log, Error, "{}: {error}", cx.place());
                Value::Int(0)
            }
        }
    }
}

struct Add {
    place: Place,
    number: i64,
}

impl ScriptVariable for Add {
    fn get(&self, cx: &RouteCx) -> Value {
        let Some(table) = self.place.table() else { return Value::Null };
        let now = table.now(&cx.core);
        match self.place.with_key(cx, |key| table.add(key, self.number, now)) {
            Ok(sum) => sum.into(),
            Err(full) => {
                engine::log!(cx.core.log, Error, "{}: {}", cx.place(), ScriptError::from(full));
                Value::Null
            }
        }
    }
}
