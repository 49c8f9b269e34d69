//! `cargo xtask corpus DIR`: what `olelo check` and `kamailio -c` say to the same configurations.

mod copy;
mod report;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::scenario::Program;

use copy::Copy;

/// How many files are checked at once.
const PARALLEL: usize = 2;

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which programs answer.
struct Programs {
    olelo: PathBuf,
    kamailio: PathBuf,
    modules: PathBuf,
}

/// A mistake that `olelo check` found.
struct Mistake {
    code: String,
    place: String,
    message: String,
}

/// What both said to one file.
struct Compared {
    file: String,
    /// Kamailio's first complaints; empty when it accepts the file.
    kamailio: Vec<String>,
    ours: Vec<Mistake>,
}

/// The outcomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// Both accept.
    Accepted,
    /// Kamailio accepts; all that we object to is what we do not have yet.
    Lacking,
    /// Kamailio accepts; what we object to besides is what its start would refuse: it checks less than we do.
    StartFails,
    /// Kamailio accepts, and we call something a mistake.
    Failure,
    /// We accept what Kamailio refuses.
    OnlyWeAccept,
    /// Both refuse.
    Refused,
}

impl Mistake {
    /// Kamailio has it, we do not.
    fn is_lack(&self) -> bool {
        self.code == "E0301"
    }

    /// Kamailio looks at this only when it starts, and ends then: a module that needs another one, a route that is
    /// called and not there, a variable in a text whose module is not loaded.
    fn ends_start(&self) -> bool {
        match &*self.code {
            "E0208" => self.message.contains(" needs module ") || self.message.contains(" must be loaded "),
            "E0108" => self.message.ends_with(" is not defined"),
            "E0105" | "E0107" => self.message.contains(" needs module "),
            _ => false,
        }
    }
}

impl Compared {
    fn outcome(&self) -> Outcome {
        match (self.kamailio.is_empty(), self.ours.is_empty()) {
            (true, true) => Outcome::Accepted,
            (true, false) if self.ours.iter().all(Mistake::is_lack) => Outcome::Lacking,
            (true, false) if self.ours.iter().all(|mistake| mistake.is_lack() || mistake.ends_start()) => {
                Outcome::StartFails
            }
            (true, false) => Outcome::Failure,
            (false, true) => Outcome::OnlyWeAccept,
            (false, false) => Outcome::Refused,
        }
    }
}

/// Compares the verdicts to every main file below a folder.
pub(crate) fn run(olelo: &Path, folder: &Path, json: bool) -> Result<(), String> {
    let Some(Program::Kamailio(kamailio, modules)) = Program::kamailio() else {
        return Err("Kamailio is not installed: apt-get install kamailio".into());
    };
    let programs = Programs { olelo: olelo.to_owned(), kamailio, modules };
    let copy = Copy::new(folder, &programs.modules)?;
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some(file) = copy.mains.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = programs.compare(file, &copy);
                    if let Ok(mut results) = results.lock() {
                        results.push(result);
                    }
                }
            });
        }
    });
    let results = results.into_inner().map_err(|_| "a thread failed")?;
    let mut results = results.into_iter().collect::<Result<Vec<_>, _>>()?;
    results.sort_by(|left, right| left.file.cmp(&right.file));
    if json {
        report::json(&results)
    } else {
        report::text(&results)
    }
    let failures = results.iter().filter(|compared| compared.outcome() == Outcome::Failure).count();
    if failures == 0 { Ok(()) } else { Err(format!("{failures} configurations that Kamailio accepts are refused")) }
}

impl Programs {
    fn compare(&self, file: &Path, copy: &Copy) -> Result<Compared, String> {
        let kamailio = self.kamailio(&copy.kamailio.join(file))?.iter().map(|line| copy.shown(line)).collect();
        let ours = self.olelo(&copy.ours.join(file), copy)?;
        Ok(Compared { file: copy.original.join(file).to_string_lossy().into_owned(), kamailio, ours })
    }

    /// Kamailio's complaints; none when it accepts the file.
    fn kamailio(&self, file: &Path) -> Result<Vec<String>, String> {
        let mut command = Command::new(&self.kamailio);
        command.args(["-c", "-E", "-m", "64", "-M", "16", "-L"]).arg(&self.modules).arg("-f").arg(file);
        command.arg("-Y").arg(std::env::temp_dir());
        let (accepted, _, log) = ended(command, file)?;
        if accepted {
            return Ok(Vec::new());
        }
        let mut lines: Vec<String> = log.lines().filter_map(complaint).take(5).collect();
        if lines.is_empty() {
            lines.push(log.lines().last().unwrap_or("refused without a word").to_owned());
        }
        Ok(lines)
    }

    /// A module that nobody has was taken out of Kamailio's copy: there is nothing to compare.
    fn is_foreign(&self, mistake: &Mistake) -> bool {
        let name = mistake.message.split('`').nth(1).unwrap_or_default();
        matches!(&*mistake.code, "E0203" | "E0207") && !self.modules.join(format!("{name}.so")).exists()
    }

    fn olelo(&self, file: &Path, copy: &Copy) -> Result<Vec<Mistake>, String> {
        let mut command = Command::new(&self.olelo);
        command.args(["check", "--format", "json"]).arg(file);
        let (accepted, output, log) = ended(command, file)?;
        let mut mistakes = Vec::new();
        for line in output.lines() {
            let object: Value = serde_json::from_str(line).map_err(|error| format!("{}: {error}", file.display()))?;
            if object["severity"] != "error" {
                continue;
            }
            let label = &object["labels"][0];
            let place = format!("{}:{}", copy.shown(label["file"].as_str().unwrap_or_default()), label["line"]);
            let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
            let mistake = Mistake { code: text("code"), place, message: text("message") };
            if !self.is_foreign(&mistake) {
                mistakes.push(mistake);
            }
        }
        if !accepted && mistakes.is_empty() && output.is_empty() {
            let message = log.lines().last().unwrap_or("refused without a word").to_owned();
            let place = copy.shown(&file.to_string_lossy());
            mistakes.push(Mistake { code: "crash".into(), place, message });
        }
        Ok(mistakes)
    }
}

/// A line of Kamailio's log that says what is wrong, without the names of its files.
fn complaint(line: &str) -> Option<String> {
    let (_, text) = line.split_once("ERROR: ").or_else(|| line.split_once("CRITICAL: "))?;
    let text = text.split_once("]: ").map_or(text, |(_, text)| text);
    let text = text.split_once("(): ").map_or(text, |(_, text)| text);
    Some(text.trim().to_owned())
}

/// Runs a check to its end: whether it succeeded, what it wrote to stdout and stderr.
fn ended(mut command: Command, file: &Path) -> Result<(bool, String, String), String> {
    if let Some(folder) = file.parent() {
        command.current_dir(folder);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let output = std::thread::spawn(move || stdout.map(collect).unwrap_or_default());
    let log = std::thread::spawn(move || stderr.map(collect).unwrap_or_default());
    let end = Instant::now() + PATIENCE;
    let accepted = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break false;
            }
        }
    };
    let late = Instant::now() >= end;
    let output = output.join().unwrap_or_default();
    let mut log = log.join().unwrap_or_default();
    if late {
        log.push_str("\nERROR: the check took too long\n");
    }
    Ok((accepted, output, log))
}

fn collect(mut stream: impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    let _ = stream.by_ref().take(1 << 24).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(kamailio: &[&str], ours: &[&str]) -> Compared {
        let mistake = |code: &&str| {
            let (code, message) = code.split_once(' ').unwrap_or((code, ""));
            Mistake { code: code.into(), place: String::new(), message: message.into() }
        };
        Compared {
            file: "a.cfg".into(),
            kamailio: kamailio.iter().map(|&line| line.into()).collect(),
            ours: ours.iter().map(mistake).collect(),
        }
    }

    #[test]
    fn outcomes() {
        assert_eq!(compared(&[], &[]).outcome(), Outcome::Accepted);
        assert_eq!(compared(&[], &["E0301", "E0301"]).outcome(), Outcome::Lacking);
        assert_eq!(compared(&[], &["E0301", "E0103"]).outcome(), Outcome::Failure);
        assert_eq!(compared(&[], &["E0301", "E0108 route `X` is not defined"]).outcome(), Outcome::StartFails);
        assert_eq!(compared(&[], &["E0105 unknown variable `$x`"]).outcome(), Outcome::Failure);
        assert_eq!(compared(&["bad"], &[]).outcome(), Outcome::OnlyWeAccept);
        assert_eq!(compared(&["bad"], &["E0001"]).outcome(), Outcome::Refused);
    }

    #[test]
    fn complaints_are_short() {
        let line = " 0(1) ERROR: <core> [core/x.y:1]: yyparse(): no such thing";
        assert_eq!(complaint(line).as_deref(), Some("no such thing"));
        assert_eq!(complaint("INFO: fine"), None);
    }
}
