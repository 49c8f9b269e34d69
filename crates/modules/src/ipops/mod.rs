//! Module `ipops`: questions about IP addresses, and DNS queries by the script.
//!
//! `address` reads addresses and knows their ranges, `functions` are the questions about them; `queries` asks the
//! server's resolver (the message leaves its worker meanwhile), `results` are the variables with the answers. `host` is
//! `$HN(..)`. Nothing here waits on a worker.

mod address;
mod functions;
mod host;
mod queries;
mod results;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::core::Core;
use engine::{BoxFuture, Creating, Diagnostic, Module, ModuleDef};

use host::Host;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "ipops",
    summary: "Questions about IP addresses, and DNS queries.",
    functions: &[
        functions::COMPARE_IPS,
        functions::COMPARE_PURE_IPS,
        functions::DETAILED_IP_TYPE,
        functions::DETAILED_IPV4_TYPE,
        functions::DETAILED_IPV6_TYPE,
        queries::DNS_INT_MATCH_IP,
        queries::DNS_QUERY,
        queries::DNS_SET_LOCAL_TTL,
        queries::DNS_SYS_MATCH_IP,
        functions::IP_TYPE,
        functions::IS_IN_SUBNET,
        functions::IS_IP,
        functions::IS_IP_RFC1918,
        functions::IS_IPV4,
        functions::IS_IPV6,
        functions::IS_IPV6_REFERENCE,
        functions::IS_PURE_IP,
        queries::NAPTR_QUERY,
        queries::PTR_QUERY,
        queries::SRV_QUERY,
    ],
    variables: &[results::DNS, host::HN, results::NAPTRQUERY, results::PTRQUERY, results::SRVQUERY],
    create,
    ..ModuleDef::EMPTY
};

/// The started module.
pub struct Ipops {
    host: Arc<Host>,
}

impl Module for Ipops {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let core = core.clone();
        Box::pin(async move {
            self.host.clone().look_up(&core);
            Ok(())
        })
    }
}

fn create(_: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    Ok(Arc::new(Ipops { host: Arc::new(Host::of_this_machine()) }))
}
