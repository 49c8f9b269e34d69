//! Module `avpops`: AVPs compared, computed, copied, and kept in a database.
//!
//! Arguments are small languages of their own: `argument.rs` reads what they share. `check.rs`, `operation.rs`,
//! `substitute.rs`, `lists.rs` and `push.rs` are the functions in memory, `stored.rs` and `query.rs` those that ask the
//! database.

mod argument;
mod check;
mod lists;
mod operation;
mod params;
mod push;
mod query;
mod stored;
mod substitute;
mod tables;

use std::sync::Arc;

use database::Database;
use engine::{BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params};

pub use params::{AvpopsParams, Scheme};
pub use tables::USR_PREFERENCES;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "avpops",
    summary: "AVPs compared, computed, copied, and kept in a database.",
    needs: &["pv"],
    params: AvpopsParams::DEFS,
    functions: &[
        check::AVP_CHECK,
        lists::AVP_COPY,
        stored::AVP_DB_DELETE,
        stored::AVP_DB_LOAD,
        query::AVP_DB_QUERY,
        stored::AVP_DB_STORE,
        lists::AVP_DELETE,
        operation::AVP_OP,
        lists::AVP_PRINT,
        push::AVP_PUSHTO,
        substitute::AVP_SUBST,
        substitute::AVP_SUBST_PV,
        lists::IS_AVP_SET,
    ],
    tables: &[&USR_PREFERENCES],
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Avpops {
    params: AvpopsParams,
    database: Option<Database>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: AvpopsParams = creating.params()?;
    let database = match &params.db_url {
        Some(url) if !url.is_empty() => Some(creating.database("db_url", url)?),
        _ => None,
    };
    if database.is_some() && params.avp_table.is_none() {
        let span = creating.span_of("db_url");
        return Err(Diagnostic::error(Code::ParamValue, "`db_url` needs `avp_table`, too", span, "in which table?"));
    }
    Ok(Arc::new(Avpops { params, database }))
}

impl Module for Avpops {
    fn start(self: Arc<Self>, _: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async move {
            let (Some(database), Some(table)) = (&self.database, &self.params.avp_table) else { return Ok(()) };
            database.check_version(table, USR_PREFERENCES.version).await
        })
    }
}

#[cfg(test)]
mod tests;
