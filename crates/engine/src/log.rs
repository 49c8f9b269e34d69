//! Log lines in Kamailio's levels and formats, to stderr, syslog or a test's memory.
//!
//! A line whose level is off costs one comparison: use [`log!`](crate::log!) or ask [`Log::enabled`] before formatting.

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

/// How serious a line is: Kamailio's numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(i8)]
pub enum Level {
    /// -5: the process cannot go on.
    Alert = -5,
    /// -4: a bug.
    Bug = -4,
    /// -3: something important broke.
    Critical2 = -3,
    /// -2: critical.
    Critical = -2,
    /// -1: an error.
    Error = -1,
    /// 0: a warning.
    Warning = 0,
    /// 1: a notice.
    Notice = 1,
    /// 2: information.
    Info = 2,
    /// 3: for debugging.
    Debug = 3,
}

impl Level {
    /// From Kamailio's number; out of range is clamped.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        match number {
            i64::MIN..=-5 => Self::Alert,
            -4 => Self::Bug,
            -3 => Self::Critical2,
            -2 => Self::Critical,
            -1 => Self::Error,
            0 => Self::Warning,
            1 => Self::Notice,
            2 => Self::Info,
            _ => Self::Debug,
        }
    }

    /// From Kamailio's name: `L_ERR`, `L_DBG` ..
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "L_ALERT" => Self::Alert,
            "L_BUG" => Self::Bug,
            "L_CRIT2" => Self::Critical2,
            "L_CRIT" => Self::Critical,
            "L_ERR" => Self::Error,
            "L_WARN" => Self::Warning,
            "L_NOTICE" => Self::Notice,
            "L_INFO" => Self::Info,
            "L_DBG" => Self::Debug,
            _ => return None,
        })
    }

    /// The word in front of a line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "ALERT",
            Self::Bug => "BUG",
            Self::Critical2 | Self::Critical => "CRITICAL",
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }

    /// syslog's severity (RFC 5424 section 6.2.1).
    const fn severity(self) -> u8 {
        match self {
            Self::Alert | Self::Bug => 1,
            Self::Critical2 | Self::Critical => 2,
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
            Self::Debug => 7,
        }
    }
}

/// Where lines go.
pub enum Sink {
    /// Standard error.
    Stderr,
    /// The local syslog socket.
    Syslog(UnixDatagram),
    /// Kept in memory, for scenarios.
    Memory(Vec<String>),
}

/// Levels and facilities of single modules (module `debugger`); the name of all that is no module is `core`.
#[derive(Clone, Debug, Default)]
pub struct ModuleRules {
    /// Whether `levels` are in force.
    pub levels_on: bool,
    /// Level by module.
    pub levels: HashMap<String, i64>,
    /// Whether `facilities` are in force.
    pub facilities_on: bool,
    /// syslog's facility number by module.
    pub facilities: HashMap<String, u8>,
}

/// The module of a Rust path: `tm` for `modules::tm::relay`, `core` for the other crates.
#[must_use]
pub fn module_of(path: &str) -> &str {
    path.strip_prefix("modules::").map_or("core", |rest| rest.split("::").next().unwrap_or(rest))
}

/// The log of one server.
pub struct Log {
    level: AtomicI32,
    facility: AtomicU8,
    /// `log_name`: the program's name in syslog.
    name: Mutex<String>,
    sink: Mutex<Sink>,
    /// Whether `rules` hold anything that is in force: a line costs no lock otherwise.
    has_rules: AtomicBool,
    rules: RwLock<ModuleRules>,
}

impl Log {
    /// A log at level `debug`, to `sink`.
    #[must_use]
    pub fn new(level: i64, sink: Sink) -> Self {
        Self {
            level: AtomicI32::new(level as i32),
            facility: AtomicU8::new(3),
            name: Mutex::new("olelo".into()),
            sink: Mutex::new(sink),
            has_rules: AtomicBool::new(false),
            rules: RwLock::default(),
        }
    }

    /// A log in memory, for tests.
    #[must_use]
    pub fn memory(level: i64) -> Self {
        Self::new(level, Sink::Memory(Vec::new()))
    }

    /// Connects to the local syslog; `None` when there is none.
    #[must_use]
    pub fn syslog_sink() -> Option<Sink> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect("/dev/log").ok()?;
        // A full syslog must not stop a worker: lines are dropped then.
        socket.set_nonblocking(true).ok()?;
        Some(Sink::Syslog(socket))
    }

    /// Replaces the sink.
    pub fn set_sink(&self, sink: Sink) {
        *self.sink.lock() = sink;
    }

    /// Sets the level (core parameter `debug`).
    pub fn set_level(&self, level: i64) {
        self.level.store(level.clamp(-5, 100) as i32, Ordering::Relaxed);
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> i64 {
        i64::from(self.level.load(Ordering::Relaxed))
    }

    /// Sets syslog's facility number (`LOG_DAEMON` is 3) and the program name.
    pub fn set_syslog(&self, facility: u8, name: &str) {
        self.facility.store(facility, Ordering::Relaxed);
        name.clone_into(&mut self.name.lock());
    }

    /// Sets syslog's facility number.
    pub fn set_facility(&self, facility: u8) {
        self.facility.store(facility, Ordering::Relaxed);
    }

    /// syslog's facility number.
    #[must_use]
    pub fn facility(&self) -> u8 {
        self.facility.load(Ordering::Relaxed)
    }

    /// True when a line of this level would be written.
    #[must_use]
    pub fn enabled(&self, level: Level) -> bool {
        level as i32 <= self.level.load(Ordering::Relaxed)
    }

    /// The same for a line of a Rust module, which may have a level of its own.
    #[must_use]
    pub fn enabled_for(&self, level: Level, path: &str) -> bool {
        if !self.has_rules.load(Ordering::Relaxed) {
            return self.enabled(level);
        }
        let rules = self.rules.read();
        match rules.levels.get(module_of(path)).filter(|_| rules.levels_on) {
            Some(own) => i64::from(level as i8) <= *own,
            None => self.enabled(level),
        }
    }

    /// Writes a line of a Rust module, by the module's own level and facility where it has them.
    pub fn write_for(&self, level: Level, path: &str, text: &str) {
        self.write_as(level, path, None, text);
    }

    /// The same; `facility` where it is given.
    pub fn write_as(&self, level: Level, path: &str, facility: Option<u8>, text: &str) {
        if !self.enabled_for(level, path) {
            return;
        }
        let of_module = self.has_rules.load(Ordering::Relaxed).then(|| {
            let rules = self.rules.read();
            rules.facilities.get(module_of(path)).copied().filter(|_| rules.facilities_on)
        });
        self.emit(level, level.name(), facility.or(of_module.flatten()), text);
    }

    /// Changes the levels and facilities of single modules.
    pub fn change_rules<R>(&self, change: impl FnOnce(&mut ModuleRules) -> R) -> R {
        let mut rules = self.rules.write();
        let result = change(&mut rules);
        let in_force =
            rules.levels_on && !rules.levels.is_empty() || rules.facilities_on && !rules.facilities.is_empty();
        self.has_rules.store(in_force, Ordering::Relaxed);
        result
    }

    /// Writes `LEVEL: text`, unless the level is off.
    pub fn write(&self, level: Level, text: &str) {
        self.write_with(level, None, text);
    }

    /// The same with another syslog facility.
    pub fn write_with(&self, level: Level, facility: Option<u8>, text: &str) {
        if self.enabled(level) {
            self.emit(level, level.name(), facility, text);
        }
    }

    /// Writes a line whatever the level is, with another word in front of it (`log_level_name` of module `debugger`).
    pub fn emit(&self, level: Level, name: &str, facility: Option<u8>, text: &str) {
        let text = text.trim_end_matches('\n');
        match &mut *self.sink.lock() {
            Sink::Stderr => {
                // Nothing can be done when stderr is gone.
                let _ = writeln!(std::io::stderr(), " 0({}) {name}: {text}", std::process::id());
            }
            Sink::Syslog(socket) => {
                let priority = facility.unwrap_or_else(|| self.facility()) * 8 + level.severity();
                let line = format!("<{priority}>{}[{}]: {name}: {text}", self.name.lock(), std::process::id());
                let _ = socket.send(line.as_bytes());
            }
            Sink::Memory(lines) => lines.push(format!("{name}: {text}")),
        }
    }

    /// Takes the lines of a memory log.
    pub fn take_lines(&self) -> Vec<String> {
        match &mut *self.sink.lock() {
            Sink::Memory(lines) => std::mem::take(lines),
            _ => Vec::new(),
        }
    }
}

/// Writes a log line; formats only when its level is on: `log!(core.log, Error, "no route to {host}")`.
#[macro_export]
macro_rules! log {
    ($log:expr, $level:ident, $($format:tt)+) => {
        if $log.enabled_for($crate::log::Level::$level, module_path!()) {
            $log.write_for($crate::log::Level::$level, module_path!(), &format!($($format)+));
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_may_have_a_level_of_its_own() {
        let log = Log::memory(1);
        log.change_rules(|rules| {
            rules.levels.insert("tm".into(), 3);
            rules.levels.insert("core".into(), -1);
        });
        assert!(!log.enabled_for(Level::Debug, "modules::tm::relay"), "not in force yet");
        log.change_rules(|rules| rules.levels_on = true);
        assert!(log.enabled_for(Level::Debug, "modules::tm::relay"));
        assert!(!log.enabled_for(Level::Debug, "modules::tmx"));
        assert!(!log.enabled_for(Level::Notice, "engine::receive"), "lowered");
        log.write_for(Level::Debug, "modules::tm", "seen");
        log.write_for(Level::Warning, "transport", "not seen");
        assert_eq!(log.take_lines(), ["DEBUG: seen"]);
    }
}
