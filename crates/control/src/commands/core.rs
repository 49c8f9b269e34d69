//! `core.*` about the program itself.

use std::sync::Arc;

use engine::core::{Core, VERSION};
use engine::{RpcArguments, RpcDef, RpcFault, RpcResult, RpcValue, rpc};

use super::one;

/// The commands.
pub const COMMANDS: &[RpcDef] =
    &[VERSION_TEXT, UPTIME, INFO, RUNINFO, FLAGS, LOADED_MODULES, PPDEFINES, PPDEFINES_FULL, ECHO, PRINTI, PRINTS];

/// What this program can do, in Kamailio's words where it has some.
const FEATURES: &str = "USE_TCP, DNS_IP_HACK, USE_DNS_CACHE, USE_DNS_FAILOVER, USE_NAPTR";

/// The compiler; the oldest one that is known to work.
const COMPILER: &str = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"));

/// Returns the version string of the server.
#[rpc("core.version")]
pub async fn version_text() -> RpcResult {
    one(format!("olelo {VERSION} ({})", Core::platform()))
}

/// C's `ctime`, in local time.
fn time_text(unix: i64) -> String {
    let zone = jiff::tz::TimeZone::system();
    jiff::Timestamp::from_second(unix)
        .map(|time| time.to_zoned(zone).strftime("%a %b %e %H:%M:%S %Y").to_string())
        .unwrap_or_default()
}

fn uptime_seconds(core: &Core) -> i64 {
    (core.unix_time() - core.start_time()).max(0)
}

/// Returns uptime of SIP server.
#[rpc("core.uptime")]
pub async fn uptime(core: Arc<Core>) -> RpcResult {
    one(RpcValue::structure([
        ("now", time_text(core.unix_time()).into()),
        ("up_since", time_text(core.start_time()).into()),
        ("uptime", uptime_seconds(&core).into()),
    ]))
}

/// Verbose info, including version number, compile flags and compiler.
#[rpc("core.info")]
pub async fn info() -> RpcResult {
    one(RpcValue::structure([
        ("version", format!("olelo {VERSION}").into()),
        ("id", "unknown ".into()),
        ("compiler", COMPILER.into()),
        ("compiled", "".into()),
        ("flags", FEATURES.into()),
    ]))
}

/// Runtime info: binary name, version, uptime.
#[rpc("core.runinfo")]
pub async fn runinfo(core: Arc<Core>) -> RpcResult {
    let seconds = uptime_seconds(&core);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    one(RpcValue::structure([
        ("name", "olelo".into()),
        ("version", VERSION.into()),
        ("sourceid", "unknown ".into()),
        ("compiler", COMPILER.into()),
        ("compiled", "".into()),
        ("time_now", time_text(core.unix_time()).into()),
        ("time_started", time_text(core.start_time()).into()),
        ("uptime_secs", seconds.into()),
        ("utime_days", format!("{days}d {hours}h {minutes}m {}s", seconds % 60).into()),
    ]))
}

/// Returns the compile flags.
#[rpc("core.flags")]
pub async fn flags() -> RpcResult {
    one(FEATURES)
}

/// List loaded modules; the last one loaded comes first.
#[rpc("core.modules", array)]
pub async fn loaded_modules(core: Arc<Core>) -> RpcResult {
    let names = core.modules.get().map(|modules| modules.list.iter().rev().map(|(name, _)| RpcValue::from(*name)));
    Ok(names.map(Iterator::collect).unwrap_or_default())
}

/// The names that preprocessor lines of the configuration or the command line define.
#[rpc("core.ppdefines", array)]
pub async fn ppdefines(core: Arc<Core>) -> RpcResult {
    Ok(core.defines.get().into_iter().flatten().map(|(name, _)| name.as_str().into()).collect())
}

/// The names that preprocessor lines of the configuration or the command line define, with their values.
#[rpc("core.ppdefines_full", array)]
pub async fn ppdefines_full(core: Arc<Core>) -> RpcResult {
    let defines = core.defines.get().into_iter().flatten();
    Ok(defines
        .map(|(name, value)| {
            RpcValue::structure([
                ("name", name.as_str().into()),
                ("type", 0.into()),
                ("value", value.as_deref().unwrap_or("none").into()),
            ])
        })
        .collect())
}

/// Returns back its parameters, as strings.
#[rpc("core.echo", array)]
pub async fn echo(mut arguments: RpcArguments) -> RpcResult {
    let mut texts = Vec::new();
    while arguments.remaining() > 0 {
        texts.push(arguments.take::<String>()?.into());
    }
    Ok(texts)
}

/// Returns the integers given as parameters.
#[rpc("core.printi", array)]
pub async fn printi(mut arguments: RpcArguments) -> RpcResult {
    typed(&mut arguments, "integer", |value| matches!(value, RpcValue::Int(_)))
}

/// Returns the strings given as parameters.
#[rpc("core.prints", array)]
pub async fn prints(mut arguments: RpcArguments) -> RpcResult {
    typed(&mut arguments, "string", |value| matches!(value, RpcValue::Text(_)))
}

fn typed(arguments: &mut RpcArguments, kind: &str, fits: fn(&RpcValue) -> bool) -> RpcResult {
    let mut values = Vec::new();
    while let Some(value) = arguments.next_value() {
        if !fits(&value) {
            let at = values.len();
            let reason = format!("error at parameter {at}: expected {kind} type but record doesn't match type");
            return Err(RpcFault::new(400, reason));
        }
        values.push(value);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::time_text;

    #[test]
    fn times_look_like_ctimes() {
        let text = time_text(1_000_000_000);
        // The zone is the machine's.
        assert!(text.starts_with("Sun Sep  9 ") || text.starts_with("Sat Sep  8 "), "{text}");
        assert!(text.ends_with(" 2001"), "{text}");
    }
}
