//! A remote registration: what its row says, and how it stands. No I/O, no clock.

use database::Value as Cell;
use engine::Str;
use sip::Uri;
use sip::header::Contacts;

/// The columns of a [`Row`], in its order.
pub(super) const COLUMNS: [&str; 15] = [
    "l_uuid",
    "l_username",
    "l_domain",
    "r_username",
    "r_domain",
    "realm",
    "auth_username",
    "auth_password",
    "auth_ha1",
    "auth_proxy",
    "expires",
    "flags",
    "reg_delay",
    "contact_addr",
    "socket",
];

/// Flags, as `uac.reg_info` shows them: nothing is done.
pub(super) const DISABLED: i64 = 1;
/// A REGISTER is under way.
pub(super) const ONGOING: i64 = 2;
/// The last one succeeded.
pub(super) const ONLINE: i64 = 4;
/// The REGISTER under way answers a challenge.
pub(super) const AUTHENTICATING: i64 = 8;
/// The delay of the first one is over.
pub(super) const INIT: i64 = 16;

/// A REGISTER goes out so many seconds (and the time between two looks at the clock) before the last one runs out.
const MARGIN: i64 = 3;
/// The first CSeq of a Call-ID.
const FIRST_CSEQ: u32 = 10;

/// A row of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// Its key, and the user of the Contact.
    pub(super) uuid: Str,
    pub(super) user: Str,
    pub(super) domain: Str,
    pub(super) remote_user: Str,
    pub(super) remote_domain: Str,
    /// Empty: any.
    pub(super) realm: Str,
    pub(super) auth_user: Str,
    pub(super) password: Str,
    pub(super) ha1: Str,
    /// Where requests go.
    pub(super) proxy: Str,
    pub(super) expires: u32,
    pub(super) disabled: bool,
    pub(super) delay: u32,
    /// Host, port and parameters of the Contact.
    pub(super) contact: Str,
    pub(super) socket: Str,
}

impl Row {
    /// From the cells of [`COLUMNS`]; the text says what is wrong, without secrets.
    pub(super) fn from_cells(cells: &[Cell], default_contact: &Str) -> Result<Self, String> {
        let text = |at: usize| Str::from(cells.get(at).and_then(Cell::to_text).unwrap_or_default());
        let number = |at: usize| cells.get(at).and_then(Cell::to_int).unwrap_or(0);
        let seconds = |at: usize| {
            u32::try_from(number(at)).map_err(|_| format!("column {} is no number of seconds", COLUMNS[at]))
        };
        let contact = text(13);
        let row = Self {
            uuid: text(0),
            user: text(1),
            domain: text(2),
            remote_user: text(3),
            remote_domain: text(4),
            realm: text(5),
            auth_user: text(6),
            password: text(7),
            ha1: text(8),
            proxy: text(9),
            expires: seconds(10)?,
            disabled: number(11) & DISABLED != 0,
            delay: seconds(12)?,
            contact: if contact.is_empty() { default_contact.clone() } else { contact },
            socket: text(14),
        };
        row.check().map(|()| row)
    }

    /// What must be there, and URIs that are none: they would not make a request.
    fn check(&self) -> Result<(), String> {
        let needed = [
            ("l_uuid", &self.uuid),
            ("r_username", &self.remote_user),
            ("r_domain", &self.remote_domain),
            ("auth_username", &self.auth_user),
            ("auth_proxy", &self.proxy),
        ];
        if let Some((name, _)) = needed.iter().find(|(_, text)| text.is_empty()) {
            return Err(format!("column {name} is empty"));
        }
        let uris = [
            ("r_username, r_domain", self.address()),
            ("l_uuid, contact_addr", self.contact_uri()),
            ("l_username, l_domain", self.local()),
            ("auth_proxy", self.proxy.clone()),
        ];
        let whole = |uri: &Str| {
            let plain = |byte: &u8| *byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | 0x7f);
            uri.iter().all(plain) && Uri::parse(uri.clone()).is_ok()
        };
        // Without a local address the lookup functions have nothing to give; registering needs none.
        let without_local = self.user.is_empty() && self.domain.is_empty();
        let is_fine = |name: &str, uri: &Str| whole(uri) || without_local && name.starts_with("l_username");
        match uris.iter().find(|(name, uri)| !is_fine(name, uri)) {
            Some((name, uri)) => Err(format!("columns {name}: `{uri}` is no URI")),
            None => Ok(()),
        }
    }

    /// `sip:r_username@r_domain`
    pub(super) fn address(&self) -> Str {
        Str::from([b"sip:", &*self.remote_user, b"@", &*self.remote_domain].concat())
    }

    /// `sip:r_domain`
    pub(super) fn registrar(&self) -> Str {
        Str::from([b"sip:", &*self.remote_domain].concat())
    }

    /// `sip:l_username@l_domain`
    pub(super) fn local(&self) -> Str {
        Str::from([b"sip:", &*self.user, b"@", &*self.domain].concat())
    }

    /// `sip:l_uuid@contact_addr`
    pub(super) fn contact_uri(&self) -> Str {
        Str::from([b"sip:", &*self.uuid, b"@", &*self.contact].concat())
    }
}

/// What a script sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Registered,
    Ongoing,
    Disabled,
    Waiting,
}

/// What came of a REGISTER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// For so many seconds; 0: no longer.
    Registered(u32),
    /// Not that short: at least so many seconds.
    TooBrief(u32),
    Failed,
}

/// A row and how it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) row: Row,
    /// `DISABLED` and so on.
    pub(super) flags: i64,
    /// What is asked for: that of the row, or what the registrar wants at least.
    pub(super) expires: u32,
    /// When the registration runs out, or the next attempt is due.
    pub(super) due: i64,
    /// When the record was made.
    pub(super) made: i64,
    /// Seconds from then to the first REGISTER.
    pub(super) delay: u32,
    pub(super) call_id: Str,
    pub(super) cseq: u32,
    /// The number of the REGISTER under way: what is heard of another one is old.
    pub(super) attempt: u64,
}

impl Record {
    pub(super) fn new(row: Row, now: i64, delay: u32) -> Self {
        let flags = if row.disabled { DISABLED } else { 0 };
        Self { expires: row.expires, row, flags, made: now, delay, ..Self::default() }
    }

    pub(super) const fn has(&self, flag: i64) -> bool {
        self.flags & flag != 0
    }

    fn put(&mut self, flag: i64, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    pub(super) const fn status(&self, now: i64) -> Status {
        if self.has(DISABLED) {
            Status::Disabled
        } else if self.has(ONLINE) && self.due > now {
            Status::Registered
        } else if self.has(ONGOING) {
            Status::Ongoing
        } else {
            Status::Waiting
        }
    }

    /// Whether a REGISTER is to be sent now, when that is asked every `interval` seconds.
    pub(super) fn is_due(&mut self, now: i64, interval: i64) -> bool {
        if self.has(DISABLED | ONGOING) || self.expires == 0 {
            return false;
        }
        if !self.has(INIT) {
            if self.made.saturating_add(self.delay.into()) > now {
                return false;
            }
            self.put(INIT, true);
        }
        self.due <= now.saturating_add(interval).saturating_add(MARGIN)
    }

    /// A REGISTER is sent: its CSeq follows that of the last one with the Call-ID, which is made anew unless it is kept.
    pub(super) fn begin(&mut self, now: i64, attempt: u64, keep_call_id: bool) {
        if keep_call_id && !self.call_id.is_empty() && self.cseq < u32::MAX >> 1 {
            self.cseq += 1;
        } else {
            self.call_id = Str::from(format!("{:032x}", rand::random::<u128>()));
            self.cseq = FIRST_CSEQ;
        }
        self.attempt = attempt;
        self.put(INIT | ONGOING, true);
        if !(self.has(ONLINE) && self.due > now) {
            self.put(ONLINE, false);
            self.due = now;
        }
    }

    /// The REGISTER goes once more, with the answer to a challenge.
    pub(super) fn authenticate(&mut self) -> u32 {
        self.put(AUTHENTICATING, true);
        self.cseq += 1;
        self.cseq
    }

    /// A REGISTER is answered. `retry`: seconds to the next attempt after a failure; 0: there is none.
    pub(super) fn end(&mut self, outcome: Outcome, now: i64, retry: u32) {
        self.put(ONGOING | AUTHENTICATING | ONLINE, false);
        match outcome {
            Outcome::Registered(seconds) => {
                self.put(ONLINE, seconds > 0);
                self.due = now.saturating_add(seconds.into());
            }
            Outcome::TooBrief(seconds) => {
                self.expires = seconds;
                self.due = now;
                self.call_id = Str::default();
            }
            Outcome::Failed => {
                self.call_id = Str::default();
                self.due = now.saturating_add(retry.into());
                self.put(DISABLED, self.has(DISABLED) || retry == 0);
            }
        }
    }

    pub(super) fn disable(&mut self, now: i64) {
        self.put(DISABLED, true);
        self.put(ONGOING | AUTHENTICATING, false);
        self.attempt = 0;
        self.due = now;
    }

    pub(super) fn enable(&mut self, now: i64) {
        if self.has(DISABLED) {
            self.put(DISABLED, false);
            self.due = now;
        }
    }
}

/// The seconds that a 2xx grants to a Contact: its own `expires`, else that of the header Expires, else what was asked
/// for. `None`: the reply lists contacts, but not this one.
pub(super) fn granted(contacts: Option<&Contacts>, own: &Str, header: Option<u32>, asked: u32) -> Option<u32> {
    let others = header.unwrap_or(asked);
    let Some(contacts) = contacts.filter(|contacts| !contacts.list.is_empty()) else { return Some(others) };
    let own = Uri::parse(own.clone()).ok()?;
    let found = contacts.list.iter().find(|contact| contact.parsed_uri().is_ok_and(|uri| uri.equals(&own)));
    found.map(|contact| contact.expires().unwrap_or(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let cells: Vec<Cell> = ["1", "bob", "b.example", "rb", "r.example", "", "rb", "secret", "", "sip:192.0.2.1"]
            .into_iter()
            .map(Cell::from)
            .chain([Cell::Int(60), Cell::Int(0), Cell::Int(0), Cell::from(""), Cell::Null])
            .collect();
        Row::from_cells(&cells, &"192.0.2.9:5060".into()).unwrap()
    }

    #[test]
    fn rows_that_make_no_request_are_refused() {
        let wrong = |change: fn(&mut Row)| {
            let mut row = row();
            change(&mut row);
            row.check().unwrap_err()
        };
        assert!(wrong(|row| row.auth_user = "".into()).contains("auth_username is empty"));
        assert!(wrong(|row| row.proxy = "provider".into()).contains("auth_proxy"));
        assert!(wrong(|row| row.uuid = "a>\r\nX: y".into()).contains("l_uuid, contact_addr"));
        assert!(wrong(|row| row.remote_domain = "a b".into()).contains("r_domain"));
        assert!(Row::from_cells(&[Cell::Null], &"x".into()).is_err());
        assert_eq!(row().contact_uri(), "sip:1@192.0.2.9:5060");
    }

    #[test]
    fn a_life() {
        let mut record = Record::new(row(), 1000, 10);
        assert!(!record.is_due(1009, 2));
        assert!(record.is_due(1010, 2));
        record.begin(1010, 1, false);
        assert_eq!((record.status(1010), record.cseq), (Status::Ongoing, 10));
        assert!(!record.is_due(9999, 2), "one at a time");
        assert_eq!(record.authenticate(), 11);
        assert_eq!(record.flags, INIT | ONGOING | AUTHENTICATING);
        record.end(Outcome::Registered(20), 1010, 0);
        assert_eq!((record.flags, record.status(1029), record.status(1030)), (20, Status::Registered, Status::Waiting));
        assert!(!record.is_due(1024, 2));
        assert!(record.is_due(1025, 2));
        let first = record.call_id.clone();
        record.begin(1025, 2, true);
        assert_eq!((record.status(1026), record.cseq, &record.call_id), (Status::Registered, 12, &first));
        record.end(Outcome::TooBrief(90), 1026, 0);
        assert!(record.is_due(1026, 2) && record.expires == 90);
        record.begin(1026, 3, true);
        assert!(record.call_id != first && record.cseq == 10);
        record.end(Outcome::Failed, 1027, 30);
        assert_eq!((record.flags, record.due), (16, 1057));
        record.begin(1057, 4, true);
        record.end(Outcome::Failed, 1057, 0);
        assert_eq!((record.flags, record.status(1057)), (17, Status::Disabled));
        record.enable(1060);
        assert!(record.is_due(1060, 2));
    }

    #[test]
    fn what_is_granted() {
        let own = Str::from("sip:1@192.0.2.9:5060");
        let contacts = |text: &str| Contacts::parse(&text.into()).unwrap();
        let grant = |text: &str, header| granted(Some(&contacts(text)), &own, header, 60);
        assert_eq!(grant("<sip:x@1.1.1.1>;expires=3, <sip:1@192.0.2.9:5060>;expires=15", Some(7)), Some(15));
        assert_eq!(grant("<sip:1@192.0.2.9:5060>", Some(7)), Some(7));
        assert_eq!(grant("<sip:1@192.0.2.9:5060>", None), Some(60));
        assert_eq!(grant("<sip:1@192.0.2.8:5060>;expires=9", Some(7)), None);
        assert_eq!(granted(None, &own, None, 60), Some(60));
    }
}
