//! Module `pv`: the pseudo-variables of the core, the transformations, and functions on variables.
//!
//! `variables/` has one file per family, `functions/` the script functions. What outlives a message is in [`Pv`]: the
//! shared variables and the AVP aliases. Nothing here waits.

mod functions;
mod parameters;
mod rpc;
mod shared;
mod static_branch;
mod transformations;
mod variables;

use std::sync::Arc;

use engine::{Creating, Diagnostic, Module, ModuleDef, Params};
use hashbrown::HashMap;

pub use shared::SharedVariables;
pub use variables::{AuthenticatedUser, AvpKey, AvpName};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "pv",
    summary: "Pseudo-variables, transformations, and functions on variables.",
    params: PvParams::DEFS,
    functions: functions::FUNCTIONS,
    variables: variables::VARIABLES,
    transformations: transformations::TRANSFORMATIONS,
    rpc: &[rpc::SHV_GET, rpc::SHV_SET],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `pv`.
#[derive(Params)]
pub struct PvParams {
    /// Start value of a shared variable: `name=i:1` or `name=s:text`. May be given several times.
    pub shvset: Vec<parameters::StartValue>,
    /// Start value of a script variable `$var(name)`: `name=i:1` or `name=s:text`. May be given several times.
    pub varset: Vec<parameters::StartValue>,
    /// Other names for AVPs: `email=s:email_addr;tmp=i:100`.
    pub avp_aliases: parameters::Aliases,
}

/// The started module.
pub struct Pv {
    /// `$shv(name)`.
    pub shared: SharedVariables,
    /// AVP keys by alias.
    aliases: HashMap<String, sip::Str>,
}

impl Module for Pv {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: PvParams = creating.params()?;
    let shared = SharedVariables::default();
    for start in params.shvset {
        // Fails only beyond the bound on names, which a configuration does not reach.
        if let Some(variable) = shared.named(&start.name) {
            *variable.write() = start.value;
        }
    }
    let (mut names, mut values) = (creating.core.var_names.write(), Vec::new());
    for start in params.varset {
        let name = start.name.to_text().into_owned();
        let slot = names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        if values.len() <= slot {
            values.resize(slot + 1, engine::Value::Int(0));
        }
        values[slot] = start.value;
    }
    // A core has one pv.
    let _ = creating.core.var_start.set(values);
    Ok(Arc::new(Pv { shared, aliases: params.avp_aliases.0 }))
}

#[cfg(test)]
mod tests;
