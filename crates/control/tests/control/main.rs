//! The servers with the clients that people use, and the commands on a core of their own.

mod commands;
mod common;
mod fifo_and_datagram;
mod kamcmd;
