//! What a record holds, and how it is written.

use database::Value;
use engine::log::Level;
use engine::{RouteCx, Str};
use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::{Timestamp, tz::TimeZone};

use super::Acc;
use super::extra::each_leg;
use super::store::Row;
use crate::rr::Direction;

/// Where a record goes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sinks {
    pub(super) log: bool,
    pub(super) db: bool,
}

impl Sinks {
    pub(super) const fn any(self) -> bool {
        self.log || self.db
    }
}

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
    /// Writes a record. The values of `log_extra` and `db_extra` are those of `cx`.
    pub(super) fn write(&self, cx: &RouteCx, record: &Record, sinks: Sinks, table: &str) {
        let log = sinks.log && self.params.log_level <= cx.core.log.level();
        if !log && !sinks.db {
            return;
        }
        let upstream = self.rr.as_ref().is_some_and(|rr| rr.direction(cx) == Direction::Upstream);
        let (from_tag, to_tag) =
            if upstream { (&record.to_tag, &record.from_tag) } else { (&record.from_tag, &record.to_tag) };
        let fields = [&record.method, from_tag, to_tag, &record.call_id, &record.code, &record.reason];
        if log {
            self.write_line(cx, record.title, fields);
        }
        if let Some(store) = self.store.as_ref().filter(|_| sinks.db) {
            self.rows(cx, fields, table).into_iter().for_each(|row| store.put(&cx.core, row));
        }
    }

    fn write_line(&self, cx: &RouteCx, title: &str, fields: [&Str; 6]) {
        let mut line = Vec::with_capacity(256);
        line.extend_from_slice(&cx.log_prefix());
        line.extend_from_slice(format!("ACC: {title}: ").as_bytes());
        self.time(cx, &mut line);
        for (name, value) in ["method", "from_tag", "to_tag", "call_id", "code", "reason"].into_iter().zip(fields) {
            append(&mut line, name.as_bytes(), value);
        }
        for extra in &self.extras {
            append(&mut line, &extra.name, &extra.value(cx).unwrap_or_default());
        }
        each_leg(&self.legs, cx, |_, name, value| append(&mut line, name, value));
        let level = Level::from_number(self.params.log_level);
        cx.core.log.write_with(level, self.facility, &String::from_utf8_lossy(&line));
    }

    /// The rows of a record: one, or one for each leg.
    pub(super) fn rows(&self, cx: &RouteCx, fields: [&Str; 6], table: &str) -> Vec<Row> {
        let params = &self.params;
        let columns = [
            &params.acc_method_column,
            &params.acc_from_tag_column,
            &params.acc_to_tag_column,
            &params.acc_callid_column,
            &params.acc_sip_code_column,
            &params.acc_sip_reason_column,
        ];
        let mut row = Row { table: table.to_owned(), columns: Vec::new(), values: Vec::new() };
        let mut add = |name: &[u8], value: Value| {
            row.columns.push(String::from_utf8_lossy(name).into_owned());
            row.values.push(value);
        };
        for (column, value) in columns.into_iter().zip(fields) {
            add(column.as_bytes(), Value::text(value));
        }
        let micros = cx.core.unix_micros();
        add(params.acc_time_column.as_bytes(), Value::Time(micros.div_euclid(1_000_000)));
        if let Some((name, value)) = self.further_time(micros) {
            add(name, value);
        }
        for extra in &self.db_extras {
            let value = extra.value(cx);
            let empty = if params.acc_extra_nullable { Value::Null } else { Value::text(b"") };
            add(&extra.name, value.map_or(empty, |value| Value::text(&value)));
        }
        let mut rows: Vec<Row> = Vec::new();
        each_leg(&self.legs, cx, |leg, name, value| {
            if rows.len() <= leg {
                rows.push(row.clone());
            }
            rows[leg].columns.push(String::from_utf8_lossy(name).into_owned());
            rows[leg].values.push(Value::text(value));
        });
        if rows.is_empty() { vec![row] } else { rows }
    }

    /// What `time_mode` adds to the time: its name and value.
    fn further_time(&self, micros: i64) -> Option<(&Str, Value)> {
        let params = &self.params;
        let format = |zone| formatted(micros, zone, &params.time_format);
        Some(match params.time_mode {
            1 => (&params.time_exten, Value::Int(micros.rem_euclid(1_000_000))),
            2 => {
                let milliseconds = micros.rem_euclid(1_000_000) / 1000;
                (&params.time_attr, Value::from(format!("{}.{milliseconds:03}", micros.div_euclid(1_000_000))))
            }
            3 => (&params.time_attr, Value::from(format(TimeZone::system()))),
            4 => (&params.time_attr, Value::from(format(TimeZone::UTC))),
            _ => return None,
        })
    }

    /// The time of the record.
    fn time(&self, cx: &RouteCx, line: &mut Vec<u8>) {
        let micros = cx.core.unix_micros();
        line.extend_from_slice(format!("timestamp={}", micros.div_euclid(1_000_000)).as_bytes());
        if let Some((name, value)) = self.further_time(micros) {
            append(line, name, value.to_text().unwrap_or_default().as_bytes());
        }
    }
}

fn append(line: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    line.push(b';');
    line.extend_from_slice(name);
    line.push(b'=');
    line.extend_from_slice(value);
}

pub(super) fn formatted(micros: i64, zone: TimeZone, format: &Str) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or_default().to_zoned(zone);
    let mut text = String::new();
    // Lenient: what strftime does not know stays as it is. It fails for nothing else.
    let config = Config::new().lenient(true);
    let _ = BrokenDownTime::from(&time).format_with_config(&config, format.to_text().as_bytes(), &mut text);
    text
}
