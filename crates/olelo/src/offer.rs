//! What this program has to offer to a configuration.

use engine::load::Offer;

/// All modules and the RPC commands of the core.
pub(crate) const OFFER: Offer = Offer { modules: modules::MODULES, rpc: control::commands::CORE };
