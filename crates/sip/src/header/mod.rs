//! Headers, one per file: what the value is, how it is parsed and printed.
//!
//! A parser takes the value (without name and colon) as a [`crate::Str`] and answers with slices of it. `None` means
//! malformed; [`crate::Message`]'s getters turn that into a [`crate::HeaderError`] that names the header.
//! Parsers are lenient as Kamailio is: what has only one sensible reading is accepted.

mod allow;
mod contact;
mod content_type;
mod credentials;
mod cseq;
mod event;
mod name;
mod name_addr;
mod option_tags;
mod params;
mod rack;
mod retry_after;
mod via;

pub use allow::MethodList;
pub use contact::{ContactValue, Contacts};
pub use content_type::ContentType;
pub use credentials::{Challenge, Credentials};
pub use cseq::CSeq;
pub use event::Event;
pub use name::HeaderName;
pub(crate) use name::NameSet;
pub use name_addr::NameAddr;
pub use option_tags::OptionTags;
pub use params::{Param, Params};
pub use rack::RAck;
pub use retry_after::RetryAfter;
pub use via::{Rport, Transport, Via};
