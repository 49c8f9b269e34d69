//! Transports over the loopback interface, and resolving against a name server of our own.

mod common;
mod resolve;
mod tcp;
mod udp;
