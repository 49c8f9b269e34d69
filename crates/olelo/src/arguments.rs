//! The command line: Kamailio's options, and our subcommands.

use clap::{ArgAction, Args, Parser, Subcommand};

/// A SIP server that runs kamailio.cfg.
#[derive(Parser, Debug)]
#[command(
    name = "olelo",
    disable_version_flag = true,
    args_conflicts_with_subcommands = true,
    after_help = "Without -f the embedded default configuration runs."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Configuration file.
    #[arg(short = 'f', value_name = "FILE")]
    pub(crate) file: Option<String>,
    /// Check the configuration and end; -c twice checks what is found at start too (both do all checks here).
    #[arg(short = 'c', action = ArgAction::Count)]
    pub(crate) check: u8,
    /// Stay in the foreground (-D, -DD); without it the server goes to the background, unless it runs the default
    /// configuration.
    #[arg(short = 'D', action = ArgAction::Count)]
    pub(crate) foreground: u8,
    /// Log to stderr.
    #[arg(short = 'E')]
    pub(crate) log_to_stderr: bool,
    /// Listen on [proto:]address[:port][/advertised]; may repeat. Replaces the `listen` lines of the file.
    #[arg(short = 'l', value_name = "ADDRESS")]
    pub(crate) listen: Vec<String>,
    /// An alias [proto:]host[:port]; may repeat.
    #[arg(long = "alias", value_name = "ALIAS")]
    pub(crate) alias: Vec<String>,
    /// Threads per UDP socket.
    #[arg(short = 'n', value_name = "COUNT")]
    pub(crate) children: Option<usize>,
    /// Define a name for the preprocessor: NAME or NAME=VALUE; may repeat.
    #[arg(short = 'A', value_name = "DEFINE")]
    pub(crate) defines: Vec<String>,
    /// One level more of debugging output; may repeat.
    #[arg(short = 'd', action = ArgAction::Count)]
    pub(crate) debug_more: u8,
    /// Level of debugging output.
    #[arg(long = "debug", value_name = "LEVEL")]
    pub(crate) debug: Option<i64>,
    /// Automatic aliases: yes or no.
    #[arg(short = 'a', value_name = "MODE")]
    pub(crate) auto_aliases: Option<String>,
    /// File to write the process number to.
    #[arg(short = 'P', value_name = "FILE")]
    pub(crate) pid_file: Option<String>,
    /// File to write the process group number to.
    #[arg(short = 'G', value_name = "FILE")]
    pub(crate) group_file: Option<String>,
    /// Working directory.
    #[arg(short = 'w', value_name = "DIRECTORY")]
    pub(crate) working_directory: Option<String>,
    /// Directory for sockets and fifos.
    #[arg(short = 'Y', value_name = "DIRECTORY")]
    pub(crate) runtime_directory: Option<String>,
    /// User to run as.
    #[arg(short = 'u', value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Group to run as.
    #[arg(short = 'g', value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Value of `server_id`.
    #[arg(long = "server-id", value_name = "NUMBER")]
    pub(crate) server_id: Option<i64>,
    /// Name of this instance, `$iuid`: instead of `coreparam[iuid]`.
    #[arg(long = "iuid", value_name = "NAME")]
    pub(crate) iuid: Option<String>,
    /// No TCP.
    #[arg(short = 'T')]
    pub(crate) no_tcp: bool,
    /// Largest UDP receive buffer in bytes.
    #[arg(short = 'b', value_name = "BYTES")]
    pub(crate) receive_buffer: Option<usize>,
    /// Print the version.
    #[arg(short = 'v', visible_short_alias = 'V', long = "version")]
    pub(crate) version: bool,
    #[command(flatten)]
    pub(crate) without_meaning: WithoutMeaning,
}

/// Options that are about processes, memory pools and module files: accepted, and said so once.
#[derive(Args, Debug)]
pub(crate) struct WithoutMeaning {
    /// Accepted without effect: modules are part of the program.
    #[arg(short = 'L', value_name = "PATH")]
    module_path: Option<String>,
    /// Accepted without effect: memory is the system's.
    #[arg(short = 'm', value_name = "MEGABYTES")]
    shared_memory: Option<String>,
    /// Accepted without effect: memory is the system's.
    #[arg(short = 'M', value_name = "MEGABYTES")]
    private_memory: Option<String>,
    /// Accepted without effect: connections need no processes.
    #[arg(short = 'N', value_name = "COUNT")]
    tcp_children: Option<String>,
    /// Accepted without effect: there is no SCTP.
    #[arg(short = 'Q', value_name = "COUNT")]
    sctp_children: Option<String>,
    /// Accepted without effect: memory is the system's.
    #[arg(short = 'x', value_name = "NAME")]
    shared_allocator: Option<String>,
    /// Accepted without effect: memory is the system's.
    #[arg(short = 'X', value_name = "NAME")]
    private_allocator: Option<String>,
    /// Accepted without effect: the program chooses.
    #[arg(short = 'W', value_name = "METHOD")]
    poll_method: Option<String>,
    /// Accepted without effect: the script is always compiled.
    #[arg(short = 'O', value_name = "LEVEL")]
    optimization: Option<String>,
    /// Accepted without effect: there is no SCTP.
    #[arg(short = 'S')]
    no_sctp: bool,
    /// Accepted without effect: lines have no colours of their own.
    #[arg(short = 'e')]
    log_color: bool,
    /// Accepted without effect.
    #[arg(long = "atexit", value_name = "MODE")]
    atexit: Option<String>,
}

impl WithoutMeaning {
    /// The options that were given.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let options = [
            ("-L", &self.module_path),
            ("-m", &self.shared_memory),
            ("-M", &self.private_memory),
            ("-N", &self.tcp_children),
            ("-Q", &self.sctp_children),
            ("-x", &self.shared_allocator),
            ("-X", &self.private_allocator),
            ("-W", &self.poll_method),
            ("-O", &self.optimization),
            ("--atexit", &self.atexit),
        ];
        let given = options.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name);
        given.chain(self.no_sctp.then_some("-S")).chain(self.log_color.then_some("-e")).collect()
    }
}

/// What to do instead of serving.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Check a configuration: no privileges, no sockets, nothing is run.
    Check(Check),
    /// Call an RPC command of a running server, as `kamcmd` does.
    Ctl(Ctl),
    /// Explain codes of mistakes, or list them all.
    Explain(Explain),
    /// Run scenarios (Markdown files).
    Test(Test),
}

/// `olelo check`.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Configuration file.
    pub(crate) file: String,
    /// full, concise, json (one object per line) or sarif.
    #[arg(long, default_value = "full", value_parser = ["full", "concise", "json", "sarif"])]
    pub(crate) format: String,
    /// Exit with 1 when there are warnings.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// What Kamailio has no longer (modules such as `mi_fifo`, parameters) is an error.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Instead of mistakes: which modules, functions, parameters and variables of the file exist here, differ, or are
    /// missing; as text, or JSON with `--format json`.
    #[arg(long)]
    pub(crate) report: bool,
    /// Print something of the checked configuration: `program`.
    #[arg(long, value_parser = ["program"])]
    pub(crate) emit: Option<String>,
    /// Define a name for the preprocessor: NAME or NAME=VALUE; may repeat.
    #[arg(short = 'A', value_name = "DEFINE")]
    pub(crate) defines: Vec<String>,
}

/// `olelo ctl`.
#[derive(Args, Debug)]
pub(crate) struct Ctl {
    /// Address of the server's control socket: unix:/path, tcp:host:port or udp:host:port.
    #[arg(short = 's', default_value = "unix:/var/run/kamailio/kamailio_ctl")]
    pub(crate) socket: String,
    /// Command and arguments; numbers are sent as numbers, `s:5` as the text 5.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}

/// `olelo explain`.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// Codes such as E0101; without any: a list of all.
    #[arg(value_name = "CODE")]
    pub(crate) codes: Vec<String>,
}

/// `olelo test`.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Scenario files or folders.
    #[arg(required = true)]
    pub(crate) paths: Vec<String>,
}

/// `NAME` or `NAME=VALUE` of -A.
pub(crate) fn define(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}
