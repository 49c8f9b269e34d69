//! The parameters of module `dispatcher`.

use engine::{DbName, Params, Str};

/// Only the user of a URI is hashed.
pub(super) const HASH_USER: i64 = 1;
/// The further destinations of a set are kept for `ds_next_dst()`.
pub(super) const FAILOVER: i64 = 2;

/// The parameters of module `dispatcher`.
#[derive(Params)]
pub struct DispatcherParams {
    /// The file with the destinations, used without `db_url`; a relative path begins at the folder of the
    /// configuration. A line is `set destination flags priority attributes`, `#` begins a comment.
    #[param(default = "dispatcher.list".into())]
    pub list_file: String,
    /// The database with the destinations; empty: they are in `list_file`.
    pub db_url: Option<String>,
    /// The table with the destinations.
    #[param(default = "dispatcher".into())]
    pub table_name: DbName,
    /// Column with the number of the set.
    #[param(default = "setid".into())]
    pub setid_col: DbName,
    /// Column with the URI of the destination.
    #[param(default = "destination".into())]
    pub destination_col: DbName,
    /// Column with the flags: 1 inactive, 2 trying, 4 disabled, 8 probing, 16 its name is not resolved.
    #[param(default = "flags".into())]
    pub flags_col: DbName,
    /// Column with the priority: destinations with a high one come first in their set.
    #[param(default = "priority".into())]
    pub priority_col: DbName,
    /// Column with the attributes: `name=value;name=value`.
    #[param(default = "attrs".into())]
    pub attrs_col: DbName,
    /// Further columns that become attributes: `attribute=column;attribute=column`.
    #[param(default = String::new())]
    pub ds_db_extra_attrs: String,
    /// 1: a destination that cannot be used is an error of the whole list; 0: it is logged and left out.
    #[param(default = false)]
    pub ds_load_mode: bool,
    /// Seconds that must be between two reloads; 0: none.
    #[param(default = 5)]
    pub reload_delta: u32,
    /// 1: `ds_select_dst()` overwrites a next hop that is set already; 0: it fails then.
    #[param(default = true)]
    pub force_dst: bool,
    /// A sum. 1: only the user of a URI is hashed; 2: the further destinations are kept for `ds_next_dst()`.
    #[param(default = 0)]
    pub flags: i64,
    /// 1: the last destination of a set is no more than the last resort.
    #[param(default = false)]
    pub use_default: bool,
    /// The XAVP with the destinations that were selected: `$xavp(_dsdst_[0]=>uri)` is the current one.
    #[param(default = Str::from_static("_dsdst_"))]
    pub xavp_dst: Str,
    /// A sum. 1: its items have no `attrs`; 2: they have `socket`; 4: they have `sockname`.
    #[param(default = 0)]
    pub xavp_dst_mode: i64,
    /// The XAVP whose field `cnt` says how many destinations were selected.
    #[param(default = Str::from_static("_dsctx_"))]
    pub xavp_ctx: Str,
    /// 1: `cnt` is not set.
    #[param(default = 0)]
    pub xavp_ctx_mode: i64,
    /// What algorithm 7 hashes: a text with variables.
    pub hash_pvar: Option<String>,
    /// The variable that gets the set which `ds_is_from_list()` found: `$var(x)`, `$avp(x)`.
    pub setid_pvname: Option<String>,
    /// The variable that gets the attributes of the destination which `ds_is_from_list()` found.
    pub attrs_pvname: Option<String>,
    /// 1: destinations without attributes have the attributes `none=yes`.
    #[param(default = false)]
    pub ds_attrs_none: bool,
    /// The socket for destinations without the attribute `socket`: `udp:192.0.2.1:5060`.
    #[param(default = String::new())]
    pub ds_default_socket: String,
    /// The same, the socket's name; it counts more than `ds_default_socket`.
    #[param(default = String::new())]
    pub ds_default_sockname: String,
    /// The method of keep-alive requests.
    #[param(default = Str::from_static("OPTIONS"))]
    pub ds_ping_method: Str,
    /// The URI in the From header of keep-alive requests.
    #[param(default = Str::from_static("sip:dispatcher@localhost"))]
    pub ds_ping_from: Str,
    /// Seconds between two keep-alive requests to a destination; 0: none are sent. Needs module tm.
    #[param(default = 0)]
    pub ds_ping_interval: u32,
    /// The socket that keep-alive requests are sent from, before `ds_default_socket`.
    #[param(default = String::new())]
    pub ds_ping_socket: String,
    /// Where keep-alive requests are sent instead of the destination: a URI.
    #[param(default = Str::EMPTY)]
    pub outbound_proxy: Str,
    /// Replies beside 200 that show a destination to work: `class=2;code=403`.
    #[param(default = String::new())]
    pub ds_ping_reply_codes: String,
    /// Which destinations get keep-alive requests. 0: those with the flag probing (8), which loses it by the reply; 1: all
    /// that are not disabled; 2: inactive ones with the flag probing; 3: those with the flag probing, which they keep.
    #[param(default = 0)]
    pub ds_probing_mode: i64,
    /// Failures after which a destination becomes inactive; until then it is "trying".
    #[param(default = 1)]
    pub ds_probing_threshold: i64,
    /// Good replies after which an inactive destination becomes active.
    #[param(default = 1)]
    pub ds_inactive_threshold: i64,
    /// 1: the time until the reply to a keep-alive request is measured: algorithms 11 and 13 use it.
    #[param(default = false)]
    pub ds_ping_latency_stats: bool,
    /// How much of its old value the estimate of the latency keeps with each measurement, in thousandths.
    #[param(default = 900)]
    pub ds_latency_estimator_alpha: u32,
    /// 1: a reload keeps the measured latencies.
    #[param(default = false)]
    pub ds_retain_latency_stats: bool,
    /// Above 0: algorithm 10 can be used; two to that power is how many tables its calls are spread over.
    #[param(default = 0)]
    pub ds_hash_size: u32,
    /// Seconds after which a call is over for algorithm 10 when no BYE came.
    #[param(default = 7200)]
    pub ds_hash_expire: u32,
    /// Seconds after which it is over when no 200 came.
    #[param(default = 7200)]
    pub ds_hash_initexpire: u32,
    /// Seconds between two looks for calls that are over.
    #[param(default = 30)]
    pub ds_hash_check_interval: u32,
    /// How the names of destinations are resolved for `ds_is_from_list()`, a sum. 1: when the list is loaded; 2: each time;
    /// 4: every `ds_dns_interval` seconds, too; 8: with the SRV and NAPTR records.
    #[param(default = 1)]
    pub ds_dns_mode: i64,
    /// Seconds between two looks for the addresses of names (`ds_dns_mode` 4).
    #[param(default = 600)]
    pub ds_dns_interval: u32,
    /// Which of Kamailio's timer processes is used. Accepted so that configurations load: there are none here.
    #[param(default = 0)]
    pub ds_timer_mode: i64,
}
