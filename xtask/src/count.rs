//! `cargo xtask count`: instructions per message (bench/benches/instructions.rs), and how long a check of a large
//! configuration takes (bench/benches/check.rs). With `--check` the counts are compared with those that are recorded.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use crate::packages;
use crate::run::command;

/// The counting tool starts valgrind; its version has to be that of the library.
const RUNNER: &str = "gungraun-runner";
const VERSION: &str = "0.20.0";

/// The counts to compare with.
const RECORDED: &str = "bench/instructions.json";

/// How many percent more than recorded are too many. Two runs of one build differ by less than one.
const TOLERANCE: f64 = 5.0;

/// How many units of a workload the bench plays; as `UNITS` of bench/src/play.rs.
const UNITS: u64 = 16;

/// Runs both benches.
pub(crate) fn run() -> Result<(), String> {
    let counts = count()?;
    show(&counts);
    command("cargo", &["bench", "-q", "-p", "bench", "--bench", "check"])
}

/// Counts, and writes the counts down.
pub(crate) fn record() -> Result<(), String> {
    let counts = count()?;
    show(&counts);
    let counts: Map<String, Value> = counts.into_iter().map(|(name, count)| (name, count.into())).collect();
    let text = serde_json::to_string_pretty(&json!({ "compiler": compiler()?, "instructions": counts }))
        .map_err(|error| error.to_string())?;
    std::fs::write(RECORDED, text + "\n").map_err(|error| format!("{RECORDED}: {error}"))
}

/// Counts, and compares with what is written down.
pub(crate) fn check() -> Result<(), String> {
    let text = std::fs::read_to_string(RECORDED).map_err(|error| format!("{RECORDED}: {error}"))?;
    let recorded: Value = serde_json::from_str(&text).map_err(|error| format!("{RECORDED}: {error}"))?;
    let known = recorded["instructions"].as_object().ok_or_else(|| format!("{RECORDED} has no instructions"))?;
    let known: Vec<(String, u64)> =
        known.iter().filter_map(|(name, count)| Some((name.clone(), count.as_u64()?))).collect();
    let compiler = compiler()?;
    let with = recorded["compiler"].as_str().unwrap_or_default();
    if compiler != with {
        println!("recorded with {with}, counted with {compiler}: the compiler changes the counts, too");
    }
    let (lines, wrong) = compare(&known, &count()?);
    for line in lines {
        println!("{line}");
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A line for each count, and what is wrong.
fn compare(known: &[(String, u64)], now: &[(String, u64)]) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for (name, count) in now {
        let Some((_, recorded)) = known.iter().find(|(other, _)| other == name) else {
            wrong.push(format!("{name} is not in {RECORDED}: cargo xtask count --record"));
            continue;
        };
        let percent = (*count as f64 - *recorded as f64) * 100.0 / *recorded as f64;
        lines.push(format!("{name}: {count} instructions, {recorded} recorded, {percent:+.1} %"));
        if percent > TOLERANCE {
            wrong.push(format!(
                "{name} needs {count} instructions, {percent:.1} % more than the recorded {recorded}: make it cheaper, or, \
                 where it has to cost that, run `cargo xtask count --record` and say in the commit why"
            ));
        } else if percent < -TOLERANCE {
            lines.push(format!("{name}: record the gain with `cargo xtask count --record`"));
        }
    }
    for (name, _) in known.iter().filter(|(name, _)| !now.iter().any(|(other, _)| other == name)) {
        wrong.push(format!("{name} is in {RECORDED} and was not counted: cargo xtask count --record"));
    }
    (lines, wrong)
}

fn show(counts: &[(String, u64)]) {
    for (name, count) in counts {
        println!("{name}: {count} instructions");
    }
}

/// As `rustc 1.95.0`.
fn compiler() -> Result<String, String> {
    let output =
        Command::new("rustc").arg("--version").output().map_err(|error| format!("cannot run rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split(' ').take(2).collect::<Vec<_>>().join(" "))
}

/// Names of the benches, as `workload.call`, and their instructions: of a message, or of one unit of a workload.
fn count() -> Result<Vec<(String, u64)>, String> {
    packages::install_program("/usr/bin/valgrind", "valgrind")?;
    let output = Command::new("cargo")
        .args(["bench", "-q", "-p", "bench", "--bench", "instructions"])
        .env("GUNGRAUN_RUNNER", runner()?)
        .env("GUNGRAUN_OUTPUT_FORMAT", "json")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err("the counting of instructions failed".into());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts: Vec<_> = text.lines().filter(|line| line.starts_with('{')).map(read).collect::<Result<_, _>>()?;
    if counts.is_empty() { Err("nothing was counted".into()) } else { Ok(counts) }
}

/// Installs the runner unless it is there.
fn runner() -> Result<PathBuf, String> {
    let runner = std::env::current_dir().map_err(|error| error.to_string())?.join("target/tools/bin").join(RUNNER);
    if !runner.exists() {
        command("cargo", &["install", "--quiet", "--version", VERSION, "--root", "target/tools", RUNNER])?;
    }
    Ok(runner)
}

/// One bench of the runner's output.
fn read(line: &str) -> Result<(String, u64), String> {
    let bench: Value = serde_json::from_str(line).map_err(|error| format!("the runner's output: {error}"))?;
    let name = [&bench["function_name"], &bench["id"]].map(|part| part.as_str().unwrap_or_default()).join(".");
    let count = bench["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"].as_u64();
    match count {
        Some(0) | None => Err(format!("{name}: nothing was counted")),
        Some(count) => {
            let units = if name.starts_with("workload.") { UNITS } else { 1 };
            Ok((name, count / units))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{compare, read};

    fn counts(list: &[(&str, u64)]) -> Vec<(String, u64)> {
        list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn more_than_five_percent_is_too_much() {
        let known = counts(&[("a", 1000), ("b", 1000), ("c", 1000), ("gone", 1)]);
        let (lines, wrong) = compare(&known, &counts(&[("a", 1050), ("b", 1051), ("c", 900), ("new", 1)]));
        assert_eq!(lines[0], "a: 1050 instructions, 1000 recorded, +5.0 %");
        assert_eq!(lines[3], "c: record the gain with `cargo xtask count --record`");
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong[0].starts_with("b needs 1051 instructions, 5.1 % more than the recorded 1000:"));
        assert!(wrong[1].starts_with("new is not in") && wrong[2].starts_with("gone is in"));
    }

    #[test]
    fn the_output_of_the_runner_is_read() {
        let line = r#"{"function_name":"workload","id":"call","profiles":[{"data":{"parts":[],"total":{"metrics":
            {"Ir":{"values":{"new":672,"old":43}}}}}}]}"#;
        assert_eq!(read(&line.replace('\n', "")), Ok(("workload.call".to_owned(), 42)));
        assert_eq!(read(&line.replace("workload", "parse").replace('\n', "")), Ok(("parse.call".to_owned(), 672)));
        assert!(read("{}").is_err());
        assert!(read("{").is_err());
    }
}
