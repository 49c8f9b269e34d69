//! Module `domain`: the domains that this server is responsible for, with attributes. Both tables are in memory, as a
//! snapshot that `domain.reload` replaces.

mod cache;
mod functions;
mod rpc;
mod tables;

use std::sync::Arc;

use database::Database;
use engine::{BoxFuture, Core, Creating, DbName, Diagnostic, Module, ModuleDef, Params};
use parking_lot::RwLock;

use cache::Domains;

pub use tables::{DOMAIN, DOMAIN_ATTRS};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "domain",
    summary: "The domains that this server is responsible for.",
    params: DomainParams::DEFS,
    functions: &[
        functions::IS_DOMAIN_LOCAL,
        functions::IS_FROM_LOCAL,
        functions::IS_URI_HOST_LOCAL,
        functions::LOOKUP_DOMAIN,
    ],
    rpc: &[rpc::DUMP, rpc::RELOAD],
    tables: &[&DOMAIN, &DOMAIN_ATTRS],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `domain`.
#[derive(Params)]
pub struct DomainParams {
    /// The database.
    #[param(default = "mysql://kamailioro:kamailioro@localhost/kamailio".into())]
    pub db_url: String,
    /// The table of domains.
    #[param(default = "domain".into())]
    pub domain_table: DbName,
    /// The table of their attributes.
    #[param(default = "domain_attrs".into())]
    pub domain_attrs_table: DbName,
    /// Column of both tables with the id that domains with the same attributes share; `NULL` in the table of domains: the
    /// domain itself.
    #[param(default = "did".into())]
    pub did_col: DbName,
    /// Column with the domain.
    #[param(default = "domain".into())]
    pub domain_col: DbName,
    /// Column with an attribute's name.
    #[param(default = "name".into())]
    pub name_col: DbName,
    /// Column with an attribute's type: 0 a number, 2 a text.
    #[param(default = "type".into())]
    pub type_col: DbName,
    /// Column with an attribute's value.
    #[param(default = "value".into())]
    pub value_col: DbName,
    /// 1: the domains are ours for `uri == myself` and all else that asks for our names, too, at any port.
    #[param(default = false)]
    pub register_myself: bool,
}

/// The started module.
pub struct Domain {
    params: DomainParams,
    database: Database,
    domains: RwLock<Arc<Domains>>,
}

impl Domain {
    /// The domains as they are now.
    #[must_use]
    pub fn domains(&self) -> Arc<Domains> {
        self.domains.read().clone()
    }

    /// Reads both tables anew.
    async fn load(&self) -> Result<(), String> {
        let domains = cache::load(&self.params, &self.database).await?;
        *self.domains.write() = Arc::new(domains);
        Ok(())
    }
}

impl Module for Domain {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        if self.params.register_myself {
            // The core lives as long as the module: it must not be held by it.
            let me = Arc::downgrade(&self);
            let own = move |host: &[u8]| me.upgrade().is_some_and(|me| me.domains.read().has(host));
            let _ = core.own_hosts.set(Arc::new(own));
        }
        Box::pin(async move {
            self.database.check_version(&self.params.domain_table, DOMAIN.version).await?;
            self.database.check_version(&self.params.domain_attrs_table, DOMAIN_ATTRS.version).await?;
            self.load().await
        })
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: DomainParams = creating.params()?;
    let database = creating.database("db_url", &params.db_url)?;
    Ok(Arc::new(Domain { params, database, domains: RwLock::default() }))
}
