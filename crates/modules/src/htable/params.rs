//! The parameters of module `htable`.

use engine::params::Lines;
use engine::{DbName, Params};

/// The parameters of module `htable`.
#[derive(Params)]
pub struct HtableParams {
    /// Declares a table: `name=>size=8;autoexpire=120;`; may repeat. Attributes: `size` (2 to the power of it is the
    /// number of slots that lists show; the table grows as needed), `autoexpire` (seconds that an item lives, 0 for
    /// ever), `updateexpire` (0: a change of an item does not begin its time anew), `initval` (the number that an
    /// item is that is not there), `dbtable` (the database table that it is loaded from at the start), `cols`
    /// (`'key,value,..'`: its columns, when they are others; several values become one with commas), `dbmode` (1:
    /// written back when the server stops), `dmqreplicate` (without effect). All tables together hold at most 1 GiB;
    /// further items are not written, which is an error of whatever writes them.
    pub htable: Lines,
    /// The database; without it nothing is loaded or written.
    pub db_url: String,
    /// Column with the key.
    #[param(default = "key_name".into())]
    pub key_name_column: DbName,
    /// Column with the kind of the key: 0 it is the key, 1 it is that of an array (`key[0]`, `key[1]` ..).
    #[param(default = "key_type".into())]
    pub key_type_column: DbName,
    /// Column with the kind of the value: 0 text, 1 number.
    #[param(default = "value_type".into())]
    pub value_type_column: DbName,
    /// Column with the value.
    #[param(default = "key_value".into())]
    pub key_value_column: DbName,
    /// Column with the end of an item in seconds since 1970, 0: that of a new one.
    #[param(default = "expires".into())]
    pub expires_column: DbName,
    /// What stands behind the name of an array in the key of the number of its items.
    #[param(default = "::size".into())]
    pub array_size_suffix: String,
    /// Kamailio's number of rows per step of loading. Accepted so that configurations load; here all come at once.
    #[param(default = 100)]
    pub fetch_rows: i64,
    /// 1: the ends of items are loaded and written, too, in tables with `autoexpire`; 0: what is loaded lives anew.
    #[param(default = false)]
    pub db_expires: bool,
    /// Seconds between two searches for items whose time is over. They are not found any more in between either.
    #[param(default = 20)]
    pub timer_interval: i64,
    /// Kamailio's number of timer processes. Accepted so that configurations load; here the timer is a task.
    #[param(default = 0)]
    pub timer_procs: i64,
    /// When `event_route[htable:mod-init]` runs: 0 as soon as the tables are there, before the modules behind this one
    /// start; 1 when all modules have started.
    #[param(default = 0)]
    pub event_callback_mode: i64,
    /// 1: changes are told to other servers. Not supported yet.
    #[param(default = false)]
    pub enable_dmq: bool,
    /// 1: asks other servers for their items at the start. Has no effect without `enable_dmq`.
    #[param(default = false)]
    pub dmq_init_sync: bool,
}
