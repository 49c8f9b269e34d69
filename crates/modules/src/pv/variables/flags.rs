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

/// Makes the three variables of a set of flags. The field comes as two functions.
macro_rules! flags {
    ($get:ident, $place:ident;
     $all:ident $all_name:literal $set_all:ident $all_doc:literal;
     $hex:ident $hex_name:literal $hex_doc:literal;
     $bit:ident $bit_name:literal $set_bit:ident $bit_doc:literal) => {
        #[doc = $all_doc]
        #[variable($all_name, set = $set_all)]
        pub fn $all(cx: &RouteCx) -> Value {
            $get(cx).into()
        }

        fn $set_all(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
            *$place(cx) = number(&value)?;
            Ok(())
        }

        #[doc = $hex_doc]
        #[variable($hex_name, set = $set_all)]
        pub fn $hex(cx: &RouteCx) -> Value {
            hexadecimal($get(cx))
        }

        #[doc = $bit_doc]
        #[variable($bit_name, set = $set_bit)]
        pub fn $bit(cx: &RouteCx, flag: FlagName) -> Value {
            one($get(cx), &flag)
        }

        fn $set_bit(cx: &mut RouteCx, flag: FlagName, value: Value) -> Result<(), ScriptError> {
            *$place(cx) = with_one($get(cx), &flag, &value)?;
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

flags! {
    message, message_mut;
    mf "mf" set_mf "The flags of the message as a number. Assigning `$null` clears all.";
    mf_hex "mF" "The flags of the message as eight hexadecimal digits. A number can be assigned.";
    mf_one "Mf" set_mf_one "One flag of the message, by number or name: 1 or 0. Assigning 0 or `$null` clears it."
}

flags! {
    script, script_mut;
    sf "sf" set_sf "The flags of the script as a number. Assigning `$null` clears all.";
    sf_hex "sF" "The flags of the script as eight hexadecimal digits. A number can be assigned.";
    sf_one "Sf" set_sf_one "One flag of the script, by number or name: 1 or 0. Assigning 0 or `$null` clears it."
}

flags! {
    branch, branch_mut;
    bf "bf" set_bf "The flags of the request-URI's branch as a number. Assigning `$null` clears all.";
    bf_hex "bF" "The flags of the request-URI's branch as eight hexadecimal digits. A number can be assigned.";
    bf_one "Bf" set_bf_one "One flag of the request-URI's branch, by number or name: 1 or 0. Assigning 0 or `$null` clears it."
}
