//! Compiled expressions and format strings. They never wait: calls inside an expression became operations of their own
//! whose results stand in temporaries.

use std::fmt::Write as _;

use language::ast::{BinaryOp, UnaryOp};
use sip::Str;

use crate::posix_regex::Regex;
use crate::route_cx::RouteCx;
use crate::transformation::ScriptTransformation;
use crate::value::Value;
use crate::variable::ScriptVariable;

/// An expression has no value: text where a number is needed, division by zero.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct EvalError(pub String);

/// A compiled expression.
pub enum Expression {
    /// A number, a string, `$null`.
    Constant(Value),
    /// A pseudo-variable.
    Variable(Box<dyn ScriptVariable>),
    /// `$var(x)` by its number.
    Slot(u32),
    /// The result of an operation before.
    Temporary(u32),
    /// A variable with transformations.
    Transformed(Box<Self>, Vec<Box<dyn ScriptTransformation>>),
    /// A string with variables in it.
    Format(Format),
    /// `a op b`.
    Binary(BinaryOp, Box<(Self, Self)>),
    /// `op a`.
    Unary(UnaryOp, Box<Self>),
    /// `a =~ "constant"`.
    Match(Box<Self>, Regex),
    /// `defined $x`, or not.
    IsDefined(Box<Self>, bool),
    /// `selval(condition, a, b)`: `a` when the condition is above zero, else `b`.
    Select(Box<[Self; 3]>),
    /// Whatever the core needs: `src_ip == myself`.
    Native(Box<dyn Fn(&RouteCx) -> Value + Send + Sync>),
}

impl Expression {
    /// Its value; an expression that fails is `$null`, and the failure is logged.
    #[must_use]
    #[inline]
    pub fn eval(&self, cx: &RouteCx) -> Value {
        if let Self::Constant(value) = self { value.clone() } else { self.computed_or_null(cx) }
    }

    fn computed_or_null(&self, cx: &RouteCx) -> Value {
        match self.try_eval(cx) {
            Ok(value) => value,
            Err(error) => {
                crate::log!(cx.core.log, Error, "{}: {error}", cx.place());
                Value::Null
            }
        }
    }

    /// Its value.
    pub fn try_eval(&self, cx: &RouteCx) -> Result<Value, EvalError> {
        Ok(match self {
            Self::Constant(value) => value.clone(),
            Self::Variable(variable) => variable.get(cx),
            Self::Slot(slot) => cx.vars.get(*slot),
            Self::Temporary(at) => cx.temporary(*at).clone(),
            Self::Transformed(input, steps) => {
                let mut value = input.try_eval(cx)?;
                for step in steps {
                    value = step.apply(value, cx);
                }
                value
            }
            Self::Format(format) => Value::Str(format.eval(cx)),
            Self::Binary(op, operands) => return binary(*op, &operands.0, &operands.1, cx),
            Self::Unary(op, operand) => return unary(*op, operand, cx),
            Self::Match(left, regex) => {
                // No value is matched like an empty text, as in Kamailio.
                let left = left.try_eval(cx)?;
                boolean(match &left {
                    Value::Str(text) => regex.is_match(text),
                    Value::Null | Value::Int(_) => regex.is_match(&left.to_str()),
                })
            }
            Self::Select(parts) => return selected(parts, cx)?.try_eval(cx),
            Self::IsDefined(operand, wanted) => Value::Int(i64::from(operand.try_eval(cx)?.is_null() != *wanted)),
            Self::Native(native) => native(cx),
        })
    }

    /// True when its value is above zero (`positive`), or not zero. Text counts as its number.
    pub fn test(&self, cx: &RouteCx, positive: bool) -> Result<bool, EvalError> {
        let number = self.number(cx)?;
        Ok(if positive { number > 0 } else { number != 0 })
    }

    /// Its value where a number is needed: there `+` adds, whatever its left operand holds, unless that is known to be
    /// text.
    pub fn number(&self, cx: &RouteCx) -> Result<i64, EvalError> {
        match self {
            Self::Binary(BinaryOp::Plus, operands) if !operands.0.is_text() => {
                Ok(operands.0.number(cx)?.wrapping_add(operands.1.number(cx)?))
            }
            Self::Select(parts) => selected(parts, cx)?.number(cx),
            _ => number(&self.try_eval(cx)?),
        }
    }

    /// True when it is known at load that its value is text.
    fn is_text(&self) -> bool {
        match self {
            Self::Constant(Value::Str(_))
            | Self::Format(_)
            | Self::Unary(UnaryOp::ToString, _)
            | Self::Binary(BinaryOp::Concat, _) => true,
            Self::Binary(BinaryOp::Plus, operands) => operands.0.is_text(),
            _ => false,
        }
    }

    /// The value when it is known at load.
    #[must_use]
    pub const fn constant(&self) -> Option<&Value> {
        match self {
            Self::Constant(value) => Some(value),
            _ => None,
        }
    }
}

/// The operand of `selval` that its condition picks.
fn selected<'a>(parts: &'a [Expression; 3], cx: &RouteCx) -> Result<&'a Expression, EvalError> {
    let [condition, first, second] = parts;
    Ok(if condition.test(cx, true)? { first } else { second })
}

/// The number of a value. Empty text counts as 0; other text that is no number is an error, as in newer Kamailio.
fn number(value: &Value) -> Result<i64, EvalError> {
    match value {
        Value::Null => Ok(0),
        Value::Int(number) => Ok(*number),
        Value::Str(text) if text.is_empty() => Ok(0),
        Value::Str(text) => text.parse_int().ok_or_else(|| EvalError(format!("`{text}` is no number"))),
    }
}

fn boolean(value: bool) -> Value {
    Value::Int(i64::from(value))
}

/// `==`: the left type decides; an undefined left side takes the right one's.
fn equal(left: &Value, right: &Value) -> Result<bool, EvalError> {
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Int(left), right) => *left == number(right)?,
        (Value::Str(left), Value::Str(right)) => left == right,
        (Value::Str(left), Value::Int(right)) => **left == *right.to_string().as_bytes(),
        (Value::Str(left), Value::Null) => left.is_empty(),
        (Value::Null, Value::Int(right)) => *right == 0,
        (Value::Null, Value::Str(right)) => right.is_empty(),
    })
}

fn binary(op: BinaryOp, left: &Expression, right: &Expression, cx: &RouteCx) -> Result<Value, EvalError> {
    match op {
        BinaryOp::Or => Ok(boolean(left.test(cx, false)? || right.test(cx, false)?)),
        BinaryOp::And => Ok(boolean(left.test(cx, false)? && right.test(cx, false)?)),
        BinaryOp::Equal | BinaryOp::NotEqual | BinaryOp::Plus => {
            let left = left.try_eval(cx)?;
            // A number on the left needs one on the right.
            let right =
                if matches!(left, Value::Int(_)) { Value::Int(right.number(cx)?) } else { right.try_eval(cx)? };
            values(op, &left, &right)
        }
        BinaryOp::StringEqual | BinaryOp::StringNotEqual | BinaryOp::Match | BinaryOp::Concat => {
            values(op, &left.try_eval(cx)?, &right.try_eval(cx)?)
        }
        _ => Ok(Value::Int(arithmetic(op, (left.number(cx)?, right.number(cx)?))?)),
    }
}

/// The value of an operation on constants; `None` when it fails.
pub(crate) fn fold_binary(op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
    match op {
        BinaryOp::Or => Some(boolean(number(left).ok()? != 0 || number(right).ok()? != 0)),
        BinaryOp::And => Some(boolean(number(left).ok()? != 0 && number(right).ok()? != 0)),
        _ => values(op, left, right).ok(),
    }
}

/// The same for one operand.
pub(crate) fn fold_unary(op: UnaryOp, value: &Value) -> Option<Value> {
    one(op, value).ok()
}

fn values(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, EvalError> {
    let numbers = || Ok((number(left)?, number(right)?));
    Ok(match op {
        BinaryOp::Equal => boolean(equal(left, right)?),
        BinaryOp::NotEqual => boolean(!equal(left, right)?),
        BinaryOp::StringEqual => boolean(left.to_str() == right.to_str()),
        BinaryOp::StringNotEqual => boolean(left.to_str() != right.to_str()),
        BinaryOp::Match => {
            let pattern = right.to_str();
            let regex = Regex::extended(&pattern).map_err(|error| EvalError(format!("`{pattern}`: {error}")))?;
            boolean(regex.is_match(&left.to_str()))
        }
        BinaryOp::Plus => match (left, right) {
            (Value::Int(left), right) => Value::Int(left.wrapping_add(number(right)?)),
            (Value::Null, Value::Int(right)) => Value::Int(*right),
            _ => concat(left, right),
        },
        BinaryOp::Concat => concat(left, right),
        _ => Value::Int(arithmetic(op, numbers()?)?),
    })
}

fn concat(left: &Value, right: &Value) -> Value {
    let mut joined = Vec::with_capacity(64);
    for value in [left, right].into_iter().filter(|value| !value.is_null()) {
        value.append_to(&mut joined);
    }
    Value::Str(Str::from(joined))
}

fn arithmetic(op: BinaryOp, (left, right): (i64, i64)) -> Result<i64, EvalError> {
    let by_zero = || EvalError("division by zero".into());
    Ok(match op {
        BinaryOp::Minus => left.wrapping_sub(right),
        BinaryOp::Multiply => left.wrapping_mul(right),
        BinaryOp::Divide => left.checked_div(right).ok_or_else(by_zero)?,
        BinaryOp::Modulo => left.checked_rem(right).ok_or_else(by_zero)?,
        BinaryOp::BitOr => left | right,
        BinaryOp::BitAnd => left & right,
        BinaryOp::BitXor => left ^ right,
        BinaryOp::ShiftLeft => left.wrapping_shl(right as u32),
        BinaryOp::ShiftRight => left.wrapping_shr(right as u32),
        BinaryOp::IntEqual => i64::from(left == right),
        BinaryOp::IntNotEqual => i64::from(left != right),
        BinaryOp::Greater => i64::from(left > right),
        BinaryOp::Less => i64::from(left < right),
        BinaryOp::GreaterEqual => i64::from(left >= right),
        BinaryOp::LessEqual => i64::from(left <= right),
        _ => return Err(EvalError("no operation on numbers".into())),
    })
}

fn unary(op: UnaryOp, operand: &Expression, cx: &RouteCx) -> Result<Value, EvalError> {
    match op {
        UnaryOp::Not | UnaryOp::Negate | UnaryOp::BitNot | UnaryOp::ToInt => one(op, &Value::Int(operand.number(cx)?)),
        UnaryOp::Defined | UnaryOp::ToString | UnaryOp::StrLen | UnaryOp::StrEmpty => one(op, &operand.try_eval(cx)?),
    }
}

fn one(op: UnaryOp, value: &Value) -> Result<Value, EvalError> {
    Ok(match op {
        UnaryOp::Not => boolean(number(value)? == 0),
        UnaryOp::Negate => Value::Int(number(value)?.wrapping_neg()),
        UnaryOp::BitNot => Value::Int(!number(value)?),
        UnaryOp::Defined => boolean(!value.is_null()),
        UnaryOp::ToInt => Value::Int(number(value)?),
        UnaryOp::ToString => Value::Str(value.to_str()),
        UnaryOp::StrLen => Value::Int(value.to_str().len() as i64),
        UnaryOp::StrEmpty => boolean(value.to_str().is_empty()),
    })
}

/// A string with variables, as functions take it.
pub struct Format {
    pieces: Vec<FormatPart>,
}

/// One piece of a [`Format`].
pub enum FormatPart {
    /// Literal text.
    Text(Str),
    /// A variable.
    Value(Expression),
}

impl Format {
    /// From its pieces.
    #[must_use]
    pub const fn new(pieces: Vec<FormatPart>) -> Self {
        Self { pieces }
    }

    /// The text when there is no variable in it.
    #[must_use]
    pub fn constant(&self) -> Option<Str> {
        match &*self.pieces {
            [] => Some(Str::default()),
            [FormatPart::Text(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// The only variable, when the format is nothing else.
    #[must_use]
    pub fn single(&self) -> Option<&Expression> {
        match &*self.pieces {
            [FormatPart::Value(expression)] => Some(expression),
            _ => None,
        }
    }

    /// Shows the text to `look`; other than [`Self::eval`] it allocates nothing for a short one.
    pub fn with_text<R>(&self, cx: &RouteCx, look: impl FnOnce(&[u8]) -> R) -> R {
        if let [FormatPart::Text(text)] = &*self.pieces {
            return look(text);
        }
        let mut out = ShortText::default();
        for piece in &self.pieces {
            match piece {
                FormatPart::Text(text) => out.0.extend_from_slice(text),
                FormatPart::Value(expression) => match expression.eval(cx) {
                    Value::Null => out.0.extend_from_slice(null_text(expression).as_bytes()),
                    Value::Int(number) => {
                        // Writing to memory does not fail.
                        let _ = write!(out, "{number}");
                    }
                    Value::Str(text) => out.0.extend_from_slice(&text),
                },
            }
        }
        look(&out.0)
    }

    /// The text; a variable without a value prints `<null>`, a transformation without a result nothing.
    #[must_use]
    pub fn eval(&self, cx: &RouteCx) -> Str {
        match &*self.pieces {
            [] => Str::default(),
            [FormatPart::Text(text)] => text.clone(),
            [FormatPart::Value(expression)] => match expression.eval(cx) {
                Value::Null => Str::from_static(null_text(expression)),
                value => value.into_str(),
            },
            pieces => {
                let mut out = Vec::with_capacity(64);
                for piece in pieces {
                    match piece {
                        FormatPart::Text(text) => out.extend_from_slice(text),
                        FormatPart::Value(expression) => match expression.eval(cx) {
                            Value::Null => out.extend_from_slice(null_text(expression).as_bytes()),
                            value => value.append_to(&mut out),
                        },
                    }
                }
                Str::from(out)
            }
        }
    }
}

/// Collects a text on the stack as long as it is short.
#[derive(Default)]
struct ShortText(smallvec::SmallVec<[u8; 128]>);

impl std::fmt::Write for ShortText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// What no value prints as. A transformation that fails prints nothing in Kamailio.
const fn null_text(expression: &Expression) -> &'static str {
    if matches!(expression, Expression::Transformed(..)) { "" } else { "<null>" }
}
