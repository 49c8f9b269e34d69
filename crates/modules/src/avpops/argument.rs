//! What the arguments of this module's functions are made of.

use std::sync::Arc;

use engine::posix_regex::Regex;
use engine::variable::IndexSource;
use engine::{
    ArgSource, CompileEnv, Diagnostic, Expression, InnerName, RouteCx, ScriptError, ScriptVariable, Str, Value,
};
use language::variable::parse_variable;

use crate::pv::AvpName;

/// `$avp(name)`: the stack itself, whatever the index.
pub(super) struct Avp(<AvpName as InnerName>::Compiled);

impl Avp {
    pub(super) fn compile(text: &str, arg: &ArgSource<'_>, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let variable = parse_variable(text.trim(), arg.span())?;
        if variable.name != "avp" && variable.name != "avp_alias" || !variable.transformations.is_empty() {
            return Err(arg.error(format!("`{text}` is no AVP"), "write `$avp(name)`"));
        }
        AvpName::compile(&variable, env).map(Self)
    }

    /// Its key now.
    pub(super) fn key(&self, cx: &RouteCx) -> Result<Str, ScriptError> {
        AvpName::eval(&self.0, cx).0.ok_or_else(|| ScriptError::new("the variable that names the AVP has no value"))
    }
}

/// A variable with one value, or with several of which all are looked at (`g`).
pub(super) enum Source {
    Avp(Avp),
    Other(Box<dyn ScriptVariable>),
}

impl Source {
    pub(super) fn compile(text: &str, arg: &ArgSource<'_>, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let text = text.trim();
        if !text.starts_with('$') {
            return Err(arg.error(format!("`{text}` is no variable"), "write `$avp(name)` or another variable"));
        }
        let variable = parse_variable(text, arg.span())?;
        // `$(avp(x)[1])` is one value of the stack.
        if variable.name == "avp" && variable.transformations.is_empty() && variable.index.is_none() {
            return Avp::compile(text, arg, env).map(Self::Avp);
        }
        IndexSource::compile(&variable, env)?;
        Ok(match env.variable(&variable)? {
            Expression::Variable(variable) => Self::Other(variable),
            expression => Self::Other(Box::new(Computed(expression))),
        })
    }

    /// Its values, newest first; the first one only unless `all`.
    pub(super) fn values(&self, cx: &RouteCx, all: bool) -> Result<Vec<Value>, ScriptError> {
        let most = if all { usize::MAX } else { 1 };
        Ok(match self {
            Self::Avp(avp) => cx.avps.values(&avp.key(cx)?).take(most).cloned().collect(),
            Self::Other(variable) => Some(variable.get(cx)).filter(|value| !value.is_null()).into_iter().collect(),
        })
    }
}

struct Computed(Expression);

impl ScriptVariable for Computed {
    fn get(&self, cx: &RouteCx) -> Value {
        self.0.eval(cx)
    }
}

/// What a value is compared or computed with.
pub(super) enum Operand {
    Constant(Value),
    Pattern(Arc<Regex>),
    Variable(Source),
}

impl Operand {
    /// `$x`, `i:5`, `s:text` or a text.
    pub(super) fn compile(text: &str, arg: &ArgSource<'_>, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        if text.starts_with('$') && text.len() > 1 {
            return Source::compile(text, arg, env).map(Self::Variable);
        }
        Ok(Self::Constant(match text.split_once(':') {
            Some(("i" | "I", number)) => {
                let value = integer(number);
                Value::Int(value.ok_or_else(|| arg.error(format!("`{number}` is no number"), "behind `i:`"))?)
            }
            Some(("s" | "S", text)) => Value::from(text),
            _ => Value::from(text),
        }))
    }
}

/// Decimal, or hexadecimal behind `0x`.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    number.ok().map(|number: i64| number.wrapping_mul(sign))
}

/// The parts of a text between slashes that stand outside of parentheses.
pub(super) fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c| {
        depth += i32::from(c == '(' || c == '{') - i32::from(c == ')' || c == '}');
        depth <= 0 && c == '/'
    })
    .collect()
}

/// Letters, each of which is in `known` (lower case); the answer says of each of those whether it is there.
pub(super) fn flags<const N: usize>(
    text: &str,
    known: [char; N],
    arg: &ArgSource<'_>,
) -> Result<[bool; N], Diagnostic> {
    let mut found = [false; N];
    for letter in text.trim().chars() {
        match known.iter().position(|known| *known == letter.to_ascii_lowercase()) {
            Some(at) => found[at] = true,
            None => {
                let known: Vec<String> = known.iter().map(|letter| format!("`{letter}`")).collect();
                return Err(arg.error(format!("no flag `{letter}`"), format!("known are {}", known.join(", "))));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_numbers() {
        assert_eq!(parts("$avp(a/b)/$(ru{s.select,0,/})/g"), ["$avp(a/b)", "$(ru{s.select,0,/})", "g"]);
        assert_eq!(parts("x"), ["x"]);
        assert_eq!(integer("0x1F"), Some(31));
        assert_eq!(integer("-7"), Some(-7));
        assert_eq!(integer("7x"), None);
    }
}
