//! Module `db_postgres`: PostgreSQL, `postgres://user:password@host:port/database`.

use std::sync::Arc;
use std::time::Duration;

use database::{Options, Scheme};
use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, Params};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "db_postgres",
    summary: "PostgreSQL databases.",
    params: DbPostgresParams::DEFS,
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `db_postgres`.
#[derive(Params)]
pub struct DbPostgresParams {
    /// Seconds in which a connection must come about; 0: five.
    #[param(default = 0)]
    pub timeout: u32,
    /// Accepted so that configurations load: a statement is tried again once when its connection was lost.
    #[param(default = 2)]
    pub retries: i64,
    /// Accepted so that configurations load: no locks are needed here.
    #[param(default = 4)]
    pub lockset: i64,
    /// Accepted so that configurations load: bytes are never escaped, they are sent as they are.
    #[param(default = 1)]
    pub bytea_output_escape: i64,
}

struct DbPostgres {
    core: Arc<Core>,
}

impl Module for DbPostgres {
    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.core.databases.close(Scheme::Postgres).await })
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: DbPostgresParams = creating.params()?;
    let seconds = if params.timeout == 0 { 5 } else { params.timeout };
    let options = Options { connect_limit: Duration::from_secs(seconds.into()), ..Options::default() };
    creating.core.databases.register(Scheme::Postgres, options);
    Ok(Arc::new(DbPostgres { core: creating.core.clone() }))
}
