//! `core.*` about the process: its threads, memory, folder, signals.
//!
//! Where Kamailio shows its processes, the threads of this one are shown.

use engine::{RpcDef, RpcFault, RpcResult, RpcValue, rpc};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::one;

/// The commands.
pub const COMMANDS: &[RpcDef] = &[PS, PSX, PSA, PWD, ARG, KILL, SHMMEM];

/// Number and name of each thread; the first is the process itself.
fn threads() -> Vec<(i64, String)> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut threads: Vec<(i64, String)> = tasks
        .filter_map(|task| {
            let number = task.file_name().to_str()?.parse().ok()?;
            // A thread may have ended meanwhile.
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            Some((number, name.trim_end().to_owned()))
        })
        .collect();
    if threads.is_empty() {
        threads.push((i64::from(std::process::id()), "main process".to_owned()));
    }
    threads.sort_unstable();
    threads
}

/// Returns the description of running processes.
#[rpc("core.ps", array)]
pub async fn ps() -> RpcResult {
    Ok(threads().into_iter().flat_map(|(number, name)| [RpcValue::Int(number), name.into()]).collect())
}

/// Returns the detailed description of running processes.
#[rpc("core.psx", array)]
pub async fn psx() -> RpcResult {
    let threads = threads().into_iter().enumerate();
    Ok(threads
        .map(|(at, (number, name))| {
            RpcValue::structure([("IDX", at.into()), ("PID", number.into()), ("DSC", name.into())])
        })
        .collect())
}

/// Return all the attributes of running processes.
#[rpc("core.psa", array)]
pub async fn psa() -> RpcResult {
    let threads = threads().into_iter().enumerate();
    Ok(threads
        .map(|(at, (number, name))| {
            RpcValue::structure([
                ("index", at.into()),
                ("pid", number.into()),
                ("status", 1.into()),
                ("rank", at.into()),
                ("description", name.into()),
            ])
        })
        .collect())
}

/// Returns the working directory of server.
#[rpc("core.pwd", array)]
pub async fn pwd() -> RpcResult {
    match std::env::current_dir() {
        Ok(folder) => one(folder.to_string_lossy().into_owned()),
        Err(error) => Err(RpcFault::new(500, error.to_string())),
    }
}

/// Returns the list of command line arguments used on startup.
#[rpc("core.arg", array)]
pub async fn arg() -> RpcResult {
    Ok(std::env::args_os().map(|argument| argument.to_string_lossy().into_owned().into()).collect())
}

/// Sends the given signal to server; SIGTERM when none is given.
#[rpc("core.kill")]
pub async fn kill(number: Option<i64>) -> RpcResult {
    let number = i32::try_from(number.unwrap_or(Signal::SIGTERM as i64));
    // Zero asks whether the process is there.
    let signal = match number {
        Ok(0) => None,
        Ok(number) => Some(Signal::try_from(number).map_err(|_| RpcFault::new(400, "no such signal"))?),
        Err(_) => return Err(RpcFault::new(400, "no such signal")),
    };
    signal::kill(Pid::this(), signal).map_err(|error| RpcFault::new(500, error.to_string()))?;
    Ok(vec![])
}

/// A line of /proc/self/status or /proc/meminfo, in bytes.
fn kilobytes_of(file: &str, name: &str) -> Option<i64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<i64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Returns memory info of the process. It has an optional parameter that specifies the measuring unit: b - bytes
/// (default), k or kb, m or mb, g or gb. Note: when using something different from bytes, the value is truncated.
#[rpc("core.shmmem")]
pub async fn shmmem(unit: Option<RpcValue>) -> RpcResult {
    let shift = match &unit {
        Some(RpcValue::Text(unit)) => match unit.to_ascii_lowercase().as_slice() {
            b"" | b"b" => 0,
            b"k" | b"kb" => 10,
            b"m" | b"mb" => 20,
            b"g" | b"gb" => 30,
            _ => return Err(RpcFault::new(500, "bad param, (use b|k|m|g)")),
        },
        _ => 0,
    };
    let status = |name| kilobytes_of("/proc/self/status", name).unwrap_or(0) >> shift;
    let machine = |name| kilobytes_of("/proc/meminfo", name).unwrap_or(0) >> shift;
    let used = status("VmRSS");
    one(RpcValue::structure([
        ("total", machine("MemTotal").into()),
        ("free", machine("MemAvailable").into()),
        ("used", used.into()),
        ("real_used", used.into()),
        ("max_used", status("VmHWM").into()),
        ("fragments", 0.into()),
    ]))
}
