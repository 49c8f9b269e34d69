//! REGISTER requests and what becomes of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::Str;
use sip::header::Challenge;
use sip::{HeaderName, Message};

use super::super::Uac;
use super::super::digest::{Login, Secret, Target, Unanswered, answer, headers};
use super::record::{Outcome, Record, Row, granted};
use super::table::Attribute;
use crate::tm::LocalRequest;

/// So many challenges of one REGISTER are answered: of a registrar, of a proxy before it, and stale nonces.
const MOST_ANSWERS: u8 = 4;

/// What a REGISTER asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Register,
    Unregister,
}

/// A REGISTER under way.
struct Registering {
    uac: Arc<Uac>,
    row: Row,
    attempt: u64,
    expires: u32,
    request: LocalRequest,
    /// Contact and Expires.
    headers: Str,
    /// The answers to a registrar and to a proxy.
    answers: [Vec<u8>; 2],
    answered: u8,
}

impl Uac {
    /// Sends what is due.
    pub(super) fn register_due(self: &Arc<Self>) {
        if !self.reg.active.load(Ordering::Relaxed) {
            return;
        }
        let (now, interval) = (self.core.unix_time(), self.params.reg_timer_interval.into());
        let mut table = self.reg.table.lock();
        let start =
            |record: &mut Record| record.is_due(now, interval).then(|| self.registering(record, now, Wanted::Register));
        let started: Vec<Registering> = table.records_mut().iter_mut().filter_map(start).collect();
        drop(table);
        started.into_iter().for_each(Registering::go);
    }

    /// Sends a REGISTER for a record now, and enables or disables it. False: there is no such record.
    pub(super) fn register_now(self: &Arc<Self>, attribute: Attribute, value: &Str, wanted: Wanted) -> bool {
        let now = self.core.unix_time();
        let mut table = self.reg.table.lock();
        let Some(uuid) = table.find(attribute, value) else { return false };
        let Some(record) = table.get_mut(&uuid) else { return false };
        match wanted {
            Wanted::Register => record.enable(now),
            Wanted::Unregister => record.disable(now),
        }
        let started = self.registering(record, now, wanted);
        drop(table);
        started.go();
        true
    }

    fn registering(self: &Arc<Self>, record: &mut Record, now: i64, wanted: Wanted) -> Registering {
        record.begin(now, self.reg.next_attempt(), self.params.reg_keep_callid);
        let row = record.row.clone();
        let expires = if wanted == Wanted::Unregister { 0 } else { record.expires };
        let address = row.address();
        let tag = format!("{:032x}", rand::random::<u128>());
        let contact = row.contact_uri();
        let headers =
            Str::from([b"Contact: <", &*contact, b">\r\nExpires: ", expires.to_string().as_bytes(), b"\r\n"].concat());
        let socket = (!row.socket.is_empty()).then(|| row.socket.to_text().into_owned()).and_then(|text| {
            let found = self.core.find_socket(&text);
            if found.is_none() {
                let uuid = &row.uuid;
                engine::log!(self.core.log, Warning, "uac: [{uuid}]: `{text}` is not ours; another socket is used");
            }
            found
        });
        let request = LocalRequest {
            method: Str::from_static("REGISTER"),
            uri: row.registrar(),
            from: Str::from([b"<", &*address, b">;tag=", tag.as_bytes()].concat()),
            to: Str::from([b"<", &*address, b">"].concat()),
            call_id: Some(record.call_id.clone()),
            cseq: record.cseq,
            headers: headers.clone(),
            next_hop: Some(row.proxy.clone()),
            socket: socket.or_else(|| self.default_socket.get().copied()),
            ..LocalRequest::default()
        };
        let (uac, attempt, answers) = (self.clone(), record.attempt, <[Vec<u8>; 2]>::default());
        Registering { uac, row, attempt, expires, request, headers, answers, answered: 0 }
    }

    /// The record that a REGISTER was sent for, unless it was sent again, replaced or removed since.
    fn with_attempt<T>(&self, uuid: &Str, attempt: u64, work: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let mut table = self.reg.table.lock();
        table.get_mut(uuid).filter(|record| record.attempt == attempt).map(work)
    }
}

impl Registering {
    /// Sends it; the reply comes later.
    fn go(self) {
        let core = self.uac.core.clone();
        core.spawn(Box::pin(self.send()));
    }

    async fn send(self) {
        let (uac, request) = (self.uac.clone(), self.request.clone());
        let (core, row, attempt) = (uac.core.clone(), self.row.clone(), self.attempt);
        let completed = Box::new(move |status: u16, reply: Option<Str>| self.completed(status, reply));
        let Ok(_permit) = uac.reg.sending.clone().acquire_owned().await else { return };
        if let Err(error) = uac.tm.send_request(request, Some(completed)).await {
            engine::log!(core.log, Error, "uac: REGISTER of [{}] was not sent: {error}", row.uuid);
            let (now, retry) = (core.unix_time(), uac.params.reg_retry_interval);
            uac.with_attempt(&row.uuid, attempt, |record| record.end(Outcome::Failed, now, retry));
        }
    }

    fn completed(mut self, status: u16, reply: Option<Str>) {
        let reply = reply.and_then(|reply| Message::parse(reply).ok());
        if let Some(reply) = &reply
            && headers(status).is_some()
            && self.answer(status, reply)
        {
            return self.go();
        }
        let outcome = self.outcome(status, reply.as_ref());
        let core = &self.uac.core;
        let uuid = &self.row.uuid;
        if outcome == Outcome::Failed {
            engine::log!(core.log, Error, "uac: got sip response {status} while registering [{uuid}]");
        }
        let (now, retry) = (core.unix_time(), self.uac.params.reg_retry_interval);
        self.uac.with_attempt(uuid, self.attempt, |record| record.end(outcome, now, retry));
    }

    /// Adds the answer to a challenge; false: it cannot or should not be answered.
    fn answer(&mut self, status: u16, reply: &Message) -> bool {
        let place = usize::from(status == 407);
        let name = if status == 407 { HeaderName::ProxyAuthenticate } else { HeaderName::WwwAuthenticate };
        let mut challenges = reply.headers_named(name).filter_map(|header| Challenge::parse(reply.body_of(header)));
        let refused = !self.answers[place].is_empty() && !challenges.any(|challenge| challenge.stale());
        if refused || self.answered >= MOST_ANSWERS {
            return false;
        }
        let row = &self.row;
        let login = |realm: &Str| {
            let secret =
                if row.ha1.is_empty() { Secret::Password(row.password.clone()) } else { Secret::Ha1(row.ha1.clone()) };
            let is_ours = row.realm.is_empty() || row.realm == *realm;
            is_ours.then(|| Login { username: row.auth_user.clone(), secret })
        };
        let target = Target { method: b"REGISTER", uri: &self.request.uri, body: b"" };
        let core = &self.uac.core;
        match answer(reply, status, &target, login) {
            Ok(line) => self.answers[place] = line,
            Err(Unanswered::NoLogin) => {
                engine::log!(core.log, Error, "uac: [{}]: the registrar asks for another realm", row.uuid);
                return false;
            }
            Err(_) => {
                engine::log!(core.log, Error, "uac: [{}]: no challenge of the registrar can be answered", row.uuid);
                return false;
            }
        }
        let Some(cseq) = self.uac.with_attempt(&row.uuid, self.attempt, Record::authenticate) else { return false };
        self.answered += 1;
        self.request.cseq = cseq;
        self.request.headers = Str::from([&*self.headers, &*self.answers[0], &*self.answers[1]].concat());
        true
    }

    fn outcome(&self, status: u16, reply: Option<&Message>) -> Outcome {
        let Some(reply) = reply else { return Outcome::Failed };
        match status {
            200..=299 if self.expires == 0 => Outcome::Registered(0),
            200..=299 => {
                let contacts = reply.contacts().ok().flatten();
                let header = reply.expires().ok().flatten();
                match granted(contacts, &self.row.contact_uri(), header, self.expires) {
                    Some(seconds) => Outcome::Registered(seconds),
                    None => {
                        let uuid = &self.row.uuid;
                        engine::log!(
                            self.uac.core.log,
                            Error,
                            "uac: [{uuid}]: the registrar does not list our contact"
                        );
                        Outcome::Failed
                    }
                }
            }
            423 => match reply.min_expires().ok().flatten() {
                Some(seconds) if seconds > self.expires && self.expires > 0 => Outcome::TooBrief(seconds),
                _ => Outcome::Failed,
            },
            _ => Outcome::Failed,
        }
    }
}
