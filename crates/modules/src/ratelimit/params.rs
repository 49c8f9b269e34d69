//! The parameters `pipe` and `queue`.

use engine::params::ParamKind;
use engine::{Diagnostic, ParamSource, ParamType, Params, Str};
use language::ast::ConfigValue;

use super::pipe::{Algorithm, Pipe};

/// How many pipes there are.
pub(super) const PIPES: usize = 32;
/// How many queues there may be.
pub(super) const QUEUES: usize = 32;

/// The parameters of module `ratelimit`.
#[derive(Params)]
pub struct RatelimitParams {
    /// Seconds after which counting begins anew.
    #[param(default = 10)]
    pub timer_interval: u32,
    /// Which pipe the requests of a method belong to: `0:REGISTER`; `*` stands for any method. The first that fits counts.
    /// May be given several times.
    pub queue: Queues,
    /// A pipe: `number:algorithm:limit`, such as `0:TAILDROP:200`. The limit is a number of messages a second for TAILDROP
    /// and RED, the load of the processors in percent for FEEDBACK, a number of waiting bytes for NETWORK. May be given
    /// several times.
    pub pipe: Pipes,
}

/// A method and its pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queue {
    pub(super) pipe: usize,
    pub(super) method: Str,
}

/// Lines `queue`.
#[derive(Default)]
pub struct Queues(pub(super) Vec<Queue>);

/// Lines `pipe`.
#[derive(Default)]
pub struct Pipes(pub(super) Vec<(usize, Pipe)>);

fn text(source: &ParamSource) -> &str {
    match &source.value {
        ConfigValue::String(text) => text.trim(),
        _ => "",
    }
}

fn number(source: &ParamSource, text: &str) -> Result<usize, Diagnostic> {
    let number = text.trim().parse().ok().filter(|number| *number < PIPES);
    number.ok_or_else(|| source.error(format!("`{text}` is no number of a pipe"), format!("from 0 to {}", PIPES - 1)))
}

impl ParamType for Queues {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let Some((pipe, method)) = text(source).split_once(':').filter(|(_, method)| !method.trim().is_empty()) else {
            return Err(source.error("a queue is `pipe:method`", "such as `0:REGISTER`"));
        };
        if self.0.len() >= QUEUES {
            return Err(source.error(format!("there may be {QUEUES} queues"), "one too many"));
        }
        self.0.push(Queue { pipe: number(source, pipe)?, method: Str::from(method.trim()) });
        Ok(())
    }
}

impl ParamType for Pipes {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let parts: Vec<&str> = text(source).split(':').map(str::trim).collect();
        let [id, name, limit] = parts[..] else {
            return Err(source.error("a pipe is `number:algorithm:limit`", "such as `0:TAILDROP:200`"));
        };
        let id = number(source, id)?;
        let algorithm = Algorithm::from_name(name.as_bytes()).ok_or_else(|| {
            let error = source.error(format!("there is no algorithm `{name}`"), "unknown");
            error.did_you_mean(name, Algorithm::NAMES)
        })?;
        let limit = limit.parse().map_err(|_| source.error(format!("`{limit}` is no limit"), "no number"))?;
        self.0.push((id, Pipe::new(algorithm, limit)));
        Ok(())
    }
}
