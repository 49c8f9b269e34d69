//! Module `dialplan`: texts matched and translated by rules of a table.
//!
//! `load.rs` makes rules of rows, `rules.rs` finds the one that fits and applies it. The rules are replaced as a whole
//! by a reload; who uses the old ones goes on with them.

mod functions;
mod load;
mod params;
mod rpc;
mod rules;
mod tables;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use database::Database;
use engine::script_type::ArgSource;
use engine::{
    BoxFuture, CompileEnv, Core, Creating, Diagnostic, Module, ModuleDef, Params, RouteCx, ScriptVariable, Str, log,
};
use parking_lot::RwLock;

pub use params::DialplanParams;
use rules::{Plans, Translated};
pub use tables::DIALPLAN;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "dialplan",
    summary: "Texts matched and translated by rules of a table.",
    params: DialplanParams::DEFS,
    functions: &[functions::DP_MATCH, functions::DP_RELOAD, functions::DP_REPLACE, functions::DP_TRANSLATE],
    rpc: &[rpc::DUMP, rpc::RELOAD, rpc::TRANSLATE],
    tables: &[&DIALPLAN],
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Dialplan {
    params: DialplanParams,
    database: Database,
    core: Arc<Core>,
    attributes: Option<Box<dyn ScriptVariable>>,
    plans: RwLock<Arc<Plans>>,
    /// When the last reload began, in seconds since 1970.
    reloaded: AtomicI64,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: DialplanParams = creating.params()?;
    let database = creating.database("db_url", &params.db_url)?;
    let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
    let attributes = match &params.attrs_pvar {
        Some(text) if !text.trim().is_empty() => {
            let kind = language::ast::ExprKind::String(text.clone());
            let expr = language::ast::Expr { kind, span: creating.span_of("attrs_pvar") };
            Some(env.variable_argument(&ArgSource { expr: &expr }, true)?)
        }
        _ => None,
    };
    let core = creating.core.clone();
    let (plans, reloaded) = (RwLock::default(), AtomicI64::new(i64::MIN));
    Ok(Arc::new(Dialplan { params, database, core, attributes, plans, reloaded }))
}

impl Module for Dialplan {
    fn start(self: Arc<Self>, _: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async move {
            self.database.check_version(&self.params.table_name, DIALPLAN.version).await?;
            let plans = self.read().await?;
            *self.plans.write() = Arc::new(plans);
            Ok(())
        })
    }
}

/// Why a text was not translated.
enum Failure {
    NoPlan,
    NoRule,
    Wrong(String),
}

impl Dialplan {
    fn plans(&self) -> Arc<Plans> {
        self.plans.read().clone()
    }

    /// Reads the rules anew; the error says why not.
    async fn reload(&self) -> Result<(), String> {
        let (now, delta) = (self.core.unix_time(), i64::from(self.params.reload_delta));
        let last = self.reloaded.load(Ordering::Relaxed);
        if delta > 0 && last.saturating_add(delta) > now {
            return Err("ongoing reload".into());
        }
        self.reloaded.store(now, Ordering::Relaxed);
        let plans = self.read().await.inspect_err(|error| {
            log!(self.core.log, Error, "dialplan: the rules stay as they were: {error}");
        })?;
        *self.plans.write() = Arc::new(plans);
        Ok(())
    }

    /// Translates a text; without a message rules with variables do not work.
    fn translate(&self, dpid: i64, text: &[u8], cx: Option<&RouteCx>) -> Result<Translated, Failure> {
        let plans = self.plans();
        let plan = plans.get(&dpid).ok_or(Failure::NoPlan)?;
        if text.is_empty() {
            return Err(Failure::Wrong("an empty text cannot be matched".into()));
        }
        let text = String::from_utf8_lossy(text);
        let tell = |rule: &rules::Rule, error: &str| {
            log!(self.core.log, Error, "dialplan {dpid}, `{}` is passed over: {error}", rule.row.expression);
        };
        let rule = plan.find(&text, cx, tell).ok_or(Failure::NoRule)?;
        let output = rule.apply(&text, cx).map_err(Failure::Wrong)?;
        Ok(Translated { output: Str::from(output), attributes: Str::from(rule.row.attributes.as_str()) })
    }
}

#[cfg(test)]
mod tests;
