//! Module `permissions`: lists of addresses, rules for senders that need no password, and files that say who may call whom.
//!
//! Start reading at `addresses.rs` (the table in memory), `trusted.rs` (rules) and `rules.rs` (files). What is in memory are
//! snapshots that a reload replaces as a whole: a message sees the old one or the new one. Nothing is read while a message
//! waits, except the rules of `allow_trusted` with `db_mode` 0.

mod address_functions;
mod address_source;
mod addresses;
mod params;
mod routing;
mod rpc;
mod rules;
mod tables;
mod trusted;

use std::sync::Arc;

use database::Database;
use engine::script_type::WritableVariable;
use engine::variable::ScriptVariable;
use engine::{
    ArgSource, BoxFuture, Code, CompileEnv, Core, Creating, Diagnostic, Module, ModuleDef, Params, RouteCx,
    ScriptError, ScriptType, Str, Value,
};
use language::ast::{Expr, ExprKind};
use parking_lot::RwLock;

use addresses::Addresses;
use rules::Files;
use trusted::Trusted;

pub use params::PermissionsParams;
pub use tables::{ADDRESS, TRUSTED};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "permissions",
    summary: "Lists of addresses, trusted senders, and files that say who may call whom.",
    params: PermissionsParams::DEFS,
    functions: &[
        address_functions::ALLOW_ADDRESS,
        address_functions::ALLOW_ADDRESS_GROUP,
        address_functions::ALLOW_SOURCE_ADDRESS,
        address_functions::ALLOW_SOURCE_ADDRESS_GROUP,
        routing::ALLOW_REGISTER,
        routing::ALLOW_REGISTER_INCLUDE_PORT,
        routing::ALLOW_ROUTING,
        routing::ALLOW_URI,
        trusted::ALLOW_TRUSTED,
    ],
    rpc: &[
        rpc::ADDRESS_DUMP,
        rpc::ADDRESS_RELOAD,
        rpc::ALLOW_URI,
        rpc::DOMAIN_DUMP,
        rpc::SUBNET_DUMP,
        rpc::TEST_URI,
        rpc::TRUSTED_DUMP,
        rpc::TRUSTED_RELOAD,
    ],
    tables: &[&ADDRESS, &TRUSTED],
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Permissions {
    params: PermissionsParams,
    core: Arc<Core>,
    database: Option<Database>,
    /// Where the tag of what matched goes.
    tag: Option<Arc<dyn ScriptVariable>>,
    /// `None`: there is no table.
    addresses: RwLock<Option<Arc<Addresses>>>,
    /// `None`: there is no table, or it is asked each time.
    trusted: RwLock<Option<Arc<Trusted>>>,
    files: Files,
    reloads: rpc::Reloads,
}

impl Permissions {
    /// The table of addresses as it is now.
    fn addresses(&self) -> Option<Arc<Addresses>> {
        self.addresses.read().clone()
    }

    /// Gives the script the tag of what matched.
    fn set_tag(&self, cx: &mut RouteCx, tag: Option<&str>) -> Result<(), ScriptError> {
        match (&self.tag, tag) {
            (Some(variable), Some(tag)) => variable.set(cx, Value::from(tag)),
            _ => Ok(()),
        }
    }

    /// The database of `allow_trusted`, when that is in use.
    fn trusted_database(&self) -> Option<&Database> {
        self.database.as_ref().filter(|_| self.params.load_backends & params::TRUSTED_TABLE != 0)
    }
}

impl Module for Permissions {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let folder = core.program.load().as_ref().and_then(|program| program.sources.files.first().map(folder_of));
        let folder = folder.unwrap_or_default();
        Box::pin(async move {
            if let Some(database) = self.trusted_database() {
                database.check_version(&self.params.trusted_table, TRUSTED.version).await?;
                if self.params.db_mode != 0 {
                    let table = trusted::load(&self, database).await?;
                    *self.trusted.write() = Some(Arc::new(table));
                }
            }
            if self.params.load_backends & params::ADDRESS_TABLE != 0 {
                if self.params.address_file.is_none()
                    && let Some(database) = &self.database
                {
                    database.check_version(&self.params.address_table, ADDRESS.version).await?;
                }
                let _ = self.files.folder.set(folder.clone());
                let table = address_source::load(&self).await?;
                *self.addresses.write() = table.map(Arc::new);
            }
            self.files.read(&folder, &self.core.log).await;
            Ok(())
        })
    }
}

/// The folder that a configuration stands in.
fn folder_of(file: &language::span::SourceFile) -> std::path::PathBuf {
    std::path::Path::new(&file.name).parent().map(std::path::Path::to_path_buf).unwrap_or_default()
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: PermissionsParams = creating.params()?;
    if !matches!(params.subnet_match_mode, 0 | 1) {
        let (text, span) = ("`subnet_match_mode` is 0 or 1", creating.span_of("subnet_match_mode"));
        return Err(Diagnostic::error(Code::ParamValue, text, span, "neither 0 nor 1"));
    }
    let database = match params.db_url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => Some(creating.database("db_url", url)?),
        None => None,
    };
    let tag = match params.peer_tag_avp.as_ref().filter(|text| !text.is_empty()) {
        Some(text) => Some(tag_variable(text, creating)?),
        None => None,
    };
    let files = Files::new(&params);
    let core = creating.core.clone();
    Ok(Arc::new(Permissions {
        params,
        core,
        database,
        tag,
        addresses: RwLock::default(),
        trusted: RwLock::default(),
        files,
        reloads: rpc::Reloads::default(),
    }))
}

/// The variable that `peer_tag_avp` names.
fn tag_variable(text: &Str, creating: &Creating<'_>) -> Result<Arc<dyn ScriptVariable>, Diagnostic> {
    let span = creating.span_of("peer_tag_avp");
    let text = text.to_text().trim().to_owned();
    if !text.starts_with("$avp(") {
        let message = format!("`peer_tag_avp` names an AVP, not `{text}`");
        return Err(Diagnostic::error(Code::ParamValue, message, span, "write `$avp(name)`"));
    }
    let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
    let expr = Expr { kind: ExprKind::String(text), span };
    WritableVariable::compile(Some(&ArgSource { expr: &expr }), &mut env)
}

#[cfg(test)]
mod tests;
