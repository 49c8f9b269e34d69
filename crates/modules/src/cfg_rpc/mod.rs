//! Module `cfg_rpc`: shows and changes the values that can change while running.

use engine::ModuleDef;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "cfg_rpc",
    summary: "Shows and changes the values that can change while running.",
    rpc: control::commands::CFG_RPC,
    ..ModuleDef::EMPTY
};
