//! Chance: `rand_event` and its probability, `$RANDOM`, and `core_hash`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, RpcArguments, RpcFault, RpcResult,
    ScriptError, ScriptType, Str, Value, function, rpc, variable,
};
use rand::RngExt as _;

use super::Cfgutils;

/// A number from 0 to 100.
pub struct Percent(i64);

impl ScriptType for Percent {
    type Compiled = Expression;
    const KIND: &'static str = "percentage";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let expression = i64::compile(arg, env)?;
        if let (Some(arg), Some(Value::Int(number))) = (arg, expression.constant())
            && !(0..=100).contains(number)
        {
            return Err(arg.error(format!("{number} is no probability"), "from 0 to 100"));
        }
        Ok(expression)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        match i64::eval(compiled, cx)? {
            number @ 0..=100 => Ok(Self(number)),
            number => Err(ScriptError::new(format!("{number} is no probability: it is from 0 to 100"))),
        }
    }
}

/// True with the probability that `rand_set_prob`, the RPC command or `initial_probability` set.
#[function(ANY)]
pub fn rand_event(_cx: &mut RouteCx, me: &Cfgutils) -> CallResult {
    Ok((rand::rng().random_range(0..100) < me.probability.load(Ordering::Relaxed)).into())
}

/// Sets the probability of `rand_event()`, in percent.
#[function(ANY)]
pub fn rand_set_prob(_cx: &mut RouteCx, me: &Cfgutils, probability: Percent) -> CallResult {
    me.set_probability(probability.0);
    Ok(Return::TRUE)
}

/// Sets the probability of `rand_event()` back to `initial_probability`.
#[function(ANY)]
pub fn rand_reset_prob(_cx: &mut RouteCx, me: &Cfgutils) -> CallResult {
    me.set_probability(me.params.initial_probability);
    Ok(Return::TRUE)
}

/// Returns the probability of `rand_event()` in percent: `$var(p) = rand_get_prob();`. As a statement of its own a
/// probability of 0 ends the script, as every function does that returns 0.
#[function(ANY)]
pub fn rand_get_prob(_cx: &mut RouteCx, me: &Cfgutils) -> CallResult {
    Ok(Return(i32::try_from(me.probability.load(Ordering::Relaxed)).unwrap_or(0)))
}

/// Returns a hash of two texts (the second may be empty), from 1 to 2 to the power of `size`: `$var(h) = core_hash("$ci",
/// "", 4);`. A size of 0 or less counts as 1. It is not meant for secrets.
#[function(ANY)]
pub fn core_hash(_cx: &mut RouteCx, string1: Str, string2: Str, size: i64) -> CallResult {
    if size > 30 {
        return Err(ScriptError::new("core_hash() takes a size up to 30"));
    }
    let mut hash = 0_u32;
    for word in string1.chunks(4).chain(string2.chunks(4)) {
        let number = word.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        hash = hash.wrapping_add(number ^ (number >> 3));
    }
    let hash = hash.wrapping_add(hash >> 11).wrapping_add(hash >> 13).wrapping_add(hash >> 23);
    let slot = hash & ((1 << size.max(1)) - 1);
    Ok(Return(slot as i32 + 1))
}

/// A random number from 0 to 2147483647.
#[variable("RANDOM")]
pub fn random(_cx: &RouteCx) -> Value {
    Value::Int(rand::rng().random_range(0..1_i64 << 31))
}

/// Shows the probability of `rand_event()`.
#[rpc("cfgutils.rand_get_prob")]
pub async fn rpc_rand_get_prob(me: Arc<Cfgutils>) -> RpcResult {
    let percent = me.probability.load(Ordering::Relaxed);
    Ok(vec![format!("actual probability: {percent} percent").into()])
}

/// Sets the probability of `rand_event()` back to `initial_probability`.
#[rpc("cfgutils.rand_reset_prob")]
pub async fn rpc_rand_reset_prob(me: Arc<Cfgutils>) -> RpcResult {
    me.set_probability(me.params.initial_probability);
    Ok(Vec::new())
}

/// Sets the probability of `rand_event()`, in percent.
#[rpc("cfgutils.rand_set_prob")]
pub async fn rpc_rand_set_prob(me: Arc<Cfgutils>, mut arguments: RpcArguments) -> RpcResult {
    let percent: i64 = arguments.take().map_err(|_| RpcFault::new(500, "Invalid Parameters"))?;
    if !(0..=100).contains(&percent) {
        return Err(RpcFault::new(500, "Invalid Percent"));
    }
    me.set_probability(percent);
    Ok(Vec::new())
}
