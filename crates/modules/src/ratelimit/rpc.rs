//! `rl.*`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{RpcFault, RpcResult, Str, rpc};

use super::Ratelimit;
use super::pipe::{Algorithm, Gains};

fn fault(reason: &str) -> RpcFault {
    RpcFault::new(400, reason)
}

/// Shows of all pipes what came in the last interval, their limits and how much they refuse.
#[rpc("rl.stats")]
pub async fn stats(me: Arc<Ratelimit>) -> RpcResult {
    let state = me.state.lock();
    let line = |(number, pipe): (usize, &super::Pipe)| {
        format!("PIPE[{number}]: {}/{} (drop rate: {})", pipe.last_counter, pipe.limit, pipe.drop_rate()).into()
    };
    Ok(state.pipes.iter().enumerate().map(line).collect())
}

/// Shows the pipes that are in use.
#[rpc("rl.get_pipes")]
pub async fn get_pipes(me: Arc<Ratelimit>) -> RpcResult {
    let state = me.state.lock();
    let used = state.pipes.iter().enumerate().filter(|(_, pipe)| pipe.algorithm != Algorithm::Nop);
    let line = |(number, pipe): (usize, &super::Pipe)| {
        let (algorithm, rate) = (pipe.algorithm, pipe.drop_rate());
        let (last, limit, counter) = (pipe.last_counter, pipe.limit, pipe.counter);
        let name = algorithm.name();
        format!("PIPE[{number}]: {}:{name} {last}/{limit} (drop rate: {rate}) [{counter}]", algorithm.number()).into()
    };
    Ok(used.map(line).collect())
}

/// Gives a pipe another algorithm and limit.
#[rpc("rl.set_pipe")]
pub async fn set_pipe(me: Arc<Ratelimit>, pipe_id: i64, pipe_algorithm: String, pipe_limit: i64) -> RpcResult {
    let algorithm = Algorithm::from_name(pipe_algorithm.as_bytes()).ok_or_else(|| fault("Unknown algorithm"))?;
    let limit = u32::try_from(pipe_limit).map_err(|_| fault("Invalid limit"))?;
    let mut state = me.state.lock();
    let pipe = usize::try_from(pipe_id).ok().and_then(|number| state.pipes.get_mut(number));
    let pipe = pipe.ok_or_else(|| fault("Unknown pipe"))?;
    (pipe.algorithm, pipe.limit) = (algorithm, limit);
    Ok(Vec::new())
}

/// Shows which pipe each method belongs to.
#[rpc("rl.get_queues")]
pub async fn get_queues(me: Arc<Ratelimit>) -> RpcResult {
    let state = me.state.lock();
    let lines = state.queues.iter().enumerate();
    Ok(lines.map(|(number, queue)| format!("QUEUE[{number}]: {}:{}", queue.pipe, queue.method).into()).collect())
}

/// Gives a queue another method and pipe.
#[rpc("rl.set_queue")]
pub async fn set_queue(me: Arc<Ratelimit>, queue_id: i64, queue_method: String, pipe_id: i64) -> RpcResult {
    let mut state = me.state.lock();
    let pipe = usize::try_from(pipe_id).ok().filter(|pipe| *pipe < state.pipes.len());
    let pipe = pipe.ok_or_else(|| fault("Invalid pipe number"))?;
    let queue = usize::try_from(queue_id).ok().and_then(|number| state.queues.get_mut(number));
    let queue = queue.ok_or_else(|| fault("MAX_QUEUES reached"))?;
    *queue = super::Queue { pipe, method: Str::from(queue_method) };
    Ok(Vec::new())
}

/// Sets how the feedback algorithm reacts.
#[rpc("rl.set_pid")]
pub async fn set_pid(me: Arc<Ratelimit>, ki: f64, kp: f64, kd: f64) -> RpcResult {
    me.state.lock().gains = Gains { integral: ki, proportional: kp, derivative: kd };
    Ok(Vec::new())
}

/// Shows how the feedback algorithm reacts.
#[rpc("rl.get_pid")]
pub async fn get_pid(me: Arc<Ratelimit>) -> RpcResult {
    Ok(vec![me.state.lock().gains.show().into()])
}

/// Tells the feedback algorithm once how busy the processors are (0 to 1), for tests.
#[rpc("rl.push_load")]
pub async fn push_load(me: Arc<Ratelimit>, load: f64) -> RpcResult {
    if !(0.0..=1.0).contains(&load) {
        return Err(fault("Value out of range"));
    }
    let mut state = me.state.lock();
    let gains = state.gains;
    state.pipes.iter_mut().for_each(|pipe| pipe.feed(gains, load));
    Ok(Vec::new())
}

/// 1: each decision is logged as a warning; 0: none is.
#[rpc("rl.set_dbg")]
pub async fn set_dbg(me: Arc<Ratelimit>, dbg: i64) -> RpcResult {
    me.debug.store(dbg != 0, Ordering::Relaxed);
    Ok(Vec::new())
}
