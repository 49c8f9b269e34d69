//! Module `auth_db`: digest credentials checked against a table of users; module `auth` does the checking.
//!
//! Start reading at `check.rs`. User names and realms reach the database as bound values only; passwords and HA1s are
//! never logged.

mod arguments;
mod check;
mod credentials;
mod subscriber;
mod tables;

use std::collections::BTreeSet;
use std::sync::Arc;

use database::Database;
use engine::{BoxFuture, Code, Core, Creating, DbName, Diagnostic, Module, ModuleDef, Params, Str};
use parking_lot::Mutex;

use crate::auth::Auth;
use credentials::Credential;

pub use arguments::TableName;
pub use tables::SUBSCRIBER;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "auth_db",
    summary: "Digest credentials, checked against a table of users.",
    needs: &["auth"],
    params: AuthDbParams::DEFS,
    functions: &[
        check::AUTH_CHECK,
        check::PROXY_AUTHENTICATE,
        check::PROXY_AUTHORIZE,
        check::WWW_AUTHENTICATE,
        check::WWW_AUTHORIZE,
        subscriber::IS_SUBSCRIBER,
    ],
    tables: &[&SUBSCRIBER],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `auth_db`.
#[derive(Params)]
pub struct AuthDbParams {
    /// The database.
    #[param(default = "mysql://kamailioro:kamailioro@localhost/kamailio".into())]
    pub db_url: String,
    /// Column with the user name.
    #[param(default = "username".into())]
    pub user_column: DbName,
    /// Column with the user's domain.
    #[param(default = "domain".into())]
    pub domain_column: DbName,
    /// Column with the HA1, the hash of user name, realm and password; with `calculate_ha1` the password itself.
    #[param(default = "ha1".into())]
    pub password_column: DbName,
    /// Column with the HA1 for clients that send `user@domain` as their user name. Not used with `calculate_ha1`.
    #[param(default = "ha1b".into())]
    pub password_column_2: DbName,
    /// 1: the table has passwords, not HA1s.
    #[param(default = false)]
    pub calculate_ha1: bool,
    /// 1: the domain of a user counts, too: the one in the user name of the credentials (`user@domain`), else the realm.
    /// The hosts of the URIs that `auth_check` compares must then be equal, too.
    #[param(default = false)]
    pub use_domain: bool,
    /// What else is read from the user's row and where it goes: `$avp(i:1)=rpid;email_address`. A column alone goes into
    /// the AVP of its name; `NULL` sets nothing.
    pub load_credentials: Option<Str>,
    /// 1: the server starts only when the tables that `www_authenticate` and its like name have the layout that is
    /// expected, as table `version` says.
    #[param(default = true)]
    pub version_table: bool,
    /// 1: what `load_credentials` names is set also when the password was wrong.
    #[param(default = false)]
    pub force_generate_avps: bool,
}

/// The started module.
pub struct AuthDb {
    params: AuthDbParams,
    database: Database,
    auth: Arc<Auth>,
    /// What else is read of a user.
    credentials: Vec<Credential>,
    /// Tables whose layout is checked at the start.
    checked: Mutex<BTreeSet<String>>,
}

impl Module for AuthDb {
    fn start(self: Arc<Self>, _: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async move {
            let tables: Vec<String> = self.checked.lock().iter().cloned().collect();
            for table in tables.iter().filter(|_| self.params.version_table) {
                self.database.check_version(table, SUBSCRIBER.version).await?;
            }
            Ok(())
        })
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: AuthDbParams = creating.params()?;
    let Some(auth) = creating.modules.get::<Auth>() else {
        let text = "module `auth_db` needs module `auth`";
        return Err(Diagnostic::error(Code::MissingDependency, text, creating.span, "loaded without it"));
    };
    let database = creating.database("db_url", &params.db_url)?;
    let credentials = match &params.load_credentials {
        Some(text) => credentials::compile(&text.to_text(), creating)?,
        None => Vec::new(),
    };
    Ok(Arc::new(AuthDb { params, database, auth, credentials, checked: Mutex::default() }))
}

#[cfg(test)]
mod tests;
