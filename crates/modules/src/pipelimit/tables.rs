//! The table of module `pipelimit`.

use database::{ColumnDef, TableDef};

/// Pipes that exist at start.
pub const PL_PIPES: TableDef = TableDef {
    name: "pl_pipes",
    version: 1,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("pipeid", 64),
        ColumnDef::text("algorithm", 32),
        ColumnDef::int("plimit"),
    ],
    unique: &[],
    indexes: &[],
};
