//! Log lines in Kamailio's levels and formats, to stderr, syslog or a test's memory.
//!
//! A line whose level is off costs one comparison: use [`log!`](crate::log!) or ask [`Log::enabled`] before formatting.

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};

use parking_lot::Mutex;

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

/// The log of one server.
pub struct Log {
    level: AtomicI32,
    facility: AtomicU8,
    /// `log_name`: the program's name in syslog.
    name: Mutex<String>,
    sink: Mutex<Sink>,
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

    /// Writes `LEVEL: text`, unless the level is off.
    pub fn write(&self, level: Level, text: &str) {
        self.write_with(level, None, text);
    }

    /// The same with another syslog facility.
    pub fn write_with(&self, level: Level, facility: Option<u8>, text: &str) {
        if !self.enabled(level) {
            return;
        }
        let text = text.trim_end_matches('\n');
        match &mut *self.sink.lock() {
            Sink::Stderr => {
                // Nothing can be done when stderr is gone.
                let _ = writeln!(std::io::stderr(), " 0({}) {}: {text}", std::process::id(), level.name());
            }
            Sink::Syslog(socket) => {
                let priority = facility.unwrap_or_else(|| self.facility()) * 8 + level.severity();
                let line =
                    format!("<{priority}>{}[{}]: {}: {text}", self.name.lock(), std::process::id(), level.name());
                let _ = socket.send(line.as_bytes());
            }
            Sink::Memory(lines) => lines.push(format!("{}: {text}", level.name())),
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
        if $log.enabled($crate::log::Level::$level) { $log.write($crate::log::Level::$level, &format!($($format)+)); }
    };
}
