//! Module `uri_db`: whether URIs belong to users of a table, and to the user whose credentials were right.

mod functions;

use std::sync::Arc;

use database::{ColumnDef, Database, Kind, TableDef};
use engine::{BoxFuture, Core, Creating, DbName, Diagnostic, Module, ModuleDef, Params};

use crate::auth_db::SUBSCRIBER;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "uri_db",
    summary: "Whether URIs belong to users of a table.",
    params: UriDbParams::DEFS,
    functions: &[functions::CHECK_FROM, functions::CHECK_TO, functions::CHECK_URI, functions::DOES_URI_EXIST],
    tables: &[&SUBSCRIBER, &URI],
    create,
    ..ModuleDef::EMPTY
};

/// Which users may use which names in URIs.
pub const URI: TableDef = TableDef {
    name: "uri",
    version: 1,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("username", 64),
        ColumnDef::text("domain", 64),
        ColumnDef::text("uri_user", 64),
        ColumnDef::new("last_modified", Kind::Time).or("'2000-01-01 00:00:01'"),
    ],
    unique: &[("account_idx", &["username", "domain", "uri_user"])],
    indexes: &[],
};

/// The parameters of module `uri_db`.
#[derive(Params)]
pub struct UriDbParams {
    /// The database; empty: none is used, and `does_uri_exist` fails.
    #[param(default = "mysql://kamailioro:kamailioro@localhost/kamailio".into())]
    pub db_url: String,
    /// The table: `subscriber`, or, with `use_uri_table`, `uri`.
    #[param(default = "subscriber".into())]
    pub db_table: DbName,
    /// Column with the user name.
    #[param(default = "username".into())]
    pub user_column: DbName,
    /// Column with the domain.
    #[param(default = "domain".into())]
    pub domain_column: DbName,
    /// Column of table `uri` with the user name that may stand in a URI.
    #[param(default = "uri_user".into())]
    pub uriuser_column: DbName,
    /// 1: the table says which user may use which names in URIs; 0: it is the table of users.
    #[param(default = false)]
    pub use_uri_table: bool,
    /// 1: `does_uri_exist` compares the domain, too.
    #[param(default = false)]
    pub use_domain: bool,
}

/// The started module.
pub struct UriDb {
    params: UriDbParams,
    database: Option<Database>,
}

impl Module for UriDb {
    fn start(self: Arc<Self>, _: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async move {
            let version = if self.params.use_uri_table { URI.version } else { SUBSCRIBER.version };
            match &self.database {
                Some(database) => database.check_version(&self.params.db_table, version).await,
                None => Ok(()),
            }
        })
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: UriDbParams = creating.params()?;
    let database = if params.db_url.is_empty() { None } else { Some(creating.database("db_url", &params.db_url)?) };
    Ok(Arc::new(UriDb { params, database }))
}
