//! The server's program: arguments, then one of `serve` and the subcommands.

/// Writes a line to stdout. Whoever reads it may have gone (`olelo test .. | head`): that is no error.
macro_rules! say {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($argument)*);
    }};
}

mod arguments;
mod commands;
mod listen;
mod offer;
mod report;
mod serve;
mod state;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

/// The allocator. It gives again first what was freed last, and memory of a burst stays for the next one.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.command {
        Some(Command::Address(address)) => commands::address::run(address),
        Some(Command::Check(check)) => commands::check::run(check, &arguments),
        Some(Command::Ctl(ctl)) => commands::ctl::run(ctl),
        Some(Command::Db(db)) => commands::db::run(db),
        Some(Command::Explain(explain)) => commands::explain::run(explain),
        Some(Command::Location(location)) => commands::location::run(location),
        Some(Command::Opc(opc)) => commands::opc::run(opc),
        Some(Command::Test(test)) => commands::test::run(test),
        Some(Command::User(user)) => commands::user::run(user),
        None if arguments.version => commands::version::run(),
        None if arguments.check > 0 => commands::check::run_as_kamailio(&arguments),
        None => serve::run(&arguments),
    }
}
