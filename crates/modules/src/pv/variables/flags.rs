//! Flags of the message (`$mf`), the script (`$sf`) and the request-URI's branch (`$bf`).

use engine::{CompileEnv, Diagnostic, Expression, InnerName, RouteCx, ScriptError, Value, variable};
use language::ast::Variable;

/// A flag in parentheses: its number, its name, or a variable that holds its number.
pub struct FlagName(Option<u32>);

impl InnerName for FlagName {
    type Compiled = Expression;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| engine::variable::missing_inner(variable))?;
        if inner.node.starts_with('$') {
            return env.variable_text(&inner.node, inner.span);
        }
        env.flag(&inner.node, inner.span).map(|flag| Expression::Constant(Value::Int(i64::from(flag))))
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Self {
        let number = compiled.eval(cx).to_int().and_then(|number| u32::try_from(number).ok());
        Self(number.filter(|number| *number < 32))
    }
}

fn number(value: &Value) -> Result<u32, ScriptError> {
    match value {
        Value::Null => Ok(0),
        // The lower 32 bits, also of negative numbers.
        Value::Int(number) => Ok(*number as u32),
        Value::Str(_) => Err(ScriptError::new("flags are a number")),
    }
}

fn hexadecimal(flags: u32) -> Value {
    Value::from(format!("{flags:08x}"))
}

fn one(flags: u32, flag: &FlagName) -> Value {
    flag.0.map(|bit| i64::from(flags >> bit & 1)).into()
}

fn with_one(flags: u32, flag: &FlagName, value: &Value) -> Result<u32, ScriptError> {
    let bit = flag.0.ok_or_else(|| ScriptError::new("flags go from 0 to 31"))?;
    Ok(if number(value)? == 0 { flags & !(1 << bit) } else { flags | 1 << bit })
}

macro_rules! flags {
    ($what:literal, $field:expr, $set_field:expr;
     $all:ident $all_name:literal $set_all:ident; $hex:ident $hex_name:literal; $bit:ident $bit_name:literal $set_bit:ident) => {
        #[doc = concat!("The flags of the ", $what, " as a number. Assigning `$null` clears all.")]
        #[variable($all_name, set = $set_all)]
        pub fn $all(cx: &RouteCx) -> Value {
            $field(cx).into()
        }

        fn $set_all(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
            *$set_field(cx) = number(&value)?;
            Ok(())
        }

        #[doc = concat!("The flags of the ", $what, " as eight hexadecimal digits. A number can be assigned.")]
        #[variable($hex_name, set = $set_all)]
        pub fn $hex(cx: &RouteCx) -> Value {
            hexadecimal($field(cx))
        }

        #[doc = concat!("One flag of the ", $what, ", by number or name: 1 or 0. Assigning 0 or `$null` clears it.")]
        #[variable($bit_name, set = $set_bit)]
        pub fn $bit(cx: &RouteCx, flag: FlagName) -> Value {
            one($field(cx), &flag)
        }

        fn $set_bit(cx: &mut RouteCx, flag: FlagName, value: Value) -> Result<(), ScriptError> {
            *$set_field(cx) = with_one($field(cx), &flag, &value)?;
            Ok(())
        }
    };
}

fn message(cx: &RouteCx) -> u32 {
    cx.flags
}
fn message_mut(cx: &mut RouteCx) -> &mut u32 {
    &mut cx.flags
}
fn script(cx: &RouteCx) -> u32 {
    cx.script_flags
}
fn script_mut(cx: &mut RouteCx) -> &mut u32 {
    &mut cx.script_flags
}
fn branch(cx: &RouteCx) -> u32 {
    cx.to.flags
}
fn branch_mut(cx: &mut RouteCx) -> &mut u32 {
    &mut cx.to.flags
}

flags! { "message", message, message_mut; mf "mf" set_mf; mf_hex "mF"; mf_one "Mf" set_mf_one }
flags! { "script", script, script_mut; sf "sf" set_sf; sf_hex "sF"; sf_one "Sf" set_sf_one }
flags! { "request-URI's branch", branch, branch_mut; bf "bf" set_bf; bf_hex "bF"; bf_one "Bf" set_bf_one }
