//! A contact as a row of the table, and back.

use database::{Filter, Operator, Scheme, Value, civil_text};
use engine::xavp::{Xlist, Xvalue};
use engine::{Core, Str};

use super::contact::{ALL_METHODS, Contact, Stage};
use super::rpc::clamp_time;
use super::table::Gone;
use super::{Matching, UsrlocParams};

/// The column with the time of the last change: it has no parameter.
const MODIFIED: &str = "last_modified";
/// How many columns a row has.
const COLUMNS: usize = 22;
/// Those of an attribute.
pub(super) const ATTRIBUTE_COLUMNS: [&str; 7] = ["ruid", "username", "domain", "aname", "atype", "avalue", MODIFIED];
/// `atype`: a text, a number.
const TEXT: i64 = 0;
const NUMBER: i64 = 1;
/// Julian day of 1970-01-01: how SQLite keeps dates.
const JULIAN_1970: f64 = 2_440_587.5;

impl UsrlocParams {
    /// The columns, in the order of [`Self::row`].
    pub(super) fn columns(&self) -> [&str; COLUMNS] {
        [
            &self.ruid_column,
            &self.user_column,
            &self.domain_column,
            &self.contact_column,
            &self.received_column,
            &self.path_column,
            &self.expires_column,
            &self.q_column,
            &self.callid_column,
            &self.cseq_column,
            MODIFIED,
            &self.flags_column,
            &self.cflags_column,
            &self.user_agent_column,
            &self.socket_column,
            &self.methods_column,
            &self.instance_column,
            &self.reg_id_column,
            &self.server_id_column,
            &self.connection_id_column,
            &self.keepalive_column,
            &self.partition_column,
        ]
    }

    /// A time as the columns have it.
    pub(super) fn time(&self, seconds: i64) -> Value {
        if self.expires_type == 1 { Value::Int(seconds) } else { Value::Time(seconds) }
    }

    /// The other direction. SQLite keeps dates as numbers of days, and does not always say that a number is a date.
    fn read_time(&self, value: &Value) -> i64 {
        let days = |days: f64| ((days - JULIAN_1970) * 86_400.0).round() as i64;
        if self.expires_type == 0 && self.db_url.starts_with("sqlite") {
            match value {
                Value::Double(number) => return days(*number),
                Value::Int(number) | Value::Time(number) if (1..6_000_000).contains(number) => {
                    return days(*number as f64);
                }
                _ => {}
            }
        }
        value.to_time().unwrap_or(0)
    }

    /// The same in the text of a statement.
    pub(super) fn time_text(&self, scheme: Scheme, seconds: i64) -> String {
        match scheme {
            _ if self.expires_type == 1 => seconds.to_string(),
            Scheme::Sqlite => (seconds as f64 / 86_400.0 + JULIAN_1970).to_string(),
            _ => format!("'{}'", civil_text(seconds)),
        }
    }

    /// User name and domain of an address of record.
    pub(super) fn split(&self, aor: &[u8]) -> (Value, Value) {
        match memchr::memrchr(b'@', aor).filter(|_| self.use_domain) {
            Some(at) => (Value::text(&aor[..at]), Value::text(&aor[at + 1..])),
            None => (Value::text(aor), Value::Null),
        }
    }

    /// The address of record of a row.
    fn join(&self, user: &[u8], domain: Option<&[u8]>) -> Vec<u8> {
        match domain.filter(|domain| self.use_domain && !domain.is_empty()) {
            Some(domain) => [user, b"@", domain].concat(),
            None => user.to_vec(),
        }
    }

    /// The rows of an address of record.
    pub(super) fn of_aor(&self, aor: &[u8]) -> Vec<Filter<'_>> {
        let (user, domain) = self.split(aor);
        let mut filter = vec![Filter::equal(&self.user_column, user)];
        if self.use_domain {
            filter.push(Filter::equal(&self.domain_column, domain));
        }
        filter
    }

    /// The row of a contact (`db_ops_ruid`).
    pub(super) fn of_contact(&self, gone: &Gone, matching: Matching) -> Vec<Filter<'_>> {
        if self.db_ops_ruid {
            return vec![Filter::equal(&self.ruid_column, Value::text(&gone.ruid))];
        }
        let mut filter = self.of_aor(&gone.aor);
        if matching != Matching::CallId {
            filter.push(Filter::equal(&self.contact_column, Value::text(&gone.uri)));
        }
        if matches!(matching, Matching::CallId | Matching::UriAndCallId) {
            filter.push(Filter::equal(&self.callid_column, Value::text(&gone.call_id)));
        }
        if matching == Matching::UriAndPath {
            filter.push(Filter::equal(&self.path_column, optional((!gone.path.is_empty()).then_some(&gone.path))));
        }
        filter
    }

    /// The attributes of a contact.
    pub(super) fn attributes_of(&self, aor: &[u8], ruid: &[u8]) -> Vec<Filter<'static>> {
        let (user, domain) = self.split(aor);
        let mut filter = vec![Filter::equal("username", user)];
        if self.use_domain {
            filter.push(Filter::equal("domain", domain));
        }
        filter.push(Filter::equal("ruid", Value::text(ruid)));
        filter
    }

    /// The rows that ended before a moment.
    pub(super) fn ended(&self, before: i64, server: Option<i64>) -> Vec<Filter<'_>> {
        let condition =
            |operator, seconds| Filter { column: &self.expires_column, operator, value: self.time(seconds) };
        let mut filter = vec![condition(Operator::AtMost, before), condition(Operator::NotEqual, 0)];
        filter.extend(server.map(|id| Filter::equal(&self.server_id_column, id)));
        filter
    }

    /// A contact as a row.
    pub(super) fn row(&self, aor: &[u8], contact: &Contact, socket: Option<String>) -> Vec<Value> {
        let (user, domain) = self.split(aor);
        // The columns have 32 bits and a sign.
        let number = |number: u32| Value::Int(i64::from(number as i32));
        let connection = contact.connection.and_then(|id| i32::try_from(id.0).ok());
        let natted = (0..32).contains(&self.nat_bflag) && contact.cflags & 1 << self.nat_bflag != 0;
        let row: [Value; COLUMNS] = [
            Value::text(&contact.ruid),
            user,
            domain,
            Value::text(&contact.uri),
            optional(contact.received.as_ref()),
            optional(contact.path.as_ref()),
            self.time(i64::from(contact.expires)),
            Value::Double(contact.q.map_or(-1.0, |q| f64::from(q) / 1000.0)),
            Value::text(&contact.call_id),
            number(contact.cseq),
            self.time(i64::from(contact.modified)),
            number(contact.flags),
            number(contact.cflags),
            Value::text(&contact.user_agent),
            socket.map_or(Value::Null, Value::Text),
            if contact.methods == ALL_METHODS { Value::Null } else { number(contact.methods) },
            optional(contact.instance.as_ref()),
            number(contact.reg_id),
            number(contact.server_id),
            Value::Int(connection.map_or(-1, i64::from)),
            Value::Int(i64::from(natted)),
            Value::Int(0),
        ];
        row.into()
    }

    /// The rows of a contact's attributes; lists in lists have no place there.
    pub(super) fn attribute_rows(&self, aor: &[u8], contact: &Contact, now: i64) -> Vec<Vec<Value>> {
        let Some(list) = &contact.xavp else { return Vec::new() };
        let (user, domain) = self.split(aor);
        let row = |(name, value): &(Str, Xvalue)| {
            let (kind, value) = match value {
                Xvalue::Simple(engine::Value::Int(number)) => (NUMBER, Value::Text(number.to_string())),
                Xvalue::Simple(value) if !value.is_null() => (TEXT, Value::text(&value.to_str())),
                Xvalue::Simple(_) | Xvalue::List(_) => return None,
            };
            let ruid = Value::text(&contact.ruid);
            let (user, domain) = (user.clone(), domain.clone());
            Some(vec![ruid, user, domain, Value::text(name), Value::Int(kind), value, self.time(now)])
        };
        list.items.iter().filter_map(row).collect()
    }

    /// Address of record and unique id that an attribute belongs to, and the attribute.
    pub(super) fn read_attribute(&self, row: &[Value]) -> Option<(Vec<u8>, Str, Str, Xvalue)> {
        let [ruid, user, domain, name, kind, value, _] = row else { return None };
        let aor = self.join(user.to_text()?.as_bytes(), domain.to_text().as_ref().map(|text| text.as_bytes()));
        let value = match kind.to_int()? {
            NUMBER => engine::Value::Int(value.to_int()?),
            _ => engine::Value::Str(text(value)?),
        };
        Some((aor, text(ruid)?, text(name)?, Xvalue::Simple(value)))
    }

    /// A row as a contact of an address of record, with the name of its socket; the text says what is wrong with it.
    pub(super) fn read(&self, row: Vec<Value>) -> Result<(Vec<u8>, Contact, Option<Str>), &'static str> {
        let row: [Value; COLUMNS] = row.try_into().map_err(|_| "columns are missing")?;
        let [ruid, user, domain, uri, received, path, expires, q, call_id, cseq, modified, rest @ ..] = row;
        let [flags, cflags, user_agent, socket, methods, instance, reg_id, server_id, connection, _, _] = rest;
        let user = user.to_text().ok_or("no user name")?;
        let aor = self.join(user.as_bytes(), domain.to_text().as_ref().map(|text| text.as_bytes()));
        let texts = [&ruid, &uri, &received, &path, &call_id, &instance, &user_agent].map(text);
        // Such text would break every message that it is put into.
        if texts.iter().flatten().any(|text| text.iter().any(u8::is_ascii_control)) {
            return Err("control characters");
        }
        let [ruid, uri, received, path, call_id, instance, user_agent] = texts;
        let number = |value: &Value| value.to_int().unwrap_or(0) as u32;
        let time = |value: &Value| clamp_time(self.read_time(value));
        let q = q.to_double().filter(|q| (0.0..=1.0).contains(q)).map(|q| (q * 1000.0).round() as u16);
        let connection = connection.to_int().and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
        let filled = |text: Option<Str>| text.filter(|text| !text.is_empty());
        let contact = Contact {
            uri: filled(uri).ok_or("no URI")?,
            call_id: call_id.unwrap_or_default(),
            cseq: number(&cseq),
            user_agent: user_agent.unwrap_or_default(),
            received: filled(received),
            path: filled(path),
            instance: filled(instance),
            ruid: filled(ruid).ok_or("no unique id")?,
            expires: time(&expires),
            q,
            flags: number(&flags),
            cflags: number(&cflags),
            methods: methods.to_int().map_or(ALL_METHODS, |mask| mask as u32),
            reg_id: number(&reg_id),
            server_id: number(&server_id),
            connection: connection.map(transport::ConnectionId),
            modified: time(&modified),
            last_keepalive: time(&modified),
            stage: Stage::Synced,
            ..Contact::default()
        };
        Ok((aor, contact, filled(text(&socket))))
    }

    /// The only server whose rows count (`server_id_filter`).
    pub(super) fn only_server(&self, core: &Core) -> Option<i64> {
        self.server_id_filter.then_some(i64::from(core.settings.server_id as u32 as i32))
    }
}

/// Adds an attribute to a contact.
pub(super) fn add_attribute(contact: &mut Contact, name: Str, value: Xvalue) {
    contact.xavp.get_or_insert_with(|| Box::new(Xlist::default())).items.push((name, value));
}

fn text(value: &Value) -> Option<Str> {
    Some(match value {
        Value::Text(text) => Str::copy_from(text.as_bytes()),
        value => Str::copy_from(value.to_text()?.as_bytes()),
    })
}

fn optional(text: Option<&Str>) -> Value {
    text.map_or(Value::Null, |text| Value::text(text))
}
