//! The table of module `dispatcher`.

use database::{ColumnDef, TableDef};

/// Destinations.
pub const DISPATCHER: TableDef = TableDef {
    name: "dispatcher",
    version: 4,
    columns: &[
        ColumnDef::ID,
        ColumnDef::int("setid"),
        ColumnDef::text("destination", 192),
        ColumnDef::int("flags"),
        ColumnDef::int("priority"),
        ColumnDef::text("attrs", 128),
        ColumnDef::text("description", 64),
    ],
    unique: &[],
    indexes: &[],
};
