//! `{sql.val}`, `{sql.val.int}`, `{sql.val.str}`: values as SQL writes them.

use engine::{Str, Value, transformation};

/// A text in quotes. A quote in it is doubled, which every database understands, and a backslash too, which would be an
/// escape in MySQL.
fn quoted(text: &Str) -> Value {
    let mut out = Vec::with_capacity(text.len() + 8);
    out.push(b'\'');
    for byte in text.iter() {
        match byte {
            b'\'' => out.extend(b"''"),
            b'\\' => out.extend(b"\\\\"),
            // No database takes it in a statement.
            0 => out.extend("\u{fffd}".as_bytes()),
            _ => out.push(*byte),
        }
    }
    out.push(b'\'');
    Value::from(out)
}

fn literal(input: Value, null: &str) -> Value {
    match input {
        Value::Null => Value::from(null),
        Value::Int(_) => input,
        Value::Str(text) => quoted(&text),
    }
}

/// The value as SQL writes it: a number as it is, a text in quotes with everything escaped that needs it, `NULL` for
/// `$null`. The quotes are part of it: `where name=$(fU{sql.val})`.
#[transformation("sql.val")]
pub(super) fn val(input: Value) -> Value {
    literal(input, "NULL")
}

/// As `{sql.val}`, with `0` for `$null`.
#[transformation("sql.val.int")]
pub(super) fn int(input: Value) -> Value {
    literal(input, "0")
}

/// As `{sql.val}`, with `''` for `$null`.
#[transformation("sql.val.str")]
pub(super) fn str(input: Value) -> Value {
    literal(input, "''")
}
