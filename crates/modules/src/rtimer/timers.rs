//! The parameters `timer` and `exec`.

use std::time::Duration;

use engine::{Diagnostic, ParamSource, ParamType};
use language::ast::ConfigValue;

/// How many workers a timer may have.
const MOST_WORKERS: u32 = 256;

/// A timer and its routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    pub(super) name: String,
    pub(super) interval: Duration,
    pub(super) workers: u32,
    /// In the order in which they run.
    pub(super) routes: Vec<String>,
}

/// `a=b;c=d` as pairs.
fn fields<'s>(source: &'s ParamSource, known: &[&str]) -> Result<Vec<(&'s str, &'s str)>, Diagnostic> {
    let ConfigValue::String(text) = &source.value else {
        return Err(source.error(format!("parameter `{}` takes a string", source.name), "this is no string"));
    };
    let mut fields = Vec::new();
    for field in text.split(';').map(str::trim).filter(|field| !field.is_empty()) {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        let key = key.trim();
        if !known.contains(&key) {
            let message = format!("parameter `{}` has no field `{key}`", source.name);
            return Err(source.error(message, "unknown field").did_you_mean(key, known.iter().copied()));
        }
        fields.push((key, value.trim()));
    }
    Ok(fields)
}

fn timer(source: &ParamSource, default_interval: u32) -> Result<Timer, Diagnostic> {
    let mut timer = Timer {
        name: String::new(),
        interval: Duration::from_secs(u64::from(default_interval)),
        workers: 1,
        routes: Vec::new(),
    };
    let mut one_worker = false;
    for (key, value) in fields(source, &["name", "interval", "mode"])? {
        match key {
            "name" => value.clone_into(&mut timer.name),
            "mode" => {
                let mode: Option<u32> = value.parse().ok().filter(|mode| *mode <= MOST_WORKERS);
                let mode = mode.ok_or_else(|| {
                    source.error(format!("`{value}` is no mode"), format!("a number from 0 to {MOST_WORKERS}"))
                })?;
                timer.workers = mode.max(1);
            }
            _ => {
                let micros = value.strip_suffix('u');
                let number: u32 = micros.unwrap_or(value).parse().map_err(|_| {
                    source.error(format!("`{value}` is no interval"), "seconds, or microseconds: `100000u`")
                })?;
                one_worker = micros.is_some();
                match (number, micros) {
                    (0, _) => {}
                    (_, Some(_)) => timer.interval = Duration::from_micros(u64::from(number)),
                    (_, None) => timer.interval = Duration::from_secs(u64::from(number)),
                }
            }
        }
    }
    if timer.name.is_empty() {
        return Err(source.error("a timer needs a name", "`name=..` is missing"));
    }
    if one_worker {
        timer.workers = 1;
    }
    Ok(timer)
}

fn exec(source: &ParamSource, timers: &mut [Timer]) -> Result<(), Diagnostic> {
    let (mut timer, mut route) = ("", "");
    for (key, value) in fields(source, &["timer", "route"])? {
        match key {
            "timer" => timer = value,
            _ => route = value,
        }
    }
    if route.is_empty() {
        return Err(source.error("`exec` names no route", "`route=..` is missing"));
    }
    if let Some(found) = timers.iter_mut().find(|found| found.name == timer) {
        found.routes.insert(0, route.to_owned());
        return Ok(());
    }
    let diagnostic = source.error(format!("there is no timer `{timer}`"), "no such `timer` before this line");
    Err(diagnostic.did_you_mean(timer, timers.iter().map(|timer| &*timer.name)))
}

/// The timers that the lines define, with their routes.
pub(super) fn read(sources: &[ParamSource]) -> Result<Vec<Timer>, Diagnostic> {
    let mut timers: Vec<Timer> = Vec::new();
    let mut default_interval = 120;
    for source in sources {
        match &*source.name {
            "default_interval" => {
                ParamType::assign(&mut default_interval, source)?;
                if default_interval == 0 {
                    return Err(source.error("`default_interval` must be above 0", "out of range"));
                }
            }
            "timer" => {
                let timer = timer(source, default_interval)?;
                if timers.iter().any(|other| other.name == timer.name) {
                    return Err(source.error(format!("timer `{}` is defined twice", timer.name), "again here"));
                }
                timers.push(timer);
            }
            _ => exec(source, &mut timers)?,
        }
    }
    Ok(timers)
}
