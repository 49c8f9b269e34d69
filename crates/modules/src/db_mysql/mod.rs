//! Module `db_mysql`: MySQL and MariaDB, `mysql://user:password@host:port/database`.

use std::sync::Arc;
use std::time::Duration;

use database::{Options, Scheme, Tls};
use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, Params};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "db_mysql",
    summary: "MySQL and MariaDB databases.",
    params: DbMysqlParams::DEFS,
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `db_mysql`.
#[derive(Params)]
pub struct DbMysqlParams {
    /// Seconds; an answer may take three times as long, as with the client library that Kamailio uses.
    #[param(default = 2)]
    pub timeout_interval: u32,
    /// Seconds in which a connection must come about.
    #[param(default = 2)]
    pub connect_timeout: u32,
    /// Accepted so that configurations load: a lost connection is always made again.
    #[param(default = 1)]
    pub auto_reconnect: i64,
    /// Accepted so that configurations load: a connection that the server closed is replaced when it is needed.
    #[param(default = 300)]
    pub ping_interval: i64,
    /// Accepted so that configurations load: a statement is tried again once when its connection was lost.
    #[param(default = 1)]
    pub retries: i64,
    /// TLS: 0 when the server can, 1 never, 2 when the server can, 3 always, 4 always with a certificate that is signed by
    /// an authority of `opt_ssl_ca`, 5 the same and for the server's name.
    #[param(default = 0)]
    pub opt_ssl_mode: i64,
    /// File with the certificates of authorities for `opt_ssl_mode` 4 and 5.
    pub opt_ssl_ca: Option<String>,
}

struct DbMysql {
    core: Arc<Core>,
}

impl Module for DbMysql {
    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.core.databases.close(Scheme::Mysql).await })
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: DbMysqlParams = creating.params()?;
    let tls = match params.opt_ssl_mode {
        0 | 2 => Tls::Preferred,
        1 => Tls::Disabled,
        3 => Tls::Required,
        4 => Tls::VerifyCa,
        5 => Tls::VerifyIdentity,
        _ => {
            let span = creating.span_of("opt_ssl_mode");
            return Err(Diagnostic::error(engine::Code::ParamValue, "no such TLS mode", span, "0 to 5"));
        }
    };
    let options = Options {
        connect_limit: Duration::from_secs(params.connect_timeout.max(1).into()),
        query_limit: Duration::from_secs((3 * u64::from(params.timeout_interval)).max(1)),
        tls,
        tls_ca: params.opt_ssl_ca,
        ..Options::default()
    };
    creating.core.databases.register(Scheme::Mysql, options);
    Ok(Arc::new(DbMysql { core: creating.core.clone() }))
}
