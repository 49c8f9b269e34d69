//! Records of whole calls (CDR). Start, end and duration are variables of the dialog, as in Kamailio: a script may read
//! them.

use std::sync::Arc;

use engine::log::Level;
use engine::{CompileEnv, Creating, Diagnostic, RouteCx, Str};

use super::extra::{Extra, parse_extras};
use super::record::formatted;
use super::store::Row;
use super::{Acc, AccParams, refuse};
use crate::dialog::{Dialog, Dialogs, Event};
use database::Value;
use jiff::tz::TimeZone;

/// What `cdr_enable` needs.
pub(super) struct Cdrs {
    extras: Vec<Extra>,
    facility: Option<u8>,
}

/// Reads the parameters.
pub(super) fn create(
    creating: &Creating<'_>,
    params: &AccParams,
    env: &mut CompileEnv<'_>,
) -> Result<Cdrs, Diagnostic> {
    let extras = match &params.cdr_extra {
        Some(text) => parse_extras(text, creating.span_of("cdr_extra"), env)?,
        None => Vec::new(),
    };
    if extras.len() > params.cdr_extra_size {
        let message =
            format!("`cdr_extra` has {} values, `cdr_extra_size` allows {}", extras.len(), params.cdr_extra_size);
        return Err(refuse(creating, "cdr_extra", message, "too many"));
    }
    let facility = engine::settings::facility_number(&params.cdr_facility);
    if facility.is_none() {
        let message = format!("`{}` is no syslog facility", params.cdr_facility);
        return Err(refuse(creating, "cdr_facility", message, "LOG_DAEMON, LOG_LOCAL0 .."));
    }
    if !params.cdrs_table.is_empty() {
        let ids = [
            ("cdr_start_id", &params.cdr_start_id),
            ("cdr_end_id", &params.cdr_end_id),
            ("cdr_duration_id", &params.cdr_duration_id),
        ];
        let names = ids.into_iter().chain(extras.iter().map(|extra| ("cdr_extra", &extra.name)));
        for (param, name) in names {
            if !database::is_name(&name.to_text()) {
                return Err(refuse(creating, param, format!("`{name}` is no name of a column"), "a column's name"));
            }
        }
    }
    Ok(Cdrs { extras, facility })
}

/// Lets the module hear of dialogs.
pub(super) fn listen(acc: &Arc<Acc>, dialogs: &Dialogs) {
    let me = acc.clone();
    dialogs.on(Arc::new(move |dialog, event| me.hear_dialog(dialog, event)));
}

/// Seconds and milliseconds since 1970.
fn stamp(micros: i64) -> Str {
    let milliseconds = micros.div_euclid(1000);
    Str::from(format!("{}.{:03}", milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000)))
}

/// The milliseconds of what [`stamp`] wrote. A script may have put anything into the variable.
fn milliseconds(stamp: &Str) -> Option<i64> {
    let text = stamp.as_utf8()?;
    let (seconds, rest) = text.split_once('.').unwrap_or((text, "0"));
    let rest: i64 = format!("{rest:0<3}").get(..3)?.parse().ok()?;
    seconds.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(rest)
}

impl Acc {
    fn hear_dialog(&self, dialog: &Arc<Dialog>, event: &Event<'_>) {
        match event {
            Event::Created => self.begin(dialog),
            Event::Acknowledged if self.params.cdr_start_on_confirmed => self.begin(dialog),
            Event::Acknowledged => {}
            Event::Failed(invite) => {
                if self.params.cdr_on_failed {
                    self.write_cdr(dialog, invite.view(None).as_deref());
                }
            }
            Event::Terminated => self.finish(dialog),
            Event::Over(bye) => {
                let view = bye.and_then(|bye| bye.view(None));
                self.write_cdr(dialog, view.as_deref());
            }
            Event::Expired => {
                if self.params.cdr_expired_dlg_enable {
                    self.finish(dialog);
                    self.write_cdr(dialog, None);
                }
            }
        }
    }

    fn set(&self, dialog: &Dialog, name: &Str, value: &Str) {
        if let Err(error) = dialog.set_variable(name, Some(value)) {
            engine::log!(self.core.log, Error, "acc: {error}");
        }
    }

    /// The call begins, and has not lasted yet.
    fn begin(&self, dialog: &Dialog) {
        let now = stamp(self.core.unix_micros());
        self.set(dialog, &self.params.cdr_start_id, &now);
        self.set(dialog, &self.params.cdr_end_id, &now);
        self.set(dialog, &self.params.cdr_duration_id, &Str::from_static("0"));
    }

    /// The call ends. One that should begin with its ACK and got none has not lasted.
    fn finish(&self, dialog: &Dialog) {
        if self.params.cdr_start_on_confirmed && !dialog.is_acknowledged() {
            return;
        }
        let now = stamp(self.core.unix_micros());
        let start = dialog.variable(&self.params.cdr_start_id).and_then(|start| milliseconds(&start));
        let lasted = match (start, milliseconds(&now)) {
            (Some(start), Some(end)) => end.saturating_sub(start).max(0),
            _ => 0,
        };
        self.set(dialog, &self.params.cdr_end_id, &now);
        let duration = Str::from(format!("{}.{:03}", lasted / 1000, lasted % 1000));
        self.set(dialog, &self.params.cdr_duration_id, &duration);
    }

    /// Writes the record. Without a message only the variables of the dialog have values.
    fn write_cdr(&self, dialog: &Arc<Dialog>, cx: Option<&RouteCx>) {
        let Some(cdrs) = &self.cdrs else { return };
        if self.params.cdr_skip.as_ref().is_some_and(|name| dialog.variable(name).is_some()) {
            return;
        }
        let mut faked = cx.is_none().then(|| Box::new(RouteCx::faked(self.core.clone())));
        if let Some(faked) = &mut faked {
            Dialogs::attach(faked, dialog);
        }
        let Some(shown) = cx.or(faked.as_deref()) else { return };
        let extras: Vec<(&Str, Option<Str>)> = cdrs
            .extras
            .iter()
            .map(|extra| (&extra.name, extra.value(shown).filter(|_| cx.is_some() || extra.is_of_dialog)))
            .collect();
        if self.params.cdr_log_enable && self.params.log_level <= self.core.log.level() {
            self.write_cdr_line(dialog, cdrs.facility, cx, &extras);
        }
        if let Some(store) = self.store.as_ref().filter(|_| !self.params.cdrs_table.is_empty()) {
            store.put(&self.core, self.cdr_row(dialog, &extras));
        }
    }

    fn write_cdr_line(
        &self,
        dialog: &Dialog,
        facility: Option<u8>,
        cx: Option<&RouteCx>,
        extras: &[(&Str, Option<Str>)],
    ) {
        let params = &self.params;
        let mut line = cx.map_or_else(Vec::new, |cx| cx.log_prefix().to_vec());
        let mut add = |name: &Str, value: Option<Str>| {
            if line.last() == Some(&b';') {
                line.push(b' ');
            }
            line.extend_from_slice(name);
            line.push(b'=');
            line.extend_from_slice(&value.unwrap_or_default());
            line.push(b';');
        };
        for name in [&params.cdr_start_id, &params.cdr_end_id] {
            add(name, dialog.variable(name));
        }
        add(&params.cdr_duration_id, dialog.variable(&params.cdr_duration_id));
        extras.iter().for_each(|(name, value)| add(name, value.clone()));
        line.pop();
        self.core.log.write_with(Level::from_number(params.log_level), facility, &String::from_utf8_lossy(&line));
    }

    /// A time as `time_mode` 3 and 4 have it. As in Kamailio that goes into databases only.
    fn shown_time(&self, value: &Str) -> Option<String> {
        let zone = match self.params.time_mode {
            3 => TimeZone::system(),
            4 => TimeZone::UTC,
            _ => return None,
        };
        Some(formatted(milliseconds(value)?.checked_mul(1000)?, zone, &self.params.time_format))
    }

    fn cdr_row(&self, dialog: &Dialog, extras: &[(&Str, Option<Str>)]) -> Row {
        let params = &self.params;
        let mut row = Row { table: params.cdrs_table.to_string(), columns: Vec::new(), values: Vec::new() };
        let mut add = |name: &Str, value: Value| {
            row.columns.push(name.to_text().into_owned());
            row.values.push(value);
        };
        for name in [&params.cdr_start_id, &params.cdr_end_id] {
            let value = dialog.variable(name).unwrap_or_default();
            let time = milliseconds(&value).map_or(Value::Null, |time| Value::Time(time.div_euclid(1000)));
            add(name, self.shown_time(&value).map_or(time, Value::Text));
        }
        let duration = dialog.variable(&params.cdr_duration_id).and_then(|text| milliseconds(&text)).unwrap_or(0);
        add(&params.cdr_duration_id, Value::Double(duration as f64 / 1000.0));
        for (name, value) in extras {
            let empty = if params.cdr_extra_nullable { Value::Null } else { Value::text(b"") };
            add(name, value.as_ref().map_or(empty, |value| Value::text(value)));
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::{milliseconds, stamp};
    use engine::Str;

    #[test]
    fn times() {
        assert_eq!(stamp(1_795_350_841_768_999), "1795350841.768");
        for (text, wanted) in [
            ("1795350841.768", Some(1_795_350_841_768)),
            ("2", Some(2000)),
            ("2.5", Some(2500)),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(milliseconds(&Str::from(text)), wanted, "{text}");
        }
    }
}
