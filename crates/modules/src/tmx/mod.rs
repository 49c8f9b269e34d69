//! Module `tmx`: more about transactions for scripts.
//!
//! Everything here asks or tells module tm; `variables.rs` has `$T_..`, `suspend.rs` the waiting, `precheck.rs` the
//! requests whose transaction does not exist yet.

mod branches;
mod flags;
mod kinds;
mod precheck;
mod suspend;
mod variables;

use std::sync::Arc;

use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, Params};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "tmx",
    summary: "More about transactions: variables, waiting, cancelling branches.",
    needs: &["tm"],
    params: TmxParams::DEFS,
    functions: &[
        branches::T_CANCEL_BRANCHES,
        branches::T_CANCEL_BRANCH_IDX,
        branches::T_CANCEL_CALLID,
        branches::T_DROP,
        branches::T_REPLY_CALLID,
        branches::T_REUSE_BRANCH,
        branches::T_UAC_ACK_LOCAL,
        flags::T_FLUSH_FLAGS,
        flags::T_FLUSH_XFLAGS,
        kinds::T_IS_BRANCH_ROUTE,
        kinds::T_IS_FAILURE_ROUTE,
        kinds::T_IS_REPLY_ROUTE,
        kinds::T_IS_REQUEST_ROUTE,
        precheck::T_PRECHECK_TRANS,
        suspend::T_CONTINUE,
        suspend::T_SUSPEND,
    ],
    variables: &[
        variables::T,
        variables::T_BRANCH,
        variables::T_BRANCH_IDX,
        variables::T_INV,
        variables::T_REPLY_CODE,
        variables::T_REPLY_LAST,
        variables::T_REPLY_REASON,
        variables::T_REPLY_RUID,
        variables::T_REQ,
        variables::T_RPL,
    ],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `tmx`.
#[derive(Params)]
pub struct TmxParams {
    /// 0: `t_precheck_trans` is always false.
    #[param(default = true)]
    pub precheck_trans: bool,
}

/// The started module.
pub struct Tmx {
    params: TmxParams,
    handled: Arc<precheck::Handled>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    Ok(Arc::new(Tmx { params: creating.params()?, handled: Arc::default() }))
}

impl Module for Tmx {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        core.hooks.after_request.push(Arc::new(|cx| {
            precheck::forget(cx);
            true
        }));
        Box::pin(async { Ok(()) })
    }
}
