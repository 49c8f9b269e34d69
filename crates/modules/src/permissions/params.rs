//! The parameters of module `permissions`.

use engine::{DbName, Params, Str};

/// `load_backends`: the table of addresses.
pub(super) const ADDRESS_TABLE: i64 = 1;
/// `load_backends`: the table of trusted senders.
pub(super) const TRUSTED_TABLE: i64 = 2;
/// `load_backends`: files that allow.
pub(super) const ALLOW_FILES: i64 = 4;
/// `load_backends`: files that deny.
pub(super) const DENY_FILES: i64 = 8;

/// The parameters of module `permissions`.
#[derive(Params)]
pub struct PermissionsParams {
    /// The file that `allow_routing()` allows by. All files that are named without `/` at the beginning stand in the folder
    /// of the configuration. They are read at the start; a missing one is as an empty one.
    #[param(default = "permissions.allow".into())]
    pub default_allow_file: String,
    /// The file that `allow_routing()` denies by.
    #[param(default = "permissions.deny".into())]
    pub default_deny_file: String,
    /// 0: `allow_routing` looks at the request-URI only, not at the further branches.
    #[param(default = true)]
    pub check_all_branches: bool,
    /// What is put behind a base name for the file that allows.
    #[param(default = ".allow".into())]
    pub allow_suffix: String,
    /// What is put behind a base name for the file that denies.
    #[param(default = ".deny".into())]
    pub deny_suffix: String,
    /// A file with addresses, instead of the table: a line is `group address [mask [port [tag]]]`, `#` begins a comment.
    pub address_file: Option<String>,
    /// The database with both tables; without it there are none.
    pub db_url: Option<String>,
    /// The table of addresses.
    #[param(default = "address".into())]
    pub address_table: DbName,
    /// Its column with the group.
    #[param(default = "grp".into())]
    pub grp_col: DbName,
    /// Its column with an address or a host's name.
    #[param(default = "ip_addr".into())]
    pub ip_addr_col: DbName,
    /// Its column with the length of the network's prefix; 0: the address is a host's.
    #[param(default = "mask".into())]
    pub mask_col: DbName,
    /// Its column with the port; 0: any.
    #[param(default = "port".into())]
    pub port_col: DbName,
    /// 1: `allow_trusted` works with a copy of its table; 0: it asks the database each time.
    #[param(default = 0)]
    pub db_mode: i64,
    /// The table of trusted senders.
    #[param(default = "trusted".into())]
    pub trusted_table: DbName,
    /// Its column with the source address, compared as text.
    #[param(default = "src_ip".into())]
    pub source_col: DbName,
    /// Its column with the protocol: `any`, `udp`, `tcp`, `tls`, `sctp`, `ws`, `wss`, or `none`, which never matches.
    #[param(default = "proto".into())]
    pub proto_col: DbName,
    /// Its column with a regular expression for the URI in From; `NULL`: any.
    #[param(default = "from_pattern".into())]
    pub from_col: DbName,
    /// Its column with a regular expression for the request-URI; `NULL`: any.
    #[param(default = "ruri_pattern".into())]
    pub ruri_col: DbName,
    /// The column of both tables with the tag of a row.
    #[param(default = "tag".into())]
    pub tag_col: DbName,
    /// Column with the order of the rules: with `db_mode` 1 the highest number comes first, with 0 the lowest.
    #[param(default = "priority".into())]
    pub priority_col: DbName,
    /// The AVP that gets the tag of what matched: `$avp(tag)`.
    pub peer_tag_avp: Option<Str>,
    /// 1: `allow_trusted` adds the tags of all rules that match, and returns how many.
    #[param(default = false)]
    pub peer_tag_mode: bool,
    /// Networks in the table of addresses, at most; further ones are not loaded.
    #[param(default = 512)]
    pub max_subnets: usize,
    /// Which of several networks that an address is in counts: 0 the one that was loaded first, 1 the smallest.
    #[param(default = 0)]
    pub subnet_match_mode: i64,
    /// What is used, as a sum: 1 table of addresses, 2 table of trusted senders, 4 default file that allows, 8 default file
    /// that denies. Functions that name files need both 4 and 8.
    #[param(default = 0xffff)]
    pub load_backends: i64,
    /// Seconds that must pass between two reloads; 0: none.
    #[param(default = 5)]
    pub reload_delta: i64,
    /// Seconds after which Kamailio frees the table that a reload replaced. Here that happens when the last message that
    /// uses it is done with it; the number makes no difference.
    #[param(default = 60)]
    pub trusted_cleanup_interval: i64,
}
