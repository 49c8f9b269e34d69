//! `{val.*}`: a value in place of `$null`, and JSON.

use engine::{Str, Value, transformation};

/// 0 in place of `$null`.
#[transformation("val.n0")]
pub(super) fn n0(input: Value) -> Value {
    if input.is_null() { Value::Int(0) } else { input }
}

/// The empty text in place of `$null`.
#[transformation("val.ne")]
pub(super) fn ne(input: Value) -> Value {
    if input.is_null() { Value::Str(Str::EMPTY) } else { input }
}

/// Text as it may stand between the quotes of a JSON string; the empty text for `$null`.
#[transformation("val.json")]
pub(super) fn json(input: Value) -> Value {
    match input {
        Value::Null => Value::Str(Str::EMPTY),
        Value::Int(_) => input,
        Value::Str(text) => Value::from(escaped(&text)),
    }
}

/// A JSON value: text in quotes, numbers as they are, `""` for `$null`.
#[transformation("val.jsonqe")]
pub(super) fn jsonqe(input: Value) -> Value {
    match input {
        Value::Null => Value::from("\"\""),
        Value::Int(_) => input,
        Value::Str(text) => Value::from(format!("\"{}\"", escaped(&text))),
    }
}

/// RFC 8259 section 7.
fn escaped(text: &Str) -> String {
    let text = text.to_text();
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}
