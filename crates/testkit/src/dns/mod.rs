//! Names in tests: a zone written as text, a source for the resolver of a server in memory, and a small name server for
//! real processes.

mod server;
mod source;
mod zone;

pub(crate) use server::Server;
pub(crate) use source::ZoneSource;
pub(crate) use zone::SharedZone;
pub use zone::Zone;
