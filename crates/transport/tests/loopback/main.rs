//! Transports over the loopback interface, and resolving against a name server of our own.

// The helpers are no tests themselves, but only tests use them.
#![allow(clippy::unwrap_used)]

mod common;
mod resolve;
mod tcp;
mod udp;
