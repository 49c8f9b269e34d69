//! Contact (RFC 3261 20.10): where a user can be reached.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::header::NameAddr;
use crate::{Str, scan};

/// All Contact headers of a message together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    /// Whether the value is `*`: forget all bindings (RFC 3261 10.2.2).
    pub star: bool,
    /// The addresses in order.
    pub list: SmallVec<[ContactValue; 1]>,
}

/// One address of a Contact header with the parameters a registrar reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactValue {
    /// The address.
    pub address: NameAddr,
}

impl Contacts {
    /// Adds the value of one Contact header. `None` when malformed.
    pub(crate) fn add(&mut self, text: Str) -> Option<()> {
        if scan::trim(&text) == b"*" {
            self.star = true;
            return Some(());
        }
        scan::for_each_value(text, |value| {
            self.list.push(ContactValue::parse(value)?);
            Some(())
        })
    }

    /// Parses the value of one Contact header. `None` when malformed.
    pub fn parse(text: &Str) -> Option<Self> {
        let mut contacts = Self::default();
        contacts.add(text.clone())?;
        Some(contacts)
    }
}

impl ContactValue {
    /// Parses one address. `None` when malformed.
    pub fn parse(text: Str) -> Option<Self> {
        NameAddr::parse(text).map(|address| Self { address })
    }

    /// The preference in thousandths, 0 to 1000 (RFC 3261 20.10); `None` when missing or malformed.
    pub fn q(&self) -> Option<u16> {
        parse_q(self.address.params.find("q")?.value?)
    }

    /// How many seconds the binding lasts; `None` when missing or malformed (RFC 3261 10.3 says 3600 then).
    pub fn expires(&self) -> Option<u32> {
        self.address.params.number("expires")
    }

    /// The name of the device (RFC 5626 4.1), quotes removed.
    pub fn instance(&self) -> Option<Str> {
        self.address.params.get("+sip.instance")
    }

    /// The number of the flow (RFC 5626 4.2).
    pub fn reg_id(&self) -> Option<u32> {
        self.address.params.number("reg-id")
    }

    /// The source address as an edge proxy saw it (Kamailio's `received` parameter), quotes removed.
    pub fn received(&self) -> Option<Str> {
        self.address.params.get("received")
    }

    /// The methods the device accepts (RFC 3840), quotes removed.
    pub fn methods(&self) -> Option<Str> {
        self.address.params.get("methods")
    }

    /// Whether the address is to be used for outbound flows: `ob` in the URI (RFC 5626 5.4) or the header.
    pub fn ob(&self) -> bool {
        self.address.params.has("ob") || self.address.parsed_uri().is_ok_and(|uri| uri.has_param("ob"))
    }
}

impl Deref for ContactValue {
    type Target = NameAddr;

    fn deref(&self) -> &NameAddr {
        &self.address
    }
}

/// A `qvalue` in thousandths: `0`, `0.5`, `1.000`, `.5`.
fn parse_q(text: &[u8]) -> Option<u16> {
    let dot = memchr::memchr(b'.', text).unwrap_or(text.len());
    let whole: u16 = if dot == 0 && text.len() > 1 { 0 } else { scan::number(&text[..dot])? };
    let mut value = whole.checked_mul(1000)?;
    let mut weight = 100;
    for &byte in text.get(dot + 1..).unwrap_or_default() {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_add(u16::from(byte - b'0') * weight)?;
        weight /= 10;
    }
    (value <= 1000).then_some(value)
}

impl fmt::Display for ContactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address, f)
    }
}

impl fmt::Display for Contacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.star {
            return f.write_str("*");
        }
        for (index, contact) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            fmt::Display::fmt(contact, f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_and_params() {
        let text = Str::from(
            "\"Mr. W\" <sip:w@pc>;q=0.7; expires=3600,<sip:w@bell;ob>;+sip.instance=\"<urn:uuid:1>\";reg-id=2",
        );
        let contacts = Contacts::parse(&text).unwrap();
        assert_eq!(contacts.list.len(), 2);
        assert_eq!(contacts.list[0].q(), Some(700));
        assert_eq!(contacts.list[0].expires(), Some(3600));
        assert!(!contacts.list[0].ob());
        assert_eq!(contacts.list[1].instance().unwrap(), "<urn:uuid:1>");
        assert_eq!(contacts.list[1].reg_id(), Some(2));
        assert!(contacts.list[1].ob());
        assert!(Contacts::parse(&Str::from(" * ")).unwrap().star);
        assert!(Contacts::parse(&Str::from("<sip:a")).is_none());
    }

    #[test]
    fn q_values() {
        for (text, value) in
            [("1", 1000), ("0", 0), ("0.5", 500), ("1.000", 1000), (".25", 250), ("0.1234", 123), ("0.", 0)]
        {
            assert_eq!(parse_q(text.as_bytes()), Some(value), "{text}");
        }
        for bad in ["", ".", "1.1", "2", "x", "0.x", "-1"] {
            assert_eq!(parse_q(bad.as_bytes()), None, "{bad}");
        }
    }
}
