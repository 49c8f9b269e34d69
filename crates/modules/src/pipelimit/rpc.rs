//! `pl.*`.

use std::sync::Arc;

use engine::{RpcFault, RpcResult, RpcValue, Str, rpc};

use super::Pipelimit;
use crate::ratelimit::pipe::{Algorithm, Gains, Pipe};

fn fault(reason: impl Into<String>) -> RpcFault {
    RpcFault::new(400, reason)
}

fn unknown(name: &str) -> RpcFault {
    fault(format!("Unknown pipe id {name}"))
}

fn show(name: &Str, pipe: &Pipe) -> RpcValue {
    let count = |number: u64| RpcValue::Int(i64::try_from(number).unwrap_or(i64::MAX));
    RpcValue::structure([
        ("name", name.into()),
        ("algorithm", pipe.algorithm.name().into()),
        ("limit", pipe.limit.into()),
        ("counter", count(pipe.counter)),
        ("last_counter", count(pipe.last_counter)),
        ("unused_intervals", pipe.unused.into()),
    ])
}

fn in_use(me: &Pipelimit) -> impl Iterator<Item = (Str, Pipe)> {
    me.pipes.list().into_iter().filter(|(_, pipe)| pipe.algorithm != Algorithm::Nop)
}

/// Shows one pipe, or all of them.
#[rpc("pl.list", array)]
pub async fn list(me: Arc<Pipelimit>, name: Option<String>) -> RpcResult {
    match name {
        Some(name) => {
            let shown = me.pipes.with(name.as_bytes(), |pipe| show(&Str::from(&*name), pipe));
            Ok(vec![shown.ok_or_else(|| unknown(&name))?])
        }
        None => Ok(in_use(&me).map(|(name, pipe)| show(&name, &pipe)).collect()),
    }
}

/// Shows of all pipes how much they refuse, and what came in the last interval.
#[rpc("pl.stats", array)]
pub async fn stats(me: Arc<Pipelimit>) -> RpcResult {
    let line = |(name, pipe): (Str, Pipe)| {
        format!("PIPE: id={name} load={} counter={}", pipe.drop_rate(), pipe.last_counter).into()
    };
    Ok(in_use(&me).map(line).collect())
}

/// Shows the pipes, and what came in this interval.
#[rpc("pl.get_pipes", array)]
pub async fn get_pipes(me: Arc<Pipelimit>) -> RpcResult {
    let line = |(name, pipe): (Str, Pipe)| {
        let (algorithm, limit, counter) = (pipe.algorithm.name(), pipe.limit, pipe.counter);
        format!("PIPE: id={name} algorithm={algorithm} limit={limit} counter={counter}").into()
    };
    Ok(in_use(&me).map(line).collect())
}

/// Gives a pipe another algorithm and limit.
#[rpc("pl.set_pipe")]
pub async fn set_pipe(me: Arc<Pipelimit>, pipe_id: String, pipe_algorithm: String, pipe_limit: i64) -> RpcResult {
    let algorithm = Algorithm::from_name(pipe_algorithm.as_bytes()).ok_or_else(|| fault("Unknown algorithm"))?;
    let limit = u32::try_from(pipe_limit).map_err(|_| fault("Invalid limit"))?;
    let change = |pipe: &mut Pipe| (pipe.algorithm, pipe.limit) = (algorithm, limit);
    me.pipes.with(pipe_id.as_bytes(), change).ok_or_else(|| unknown(&pipe_id))?;
    Ok(Vec::new())
}

/// Lets a pipe count from zero.
#[rpc("pl.reset_pipe")]
pub async fn reset_pipe(me: Arc<Pipelimit>, pipe_id: String) -> RpcResult {
    let reset = |pipe: &mut Pipe| *pipe = Pipe::new(pipe.algorithm, pipe.limit);
    me.pipes.with(pipe_id.as_bytes(), reset).ok_or_else(|| unknown(&pipe_id))?;
    Ok(Vec::new())
}

/// Removes a pipe.
#[rpc("pl.rm_pipe")]
pub async fn rm_pipe(me: Arc<Pipelimit>, pipe_id: String) -> RpcResult {
    if me.pipes.remove(pipe_id.as_bytes()) { Ok(Vec::new()) } else { Err(unknown(&pipe_id)) }
}

/// Sets how the feedback algorithm reacts.
#[rpc("pl.set_pid")]
pub async fn set_pid(me: Arc<Pipelimit>, ki: f64, kp: f64, kd: f64) -> RpcResult {
    *me.gains.lock() = Gains { integral: ki, proportional: kp, derivative: kd };
    Ok(Vec::new())
}

/// Shows how the feedback algorithm reacts.
#[rpc("pl.get_pid")]
pub async fn get_pid(me: Arc<Pipelimit>) -> RpcResult {
    Ok(vec![me.gains.lock().show().into()])
}

/// Tells the feedback algorithm once how busy the processors are (0 to 1), for tests.
#[rpc("pl.push_load")]
pub async fn push_load(me: Arc<Pipelimit>, load: f64) -> RpcResult {
    if !(0.0..=1.0).contains(&load) {
        return Err(fault("Value out of range"));
    }
    let gains = *me.gains.lock();
    me.pipes.feed(gains, load);
    Ok(Vec::new())
}
