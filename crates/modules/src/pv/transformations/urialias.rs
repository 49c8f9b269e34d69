//! `{urialias.*}`: the value of the parameter `alias`, `address~port~protocol number`.

use engine::{Str, Value, transformation};
use sip::{Protocol, Uri};

use super::map;

/// `address~port~protocol` of a SIP URI; `$null` when it is none.
#[transformation("urialias.encode")]
pub(super) fn encode(input: Value) -> Value {
    map(&input, |text| {
        let uri = Uri::parse(text.clone()).ok().filter(|uri| uri.scheme().is_sip())?;
        let protocol = uri.protocol();
        let port = uri.port().unwrap_or(if protocol == Protocol::Tls { 5061 } else { 5060 });
        let mut out = uri.host_bytes().to_vec();
        out.extend_from_slice(format!("~{port}~{}", protocol.number()).as_bytes());
        Some(out)
    })
}

/// The SIP URI of `address~port~protocol`; `$null` when the text has not that form.
#[transformation("urialias.decode")]
pub(super) fn decode(input: Value) -> Value {
    map(&input, |text| {
        let mut parts = text.split(|byte| *byte == b'~');
        let (host, port, number, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
            return None;
        };
        let port: u16 = sip::scan::number(port)?;
        let number: u8 = sip::scan::number(number)?;
        let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.number() == number)?;
        let mut out = b"sip:".to_vec();
        out.extend_from_slice(host);
        out.extend_from_slice(format!(":{port}").as_bytes());
        if protocol != Protocol::Udp {
            out.extend_from_slice(b";transport=");
            out.extend_from_slice(protocol.name().as_bytes());
        }
        // What came from the network must not become anything but a URI.
        let uri = Str::from(out);
        Uri::parse(uri.clone()).is_ok().then_some(uri)
    })
}
