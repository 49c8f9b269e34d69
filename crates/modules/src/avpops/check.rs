//! `avp_check`.

use std::sync::Arc;

use engine::posix_regex::Regex;
use engine::script_type::{required, wrong_regex};
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Value, function,
};

use super::argument::{Operand, Source, flags, parts};
use super::lists::text;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Regex,
    Glob,
    And,
    Or,
    Xor,
}

const OPERATORS: [(&str, Operator); 11] = [
    ("eq", Operator::Equal),
    ("ne", Operator::NotEqual),
    ("lt", Operator::Less),
    ("le", Operator::AtMost),
    ("gt", Operator::Greater),
    ("ge", Operator::AtLeast),
    ("re", Operator::Regex),
    ("fm", Operator::Glob),
    ("and", Operator::And),
    ("or", Operator::Or),
    ("xor", Operator::Xor),
];

/// A compiled second argument.
pub(super) struct Comparison {
    operator: Operator,
    operand: Operand,
    all: bool,
    ignore_case: bool,
}

/// `operator/value/flags`
pub(super) struct Condition(Arc<Comparison>);

impl ScriptType for Condition {
    type Compiled = Arc<Comparison>;
    const KIND: &'static str = "condition";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "`operator/value/flags`")?;
        let (name, rest) = text
            .split_once('/')
            .ok_or_else(|| arg.error(format!("`{text}` has no value"), "expected `operator/value/flags`"))?;
        let lower = name.trim().to_ascii_lowercase();
        let known = OPERATORS.iter().find(|(known, _)| *known == lower);
        let (_, operator) = *known.ok_or_else(|| {
            let mistake = arg.error(format!("`{name}` is no operator"), "unknown");
            mistake.did_you_mean(name, OPERATORS.map(|(name, _)| name))
        })?;
        let mut pieces = parts(rest);
        // A slash may belong to the value; flags stand behind the last one.
        let letters = if pieces.len() > 1 { pieces.pop().unwrap_or_default() } else { "" };
        let [all, ignore_case] = flags(letters, ['g', 'i'], arg)?;
        let value =
            &rest[..rest.len() - if letters.is_empty() && !rest.ends_with('/') { 0 } else { letters.len() + 1 }];
        if value.is_empty() {
            return Err(arg.error(format!("`{name}` has no value to compare with"), "nothing behind the slash"));
        }
        let operand = Operand::compile(value, arg, env)?;
        let operand = match (operator, operand) {
            (Operator::Regex, Operand::Constant(pattern)) => {
                let regex = Regex::extended(&pattern.to_str());
                Operand::Pattern(Arc::new(regex.map_err(|error| wrong_regex(&error, arg.span()))?))
            }
            (Operator::And | Operator::Or | Operator::Xor, Operand::Constant(Value::Str(text))) => {
                return Err(arg.error(format!("`{name}` needs a number, not `{text}`"), "write `i:5`"));
            }
            (_, operand) => operand,
        };
        Ok(Arc::new(Comparison { operator, operand, all, ignore_case }))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// A variable that is looked at.
pub(super) struct Checked(Arc<Source>);

impl ScriptType for Checked {
    type Compiled = Arc<Source>;
    const KIND: &'static str = "variable";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        Source::compile(&text(arg, "a variable")?, arg, env).map(Arc::new)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

impl Comparison {
    /// Whether a value fits; an error when the two are not of one kind.
    fn fits(&self, value: &Value, with: &Value) -> Result<bool, ScriptError> {
        use std::cmp::Ordering;
        let order = match (self.operator, value, with) {
            (Operator::And, Value::Int(a), Value::Int(b)) => return Ok(a & b != 0),
            (Operator::Or, Value::Int(a), Value::Int(b)) => return Ok(a | b != 0),
            (Operator::Xor, Value::Int(a), Value::Int(b)) => return Ok(a ^ b != 0),
            (Operator::Regex, Value::Str(text), Value::Str(pattern)) => {
                let regex = Regex::extended(pattern).map_err(|error| ScriptError::new(error.to_string()))?;
                return Ok(regex.is_match(text));
            }
            (Operator::Glob, Value::Str(text), Value::Str(pattern)) => return Ok(crate::glob::fits(pattern, text)),
            (Operator::Regex | Operator::Glob | Operator::And | Operator::Or | Operator::Xor, ..) => {
                return Err("the operator does not fit these values".into());
            }
            (_, Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Operator::Equal | Operator::NotEqual, Value::Str(a), Value::Str(b)) => {
                let is_same = if self.ignore_case { a.eq_ignore_ascii_case(b) } else { **a == **b };
                if is_same { Ordering::Equal } else { Ordering::Less }
            }
            // Order is always without case, as in Kamailio.
            (_, Value::Str(a), Value::Str(b)) => a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()),
            _ => return Err("a number and a text cannot be compared".into()),
        };
        Ok(match self.operator {
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::AtLeast => order.is_ge(),
            _ => order.is_eq(),
        })
    }
}

/// Compares a variable: `avp_check("$avp(x)", "lt/i:345/g")`. The operators: `eq`, `ne`, `lt`, `le`, `gt`, `ge`; `re`
/// (a regular expression, POSIX, without case), `fm` (a pattern of the shell: `al*`), `and`, `or`, `xor` (bits in
/// common ..). The value: a variable, `i:5`, `i:0x1f`, `s:text` or a text. Flags: `g` it is enough that one of the
/// values fits, without it the newest must; `i` letters of either case are the same for `eq` and `ne` (for
/// the others they are anyway, except `fm`).
///
/// Returns 1, -1; -1 also when there is no value, or a number is compared with a text, which is logged.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) fn avp_check(cx: &mut RouteCx, name: Checked, op_value: Condition) -> CallResult {
    let condition = &*op_value.0;
    let values = name.0.values(cx, condition.all)?;
    let operands = match &condition.operand {
        Operand::Constant(value) => vec![value.clone()],
        Operand::Variable(source) => source.values(cx, condition.all)?,
        Operand::Pattern(regex) => {
            let fits = |value: &Value| value.as_str().is_some_and(|text| regex.is_match(text));
            return Ok(values.iter().any(fits).into());
        }
    };
    let mut mistake = None;
    for value in &values {
        for operand in &operands {
            match condition.fits(value, operand) {
                Ok(true) => return Ok(Return::TRUE),
                Ok(false) => {}
                Err(error) => mistake = Some(error),
            }
        }
    }
    mistake.map_or(Ok(Return::FALSE), Err)
}
