//! The parameters of module `usrloc`.

use engine::{DbName, Params, Str};

/// The parameters of module `usrloc`.
#[derive(Params)]
pub struct UsrlocParams {
    /// Branch flag of contacts behind an address translator, 0 to 31; -1: none.
    #[param(default = -1)]
    pub nat_bflag: i64,
    /// 1: the domain is part of the address of record; 0: only the user name is.
    #[param(default = false)]
    pub use_domain: bool,
    /// 1: the newest contact comes first; 0: the one with the highest q.
    #[param(default = false)]
    pub desc_time_order: bool,
    /// Seconds between two searches for contacts that ended, and between two rounds of keep-alives.
    #[param(default = 60)]
    pub timer_interval: i64,
    /// Seconds that a contact that ended is kept before the timer removes it; it is not found meanwhile.
    #[param(default = 0)]
    pub rm_expired_delay: i64,
    /// Kamailio's number of timer processes. Accepted so that configurations load; here the timer is a task.
    #[param(default = 0)]
    pub timer_procs: i64,
    /// The database, in a `db_mode` above 0.
    #[param(default = "mysql://kamailio:kamailiorw@localhost/kamailio".into())]
    pub db_url: String,
    /// Where contacts are: 0 in memory; 1 in memory and database, a REGISTER is answered when the database has it; 2 in
    /// memory, written to the database each `timer_interval` and at the end; 3 in the database, which is asked each time;
    /// 4 in memory, read from the database at the start and never written.
    ///
    /// A database that fails: in mode 1 the REGISTER is answered 500, the contact is in memory all the same and is written by the
    /// timer later; in mode 2 the timer tries again later.
    #[param(default = 0)]
    pub db_mode: i64,
    /// 0: nothing is read from the database at the start; `db_mode` 4 reads in any case.
    #[param(default = true)]
    pub db_load: bool,
    /// Rows that are read at a time at the start; 0: all.
    #[param(default = 2000)]
    pub fetch_rows: u32,
    /// 1: the rows of a contact are found by its unique id; 0: by address of record and URI, and Call-ID or Path as
    /// `matching_mode` has it.
    #[param(default = true)]
    pub db_ops_ruid: bool,
    /// 1: changes are written as insertions that replace a row with the same unique id. With `db_ops_ruid` 1 they always are.
    #[param(default = false)]
    pub db_update_as_insert: bool,
    /// 1: a changed contact that the database has no row of is inserted. With `db_ops_ruid` 1 it always is.
    #[param(default = false)]
    pub db_check_update: bool,
    /// 1: with MySQL an insertion also replaces a row that any other unique index of the table says is the same. A row
    /// with the same unique id is always replaced.
    #[param(default = false)]
    pub db_insert_update: bool,
    /// Has no effect: columns without a value are always written, as `NULL`.
    #[param(default = false)]
    pub db_insert_null: bool,
    /// What the columns of times are: 0 dates, 1 whole numbers (seconds since 1970).
    #[param(default = 0)]
    pub expires_type: i64,
    /// Has no effect: it chooses between two ways to write a query that is not needed here.
    #[param(default = 0)]
    pub db_raw_fetch_type: i64,
    /// Has no effect: the contacts are in memory before the first message is read. Kamailio: which process reads them.
    #[param(default = 1)]
    pub load_rank: i64,
    /// 1: rows whose local socket is none of ours are not read at the start.
    #[param(default = false)]
    pub skip_remote_socket: bool,
    /// 1: the timer removes all rows of ended contacts, whoever wrote them, also in `db_mode` 1 and 2 (mode 3 always does).
    #[param(default = false)]
    pub db_timer_clean: bool,
    /// 1: rows of contacts that registered over a connection are removed at the start (`db_mode` 4: not read).
    #[param(default = false)]
    pub db_clean_tcp: bool,
    /// 1: only rows of this server (`server_id`) are read at the start and removed when they ended.
    #[param(default = false)]
    pub server_id_filter: bool,
    /// 0: the version of the table is not checked at the start.
    #[param(default = true)]
    pub version_table: bool,
    /// Column with user names.
    #[param(default = "username".into())]
    pub user_column: DbName,
    /// Column with domains (`use_domain` 1).
    #[param(default = "domain".into())]
    pub domain_column: DbName,
    /// Column with URIs of contacts.
    #[param(default = "contact".into())]
    pub contact_column: DbName,
    /// Column with the ends of bindings.
    #[param(default = "expires".into())]
    pub expires_column: DbName,
    /// Column with preferences; -1: none.
    #[param(default = "q".into())]
    pub q_column: DbName,
    /// Column with Call-IDs.
    #[param(default = "callid".into())]
    pub callid_column: DbName,
    /// Column with CSeq numbers.
    #[param(default = "cseq".into())]
    pub cseq_column: DbName,
    /// Column with the methods that a contact takes, a sum; `NULL`: not known.
    #[param(default = "methods".into())]
    pub methods_column: DbName,
    /// Column with internal flags.
    #[param(default = "flags".into())]
    pub flags_column: DbName,
    /// Column with branch flags.
    #[param(default = "cflags".into())]
    pub cflags_column: DbName,
    /// Column with User-Agents.
    #[param(default = "user_agent".into())]
    pub user_agent_column: DbName,
    /// Column with source addresses.
    #[param(default = "received".into())]
    pub received_column: DbName,
    /// Column with local sockets.
    #[param(default = "socket".into())]
    pub socket_column: DbName,
    /// Column with Paths.
    #[param(default = "path".into())]
    pub path_column: DbName,
    /// Column with unique ids.
    #[param(default = "ruid".into())]
    pub ruid_column: DbName,
    /// Column with instances.
    #[param(default = "instance".into())]
    pub instance_column: DbName,
    /// Column with `reg-id`s.
    #[param(default = "reg_id".into())]
    pub reg_id_column: DbName,
    /// Column with the `server_id` of the server that stored a contact.
    #[param(default = "server_id".into())]
    pub server_id_column: DbName,
    /// Column with numbers of connections; -1: none.
    #[param(default = "connection_id".into())]
    pub connection_id_column: DbName,
    /// Column with 1 for contacts with `nat_bflag`.
    #[param(default = "keepalive".into())]
    pub keepalive_column: DbName,
    /// Column with 0: Kamailio spreads keep-alives by it.
    #[param(default = "partition".into())]
    pub partition_column: DbName,
    /// What makes two registrations the same binding: 0 the URI, 1 URI and Call-ID, 2 URI and Path, 3 the Call-ID. A
    /// contact with an instance is always found by that and its reg-id.
    #[param(default = 0)]
    pub matching_mode: i64,
    /// Seconds in which a REGISTER with the same Call-ID and CSeq counts as a retransmission: it is answered and
    /// changes nothing. 0: it is an error at once.
    #[param(default = 20)]
    pub cseq_delay: i64,
    /// The hash size that `ul.dump` shows is 2 to the power of this. The table itself grows as needed.
    #[param(default = 10)]
    pub hash_size: i64,
    /// A table that no function of the configuration names; may be given several times.
    pub preload: Vec<String>,
    /// Name of the xavp that is stored with a contact and restored when it is looked up.
    pub xavp_contact: Option<Str>,
    /// 1: a contact that registered over a connection ends with the connection.
    #[param(default = false)]
    pub handle_lost_tcp: bool,
    /// 1: the connection of a contact is closed when the contact expires.
    #[param(default = false)]
    pub close_expired_tcp: bool,
    /// Which contacts are pinged: 0 none; sum of 1 all, 2 only those with `nat_bflag`, 4 only over UDP.
    #[param(default = 0)]
    pub ka_mode: i64,
    /// Method of the pings.
    #[param(default = "OPTIONS".into())]
    pub ka_method: Str,
    /// From URI of the pings.
    #[param(default = "sip:server@kamailio.org".into())]
    pub ka_from: Str,
    /// Domain in the To header of the pings when addresses of record have none (`use_domain` 0).
    #[param(default = "kamailio.org".into())]
    pub ka_domain: Str,
    /// 1: only contacts that this server (`server_id`) stored are pinged.
    #[param(default = 0)]
    pub ka_filter: i64,
    /// A pinged contact that was silent for so many seconds is removed; 0: never.
    #[param(default = 0)]
    pub ka_timeout: u32,
    /// Seconds between two pings of a contact.
    #[param(default = 40)]
    pub ka_interval: u32,
    /// Up to so many random seconds are added to `ka_interval`, to spread the load.
    #[param(default = 20)]
    pub ka_randomize: u32,
    /// Log level (-5 to 3) of a line for each answered ping; 255: none.
    #[param(default = 255)]
    pub ka_loglevel: i64,
    /// What follows "keepalive roundtrip: .. sec - ruid [..]" in that line; variables of the reply are replaced.
    #[param(default = " to-uri: [$tu] remote-addr: [$sas]".into())]
    pub ka_logmsg: Str,
    /// Codes or classes of replies that count as an answer: `2,405,486`; `0`: all.
    #[param(default = "0".into())]
    pub ka_reply_codes: Str,
}
