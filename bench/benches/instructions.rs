//! Instructions per message, counted by valgrind: the same on a busy machine. `cargo xtask count` runs it.
//!
//! `message`: a message goes as text into a server in memory and its route ends with `drop`; `empty_route` is what that
//! costs without any statement, so the difference is the statements' own. `workload`: one unit of the workloads in
//! `beside/`. Only what the server does is counted: `bench::play` marks it.
#![allow(missing_docs, reason = "the macros make items without docs")]

use std::hint::black_box;

use bench::play::{CALLER, Player, Server, Workload, counted_message};
use bench::{INVITE, REGEX, REQUEST_URI, THIRTY, configuration};
use gungraun::{Callgrind, EntryPoint, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use sip::{Message, Str};

/// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A text that was parsed before, so that nothing is done for the first time.
fn text() -> Str {
    let text = Str::from(INVITE);
    black_box(Message::parse(text.clone()).ok());
    text
}

/// A server that has seen the message before.
fn server(body: &str) -> Server {
    let server = Server::new(&configuration(body));
    server.receive(CALLER, Str::from(INVITE));
    server
}

#[library_benchmark]
#[bench::invite(setup = text)]
fn parse(text: Str) -> Option<Message> {
    black_box(Message::parse(black_box(text)).ok())
}

fn marked() -> LibraryBenchmarkConfig {
    let mark = EntryPoint::Custom("*bench::play::counted_*".to_owned());
    LibraryBenchmarkConfig::default().tool(Callgrind::default().entry_point(mark)).clone()
}

#[library_benchmark(setup = server, config = marked())]
#[bench::empty_route("")]
#[bench::thirty_statements(THIRTY)]
#[bench::request_uri(REQUEST_URI)]
#[bench::regex(REGEX)]
fn message(server: Server) -> Server {
    black_box(counted_message(&server, CALLER, Str::from(INVITE)));
    server
}

#[library_benchmark(setup = Player::new, config = marked())]
#[bench::options(Workload::OPTIONS)]
#[bench::register(Workload::REGISTER)]
#[bench::register_digest(Workload::REGISTER_DIGEST)]
#[bench::call(Workload::CALL)]
fn workload(player: Player) -> Player {
    player.play()
}

library_benchmark_group!(name = units, benchmarks = [parse, message, workload]);
main!(library_benchmark_groups = units);
