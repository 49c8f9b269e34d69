//! URIs: `sip:` and `sips:` (RFC 3261 19.1), `tel:` (RFC 3966), `urn:service:` and `urn:nena:` (RFC 5031).

mod compare;
mod edit;
pub mod escape;
mod parse;

use std::fmt;

use crate::header::{Param, Params};
use crate::{Protocol, Str, UriError, scan};

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// `tels:` (never standardised; Kamailio knows it)
    Tels,
    /// `urn:service:` or `urn:nena:`
    Urn,
}

impl Scheme {
    /// The name without colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sip => "sip",
            Self::Sips => "sips",
            Self::Tel => "tel",
            Self::Tels => "tels",
            Self::Urn => "urn",
        }
    }

    /// Whether this is `tel` or `tels`.
    pub const fn is_tel(self) -> bool {
        matches!(self, Self::Tel | Self::Tels)
    }

    /// Whether this is `sip` or `sips`.
    pub const fn is_sip(self) -> bool {
        matches!(self, Self::Sip | Self::Sips)
    }
}

/// A part of the URI's text: start and end.
type Part = (u16, u16);

/// A URI taken apart. Parts are positions in the text; asking for one shares the text and copies nothing.
///
/// Of a `tel:` URI the number is the user and the host is empty. Of `urn:service:sos` the user is `service` and the host
/// `sos`.
#[derive(Clone)]
pub struct Uri {
    text: Str,
    scheme: Scheme,
    user: Option<Part>,
    password: Option<Part>,
    host: Part,
    port_text: Option<Part>,
    port: Option<u16>,
    params: Part,
    headers: Part,
}

impl Uri {
    /// Takes a URI apart. No white space, brackets or display name may be around it.
    ///
    /// # Errors
    ///
    /// [`UriError::UnknownScheme`] when the text begins like a URI of another scheme, else [`UriError::Malformed`].
    pub fn parse(text: Str) -> Result<Self, UriError> {
        parse::parse(text)
    }

    /// The URI as written.
    pub fn text(&self) -> &Str {
        &self.text
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn bytes(&self, part: Part) -> &[u8] {
        self.text.get(usize::from(part.0)..usize::from(part.1)).unwrap_or_default()
    }

    fn part(&self, part: Part) -> Str {
        self.text.slice(usize::from(part.0)..usize::from(part.1))
    }

    /// The user (of `tel:` the number), escapes as written; `None` when there is no `@`.
    pub fn user(&self) -> Option<Str> {
        self.user.map(|part| self.part(part))
    }

    /// The password, escapes as written.
    pub fn password(&self) -> Option<Str> {
        self.password.map(|part| self.part(part))
    }

    /// The host; an IPv6 address has its brackets; empty for `tel:`.
    pub fn host(&self) -> Str {
        self.part(self.host)
    }

    /// The host as bytes: no reference is counted.
    pub fn host_bytes(&self) -> &[u8] {
        self.bytes(self.host)
    }

    /// The user as bytes: no reference is counted.
    pub fn user_bytes(&self) -> Option<&[u8]> {
        self.user.map(|part| self.bytes(part))
    }

    /// The port, when one is written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port as written; empty when there is none.
    pub fn port_text(&self) -> Str {
        self.port_text.map(|part| self.part(part)).unwrap_or_default()
    }

    /// The port, or the default of scheme and transport (RFC 3261 19.1.2).
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or_else(|| self.protocol().default_port())
    }

    /// The protocol the URI itself names: `transport`, or TLS for `sips:`, or UDP. Names are not resolved here.
    pub fn protocol(&self) -> Protocol {
        let named = self.find_param("transport").and_then(|param| Protocol::from_name(param.value?));
        match (self.scheme, named) {
            (Scheme::Sips, None | Some(Protocol::Udp | Protocol::Tcp)) => Protocol::Tls,
            (Scheme::Sips, Some(Protocol::Ws)) => Protocol::Wss,
            (_, named) => named.unwrap_or(Protocol::Udp),
        }
    }

    /// The parameters as written, without the first `;`.
    pub fn params_text(&self) -> Str {
        self.part(self.params)
    }

    /// The headers as written, without the `?`.
    pub fn headers_text(&self) -> Str {
        self.part(self.headers)
    }

    /// The parameters as a list.
    pub fn params(&self) -> Params {
        Params::split(self.params_text(), b';')
    }

    /// The headers as a list of names and values.
    pub fn headers(&self) -> Params {
        Params::split(self.headers_text(), b'&')
    }

    /// The parameters one after the other, without building a list.
    pub fn iter_params(&self) -> impl Iterator<Item = Param<'_>> {
        split_params(self.bytes(self.params), b';')
    }

    /// The first parameter called `name` (letters of either case).
    pub fn find_param(&self, name: impl AsRef<[u8]>) -> Option<Param<'_>> {
        let name = name.as_ref();
        self.bytes(self.params).split(|&byte| byte == b';').find_map(|piece| {
            let (own, rest) = piece.split_at_checked(name.len()).filter(|_| !piece.is_empty())?;
            let value = match rest {
                [] => None,
                [b'=', value @ ..] => Some(value),
                _ => return None,
            };
            own.eq_ignore_ascii_case(name).then_some(Param { name: own, value })
        })
    }

    /// The value of the parameter called `name`; the empty text when it has none; `None` when it is missing.
    pub fn param(&self, name: impl AsRef<[u8]>) -> Option<Str> {
        self.find_param(name).map(|param| self.text.slice_ref(param.value.unwrap_or_default()))
    }

    /// Whether there is a parameter called `name`.
    pub fn has_param(&self, name: impl AsRef<[u8]>) -> bool {
        self.find_param(name).is_some()
    }

    /// The `transport` parameter.
    pub fn transport(&self) -> Option<Str> {
        self.param("transport")
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<Str> {
        self.param("maddr")
    }

    /// Whether the URI has the `lr` parameter of loose routers (RFC 3261 19.1.1).
    pub fn is_loose_route(&self) -> bool {
        self.has_param("lr")
    }

    /// Whether the URI has the `gr` parameter of GRUUs (RFC 5627).
    pub fn is_gruu(&self) -> bool {
        self.has_param("gr")
    }
}

/// Parameters of `bytes`; empty ones are left out.
fn split_params(bytes: &[u8], separator: u8) -> impl Iterator<Item = Param<'_>> {
    bytes.split(move |&byte| byte == separator).filter(|piece| !piece.is_empty()).map(|piece| {
        match scan::find_byte(piece, 0, b'=') {
            at if at < piece.len() => Param { name: &piece[..at], value: Some(&piece[at + 1..]) },
            _ => Param { name: piece, value: None },
        }
    })
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text, f)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uri")
            .field("scheme", &self.scheme)
            .field("user", &self.user())
            .field("password", &self.password())
            .field("host", &self.host())
            .field("port", &self.port)
            .field("params", &self.params_text())
            .field("headers", &self.headers_text())
            .finish()
    }
}
