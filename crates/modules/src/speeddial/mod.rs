//! Module `speeddial`: short numbers that each user has of his own, asked from the database each time.

use std::sync::Arc;

use database::{ColumnDef, Database, Filter, Kind, Select, TableDef, Value as Cell};
use engine::{
    CallResult, Creating, DbName, Diagnostic, Module, ModuleDef, Params, Return, RouteCx, ScriptError, Str, function,
};
use sip::Uri;

use crate::auth_db::TableName;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "speeddial",
    summary: "Short numbers of each user, kept in a database.",
    params: SpeeddialParams::DEFS,
    functions: &[SD_LOOKUP],
    tables: &[&SPEED_DIAL],
    create,
    ..ModuleDef::EMPTY
};

/// Short numbers.
pub const SPEED_DIAL: TableDef = TableDef {
    name: "speed_dial",
    version: 2,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("username", 64),
        ColumnDef::text("domain", 64),
        ColumnDef::text("sd_username", 64),
        ColumnDef::text("sd_domain", 64),
        ColumnDef::new("new_uri", Kind::Text(255)).or("''"),
        ColumnDef::text("fname", 64),
        ColumnDef::text("lname", 64),
        ColumnDef::text("description", 64),
    ],
    unique: &[("speed_dial_idx", &["username", "domain", "sd_domain", "sd_username"])],
    indexes: &[],
};

/// The parameters of module `speeddial`.
#[derive(Params)]
pub struct SpeeddialParams {
    /// The database.
    #[param(default = "mysql://kamailioro:kamailioro@localhost/kamailio".into())]
    pub db_url: String,
    /// Column with the user name of the owner.
    #[param(default = "username".into())]
    pub user_column: DbName,
    /// Column with the owner's domain.
    #[param(default = "domain".into())]
    pub domain_column: DbName,
    /// Column with the short number.
    #[param(default = "sd_username".into())]
    pub sd_user_column: DbName,
    /// Column with the domain of the short number.
    #[param(default = "sd_domain".into())]
    pub sd_domain_column: DbName,
    /// Column with the URI that a short number stands for.
    #[param(default = "new_uri".into())]
    pub new_uri_column: DbName,
    /// A beginning that is cut off both domains before they are looked up: `sip.`
    pub domain_prefix: Option<Str>,
    /// 1: the owner's domain counts; 2: that of the request-URI, too.
    #[param(default = 0)]
    pub use_domain: i64,
}

/// The started module.
pub struct Speeddial {
    params: SpeeddialParams,
    database: Database,
}

impl Module for Speeddial {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: SpeeddialParams = creating.params()?;
    let database = creating.database("db_url", &params.db_url)?;
    Ok(Arc::new(Speeddial { params, database }))
}

impl Speeddial {
    fn domain(&self, uri: &Uri) -> Cell {
        let host = uri.host_bytes();
        let prefix = self.params.domain_prefix.as_deref().unwrap_or_default();
        Cell::text(host.strip_prefix(prefix).unwrap_or(host))
    }

    /// What a short number stands for.
    async fn find(&self, table: &TableName, owner: &Uri, dialled: &Uri) -> Result<Option<Str>, database::Error> {
        let params = &self.params;
        let (Some(user), Some(number)) = (owner.user_bytes(), dialled.user_bytes()) else { return Ok(None) };
        let mut filter = vec![
            Filter::equal(&params.user_column, Cell::text(user)),
            Filter::equal(&params.sd_user_column, Cell::text(number)),
        ];
        if params.use_domain >= 1 {
            filter.push(Filter::equal(&params.domain_column, self.domain(owner)));
        }
        if params.use_domain >= 2 {
            filter.push(Filter::equal(&params.sd_domain_column, self.domain(dialled)));
        }
        let columns = [&*params.new_uri_column];
        let select = Select { table: &table.0, columns: &columns, filter: &filter, order: None, limit: Some(1) };
        let found = self.database.select(&select).await?;
        let cell = found.rows.into_iter().next().and_then(|row| row.into_iter().next());
        let text = cell.and_then(|cell| cell.to_text().map(|text| text.trim().to_owned()));
        Ok(text.filter(|text| !text.is_empty()).map(Str::from))
    }
}

/// Puts what the short number in the request-URI stands for in its place, for the user in From, or in the URI `owner`. A
/// value without `sip:` gets it.
///
/// Returns 1; -1: there is no such number, what it stands for is no URI, or the database did not answer.
#[function(REQUEST)]
pub async fn sd_lookup(cx: &mut RouteCx, me: &Speeddial, table: TableName, owner: Option<Str>) -> CallResult {
    let owner = match owner {
        Some(owner) => owner,
        None => match cx.message.from().ok().flatten() {
            Some(from) => from.uri.clone(),
            None => return Err(ScriptError::new("there is no From that can be understood")),
        },
    };
    let parse = |uri: Str| Uri::parse(uri.clone()).map_err(|_| ScriptError::new(format!("`{uri}` is no URI")));
    let (owner, dialled) = (parse(owner)?, parse(cx.request_uri())?);
    let found = me.find(&table, &owner, &dialled).await;
    let Some(found) = found.map_err(|error| ScriptError::new(format!("speeddial: {error}")))? else {
        return Ok(Return::FALSE);
    };
    let uri = match Uri::parse(found.clone()) {
        Ok(_) => found,
        Err(_) => parse(Str::from([b"sip:", &*found].concat()))?.text().clone(),
    };
    cx.to.set_uri(uri);
    Ok(Return::TRUE)
}
