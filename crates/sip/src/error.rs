//! What can be wrong with a message, a header value or a URI.

use crate::header::HeaderName;

/// Why bytes are not a SIP message. Offsets count from the start of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There are no bytes, or only line ends.
    #[error("the message is empty")]
    Empty,
    /// The message is larger than 4 GiB, or has more header lines than [`crate::Message::MAX_HEADERS`].
    #[error("the message is too large or has too many headers")]
    TooLarge,
    /// The first line is neither a request line nor a status line (RFC 3261 7.1, 7.2).
    #[error("the first line is not that of a request or reply (offset {offset})")]
    StartLine {
        /// Where the trouble was seen.
        offset: u32,
    },
    /// The version is not `SIP/2.x` (or `HTTP/1.x`).
    #[error("the protocol version is not known (offset {offset})")]
    Version {
        /// Where the version starts.
        offset: u32,
    },
    /// A header line has no colon, or no name before it (RFC 3261 7.3).
    #[error("a header line has no name and colon (offset {offset})")]
    HeaderLine {
        /// Where the line starts.
        offset: u32,
    },
    /// The buffer ends before the empty line that ends the headers (RFC 3261 7).
    #[error("the headers do not end with an empty line")]
    NoEndOfHeaders,
}

/// The value of a header could not be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {} header", name.canonical())]
pub struct HeaderError {
    /// The header whose value is malformed.
    pub name: HeaderName,
}

impl HeaderError {
    /// An error about a header of that name.
    pub const fn new(name: HeaderName) -> Self {
        Self { name }
    }
}

/// Why text is not a URI this server can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It may be a URI, but its scheme is none of `sip`, `sips`, `tel`, `tels`, `urn:service`, `urn:nena`.
    #[error("the URI scheme is not supported")]
    UnknownScheme,
    /// It is not a URI, or breaks the rules of its scheme (RFC 3261 19.1.1, RFC 3966).
    #[error("malformed URI (offset {offset})")]
    Malformed {
        /// Where the trouble was seen.
        offset: u32,
    },
}
