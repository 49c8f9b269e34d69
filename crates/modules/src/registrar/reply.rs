//! The answer to a REGISTER: the contacts that are bound now, or what is wrong (RFC 3261 section 10.3, item 8).

use engine::{CallResult, RouteCx, ScriptError, Str};
use sip::Uri;

use super::Registrar;
use super::request::{requires, supports};
use crate::usrloc::{Contact, Table};

/// An error that the client is told.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) reason: &'static str,
    /// For `P-Registrar-Error`.
    error: &'static str,
    /// Header lines.
    headers: Vec<String>,
    /// What `save` returns.
    pub(super) code: i32,
    /// The reply lists the contacts that are still bound.
    pub(super) shows_contacts: bool,
}

impl Failure {
    pub(super) const fn new(status: u16, reason: &'static str, error: &'static str) -> Self {
        Self { status, reason, error, headers: Vec::new(), code: -1, shows_contacts: false }
    }

    pub(super) const fn bad_request(error: &'static str) -> Self {
        Self::new(400, "Bad Request", error)
    }

    pub(super) fn with(mut self, header: String) -> Self {
        self.headers.push(header);
        self
    }

    pub(super) const fn returning(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    pub(super) const fn show_contacts(mut self) -> Self {
        self.shows_contacts = true;
        self
    }
}

/// A reply that `save` did not send: for `reg_send_reply`.
#[derive(Default)]
pub(super) struct Pending(pub(super) Option<Vec<Str>>);

impl Registrar {
    /// The Contact header line, with what is left of each contact's time at `now`; `None` when there is no contact.
    pub(super) fn contact_header(
        &self,
        cx: &RouteCx,
        table: &Table,
        aor: &[u8],
        list: &[Contact],
        now: i64,
    ) -> Option<Str> {
        if list.is_empty() {
            return None;
        }
        let gruu = self.params.gruu_enabled && supports(cx, "gruu");
        let room: usize = list.iter().map(|contact| contact.uri.len() + 32).sum();
        let mut line = Vec::with_capacity(16 + room);
        line.extend_from_slice(b"Contact: ");
        for (at, contact) in list.iter().enumerate() {
            if at > 0 {
                line.extend_from_slice(b", ");
            }
            line.push(b'<');
            line.extend_from_slice(&contact.uri);
            line.push(b'>');
            if let Some(q) = contact.q {
                line.extend_from_slice(b";q=");
                line.extend_from_slice(q_text(q).as_bytes());
            }
            line.extend_from_slice(b";expires=");
            sip::write::decimal(&mut line, contact.seconds_left(now));
            if let Some(received) = contact.received.as_ref().filter(|_| !self.params.received_param.is_empty()) {
                line.extend_from_slice(format!(";{}=\"{received}\"", self.params.received_param).as_bytes());
            }
            if let Some(instance) = &contact.instance {
                if gruu && let Ok(Some(to)) = cx.message.to() {
                    line.extend_from_slice(gruus(to.parsed_uri().ok(), table.hash(aor), instance, contact).as_bytes());
                }
                line.extend_from_slice(format!(";+sip.instance=\"{instance}\"").as_bytes());
            }
            if contact.reg_id > 0 {
                line.extend_from_slice(format!(";reg-id={}", contact.reg_id).as_bytes());
            }
        }
        line.extend_from_slice(b"\r\n");
        Some(Str::from(line))
    }

    /// The header lines of the reply, in the order that Kamailio has.
    pub(super) fn reply_headers(&self, cx: &RouteCx, contacts: Option<Str>, failure: Option<&Failure>) -> Vec<Str> {
        let mut lines: Vec<Str> = contacts.into_iter().collect();
        match failure {
            None => {
                self.add_path(cx, &mut lines);
                self.add_outbound(cx, &mut lines);
            }
            Some(failure) => {
                lines.extend(failure.headers.iter().map(|line| Str::from(line.as_str())));
                if failure.status == 421 {
                    self.add_outbound(cx, &mut lines);
                }
                lines.push(Str::from(format!("P-Registrar-Error: {}\r\n", failure.error)));
                let wait = self.live.retry_after.get();
                if failure.status >= 500 && wait > 0 {
                    lines.push(Str::from(format!("Retry-After: {wait}\r\n")));
                }
            }
        }
        lines
    }

    /// The Path of the request goes back to a client that understands it (RFC 3327 section 5.3).
    fn add_path(&self, cx: &RouteCx, lines: &mut Vec<Str>) {
        if self.params.use_path
            && self.params.path_mode != 0
            && supports(cx, "path")
            && cx.message.contacts().is_ok_and(|contacts| contacts.is_some_and(|contacts| !contacts.star))
            && let Ok(hops @ [_, ..]) = cx.message.paths()
        {
            let text = hops.iter().map(|hop| &*hop.text).collect::<Vec<&[u8]>>().join(&b","[..]);
            lines.push(Str::from(format!("Path: {}\r\n", Str::from(text))));
        }
    }

    /// RFC 5626 section 6.
    fn add_outbound(&self, cx: &RouteCx, lines: &mut Vec<Str>) {
        let used = supports(cx, "outbound") || requires(cx, "outbound");
        match self.params.outbound_mode {
            0 => return,
            1 => {
                lines.push(Str::from_static("Supported: outbound\r\n"));
                if used {
                    lines.push(Str::from_static("Require: outbound\r\n"));
                }
            }
            _ => {
                lines.push(Str::from_static("Require: outbound\r\n"));
                lines.push(Str::from_static("Supported: outbound\r\n"));
            }
        }
        if used && self.params.flow_timer > 0 {
            lines.push(Str::from(format!("Flow-Timer: {}\r\n", self.params.flow_timer)));
        }
    }

    /// Answers with these further header lines: through the transaction when there is one.
    pub(super) fn respond(&self, cx: &mut RouteCx, status: u16, reason: &Str, lines: Vec<Str>) -> CallResult {
        let queued = cx.reply_headers.len();
        cx.reply_headers.extend(lines);
        let result = self.sl.reply(cx, status, reason);
        cx.reply_headers.truncate(queued);
        result
    }
}

/// `0.5` for 500.
fn q_text(q: u16) -> String {
    if q.is_multiple_of(1000) {
        return (q / 1000).to_string();
    }
    format!("{}.{:03}", q / 1000, q % 1000).trim_end_matches('0').to_owned()
}

/// Public and temporary GRUU (RFC 5627 section 3): the first from the address of record and the device, the second from
/// the unique id, with what is needed to find the contact by it.
fn gruus(to: Option<&Uri>, hash: u64, instance: &Str, contact: &Contact) -> String {
    let Some(to) = to else { return String::new() };
    let Some(user) = to.user() else { return String::new() };
    let device = bare_instance(instance);
    let host = to.host();
    let public = String::from_utf8_lossy(device);
    format!(";pub-gruu=\"sip:{user}@{host};gr={public}\";temp-gruu=\"sip:{}-{hash:x}@{host};gr\"", contact.ruid)
}

/// An instance without its angle brackets.
pub(super) fn bare_instance(instance: &[u8]) -> &[u8] {
    instance.strip_prefix(b"<").and_then(|bare| bare.strip_suffix(b">")).unwrap_or(instance)
}

impl Registrar {
    /// Sends what `save` with flag 2 left.
    pub(super) fn send_pending(&self, cx: &mut RouteCx) -> CallResult {
        let Some(lines) = cx.data::<Pending>().0.take() else {
            return Err(ScriptError::new("there is no reply left by save(.., \"0x02\")"));
        };
        self.respond(cx, 200, &Str::from_static("OK"), lines)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn q_values() {
        for (q, text) in [(0, "0"), (1000, "1"), (500, "0.5"), (123, "0.123"), (50, "0.05")] {
            assert_eq!(super::q_text(q), text);
        }
    }
}
