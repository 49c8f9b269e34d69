//! The parameters of module `pipelimit`.

use engine::{DbName, Params, Str};

/// The parameters of module `pipelimit`.
#[derive(Params)]
pub struct PipelimitParams {
    /// The database that has the pipes which exist at start; without it there are none.
    pub db_url: Option<String>,
    /// Its table.
    #[param(default = "pl_pipes".into())]
    pub plp_table_name: DbName,
    /// Column with the name of a pipe.
    #[param(default = "pipeid".into())]
    pub plp_pipeid_column: DbName,
    /// Column with its limit.
    #[param(default = "plimit".into())]
    pub plp_limit_column: DbName,
    /// Column with its algorithm.
    #[param(default = "algorithm".into())]
    pub plp_algorithm_column: DbName,
    /// Seconds after which counting begins anew. Limits are for this time.
    #[param(default = 10)]
    pub timer_interval: u32,
    /// Which timer process Kamailio uses; here there is one timer, whatever the number is.
    #[param(default = 0)]
    pub timer_mode: u32,
    /// 0: the load of processors and sockets is not looked at; FEEDBACK and NETWORK let all pass.
    #[param(default = true)]
    pub load_fetch: bool,
    /// Size of Kamailio's table of pipes, as a power of two; here the table grows by itself, whatever the number is.
    #[param(default = 6)]
    pub hash_size: u32,
    /// Code of the reply of `pl_drop()`; can be changed with `cfg.set_now_int`.
    #[param(default = 503)]
    pub reply_code: i64,
    /// Its reason; can be changed with `cfg.set_now_string`.
    #[param(default = "Server Unavailable".into())]
    pub reply_reason: Str,
    /// Pipes that nothing came through for so many intervals are forgotten; 0: none are. Can be changed with
    /// `cfg.set_now_int`.
    #[param(default = 0)]
    pub clean_unused: u32,
}
