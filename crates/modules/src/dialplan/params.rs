//! The parameters of module `dialplan`.

use engine::{DbName, Params};

/// The parameters of module `dialplan`.
#[derive(Params)]
pub struct DialplanParams {
    /// The database.
    #[param(default = "mysql://kamailioro:kamailioro@localhost/kamailio".into())]
    pub db_url: String,
    /// The table with the rules.
    #[param(default = "dialplan".into())]
    pub table_name: DbName,
    /// Column with the number of the dialplan.
    #[param(default = "dpid".into())]
    pub dpid_col: DbName,
    /// Column with the priority: rules with low ones are tried first.
    #[param(default = "pr".into())]
    pub pr_col: DbName,
    /// Column with the way of matching: 0 equal, 1 regular expression (PCRE), 2 pattern of the shell.
    #[param(default = "match_op".into())]
    pub match_op_col: DbName,
    /// Column with what is matched.
    #[param(default = "match_exp".into())]
    pub match_exp_col: DbName,
    /// Column with the length that a text must have; 0: any.
    #[param(default = "match_len".into())]
    pub match_len_col: DbName,
    /// Column with the regular expression whose groups the replacement uses.
    #[param(default = "subst_exp".into())]
    pub subst_exp_col: DbName,
    /// Column with the replacement: the whole result, `\1` is a group, `$x` a variable.
    #[param(default = "repl_exp".into())]
    pub repl_exp_col: DbName,
    /// Column with the attributes.
    #[param(default = "attrs".into())]
    pub attrs_col: DbName,
    /// The variable that gets the attributes of the rule that matched: `$var(x)`, `$avp(x)`.
    pub attrs_pvar: Option<String>,
    /// Kamailio's number of rows per step of loading. Accepted so that configurations load; here all come at once.
    #[param(default = 1000)]
    pub fetch_rows: i64,
    /// 1: variables in the matching and in the substituted expression are replaced when a text is matched.
    #[param(default = false)]
    pub match_dynamic: bool,
    /// 1: in a failure route a changed request-URI becomes a branch.
    #[param(default = true)]
    pub append_branch: bool,
    /// Seconds that must be between two reloads; 0: none.
    #[param(default = 5)]
    pub reload_delta: u32,
}
