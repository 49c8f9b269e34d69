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
    /// Show, add and remove addresses that modules such as `permissions` trust (table `address`).
    Address(Address),
    /// Check a configuration: no privileges, no sockets, nothing is run.
    Check(Check),
    /// Create, change, show and copy the tables of a database.
    Db(Db),
    /// Call an RPC command of a running server, as `kamcmd` does.
    Ctl(Ctl),
    /// Explain codes of mistakes, or list them all.
    Explain(Explain),
    /// Show which contacts are registered at a running server.
    Location(Location),
    /// Print the OPc of a SIM card for `aka_challenge()`: from the operator's OP and the card's key K (3GPP TS 35.206).
    Opc(Opc),
    /// Run scenarios (Markdown files).
    Test(Test),
    /// Show, add and remove users and their passwords (table `subscriber`).
    User(User),
}

/// Which database a command works on, and how it answers.
#[derive(Args, Debug)]
pub(crate) struct Where {
    /// The database: `sqlite:///path/to/file`, `mysql://user:password@host/name`, .. Without it the one that the
    /// environment variable OLELO_DB names, else that of the default configuration.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) db: Option<String>,
    /// A JSON object per line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// `olelo user`.
#[derive(Args, Debug)]
pub(crate) struct User {
    #[command(subcommand)]
    pub(crate) task: UserTask,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// What to do with users. DOMAIN is the realm that the configuration asks for, `olelo` in the default configuration.
#[derive(Subcommand, Debug)]
pub(crate) enum UserTask {
    /// Add a user; the password is asked for, or read from stdin (one line).
    Add {
        /// NAME or NAME@DOMAIN.
        user: String,
        #[command(flatten)]
        stored: Stored,
    },
    /// List the users.
    List,
    /// Change a user's password; the new one is asked for, or read from stdin (one line).
    Passwd {
        /// NAME or NAME@DOMAIN.
        user: String,
        #[command(flatten)]
        stored: Stored,
    },
    /// Remove a user.
    Remove {
        /// NAME or NAME@DOMAIN.
        user: String,
    },
}

/// What is stored of a password.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Stored {
    /// Store the password itself, too (`calculate_ha1` of module auth_db wants it); without it only its hashes.
    #[arg(long)]
    pub(crate) plaintext: bool,
    /// Store SHA-256 hashes, for the parameter `algorithm` of module auth; without it MD5.
    #[arg(long)]
    pub(crate) sha256: bool,
}

/// `olelo address`.
#[derive(Args, Debug)]
pub(crate) struct Address {
    #[command(subcommand)]
    pub(crate) task: AddressTask,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// What to do with addresses.
#[derive(Subcommand, Debug)]
pub(crate) enum AddressTask {
    /// Add an address, a network or a domain name to a group.
    Add {
        /// Number of the group.
        #[arg(value_parser = clap::value_parser!(u32).range(1..))]
        group: u32,
        /// IP address, network (ADDRESS/MASK) or domain name.
        address: String,
        /// Only this port of it; 0: any.
        #[arg(long, value_name = "N", default_value_t = 0)]
        port: u16,
        /// What scripts get to see when it matches (`tag_col`, `peer_tag_avp`).
        #[arg(long, value_name = "TEXT")]
        tag: Option<String>,
    },
    /// List the addresses.
    List,
    /// Remove an address from a group.
    Remove {
        /// Number of the group.
        group: u32,
        /// As it was added.
        address: String,
        /// The port it was added with.
        #[arg(long, value_name = "N", default_value_t = 0)]
        port: u16,
    },
}

/// `olelo location`.
#[derive(Args, Debug)]
pub(crate) struct Location {
    /// Only the contacts of this address of record: `106` or `106@example.com`.
    pub(crate) aor: Option<String>,
    /// Address of the server's control socket; without it /var/run/kamailio/kamailio_ctl, or /tmp/olelo_ctl, which the
    /// default configuration has.
    #[arg(short = 's', value_name = "SOCKET")]
    pub(crate) socket: Option<String>,
    /// The table of contacts, as in `save("location")`; with an AOR only.
    #[arg(long, value_name = "NAME", default_value = "location")]
    pub(crate) table: String,
    /// A JSON object per line.
    #[arg(long)]
    pub(crate) json: bool,
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

/// `olelo db`.
#[derive(Args, Debug)]
pub(crate) struct Db {
    #[command(subcommand)]
    pub(crate) task: DbTask,
}

/// What to do with a database. A URL is that of `db_url`: `sqlite:///path/to/file`, `mysql://user:password@host/name`,
/// `postgres://user:password@host/name` or `text:///path/to/folder`.
#[derive(Subcommand, Debug)]
pub(crate) enum DbTask {
    /// Create the tables that are missing, and the database itself where the server has none of that name.
    Create {
        /// The database.
        url: String,
    },
    /// Add the columns that tables lack, and correct their versions.
    Upgrade {
        /// The database.
        url: String,
    },
    /// Show which tables there are, and whether they are as wanted; or the rows of one.
    Show {
        /// The database.
        url: String,
        /// A table: its rows are shown.
        table: Option<String>,
        /// A JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Print SQL that makes the same tables with the same rows.
    Dump {
        /// The database.
        url: String,
        /// In the words of another server: sqlite, mysql or postgres.
        #[arg(long)]
        to: Option<String>,
    },
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

/// `olelo opc`. With `-` a key does not show in the list of processes.
#[derive(Args)]
pub(crate) struct Opc {
    /// OP of the operator: 32 hexadecimal digits; `-`: a line of stdin.
    #[arg(long, value_name = "OP", allow_hyphen_values = true)]
    pub(crate) op: String,
    /// Key K of the card: 32 hexadecimal digits; `-`: a line of stdin, behind that of OP.
    #[arg(long, value_name = "K", allow_hyphen_values = true)]
    pub(crate) k: String,
}

impl std::fmt::Debug for Opc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opc { .. }")
    }
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
