//! `{num.*}`: digits of a number.

use engine::{Value, transformation};

/// The first digit of a number; 0 for text and `$null`.
#[transformation("num.fdigit")]
pub(super) fn fdigit(input: Value) -> Value {
    let Value::Int(number) = input else { return Value::Int(0) };
    let mut rest = number.unsigned_abs();
    while rest > 9 {
        rest /= 10;
    }
    Value::from(rest as i64)
}

/// The last digit of a number; 0 for text and `$null`.
#[transformation("num.ldigit")]
pub(super) fn ldigit(input: Value) -> Value {
    let Value::Int(number) = input else { return Value::Int(0) };
    Value::from((number.unsigned_abs() % 10) as i64)
}
