//! `exec("command")`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::function::{CallResult, Return, ScriptError};
use crate::route_cx::RouteCx;
use crate::script_type::Constant;
use macros::function;

/// How long a command may run.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a running command is looked at.
const STEP: Duration = Duration::from_millis(5);

/// Runs a command to its end or until its time is over. Blocks.
fn run(command: &str) -> Result<(), String> {
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot run `{command}`: {error}"))?;
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("`{command}` failed: {status}")),
            Ok(None) if began.elapsed() < LIMIT => std::thread::sleep(STEP),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("`{command}` was ended after {} seconds", LIMIT.as_secs()));
            }
            Err(error) => return Err(format!("`{command}`: {error}")),
        }
    }
}

/// Runs a constant command with the shell and waits for its end, at most 60 seconds; the server goes on meanwhile. True
/// also when the command fails, which is logged. No variables are put in: a message must not write commands.
#[function(ANY)]
pub async fn exec(cx: &mut RouteCx, command: Constant) -> CallResult {
    let core = cx.core.clone();
    let command = command.0.to_text().into_owned();
    // A thread of its own pool: starting and waiting for a process would block the worker.
    let ended = core.runtime().spawn_blocking(move || run(&command)).await;
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(message)) => crate::log!(core.log, Warning, "{}: exec: {message}", cx.place()),
        Err(error) => return Err(ScriptError::new(error.to_string())),
    }
    Ok(Return::TRUE)
}
