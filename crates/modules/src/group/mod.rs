//! Module `group`: the groups that users belong to, by name (asked each time) and by regular expressions (in memory).

mod arguments;
mod functions;
mod tables;

use std::sync::{Arc, OnceLock};

use database::{Database, Select};
use engine::posix_regex::Regex;
use engine::{BoxFuture, Core, Creating, DbName, Diagnostic, Module, ModuleDef, Params};

pub use tables::{GRP, RE_GRP};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "group",
    summary: "The groups that users belong to.",
    params: GroupParams::DEFS,
    functions: &[functions::GET_USER_GROUP, functions::IS_USER_IN],
    tables: &[&GRP, &RE_GRP],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `group`.
#[derive(Params)]
pub struct GroupParams {
    /// The database.
    #[param(default = "mysql://kamailioro:kamailioro@localhost/kamailio".into())]
    pub db_url: String,
    /// The table of users and their groups.
    #[param(default = "grp".into())]
    pub table: DbName,
    /// Its column with the user name.
    #[param(default = "username".into())]
    pub user_column: DbName,
    /// Its column with the user's domain.
    #[param(default = "domain".into())]
    pub domain_column: DbName,
    /// Its column with the group.
    #[param(default = "grp".into())]
    pub group_column: DbName,
    /// 1: the domain counts, too.
    #[param(default = false)]
    pub use_domain: bool,
    /// The table of regular expressions for `get_user_group`; without it there are none. It is read at the start.
    pub re_table: Option<DbName>,
    /// Its column with the expression, which is compared with `sip:user@domain` without case.
    #[param(default = "reg_exp".into())]
    pub re_exp_column: DbName,
    /// Its column with the number of the group.
    #[param(default = "group_id".into())]
    pub re_gid_column: DbName,
    /// 0: `get_user_group` gives one group only.
    #[param(default = true)]
    pub multiple_gid: bool,
}

/// An expression and its group.
struct Expression {
    regex: Regex,
    group: i64,
}

/// The started module.
pub struct Group {
    params: GroupParams,
    database: Database,
    /// The last row first.
    expressions: OnceLock<Vec<Expression>>,
}

impl Group {
    async fn load(&self, table: &str) -> Result<Vec<Expression>, String> {
        let columns = [&*self.params.re_exp_column, &*self.params.re_gid_column];
        let select = Select { table, columns: &columns, ..Select::default() };
        let found = self.database.select(&select).await.map_err(|error| format!("table `{table}`: {error}"))?;
        let mut list = Vec::new();
        for row in &found.rows {
            let [text, group] = row.as_slice() else { return Err(format!("table `{table}` lacks columns")) };
            let text = text.to_text().unwrap_or_default();
            let regex =
                Regex::extended(text.as_bytes()).map_err(|error| format!("table `{table}`: `{text}`: {error}"))?;
            let group = group.to_int().ok_or_else(|| format!("table `{table}`: `{text}` has no number of a group"))?;
            list.push(Expression { regex, group });
        }
        list.reverse();
        Ok(list)
    }
}

impl Module for Group {
    fn start(self: Arc<Self>, _: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async move {
            self.database.check_version(&self.params.table, GRP.version).await?;
            if let Some(table) = &self.params.re_table {
                self.database.check_version(table, RE_GRP.version).await?;
                let list = self.load(table).await?;
                let _ = self.expressions.set(list);
            }
            Ok(())
        })
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: GroupParams = creating.params()?;
    let database = creating.database("db_url", &params.db_url)?;
    Ok(Arc::new(Group { params, database, expressions: OnceLock::new() }))
}
