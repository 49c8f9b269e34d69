//! Module `alias_db`: other names of users, asked from the database each time.

mod lookup;
mod tables;

use std::sync::Arc;

use database::Database;
use engine::{Creating, DbName, Diagnostic, Module, ModuleDef, Params, Str};

pub use tables::DBALIASES;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "alias_db",
    summary: "Other names of users, kept in a database.",
    params: AliasDbParams::DEFS,
    functions: &[lookup::ALIAS_DB_FIND, lookup::ALIAS_DB_LOOKUP],
    tables: &[&DBALIASES],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `alias_db`.
#[derive(Params)]
pub struct AliasDbParams {
    /// The database.
    #[param(default = "mysql://kamailioro:kamailioro@localhost/kamailio".into())]
    pub db_url: String,
    /// Column with the user name that an alias stands for.
    #[param(default = "username".into())]
    pub user_column: DbName,
    /// Column with its domain.
    #[param(default = "domain".into())]
    pub domain_column: DbName,
    /// Column with the alias.
    #[param(default = "alias_username".into())]
    pub alias_user_column: DbName,
    /// Column with the domain of the alias.
    #[param(default = "alias_domain".into())]
    pub alias_domain_column: DbName,
    /// 1: the domain is part of an alias; 0: only the user name is. The flags of a call come before this.
    #[param(default = false)]
    pub use_domain: bool,
    /// A beginning that is cut off the domain before it is looked up: `sip.`
    pub domain_prefix: Option<Str>,
    /// 1: of several users that an alias stands for the further ones become branches.
    #[param(default = false)]
    pub append_branches: bool,
}

/// The started module.
pub struct AliasDb {
    params: AliasDbParams,
    database: Database,
}

impl Module for AliasDb {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: AliasDbParams = creating.params()?;
    let database = creating.database("db_url", &params.db_url)?;
    Ok(Arc::new(AliasDb { params, database }))
}
