//! What a record holds, and how it is written.

use engine::log::Level;
use engine::{RouteCx, Str};
use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::{Timestamp, tz::TimeZone};

use super::Acc;
use crate::rr::Direction;

/// One record.
pub(super) struct Record {
    title: &'static str,
    method: Str,
    from_tag: Str,
    pub(super) to_tag: Str,
    call_id: Str,
    pub(super) code: Str,
    pub(super) reason: Str,
}

impl Record {
    /// What the message says.
    pub(super) fn of(title: &'static str, cx: &RouteCx) -> Self {
        let message = &cx.message;
        Self {
            title,
            method: message.method_name(),
            from_tag: message.from().ok().flatten().and_then(sip::NameAddr::tag).unwrap_or_default(),
            to_tag: message.to().ok().flatten().and_then(sip::NameAddr::tag).unwrap_or_default(),
            call_id: message.call_id().unwrap_or_default(),
            code: Str::EMPTY,
            reason: Str::EMPTY,
        }
    }
}

impl Acc {
    /// Writes a record. The values of `log_extra` are those of `cx`.
    pub(super) fn write(&self, cx: &RouteCx, record: &Record) {
        let log = &cx.core.log;
        if self.params.log_level > log.level() {
            return;
        }
        let upstream = self.rr.as_ref().is_some_and(|rr| rr.direction(cx) == Direction::Upstream);
        let (from_tag, to_tag) =
            if upstream { (&record.to_tag, &record.from_tag) } else { (&record.from_tag, &record.to_tag) };
        let mut line = Vec::with_capacity(256);
        line.extend_from_slice(&cx.log_prefix());
        line.extend_from_slice(format!("ACC: {}: ", record.title).as_bytes());
        self.time(cx, &mut line);
        let values = [
            ("method", &record.method),
            ("from_tag", from_tag),
            ("to_tag", to_tag),
            ("call_id", &record.call_id),
            ("code", &record.code),
            ("reason", &record.reason),
        ];
        for (name, value) in values {
            append(&mut line, name.as_bytes(), value);
        }
        for extra in &self.extras {
            append(&mut line, &extra.name, &extra.value(cx));
        }
        super::extra::each_leg(&self.legs, cx, |name, value| append(&mut line, name, value));
        log.write_with(Level::from_number(self.params.log_level), self.facility, &String::from_utf8_lossy(&line));
    }

    /// The time of the record, as `time_mode` says.
    fn time(&self, cx: &RouteCx, line: &mut Vec<u8>) {
        let micros = cx.core.unix_micros();
        let seconds = micros.div_euclid(1_000_000);
        line.extend_from_slice(format!("timestamp={seconds}").as_bytes());
        let params = &self.params;
        match params.time_mode {
            1 => append(line, &params.time_exten, micros.rem_euclid(1_000_000).to_string().as_bytes()),
            2 => {
                let milliseconds = micros.rem_euclid(1_000_000) / 1000;
                append(line, &params.time_attr, format!("{seconds}.{milliseconds:03}").as_bytes());
            }
            3 => append(line, &params.time_attr, formatted(micros, TimeZone::system(), &params.time_format).as_bytes()),
            4 => append(line, &params.time_attr, formatted(micros, TimeZone::UTC, &params.time_format).as_bytes()),
            _ => {}
        }
    }
}

fn append(line: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    line.push(b';');
    line.extend_from_slice(name);
    line.push(b'=');
    line.extend_from_slice(value);
}

fn formatted(micros: i64, zone: TimeZone, format: &Str) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or_default().to_zoned(zone);
    let mut text = String::new();
    // Lenient: what strftime does not know stays as it is. It fails for nothing else.
    let config = Config::new().lenient(true);
    let _ = BrokenDownTime::from(&time).format_with_config(&config, format.to_text().as_bytes(), &mut text);
    text
}
