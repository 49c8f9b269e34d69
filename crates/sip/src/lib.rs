//! SIP messages as data: parse, look at, edit, print. No I/O, no clock, no async, no logging.
//!
//! Start reading at [`Message`]: one received buffer and the positions of its headers. One pass over the buffer
//! finds the header boundaries; a value is parsed when it is first asked for, and kept. Values are [`Str`]s, counted
//! slices of the received buffer, so nothing is copied until something is edited.
//!
//! * [`header`]: one SIP header per file (struct, parse, print).
//! * [`Uri`]: `sip:`, `sips:`, `tel:`, `urn:`.
//! * [`Edits`]: queued changes, applied when a message is printed ([`Message::print`]) or on request
//!   ([`Message::apply_edits`]).
//! * [`ReplyBuilder`]: a reply to a request.
//! * [`framing`]: cuts a byte stream into messages and keep-alives.
//! * [`sdp`], [`multipart`], [`digest`]: bodies and credentials.
//!
//! This crate must never panic, whatever bytes it is given, and never allocates for a header nobody asks for.

mod block;
pub mod digest;
mod edit;
mod error;
pub mod framing;
pub mod header;
mod message;
mod method;
pub mod multipart;
mod print;
mod protocol;
mod reply;
pub mod scan;
pub mod sdp;
mod str;
mod uri;
pub mod write;

pub use edit::{Addresses, Condition, Dynamic, Edit, EditId, Edits, Endpoint, Insert, Mark, Position, Queued};
pub use error::{HeaderError, ParseError, UriError};
pub use framing::{Frame, Framer, FramingError, Limits};
pub use header::{
    CSeq, Challenge, ContactValue, Contacts, ContentType, Credentials, Event, HeaderName, MethodList, NameAddr,
    OptionTags, Param, Params, RAck, RetryAfter, Rport, Transport, Via,
};
pub use message::{Header, Message, StartLine};
pub use method::Method;
pub use print::{ContentLength, PrintOptions, ViaAddition};
pub use protocol::Protocol;
pub use reply::ReplyBuilder;
pub use str::Str;
pub use uri::{Scheme, Uri, escape};
