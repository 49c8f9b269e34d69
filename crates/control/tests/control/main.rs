//! The servers with the clients that people use, and the commands on a core of their own.

// The helpers are no tests themselves, but only tests use them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod commands;
mod common;
mod fifo_and_datagram;
mod kamcmd;
