//! What tests are made with: a server in memory on a virtual network and clock.
//!
//! [`Bench`] runs one configuration without sockets: the tests of modules use it. Scenarios (Markdown files with
//! messages in and out) are in [`scenario`]. Names come from a [`Zone`].

mod bench;
mod dns;
mod network;
pub mod scenario;

pub use bench::{Bench, Sent};
pub use dns::Zone;
pub use network::VirtualNetwork;
