//! Instructions per message, counted by valgrind: the same on a busy machine. `cargo xtask count` runs it.
//!
//! The routes run in a server in memory: a message goes in as text and its route ends with `drop`; `empty_route` is what
//! that costs without any statement, so the difference is the statements' own.
#![allow(missing_docs, reason = "the macros make items without docs")]

use std::hint::black_box;

use bench::{INVITE, REGEX, REQUEST_URI, THIRTY, configuration};
use gungraun::{library_benchmark, library_benchmark_group, main};
use sip::{Message, Str};
use testkit::Bench;

/// A server that has seen the message before, so that nothing is done for the first time.
fn server(body: &str) -> Bench {
    let server = Bench::new(&configuration(body), modules::MODULES).expect("the configuration has no mistakes");
    server.receive(INVITE);
    server
}

#[library_benchmark]
#[bench::invite(Str::from(INVITE))]
fn parse(text: Str) -> Option<Message> {
    black_box(Message::parse(black_box(text)).ok())
}

#[library_benchmark(setup = server)]
#[bench::empty_route("")]
#[bench::thirty_statements(THIRTY)]
#[bench::request_uri(REQUEST_URI)]
#[bench::regex(REGEX)]
fn message(server: Bench) -> Bench {
    black_box(server.receive(black_box(INVITE)));
    server
}

library_benchmark_group!(name = units, benchmarks = [parse, message]);
main!(library_benchmark_groups = units);
