//! Time: `$Ts`, `$timef(..)`, `$time(..)`. By the server's clock; "local" is the time zone of the machine.

use engine::{Code, CompileEnv, Diagnostic, InnerName, RouteCx, Str, Value, variable};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use language::ast::Variable;

use super::names::inner_name;

/// Now, or 1970 when the clock is beyond what a calendar holds.
fn now(cx: &RouteCx, zone: TimeZone) -> Zoned {
    Timestamp::from_microsecond(cx.core.unix_micros()).unwrap_or_default().to_zoned(zone)
}

/// When the server was started, in seconds since 1970.
#[variable("Tb")]
pub fn tb(cx: &RouteCx) -> Value {
    cx.core.start_time().into()
}

/// Seconds since 1970.
#[variable("TS", "Ts")]
pub fn ts(cx: &RouteCx) -> Value {
    cx.core.unix_time().into()
}

/// The time as a text: `Sun Nov 22 02:36:54 2026`.
#[variable("TF", "Tf")]
pub fn tf(cx: &RouteCx) -> Value {
    format("%a %b %e %H:%M:%S %Y", &now(cx, TimeZone::system()))
}

fn format(format: &str, time: &Zoned) -> Value {
    jiff::fmt::strtime::format(format, time).ok().into()
}

/// An attribute in `$TV(name)`.
#[derive(Clone, Copy, Debug)]
pub enum Precise {
    Seconds,
    Micros,
    Both,
    Text,
    Monotonic,
}

inner_name!(Precise {
    "s" => Self::Seconds,
    "sn" => Self::Seconds,
    "u" => Self::Micros,
    "un" => Self::Micros,
    "Sn" => Self::Both,
    "Fn" => Self::Text,
    "Sm" => Self::Monotonic,
});

/// The time with microseconds: `s` and `sn` seconds since 1970, `u` and `un` microseconds of the second, `Sn`
/// `seconds.microseconds`, `Fn` local date and time, `Sm` seconds and microseconds since some moment, which never go back.
#[variable("TV")]
pub fn tv(cx: &RouteCx, what: Precise) -> Value {
    let micros = cx.core.unix_micros();
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    match what {
        Precise::Seconds => Value::Int(seconds),
        Precise::Micros => Value::Int(rest),
        Precise::Both => Value::from(format!("{seconds}.{rest:06}")),
        // The server's clock goes on from its start by the kernel's monotonic one, whoever sets the date.
        Precise::Monotonic => {
            let micros = micros - cx.core.start_time() * 1_000_000;
            Value::from(format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000)))
        }
        Precise::Text => format("%Y-%m-%d %H:%M:%S.%6f", &now(cx, TimeZone::system())),
    }
}

/// A part of the broken-down time.
#[derive(Clone, Copy, Debug)]
pub enum TimePart {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    Year,
    DayOfWeek,
    DayOfYear,
    DaylightSaving,
}

inner_name!(TimePart {
    "sec" => Self::Second,
    "min" => Self::Minute,
    "hour" => Self::Hour,
    "mday" => Self::DayOfMonth,
    "mon" => Self::Month,
    "year" => Self::Year,
    "wday" => Self::DayOfWeek,
    "yday" => Self::DayOfYear,
    "isdst" => Self::DaylightSaving,
});

fn time_part(time: &Zoned, part: TimePart) -> Value {
    let number = match part {
        TimePart::Second => i64::from(time.second()),
        TimePart::Minute => i64::from(time.minute()),
        TimePart::Hour => i64::from(time.hour()),
        TimePart::DayOfMonth => i64::from(time.day()),
        TimePart::Month => i64::from(time.month()),
        TimePart::Year => i64::from(time.year()),
        TimePart::DayOfWeek => i64::from(time.weekday().to_sunday_one_offset()),
        TimePart::DayOfYear => i64::from(time.day_of_year()),
        TimePart::DaylightSaving => i64::from(time.time_zone().to_offset_info(time.timestamp()).dst().is_dst()),
    };
    Value::Int(number)
}

/// A part of the local time: `sec`, `min`, `hour`, `mday`, `mon` (1 to 12), `year`, `wday` (1: Sunday), `yday` (1 to
/// 366), `isdst`.
#[variable("time")]
pub fn time(cx: &RouteCx, part: TimePart) -> Value {
    time_part(&now(cx, TimeZone::system()), part)
}

/// A part of the time in UTC; the names are those of `$time(..)`.
#[variable("utime")]
pub fn utime(cx: &RouteCx, part: TimePart) -> Value {
    time_part(&now(cx, TimeZone::UTC), part)
}

/// A format of `strftime`.
pub struct TimeFormat(Str);

impl InnerName for TimeFormat {
    type Compiled = Str;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Str, Diagnostic> {
        let inner = variable.inner.as_ref().filter(|inner| !inner.node.is_empty());
        let inner = inner.ok_or_else(|| engine::variable::missing_inner(variable))?;
        let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        match jiff::fmt::strtime::format(&inner.node, &sample) {
            Ok(_) => Ok(Str::from(inner.node.as_str())),
            Err(error) => Err(Diagnostic::error(
                Code::UnknownVariable,
                format!("wrong time format: {error}"),
                inner.span,
                "as `strftime` has it: `%Y-%m-%d`",
            )),
        }
    }
    fn eval(compiled: &Str, _: &RouteCx) -> Self {
        Self(compiled.clone())
    }
}

/// The local time in a format of `strftime`: `$timef(%Y-%m-%d)`.
#[variable("timef")]
pub fn timef(cx: &RouteCx, wanted: TimeFormat) -> Value {
    format(&wanted.0.to_text(), &now(cx, TimeZone::system()))
}

/// The time in UTC in a format of `strftime`.
#[variable("utimef")]
pub fn utimef(cx: &RouteCx, wanted: TimeFormat) -> Value {
    format(&wanted.0.to_text(), &now(cx, TimeZone::UTC))
}
